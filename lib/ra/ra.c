/* One allocation run; ra_priv.h says how its parts work together. */
#include "lib/ra/ra_priv.h"

#include <string.h>

/* The values of guest registers are made block by block. */
static void init_values(struct ra *s)
{
	const struct lir_unit *u = s->u;

	s->value = arena_new(u->arena, struct ra_value, s->value_count);
	for (unsigned v = 0; v < u->vreg_count; v++)
		ra_init_value(s, (uint16_t)v, u->vreg[v].cls, u->vreg[v].is_const);
}

static void init_homes(struct ra *s)
{
	memset(s->greg_of, RA_NOGREG, sizeof(s->greg_of));
	for (unsigned g = 0; g < s->t->regs->count; g++) {
		unsigned home = s->t->home[g];

		if (home == LIR_PHYS_NONE)
			continue;
		s->pinned |= RA_BIT(g);
		s->homes |= RA_BIT(home);
		s->greg_of[home] = (uint8_t)g;
	}
}

static uint32_t block_end(const struct lir_unit *u, uint32_t first)
{
	uint32_t end = first + 1;

	while (end < u->insn_count && u->insn[end].op != LIR_BLOCK)
		end++;
	return end;
}

bool ra_run(struct lir_unit *u, const struct ra_target *t)
{
	struct ra s = { .u = u, .t = t, .out.arena = u->arena, .stub.arena = u->arena };
	unsigned values = u->vreg_count + 2 * IR_MAX_REGS;

	if (values >= RA_NOVALUE)
		return false;
	s.value_count = (uint16_t)values;
	s.entry = (uint16_t)u->vreg_count;
	s.synced = (uint16_t)(u->vreg_count + IR_MAX_REGS);
	init_values(&s);
	init_homes(&s);
	s.dying = arena_new(u->arena, uint16_t, u->insn_count + 1);
	memset(s.dying, 0xff, sizeof(*s.dying) * u->insn_count);
	s.use_cap = 3 * u->insn_count + 16;
	s.use = arena_new(u->arena, struct ra_use, s.use_cap);
	s.out.cap = u->insn_count + u->insn_count / 2 + 16;
	s.out.insn = arena_new(u->arena, struct lir_insn, s.out.cap);
	for (uint32_t first = 0; first < u->insn_count; first = s.end) {
		ra_live(&s, first, block_end(u, first));
		ra_scan(&s);
	}
	u->insn = s.out.insn;
	u->insn_count = s.out.count;
	u->insn_cap = s.out.cap;
	u->stub = s.stub.insn;
	u->stub_count = s.stub.count;
	u->stub_cap = s.stub.cap;
	return !s.out_of_slots;
}

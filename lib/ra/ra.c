/* One allocation run; ra_priv.h says how its parts work together. */
#include "lib/ra/ra_priv.h"

#include <string.h>

void ra_target_done(struct ra_target *t)
{
	t->pinned = t->homes = 0;
	for (unsigned g = 0; g < t->regs->count; g++) {
		if (t->home[g] == LIR_PHYS_NONE)
			continue;
		t->pinned |= RA_BIT(g);
		t->homes |= RA_BIT(t->home[g]);
		t->greg_of[t->home[g]] = (uint8_t)g;
	}
}

void ra_target_homes(struct ra_target *t, const uint8_t *int_home, unsigned ints, unsigned fp_home,
		     unsigned fps)
{
	memset(t->home, LIR_PHYS_NONE, sizeof t->home);
	for (unsigned i = 0; i < ints; i++)
		t->alloc[LIR_INT] |= RA_BIT(int_home[i]);
	for (unsigned i = 0; i < fps; i++)
		t->alloc[LIR_FP] |= RA_BIT(fp_home + i);
	for (unsigned g = 0; g < t->regs->count; g++) {
		const struct ir_reg *r = &t->regs->reg[g];

		if (r->type == IR_I64 && r->pin < ints)
			t->home[g] = int_home[r->pin];
		else if (r->type == IR_F64 && r->pin < fps)
			t->home[g] = (uint8_t)(fp_home + r->pin);
	}
	ra_target_done(t);
}

/* The values of guest registers are made block by block. */
static void init_values(struct ra *s)
{
	const struct lir_unit *u = s->u;

	s->value = arena_new(u->arena, struct ra_value, u->vreg_count + 2 * IR_MAX_REGS);
	for (unsigned v = 0; v < u->vreg_count; v++)
		ra_init_value(s, (uint16_t)v, u->vreg[v].cls, u->vreg[v].is_const);
}

static void out_init(struct ra_out *out, struct arena *a, unsigned cap)
{
	out->arena = a;
	out->count = 0;
	out->cap = cap;
	out->insn = cap ? arena_new(a, struct lir_insn, cap) : NULL;
}

/* Guest registers that have other places in own than in boundary. */
static uint64_t displaced(const struct ra_target *own, const struct ra_target *boundary)
{
	uint64_t set = 0;

	for (unsigned g = 0; g < own->regs->count; g++)
		if (own->home[g] != boundary->home[g])
			set |= RA_BIT(g);
	return set;
}

bool ra_run(struct lir_unit *u, const struct ra_target *t)
{
	struct ra
	    s; /* each part of it is set before it is read: clearing it would cost a block's work */

	if (u->vreg_count + 2 * IR_MAX_REGS >= LIR_ENTRY)
		return false;
	s.u = u;
	s.t = t;
	s.entry = (uint16_t)u->vreg_count;
	s.synced = (uint16_t)(u->vreg_count + IR_MAX_REGS);
	s.out_of_slots = false;
	s.next_owe = 0;
	s.displaced = u->boundary ? displaced(t, u->boundary) : 0;
	init_values(&s);
	s.step = arena_new(u->arena, struct ra_step, u->insn_count + 1);
	s.use_cap = 3 * u->insn_count + 16;
	s.use = arena_new(u->arena, struct ra_use, s.use_cap);
	out_init(&s.out, u->arena, u->insn_count + u->insn_count / 2 + 16);
	out_init(&s.stub, u->arena, 0);
	if (u->boundary)
		ra_region_moves(&s);
	ra_region_fixes(&s);
	for (unsigned b = 0; b < u->block_count; b++) {
		ra_live(&s, b);
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

/*
 * Lists as ordinary guest code gives them, on a host of x86-64's size: for measuring.
 *
 * Every guest insn reads and writes guest registers; entries and PUTs are as the passes leave
 * them: one GET a register, PUTs of values that something sees.
 */
#include "tests/ra/toy.h"

#include <string.h>

enum { WIDE_INT = 32, HOMES = 12, SCRATCH = 3 };

void toy_wide_init(struct toy_wide *w)
{
	struct ra_target *t = &w->target;

	memset(w, 0, sizeof(*w));
	memset(t->home, LIR_PHYS_NONE, sizeof(t->home));
	for (unsigned g = 0; g < IR_MAX_REGS; g++) {
		unsigned cls = g < WIDE_INT ? LIR_INT : LIR_FP, rank = g % WIDE_INT;
		unsigned home = cls * LIR_PHYS_FP + SCRATCH + rank;

		w->reg[g] = (struct ir_reg){ .name = "x",
					     .offset_bytes = (uint16_t)(8 * g),
					     .type = cls == LIR_FP ? IR_F64 : IR_I64 };
		if (rank >= HOMES)
			continue;
		t->home[g] = (uint8_t)home;
		t->alloc[cls] |= UINT64_C(1) << home;
	}
	for (unsigned cls = 0; cls < 2; cls++) {
		t->scratch[cls] = UINT64_C(7) << cls * LIR_PHYS_FP;
		t->alloc[cls] |= t->scratch[cls];
	}
	w->regs = (struct ir_regfile){ IR_MAX_REGS, w->reg };
	t->regs = &w->regs;
	ra_target_done(t);
}

struct gen {
	uint64_t *rng;
	struct lir_unit *u;
	unsigned
	    cur[IR_MAX_REGS]; /* virtual register of each guest register, LREG_NONE: not yet read */
};

/* Guest registers as compilers use them: few, most of them pinned. */
static unsigned any_greg(struct gen *g)
{
	return toy_below(g->rng, 100) < 85 ? toy_below(g->rng, 10) : toy_below(g->rng, WIDE_INT);
}

static unsigned get(struct gen *g)
{
	unsigned r = any_greg(g);

	if (g->cur[r] == LREG_NONE)
		g->cur[r] = toy_entry(g->u, r);
	return g->cur[r];
}

static void put(struct gen *g, unsigned r, unsigned v)
{
	toy_put(g->u, r, v);
	g->cur[r] = v;
}

static void guest_insn(struct gen *g)
{
	unsigned kind = toy_below(g->rng, 100), a = get(g), b = get(g), v;
	struct lir_insn *in;

	if (kind < 12) { /* a store, a branch */
		in = toy_insn(g->u, LIR_HOST + 1);
		in->flags = kind < 8 ? LF_FAULT : LF_EXIT;
		if (kind >= 8)
			in->exit = (uint16_t)toy_exit(g->u);
		toy_opnd(in, LIR_USE, a);
		toy_opnd(in, LIR_USE, b);
		return;
	}
	v = toy_vreg(g->u, LIR_INT);
	in = toy_insn(g->u, LIR_HOST + 2);
	toy_opnd(in, LIR_DEF, v);
	toy_opnd(in, LIR_USE, a)->flags = kind < 35 ? 0 : LO_HINT;
	if (kind < 35)
		in->flags = LF_FAULT;
	else if (kind < 60)
		toy_opnd(in, LIR_USE, kind < 42 ? toy_const(g->u, kind) : b)->flags = LO_MEM;
	put(g, any_greg(g), v);
}

void toy_typical(uint64_t *rng, unsigned guest_insns, struct lir_unit *u)
{
	struct gen g = { .rng = rng, .u = u };
	struct lir_insn *in;
	unsigned last;

	for (unsigned r = 0; r < IR_MAX_REGS; r++)
		g.cur[r] = LREG_NONE;
	toy_insn(u, LIR_BLOCK);
	while (guest_insns--)
		guest_insn(&g);
	last = get(&g);
	in = toy_insn(u, LIR_HOST + 3);
	in->flags = LF_SYNC | LF_EXIT;
	in->exit = (uint16_t)toy_exit(u);
	toy_opnd(in, LIR_USE, last);
	in = toy_insn(u, LIR_HOST + 4);
	in->flags = LF_SYNC;
	in->exit = (uint16_t)toy_exit(u);
}

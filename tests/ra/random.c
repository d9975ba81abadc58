/*
 * Random lists that every allocator must take, and random faults in allocated ones.
 *
 * An insn never asks for more registers of a class than there are: its operands that are in registers,
 * fixed ones and clobbers included, fit into the class; at a LF_SYNC, into its scratch registers. What is a sum is put
 * again before any way out but a fault.
 */
#include "tests/ra/toy.h"

#include <string.h>

enum { POOL = 256 };

struct gen {
	const struct toy *t;
	uint64_t *rng;
	struct lir_unit *u;
	uint16_t pool[2][POOL]; /* values of each class that exist at this point */
	unsigned count[2];
	uint64_t sums; /* guest registers that are one */
};

static unsigned below(struct gen *g, unsigned n) { return toy_below(g->rng, n); }
static bool chance(struct gen *g, unsigned percent) { return below(g, 100) < percent; }

static void add_value(struct gen *g, unsigned v)
{
	unsigned cls = toy_class(g->u, &g->t->target, v);
	unsigned at = g->count[cls] < POOL ? g->count[cls]++ : below(g, POOL);
	g->pool[cls][at] = (uint16_t)v;
}

/* A value of the class, recent ones more likely; there is one of each class from the start. */
static unsigned any_value(struct gen *g, unsigned cls)
{
	unsigned n = g->count[cls], back;

	if (cls == LIR_INT && chance(g, 10)) {
		unsigned v = toy_const(g->u, below(g, 5) - 2);

		add_value(g, v);
		return v;
	}
	back = chance(g, 70) ? below(g, n < 5 ? n : 5) : below(g, n);
	return g->pool[cls][n - 1 - back];
}

static void add_get(struct gen *g, unsigned greg) { add_value(g, toy_entry(g->u, greg)); }

static void add_put(struct gen *g, unsigned greg)
{
	struct lir_insn *in = toy_put(g->u, greg, any_value(g, greg < TOY_INT ? LIR_INT : LIR_FP));

	g->sums &= ~(UINT64_C(1) << greg);
	if (greg >= TOY_INT && g->t->target.home[greg] != LIR_PHYS_NONE && chance(g, 50))
		in->fix = (uint8_t)(1 + below(g, 2));
}

static void add_sum(struct gen *g, unsigned greg)
{
	unsigned base = any_value(g, LIR_INT);
	unsigned index = chance(g, 70) ? any_value(g, LIR_INT) : LREG_NONE;

	toy_put(g->u, greg,
		toy_sum(g->u, base, index, index == LREG_NONE ? 0 : below(g, 4),
			chance(g, 50) ? below(g, 100) : 0));
	g->sums |= UINT64_C(1) << greg;
}

/* What one insn may still take. */
struct room {
	uint64_t use[2],
	    write[2];     /* registers left for fixed uses, for fixed results and clobbers */
	unsigned regs[2]; /* registers left */
};

static unsigned take_fixed(struct gen *g, uint64_t *set)
{
	unsigned n = below(g, (unsigned)__builtin_popcountll(*set)), r;
	uint64_t left = *set;

	while (n--)
		left &= left - 1;
	r = (unsigned)__builtin_ctzll(left);
	*set &= ~(UINT64_C(1) << r);
	return r;
}

static void add_use(struct gen *g, struct lir_insn *in, struct room *room)
{
	unsigned cls = chance(g, 75) ? LIR_INT : LIR_FP;
	struct lir_opnd *o = &in->opnd[in->nopnd];

	if (!room->regs[cls])
		return;
	room->regs[cls]--;
	in->nopnd++;
	*o = (struct lir_opnd){ .role = LIR_USE, .fixed = LIR_PHYS_NONE };
	o->r = (lreg)any_value(g, cls);
	if (chance(g, 30))
		o->flags |= LO_LATE;
	if (chance(g, 15) && room->use[cls]) {
		o->fixed = (uint8_t)take_fixed(g, &room->use[cls]);
		/* It would be lost before it is read. */
		if (o->flags & LO_LATE)
			room->write[cls] &= ~(UINT64_C(1) << o->fixed);
	} else if (chance(g, 25)) {
		o->flags |= LO_MEM;
	}
	if (in->flags & LF_SYNC && chance(g, 50))
		o->flags |= LO_LAX;
}

/* Results have numbers given out after the insn is complete, since they must not be its uses. */
static void add_write(struct gen *g, struct lir_insn *in, struct room *room, bool clobber)
{
	unsigned cls = chance(g, 75) ? LIR_INT : LIR_FP;
	struct lir_opnd *o = &in->opnd[in->nopnd];

	if (!room->regs[cls] || (clobber && !room->write[cls]))
		return;
	room->regs[cls]--;
	in->nopnd++;
	*o = (struct lir_opnd){ .role = clobber ? LIR_CLOBBER : LIR_DEF,
				.fixed = LIR_PHYS_NONE,
				.r = LREG_NONE };
	if ((clobber || chance(g, 15)) && room->write[cls])
		o->fixed = (uint8_t)take_fixed(g, &room->write[cls]);
	if (!clobber)
		o->r = (lreg)toy_vreg(g->u, (enum lir_class)cls);
}

static struct room room_for(const struct gen *g, bool sync)
{
	const struct ra_target *t = &g->t->target;
	struct room r;

	for (unsigned c = 0; c < 2; c++) {
		r.use[c] = r.write[c] = t->scratch[c];
		r.regs[c] = (unsigned)__builtin_popcountll(sync ? t->scratch[c] : t->alloc[c]);
	}
	return r;
}

static void place_hint(struct gen *g, struct lir_insn *in)
{
	unsigned k = in->nopnd ? below(g, in->nopnd) : 0;

	if (in->nopnd && in->opnd[k].role == LIR_USE && !(in->opnd[k].flags & LO_LATE))
		in->opnd[k].flags |= LO_HINT;
}

/* DEFs first, then USEs, then CLOBBERs, as lir.h wants them. */
static void sort_operands(struct lir_insn *in)
{
	static const uint8_t order[] = { LIR_DEF, LIR_USE, LIR_CLOBBER };
	struct lir_insn old = *in;
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		for (unsigned k = 0; k < old.nopnd; k++)
			if (old.opnd[k].role == order[i])
				in->opnd[n++] = old.opnd[k];
}

static void add_host(struct gen *g, unsigned flags)
{
	/* Built aside: any_value may add constants, toy_insn may move the list. */
	struct lir_insn in = { .op = (uint8_t)(LIR_HOST + below(g, 8)),
			       .flags = (uint8_t)flags,
			       .exit = UINT16_MAX };
	struct room room = room_for(g, flags & LF_SYNC);
	unsigned uses = below(g, 4), results = flags & LF_SYNC ? 0
					       : chance(g, 15) ? 2
							       : below(g, 2);
	struct lir_insn *at;

	for (unsigned greg = 0; flags & (LF_SYNC | LF_EXIT) && g->sums; greg++)
		if (g->sums >> greg & 1)
			add_put(g, greg);
	if (flags & (LF_SYNC | LF_EXIT))
		in.exit = (uint16_t)toy_exit(g->u);
	while (uses--)
		add_use(g, &in, &room);
	while (results-- && in.nopnd < LIR_MAX_OPNDS)
		add_write(g, &in, &room, false);
	if (chance(g, 15) && in.nopnd < LIR_MAX_OPNDS)
		add_write(g, &in, &room, true);
	place_hint(g, &in);
	sort_operands(&in);
	at = toy_insn(g->u, in.op);
	in.gpc_off = at->gpc_off;
	*at = in;
	for (unsigned k = 0; k < in.nopnd; k++)
		if (in.opnd[k].role == LIR_DEF)
			add_value(g, in.opnd[k].r);
}

static void add_any(struct gen *g)
{
	unsigned what = below(g, 100);

	if (what < 12)
		add_get(g, below(g, TOY_GREGS));
	else if (what < 34)
		add_put(g, below(g, TOY_GREGS));
	else if (what < 38)
		add_sum(g, below(g, TOY_INT));
	else if (what < 75)
		add_host(g, 0);
	else if (what < 88)
		add_host(g, LF_FAULT);
	else if (what < 96)
		add_host(g, LF_EXIT | (chance(g, 10) ? LF_FAULT : 0));
	else
		add_host(g, LF_SYNC | LF_EXIT);
}

void toy_random(const struct toy *t, uint64_t *rng, unsigned max_insns, struct lir_unit *u)
{
	struct gen g = { .t = t, .rng = rng, .u = u };
	unsigned blocks = chance(&g, 80) ? 1 : 1 + below(&g, 3);
	unsigned shared = toy_const(u, 7);

	for (unsigned b = 0; b < blocks; b++) {
		unsigned n = 1 + below(&g, max_insns);

		toy_insn(u, LIR_BLOCK)->imm = b;
		g.count[LIR_INT] = g.count[LIR_FP] = 0;
		g.sums = 0;
		add_value(&g, shared);
		add_get(&g, below(&g, TOY_INT));
		add_get(&g, TOY_INT + below(&g, TOY_FP));
		while (n--)
			add_any(&g);
		add_host(&g, LF_SYNC | (chance(&g, 10) ? LF_FAULT : 0));
	}
}

/* ---- faults --------------------------------------------------------------------------------------- */

static lreg other_reg(const struct toy *t, uint64_t *rng, lreg r)
{
	uint64_t set = t->target.alloc[r < LIR_PHYS_FP ? LIR_INT : LIR_FP];
	unsigned n = toy_below(rng, (unsigned)__builtin_popcountll(set));

	while (n--)
		set &= set - 1;
	return (lreg)__builtin_ctzll(set);
}

static bool change_own(const struct toy *t, uint64_t *rng, struct lir_insn *in)
{
	unsigned k = toy_below(rng, 3);

	if (in->op == LIR_BLOCK || in->op == LIR_NOP)
		return false;
	if (k == 0) {
		in->op = LIR_NOP;
		in->nopnd = 0;
	} else if (k == 1 && in->nopnd) {
		k = toy_below(rng, in->nopnd);
		in->opnd[k].r = other_reg(t, rng, in->opnd[k].r);
	} else if (in->op == LIR_FIX) {
		in->fix ^= 3;
	} else if (in->op == LIR_STOREI) {
		in->imm2++;
	} else if (in->op != LIR_MOVE && in->op != LIR_XCHG) {
		in->imm += 8;
	} else {
		in->opnd[0].r = other_reg(t, rng, in->opnd[0].r);
	}
	return true;
}

static bool change_host(const struct toy *t, uint64_t *rng, struct lir_insn *in)
{
	unsigned k;

	if (!in->nopnd)
		return false;
	k = toy_below(rng, in->nopnd);
	if (in->opnd[k].r == LREG_NONE) {
		in->mem += 8;
		return in->opnd[k].flags & LO_IN_MEM;
	}
	in->opnd[k].r = other_reg(t, rng, in->opnd[k].r);
	return true;
}

static bool change_loc(const struct toy *t, uint64_t *rng, struct lir_loc *l)
{
	switch (toy_below(rng, 4)) {
	case 0:
		l->fix ^= 1;
		return true;
	case 1:
		l->shift ^= 1;
		return true;
	case 2:
		l->imm += 8;
		return l->kind != LIR_LOC_REG;
	default:
		if (l->kind == LIR_LOC_REG)
			l->phys = (uint8_t)other_reg(t, rng, l->phys);
		return l->kind == LIR_LOC_REG;
	}
}

static bool swap_insns(uint64_t *rng, struct lir_insn *list, unsigned count)
{
	unsigned i = count > 1 ? toy_below(rng, count - 1) : 0;
	struct lir_insn a;

	if (count < 2 || list[i].op >= LIR_HOST || list[i + 1].op >= LIR_HOST
	    || list[i].op == LIR_BLOCK || list[i + 1].op == LIR_BLOCK)
		return false;
	a = list[i];
	list[i] = list[i + 1];
	list[i + 1] = a;
	return true;
}

bool toy_mutate(const struct toy *t, uint64_t *rng, struct lir_unit *u)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		unsigned kind = toy_below(rng, 6);
		struct lir_insn *in = &u->insn[toy_below(rng, u->insn_count)];

		if (kind < 2 && in->op < LIR_HOST && change_own(t, rng, in))
			return true;
		if (kind == 2 && in->op >= LIR_HOST && change_host(t, rng, in))
			return true;
		if (kind == 3 && u->stub_count
		    && change_own(t, rng, &u->stub[toy_below(rng, u->stub_count)]))
			return true;
		if (kind == 4 && u->loc_count
		    && change_loc(t, rng, &u->loc[toy_below(rng, u->loc_count)]))
			return true;
		if (kind == 5 && swap_insns(rng, u->insn, u->insn_count))
			return true;
	}
	return false;
}

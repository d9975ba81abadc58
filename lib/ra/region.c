/*
 * A region's own convention between its blocks, and the way from the boundary's convention to it and back.
 *
 * The boundary's homes are for code in general. A region knows which guest registers it uses: those used most
 * get the homes, in the place of registers that it uses less. Only pairs change places: a register that has a home on
 * both sides has the same one, so entering is a few stores and loads, and leaving the reverse:
 *
 *     boundary        region          enter                   leave
 *     t3 in memory    t3 in r9        load r9 <- state.t3     store state.t3 <- r9, unless no block writes t3
 *     a6 in r9        a6 in memory    store state.a6 <- r9    load r9 <- state.a6
 */
#include "lib/ra/ra_priv.h"

#include <string.h>

/* What a pair costs each time the region is entered or left: a load and a store, and what these wait for. */
enum { PAIR_COST = 4 };

struct weights {
	uint64_t of[IR_MAX_REGS]; /* how often a guest register is read or written */
	uint64_t outside;         /* how often the region is left or entered, where that is known */
};

/* A jump out of a region goes to a place that is not hot, or it would be in the region. */
enum { COLD_PART = 32 };

static uint64_t weight_of(const struct ir_block *b) { return b->exec_count ? b->exec_count : 1; }

static void weigh(const struct ir_unit *u, struct weights *w)
{
	memset(w, 0, sizeof *w);
	for (unsigned b = 0; b < u->block_count; b++) {
		const struct ir_block *blk = &u->block[b];
		const struct ir_insn *in = &u->insn[blk->first];

		for (uint32_t k = 0; k < blk->count; k++, in++) {
			if (in->dead)
				continue;
			if (in->op == IR_getreg || in->op == IR_putreg)
				w->of[in->imm] += weight_of(blk);
			else if (in->op == IR_exit && in->sub == IR_JUMP_PLAIN
				 && in->to == IR_NOBLOCK)
				w->outside += weight_of(blk) / COLD_PART;
			else if (ir_info(in)->flags & IR_Z && ir_goes_to(in) == IR_NOBLOCK)
				w->outside += weight_of(blk) * (in->to == IR_NOBLOCK ? 1 : 2);
		}
	}
}

/* The guest register of class cls, with a home in t or without one, that has the most or the least weight; IR_MAX_REGS: none. */
static unsigned extreme(const struct ra_target *t, const struct weights *w, enum ir_type type,
			bool homed, bool most)
{
	unsigned best = IR_MAX_REGS;

	for (unsigned g = 0; g < t->regs->count; g++) {
		if (t->regs->reg[g].type != type || (t->home[g] != LIR_PHYS_NONE) != homed)
			continue;
		if (best == IR_MAX_REGS || (most ? w->of[g] > w->of[best] : w->of[g] < w->of[best]))
			best = g;
	}
	return best;
}

bool ra_region(const struct ir_unit *u, const struct ra_target *boundary, struct ra_target *own)
{
	static const enum ir_type types[] = { IR_I64, IR_F64 };
	struct weights w;
	bool changed = false;

	weigh(u, &w);
	*own = *boundary;
	own->regs = u->regs;
	for (unsigned n = 0; n < ARRAY_LEN(types); n++) {
		for (;;) {
			unsigned in = extreme(own, &w, types[n], false, true);
			unsigned out = extreme(own, &w, types[n], true, false);

			if (in == IR_MAX_REGS || out == IR_MAX_REGS
			    || w.of[in] <= w.of[out] + PAIR_COST * w.outside)
				break;
			own->home[in] = own->home[out];
			own->home[out] = LIR_PHYS_NONE;
			changed = true;
		}
	}
	ra_target_done(own);
	return changed;
}

void ra_region_moves(struct ra *s)
{
	struct lir_unit *u = s->u;
	const struct ra_target *out = u->boundary;
	struct ra_out enter = { .arena = u->arena }, leave = { .arena = u->arena };
	uint64_t written = 0;

	for (unsigned b = 0; b < u->block_count; b++)
		written |= u->block[b].puts;
	/* Stores first: they empty the homes that the loads fill. */
	for (RA_EACH(e, out->pinned & s->displaced))
		ra_emit(&enter, LIR_STORE, out->home[e], LIR_PHYS_NONE,
			ra_greg_mem(s, (unsigned)e));
	for (RA_EACH(f, s->t->pinned & s->displaced))
		ra_emit(&enter, LIR_LOAD, s->t->home[f], LIR_PHYS_NONE,
			ra_greg_mem(s, (unsigned)f));
	for (RA_EACH(g, s->t->pinned & s->displaced & written))
		ra_emit(&leave, LIR_STORE, s->t->home[g], LIR_PHYS_NONE,
			ra_greg_mem(s, (unsigned)g));
	for (RA_EACH(h, out->pinned & s->displaced))
		ra_emit(&leave, LIR_LOAD, out->home[h], LIR_PHYS_NONE, ra_greg_mem(s, (unsigned)h));
	u->enter = enter.insn;
	u->enter_count = enter.count;
	u->leave = leave.insn;
	u->leave_count = leave.count;
}

void ra_region_fixes(struct ra *s)
{
	for (unsigned b = 0; b < s->u->block_count; b++) {
		struct lir_block *blk = &s->u->block[b];
		struct ra_out out = { .arena = s->u->arena };

		for (RA_EACH(g, blk->fixes))
			ra_emit(&out, LIR_FIX, s->t->home[g], LIR_PHYS_NONE, 0)->fix = blk->fix[g];
		blk->unfix = out.insn;
		blk->unfix_count = out.count;
	}
}

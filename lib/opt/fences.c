/*
 * fences: what other fences of the block order already, a fence need not.
 *
 * A fence orders accesses before it (of the kinds in its predecessor set) before those behind it (successor set). Of two
 * fences P rw,rw and Q rw,rw, with accesses A between them, in RVWMO's preserved program order ("Memory Ordering
 * Instructions", rule 4 of chapter RVWMO):
 *
 *   - what stands before P comes before all behind Q because of P alone. So Q is left to order A: of a kind that A does not
 *     have it orders nothing that is not ordered. P; load; Q is P; load; fence r,rw.
 *   - what stands before P comes before all behind Q because of Q alone. So P is left to order what is before it before A:
 *     P; store; Q is fence rw,w; store; Q. That holds where nothing leaves the block in between.
 *
 * One of the two at a time. Programs that have their atomics between two full fences (Go's) have half of these full
 * ones go where a host orders all but stores before later loads.
 */
#include "lib/opt/opt_priv.h"

/* Sets of kinds, as in a fence's imm. A load may read a device. */
enum {
	KIND_W = 1,
	KIND_R = 2,
	KIND_O = 4,
	KIND_I = 8,
	LOADS = KIND_R | KIND_I,
	STORES = KIND_W | KIND_O,
	ALL = 15
};

struct fences {
	/* Sets of a fence of this block, whether narrowed or not: what stood before it is ordered. Kinds of accesses since. */
	unsigned pred, succ, since;
	/* The last fence, which may still be narrowed, or NULL; its sets as they were, kinds of accesses since. */
	struct ir_insn *last;
	unsigned last_pred, last_succ, since_last;
};

/* True when the kinds of a are all in b. */
static bool is_within(unsigned a, unsigned b) { return !(a & ~b); }

/* What in does to memory, as kinds of accesses. */
static unsigned accesses(const struct ir_insn *in)
{
	const unsigned flags = ir_info(in)->flags;

	if (in->op == IR_helper || (flags & (IR_L | IR_S) && flags & IR_E))
		return ALL;
	return (flags & IR_L ? LOADS : 0) | (flags & IR_S ? STORES : 0);
}

static void narrow(struct ir_insn *in, unsigned pred, unsigned succ)
{
	in->imm = pred << 4 | succ;
	in->dead = !pred || !succ;
}

static void see_fence(struct fences *f, struct ir_insn *in)
{
	const unsigned pred = (unsigned)in->imm >> 4, succ = in->imm & ALL;

	/* Of loads and stores alike: a host's barrier for fewer kinds may be weaker at a fault in between. */
	if (f->last && f->since_last == STORES && is_within(KIND_R | KIND_W, f->last_pred)
	    && is_within(f->last_pred, pred) && is_within(f->last_succ, succ))
		narrow(f->last, (unsigned)f->last->imm >> 4, f->last_succ & STORES);
	else if (is_within(succ, f->succ))
		narrow(in, pred & (f->since | ~f->pred), succ);
	if (is_within(f->pred, pred) && is_within(f->succ, succ)) {
		f->pred = pred;
		f->succ = succ;
		f->since = 0;
	}
	f->last = in->dead ? NULL : in;
	f->last_pred = pred;
	f->last_succ = succ;
	f->since_last = 0;
}

static void walk_block(const struct ir_unit *u, const struct ir_block *blk)
{
	struct fences f = { 0 };

	for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
		struct ir_insn *in = &u->insn[k];

		if (in->dead)
			continue;
		if (in->op == IR_fence) {
			see_fence(&f, in);
			continue;
		}
		f.since |= accesses(in);
		f.since_last |= accesses(in);
		if (ir_info(in)->flags & IR_X)
			f.last = NULL;
	}
}

/* Few units do. */
static bool has_two(const struct ir_unit *u)
{
	unsigned count = 0;

	for (uint32_t k = 0; k < u->insn_count; k++)
		count += u->insn[k].op == IR_fence;
	return count > 1;
}

void opt_fences(struct ir_unit *u)
{
	if (!has_two(u))
		return;
	for (unsigned b = 0; b < u->block_count; b++)
		walk_block(u, &u->block[b]);
}

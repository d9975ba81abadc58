/*
 * The backward pass over a block: when values die, where they would like to be.
 *
 * A value is needed
 *   - by an insn that has it as an operand (these are listed, value.uses);
 *   - while it is the present value of a guest register (LIR_PUT), by each way out: need[g]
 *     is the last way out before the next LIR_PUT of g. A LF_SYNC carries
 *     a pending fix out, so a value with one is not needed past it; nor is one of an unpinned
 *     register, which is in memory from then on. Of a sum its operands are needed so.
 *
 * Wishes: a value that is PUT to a pinned register wants its home; one used by a fixed operand
 * wants that register; and one that dies as the LO_HINT operand of an insn wants
 * what the insn's result wants, so that a chain of two-address operations stays in one place.
 *
 * PUTs that no way out sees become LIR_NOP here.
 */
#include "lib/ra/ra_priv.h"

struct live {
	struct ra *s;
	uint32_t i;
	uint32_t need
	    [IR_MAX_REGS]; /* of g touched or PUT: position of the last way out that sees it as it is here */
	uint64_t unseen;    /* guest registers that are PUT again before any way out */
	uint64_t to_sync;   /* those with need[g] at a LF_SYNC: their place is on the main path */
	uint32_t next_sync; /* position */
	uint16_t sync_exit; /* its exit */
	uint16_t consts;    /* chain through next_dying of the constants seen */
};

static inline uint32_t add_use(struct ra *s, uint32_t insn, uint32_t next)
{
	arena_grow(s->u->arena, s->use, s->use_count, s->use_cap);
	s->use[s->use_count] = (struct ra_use){ insn, next };
	return s->use_count++;
}

static void note_fixed(struct ra *s, uint32_t i, unsigned r)
{
	if (!(s->fixed_any & RA_BIT(r))) {
		s->fixed_any |= RA_BIT(r);
		s->fixed[r] = RA_NOUSE;
	} else if (s->use[s->fixed[r]].insn == i) {
		return;
	}
	s->fixed[r] = add_use(s, i, s->fixed[r]);
}

/* v is needed at pos. Needs come from the last to the first, but for those of exits. */
static inline struct ra_value *need(struct live *l, uint16_t v, uint32_t pos)
{
	struct ra_value *x = &l->s->value[v];

	if (x->death >= l->s->block_pos) {
		if (x->death < pos)
			x->death = pos;
		return x;
	}
	x->death = pos;
	x->uses = RA_NOUSE;
	x->dest = RA_NOGREG;
	x->fixed = LIR_PHYS_NONE;
	if (x->is_const) {
		x->next_dying = l->consts;
		l->consts = v;
	}
	return x;
}

static void add_dying(struct ra *s, uint16_t v, struct ra_value *x)
{
	struct ra_step *step = &s->step[RA_INSN(x->death)];

	if (x->death == RA_LATE(s->end - 1))
		return;
	x->next_dying = step->dying;
	step->dying = v;
	if (x->death & 1)
		step->has |= RA_HAS_LATE_DEATH;
}

/* Insn in may leave the block: unseen guest registers are needed. */
static void way_out(struct live *l, const struct lir_insn *in, uint32_t pos)
{
	bool sync = in->flags & LF_SYNC;

	if (sync) {
		l->next_sync = pos;
		l->sync_exit = in->exit;
	}
	for (RA_EACH(g, l->unseen & (l->s->touched | l->s->blk->puts)))
		l->need[g] = pos;
	l->to_sync = sync ? l->to_sync | l->unseen : l->to_sync & ~l->unseen;
	l->unseen = 0;
}

/*
 * The position up to which g needs its value as it is here, with a fix or without (0): a LF_SYNC that carries the fix out
 * makes another value of it.
 */
static uint32_t needed_until(const struct live *l, unsigned g, uint8_t fix)
{
	if (fix && l->next_sync < l->need[g] && !ra_stays_pending(l->s, l->sync_exit, g, fix))
		return l->next_sync;
	return l->need[g];
}

static uint8_t entry_fix(const struct ra *s, unsigned g)
{
	return s->blk->fixes >> g & 1 ? s->blk->fix[g] : 0;
}

static void live_sum(struct live *l, const struct lir_vreg *sum, uint32_t pos)
{
	KIT_DCHECK(l->next_sync > pos, "LF_SYNC insn %u sees a sum", RA_INSN(l->next_sync));
	if (sum->base != LREG_NONE)
		need(l, ra_value_of(l->s, sum->base), pos);
	if (sum->index != LREG_NONE)
		need(l, ra_value_of(l->s, sum->index), pos);
}

static void live_put(struct live *l, struct lir_insn *in)
{
	struct ra *s = l->s;
	unsigned g = (unsigned)in->imm;
	uint16_t v = in->opnd[0].r = ra_value_of(s, in->opnd[0].r);
	struct ra_value *x;

	if (l->unseen & RA_BIT(g)) {
		in->op = LIR_NOP;
		return;
	}
	l->unseen |= RA_BIT(g);
	if (ra_sum(s, v)) {
		live_sum(l, ra_sum(s, v), l->need[g]);
		return;
	}
	if (!(s->t->pinned & RA_BIT(g))) {
		need(l, v, l->next_sync < l->need[g] ? l->next_sync : l->need[g]);
		return;
	}
	x = need(l, v, needed_until(l, g, in->fix));
	if (x->dest == RA_NOGREG || l->to_sync & RA_BIT(g)) {
		x->dest = (uint8_t)g;
		x->dest_end = l->i;
	}
}

static struct ra_value *live_def(struct live *l, uint16_t v)
{
	struct ra *s = l->s;
	struct ra_value *x = need(l, v, RA_LATE(l->i));

	KIT_DCHECK(!x->is_const && v < s->entry, "insn %u defines value %u", l->i, v);
	x->def = l->i;
	add_dying(s, v, x);
	if (x->dest != RA_NOGREG) {
		x->next_want = s->wanted & RA_BIT(x->dest) ? s->want[x->dest] : RA_NOVALUE;
		s->want[x->dest] = v;
		s->wanted |= RA_BIT(x->dest);
	}
	return x;
}

static void live_use(struct live *l, const struct lir_opnd *o, uint32_t pos,
		     const struct ra_value *result)
{
	struct ra *s = l->s;
	bool dies = s->value[o->r].death < s->block_pos;
	struct ra_value *x = need(l, o->r, pos);

	x->uses = add_use(s, l->i, x->uses);
	if (o->fixed != LIR_PHYS_NONE) {
		x->fixed = o->fixed;
		x->fixed_at = l->i;
	}
	if (!dies || !(o->flags & LO_HINT) || !result || result->cls != x->cls)
		return;
	if (result->dest != RA_NOGREG) {
		x->dest = result->dest;
		x->dest_end = l->i;
	}
	if (o->fixed == LIR_PHYS_NONE && result->fixed != LIR_PHYS_NONE) {
		x->fixed = result->fixed;
		x->fixed_at = result->fixed_at;
	}
}

static unsigned live_defs(struct live *l, const struct lir_insn *in, const struct ra_value **result)
{
	unsigned defs = 0;

	while (defs < in->nopnd && in->opnd[defs].role == LIR_DEF)
		defs++;
	for (unsigned k = defs; k-- > 0;)
		*result = live_def(l, in->opnd[k].r);
	return defs;
}

/* Names the values of the operands, too, where virtual registers stood. */
static void live_insn(struct live *l, struct lir_insn *in, struct ra_step *step)
{
	struct ra *s = l->s;
	const struct ra_value *result = NULL;
	bool sync = in->flags & LF_SYNC, late = in->flags & (LF_SYNC | LF_EXIT);
	uint32_t early = sync ? RA_LATE(l->i) : RA_EARLY(l->i);
	unsigned defs = live_defs(l, in, &result), has = defs ? RA_HAS_DEF : 0;

	if (defs > 1)
		late = true;
	for (unsigned k = in->nopnd; k-- > 0;) {
		struct lir_opnd *o = &in->opnd[k];

		if (o->fixed != LIR_PHYS_NONE) {
			note_fixed(s, l->i, o->fixed);
			has |= RA_HAS_FIXED;
		}
		if (o->role == LIR_USE) {
			KIT_DCHECK(k >= defs, "insn %u has its results behind a use", l->i);
			o->r = ra_value_of(s, o->r);
			late |= o->flags & LO_LATE;
			live_use(l, o, early | (o->flags & LO_LATE), result);
		} else if (o->role == LIR_CLOBBER) {
			late = true;
		}
	}
	step->has |= has;
	/* Results may be written before the fault, but for the case that lir.h names. */
	if (in->flags & (LF_SYNC | LF_EXIT | LF_FAULT))
		way_out(l, in, late ? RA_LATE(l->i) : RA_EARLY(l->i));
}

static void open_block(struct ra *s, unsigned b)
{
	const struct lir_unit *u = s->u;
	const struct lir_block *blk = &u->block[b];

	s->blk = blk;
	s->first = blk->first;
	s->end = b + 1 < u->block_count ? blk[1].first : u->insn_count;
	s->block_pos = RA_EARLY(s->first);
	s->wanted = s->fixed_any = 0;
	s->use_count = 0;
	s->read = blk->entries;
	/* Only where the last way out is the end do the homes of the others stay taken all the way. */
	s->touched = s->t->pinned;
	if (u->insn[s->end - 1].flags & LF_SYNC)
		s->touched &= blk->entries | blk->puts | blk->fixes;
}

void ra_live(struct ra *s, unsigned b)
{
	struct lir_insn *in;
	struct ra_step *step;
	struct live l;

	l.s = s;
	l.unseen = UINT64_MAX;
	l.to_sync = 0;
	l.next_sync = RA_NEVER;
	l.sync_exit = UINT16_MAX;
	l.consts = RA_NOVALUE;
	open_block(s, b);
	for (RA_EACH(n, s->touched | s->read))
		ra_init_value(s, (uint16_t)(s->entry + n), ra_greg_class(s, (unsigned)n), false);
	l.i = s->end;
	in = &s->u->insn[s->end];
	step = &s->step[s->end];
	while (l.i > s->first) {
		l.i--;
		in--;
		*--step = (struct ra_step){ .dying = RA_NOVALUE };
		if (in->op >= LIR_HOST)
			live_insn(&l, in, step);
		else if (in->op == LIR_PUT)
			live_put(&l, in);
	}
	for (RA_EACH(g, s->touched & ~l.unseen))
		need(&l, (uint16_t)(s->entry + g),
		     needed_until(&l, (unsigned)g, entry_fix(s, (unsigned)g)));
	for (RA_EACH(e, s->touched | s->read)) {
		struct ra_value *x = &s->value[s->entry + e];

		if (x->death >= s->block_pos)
			add_dying(s, (uint16_t)(s->entry + e), x);
	}
	while (l.consts != RA_NOVALUE) {
		uint16_t v = l.consts;

		l.consts = s->value[v].next_dying;
		add_dying(s, v, &s->value[v]);
	}
}

/*
 * The forward pass over a block: registers for one insn after the other.
 *
 * An insn is done in steps; what they add comes before it:
 *
 *     1. fixed operands   occupants leave the registers that it fixes (to another register, or
 *                         memory), then the fixed uses are copied in, all at once
 *     2. other uses       each gets a register, or stays in memory (LO_MEM)
 *     3. results          each gets a register; one of an operand that dies early will do
 *     4. notes            the exit's stub, the fault record: the state is still that before
 *                         the insn's results
 *     5. books            values that die leave, results move in
 *
 * A fixed use is a copy: the value's own place stays where it was, unless it had none.
 */
#include "lib/ra/ra_priv.h"

/* The registers of the insn at hand. */
struct regs {
	uint64_t fixed_use; /* hold a fixed use */
	uint64_t fixed_def; /* fixed results and clobbers */
	uint64_t busy;      /* hold an operand of any kind */
	uint64_t late;      /* hold a use that is read late */
	unsigned hint;      /* of the use that says so: where the result had best go */
};

void ra_fetch(struct ra *s, uint16_t v, unsigned r)
{
	const struct ra_value *x = &s->value[v];

	if (x->is_const) {
		ra_emit(&s->out, LIR_CONST, r, LIR_PHYS_NONE, s->u->vreg[v].imm);
	} else {
		KIT_CHECK(x->mem != RA_NOMEM, "value %u is nowhere at insn %u", v, s->i);
		ra_emit(&s->out, LIR_LOAD, r, LIR_PHYS_NONE, x->mem);
	}
	ra_set_reg(s, v, r);
}

/* ---- fixed operands --------------------------------------------------------------------------- */

static void collect_fixed(const struct lir_insn *in, struct regs *r)
{
	for (unsigned k = 0; k < in->nopnd; k++) {
		const struct lir_opnd *o = &in->opnd[k];

		if (o->fixed == LIR_PHYS_NONE)
			continue;
		if (o->role == LIR_USE)
			r->fixed_use |= RA_BIT(o->fixed);
		else
			r->fixed_def |= RA_BIT(o->fixed);
	}
}

/* How insn uses value v. */
struct usage {
	bool fixed_here; /* as the operand fixed to register p */
	bool elsewhere;  /* as an operand that is not fixed */
};

static struct usage usage_of(const struct ra *s, const struct lir_insn *in, uint16_t v, unsigned p)
{
	struct usage u = { false, false };

	for (unsigned k = 0; k < in->nopnd; k++) {
		const struct lir_opnd *o = &in->opnd[k];

		if (o->role != LIR_USE || o->r != v)
			continue;
		if (o->fixed == LIR_PHYS_NONE)
			u.elsewhere = true;
		else if (o->fixed == p)
			u.fixed_here = true;
	}
	return u;
}

/* Does a fault record want v as a part of a sum? */
static bool is_in_sum(const struct ra *s, uint16_t v)
{
	for (RA_EACH(g, s->sums)) {
		const struct lir_vreg *sum = ra_sum(s, s->cur[g]);

		if ((sum->base != LREG_NONE && ra_value_of(s, sum->base) == v)
		    || (sum->index != LREG_NONE && ra_value_of(s, sum->index) == v))
			return true;
	}
	return false;
}

/* Must the value in p go before insn overwrites p, or puts a fixed use there? */
static bool must_leave(const struct ra *s, const struct lir_insn *in, const struct regs *r,
		       unsigned p)
{
	uint16_t v = s->occ[p];
	struct usage u = usage_of(s, in, v, p);

	if (ra_outlives_early(s, v))
		return !u.fixed_here || r->fixed_def & RA_BIT(p);
	if (!(r->fixed_use & RA_BIT(p)) || u.fixed_here)
		return false;
	/* It dies here. As the source of another fixed use it is copied there at once. */
	return u.elsewhere || s->value[v].cur_of || is_in_sum(s, v);
}

static void place_fixed(struct ra *s, const struct lir_insn *in, struct regs *r)
{
	uint64_t fixed = r->fixed_use | r->fixed_def;
	uint16_t was[LIR_PHYS_COUNT];
	struct ra_moves m;

	for (RA_EACH(p, fixed)) {
		uint16_t v = was[p] = ra_occupant(s, (unsigned)p);
		unsigned to;

		if (v == RA_NOVALUE || !must_leave(s, in, r, (unsigned)p))
			continue;
		to = s->value[v].is_const ? LIR_PHYS_NONE
					  : ra_pick(s, v, s->free & ~fixed, LIR_PHYS_NONE);
		if (to == LIR_PHYS_NONE) {
			ra_evict(s, v);
			continue;
		}
		ra_emit(&s->out, LIR_MOVE, to, (unsigned)p, 0);
		ra_set_reg(s, v, to);
	}
	if (!r->fixed_use)
		return;
	ra_moves_init(&m);
	for (unsigned k = 0; k < in->nopnd; k++) {
		const struct lir_opnd *o = &in->opnd[k];

		/* A value that has just left p is still there. */
		if (o->role == LIR_USE && o->fixed != LIR_PHYS_NONE && was[o->fixed] != o->r)
			ra_moves_add(s, &m, o->fixed, o->r);
	}
	ra_moves_emit(&m, s->free & ~fixed, &s->out);
}

/* ---- uses ------------------------------------------------------------------------------------- */

static void use_reg(struct regs *r, struct lir_opnd *o, unsigned reg)
{
	KIT_DCHECK(reg < LIR_PHYS_COUNT, "%u is no register", reg);
	o->r = (lreg)reg;
	r->busy |= RA_BIT(reg);
	if (o->flags & LO_LATE)
		r->late |= RA_BIT(reg);
	if (o->flags & LO_HINT)
		r->hint = reg;
}

/* May operand o of value v, which is in memory alone, be read from there? */
static bool stays_in_memory(const struct ra *s, const struct lir_insn *in, const struct lir_opnd *o,
			    uint16_t v, uint64_t avail)
{
	const struct ra_value *x = &s->value[v];

	if (!(o->flags & LO_MEM) || x->is_const)
		return false;
	for (unsigned k = 0; k < in->nopnd; k++)
		if (in->opnd[k].flags & LO_IN_MEM)
			return false;
	/* Used again: a register pays, when there is one. */
	return !ra_outlives_early(s, v) || !(avail & s->t->alloc[x->cls]);
}

static void place_use(struct ra *s, struct lir_insn *in, struct lir_opnd *o, struct regs *r)
{
	uint64_t banned = r->fixed_use | r->fixed_def | r->busy;
	uint16_t v = o->r;
	struct ra_value *x = &s->value[v];

	if (x->reg == LIR_PHYS_NONE) {
		if (stays_in_memory(s, in, o, v, s->free & ~banned)) {
			o->flags |= LO_IN_MEM;
			o->r = LREG_NONE;
			in->mem = x->mem;
			return;
		}
		ra_fetch(s, v,
			 ra_take(s, v, s->free & ~banned, ~(s->free | banned), LIR_PHYS_NONE));
	}
	use_reg(r, o, x->reg);
}

static void place_uses(struct ra *s, struct lir_insn *in, struct regs *r)
{
	uint32_t missing = 0;

	for (unsigned k = 0; k < in->nopnd; k++) {
		struct lir_opnd *o = &in->opnd[k];
		const struct ra_value *x;

		if (o->role != LIR_USE)
			continue;
		x = &s->value[o->r];
		if (o->fixed != LIR_PHYS_NONE || x->reg == LIR_PHYS_NONE)
			missing |= 1u << k;
		else
			use_reg(r, o, x->reg);
	}
	if (!missing)
		return;
	for (unsigned k = 0; k < in->nopnd; k++) {
		struct lir_opnd *o = &in->opnd[k];
		uint16_t v;

		if (!(missing & 1u << k))
			continue;
		if (o->fixed == LIR_PHYS_NONE) {
			place_use(s, in, o, r);
			continue;
		}
		v = o->r;
		if (s->value[v].reg == LIR_PHYS_NONE && s->free & ~r->fixed_def & RA_BIT(o->fixed))
			ra_set_reg(s, v, o->fixed);
		use_reg(r, o, o->fixed);
	}
}

/* ---- results ---------------------------------------------------------------------------------- */

/* Registers of those values of the dying that die before insn i writes results. */
static uint64_t dying_early(const struct ra *s, uint16_t dying)
{
	uint64_t regs = 0;

	while (dying != RA_NOVALUE) {
		const struct ra_value *x = &s->value[dying];

		if (x->reg != LIR_PHYS_NONE && x->death <= RA_EARLY(s->i))
			regs |= RA_BIT(x->reg);
		dying = x->next_dying;
	}
	return regs;
}

/*
 * Where v should go sits a value on its way to another home, which is free: it moves there now and
 * not at the end, which saves v's move. "mv a0,s0; ld s0,8(sp); ret" is a case.
 */
static void clear_home(struct ra *s, uint16_t v, uint64_t banned, uint64_t *avail)
{
	unsigned dest = s->value[v].dest, home;
	uint64_t others;
	uint16_t w;

	if (dest == RA_NOGREG)
		return;
	home = s->t->home[dest];
	w = ra_occupant(s, home);
	if ((*avail | banned) & RA_BIT(home) || w == RA_NOVALUE)
		return;
	others = s->value[w].cur_of & s->t->pinned & ~(s->fixes | RA_BIT(dest));
	for (RA_EACH(g, others)) {
		unsigned to = s->t->home[g];

		if (s->free & ~banned & RA_BIT(to) && ra_next_want(s, (unsigned)g) == RA_NEVER) {
			ra_emit(&s->out, LIR_MOVE, to, home, 0);
			ra_set_reg(s, w, to);
			*avail = (*avail | RA_BIT(home)) & ~RA_BIT(to);
			return;
		}
	}
}

static inline void free_dying(struct ra *s, uint16_t dying)
{
	for (uint16_t v = dying; v != RA_NOVALUE; v = s->value[v].next_dying)
		ra_free_value(s, v);
}

/* Those of the dying whose register a result may have. */
static void free_dying_early(struct ra *s, uint16_t dying)
{
	for (uint16_t v = dying; v != RA_NOVALUE; v = s->value[v].next_dying)
		if (!ra_outlives_early(s, v))
			ra_free_value(s, v);
}

static void choose_results(struct ra *s, const struct lir_insn *in, const struct regs *r,
			   uint16_t dying, uint8_t reg[LIR_MAX_OPNDS])
{
	uint64_t banned = r->fixed_def | r->late, avail = s->free | dying_early(s, dying);

	for (unsigned k = 0; k < in->nopnd && in->opnd[k].role == LIR_DEF; k++) {
		const struct lir_opnd *o = &in->opnd[k];

		if (o->fixed != LIR_PHYS_NONE) {
			reg[k] = o->fixed;
		} else {
			clear_home(s, o->r, banned, &avail);
			reg[k] =
			    (uint8_t)ra_take(s, o->r, avail & ~banned, ~(avail | banned), r->hint);
			banned |= RA_BIT(reg[k]);
		}
	}
}

static void commit_results(struct ra *s, struct lir_insn *in, const struct ra_step *step,
			   const uint8_t reg[LIR_MAX_OPNDS])
{
	free_dying_early(s, step->dying);
	for (unsigned k = 0; k < in->nopnd && in->opnd[k].role == LIR_DEF; k++) {
		/* NOLINTNEXTLINE(clang-analyzer-core*): choose_results has set it for these */
		ra_give(s, in->opnd[k].r, reg[k]);
		in->opnd[k].r = reg[k];
	}
	if (step->has & RA_HAS_LATE_DEATH)
		free_dying(s, step->dying);
}

/* ---- insns ------------------------------------------------------------------------------------ */

/* Works on the selected insn itself, which nobody reads again. */
static void scan_host(struct ra *s, struct lir_insn *in)
{
	struct regs r = { .hint = LIR_PHYS_NONE };
	const struct ra_step *step = &s->step[s->i];
	uint8_t reg[LIR_MAX_OPNDS];
	unsigned has = step->has;

	s->horizon = s->i;
	if (has & RA_HAS_FIXED) {
		collect_fixed(in, &r);
		place_fixed(s, in, &r);
	}
	place_uses(s, in, &r);
	s->horizon = s->i + 1;
	if (has & RA_HAS_DEF)
		choose_results(s, in, &r, step->dying, reg);
	if (in->flags & LF_EXIT)
		ra_note_exit(s, in);
	if (in->flags & LF_FAULT)
		ra_note_fault(s);
	if (has & RA_HAS_DEF)
		commit_results(s, in, step, reg);
	else
		free_dying(s, step->dying);
	*ra_append(&s->out) = *in;
}

void ra_scan(struct ra *s)
{
	struct lir_insn *in = &s->u->insn[s->first], *end = &s->u->insn[s->end];

	ra_begin_block(s);
	for (s->i = s->first; in < end; in++, s->i++) {
		if (in->op == LIR_NOP)
			continue;
		s->out.gpc_off = s->stub.gpc_off = in->gpc_off;
		if (in->op >= LIR_HOST) {
			if (!(in->flags & LF_SYNC)) {
				scan_host(s, in);
				continue;
			}
			ra_sync(s, in);
			free_dying(s, s->step[s->i].dying);
			ra_settle(s);
		} else if (in->op == LIR_PUT) {
			s->horizon = s->i;
			ra_put(s, in);
			free_dying(s, s->step[s->i].dying);
		} else {
			KIT_CHECK(in->op == LIR_BLOCK, "LIR op %u before allocation", in->op);
			*ra_append(&s->out) = *in;
		}
	}
	ra_end_block(s);
}

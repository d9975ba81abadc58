/*
 * Guest registers and the ways out of a block.
 *
 * For each pinned guest register the state keeps its present value (cur), the
 * conversion still to be applied (fix), and whether it is away: not plainly in
 * its home register. An unpinned one is away when its value still has to be stored: only then is it cur, and in a register
 * or a constant; no other value's copy is in its place. What is away is all that a way out has to care for:
 *
 *     LF_EXIT    the stub moves it home; the main path goes on as if nothing was
 *     LF_FAULT   the record says where it is
 *     LF_SYNC    it is stored or moved home now, together with the insn's operands
 */
#include "lib/ra/ra_priv.h"

/* ---- block entry, PUT --------------------------------------------------------------------------- */

/* Guest register g, whose value lives, is at home. */
static void settle_in(struct ra *s, unsigned g)
{
	uint16_t v = (uint16_t)(s->entry + g);
	unsigned home = s->t->home[g];

	s->value[v].reg = (uint8_t)home;
	s->occ[home] = v;
	s->held |= RA_BIT(home);
	s->free &= ~RA_BIT(home);
}

void ra_begin_block(struct ra *s)
{
	const struct lir_block *blk = s->blk;

	s->i = s->first;
	s->free = ra_allocatable(s) & ~s->t->homes;
	s->slots = IR_SPILL_SLOTS == 64 ? UINT64_MAX : RA_BIT(IR_SPILL_SLOTS % 64) - 1;
	s->held = s->owned = s->sums = 0;
	s->away = s->fixes = blk->fixes;
	for (RA_EACH(f, blk->fixes))
		s->fix[f] = blk->fix[f];
	s->loc_valid = false;
	for (RA_EACH(g, s->touched)) {
		uint16_t v = s->cur[g] = (uint16_t)(s->entry + g);

		s->value[v].cur_of = RA_BIT(g);
		if (s->value[v].death >= s->block_pos)
			settle_in(s, (unsigned)g);
		else
			s->free |= RA_BIT(s->t->home[g]);
	}
	for (RA_EACH(m, s->read & ~s->t->pinned)) {
		uint16_t v = s->mem_owner[m] = (uint16_t)(s->entry + m);

		s->owned |= RA_BIT(m);
		s->value[v].mem = ra_greg_mem(s, (unsigned)m);
	}
}

uint16_t ra_touch(struct ra *s, unsigned r)
{
	unsigned g = s->t->greg_of[r];
	uint16_t v = s->cur[g] = (uint16_t)(s->entry + g);
	struct ra_value *x = ra_init_value(s, v, ra_greg_class(s, g), false);

	x->cur_of = RA_BIT(g);
	x->death = RA_LATE(s->end - 1);
	s->touched |= RA_BIT(g);
	settle_in(s, g);
	return v;
}

void ra_end_block(struct ra *s)
{
	if (s->end == s->u->insn_count)
		return;
	/* Constants alone are known in other blocks. */
	for (RA_EACH(r, s->held))
		s->value[s->occ[r]].reg = LIR_PHYS_NONE;
	for (RA_EACH(g, s->touched))
		s->value[s->cur[g]].cur_of = 0;
}

static bool is_synced(const struct ra *s, uint16_t v) { return v >= s->synced; }

static void put_pinned(struct ra *s, unsigned g, uint16_t v, uint8_t fix)
{
	uint16_t old = s->cur[g];
	struct ra_value *x = &s->value[v];

	s->value[old].cur_of &= ~RA_BIT(g);
	if (is_synced(s, old)) /* its end was not known before */
		ra_free_value(s, old);
	s->cur[g] = v;
	s->fix[g] = fix;
	s->fixes = (s->fixes & ~RA_BIT(g)) | (fix ? RA_BIT(g) : 0);
	s->away = (s->away & ~RA_BIT(g)) | (fix || x->reg != s->t->home[g] ? RA_BIT(g) : 0);
	s->loc_valid = false;
	x->cur_of |= RA_BIT(g);
}

/* What waits to be stored in the place of unpinned g does so no more. */
static void detach(struct ra *s, unsigned g)
{
	if (s->away & RA_BIT(g))
		s->value[s->cur[g]].cur_of &= ~RA_BIT(g);
	s->away &= ~RA_BIT(g);
	s->loc_valid = false;
}

/* The place in memory of unpinned g is to become v: it is nobody's until then. */
static void put_unpinned(struct ra *s, unsigned g, uint16_t v)
{
	uint16_t old = s->owned & RA_BIT(g) ? s->mem_owner[g] : RA_NOVALUE;
	struct ra_value *x = &s->value[v];

	detach(s, g);
	if (old != RA_NOVALUE && s->value[old].mem == ra_greg_mem(s, g)) {
		if (old == v)
			return;
		if (s->value[old].reg == LIR_PHYS_NONE && ra_outlives_early(s, old))
			ra_fetch(s, old, ra_take(s, old, s->free, ~s->free, LIR_PHYS_NONE));
		ra_drop_mem(s, old);
	}
	s->owned &= ~RA_BIT(g);
	if (x->reg == LIR_PHYS_NONE && !x->is_const && !ra_sum(s, v))
		ra_fetch(s, v, ra_take(s, v, s->free, ~s->free, LIR_PHYS_NONE));
	s->cur[g] = v;
	s->away |= RA_BIT(g);
	x->cur_of |= RA_BIT(g);
}

static void emit_store(struct ra *s, unsigned g, struct ra_out *out)
{
	uint16_t v = s->cur[g];
	const struct ra_value *x = &s->value[v];

	if (x->reg != LIR_PHYS_NONE)
		ra_emit(out, LIR_STORE, x->reg, LIR_PHYS_NONE, ra_greg_mem(s, g));
	else
		ra_emit(out, LIR_STOREI, LIR_PHYS_NONE, LIR_PHYS_NONE, ra_greg_mem(s, g))->imm2 =
		    s->u->vreg[v].imm;
}

void ra_store_greg(struct ra *s, unsigned g)
{
	struct ra_value *x = &s->value[s->cur[g]];

	emit_store(s, g, &s->out);
	if (!x->is_const && x->mem == RA_NOMEM) {
		x->mem = ra_greg_mem(s, g);
		s->mem_owner[g] = s->cur[g];
		s->owned |= RA_BIT(g);
	}
	detach(s, g);
}

void ra_put(struct ra *s, const struct lir_insn *in)
{
	unsigned g = (unsigned)in->imm;
	uint16_t v = in->opnd[0].r;

	s->sums = (s->sums & ~RA_BIT(g)) | (ra_sum(s, v) ? RA_BIT(g) : 0);
	if (s->t->pinned & RA_BIT(g))
		put_pinned(s, g, v, in->fix);
	else
		put_unpinned(s, g, v);
}

/* ---- stubs and fault records ---------------------------------------------------------------------- */

static void moves_home(struct ra *s, struct ra_moves *m)
{
	for (RA_EACH(g, s->away & s->t->pinned))
		ra_moves_add(s, m, s->t->home[g], s->cur[g]);
}

/* The registers whose fix, which is pending, the block that exit goes to leaves so. */
static uint64_t kept_at(const struct ra *s, uint16_t exit)
{
	uint64_t kept = 0;

	for (RA_EACH(g, s->fixes))
		kept |= ra_stays_pending(s, exit, (unsigned)g, s->fix[g]) ? RA_BIT(g) : 0;
	return kept;
}

static void fix_homes(struct ra *s, struct ra_out *out, uint64_t kept)
{
	for (RA_EACH(g, s->fixes & ~kept))
		ra_emit(out, LIR_FIX, s->t->home[g], LIR_PHYS_NONE, 0)->fix = s->fix[g];
}

void ra_note_exit(struct ra *s, const struct lir_insn *in)
{
	struct lir_exit *e = &s->u->exit[in->exit];
	struct ra_moves m;

	KIT_DCHECK(!s->sums, "exit insn %u sees a sum", s->i);
	e->stub_first = s->stub.count;
	e->stub_count = 0;
	if (!s->away)
		return;
	for (RA_EACH(g, s->away & ~s->t->pinned))
		emit_store(s, (unsigned)g, &s->stub);
	ra_moves_init(&m);
	moves_home(s, &m);
	/* Nothing but the guest's registers lives on where the stub goes. */
	ra_moves_emit(&m, s->t->scratch[LIR_INT] | s->t->scratch[LIR_FP], &s->stub);
	fix_homes(s, &s->stub, kept_at(s, in->exit));
	e->stub_count = s->stub.count - e->stub_first;
}

static struct lir_loc *add_loc(struct ra *s, unsigned g, enum lir_loc_kind kind)
{
	struct lir_unit *u = s->u;

	arena_grow(u->arena, u->loc, u->loc_count, u->loc_cap);
	u->loc[u->loc_count] = (struct lir_loc){ .greg = (uint8_t)g,
						 .kind = (uint8_t)kind,
						 .phys = LIR_PHYS_NONE,
						 .place = ra_greg_mem(s, g) };
	return &u->loc[u->loc_count++];
}

/* Value v is g's, or a part of it. */
static struct lir_loc *locate(struct ra *s, unsigned g, uint16_t v)
{
	const struct ra_value *x = &s->value[v];
	struct lir_loc *loc = add_loc(s, g, LIR_LOC_REG);

	if (x->reg != LIR_PHYS_NONE) {
		loc->phys = x->reg;
	} else if (x->is_const) {
		loc->kind = LIR_LOC_CONST;
		loc->imm = s->u->vreg[v].imm;
	} else {
		KIT_DCHECK(x->mem != RA_NOMEM, "guest register %u is nowhere at insn %u", g, s->i);
		loc->kind = LIR_LOC_MEM;
		loc->imm = x->mem;
	}
	return loc;
}

/* Its operands live, as those of accesses or for this. */
static void locate_sum(struct ra *s, unsigned g, const struct lir_vreg *sum)
{
	if (sum->base != LREG_NONE)
		locate(s, g, ra_value_of(s, sum->base));
	if (sum->index != LREG_NONE)
		locate(s, g, ra_value_of(s, sum->index))->shift = sum->shift;
	if (sum->imm || sum->base == LREG_NONE)
		add_loc(s, g, LIR_LOC_CONST)->imm = sum->imm;
}

static void locate_away(struct ra *s, unsigned g)
{
	const struct lir_vreg *sum = ra_sum(s, s->cur[g]);

	if (sum)
		locate_sum(s, g, sum);
	else
		locate(s, g, s->cur[g])->fix = s->fixes & RA_BIT(g) ? s->fix[g] : 0;
}

/* The place of g, which is where a region has it. */
static void locate_inside(struct ra *s, unsigned g)
{
	if (s->t->pinned & RA_BIT(g))
		add_loc(s, g, LIR_LOC_REG)->phys = s->t->home[g];
	else
		add_loc(s, g, LIR_LOC_MEM)->imm = ra_greg_mem(s, g);
}

static void add_locs(struct ra *s, uint64_t away)
{
	struct lir_unit *u = s->u;

	s->loc_first = u->loc_count;
	for (RA_EACH(g, away | s->displaced)) {
		if (away & RA_BIT(g))
			locate_away(s, (unsigned)g);
		else
			locate_inside(s, (unsigned)g);
	}
	s->loc_count = u->loc_count - s->loc_first;
}

/* What is owed at the insn at hand. */
static uint32_t owes(struct ra *s)
{
	const struct lir_unit *u = s->u;

	while (s->next_owe < u->owe_count && u->owe[s->next_owe].insn <= s->i)
		s->next_owe++;
	return s->next_owe ? u->owe[s->next_owe - 1].owes : 0;
}

static void add_fault(struct ra *s)
{
	struct lir_unit *u = s->u;

	arena_grow(u->arena, u->fault, u->fault_count, u->fault_cap);
	u->fault[u->fault_count++] =
	    (struct lir_fault){ s->out.count, owes(s), s->loc_first, s->loc_count };
}

void ra_note_fault(struct ra *s)
{

	if (!s->loc_valid) {
		add_locs(s, s->away);
		s->loc_valid = !s->sums; /* nobody says when an operand of one moves */
	}
	add_fault(s);
}

/* ---- LF_SYNC ---------------------------------------------------------------------------------------- */

struct sync {
	struct ra_moves moves;
	uint64_t fixed; /* registers of fixed operands */
	uint64_t kept;  /* scratch registers whose values live on */
	uint64_t held;  /* those that hold an operand in its place */
};

/* The home where v is going to be, or LIR_PHYS_NONE. */
static unsigned home_of(const struct ra *s, uint16_t v)
{
	uint64_t of = s->value[v].cur_of & ~(s->fixes & ~s->kept);

	if (of & ~s->away)
		of &= ~s->away;
	return of ? s->t->home[ra_lowest(of)] : LIR_PHYS_NONE;
}

/* Values that live on leave homes that are not theirs, and fixed registers. */
static void make_room(struct ra *s, struct sync *y)
{
	for (RA_EACH(r, s->held & ra_allocatable(s))) {
		uint16_t v = s->occ[r];

		if (!ra_outlives(s, v) || home_of(s, v) != LIR_PHYS_NONE)
			continue;
		if (RA_BIT(r) & (s->t->homes | y->fixed))
			ra_evict(s, v);
		else
			y->kept |= RA_BIT(r);
	}
}

/* Where an operand that is not fixed can be had without a move; false: nowhere. */
static bool place_in_place(struct ra *s, struct sync *y, struct lir_insn *in, struct lir_opnd *o)
{
	uint16_t v = o->r;
	const struct ra_value *x = &s->value[v];
	unsigned home = home_of(s, v);

	if (home != LIR_PHYS_NONE) {
		o->r = (lreg)home;
	} else if (x->reg != LIR_PHYS_NONE) {
		if (RA_BIT(x->reg) & (s->t->homes | y->fixed)) {
			if (!(o->flags & LO_LAX) || !x->cur_of)
				return false;
			o->r = s->t->home[ra_lowest(x->cur_of)]; /* with the fix */
			return true;
		}
		y->held |= RA_BIT(x->reg);
		o->r = x->reg;
	} else {
		if (!(o->flags & LO_MEM) || x->is_const)
			return false;
		for (unsigned k = 0; k < in->nopnd; k++)
			if (in->opnd[k].flags & LO_IN_MEM)
				return false;
		o->flags |= LO_IN_MEM;
		o->r = LREG_NONE;
		in->mem = x->mem;
	}
	return true;
}

/* A scratch register for an operand that has to be moved or made. */
static unsigned operand_reg(struct ra *s, struct sync *y, uint16_t v)
{
	uint64_t scratch =
	    s->t->scratch[s->value[v].cls] & ~(y->fixed | y->held | ra_moves_dst(&y->moves));
	uint64_t avail = scratch & ~y->kept;
	unsigned r;

	KIT_CHECK(scratch, "LIR insn %u has more operands than the host has scratch registers",
		  s->i);
	if (avail & ~y->moves.srcs) /* else a cycle might arise */
		avail &= ~y->moves.srcs;
	if (avail)
		return ra_lowest(avail);
	r = ra_lowest(scratch);
	y->kept &= ~RA_BIT(r);
	if (s->held & RA_BIT(r))
		ra_evict(s, s->occ[r]);
	return r;
}

static void place_operands(struct ra *s, struct sync *y, struct lir_insn *in,
			   const struct lir_insn *sel)
{
	uint32_t missing = 0;

	for (unsigned k = 0; k < in->nopnd; k++) {
		struct lir_opnd *o = &in->opnd[k];

		KIT_DCHECK(o->role != LIR_DEF, "LF_SYNC insn %u has a result", s->i);
		if (o->role != LIR_USE)
			continue;
		if (o->fixed != LIR_PHYS_NONE) {
			ra_moves_add(s, &y->moves, o->fixed, o->r);
			o->r = o->fixed;
		} else if (!place_in_place(s, y, in, o)) {
			missing |= 1u << k;
		}
	}
	for (unsigned k = 0; missing >> k; k++) {
		struct lir_opnd *o = &in->opnd[k];
		unsigned same = 0;

		if (!(missing >> k & 1))
			continue;
		while (same < k && !(missing >> same & 1 && sel->opnd[same].r == sel->opnd[k].r))
			same++;
		if (same < k) {
			o->r = in->opnd[same].r;
		} else {
			uint16_t v = o->r;

			o->r = (lreg)operand_reg(s, y, v);
			ra_moves_add(s, &y->moves, o->r, v);
		}
	}
}

static bool ends_block(const struct ra *s)
{
	uint32_t next = s->i + 1;

	while (next < s->end && s->u->insn[next].op == LIR_NOP)
		next++;
	return next == s->end;
}

void ra_sync(struct ra *s, const struct lir_insn *sel)
{
	struct lir_insn in = *sel;
	struct sync y;

	KIT_DCHECK(!s->sums, "LF_SYNC insn %u sees a sum", s->i);
	for (RA_EACH(g, s->away & ~s->t->pinned))
		ra_store_greg(s, (unsigned)g);
	s->kept = kept_at(s, in.exit);
	y.fixed = y.kept = y.held = 0;
	for (unsigned k = 0; k < in.nopnd; k++)
		if (in.opnd[k].fixed != LIR_PHYS_NONE)
			y.fixed |= RA_BIT(in.opnd[k].fixed);
	if (!ends_block(s))
		make_room(s, &y);
	ra_moves_init(&y.moves);
	moves_home(s, &y.moves);
	place_operands(s, &y, &in, sel);
	ra_moves_emit(&y.moves,
		      (s->t->scratch[LIR_INT] | s->t->scratch[LIR_FP])
			  & ~(y.kept | y.held | y.fixed),
		      &s->out);
	fix_homes(s, &s->out, s->kept);
	if (in.flags & LF_EXIT)
		s->u->exit[in.exit].stub_first = s->u->exit[in.exit].stub_count = 0;
	if (in.flags & LF_FAULT) {
		add_locs(s, 0);
		s->loc_valid = false;
		add_fault(s);
	}
	*ra_append(&s->out) = in;
}

/* g's home holds what no other value's place is: a second copy, or a fixed one. */
static void bind_synced(struct ra *s, unsigned g)
{
	uint16_t v = (uint16_t)(s->synced + g);
	struct ra_value *x = ra_init_value(s, v, ra_greg_class(s, g), false);

	x->death = RA_LATE(s->end - 1); /* or until the next PUT */
	s->value[s->cur[g]].cur_of &= ~RA_BIT(g);
	s->cur[g] = v;
	x->cur_of = RA_BIT(g);
	ra_set_reg(s, v, s->t->home[g]);
}

void ra_settle(struct ra *s)
{
	uint64_t moved = s->away, fixed = s->fixes & ~s->kept;

	if (!moved || ends_block(s))
		return;
	for (RA_EACH(a, moved & ~fixed)) {
		uint16_t v = s->cur[a];

		if (!(s->value[v].cur_of & ~moved) && s->value[v].reg != LIR_PHYS_NONE)
			ra_set_reg(s, v, LIR_PHYS_NONE);
	}
	s->fixes = s->kept;
	for (RA_EACH(g, moved)) {
		struct ra_value *x = &s->value[s->cur[g]];

		if (fixed & RA_BIT(g) || x->reg != LIR_PHYS_NONE)
			bind_synced(s, (unsigned)g);
		else if (ra_outlives(s, s->cur[g]))
			ra_set_reg(s, s->cur[g], s->t->home[g]);
	}
}

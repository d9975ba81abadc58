/*
 * Which register a value gets, and who has to make room.
 *
 * A register is wanted at a position: a home when the next value that is to be PUT there is defined,
 * a fixed register (scratch) when the next insn with it as an operand comes. A value
 * that is dead by then may have the register for nothing. The order of choice:
 *
 *     1. the home of the guest register that the value becomes
 *     2. the hint: the operand that dies here and that the result replaces
 *     3. the register of a fixed operand that the value will be
 *     4. a scratch register, then a home, that nobody wants while the value lives
 *     5. the hint all the same; the register that is wanted last
 *     6. one whose value is evicted: the one that is used last, where a value that can be had
 *        again for one load or constant counts as used later
 */
#include "lib/ra/ra_priv.h"

/* ---- the books ------------------------------------------------------------------------------ */

void ra_set_reg(struct ra *s, uint16_t v, unsigned r)
{
	struct ra_value *x = &s->value[v];

	if (x->reg != LIR_PHYS_NONE && ra_occupant(s, x->reg) == v) {
		s->held &= ~RA_BIT(x->reg);
		s->free |= RA_BIT(x->reg) & ra_allocatable(s);
	}
	x->reg = (uint8_t)r;
	if (r != LIR_PHYS_NONE) {
		KIT_DCHECK(ra_occupant(s, r) == RA_NOVALUE, "register %u holds value %u at insn %u",
			   r, s->occ[r], s->i);
		s->occ[r] = v;
		s->held |= RA_BIT(r);
		s->free &= ~RA_BIT(r);
	}
	if (!x->cur_of)
		return;
	s->loc_valid = false;
	for (RA_EACH(g, x->cur_of)) {
		if (r != LIR_PHYS_NONE && r == s->t->home[g] && !(s->fixes & RA_BIT(g)))
			s->away &= ~RA_BIT(g);
		else
			s->away |= RA_BIT(g);
	}
}

void ra_drop_mem(struct ra *s, uint16_t v)
{
	struct ra_value *x = &s->value[v];

	if (x->slot != RA_NOSLOT) {
		s->slots |= RA_BIT(x->slot);
		x->slot = RA_NOSLOT;
	}
	x->mem = RA_NOMEM;
}

/* A place in memory for value v. */
static int32_t spill_mem(struct ra *s, uint16_t v)
{
	unsigned slot;

	/* Nothing else uses the place of a pinned register. */
	if (v >= s->entry && v < s->synced && s->t->pinned & RA_BIT(v - s->entry))
		return ra_greg_mem(s, (unsigned)(v - s->entry));
	if (!s->slots) {
		s->out_of_slots = true;
		s->slots = 1; /* the run goes on and gives something wrong, which is thrown away */
	}
	slot = ra_lowest(s->slots);
	s->slots &= ~RA_BIT(slot);
	s->value[v].slot = (uint8_t)slot;
	return (int32_t)(offsetof(struct ir_state, spill) + slot * sizeof(uint64_t));
}

void ra_evict(struct ra *s, uint16_t v)
{
	struct ra_value *x = &s->value[v];

	if (!x->is_const) {
		for (RA_EACH(g, x->cur_of & ~s->t->pinned))
			ra_store_greg(s, (unsigned)g);
		if (x->mem == RA_NOMEM) {
			x->mem = spill_mem(s, v);
			ra_emit(&s->out, LIR_STORE, x->reg, LIR_PHYS_NONE, x->mem);
		}
	}
	ra_set_reg(s, v, LIR_PHYS_NONE);
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* The next insn of a list that is at or after the horizon; drops those before. */
static uint32_t next_insn(struct ra *s, uint32_t *list)
{
	while (*list != RA_NOUSE && s->use[*list].insn < s->horizon)
		*list = s->use[*list].next;
	return *list == RA_NOUSE ? RA_NEVER : s->use[*list].insn;
}

/* The insn that defines the next value, other than v, that would like g's home. */
static uint32_t next_want(struct ra *s, unsigned g, uint16_t v)
{
	uint16_t *w = &s->want[g], next;

	if (!(s->wanted & RA_BIT(g)))
		return RA_NEVER;
	while (*w != RA_NOVALUE && s->value[*w].def < s->i)
		*w = s->value[*w].next_want;
	next = *w == v && v != RA_NOVALUE ? s->value[v].next_want : *w;
	return next == RA_NOVALUE ? RA_NEVER : s->value[next].def;
}

/* The next insn with an operand fixed to r. */
static uint32_t next_fixed(struct ra *s, unsigned r)
{
	return s->fixed_any & RA_BIT(r) ? next_insn(s, &s->fixed[r]) : RA_NEVER;
}

uint32_t ra_next_want(struct ra *s, unsigned g) { return next_want(s, g, RA_NOVALUE); }

/* The position from which another than v wants register r. */
static uint32_t wanted_at(struct ra *s, unsigned r, uint16_t v)
{
	bool home = s->t->homes >> r & 1;
	uint32_t insn = home ? next_want(s, s->t->greg_of[r], v) : next_fixed(s, r);

	if (insn == RA_NEVER)
		return RA_NEVER;
	/* A result may follow an operand that dies; a fixed operand needs the place at once. */
	return home ? RA_EARLY(insn) : RA_EARLY(insn) - 1;
}

/* The register of avail that is wanted last; one wanted only after v's death at once. */
static unsigned least_wanted(struct ra *s, uint16_t v, uint64_t avail, uint32_t *at)
{
	unsigned best = LIR_PHYS_NONE;

	*at = 0;
	for (RA_EACH(r, avail)) {
		uint32_t pos = wanted_at(s, (unsigned)r, v);

		if (best == LIR_PHYS_NONE || pos > *at) {
			best = (unsigned)r;
			*at = pos;
		}
		if (pos >= s->value[v].death)
			break;
	}
	return best;
}

unsigned ra_pick(struct ra *s, uint16_t v, uint64_t avail, unsigned hint)
{
	const struct ra_value *x = &s->value[v];
	uint64_t scratch;
	unsigned by_scratch, by_home;
	uint32_t scratch_at, home_at;

	avail &= s->t->alloc[x->cls];
	if (!avail)
		return LIR_PHYS_NONE;
	if (x->dest != RA_NOGREG) {
		unsigned home = s->t->home[x->dest];

		if (avail & RA_BIT(home) && next_want(s, x->dest, v) >= x->dest_end)
			return home;
	}
	if (hint != LIR_PHYS_NONE && !(avail & RA_BIT(hint)))
		hint = LIR_PHYS_NONE;
	if (hint != LIR_PHYS_NONE && wanted_at(s, hint, v) >= x->death)
		return hint;
	if (x->fixed != LIR_PHYS_NONE && avail & RA_BIT(x->fixed)
	    && next_fixed(s, x->fixed) == x->fixed_at)
		return x->fixed;
	scratch = avail & s->t->scratch[x->cls];
	by_scratch = least_wanted(s, v, scratch, &scratch_at);
	if (by_scratch != LIR_PHYS_NONE && scratch_at >= x->death)
		return by_scratch;
	by_home = least_wanted(s, v, avail & ~scratch, &home_at);
	if (by_home != LIR_PHYS_NONE && home_at >= x->death)
		return by_home;
	if (hint != LIR_PHYS_NONE)
		return hint;
	if (by_home == LIR_PHYS_NONE || (by_scratch != LIR_PHYS_NONE && scratch_at >= home_at))
		return by_scratch;
	return by_home;
}

/* Is v wanted in memory alone from here on? Then evicting it is no more than storing it early. */
static bool is_to_be_stored(const struct ra *s, const struct ra_value *x, uint32_t next)
{
	return next == RA_NEVER && !x->is_const && !(x->cur_of & s->t->pinned)
	       && s->u->insn[RA_INSN(x->death)].flags & LF_SYNC;
}

/*
 * How good a victim v is: the insns until it is used again for each memory access that this costs. Far
 * uses are all the same: by then there may be room anyhow.
 */
static uint32_t victim_score(struct ra *s, uint16_t v)
{
	enum { FAR = 12 };
	struct ra_value *x = &s->value[v];
	uint32_t next = next_insn(s, &x->uses), at = next == RA_NEVER ? RA_INSN(x->death) : next;
	uint32_t distance = at - s->i < FAR ? at - s->i : FAR;
	unsigned cost = x->is_const || x->mem != RA_NOMEM ? 1 : 2;

	if (is_to_be_stored(s, x, next))
		return UINT32_MAX;
	return distance * 2 / cost * 4096 + (at - s->i < 4096 ? at - s->i : 4095);
}

static unsigned victim(struct ra *s, uint64_t evictable)
{
	unsigned best = LIR_PHYS_NONE;
	uint32_t best_score = 0;

	for (RA_EACH(r, evictable)) {
		uint16_t v = ra_occupant(s, (unsigned)r);
		uint32_t score;

		if (v == RA_NOVALUE) {
			if (!(s->t->homes & ~s->free & RA_BIT(r)))
				continue;
			v = ra_touch(s, (unsigned)r);
		}
		score = victim_score(s, v);
		if (best == LIR_PHYS_NONE || score > best_score) {
			best = (unsigned)r;
			best_score = score;
		}
	}
	return best;
}

unsigned ra_vacate(struct ra *s, uint16_t v, uint64_t evictable)
{
	unsigned r = victim(s, evictable & s->t->alloc[s->value[v].cls]);

	KIT_CHECK(r != LIR_PHYS_NONE, "LIR insn %u has more operands than the host registers",
		  s->i);
	ra_evict(s, s->occ[r]);
	return r;
}

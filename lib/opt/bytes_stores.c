/*
 * Finding runs of stores of adjacent bytes: of a value and of it shifted right by 8, 16 ..., of constants, or of bytes that
 * were loaded one by one, which is how memcpy of a few bytes is compiled.
 *
 * From a store on, those behind it that may move up to it are collected by the byte that they write. The
 * widest window of bytes that all come from one source becomes a group. No other access stands between the
 * members: were it to fault, those that moved over it would have been made.
 */
#include "lib/opt/bytes_priv.h"

#include <string.h>

enum { REACH = 7, SLOTS = 2 * REACH + 1, FREE = -1, AHEAD_MAX = 128, SOURCE_STEPS = 8 };

/* The bytes around the first store: slot[REACH] is its own. */
struct window {
	uint32_t first;
	ir_ref base;
	int64_t at;          /* displacement of its lowest byte */
	int32_t slot[SLOTS]; /* the store that writes a byte, or FREE */
};

/* Where a byte comes from. */
struct source {
	bool is_konst;
	uint8_t byte; /* of value, or the constant */
	ir_ref value;
};

static struct source source_konst(uint64_t v)
{
	return (struct source){ .is_konst = true, .byte = (uint8_t)v, .value = IR_NOREF };
}

/* One step from byte n of insn i: true when it is *next's byte *n; or it is constant 0: *zero. */
static bool step(const struct bytes *s, const struct ir_insn *i, unsigned *n, bool *zero)
{
	unsigned w = i->type == IR_I32 ? 4 : 8;
	int64_t c;

	*zero = false;
	switch (i->op) {
	case IR_trunc:
		return true;
	case IR_sext:
		return *n < 4;
	case IR_zext:
		*zero = *n >= 4;
		return !*zero;
	case IR_sext8:
		return *n < 1;
	case IR_sext16:
		return *n < 2;
	case IR_and:
		if (!bytes_konst(s, i->b, &c))
			return false;
		c = (uint8_t)((uint64_t)c >> 8 * *n);
		*zero = c == 0;
		return c == 0xff;
	case IR_shr:
	case IR_sar:
		if (!bytes_konst(s, i->b, &c) || c & 7 || c < 0 || c >= 8 * (int64_t)w)
			return false;
		*n += (unsigned)c / 8;
		*zero = *n >= w && i->op == IR_shr;
		return *n < w;
	case IR_shl:
		if (!bytes_konst(s, i->b, &c) || c & 7 || c < 0 || c >= 8 * (int64_t)w)
			return false;
		*zero = *n < (unsigned)c / 8;
		*n -= (unsigned)c / 8;
		return !*zero;
	default:
		return false;
	}
}

static struct source source_of(const struct bytes *s, ir_ref r, unsigned n)
{
	bool zero;

	for (unsigned k = 0; k < SOURCE_STEPS; k++) {
		const struct ir_insn *i = &s->u->insn[r.idx];
		unsigned to = n;

		if (i->op == IR_const)
			return source_konst((uint64_t)i->imm >> 8 * n);
		if (!step(s, i, &to, &zero)) {
			if (zero)
				return source_konst(0);
			break;
		}
		n = to;
		r = i->a;
	}
	return (struct source){ .byte = (uint8_t)n, .value = r };
}

/* ---- the window ------------------------------------------------------------------------------ */

/* Notes that store k writes n bytes at displacement at; false: not all of them can be noted. */
static bool note(struct window *w, uint32_t k, int64_t at, unsigned n)
{
	int64_t low = at - w->at + REACH;

	for (unsigned b = 0; b < n; b++)
		if (low < 0 || low + b >= SLOTS || w->slot[low + b] != FREE)
			return false;
	for (unsigned b = 0; b < n; b++)
		w->slot[low + b] = (int32_t)k;
	return true;
}

/* Up to the first insn that may leave, fault or look at memory and is no such store: none may move up over it. */
static void collect(const struct bytes *s, struct window *w, uint32_t end)
{
	const struct ir_insn *insn = s->u->insn;

	if (end - w->first > AHEAD_MAX)
		end = w->first + AHEAD_MAX;
	for (uint32_t k = w->first; k < end; k++) {
		const struct ir_insn *i = &insn[k];
		int64_t at;

		if (i->dead || i->op == IR_putreg
		    || !(ir_info(i)->flags & (IR_L | IR_S | IR_E | IR_X)))
			continue;
		if ((i->op != IR_st8 && i->op != IR_st16) || i->sub || s->role[k] != BYTES_KEEP
		    || bytes_base(s, i->a, &at).idx != w->base.idx
		    || !note(w, k, at + i->imm, bytes_size(i->op)))
			return;
	}
}

/* True when no store that is not among the n bytes from slot low on stands between those that are. */
static bool is_dense(const struct bytes *s, const struct window *w, unsigned low, unsigned n)
{
	uint32_t last = 0;
	unsigned stores = 0, members = 0;

	for (unsigned k = low; k < low + n; k++) {
		last = (uint32_t)w->slot[k] > last ? (uint32_t)w->slot[k] : last;
		members += k == low || w->slot[k] != w->slot[k - 1];
	}
	for (uint32_t k = w->first; k <= last; k++)
		stores += !s->u->insn[k].dead && ir_info(&s->u->insn[k])->flags & IR_S;
	return stores == members;
}

/* ---- what the bytes of a window are ------------------------------------------------------------- */

static bool all_konst(const struct source *src, unsigned n, int64_t *v)
{
	*v = 0;
	for (unsigned k = 0; k < n; k++) {
		if (!src[k].is_konst)
			return false;
		*v |= (int64_t)((uint64_t)src[k].byte << 8 * k);
	}
	return true;
}

/* All bytes of one value, in order (step 1) or in the opposite order (-1). */
static bool all_of_value(const struct source *src, unsigned n, int by)
{
	for (unsigned k = 0; k < n; k++)
		if (src[k].is_konst || src[k].value.idx != src[0].value.idx
		    || src[k].byte != src[0].byte + by * (int)k)
			return false;
	return true;
}

/* Bytes that were loaded from where they lie side by side: the group of loads to copy from, or BYTES_NO_GROUP. */
static unsigned all_loaded(struct bytes *s, const struct source *src, unsigned n, uint32_t before,
			   uint8_t *byte)
{
	uint32_t load[8];
	unsigned count = 0, group = BYTES_NO_GROUP;
	const struct bytes_value *v0 = NULL;
	int64_t at = 0;

	for (unsigned k = 0; k < n; k++) {
		uint32_t r = src[k].value.idx;
		const struct bytes_value *v;

		if (src[k].is_konst || r > before || !bytes_is_load(s->u->insn[r].op))
			return BYTES_NO_GROUP;
		v = &s->value[r];
		if (!ir_ref_ok(v->base))
			return BYTES_NO_GROUP;
		if (!v0) {
			v0 = v;
			at = v->little + src[0].byte;
			group = v->group;
		}
		if (v->base.idx != v0->base.idx || v->group != group
		    || v->little + src[k].byte != at + k)
			return BYTES_NO_GROUP;
		if (!count || load[count - 1] != r)
			load[count++] = r;
	}
	*byte = 0;
	if (group == BYTES_NO_GROUP)
		return bytes_group_loads(s, load, count, v0->base, at, n);
	*byte = (uint8_t)(at - s->loads[group].disp);
	return *byte + n <= s->loads[group].n ? group : BYTES_NO_GROUP;
}

static bool find_source(struct bytes *s, const struct window *w, const struct source *src,
			struct bytes_stores *g)
{
	unsigned n = g->n;

	g->loads = BYTES_NO_GROUP;
	g->value = IR_NOREF;
	if (all_konst(src, n, &g->konst))
		return true;
	g->byte = src[0].byte;
	if (all_of_value(src, n, 1) || all_of_value(src, n, -1)) {
		g->big = src[n - 1].byte < src[0].byte;
		if (g->big)
			g->byte = src[n - 1].byte;
		g->value = src[0].value;
		return g->value.idx < w->first;
	}
	g->loads = (uint8_t)all_loaded(s, src, n, w->first, &g->byte);
	return g->loads != BYTES_NO_GROUP;
}

/* ---- groups ---------------------------------------------------------------------------------- */

/* Makes a group of the n bytes from slot low on, if they can be one. */
static bool merge(struct bytes *s, const struct window *w, unsigned low, unsigned n)
{
	struct bytes_stores *g = &s->stores[s->stores_count];
	const struct ir_insn *insn = s->u->insn;
	struct source src[8];
	int64_t base;

	*g = (struct bytes_stores){ .first = w->first, .n = (uint8_t)n };
	for (unsigned k = 0; k < n; k++) {
		int32_t st = w->slot[low + k];
		unsigned byte = low + k && w->slot[low + k - 1] == st;

		/* Both bytes of a wider one, or neither. */
		if (st < 0 || (byte && !k) || (!byte && k + 1 == n && insn[st].op == IR_st16))
			return false;
		src[k] = source_of(s, insn[st].b, byte);
	}
	if (!is_dense(s, w, low, n) || !find_source(s, w, src, g))
		return false;
	bytes_base(s, insn[w->first].a, &base);
	g->imm = w->at + (int64_t)low - REACH - base;
	if (!fits_i32(g->imm))
		return false;
	for (unsigned k = 0; k < n; k++)
		s->role[w->slot[low + k]] = BYTES_GONE;
	s->role[w->first] = BYTES_STORE;
	s->stores_count++;
	return true;
}

/* The widest group of which store k is the first. */
static void merge_from(struct bytes *s, uint32_t k, uint32_t end)
{
	const struct ir_insn *i = &s->u->insn[k];
	struct window w = { .first = k };
	unsigned size = bytes_size(i->op);

	w.base = bytes_base(s, i->a, &w.at);
	w.at += i->imm;
	memset(w.slot, 0xff, sizeof w.slot);
	_Static_assert(FREE == -1, "set by memset");
	collect(s, &w, end);
	for (unsigned n = 8; n > size; n /= 2)
		for (unsigned low = REACH; low + n >= REACH + size; low--)
			if (merge(s, &w, low, n))
				return;
}

void bytes_find_stores(struct bytes *s, const struct ir_block *blk)
{
	uint32_t end = blk->first + blk->count;

	for (uint32_t k = blk->first; k < end; k++) {
		const struct ir_insn *i = &s->u->insn[k];

		if ((i->op == IR_st8 || i->op == IR_st16) && !i->dead && !i->sub
		    && s->role[k] == BYTES_KEEP && s->stores_count < BYTES_GROUPS_MAX)
			merge_from(s, k, end);
	}
}

/*
 * Finding what can be merged: values made of bytes of memory, and groups of loads.
 *
 * rv64 programs that may not rely on fast misaligned access read a word as bytes:
 *
 *     lbu a,0(p); lbu b,1(p); slli b,b,8; or a,a,b; ...        (b0 | b1 << 8) | b2 << 16 ...
 *
 * A walk forward says of each value which bytes of memory its own bytes are (struct bytes_value). A walk
 * backward takes the largest trees first: where an or, add or xor joins 2, 4 or 8 adjacent bytes in
 * ascending or descending order, the loads at its leaves become a group, if they may all move up to the first.
 *
 * Loads of different bytes may be reordered ("RVWMO"), those of the same byte may not, and without the same base there is
 * no telling: so nothing moves over an access with another base.
 */
#include "lib/opt/bytes_priv.h"

enum { BASE_STEPS = 4, LEAVES_MAX = 8, NODES_MAX = 48 };

static const struct bytes_value nothing = { .base = { UINT16_MAX }, .group = BYTES_NO_GROUP };

/* ---- values ---------------------------------------------------------------------------------- */

bool bytes_konst(const struct bytes *s, ir_ref r, int64_t *v)
{
	const struct ir_insn *i = &s->u->insn[r.idx];

	*v = i->imm;
	return i->op == IR_const;
}

ir_ref bytes_base(const struct bytes *s, ir_ref r, int64_t *disp)
{
	int64_t c;

	*disp = 0;
	for (unsigned k = 0; k < BASE_STEPS; k++) {
		const struct ir_insn *i = &s->u->insn[r.idx];

		if (i->op != IR_add || !bytes_konst(s, i->b, &c) || !fits_i32(c)
		    || !fits_i32(*disp + c))
			break;
		*disp += c;
		r = i->a;
	}
	return r;
}

static struct bytes_value loaded(const struct bytes *s, const struct ir_insn *i)
{
	unsigned n = bytes_size(i->op);
	struct bytes_value v = nothing;
	int64_t disp;

	if (i->sub)
		return nothing;
	v.base = bytes_base(s, i->a, &disp);
	disp += i->imm;
	if (!fits_i32(disp - 16) || !fits_i32(disp + 16))
		return nothing;
	v.mask = (uint8_t)((1u << n) - 1);
	v.sign = i->op == IR_ld8s || i->op == IR_ld16s || i->op == IR_ld32s ? (uint8_t)n : 0;
	v.order = n == 1 ? BYTES_LITTLE | BYTES_BIG : BYTES_LITTLE;
	v.little = v.big = (int32_t)disp;
	return v;
}

/* v after its mask became smaller. */
static struct bytes_value narrowed(struct bytes_value v)
{
	if (!v.mask)
		return nothing;
	if (!(v.mask & (v.mask - 1)) && !(v.order & BYTES_BIG)) {
		int byte = __builtin_ctz(v.mask);

		v.big = v.little + 2 * byte;
		v.order = BYTES_LITTLE | BYTES_BIG;
	}
	return v;
}

/* v shifted left by k bytes, of w. */
static struct bytes_value shifted_left(struct bytes_value v, unsigned k, unsigned w)
{
	v.mask = (uint8_t)(v.mask << k & ((1u << w) - 1));
	v.sign = v.sign && v.sign + k < w ? (uint8_t)(v.sign + k) : 0;
	v.little -= (int32_t)k;
	v.big += (int32_t)k;
	return narrowed(v);
}

static struct bytes_value shifted_right(struct bytes_value v, unsigned k)
{
	if (v.sign)
		return nothing;
	v.mask = (uint8_t)(v.mask >> k);
	v.little += (int32_t)k;
	v.big -= (int32_t)k;
	return narrowed(v);
}

static struct bytes_value shifted(const struct bytes *s, const struct ir_insn *i)
{
	unsigned w = i->type == IR_I32 ? 4 : 8;
	const struct bytes_value v = s->value[i->a.idx];
	int64_t n;

	if (!ir_ref_ok(v.base) || !bytes_konst(s, i->b, &n) || n & 7)
		return nothing;
	n = n / 8 & (w - 1);
	if (i->op == IR_shl)
		return shifted_left(v, (unsigned)n, w);
	if (i->op == IR_sar && v.mask >> (w - 1)) /* copies of its sign come in */
		return nothing;
	return shifted_right(v, (unsigned)n);
}

static struct bytes_value masked(const struct bytes *s, const struct ir_insn *i)
{
	unsigned w = i->type == IR_I32 ? 4 : 8, keep = 0;
	struct bytes_value v = s->value[i->a.idx];
	int64_t c;

	if (!ir_ref_ok(v.base) || !bytes_konst(s, i->b, &c))
		return nothing;
	for (unsigned k = 0; k < w; k++) {
		unsigned byte = (unsigned)((uint64_t)c >> 8 * k) & 0xff;

		if (byte != 0 && byte != 0xff)
			return nothing;
		keep |= (byte & 1) << k;
	}
	if (v.sign && keep >> v.sign)
		return nothing;
	v.sign = 0;
	v.mask &= (uint8_t)keep;
	return narrowed(v);
}

/* The sign or zero extension of the low n bytes. */
static struct bytes_value extended(struct bytes_value v, unsigned n, bool is_signed)
{
	v.mask &= (uint8_t)((1u << n) - 1);
	if (v.sign >= n)
		v.sign = 0;
	if (is_signed && v.mask >> (n - 1))
		v.sign = (uint8_t)n;
	else if (!is_signed && v.sign)
		return nothing;
	return narrowed(v);
}

/* The low half as an i32: which has no copies of its sign beyond itself. */
static struct bytes_value halved(struct bytes_value v)
{
	v.mask &= 15;
	if (v.sign >= 4)
		v.sign = 0;
	return narrowed(v);
}

static struct bytes_value joined(struct bytes_value v, struct bytes_value x)
{
	struct bytes_value t;

	if (!ir_ref_ok(v.base) || v.base.idx != x.base.idx || v.mask & x.mask)
		return nothing;
	if (x.sign) {
		t = v;
		v = x;
		x = t;
	}
	if (v.sign && (x.sign || x.mask >> v.sign))
		return nothing;
	v.order &= x.order;
	if (v.little != x.little)
		v.order &= ~BYTES_LITTLE;
	if (v.big != x.big)
		v.order &= ~BYTES_BIG;
	v.mask |= x.mask;
	return v.order ? v : nothing;
}

static struct bytes_value value_of(const struct bytes *s, const struct ir_insn *i)
{
	switch (i->op) {
	case IR_ld8u ... IR_ld64:
		return loaded(s, i);
	case IR_shl:
	case IR_shr:
	case IR_sar:
		return shifted(s, i);
	case IR_and:
		return masked(s, i);
	case IR_or:
	case IR_add:
	case IR_xor:
		return joined(s->value[i->a.idx], s->value[i->b.idx]);
	case IR_sext8:
		return extended(s->value[i->a.idx], 1, true);
	case IR_sext16:
		return extended(s->value[i->a.idx], 2, true);
	case IR_trunc:
		return halved(s->value[i->a.idx]);
	case IR_sext:
		return extended(s->value[i->a.idx], 4, true);
	case IR_zext:
		return extended(s->value[i->a.idx], 4, false);
	default:
		return nothing;
	}
}

/* ---- moving ---------------------------------------------------------------------------------- */

bool bytes_may_cross(const struct bytes *s, const struct ir_insn *i, ir_ref base, int64_t disp,
		     unsigned n)
{
	unsigned flags = ir_info(i)->flags, size = bytes_size(i->op);
	int64_t at;

	if (i->dead || i->op == IR_putreg || !(flags & (IR_L | IR_S | IR_E | IR_X)))
		return true;
	if (flags & (IR_E | IR_X))
		return false;
	if (!size) /* ldf, stf */
		size = i->type == IR_F32 ? 4 : 8;
	if (bytes_base(s, i->a, &at).idx != base.idx)
		return false;
	at += i->imm;
	return at + size <= disp || disp + n <= at;
}

static bool among(uint32_t k, const uint32_t *list, unsigned count)
{
	while (count-- > 0)
		if (list[count] == k)
			return true;
	return false;
}

unsigned bytes_group_loads(struct bytes *s, const uint32_t *load, unsigned count, ir_ref base,
			   int64_t disp, unsigned n)
{
	uint32_t first = UINT32_MAX, last = 0;

	if (s->loads_count == BYTES_GROUPS_MAX)
		return BYTES_NO_GROUP;
	for (unsigned k = 0; k < count; k++) {
		const struct ir_insn *i = &s->u->insn[load[k]];
		const struct bytes_value *v = &s->value[load[k]];

		if (v->little < disp || v->little + (int64_t)bytes_size(i->op) > disp + n)
			return BYTES_NO_GROUP;
		first = load[k] < first ? load[k] : first;
		last = load[k] > last ? load[k] : last;
	}
	for (uint32_t k = first + 1; k < last; k++)
		if (!among(k, load, count) && !bytes_may_cross(s, &s->u->insn[k], base, disp, n))
			return BYTES_NO_GROUP;
	s->loads[s->loads_count] = (struct bytes_loads){
		.first = first,
		.base = base,
		.disp = (int32_t)disp,
		.n = (uint8_t)n,
		.is_single = count == 1,
	};
	for (unsigned k = 0; k < count; k++) {
		s->role[load[k]] = BYTES_FIELD;
		s->value[load[k]].group = (uint8_t)s->loads_count;
	}
	return s->loads_count++;
}

/* ---- trees ----------------------------------------------------------------------------------- */

struct tree {
	uint32_t leaf[LEAVES_MAX], node[NODES_MAX];
	unsigned leaves, nodes;
};

/* Collects what value r, which is bytes of memory, was made from; false: it is too much. */
static bool climb(const struct bytes *s, ir_ref r, struct tree *t)
{
	const struct ir_insn *i = &s->u->insn[r.idx];
	bool joins = i->op == IR_or || i->op == IR_add || i->op == IR_xor;

	if (bytes_is_load(i->op)) {
		if (among(r.idx, t->leaf, t->leaves))
			return true;
		if (t->leaves == LEAVES_MAX)
			return false;
		t->leaf[t->leaves++] = r.idx;
		return true;
	}
	if (t->nodes == NODES_MAX)
		return false;
	t->node[t->nodes++] = r.idx;
	return climb(s, i->a, t) && (!joins || climb(s, i->b, t));
}

/* Value k becomes a field of group g, where its bytes lie as the group's do. */
static void become_field(struct bytes *s, uint32_t k, unsigned group)
{
	struct bytes_value *v = &s->value[k];
	struct bytes_loads *g = &s->loads[group];
	unsigned lowest, n = bytes_run(v->mask, &lowest);

	if (!n || s->role[k] != BYTES_KEEP || (!(v->order & BYTES_LITTLE) && !g->big))
		return;
	s->role[k] = BYTES_FIELD;
	v->group = (uint8_t)group;
}

/* The group that all leaves are in already, if its bytes hold those of v, or BYTES_NO_GROUP. */
static unsigned common_group(const struct bytes *s, const struct tree *t, int64_t disp, unsigned n)
{
	unsigned group = s->value[t->leaf[0]].group;
	const struct bytes_loads *g;

	for (unsigned k = 1; k < t->leaves; k++)
		if (s->value[t->leaf[k]].group != group)
			return BYTES_NO_GROUP;
	if (group == BYTES_NO_GROUP)
		return group;
	g = &s->loads[group];
	return disp < g->disp || disp + n > g->disp + g->n ? BYTES_NO_GROUP : group;
}

static bool any_grouped(const struct bytes *s, const struct tree *t)
{
	for (unsigned k = 0; k < t->leaves; k++)
		if (s->role[t->leaf[k]] != BYTES_KEEP)
			return true;
	return false;
}

/* Makes the value of insn k, which joins bytes, a field of a wide load, if that can be. */
static void merge_tree(struct bytes *s, uint32_t k)
{
	const struct bytes_value *v = &s->value[k];
	struct tree t = { .leaves = 0 };
	bool little = v->order & BYTES_LITTLE;
	unsigned lowest = 0, n = bytes_run(v->mask, &lowest), group;
	int64_t disp;

	if ((n != 2 && n != 4 && n != 8) || !climb(s, (ir_ref){ (uint16_t)k }, &t))
		return;
	disp = little ? v->little + (int)lowest : v->big - (int)(lowest + n - 1);
	group = common_group(s, &t, disp, n);
	if (group == BYTES_NO_GROUP) {
		/* One load is as wide as it can be: only its order may be another. */
		if (any_grouped(s, &t) || (t.leaves == 1 && little))
			return;
		group = bytes_group_loads(s, t.leaf, t.leaves, v->base, disp, n);
		if (group == BYTES_NO_GROUP)
			return;
		s->loads[group].is_signed =
		    v->sign == lowest + n || (n == 4 && s->u->insn[k].type == IR_I32);
	}
	if (!little) { /* the whole of it, so that a field of the swapped one is the same one */
		if (n != s->loads[group].n)
			return;
		s->loads[group].big = true;
	}
	for (unsigned m = 0; m < t.nodes; m++)
		become_field(s, t.node[m], group);
}

void bytes_find_loads(struct bytes *s, const struct ir_block *blk)
{
	const struct ir_insn *insn = s->u->insn;
	uint32_t end = blk->first + blk->count;

	for (uint32_t k = blk->first; k < end; k++)
		s->value[k] = insn[k].dead ? nothing : value_of(s, &insn[k]);
	for (uint32_t k = end; k-- > blk->first;)
		if ((insn[k].op == IR_or || insn[k].op == IR_add || insn[k].op == IR_xor)
		    && ir_ref_ok(s->value[k].base) && s->role[k] == BYTES_KEEP)
			merge_tree(s, k);
}

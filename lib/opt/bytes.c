/*
 * Merging of narrow accesses (bytes_priv.h): the pass, and the writing of the new unit.
 *
 * A wide access stands where the first of those that it replaces stood, so a fault finds the guest as it was
 * before that one. Which of them would have faulted, and what those before it would have done, is for
 * the interpreter to find out: wide accesses have IR_REDO.
 *
 * What the registers held on the way to a wide value is mostly overwritten soon, but not before something might fault
 * and show it. So a redo reaches further: from the first wide load on up to where something has an
 * effect, a store included, whatever faults goes back to that load, whose registers are still those of then:
 * their writes wait until the stretch is over, and only the last write of each is made.
 *
 * Most units have no narrow accesses: to see that costs a look at each insn's operation.
 */
#include "lib/opt/bytes_priv.h"

#include "lib/opt/opt_priv.h"

enum {
	GROWTH =
	    6,    /* the most insns that one becomes: a field or a wide store with its constants */
	WIDE = 5, /* and that a wide load adds */
	INSNS_MAX = 8192,
	STRETCH_MAX = 128 /* insns, whose results and the registers' old values live together */
};

/* The new unit being written. */
struct writer {
	const struct bytes *s;
	struct ir_insn *out;
	uint32_t count;
	int32_t gpc_off;
	uint32_t *map; /* 1 + old index: new one; [0] stands for IR_NOREF */
	/* The stretch that redo goes back over: */
	bool in_stretch;
	int32_t stretch_off;  /* gpc_off of its start */
	uint32_t stretch_end; /* old index where it ends at the latest */
	uint64_t waiting;     /* registers whose writes wait */
	ir_ref wait[IR_MAX_REGS];
	/* By group of loads: what was loaded, and in the opposite order. */
	ir_ref wide[BYTES_GROUPS_MAX], swapped[BYTES_GROUPS_MAX];
};

static ir_ref put(struct writer *w, enum ir_op op, enum ir_type t, ir_ref a, ir_ref b, int64_t imm)
{
	w->out[w->count] = (struct ir_insn){
		.op = (uint8_t)op,
		.type = (uint8_t)t,
		.gpc_off = w->gpc_off,
		.a = a,
		.b = b,
		.c = IR_NOREF,
		.to = IR_NOBLOCK,
		.imm = imm,
	};
	return (ir_ref){ (uint16_t)w->count++ };
}

static ir_ref put1(struct writer *w, enum ir_op op, enum ir_type t, ir_ref a)
{
	return put(w, op, t, a, IR_NOREF, 0);
}

/* a op constant c */
static ir_ref put_by(struct writer *w, enum ir_op op, enum ir_type t, ir_ref a, int64_t c)
{
	ir_ref b = put(w, IR_const, t, IR_NOREF, IR_NOREF, c);

	return put(w, op, t, a, b, 0);
}

static ir_ref mapped(const struct writer *w, ir_ref r)
{
	return (ir_ref){ (uint16_t)w->map[ir_ref_slot(r)] };
}

/* The low n bytes of v in the opposite order, extended. */
static ir_ref swap(struct writer *w, ir_ref v, unsigned n, bool is_signed)
{
	if (n == 8)
		return put1(w, IR_bswap, IR_I64, v);
	v = put1(w, IR_bswap, IR_I32, put1(w, IR_trunc, IR_NONE, v));
	if (n == 2)
		v = put_by(w, is_signed ? IR_sar : IR_shr, IR_I32, v, 16);
	return put1(w, is_signed ? IR_sext : IR_zext, IR_NONE, v);
}

static void begin_stretch(struct writer *w, uint32_t k)
{
	w->in_stretch = true;
	w->stretch_off = w->gpc_off;
	w->stretch_end = k + STRETCH_MAX;
	w->waiting = 0;
}

/* An access of the stretch: it goes back to its start. */
static void set_redo(struct writer *w, ir_ref r)
{
	w->out[r.idx].sub = IR_REDO;
	w->out[r.idx].gpc_off = w->stretch_off;
}

static void end_stretch(struct writer *w)
{
	const struct ir_reg *reg = w->s->u->regs->reg;

	if (!w->in_stretch)
		return;
	w->in_stretch = false;
	for (uint64_t left = w->waiting; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);

		put(w, IR_putreg, (enum ir_type)reg[g].type, w->wait[g], IR_NOREF, g);
	}
}

/* Group g's load, in place of insn i, the first of its loads. */
static void write_wide(struct writer *w, unsigned group, const struct ir_insn *i)
{
	static const uint8_t ops[][2] = { [2] = { IR_ld16u, IR_ld16s },
					  [4] = { IR_ld32u, IR_ld32s },
					  [8] = { IR_ld64, IR_ld64 } };
	const struct bytes_loads *g = &w->s->loads[group];
	int64_t base;
	ir_ref r;

	bytes_base(w->s, i->a, &base);
	r = put(w, (enum ir_op)ops[g->n][g->is_signed], IR_NONE, mapped(w, i->a), IR_NOREF,
		g->disp - base);
	w->wide[group] = r;
	if (!g->is_single && !w->in_stretch)
		begin_stretch(w, g->first);
	if (w->in_stretch)
		set_redo(w, r);
	if (g->big)
		w->swapped[group] = swap(w, r, g->n, g->is_signed);
}

/* x, bytes [k, k + n) of which are a number, which is_clear says to be all but for zeros above it. */
static ir_ref write_unsigned(struct writer *w, ir_ref x, unsigned k, unsigned n, bool is_clear)
{
	if (k)
		x = put_by(w, IR_shr, IR_I64, x, 8 * k);
	if (is_clear || k + n == 8)
		return x;
	if (n == 4)
		return put1(w, IR_zext, IR_NONE, put1(w, IR_trunc, IR_NONE, x));
	return put_by(w, IR_and, IR_I64, x, (INT64_C(1) << 8 * n) - 1);
}

static ir_ref write_signed(struct writer *w, ir_ref x, unsigned k, unsigned n, bool is_extended)
{
	if (is_extended || k + n == 8)
		return k ? put_by(w, IR_sar, IR_I64, x, 8 * k) : x;
	x = put_by(w, IR_shl, IR_I64, x, 64 - 8 * (k + n));
	return put_by(w, IR_sar, IR_I64, x, 64 - 8 * n);
}

/* Insn k, whose value is some of its group's bytes. */
static ir_ref write_field(struct writer *w, uint32_t k)
{
	const struct bytes_value *v = &w->s->value[k];
	const struct bytes_loads *g = &w->s->loads[v->group];
	bool little = v->order & BYTES_LITTLE, is_last;
	unsigned lowest = 0, n = bytes_run(v->mask, &lowest), from;
	ir_ref x = little ? w->wide[v->group] : w->swapped[v->group];

	from = little ? (unsigned)(v->little + (int)lowest - g->disp)
		      : (unsigned)(g->disp + g->n - 1 - (v->big - (int)lowest));
	KIT_DCHECK(from + n <= g->n, "byte %u and %u more of %u", from, n, g->n);
	is_last = from + n == g->n;
	if (v->sign)
		x = write_signed(w, x, from, n, is_last && g->is_signed);
	else
		x = write_unsigned(w, x, from, n, is_last && !g->is_signed);
	if (lowest)
		x = put_by(w, IR_shl, IR_I64, x, 8 * lowest);
	return w->s->u->insn[k].type == IR_I32 || w->s->u->insn[k].op == IR_trunc
		   ? put1(w, IR_trunc, IR_NONE, x)
		   : x;
}

/* The value that a group of stores writes. */
static ir_ref write_source(struct writer *w, const struct bytes_stores *g)
{
	unsigned byte = g->byte;
	ir_ref x;

	if (g->loads != BYTES_NO_GROUP) {
		x = w->wide[g->loads];
	} else if (!ir_ref_ok(g->value)) {
		return put(w, IR_const, IR_I64, IR_NOREF, IR_NOREF, g->konst);
	} else {
		x = mapped(w, g->value);
		if (ir_result_type(&w->out[x.idx]) == IR_I32)
			x = put1(w, IR_zext, IR_NONE, x);
	}
	if (byte)
		x = put_by(w, IR_shr, IR_I64, x, 8 * byte);
	return g->big ? swap(w, x, g->n, false) : x;
}

static void write_store(struct writer *w, const struct bytes_stores *g, const struct ir_insn *i)
{
	static const uint8_t ops[] = { [2] = IR_st16, [4] = IR_st32, [8] = IR_st64 };
	ir_ref v = write_source(w, g);

	v = put(w, (enum ir_op)ops[g->n], IR_NONE, mapped(w, i->a), v, g->imm);
	w->out[v.idx].sub = IR_REDO;
	if (w->in_stretch)
		set_redo(w, v);
	end_stretch(w);
}

static const struct bytes_stores *stores_at(const struct bytes *s, uint32_t k)
{
	const struct bytes_stores *g = s->stores;

	while (g->first != k)
		g++;
	return g;
}

/* True when kept insn k is a register's write that waits, or a read of one. */
static bool waits(struct writer *w, uint32_t k)
{
	const struct ir_insn *i = &w->s->u->insn[k];

	if (!w->in_stretch)
		return false;
	if (i->op == IR_putreg) {
		w->wait[i->imm] = mapped(w, i->a);
		w->waiting |= UINT64_C(1) << i->imm;
		return true;
	}
	if (i->op != IR_getreg || !(w->waiting >> i->imm & 1))
		return false;
	w->map[k + 1] = w->wait[i->imm].idx;
	return true;
}

static void write_kept(struct writer *w, uint32_t k)
{
	const struct ir_insn *i = &w->s->u->insn[k];
	unsigned flags = ir_info(i)->flags;
	ir_ref r;

	if (waits(w, k))
		return;
	/* Flags that were raised twice, from memory that has changed, would be too many. */
	if (flags & (IR_E | IR_X | IR_F) || k >= w->stretch_end)
		end_stretch(w);
	r.idx = (uint16_t)w->count++;
	w->out[r.idx] = *i;
	w->out[r.idx].a = mapped(w, i->a);
	w->out[r.idx].b = mapped(w, i->b);
	w->out[r.idx].c = mapped(w, i->c);
	w->map[k + 1] = r.idx;
	if (w->in_stretch && flags & (IR_L | IR_S))
		set_redo(w, r);
	if (flags & IR_S)
		end_stretch(w);
}

static void write_insn(struct writer *w, uint32_t k)
{
	const struct bytes *s = w->s;
	const struct ir_insn *i = &s->u->insn[k];

	w->gpc_off = i->gpc_off;
	switch ((enum bytes_role)s->role[k]) {
	case BYTES_FIELD:
		if (s->loads[s->value[k].group].first == k)
			write_wide(w, s->value[k].group, i);
		w->map[k + 1] = write_field(w, k).idx;
		break;
	case BYTES_STORE:
		write_store(w, stores_at(s, k), i);
		break;
	case BYTES_GONE:
		break;
	case BYTES_KEEP:
		if (!i->dead)
			write_kept(w, k);
		break;
	}
}

static void rewrite(const struct bytes *s)
{
	struct ir_unit *u = s->u;
	uint32_t cap = u->insn_count + 16, pos = 0;
	struct writer w = { .s = s };

	for (uint32_t k = 0; k < u->insn_count; k++)
		cap += s->role[k] == BYTES_FIELD || s->role[k] == BYTES_STORE ? GROWTH : 0;
	cap += s->loads_count * WIDE;
	w.out = arena_new(u->arena, struct ir_insn, cap);
	w.map = arena_new(u->arena, uint32_t, u->insn_count + 1);
	w.map[0] = IR_NOREF.idx;
	for (unsigned b = 0; b < u->block_count; b++) {
		struct ir_block *blk = &u->block[b];

		for (uint32_t end = pos + blk->count; pos < end; pos++)
			write_insn(&w, pos);
		blk->count = w.count - (b ? blk[-1].first + blk[-1].count : 0);
		blk->first = w.count - blk->count;
	}
	KIT_DCHECK(w.count <= cap, "%u insns in the place of %u", w.count, cap);
	u->insn = w.out;
	u->insn_count = w.count;
	u->insn_cap = cap;
}

/* True when two narrow loads, or two narrow stores, are there. */
static bool is_worth_a_look(const struct ir_unit *u)
{
	enum { LOAD = 1, STORE = 1 << 16 };
	static const uint32_t narrow[IR_OP_COUNT] = {
		[IR_ld8u] = LOAD,  [IR_ld8s] = LOAD, [IR_ld16u] = LOAD,
		[IR_ld16s] = LOAD, [IR_st8] = STORE, [IR_st16] = STORE,
	};
	uint32_t seen = 0;

	_Static_assert((int)IR_INSNS_MAX < (int)STORE, "counts of their own");
	for (const struct ir_insn *i = u->insn, *end = i + u->insn_count; i < end; i++)
		seen += narrow[i->op];
	return seen % STORE > LOAD || seen / STORE > 1;
}

void opt_bytes(struct ir_unit *u)
{
	struct bytes s;

	if (!is_worth_a_look(u) || u->insn_count > INSNS_MAX)
		return;
	s.u = u;
	s.value = arena_new(u->arena, struct bytes_value, u->insn_count);
	s.role = arena_znew(u->arena, uint8_t, u->insn_count);
	s.loads_count = s.stores_count = 0;
	for (unsigned b = 0; b < u->block_count; b++)
		bytes_find_loads(&s, &u->block[b]);
	for (unsigned b = 0; b < u->block_count; b++)
		bytes_find_stores(&s, &u->block[b]);
	if (s.loads_count || s.stores_count)
		rewrite(&s);
}

/* Instruction selection: the two walks over a block's values. isel.h says in which order. */
#include "lib/ra/isel_priv.h"

#include "lib/base/bits.h"
#include "lib/base/panic.h"
#include "lib/ir/state.h"

/* ---- first walk: what stands for what, and how often it is used ------------------------------ */

bool isel_boxed_entry(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);

	return in->op == IR_getreg && s->from->boxed >> in->imm & 1;
}

bool isel_canonical_entry(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);
	bool is_float = ir_result_type(&s->ir->insn[r.idx]) == IR_F32;

	return in->op == IR_getreg && s->from->canon >> in->imm & 1
	       && (s->from->boxed >> in->imm & 1) == is_float;
}

/* A register that is known to be sign-extended at the block's entry. */
static bool is_sext_entry(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);

	return in->op == IR_getreg && s->from->sext >> in->imm & 1;
}

/* Does register r hold its low half only, so far, of which r is the extension? */
static bool is_low_entry(const struct isel *s, ir_ref r)
{
	return is_sext_entry(s, r) && s->block->fixes >> isel_insn(s, r)->imm & 1;
}

/* The value that in gives back: after a trip to another type, or what is canonical already. IR_NOREF: none. */
static ir_ref same_as(const struct isel *s, const struct ir_insn *in)
{
	const struct ir_insn *inner;
	bool same;

	switch (in->op) {
	case IR_trunc:
	case IR_unbox:
	case IR_fbits:
	case IR_bitsf:
	case IR_bitsf32:
		break;
	case IR_sext:
		inner = isel_insn(s, in->a);
		return inner->op == IR_trunc && is_sext_entry(s, inner->a)
			       && !is_low_entry(s, inner->a)
			   ? inner->a
			   : IR_NOREF;
	case IR_fcanon:
		return s->host->canon64 || !s->host->is_canonical(s, in->a) ? IR_NOREF : in->a;
	default:
		return IR_NOREF;
	}
	inner = isel_insn(s, in->a);
	if (in->op == IR_bitsf32)
		return inner->op == IR_fbits32 && isel_boxed_entry(s, inner->a) ? inner->a
										: IR_NOREF;
	if (in->op == IR_trunc)
		same = inner->op == IR_sext || inner->op == IR_zext;
	else if (in->op == IR_unbox)
		same = inner->op == IR_box;
	else
		same = inner->op == (in->op == IR_fbits ? IR_bitsf : IR_fbits);
	return same ? inner->a : IR_NOREF;
}

/* True when in, as a user of operand number n, does with what the operand was made from. */
static bool soft_use(const struct isel *s, const struct ir_insn *in, unsigned n)
{
	switch (in->op) {
	case IR_putreg:
		return s->t->home[in->imm] != LIR_PHYS_NONE;
	case IR_st8:
	case IR_st16:
	case IR_st32:
		return n == 1;
	case IR_br: /* a final one comes when the register is already extended, unless that may wait */
		if (!(in->to != IR_NOBLOCK && s->ir->block[in->to].sext)
		    && isel_is_final_br(s, (uint32_t)(in - s->ir->insn)))
			return false;
		return isel_narrow_compare(s, in);
	case IR_set:
		return isel_narrow_compare(s, in);
	case IR_fbits32:
	case IR_box:
		return true;
	default:
		return ir_info(in)->flags & IR_NA;
	}
}

static inline void count_use(struct isel *s, const struct ir_insn *in, unsigned n, ir_ref r)
{
	struct isel_val *v = isel_val(s, r);

	v->uses++;
	if (!soft_use(s, in, n))
		v->hard = true;
}

static void count_uses(struct isel *s, const struct ir_insn *in)
{
	if (!ir_ref_ok(in->a))
		return;
	count_use(s, in, 0, in->a);
	if (ir_ref_ok(in->b)) {
		count_use(s, in, 1, in->b);
		if (ir_ref_ok(in->c))
			count_use(s, in, 2, in->c);
	}
	/* fsw of a boxed value asks for the float in it. */
	if (in->op == IR_fbits32 && isel_insn(s, in->a)->op == IR_box)
		isel_val(s, isel_insn(s, in->a)->a)->hard = true;
}

/* True when in is the low half of an operation that can be made of low halves. */
static bool is_low_half(const struct isel *s, const struct ir_insn *in)
{
	unsigned op;

	if (in->op != IR_trunc)
		return false;
	op = isel_insn(s, in->a)->op;
	return (op >= IR_add && op <= IR_mul) || (op >= IR_and && op <= IR_shl) || op == IR_select;
}

/* What guest registers have on the way through a block. */
struct regs {
	struct isel *s;
	uint32_t cur[IR_MAX_REGS]; /* insn whose value it is */
	uint64_t sums; /* those that have an addition, which faults alone have seen so far */
	uint64_t last; /* those of them for which that was the last one */
};

static void note_fold(struct isel_val *v)
{
	if (v->folds < ISEL_MANY_FOLDS)
		v->folds++;
}

static void see_put(struct regs *w, const struct ir_insn *in)
{
	struct isel *s = w->s;
	uint64_t bit = UINT64_C(1) << in->imm;

	if (w->sums & bit)
		note_fold(&s->val[w->cur[in->imm]]);
	w->sums &= ~bit;
	w->last &= ~bit;
	w->cur[in->imm] = isel_val(s, in->a)->rep;
	isel_val(s, in->a)->greg = (uint16_t)in->imm & 127;
	if (isel_insn(s, in->a)->op == IR_add)
		w->sums |= bit;
}

enum { IN_THE_WAY = 3 }; /* more than two operands that are not */

/*
 * How many values operand r of an addition that g has adds to those that live: none when it is a register's all the same. It takes
 * the place of the sum when it was g's or nobody's; in the home of another register, which has a new value, it is in the way.
 */
static unsigned burden(const struct regs *w, unsigned g, ir_ref r)
{
	const struct ir_insn *in = isel_insn(w->s, r);
	const struct isel_val *v = isel_val(w->s, r);

	if (in->op == IR_shl) {
		in = isel_insn(w->s, in->a);
		v = &w->s->val[in - w->s->ir->insn];
	}
	if (in->op == IR_const)
		return 0;
	if (v->greg == IR_MAX_REGS || v->greg == g)
		return 1;
	return w->cur[v->greg] == v->rep ? 0 : IN_THE_WAY;
}

/* The same of the addition that g has: one more takes its own place. */
static unsigned sum_burden(const struct regs *w, unsigned g)
{
	const struct ir_insn *sum = &w->s->ir->insn[w->cur[g]];

	if (isel_insn(w->s, sum->b)->op == IR_const && isel_insn(w->s, sum->a)->op == IR_add)
		sum = isel_insn(w->s, sum->a);
	return burden(w, g, sum->a) + burden(w, g, sum->b);
}

/* A load or store: it may fault, and an addition may be its addressing mode. */
static void see_access(struct regs *w, const struct ir_insn *in)
{
	const struct ir_insn *address = isel_insn(w->s, in->a);

	if (address->op == IR_add && w->s->host->in_address(w->s, in, address))
		note_fold(isel_val(w->s, in->a));
	for (uint64_t left = w->sums; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);
		uint64_t bit = left & -left;
		unsigned more = sum_burden(w, g);

		if (w->last & bit || more >= IN_THE_WAY)
			w->sums &= ~bit;
		else if (more <= 1)
			continue;
		else if (&w->s->ir->insn[w->cur[g]] == address)
			w->last |= bit; /* its operands die here, as it does */
		else
			w->sums &= ~bit;
	}
}

static void see_effect(struct regs *w, const struct ir_insn *in)
{
	unsigned flags = ir_info(in)->flags;

	if (in->op == IR_putreg)
		see_put(w, in);
	else if (flags & (IR_E | IR_X))
		w->sums = w->last = 0;
	else if (flags & (IR_L | IR_S))
		see_access(w, in);
}

static void scan_block(struct isel *s, const struct ir_block *b)
{
	struct regs w = { .s = s };
	const struct ir_insn *in = &s->ir->insn[b->first];
	struct isel_val *v = &s->val[b->first];

	s->any_low = false;
	memset(w.cur, 0xff, sizeof w.cur);
	for (uint32_t i = b->first, end = i + b->count; i < end; i++, in++, v++) {
		ir_ref same;

		*v = (struct isel_val){ .rep = i, .vreg = LREG_NONE, .greg = IR_MAX_REGS };
		if (in->dead)
			continue;
		if (in->op == IR_getreg) {
			if (w.cur[in->imm] != UINT32_MAX)
				v->rep = w.cur[in->imm];
			else
				w.cur[in->imm] = i;
			v->greg = (uint16_t)in->imm & 127;
			continue;
		}
		if (in->op == IR_const)
			continue;
		if (!(ir_info(in)->flags & IR_P))
			see_effect(&w, in);
		same = same_as(s, in);
		if (ir_ref_ok(same))
			v->rep = isel_val(s, same)->rep;
		else
			count_uses(s, in);
		s->any_low |= is_low_half(s, in);
	}
}

/* ---- backward: which values are wanted in 64 bits ------------------------------------------------ */

static void want(struct isel *s, ir_ref r, bool wide)
{
	if (wide)
		isel_val(s, r)->wide = true;
}

/* What insn in, a use of whose own value needs 64 bits or not, needs of its operands. */
static void scan_wants(struct isel *s, const struct ir_insn *in, bool wide)
{
	int64_t c;

	switch (in->op) {
	case IR_trunc:
	case IR_sext8:
	case IR_sext16:
		return;
	case IR_and:
		if (isel_const(s, in->b, &c) && fits_u32((uint64_t)c))
			return;
		break;
	case IR_shl:
		if (!isel_const(s, in->b, &c) || (c & 63) >= 32)
			wide = true;
		break;
	case IR_add:
	case IR_sub:
	case IR_mul:
	case IR_or:
	case IR_xor:
		break;
	case IR_select:
		want(s, in->a, true);
		want(s, in->b, wide);
		want(s, in->c, wide);
		return;
	case IR_st8:
	case IR_st16:
	case IR_st32:
		want(s, in->a, true);
		return;
	default:
		wide = true;
		break;
	}
	if (!ir_ref_ok(in->a) || !wide)
		return;
	want(s, in->a, true);
	if (ir_ref_ok(in->b)) {
		want(s, in->b, true);
		if (ir_ref_ok(in->c))
			want(s, in->c, true);
	}
}

static void scan_wide(struct isel *s, const struct ir_block *b)
{
	for (uint32_t i = b->first + b->count; i-- > b->first;) {
		const struct ir_insn *in = &s->ir->insn[i];

		if (!in->dead && s->val[i].rep == i)
			scan_wants(s, in, s->val[i].wide);
	}
}

/* ---- what the hosts ask of values ----------------------------------------------------------------- */

ir_ref isel_low_bits(const struct isel *s, ir_ref r, unsigned bits)
{
	for (;;) {
		const struct ir_insn *in = isel_insn(s, r);
		int64_t mask;

		if (isel_val(s, r)->vreg != LREG_NONE)
			return r;
		switch (in->op) {
		case IR_trunc:
		case IR_sext:
		case IR_zext:
			break;
		case IR_sext8:
			if (bits > 8)
				return r;
			break;
		case IR_sext16:
			if (bits > 16)
				return r;
			break;
		case IR_and:
			if (!isel_const(s, in->b, &mask)
			    || ~mask & (int64_t)((UINT64_C(1) << bits) - 1))
				return r;
			break;
		default:
			return r;
		}
		r = in->a;
	}
}

ir_ref isel_operand(const struct isel *s, const struct ir_insn *in, ir_ref r)
{
	return isel_is64(in) && !isel_wide(s, in) ? isel_low_bits(s, r, 32) : r;
}

static bool is_sext(const struct isel *s, ir_ref r)
{
	return isel_insn(s, r)->op == IR_sext || is_sext_entry(s, r);
}

bool isel_narrow_compare(const struct isel *s, const struct ir_insn *in)
{
	int64_t c;

	return in->type == IR_I64 && is_sext(s, in->a)
	       && (is_sext(s, in->b) || (isel_const(s, in->b, &c) && fits_i32(c)));
}

ir_ref isel_narrow_operand(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);

	return in->op == IR_sext && isel_val(s, r)->vreg == LREG_NONE ? in->a : r;
}

/* A side of a rotation: a shift by a constant, perhaps extended from 32 bits. */
struct side {
	const struct ir_insn *shift; /* NULL: it is none */
	unsigned extension;          /* IR_sext, IR_zext, or 0 */
	int64_t by;
};

static struct side rotation_side(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);
	struct side x = { NULL, 0, 0 };

	if (in->op == IR_sext || in->op == IR_zext) {
		x.extension = in->op;
		in = isel_insn(s, in->a);
	}
	if ((in->op == IR_shl || in->op == IR_shr) && isel_const(s, in->b, &x.by))
		x.shift = in;
	return x;
}

bool isel_rotation(const struct isel *s, const struct ir_insn *in, struct isel_rotation *r)
{
	struct side left = rotation_side(s, in->a), right = rotation_side(s, in->b);

	if (left.shift && left.shift->op == IR_shr) {
		struct side x = left;

		left = right;
		right = x;
	}
	if (!left.shift || !right.shift || left.shift->op != IR_shl || right.shift->op != IR_shr
	    || left.shift->type != right.shift->type || !left.extension != !right.extension
	    || isel_val(s, left.shift->a)->rep != isel_val(s, right.shift->a)->rep)
		return false;
	r->x = left.shift->a;
	r->w = isel_is64(left.shift);
	r->left = (unsigned)left.by;
	r->sext = left.extension == IR_sext && isel_wide(s, in);
	return left.by > 0 && right.by > 0 && left.by + right.by == (r->w ? 64 : 32);
}

uint32_t isel_partner(const struct isel *s, const struct ir_insn *in, enum ir_op op)
{
	enum { NEAR = 24 }; /* the other result waits in a register */
	const uint32_t first = s->from->first, end = first + s->from->count,
		       at = (uint32_t)(in - s->ir->insn);
	const uint32_t a = s->val[in->a.idx].rep, b = s->val[in->b.idx].rep;

	for (uint32_t k = at > first + NEAR ? at - NEAR : first; k < end && k <= at + NEAR; k++) {
		const struct ir_insn *i = &s->ir->insn[k];
		uint32_t x, y;

		if (i->op != op || i->type != in->type || i->dead || s->val[k].rep != k
		    || !s->val[k].uses || s->val[k].vreg != LREG_NONE)
			continue;
		x = s->val[i->a.idx].rep;
		y = s->val[i->b.idx].rep;
		if ((x == a && y == b) || (x == b && y == a && ir_info(i)->flags & IR_C))
			return k;
	}
	return UINT32_MAX;
}

bool isel_short_copy(const struct isel *s, const struct ir_insn *in, int64_t *bytes)
{
	return (in->imm == IR_ROUTINE_memcpy || in->imm == IR_ROUTINE_memmove)
	       && isel_const(s, in->c, bytes) && *bytes >= 1 && *bytes <= 32 && *bytes != 3;
}

ir_ref isel_unboxed(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);

	return in->op == IR_box && isel_val(s, r)->vreg == LREG_NONE ? in->a : r;
}

/* ---- second walk ------------------------------------------------------------------------------- */

struct lir_insn *isel_more(struct isel *s)
{
	struct lir_unit *u = s->lir;

	u->insn_count = u->insn_cap;
	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	s->end = u->insn + u->insn_cap;
	return u->insn + u->insn_count;
}

lreg isel_pure(struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg r;

	KIT_DCHECK(ir_info(in)->flags & IR_P, "%s asked for before it was selected",
		   ir_info(in)->name);
	if (in->op == IR_const)
		r = isel_const_vreg(s, in->imm);
	else
		r = (in->op >= IR_fadd ? s->host->pure_fp : s->host->pure_int)(s, in);
	s->val[idx].vreg = r;
	return r;
}

void isel_count_run(struct isel *s, const struct ir_insn *in, unsigned host_op)
{
	const bool rest = ir_run_of(in->imm).rest_log2;
	lreg length = isel_vr(s, in->a), class = isel_vr(s, in->b);
	lreg all = rest ? isel_vr(s, in->c) : LREG_NONE;
	struct lir_insn *l = isel_lir(s, host_op);

	isel_use(l, length, 0);
	isel_use(l, class, 0);
	if (rest)
		isel_use(l, all, 0);
	l->imm = in->imm;
}

static void sel_getreg(struct isel *s, const struct ir_insn *in, uint32_t idx)
{
	if (s->val[idx].rep != idx || s->val[idx].uses == 0)
		return;
	s->block->entries |= UINT64_C(1) << in->imm;
	s->val[idx].vreg = (lreg)(LIR_ENTRY + in->imm);
}

/*
 * What a register of a pinned guest register may hold instead of v, and the conversion still to
 * be made. Only where nobody else needs v's exact bits: else it would be made twice.
 */
static unsigned lazy_fix(struct isel *s, ir_ref *v)
{
	const struct isel_val *val = isel_val(s, *v);
	const struct ir_insn *in = &s->ir->insn[val->rep];

	if (val->vreg != LREG_NONE || val->hard)
		return 0;
	switch (in->op) {
	case IR_sext:
		/* A 64-bit value has a home of its own, as a rule: extending into this one is one instruction. */
		if (isel_insn(s, in->a)->op == IR_const
		    || (isel_insn(s, in->a)->op == IR_trunc
			&& !is_low_entry(s, isel_insn(s, in->a)->a)))
			return 0;
		*v = in->a;
		return s->host->sext32;
	case IR_fcanon:
	case IR_box:
		return s->host->lazy_fix(s, v);
	default:
		return 0;
	}
}

static lreg sum_vreg(struct isel *s, ir_ref r)
{
	struct lir_vreg sum = s->host->sum(s, r);
	lreg v = isel_new(s, LIR_INT);

	sum.is_sum = true;
	s->lir->vreg[v] = sum;
	return v;
}

static void sel_putreg(struct isel *s, const struct ir_insn *in)
{
	struct lir_insn *l;
	unsigned fix = 0;
	ir_ref v = in->a;
	lreg r;

	if (s->t->home[in->imm] != LIR_PHYS_NONE)
		fix = lazy_fix(s, &v);
	r = isel_is_sum(s, v) ? sum_vreg(s, v) : isel_vr(s, v);
	s->block->puts |= UINT64_C(1) << in->imm;
	l = isel_lir(s, LIR_PUT);
	l->imm = in->imm;
	l->fix = (uint8_t)fix;
	isel_use(l, r, 0);
	if (s->host->put)
		s->host->put(s, (unsigned)in->imm, fix, isel_val(s, v)->rep);
}

/* So much is owed from here on. */
static void sel_owe(struct isel *s, uint32_t owes)
{
	struct lir_unit *u = s->lir;

	if (owes == (u->owe_count ? u->owe[u->owe_count - 1].owes : 0))
		return;
	arena_grow(u->arena, u->owe, u->owe_count, u->owe_cap);
	u->owe[u->owe_count++] = (struct lir_owe){ (uint32_t)(s->next - u->insn), owes };
}

static void select_insn(struct isel *s, const struct ir_insn *in, uint32_t idx)
{
	unsigned flags = ir_info(in)->flags;

	ir_safe_insn(&s->safe, in->gpc_off);
	if (in->op == IR_getreg)
		sel_getreg(s, in, idx);
	else if (in->op == IR_putreg)
		sel_putreg(s, in);
	else if (flags & IR_P)
		return;
	else if (flags & IR_X)
		isel_exit(s, idx);
	else if (flags & IR_F)
		s->host->fp(s, idx);
	else if (in->op == IR_owe)
		sel_owe(s, (uint32_t)in->imm);
	else if (in->op == IR_edge && isel_exit_notes(s, idx))
		s->edge = (uint32_t)in->imm + 1;
	else if (in->op >= IR_getfflags)
		s->host->fstate(s, idx);
	else if (flags & IR_E)
		s->host->atomic(s, idx);
	else if (flags & IR_L)
		s->host->load(s, idx);
	else
		s->host->store(s, in);
}

static void select_block(struct isel *s, unsigned b)
{
	const struct ir_block *blk = &s->ir->block[b];
	const struct ir_insn *in = &s->ir->insn[blk->first];

	s->from = blk;
	s->block = &s->lir->block[b];
	scan_block(s, blk);
	if (s->any_low)
		scan_wide(s, blk);
	if (s->host->block)
		s->host->block(s);
	ir_safe_block(&s->safe, s->ir, b);
	s->block->first = (uint32_t)(s->next - s->lir->insn);
	sel_owe(s, blk->owes);
	isel_lir(s, LIR_BLOCK)->imm = b;
	for (uint32_t i = blk->first, end = i + blk->count; i < end; i++, in++)
		if (!in->dead)
			select_insn(s, in, i);
}

void isel_run(struct isel *s)
{
	const struct ir_unit *ir = s->ir;
	struct lir_unit *lir = s->lir;

	memset(lir, 0, sizeof *lir);
	lir->arena = ir->arena;
	lir->ir = ir;
	lir->insn_cap = ir->insn_count + 16;
	s->next = lir->insn = arena_new(ir->arena, struct lir_insn, lir->insn_cap);
	s->end = s->next + lir->insn_cap;
	lir->vreg_cap = ir->insn_count + 16;
	lir->vreg = arena_new(ir->arena, struct lir_vreg, lir->vreg_cap);
	lir->exit_cap = ir->block_count + 7;
	lir->exit = arena_new(ir->arena, struct lir_exit, lir->exit_cap);
	lir->block_count = lir->block_cap = ir->block_count;
	lir->block = arena_znew(ir->arena, struct lir_block, lir->block_cap);
	s->val = arena_new(ir->arena, struct isel_val, ir->insn_count);
	s->safe.went_back = false;
	s->edge = 0;
	isel_find_entry_fixes(s);
	for (unsigned b = 0; b < ir->block_count; b++)
		select_block(s, b);
	lir->insn_count = (unsigned)(s->next - lir->insn);
}

/*
 * Instruction selection: a walk over the IR that counts uses, then one that selects (isel_priv.h says in
 * which order). Linear in the number of insns.
 */
#include "arch/aarch64/isel_priv.h"

/* ---- first walk: what stands for what, and how often it is used ------------------------------ */

/* The value that in gives back: after a trip to another type, or what is canonical already. IR_NOREF: none. */
static ir_ref same_as(const struct a64_isel *s, const struct ir_insn *in)
{
	const struct ir_insn *inner;
	bool same;

	switch (in->op) {
	case IR_trunc:
	case IR_unbox:
	case IR_fbits:
	case IR_bitsf:
	case IR_fcanon:
		break;
	default:
		return IR_NOREF;
	}
	inner = a64_insn(s, in->a);
	if (in->op == IR_fcanon)
		return a64_is_canonical(inner) ? in->a : IR_NOREF;
	if (in->op == IR_trunc)
		same = inner->op == IR_sext || inner->op == IR_zext;
	else if (in->op == IR_unbox)
		same = inner->op == IR_box;
	else
		same = inner->op == (in->op == IR_fbits ? IR_bitsf : IR_fbits);
	return same ? inner->a : IR_NOREF;
}

/* True when in, as a user of operand number n, does with what the operand was made from. */
static bool soft_use(const struct a64_isel *s, const struct ir_insn *in, unsigned n)
{
	switch (in->op) {
	case IR_putreg:
		return s->t->home[in->imm] != LIR_PHYS_NONE;
	case IR_st8:
	case IR_st16:
	case IR_st32:
		return n == 1;
	case IR_br: /* a final one comes when the register is already extended */
		if (ir_info(&s->ir->insn[a64_next_effect(s, (uint32_t)(in - s->ir->insn))])->flags
		    & IR_Z)
			return false;
		return a64_narrow_compare(s, in);
	case IR_set:
		return a64_narrow_compare(s, in);
	case IR_fbits32:
		return true;
	default:
		return false;
	}
}

static inline void count_use(struct a64_isel *s, const struct ir_insn *in, unsigned n, ir_ref r)
{
	struct a64_val *v = a64_val(s, r);

	v->uses++;
	if (!soft_use(s, in, n))
		v->hard = true;
}

static void count_uses(struct a64_isel *s, const struct ir_insn *in)
{
	if (!ir_ref_ok(in->a))
		return;
	count_use(s, in, 0, in->a);
	if (ir_ref_ok(in->b)) {
		count_use(s, in, 1, in->b);
		if (ir_ref_ok(in->c))
			count_use(s, in, 2, in->c);
	}
}

/* True when in is the low half of an operation that can be made of low halves. */
static bool is_low_half(const struct a64_isel *s, const struct ir_insn *in)
{
	unsigned op;

	if (in->op != IR_trunc)
		return false;
	op = a64_insn(s, in->a)->op;
	return (op >= IR_add && op <= IR_mul) || (op >= IR_and && op <= IR_shl) || op == IR_select;
}

static void scan_block(struct a64_isel *s, const struct ir_block *b)
{
	uint32_t cur[IR_MAX_REGS]; /* insn whose value each guest register has */
	const struct ir_insn *in = &s->ir->insn[b->first];
	struct a64_val *v = &s->val[b->first];

	s->any_low = false;
	memset(cur, 0xff, sizeof cur);
	for (uint32_t i = b->first, end = i + b->count; i < end; i++, in++, v++) {
		ir_ref same;

		*v = (struct a64_val){ .rep = i, .vreg = LREG_NONE };
		if (in->dead)
			continue;
		if (in->op == IR_getreg) {
			if (cur[in->imm] != UINT32_MAX)
				v->rep = cur[in->imm];
			else
				cur[in->imm] = i;
			continue;
		}
		if (in->op == IR_const)
			continue;
		if (in->op == IR_putreg)
			cur[in->imm] = a64_val(s, in->a)->rep;
		same = same_as(s, in);
		if (ir_ref_ok(same))
			v->rep = a64_val(s, same)->rep;
		else
			count_uses(s, in);
		s->any_low |= is_low_half(s, in);
	}
}

/* ---- backward: which values are wanted in 64 bits ------------------------------------------------ */

static void want(struct a64_isel *s, ir_ref r, bool wide)
{
	if (wide && ir_ref_ok(r))
		a64_val(s, r)->wide = true;
}

/* What insn in, a use of whose own value needs 64 bits or not, needs of its operands. */
static void scan_wants(struct a64_isel *s, const struct ir_insn *in, bool wide)
{
	int64_t c;

	switch (in->op) {
	case IR_trunc:
	case IR_sext8:
	case IR_sext16:
		return;
	case IR_and:
		if (a64_const(s, in->b, &c) && fits_u32((uint64_t)c))
			return;
		break;
	case IR_shl:
		if (!a64_const(s, in->b, &c) || (c & 63) >= 32)
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
	want(s, in->a, wide);
	want(s, in->b, wide);
	want(s, in->c, wide);
}

static void scan_wide(struct a64_isel *s, const struct ir_block *b)
{
	for (uint32_t i = b->first + b->count; i-- > b->first;) {
		const struct ir_insn *in = &s->ir->insn[i];

		if (!in->dead && s->val[i].rep == i)
			scan_wants(s, in, s->val[i].wide);
	}
}

/* ---- second walk ------------------------------------------------------------------------------- */

struct lir_insn *a64_more(struct a64_isel *s)
{
	struct lir_unit *u = s->lir;

	u->insn_count = u->insn_cap;
	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	s->end = u->insn + u->insn_cap;
	return u->insn + u->insn_count;
}

lreg a64_select_const(struct a64_isel *s, uint32_t idx)
{
	return s->val[idx].vreg = a64_const_vreg(s, s->ir->insn[idx].imm);
}

lreg a64_select_pure(struct a64_isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg r;

	KIT_DCHECK(ir_info(in)->flags & IR_P, "%s asked for before it was selected",
		   ir_info(in)->name);
	if (in->op == IR_const)
		return a64_select_const(s, idx);
	r = in->op >= IR_fadd ? a64_sel_fpure(s, in) : a64_sel_int(s, in);
	s->val[idx].vreg = r;
	return r;
}

static void sel_getreg(struct a64_isel *s, const struct ir_insn *in, uint32_t idx)
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
static enum a64_fix lazy_fix(const struct a64_isel *s, ir_ref *v)
{
	const struct a64_val *val = a64_val(s, *v);
	const struct ir_insn *in = &s->ir->insn[val->rep];

	if (val->vreg != LREG_NONE || val->hard)
		return A64_FIX_NONE;
	switch (in->op) {
	case IR_sext:
		/* A 64-bit value has a home of its own, as a rule: extending into this one is one instruction. */
		if (a64_insn(s, in->a)->op == IR_const || a64_insn(s, in->a)->op == IR_trunc)
			return A64_FIX_NONE;
		*v = in->a;
		return A64_FIX_SEXT32;
	case IR_box:
		*v = in->a;
		return A64_FIX_BOX32;
	default:
		return A64_FIX_NONE;
	}
}

static void sel_putreg(struct a64_isel *s, const struct ir_insn *in)
{
	enum a64_fix fix = A64_FIX_NONE;
	struct lir_insn *l;
	ir_ref v = in->a;
	lreg r;

	if (s->t->home[in->imm] != LIR_PHYS_NONE)
		fix = lazy_fix(s, &v);
	r = a64_vr(s, v);
	s->block->puts |= UINT64_C(1) << in->imm;
	l = a64_lir(s, LIR_PUT);
	l->imm = in->imm;
	l->fix = (uint8_t)fix;
	a64_use(l, r, 0);
}

static void select_insn(struct a64_isel *s, const struct ir_insn *in, uint32_t idx)
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
		a64_sel_exit(s, idx);
	else if (flags & IR_F)
		a64_sel_fp(s, idx);
	else if (in->op >= IR_getfflags)
		a64_sel_fstate(s, idx);
	else if (flags & IR_E)
		a64_sel_atomic(s, idx);
	else if (flags & IR_L)
		a64_sel_load(s, idx);
	else
		a64_sel_store(s, in);
}

static void select_block(struct a64_isel *s, unsigned b)
{
	const struct ir_block *blk = &s->ir->block[b];
	const struct ir_insn *in = &s->ir->insn[blk->first];

	scan_block(s, blk);
	if (s->any_low)
		scan_wide(s, blk);
	ir_safe_block(&s->safe, s->ir, b);
	s->block = &s->lir->block[b];
	*s->block = (struct lir_block){ .first = (uint32_t)(s->next - s->lir->insn) };
	a64_lir(s, LIR_BLOCK)->imm = b;
	for (uint32_t i = blk->first, end = i + blk->count; i < end; i++, in++)
		if (!in->dead)
			select_insn(s, in, i);
}

void a64_isel(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
	      struct lir_unit *lir)
{
	struct a64_isel s = {
		.ir = ir,
		.t = t,
		.lir = lir,
		.features = o->host_features,
		.guest_base = o->guest_base,
	};

	memset(lir, 0, sizeof *lir);
	lir->arena = ir->arena;
	lir->ir = ir;
	lir->insn_cap = ir->insn_count + 16;
	s.next = lir->insn = arena_new(ir->arena, struct lir_insn, lir->insn_cap);
	s.end = s.next + lir->insn_cap;
	lir->vreg_cap = ir->insn_count + 16;
	lir->vreg = arena_new(ir->arena, struct lir_vreg, lir->vreg_cap);
	lir->exit_cap = ir->block_count + 7;
	lir->exit = arena_new(ir->arena, struct lir_exit, lir->exit_cap);
	lir->block_count = lir->block_cap = ir->block_count;
	lir->block = arena_new(ir->arena, struct lir_block, lir->block_cap);
	s.val = arena_new(ir->arena, struct a64_val, ir->insn_count);
	for (unsigned b = 0; b < ir->block_count; b++)
		select_block(&s, b);
	lir->insn_count = (unsigned)(s.next - lir->insn);
}

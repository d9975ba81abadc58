/* Instruction selection: pure integer operations. */
#include "arch/x86_64/isel_priv.h"

/* d = a OP b. Which operand may stay in memory: one that is read from an unpinned guest register. */
static bool lives_in_memory(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);

	if (in->op == IR_trunc)
		in = isel_insn(s, in->a);
	return in->op == IR_getreg && s->t->home[in->imm] == LIR_PHYS_NONE;
}

static lreg three(struct isel *s, unsigned op, const struct ir_insn *in, unsigned sub,
		  unsigned b_flags)
{
	bool commutes = ir_info(in)->flags & IR_C;
	ir_ref x = isel_operand(s, in, in->a), y = isel_operand(s, in, in->b);
	bool swap = commutes && lives_in_memory(s, x) && !lives_in_memory(s, y);
	lreg a = isel_vr(s, swap ? y : x), b = isel_vr(s, swap ? x : y), d;
	struct lir_insn *l = isel_lir(s, op);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_HINT);
	isel_use(l, b, b_flags | (commutes ? 0 : LO_LATE));
	l->sub = (uint8_t)sub;
	l->sub2 = isel_wide(s, in);
	return d;
}

/* d = a OP imm, for operations with that shape; a_flags may have LO_MEM. */
static lreg with_imm(struct isel *s, unsigned op, lreg a, unsigned a_flags, unsigned sub,
		     unsigned w, int64_t imm)
{
	struct lir_insn *l = isel_lir(s, op);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT | a_flags);
	l->sub = (uint8_t)sub;
	l->sub2 = (uint8_t)w;
	l->imm = imm;
	return d;
}

/* x << 1..3 that only an addition of the same width uses. */
static bool scaled(const struct isel *s, ir_ref r, unsigned type, unsigned *shift, ir_ref *x)
{
	const struct ir_insn *in = isel_insn(s, r);
	int64_t n;

	if (!isel_foldable(s, r, IR_shl) || in->type != type || !isel_const(s, in->b, &n) || n < 1
	    || n > 3)
		return false;
	*shift = (unsigned)n;
	*x = in->a;
	return true;
}

static lreg lea(struct isel *s, ir_ref base, ir_ref index, unsigned shift, unsigned w)
{
	lreg a = isel_vr(s, base), b = isel_vr(s, index), d;
	struct lir_insn *l = isel_lir(s, X64_OP_LEA);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->sub = (uint8_t)shift;
	l->sub2 = (uint8_t)w;
	return d;
}

static lreg sel_add(struct isel *s, const struct ir_insn *in)
{
	unsigned w = isel_wide(s, in), shift;
	ir_ref x;
	int64_t c;

	if (x64_const32(s, in->b, &c))
		return with_imm(s, X64_OP_ALUI, isel_vr(s, isel_operand(s, in, in->a)), 0, X64_ADD,
				w, c);
	if (x64_const32(s, in->a, &c))
		return with_imm(s, X64_OP_ALUI, isel_vr(s, isel_operand(s, in, in->b)), 0, X64_ADD,
				w, c);
	if (scaled(s, in->b, in->type, &shift, &x))
		return lea(s, in->a, x, shift, w);
	if (scaled(s, in->a, in->type, &shift, &x))
		return lea(s, in->b, x, shift, w);
	return three(s, X64_OP_ALU, in, X64_ADD, LO_MEM);
}

static lreg sel_sub(struct isel *s, const struct ir_insn *in)
{
	int64_t c;

	if (x64_const32(s, in->b, &c) && c != INT32_MIN)
		return with_imm(s, X64_OP_ALUI, isel_vr(s, isel_operand(s, in, in->a)), 0, X64_ADD,
				isel_wide(s, in), -c);
	if (isel_const(s, in->a, &c) && c == 0)
		return with_imm(s, X64_OP_ALUI, isel_vr(s, isel_operand(s, in, in->b)), 0, X64_SUB,
				isel_wide(s, in), 0);
	return three(s, X64_OP_ALU, in, X64_SUB, LO_MEM);
}

static lreg rotate(struct isel *s, const struct ir_insn *in)
{
	struct isel_rotation r;
	lreg d;

	if (!isel_rotation(s, in, &r))
		return LREG_NONE;
	d = with_imm(s, X64_OP_ROTI, isel_vr(s, r.x), LO_MEM, 0, r.w, r.left);
	return r.sext ? x64_extend(s, d, X64_SX32) : d;
}

static lreg sel_logic(struct isel *s, const struct ir_insn *in, enum x64_alu alu)
{
	unsigned w = isel_wide(s, in);
	ir_ref a = isel_operand(s, in, in->a);
	int64_t c;

	if (!isel_const(s, in->b, &c)) {
		lreg rotated = alu == X64_OR ? rotate(s, in) : LREG_NONE;

		return rotated != LREG_NONE ? rotated : three(s, X64_OP_ALU, in, alu, LO_MEM);
	}
	if (alu == X64_AND) {
		if (c == 0xff)
			return x64_extend(s, isel_vr(s, a), X64_ZX8);
		if (c == 0xffff)
			return x64_extend(s, isel_vr(s, a), X64_ZX16);
		if (c == UINT32_MAX || (!w && c == -1))
			return x64_extend(s, isel_vr(s, a), X64_ZX32);
		if (fits_u32((uint64_t)c)) { /* 32-bit operations clear the upper half */
			w = 0;
			c = (int32_t)c;
		}
	}
	if (!fits_i32(c))
		return three(s, X64_OP_ALU, in, alu, LO_MEM);
	return with_imm(s, X64_OP_ALUI, isel_vr(s, a), 0, alu, w, c);
}

static lreg sel_shift(struct isel *s, const struct ir_insn *in, enum x64_shift how)
{
	int64_t c = 0;
	bool low = how == X64_SHL && isel_const(s, in->b, &c) && (c & 63) < 32 && !isel_wide(s, in);
	unsigned w = low ? 0 : isel_is64(in);
	struct lir_insn *l;
	lreg a, b, d;

	a = isel_vr(s, low ? isel_operand(s, in, in->a) : in->a);
	if (isel_const(s, in->b, &c)) {
		c &= w ? 63 : 31;
		if (c
		    == 0) /* a copy; 32-bit values must come out with their upper half clear (zero_upper) */
			return w ? a : x64_extend(s, a, X64_ZX32);
		return with_imm(s, X64_OP_SHIFTI, a, 0, how, w, c);
	}
	b = isel_vr(s, in->b);
	l = isel_lir(s, X64_OP_SHIFT);
	d = isel_def(s, l, LIR_INT);
	l->sub = (uint8_t)how;
	l->sub2 = (uint8_t)w;
	if (X64_HAS(s->features, BMI2)) {
		isel_use(l, a, LO_MEM);
		isel_use(l, b, 0);
	} else {
		isel_use(l, a, LO_HINT);
		isel_opnd(l, b, LIR_USE, LO_LATE, X64_RCX);
	}
	return d;
}

/* The high half of a * b; low: NULL, or the low one gets there. */
static lreg mul_high(struct isel *s, lreg a, lreg b, bool is_signed, lreg *low)
{
	const bool mulx = !is_signed && X64_HAS(s->features, BMI2);
	struct lir_insn *l = isel_lir(s, mulx ? X64_OP_MULX : X64_OP_MULH);
	lreg d = isel_def_fixed(s, l, LIR_INT, mulx ? LIR_PHYS_NONE : X64_RDX);

	if (low)
		*low = isel_def_fixed(s, l, LIR_INT, mulx ? LIR_PHYS_NONE : X64_RAX);
	isel_opnd(l, a, LIR_USE, 0, mulx ? X64_RDX : X64_RAX);
	isel_use(l, b, LO_MEM);
	if (!mulx && !low)
		isel_clobber(l, X64_RAX);
	l->sub = is_signed;
	return d;
}

/* The half that in is of a product, where the other half is wanted as well; LREG_NONE: it is not. */
static lreg both_halves(struct isel *s, const struct ir_insn *in)
{
	const bool is_low = in->op == IR_mul;
	uint32_t other = UINT32_MAX;
	bool is_signed = in->op == IR_mulh;
	lreg high, low, a, b;

	if (!is_low) {
		other = isel_partner(s, in, IR_mul);
	} else if (isel_is64(in)) {
		other = isel_partner(s, in, IR_mulhu);
		is_signed = other == UINT32_MAX;
		if (is_signed)
			other = isel_partner(s, in, IR_mulh);
	}
	if (other == UINT32_MAX)
		return LREG_NONE;
	a = isel_vr(s, in->a);
	b = isel_vr(s, in->b);
	high = mul_high(s, a, b, is_signed, &low);
	s->val[other].vreg = is_low ? high : low;
	return is_low ? low : high;
}

static lreg sel_mul(struct isel *s, const struct ir_insn *in)
{
	lreg half = both_halves(s, in);
	int64_t c;

	if (half != LREG_NONE)
		return half;
	if (x64_const32(s, in->b, &c))
		return with_imm(s, X64_OP_MULI, isel_vr(s, isel_operand(s, in, in->a)), LO_MEM, 0,
				isel_wide(s, in), c);
	return three(s, X64_OP_MUL, in, 0, LO_MEM);
}

static lreg sel_mul_high(struct isel *s, const struct ir_insn *in)
{
	lreg half = both_halves(s, in), a, b;

	if (half != LREG_NONE)
		return half;
	a = isel_vr(s, in->a);
	b = isel_vr(s, in->b);
	return mul_high(s, a, b, in->op == IR_mulh, NULL);
}

/* High half of signed a times unsigned b: the unsigned one, less b where a is negative. */
static lreg mul_high_su(struct isel *s, lreg a, lreg b)
{
	lreg hi = mul_high(s, a, b, false, NULL), sign, d;
	struct lir_insn *l;

	sign = with_imm(s, X64_OP_SHIFTI, a, 0, X64_SAR, 1, 63);
	l = isel_lir(s, X64_OP_ALU);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, sign, LO_HINT);
	isel_use(l, b, LO_MEM);
	l->sub = X64_AND;
	l->sub2 = 1;
	sign = d;
	l = isel_lir(s, X64_OP_ALU);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, hi, LO_HINT);
	isel_use(l, sign, LO_LATE);
	l->sub = X64_SUB;
	l->sub2 = 1;
	return d;
}

static lreg sel_div(struct isel *s, const struct ir_insn *in)
{
	static const uint8_t other_op[IR_OP_COUNT] = {
		[IR_div] = IR_rem, [IR_rem] = IR_div, [IR_divu] = IR_remu, [IR_remu] = IR_divu
	};
	bool rem = in->op == IR_rem || in->op == IR_remu,
	     is_signed = in->op == IR_div || in->op == IR_rem;
	const unsigned other_place = rem ? X64_RAX : X64_RDX;
	uint32_t other = isel_partner(s, in, (enum ir_op)other_op[in->op]);
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, X64_OP_DIV);
	int64_t c;

	d = isel_def_fixed(s, l, LIR_INT, rem ? X64_RDX : X64_RAX);
	if (other != UINT32_MAX)
		s->val[other].vreg = isel_def_fixed(s, l, LIR_INT, other_place);
	isel_opnd(l, a, LIR_USE, 0, X64_RAX);
	isel_use(l, b, LO_LATE);
	if (other == UINT32_MAX)
		isel_clobber(l, other_place);
	l->sub = (uint8_t)((is_signed ? X64_DIV_SIGNED : 0) | (rem ? X64_DIV_REM : 0));
	if (isel_const(s, in->b, &c) && c != 0 && c != -1)
		l->sub |= X64_DIV_SAFE;
	l->sub2 = isel_is64(in);
	return d;
}

static lreg sel_sext(struct isel *s, const struct ir_insn *in)
{
	const struct ir_insn *x = isel_insn(s, in->a);

	if (x->op == IR_trunc && ir_fits_i32(isel_insn(s, x->a)))
		return isel_vr(s, x->a);
	if (x->op == IR_const)
		return isel_const_vreg(s, x->imm);
	if (!isel_wide(s, in))
		return isel_vr(s, in->a);
	return x64_extend(s, isel_vr(s, in->a), X64_SX32);
}

/* 32-bit values whose register has a clear upper half, because a 32-bit operation wrote it last. */
static bool zero_upper(const struct isel *s, const struct ir_insn *x)
{
	if (x->op == IR_trunc)
		return ir_fits_u32(isel_insn(s, x->a));
	return x->op != IR_const;
}

static lreg sel_zext(struct isel *s, const struct ir_insn *in)
{
	const struct ir_insn *x = isel_insn(s, in->a);

	if (x->op == IR_const)
		return isel_const_vreg(s, (uint32_t)x->imm);
	if (zero_upper(s, x))
		return isel_vr(s, in->a);
	return x64_extend(s, isel_vr(s, in->a), X64_ZX32);
}

enum x64_cc x64_host_cc(unsigned cc, bool swapped)
{
	static const uint8_t map[][2] = {
		{ X64_CC_E, X64_CC_E },   { X64_CC_NE, X64_CC_NE }, { X64_CC_L, X64_CC_G },
		{ X64_CC_GE, X64_CC_LE }, { X64_CC_B, X64_CC_A },   { X64_CC_AE, X64_CC_BE },
	};

	return (enum x64_cc)map[cc][swapped];
}

struct x64_cmp x64_compare(const struct isel *s, const struct ir_insn *in)
{
	struct x64_cmp c = { in->a, in->b, isel_is64(in), x64_host_cc(in->sub, false), false, 0 };
	int64_t value;

	if (isel_narrow_compare(s, in)) {
		c.w = 0;
		c.a = isel_narrow_operand(s, c.a);
		c.b = isel_narrow_operand(s, c.b);
	}
	if (x64_const32(s, c.b, &c.imm)) {
		c.is_imm = true;
	} else if (x64_const32(s, c.a, &value)
		   || (lives_in_memory(s, c.a) && !lives_in_memory(s, c.b))) {
		ir_ref a = c.a;

		c.is_imm = x64_const32(s, a, &c.imm);
		c.a = c.b;
		c.b = a;
		c.cc = x64_host_cc(in->sub, true);
	}
	return c;
}

static lreg sel_set(struct isel *s, const struct ir_insn *in)
{
	struct x64_cmp c = x64_compare(s, in);
	lreg a = isel_vr(s, c.a), b, d;
	struct lir_insn *l;

	if (c.is_imm) {
		if (c.imm == 0 && c.cc == X64_CC_L)
			return with_imm(s, X64_OP_SHIFTI, a, 0, X64_SHR, c.w, c.w ? 63 : 31);
		return with_imm(s, X64_OP_SETI, a, LO_MEM, c.cc, c.w, c.imm);
	}
	b = isel_vr(s, c.b);
	l = isel_lir(s, X64_OP_SET);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, LO_MEM);
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)c.w;
	return d;
}

/* The comparison that makes the condition is repeated for each select, which is cheaper than keeping its result. */
static lreg sel_select(struct isel *s, const struct ir_insn *in)
{
	const struct ir_insn *set = isel_insn(s, in->a);
	bool fuse = set->op == IR_set && isel_val(s, in->a)->vreg == LREG_NONE;
	struct x64_cmp c = { .a = in->a, .w = 1, .cc = X64_CC_NE, .is_imm = true };
	lreg b = isel_vr(s, isel_operand(s, in, in->b)), v = isel_vr(s, isel_operand(s, in, in->c));
	lreg x, y = LREG_NONE, d;
	struct lir_insn *l;

	if (fuse)
		c = x64_compare(s, set);
	x = isel_vr(s, c.a);
	if (!c.is_imm)
		y = isel_vr(s, c.b);
	l = isel_lir(s, c.is_imm ? X64_OP_CMOVI : X64_OP_CMOV);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, b, 0);
	isel_use(l, v, LO_HINT);
	isel_use(l, x, c.is_imm ? LO_MEM : 0);
	if (!c.is_imm)
		isel_use(l, y, LO_MEM);
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)(c.w | (isel_wide(s, in) ? X64_CMOV_W : 0));
	l->imm = c.imm;
	return d;
}

/* ---- counting bits --------------------------------------------------------------------------------- */

static lreg alu(struct isel *s, enum x64_alu op, unsigned w, lreg a, lreg b)
{
	struct lir_insn *l = isel_lir(s, X64_OP_ALU);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT);
	isel_use(l, b, op == X64_SUB ? LO_LATE : 0);
	l->sub = op;
	l->sub2 = (uint8_t)w;
	return d;
}

/* (a >> by) with mask repeated in all its bytes. */
static lreg part(struct isel *s, unsigned w, lreg a, unsigned by, unsigned mask)
{
	int64_t all = (int64_t)(mask * UINT64_C(0x0101010101010101));

	if (by)
		a = with_imm(s, X64_OP_SHIFTI, a, 0, X64_SHR, w, by);
	if (w)
		return alu(s, X64_AND, 1, a, isel_const_vreg(s, all));
	return with_imm(s, X64_OP_ALUI, a, 0, X64_AND, 0, (int32_t)all);
}

/* Without popcnt: sums of 2 bits side by side, of 4, of 8, and by a product of all bytes. */
static lreg sum_bits(struct isel *s, unsigned w, lreg a)
{
	enum { PAIRS = 0x55, FOURS = 0x33, EIGHTS = 0x0f };
	lreg low;

	a = alu(s, X64_SUB, w, a, part(s, w, a, 1, PAIRS));
	low = part(s, w, a, 0, FOURS);
	a = alu(s, X64_ADD, w, low, part(s, w, a, 2, FOURS));
	low = with_imm(s, X64_OP_SHIFTI, a, 0, X64_SHR, w, 4);
	a = part(s, w, alu(s, X64_ADD, w, a, low), 0, EIGHTS);
	if (w) {
		lreg ones = isel_const_vreg(s, INT64_C(0x0101010101010101));
		struct lir_insn *l = isel_lir(s, X64_OP_MUL);
		lreg d = isel_def(s, l, LIR_INT);

		isel_use(l, a, LO_HINT);
		isel_use(l, ones, 0);
		l->sub2 = 1;
		a = d;
	} else {
		a = with_imm(s, X64_OP_MULI, a, 0, 0, 0, 0x01010101);
	}
	return with_imm(s, X64_OP_SHIFTI, a, 0, X64_SHR, w, w ? 56 : 24);
}

static lreg sel_bits(struct isel *s, const struct ir_insn *in, enum x64_bits what)
{
	static const uint8_t needs[] = { [X64_CTZ] = X64_FEATURE_BMI1,
					 [X64_CLZ] = X64_FEATURE_LZCNT,
					 [X64_POPCOUNT] = X64_FEATURE_POPCNT };
	bool has = s->features >> needs[what] & 1;
	unsigned w = isel_is64(in);
	lreg a = isel_vr(s, in->a), d;
	struct lir_insn *l;

	if (what == X64_POPCOUNT && !has)
		return sum_bits(s, w, a);
	l = isel_lir(s, X64_OP_BITS);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_MEM | (has ? LO_HINT : LO_LATE));
	l->sub = (uint8_t)what;
	l->sub2 = (uint8_t)w;
	return d;
}

lreg x64_sel_int(struct isel *s, const struct ir_insn *in)
{
	switch (in->op) {
	case IR_add:
		return sel_add(s, in);
	case IR_sub:
		return sel_sub(s, in);
	case IR_mul:
		return sel_mul(s, in);
	case IR_mulh:
	case IR_mulhu:
		return sel_mul_high(s, in);
	case IR_mulhsu:
		return mul_high_su(s, isel_vr(s, in->a), isel_vr(s, in->b));
	case IR_div:
	case IR_divu:
	case IR_rem:
	case IR_remu:
		return sel_div(s, in);
	case IR_and:
		return sel_logic(s, in, X64_AND);
	case IR_or:
		return sel_logic(s, in, X64_OR);
	case IR_xor:
		return sel_logic(s, in, X64_XOR);
	case IR_shl:
		return sel_shift(s, in, X64_SHL);
	case IR_shr:
		return sel_shift(s, in, X64_SHR);
	case IR_sar:
		return sel_shift(s, in, X64_SAR);
	case IR_set:
		return sel_set(s, in);
	case IR_select:
		return sel_select(s, in);
	case IR_sext8:
		return x64_extend(s, isel_vr(s, in->a), X64_SX8);
	case IR_sext16:
		return x64_extend(s, isel_vr(s, in->a), X64_SX16);
	case IR_bswap:
		return with_imm(s, X64_OP_BSWAP, isel_vr(s, in->a), LO_MEM, 0, isel_is64(in), 0);
	case IR_ctz:
		return sel_bits(s, in, X64_CTZ);
	case IR_clz:
		return sel_bits(s, in, X64_CLZ);
	case IR_popcount:
		return sel_bits(s, in, X64_POPCOUNT);
	case IR_trunc: /* the upper half of a 32-bit value does not matter */
		return isel_vr(s, in->a);
	case IR_sext:
		return sel_sext(s, in);
	case IR_zext:
		return sel_zext(s, in);
	default:
		KIT_PANIC("no selection for %s", ir_info(in)->name);
	}
}

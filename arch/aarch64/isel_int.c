/* Instruction selection: pure integer operations. */
#include "arch/aarch64/isel_priv.h"

/* ---- operations with one shape ------------------------------------------------------------------ */

/* d = a OP (b shifted). */
static lreg alu(struct isel *s, uint32_t word, unsigned w, lreg a, lreg b, enum a64_shift how,
		unsigned by)
{
	struct lir_insn *l = isel_lir(s, A64_OP_ALU);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->imm = word;
	l->sub = (uint8_t)how;
	l->imm2 = by;
	l->sub2 = (uint8_t)w;
	return d;
}

/* d = 0 OP b. */
static lreg alu_zero(struct isel *s, uint32_t word, unsigned w, lreg b)
{
	struct lir_insn *l = isel_lir(s, A64_OP_ALUZ);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, b, 0);
	l->imm = word;
	l->sub2 = (uint8_t)w;
	return d;
}

static lreg add_imm(struct isel *s, unsigned w, lreg a, int64_t imm)
{
	struct lir_insn *l = isel_lir(s, A64_OP_ADDI);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT);
	l->imm = imm;
	l->sub2 = (uint8_t)w;
	return d;
}

lreg a64_plus(struct isel *s, lreg a, int64_t imm)
{
	if (a64_fits_either(imm))
		return add_imm(s, 1, a, imm);
	return alu(s, A64_ADD, 1, a, isel_const_vreg(s, imm), A64_LSL, 0);
}

static lreg log_imm(struct isel *s, uint32_t word, unsigned w, lreg a, uint64_t mask)
{
	struct lir_insn *l = isel_lir(s, A64_OP_LOGI);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT);
	l->imm = word;
	l->imm2 = (int64_t)mask;
	l->sub2 = (uint8_t)w;
	return d;
}

lreg a64_masked(struct isel *s, lreg a, unsigned w, uint64_t mask)
{
	return log_imm(s, A64_AND_I, w, a, mask);
}

lreg a64_bits(struct isel *s, uint32_t word, unsigned w, lreg a, unsigned immr, unsigned imms)
{
	struct lir_insn *l = isel_lir(s, A64_OP_BF);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT);
	l->imm = word;
	l->sub = (uint8_t)immr;
	l->imm2 = imms;
	l->sub2 = (uint8_t)w;
	return d;
}

static lreg three(struct isel *s, uint32_t word, unsigned w, lreg a, lreg b)
{
	struct lir_insn *l = isel_lir(s, A64_OP_RRR);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->imm = word;
	l->sub2 = (uint8_t)w;
	return d;
}

/* ---- second operands that are shifted ------------------------------------------------------------ */

struct shifted {
	ir_ref x;
	enum a64_shift how;
	unsigned by;
};

/* r as a shift by a constant of the same width that nobody else uses. */
static bool shifted(const struct isel *s, ir_ref r, unsigned type, struct shifted *sh)
{
	static const struct {
		enum ir_op op;
		enum a64_shift how;
	} kind[] = { { IR_shl, A64_LSL }, { IR_shr, A64_LSR }, { IR_sar, A64_ASR } };
	const struct ir_insn *in = isel_insn(s, r);
	int64_t n;

	for (unsigned i = 0; i < ARRAY_LEN(kind); i++)
		if (isel_foldable(s, r, kind[i].op) && in->type == type
		    && isel_const(s, in->b, &n)) {
			*sh = (struct shifted){ in->a, kind[i].how,
						(unsigned)n & (type == IR_I64 ? 63 : 31) };
			return true;
		}
	return false;
}

/* a OP b, with a shift in b, or in a when the two may change places. */
static lreg with_shift(struct isel *s, const struct ir_insn *in, uint32_t word)
{
	bool commutes = ir_info(in)->flags & IR_C;
	struct shifted sh = { isel_operand(s, in, in->b), A64_LSL, 0 };
	ir_ref a = in->a;
	lreg ra, rb;

	if (!shifted(s, in->b, in->type, &sh) && commutes && shifted(s, in->a, in->type, &sh))
		a = in->b;
	ra = isel_vr(s, isel_operand(s, in, a));
	rb = isel_vr(s, sh.x);
	return alu(s, word, isel_is64(in), ra, rb, sh.how, sh.by);
}

/* ---- sums ------------------------------------------------------------------------------------------ */

/* a + x * y or a - x * y in one. */
static lreg multiply_add(struct isel *s, const struct ir_insn *in, ir_ref sum, ir_ref product,
			 uint32_t word)
{
	const struct ir_insn *mul = isel_insn(s, product);
	lreg a, b, c, d;
	struct lir_insn *l;

	a = isel_vr(s, mul->a);
	b = isel_vr(s, mul->b);
	c = isel_vr(s, isel_operand(s, in, sum));
	l = isel_lir(s, A64_OP_MADD);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	isel_use(l, c, LO_HINT);
	l->imm = word;
	l->sub2 = isel_is64(in);
	return d;
}

static bool product(const struct isel *s, ir_ref r, unsigned type)
{
	return isel_foldable(s, r, IR_mul) && isel_insn(s, r)->type == type;
}

static lreg sel_add(struct isel *s, const struct ir_insn *in)
{
	unsigned w = isel_is64(in);
	int64_t c;

	if (isel_const(s, in->b, &c) && a64_fits_either(c))
		return add_imm(s, w, isel_vr(s, isel_operand(s, in, in->a)), c);
	if (isel_const(s, in->a, &c) && a64_fits_either(c))
		return add_imm(s, w, isel_vr(s, isel_operand(s, in, in->b)), c);
	if (product(s, in->b, in->type))
		return multiply_add(s, in, in->a, in->b, A64_MADD);
	if (product(s, in->a, in->type))
		return multiply_add(s, in, in->b, in->a, A64_MADD);
	return with_shift(s, in, A64_ADD);
}

static lreg sel_sub(struct isel *s, const struct ir_insn *in)
{
	unsigned w = isel_is64(in);
	int64_t c;

	if (isel_const(s, in->b, &c) && a64_fits_either(c))
		return add_imm(s, w, isel_vr(s, isel_operand(s, in, in->a)),
			       (int64_t) - (uint64_t)c);
	if (isel_const(s, in->a, &c) && c == 0)
		return alu_zero(s, A64_SUB, w, isel_vr(s, isel_operand(s, in, in->b)));
	if (product(s, in->b, in->type))
		return multiply_add(s, in, in->a, in->b, A64_MSUB);
	return with_shift(s, in, A64_SUB);
}

/* ---- logic ----------------------------------------------------------------------------------------- */

static lreg rotate(struct isel *s, const struct ir_insn *in)
{
	struct isel_rotation r;
	struct lir_insn *l;
	lreg a, d;

	if (!isel_rotation(s, in, &r))
		return LREG_NONE;
	a = isel_vr(s, r.x);
	l = isel_lir(s, A64_OP_EXTR);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, a, 0);
	l->sub = (uint8_t)((r.w ? 64 : 32) - r.left);
	l->sub2 = (uint8_t)r.w;
	return r.sext ? a64_bits(s, A64_SBFM, 1, d, 0, 31) : d;
}

/* (x >> n) & ones: a bit field. */
static lreg extract(struct isel *s, const struct ir_insn *in, uint64_t mask)
{
	const struct ir_insn *x = isel_insn(s, in->a);
	unsigned bits = isel_is64(in) ? 64 : 32, size;
	int64_t n;

	if (!isel_foldable(s, in->a, IR_shr) || !mask || mask & (mask + 1) || mask == UINT64_MAX
	    || !isel_const(s, x->b, &n))
		return LREG_NONE;
	size = 64 - (unsigned)__builtin_clzll(mask);
	n &= bits - 1;
	if ((unsigned)n + size > bits)
		size = bits - (unsigned)n;
	return a64_bits(s, A64_UBFM, isel_is64(in), isel_vr(s, x->a), (unsigned)n,
			(unsigned)n + size - 1);
}

static bool is_not(const struct isel *s, ir_ref r, unsigned type)
{
	int64_t c;

	return isel_foldable(s, r, IR_xor) && isel_insn(s, r)->type == type
	       && isel_const(s, isel_insn(s, r)->b, &c) && c == -1;
}

/* a OP ~b in one instruction, where one of the two is a complement. */
static lreg complemented(struct isel *s, const struct ir_insn *in, uint32_t word)
{
	bool b = is_not(s, in->b, in->type);
	lreg x, y;

	if (!b && !is_not(s, in->a, in->type))
		return LREG_NONE;
	x = isel_vr(s, b ? in->a : in->b);
	y = isel_vr(s, isel_insn(s, b ? in->b : in->a)->a);
	return alu(s,
		   word == A64_AND   ? A64_BIC
		   : word == A64_ORR ? A64_ORN
				     : A64_EON,
		   isel_is64(in), x, y, A64_LSL, 0);
}

static lreg sel_logic(struct isel *s, const struct ir_insn *in, uint32_t word, uint32_t word_imm)
{
	unsigned w = isel_wide(s, in);
	uint32_t fields;
	lreg d = LREG_NONE;
	int64_t c;

	if (!isel_const(s, in->b, &c)) {
		d = word == A64_ORR ? rotate(s, in) : LREG_NONE;
		if (d == LREG_NONE)
			d = complemented(s, in, word);
		return d != LREG_NONE ? d : with_shift(s, in, word);
	}
	if (!w)
		c = (uint32_t)c;
	else if (word == A64_AND && fits_u32((uint64_t)c))
		w = 0; /* 32-bit operations clear the upper half */
	if (word == A64_EOR && c == (w ? -1 : (int64_t)UINT32_MAX))
		return alu_zero(s, A64_ORN, w, isel_vr(s, isel_operand(s, in, in->a)));
	if (word == A64_AND)
		d = extract(s, in, (uint64_t)c);
	if (d != LREG_NONE)
		return d;
	if (a64_bitmask(w, (uint64_t)c, &fields))
		return log_imm(s, word_imm, w, isel_vr(s, isel_operand(s, in, in->a)), (uint64_t)c);
	return with_shift(s, in, word);
}

/* ---- shifts ---------------------------------------------------------------------------------------- */

/* How many bits to the left x is shifted by a constant, by an insn that nobody else uses; else 0. */
static unsigned shifted_left(const struct isel *s, ir_ref r, unsigned type)
{
	int64_t n;

	if (!isel_foldable(s, r, IR_shl) || isel_insn(s, r)->type != type
	    || !isel_const(s, isel_insn(s, r)->b, &n))
		return 0;
	return (unsigned)n & (type == IR_I64 ? 63 : 31);
}

static lreg shift_const(struct isel *s, const struct ir_insn *in, unsigned by)
{
	unsigned w = isel_is64(in), bits = w ? 64 : 32, left = 0;
	uint32_t word = in->op == IR_sar ? A64_SBFM : A64_UBFM;
	ir_ref x = in->a;

	if (in->op == IR_shl) {
		if (by < 32) /* else the low half does not come from the low half */
			x = isel_operand(s, in, x);
		return a64_bits(s, A64_UBFM, w, isel_vr(s, x), (bits - by) % bits, bits - 1 - by);
	}
	if (by)
		left = shifted_left(s, x, in->type);
	if (left) /* (x << left) >> by: the bits up to bits - 1 - left, moved */
		x = isel_insn(s, x)->a;
	return a64_bits(s, word, w, isel_vr(s, x), (bits + by - left) % bits, bits - 1 - left);
}

static lreg sel_shift(struct isel *s, const struct ir_insn *in, uint32_t word)
{
	unsigned w = isel_is64(in);
	int64_t c;
	lreg a, b;

	if (isel_const(s, in->b, &c))
		return shift_const(s, in, (unsigned)c & (w ? 63 : 31));
	a = isel_vr(s, in->a);
	b = isel_vr(s, in->b);
	return three(s, word, w, a, b);
}

/* ---- products, quotients --------------------------------------------------------------------------- */

static lreg sel_mul(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, isel_operand(s, in, in->a)), b = isel_vr(s, isel_operand(s, in, in->b)),
	     d;
	struct lir_insn *l = isel_lir(s, A64_OP_MUL);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->sub2 = isel_is64(in);
	return d;
}

static lreg sel_mulhsu(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, A64_OP_MULHSU);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	return d;
}

static lreg sel_div(struct isel *s, const struct ir_insn *in)
{
	bool rem = in->op == IR_rem || in->op == IR_remu,
	     is_signed = in->op == IR_div || in->op == IR_rem;
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, rem ? A64_OP_REM : A64_OP_DIV);
	int64_t c;

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->imm = is_signed ? A64_SDIV : A64_UDIV;
	l->sub = isel_const(s, in->b, &c) && c != 0;
	l->sub2 = isel_is64(in);
	return d;
}

/* ---- comparisons ----------------------------------------------------------------------------------- */

static enum a64_cc host_cc(unsigned cc, bool swapped)
{
	static const uint8_t map[][2] = {
		{ A64_CC_EQ, A64_CC_EQ }, { A64_CC_NE, A64_CC_NE }, { A64_CC_LT, A64_CC_GT },
		{ A64_CC_GE, A64_CC_LE }, { A64_CC_LO, A64_CC_HI }, { A64_CC_HS, A64_CC_LS },
	};

	return (enum a64_cc)map[cc][swapped];
}

struct a64_cmp a64_compare(const struct isel *s, const struct ir_insn *in)
{
	struct a64_cmp c = { in->a, in->b, isel_is64(in), host_cc(in->sub, false), false, 0 };
	int64_t value;

	if (isel_narrow_compare(s, in)) {
		c.w = 0;
		c.a = isel_narrow_operand(s, c.a);
		c.b = isel_narrow_operand(s, c.b);
	}
	if (isel_const(s, c.b, &c.imm)) {
		c.is_imm = a64_fits_either(c.imm);
	} else if (isel_const(s, c.a, &value)) {
		c.imm = value;
		c.is_imm = a64_fits_either(value);
		if (c.is_imm) {
			c.a = c.b;
			c.cc = host_cc(in->sub, true);
		}
	}
	return c;
}

static lreg sel_set(struct isel *s, const struct ir_insn *in)
{
	struct a64_cmp c = a64_compare(s, in);
	lreg a = isel_vr(s, c.a), b = LREG_NONE, d;
	struct lir_insn *l;

	if (c.is_imm && c.imm == 0 && c.cc == A64_CC_LT)
		return a64_bits(s, A64_UBFM, c.w, a, c.w ? 63 : 31, c.w ? 63 : 31);
	if (!c.is_imm)
		b = isel_vr(s, c.b);
	l = isel_lir(s, c.is_imm ? A64_OP_SETI : A64_OP_SET);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	if (!c.is_imm)
		isel_use(l, b, 0);
	l->imm = c.imm;
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)c.w;
	return d;
}

/* ---- selection ------------------------------------------------------------------------------------- */

/* What csel may do to its second value, as op of it. */
struct variant {
	uint32_t word;
	ir_ref x;
};

/* The value r, or one that csinc, csinv or csneg makes of another one by the way. */
static struct variant variant_of(const struct isel *s, const struct ir_insn *select, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);
	struct variant v = { A64_CSEL, isel_operand(s, select, r) };
	int64_t c;

	if (in->type != select->type || isel_val(s, r)->vreg != LREG_NONE)
		return v;
	if (in->op == IR_add && isel_const(s, in->b, &c) && c == 1)
		v = (struct variant){ A64_CSINC, in->a };
	else if (in->op == IR_xor && isel_const(s, in->b, &c) && c == -1)
		v = (struct variant){ A64_CSINV, in->a };
	else if (in->op == IR_sub && isel_const(s, in->a, &c) && c == 0)
		v = (struct variant){ A64_CSNEG, in->b };
	return v;
}

static bool is_zero(const struct isel *s, ir_ref r)
{
	int64_t c;

	return isel_const(s, r, &c) && c == 0;
}

/* The comparison that makes the condition is repeated for each select, which is cheaper than keeping its result. */
static lreg sel_select(struct isel *s, const struct ir_insn *in)
{
	const struct ir_insn *set = isel_insn(s, in->a);
	struct a64_cmp c = { .a = in->a, .w = 1, .cc = A64_CC_NE, .is_imm = true };
	ir_ref b = isel_operand(s, in, in->b);
	struct variant v = variant_of(s, in, in->c);
	lreg rb = LREG_NONE, rv = LREG_NONE, x, y = LREG_NONE, d;
	struct lir_insn *l;

	if (set->op == IR_set && isel_val(s, in->a)->vreg == LREG_NONE)
		c = a64_compare(s, set);
	if (v.word == A64_CSEL) { /* the first value may be such a one */
		struct variant other = variant_of(s, in, in->b);

		if (other.word != A64_CSEL) {
			b = v.x;
			v = other;
			c.cc ^= 1;
		}
	}
	if (!is_zero(s, b))
		rb = isel_vr(s, b);
	if (!is_zero(s, v.x))
		rv = isel_vr(s, v.x);
	x = isel_vr(s, c.a);
	if (!c.is_imm)
		y = isel_vr(s, c.b);
	l = isel_lir(s, c.is_imm ? A64_OP_CSELI : A64_OP_CSEL);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, x, 0);
	if (!c.is_imm)
		isel_use(l, y, 0);
	if (rb != LREG_NONE)
		isel_use(l, rb, 0);
	if (rv != LREG_NONE)
		isel_use(l, rv, LO_HINT);
	l->imm = c.imm;
	l->imm2 = v.word;
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)(c.w | (isel_wide(s, in) ? A64_SEL_W : 0)
			    | (rb == LREG_NONE ? A64_SEL_ZERO_B : 0)
			    | (rv == LREG_NONE ? A64_SEL_ZERO_C : 0));
	return d;
}

/* An operation on the bits of one operand. */
static lreg sel_bits(struct isel *s, const struct ir_insn *in, unsigned op, unsigned sub)
{
	lreg a = isel_vr(s, in->a), d;
	struct lir_insn *l = isel_lir(s, op);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_HINT);
	l->sub = (uint8_t)sub;
	l->sub2 = isel_is64(in);
	return d;
}

/* ---- extensions ------------------------------------------------------------------------------------ */

static lreg sel_sext(struct isel *s, const struct ir_insn *in)
{
	const struct ir_insn *x = isel_insn(s, in->a);

	if (x->op == IR_trunc && ir_fits_i32(isel_insn(s, x->a)))
		return isel_vr(s, x->a);
	if (x->op == IR_const)
		return isel_const_vreg(s, x->imm);
	if (!isel_wide(s, in))
		return isel_vr(s, in->a);
	return a64_bits(s, A64_SBFM, 1, isel_vr(s, in->a), 0, 31);
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
	return alu_zero(s, A64_ORR, 0, isel_vr(s, in->a));
}

lreg a64_sel_int(struct isel *s, const struct ir_insn *in)
{
	lreg a, b;

	switch (in->op) {
	case IR_add:
		return sel_add(s, in);
	case IR_sub:
		return sel_sub(s, in);
	case IR_mul:
		return sel_mul(s, in);
	case IR_mulh:
	case IR_mulhu:
		a = isel_vr(s, in->a);
		b = isel_vr(s, in->b);
		return three(s, in->op == IR_mulh ? A64_SMULH : A64_UMULH, 1, a, b);
	case IR_mulhsu:
		return sel_mulhsu(s, in);
	case IR_div:
	case IR_divu:
	case IR_rem:
	case IR_remu:
		return sel_div(s, in);
	case IR_and:
		return sel_logic(s, in, A64_AND, A64_AND_I);
	case IR_or:
		return sel_logic(s, in, A64_ORR, A64_ORR_I);
	case IR_xor:
		return sel_logic(s, in, A64_EOR, A64_EOR_I);
	case IR_shl:
		return sel_shift(s, in, A64_LSLV);
	case IR_shr:
		return sel_shift(s, in, A64_LSRV);
	case IR_sar:
		return sel_shift(s, in, A64_ASRV);
	case IR_set:
		return sel_set(s, in);
	case IR_select:
		return sel_select(s, in);
	case IR_bswap:
		return sel_bits(s, in, A64_OP_BSWAP, 0);
	case IR_ctz:
	case IR_clz:
		return sel_bits(s, in, A64_OP_CLZ, in->op == IR_ctz);
	case IR_popcount:
		return sel_bits(s, in, A64_OP_POPCOUNT, 0);
	case IR_sext8:
		return a64_bits(s, A64_SBFM, 1, isel_vr(s, in->a), 0, 7);
	case IR_sext16:
		return a64_bits(s, A64_SBFM, 1, isel_vr(s, in->a), 0, 15);
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

/*
 * Fold rules of arithmetic, logic, shifts and extensions; fold.c has the engine and says what a rule
 * may do. Constants stand on the right when a rule of a commutative operation runs. "w" is the
 * width of the insn's type.
 */
#include "lib/opt/opt_priv.h"

/* i is (x op c1) op c2: it becomes x op c, where c combines c1 and c2. x is i->a's operand. */
static enum opt_fold join(struct opt_forward *f, struct ir_insn *i, uint64_t c)
{
	i->a = opt_def(f, i->a)->a;
	i->b = opt_const(f, (enum ir_type)i->type, (int64_t)c);
	return OPT_AGAIN;
}

/* True when i's left operand is (x op c1) with i's own op and x may be used instead. */
static bool chains(const struct opt_forward *f, const struct ir_insn *i, int64_t *c1)
{
	const struct ir_insn *x = opt_def(f, i->a);

	return x->op == i->op && opt_konst(f, x->b, c1) && opt_reach(f, i, i->a, x->a);
}

static enum opt_fold zero(struct opt_forward *f, const struct ir_insn *i)
{
	return opt_is_const(f, (enum ir_type)i->type, 0);
}

/* i becomes a shift by constant n. */
static enum opt_fold become_shift(struct opt_forward *f, struct ir_insn *i, enum ir_op op, ir_ref x,
				  unsigned n)
{
	return opt_become(i, op, x, opt_const(f, (enum ir_type)i->type, n));
}

/* The exponent when constant c of i's type is a power of two, else -1. */
static int exponent(const struct ir_insn *i, int64_t c)
{
	uint64_t v = i->type == IR_I32 ? (uint32_t)c : (uint64_t)c;

	return is_pow2(v) ? __builtin_ctzll(v) : -1;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

enum opt_fold opt_fold_add(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c, c1;

	if (!opt_konst(f, i->b, &c))
		return OPT_KEEP;
	if (c == 0)
		return opt_is_value(f, i->a);
	return chains(f, i, &c1) ? join(f, i, (uint64_t)c1 + (uint64_t)c) : OPT_KEEP;
}

enum opt_fold opt_fold_sub(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c;

	if (opt_same(i->a, i->b))
		return zero(f, i);
	if (!opt_konst(f, i->b, &c))
		return OPT_KEEP;
	return opt_become(i, IR_add, i->a,
			  opt_const(f, (enum ir_type)i->type, (int64_t) - (uint64_t)c));
}

enum opt_fold opt_fold_mul(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c;

	if (!opt_konst(f, i->b, &c))
		return OPT_KEEP;
	if (c == 0 || c == 1)
		return opt_is_value(f, c ? i->a : i->b);
	if (exponent(i, c) >= 0)
		return become_shift(f, i, IR_shl, i->a, (unsigned)exponent(i, c));
	return OPT_KEEP;
}

enum opt_fold opt_fold_div(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c;

	return opt_konst(f, i->b, &c) && c == 1 ? opt_is_value(f, i->a) : OPT_KEEP;
}

enum opt_fold opt_fold_divu(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c;

	if (!opt_konst(f, i->b, &c) || exponent(i, c) < 0)
		return OPT_KEEP;
	return become_shift(f, i, IR_shr, i->a, (unsigned)exponent(i, c));
}

enum opt_fold opt_fold_remu(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c;

	if (!opt_konst(f, i->b, &c) || exponent(i, c) < 0)
		return OPT_KEEP;
	return opt_become(i, IR_and, i->a,
			  opt_const(f, (enum ir_type)i->type, (int64_t)((uint64_t)c - 1)));
}

/* ---- logic ----------------------------------------------------------------------------------- */

/*
 * The low half of operand r of i when r is sign-extended: what r extends, where that is at hand once r is not needed any
 * more, or a constant. IR_NOREF: there is none.
 */
static ir_ref extended_low(struct opt_forward *f, const struct ir_insn *i, ir_ref r)
{
	const struct ir_insn *x = opt_def(f, r);

	if (x->op == IR_const && fits_i32(x->imm))
		return opt_const(f, IR_I32, x->imm);
	if (x->op != IR_sext && !(x->op == IR_zext && opt_bits(f, x->a).u < 32))
		return IR_NOREF;
	return opt_reach(f, i, r, x->a) ? x->a : IR_NOREF;
}

/* Logic of two sign-extended values is the extension of logic of their low halves, of which the extension may go. */
static enum opt_fold logic_in_low_half(struct opt_forward *f, struct ir_insn *i)
{
	ir_ref a, b;

	if (i->type != IR_I64 || !(opt_is(f, i->a, IR_sext) || opt_is(f, i->b, IR_sext)))
		return OPT_KEEP;
	a = extended_low(f, i, i->a);
	b = ir_ref_ok(a) ? extended_low(f, i, i->b) : a;
	if (!ir_ref_ok(b))
		return OPT_KEEP;
	return opt_become_ext(i, IR_sext, opt_op2(f, (enum ir_op)i->op, IR_I32, a, b));
}

enum opt_fold opt_fold_and(struct opt_forward *f, struct ir_insn *i)
{
	unsigned ubits;
	int64_t c, c1;

	if (opt_same(i->a, i->b))
		return opt_is_value(f, i->a);
	if (!opt_konst(f, i->b, &c))
		return logic_in_low_half(f, i);
	if (c == 0)
		return opt_is_value(f, i->b);
	ubits = opt_bits(f, i->a).u;
	if (c == -1 || (ubits < 64 && !(~(uint64_t)c & ((UINT64_C(1) << ubits) - 1))))
		return opt_is_value(f, i->a);
	if (i->type == IR_I64 && c == UINT32_MAX)
		return opt_become_ext(i, IR_zext, opt_op1(f, IR_trunc, IR_NONE, i->a));
	return chains(f, i, &c1) ? join(f, i, (uint64_t)(c1 & c)) : OPT_KEEP;
}

enum opt_fold opt_fold_or(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c, c1;

	if (opt_same(i->a, i->b))
		return opt_is_value(f, i->a);
	if (!opt_konst(f, i->b, &c))
		return logic_in_low_half(f, i);
	if (c == 0 || c == -1)
		return opt_is_value(f, c ? i->b : i->a);
	return chains(f, i, &c1) ? join(f, i, (uint64_t)(c1 | c)) : logic_in_low_half(f, i);
}

enum opt_fold opt_fold_xor(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);
	int64_t c, c1;

	if (opt_same(i->a, i->b))
		return zero(f, i);
	if (!opt_konst(f, i->b, &c))
		return logic_in_low_half(f, i);
	if (c == 0)
		return opt_is_value(f, i->a);
	/* not (a cc b) */
	if (c == 1 && x->op == IR_set && opt_reach(f, i, i->a, x->a)
	    && opt_reach(f, i, i->a, x->b)) {
		i->type = x->type;
		i->sub = (uint8_t)ir_cc_invert((enum ir_cc)x->sub);
		return opt_become(i, IR_set, x->a, x->b);
	}
	return chains(f, i, &c1) ? join(f, i, (uint64_t)(c1 ^ c)) : logic_in_low_half(f, i);
}

/* ---- shifts ---------------------------------------------------------------------------------- */

/* What all shifts share: the amount *n, in range; by 0; of the same shift (*n the sum, at most w). */
static enum opt_fold fold_amount(struct opt_forward *f, struct ir_insn *i, unsigned *n)
{
	unsigned w = opt_width(i);
	int64_t c, c1;

	if (!opt_konst(f, i->b, &c))
		return OPT_KEEP;
	*n = (unsigned)c & (w - 1);
	if (*n == 0)
		return opt_is_value(f, i->a);
	if (*n != c)
		return become_shift(f, i, (enum ir_op)i->op, i->a, *n);
	if (!chains(f, i, &c1))
		return OPT_KEEP;
	*n += (unsigned)c1 & (w - 1);
	if (*n < w || i->op == IR_sar)
		return become_shift(f, i, (enum ir_op)i->op, opt_def(f, i->a)->a,
				    *n < w ? *n : w - 1);
	return zero(f, i);
}

/* True when i shifts x << *s right, by constants, and may use x. */
static bool is_field(const struct opt_forward *f, const struct ir_insn *i, ir_ref *x, unsigned *s)
{
	const struct ir_insn *l = opt_def(f, i->a);
	int64_t c;

	if (l->op != IR_shl || !opt_konst(f, l->b, &c) || !opt_is(f, i->b, IR_const))
		return false;
	*x = l->a;
	*s = (unsigned)c & (opt_width(i) - 1);
	return opt_reach(f, i, i->a, *x);
}

/*
 * i is (x << 32) >> n in 64 bits, ext how the right shift extends: that is 32-bit work on the low half
 * of x, extended, then shifted left by 32 - n or, before extending, right by n - 32.
 */
static enum opt_fold fold_low_half(struct opt_forward *f, struct ir_insn *i, ir_ref x, unsigned n,
				   enum ir_op ext)
{
	ir_ref low = opt_op1(f, IR_trunc, IR_NONE, x);

	if (n == 32)
		return opt_become_ext(i, ext, low);
	if (n < 32)
		return become_shift(f, i, IR_shl, opt_op1(f, ext, IR_NONE, low), 32 - n);
	low = opt_op2(f, (enum ir_op)i->op, IR_I32, low, opt_const(f, IR_I32, n - 32));
	return opt_become_ext(i, ext, low);
}

enum opt_fold opt_fold_shl(struct opt_forward *f, struct ir_insn *i)
{
	unsigned n;

	return fold_amount(f, i, &n);
}

enum opt_fold opt_fold_shr(struct opt_forward *f, struct ir_insn *i)
{
	unsigned n = 0, s, w = opt_width(i);
	enum opt_fold r = fold_amount(f, i, &n);
	ir_ref x;

	if (r != OPT_KEEP || !is_field(f, i, &x, &s))
		return r;
	if (w == 64 && s == 32)
		return fold_low_half(f, i, x, n, IR_zext);
	/* Up to 31 bits: the mask is then an immediate everywhere. */
	if (s == n && w - n < 32)
		return opt_become(i, IR_and, x,
				  opt_const(f, (enum ir_type)i->type, (INT64_C(1) << (w - n)) - 1));
	return OPT_KEEP;
}

enum opt_fold opt_fold_sar(struct opt_forward *f, struct ir_insn *i)
{
	unsigned n = 0, s;
	enum opt_fold r = fold_amount(f, i, &n);
	ir_ref x;

	if (r != OPT_KEEP || i->type != IR_I64 || !is_field(f, i, &x, &s))
		return r;
	if (s == 32)
		return fold_low_half(f, i, x, n, IR_sext);
	if (s == n && (n == 48 || n == 56))
		return opt_become(i, n == 48 ? IR_sext16 : IR_sext8, x, IR_NOREF);
	return OPT_KEEP;
}

/* ---- extensions ------------------------------------------------------------------------------ */

enum opt_fold opt_fold_sext8(struct opt_forward *f, struct ir_insn *i)
{
	return opt_bits(f, i->a).s <= 8 ? opt_is_value(f, i->a) : OPT_KEEP;
}

enum opt_fold opt_fold_sext16(struct opt_forward *f, struct ir_insn *i)
{
	return opt_bits(f, i->a).s <= 16 ? opt_is_value(f, i->a) : OPT_KEEP;
}

enum opt_fold opt_fold_bswap(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	return x->op == IR_bswap && opt_reach(f, i, i->a, x->a) ? opt_is_value(f, x->a) : OPT_KEEP;
}

/* x & -x: the lowest one bit of x alone. */
static bool is_lowest(const struct opt_forward *f, const struct ir_insn *x, const struct ir_insn *y,
		      ir_ref *of)
{
	int64_t c;

	*of = y->b;
	return y->op == IR_sub && opt_konst(f, y->a, &c) && c == 0 && opt_def(f, y->b) == x;
}

/* ~x & (x - 1): ones where x has zeros below its lowest one, which compilers count where there is no ctz. */
static bool is_below_lowest(const struct opt_forward *f, const struct ir_insn *x,
			    const struct ir_insn *y, ir_ref *of)
{
	int64_t c, d;

	*of = x->a;
	return x->op == IR_xor && y->op == IR_add && opt_konst(f, x->b, &c) && c == -1
	       && opt_konst(f, y->b, &d) && d == -1 && opt_same(x->a, y->a);
}

enum opt_fold opt_fold_count(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *bits = opt_def(f, i->a);

	if (bits->op != IR_and || i->op == IR_clz)
		return OPT_KEEP;
	for (unsigned swap = 0; swap < 2; swap++) {
		const struct ir_insn *x = opt_def(f, swap ? bits->b : bits->a);
		const struct ir_insn *y = opt_def(f, swap ? bits->a : bits->b);
		ir_ref of;

		if ((i->op == IR_ctz ? is_lowest(f, x, y, &of) : is_below_lowest(f, x, y, &of))
		    && opt_reach(f, i, i->a, of))
			return opt_become(i, IR_ctz, of, IR_NOREF);
	}
	return OPT_KEEP;
}

/*
 * While a register holds the extension, its low half costs nothing and what it extends would need a
 * register of its own. The backward walk comes back to it when the register was overwritten in time.
 */
enum opt_fold opt_fold_trunc(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	if ((x->op == IR_sext || x->op == IR_zext) && !opt_held(f, i->a))
		return opt_is_value(f, x->a);
	if (x->op == IR_fbits)
		return opt_become(i, IR_fbits32, x->a, IR_NOREF);
	return OPT_KEEP;
}

enum opt_fold opt_fold_sext(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	if (x->op == IR_trunc && opt_bits(f, x->a).s <= 32)
		return opt_is_value(f, x->a);
	/* Never negative: hosts zero-extend for nothing. */
	if (opt_bits(f, i->a).u <= 31)
		return opt_become_ext(i, IR_zext, i->a);
	return OPT_KEEP;
}

enum opt_fold opt_fold_zext(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	return x->op == IR_trunc && opt_bits(f, x->a).u <= 32 ? opt_is_value(f, x->a) : OPT_KEEP;
}

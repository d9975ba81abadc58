/*
 * How many bits a value can have: enough to see that an extension or a mask changes nothing. Asked for
 * few values, so it is computed when asked, from the defining insns a few levels deep.
 */
#include "lib/opt/opt_priv.h"

enum { LEVELS = 3 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }
static unsigned most(unsigned a, unsigned b) { return a > b ? a : b; }

static struct opt_bits bits(unsigned u, unsigned s)
{
	return (struct opt_bits){ .u = (uint8_t)u, .s = (uint8_t)s };
}

/* Bits of constant v, an i32's sign-extended, seen as w bits wide. */
static struct opt_bits const_bits(int64_t v, unsigned w)
{
	uint64_t low = w == 32 ? (uint32_t)v : (uint64_t)v;

	return bits(low ? 64 - (unsigned)__builtin_clzll(low) : 0,
		    64 - (unsigned)__builtin_clrsbll(v));
}

/* A shift of a value w bits wide, with bits x, by constant n < w. */
static struct opt_bits shift_bits(enum ir_op op, struct opt_bits x, unsigned n, unsigned w)
{
	unsigned less = x.u > n ? x.u - n : 0;

	switch ((int)op) {
	case IR_shl:
		return bits(least(w, x.u + n), least(w, x.s + n));
	case IR_shr:
		return bits(less, n ? w : x.s);
	default: /* sar */
		return bits(x.u == w ? w : less, x.s > n ? x.s - n : 1);
	}
}

/* Results that owe their size to the operation alone. */
static struct opt_bits op_bits(enum ir_op op, unsigned w)
{
	unsigned fits = ir_ops[op].fits, n = fits & IR_FITS_BITS;

	if (!fits)
		return bits(w, w);
	return fits & IR_FITS_SIGNED ? bits(w, n) : bits(n, n + 1);
}

static struct opt_bits find(const struct opt_forward *f, ir_ref r, unsigned levels);

/* Results that follow from those of the operands. */
static struct opt_bits join(const struct opt_forward *f, const struct ir_insn *i, unsigned w,
			    unsigned levels)
{
	struct opt_bits x = find(f, i->op == IR_select ? i->c : i->a, levels), y = x;
	int64_t n;

	if (ir_ref_ok(i->b))
		y = find(f, i->b, levels);
	switch (i->op) {
	case IR_add:
		return bits(least(w, most(x.u, y.u) + 1), least(w, most(x.s, y.s) + 1));
	case IR_sub:
		return bits(w, least(w, most(x.s, y.s) + 1));
	case IR_and:
		return bits(least(x.u, y.u), most(x.s, y.s));
	case IR_or:
	case IR_xor:
	case IR_select:
		return bits(most(x.u, y.u), most(x.s, y.s));
	case IR_trunc:
		return bits(least(x.u, 32), least(x.s, 32));
	case IR_sext:
		return bits(x.u < 32 ? x.u : 64, x.s);
	case IR_zext:
		return bits(x.u, 64);
	default: /* shifts */
		if (opt_konst(f, i->b, &n))
			return shift_bits((enum ir_op)i->op, x, (unsigned)n & (w - 1), w);
		return bits(w, w);
	}
}

static struct opt_bits find(const struct opt_forward *f, ir_ref r, unsigned levels)
{
	const struct ir_insn *i = opt_def(f, r);
	unsigned w = ir_result_type(i) == IR_I32 ? 32 : 64;
	struct opt_bits v;

	switch (i->op) {
	case IR_const:
		return const_bits(i->imm, w);
	case IR_add:
	case IR_sub:
	case IR_and:
	case IR_or:
	case IR_xor:
	case IR_select:
	case IR_shl:
	case IR_shr:
	case IR_sar:
	case IR_trunc:
	case IR_sext:
	case IR_zext:
		v = levels ? join(f, i, w, levels - 1) : op_bits((enum ir_op)i->op, w);
		break;
	default:
		v = op_bits((enum ir_op)i->op, w);
		break;
	}
	if (v.u < w && v.s > v.u + 1)
		v.s = (uint8_t)(v.u + 1);
	return v;
}

struct opt_bits opt_bits(const struct opt_forward *f, ir_ref r) { return find(f, r, LEVELS); }

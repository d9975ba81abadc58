/*
 * What programs, and LLVM for a cpu without Zbb, write by shifts and masks: bytes in the opposite order, and the number of one
 * bits. An insn that is the last of such a computation becomes the operation; the others go if nobody else wants them.
 *
 * Bytes: of each byte of a value it is known which byte of an older one it is (struct bytes), as far as constant shifts, masks
 * of whole bytes, or, and extensions lead back. Bits: by the shape of the sums, in 64 or in 32 bits. Of these the upper halves
 * of 64-bit insns on the way do not matter, since what is shifted in from there is masked off.
 */
#include "lib/opt/opt_priv.h"

enum { LEVELS = 10, NODES = 64, ZERO = 0xff, SIGN = 0x10 };

/* ---- bytes turned round --------------------------------------------------------------------- */

/* Byte k is byte from[k] of value x, or ZERO, or 8 times the sign of byte from[k] - SIGN of x. */
struct bytes {
	ir_ref x;
	uint8_t from[8];
};

struct search {
	const struct opt_forward *f;
	unsigned nodes; /* that may still be looked at */
};

static void clear_upper(struct bytes *b)
{
	for (unsigned k = 4; k < 8; k++)
		b->from[k] = ZERO;
}

/* An i32's upper half is taken for zeros. */
static struct bytes itself(const struct search *s, ir_ref r)
{
	struct bytes b = { r, { 0, 1, 2, 3, 4, 5, 6, 7 } };

	if (ir_result_type(opt_def(s->f, r)) == IR_I32)
		clear_upper(&b);
	return b;
}

static uint8_t sign_of(uint8_t from) { return from < SIGN ? from + SIGN : from; }

/* Shifted right by by bytes, to the left if that is negative, where there are w; fill comes in. */
static void move_bytes(struct bytes *b, unsigned w, int by, uint8_t fill)
{
	struct bytes was = *b;

	for (int k = 0; k < (int)w; k++)
		b->from[k] = k + by < 0 ? ZERO : k + by >= (int)w ? fill : was.from[k + by];
}

/* Puts v's bytes into b, which has ZERO there. */
static bool join(struct bytes *b, const struct bytes *v)
{
	bool used = false;

	for (unsigned k = 0; k < 8; k++)
		used |= b->from[k] != ZERO;
	if (!used) {
		*b = *v;
		return true;
	}
	for (unsigned k = 0; k < 8; k++) {
		if (v->from[k] == ZERO || (opt_same(v->x, b->x) && v->from[k] == b->from[k]))
			continue;
		if (b->from[k] != ZERO || !opt_same(v->x, b->x))
			return false;
		b->from[k] = v->from[k];
	}
	return true;
}

/* Clears the bytes that mask c has not; false: it cuts some. */
static bool mask_bytes(struct bytes *b, uint64_t c)
{
	for (unsigned k = 0; k < 8; k++) {
		uint8_t m = (uint8_t)(c >> 8 * k);

		if (m != 0 && m != 0xff)
			return false;
		if (!m)
			b->from[k] = ZERO;
	}
	return true;
}

static struct bytes bytes_of(struct search *s, ir_ref r, unsigned levels)
{
	const struct ir_insn *i = opt_def(s->f, r);
	const unsigned w = i->type == IR_I32 ? 4 : 8;
	struct bytes b, c;
	int64_t n = 0;

	if (!levels || !s->nodes)
		return itself(s, r);
	s->nodes--;
	switch (i->op) {
	case IR_or:
		b = bytes_of(s, i->a, levels - 1);
		c = bytes_of(s, i->b, levels - 1);
		return join(&b, &c) ? b : itself(s, r);
	case IR_and:
		if (!opt_konst(s->f, i->b, &n))
			return itself(s, r);
		b = bytes_of(s, i->a, levels - 1);
		return mask_bytes(&b, (uint64_t)n) ? b : itself(s, r);
	case IR_shl:
	case IR_shr:
	case IR_sar:
		if (!opt_konst(s->f, i->b, &n) || n & 7)
			return itself(s, r);
		b = bytes_of(s, i->a, levels - 1);
		n = (n & (8 * w - 1)) / 8;
		move_bytes(&b, w, i->op == IR_shl ? -(int)n : (int)n,
			   i->op == IR_sar ? sign_of(b.from[w - 1]) : ZERO);
		return b;
	case IR_trunc:
		b = bytes_of(s, i->a, levels - 1);
		clear_upper(&b);
		return b;
	case IR_sext:
	case IR_zext:
		b = bytes_of(s, i->a, levels - 1);
		for (unsigned k = 4; k < 8; k++)
			b.from[k] = i->op == IR_zext ? ZERO : sign_of(b.from[3]);
		return b;
	default:
		return itself(s, r);
	}
}

static ir_ref low_half(struct opt_forward *f, ir_ref x)
{
	return ir_result_type(opt_def(f, x)) == IR_I32 ? x : opt_op1(f, IR_trunc, IR_NONE, x);
}

static enum opt_fold turn_bytes(struct opt_forward *f, struct ir_insn *i)
{
	struct search s = { f, NODES };
	struct bytes b = bytes_of(&s, i->a, LEVELS), c = bytes_of(&s, i->b, LEVELS);
	const bool wide = i->type == IR_I64;
	unsigned last = wide ? 7 : 3, turned = 0;

	if (!join(&b, &c))
		return OPT_KEEP;
	while (turned <= last && b.from[turned] == last - turned)
		turned++;
	if (turned == last + 1)
		return opt_become(i, IR_bswap, wide ? b.x : low_half(f, b.x), IR_NOREF);
	/* The low half alone, extended? */
	for (unsigned k = 0; k < 8; k++)
		if (!wide || b.from[k] != (k < 4 ? 3 - k : b.from[4]))
			return OPT_KEEP;
	if (b.from[4] != ZERO && b.from[4] != SIGN)
		return OPT_KEEP;
	return opt_become_ext(i, b.from[4] == ZERO ? IR_zext : IR_sext,
			      opt_op1(f, IR_bswap, IR_I32, low_half(f, b.x)));
}

/* ---- one bits counted ------------------------------------------------------------------------- */

/* r without what does not change its low w bits. */
static ir_ref low(const struct opt_forward *f, ir_ref r, unsigned w)
{
	unsigned op = opt_def(f, r)->op;

	while (w == 32 && (op == IR_trunc || op == IR_sext || op == IR_zext)) {
		r = opt_def(f, r)->a;
		op = opt_def(f, r)->op;
	}
	return r;
}

/* r is op of *x and the constant c repeated in each byte. */
static bool by_bytes(const struct opt_forward *f, ir_ref r, unsigned w, enum ir_op op, unsigned c,
		     ir_ref *x)
{
	const struct ir_insn *i = opt_def(f, low(f, r, w));
	const uint64_t want = c * UINT64_C(0x0101010101010101);
	int64_t v;

	if (i->op != op || !opt_konst(f, i->b, &v)
	    || (w == 32 ? (uint32_t)v != (uint32_t)want : (uint64_t)v != want))
		return false;
	*x = low(f, i->a, w);
	return true;
}

/* r is x >> n. */
static bool is_shifted(const struct opt_forward *f, ir_ref r, unsigned w, ir_ref x, int64_t n)
{
	const struct ir_insn *i = opt_def(f, low(f, r, w));
	int64_t v;

	return i->op == IR_shr && opt_konst(f, i->b, &v) && v == n && opt_same(low(f, i->a, w), x);
}

/* r is the sum of parts of *x side by side: (x & mask) + (x >> n & mask). */
static bool is_sum(const struct opt_forward *f, ir_ref r, unsigned w, unsigned mask, int64_t n,
		   ir_ref *x)
{
	const struct ir_insn *i = opt_def(f, low(f, r, w));
	ir_ref p, q;

	if (i->op != IR_add || !by_bytes(f, i->a, w, IR_and, mask, &p)
	    || !by_bytes(f, i->b, w, IR_and, mask, &q))
		return false;
	*x = is_shifted(f, q, w, p, n) ? p : q;
	return is_shifted(f, q, w, p, n) || is_shifted(f, p, w, q, n);
}

/* i, a shift right: the upper byte of a product that adds up all bytes? */
static enum opt_fold count_bits(struct opt_forward *f, struct ir_insn *i)
{
	enum { PAIRS = 0x55, FOURS = 0x33, EIGHTS = 0x0f };
	const unsigned w = opt_width(i);
	const struct ir_insn *sum, *pairs;
	ir_ref x, odd;
	int64_t n;

	if (!opt_konst(f, i->b, &n) || n != w - 8 || !by_bytes(f, i->a, w, IR_mul, 1, &x)
	    || !by_bytes(f, x, w, IR_and, EIGHTS, &x))
		return OPT_KEEP;
	/* (x + (x >> 4)) & 0x0f... */
	sum = opt_def(f, x);
	if (sum->op != IR_add)
		return OPT_KEEP;
	x = low(f, sum->a, w);
	if (!is_shifted(f, sum->b, w, x, 4)) {
		x = low(f, sum->b, w);
		if (!is_shifted(f, sum->a, w, x, 4))
			return OPT_KEEP;
	}
	if (!is_sum(f, x, w, FOURS, 2, &x))
		return OPT_KEEP;
	/* x - (x >> 1 & 0x55...) */
	pairs = opt_def(f, x);
	if (pairs->op != IR_sub || !by_bytes(f, pairs->b, w, IR_and, PAIRS, &odd))
		return OPT_KEEP;
	x = low(f, pairs->a, w);
	if (!is_shifted(f, odd, w, x, 1))
		return OPT_KEEP;
	return opt_become(i, IR_popcount, w == 32 ? low_half(f, x) : x, IR_NOREF);
}

enum opt_fold opt_idiom(struct opt_forward *f, struct ir_insn *i)
{
	switch (i->op) {
	case IR_or:
		return turn_bytes(f, i);
	case IR_shr:
		return count_bits(f, i);
	default:
		return OPT_KEEP;
	}
}

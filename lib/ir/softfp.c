/*
 * Software floating point: the rounding core, arithmetic, comparisons and classification.
 *
 * Each operation exists once, over a const format descriptor; the public functions at the end of
 * the file are its two instances. "F" below is the chapter of the RISC-V unprivileged manual on
 * single precision, to which D refers for everything but the width.
 */
#include "lib/ir/softfp.h"

#include "lib/ir/softfp_priv.h"

/* ---- the core ------------------------------------------------------------------------------ */

struct fp_parts fp_unpack(const struct fp_format *f, uint64_t bits)
{
	uint64_t frac = bits & (((uint64_t)1 << f->frac_bits) - 1);
	int field_max = (1 << f->exp_bits) - 1;
	int field = (int)(bits >> f->frac_bits) & field_max;
	struct fp_parts p = { .sign = bits >> (f->frac_bits + f->exp_bits) & 1 };

	if (field == field_max) {
		if (frac == 0)
			p.kind = FP_KIND_INF;
		else
			p.kind = frac >> (f->frac_bits - 1) ? FP_KIND_QNAN : FP_KIND_SNAN;
		return p;
	}
	if (field == 0 && frac == 0) {
		p.kind = FP_KIND_ZERO;
		return p;
	}
	p.kind = FP_KIND_FINITE;
	p.sig = frac << (63 - f->frac_bits);
	if (field != 0) {
		p.sig |= (uint64_t)1 << 63;
		p.exp = field - fp_emax(f);
	} else { /* subnormal: 0.frac * 2^(1 - emax) */
		int zeros = __builtin_clzll(p.sig);

		p.sig <<= zeros;
		p.exp = 1 - fp_emax(f) - zeros;
	}
	return p;
}

/* x / 2^n, rounded to odd: bit 0 becomes sticky for what was lost. n >= 0 has no upper bound. */
static fp_u128 shift_sticky(fp_u128 x, int n)
{
	if (n == 0)
		return x;
	if (n >= 128)
		return x != 0;
	return x >> n | ((x << (128 - n)) != 0);
}

uint64_t fp_shift_round(uint64_t sig, int shift, bool sign, enum fp_rm rm, bool *inexact)
{
	const uint64_t half = (uint64_t)1 << 63;
	/* Fixed point: 64 bits of integer, 64 of fraction, the lowest of them sticky. */
	fp_u128 fixed = shift_sticky((fp_u128)sig << 64, shift);
	uint64_t whole = (uint64_t)(fixed >> 64);
	uint64_t rest = (uint64_t)fixed;
	bool up = false;

	switch (rm) {
	case FP_RNE:
		up = rest > half || (rest == half && (whole & 1));
		break;
	case FP_RTZ:
		break;
	case FP_RDN:
		up = sign && rest;
		break;
	case FP_RUP:
		up = !sign && rest;
		break;
	case FP_RMM:
		up = rest >= half;
		break;
	}
	*inexact = rest != 0;
	return whole + up;
}

/* What an overflow leaves (IEEE 754, 7.4): infinity, or the largest number where rm leads there. */
static uint64_t overflow(const struct fp_format *f, bool sign, enum fp_rm rm, uint32_t *flags)
{
	bool to_inf = rm == FP_RNE || rm == FP_RMM || rm == (sign ? FP_RDN : FP_RUP);

	*flags |= FP_OF | FP_NX;
	/* The pattern just below infinity is the largest number. */
	return fp_inf_bits(f, sign) - !to_inf;
}

uint64_t fp_round(const struct fp_format *f, bool sign, int exp, uint64_t sig, enum fp_rm rm,
		  uint32_t *flags)
{
	const int emin = 1 - fp_emax(f);
	int shift = 63 - f->frac_bits;
	bool tiny = false, inexact;
	uint64_t mant; /* the significand as an integer, frac_bits + 1 bits of it */

	if (exp < emin) {
		/*
		 * Tiny after rounding (F, fcsr): the result rounded to full precision, as though
		 * the exponent had no lower bound, lies below the least normal number. Only from
		 * the binade just beneath can the carry lift it out.
		 */
		mant = fp_shift_round(sig, shift, sign, rm, &inexact);
		tiny = exp + (int)(mant >> (f->frac_bits + 1)) < emin;
		shift += emin - exp;
		exp = emin;
	}
	mant = fp_shift_round(sig, shift, sign, rm, &inexact);
	if (mant >> (f->frac_bits + 1)) { /* carried to 10.000 */
		mant >>= 1;
		exp++;
	}
	if (exp > fp_emax(f))
		return overflow(f, sign, rm, flags);
	if (inexact)
		*flags |= tiny ? FP_UF | FP_NX : FP_NX;
	/*
	 * Added, not ORed: the leading one of mant raises the exponent field by one, from 0 to 1
	 * for the least normal ones; a subnormal has none and its field stays 0.
	 */
	return fp_sign_bits(f, sign) + ((uint64_t)(exp - emin) << f->frac_bits) + mant;
}

/* ---- wide intermediate results ------------------------------------------------------------- */

/* A finite number not zero: (-1)^sign * sig * 2^(exp - 126). */
struct wide {
	bool sign;
	int exp;
	fp_u128 sig;
};

/* p at the width of a product, bit 126 set. */
static struct wide widen(struct fp_parts p)
{
	return (struct wide){ p.sign, p.exp, (fp_u128)p.sig << 63 };
}

/* a * b exactly, bit 126 set: at most 106 of the 128 bits are used, so the shift loses nothing. */
static struct wide product(struct fp_parts a, struct fp_parts b)
{
	struct wide w = { a.sign ^ b.sign, a.exp + b.exp, (fp_u128)a.sig * b.sig };

	if (w.sig >> 127) {
		w.sig >>= 1;
		w.exp++;
	}
	return w;
}

/* w rounded to f. Any bit of w.sig may be the leading one. */
static uint64_t round_wide(const struct fp_format *f, struct wide w, enum fp_rm rm, uint32_t *flags)
{
	uint64_t high = (uint64_t)(w.sig >> 64);
	int zeros = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)w.sig);

	w.sig = shift_sticky(w.sig << zeros, 64);
	return fp_round(f, w.sign, w.exp + 1 - zeros, (uint64_t)w.sig, rm, flags);
}

/*
 * x + y rounded to f; bit 126 of both set, the lowest 20 bits of both clear. The larger stays in
 * place. When the other loses bits it lies at least 21 places lower, so the sum keeps its leading
 * one near the top, with the sticky bit too far down to be taken for a half.
 */
static uint64_t round_sum(const struct fp_format *f, struct wide x, struct wide y, enum fp_rm rm,
			  uint32_t *flags)
{
	if (x.exp < y.exp || (x.exp == y.exp && x.sig < y.sig)) {
		struct wide t = x;

		x = y;
		y = t;
	}
	y.sig = shift_sticky(y.sig, x.exp - y.exp);
	if (x.sign == y.sign)
		x.sig += y.sig;
	else
		x.sig -= y.sig;
	if (x.sig == 0) /* exact cancellation (IEEE 754, 6.3) */
		return fp_sign_bits(f, rm == FP_RDN);
	return round_wide(f, x, rm, flags);
}

/* ---- special cases ------------------------------------------------------------------------- */

static uint64_t invalid(const struct fp_format *f, uint32_t *flags)
{
	*flags |= FP_NV;
	return fp_nan_bits(f);
}

/* The result when a, b or both are NaNs. */
static uint64_t nan_of(const struct fp_format *f, struct fp_parts a, struct fp_parts b,
		       uint32_t *flags)
{
	if (a.kind == FP_KIND_SNAN || b.kind == FP_KIND_SNAN)
		*flags |= FP_NV;
	return fp_nan_bits(f);
}

/* The sum of two zeros (IEEE 754, 6.3): of unlike signs it is +0, towards minus infinity -0. */
static uint64_t sum_of_zeros(const struct fp_format *f, bool a, bool b, enum fp_rm rm)
{
	return fp_sign_bits(f, a == b ? a : rm == FP_RDN);
}

/* ---- the operations ------------------------------------------------------------------------ */

/* a + b, or a - b when negate is set. */
static uint64_t add(const struct fp_format *f, uint64_t a, uint64_t b, bool negate, enum fp_rm rm,
		    uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a), y = fp_unpack(f, b);

	y.sign ^= negate;
	if (fp_is_nan(x) || fp_is_nan(y))
		return nan_of(f, x, y, flags);
	if (x.kind == FP_KIND_INF && y.kind == FP_KIND_INF && x.sign != y.sign)
		return invalid(f, flags);
	if (x.kind == FP_KIND_INF)
		return a;
	if (y.kind == FP_KIND_INF)
		return fp_inf_bits(f, y.sign);
	if (x.kind == FP_KIND_ZERO && y.kind == FP_KIND_ZERO)
		return sum_of_zeros(f, x.sign, y.sign, rm);
	if (x.kind == FP_KIND_ZERO)
		return b ^ fp_sign_bits(f, negate);
	if (y.kind == FP_KIND_ZERO)
		return a;
	return round_sum(f, widen(x), widen(y), rm, flags);
}

static uint64_t mul(const struct fp_format *f, uint64_t a, uint64_t b, enum fp_rm rm,
		    uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a), y = fp_unpack(f, b);
	bool sign = x.sign ^ y.sign;
	bool zero = x.kind == FP_KIND_ZERO || y.kind == FP_KIND_ZERO;

	if (fp_is_nan(x) || fp_is_nan(y))
		return nan_of(f, x, y, flags);
	if (x.kind == FP_KIND_INF || y.kind == FP_KIND_INF)
		return zero ? invalid(f, flags) : fp_inf_bits(f, sign);
	if (zero)
		return fp_sign_bits(f, sign);
	return round_wide(f, product(x, y), rm, flags);
}

static uint64_t divide(const struct fp_format *f, uint64_t a, uint64_t b, enum fp_rm rm,
		       uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a), y = fp_unpack(f, b);
	bool sign = x.sign ^ y.sign;
	struct wide w = { sign, x.exp - y.exp, 0 };
	fp_u128 num;

	if (fp_is_nan(x) || fp_is_nan(y))
		return nan_of(f, x, y, flags);
	if (x.kind == y.kind && x.kind != FP_KIND_FINITE) /* 0 / 0, inf / inf */
		return invalid(f, flags);
	if (x.kind == FP_KIND_INF)
		return fp_inf_bits(f, sign);
	if (x.kind == FP_KIND_ZERO || y.kind == FP_KIND_INF)
		return fp_sign_bits(f, sign);
	if (y.kind == FP_KIND_ZERO) {
		*flags |= FP_DZ;
		return fp_inf_bits(f, sign);
	}
	/* 1/2 < x.sig / y.sig < 2: the quotient has 63 or 64 bits; a remainder makes it sticky. */
	num = (fp_u128)x.sig << 63;
	w.sig = (num / y.sig) << 63 | (num % y.sig != 0);
	return round_wide(f, w, rm, flags);
}

/* floor(sqrt(n)), one bit at a time. */
static uint64_t root_floor(fp_u128 n)
{
	uint64_t root = 0;

	for (uint64_t bit = (uint64_t)1 << 63; bit; bit >>= 1)
		if ((fp_u128)(root | bit) * (root | bit) <= n)
			root |= bit;
	return root;
}

static uint64_t square_root(const struct fp_format *f, uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a);
	bool odd = x.exp & 1;
	uint64_t root;
	fp_u128 n;

	if (fp_is_nan(x))
		return nan_of(f, x, x, flags);
	if (x.kind == FP_KIND_ZERO) /* keeps its sign (IEEE 754, 5.4.1) */
		return a;
	if (x.sign)
		return invalid(f, flags);
	if (x.kind == FP_KIND_INF)
		return a;
	/*
	 * The exponent is made even to be halved: sqrt(m * 2^2k) = sqrt(m) * 2^k with 1 <= m < 4.
	 * m * 2^126 is n, so root is sqrt(m) * 2^63, and its bit 63 is set.
	 */
	n = (fp_u128)x.sig << (63 + odd);
	root = root_floor(n);
	return fp_round(f, false, (x.exp - odd) / 2, root | ((fp_u128)root * root != n), rm, flags);
}

static uint64_t mul_add(const struct fp_format *f, uint64_t a, uint64_t b, uint64_t c,
			enum fp_rm rm, uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a), y = fp_unpack(f, b), z = fp_unpack(f, c);
	bool sign = x.sign ^ y.sign; /* of the product */
	bool zero = x.kind == FP_KIND_ZERO || y.kind == FP_KIND_ZERO;
	bool inf = x.kind == FP_KIND_INF || y.kind == FP_KIND_INF;

	/* F, section on computational instructions: invalid even when the addend is a quiet NaN. */
	if (zero && inf)
		return invalid(f, flags);
	if (fp_is_nan(x) || fp_is_nan(y) || fp_is_nan(z))
		return nan_of(f, z, x.kind == FP_KIND_SNAN ? x : y, flags);
	if (inf && z.kind == FP_KIND_INF && sign != z.sign)
		return invalid(f, flags);
	if (inf)
		return fp_inf_bits(f, sign);
	if (z.kind == FP_KIND_INF)
		return c;
	if (zero && z.kind == FP_KIND_ZERO)
		return sum_of_zeros(f, sign, z.sign, rm);
	if (zero)
		return c;
	if (z.kind == FP_KIND_ZERO)
		return round_wide(f, product(x, y), rm, flags);
	return round_sum(f, product(x, y), widen(z), rm, flags);
}

/* ---- order and classes --------------------------------------------------------------------- */

/* A key that orders all numbers of f but NaNs as integers; the two zeros share one. */
static int64_t order_key(const struct fp_format *f, uint64_t bits)
{
	int64_t magnitude = (int64_t)(bits & (fp_sign_bits(f, true) - 1));

	return bits & fp_sign_bits(f, true) ? -magnitude : magnitude;
}

static uint64_t min_max(const struct fp_format *f, uint64_t a, uint64_t b, bool want_max,
			uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a), y = fp_unpack(f, b);
	int64_t ka = order_key(f, a), kb = order_key(f, b);
	/* Equal keys are equal patterns or the two zeros, and then the sign decides. */
	bool a_first = ka < kb || (ka == kb && x.sign);

	if (fp_is_nan(x) || fp_is_nan(y)) {
		uint64_t nan = nan_of(f, x, y, flags);

		if (!fp_is_nan(x))
			return a;
		return fp_is_nan(y) ? nan : b;
	}
	return a_first != want_max ? a : b;
}

/* True, and FP_NV raised as the comparison demands it, when a or b is a NaN. */
static bool unordered(const struct fp_format *f, uint64_t a, uint64_t b, bool quiet,
		      uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a), y = fp_unpack(f, b);

	if (!fp_is_nan(x) && !fp_is_nan(y))
		return false;
	if (!quiet || x.kind == FP_KIND_SNAN || y.kind == FP_KIND_SNAN)
		*flags |= FP_NV;
	return true;
}

static bool equal(const struct fp_format *f, uint64_t a, uint64_t b, uint32_t *flags)
{
	return !unordered(f, a, b, true, flags) && order_key(f, a) == order_key(f, b);
}

static bool less(const struct fp_format *f, uint64_t a, uint64_t b, uint32_t *flags)
{
	return !unordered(f, a, b, false, flags) && order_key(f, a) < order_key(f, b);
}

static bool less_equal(const struct fp_format *f, uint64_t a, uint64_t b, uint32_t *flags)
{
	return !unordered(f, a, b, false, flags) && order_key(f, a) <= order_key(f, b);
}

/* F, table "Format of result of FCLASS instruction": the bits mirror each other about zero. */
static uint32_t classify(const struct fp_format *f, uint64_t a)
{
	struct fp_parts x = fp_unpack(f, a);
	int positive = 0;

	switch (x.kind) {
	case FP_KIND_SNAN:
		return 1u << 8;
	case FP_KIND_QNAN:
		return 1u << 9;
	case FP_KIND_ZERO:
		positive = 4;
		break;
	case FP_KIND_FINITE:
		positive = x.exp < 1 - fp_emax(f) ? 5 : 6;
		break;
	case FP_KIND_INF:
		positive = 7;
		break;
	}
	return 1u << (x.sign ? 7 - positive : positive);
}

/* ---- binary32 ------------------------------------------------------------------------------ */

uint32_t fp_add32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)add(&fp_binary32, a, b, false, rm, flags);
}

uint32_t fp_sub32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)add(&fp_binary32, a, b, true, rm, flags);
}

uint32_t fp_mul32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)mul(&fp_binary32, a, b, rm, flags);
}

uint32_t fp_div32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)divide(&fp_binary32, a, b, rm, flags);
}

uint32_t fp_sqrt32(uint32_t a, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)square_root(&fp_binary32, a, rm, flags);
}

uint32_t fp_fma32(uint32_t a, uint32_t b, uint32_t c, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)mul_add(&fp_binary32, a, b, c, rm, flags);
}

uint32_t fp_min32(uint32_t a, uint32_t b, uint32_t *flags)
{
	return (uint32_t)min_max(&fp_binary32, a, b, false, flags);
}

uint32_t fp_max32(uint32_t a, uint32_t b, uint32_t *flags)
{
	return (uint32_t)min_max(&fp_binary32, a, b, true, flags);
}

bool fp_eq32(uint32_t a, uint32_t b, uint32_t *flags) { return equal(&fp_binary32, a, b, flags); }

bool fp_lt32(uint32_t a, uint32_t b, uint32_t *flags) { return less(&fp_binary32, a, b, flags); }

bool fp_le32(uint32_t a, uint32_t b, uint32_t *flags)
{
	return less_equal(&fp_binary32, a, b, flags);
}

uint32_t fp_class32(uint32_t a) { return classify(&fp_binary32, a); }

/* ---- binary64 ------------------------------------------------------------------------------ */

uint64_t fp_add64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags)
{
	return add(&fp_binary64, a, b, false, rm, flags);
}

uint64_t fp_sub64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags)
{
	return add(&fp_binary64, a, b, true, rm, flags);
}

uint64_t fp_mul64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags)
{
	return mul(&fp_binary64, a, b, rm, flags);
}

uint64_t fp_div64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags)
{
	return divide(&fp_binary64, a, b, rm, flags);
}

uint64_t fp_sqrt64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return square_root(&fp_binary64, a, rm, flags);
}

uint64_t fp_fma64(uint64_t a, uint64_t b, uint64_t c, enum fp_rm rm, uint32_t *flags)
{
	return mul_add(&fp_binary64, a, b, c, rm, flags);
}

uint64_t fp_min64(uint64_t a, uint64_t b, uint32_t *flags)
{
	return min_max(&fp_binary64, a, b, false, flags);
}

uint64_t fp_max64(uint64_t a, uint64_t b, uint32_t *flags)
{
	return min_max(&fp_binary64, a, b, true, flags);
}

bool fp_eq64(uint64_t a, uint64_t b, uint32_t *flags) { return equal(&fp_binary64, a, b, flags); }

bool fp_lt64(uint64_t a, uint64_t b, uint32_t *flags) { return less(&fp_binary64, a, b, flags); }

bool fp_le64(uint64_t a, uint64_t b, uint32_t *flags)
{
	return less_equal(&fp_binary64, a, b, flags);
}

uint32_t fp_class64(uint64_t a) { return classify(&fp_binary64, a); }

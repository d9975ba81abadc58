/*
 * Software floating point: conversions between the two formats and to and from integers (F,
 * "Single-Precision Floating-Point Conversion and Move Instructions", and its like in D).
 */
#include "lib/ir/softfp.h"

#include "lib/ir/softfp_priv.h"

/* ---- between formats ----------------------------------------------------------------------- */

/* a of format from, rounded to format to. Widening never rounds: subnormals become normal. */
static uint64_t convert(const struct fp_format *from, const struct fp_format *to, uint64_t a,
			enum fp_rm rm, uint32_t *flags)
{
	struct fp_parts x = fp_unpack(from, a);

	switch (x.kind) {
	case FP_KIND_SNAN:
		*flags |= FP_NV;
		return fp_nan_bits(to);
	case FP_KIND_QNAN:
		return fp_nan_bits(to);
	case FP_KIND_INF:
		return fp_inf_bits(to, x.sign);
	case FP_KIND_ZERO:
		return fp_sign_bits(to, x.sign);
	case FP_KIND_FINITE:
		break;
	}
	return fp_round(to, x.sign, x.exp, x.sig, rm, flags);
}

uint32_t fp_f64_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)convert(&fp_binary64, &fp_binary32, a, rm, flags);
}

uint64_t fp_f32_to_f64(uint32_t a, uint32_t *flags)
{
	return convert(&fp_binary32, &fp_binary64, a, FP_RTZ, flags);
}

/* ---- to integers --------------------------------------------------------------------------- */

/* An integer type by the largest magnitude on either side of zero. */
struct int_range {
	uint64_t max; /* the greatest value */
	uint64_t min; /* minus the least value */
};

static const struct int_range range_i32 = { .max = INT32_MAX, .min = (uint64_t)INT32_MAX + 1 };
static const struct int_range range_u32 = { .max = UINT32_MAX, .min = 0 };
static const struct int_range range_i64 = { .max = INT64_MAX, .min = (uint64_t)INT64_MAX + 1 };
static const struct int_range range_u64 = { .max = UINT64_MAX, .min = 0 };

/*
 * a rounded to an integer, in two's complement. Whether it is in range is asked after rounding:
 * -0.9 to an unsigned type is 0 and inexact towards zero, but invalid downwards.
 */
static uint64_t to_int(const struct fp_format *f, uint64_t a, const struct int_range *range,
		       enum fp_rm rm, uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a);
	bool negative = x.sign && !fp_is_nan(x); /* a NaN counts as +inf, whatever its sign */
	uint64_t limit = negative ? range->min : range->max;
	bool fits = true, inexact = false;
	uint64_t mag = 0;

	if (x.kind == FP_KIND_FINITE && x.exp <= 63)
		mag = fp_shift_round(x.sig, 63 - x.exp, x.sign, rm, &inexact);
	else
		fits = x.kind == FP_KIND_ZERO;
	if (!fits || mag > limit) {
		*flags |= FP_NV;
		mag = limit;
	} else if (inexact) {
		*flags |= FP_NX;
	}
	return negative ? 0 - mag : mag;
}

/* A 32-bit result as XLEN = 64 holds it, sign-extended whether the type is signed or not. */
static uint64_t sext32(uint64_t v) { return (uint64_t)(int64_t)(int32_t)(uint32_t)v; }

uint64_t fp_f32_to_i32(uint32_t a, enum fp_rm rm, uint32_t *flags)
{
	return sext32(to_int(&fp_binary32, a, &range_i32, rm, flags));
}

uint64_t fp_f32_to_u32(uint32_t a, enum fp_rm rm, uint32_t *flags)
{
	return sext32(to_int(&fp_binary32, a, &range_u32, rm, flags));
}

uint64_t fp_f32_to_i64(uint32_t a, enum fp_rm rm, uint32_t *flags)
{
	return to_int(&fp_binary32, a, &range_i64, rm, flags);
}

uint64_t fp_f32_to_u64(uint32_t a, enum fp_rm rm, uint32_t *flags)
{
	return to_int(&fp_binary32, a, &range_u64, rm, flags);
}

uint64_t fp_f64_to_i32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return sext32(to_int(&fp_binary64, a, &range_i32, rm, flags));
}

uint64_t fp_f64_to_u32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return sext32(to_int(&fp_binary64, a, &range_u32, rm, flags));
}

uint64_t fp_f64_to_i64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return to_int(&fp_binary64, a, &range_i64, rm, flags);
}

uint64_t fp_f64_to_u64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return to_int(&fp_binary64, a, &range_u64, rm, flags);
}

/* ---- from integers ------------------------------------------------------------------------- */

/* (-1)^sign * mag rounded to f. */
static uint64_t from_int(const struct fp_format *f, bool sign, uint64_t mag, enum fp_rm rm,
			 uint32_t *flags)
{
	int zeros;

	if (mag == 0)
		return fp_sign_bits(f, false);
	zeros = __builtin_clzll(mag);
	return fp_round(f, sign, 63 - zeros, mag << zeros, rm, flags);
}

static uint64_t from_signed(const struct fp_format *f, int64_t v, enum fp_rm rm, uint32_t *flags)
{
	return from_int(f, v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, rm, flags);
}

uint32_t fp_i32_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)from_signed(&fp_binary32, (int32_t)(uint32_t)a, rm, flags);
}

uint32_t fp_u32_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)from_int(&fp_binary32, false, (uint32_t)a, rm, flags);
}

uint32_t fp_i64_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)from_signed(&fp_binary32, (int64_t)a, rm, flags);
}

uint32_t fp_u64_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return (uint32_t)from_int(&fp_binary32, false, a, rm, flags);
}

uint64_t fp_i32_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return from_signed(&fp_binary64, (int32_t)(uint32_t)a, rm, flags);
}

uint64_t fp_u32_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return from_int(&fp_binary64, false, (uint32_t)a, rm, flags);
}

uint64_t fp_i64_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return from_signed(&fp_binary64, (int64_t)a, rm, flags);
}

uint64_t fp_u64_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags)
{
	return from_int(&fp_binary64, false, a, rm, flags);
}

/* ---- to integers in the same format ---------------------------------------------------------- */

static uint64_t round_int(const struct fp_format *f, uint64_t a, enum fp_rm rm, bool is_inexact,
			  uint32_t *flags)
{
	struct fp_parts x = fp_unpack(f, a);
	bool lost = false;
	uint64_t mag;

	if (fp_is_nan(x)) {
		*flags |= x.kind == FP_KIND_SNAN ? FP_NV : 0;
		return fp_nan_bits(f);
	}
	if (x.kind != FP_KIND_FINITE || x.exp >= f->frac_bits)
		return a;
	mag = fp_shift_round(x.sig, 63 - x.exp, x.sign, rm, &lost);
	if (lost && is_inexact)
		*flags |= FP_NX;
	return mag ? from_int(f, x.sign, mag, rm, flags) : fp_sign_bits(f, x.sign);
}

uint32_t fp_round_int32(uint32_t a, enum fp_rm rm, bool is_inexact, uint32_t *flags)
{
	return (uint32_t)round_int(&fp_binary32, a, rm, is_inexact, flags);
}

uint64_t fp_round_int64(uint64_t a, enum fp_rm rm, bool is_inexact, uint32_t *flags)
{
	return round_int(&fp_binary64, a, rm, is_inexact, flags);
}

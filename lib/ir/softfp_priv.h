/*
 * The core that both halves of softfp share: a number taken apart, and put together again with
 * one rounding.
 *
 *     bits --fp_unpack--> struct fp_parts --exact integers--> sign, exp, sig --fp_round--> bits
 *
 * A finite non-zero number is (-1)^sign * sig * 2^(exp - 63) with bit 63 of sig set: 1.xxx times
 * 2^exp. Subnormals are normalised on the way in, so no operation knows them. binary64 fills the
 * upper 53 bits of sig; the 11 below take guard bits, and bit 0 is sticky: set when anything not
 * zero was lost below it. All a rounding asks about the lost part is whether it is zero, below,
 * at or above one half, so one sticky bit far enough below the half loses nothing.
 */
#ifndef LIB_IR_SOFTFP_PRIV_H
#define LIB_IR_SOFTFP_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ir/softfp.h"

__extension__ typedef unsigned __int128 fp_u128; /* not ISO C */

/* An IEEE 754 interchange format: | sign 1 | exponent exp_bits | fraction frac_bits |. */
struct fp_format {
	int exp_bits;
	int frac_bits;
};

static const struct fp_format fp_binary32 = { .exp_bits = 8, .frac_bits = 23 };
static const struct fp_format fp_binary64 = { .exp_bits = 11, .frac_bits = 52 };

enum fp_kind { FP_KIND_ZERO, FP_KIND_FINITE, FP_KIND_INF, FP_KIND_QNAN, FP_KIND_SNAN };

struct fp_parts {
	enum fp_kind kind; /* FP_KIND_FINITE: finite and not zero */
	bool sign;
	int exp;      /* of FP_KIND_FINITE only */
	uint64_t sig; /* of FP_KIND_FINITE only; bit 63 set */
};

/* The largest unbiased exponent of f, also its bias. 1 - fp_emax(f) is the least of a normal. */
static inline int fp_emax(const struct fp_format *f) { return (1 << (f->exp_bits - 1)) - 1; }

static inline uint64_t fp_sign_bits(const struct fp_format *f, bool sign)
{
	return sign ? (uint64_t)1 << (f->exp_bits + f->frac_bits) : 0;
}

static inline uint64_t fp_inf_bits(const struct fp_format *f, bool sign)
{
	return fp_sign_bits(f, sign) | (((uint64_t)1 << f->exp_bits) - 1) << f->frac_bits;
}

/* The canonical NaN: positive, quiet bit set, the rest of the fraction clear. */
static inline uint64_t fp_nan_bits(const struct fp_format *f)
{
	return fp_inf_bits(f, false) | (uint64_t)1 << (f->frac_bits - 1);
}

static inline bool fp_is_nan(struct fp_parts p) { return p.kind >= FP_KIND_QNAN; }

/* Takes the low bits of bits apart as a number of format f. Raises nothing. */
struct fp_parts fp_unpack(const struct fp_format *f, uint64_t bits);

/*
 * sig / 2^shift rounded to an integer, for a number of the given sign; shift >= 0 has no upper
 * bound. *inexact tells whether anything was lost. The result always fits: shift 0 is exact, and
 * any other leaves room for the carry.
 */
uint64_t fp_shift_round(uint64_t sig, int shift, bool sign, enum fp_rm rm, bool *inexact);

/*
 * The number (-1)^sign * sig * 2^(exp - 63), bit 63 of sig set and bit 0 sticky, rounded to format
 * f: the one place that raises FP_OF, FP_UF and FP_NX for a floating-point result.
 */
uint64_t fp_round(const struct fp_format *f, bool sign, int exp, uint64_t sig, enum fp_rm rm,
		  uint32_t *flags);

#endif

/*
 * Operands for tests of floating point: bit patterns of binary32 or binary64 where arithmetic goes
 * wrong if it does. A list of edge values, to be combined with each other, and an endless
 * reproducible supply of random patterns that favour cancellation, ties, carries and the ends of
 * the exponent range.
 *
 *     struct fpcases fc;
 *
 *     fpcases_init(&fc, true, 42);
 *     a = fpcases_random(&fc, 0);
 *     b = fpcases_random(&fc, a);
 */
#ifndef TESTS_UNIT_FPCASES_H
#define TESTS_UNIT_FPCASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fpcases {
	bool wide;    /* binary64, otherwise binary32 */
	int p;        /* bits of the fraction field: 52 or 23 */
	int top;      /* the exponent field of infinities and NaNs; the bias is top / 2 */
	uint64_t rng; /* state of splitmix64 */
	int count;    /* of edge values */
	uint64_t edge[400];
};

/* Fields of a pattern; they suit expressions that do without a struct fpcases. */
static inline uint64_t fpbits_sign(bool wide) { return (uint64_t)1 << (wide ? 63 : 31); }
static inline uint64_t fpbits_frac(bool wide) { return ((uint64_t)1 << (wide ? 52 : 23)) - 1; }
static inline uint64_t fpbits_inf(bool wide) { return fpbits_sign(wide) - fpbits_frac(wide) - 1; }

static inline bool fpbits_is_nan(bool wide, uint64_t v)
{
	return (v & (fpbits_sign(wide) - 1)) > fpbits_inf(wide);
}

static inline bool fpbits_is_snan(bool wide, uint64_t v)
{
	return fpbits_is_nan(wide, v) && !(v >> (wide ? 51 : 22) & 1);
}

/* The value as a C double, exact from either format. v is not a signalling NaN. */
static inline double fpbits_value(bool wide, uint64_t v)
{
	uint32_t low = (uint32_t)v;
	double d;
	float f;

	if (wide) {
		memcpy(&d, &v, sizeof(d));
		return d;
	}
	memcpy(&f, &low, sizeof(f));
	return (double)f;
}

/* The pattern of sign (bit 0), exponent field and the low bits of frac. */
static inline uint64_t fpcases_make(const struct fpcases *fc, uint64_t sign, int exp, uint64_t frac)
{
	return (sign & 1 ? fpbits_sign(fc->wide) : 0) | (uint64_t)exp << fc->p
	       | (frac & fpbits_frac(fc->wide));
}

static inline uint64_t fpcases_rng(struct fpcases *fc)
{
	uint64_t z = fc->rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* low <= result <= high */
static inline int fpcases_in(struct fpcases *fc, int low, int high)
{
	return low + (int)(fpcases_rng(fc) % (unsigned)(high - low + 1));
}

/*
 * Both signs of zeros, infinities, NaNs of both sorts, the ends of the subnormals and normals, and
 * values about 1, about the precision and about its inverse.
 */
static inline void fpcases_init(struct fpcases *fc, bool wide, uint64_t seed)
{
	const int p = wide ? 52 : 23, top = wide ? 0x7ff : 0xff, bias = top / 2;
	const int exps[] = {
		0,        1,        2,      p,        p + 1,    bias - p - 1, bias - p,
		bias - 2, bias - 1, bias,   bias + 1, bias + 2, bias + p,     bias + p + 1,
		top - p,  top - 2,  top - 1
	};
	const uint64_t ones = fpbits_frac(wide), half = (ones >> 1) + 1;
	const uint64_t fracs[] = { 0, 1, 2, half, half - 1, half + 1, ones, ones - 1, ones / 3 };
	const uint64_t specials[] = { 0, 1, half, half | 1, ones };

	*fc = (struct fpcases){ .wide = wide, .p = p, .top = top, .rng = seed };
	for (unsigned sign = 0; sign < 2; sign++) {
		for (size_t i = 0; i < sizeof(exps) / sizeof(*exps); i++)
			for (size_t j = 0; j < sizeof(fracs) / sizeof(*fracs); j++)
				fc->edge[fc->count++] = fpcases_make(fc, sign, exps[i], fracs[j]);
		for (size_t j = 0; j < sizeof(specials) / sizeof(*specials); j++)
			fc->edge[fc->count++] = fpcases_make(fc, sign, top, specials[j]);
	}
}

static inline uint64_t fpcases_edge(struct fpcases *fc)
{
	return fc->edge[fpcases_in(fc, 0, fc->count - 1)];
}

/* A random pattern; other is an operand that it is sometimes made to resemble, for cancellation. */
static inline uint64_t fpcases_random(struct fpcases *fc, uint64_t other)
{
	int top = fc->top, p = fc->p, exp;
	uint64_t sign = fpcases_rng(fc), frac = fpcases_rng(fc);

	switch (sign >> 60) {
	case 0:
	case 1:
		return fpcases_edge(fc);
	case 2: /* few bits set: ties and exact results */
	case 3:
		exp = top / 2 + fpcases_in(fc, -p, p);
		frac = (uint64_t)1 << fpcases_in(fc, 0, p);
		return fpcases_make(fc, sign, exp, frac | (uint64_t)1 << fpcases_in(fc, 0, p));
	case 4: /* a run of ones: carries */
		frac = fpbits_frac(fc->wide) >> fpcases_in(fc, 0, p) << fpcases_in(fc, 0, p);
		return fpcases_make(fc, sign, fpcases_in(fc, 0, top - 1), frac);
	case 5: /* subnormals and the least normals */
		frac >>= fpcases_in(fc, 0, 63);
		return fpcases_make(fc, sign, fpcases_in(fc, 0, 2), frac);
	case 6: /* the square roots of the ends of the range: products and quotients land there */
		return fpcases_make(fc, sign, top / 4 + fpcases_in(fc, -p, 2), frac);
	case 7:
		return fpcases_make(fc, sign, top * 3 / 4 + fpcases_in(fc, -2, 2), frac);
	case 8: /* small integers */
		frac <<= fpcases_in(fc, p - 8, p);
		return fpcases_make(fc, sign, top / 2 + fpcases_in(fc, 0, 6), frac);
	case 9:
	case 10:
		exp = (int)(other >> p & (unsigned)top) + fpcases_in(fc, -2, 2);
		frac = other ^ frac >> fpcases_in(fc, 1, 63);
		return fpcases_make(fc, sign, exp < 0 || exp > top ? 0 : exp, frac);
	case 11: /* about one */
	case 12:
		exp = top / 2 + fpcases_in(fc, -p - 3, p + 3);
		return fpcases_make(fc, sign, exp, frac);
	default:
		return fc->wide ? frac : (uint32_t)frac;
	}
}

#endif

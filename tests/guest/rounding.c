/* guest: flags=-lm,-frounding-math,-fno-builtin levels=O2 timeout=120 args=few */
/*
 * libm's functions that round to integers, and lround's kind, against integer arithmetic that says what they are: values and flags, in
 * each rounding mode, for zeros, subnormals, ties, the last fractions, what has none, infinities, NaNs of both kinds and random
 * values. With "few" it is less of them. Flags that were there stay. A NaN counts as one here; on riscv64 it must be the canonical one.
 */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/guest.h"

typedef uint64_t u64;

double roundeven(double);
float roundevenf(float);

enum { NEAR, ZERO, DOWN, UP, AWAY, DYNAMIC, MODES = UP + 1 };

static const int host_mode[MODES] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };
static u64 sums[8];
static unsigned long checks;

struct format {
	int frac, bias;
	u64 sign, inf, quiet;
};

static const struct format f64 = { 52, 1023, 1ull << 63, 0x7ffull << 52, 1ull << 51 };
static const struct format f32 = { 23, 127, 1ull << 31, 0xffull << 23, 1ull << 22 };

/* By integers alone: the rounded bits, and whether something was lost. */
static u64 want(const struct format *f, u64 x, int mode, int *lost)
{
	u64 a = x & (f->sign - 1), sign = x & f->sign, unit, rest, half;
	int e = (int)(a >> f->frac) - f->bias, up;

	*lost = 0;
	if (a > f->inf)
		return f->inf | f->quiet;
	if (e >= f->frac)
		return x;
	*lost = a != 0;
	if (e < 0) {
		const u64 half_bits = (u64)(f->bias - 1) << f->frac;

		up = mode == NEAR   ? a > half_bits
		     : mode == AWAY ? a >= half_bits
		     : mode == UP   ? a && !sign
		     : mode == DOWN ? a && sign
				    : 0;
		return sign | (up ? (u64)f->bias << f->frac : 0);
	}
	unit = 1ull << (f->frac - e);
	half = unit / 2;
	rest = a & (unit - 1);
	*lost = rest != 0;
	/* The last bit of the integer is the implicit one when e is 0. */
	up = mode == NEAR   ? rest > half || (rest == half && (e ? a & unit : 1))
	     : mode == AWAY ? rest >= half
	     : mode == UP   ? rest && !sign
	     : mode == DOWN ? rest && sign
			    : 0;
	return sign | (a - rest + (up ? unit : 0));
}

static void check(const char *name, unsigned what, u64 x, u64 got, u64 value, int flags,
		  int want_flags, int mode)
{
	checks++;
	sums[what] =
	    sums[what] * 31 + value + !!(want_flags & FE_INVALID) + 2 * !!(want_flags & FE_INEXACT);
	if (got == value && flags == want_flags)
		return;
	printf("%s %llx mode %d: %llx flags %x, not %llx flags %x\n", name, (unsigned long long)x,
	       mode, (unsigned long long)got, flags, (unsigned long long)value, want_flags);
	exit(1);
}

static u64 plain_nan(const struct format *f, u64 v)
{
#ifndef __riscv
	if ((v & (f->sign - 1)) > f->inf)
		return f->inf | f->quiet;
#endif
	return v;
}

#define ROUND(name, mode, inexact)                                                                 \
	{                                                                                          \
#name, name, name##f, mode, inexact                                                \
	}
static const struct function {
	const char *name;
	double (*d)(double);
	float (*f)(float);
	int mode, inexact;
} functions[] = {
	ROUND(ceil, UP, 0),           ROUND(floor, DOWN, 0),     ROUND(trunc, ZERO, 0),
	ROUND(round, AWAY, 0),        ROUND(roundeven, NEAR, 0), ROUND(rint, DYNAMIC, 1),
	ROUND(nearbyint, DYNAMIC, 0),
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* One call each, so that a translator knows what is called; noinline: in a loop of its own. */
#define IN_PLACE(name)                                                                             \
	__attribute__((noinline)) static double name##_of(double x) { return name(x); }            \
	__attribute__((noinline)) static float name##f_of(float x) { return name##f(x); }
IN_PLACE(ceil)
IN_PLACE(floor)
IN_PLACE(trunc)
IN_PLACE(round)
IN_PLACE(roundeven)
IN_PLACE(rint)
IN_PLACE(nearbyint)
#define PLACE(name)                                                                                \
	{                                                                                          \
		name##_of, name##f_of                                                              \
	}
static const struct {
	double (*d)(double);
	float (*f)(float);
} in_place[FUNCTIONS] = { PLACE(ceil),      PLACE(floor), PLACE(trunc),    PLACE(round),
			  PLACE(roundeven), PLACE(rint),  PLACE(nearbyint) };

static int is_snan(const struct format *f, u64 x)
{
	return (x & (f->sign - 1)) > f->inf && !(x & f->quiet);
}

static void all_of(u64 x, u64 y, int mode, int before)
{
	for (unsigned n = 0; n < FUNCTIONS; n++) {
		const struct function *f = &functions[n];
		int lost, flags, m = f->mode == DYNAMIC ? mode : f->mode;
		u64 value = want(&f64, x, m, &lost), got;
		double d;
		float s;

		flags = before | (is_snan(&f64, x) ? FE_INVALID : 0)
			| (lost && f->inexact ? FE_INEXACT : 0);
		feclearexcept(FE_ALL_EXCEPT);
		feraiseexcept(before);
		d = (checks & 1 ? f->d : in_place[n].d)(of64(x));
		got = plain_nan(&f64, bits64(d));
		check(f->name, n, x, got, value, fetestexcept(FE_ALL_EXCEPT), flags, mode);

		value = want(&f32, y, m, &lost);
		flags = before | (is_snan(&f32, y) ? FE_INVALID : 0)
			| (lost && f->inexact ? FE_INEXACT : 0);
		feclearexcept(FE_ALL_EXCEPT);
		feraiseexcept(before);
		s = (checks & 2 ? f->f : in_place[n].f)(of32(y));
		got = plain_nan(&f32, bits32(s));
		check(f->name, n, y, got, value, fetestexcept(FE_ALL_EXCEPT), flags, mode);
	}
}

/* lround: what fits is rounded as by round, and inexact then or not is the library's business; here for its value. */
static void to_long(u64 x)
{
	int lost;
	double w = of64(want(&f64, x, AWAY, &lost));

	if (!(fabs(w) < 0x1p62))
		return;
	check("lround", 7, x, (u64)lround(of64(x)), (u64)(int64_t)w, 0, 0, AWAY);
	w = of64(want(&f64, x, NEAR, &lost));
	check("lrint", 7, x, (u64)lrint(of64(x)), (u64)(int64_t)w, 0, 0, NEAR);
}

static u64 seed = 88172645463325252;

static u64 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static void both_signs(u64 x, u64 y, int mode)
{
	for (int n = 0; n < 4; n++)
		all_of(x ^ (n & 1 ? f64.sign : 0), y ^ (n & 1 ? f32.sign : 0), mode,
		       n & 2 ? FE_INEXACT | FE_DIVBYZERO : 0);
}

int main(int argc, char **argv)
{
	const int few = argc > 1 && !strcmp(argv[1], "few"), randoms = few ? 100 : 3000;

	for (int mode = 0; mode < MODES; mode++) {
		fesetround(host_mode[mode]);
		/* Around each power of two, and what lies between: the half and its neighbours. */
		for (int e = -3; e < 55; e += few ? 6 : 1)
			for (int k = -2; k <= 2; k++) {
				u64 x = (u64)(1023 + e) << 52, y = (u64)(127 + e % 26) << 23;
				u64 half = e >= 0 && e < 52 ? 1ull << (51 - e) : 0,
				    half_f = e % 26 >= 0 && e % 26 < 23 ? 1ull << (22 - e % 26) : 0;

				both_signs(x + k, y + k, mode);
				both_signs(x + half + k, y + half_f + k, mode);
				both_signs(x + 3 * half + k, y + 3 * half_f + k, mode);
			}
		both_signs(0, 0, mode);
		both_signs(1, 1, mode);
		both_signs(f64.inf - 1, f32.inf - 1, mode);
		both_signs(f64.inf, f32.inf, mode);
		both_signs(f64.inf + 1, f32.inf + 1, mode);
		both_signs(f64.inf + f64.quiet + 5, f32.inf + f32.quiet + 5, mode);
		for (int n = 0; n < randoms; n++) {
			u64 x = next(), y = next();

			if (n & 1) { /* exponents where there are fractions */
				x = (x & (f64.sign | 0x000fffffffffffff)) | (1020 + x % 58) << 52;
				y = (y & (f32.sign | 0x7fffff)) | (125 + y % 28) << 23;
			}
			all_of(x, y & 0xffffffff, mode, n & 2 ? FE_OVERFLOW : 0);
		}
	}
	fesetround(FE_TONEAREST);
	for (int n = 0; n < randoms; n++)
		to_long((next() & (f64.sign | 0x000fffffffffffff)) | (1020 + next() % 66) << 52);
	for (int n = 0; n < 8; n++)
		printf("%016llx\n", (unsigned long long)sums[n]);
	printf("%lu checks\n", checks);
	return 0;
}

/* guest: flags=-frounding-math,-fno-builtin */
/* Floating point: arithmetic, comparison, conversion, rounding modes, exception flags, classification. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "tests/guest/guest.h"

static const double edge[] = { 0.0,          -0.0,         1.0,      -1.0,     0.1,
			       1.0 / 3,      2.5,          -3.5,     1e10,     1e-10,
			       1e300,        -1e300,       1e-300,   DBL_MIN,  DBL_MAX,
			       -DBL_MAX,     DBL_EPSILON,  4.9e-324, 2.2e-308, 9007199254740993.0,
			       2147483647.5, 4294967295.7, 1e18 };
enum { EDGES = sizeof edge / sizeof *edge };

NOINLINE static uint64_t arith(uint64_t h, double a, double b)
{
	volatile double x = a, y = b;
	volatile float f = (float)a, g = (float)b;

	h = hash_double(h, x + y);
	h = hash_double(h, x - y);
	h = hash_double(h, x * y);
	h = hash_double(h, x / y);
	h = hash_double(h, fma(x, y, 0.5));
	h = hash_double(h, sqrt(fabs(x)));
	h = hash_double(h, (double)(f + g));
	h = hash_double(h, (double)(f * g));
	h = hash_double(h, (double)(f / g));
	h = hash_double(h, (double)fmaf(f, g, 0.25f));
	h = hash_double(h, (double)sqrtf(fabsf(f)));
	h = hash_u64(h, (uint64_t)((x < y) + 2 * (x <= y) + 4 * (x == y) + 8 * (x != y)
				   + 16 * isunordered(x, y) + 32 * (f < g)));
	if (x == x && y == y && (x != 0 || y != 0)) {
		h = hash_double(h, fmin(x, y));
		h = hash_double(h, fmax(x, y));
	}
	h = hash_double(h, copysign(x, y));
	return h;
}

NOINLINE static uint64_t convert(uint64_t h, double a)
{
	volatile double x = a;

	if (fabs(a) < 2e9) {
		h = hash_u64(h, (uint64_t)(int64_t)(int32_t)x);
		h = hash_u64(h, (uint64_t)lrint(x));
	}
	if (a > -1 && a < 4e9)
		h = hash_u64(h, (uint32_t)x);
	if (fabs(a) < 9e18) {
		h = hash_u64(h, (uint64_t)(int64_t)x);
		h = hash_u64(h, (uint64_t)llrint(x));
	}
	if (a > -1 && a < 1.8e19)
		h = hash_u64(h, (uint64_t)x);
	h = hash_double(h, rint(x));
	h = hash_double(h, (double)(float)x);
	return h;
}

NOINLINE static uint64_t from_int(uint64_t h, uint64_t v)
{
	volatile uint64_t u = v;
	volatile int64_t s = (int64_t)v;
	volatile int32_t w = (int32_t)v;
	volatile uint32_t x = (uint32_t)v;

	h = hash_double(h, (double)u);
	h = hash_double(h, (double)s);
	h = hash_double(h, (double)w);
	h = hash_double(h, (double)x);
	h = hash_double(h, (double)(float)u);
	h = hash_double(h, (double)(float)s);
	h = hash_double(h, (double)(float)w);
	return h;
}

static const char *flags(void)
{
	static char s[8];
	int f = fetestexcept(FE_ALL_EXCEPT);
	char *p = s;

	if (f & FE_INEXACT)
		*p++ = 'x';
	if (f & FE_UNDERFLOW)
		*p++ = 'u';
	if (f & FE_OVERFLOW)
		*p++ = 'o';
	if (f & FE_DIVBYZERO)
		*p++ = 'z';
	if (f & FE_INVALID)
		*p++ = 'v';
	*p = 0;
	feclearexcept(FE_ALL_EXCEPT);
	return *s ? s : "-";
}

static void test_flags(void)
{
	volatile double zero = 0, one = 1, three = 3, big = DBL_MAX, tiny = DBL_MIN, nan_q = NAN, r;
	volatile float fr;
	volatile long l;

	feclearexcept(FE_ALL_EXCEPT);
	r = one + one;
	printf("1+1 %s\n", flags());
	r = one / three;
	printf("1/3 %s\n", flags());
	r = one / zero;
	printf("1/0 %s\n", flags());
	r = zero / zero;
	printf("0/0 %s\n", flags());
	r = big * big;
	printf("max*max %s\n", flags());
	r = tiny / three;
	printf("min/3 %s\n", flags());
	r = tiny / 2;
	printf("min/2 %s\n", flags());
	r = sqrt(-one);
	printf("sqrt(-1) %s\n", flags());
	l = nan_q < one;
	printf("nan<1 %s\n", flags());
	l = nan_q == one;
	printf("nan==1 %s\n", flags());
	r = nan_q + one;
	printf("nan+1 %s\n", flags());
	l = (long)2.5;
	r = 2.5;
	l = (long)r;
	printf("(long)2.5 %s\n", flags());
	r = 1e300;
	fr = (float)r;
	printf("(float)1e300 %s\n", flags());
	r = 1e-46;
	fr = (float)r;
	printf("(float)1e-46 %s\n", flags());
	r = fma(big, 2.0, -big);
	printf("fma %s\n", flags());
	feraiseexcept(FE_OVERFLOW | FE_INVALID);
	printf("raised %s\n", flags());
	(void)fr;
}

int main(void)
{
	static const int modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };
	uint64_t h;

	for (int m = 0; m < 4; m++) {
		h = HASH_START;
		rnd_state = 42;
		fesetround(modes[m]);
		for (int i = 0; i < EDGES; i++) {
			h = convert(h, edge[i]);
			for (int k = 0; k < EDGES; k++)
				h = arith(h, edge[i], edge[k]);
		}
		for (int i = 0; i < 1000; i++) {
			uint64_t a = rnd(), b = rnd();
			double x, y;

			memcpy(&x, &a, 8);
			memcpy(&y, &b, 8);
			h = arith(h, x, y);
			h = convert(h, x);
			h = from_int(h, a >> (b & 63));
		}
		fesetround(FE_TONEAREST);
		printf("mode %d: %016lx\n", m, (unsigned long)h);
	}
	test_flags();
	printf("%d %d %d %d %d %d\n", fpclassify(0.0) == FP_ZERO, fpclassify(1.0) == FP_NORMAL,
	       fpclassify(4.9e-324) == FP_SUBNORMAL, fpclassify(INFINITY) == FP_INFINITE,
	       fpclassify(NAN) == FP_NAN, !!signbit(-0.0));
	printf("%g %g %g %g %g\n", floor(-2.5), ceil(-2.5), trunc(-2.5), round(-2.5),
	       nearbyint(-2.5));
	return 0;
}

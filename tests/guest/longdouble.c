/* long double: binary128 in software on riscv64, so what is printed stands in longdouble.expect. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

NOINLINE static long double poly(long double x) { return ((x * 3 - 7) * x + 0.5L) * x - 1 / x; }

int main(void)
{
	volatile long double third = 1.0L / 3, big = 1e4000L, tiny = 1e-4900L;
	volatile double d = 0.1;
	volatile float f = 0.1f;

	printf("%d %d %d\n", LDBL_MANT_DIG, LDBL_MAX_EXP, (int)sizeof(long double));
	printf("%.34Lg\n%.34Lg\n%.34Lg\n", third, third * 3, poly(third));
	printf("%Lg %Lg %.20Lg\n", big * big, tiny * tiny, big * tiny);
	printf("%La\n", third);
	printf("%.34Lg %.34Lg\n", (long double)d, (long double)f);
	printf("%d %d %d\n", (long double)d == d, third < 0.34L, -third >= third);
	printf("%ld %lu %d\n", (long)(third * 1e18L), (unsigned long)(1e19L + third), (int)-2.9L);
	printf("%.17g %.9g\n", (double)third, (float)third);
	printf("%.34Lg\n%.34Lg\n", sqrtl(2),
	       strtold("3.14159265358979323846264338327950288", NULL));
	printf("%.34Lg\n", fmodl(1e30L, 7.1L));
	for (long double x = 1; x > 1e-30L; x /= 7)
		printf("%.25Lg ", x);
	puts("");
	return 0;
}

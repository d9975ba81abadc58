/* Variable argument lists: integers, doubles, long doubles, structures, more than fit in registers. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/guest/guest.h"

struct small {
	int a, b;
};
struct pair {
	double x, y;
};
struct mixed {
	double d;
	long i;
};
struct big {
	long v[5];
};

NOINLINE static double sum(const char *kinds, ...)
{
	double s = 0;
	va_list ap;

	va_start(ap, kinds);
	for (; *kinds; kinds++) {
		switch (*kinds) {
		case 'i':
			s += va_arg(ap, int);
			break;
		case 'l':
			s += (double)va_arg(ap, long);
			break;
		case 'd':
			s += va_arg(ap, double);
			break;
		case 'L':
			s += (double)va_arg(ap, long double);
			break;
		case 's':
			s += (double)strlen(va_arg(ap, char *));
			break;
		case 'S': {
			struct small v = va_arg(ap, struct small);
			s += v.a * 10 + v.b;
			break;
		}
		case 'P': {
			struct pair v = va_arg(ap, struct pair);
			s += v.x - v.y;
			break;
		}
		case 'M': {
			struct mixed v = va_arg(ap, struct mixed);
			s += v.d * (double)v.i;
			break;
		}
		case 'B': {
			struct big v = va_arg(ap, struct big);
			s += (double)(v.v[0] + v.v[4]);
			break;
		}
		}
	}
	va_end(ap);
	return s;
}

NOINLINE static int format(char *out, size_t n, const char *fmt, ...)
{
	va_list ap, copy;
	int a, b;
	char twice[256];

	va_start(ap, fmt);
	va_copy(copy, ap);
	a = vsnprintf(out, n, fmt, ap);
	b = vsnprintf(twice, sizeof twice, fmt, copy);
	va_end(copy);
	va_end(ap);
	return a == b && !strcmp(out, twice) ? a : -1;
}

NOINLINE static long many(long a, long b, long c, long d, long e, long f, long g, long h, long i,
			  long j, int k, ...)
{
	va_list ap;
	long s = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;

	va_start(ap, k);
	while (k--)
		s = s * 31 + va_arg(ap, int);
	va_end(ap);
	return s;
}

int main(void)
{
	struct small s = { 3, 4 };
	struct pair p = { 1.5, 0.25 };
	struct mixed m = { 2.5, 4 };
	struct big b = { { 1, 2, 3, 4, 5 } };
	char out[256];

	printf("%g\n", sum("iiii", 1, 2, 3, 4));
	printf("%g\n", sum("ididididididid", 1, .1, 2, .2, 3, .3, 4, .4, 5, .5, 6, .6, 7, .7));
	printf("%g\n", sum("SPMBSPMB", s, p, m, b, s, p, m, b));
	printf("%g\n", sum("iLiLiLiLiLiL", 1, 1.5L, 2, 2.5L, 3, 3.5L, 4, 4.5L, 5, 5.5L, 6, 6.5L));
	printf("%g\n", sum("sldlsldl", "four", 1L, 2.0, 3L, "sevens!", 4L, 5.0, 6L));
	printf("%d ", format(out, sizeof out, "%s %d %ld %5.2f %c %x %e", "str", -7, 1L << 40,
			     3.14159, 'q', 255, 1e-9));
	printf("%s\n", out);
	printf("%ld\n", many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 6, 1, -2, 3, -4, 5, -6));
	printf("%d %u %hhd %hd %ld %lld %zu %jd %td\n", -1, -1, 300, 70000, -1L, -1LL, (size_t)1,
	       (intmax_t)-5, (ptrdiff_t)9);
	return 0;
}

/* Floating-point formatting and reading: %e %f %g %a over many values, strtod round trips. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

static void show(double d)
{
	char buf[64];

	if (d != d) {
		puts("nan");
		return;
	}
	snprintf(buf, sizeof buf, "%.17g", d);
	printf("%s %e %g %a %.3f %s\n", buf, d, d, d, fabs(d) < 1e15 ? d : 0.0,
	       strtod(buf, NULL) == d ? "same" : "DIFFERENT");
}

int main(void)
{
	static const double some[] = { 0.0,
				       -0.0,
				       1.0,
				       -1.0,
				       0.1,
				       1.0 / 3,
				       1e300,
				       1e-300,
				       4.9e-324,
				       2.2250738585072014e-308,
				       1.7976931348623157e308,
				       123456789.125,
				       0.5,
				       2.5,
				       1e15,
				       1e16,
				       1e17,
				       9007199254740993.0 };
	uint64_t h = HASH_START;
	char buf[128];
	float f;

	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		show(some[i]);
	show(INFINITY);
	show(-INFINITY);
	for (int i = 0; i < 20; i++)
		show(of64(rnd()));
	for (int i = 0; i < 400; i++) {
		double d = of64(rnd());
		int n;

		if (d != d)
			continue;
		n = snprintf(buf, sizeof buf, "%.15e %.10g %a", d, d, d);
		h = hash_bytes(h, buf, (size_t)n);
		f = strtof(buf, NULL);
		h = hash_bytes(h, &f, sizeof f);
	}
	printf("%016llx\n", (unsigned long long)h);
	printf("%10.4f|%-10.4f|%+.2e|% g|%010.3f|%.0f|%#.0f\n", 3.14159, 2.71828, 12345.678, 1.5,
	       -1.25, 2.5, 3.0);
	printf("%d %i %u %o %x %X %#x %#o %5d|%-5d|%05d|%+d\n", 42, -42, 42u, 42, 42, 42, 42, 42,
	       42, 42, 42, 42);
	printf("%s|%10s|%-10s|%.2s|%c|%%\n", "str", "str", "str", "str", 'c');
	sscanf("  17 -4.5e3 word 0x1f", "%*d %f", &f);
	printf("%g\n", f);
	printf("%ld %ld %lu\n", strtol("-0x7f", NULL, 0), strtol("  077", NULL, 0),
	       strtoul("18446744073709551615", NULL, 10));
	return 0;
}

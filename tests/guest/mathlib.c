/* The mathematics library; ten digits, since libraries of two machines may differ in the last. */
#include <complex.h>
#include <math.h>
#include <stdio.h>

#include "tests/guest/guest.h"

#define F1(X)                                                                                      \
	X(sin)                                                                                     \
	X(cos)                                                                                     \
	X(tan)                                                                                     \
	X(atan) X(exp) X(expm1) X(sinh) X(cosh) X(tanh) X(asinh) X(cbrt) X(erf) X(erfc) X(tgamma)
#define POS(X)   X(log) X(log2) X(log10) X(log1p) X(sqrt) X(lgamma)
#define SMALL(X) X(asin) X(acos) X(atanh)

static double clean(double x) { return fabs(x) < 1e-12 ? 0 : x; }

int main(void)
{
	double s = 0;

	for (int i = -6; i < 7; i++) {
		double x = i * 0.73 + 0.01;

#define SHOW(f) printf(#f "(%g) %.10g\n", x, clean(f(x)));
		F1(SHOW)
		x = fabs(x) + 0.1;
		POS(SHOW)
		x = i * 0.15;
		SMALL(SHOW)
	}
	for (int i = 1; i < 8; i++) {
		double a = i * 1.37, b = 4.2 - i;
		int e;
		double ip, m = frexp(a * 1000, &e), f = modf(a, &ip);

		printf("%.10g %.10g %.10g %.10g %.10g %.10g %d %.10g %.10g\n", pow(a, b),
		       atan2(b, a), fmod(a, 0.7), hypot(a, b), remainder(a, 0.9), m, e, f,
		       ldexp(ip, 5));
	}
	for (int i = 1; i <= 1000; i++)
		s += sin(i) * cos(i) / exp(i / 500.0) + sqrt(i) * log(i);
	printf("%.10g\n", s);
	double complex z = cexp(1.0 + 2.0 * I) * csqrt(-2.0 + 0.5 * I);
	printf("%.10g %.10g %.10g\n", creal(z), cimag(z), cabs(z));
	printf("%.6g %.6g %.6g %.6g\n", (double)sinf(1), (double)expf(1.5f),
	       (double)powf(2.5f, 3.5f), (double)atan2f(1, 2));
	return 0;
}

/* A radix-2 FFT of doubles, forth and back; the roots of unity come by recurrence, for libm's sine
 * differs between machines in the last digit. */
#include "tests/bench/bench.h"
#include <math.h>

#define BITS 11
#define N    (1 << BITS)

struct complex {
	double re, im;
};

static struct complex x[N], root[BITS + 1];

/* root[k] = exp(2 pi i / 2^k), halving the angle each time. */
static void make_roots(void)
{
	root[0] = (struct complex){ 1, 0 };
	root[1] = (struct complex){ -1, 0 };
	root[2] = (struct complex){ 0, 1 };
	for (int k = 3; k <= BITS; k++) {
		double c = root[k - 1].re, half = sqrt((1 + c) / 2);

		root[k] = (struct complex){ half, root[k - 1].im / (2 * half) };
	}
}

static void reorder(void)
{
	for (unsigned i = 0, j = 0; i < N; i++) {
		if (i < j) {
			struct complex t = x[i];

			x[i] = x[j];
			x[j] = t;
		}
		unsigned bit = N >> 1;
		for (; j & bit; bit >>= 1)
			j ^= bit;
		j |= bit;
	}
}

static void transform(double sign)
{
	reorder();
	for (int k = 1; k <= BITS; k++) {
		int len = 1 << k, half = len / 2;
		struct complex step = { root[k].re, sign * root[k].im };

		for (int i = 0; i < N; i += len) {
			struct complex w = { 1, 0 };

			for (int j = i; j < i + half; j++) {
				struct complex u = x[j], v = x[j + half];
				struct complex p = { v.re * w.re - v.im * w.im,
						     v.re * w.im + v.im * w.re };

				x[j] = (struct complex){ u.re + p.re, u.im + p.im };
				x[j + half] = (struct complex){ u.re - p.re, u.im - p.im };
				w = (struct complex){ w.re * step.re - w.im * step.im,
						      w.re * step.im + w.im * step.re };
			}
		}
	}
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	double sum = 0;

	make_roots();
	for (int i = 0; i < N; i++)
		x[i] = (struct complex){ (i * 37 % 101) / 101.0, (i * 11 % 53) / 53.0 };
	while (rounds--) {
		transform(1);
		sum += fabs(x[3].re) + fabs(x[N / 2].im);
		transform(-1);
		for (int i = 0; i < N; i++)
			x[i] = (struct complex){ x[i].re / N, x[i].im / N };
	}
	printf("%.6f\n", sum);
	return 0;
}

/* The spectral norm of an endless matrix: conversions from integers, divisions, sums. */
#include "tests/bench/bench.h"
#include <math.h>

#define N 160

static double u[N], v[N], t[N];

static double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void times(double *out, const double *in)
{
	for (int i = 0; i < N; i++) {
		out[i] = 0;
		for (int j = 0; j < N; j++)
			out[i] += element(i, j) * in[j];
	}
}

static void times_transposed(double *out, const double *in)
{
	for (int i = 0; i < N; i++) {
		out[i] = 0;
		for (int j = 0; j < N; j++)
			out[i] += element(j, i) * in[j];
	}
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	double uv = 0, vv = 0;

	for (long r = 0; r < rounds; r++) {
		if (r % 10 == 0)
			for (int i = 0; i < N; i++)
				u[i] = 1;
		times(t, u);
		times_transposed(v, t);
		times(t, v);
		times_transposed(u, t);
	}
	for (int i = 0; i < N; i++) {
		uv += u[i] * v[i];
		vv += v[i] * v[i];
	}
	printf("%.9f\n", sqrt(uv / vv));
	return 0;
}

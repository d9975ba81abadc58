/* LU decomposition with pivots, and a polynomial: comparisons, absolute values, division by columns. */
#include "tests/bench/bench.h"
#include <math.h>

#define N 100

static double m[N][N], save[N][N];

static double determinant(void)
{
	double det = 1;

	for (int k = 0; k < N; k++) {
		int pivot = k;

		for (int i = k + 1; i < N; i++)
			if (fabs(m[i][k]) > fabs(m[pivot][k]))
				pivot = i;
		for (int j = 0; pivot != k && j < N; j++) {
			double t = m[k][j];

			m[k][j] = m[pivot][j];
			m[pivot][j] = t;
		}
		det *= pivot != k ? -m[k][k] : m[k][k];
		for (int i = k + 1; i < N; i++) {
			double f = m[i][k] / m[k][k];

			for (int j = k + 1; j < N; j++)
				m[i][j] -= f * m[k][j];
		}
	}
	return det;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 25;
	double sum = 0;

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			save[i][j] = (double)(bench_random(&state) >> 44) / (1 << 19) - 1.0;
	while (rounds--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++)
				m[i][j] = save[i][j];
		double p = 0, d = log2(fabs(determinant()));
		for (int k = 0; k < 20; k++)
			p = p * 0.5 + d;
		sum += p;
		save[rounds % N][3] += 0.01;
	}
	printf("%.3f\n", sum);
	return 0;
}

/* The product of matrices of doubles. */
#include "tests/bench/bench.h"

#define N 120

static double a[N][N], b[N][N], c[N][N];

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	double sum = 0;

	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = 1.0 / (1 + i + j);
			b[i][j] = (double)(i - j) / N;
		}
	while (rounds--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				double s = 0;

				for (int k = 0; k < N; k++)
					s += a[i][k] * b[k][j];
				c[i][j] = s;
			}
		a[1][2] += c[3][4] * 1e-3;
		sum += c[5][6];
	}
	printf("%.9g\n", sum);
	return 0;
}

/* The product of matrices of 32-bit integers. */
#include "tests/bench/bench.h"

#define N 120

static int32_t a[N][N], b[N][N], c[N][N];

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	bench_fill(a, sizeof(a), 3);
	bench_fill(b, sizeof(b), 4);
	while (rounds--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				uint32_t s = 0;

				for (int k = 0; k < N; k++)
					s += (uint32_t)a[i][k] * (uint32_t)b[k][j];
				c[i][j] = (int32_t)s;
			}
		for (int i = 0; i < N; i++)
			a[i][i] ^= c[N - 1 - i][i];
		sum = bench_mix(sum, (uint32_t)c[7][11]);
	}
	return bench_done(sum);
}

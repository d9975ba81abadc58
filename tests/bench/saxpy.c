/* Floats: y += a x, a dot product, the largest element. */
#include "tests/bench/bench.h"

#define N 4096

static float x[N], y[N];

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	float dot = 0, most = 0;

	for (int i = 0; i < N; i++)
		x[i] = (float)(i % 17) / 16.0f;
	for (long r = 0; r < rounds; r++) {
		float a = (float)(r % 3 - 1) * 0.5f;

		for (int i = 0; i < N; i++)
			y[i] += a * x[i];
		dot *= 0.5f;
		for (int i = 0; i < N; i++)
			dot += x[i] * y[i];
		for (int i = 0; i < N; i++)
			most = y[i] > most ? y[i] : most;
	}
	printf("%.5g %.5g\n", (double)dot, (double)most);
	return 0;
}

/* Conversions and comparisons: double, float and integers to one another, floor, min, max, classes. */
#include "tests/bench/bench.h"
#include <math.h>

#define N 1024

static double d[N];
static float f[N];
static int32_t q[N];

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 27, sum = 0;

	for (int i = 0; i < N; i++)
		d[i] = (double)(int64_t)(bench_random(&state) >> 40) / 64.0 - 50000.0;
	for (long r = 0; r < rounds; r++) {
		double low = 1e300, high = -1e300;

		for (int i = 0; i < N; i++) {
			f[i] = (float)d[i];
			q[i] = (int32_t)(f[i] * 0.5f);
			low = d[i] < low ? d[i] : low;
			high = fmax(high, d[i]);
		}
		for (int i = 0; i < N; i++) {
			double x = (double)q[i] + (double)(f[i] > 0.0f ? f[i] : -f[i]);

			sum += (uint64_t)(int64_t)floor(x) + (uint64_t)isnan(x)
			       + (uint64_t)signbit(d[i]);
			d[i] += x == low ? 1.0 : (double)(i & 3) - 1.5;
		}
		sum = bench_mix(sum, (uint64_t)(int64_t)(high - low));
	}
	return bench_done(sum);
}

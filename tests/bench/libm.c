/* The C library's elementary functions. Their last digits differ between machines, so few are printed. */
#include "tests/bench/bench.h"
#include <math.h>

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 26;
	double sum = 0;

	for (long i = 0; i < rounds * 100; i++) {
		double x = (double)(bench_random(&state) >> 44) / (1 << 20);

		sum += sin(x * 6) + cos(x) + exp(-x) + log(x + 1) + pow(x, 1.5) + atan2(x, 0.5)
		       + tanh(x);
		sum += (double)sinf((float)x * 3) + (double)expf((float)x) + fmod(x, 0.1) + cbrt(x);
	}
	printf("%.3f\n", sum / (double)rounds);
	return 0;
}

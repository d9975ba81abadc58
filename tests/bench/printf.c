/* Formatting and reading numbers by the C library: snprintf, strtol, strtod, sscanf. */
#include "tests/bench/bench.h"
#include <string.h>

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 24, sum = 0;
	char buf[128];

	for (long i = 0; i < rounds * 100; i++) {
		uint64_t r = bench_random(&state);
		int a = (int)(r >> 33), b = (int)(r & 0xffff), c = 0;
		double d = (double)(int64_t)(r >> 12) / 4096.0;
		int n = snprintf(buf, sizeof(buf), "%d %08x %-12s|%5d %.6f", a, (unsigned)r, "name",
				 b, d);
		char *end = buf;

		sum += (uint64_t)n + (uint64_t)strtol(buf, &end, 10) + strtoul(end, &end, 16);
		end = strchr(buf, '|') + 1;
		sum += (uint64_t)strtod(strchr(end + 5, ' '), NULL);
		if (sscanf(end, "%d", &c) == 1)
			sum = bench_mix(sum, (uint64_t)c);
	}
	return bench_done(sum);
}

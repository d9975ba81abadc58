/* The sieve of Eratosthenes over bytes: stores with a stride, few instructions a block. */
#include "tests/bench/bench.h"
#include <string.h>

#define LIMIT 500000

static unsigned char composite[LIMIT];

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	while (rounds--) {
		memset(composite, 0, sizeof(composite));
		for (long i = 2; i * i < LIMIT; i++)
			if (!composite[i])
				for (long j = i * i; j < LIMIT; j += i)
					composite[j] = 1;
		for (long i = 2; i < LIMIT; i++)
			sum += composite[i] ? 0 : (uint64_t)i;
	}
	return bench_done(sum);
}

/* Bit tricks: population counts, leading zeros, reversal, byte order, Morton and Gray codes. */
#include "tests/bench/bench.h"

static unsigned popcount(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned)(x * 0x0101010101010101 >> 56);
}

static unsigned leading_zeros(uint64_t x)
{
	unsigned n = 64;

	for (unsigned s = 32; s; s >>= 1)
		if (x >> s) {
			n -= s;
			x >>= s;
		}
	return n - (unsigned)x;
}

static uint64_t reverse(uint64_t x)
{
	x = (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
	x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
	x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
	x = (x & 0x00ff00ff00ff00ff) << 8 | (x >> 8 & 0x00ff00ff00ff00ff);
	x = (x & 0x0000ffff0000ffff) << 16 | (x >> 16 & 0x0000ffff0000ffff);
	return x << 32 | x >> 32;
}

static uint64_t spread(uint32_t x)
{
	uint64_t v = x;

	v = (v | v << 16) & 0x0000ffff0000ffff;
	v = (v | v << 8) & 0x00ff00ff00ff00ff;
	v = (v | v << 4) & 0x0f0f0f0f0f0f0f0f;
	v = (v | v << 2) & 0x3333333333333333;
	return (v | v << 1) & 0x5555555555555555;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 5, sum = 0;

	for (long i = 0; i < rounds * 1000; i++) {
		uint64_t x = bench_random(&state);

		sum += popcount(x) + leading_zeros(x >> (x & 63));
		sum ^= reverse(x) + (x ^ x >> 1);
		sum += spread((uint32_t)x) | spread((uint32_t)(x >> 32)) << 1;
		sum += (uint64_t)__builtin_ctzll(x | 1ULL << 63) + __builtin_bswap32((uint32_t)x);
	}
	return bench_done(sum);
}

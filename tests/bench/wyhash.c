/* A hash by 64 x 64 to 128 bit products over 8-byte loads, in the manner of wyhash. */
#include "tests/bench/bench.h"
#include <string.h>

static unsigned char data[1 << 15];

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* RV64 without Zicclsm has no fast unaligned load, so its compiler loads bytes where the alignment is unknown. */
static uint64_t word(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, __builtin_assume_aligned(p, 8), 8);
	return v;
}

static uint64_t hash(const unsigned char *p, size_t n, uint64_t seed)
{
	uint64_t see1 = seed, see2 = seed;

	for (size_t i = 0; i < n; i += 48) {
		seed = fold(word(p + i) ^ 0xa0761d6478bd642f, word(p + i + 8) ^ seed);
		see1 = fold(word(p + i + 16) ^ 0xe7037ed1a0b428db, word(p + i + 24) ^ see1);
		see2 = fold(word(p + i + 32) ^ 0x8ebc6af09c88c6e3, word(p + i + 40) ^ see2);
	}
	return fold(seed ^ see1, see2 ^ n);
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	bench_fill(data, sizeof(data), 16);
	while (rounds--)
		for (size_t n = 48; n < 12000; n += 480)
			sum = hash(data + n % 64 / 8 * 8, n, sum);
	return bench_done(sum);
}

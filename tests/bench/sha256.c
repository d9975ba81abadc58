/* SHA-256: many live values, rotations (which RV64GC has to build from shifts), 32-bit additions. */
#include "tests/bench/bench.h"

static uint32_t k[64];
static unsigned char data[1 << 14];

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* The constants are the first 32 bits of the fractions of the primes' cube roots, found by bisection. */
static uint32_t cube_root_fraction(uint64_t p)
{
	unsigned __int128 low = 0, high = (unsigned __int128)8 << 32;

	while (high - low > 1) {
		unsigned __int128 mid = (low + high) / 2;

		if (mid * mid * mid > (unsigned __int128)p << 96)
			high = mid;
		else
			low = mid;
	}
	return (uint32_t)low;
}

static void make_constants(void)
{
	int n = 0;

	for (uint64_t p = 2; n < 64; p++) {
		uint64_t d = 2;

		while (p % d)
			d++;
		if (d == p)
			k[n++] = cube_root_fraction(p);
	}
}

static void compress(uint32_t h[8], const unsigned char *p)
{
	uint32_t w[64], s[8];

	for (int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3)
		       + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	for (int i = 0; i < 8; i++)
		s[i] = h[i];
	for (int i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t t1 = s[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25))
			      + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22))
			      + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

		s[7] = s[6], s[6] = s[5], s[5] = e, s[4] = s[3] + t1;
		s[3] = s[2], s[2] = s[1], s[1] = a, s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	make_constants();
	bench_fill(data, sizeof(data), 2);
	while (rounds--)
		for (size_t i = 0; i < sizeof(data); i += 64)
			compress(h, data + i);
	for (int i = 0; i < 8; i++)
		printf("%08" PRIx32, h[i]);
	puts("");
	return 0;
}

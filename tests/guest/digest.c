/* Real loops: SHA-256, CRC-32, a sieve, matrix product, LZ packing, n queens, a bignum. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void sha_block(uint32_t *s, const unsigned char *p)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16
		       | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7]
		       + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3)
		       + (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, s, sizeof v);
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25))
			      + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
		uint32_t t2 = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22))
			      + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		s[i] += v[i];
}

static void test_sha(void)
{
	uint32_t s[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	unsigned char block[64];

	for (int i = 0; i < 500; i++) {
		for (int k = 0; k < 64; k++)
			block[k] = (unsigned char)rnd();
		sha_block(s, block);
	}
	for (int i = 0; i < 8; i++)
		printf("%08x", s[i]);
	puts("");
}

static void test_crc(void)
{
	uint32_t table[256], c = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int k = 0; k < 8; k++)
			table[i] = table[i] & 1 ? table[i] >> 1 ^ 0xedb88320 : table[i] >> 1;
	}
	for (int i = 0; i < 300000; i++)
		c = c >> 8 ^ table[(c ^ (uint32_t)(i * i)) & 255];
	printf("crc %08x\n", ~c);
}

static void test_sieve(void)
{
	static unsigned char composite[200000];
	int count = 0, last = 0;

	for (int i = 2; i < 200000; i++) {
		if (composite[i])
			continue;
		count++;
		last = i;
		for (long k = (long)i * i; k < 200000; k += i)
			composite[k] = 1;
	}
	printf("primes %d, last %d\n", count, last);
}

static void test_matrix(void)
{
	enum { N = 60 };
	static double a[N][N], b[N][N], c[N][N];
	double trace = 0;

	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++) {
			a[i][k] = (i * 7 + k * 3) % 11 - 5;
			b[i][k] = (i + k * k) % 13 / 4.0;
		}
	for (int i = 0; i < N; i++)
		for (int k = 0; k < N; k++)
			for (int j = 0; j < N; j++)
				c[i][k] += a[i][j] * b[j][k];
	for (int i = 0; i < N; i++)
		trace += c[i][i] * (i + 1);
	printf("matrix %.17g\n", trace);
}

static int queens(int n, unsigned cols, unsigned d1, unsigned d2)
{
	int count = 0;

	if (cols == (1u << n) - 1)
		return 1;
	for (unsigned free = ~(cols | d1 | d2) & ((1u << n) - 1); free; free &= free - 1) {
		unsigned bit = free & -free;

		count += queens(n, cols | bit, (d1 | bit) << 1, (d2 | bit) >> 1);
	}
	return count;
}

static void test_bignum(void)
{
	static uint32_t v[400];
	int n = 1;

	v[0] = 1;
	for (uint32_t i = 2; i <= 300; i++) {
		uint64_t carry = 0;

		for (int k = 0; k < n; k++) {
			carry += (uint64_t)v[k] * i;
			v[k] = (uint32_t)(carry % 1000000000);
			carry /= 1000000000;
		}
		if (carry)
			v[n++] = (uint32_t)carry;
	}
	printf("300! %u...%09u (%d)\n", v[n - 1], v[60], n);
}

int main(void)
{
	test_sha();
	test_crc();
	test_sieve();
	test_matrix();
	printf("queens %d\n", queens(8, 0, 0, 0));
	test_bignum();
	return 0;
}

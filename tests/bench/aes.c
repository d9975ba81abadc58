/* AES-128 in counter mode by four tables: many live values and loads whose addresses are data. */
#include "tests/bench/bench.h"

static unsigned char sbox[256];
static uint32_t t0[256], t1[256], t2[256], t3[256], keys[44];

static unsigned char twice(unsigned char x)
{
	return (unsigned char)(x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

static unsigned char rol8(unsigned char x, int n) { return (unsigned char)(x << n | x >> (8 - n)); }

/* The S-box: p runs through the field by multiplying with 3, q is its inverse. */
static void make_tables(void)
{
	unsigned char p = 1, q = 1;

	do {
		p = p ^ twice(p);
		q ^= (unsigned char)(q << 1), q ^= (unsigned char)(q << 2),
		    q ^= (unsigned char)(q << 4);
		q ^= q & 0x80 ? 0x09 : 0;
		sbox[p] = q ^ rol8(q, 1) ^ rol8(q, 2) ^ rol8(q, 3) ^ rol8(q, 4) ^ 0x63;
	} while (p != 1);
	sbox[0] = 0x63;
	for (int i = 0; i < 256; i++) {
		uint32_t s = sbox[i], d = twice(sbox[i]);

		t0[i] = d << 24 | s << 16 | s << 8 | (s ^ d);
		t1[i] = t0[i] >> 8 | t0[i] << 24;
		t2[i] = t0[i] >> 16 | t0[i] << 16;
		t3[i] = t0[i] >> 24 | t0[i] << 8;
	}
}

static void expand_key(const uint32_t key[4])
{
	uint32_t rcon = 1;

	for (int i = 0; i < 44; i++) {
		uint32_t t = i < 4 ? key[i] : keys[i - 1];

		if (i >= 4) {
			if (i % 4 == 0) {
				t = (uint32_t)sbox[t >> 16 & 255] << 24
				    | (uint32_t)sbox[t >> 8 & 255] << 16
				    | (uint32_t)sbox[t & 255] << 8 | sbox[t >> 24];
				t ^= rcon << 24;
				rcon = twice((unsigned char)rcon);
			}
			t ^= keys[i - 4];
		}
		keys[i] = t;
	}
}

#define COLUMN(a, b, c, d) (t0[(a) >> 24] ^ t1[(b) >> 16 & 255] ^ t2[(c) >> 8 & 255] ^ t3[(d)&255])
#define LAST(a, b, c, d)                                                                           \
	((uint32_t)sbox[(a) >> 24] << 24 | (uint32_t)sbox[(b) >> 16 & 255] << 16                   \
	 | (uint32_t)sbox[(c) >> 8 & 255] << 8 | sbox[(d)&255])

static void encrypt(uint32_t x[4])
{
	const uint32_t *rk = keys;
	uint32_t a = x[0] ^ rk[0], b = x[1] ^ rk[1], c = x[2] ^ rk[2], d = x[3] ^ rk[3];

	for (int i = 1; i < 10; i++) {
		rk += 4;
		uint32_t e = COLUMN(a, b, c, d) ^ rk[0], f = COLUMN(b, c, d, a) ^ rk[1];
		uint32_t g = COLUMN(c, d, a, b) ^ rk[2], h = COLUMN(d, a, b, c) ^ rk[3];

		a = e, b = f, c = g, d = h;
	}
	x[0] = LAST(a, b, c, d) ^ rk[4];
	x[1] = LAST(b, c, d, a) ^ rk[5];
	x[2] = LAST(c, d, a, b) ^ rk[6];
	x[3] = LAST(d, a, b, c) ^ rk[7];
}

int main(int argc, char **argv)
{
	static const uint32_t key[4] = { 0x2b7e1516, 0x28aed2a6, 0xabf71588, 0x09cf4f3c };
	long rounds = bench_rounds(argc, argv);
	uint32_t sum[4] = { 0, 0, 0, 0 };

	make_tables();
	expand_key(key);
	for (long i = 0; i < rounds * 1000; i++) {
		uint32_t x[4] = { 0x3243f6a8, 0x885a308d, 0x313198a2, 0xe0370734 ^ (uint32_t)i };

		encrypt(
		    x); /* the first is FIPS 197's example: 3925841d 02dc09fb dc118597 196a0b32 */
		if (i == 0)
			printf("%08" PRIx32 "%08" PRIx32 " ", x[0], x[1]);
		for (int j = 0; j < 4; j++)
			sum[j] ^= x[j];
	}
	return bench_done(
	    bench_mix((uint64_t)sum[0] << 32 | sum[1], (uint64_t)sum[2] << 32 | sum[3]));
}

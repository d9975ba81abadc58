/* ChaCha20 blocks: sixteen live values, rotations, long straight-line code. */
#include "tests/bench/bench.h"

#define ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                                        \
	(a += b, d = ROL(d ^ a, 16), c += d, b = ROL(b ^ c, 12), a += b, d = ROL(d ^ a, 8),        \
	 c += d, b = ROL(b ^ c, 7))

static void block(uint32_t out[16], const uint32_t in[16])
{
	uint32_t x0 = in[0], x1 = in[1], x2 = in[2], x3 = in[3], x4 = in[4], x5 = in[5];
	uint32_t x6 = in[6], x7 = in[7], x8 = in[8], x9 = in[9], x10 = in[10], x11 = in[11];
	uint32_t x12 = in[12], x13 = in[13], x14 = in[14], x15 = in[15];

	for (int i = 0; i < 10; i++) {
		QUARTER(x0, x4, x8, x12);
		QUARTER(x1, x5, x9, x13);
		QUARTER(x2, x6, x10, x14);
		QUARTER(x3, x7, x11, x15);
		QUARTER(x0, x5, x10, x15);
		QUARTER(x1, x6, x11, x12);
		QUARTER(x2, x7, x8, x13);
		QUARTER(x3, x4, x9, x14);
	}
	uint32_t x[16] = { x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15 };
	for (int i = 0; i < 16; i++)
		out[i] = x[i] + in[i];
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }, out[16], sum = 0;

	for (uint32_t i = 4; i < 16; i++)
		in[i] = i * 0x01020304;
	for (long i = 0; i < rounds * 1000; i++) {
		in[12]++;
		block(out, in);
		for (int j = 0; j < 16; j++)
			sum = (sum ^ out[j]) * 16777619;
	}
	return bench_done(sum);
}

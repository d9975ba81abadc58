/* Big numbers: schoolbook multiplication and squaring of 64-bit limbs (mul and mulhu), carry chains. */
#include "tests/bench/bench.h"

#define LIMBS 64

static uint64_t x[LIMBS], y[LIMBS], product[2 * LIMBS];

static void multiply(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
	for (int i = 0; i < 2 * LIMBS; i++)
		out[i] = 0;
	for (int i = 0; i < LIMBS; i++) {
		uint64_t carry = 0;

		for (int j = 0; j < LIMBS; j++) {
			unsigned __int128 t = (unsigned __int128)a[i] * b[j] + out[i + j] + carry;

			out[i + j] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		out[i + LIMBS] = carry;
	}
}

static uint64_t add(uint64_t *a, const uint64_t *b)
{
	uint64_t carry = 0;

	for (int i = 0; i < LIMBS; i++) {
		uint64_t s = a[i] + carry;

		carry = s < carry;
		a[i] = s + b[i];
		carry += a[i] < s;
	}
	return carry;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	bench_fill(x, sizeof(x), 10);
	bench_fill(y, sizeof(y), 11);
	for (long i = 0; i < rounds * 100; i++) {
		multiply(product, x, y);
		sum += add(x, product + LIMBS / 2);
		sum += add(y, product + LIMBS / 3);
		x[0] |= 1;
		y[LIMBS - 1] |= 1ULL << 63;
	}
	for (int i = 0; i < LIMBS; i++)
		sum = bench_mix(sum, x[i] ^ y[i]);
	return bench_done(sum);
}

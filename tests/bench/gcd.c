/* Division: greatest common divisors, decimal digits, modular powers. The divider's latency is the
 * same natively, so what shows is the care for RISC-V's edges (by zero, overflow). */
#include "tests/bench/bench.h"

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

static uint32_t power(uint32_t base, uint32_t exp, uint32_t mod)
{
	uint64_t r = 1, b = base % mod;

	for (; exp; exp >>= 1) {
		if (exp & 1)
			r = r * b % mod;
		b = b * b % mod;
	}
	return (uint32_t)r;
}

static int32_t digits(int32_t v, int32_t radix)
{
	int32_t sum = 0;

	for (; v; v /= radix)
		sum += v % radix;
	return sum;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 13, sum = 0;

	for (long i = 0; i < rounds * 100; i++) {
		uint64_t a = bench_random(&state), b = bench_random(&state);

		sum += gcd(a, b >> 8);
		sum += power((uint32_t)a, (uint32_t)b & 0xfff, (uint32_t)(a >> 32) | 1);
		sum += (uint64_t)(int64_t)digits((int32_t)b, 3 + (int32_t)(a & 15));
	}
	return bench_done(sum);
}

/* Calls through a table of functions, in an order that follows the data. */
#include "tests/bench/bench.h"

typedef uint64_t operation(uint64_t, uint64_t);

static uint64_t op_add(uint64_t a, uint64_t b) { return a + b; }
static uint64_t op_sub(uint64_t a, uint64_t b) { return a - b; }
static uint64_t op_xor(uint64_t a, uint64_t b) { return a ^ b; }
static uint64_t op_and(uint64_t a, uint64_t b) { return (a & b) + 1; }
static uint64_t op_or(uint64_t a, uint64_t b) { return a | b; }
static uint64_t op_mul(uint64_t a, uint64_t b) { return a * (b | 1); }
static uint64_t op_shl(uint64_t a, uint64_t b) { return a << (b & 7); }
static uint64_t op_shr(uint64_t a, uint64_t b) { return a >> (b & 7); }

/* volatile, so that no compiler sees through it */
static operation *volatile table[8] = { op_add, op_sub, op_xor, op_and,
					op_or,  op_mul, op_shl, op_shr };

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	unsigned char script[256];
	uint64_t a = 1, sum = 0;

	bench_fill(script, sizeof(script), 19);
	for (long r = 0; r < rounds * 10; r++)
		for (int i = 0; i < 256; i++) {
			a = table[script[i] & 7](a, (uint64_t)r ^ script[i]);
			sum += a;
		}
	return bench_done(sum);
}

/* The eight-queens puzzle on an N by N board, by recursion over bit sets. */
#include "tests/bench/bench.h"

static uint64_t nodes;

static uint64_t place(uint32_t full, uint32_t columns, uint32_t left, uint32_t right)
{
	uint64_t found = 0;

	if (columns == full)
		return 1;
	for (uint32_t free = full & ~(columns | left | right); free;) {
		uint32_t bit = free & -free;

		free ^= bit;
		nodes++;
		found += place(full, columns | bit, (left | bit) << 1, (right | bit) >> 1);
	}
	return found;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	for (long i = 0; i < rounds; i++)
		sum = bench_mix(sum, place((1u << (8 + i % 3)) - 1, 0, 0, 0));
	return bench_done(sum + nodes);
}

/* The game of life on bytes: neighbours summed, many loads in a row, a table of rules. */
#include "tests/bench/bench.h"

#define W 256
#define H 128

static unsigned char cells[2][H + 2][W + 2];

int main(int argc, char **argv)
{
	static const unsigned char rule[2][9] = { { 0, 0, 0, 1 }, { 0, 0, 1, 1 } };
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 14, sum = 0;

	for (int y = 1; y <= H; y++)
		for (int x = 1; x <= W; x++)
			cells[0][y][x] = bench_random(&state) >> 62 == 0;
	for (long r = 0; r < rounds; r++) {
		unsigned char(*from)[W + 2] = cells[r & 1], (*to)[W + 2] = cells[~r & 1];

		for (int y = 1; y <= H; y++)
			for (int x = 1; x <= W; x++) {
				int n = from[y - 1][x - 1] + from[y - 1][x] + from[y - 1][x + 1]
					+ from[y][x - 1] + from[y][x + 1] + from[y + 1][x - 1]
					+ from[y + 1][x] + from[y + 1][x + 1];

				to[y][x] = rule[from[y][x]][n];
			}
		to[1 + r % H][1 + r % W] = 1; /* so that it never settles */
	}
	for (int y = 1; y <= H; y++)
		for (int x = 1; x <= W; x++)
			sum = sum * 3 + cells[rounds & 1][y][x];
	return bench_done(sum);
}

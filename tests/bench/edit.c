/* The edit distance of two strings by dynamic programming: minima, two rows, short dependent chains. */
#include "tests/bench/bench.h"

#define LEN 1000

static unsigned char s[LEN], t[LEN];
static int32_t row[LEN + 1];

static int32_t distance(void)
{
	for (int j = 0; j <= LEN; j++)
		row[j] = j;
	for (int i = 1; i <= LEN; i++) {
		int32_t diagonal = row[0];

		row[0] = i;
		for (int j = 1; j <= LEN; j++) {
			int32_t best = diagonal + (s[i - 1] != t[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[LEN];
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 12, sum = 0;

	for (int i = 0; i < LEN; i++) {
		s[i] = (unsigned char)('a' + bench_random(&state) % 4);
		t[i] = (unsigned char)('a' + bench_random(&state) % 4);
	}
	while (rounds--) {
		sum = bench_mix(sum, (uint64_t)distance());
		s[sum % LEN] = (unsigned char)('a' + (sum >> 20) % 4);
	}
	return bench_done(sum);
}

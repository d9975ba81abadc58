/* An open-addressing hash table of 64-bit keys: look-ups, insertions and deletions in a cache-sized array. */
#include "tests/bench/bench.h"

#define SLOTS (1 << 15)
#define KEYS  20000

struct slot {
	uint64_t key; /* 0: empty */
	uint64_t value;
};

static struct slot table[SLOTS];

static size_t home(uint64_t key) { return (size_t)(key * 0x9e3779b97f4a7c15 >> 49); }

static struct slot *find(uint64_t key)
{
	size_t i = home(key);

	while (table[i].key && table[i].key != key)
		i = (i + 1) % SLOTS;
	return &table[i];
}

/* Empties a slot and moves those behind it up that would no longer be found. */
static void discard(struct slot *s)
{
	size_t hole = (size_t)(s - table), i = hole;

	for (;;) {
		table[hole].key = 0;
		do {
			i = (i + 1) % SLOTS;
			if (!table[i].key)
				return;
		} while (((i - home(table[i].key)) & (SLOTS - 1)) < ((i - hole) & (SLOTS - 1)));
		table[hole] = table[i];
		hole = i;
	}
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 6, sum = 0;

	for (long i = 0; i < rounds * 1000; i++) {
		uint64_t r = bench_random(&state), key = r % (2 * KEYS) + 1;
		struct slot *s = find(key);

		if (!s->key) {
			s->key = key;
			s->value = r;
		} else if (r >> 62 == 0) {
			sum += s->value;
		} else {
			sum ^= s->value;
			discard(s);
		}
	}
	for (size_t i = 0; i < SLOTS; i++)
		if (table[i].key)
			sum = bench_mix(sum, table[i].key + table[i].value);
	return bench_done(sum);
}

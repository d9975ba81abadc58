/* The C library's qsort and bsearch with comparison functions: calls through pointers. */
#include "tests/bench/bench.h"

#define COUNT 20000

struct person {
	uint32_t age;
	uint32_t id;
};

static struct person data[COUNT];

static int by_age(const void *a, const void *b)
{
	const struct person *x = a, *y = b;

	if (x->age != y->age)
		return x->age < y->age ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b)
{
	const struct person *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 18, sum = 0;

	while (rounds--) {
		for (uint32_t i = 0; i < COUNT; i++)
			data[i] = (struct person){ (uint32_t)(bench_random(&state) >> 54), i };
		qsort(data, COUNT, sizeof(data[0]), by_age);
		for (uint32_t i = 0; i < COUNT; i += 5) {
			struct person key = { data[i].age, data[i].id };
			struct person *found = bsearch(&key, data, COUNT, sizeof(key), by_age);

			sum += (uint64_t)(found - data) * key.age;
		}
		qsort(data, COUNT, sizeof(data[0]), by_id);
		sum = bench_mix(sum, data[COUNT / 2].age);
	}
	return bench_done(sum);
}

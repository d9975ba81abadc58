/* Sorting integers in line: quicksort with insertion sort below, then heap sort of the same numbers.
 * Branches that nobody can predict. */
#include "tests/bench/bench.h"

#define COUNT 50000

static int32_t data[COUNT];

static void insertion(int32_t *a, long n)
{
	for (long i = 1; i < n; i++) {
		int32_t v = a[i];
		long j = i;

		for (; j > 0 && a[j - 1] > v; j--)
			a[j] = a[j - 1];
		a[j] = v;
	}
}

static void quick(int32_t *a, long n)
{
	while (n > 12) {
		int32_t pivot = a[n / 2];
		long i = 0, j = n - 1;

		for (;; i++, j--) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i >= j)
				break;
			int32_t t = a[i];
			a[i] = a[j];
			a[j] = t;
		}
		quick(a, i);
		a += i;
		n -= i;
	}
	insertion(a, n);
}

static void sift(int32_t *a, long i, long n)
{
	int32_t v = a[i];

	for (long child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && a[child + 1] > a[child])
			child++;
		if (a[child] <= v)
			break;
		a[i] = a[child];
	}
	a[i] = v;
}

static void heap(int32_t *a, long n)
{
	for (long i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (long i = n - 1; i > 0; i--) {
		int32_t t = a[0];

		a[0] = a[i];
		a[i] = t;
		sift(a, 0, i);
	}
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	for (long r = 0; r < rounds; r++) {
		bench_fill(data, sizeof(data), (uint64_t)r / 2 + 1);
		if (r & 1)
			heap(data, COUNT);
		else
			quick(data, COUNT);
		for (long i = 0; i < COUNT; i += 97)
			sum = bench_mix(sum, (uint32_t)data[i]);
	}
	return bench_done(sum);
}

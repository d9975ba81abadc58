/* guest: flags=-fopenmp levels=O2,O3 */
/* OpenMP: loops, reductions, tasks, sections, locks, ordered and critical parts. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

static long fib(int n)
{
	long a, b;

	if (n < 2)
		return n;
	if (n < 10)
		return fib(n - 1) + fib(n - 2);
#pragma omp task shared(a)
	a = fib(n - 1);
#pragma omp task shared(b)
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

int main(void)
{
	enum { N = 20000 };
	static double x[N], y[N];
	static int own;
	uint64_t h = 0;
	double dot = 0;
	long total = 0, locked = 0, in_order = HASH_START, f = 0, sections = 0;
	omp_lock_t lock;
#pragma omp threadprivate(own)

	omp_set_dynamic(0);
	omp_set_num_threads(4);
	omp_init_lock(&lock);
#pragma omp parallel for schedule(static)
	for (int i = 0; i < N; i++)
		x[i] = i, y[i] = N - i;
	for (int round = 0; round < 5; round++) {
#pragma omp parallel for reduction(+ : dot) schedule(dynamic, 100)
		for (int i = 0; i < N; i++)
			dot += x[i] * y[i];
#pragma omp parallel for reduction(^ : h) schedule(guided)
		for (int i = 0; i < N; i++)
			h ^= hash_u64(HASH_START, (uint64_t)(i * round));
	}
	printf("reductions: %.0f %016lx\n", dot, (unsigned long)h);
#pragma omp parallel
	{
		own = omp_get_thread_num();
		for (int i = 0; i < 200; i++) {
#pragma omp critical
			total++;
			omp_set_lock(&lock);
			locked += own;
			omp_unset_lock(&lock);
#pragma omp atomic
			f += 1;
#pragma omp barrier
		}
#pragma omp for ordered
		for (int i = 0; i < 100; i++) {
#pragma omp ordered
			in_order = (long)hash_u64((uint64_t)in_order, (uint64_t)i);
		}
#pragma omp sections
		{
#pragma omp section
			{
#pragma omp atomic
				sections += 1;
			}
#pragma omp section
			{
#pragma omp atomic
				sections += 10;
			}
		}
	}
	printf("critical: %ld, lock: %ld, atomic %ld, ordered %016lx, sections %ld\n", total,
	       locked, f, (unsigned long)in_order, sections);
#pragma omp parallel
#pragma omp single
	f = fib(18);
	printf("tasks: %ld\n", f);
	return 0;
}

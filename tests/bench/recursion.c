/* Plain recursion: "fib" (two calls a call), "ackermann" (deep), "tak" (three arguments). */
#include "tests/bench/bench.h"
#include <string.h>

__attribute__((noinline)) static uint64_t fib(uint64_t n)
{
	if (n < 2)
		return n;
	/* The barrier keeps the compiler from turning one of the calls into a loop. */
	uint64_t a = fib(n - 1);

	__asm__ volatile("" : "+r"(a));
	a += fib(n - 2);
	__asm__ volatile("" : "+r"(a));
	return a;
}

__attribute__((noinline)) static uint64_t ackermann(uint64_t m, uint64_t n)
{
	if (m == 0)
		return n + 1;
	if (n == 0)
		return ackermann(m - 1, 1);
	return ackermann(m - 1, ackermann(m, n - 1));
}

__attribute__((noinline)) static int tak(int x, int y, int z)
{
	if (y >= x)
		return z;
	return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	const char *what = argc > 2 ? argv[1] : "fib";
	uint64_t sum = 0;

	for (long i = 0; i < rounds; i++)
		if (strcmp(what, "fib") == 0)
			sum += fib(20 + (uint64_t)(i & 1));
		else if (strcmp(what, "ackermann") == 0)
			sum += ackermann(2 + (uint64_t)(i & 1), 6);
		else
			sum += (uint64_t)tak(12 + (int)(i & 1), 8, 4);
	return bench_done(sum);
}

/* Deep recursion, large frames, alloca, variable arrays, stacks of our own. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "tests/guest/guest.h"

NOINLINE static long deep(long n) { return n ? deep(n - 1) + (n & 3) : 0; }

NOINLINE static int ackermann(int m, int n)
{
	return m == 0   ? n + 1
	       : n == 0 ? ackermann(m - 1, 1)
			: ackermann(m - 1, ackermann(m, n - 1));
}

static int is_odd(unsigned n);
NOINLINE static int is_even(unsigned n) { return n ? is_odd(n - 1) : 1; }
NOINLINE static int is_odd(unsigned n) { return n ? is_even(n - 1) : 0; }

NOINLINE static uint64_t frame(int n)
{
	char big[200000];

	memset(big, n, sizeof big);
	return n ? hash_bytes(frame(n - 1), big + 1000, 64)
		 : hash_bytes(HASH_START, big, sizeof big);
}

NOINLINE static uint64_t dynamic(size_t n)
{
	char *a = alloca(n), vla[n * 2 + 1];
	uint64_t h;

	memset(a, 1, n);
	memset(vla, 2, sizeof vla);
	h = hash_bytes(hash_bytes(HASH_START, a, n), vla, sizeof vla);
	return n > 7 ? h ^ dynamic(n / 2) : h;
}

static ucontext_t main_uc, a_uc, b_uc;
static int turns;

static void routine(int id)
{
	double f = id * 1.5;

	for (int i = 0; i < 3; i++) {
		printf("routine %d turn %d %g\n", id, i, f += 0.25);
		turns++;
		swapcontext(id == 1 ? &a_uc : &b_uc, id == 1 ? &b_uc : &a_uc);
	}
}

static void test_contexts(void)
{
	char *sa = malloc(65536), *sb = malloc(65536);

	getcontext(&a_uc);
	a_uc.uc_stack.ss_sp = sa;
	a_uc.uc_stack.ss_size = 65536;
	a_uc.uc_link = &main_uc;
	makecontext(&a_uc, (void (*)(void))routine, 1, 1);
	getcontext(&b_uc);
	b_uc.uc_stack.ss_sp = sb;
	b_uc.uc_stack.ss_size = 65536;
	b_uc.uc_link = &main_uc;
	makecontext(&b_uc, (void (*)(void))routine, 1, 2);
	swapcontext(&main_uc, &a_uc);
	printf("contexts: %d turns\n", turns);
}

int main(void)
{
	struct rlimit lim;

	getrlimit(RLIMIT_STACK, &lim);
	printf("deep %ld\n", deep(50000));
	printf("ackermann %d %d\n", ackermann(2, 9), ackermann(3, 6));
	printf("even %d\n", is_even(30000));
	printf("frames %016lx\n", (unsigned long)frame(20));
	printf("dynamic %016lx\n", (unsigned long)dynamic(300000));
	for (int i = 0; i < 20; i++)
		deep(2000 * i); /* up and down again: returns far from their calls */
	test_contexts();
	return 0;
}

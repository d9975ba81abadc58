/* guest: levels=O2 */
/*
 * What children of fork run often is translated by their parent for those to come (runtime/jit/family.h), each out of its
 * own memory: at one address parent and children have different code, or no code, or had it and changed it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { CHILDREN = 60, PIECES = 64, PIECE_BYTES = 32, PAGE = 4096 };

static unsigned char *area, *gap;

typedef unsigned piece_fn(unsigned);

/* Piece i becomes a function that gives its argument plus n, below 1,000. */
static void write_piece(unsigned char *at, unsigned n)
{
#ifdef __riscv
	const uint32_t code[] = { 0x00050513 | n << 20, 0x00008067 }; /* addi a0, a0, n; ret */
#elif defined __x86_64__
	unsigned char code[] = { 0x8d, 0x87, 0, 0, 0, 0, 0xc3 }; /* lea eax, [rdi + n]; ret */

	memcpy(code + 2, &n, sizeof n);
#else
	const uint32_t code[] = { 0x11000000 | n << 10, 0xd65f03c0 }; /* add w0, w0, n; ret */
#endif
	memcpy(at, code, sizeof code);
}

static void write_all(unsigned char *page, unsigned n)
{
	for (unsigned i = 0; i < PIECES; i++)
		write_piece(page + i * PIECE_BYTES, n + i);
	__builtin___clear_cache((char *)page, (char *)page + PAGE);
}

static unsigned run_all(unsigned char *page, unsigned times)
{
	unsigned sum = 0;

	while (times--)
		for (unsigned i = 0; i < PIECES; i++)
			sum = ((piece_fn *)(void *)(page + i * PIECE_BYTES))(sum);
	return sum;
}

/* The sum of n to n + PIECES - 1. */
static unsigned expected(unsigned n, unsigned times)
{
	return times * (PIECES * n + PIECES * (PIECES - 1) / 2);
}

/* In a child: as it was, as it makes it, and where its parent has nothing. */
static int child(unsigned k, unsigned before)
{
	unsigned char *own;
	int wrong = run_all(area, 3) != expected(before, 3);

	write_all(area, k);
	wrong |= (run_all(area, 6) != expected(k, 6)) << 1;
	own = mmap(gap, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (own != gap)
		return 8;
	write_all(own, k + 100);
	wrong |= (run_all(own, 6) != expected(k + 100, 6)) << 2;
	if (k % 8 == 0) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(run_all(own, 6) != expected(k + 100, 6)
			      || run_all(area, 6) != expected(k, 6));
		if (waitpid(pid, &status, 0) != pid || status)
			wrong |= 16;
	}
	return wrong;
}

static void *forks(void *arg)
{
	unsigned failed = 0;
	int status;

	(void)arg;
	for (unsigned k = 0; k < CHILDREN; k++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(child(k, 200));
		if (waitpid(pid, &status, 0) != pid || status) {
			printf("child %u: 0x%x\n", k, status);
			failed++;
		}
	}
	return (void *)(uintptr_t)failed;
}

int main(void)
{
	unsigned failed;
	void *result;
	pthread_t t;

	area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	gap = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || gap == MAP_FAILED)
		return 1;
	write_all(area, 200);
	failed = (unsigned)(uintptr_t)forks(NULL);
	printf("%u children wrong\n", failed);
	printf("the parent's own: %u\n", run_all(area, 5) - expected(200, 5));
	/* What they learned of an empty place is not what comes there. */
	if (mmap(gap, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
	    != gap)
		return 1;
	write_all(gap, 300);
	printf("where nothing was: %u\n", run_all(gap, 5) - expected(300, 5));
	fflush(stdout);
	/* From a process of several threads. */
	write_all(area, 200);
	if (pthread_create(&t, NULL, forks, NULL))
		return 1;
	for (unsigned i = 0; i < 1000; i++)
		if (run_all(area, 1) != expected(200, 1))
			failed++;
	pthread_join(t, &result);
	printf("of threads: %u wrong, %u\n", (unsigned)(uintptr_t)result, failed);
	return 0;
}

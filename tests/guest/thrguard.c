/* guest: levels=O2 timeout=90 emulated=exec */
/*
 * System calls that write to a page of code, while other threads run what is in the page: none of them fails, and
 * none writes anywhere else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { RUNNERS = 2, CALLERS = 2, CALLS = 480, ROUNDS = 60, PAGE = 4096, PAGES = 24 };

typedef int fn_t(int);

static char *page;
static atomic_int done, failed;

static void put_add(char *at, int add)
{
#if defined(__riscv)
	uint32_t code[2] = { (uint32_t)add << 20 | 0x50513, 0x8067 }; /* addi a0, a0, add; ret */

	memcpy(at, code, sizeof code);
#else
	unsigned char code[] = { 0x8d, 0x47, (unsigned char)add, 0xc3 };

	memcpy(at, code, sizeof code);
#endif
	__builtin___clear_cache(at, at + 8);
}

/* Runs code of all pages, over and over: translated, it guards them. */
static void *runner(void *arg)
{
	int sum = 0;

	while (!atomic_load(&done))
		for (int i = 0; i < PAGES; i++)
			sum += ((fn_t *)(page + i * PAGE))(i)-i != i % 100;
	if (sum)
		atomic_fetch_add(&failed, 1000);
	return NULL;
}

/* A page that was written to often is guarded no more: a few calls for each. */
static void *caller(void *arg)
{
	long id = (long)arg;

	for (int i = 0; i < CALLS; i++) {
		char *to = page + i % PAGES * PAGE + 1024 + id * 1024;
		struct timespec *ts = (void *)to;
		int r = i % 3 == 0   ? (int)syscall(SYS_clock_getres, CLOCK_MONOTONIC, ts)
			: i % 3 == 1 ? getrlimit(RLIMIT_NOFILE, (void *)to)
				     : (int)syscall(SYS_getcwd, to, 512);

		if (r < 0) {
			fprintf(stderr, "call %d: %s\n", i % 3, strerror(errno));
			atomic_fetch_add(&failed, 1);
		}
	}
	return NULL;
}

static void round_of(void)
{
	pthread_t t[RUNNERS + CALLERS];

	page = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < PAGES; i++)
		put_add(page + i * PAGE, i % 100);
	atomic_store(&done, 0);
	for (long i = 0; i < RUNNERS + CALLERS; i++)
		pthread_create(&t[i], NULL, i < RUNNERS ? runner : caller, (void *)(i - RUNNERS));
	for (int i = RUNNERS; i < RUNNERS + CALLERS; i++)
		pthread_join(t[i], NULL);
	atomic_store(&done, 1);
	for (int i = 0; i < RUNNERS; i++)
		pthread_join(t[i], NULL);
	munmap(page, PAGES * PAGE);
}

int main(void)
{
	for (int i = 0; i < ROUNDS; i++)
		round_of();
	printf("failed: %d\n", atomic_load(&failed));
	return 0;
}

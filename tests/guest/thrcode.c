/* guest: levels=O0,O2 */
/*
 * Code that is made, patched and unmapped while threads run it. Functions return a number; what else they
 * do is written for the machine that the test runs on.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { THREADS = 4, SLOT_BYTES = 64, PAGE = 4096, RWX = PROT_READ | PROT_WRITE | PROT_EXEC };

typedef long fn_t(long);

/* ---- what code looks like --------------------------------------------------------------------------- */

#ifdef __riscv
static uint32_t addi(int rd, int rs, int imm)
{
	return (uint32_t)imm << 20 | (uint32_t)rs << 15 | (uint32_t)rd << 7 | 0x13;
}

/* return x + imm; in one store, so that another thread finds the old or the new function */
static void put_add(void *at, int imm)
{
	uint64_t code = addi(10, 10, imm) | (uint64_t)0x00008067 << 32;

	__atomic_store_n((uint64_t *)at, code, __ATOMIC_RELEASE);
}

/* while (*p == 0) continue, as a loop whose first instruction another thread replaces by a return */
static void put_loop(void *at)
{
	__atomic_store_n((uint64_t *)at, 0x0000a001 | (uint64_t)0x00008067 << 32, __ATOMIC_RELEASE);
}
static void put_return(void *at) { __atomic_store_n((uint16_t *)at, 0x8082, __ATOMIC_RELEASE); }
#else
static void put_add(void *at, int imm)
{
	/* lea imm8(%rdi), %rax; ret */
	uint64_t code = 0xc300478d48 | (uint64_t)(uint8_t)imm << 24;

	__atomic_store_n((uint64_t *)at, code, __ATOMIC_RELEASE);
}

static void put_loop(void *at) { __atomic_store_n((uint16_t *)at, 0xfeeb, __ATOMIC_RELEASE); }
static void put_return(void *at) { __atomic_store_n((uint16_t *)at, 0xc3c3, __ATOMIC_RELEASE); }
#endif

/* This thread's code only, then that of all threads. */
static void sync_own(void *p)
{
#ifdef __riscv
	__asm__ volatile("fence.i" ::: "memory");
#else
	__builtin___clear_cache(p, (char *)p + SLOT_BYTES);
#endif
}

static void sync_all(void *p, size_t n) { __builtin___clear_cache(p, (char *)p + n); }

static char *pages(int n, int prot)
{
	char *p = mmap(NULL, (size_t)n * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(90);
	return p;
}

static void all(const char *name, void *(*fn)(void *))
{
	pthread_t t[THREADS];
	long sum = 0;

	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		void *r;

		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("%s: %ld bad\n", name, sum);
}

/* ---- each thread makes its own functions ---------------------------------------------------------------- */

static char *common;

/* In pages that all share: writing hits code that the others run. */
static void *neighbours(void *arg)
{
	long bad = 0;

	for (int i = 0; i < 1500; i++) {
		char *at = common + ((i % 64) * THREADS + (long)arg) * 16 % (4 * PAGE);

		put_add(at, i % 100);
		sync_own(at);
		for (int k = 0; k < 3; k++)
			bad += ((fn_t *)at)(k) != k + i % 100;
	}
	return (void *)bad;
}

/* In fresh pages each time, so that few writes ever hit a page: the first ones count. */
static void *fresh_neighbours(void *arg)
{
	static pthread_barrier_t barrier;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static char *shared;
	long bad = 0;

	(void)once;
	if ((long)arg == 0)
		pthread_barrier_init(&barrier, NULL, THREADS),
		    __atomic_store_n(&shared, (char *)1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&shared, __ATOMIC_SEQ_CST))
		sched_yield();
	for (int round = 0; round < 40; round++) {
		char *at;

		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			shared = pages(1, RWX);
		pthread_barrier_wait(&barrier);
		at = shared + (long)arg * SLOT_BYTES;
		for (int i = 0; i < 6; i++) {
			put_add(at, i + round);
			sync_own(at);
			for (int k = 0; k < 20; k++)
				bad += ((fn_t *)at)(k) != k + i + round;
		}
		pthread_barrier_wait(&barrier);
		if ((long)arg == 1)
			munmap(shared, PAGE);
	}
	return (void *)bad;
}

/* Written while it may not run, run while it may not be written; others do the same elsewhere. */
static void *toggles(void *arg)
{
	char *p = pages(1, PROT_READ | PROT_WRITE);
	long bad = 0;

	for (int i = 0; i < 60; i++) {
		for (int k = 0; k < 8; k++)
			put_add(p + k * SLOT_BYTES, (i + k) % 100);
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		sync_own(p);
		for (int k = 0; k < 8 * 20; k++)
			bad += ((fn_t *)(p + k % 8 * SLOT_BYTES))(k) != k + (i + k % 8) % 100;
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	}
	munmap(p, PAGE);
	return (void *)bad;
}

/* Mapped, run, unmapped; the address comes back with other code. */
static void *comes_and_goes(void *arg)
{
	long bad = 0;

	for (int i = 0; i < 60; i++) {
		char *p = pages(1, RWX);

		for (int k = 0; k < 4; k++) {
			put_add(p + k * SLOT_BYTES, (i + k + (int)(long)arg * 20) % 100);
			sync_own(p);
			for (int n = 0; n < 20; n++)
				bad += ((fn_t *)(p + k * SLOT_BYTES))(n)
				       != n + (i + k + (long)arg * 20) % 100;
		}
		if (i % 2)
			p = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
				 0);
		munmap(p, PAGE);
	}
	return (void *)bad;
}

/* ---- one thread patches what the others run ------------------------------------------------------------- */

static volatile int version, stop;

/* A function is never older than the version that was complete before the call. */
static void *follows(void *arg)
{
	long bad = 0;

	while (!stop) {
		int before = __atomic_load_n(&version, __ATOMIC_ACQUIRE), got, after;

		got = (int)((fn_t *)common)(0);
		after = __atomic_load_n(&version, __ATOMIC_ACQUIRE) + 1;
		bad += got < before || got > after;
	}
	return (void *)bad;
}

static void test_patch(void)
{
	pthread_t t[THREADS];
	long bad = 0;

	for (int how = 0; how < 3; how++) {
		common = how == 1 ? mmap(NULL, PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
				  : pages(1, RWX);
		version = stop = 0;
		put_add(common, 0);
		sync_all(common, SLOT_BYTES);
		for (int i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, follows, NULL);
		for (int i = 1; i <= 100; i++) {
			if (how == 2)
				mprotect(common, PAGE, RWX);
			put_add(common, i);
			sync_all(common, SLOT_BYTES);
			if (how == 2)
				mprotect(common, PAGE, PROT_READ | PROT_EXEC);
			__atomic_store_n(&version, i, __ATOMIC_RELEASE);
			if (i % 10 == 0)
				usleep(500);
		}
		stop = 1;
		for (int i = 0; i < THREADS; i++) {
			void *r;

			pthread_join(t[i], &r);
			bad += (long)r;
		}
		munmap(common, PAGE);
	}
	printf("patched while others run it: %ld bad\n", bad);
}

static void *in_loop(void *arg)
{
	((fn_t *)arg)(0);
	return NULL;
}

/* A loop that ends only because its code changes. */
static void test_loop(void)
{
	for (int how = 0; how < 2; how++) {
		char *p =
		    how ? mmap(NULL, PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : pages(1, RWX);
		pthread_t t[THREADS];

		put_loop(p);
		sync_all(p, SLOT_BYTES);
		for (int i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, in_loop, p);
		usleep(5000);
		put_return(p);
		sync_all(p, SLOT_BYTES);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
	}
	puts("endless loops ended");
}

/* ---- much code, and a signal that must come soon -------------------------------------------------------- */

enum { FUNCTIONS = 3000 };

static void *cold(void *arg)
{
	long sum = 0, want = 0;

	/* In orders of their own, so that now and then two meet at the same function. */
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < FUNCTIONS; i++) {
			int k = (i * (1 + 2 * (int)(long)arg) + round) % FUNCTIONS;

			sum += ((fn_t *)(common + k * 32))(i);
			want += i + k % 100;
		}
	return (void *)(sum - want);
}

static void test_cold(const char *name)
{
	size_t bytes = FUNCTIONS * 32;

	common = pages((int)(bytes / PAGE + 1), RWX);
	for (int i = 0; i < FUNCTIONS; i++)
		put_add(common + i * 32, i % 100);
	sync_all(common, bytes);
	all(name, cold);
	munmap(common, (bytes / PAGE + 1) * PAGE);
}

int main(void)
{
	common = pages(4, RWX);
	all("neighbours", neighbours);
	munmap(common, 4 * PAGE);
	all("neighbours in fresh pages", fresh_neighbours);
	all("toggles", toggles);
	all("comes and goes", comes_and_goes);
	test_patch();
	test_loop();
	test_cold("cold code");
	return 0;
}

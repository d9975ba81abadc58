/* guest: flags=-latomic levels=O0,O2 */
/*
 * The memory model: what RVWMO forbids must not be seen, and atomic operations of every size and order add up.
 * The first argument is the number of turns.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELLS = 64 };

static int turns = 3000;

/* ---- litmus tests ---------------------------------------------------------------------------------- */

struct cell {
	_Alignas(64) atomic_int x;
	_Alignas(64) atomic_int y;
	_Alignas(64) int plain;
	int r[4];
};

static struct cell cell[CELLS];

struct litmus {
	const char *name;
	int threads;
	void (*part[4])(struct cell *c);
	int (*forbidden)(const int *r);
};

#define RLX memory_order_relaxed
#define PART(name, body)                                                                           \
	static void name(struct cell *c) { body }

PART(mp_write, c->plain = 1; atomic_store_explicit(&c->y, 1, memory_order_release);)
PART(mp_read, c->r[0] = atomic_load_explicit(&c->y, memory_order_acquire);
     c->r[1] = c->r[0] ? c->plain : 0;)
static int mp_bad(const int *r) { return r[0] && !r[1]; }

PART(mpf_write, atomic_store_explicit(&c->x, 1, RLX); atomic_thread_fence(memory_order_release);
     atomic_store_explicit(&c->y, 1, RLX);)
PART(mpf_read, c->r[0] = atomic_load_explicit(&c->y, RLX);
     atomic_thread_fence(memory_order_acquire); c->r[1] = atomic_load_explicit(&c->x, RLX);)

PART(sb_x, atomic_store_explicit(&c->x, 1, RLX); atomic_thread_fence(memory_order_seq_cst);
     c->r[0] = atomic_load_explicit(&c->y, RLX);)
PART(sb_y, atomic_store_explicit(&c->y, 1, RLX); atomic_thread_fence(memory_order_seq_cst);
     c->r[1] = atomic_load_explicit(&c->x, RLX);)
static int sb_bad(const int *r) { return !r[0] && !r[1]; }

PART(sbsc_x, atomic_store(&c->x, 1); c->r[0] = atomic_load(&c->y);)
PART(sbsc_y, atomic_store(&c->y, 1); c->r[1] = atomic_load(&c->x);)

PART(sba_x, atomic_exchange(&c->x, 1); c->r[0] = atomic_load(&c->y);)
PART(sba_y, atomic_exchange(&c->y, 1); c->r[1] = atomic_load(&c->x);)

PART(lb_x, c->r[0] = atomic_load_explicit(&c->x, memory_order_acquire);
     atomic_store_explicit(&c->y, 1, RLX);)
PART(lb_y, c->r[1] = atomic_load_explicit(&c->y, memory_order_acquire);
     atomic_store_explicit(&c->x, 1, RLX);)
static int lb_bad(const int *r) { return r[0] && r[1]; }

PART(iriw_x, atomic_store_explicit(&c->x, 1, memory_order_seq_cst);)
PART(iriw_y, atomic_store_explicit(&c->y, 1, memory_order_seq_cst);)
PART(iriw_xy, c->r[0] = atomic_load(&c->x); c->r[1] = atomic_load(&c->y);)
PART(iriw_yx, c->r[2] = atomic_load(&c->y); c->r[3] = atomic_load(&c->x);)
static int iriw_bad(const int *r) { return r[0] && !r[1] && r[2] && !r[3]; }

PART(corr_write, atomic_store_explicit(&c->x, 1, RLX);)
PART(corr_read, c->r[0] = atomic_load_explicit(&c->x, RLX);
     c->r[1] = atomic_load_explicit(&c->x, RLX);)

static const struct litmus tests[] = {
	{ "message passing", 2, { mp_write, mp_read }, mp_bad },
	{ "message passing, fences", 2, { mpf_write, mpf_read }, mp_bad },
	{ "store buffering, fences", 2, { sb_x, sb_y }, sb_bad },
	{ "store buffering, sc", 2, { sbsc_x, sbsc_y }, sb_bad },
	{ "store buffering, amo", 2, { sba_x, sba_y }, sb_bad },
	{ "load buffering", 2, { lb_x, lb_y }, lb_bad },
	{ "independent reads", 4, { iriw_x, iriw_xy, iriw_y, iriw_yx }, iriw_bad },
	{ "coherence", 2, { corr_write, corr_read }, mp_bad },
};

static const struct litmus *test;
static atomic_int arrived, round_no;

/* All threads start a round together, without the kernel's help most of the time. */
static void meet(int n)
{
	int r = atomic_load(&round_no);

	if (atomic_fetch_add(&arrived, 1) == n - 1) {
		atomic_store(&arrived, 0);
		atomic_fetch_add(&round_no, 1);
		return;
	}
	for (int i = 0; atomic_load(&round_no) == r; i++)
		if (i > 200)
			sched_yield();
}

static void *takes_part(void *arg)
{
	void (*part)(struct cell *) = test->part[(long)arg];
	long bad = 0;

	for (int i = 0; i < turns / CELLS + 1; i++) {
		meet(test->threads);
		for (int k = 0; k < CELLS; k++)
			part(&cell[k]);
		meet(test->threads);
		if ((long)arg)
			continue;
		for (int k = 0; k < CELLS; k++) {
			bad += test->forbidden(cell[k].r);
			cell[k] = (struct cell){ 0 };
		}
	}
	return (void *)bad;
}

static void run(const char *name, int n, void *(*fn)(void *))
{
	pthread_t t[4];
	long bad = 0;

	for (long i = 0; i < n; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	for (int i = 0; i < n; i++) {
		void *r;

		pthread_join(t[i], &r);
		bad += (long)r;
	}
	printf("%s: %ld\n", name, bad);
}

/* ---- atomic operations of all kinds ------------------------------------------------------------------- */

static _Atomic unsigned char a8[8];
static _Atomic unsigned short a16[4];
static _Atomic unsigned a32;
static _Atomic unsigned long a64;
static atomic_long flags;
static long guarded, guarded_too;
static atomic_flag spin = ATOMIC_FLAG_INIT;
static _Atomic double sum;

static void *adds(void *arg)
{
	long i, self = (long)arg;

	for (i = 0; i < turns; i++) {
		unsigned long old = atomic_load_explicit(&a64, RLX);
		unsigned char was = 0;

		atomic_fetch_add_explicit(&a8[self], 1, RLX);
		atomic_fetch_add_explicit(&a8[4], 1, memory_order_acq_rel);
		atomic_fetch_sub_explicit(&a16[self % 2], 3, memory_order_release);
		atomic_fetch_xor_explicit(&a16[3], (unsigned short)(1 << self),
					  memory_order_acquire);
		atomic_fetch_add_explicit(&a32, 7, memory_order_seq_cst);
		while (!atomic_compare_exchange_weak_explicit(&a64, &old, old + 5,
							      memory_order_acq_rel, RLX))
			continue;
		atomic_fetch_or(&flags, 1L << (self * 16 + i % 16));
		atomic_fetch_and(&flags, ~(1L << (self * 16 + (i + 8) % 16)));
		while (!atomic_compare_exchange_strong(&a8[5], &was, 1)) {
			was = 0;
			sched_yield();
		}
		guarded++;
		atomic_store_explicit(&a8[5], 0, memory_order_release);
		while (atomic_flag_test_and_set_explicit(&spin, memory_order_acquire))
			sched_yield();
		guarded_too++;
		atomic_flag_clear_explicit(&spin, memory_order_release);
		sum += 0.25;
	}
	return NULL;
}

#ifdef __riscv
/* Reservations as they are written by hand: a loop of lr and sc with work in between, in words and doublewords. */
static void *reserves(void *arg)
{
	for (int i = 0; i < turns; i++) {
		long tmp, fail;

		__asm__ volatile(
		    "1: lr.d.aq %0, %2\n add %0, %0, %3\n sc.d.rl %1, %0, %2\n bnez %1, 1b"
		    : "=&r"(tmp), "=&r"(fail), "+A"(a64)
		    : "r"(1L)
		    : "memory");
		__asm__ volatile("1: lr.w %0, %2\n addiw %0, %0, 2\n sc.w %1, %0, %2\n bnez %1, 1b"
				 : "=&r"(tmp), "=&r"(fail), "+A"(a32)
				 :
				 : "memory");
	}
	return NULL;
}
#else
static void *reserves(void *arg)
{
	for (int i = 0; i < turns; i++) {
		atomic_fetch_add(&a64, 1);
		atomic_fetch_add(&a32, 2);
	}
	return NULL;
}
#endif

int main(int argc, char **argv)
{
	if (argc > 1)
		turns = atoi(argv[1]);
	for (unsigned i = 0; i < sizeof tests / sizeof *tests; i++) {
		test = &tests[i];
		run(test->name, test->threads, takes_part);
	}
	run("atomics", 4, adds);
	printf("%d %d %d %d %d, %d %d %d, %u %lu %lx %ld\n", a8[0], a8[1], a8[2], a8[3], a8[4],
	       a16[0], a16[1], a16[3], a32, a64, (unsigned long)flags, guarded);
	printf("%ld %.2f\n", guarded_too, sum);
	run("reservations", 4, reserves);
	printf("%u %lu\n", a32, a64);
	return 0;
}

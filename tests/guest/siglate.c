/* guest: levels=O0,O2 */
/*
 * How long a guest goes on after a signal was sent to it, in loops of several kinds: less than a millisecond of its own
 * processor time. A busy machine lengthens that when the sender is put aside between its look at the clock and the signal,
 * or when a virtual machine's processor is taken away; never does it shorten it. So one quiet moment counts: a few
 * signals in a row that are all in time. A loop that hears of signals every few milliseconds does not get there (deaf).
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { SIGNALS = 8, LIMIT_NS = 1000000, TRIES = 60, DEAF_NS = 4 * LIMIT_NS, DEAF_TRIES = 8 };

static volatile int handled, done;
static volatile int64_t sent, late[SIGNALS];
static clockid_t receiver_clock;

static int64_t clock_ns(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void on_signal(int sig)
{
	late[handled] = clock_ns(CLOCK_THREAD_CPUTIME_ID) - sent;
	done = handled + 1 == SIGNALS;
	__atomic_store_n(&handled, handled + 1, __ATOMIC_RELEASE);
}

static void *send_all(void *arg)
{
	const struct timespec gap = { 0, 300000 };

	for (int n = 0; n < SIGNALS; n++) {
		/* At no fixed time after the last one. */
		nanosleep(&(struct timespec){ 0, 100000 + 90000 * n }, NULL);
		sent = clock_ns(receiver_clock);
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		while (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == n)
			nanosleep(&gap, NULL);
	}
	return NULL;
}

/* ---- loops: each ends when done is set --------------------------------------------------------- */

static void tight(void)
{
	while (!done)
		continue;
}

static uint64_t words[1 << 14];

static void memory(void)
{
	while (!done)
		for (size_t i = 1; i < sizeof words / sizeof *words; i++)
			words[i] = words[i] * 5 + words[i - 1] + 1;
}

static NOINLINE uint64_t fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static void calls(void)
{
	while (!done)
		words[0] += fib(20);
}

static NOINLINE uint64_t one(uint64_t x) { return x * 3 + 1; }
static NOINLINE uint64_t two(uint64_t x) { return x ^ x >> 7; }
static NOINLINE uint64_t three(uint64_t x) { return x - 77; }

static void table(void)
{
	static uint64_t (*const volatile fn[])(uint64_t) = { one, two, three, two };
	uint64_t x = 1;

	while (!done)
		for (int i = 0; i < 1000; i++)
			x = fn[x & 3](x);
	words[0] = x;
}

static void floats(void)
{
	double x = 0.5;

	while (!done)
		for (int i = 0; i < 1000; i++)
			x = x * 0.999 + 1.0 / (x + 1);
	words[0] += x > 0;
}

/* Hears of signals now and then only. */
static void deaf(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (!done) {
		int64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + DEAF_NS;

		pthread_sigmask(SIG_BLOCK, &set, NULL);
		while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
			continue;
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
}

/* ---------------------------------------------------------------------------------------------- */

static int64_t worst_in(void (*loop)(void))
{
	pthread_t me = pthread_self(), sender;
	int64_t worst = 0;

	handled = done = 0;
	pthread_create(&sender, NULL, send_all, &me);
	loop();
	pthread_join(sender, NULL);
	for (int i = 0; i < SIGNALS; i++)
		worst = late[i] > worst ? late[i] : worst;
	return worst;
}

static void in_time(const char *name, void (*loop)(void), int tries)
{
	int64_t best = INT64_MAX;
	int n = 0;

	for (; n < tries && best >= LIMIT_NS; n++) {
		int64_t worst = worst_in(loop);

		best = worst < best ? worst : best;
	}
	printf("%s: %s\n", name, best < LIMIT_NS ? "in time" : "late");
	if (best >= LIMIT_NS || getenv("SHOW_LATE"))
		fprintf(stderr, "%s: %ld ns, tries: %d\n", name, (long)best, n);
}

int main(void)
{
	struct sigaction a = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &a, NULL);
	pthread_getcpuclockid(pthread_self(), &receiver_clock);
	in_time("tight", tight, TRIES);
	in_time("memory", memory, TRIES);
	in_time("calls", calls, TRIES);
	in_time("table", table, TRIES);
	in_time("floats", floats, TRIES);
	in_time("deaf", deaf, DEAF_TRIES);
	return 0;
}

/* Spends known shares of its time in known functions: in loops, in a leaf that has none, in a thread, in a forked child. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define APART __attribute__((noinline, noclone))

static volatile unsigned long sink;

APART static void leaf(unsigned long x)
{
	for (int i = 0; i < 1; i++) {
		x = x * 3 + 1, x ^= x >> 3, x = x * 5 + 7, x ^= x >> 7, x *= 11, x ^= x >> 5,
		x *= 13, x ^= x >> 9;
		x *= 17, x ^= x >> 11, x *= 19, x ^= x >> 4, x *= 23, x ^= x >> 2, x *= 29,
		    x ^= x >> 6;
	}
	sink = x;
}

APART static void calls_leaf(unsigned n)
{
	while (n--)
		leaf(n);
	sink++;
}

APART static void loop_three(unsigned n)
{
	for (unsigned i = 0; i < 3 * n; i++)
		sink += i;
}

APART static void loop_one(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		sink += i;
}

APART static int both(unsigned n)
{
	loop_three(n);
	loop_one(n);
	return (int)sink & 1;
}

APART static void *in_thread(void *n)
{
	loop_one(*(unsigned *)n);
	return n;
}

/* Bursts of work between waits that no signal of the guest's may end: how many ended early. */
static int waits(void)
{
	int early = 0, ep = epoll_create1(0);
	struct epoll_event ev;

	for (int i = 0; i < 80; i++) {
		struct timespec ts = { 0, 1000000 }, left;

		loop_one(500000);
		early += poll(NULL, 0, 2) != 0;
		loop_one(500000);
		early += epoll_wait(ep, &ev, 1, 2) != 0;
		loop_one(500000);
		early += nanosleep(&ts, &left) != 0;
	}
	return early;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
	pthread_t t;

	if (argc > 2 && !strcmp(argv[2], "waits"))
		return waits();
	if (argc > 2 && !strcmp(argv[2], "crash")) {
		loop_one(n);
		abort();
	}
	both(n);
	calls_leaf(n);
	pthread_create(&t, NULL, in_thread, &n);
	pthread_join(t, NULL);
	if (fork() == 0) {
		calls_leaf(n);
		exit(0);
	}
	wait(NULL);
	return 0;
}

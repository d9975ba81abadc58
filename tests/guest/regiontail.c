/* guest: levels=O2 */
/*
 * A hot function ends with a jump to a routine of libc that cannot be done in one go, since the memory overlaps or a
 * signal waits: the routine is carried out by its own code then, and the function is not begun again.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "tests/guest/guest.h"

enum { ROUNDS = 60000, LONG = 40000 };

static unsigned long begun;
static volatile unsigned long signals;
static char from[LONG], to[LONG];

static __attribute__((noinline)) void *copy(char *d, const char *s, size_t n)
{
	begun += n | 1;
	return memcpy(d, s, n);
}

static __attribute__((noinline)) void *copy_within(char *d, const char *s, size_t n)
{
	begun += n | 2;
	return memmove(d, s, n);
}

static void count(int sig)
{
	(void)sig;
	signals++;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 700 }, { 0, 700 } }, never = { 0 };
	unsigned long want = 0;

	for (unsigned k = 0; k < ROUNDS; k++) {
		size_t n = k % 50;

		copy(to + (k & 15 ? 1000 : 3), k & 15 ? from : to, n);
		copy_within(to + 5, to, n);
		want += (n | 1) + (n | 2);
	}
	printf("overlaps: %s\n", begun == want ? "begun once" : "begun again");
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	begun = want = 0;
	for (unsigned k = 0; k < ROUNDS && (k < 2000 || signals < 50); k++) {
		for (size_t i = 0; i < LONG; i += 512)
			from[i] = (char)(k + i);
		copy(to, from, LONG - k % 8);
		for (size_t i = 0; i < LONG; i += 512)
			if (to[i] != (char)(k + i) && i < LONG - 8) {
				printf("signals: byte %zu differs in round %u\n", i, k);
				return 1;
			}
		want += (LONG - k % 8) | 1;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("signals: %s\n", begun == want ? "begun once" : "begun again");
	return 0;
}

/* setjmp and longjmp: nested, through many frames, with live integer and floating-point registers, with masks. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

static jmp_buf top;
static sigjmp_buf stop;
static int depth_reached;

NOINLINE static void dive(int n)
{
	volatile char room[64];

	room[0] = (char)n;
	if (n == 0) {
		depth_reached++;
		longjmp(top, 1000 + depth_reached);
	}
	dive(n - 1);
	room[1] = room[0];
}

NOINLINE static double keep(double a, long x)
{
	/* Values that the compiler keeps in callee-saved registers across the jump. */
	volatile int rounds = 0;
	double f0 = a * 1.5, f1 = a * 2.5, f2 = a * 3.5;
	long i0 = x * 3, i1 = x * 5, i2 = x * 7;
	jmp_buf here;
	int r = setjmp(here);

	if (rounds++ < 5)
		longjmp(here, rounds);
	return f0 + f1 + f2 + (double)(i0 + i1 + i2) + r;
}

static void handler(int sig) { siglongjmp(stop, sig); }

/* Coroutines by longjmp within live frames: a generator that is left and entered again. */
static jmp_buf producer, consumer;

int main(void)
{
	sigset_t set;
	volatile int count = 0;
	int r = setjmp(top);

	if (r)
		printf("back with %d\n", r);
	if (depth_reached < 3)
		dive(200 << depth_reached);

	printf("%g\n", keep(2.0, 11));

	r = setjmp(consumer);
	if (r == 0)
		longjmp(consumer, 0); /* gives 1 */
	printf("longjmp 0 gives %d\n", r);

	signal(SIGUSR1, handler);
	r = sigsetjmp(stop, 1);
	if (count < 3) {
		count++;
		raise(SIGUSR1);
		puts("not reached");
	}
	sigprocmask(SIG_SETMASK, NULL, &set);
	printf("after %d signals, last %d, blocked %d\n", count, r, sigismember(&set, SIGUSR1));

	r = sigsetjmp(stop, 0);
	if (!r)
		raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, NULL, &set);
	printf("without mask: blocked %d\n", sigismember(&set, SIGUSR1));
	for (int i = 0; i < 3; i++) {
		if (setjmp(top) == 0)
			longjmp(top, 1);
	}
	puts("done");
	return 0;
}

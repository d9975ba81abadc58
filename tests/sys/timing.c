/* Clocks, sleeps and timers. */
#include "tests/sys/sys.h"

#include <linux/futex.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t hits, value;
static void hit(int sig, siginfo_t *si, void *uc)
{
	hits++;
	value = si->si_value.sival_int;
}

static long ns(const struct timespec *t) { return t->tv_sec * 1000000000 + t->tv_nsec; }

static long now(clockid_t c)
{
	struct timespec t;

	return clock_gettime(c, &t) ? -1 : ns(&t);
}

static void alarm_in(long ms)
{
	struct itimerval it = { { 0, 0 }, { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void test_clocks(void)
{
	static const clockid_t ids[] = { CLOCK_REALTIME,           CLOCK_MONOTONIC,
					 CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
					 CLOCK_MONOTONIC_RAW,      CLOCK_REALTIME_COARSE,
					 CLOCK_MONOTONIC_COARSE,   CLOCK_BOOTTIME };
	struct timespec t;
	struct timeval tv;

	for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
		EQ(clock_gettime(ids[i], &t), 0);
		CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
		EQ(clock_getres(ids[i], &t), 0);
		CHECK(ns(&t) > 0);
		EQ(RAW(SYS_clock_gettime, G(ids[i]), &t), 0);
	}
	FAILS(clock_gettime(77, &t), EINVAL);
	EQ(RAW(SYS_clock_gettime, 0, 8), -EFAULT);
	EQ(gettimeofday(&tv, NULL), 0);
	CHECK(labs(tv.tv_sec - now(CLOCK_REALTIME) / 1000000000) <= 1);
	long a = now(CLOCK_MONOTONIC);
	for (int i = 0; i < 1000; i++) {
		long b = now(CLOCK_MONOTONIC);

		if (b < a)
			CHECK(!"monotonic");
		a = b;
	}
}

static void test_sleeps(void)
{
	struct timespec t = { 0, 30000000 }, rem = { 9, 9 };
	long a = now(CLOCK_MONOTONIC);

	EQ(nanosleep(&t, &rem), 0);
	CHECK(now(CLOCK_MONOTONIC) - a >= 30000000);
	EQ(rem.tv_sec, 9);
	t.tv_nsec = 1000000000;
	FAILS(nanosleep(&t, NULL), EINVAL);
	t.tv_nsec = -1;
	FAILS(nanosleep(&t, NULL), EINVAL);
	EQ(RAW(SYS_nanosleep, 8, 0), -EFAULT);
	EQ(clock_nanosleep(77, 0, &t, NULL), EINVAL);
	t = (struct timespec){ 0, 20000000 };
	EQ(clock_nanosleep(CLOCK_REALTIME, 0, &t, NULL), 0);
	EQ(clock_nanosleep(CLOCK_BOOTTIME, 0, &t, NULL), 0);
	EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0); /* long ago */
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 20000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
	CHECK(now(CLOCK_MONOTONIC) >= ns(&t));
	/* Interrupted: the rest is told, to the call with a relative time only. */
	t = (struct timespec){ 2, 0 };
	alarm_in(50);
	FAILS(nanosleep(&t, &rem), EINTR);
	CHECK(ns(&rem) > 1500000000 && ns(&rem) <= 1990000000);
	alarm_in(50);
	EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rem), EINTR);
	CHECK(ns(&rem) > 1500000000 && ns(&rem) <= 1990000000);
	/* Twice in a row at one place: the second sleep is a new one. */
	for (int i = 0; i < 3; i++) {
		t = (struct timespec){ 0, 200000000 };
		alarm_in(100);
		a = now(CLOCK_MONOTONIC);
		EQ(nanosleep(&t, &rem), -1);
		CHECK(ns(&rem) > 30000000 && ns(&rem) <= 130000000);
	}
	/* A stop and a continue do not end a sleep, nor make it longer. */
	fflush(stdout);
	pid_t me = getpid(), pid = fork();
	if (!pid) {
		usleep(30000);
		kill(me, SIGSTOP);
		usleep(60000);
		kill(me, SIGCONT);
		_exit(0);
	}
	signal(SIGCHLD, SIG_DFL);
	t = (struct timespec){ 0, 250000000 };
	a = now(CLOCK_MONOTONIC);
	EQ(nanosleep(&t, NULL), 0);
	a = now(CLOCK_MONOTONIC) - a;
	CHECK(a >= 250000000 && a < 400000000);
	waitpid(pid, NULL, 0);
}

static void test_futex(void)
{
	static unsigned word = 5;
	struct timespec t = { 0, 30000000 };
	long a = now(CLOCK_MONOTONIC);

	EQ(RAW(SYS_futex, &word, FUTEX_WAIT, 4, 0), -EAGAIN);
	EQ(RAW(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, &t), -ETIMEDOUT);
	CHECK(now(CLOCK_MONOTONIC) - a >= 30000000);
	EQ(RAW(SYS_futex, &word, G(FUTEX_WAKE), G(1)), 0);
	EQ(RAW(SYS_futex, &word, FUTEX_REQUEUE, 1, 1, &hits), 0);
	EQ(RAW(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 1, &hits, 4), -EAGAIN);
	EQ(RAW(SYS_futex, (char *)&word + 1, FUTEX_WAIT, 5, 0), -EINVAL);
	EQ(RAW(SYS_futex, 8, FUTEX_WAIT, 5, 0), -EFAULT);
	EQ(RAW(SYS_futex, &word, 99, 5, 0), -ENOSYS);
	clock_gettime(CLOCK_MONOTONIC, &t);
	EQ(RAW(SYS_futex, &word, FUTEX_WAIT_BITSET, 5, &t, 0, ~0u), -ETIMEDOUT);
	t = (struct timespec){ 2, 0 };
	alarm_in(40);
	EQ(RAW(SYS_futex, &word, FUTEX_WAIT, 5, &t), -EINTR);
	alarm_in(40);
	EQ(RAW(SYS_futex, &word, FUTEX_WAIT, 5, 0), -EINTR);
}

static void test_timers(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
			       .sigev_signo = SIGRTMIN + 3,
			       .sigev_value.sival_int = 4242 };
	struct itimerspec it = { { 0, 10000000 }, { 0, 10000000 } }, got;
	struct itimerval iv = { { 0, 3000 }, { 0, 3000 } }, giv;
	timer_t t;
	sigset_t all, none;

	EQ(timer_create(CLOCK_MONOTONIC, &ev, &t), 0);
	hits = 0;
	EQ(timer_settime(t, 0, &it, NULL), 0);
	while (hits < 3)
		pause();
	EQ(value, 4242);
	EQ(timer_gettime(t, &got), 0);
	EQ(got.it_interval.tv_nsec, 10000000);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &none);
	usleep(50000);
	sigprocmask(SIG_SETMASK, &none, NULL);
	CHECK(timer_getoverrun(t) >= 2);
	EQ(timer_delete(t), 0);
	/* libc looks into the timer's own memory first: ask the kernel itself. */
	EQ(RAW(SYS_timer_delete, 12345), -EINVAL);
	hits = 0;
	EQ(setitimer(ITIMER_REAL, &iv, NULL), 0);
	for (volatile unsigned long spin = 0; hits < 5; spin++)
		;
	EQ(getitimer(ITIMER_REAL, &giv), 0);
	EQ(giv.it_interval.tv_usec, 3000);
	iv = (struct itimerval){ 0 };
	EQ(setitimer(ITIMER_REAL, &iv, &giv), 0);
	iv.it_value.tv_usec = 10000;
	hits = 0;
	EQ(setitimer(ITIMER_VIRTUAL, &iv, NULL), 0);
	for (volatile unsigned long spin = 0; hits < 1; spin++)
		;
	FAILS(setitimer(9, &iv, NULL), EINVAL);
	EQ(alarm(10), 0);
	CHECK(alarm(0) >= 9);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = hit, .sa_flags = SA_SIGINFO };

	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGVTALRM, &sa, NULL);
	sigaction(SIGRTMIN + 3, &sa, NULL);
	test_clocks();
	test_sleeps();
	test_futex();
	test_timers();
	return done();
}

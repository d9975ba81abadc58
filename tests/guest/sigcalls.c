/* guest: levels=O0,O2 */
/*
 * System calls made over and over from the same places, so that translated code makes them itself: registers over the
 * call, interruption at any moment, bad pointers, pages with code, filters that arrive, other threads that change code.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { PAGE = 4096, HOT = 200, THREADS = 3 };

static int zero_fd, null_fd, fds[2];

static void expect(int holds, const char *what, long got)
{
	if (!holds) {
		printf("%s: %ld\n", what, got);
		exit(1);
	}
}

static void on(int sig, void (*fn)(int), int flags)
{
	struct sigaction a = { .sa_handler = fn, .sa_flags = flags };

	sigaction(sig, &a, NULL);
}

/* n calls with results that are known, and registers of both kinds that live on over them. */
static void calls(int n)
{
	long a = 1, b = 2, c = 3, d = 5, parent = syscall(SYS_getppid);
	double x = 1, y = 0.5, z = 3;
	char byte;

	for (int i = 0; i < n; i++) {
		long r = syscall(SYS_getppid);

		expect(r == parent, "getppid", r);
		byte = 1;
		r = syscall(SYS_read, zero_fd, &byte, 1L);
		expect(r == 1 && byte == 0, "read", r);
		r = syscall(SYS_write, null_fd, &byte, 1L);
		expect(r == 1, "write", r);
		a += 1;
		b += 2;
		c += a;
		d ^= c;
		x = x * 0.5 + 1;
		y += 0.25;
		z = y - z;
	}
	long sum = 5, add = 3;
	double u = 1, v = 0.5, w = 3;

	for (int i = 0; i < n; i++) {
		add += i + 2;
		sum ^= add;
		u = u * 0.5 + 1;
		v += 0.25;
		w = v - w;
	}
	expect(a == n + 1 && b == 2 * (n + 1) && c == add && d == sum, "registers", d);
	expect(x == u && y == v && z == w, "floating-point registers", (long)(y * 4));
}

/* ---- signals ------------------------------------------------------------------------------------- */

static volatile int handled, writes;

static void note(int sig)
{
	handled++;
	if (writes && write(fds[1], "x", 1) != 1)
		_exit(91);
}

static void every(long us)
{
	struct itimerval t = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &t, NULL);
}

static void storm(void)
{
	on(SIGALRM, note, SA_RESTART);
	every(200);
	while (handled < HOT)
		calls(10);
	every(0);
	printf("storm: ok\n");
}

static void interrupted(void)
{
	char byte;
	int eintr = 0, restarted = 0;

	on(SIGALRM, note, 0);
	for (int i = 0; i < 60; i++) {
		every(500);
		eintr += read(fds[0], &byte, 1) == -1 && errno == EINTR;
	}
	every(0);
	on(SIGALRM, note, SA_RESTART);
	writes = 1;
	for (int i = 0; i < 60; i++) {
		every(500);
		restarted += read(fds[0], &byte, 1) == 1;
		every(0);
		/* It may have come more than once. */
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		while (read(fds[0], &byte, 1) == 1)
			continue;
		fcntl(fds[0], F_SETFL, 0);
	}
	writes = 0;
	printf("interrupted: %d, restarted: %d\n", eintr, restarted);
}

static void to_oneself(void)
{
	int right = 0;

	on(SIGUSR1, note, 0);
	for (int i = 0; i < HOT; i++) {
		int before = handled;

		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
		right += handled == before + 1;
	}
	printf("to oneself: %d\n", right);
}

/* ---- pointers -------------------------------------------------------------------------------------- */

static void bad_pointers(void)
{
	static const uintptr_t bad[] = { 8, 0x7fffffffe000, 0x800000000000, 1ull << 63, ~0ull };
	int faults = 0;

	for (int i = 0; i < HOT; i++)
		for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
			faults += syscall(SYS_read, zero_fd, bad[k], 1L) == -1 && errno == EFAULT;
			faults += syscall(SYS_pipe2, bad[k], 0L) == -1 && errno == EFAULT;
		}
	printf("bad pointers: %d\n", faults);
}

/* A page that holds code and data: a call that writes there, after the code has run often. */
static void into_code(void)
{
	long (*fn)(long);
	int right = 0;
#ifdef __riscv
	static const uint32_t code[] = { 0x00150513, 0x00008067 }; /* addi a0, a0, 1; ret */
#else
	static const unsigned char code[] = { 0x48, 0x8d, 0x47, 0x01, 0xc3 };
#endif
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, code, sizeof code);
	__builtin___clear_cache(page, page + sizeof code);
	fn = (long (*)(long))page;
	for (int i = 0; i < HOT; i++) {
		for (int k = 0; k < 40; k++)
			right += fn(i) == i + 1;
		page[100] = 1;
		right += read(zero_fd, page + 100, 1) == 1 && page[100] == 0;
	}
	munmap(page, PAGE);
	printf("into code: %d\n", right);
}

/* ---- threads --------------------------------------------------------------------------------------- */

static volatile int stop;

static void *call_on(void *arg)
{
	while (!stop)
		calls(20);
	return arg;
}

/* Waits in a call most of the time, and has registers and return addresses to lose. */
static NOINLINE long next_byte(int fd, int depth)
{
	unsigned char byte;

	if (depth)
		return next_byte(fd, depth - 1) + 1;
	return read(fd, &byte, 1) == 1 ? byte : -1000;
}

static void *wait_on(void *arg)
{
	int fd = *(int *)arg;
	double x = 0.5;
	long n = 0;

	for (; n < 255; n++, x += 1) {
		long r = next_byte(fd, 20);

		expect(r == n + 20 && x == (double)n + 0.5, "byte", r);
	}
	return NULL;
}

/* Maps code, runs it and unmaps it: what was translated goes, and everyone has to keep out meanwhile. */
static void churn(void)
{
	into_code();
	for (int i = 0; i < 20; i++) {
		void *p =
		    mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, PAGE);
	}
}

static void among_threads(void)
{
	pthread_t caller[THREADS], waiter;
	int p[2];

	if (pipe(p))
		exit(92);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&caller[i], NULL, call_on, NULL);
	pthread_create(&waiter, NULL, wait_on, &p[0]);
	for (int n = 0; n < 255; n++) {
		unsigned char byte = (unsigned char)n;

		if (n % 64 == 0)
			churn();
		if (write(p[1], &byte, 1) != 1)
			exit(93);
	}
	pthread_join(waiter, NULL);
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(caller[i], NULL);
	printf("among threads: ok\n");
}

/* ---- filters ---------------------------------------------------------------------------------------- */

static volatile int warm;

static void *until_filtered(void *arg)
{
	/* Another thread's filter comes while this one is calling. */
	while (syscall(SYS_getppid) != -1)
		warm = 1;
	*(int *)arg = errno;
	return NULL;
}

static void filtered(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof f / sizeof *f, f };
	pthread_t other;
	int err = 0;

	pthread_create(&other, NULL, until_filtered, &err);
	while (!warm)
		sched_yield();
	usleep(2000);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog))
		perror("seccomp");
	pthread_join(other, NULL);
	printf("filtered: %ld %d\n", syscall(SYS_getppid), err);
}

int main(void)
{
	zero_fd = open("/dev/zero", O_RDONLY);
	null_fd = open("/dev/null", O_WRONLY);
	if (zero_fd < 0 || null_fd < 0 || pipe(fds))
		return 90;
	calls(HOT);
	storm();
	interrupted();
	to_oneself();
	bad_pointers();
	into_code();
	among_threads();
	filtered();
	return 0;
}

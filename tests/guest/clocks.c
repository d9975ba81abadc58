/* guest: levels=O0,O2 */
/*
 * Clocks through the vDSO and through the kernel: they agree, whatever the clock; bad pointers fault in the one and are EFAULT
 * to the other; what the vDSO reads clocks by is no business of other code.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { ROUNDS = 200, PAGE = 4096, VDSO_PAGES = 4 };

static int64_t ns(const struct timespec *t) { return t->tv_sec * INT64_C(1000000000) + t->tv_nsec; }

/* Each in its turn; none is before the one before. */
static int in_order(clockid_t clock)
{
	struct timespec a, b, c;
	int right = 0;

	for (int i = 0; i < ROUNDS; i++) {
		syscall(SYS_clock_gettime, clock, &a);
		clock_gettime(clock, &b);
		syscall(SYS_clock_gettime, clock, &c);
		right += ns(&a) <= ns(&b) && ns(&b) <= ns(&c) && b.tv_nsec >= 0
			 && b.tv_nsec < 1000000000;
	}
	return right;
}

static int microseconds_in_order(void)
{
	struct timespec a, c;
	struct timeval b;
	int right = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t us;

		syscall(SYS_clock_gettime, CLOCK_REALTIME, &a);
		gettimeofday(&b, NULL);
		syscall(SYS_clock_gettime, CLOCK_REALTIME, &c);
		us = b.tv_sec * INT64_C(1000000) + b.tv_usec;
		right += ns(&a) / 1000 <= us && us <= ns(&c) / 1000 && b.tv_usec < 1000000;
	}
	return right;
}

/* ---- bad pointers --------------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile uintptr_t fault_at;
static volatile int in_vdso, fault_sig;

static uintptr_t pc_of(const ucontext_t *uc)
{
#ifdef __riscv
	return uc->uc_mcontext.__gregs[0];
#else
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#endif
}

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	uintptr_t base = getauxval(AT_SYSINFO_EHDR);

	fault_sig = sig;
	fault_at = (uintptr_t)si->si_addr;
	in_vdso = pc_of(uc) - base < VDSO_PAGES * PAGE;
	siglongjmp(back, 1);
}

static void faults(const char *name, clockid_t clock, void *p)
{
	long r;

	if (!sigsetjmp(back, 1)) {
		clock_gettime(clock, p);
		printf("%s: no fault\n", name);
	} else {
		printf("%s: signal %d, %s, %s\n", name, fault_sig,
		       fault_at - (uintptr_t)p < sizeof(struct timespec) ? "there" : "elsewhere",
		       in_vdso ? "in the vDSO" : "not in the vDSO");
	}
	r = syscall(SYS_clock_gettime, clock, p);
	printf("%s: %ld %d\n", name, r, errno);
}

/* ---- others' code --------------------------------------------------------------------------------- */

static void elsewhere(void)
{
#ifdef __riscv
	if (!sigsetjmp(back, 1)) {
		__asm__ volatile("csrr a2, 0xcc0" ::: "a2");
		printf("elsewhere: no signal\n");
		return;
	}
	if (fault_sig != SIGILL)
		printf("elsewhere: signal %d\n", fault_sig);
#endif
	printf("elsewhere: ok\n");
}

int main(void)
{
	static const clockid_t clocks[] = { CLOCK_REALTIME,
					    CLOCK_MONOTONIC,
					    CLOCK_MONOTONIC_RAW,
					    CLOCK_REALTIME_COARSE,
					    CLOCK_MONOTONIC_COARSE,
					    CLOCK_BOOTTIME,
					    CLOCK_TAI,
					    CLOCK_PROCESS_CPUTIME_ID,
					    CLOCK_THREAD_CPUTIME_ID };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct timezone tz = { 77, 77 };
	struct timeval tv;
	struct timespec t;
	char *page =
	    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	munmap(page + PAGE, PAGE);
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
		printf("clock %d: %d\n", (int)clocks[i], in_order(clocks[i]));
	printf("microseconds: %d\n", microseconds_in_order());
	r = clock_gettime(77, &t);
	printf("unknown: %d %d\n", r, errno);
	r = gettimeofday(&tv, &tz);
	printf("time zone: %d %d\n", r, tz.tz_minuteswest);
	/* Hot, so that the fault is one of translated code, and cold before. */
	faults("8", CLOCK_MONOTONIC, (void *)8);
	for (int i = 0; i < ROUNDS; i++)
		clock_gettime(CLOCK_MONOTONIC, &t);
	faults("no memory", CLOCK_REALTIME, page + PAGE);
	faults("half", CLOCK_REALTIME, page + PAGE - 8);
	faults("read-only", CLOCK_MONOTONIC, (void *)main);
	elsewhere();
	return 0;
}

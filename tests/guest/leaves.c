/* guest: levels=O2 */
/*
 * Hot loops that call small leaf functions: their seldom ways, faults and signals in them, and code of theirs that is
 * changed or taken away, all with the registers and return addresses that a call gives.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "tests/guest/guest.h"

enum { ROUNDS = 100000 };

/* ---- values ------------------------------------------------------------------------------- */

/* A few instructions, two ways, a loop; a seldom way that is long, and one that is a call. */
static NOINLINE uint64_t step(uint64_t x)
{
	return x * 6364136223846793005u + 1442695040888963407u;
}
static NOINLINE uint64_t fold(uint64_t x) { return x & 1 ? x >> 3 : x ^ 0x55; }

static NOINLINE unsigned ones(uint64_t x)
{
	unsigned n = 0;

	for (x &= 0xf; x; x &= x - 1)
		n++;
	return n;
}

static NOINLINE uint64_t report(uint64_t x) { return hash_u64(HASH_START, x); }

static NOINLINE uint64_t seldom(uint64_t x)
{
	if (x % 1009 == 0)
		return report(x);
	if (x % 997 == 0)
		for (int i = 0; i < 10; i++)
			x = x * 31 + (uint64_t)i;
	return x + 1;
}

static NOINLINE double half(double x, double y) { return x < y ? x * 0.5 + y : y - x; }

static void values(void)
{
	uint64_t x = 1, h = HASH_START;
	double d = 1.0;

	for (int i = 0; i < ROUNDS; i++) {
		x = step(x);
		h = seldom(fold(h + (x >> 40))) + ones(x >> 20);
		d = half(d, (double)(x >> 50));
	}
	printf("values: %lx %lx %lx\n", (unsigned long)x, (unsigned long)h,
	       (unsigned long)hash_double(HASH_START, d));
}

/* ---- what a fault and a signal see ---------------------------------------------------------- */

#if defined __riscv
/*
 * long NAME(long rounds, long *at, long *last): adds what is at at, rounds times; the last time it reads at last. The
 * function that reads returns by the register LINK; it is left in the middle each 1,000th time, by way of code that is far away.
 */
#define SUM_LEAF(NAME, LINK)                                                                       \
	asm(".globl " #NAME ", " #NAME "_back, " #NAME "_leaf, " #NAME "_end\n" #NAME ":\n"        \
	    "mv t3,ra\nli a4,0\nli a5,1000\n1: addi a0,a0,-1\nbnez a0,2f\nmv a1,a2\n"              \
	    "2: jal " #LINK "," #NAME "_leaf\n" #NAME "_back:\n"                                   \
	    "add a4,a4,a3\nbnez a0,1b\nmv a0,a4\njr t3\n" #NAME "_leaf:\n"                         \
	    "addi a5,a5,-1\nbeqz a5,4f\n3: ld a3,0(a1)\njr " #LINK "\n" #NAME "_end:\n"            \
	    ".skip 64\n4: li a5,1000\nj 3b\n");
SUM_LEAF(sum_ra, ra)
SUM_LEAF(sum_t0, t0)
long sum_ra(long rounds, long *at, long *last), sum_t0(long rounds, long *at, long *last);
extern char sum_ra_back[], sum_ra_leaf[], sum_ra_end[], sum_t0_back[], sum_t0_leaf[], sum_t0_end[];

static sigjmp_buf out;
static char *leaf, *leaf_end, *back;
static int link_reg;
static volatile unsigned faults, ticks, wrong;

static void check(const ucontext_t *uc)
{
	const unsigned long *reg = uc->uc_mcontext.__gregs;

	/* __gregs[0] is the pc. */
	wrong += reg[0] >= (uintptr_t)leaf && reg[0] < (uintptr_t)leaf_end
		 && reg[link_reg] != (uintptr_t)back;
}

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	check(uc);
	faults += (uintptr_t)si->si_addr == 16;
	siglongjmp(out, 1);
}

static void on_tick(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	ticks++;
	check(uc);
}

static void exact(long (*sum)(long, long *, long *), const char *name)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO },
			 tick = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART };
	long one = 3;

	faults = ticks = 0;
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGALRM, &tick, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 3; i++) {
		if (sum(ROUNDS, &one, &one) != 3L * ROUNDS)
			printf("%s: wrong sum\n", name);
		if (!sigsetjmp(out, 1))
			sum(ROUNDS, &one, (long *)16);
	}
	while (ticks < 3)
		sum(ROUNDS, &one, &one);
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%s: %u faults, %u wrong\n", name, faults, wrong);
}

static void exact_all(void)
{
	leaf = sum_ra_leaf, leaf_end = sum_ra_end, back = sum_ra_back, link_reg = 1;
	exact(sum_ra, "ra");
	leaf = sum_t0_leaf, leaf_end = sum_t0_end, back = sum_t0_back, link_reg = 5;
	exact(sum_t0, "t0");
}

/* ---- code that goes away -------------------------------------------------------------------- */

/* rv64: a loop that counts a0 down, and calls a leaf, on another page, that adds to a1. */
static const uint32_t loop_code[] = {
	0x00008293, /* mv t0, ra */
	0x7fd000ef, /* jal ra, .+0xffc */
	0xfff50513, /* addi a0, a0, -1 */
	0xfe051ce3, /* bnez a0, .-8 */
	0x00058513, /* mv a0, a1 */
	0x00028067, /* jr t0 */
};
#define ADD_A1(n) ((uint32_t)(n) << 20 | 0x00058593)
#define RET       0x00008067u

static void on_fetch(int sig, siginfo_t *si, void *uc)
{
	const unsigned long *reg = ((ucontext_t *)uc)->uc_mcontext.__gregs;

	(void)sig;
	wrong += reg[0] != (uintptr_t)leaf || reg[1] != (uintptr_t)back
		 || (uintptr_t)si->si_addr != (uintptr_t)leaf;
	faults++;
	siglongjmp(out, 1);
}

static void changed(void)
{
	struct sigaction fetch = { .sa_sigaction = on_fetch, .sa_flags = SA_SIGINFO };
	uint32_t *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long (*run)(long, long) = (long (*)(long, long))code;
	long sum = 0;

	if (code == MAP_FAILED)
		exit(1);
	memcpy(code, loop_code, sizeof loop_code);
	leaf = (char *)&code[1024];
	back = (char *)&code[2];
	code[1025] = RET;
	for (int n = 1; n <= 5; n++) {
		code[1024] = ADD_A1(n);
		__builtin___clear_cache((char *)code, (char *)code + 8192);
		sum += run(ROUNDS, 0) / ROUNDS;
	}
	printf("changed: %ld\n", sum);
	faults = wrong = 0;
	sigaction(SIGSEGV, &fetch, NULL);
	mprotect(leaf, 4096, PROT_NONE);
	if (!sigsetjmp(out, 1))
		run(ROUNDS, 0);
	mprotect(leaf, 4096, PROT_READ | PROT_EXEC);
	printf("gone: %u faults, %u wrong; and back: %ld\n", faults, wrong, run(10, 0));
}
#else
static void exact_all(void) { puts("ra: 3 faults, 0 wrong\nt0: 3 faults, 0 wrong"); }
static void changed(void) { puts("changed: 15\ngone: 1 faults, 0 wrong; and back: 50"); }
#endif

int main(void)
{
	values();
	fflush(stdout);
	exact_all();
	fflush(stdout);
	changed();
	return 0;
}

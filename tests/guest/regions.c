/* guest: levels=O1 */
/* Hot loops that use every register are left by faults and by signals: all registers are what they should be. */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include "tests/guest/guest.h"

/*
 * Each round adds its own number to each register of SUMS, on one of two ways, and 1 to each of the floating-point
 * ones. In the last round the access goes to another address, where it faults.
 */
/* clang-format off */
#define SUMS(OP)                                                                          \
	OP(6) OP(7) OP(8) OP(9) OP(13) OP(14) OP(15) OP(16) OP(17) OP(18) OP(19) OP(20)   \
	OP(21) OP(22) OP(23) OP(24) OP(25) OP(26) OP(27) OP(28) OP(29) OP(30) OP(31)
#define DOUBLES(OP) OP(0) OP(1) OP(2) OP(3) OP(4) OP(5) OP(6) OP(7) OP(8) OP(9) OP(18) OP(19)
#define FLOATS(OP)  OP(10) OP(11) OP(12) OP(13) OP(14) OP(15) OP(20) OP(21) OP(22) OP(23)
/* clang-format on */

#define START(n)  "li x" #n "," #n "\n"
#define ADD(n)    "addi x" #n ",x" #n "," #n "\n"
#define DSTART(n) "fcvt.d.w f" #n ",zero\n"
#define FSTART(n) "fcvt.s.w f" #n ",zero\n"
#define DADD(n)   "fadd.d f" #n ",f" #n ",f30\n"
#define FADD(n)   "fadd.s f" #n ",f" #n ",f31\n"

/* Each round makes the same NaNs anew, and copies them and one that it only reads: a signalling one. */
#define NANS_START "fcvt.d.w f17,zero\nfcvt.s.w f25,zero\nli t0,0x7f812345\nfmv.w.x f26,t0\n" NANS
#define NANS       "fdiv.d f16,f17,f17\nfdiv.s f24,f25,f25\nfmv.s f27,f26\nfmv.d f28,f16\nfmv.s f29,f24\n"

/* a0: rounds; a1, a2: address, last address. Never returns. */
void hot_load(long rounds, void *address, void *last);
void hot_store(long rounds, void *address, void *last);
void hot_call(long rounds, void *address, void *last);
/* Where the loop and the whole of each begins and ends. */
extern char hot_load_loop[], hot_load_end[], hot_store_loop[], hot_store_end[], hot_call_loop[],
    hot_call_end[];
#define HOT(name, access)                                                                          \
	asm(".globl " #name "\n" #name ":\n"                                                       \
	    "li t0,1\nfcvt.d.w f30,t0\nfcvt.s.w f31,t0\n" SUMS(START) DOUBLES(DSTART)              \
		FLOATS(FSTART) NANS_START #name                                                    \
	    "_loop: 1: li t0,3\n"                                                                  \
	    "2: addi t0,t0,-1\nbnez t0,2b\n"                                                       \
	    "andi t0,a0,1\nbeqz t0,3f\n" SUMS(ADD) "j 4f\n"                                        \
						   "3: " SUMS(ADD) "4: " DOUBLES(DADD)             \
						       FLOATS(FADD) NANS                           \
	    "addi a0,a0,-1\nbnez a0,5f\nmv a1,a2\n"                                                \
	    "5: " access "\nj 1b\n" #name "_end:\n");
/* clang-format off */
HOT(hot_load, "ld t0,0(a1)")
HOT(hot_store, "sd a0,0(a1)")
HOT(hot_call, "jal ra,6f\nj 1b\n6: ld t0,0(a1)\nret")
/* clang-format on */

static sigjmp_buf out;
static const char *what;
static long rounds_done; /* 0: an asynchronous signal, which may come within a round */
static volatile unsigned signals;

static void wrong(const char *reg, int n, uint64_t is)
{
	printf("%s: %s%d is %#lx\n", what, reg, n, (unsigned long)is);
	fflush(stdout);
	_Exit(1);
}

/* sum is the sum after k rounds, or k + 1 when that may be. */
static bool is_sum(uint64_t sum, uint64_t k, bool inexact)
{
	return sum == k || (inexact && sum == k + 1);
}

static void check_x(int n, uint64_t is, uint64_t k, bool inexact)
{
	if ((is - (uint64_t)n) % (uint64_t)n != 0
	    || !is_sum((is - (uint64_t)n) / (uint64_t)n, k, inexact))
		wrong("x", n, is);
}

static void check_d(int n, uint64_t is, uint64_t k, bool inexact)
{
	double d;

	memcpy(&d, &is, sizeof d);
	if (!is_sum((uint64_t)d, k, inexact))
		wrong("f", n, is);
}

static void check_f(int n, uint64_t is, uint64_t k, bool inexact)
{
	uint32_t low = (uint32_t)is;
	float f;

	memcpy(&f, &low, sizeof f);
	if (is >> 32 != UINT32_MAX || !is_sum((uint64_t)f, k, inexact))
		wrong("f", n, is);
}

static const struct {
	int reg;
	uint64_t bits;
} nans[] = {
	{ 16, 0x7ff8000000000000 }, { 28, 0x7ff8000000000000 }, { 24, 0xffffffff7fc00000 },
	{ 29, 0xffffffff7fc00000 }, { 26, 0xffffffff7f812345 }, { 27, 0xffffffff7f812345 },
};

static void check(const mcontext_t *m)
{
	const __riscv_mc_gp_state *x = &m->__gregs;
	const void *f_regs = m->__fpregs.__d.__f; /* glibc's own name of the type differs */
	const uint64_t *f = f_regs;
	bool inexact = rounds_done == 0;
	/* Doubles are added to last: what they say is complete. */
	double d;
	uint64_t k = (uint64_t)rounds_done;

	if (inexact) {
		memcpy(&d, &f[19], sizeof d);
		k = (uint64_t)d;
	}
#define CHECK_X(n) check_x(n, (*x)[n], k, inexact);
#define CHECK_D(n) check_d(n, f[n], k, inexact);
#define CHECK_F(n) check_f(n, f[n], k - (inexact && (uint32_t)f[n] != (uint32_t)f[23]), inexact);
	SUMS(CHECK_X)
	DOUBLES(CHECK_D)
	FLOATS(CHECK_F)
	for (unsigned i = 0; i < sizeof nans / sizeof *nans; i++)
		if (f[nans[i].reg] != nans[i].bits)
			wrong("f", nans[i].reg, f[nans[i].reg]);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	(void)sig;
	(void)info;
	check(&uc->uc_mcontext);
	siglongjmp(out, 1);
}

static bool is_in(uint64_t pc, const char *begin, const char *end)
{
	return pc >= (uintptr_t)begin && pc < (uintptr_t)end;
}

static void on_timer(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	uint64_t pc = uc->uc_mcontext.__gregs[0];
	long rounds = rounds_done;

	(void)sig;
	(void)info;
	if (!is_in(pc, hot_load_loop, hot_load_end) && !is_in(pc, hot_store_loop, hot_store_end)
	    && !is_in(pc, hot_call_loop, hot_call_end))
		return;
	rounds_done = 0;
	check(&uc->uc_mcontext);
	rounds_done = rounds;
	signals++;
}

static void run(const char *name, void (*hot)(long, void *, void *), long rounds)
{
	static long word;

	what = name;
	rounds_done = rounds;
	if (sigsetjmp(out, 1) == 0)
		hot(rounds, &word, (void *)16);
	printf("%s: %ld rounds, all registers are right\n", name, rounds);
}

int main(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction timer = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
	/* The loop within is hot at 16,384 rounds, the outer one at 49,152 (runtime/jit/jit_priv.h). */
	static const long counts[] = { 1, 2, 17, 16384, 16385, 49151, 49152, 49153, 60000 };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGALRM, &timer, NULL);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		run("load", hot_load, counts[i]);
		run("store", hot_store, counts[i]);
		run("call", hot_call, counts[i]);
	}
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned n = 0; signals < 20 && n < 500; n++)
		if (sigsetjmp(out, 1) == 0) {
			rounds_done = 60000;
			(n & 1 ? hot_call : hot_load)(60000, &(long){ 0 }, (void *)16);
		}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%s\n", signals >= 20 ? "signals: all registers are right" : "no signals came");
	return 0;
}

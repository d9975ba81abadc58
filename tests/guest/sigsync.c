/* guest: levels=O0,O2 peer=no emulated=jit */
/* Faults of instructions: si_addr, si_code, pc and registers in the context, and what a handler changes there. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/guest/guest.h"

static sigjmp_buf out;
static siginfo_t last;
static ucontext_t last_uc;
static volatile int got;
static unsigned long skip_bytes; /* 0: jump out */

static void handler(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	got = sig;
	last = *si;
	memcpy(&last_uc, uc, sizeof last_uc);
	if (!skip_bytes)
		siglongjmp(out, 1);
	uc->uc_mcontext.__gregs[REG_PC] += skip_bytes;
	uc->uc_mcontext.__gregs[REG_A0] = 4711;
}

static void on(int sig)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void report(const char *what, const void *base)
{
	printf("%s: signal %d code %d", what, got, last.si_code);
	if (last.si_code > 0)
		printf(" addr %+ld", (long)((char *)last.si_addr - (char *)base));
	puts("");
	got = 0;
}

#define CATCH(what, base, stmt)                                                                    \
	do {                                                                                       \
		if (sigsetjmp(out, 1) == 0) {                                                      \
			stmt;                                                                      \
			puts(what ": no signal");                                                  \
		} else {                                                                           \
			report(what, base);                                                        \
		}                                                                                  \
	} while (0)

/* Faulting instructions with known registers: the context must show them, and the pc of the instruction. */
NOINLINE static void exact(volatile int *at)
{
	unsigned long pc, result;
	double fp;

	skip_bytes = 4;
	asm volatile(".option push\n.option norvc\n"
		     "lla %1, 1f\n"
		     "li s2, 0x1234\n li s3, -77\n li t3, 99\n"
		     "li t4, 3\n fcvt.d.l fs5, t4\n"
		     "mv a0, %3\n"
		     "1: lw a0, 0(a0)\n"
		     "mv %0, a0\n"
		     "fmv.d %2, fs5\n"
		     ".option pop"
		     : "=&r"(result), "=&r"(pc), "=f"(fp)
		     : "r"(at)
		     : "a0", "s2", "s3", "t3", "t4", "fs5", "memory");
	printf("exact: pc %s, s2 %lx s3 %ld t3 %ld a0 %s, changed a0 %lu, fs5 %g\n",
	       last_uc.uc_mcontext.__gregs[REG_PC] == pc ? "right" : "WRONG",
	       last_uc.uc_mcontext.__gregs[18], (long)last_uc.uc_mcontext.__gregs[19],
	       (long)last_uc.uc_mcontext.__gregs[28],
	       last_uc.uc_mcontext.__gregs[REG_A0] == (unsigned long)at ? "right" : "WRONG", result,
	       fp);
	memcpy(&fp, &last_uc.uc_mcontext.__fpregs.__d.__f[21], sizeof fp);
	printf("fs5 in the frame %g\n", fp);
	skip_bytes = 0;
}

/* A store that faults in the middle of a loop: the counter in the context says how far it came. */
NOINLINE static void loop(char *page)
{
	CATCH("loop", page, for (long i = 0; i < 10000; i++)((volatile char *)page)[i] = 1);
}

static void run_bytes(void *at) { ((void (*)(void))at)(); }

int main(void)
{
	static char room[65536];
	stack_t ss = { .ss_sp = room, .ss_size = sizeof room };
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("short", 0);
	char *file = mmap(NULL, 2 * 4096, PROT_READ, MAP_SHARED, fd, 0);
	unsigned *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigaltstack(&ss, NULL);
	on(SIGSEGV);
	on(SIGBUS);
	on(SIGILL);
	on(SIGTRAP);
	on(SIGFPE);
	mprotect(p + 4096, 4096, PROT_READ);
	munmap(p + 8192, 4096);
	CATCH("read null", NULL, *(volatile int *)16);
	CATCH("write null", NULL, *(volatile int *)24 = 1);
	CATCH("write read-only", p, p[4096 + 12] = 1);
	CATCH("read hole", p, *(volatile char *)(p + 8192));
	CATCH("straddle", p, *(volatile long *)(p + 8192 - 4));
	loop(p);
	exact((volatile int *)64);
	CATCH("bus", file, *(volatile char *)(file + 4096));
	code[0] = 0;
	CATCH("zero word", code, run_bytes(code));
	code[0] = 0xffffffff;
	__builtin___clear_cache((char *)code, (char *)(code + 1));
	CATCH("ones", code, run_bytes(code));
	CATCH("ebreak", last.si_addr, asm volatile("1: ebreak\nlla t0, 1b" ::: "t0"); puts("?"));
	CATCH("no exec", p, run_bytes(p));
	CATCH("jump to null", NULL, run_bytes(NULL));
	CATCH("jump to hole", p, run_bytes(p + 8192));
	CATCH("raise", NULL, raise(SIGFPE));
	CATCH("amo misaligned", p,
	      asm volatile("amoadd.w zero, zero, (%0)" ::"r"(p + 2)
			   : "memory"));
	CATCH("non-canonical", NULL, *(volatile int *)(1ul << 60));
	/* A fault inside a handler on the alternate stack, jumped out of, leaves it usable. */
	for (int i = 0; i < 3; i++)
		CATCH("again", p, p[4096] = 1);
	return 0;
}

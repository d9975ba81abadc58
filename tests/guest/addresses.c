/* guest: levels=O2 */
/*
 * Faults of accesses whose address an instruction before them has made, when only the fault can tell that its register was
 * written: all registers are as these instructions leave them, in code that runs for the first time and in hot loops.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { BAD = 0x1000, GOOD = 0x10000000, GOOD_BYTES = 0x4000 };

/* clang-format off */
#define REGS(OP)                                                                                     \
	OP(5) OP(6) OP(7) OP(9) OP(13) OP(14) OP(15) OP(16) OP(17) OP(18) OP(19) OP(20) OP(21) OP(22) \
	OP(23) OP(24) OP(25) OP(26) OP(27) OP(28) OP(29) OP(30) OP(31)
#define START(n) "li x" #n "," #n "\n"

/*
 * Each is a function of the rounds, GOOD and BAD: a loop of code, which has GOOD in s0, and in a1 until the last round and BAD
 * then. Registers that it reads before it writes them are as they were at the start: of number n, n.
 */
#define CASES(CASE)                                                                                  \
	CASE(indexed, "add x13,x14,a1\nld x13,0(x13)\n")                                             \
	CASE(own_index, "mv x13,x14\nadd x13,x13,a1\nld x13,0(x13)\n")                               \
	CASE(scaled, "slli x13,x14,3\nadd x13,x13,a1\nlw x13,0(x13)\n")                              \
	CASE(scaled_byte, "slli x13,x14,3\nadd x13,a1,x13\nlbu x13,0(x13)\n")                        \
	CASE(narrow, "slli x13,x14,32\nsrli x13,x13,29\nadd x13,x13,a1\nld x13,16(x13)\n")           \
	CASE(far, "lui x13,1\nadd x13,x13,a1\nsb x14,-8(x13)\nli x13,0\n")                           \
	CASE(near, "addi x13,a1,24\nsw x14,-8(x13)\nsd x15,8(x13)\nmv x13,x14\n")                    \
	CASE(last_ones, "slli x30,x28,2\nadd x30,x30,a1\nsw x29,0(x30)\nmv x30,x31\nadd x31,x27,x26\n" \
			"mv x31,x30\n")                                                              \
	CASE(pushed, "addi x24,a1,8\nadd x25,x25,x24\nsd x5,0(x25)\nli x25,25\nmv x24,x25\n")        \
	CASE(other_first, "add x13,x14,s0\nld x15,0(a1)\nld x13,0(x13)\n")                           \
	CASE(other_later, "add x13,x14,s0\nld x15,0(x13)\nld x16,8(x13)\nld x17,0(a1)\nmv x13,x14\n") \
	CASE(named_twice, "add x13,x14,a1\nmv x16,x13\nld x17,0(x16)\nmv x13,x14\nmv x16,x13\n")     \
	CASE(lost_operand, "mv x15,x14\nadd x13,x15,s0\nli x15,7\nld x16,0(x13)\nld x17,0(a1)\nmv x13,x14\n") \
	CASE(loaded_operand, "mv x15,x14\nadd x13,x15,s0\nld x15,0(x13)\nld x16,8(x13)\nld x17,0(a1)\n" \
			     "mv x13,x14\n")                                                         \
	CASE(two_sums, "add x13,x14,a1\nadd x15,x13,x16\nld x15,0(x15)\nmv x13,x14\n")               \
	CASE(both_used, "add x13,x14,a1\nsd x13,0(x13)\nmv x13,x14\n")                               \
	CASE(real_number, "slli x13,x14,3\nadd x13,x13,a1\nfld f1,0(x13)\nfsd f1,0(s0)\nmv x13,x14\n") \
	CASE(reserved, "add x13,x16,s0\nlw x15,0(x13)\nlr.w x17,(a1)\nmv x13,x14\n")                 \
	CASE(branched, "add x13,x14,a1\nld x15,0(x13)\nbltz x15,1b\nmv x13,x14\n")                   \
	CASE(many, "slli x13,x5,2\nslli x15,x6,2\nslli x16,x7,2\nslli x17,x9,2\nslli x18,x14,2\n"    \
		   "slli x19,x20,2\nslli x24,x21,2\nslli x25,x22,2\nslli x26,x23,2\nslli x27,x28,2\n" \
		   "add x13,x13,s0\nadd x15,x15,s0\nadd x16,x16,s0\nadd x17,x17,s0\nadd x18,x18,s0\n" \
		   "add x19,x19,s0\nadd x24,x24,s0\nadd x25,x25,s0\nadd x26,x26,a1\nadd x27,x27,s0\n" \
		   "lw x13,0(x13)\nlw x15,4(x15)\nlw x16,8(x16)\nlw x17,0(x17)\nlw x18,0(x18)\n"     \
		   "lw x19,0(x19)\nlw x24,0(x24)\nlw x25,0(x25)\nlw x26,0(x26)\nlw x27,0(x27)\n")  \
	CASE(turned, "mv x1,x31\nmv x31,x30\nmv x30,x29\nmv x29,x28\nmv x28,x27\n"  \
		      "mv x27,x26\nmv x26,x25\nmv x25,x24\nmv x24,x23\nmv x23,x22\n"  \
		      "mv x22,x21\nmv x21,x20\nmv x20,x19\nmv x19,x18\nmv x18,x17\n"  \
		      "mv x17,x16\nmv x16,x15\nmv x15,x14\nmv x14,x13\nmv x13,x9\n"  \
		      "mv x9,x7\nmv x7,x6\nmv x6,x5\nmv x5,x1\n"  \
		      "sd zero,0(a1)\n")
/* clang-format on */

#define DEFINE(name, code)                                                                         \
	void name(long rounds, void *good, void *bad);                                             \
	asm(".globl " #name "\n" #name ":\n mv s0,a1\n" REGS(START) "1: addi a0,a0,-1\n"           \
								    "bnez a0,2f\n mv a1,a2\n"      \
								    "2: " code "j 1b\n");
CASES(DEFINE)

static sigjmp_buf out;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	const __riscv_mc_gp_state *x = &((const ucontext_t *)context)->uc_mcontext.__gregs;

	(void)sig;
	printf(" at %#lx:", (unsigned long)(uintptr_t)info->si_addr);
#define SHOW(n)                                                                                    \
	if ((*x)[n] != (n))                                                                        \
		printf(" x%d %#lx", n, (unsigned long)(*x)[n]);
	REGS(SHOW)
	puts("");
	siglongjmp(out, 1);
}

static void run(const char *name, void (*code)(long, void *, void *), long rounds)
{
	printf("%s, %ld:", name, rounds);
	if (sigsetjmp(out, 1) == 0)
		code(rounds, (void *)(uintptr_t)GOOD, (void *)(uintptr_t)BAD);
}

int main(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	/* A loop is hot at 16,384 rounds (runtime/jit/jit_priv.h). */
	static const long counts[] = { 1, 17, 20000 };

	if (mmap((void *)(uintptr_t)GOOD, GOOD_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
	    == MAP_FAILED)
		return 1;
	sigaction(SIGSEGV, &fault, NULL);
	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
#define RUN(name, code) run(#name, name, counts[i]);
		CASES(RUN)
	}
	return 0;
}

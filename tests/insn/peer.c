/*
 * A riscv64 Linux program that runs the cases on its standard input (record.h): the
 * other opinion, under qemu, kitemu or on hardware.
 *
 * Each case is entered by returning from a signal handler with the case's registers in the
 * ucontext, and left by the signal that its last instruction raises; the handler then finds every
 * register, fcsr and the pc in the ucontext again. No library: the handler runs with garbage in
 * every register that a library would rely on (tp, gp).
 *
 * riscv64-linux-gnu-gcc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -msmall-data-limit=0
 */
#include "arch/rv64/abi.h"
#include "tests/insn/record.h"

enum {
	SYS_READ = 63,
	SYS_WRITE = 64,
	SYS_EXIT = 93,
	SYS_SIGALTSTACK = 132,
	SYS_SIGACTION = 134,
	SYS_MMAP = 222
};
enum { SIGILL_ = 4, SIGTRAP_ = 5, SIGBUS_ = 7, SIGSEGV_ = 11 };
enum { SA_SIGINFO_ = 4, SA_ONSTACK_ = 0x08000000, SA_NODEFER_ = 0x40000000 };
enum { PROT_RWX = 7, MAP_FIXED_ANON_PRIVATE = 0x32 };

static struct insn_input in[INSN_BATCH];
static struct insn_output out[INSN_BATCH];
static unsigned count, next; /* records in the batch; the one to run next */
static char stack[65536] __attribute__((aligned(16)));

static long sys(long n, long a, long b, long c, long d, long e, long f)
{
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;
	register long a7 __asm__("a7") = n;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
			 : "memory");
	return a0;
}

static _Noreturn void quit(int status)
{
	for (;;)
		sys(SYS_EXIT, status, 0, 0, 0, 0, 0);
}

/* GCC calls these for struct copies. */
void *memcpy(void *to, const void *from, unsigned long n)
{
	char *d = to;
	const char *s = from;

	while (n--)
		*d++ = *s++;
	return to;
}

void *memset(void *to, int c, unsigned long n)
{
	char *d = to;

	while (n--)
		*d++ = (char)c;
	return to;
}

static void read_batch(void)
{
	unsigned long got = 0;
	long n;

	while (got < sizeof in
	       && (n = sys(SYS_READ, 0, (long)((char *)in + got), (long)(sizeof in - got), 0, 0, 0))
		      > 0)
		got += (unsigned long)n;
	count = (unsigned)(got / sizeof in[0]);
	next = 0;
	if (count == 0)
		quit(0);
	for (unsigned k = 0; k < INSN_TEXT_BYTES / 2; k++)
		((unsigned short *)INSN_TEXT)[k] = INSN_C_EBREAK;
	for (unsigned k = 0; k < count; k++)
		memcpy((char *)INSN_CODE + k * INSN_SLOT, in[k].code, in[k].code_bytes);
	__asm__ volatile("fence.i" ::: "memory");
}

static void write_batch(void)
{
	unsigned long done = 0, all = count * sizeof out[0];
	long n;

	while (done < all) {
		n = sys(SYS_WRITE, 1, (long)((char *)out + done), (long)(all - done), 0, 0, 0);
		if (n <= 0)
			quit(2);
		done += (unsigned long)n;
	}
}

static unsigned stop_of(int sig)
{
	switch (sig) {
	case SIGTRAP_:
		return INSN_STOP_BREAK;
	case SIGILL_:
		return INSN_STOP_ILLEGAL;
	case SIGSEGV_:
		return INSN_STOP_SEGV;
	case SIGBUS_:
		return INSN_STOP_BUS;
	default:
		return INSN_STOP_OTHER;
	}
}

static void save(const struct rv64_ucontext *uc, struct insn_output *o, int sig,
		 const uint64_t *info)
{
	o->x[0] = 0;
	for (int k = 1; k < 32; k++)
		o->x[k] = uc->mc.x[k - 1];
	for (int k = 0; k < 32; k++)
		o->f[k] = uc->mc.fp.d.f[k];
	o->pc = uc->mc.pc;
	o->fcsr = uc->mc.fp.d.fcsr & 0xff;
	o->stop = stop_of(sig);
	o->fault_addr = o->stop == INSN_STOP_SEGV || o->stop == INSN_STOP_BUS ? info[2] : 0;
	memcpy(o->mem, (const void *)(unsigned long)INSN_MEM, INSN_WINDOW);
}

static void load(struct rv64_ucontext *uc, const struct insn_input *i, unsigned slot)
{
	for (int k = 1; k < 32; k++)
		uc->mc.x[k - 1] = i->x[k];
	for (int k = 0; k < 32; k++)
		uc->mc.fp.d.f[k] = i->f[k];
	uc->mc.fp.d.fcsr = i->fcsr;
	uc->mc.pc = INSN_CODE + (uint64_t)slot * INSN_SLOT;
	memcpy((void *)(unsigned long)INSN_MEM, i->mem, INSN_WINDOW);
}

static void handler(int sig, const uint64_t *info, struct rv64_ucontext *uc)
{
	int scratch;

	if (count) {
		save(uc, &out[next], sig, info);
		next++;
	}
	if (next == count) {
		if (count)
			write_batch();
		read_batch();
	}
	load(uc, &in[next], next);
	/* A reservation that the last case left must not help the next one. */
	__asm__ volatile("sc.w zero, zero, (%0)" ::"r"(&scratch) : "memory");
}

static void run(void)
{
	static const int signals[] = { SIGILL_, SIGTRAP_, SIGBUS_, SIGSEGV_ };
	struct rv64_sigaction sa = { (uint64_t)handler, SA_SIGINFO_ | SA_ONSTACK_ | SA_NODEFER_,
				     0 };
	struct rv64_stack ss = { (uint64_t)stack, 0, 0, sizeof stack };

	if (sys(SYS_MMAP, INSN_PAGE, INSN_PAGE_BYTES, 3, MAP_FIXED_ANON_PRIVATE, -1, 0)
	    != INSN_PAGE)
		quit(3);
	if (sys(SYS_MMAP, INSN_TEXT, INSN_TEXT_BYTES, PROT_RWX, MAP_FIXED_ANON_PRIVATE, -1, 0)
	    != INSN_TEXT)
		quit(3);
	if (sys(SYS_SIGALTSTACK, (long)&ss, 0, 0, 0, 0, 0) != 0)
		quit(4);
	for (unsigned k = 0; k < sizeof signals / sizeof signals[0]; k++)
		if (sys(SYS_SIGACTION, signals[k], (long)&sa, 0, 8, 0, 0) != 0)
			quit(5);
	__asm__ volatile("ebreak");
	quit(6);
}

__attribute__((naked, noreturn)) void _start(void)
{
	__asm__ volatile("andi sp, sp, -16\n\tcall %0" ::"i"(run));
}

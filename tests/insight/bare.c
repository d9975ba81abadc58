/* Without libc, so that every emulator runs the same instructions: loops, recursion, branches over little, faults, system calls. */
static long call(long n, long a, long b, long c, long d)
{
	register long r7 __asm__("a7") = n, r0 __asm__("a0") = a, r1 __asm__("a1") = b;
	register long r2 __asm__("a2") = c, r3 __asm__("a3") = d;

	__asm__ volatile("ecall" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3) : "memory");
	return r0;
}

static unsigned char composite[20000];

static unsigned sieve(unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 2; i < n; i++) {
		if (composite[i])
			continue;
		count++;
		for (unsigned k = i * 2; k < n; k += i)
			composite[k] = 1;
	}
	return count;
}

static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static int less(int a, int b) { return a < b ? a : b; }

enum { NR_WRITE = 64, NR_EXIT = 93, NR_SIGACTION = 134, SIGSEGV = 11, SA_SIGINFO = 4, UC_PC = 176 };

static unsigned faults;

/* Goes on behind the instruction, which has 4 bytes. */
static void skip(int sig, void *info, char *uc)
{
	(void)sig, (void)info;
	faults++;
	*(unsigned long *)(void *)(uc + UC_PC) += 4;
}

static long touch(long *p, long i)
{
	long sum = i, v = 0;

	__asm__ volatile(
	    ".option push\n.option norvc\n"
	    "addi %0, %0, 1\nxori %0, %0, 3\nld %1, 0(%2)\nadd %0, %0, %1\nslli %0, %0, 1\n"
	    "sd %0, 8(%2)\naddi %0, %0, 5\n.option pop"
	    : "+r"(sum), "+r"(v)
	    : "r"(p)
	    : "memory");
	return sum;
}

void _start(void)
{
	struct {
		void (*handler)(int, void *, char *);
		unsigned long flags, mask;
	} action = { skip, SA_SIGINFO, 0 };
	static long place[2];
	unsigned sum = sieve(sizeof composite) + (unsigned)fib(18);

	for (int i = 0; i < 3000; i++)
		sum += (unsigned)less(i % 7, (int)(sum % 5));
	for (int i = 0; i < 50; i++)
		call(NR_WRITE, 1, (long)"x", 1, 0);
	call(NR_SIGACTION, SIGSEGV, (long)&action, 0, 8);
	/* Hot with and without faults. */
	for (int i = 0; i < 12000; i++)
		sum += (unsigned)touch(i % 400 ? place : 0, i);
	call(NR_EXIT, (sum + faults) & 63, 0, 0, 0);
	__builtin_unreachable();
}

/* guest: levels=O2 */
/*
 * Calls of memcpy and memmove with a length that stands in the code: all lengths up to 40, at ends of pages, with and
 * without overlap, and with faults in the middle. What they do is what the same functions do when they are called through a
 * pointer with a length that nobody knows.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/guest/guest.h"

enum { PAGE = 4096, MOST = 40, AROUND = 64, EDGE = 192, SEEN = 6 * EDGE };

typedef void *copy_fn(void *, const void *, size_t);
typedef void known_fn(void *, const void *);

static copy_fn *volatile any[] = { memcpy, memmove };

#ifdef __riscv
#define CALL(function, n)                                                                          \
	static void function##_##n(void *to, const void *from)                                     \
	{                                                                                          \
		register void *a0 asm("a0") = to;                                                  \
		register const void *a1 asm("a1") = from;                                          \
                                                                                                   \
		asm volatile("li a2," #n "\n call " #function                                      \
			     : "+r"(a0), "+r"(a1)                                                  \
			     :                                                                     \
			     : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a2", "a3", "a4",   \
			       "a5", "a6", "a7", "memory");                                        \
	}
#else
#define CALL(function, n)                                                                          \
	static void function##_##n(void *to, const void *from)                                     \
	{                                                                                          \
		(any[0] == function ? any[0] : any[1])(to, from, n);                               \
	}
#endif

/* clang-format off */
#define ALL(OP, f)                                                                                 \
	OP(f, 0) OP(f, 1) OP(f, 2) OP(f, 3) OP(f, 4) OP(f, 5) OP(f, 6) OP(f, 7) OP(f, 8) OP(f, 9)  \
	OP(f, 10) OP(f, 11) OP(f, 12) OP(f, 13) OP(f, 14) OP(f, 15) OP(f, 16) OP(f, 17) OP(f, 18)  \
	OP(f, 19) OP(f, 20) OP(f, 21) OP(f, 22) OP(f, 23) OP(f, 24) OP(f, 25) OP(f, 26) OP(f, 27)  \
	OP(f, 28) OP(f, 29) OP(f, 30) OP(f, 31) OP(f, 32) OP(f, 33) OP(f, 34) OP(f, 35) OP(f, 36)  \
	OP(f, 37) OP(f, 38) OP(f, 39) OP(f, 40)
/* clang-format on */

ALL(CALL, memcpy)
ALL(CALL, memmove)

#define ENTRY(function, n) function##_##n,

static known_fn *const known[2][MOST + 1] = { { ALL(ENTRY, memcpy) }, { ALL(ENTRY, memmove) } };

static unsigned char *page; /* three pages, what lies around them cannot be accessed */
static unsigned char before[SEEN], after[SEEN];
static sigjmp_buf out;
static void *volatile fault_at;
static unsigned long checks;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_at = info->si_addr;
	siglongjmp(out, 1);
}

/* The bytes that copies are near to: those around the ends of pages. */
static unsigned char *near(int n)
{
	int edge = (n + EDGE) / (2 * EDGE);

	return page + edge * PAGE + (n + EDGE) % (2 * EDGE) - EDGE;
}

static void fill(void)
{
	static unsigned char pattern[EDGE];

	for (int k = 0; !pattern[1] && k < EDGE; k++)
		pattern[k] = (unsigned char)(k * 7);
	for (int i = 0; i < SEEN; i += EDGE) {
		memcpy(near(i), pattern, EDGE);
		*near(i) = (unsigned char)i;
	}
}

static void look(unsigned char *mem)
{
	for (int i = 0; i < SEEN; i += EDGE)
		memcpy(mem + i, near(i), EDGE);
}

/* One copy; what is in memory then, and where it faulted. */
static void *run(int function, int is_known, long to, long from, int n, unsigned char *mem)
{
	fill();
	fault_at = NULL;
	if (sigsetjmp(out, 1) == 0) {
		if (is_known)
			known[function][n](page + to, page + from);
		else
			any[function](page + to, page + from, (size_t)n);
	}
	look(mem);
	return fault_at;
}

static void check(int function, long to, long from, int n)
{
	void *a = run(function, 0, to, from, n, before);
	void *b = run(function, 1, to, from, n, after);

	checks++;
	if (a == b && memcmp(before, after, sizeof before) == 0)
		return;
	printf("%s: %d bytes from %ld to %ld differ\n", function ? "memmove" : "memcpy", n, from,
	       to);
	exit(1);
}

static void all(long to, long from)
{
	for (int function = 0; function < 2; function++)
		for (int n = 0; n <= MOST; n++)
			check(function, to, from, n);
}

/* Hot: regions have them too. */
static void often(void)
{
	for (int k = 0; k < 20000; k++)
		for (int n = 0; n <= MOST; n += 8) {
			known[k & 1][n](page + PAGE - 20 + k % 40, page + AROUND + k % 7);
			known[1][n](page + PAGE + AROUND + k % 9, page + PAGE + AROUND + k % 5);
		}
}

int main(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	unsigned char *p = mmap(NULL, 5 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	page = p + PAGE;
	mprotect(page, 3 * PAGE, PROT_READ | PROT_WRITE);
	for (long from = AROUND; from < AROUND + 9; from += 4)
		for (long d = -MOST - 1; d <= MOST + 1; d += 5)
			all(from + d, from);
	often();
	for (long d = 0; d <= MOST; d += 5)
		all(PAGE - d, 2 * PAGE + d);
	sigaction(SIGSEGV, &fault, NULL);
	for (long d = 1; d <= MOST; d += 7) {
		all(3 * PAGE - d, AROUND); /* the end of what is written */
		all(AROUND, 3 * PAGE - d); /* ... and read */
		all(-d, AROUND);           /* the start */
		all(AROUND, -d);
	}
	printf("%lu checks\n", checks);
	return 0;
}

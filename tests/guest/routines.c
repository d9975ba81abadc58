/* guest: levels=O2 timeout=120 args=few */
/*
 * libc's memory and string functions against loops that say what they do: alignments, lengths, overlaps, ends of
 * pages with nothing behind. With "few" not all of them. With "faults": what a handler sees of accesses that fault in them, and what
 * was written by then, as a number for each function.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/guest/guest.h"

enum { PAGE = 4096, PAGES = 4, ROOM = PAGES * PAGE, BIG = 3 << 20 };

/* Called through these, lest the compiler know what they do. */
static void *(*volatile f_memcpy)(void *, const void *, size_t) = memcpy;
static void *(*volatile f_memmove)(void *, const void *, size_t) = memmove;
static void *(*volatile f_memset)(void *, int, size_t) = memset;
static void *(*volatile f_memchr)(const void *, int, size_t) = memchr;
static void *(*volatile f_memrchr)(const void *, int, size_t) = memrchr;
static int (*volatile f_memcmp)(const void *, const void *, size_t) = memcmp;
static size_t (*volatile f_strlen)(const char *) = strlen;
static size_t (*volatile f_strnlen)(const char *, size_t) = strnlen;
static char *(*volatile f_strchr)(const char *, int) = strchr;
static char *(*volatile f_strrchr)(const char *, int) = strrchr;
static char *(*volatile f_strchrnul)(const char *, int) = strchrnul;
static int (*volatile f_strcmp)(const char *, const char *) = strcmp;
static int (*volatile f_strncmp)(const char *, const char *, size_t) = strncmp;
static char *(*volatile f_strcpy)(char *, const char *) = strcpy;
static char *(*volatile f_stpcpy)(char *, const char *) = stpcpy;
static char *(*volatile f_strncpy)(char *, const char *, size_t) = strncpy;
static char *(*volatile f_strcat)(char *, const char *) = strcat;

static unsigned char *x, *y; /* ROOM bytes each, with nothing before and behind */
static unsigned char *big;
static unsigned char want[BIG + 64];
static unsigned long checks;
static const char *now;

static void check(int ok, const char *what, long p, long q, long n)
{
	checks++;
	if (!ok) {
		printf("%s: %s at %ld, %ld, length %ld\n", now, what, p, q, n);
		exit(1);
	}
}

static unsigned char *room(size_t n)
{
	unsigned char *p = mmap(NULL, n + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + PAGE, n, PROT_READ | PROT_WRITE)) {
		perror("mmap");
		exit(1);
	}
	return p + PAGE;
}

/* Bytes other than 0, by their place. */
static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((i * 7 + seed + (i >> 6)) % 251 + 1);
}

static int same(const volatile unsigned char *p, const volatile unsigned char *q, size_t n)
{
	while (n--)
		if (*p++ != *q++)
			return 0;
	return 1;
}

static int all(const volatile unsigned char *p, unsigned char c, size_t n)
{
	while (n--)
		if (*p++ != c)
			return 0;
	return 1;
}

static size_t step = 1;
static size_t next(size_t n) { return n < 135 ? n + step : n + step + n / 12; }

/*
 * Places for n bytes: at an alignment in the middle of a page, across the end of one, and up to
 * the end of all.
 */
enum { PLACES = 10 };
static size_t place(unsigned k, size_t n)
{
	static const size_t align[] = { 0, 1, 7, 15, 24, 31 };

	if (k < 6)
		return PAGE + 256 + align[k];
	switch (k) {
	case 6:
		return 2 * PAGE - n / 2;
	case 7:
		return 2 * PAGE - 1;
	case 8:
		return ROOM - n;
	default:
		return 2 * PAGE - 31;
	}
}

static void clear(unsigned char *p, size_t n)
{
	for (volatile unsigned char *q = p; q < p + n; q++)
		*q = 0xee;
}

static void copies(void)
{
	now = "memcpy, memmove";
	for (size_t n = 0; n < 420; n = next(n))
		for (unsigned i = 0; i < PLACES; i++)
			for (unsigned k = n & 1; k < PLACES; k += 2) {
				size_t s = place(i, n), d = place(k, n), before = 40;
				size_t behind = d + n + before < ROOM ? before : ROOM - d - n;
				void *r;

				fill(x + s, n, (unsigned)n);
				clear(y + d - before, before + n + behind);
				r = n & 2 ? f_memmove(y + d, x + s, n) : f_memcpy(y + d, x + s, n);
				check(r == y + d, "result", (long)s, (long)d, (long)n);
				check(same(y + d, x + s, n), "bytes", (long)s, (long)d, (long)n);
				check(all(y + d - before, 0xee, before)
					  && all(y + d + n, 0xee, behind),
				      "beyond", (long)s, (long)d, (long)n);
			}
}

static void moves(void)
{
	static const int apart[] = { 0,  1,  2,  3,  5,  7,   8,   15,  16,  17,  31,
				     32, 33, 63, 64, 65, 100, 128, 200, 300, 4000 };

	now = "memmove within";
	for (size_t n = 0; n < 420; n = next(n))
		for (unsigned k = 0; k < 2 * sizeof apart / sizeof *apart; k++) {
			long by = k & 1 ? apart[k / 2] : -apart[k / 2];
			size_t s = k & 2 ? 2 * PAGE - n / 2 : PAGE + 1000 + n % 33,
			       d = s + (size_t)by;

			fill(x, ROOM, (unsigned)n);
			fill(want, ROOM, (unsigned)n);
			for (size_t i = 0; i < n; i++)
				want[d + i] = x[s + i];
			f_memmove(x + d, x + s, n);
			check(same(x + d - 64, want + d - 64, n + 128), "bytes", (long)s, by,
			      (long)n);
		}
}

static void sets(void)
{
	now = "memset";
	for (size_t n = 0; n < 600; n = next(n))
		for (unsigned k = 0; k < PLACES; k++) {
			size_t d = place(k, n), before = 40;
			size_t behind = d + n + before < ROOM ? before : ROOM - d - n;

			clear(y + d - before, before + n + behind);
			check(f_memset(y + d, (int)(n + 256 * k), n) == y + d, "result", 0, (long)d,
			      (long)n);
			check(all(y + d, (unsigned char)n, n), "bytes", 0, (long)d, (long)n);
			check(all(y + d - before, 0xee, before) && all(y + d + n, 0xee, behind),
			      "beyond", 0, (long)d, (long)n);
		}
}

/* Where the searched byte is put, of n bytes: nowhere, or at i. */
static void search_at(unsigned char *p, size_t n, size_t i, long s)
{
	size_t behind = p + n < x + ROOM;
	unsigned char *end = p + n;

	p[-1] = 0;
	if (behind)
		*end = 0;
	if (i < n)
		p[i] = 0;
	check(f_memchr(p, 0x100, n) == (i < n ? p + i : NULL), "memchr", s, (long)i, (long)n);
	check(f_memrchr(p, 0, n) == (i < n ? p + i : NULL), "memrchr", s, (long)i, (long)n);
	check(f_strnlen((char *)p, n) == (i < n ? i : n), "strnlen", s, (long)i, (long)n);
	if (i < n || behind) {
		size_t len = i < n ? i : n;
		int c = p[len / 2];

		check(f_memchr(p, 0, SIZE_MAX) == p + len, "memchr of all", s, (long)i, (long)n);
		check(f_strnlen((char *)p, SIZE_MAX) == len, "strnlen of all", s, (long)i, (long)n);
		check(f_strlen((char *)p) == len, "strlen", s, (long)i, (long)n);
		check(f_strchrnul((char *)p, 0xfc) == (char *)p + len, "strchrnul", s, (long)i,
		      (long)n);
		check(f_strchr((char *)p, 0xfc) == NULL, "strchr", s, (long)i, (long)n);
		check(f_strchr((char *)p, 0) == (char *)p + len, "strchr of 0", s, (long)i,
		      (long)n);
		p[len / 2] = len ? 0xfd : 0;
		check(f_strchr((char *)p, len ? 0x1fd : 0) == (char *)p + len / 2, "strchr found",
		      s, (long)i, (long)n);
		check(f_strchrnul((char *)p, 0xfd) == (char *)p + len / 2, "strchrnul found", s,
		      (long)i, (long)n);
		check(f_strrchr((char *)p, len ? 0xfd : 0) == (char *)p + len / 2, "strrchr", s,
		      (long)i, (long)n);
		p[len / 2] = (unsigned char)c;
	}
	if (i < n)
		p[i] = 0x11;
}

static void searches(void)
{
	now = "searches";
	for (size_t n = 0; n < 420; n = next(n))
		for (unsigned k = 0; k < PLACES; k++) {
			size_t s = place(k, n);

			fill(x + s, n, (unsigned)(n + k));
			search_at(x + s, n, n, (long)s);
			if (n) {
				search_at(x + s, n, 0, (long)s);
				search_at(x + s, n, n - 1, (long)s);
				search_at(x + s, n, rnd() % n, (long)s);
			}
		}
}

/* n equal bytes that are not 0, then a and b, then the strings' ends: words may be read ahead, if not beyond those. */
static void compare_at(unsigned char *p, unsigned char *q, size_t n, int a, int b)
{
	int diff = a - b;

	p[n] = (unsigned char)a;
	q[n] = (unsigned char)b;
	p[n + 1] = q[n + 1] = 0;
	check(f_memcmp(p, q, n) == 0, "memcmp", p - x, q - y, (long)n);
	check(f_memcmp(p, q, n + 1) == diff, "memcmp of all", p - x, q - y, (long)n);
	check(f_strncmp((char *)p, (char *)q, n) == 0, "strncmp", p - x, q - y, (long)n);
	check(f_strncmp((char *)p, (char *)q, n + 1) == diff, "strncmp of more", p - x, q - y,
	      (long)n);
	if (diff || !a) {
		check(f_strcmp((char *)p, (char *)q) == diff, "strcmp", p - x, q - y, (long)n);
		check(f_strncmp((char *)p, (char *)q, SIZE_MAX) == diff, "strncmp of all", p - x,
		      q - y, (long)n);
	}
}

static void compares(void)
{
	now = "compares";
	for (size_t n = 0; n < 420; n = next(n))
		for (unsigned i = 0; i < PLACES; i++)
			for (unsigned k = n & 1; k < PLACES; k += 2) {
				unsigned char *p = x + place(i, n + 2), *q = y + place(k, n + 2);

				fill(p, n, (unsigned)n);
				fill(q, n, (unsigned)n);
				compare_at(p, q, n, 0, 0);
				compare_at(p, q, n, 1, 255);
				compare_at(p, q, n, 200, 100);
				compare_at(p, q, n, 0, 7);
				compare_at(p, q, n, 7, 0);
			}
}

static void strings(void)
{
	now = "strings";
	for (size_t n = 0; n < 300; n = next(n))
		for (unsigned i = 0; i < PLACES; i++)
			for (unsigned k = n & 1; k < PLACES; k += 2) {
				size_t s = place(i, n + 1), d = place(k, n + 1);
				char *p = (char *)x + s, *q = (char *)y + d;

				fill(x + s, n, (unsigned)n);
				p[n] = 0;
				clear(y + d, n + 1);
				check(f_strcpy(q, p) == q && same(y + d, x + s, n + 1), "strcpy",
				      (long)s, (long)d, (long)n);
				clear(y + d, n + 1);
				check(f_stpcpy(q, p) == q + n && same(y + d, x + s, n + 1),
				      "stpcpy", (long)s, (long)d, (long)n);
				clear(y + d, n + 1);
				check(f_strncpy(q, p, n / 2 + 1) == q
					  && same(y + d, x + s, n / 2 + 1),
				      "strncpy", (long)s, (long)d, (long)n);
				q[n / 2] = 0;
				p[n - n / 2] = 0;
				f_strcat(q, p);
				check(same((unsigned char *)q + n / 2, x + s, n - n / 2 + 1),
				      "strcat", (long)s, (long)d, (long)n);
			}
}

/* Lengths at which a routine may take another way. */
static void long_ones(void)
{
	static const size_t sizes[] = { 2047, 2048, 2049,  4095,  4096,   4097,       8191,
					8192, 9999, 65535, 65536, 200000, 1000 << 10, 1 << 20 };

	now = "long ones";
	for (unsigned k = 0; k < (step > 1 ? 5 : sizeof sizes / sizeof *sizes); k++)
		for (unsigned off = 0; off < 64; off += 21) {
			size_t n = sizes[k];
			unsigned char *p = big + off, *q = big + BIG - n - off % 3;

			fill(p, n, k);
			check(f_memcpy(q, p, n) == q && same(p, q, n), "memcpy", off, 0, (long)n);
			check(f_memcmp(q, p, n) == 0, "memcmp", off, 0, (long)n);
			for (size_t i = 0; i < n; i++)
				want[i] = p[i];
			f_memmove(p + 33, p, n);
			check(same(p + 33, want, n), "up", off, 0, (long)n);
			f_memmove(p + 2, p + 33, n);
			check(same(p + 2, want, n), "down", off, 0, (long)n);
			check(f_memcmp(q, p + 2, n) == 0, "memcmp", off, 0, (long)n);
			f_memset(p, 0x55, n);
			check(all(p, 0x55, n) && p[n] != 0x55, "memset", off, 0, (long)n);
			p[n] = 0;
			check(f_strlen((char *)p) == n, "strlen", off, 0, (long)n);
			check(f_memchr(p, 0, n + 1) == p + n, "memchr", off, 0, (long)n);
		}
}

/* ---- faults --------------------------------------------------------------------------------------- */

#ifdef __riscv
enum what {
	MEMCPY,
	MEMMOVE,
	MEMSET,
	MEMCHR,
	MEMRCHR,
	MEMCMP,
	STRLEN,
	STRNLEN,
	STRCHR,
	STRCHRNUL,
	STRCMP,
	STRNCMP,
	STRCPY,
	STPCPY,
	WHATS
};

static sigjmp_buf out;
static uint64_t seen, faults;

/* A register as it is wherever the kernel put things. */
static uint64_t relative(uint64_t v, const char *stack)
{
	if (v - (uintptr_t)x < ROOM + PAGE)
		return v - (uintptr_t)x;
	if (v - (uintptr_t)y < ROOM + PAGE)
		return v - (uintptr_t)y + (1 << 20);
	if (v - (uintptr_t)stack + (1 << 16) < 1 << 17)
		return 1 << 21;
	return v;
}

static void handler(int sig, siginfo_t *si, void *p)
{
	const ucontext_t *uc = p;

	seen = hash_u64(seen, (uint64_t)si->si_code);
	seen = hash_u64(seen, relative((uintptr_t)si->si_addr, p));
	for (int r = 0; r < 32; r++)
		if (r != 3 && r != 4) /* gp is pc here */
			seen = hash_u64(seen, relative(uc->uc_mcontext.__gregs[r], p));
	faults++;
	siglongjmp(out, 1);
}

/* What a function leaves in registers that it need not preserve is nobody's business: here they are always the same. */
static uint64_t call(enum what w, unsigned char *a, unsigned char *b, size_t n)
{
	static void *const function[WHATS] = { memcpy, memmove, memset,  memchr, memrchr,
					       memcmp, strlen,  strnlen, strchr, strchrnul,
					       strcmp, strncmp, strcpy,  stpcpy };
	bool has_char = w == MEMSET || w == MEMCHR || w == MEMRCHR || w == STRCHR || w == STRCHRNUL;
	register uintptr_t a0 __asm__("a0") = (uintptr_t)a;
	register uintptr_t a1 __asm__("a1") = has_char ? 0xff : w == STRNLEN ? n : (uintptr_t)b;
	register uintptr_t a2 __asm__("a2") = n;
	register void *f __asm__("s2") = function[w];

	__asm__ volatile(
	    "li a3, 3; li a4, 4; li a5, 5; li a6, 6; li a7, 7; li t0, 10; li t1, 11; li t2, 12\n"
	    "li t3, 13; li t4, 14; li t5, 15; li t6, 16; jalr %3"
	    : "+r"(a0), "+r"(a1), "+r"(a2)
	    : "r"(f)
	    : "memory", "ra", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5",
	      "t6");
	return relative(a0, (const char *)__builtin_frame_address(0));
}

static void attempt(enum what w, unsigned char *a, unsigned char *b, size_t n)
{
	if (sigsetjmp(out, 1) == 0)
		seen = hash_u64(seen, call(w, a, b, n));
	seen = hash_bytes(hash_bytes(seen, x + ROOM - 700, 700), y + ROOM - 700, 700);
	seen = hash_bytes(hash_bytes(seen, x + PAGE - 700, 1400), y + PAGE - 700, 1400);
}

static void refill(void)
{
	for (size_t i = 0; i < ROOM; i++) {
		x[i] = (unsigned char)(i % 200 + 1);
		y[i] = (unsigned char)(i % 200 + 1);
	}
}

static void faulting(enum what w)
{
	/* Up to, and beyond, the end of a; of b; of both; from before their start. */
	for (size_t n = 1; n < 600; n += 1 + n / 4)
		for (long beyond = 1; beyond < 40; beyond += 1 + beyond / 2) {
			size_t m = n + (size_t)beyond;

			refill();
			attempt(w, x + ROOM - n, y + ROOM / 2, m);
			refill();
			attempt(w, x + ROOM / 2, y + ROOM - n, m);
			attempt(w, x + ROOM - n, y + ROOM - n - 3, m);
			refill();
			attempt(w, x - beyond, y + PAGE, m);
			attempt(w, x + PAGE, y - beyond, m);
			/* Within one room: overlaps that run out of it. */
			attempt(w, x + ROOM - n - 5, x + ROOM - n, m);
			refill();
			attempt(w, x + ROOM - n, x + ROOM - n - 5, m);
		}
}

/* The first page of x may only be read, then only its second. */
static void read_only(enum what w)
{
	for (unsigned page = 0; page < 2; page++) {
		refill();
		mprotect(x + page * PAGE, PAGE, PROT_READ);
		for (size_t n = 8; n < 900; n += 1 + n / 2)
			for (size_t over = 0; over < n; over += 1 + n / 4) {
				attempt(w, x + PAGE - over, y + 2 * PAGE, n);
				attempt(w, x + PAGE - over, x + PAGE - over + 9, n);
				attempt(w, x + PAGE - over + 9, x + PAGE - over, n);
			}
		attempt(w, x + 10, y + 10, 3 * PAGE - 20);
		mprotect(x + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
	}
}

static void fault_all(void)
{
	static const char *const name[WHATS] = { "memcpy",  "memmove",   "memset", "memchr",
						 "memrchr", "memcmp",    "strlen", "strnlen",
						 "strchr",  "strchrnul", "strcmp", "strncmp",
						 "strcpy",  "stpcpy" };
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	for (enum what w = 0; w < WHATS; w++) {
		seen = HASH_START;
		faults = 0;
		faulting(w);
		read_only(w);
		printf("%s: %lu faults, %016lx\n", name[w], (unsigned long)faults,
		       (unsigned long)seen);
	}
}
#else
static void fault_all(void) {}
#endif

int main(int argc, char **argv)
{
	x = room(ROOM);
	y = room(ROOM);
	big = room(BIG);
	if (argc > 1 && !strcmp(argv[1], "faults")) {
		fault_all();
		return 0;
	}
	if (argc > 1)
		step = 41;
	copies();
	moves();
	sets();
	searches();
	compares();
	strings();
	long_ones();
	printf("%lu checks\n", checks);
	return 0;
}

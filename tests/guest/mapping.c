/* guest: peer=no */
/* mmap, mprotect, mremap, munmap, brk, shared files: what is where, and what is in it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { PAGE = 4096, N = 16 };

static sigjmp_buf out;
static void handler(int sig) { siglongjmp(out, sig); }

/* One letter a page: w writable, r readable, - neither. */
static void pages(const char *what, volatile char *p, int n)
{
	volatile char map[64] = "";

	for (volatile int i = 0; i < n; i++) {
		map[i] = '-';
		if (sigsetjmp(out, 1) == 0) {
			char c = p[i * PAGE];

			map[i] = 'r';
			p[i * PAGE] = c;
			map[i] = 'w';
		}
	}
	printf("%s: %s\n", what, (char *)map);
}

static void *anon(size_t n)
{
	return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void test_protections(void)
{
	char *p = anon(N * PAGE);

	pages("fresh", p, N);
	mprotect(p + 2 * PAGE, 3 * PAGE, PROT_READ);
	mprotect(p + 8 * PAGE, PAGE, PROT_NONE);
	mprotect(p + 10 * PAGE, 2 * PAGE, PROT_WRITE);
	pages("mprotect", p, N);
	munmap(p + 6 * PAGE, PAGE);
	munmap(p + 14 * PAGE, PAGE);
	pages("munmap", p, N);
	int r = mprotect(p + 5 * PAGE, 4 * PAGE, PROT_READ);
	printf("mprotect over a hole: %d %s\n", r, errno == ENOMEM ? "ENOMEM" : "?");
	pages("up to the hole", p, N);
	mmap(p + 6 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	pages("MAP_FIXED", p, N);
	void *q = mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		       -1, 0);
	printf("NOREPLACE: %s\n", q == MAP_FAILED && errno == EEXIST ? "EEXIST" : "?");
	q = mmap(p + 14 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		 -1, 0);
	printf("NOREPLACE in the hole: %d\n", q == p + 14 * PAGE);
	munmap(p, N * PAGE);
	pages("gone", p, N);
}

static void test_remap(void)
{
	char *p = anon(4 * PAGE), *q, *r;
	uint64_t h = HASH_START;

	for (int i = 0; i < 4 * PAGE; i++)
		p[i] = (char)(i * 7);
	q = mremap(p, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	h = hash_bytes(h, q, 64 * PAGE);
	printf("grown: %016lx\n", (unsigned long)h);
	r = mremap(q, 64 * PAGE, 2 * PAGE, 0);
	printf("shrunk in place: %d\n", r == q);
	pages("rest", q, 4);
	char *room = anon(8 * PAGE);
	r = mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 3 * PAGE);
	printf("fixed: %d, first bytes %d %d\n", r == room + 3 * PAGE, r[1], r[PAGE + 1]);
	pages("old place", q, 2);
	munmap(room, 8 * PAGE);
}

static void test_files(void)
{
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char buf[16] = "";

	if (ftruncate(fd, 3 * PAGE + 100))
		exit(1);
	char *s = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *o = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	memcpy(s + 2 * PAGE, "shared", 7);
	printf("seen: %s %s\n", p + 2 * PAGE, o);
	memcpy(p + 2 * PAGE, "private", 8);
	printf("copied: %s %s %s\n", s + 2 * PAGE, p + 2 * PAGE, o);
	msync(s, 4 * PAGE, MS_SYNC);
	pread(fd, buf, 7, 2 * PAGE);
	printf("in the file: %s\n", buf);
	pwrite(fd, "written", 8, 2 * PAGE);
	printf("write shows: %s %s\n", o, p + 2 * PAGE);
	if (!fork()) {
		memcpy(s + PAGE, "child", 6);
		memcpy(p + PAGE, "child", 6);
		_exit(0);
	}
	wait(NULL);
	printf("child wrote: '%s' '%s'\n", s + PAGE, p + PAGE);
	void *bad = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100);
	printf("odd offset: %s\n", bad == MAP_FAILED && errno == EINVAL ? "EINVAL" : "?");
	bad = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 99, 0);
	printf("no file: %s\n", bad == MAP_FAILED && errno == EBADF ? "EBADF" : "?");
	int ro = open("mapped", O_RDONLY);
	bad = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0);
	printf("read-only file: %s\n", bad == MAP_FAILED && errno == EACCES ? "EACCES" : "?");
	bad = mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("no length: %s\n", bad == MAP_FAILED && errno == EINVAL ? "EINVAL" : "?");
	close(fd);
}

static void test_advice(void)
{
	char *p = anon(4 * PAGE);
	unsigned char in[4];

	memset(p, 'x', 4 * PAGE);
	madvise(p + PAGE, PAGE, MADV_DONTNEED);
	printf("DONTNEED: %d %d %d\n", p[0], p[PAGE], p[2 * PAGE]);
	munmap(p + 2 * PAGE, PAGE);
	int r = mincore(p, PAGE, in);
	printf("mincore: %d %d\n", r, in[0] & 1);
	r = mincore(p, 4 * PAGE, in);
	printf("mincore hole: %d %s\n", r, errno == ENOMEM ? "ENOMEM" : "?");
}

static void test_brk(void)
{
	char *b = sbrk(0), *c;

	c = sbrk(10 * PAGE);
	printf("sbrk: %d\n", c == b);
	memset(b, 1, 10 * PAGE);
	sbrk(-10 * PAGE);
	printf("back: %d\n", sbrk(0) == b);
	c = sbrk(10 * PAGE);
	int sum = 0;
	for (int i = 0; i < 10 * PAGE; i++)
		sum += b[PAGE + i % (9 * PAGE)];
	printf("fresh again: %d\n", sum);
}

int main(void)
{
	signal(SIGSEGV, handler);
	signal(SIGBUS, handler);
	test_protections();
	test_remap();
	test_files();
	test_advice();
	test_brk();
	/* A terabyte that is only reserved costs nothing. */
	char *huge =
	    mmap(NULL, 1ul << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	printf("reserved: %d\n", huge != MAP_FAILED);
	mprotect(huge + (1ul << 39), PAGE, PROT_READ | PROT_WRITE);
	huge[1ul << 39] = 5;
	printf("committed: %d\n", huge[1ul << 39]);
	return 0;
}

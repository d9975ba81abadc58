/* guest: levels=O0,O2 peer=no */
/* Code written at run time: made, changed, moved, aliased, freed; with fence.i, the system call, and mprotect. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/guest.h"

#define ADDI(rd, rs, imm) (((imm)&0xfff) << 20 | (rs) << 15 | (rd) << 7 | 0x13)
#define RET               0x00008067u
#define LI_A0(v)          ADDI(10, 0, v)
#define JAL_ZERO(off)                                                                              \
	(((off) >> 20 & 1) << 31 | ((off) >> 1 & 0x3ff) << 21 | ((off) >> 11 & 1) << 20            \
	 | ((off) >> 12 & 0xff) << 12 | 0x6f)

typedef long fn(long);

static void flush(void *p, size_t n) { __builtin___clear_cache((char *)p, (char *)p + n); }

static unsigned *room(int prot)
{
	unsigned *p = mmap(NULL, 8192, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

static void test_rewrite(void)
{
	unsigned *p = room(PROT_READ | PROT_WRITE | PROT_EXEC);
	long sum = 0;

	for (int i = 0; i < 300; i++) {
		p[0] = LI_A0(i);
		p[1] = RET;
		flush(p, 8);
		sum += ((fn *)p)(0);
	}
	printf("rewritten: %ld\n", sum);
	/* Data beside the code: writing it changes nothing. */
	sum = 0;
	for (int i = 0; i < 1000; i++) {
		p[100 + i % 50] = (unsigned)i;
		sum += ((fn *)p)(0) + (long)p[100 + i % 50];
	}
	printf("data beside: %ld\n", sum);
}

static void test_protect(void)
{
	unsigned *p = room(PROT_READ | PROT_WRITE);
	long sum = 0;

	for (int i = 0; i < 50; i++) {
		mprotect(p, 4096, PROT_READ | PROT_WRITE);
		p[0] = ADDI(10, 10, i);
		p[1] = RET;
		mprotect(p, 4096, PROT_READ | PROT_EXEC);
		syscall(SYS_riscv_flush_icache, p, p + 2, 0);
		sum += ((fn *)p)(1000);
	}
	printf("W^X: %ld\n", sum);
}

static void test_alias(void)
{
	int fd = memfd_create("code", 0);
	unsigned *w, *x;
	long sum = 0;

	if (ftruncate(fd, 4096))
		exit(1);
	w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	x = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	for (int i = 0; i < 50; i++) {
		w[0] = ADDI(10, 10, 2 * i);
		w[1] = RET;
		flush(x, 8);
		sum += ((fn *)x)(1);
	}
	printf("aliased: %ld\n", sum);
	for (int i = 0; i < 20; i++) { /* by write(2) into the file */
		unsigned code[2] = { LI_A0(i), RET };

		pwrite(fd, code, sizeof code, 0);
		flush(x, 8);
		sum += ((fn *)x)(0);
	}
	printf("by pwrite: %ld\n", sum);
}

static void test_read_into(void)
{
	unsigned *p = room(PROT_READ | PROT_WRITE | PROT_EXEC);
	int ends[2];
	long sum = 0;

	if (pipe(ends))
		exit(1);
	for (int i = 0; i < 20; i++) { /* the kernel writes over code that has run */
		unsigned code[2] = { LI_A0(i + 1), RET };

		if (write(ends[1], code, 8) != 8 || read(ends[0], p, 8) != 8)
			exit(1);
		flush(p, 8);
		sum += ((fn *)p)(0);
	}
	printf("read into code: %ld\n", sum);
}

static void test_remap(void)
{
	unsigned *p = room(PROT_READ | PROT_WRITE | PROT_EXEC);
	long sum = 0;

	for (int i = 0; i < 30; i++) { /* another mapping at the same address */
		munmap(p, 8192);
		if (mmap(p, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
		    != p)
			exit(1);
		p[0] = LI_A0(i * 3);
		p[1] = RET;
		flush(p, 8);
		sum += ((fn *)p)(0);
	}
	printf("mapped anew: %ld\n", sum);
	unsigned *q =
	    mremap(p, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, room(PROT_READ | PROT_WRITE));
	printf("moved: %ld\n", ((fn *)q)(0));
}

/* Code that changes the next instruction of its own block, then runs it behind a fence.i. */
static void test_own(void)
{
	unsigned *p = room(PROT_READ | PROT_WRITE | PROT_EXEC);

	/* li a0, 5; sw a1 over the next but one; fence.i; addi a0, a0, 1 -> 64; ret */
	p[0] = LI_A0(5);
	p[1] = 0x00000297; /* auipc t0, 0 */
	p[2] = 0x00b2a623; /* sw a1, 12(t0) */
	p[3] = 0x0000100f; /* fence.i */
	p[4] = ADDI(10, 10, 1);
	p[5] = RET;
	flush(p, 24);
	for (int i = 0; i < 3; i++)
		printf("own block: %ld\n",
		       ((long (*)(long, long))p)(0, (long)ADDI(10, 10, 64 + i)));
}

/* Many small functions, chained by jumps that are then turned round. */
static void test_chain(void)
{
	unsigned *p = room(PROT_READ | PROT_WRITE | PROT_EXEC);
	long sum = 0;

	for (int i = 0; i < 100; i++) {
		p[4 * i] = ADDI(10, 10, i);
		p[4 * i + 1] = i == 99 ? RET : JAL_ZERO(12u);
	}
	flush(p, 1600);
	for (int i = 0; i < 100; i++)
		sum += ((fn *)p)(0);
	for (int i = 0; i < 99; i++) {
		p[4 * i + 1] = RET;
		flush(p + 4 * i + 1, 4);
		sum += ((fn *)p)(0);
		p[4 * i + 1] = JAL_ZERO(12u);
		flush(p + 4 * i + 1, 4);
	}
	printf("chain: %ld\n", sum);
}

int main(void)
{
	test_rewrite();
	test_protect();
	test_alias();
	test_read_into();
	test_remap();
	test_own();
	test_chain();
	return 0;
}

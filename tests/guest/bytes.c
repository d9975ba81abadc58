/* guest: levels=O2 */
/*
 * Numbers read, written and copied byte by byte, often enough to be translated, where the memory ends
 * in between: which byte faults, what was written before it, and that all is well afterwards. Then the same
 * stores into code that has run. In assembly, since the order of accesses is the compiler's choice.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, RUNS = 60 };

static sigjmp_buf back;
static char *volatile fault_at;

static void on_segv(int sig, siginfo_t *info, void *uc)
{
	fault_at = info->si_addr;
	siglongjmp(back, 1);
}

#define TEMPS "t1", "t3", "t4", "t5", "memory"

__attribute__((noinline)) static void put_little(unsigned char *p, uint32_t v)
{
	__asm__ volatile("sb %1, 0(%0)\n srliw t1, %1, 8\n sb t1, 1(%0)\n srliw t3, %1, 16\n"
			 "sb t3, 2(%0)\n srliw t4, %1, 24\n sb t4, 3(%0)"
			 :
			 : "r"(p), "r"(v)
			 : TEMPS);
}

__attribute__((noinline)) static void put_big(unsigned char *p, uint32_t v)
{
	__asm__ volatile("srliw t1, %1, 24\n srliw t3, %1, 16\n srliw t4, %1, 8\n"
			 "sb t1, 0(%0)\n sb t3, 1(%0)\n sb t4, 2(%0)\n sb %1, 3(%0)"
			 :
			 : "r"(p), "r"(v)
			 : TEMPS);
}

/* From the last byte to the first. */
__attribute__((noinline)) static void put_down(unsigned char *p, uint32_t v)
{
	__asm__ volatile("srliw t1, %1, 24\n srliw t3, %1, 16\n srliw t4, %1, 8\n"
			 "sb t1, 3(%0)\n sb t3, 2(%0)\n sb t4, 1(%0)\n sb %1, 0(%0)"
			 :
			 : "r"(p), "r"(v)
			 : TEMPS);
}

static uint32_t got;

__attribute__((noinline)) static void get_little(unsigned char *p, uint32_t v)
{
	uint64_t x;

	__asm__ volatile("lbu t1, 1(%1)\n lbu %0, 0(%1)\n lbu t3, 3(%1)\n lbu t4, 2(%1)\n"
			 "slli t1, t1, 8\n or %0, %0, t1\n slli t4, t4, 16\n or %0, %0, t4\n"
			 "slli t3, t3, 24\n or %0, %0, t3"
			 : "=&r"(x)
			 : "r"(p)
			 : TEMPS);
	got = (uint32_t)x;
}

__attribute__((noinline)) static void get_big(unsigned char *p, uint32_t v)
{
	uint64_t x;

	__asm__ volatile("lbu %0, 0(%1)\n lbu t1, 1(%1)\n lbu t4, 2(%1)\n lbu t3, 3(%1)\n"
			 "slliw %0, %0, 24\n slliw t1, t1, 16\n or %0, %0, t1\n slliw t4, t4, 8\n"
			 "or %0, %0, t3\n or %0, %0, t4"
			 : "=&r"(x)
			 : "r"(p)
			 : TEMPS);
	got = (uint32_t)x;
}

static unsigned char source[4] = { 0xa1, 0xa2, 0xa3, 0xa4 };

__attribute__((noinline)) static void copy(unsigned char *p, uint32_t v)
{
	__asm__ volatile("lbu t1, 0(%1)\n lbu t3, 1(%1)\n lbu t4, 2(%1)\n lbu t5, 3(%1)\n"
			 "sb t3, 1(%0)\n sb t1, 0(%0)\n sb t4, 2(%0)\n sb t5, 3(%0)"
			 :
			 : "r"(p), "r"(source)
			 : TEMPS);
}

/* What happens with n of four bytes in the page: the same each time, and the same when they are four again. */
static void try(const char *name, void (*f)(unsigned char *, uint32_t), unsigned char *end)
{
	for (volatile unsigned n = 0; n <= 4; n++) {
		unsigned char first[4], elsewhere[4] = { 0 }, *p = end - n;
		uint32_t first_got = 0;
		long first_at = -1;

		for (volatile unsigned k = 0; k < RUNS; k++) {
			long at = -1;

			memset(end - 8, 0x55, 8);
			got = 0;
			if (n == 4 && f != copy)
				memcpy(p, source, 4);
			if (sigsetjmp(back, 1) == 0)
				f(p, 0x44332211);
			else
				at = fault_at - (char *)p;
			if (k == 0) {
				first_at = at;
				memcpy(first, end - 4, 4);
				first_got = got;
			} else if (at != first_at || memcmp(first, end - 4, 4) != 0) {
				printf("%s %u: run %u differs: at %ld\n", name, n, k, at);
				break;
			}
			f(elsewhere, 0); /* fine, in between */
		}
		printf("%s %u: fault at %ld, end %02x%02x%02x%02x, got %#x\n", name, n, first_at,
		       first[0], first[1], first[2], first[3], first_got);
	}
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	unsigned char *m =
	    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long sum = 0;

	mprotect(m + PAGE, PAGE, PROT_NONE);
	sigaction(SIGSEGV, &sa, NULL);
	try("put_little", put_little, m + PAGE);
	try("put_big", put_big, m + PAGE);
	try("put_down", put_down, m + PAGE);
	try("get_little", get_little, m + PAGE);
	try("get_big", get_big, m + PAGE);
	try("copy", copy, m + PAGE);
	for (unsigned k = 0; k < 200; k++) {
		int (*f)(void) = (int (*)(void))code;

		put_little(code, 0x00000513 | k << 20); /* li a0, k */
		put_little(code + 4, 0x00008067);       /* ret */
		__builtin___clear_cache((char *)code, (char *)code + 8);
		for (volatile unsigned n = 0; n < 20; n++)
			sum += f();
	}
	printf("code: %ld\n", sum);
	return 0;
}

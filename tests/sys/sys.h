/*
 * For programs of the sys suite: one check a line, and system calls made without libc.
 *
 * A program prints "ok WHAT" or "not ok WHAT: values" for each check, and ends with status 0 when all
 * hold. It holds on a native kernel too: the runner builds and runs it natively first.
 */
#ifndef TESTS_SYS_H
#define TESTS_SYS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int bad_checks;

static inline int check(int ok, const char *what, const char *file, int line)
{
	int e = errno;

	printf("%s %s", ok ? "ok" : "not ok", what);
	if (!ok) {
		printf(" (%s:%d, errno %d %s)", file, line, e, strerror(e));
		bad_checks++;
	}
	putchar('\n');
	errno = e;
	return ok;
}

/* Puts "return v" at that place, which may be executed, calls it n times and gives the sum: v must be from 0 to 127. */
static inline long run_code(void *place, int v, int n)
{
	long sum = 0;
#if defined(__riscv)
	unsigned code[2] = { (unsigned)v << 20 | 0x513, 0x8067 };
#elif defined(__aarch64__)
	unsigned code[2] = { 0x52800000 | (unsigned)v << 5, 0xd65f03c0 };
#else
	unsigned char code[8] = { 0xb8, (unsigned char)v, 0, 0, 0, 0xc3 };
#endif

	memcpy(place, code, sizeof code);
	__builtin___clear_cache((char *)place, (char *)place + sizeof code);
	while (n--)
		sum += ((int (*)(void))place)();
	return sum;
}

#define CHECK(cond) check(!!(cond), #cond, __FILE__, __LINE__)
/* value, computed once, equals expected */
#define EQ(value, expected)                                                                        \
	do {                                                                                       \
		long long v_ = (long long)(value), e_ = (long long)(expected);                     \
                                                                                                   \
		if (!check(v_ == e_, #value " == " #expected, __FILE__, __LINE__))                 \
			printf("  is %lld (0x%llx), expected %lld\n", v_, v_, e_);                 \
	} while (0)
/* The call fails with that error. */
#define FAILS(call, err)                                                                           \
	do {                                                                                       \
		long long r_;                                                                      \
                                                                                                   \
		errno = 0;                                                                         \
		r_ = (long long)(call);                                                            \
		if (!check(r_ == -1 && errno == (err), #call " fails with " #err, __FILE__,        \
			   __LINE__))                                                              \
			printf("  result %lld\n", r_);                                             \
	} while (0)

static inline int done(void)
{
	fflush(stdout);
	return bad_checks != 0;
}

/*
 * A system call with the registers just so: result or -errno. The numbers of riscv64 and of the host come from the
 * same names.
 */
static inline long raw6(long nr, unsigned long a, unsigned long b, unsigned long c, unsigned long d,
			unsigned long e, unsigned long f)
{
#if defined(__riscv)
	register unsigned long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c,
				  a3 __asm__("a3") = d, a4 __asm__("a4") = e, a5 __asm__("a5") = f;
	register long a7 __asm__("a7") = nr;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7)
			 : "memory");
	return (long)a0;
#else
	long r = syscall(nr, a, b, c, d, e, f);

	return r == -1 ? -errno : r;
#endif
}

#define RAW_PICK(a, b, c, d, e, f, ...)                                                            \
	(unsigned long)(a), (unsigned long)(b), (unsigned long)(c), (unsigned long)(d),            \
	    (unsigned long)(e), (unsigned long)(f)
#define RAW(nr, ...) raw6(nr, RAW_PICK(__VA_ARGS__ __VA_OPT__(, ) 0, 0, 0, 0, 0, 0, 0))

/* An int argument with garbage in the register's high half. */
#define G(x) ((unsigned long)(uint32_t)(x) | 0xdeadbeef00000000ul)

/* Runs fn in a child; its exit status, or -signal. */
static inline int in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(fn());
	if (waitpid(pid, &status, 0) != pid)
		return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif

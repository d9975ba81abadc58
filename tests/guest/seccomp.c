/* guest: levels=O2 emulated=exec */
/* seccomp: filters over system calls, their actions, over fork, threads and execve. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __riscv
enum { ARCH = AUDIT_ARCH_RISCV64 };
#else
enum { ARCH = AUDIT_ARCH_X86_64 };
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(x)      BPF_STMT(BPF_RET | BPF_K, x)

static int seccomp(unsigned op, unsigned flags, void *arg)
{
	return (int)syscall(SYS_seccomp, op, flags, arg);
}

/* A filter that gives one call an answer and allows the others. */
static int filter_call(long nr, unsigned answer, unsigned flags)
{
	struct sock_filter f[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		RET(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		RET(answer),
		RET(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof f / sizeof *f, f };

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}

static void no_new_privs(void) { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

/* Runs a test in a child and tells how it ended. */
static void in_child(const char *name, void (*test)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		no_new_privs();
		test();
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: signal %d\n", name, WTERMSIG(status));
	else
		printf("%s: exit %d\n", name, WEXITSTATUS(status));
}

static void test_errno(void)
{
	printf("mode %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	printf("install %d\n", filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EBUSY, 0));
	printf("mode %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	errno = 0;
	printf("getppid %ld", syscall(SYS_getppid));
	printf(" %s\n", strerror(errno));
	/* A second one: the stricter answer counts, of equals the newer one's. */
	filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EDOM, 0);
	syscall(SYS_getppid);
	printf("newer %s\n", strerror(errno));
	filter_call(SYS_getppid, SECCOMP_RET_ALLOW, 0);
	syscall(SYS_getppid);
	printf("still %s\n", strerror(errno));
	filter_call(SYS_getppid, SECCOMP_RET_ERRNO | 0xffff, 0);
	syscall(SYS_getppid);
	printf("most %d\n", errno);
}

static void test_kill(void)
{
	filter_call(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0);
	syscall(SYS_getppid);
}

static void test_kill_thread(void)
{
	filter_call(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
	syscall(SYS_getppid);
}

static void *call_it(void *arg)
{
	syscall(SYS_getppid);
	return arg;
}

static void *filter_and_call(void *arg)
{
	filter_call(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
	syscall(SYS_getppid);
	_exit(9);
	return arg;
}

/* The filter is the thread's alone; main goes on. */
static void test_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, filter_and_call, NULL);
	pthread_join(t, NULL);
	printf("main goes on, getppid %d\n", getppid() > 0);
}

static int errno_in_thread;

static void *wait_and_call(void *arg)
{
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	errno = 0;
	syscall(SYS_getppid);
	errno_in_thread = errno;
	return NULL;
}

static void test_tsync(void)
{
	pthread_barrier_t b;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 2);
	pthread_create(&t, NULL, wait_and_call, &b);
	pthread_barrier_wait(&b);
	printf("tsync %d\n",
	       filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC));
	pthread_barrier_wait(&b);
	pthread_join(t, NULL);
	printf("thread %s\n", strerror(errno_in_thread));
}

static void on_sigsys(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	printf("signal %d code %d reason %d call %d arch %d address %d\n", sig, info->si_code,
	       info->si_errno, info->si_syscall == SYS_getppid, info->si_arch == ARCH,
	       info->si_call_addr != NULL);
}

static void test_trap(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &sa, NULL);
	filter_call(SYS_getppid, SECCOMP_RET_TRAP | 77, 0);
	syscall(SYS_getppid);
	printf("after the trap\n");
	signal(SIGSYS, SIG_IGN);
	fflush(stdout);
	syscall(SYS_getppid);
}

static void test_trace(void)
{
	filter_call(SYS_getppid, SECCOMP_RET_TRACE, 0);
	errno = 0;
	printf("trace %ld", syscall(SYS_getppid));
	printf(" %s\n", strerror(errno));
	filter_call(SYS_getppid, SECCOMP_RET_LOG, 0);
}

/* Arguments, arithmetic, memory, jumps on all sides. */
static void test_program(void)
{
	struct sock_filter f[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup, 1, 0),
		RET(SECCOMP_RET_ALLOW),
		LOAD(args[0]),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 5),
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog p = { sizeof f / sizeof *f, f };

	printf("prctl %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));
	for (int fd = 2; fd < 7; fd++) {
		errno = 0;
		syscall(SYS_dup, fd);
		printf("dup %d errno %d\n", fd, errno);
	}
}

static void test_strict(void)
{
	printf("strict\n");
	fflush(stdout);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	if (write(1, "writes\n", 7) == 7)
		syscall(SYS_getppid);
}

static void test_bad(void)
{
	struct sock_filter no_ret[] = { LOAD(nr) },
			   far[] = { BPF_STMT(BPF_JMP | BPF_JA, 1), RET(0) },
			   odd[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET(0) },
			   unset[] = { BPF_STMT(BPF_LD | BPF_MEM, 2), RET(0) },
			   packet[] = { BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET(0) },
			   zero[] = { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(0) };
	struct sock_fprog p[] = { { 1, no_ret }, { 2, far },  { 2, odd }, { 2, unset },
				  { 2, packet }, { 2, zero }, { 0, far }, { 2, NULL } };
	unsigned action = SECCOMP_RET_ERRNO, bogus = 0x12340000;

	for (unsigned i = 0; i < sizeof p / sizeof *p; i++) {
		errno = 0;
		printf("bad %u: %d", i, seccomp(SECCOMP_SET_MODE_FILTER, 0, &p[i]));
		printf(" %s\n", strerror(errno));
	}
	printf("flags %d", seccomp(SECCOMP_SET_MODE_FILTER, 1u << 20, &p[0]));
	printf(" %s\n", strerror(errno));
	printf("available %d %d\n", seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action),
	       seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &bogus));
	printf("mode %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

static char *self;

static void test_exec(void)
{
	char *argv[] = { self, "again", NULL };

	filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EBUSY, 0);
	filter_call(SYS_getpgid, SECCOMP_RET_ERRNO | EDOM, 0);
	fflush(stdout);
	execv(self, argv);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1) {
		syscall(SYS_getppid);
		printf("executed: getppid %s", strerror(errno));
		syscall(SYS_getpgid, 0);
		printf(", getpgid %s, mode %d\n", strerror(errno),
		       prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
		return 3;
	}
	in_child("errno", test_errno);
	in_child("kill", test_kill);
	in_child("kill thread", test_kill_thread);
	in_child("thread", test_thread);
	in_child("tsync", test_tsync);
	in_child("trap", test_trap);
	in_child("trace", test_trace);
	in_child("program", test_program);
	in_child("strict", test_strict);
	in_child("bad", test_bad);
	in_child("exec", test_exec);
	return 0;
}

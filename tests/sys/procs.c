/* Processes: identity, children and their status, clone, limits, priorities, names, machine. */
#include "tests/sys/sys.h"

#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>

static void test_identity(void)
{
	uid_t r, e, s;
	gid_t g[64];
	struct utsname u;
	char name[17] = "", domain[16];
	unsigned cpu = 9999, node;

	EQ(RAW(SYS_getpid), getpid());
	EQ(RAW(SYS_gettid), getpid());
	EQ(RAW(SYS_getppid), getppid());
	EQ(getresuid(&r, &e, &s), 0);
	CHECK(r == getuid() && e == geteuid());
	CHECK(getgroups(64, g) >= 0);
	EQ(setfsuid(-1), geteuid());
	EQ(setuid(getuid()), 0);
	EQ(uname(&u), 0);
	CHECK(!strcmp(u.sysname, "Linux"));
	FAILS(uname((void *)8), EFAULT);
	EQ(prctl(PR_SET_NAME, "short name here and more"), 0);
	EQ(prctl(PR_GET_NAME, name), 0);
	CHECK(!strcmp(name, "short name here"));
	EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
	EQ(prctl(PR_GET_DUMPABLE), 1);
	FAILS(prctl(12345, 0, 0, 0, 0), EINVAL);
	EQ(RAW(SYS_getcpu, &cpu, &node, 0), 0);
	CHECK(cpu < 4096);
	EQ(getpgid(0), getpgrp());
	CHECK(getsid(0) > 0);
	FAILS(getpgid(999999999), ESRCH);
	FAILS(setpgid(999999999, 0), ESRCH);
	CHECK(personality(0xffffffff) >= 0);
	EQ(RAW(SYS_set_tid_address, &cpu), getpid());
	EQ(getrandom(domain, sizeof domain, GRND_NONBLOCK), sizeof domain);
	FAILS(getrandom(domain, 4, 0x1000), EINVAL);
	FAILS(getrandom((void *)8, 4, 0), EFAULT);
}

static void test_limits(void)
{
	struct rlimit l, old;
	struct rusage ru;
	struct sysinfo si;
	struct tms t;
	cpu_set_t set;
	struct sched_param sp;

	EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	l = old;
	l.rlim_cur = 300;
	EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	EQ(prlimit(0, RLIMIT_NOFILE, &old, &l), 0);
	EQ(l.rlim_cur, 300);
	EQ(sysconf(_SC_OPEN_MAX), old.rlim_cur);
	FAILS(getrlimit(99, &l), EINVAL);
	l.rlim_cur = 10;
	l.rlim_max = 5;
	FAILS(setrlimit(RLIMIT_CORE, &l), EINVAL);
	EQ(getrusage(RUSAGE_SELF, &ru), 0);
	CHECK(ru.ru_maxrss > 0);
	EQ(sysinfo(&si), 0);
	CHECK(si.totalram > 0 && si.procs > 0 && si.mem_unit > 0);
	CHECK(times(&t) > 0);
	EQ(sched_getaffinity(0, sizeof set, &set), 0);
	CHECK(CPU_COUNT(&set) > 0);
	EQ(sched_setaffinity(0, sizeof set, &set), 0);
	EQ(sched_yield(), 0);
	EQ(sched_getscheduler(0), SCHED_OTHER);
	EQ(sched_getparam(0, &sp), 0);
	EQ(sched_get_priority_max(SCHED_FIFO), 99);
	errno = 0;
	int nice_now = getpriority(PRIO_PROCESS, 0);
	EQ(errno, 0);
	EQ(setpriority(PRIO_PROCESS, 0, nice_now + 1), 0);
	EQ(getpriority(PRIO_PROCESS, 0), nice_now + 1);
}

static int exit_code;
static int leave(void) { return exit_code; }
static int die(void)
{
	raise(exit_code);
	return 99;
}

static void test_wait(void)
{
	struct rusage ru;
	siginfo_t si = { 0 };
	int status;
	pid_t pid;

	for (exit_code = 0; exit_code < 256; exit_code += 85)
		EQ(in_child(leave), exit_code);
	exit_code = SIGKILL;
	EQ(in_child(die), -SIGKILL);
	exit_code = SIGSEGV;
	EQ(in_child(die), -SIGSEGV);
	exit_code = SIGTERM;
	EQ(in_child(die), -SIGTERM);
	FAILS(wait(NULL), ECHILD);
	pid = fork();
	if (!pid) {
		for (volatile int i = 0; i < 3000000; i++)
			;
		_exit(3);
	}
	EQ(wait4(pid, &status, 0, &ru), pid);
	EQ(WEXITSTATUS(status), 3);
	CHECK(ru.ru_utime.tv_sec || ru.ru_utime.tv_usec || ru.ru_stime.tv_usec);
	pid = fork();
	if (!pid)
		pause();
	EQ(waitpid(pid, &status, WNOHANG), 0);
	FAILS(waitid(P_PID, 999999999, &si, WEXITED), ECHILD);
	FAILS(waitid(P_PID, (id_t)pid, &si, 0), EINVAL);
	EQ(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG), 0);
	EQ(si.si_pid, 0);
	EQ(kill(pid, 0), 0);
	kill(pid, SIGINT);
	EQ(waitid(P_ALL, 0, &si, WEXITED), 0);
	CHECK(si.si_pid == pid && si.si_code == CLD_KILLED && si.si_status == SIGINT);
	FAILS(kill(pid, 0), ESRCH);
	FAILS(kill(getpid(), 99), EINVAL);
}

static void test_pidfd(void)
{
	struct pollfd p = { .events = POLLIN };
	siginfo_t si;
	pid_t pid = fork();

	if (!pid)
		pause();
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	CHECK(p.fd >= 0);
	EQ(poll(&p, 1, 0), 0);
	EQ(syscall(SYS_pidfd_send_signal, p.fd, SIGTERM, NULL, 0), 0);
	EQ(poll(&p, 1, 5000), 1);
	EQ(waitid(3 /* P_PIDFD */, (id_t)p.fd, &si, WEXITED), 0);
	EQ(si.si_status, SIGTERM);
	close(p.fd);
}

#if defined(__x86_64__)
#define CLONE(flags, stack, ptid, tls, ctid) RAW(SYS_clone, flags, stack, ptid, ctid, tls)
#else
#define CLONE(flags, stack, ptid, tls, ctid) RAW(SYS_clone, flags, stack, ptid, tls, ctid)
#endif

static void test_clone(void)
{
	static pid_t parent_tid, child_tid;
	struct clone_args ca = { .flags = CLONE_CHILD_SETTID | CLONE_PARENT_SETTID,
				 .exit_signal = SIGCHLD,
				 .child_tid = (uint64_t)&child_tid,
				 .parent_tid = (uint64_t)&parent_tid };
	int status, fd = -1;
	long pid;
	sigset_t set;

	fflush(stdout);
	pid = CLONE(CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD, 0, &parent_tid, 0,
		    &child_tid);
	if (!pid)
		_exit(child_tid == RAW(SYS_gettid) ? 1 : 2);
	EQ(parent_tid, pid);
	EQ(child_tid, 0); /* was written in the child's copy */
	EQ(waitpid((pid_t)pid, &status, 0), pid);
	EQ(WEXITSTATUS(status), 1);
	/* Another signal at the end, and none: such children are waited for with __WALL. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = CLONE(SIGUSR1, 0, 0, 0, 0);
	if (!pid)
		_exit(5);
	FAILS(waitpid((pid_t)pid, &status, 0), ECHILD);
	EQ(waitpid((pid_t)pid, &status, __WALL), pid);
	EQ(WEXITSTATUS(status), 5);
	sigpending(&set);
	CHECK(sigismember(&set, SIGUSR1));
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	pid = CLONE(CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
	if (!pid)
		_exit(6);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
	EQ(waitpid((pid_t)pid, &status, 0), pid);
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	pid = CLONE(CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
	if (!pid) {
		usleep(30000);
		_exit(7);
	}
	clock_gettime(CLOCK_MONOTONIC, &to); /* the parent has waited for its end */
	CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 30);
	EQ(waitpid((pid_t)pid, &status, 0), pid);
	EQ(WEXITSTATUS(status), 7);
	parent_tid = 0;
	pid = RAW(SYS_clone3, &ca, sizeof ca);
	if (!pid)
		_exit(child_tid == RAW(SYS_gettid) ? 8 : 9);
	EQ(parent_tid, pid);
	EQ(waitpid((pid_t)pid, &status, 0), pid);
	EQ(WEXITSTATUS(status), 8);
	EQ(RAW(SYS_clone3, &ca, 10), -EINVAL);
	EQ(RAW(SYS_clone3, 8, sizeof ca), -EFAULT);
	EQ(RAW(SYS_clone3, &ca, 100000), -E2BIG);
	EQ(CLONE(CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), -EINVAL);
	EQ(CLONE(CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), -EINVAL);
}

/* A process may be given an id that is free; then it is. */
static void test_chosen_ids(void)
{
	pid_t ids[40], status;
	struct clone_args ca = { .exit_signal = SIGCHLD,
				 .set_tid = (uint64_t)ids,
				 .set_tid_size = 1 };
	long pid, again;

	fflush(stdout);
	for (int how = 0; how < 2; how++) {
		ca.flags = how ? CLONE_PARENT_SETTID : 0;
		ids[0] = fork();
		if (!ids[0])
			_exit(0);
		waitpid(ids[0], &status, 0);
		pid = RAW(SYS_clone3, &ca, sizeof ca);
		if (!pid)
			_exit(getpid() == ids[0] ? 11 : 12);
		EQ(pid, ids[0]);
		if (pid > 0) {
			again = RAW(SYS_clone3, &ca, sizeof ca);
			if (!again)
				_exit(0);
			EQ(again, -EEXIST);
			EQ(waitpid((pid_t)pid, &status, 0), pid);
			EQ(WEXITSTATUS(status), 11);
		}
	}
	ca.set_tid_size = 33;
	EQ(RAW(SYS_clone3, &ca, sizeof ca), -EINVAL);
	ca.set_tid_size = 0;
	EQ(RAW(SYS_clone3, &ca, sizeof ca), -EINVAL);
	ca.set_tid_size = 1;
	ca.set_tid = 0;
	EQ(RAW(SYS_clone3, &ca, sizeof ca), -EINVAL);
	ca.set_tid = 8;
	EQ(RAW(SYS_clone3, &ca, sizeof ca), -EFAULT);
	ca = (struct clone_args){ .flags = 0x200000000 /* CLONE_INTO_CGROUP */,
				  .exit_signal = SIGCHLD,
				  .cgroup = 999 };
	EQ(RAW(SYS_clone3, &ca, sizeof ca), -EBADF);
	EQ(RAW(SYS_clone3, &ca, 80), -EINVAL); /* without the descriptor */
	ca.cgroup = 1ul << 31;
	EQ(RAW(SYS_clone3, &ca, sizeof ca), -EINVAL);
}

/* clone3 with a stack: the child runs fn there and ends. */
long clone3_on_stack(struct clone_args *ca, size_t size, void (*fn)(void));
#if defined(__riscv)
asm(".globl clone3_on_stack\nclone3_on_stack:\n\t"
    "mv a5, a2\n\tli a7, 435\n\tecall\n\tbeqz a0, 1f\n\tret\n"
    "1:\tjalr a5\n\tli a0, 0\n\tli a7, 93\n\tecall\n");
#elif defined(__aarch64__)
asm(".globl clone3_on_stack\nclone3_on_stack:\n\t"
    "mov x9, x2\n\tmov x8, 435\n\tsvc 0\n\tcbz x0, 1f\n\tret\n"
    "1:\tblr x9\n\tmov x0, 0\n\tmov x8, 93\n\tsvc 0\n");
#else
asm(".globl clone3_on_stack\nclone3_on_stack:\n\t"
    "mov %rdx, %r9\n\tmov $435, %eax\n\tsyscall\n\ttest %eax, %eax\n\tjz 1f\n\tret\n"
    "1:\tcall *%r9\n\txor %edi, %edi\n\tmov $60, %eax\n\tsyscall\n");
#endif

static volatile pid_t own_id;
static pid_t cleared;

static void note_id(void) { own_id = (pid_t)RAW(SYS_gettid); }

/* So may a thread. */
static void test_chosen_thread_ids(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t id;
	int status;
	struct clone_args ca = { .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND
					  | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID
					  | CLONE_PARENT_SETTID,
				 .stack = (uint64_t)stack,
				 .stack_size = sizeof stack,
				 .child_tid = (uint64_t)&cleared,
				 .parent_tid = (uint64_t)&cleared,
				 .set_tid = (uint64_t)&id,
				 .set_tid_size = 1 };

	for (int round = 0; round < 3; round++) {
		id = fork();
		if (!id)
			_exit(0);
		waitpid(id, &status, 0);
		own_id = 0;
		EQ(clone3_on_stack(&ca, sizeof ca, note_id), id);
		while (__atomic_load_n(&cleared, __ATOMIC_ACQUIRE))
			usleep(100);
		EQ(own_id, id);
	}
	id = getpid();
	EQ(clone3_on_stack(&ca, sizeof ca, note_id), -EEXIST);
	id = 0;
	EQ(clone3_on_stack(&ca, sizeof ca, note_id), -EINVAL);
	/* libc's own threads are as before. */
	EQ(pthread_create(&(pthread_t){ 0 }, NULL, (void *(*)(void *))note_id, NULL), 0);
}

int main(void)
{
	test_identity();
	test_limits();
	test_wait();
	test_pidfd();
	test_clone();
	test_chosen_ids();
	test_chosen_thread_ids();
	return done();
}

/*
 * clone with CLONE_VM and neither CLONE_VFORK nor CLONE_THREAD: a process that shares memory and runs beside its parent. No
 * stdio and no malloc in the children, which share libc's state with their parent as well.
 */
#include "tests/sys/sys.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { STACK = 64 << 10, MANY = 24 };

static atomic_int turn, sum, ready;
static int a_pipe[2];

/* A child that runs fn(arg) on a stack of its own; its pid or -errno. The stack is lost. */
static long child(int flags, int (*fn)(void *), void *arg, int *ptid, int *ctid)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int pid = clone(fn, stack + STACK, flags | CLONE_VM, arg, ptid, NULL, ctid);

	return pid < 0 ? -errno : pid;
}

static void end(int status) { RAW(SYS_exit_group, status); }

/* Exit status, or minus the signal. */
static int wait_for(long pid)
{
	int status = 0;

	if (waitpid((pid_t)pid, &status, __WALL) != pid)
		return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int in_turns(void *arg)
{
	int seen = 0;

	for (int i = 1; i < 200; i += 2) {
		while (atomic_load(&turn) != i)
			sched_yield();
		seen++;
		atomic_store(&turn, i + 1);
	}
	end(RAW(SYS_getppid) == *(int *)arg && RAW(SYS_getpid) == RAW(SYS_gettid)
		    && RAW(SYS_getpid) != *(int *)arg
		? seen
		: 1);
	return 0;
}

static void test_beside(void)
{
	int self = getpid();
	long pid = child(SIGCHLD, in_turns, &self, NULL, NULL);

	CHECK(pid > 0 && pid != self);
	for (int i = 0; pid > 0 && i < 200; i += 2) {
		while (atomic_load(&turn) != i)
			sched_yield();
		atomic_store(&turn, i + 1);
	}
	EQ(wait_for(pid), 100);
}

static int closes(void *arg)
{
	close(*(int *)arg);
	signal(SIGUSR2, SIG_IGN);
	chdir("/");
	end(0);
	return 0;
}

static void test_shares(int flags)
{
	int fd = open("/dev/null", O_RDONLY), was = open(".", O_RDONLY | O_DIRECTORY);
	struct sigaction sa;
	char cwd[4096];

	signal(SIGUSR2, SIG_DFL);
	EQ(wait_for(child(flags | SIGCHLD, closes, &fd, NULL, NULL)), 0);
	EQ(fcntl(fd, F_GETFD) < 0, !!(flags & CLONE_FILES));
	sigaction(SIGUSR2, NULL, &sa);
	EQ(sa.sa_handler == SIG_IGN, !!(flags & CLONE_SIGHAND));
	EQ(!strcmp(getcwd(cwd, sizeof cwd), "/"), !!(flags & CLONE_FS));
	fchdir(was);
	close(fd);
	close(was);
}

static int with_ids(void *arg)
{
	int *id = arg, self = (int)RAW(SYS_gettid);

	while (!atomic_load(&ready))
		sched_yield();
	end(id[0] == self && id[1] == self ? 9 : 8);
	return 0;
}

static void test_ids(void)
{
	int id[2] = { 0, 0 }, fd = -1;
	struct pollfd p = { .events = POLLIN };
	long pid;

	atomic_store(&ready, 0);
	pid = child(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD,
		    with_ids, id, &id[0], &id[1]);
	EQ(id[0], pid);
	atomic_store(&ready, 1);
	while (*(volatile int *)&id[1])
		syscall(SYS_futex, &id[1], FUTEX_WAIT, pid, NULL, NULL, 0);
	EQ(wait_for(pid), 9);
	/* Told by no signal, and one that is killed is no different. */
	atomic_store(&ready, 0);
	pid = child(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, with_ids, id, NULL, &id[1]);
	FAILS(waitpid((pid_t)pid, NULL, 0), ECHILD);
	kill((pid_t)pid, SIGKILL);
	EQ(wait_for(pid), -SIGKILL);
	EQ(id[1], 0);
	pid = child(CLONE_PIDFD | SIGCHLD, with_ids, id, &fd, NULL);
	p.fd = fd;
	EQ(poll(&p, 1, 0), 0);
	atomic_store(&ready, 1);
	EQ(poll(&p, 1, 10000), 1);
	EQ(wait_for(pid), 8);
	close(fd);
}

static int executes(void *arg)
{
	char *argv[] = { "again", NULL }, *env[] = { NULL };

	atomic_fetch_add(&sum, 1);
	execve(arg, argv, env);
	end(44);
	return 0;
}

static int open_ones(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_exec(int flags)
{
	const int before = open_ones();

	atomic_store(&sum, 0);
	EQ(wait_for(child(flags | SIGCHLD, executes, "/proc/self/exe", NULL, NULL)), 21);
	EQ(wait_for(child(flags | SIGCHLD, executes, "/nosuch/program", NULL, NULL)), 44);
	EQ(wait_for(child(flags | SIGCHLD, executes, "/bin/true", NULL, NULL)), 0);
	EQ(sum, 3);
	EQ(open_ones(), before);
}

static int counts(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		atomic_fetch_add(&sum, 1);
		if (i % 50 == 0) {
			char *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			p[100] = 1;
			munmap(p, 1 << 16);
		}
	}
	end((int)(long)arg);
	return 0;
}

static void test_many(void)
{
	long pid[MANY];
	int bad = 0;

	atomic_store(&sum, 0);
	for (long i = 0; i < MANY; i++)
		pid[i] = child(SIGCHLD, counts, (void *)i, NULL, NULL);
	for (int i = 0; i < MANY; i++)
		bad += wait_for(pid[i]) != i;
	EQ(bad, 0);
	EQ(sum, MANY * 1000);
}

static int busy(void *arg)
{
	atomic_store(&ready, 1);
	for (unsigned i = 0;; i++)
		if (i % 16 == 0)
			munmap(mmap(NULL, 1 << 14, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			       1 << 14);
	return 0;
}

static int crashes(void *arg)
{
	*(volatile int *)8 = 1;
	return 0;
}

/* A child dies at any moment, and nothing of its parent's is stuck. */
static void test_killed(void)
{
	struct rlimit old, l = { 1 << 16, 1 << 16 };
	int bad = 0;

	for (int i = 0; i < 40; i++) {
		long pid;

		atomic_store(&ready, 0);
		pid = child(SIGCHLD, busy, NULL, NULL, NULL);
		while (!atomic_load(&ready))
			sched_yield();
		usleep((unsigned)i * 20);
		kill((pid_t)pid, i % 4 ? SIGTERM : SIGINT);
		bad += wait_for(pid) != -(i % 4 ? SIGTERM : SIGINT);
		munmap(mmap(NULL, 1 << 14, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 14);
	}
	EQ(bad, 0);
	EQ(wait_for(child(SIGCHLD, crashes, NULL, NULL, NULL)), -SIGSEGV);
	/* With a core file; all others run meanwhile. */
	getrlimit(RLIMIT_CORE, &old);
	l.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_CORE, &l);
	atomic_store(&ready, 0);
	long other = child(SIGCHLD, in_turns, &bad, NULL, NULL);
	EQ(wait_for(child(SIGCHLD, crashes, NULL, NULL, NULL)), -SIGSEGV);
	setrlimit(RLIMIT_CORE, &old);
	EQ(kill((pid_t)other, SIGKILL), 0);
	EQ(wait_for(other), -SIGKILL);
}

static int thread(void *arg)
{
	usleep(20000);
	atomic_fetch_add(&sum, RAW(SYS_getpid) == *(int *)arg ? 10 : 1000);
	RAW(SYS_exit, 0);
	return 0;
}

static int with_thread(void *arg)
{
	const int flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM;
	static int self;

	self = (int)RAW(SYS_getpid);
	if (child(flags, thread, &self, NULL, NULL) < 0)
		end(50);
	atomic_fetch_add(&sum, 1);
	RAW(SYS_exit, 3); /* the thread goes on */
	return 0;
}

static int forks(void *arg)
{
	int status, how = (int)(long)arg;
	long pid;

	if (how == 0) {
		pid = child(SIGCHLD, forks, (void *)2, NULL, NULL);
	} else if (how == 1) {
		pid = fork();
		if (!pid) {
			atomic_fetch_add(&sum, 100); /* in a copy */
			end(5);
		}
	} else {
		atomic_fetch_add(&sum, 100);
		end(5);
	}
	RAW(SYS_wait4, pid, &status, 0, 0);
	end(status == 5 << 8 ? 6 : 7);
	return 0;
}

static void test_children(void)
{
	atomic_store(&sum, 0);
	EQ(wait_for(child(SIGCHLD, with_thread, NULL, NULL, NULL)), 0);
	EQ(sum, 11);
	atomic_store(&sum, 0);
	EQ(wait_for(child(SIGCHLD, forks, (void *)0, NULL, NULL)), 6);
	EQ(sum, 100);
	EQ(wait_for(child(SIGCHLD, forks, (void *)1, NULL, NULL)), 6);
	EQ(sum, 100);
}

/* Code that was not run before, and mappings, when the parent is gone. */
static int orphan(void *arg)
{
	struct timespec t = { 0, 30000000 };

	while (RAW(SYS_getppid) == *(int *)arg)
		RAW(SYS_nanosleep, &t, NULL);
	for (int i = 0; i < 300; i++)
		munmap(mmap(NULL, 1 << 14, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 14);
	write(a_pipe[1], "orphan", 6);
	end(0);
	return 0;
}

static int leave_orphan(void)
{
	int self = getpid();

	return child(SIGCHLD, orphan, &self, NULL, NULL) > 0 ? 12 : 13;
}

static void test_orphan(void)
{
	char text[8] = "";

	pipe(a_pipe);
	EQ(in_child(leave_orphan), 12);
	EQ(read(a_pipe[0], text, sizeof text), 6);
	CHECK(!memcmp(text, "orphan", 6));
}

int main(int argc, char **argv)
{
	if (argc && !strcmp(argv[0], "again"))
		return 21;
	test_beside();
	test_shares(0);
	test_shares(CLONE_FILES);
	test_shares(CLONE_SIGHAND);
	test_shares(CLONE_FS | CLONE_FILES | CLONE_SIGHAND);
	test_ids();
	test_exec(0);
	test_exec(CLONE_FILES);
	test_exec(CLONE_FILES | CLONE_VFORK);
	test_many();
	test_killed();
	test_children();
	test_orphan();
	return done();
}

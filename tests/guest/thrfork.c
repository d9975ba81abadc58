/* guest: levels=O0,O2 emulated=no */
/* fork, vfork, exec, posix_spawn and popen by programs with threads that are busy meanwhile. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/guest.h"

extern char **environ;

enum { BUSY = 3 };

static volatile int stop;
static const char *self;

/* Many functions, so that there is always something to translate. */
#define F1(n)                                                                                      \
	NOINLINE static uint64_t f##n(uint64_t x) { return x * (n * 2 + 1) ^ (x >> (n % 31 + 1)); }
#define F8(n) F1(n##0) F1(n##1) F1(n##2) F1(n##3) F1(n##4) F1(n##5) F1(n##6) F1(n##7)
#define N8(n) f##n##0, f##n##1, f##n##2, f##n##3, f##n##4, f##n##5, f##n##6, f##n##7,
/* clang-format off */
F8(1) F8(2) F8(3) F8(4) F8(5) F8(6) F8(7)

static uint64_t (*const fns[])(uint64_t) = { N8(1) N8(2) N8(3) N8(4) N8(5) N8(6) N8(7) };
/* clang-format on */

static uint64_t compute(uint64_t x, int n)
{
	for (int i = 0; i < n; i++)
		x = fns[(x >> 7) % (sizeof fns / sizeof *fns)](x + (uint64_t)i);
	return x;
}

static void *busy(void *arg)
{
	uint64_t x = (uint64_t)(long)arg;

	while (!stop) {
		void *p[20];

		for (int i = 0; i < 20; i++)
			p[i] = malloc(16 + (x = compute(x, 20)) % 3000);
		for (int i = 0; i < 20; i++)
			free(p[i]);
	}
	return NULL;
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void *helper(void *arg)
{
	free(malloc(100));
	return (void *)(long)compute(5, 100);
}

/* The child has one thread, its locks are free, and it can make threads of its own. */
static void test_fork(void)
{
	int sum = 0;

	for (int i = 0; i < 12; i++) {
		pid_t pid = fork();

		if (!pid) {
			pthread_t t;
			void *r;

			for (int k = 0; k < 50; k++)
				free(malloc((size_t)(k * 100)));
			pthread_create(&t, NULL, helper, NULL);
			pthread_join(t, &r);
			_exit((long)r == (long)compute(5, 100) ? i % 3 : 100);
		}
		sum += wait_for(pid);
	}
	printf("fork: %d\n", sum);
}

static void *forks(void *arg)
{
	long sum = 0;

	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit((int)(compute((uint64_t)i, 300) & 0) + 1);
		sum += wait_for(pid);
	}
	return (void *)sum;
}

/* Forks that libc's fork cannot make: what the emulator needs for itself must be free in their children, too. */
static void test_other_forks(void)
{
	int sum = 0;

	for (int i = 0; i < 40; i++) {
		long pid = syscall(SYS_clone, i % 2 ? SIGUSR1 : 0, 0, 0, 0, 0);
		int status = 0;

		if (!pid) { /* and libc's locks may be taken: nothing of it here */
			char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			for (int k = 0; k < 64; k += 2)
				munmap(p + k * 4096, 4096);
			syscall(SYS_exit_group, (int)(compute((uint64_t)i, 3000) & 0) + 2);
		}
		waitpid((pid_t)pid, &status, __WALL);
		sum += WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
	}
	printf("other forks: %d\n", sum);
}

static void test_forks_at_once(void)
{
	pthread_t t[3];
	long sum = 0;

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, forks, NULL);
	for (int i = 0; i < 3; i++) {
		void *r;

		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("three threads fork: %ld\n", sum);
}

/* Memory is shared, and the thread that made the child waits for it; others do not. */
static void *vforks(void *arg)
{
	volatile int seen = 0;
	long bad = 0;

	for (int i = 0; i < 10; i++) {
		pid_t pid;

		seen = 0;
		pid = vfork();
		if (!pid) {
			seen = 1;
			seen += (int)(compute((uint64_t)i, 200) & 0) + i;
			_exit(i);
		}
		bad += seen != i + 1 || wait_for(pid) != i;
	}
	return (void *)bad;
}

static void *spawns(void *arg)
{
	char *yes[] = { "true", NULL }, *again[] = { (char *)self, "child", NULL };
	long bad = 0;

	for (int i = 0; i < 6; i++) {
		pid_t pid;

		bad += posix_spawn(&pid, "/nosuch/program", NULL, NULL, yes, environ) != ENOENT;
		bad += posix_spawn(&pid, "/bin/true", NULL, NULL, yes, environ) != 0
		       || wait_for(pid) != 0;
		bad +=
		    posix_spawn(&pid, self, NULL, NULL, again, environ) != 0 || wait_for(pid) != 17;
	}
	return (void *)bad;
}

static void *vfork_execs(void *arg)
{
	long bad = 0;

	for (int i = 0; i < 6; i++) {
		volatile int err = 0;
		pid_t pid = vfork();

		if (!pid) {
			if (i % 2)
				execl(self, self, "child", NULL);
			execl("/nosuch/program", "x", NULL);
			err = errno;
			_exit(44);
		}
		bad += wait_for(pid) != (i % 2 ? 17 : 44) || err != (i % 2 ? 0 : ENOENT);
	}
	return (void *)bad;
}

static void test_vforks(void)
{
	static void *(*const fn[])(void *) = { vforks, spawns, vfork_execs, vforks };
	pthread_t t[4];
	long bad = 0;

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, fn[i], NULL);
	for (int i = 0; i < 4; i++) {
		void *r;

		pthread_join(t[i], &r);
		bad += (long)r;
	}
	printf("vfork, spawn, vfork and exec at once: %ld bad\n", bad);
}

/* A child that shares memory dies of a signal at any moment, and nothing of the parent's is stuck. */
static void test_vfork_killed(void)
{
	static const int deaths[] = { SIGTERM, SIGKILL, SIGINT };
	int killed = 0;

	for (int i = 0; i < 16; i++) {
		pid_t killer, pid;
		int *shared =
		    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		killer = fork();
		if (!killer) {
			while (!*(volatile int *)shared)
				sched_yield();
			usleep(i * 50);
			kill(*shared, deaths[i % 3]);
			_exit(0);
		}
		pid = vfork();
		if (!pid) {
			*(volatile int *)shared = getpid();
			for (uint64_t x = 1;;)
				x = compute(x, 10);
		}
		killed += wait_for(pid) == 1000 + deaths[i % 3];
		wait_for(killer);
		munmap(shared, 4096);
	}
	printf("vfork children killed: %d, and on: %d\n", killed, (int)(compute(3, 1000) & 0));
}

static volatile int handled;
static void handler(int sig) { handled++; }

static void test_vfork_signal(void)
{
	volatile int in_child = 0;
	pid_t pid;

	signal(SIGUSR1, handler);
	pid = vfork();
	if (!pid) {
		kill(getpid(), SIGUSR1);
		in_child = handled;
		signal(SIGUSR1, SIG_IGN);
		kill(getpid(), SIGUSR1);
		_exit(3);
	}
	kill(getpid(), SIGUSR1);
	printf("signals of a vfork child: in it %d, status %d, parent's handler still there %d\n",
	       in_child, wait_for(pid), handled);
}

static void *execs(void *arg)
{
	if ((long)arg == 1)
		execl("/bin/sh", "sh", "-c", "exit 21", NULL);
	execl(self, self, "child", NULL);
	return arg;
}

static void test_exec(void)
{
	pthread_t t;

	for (int i = 0; i < 6; i++) {
		pid_t pid = fork();

		if (!pid) {
			stop = 0;
			for (long k = 0; k < BUSY; k++)
				pthread_create(&t, NULL, busy, (void *)k);
			usleep(3000);
			if (i >= 3)
				execs((void *)(long)(i % 2));
			pthread_create(&t, NULL, execs, (void *)(long)(i % 2));
			for (;;)
				compute(1, 100);
		}
		printf("exec %s: %d\n", i < 3 ? "by another thread" : "by the first thread",
		       wait_for(pid));
	}
}

static void test_shell(void)
{
	char line[64] = "";
	FILE *p;

	printf("system: %d\n", WEXITSTATUS(system("exit 12")));
	p = popen("echo from a pipe; exit 4", "r");
	if (!fgets(line, sizeof line, p))
		puts("popen?");
	printf("popen: %s", line);
	printf("pclose: %d\n", WEXITSTATUS(pclose(p)));
}

/* clone without a thread's flags but with others: a pidfd, no signal at the end. */
static void test_raw_clone(void)
{
	int bad = 0;

	for (int i = 0; i < 12; i++) {
		int pidfd = -1, status = -1;
		long pid = syscall(SYS_clone, CLONE_PIDFD | (i % 2 ? SIGCHLD : 0), 0, &pidfd, 0, 0);

		if (!pid) {
			syscall(SYS_exit_group, (int)(compute((uint64_t)i, 2000) & 0) + 6);
		}
		waitpid((pid_t)pid, &status, __WALL);
		bad += pidfd < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 6;
		close(pidfd);
	}
	printf("clone: %d bad\n", bad);
}

int main(int argc, char **argv)
{
	char path[4096];
	pthread_t t[BUSY];
	ssize_t n;

	if (argc > 1)
		return 17;
	setvbuf(stdout, NULL, _IONBF, 0);
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n] = 0;
	self = path;
	for (long i = 0; i < BUSY; i++)
		pthread_create(&t[i], NULL, busy, (void *)i);
	test_fork();
	signal(SIGUSR1, SIG_IGN);
	test_other_forks();
	test_forks_at_once();
	test_vforks();
	test_vfork_killed();
	test_vfork_signal();
	test_shell();
	test_raw_clone();
	stop = 1;
	for (int i = 0; i < BUSY; i++)
		pthread_join(t[i], NULL);
	test_exec();
	return 0;
}

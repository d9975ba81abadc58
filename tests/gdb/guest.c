/* A guest to be debugged; its first argument says what it does. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

volatile int total;
volatile double half = 0.5;
volatile int handled, stop_now;
char text[32] = "hello";
uint64_t words[4] = { 1, 2, 3, 4 };
const char *self;

__attribute__((noinline)) int add(int n)
{
	int before = total;

	total = before + n;
	return total;
}

__attribute__((noinline)) int twice(int n) { return 2 * n; }
__attribute__((noinline)) double scale(double x) { return x * half; }

static int sum(void)
{
	double x = 1;

	for (int i = 1; i <= 4; i++)
		add(i);
	x = scale(x) / 3;
	words[1] = (uint64_t)(x * 1000);
	text[0] = 'j';
	printf("total %d, %s, %d\n", total, text, (int)words[1]);
	return total;
}

static void on_usr1(int sig) { handled += sig == SIGUSR1; }

static int signals(void)
{
	signal(SIGUSR1, on_usr1);
	for (int i = 0; i < 4; i++)
		raise(SIGUSR1);
	raise(SIGWINCH);
	printf("handled %d\n", handled);
	return handled;
}

static pthread_barrier_t barrier;

__attribute__((noinline)) void in_thread(long n)
{
	__atomic_fetch_add(&total, (int)n, __ATOMIC_SEQ_CST);
}

static void *thread_main(void *arg)
{
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 3; i++)
		in_thread((long)arg);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static volatile int counted, done;

static void count(int sig) { counted += sig != 0; }

static void *count_main(void *arg)
{
	while (!done || counted < *(int *)arg)
		usleep(1000);
	return NULL;
}

/* Signals that queue, to one thread, while another one comes by a breakpoint. */
static int storm(void)
{
	int sent = 400;
	pthread_t t;

	signal(SIGRTMIN + 1, count);
	pthread_create(&t, NULL, count_main, &sent);
	for (int i = 0; i < sent; i++) {
		union sigval none = { 0 };

		while (pthread_sigqueue(t, SIGRTMIN + 1, none))
			usleep(1000);
		if (i % 8 == 0)
			in_thread(1);
	}
	done = 1;
	pthread_join(t, NULL);
	printf("counted %d, %d\n", counted, total);
	return 0;
}

static int threads(void)
{
	enum { COUNT = 5 };
	pthread_t t[COUNT];

	pthread_barrier_init(&barrier, NULL, COUNT + 1);
	for (long i = 0; i < COUNT; i++)
		pthread_create(&t[i], NULL, thread_main, (void *)(i + 1));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < COUNT; i++)
		pthread_join(t[i], NULL);
	printf("total %d\n", total);
	return total;
}

__attribute__((noinline)) void in_child(int n) { total += n; }
__attribute__((noinline)) void in_parent(int n) { total += n; }

static int forks(void)
{
	int status, left = 0;

	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			in_child(i + 5);
			_exit(total);
		}
		in_parent(1);
		waitpid(pid, &status, 0);
		left += WEXITSTATUS(status);
	}
	printf("children %d, parent %d\n", left, total);
	return left;
}

/* The parent comes to its function before the child does. */
static int takes_turns(void)
{
	int status, go[2];
	char c = 0;
	pid_t pid;

	if (pipe(go) || (pid = fork()) < 0)
		return 1;
	if (pid == 0) {
		if (read(go[0], &c, 1) == 1)
			in_child(5);
		_exit(total);
	}
	in_parent(1);
	if (write(go[1], &c, 1) != 1)
		return 1;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int vforks(void)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(3);
	in_parent(1);
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	return 0;
}

static int spawns(void)
{
	char *argv[] = { (char *)self, (char *)"sum", NULL };
	int status;
	pid_t pid;

	posix_spawn(&pid, self, NULL, NULL, argv, environ);
	in_parent(1);
	waitpid(pid, &status, 0);
	printf("spawned %d\n", WEXITSTATUS(status));
	return 0;
}

static int execs(void)
{
	execl(self, self, "sum", (char *)NULL);
	return 1;
}

static void *exec_main(void *arg)
{
	execs();
	return arg;
}

static int thread_execs(void)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_main, NULL);
	pthread_join(t, NULL);
	return 1;
}

/* The first thread ends before the other. */
static void *last_main(void *arg)
{
	usleep(50000);
	in_thread(7);
	exit(total + (arg != NULL));
}

static int leaves(void)
{
	pthread_t t;

	pthread_create(&t, NULL, last_main, NULL);
	pthread_exit(NULL);
}

static int host(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static void *spin(void *arg)
{
	while (!stop_now)
		add(*(int *)arg);
	return NULL;
}

/* Runs until somebody sets stop_now, in two threads: one computes, one sleeps. */
static int loop(void)
{
	int one = 1;
	pthread_t t;

	puts("looping");
	fflush(stdout);
	pthread_create(&t, NULL, spin, &one);
	while (!stop_now)
		usleep(10000);
	pthread_join(t, NULL);
	puts("stopped");
	return 9;
}

/* A breakpoint is not in memory: the guest finds its code as it was compiled. */
static int reads_itself(void)
{
	const volatile uint8_t *code = (const uint8_t *)(uintptr_t)add;
	unsigned sum_of = 0;

	add(1);
	for (int i = 0; i < 16; i++)
		sum_of = sum_of * 31 + code[i];
	printf("code %08x\n", sum_of);
	return 0;
}

static int calls(void)
{
	for (int i = 0; i < 3; i++)
		syscall(SYS_getppid);
	syscall(SYS_getuid);
	return 0;
}

__attribute__((noinline)) static int crash(volatile int *p) { return *p; }

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} rows[] = {
		{ "sum", sum },         { "signals", signals },
		{ "threads", threads }, { "storm", storm },
		{ "forks", forks },     { "takes-turns", takes_turns },
		{ "vforks", vforks },   { "spawns", spawns },
		{ "execs", execs },     { "thread-execs", thread_execs },
		{ "leaves", leaves },   { "host", host },
		{ "loop", loop },       { "reads", reads_itself },
		{ "calls", calls },
	};

	self = argv[0];
	for (size_t i = 0; argc > 1 && i < sizeof rows / sizeof *rows; i++)
		if (!strcmp(argv[1], rows[i].name))
			return rows[i].run();
	return crash((volatile int *)16);
}

/* guest: emulated=jit */
/* fork, wait and pipes: copies of memory, exit statuses, process groups, many children, pipelines. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void test_copy(void)
{
	static int data = 1;
	int local = 2, *heap = malloc(sizeof *heap);
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	*heap = 3;
	pid = fork();
	if (!pid) {
		data = 10;
		local = 20;
		*heap = 30;
		*shared = 40;
		_exit(data + local + *heap);
	}
	printf("child %d, ", wait_for(pid));
	printf("parent keeps %d %d %d, shared %d\n", data, local, *heap, *shared);
	free(heap);
}

static void test_many(void)
{
	pid_t pid[40];
	int sum = 0;

	for (int i = 0; i < 40; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			uint64_t h = HASH_START;

			for (int k = 0; k < 1000; k++)
				h = hash_u64(h, (uint64_t)(k * i));
			_exit((int)(h & 0x7f));
		}
	}
	for (int i = 0; i < 40; i++)
		sum += wait_for(pid[i]) * (i + 1);
	printf("forty children: %d\n", sum);
	sum = wait(NULL);
	printf("no more: %d %s\n", sum, errno == ECHILD ? "ECHILD" : "?");
}

static void test_pipeline(void)
{
	int in[2], out[2];
	char buf[8192];
	uint64_t h = HASH_START;
	ssize_t n;
	long total = 0;
	pid_t a, b;

	if (pipe(in) || pipe(out))
		exit(1);
	a = fork();
	if (!a) { /* writes numbers */
		FILE *f = fdopen(in[1], "w");

		close(in[0]), close(out[0]), close(out[1]);
		for (int i = 0; i < 3000; i++)
			fprintf(f, "%d\n", i * i);
		fclose(f);
		exit(0);
	}
	b = fork();
	if (!b) { /* drops the odd ones */
		FILE *f = fdopen(in[0], "r"), *g = fdopen(out[1], "w");
		long v;

		close(in[1]), close(out[0]);
		while (fscanf(f, "%ld", &v) == 1)
			if (v % 2 == 0)
				fprintf(g, "%ld\n", v);
		fclose(g);
		exit(3);
	}
	close(in[0]), close(in[1]), close(out[1]);
	while ((n = read(out[0], buf, sizeof buf)) > 0) {
		h = hash_bytes(h, buf, (size_t)n);
		total += n;
	}
	printf("pipeline: %ld bytes %016lx, %d %d\n", total, (unsigned long)h, wait_for(a),
	       wait_for(b));
}

static int nest(int n)
{
	pid_t pid = fork();

	if (!pid)
		_exit(n ? nest(n - 1) + 1 : 0);
	return wait_for(pid);
}

static void test_groups(void)
{
	int ready[2], status;
	char c;
	pid_t pid;

	if (pipe(ready))
		exit(1);
	pid = fork();
	if (!pid) {
		setsid();
		c = getpgrp() == getpid() && getsid(0) == getpid();
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	c = 0;
	if (read(ready[0], &c, 1) != 1)
		exit(1);
	printf("setsid: %d, WNOHANG %d\n", c, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	printf("continued %d\n", WIFCONTINUED(status));
	kill(-pid, SIGTERM);
	printf("killed %d\n", wait_for(pid));
}

static void test_waitid(void)
{
	siginfo_t si = { 0 };
	pid_t pid = fork();

	if (!pid)
		_exit(9);
	waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	printf("waitid %d %d %d %d\n", si.si_signo == SIGCHLD, si.si_code == CLD_EXITED,
	       si.si_status, si.si_pid == pid);
	printf("and wait %d\n", wait_for(pid));
}

static void test_vfork(void)
{
	volatile int step = 0;
	pid_t pid = vfork();

	if (!pid) {
		for (int i = 0; i < 100; i++)
			step++;
		_exit(step == 100 ? 5 : 6);
	}
	printf("vfork: %d\n", wait_for(pid));
}

static volatile sig_atomic_t told;

static void on_usr1(int sig) { told = 1; }

/* A signal that is sent to a child before it has done anything is the child's. */
static void test_early_signal(void)
{
	enum { CHILDREN = 200 };
	const struct sigaction action = { .sa_handler = on_usr1 };
	const struct timespec tick = { 0, 1000000 };
	int heard = 0;

	sigaction(SIGUSR1, &action, NULL);
	for (int n = 0; n < CHILDREN; n++) {
		pid_t pid = fork();

		if (!pid) {
			for (int i = 0; i < 2000 && !told; i++)
				nanosleep(&tick, NULL);
			_exit(!told);
		}
		kill(pid, SIGUSR1);
		heard += wait_for(pid) == 0;
	}
	printf("%d children heard the signal\n", heard);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	test_copy();
	test_many();
	test_pipeline();
	printf("nested: %d\n", nest(6));
	test_groups();
	test_waitid();
	test_vfork();
	test_early_signal();
	return 0;
}

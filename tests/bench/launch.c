/*
 * launch LIMIT_S FD COMMAND [ARG...]: run a command and report what it took. scripts/bench starts everything
 * through this program, not from Python, for two reasons: a fork of a big process is slow, and Linux counts
 * the parent's resident memory into a child's peak when the child execs.
 *
 * One line goes to file descriptor FD: wait status, wall clock in ns, user and system time in us, and peak
 * resident memory in KB. The times and the memory include the children that the command waited for.
 * After LIMIT_S seconds the command's process group is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;

static void on_alarm(int sig)
{
	(void)sig;
	if (child > 0)
		kill(-child, SIGKILL);
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long us(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

static int fail(const char *what, int err)
{
	fprintf(stderr, "launch: %s: %s\n", what, strerror(err));
	return 1;
}

int main(int argc, char **argv, char **envp)
{
	posix_spawnattr_t attr;
	struct rusage used;
	int status = 0, err, report;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: launch LIMIT_S FD COMMAND [ARG...]\n", stderr);
		return 2;
	}
	report = (int)strtol(argv[2], NULL, 10);
	fcntl(report, F_SETFD, FD_CLOEXEC);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	signal(SIGALRM, on_alarm);

	long long start = now_ns();
	err = posix_spawn(&pid, argv[3], NULL, &attr, argv + 3, envp);
	if (err)
		return fail(argv[3], err);
	child = pid;
	alarm((unsigned)strtoul(argv[1], NULL, 10));
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return fail("wait4", errno);
	long long end = now_ns();

	alarm(0);
	kill(-pid, SIGKILL); /* what it left behind */
	dprintf(report, "%d %lld %lld %lld %ld\n", status, end - start, us(used.ru_utime),
		us(used.ru_stime), used.ru_maxrss);
	return 0;
}

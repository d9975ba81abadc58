/*
 * What a parent is told of children that die with and without a core file: wait4, waitid, SIGCHLD's handler, sigwaitinfo.
 * Its argument, or none: how to die itself.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t code;
static char *self;

static void on_child(int sig, siginfo_t *info, void *uc) { code = info->si_code; }

static void limit(rlim_t bytes)
{
	struct rlimit l;

	getrlimit(RLIMIT_CORE, &l);
	l.rlim_cur = bytes;
	setrlimit(RLIMIT_CORE, &l);
}

static void die(const char *how)
{
	if (!strcmp(how, "quit"))
		raise(SIGQUIT);
	else if (!strcmp(how, "kill"))
		raise(SIGKILL);
	else if (!strcmp(how, "term"))
		raise(SIGTERM);
	else if (!strcmp(how, "little"))
		limit(0);
	abort();
}

static pid_t forks(const char *how)
{
	pid_t pid = fork();

	if (!pid)
		die(how);
	return pid;
}

static pid_t forks_and_execs(const char *how)
{
	pid_t pid = fork();

	if (!pid)
		execl(self, self, how, NULL);
	return pid;
}

static pid_t spawns(const char *how)
{
	char *args[] = { self, (char *)how, NULL };
	pid_t pid;

	return posix_spawn(&pid, self, NULL, NULL, args, environ) ? -1 : pid;
}

static void told(const char *how, const char *born, pid_t (*make)(const char *))
{
	struct sigaction act = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO };
	siginfo_t id = { 0 }, waited = { 0 };
	sigset_t child;
	int status;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigaction(SIGCHLD, &act, NULL);
	code = 0;
	pid = make(how);
	while (waitid(P_PID, pid, &id, WEXITED | WNOWAIT) < 0)
		;
	while (wait4(pid, &status, 0, NULL) < 0)
		;
	while (!code)
		;
	printf("%s %s: core %d, waitid %d, handler %d", how, born, !!WCOREDUMP(status), id.si_code,
	       code);
	sigprocmask(SIG_BLOCK, &child, NULL);
	pid = make(how);
	sigwaitinfo(&child, &waited);
	wait4(pid, &status, 0, NULL);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	printf(", sigwaitinfo %d; core %d, signal %d\n", waited.si_code, !!WCOREDUMP(status),
	       WTERMSIG(status));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const char *const ways[] = { "abort", "quit", "kill", "term", "little" };

	self = argv[0];
	if (argc > 1)
		die(argv[1]);
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
		told(ways[i], "forked", forks);
		told(ways[i], "executed", forks_and_execs);
		told(ways[i], "spawned", spawns);
	}
	/* Over whatever of the emulator's own lies there. */
	for (int fd = 3; fd < 1020; fd++)
		dup2(0, fd);
	told("abort", "spawned with few descriptors left", spawns);
	limit(0);
	told("abort", "forked without a limit", forks);
	told("abort", "spawned without a limit", spawns);
	return 0;
}

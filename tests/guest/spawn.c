/* guest: peer=no emulated=no */
/* posix_spawn, system, popen: programs, errors that must reach the caller, file actions, attributes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pid_t pid;

static void finish(const char *what, int err)
{
	int status = -1;

	if (err) {
		printf("%s: error %s\n", what,
		       err == ENOENT   ? "ENOENT"
		       : err == EACCES ? "EACCES"
		       : err == EBADF  ? "EBADF"
				       : strerror(err));
		printf("  children left: %d\n", waitpid(-1, &status, WNOHANG) >= 0);
		return;
	}
	waitpid(pid, &status, 0);
	printf("%s: status %d\n", what,
	       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

int main(int argc, char **argv)
{
	char *echo[] = { "sh", "-c", "echo from the shell; exit 3", NULL };
	char *child[] = { argv[0], "child", NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t set;
	char line[64] = "";
	FILE *p;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1) {
		ssize_t n = read(0, line, sizeof line);

		sigprocmask(SIG_SETMASK, NULL, &set);
		printf("child read %zd bytes, USR1 blocked %d, group leader %d\n", n,
		       sigismember(&set, SIGUSR1), getpgrp() == getpid());
		return 8;
	}
	finish("spawn", posix_spawn(&pid, "/bin/sh", NULL, NULL, echo, environ));
	finish("spawnp", posix_spawnp(&pid, "sh", NULL, NULL, echo, environ));
	finish("missing", posix_spawn(&pid, "/nosuch/file", NULL, NULL, echo, environ));
	finish("missing in path",
	       posix_spawnp(&pid, "no-such-program-here", NULL, NULL, echo, environ));
	fd = open("plain", O_CREAT | O_WRONLY, 0644);
	close(fd);
	finish("not executable", posix_spawn(&pid, "./plain", NULL, NULL, echo, environ));

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawnattr_init(&attr);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	finish("actions", posix_spawn(&pid, "/proc/self/exe", &fa, &attr, child, environ));
	posix_spawn_file_actions_addopen(&fa, 5, "/nosuch/dir/file", O_RDONLY, 0);
	finish("bad action", posix_spawn(&pid, "/bin/sh", &fa, NULL, echo, environ));

	printf("system: %d\n", WEXITSTATUS(system("exit 12")));
	p = popen("echo popen works; exit 2", "r");
	if (!fgets(line, sizeof line, p))
		puts("popen?");
	printf("%s", line);
	printf("pclose: %d\n", WEXITSTATUS(pclose(p)));
	return 0;
}

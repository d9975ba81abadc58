/* guest: peer=no emulated=exec */
/* execve of itself, of scripts and of host programs: arguments, environment, descriptors, errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/guest.h"

static char self[4096];

static void wait_and_say(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		printf("-> %d\n", WEXITSTATUS(status));
	else
		printf("-> signal %d\n", WTERMSIG(status));
}

static const char *error_name(void)
{
	switch (errno) {
	case ENOENT:
		return "ENOENT";
	case EACCES:
		return "EACCES";
	case ENOEXEC:
		return "ENOEXEC";
	case ELOOP:
		return "ELOOP";
	case ENOTDIR:
		return "ENOTDIR";
	case EFAULT:
		return "EFAULT";
	case ENAMETOOLONG:
		return "ENAMETOOLONG";
	case E2BIG:
		return "E2BIG";
	case EINVAL:
		return "EINVAL";
	case EBADF:
		return "EBADF";
	default:
		return strerror(errno);
	}
}

static void run(const char *what, const char *path, char *const *argv, char *const *envp)
{
	pid_t pid;

	printf("%s\n", what);
	pid = fork();
	if (!pid) {
		execve(path, argv, envp);
		printf("error %s\n", error_name());
		_exit(99);
	}
	wait_and_say(pid);
}

static void make(const char *name, const char *text, int mode)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (write(fd, text, strlen(text)) < 0)
		exit(1);
	fchmod(fd, (mode_t)mode);
	close(fd);
}

/* The name of the process and that of what was executed: a script's own, not its interpreter's. */
static void say_name(void)
{
	const char *file = (const char *)getauxval(AT_EXECFN), *base = strrchr(file, '/');
	char comm[20] = "", start[20] = "";
	FILE *f = fopen("/proc/self/comm", "r");

	prctl(PR_GET_NAME, comm);
	if (!f || fscanf(f, "%19s", start) != 1)
		puts("no comm");
	if (f)
		fclose(f);
	base = base ? base + 1 : file;
	/* This program's own name differs from level to level. */
	if (strncmp(base, "execs-", 6) == 0 || strcmp(base, "exe") == 0)
		printf("named after the program %d\n",
		       !strncmp(comm, base, 15) && !strcmp(comm, start));
	else if (strncmp(file, "/dev/fd/", 8) == 0)
		printf("named %s\n", file); /* its comm was the number before Linux 6.14 */
	else
		printf("named %s, comm %s %s\n", file, comm, start);
}

static int child(int argc, char **argv, char **envp)
{
	printf("child argc %d:", argc);
	for (int i = 0; i < argc; i++)
		printf(" [%s]", argv[i]);
	printf(" env:");
	for (char **e = envp; *e; e++)
		printf(" [%s]", *e);
	printf(" fd20 %s fd21 %s\n", fcntl(20, F_GETFD) < 0 ? "closed" : "open",
	       fcntl(21, F_GETFD) < 0 ? "closed" : "open");
	say_name();
	return 17;
}

static void test_args(void)
{
	char *none[] = { NULL };
	char *args[] = { "child", "a b", "", "\"quoted\"", NULL };
	char *odd[] = { "", "child", NULL };
	char *env[] = { "A=1", "B=two words", "NOVALUE", NULL };

	run("plain", self, args, env);
	run("empty argv[0]", self, odd, env);
	run("no environment", self, args, none);
	run("through /proc/self/exe", "/proc/self/exe", args, none);
}

static void test_scripts(void)
{
	char text[4200];
	char *args[] = { "script", "x", "y z", NULL };
	char *none[] = { NULL };

	snprintf(text, sizeof text, "#!%s\n", self);
	make("s1", text, 0755);
	run("script", "./s1", args, none);
	snprintf(text, sizeof text, "#! %s  \tone arg \n", self);
	make("s2", text, 0755);
	run("script with argument", "./s2", args, none);
	make("s3", "#!./s2 more\n", 0755);
	run("script of script", "./s3", args, none);
	make("a script with a long name", "#!./s2\n", 0755);
	run("long name", "./a script with a long name", args, none);
	make("s4", "#!./s4\n", 0755);
	run("script of itself", "./s4", args, none);
	make("s5", "#!\n", 0755);
	run("no interpreter", "./s5", args, none);
	make("s6", "#!/nosuch/interpreter\n", 0755);
	run("missing interpreter", "./s6", args, none);
	make("s7", "#!/bin/sh\necho \"sh: $0 $1 $2\"\nexit 4\n", 0755);
	run("host shell", "./s7", args, none);
	make("s8", "echo nothing\n", 0755);
	run("no magic", "./s8", args, none);
}

/* This program's ELF header, whose program headers lie so that their end wraps around. */
static void make_lost(const char *name)
{
	enum { EHDR = 64, E_PHOFF = 32 };
	char head[EHDR];
	int from = open(self, O_RDONLY), to = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0700);

	if (read(from, head, sizeof head) != sizeof head)
		puts("read?");
	memset(head + E_PHOFF, 0xff, 8);
	if (write(to, head, sizeof head) != sizeof head)
		puts("write?");
	close(from);
	close(to);
}

static void test_errors(void)
{
	char longname[5000];
	char *args[] = { "child", NULL };
	char **huge = calloc(40001, sizeof *huge);
	char *word = malloc(1000);

	run("missing", "./nosuch", args, NULL);
	run("empty name", "", args, NULL);
	make("noexec", "#!/bin/sh\n", 0644);
	run("not executable", "./noexec", args, NULL);
	run("directory", "/tmp", args, NULL);
	run("through a file", "./noexec/x", args, NULL);
	memset(longname, 'a', sizeof longname - 1);
	longname[sizeof longname - 1] = 0;
	run("long name", longname, args, NULL);
	make("empty", "", 0755);
	run("empty file", "./empty", args, NULL);
	make("elf", "\177ELF\2\1\1", 0755);
	run("short ELF", "./elf", args, NULL);
	make_lost("lost");
	run("headers nowhere", "./lost", args, NULL);
	if (symlink("loop", "loop"))
		puts("symlink?");
	run("link loop", "./loop", args, NULL);
	run("bad path pointer", (char *)8, args, NULL);
	run("bad argv", self, (char **)8, NULL);
	run("bad argument", self, (char *[]){ "child", (char *)8, NULL }, NULL);
	memset(word, 'w', 999);
	word[999] = 0;
	for (int i = 0; i < 40000; i++)
		huge[i] = word;
	run("too much", self, huge, NULL);
}

static void test_descriptors(void)
{
	char *args[] = { "child", NULL };
	char *env[] = { NULL };
	int fd = open(self, O_RDONLY | O_CLOEXEC),
	    dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	dup2(0, 20);
	dup3(0, 21, O_CLOEXEC);
	run("descriptors", self, args, env);
	puts("fexecve");
	pid = fork();
	if (!pid) {
		fexecve(fd, args, env);
		_exit(99);
	}
	wait_and_say(pid);
	make("s9", "#!/bin/sh\nexit 6\n", 0755);
	puts("execveat");
	pid = fork();
	if (!pid) {
		syscall(SYS_execveat, dir, "s9", args, env, AT_SYMLINK_NOFOLLOW);
		printf(
		    "error %s\n",
		    error_name()); /* the script's name would be below a descriptor that closes */
		syscall(SYS_execveat, 77, "s9", args, env, 0);
		printf("error %s\n", error_name());
		syscall(SYS_execveat, dir, "s9", args, env, 1 << 28);
		printf("error %s\n", error_name());
		fcntl(dir, F_SETFD, 0);
		syscall(SYS_execveat, dir, "s9", args, env, 0);
		_exit(99);
	}
	wait_and_say(pid);
}

static void test_signals(void)
{
	sigset_t set;
	char *args[] = { "signals", NULL };
	char *env[] = { NULL };

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, (void (*)(int))test_args);
	signal(SIGSEGV, (void (*)(int))test_args);
	run("dispositions", self, args, env);
}

static int say_signals(void)
{
	struct sigaction sa;
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	printf("blocked:");
	for (int i = 1; i < 32; i++)
		if (sigismember(&set, i))
			printf(" %d", i);
	printf(" ignored:");
	for (int i = 1; i < 32; i++)
		if (!sigaction(i, NULL, &sa) && sa.sa_handler == SIG_IGN)
			printf(" %d", i);
	printf(" caught:");
	for (int i = 1; i < 32; i++)
		if (!sigaction(i, NULL, &sa) && sa.sa_handler != SIG_IGN
		    && sa.sa_handler != SIG_DFL)
			printf(" %d", i);
	puts("");
	return 0;
}

int main(int argc, char **argv, char **envp)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 || (argc && strcmp(argv[0], "child") == 0)) {
		if (strchr(argv[0], '/'))
			argv[0] = "self"; /* paths differ from machine to machine */
		return child(argc, argv, envp);
	}
	if (argc && !strcmp(argv[0], "signals"))
		return say_signals();
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 1;
	test_args();
	test_scripts();
	test_errors();
	test_descriptors();
	test_signals();
	return 0;
}

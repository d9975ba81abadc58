/* guest: args=one,two emulated=no */
/* What /proc shows of the process itself, and to another one. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 20];

static size_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t r;

	if (fd < 0)
		return 0;
	while ((r = read(fd, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = 0;
	close(fd);
	return n;
}

/* The permissions and the name that the file of mappings has for an address; "" when it is in none. */
static const char *mapping(const char *file, const void *at)
{
	static char found[300];
	uint64_t lo, hi;

	slurp(file);
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char perm[8] = "", name[256] = "";

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s%*[ ]%255[^\n]", &lo, &hi, perm, name) < 3)
			continue;
		if ((uintptr_t)at < lo || (uintptr_t)at >= hi)
			continue;
		snprintf(found, sizeof found, "%s %s", perm, strrchr(name, '/') ? "file" : name);
		return found;
	}
	return "";
}

static int twice(int x) { return 2 * x; }

static void show_maps(const char *file)
{
	char *page =
	    mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *heap = malloc(100);
	int local = 0;

	printf("%s\n", file);
	printf("code  %s\n", mapping(file, (void *)(uintptr_t)twice));
	printf("stack %s\n", mapping(file, &local));
	printf("heap  %s\n", mapping(file, heap));
	printf("anon  %s\n", mapping(file, page));
	mprotect(page + 4096, 4096, PROT_READ | PROT_EXEC);
	printf("exec  %s\n", mapping(file, page + 4096));
	printf("next  %s\n", mapping(file, page + 8192));
	munmap(page, 3 * 4096);
	printf("gone  %s\n", mapping(file, page));
	free(heap);
}

/* cmdline and environ as they stand in /proc/PID, against what main got. */
static int same_strings(const char *path, char **v)
{
	size_t n = slurp(path), at = 0;

	for (; *v; v++) {
		if (at + strlen(*v) + 1 > n || strcmp(text + at, *v) != 0)
			return 0;
		at += strlen(*v) + 1;
	}
	return at == n;
}

static int same_auxv(void)
{
	const Elf64_auxv_t *a = (void *)text;

	if (slurp("/proc/self/auxv") < sizeof *a)
		return 0;
	for (; a->a_type != AT_NULL; a++)
		if (a->a_type != AT_HWCAP2 && a->a_type != AT_HWCAP
		    && getauxval(a->a_type) != a->a_un.a_val)
			return 0;
	return 1;
}

/* Every way to the program's link leads to the program: by what is read there, looked at, opened and executed. */
static void test_ways(pid_t other)
{
	char by_pid[32], task[48], of_other[32], want[300] = "", link[300];
	int proc = open("/proc", O_RDONLY | O_DIRECTORY), self = open("/proc/self", O_PATH), fd;
	int cwd = open(".", O_RDONLY | O_DIRECTORY);
	struct {
		int dir;
		const char *path;
	} ways[] = {
		{ AT_FDCWD, "/proc/self/exe" },
		{ AT_FDCWD, "/proc/thread-self/exe" },
		{ AT_FDCWD, "/proc//self/../self/./exe" },
		{ AT_FDCWD, "self/exe" }, /* in /proc */
		{ proc, "self/exe" },
		{ self, "exe" },
		{ proc, by_pid },
		{ AT_FDCWD, task },
		{ proc, of_other },
	};
	struct stat s, t;
	struct statx x;

	chdir("/proc");
	snprintf(by_pid, sizeof by_pid, "%d/exe", (int)getpid());
	snprintf(task, sizeof task, "/proc/%d/task/%d/exe", (int)getpid(), (int)getpid());
	snprintf(of_other, sizeof of_other, "%d/exe", (int)other);
	readlink("/proc/self/exe", want, sizeof want - 1);
	stat(want, &s);
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
		ssize_t n = readlinkat(ways[i].dir, ways[i].path, link, sizeof link - 1);

		link[n > 0 ? n : 0] = 0;
		printf("way %u: %d", i, !strcmp(link, want));
		fd = openat(ways[i].dir, ways[i].path, O_RDONLY);
		printf(" %d", fd >= 0 && !fstat(fd, &t) && t.st_ino == s.st_ino);
		close(fd);
		printf(" %d", !fstatat(ways[i].dir, ways[i].path, &t, 0) && t.st_ino == s.st_ino);
		printf(" %d\n", !statx(ways[i].dir, ways[i].path, 0, STATX_INO, &x)
				    && x.stx_ino == s.st_ino);
		fflush(stdout);
		if (!fork()) {
			char *argv[] = { "again", NULL }, *env[] = { NULL };

			syscall(SYS_execveat, ways[i].dir, ways[i].path, argv, env, 0);
			_exit(9);
		}
		wait(NULL);
	}
	snprintf(link, sizeof link, "/proc/%d/maps", (int)other);
	printf("maps of another: code %d stack %d, none of what is not its own: %d\n",
	       !strcmp(mapping(link, (void *)(uintptr_t)twice), "r-xp file"),
	       !strcmp(mapping(link, &s), "rw-p [stack]"), strstr(text, "kitemu\n") == NULL);
	fchdir(cwd);
}

int main(int argc, char **argv)
{
	char path[64], link[256], name[20] = "";
	pid_t pid;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc && !strcmp(argv[0], "again")) {
		puts("executed");
		return 0;
	}
	show_maps("/proc/self/maps");
	show_maps("/proc/self/smaps");
	snprintf(path, sizeof path, "/proc/self/task/%d/maps", (int)getpid());
	printf("task  %s\n", mapping(path, (void *)(uintptr_t)main));
	printf("cmdline %d environ %d auxv %d\n", same_strings("/proc/self/cmdline", argv),
	       same_strings("/proc/self/environ", environ), same_auxv());
	/* As setproctitle does: what is written over the arguments shows. */
	argv[1][0] = 'O';
	printf("overwritten %d\n", same_strings("/proc/self/cmdline", argv));
	slurp("/proc/self/comm");
	prctl(PR_GET_NAME, name);
	printf("comm %d\n", !strncmp(text, name, strlen(name)) && strstr(argv[0], name) != NULL);
	prctl(PR_SET_NAME, "renamed");
	slurp("/proc/self/comm");
	printf("now %s", text);
	snprintf(path, sizeof path, "/proc/%d/exe", (int)getpid());
	link[readlink(path, link, sizeof link - 1)] = 0;
	printf("exe %d\n", access(link, X_OK));
	pid = getpid();
	if (!fork()) {
		snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
		printf("child sees %d\n", same_strings(path, argv));
		printf("child's own %d\n", same_strings("/proc/self/cmdline", argv));
		_exit(0);
	}
	wait(NULL);
	pid = fork();
	if (!pid)
		pause();
	test_ways(pid);
	kill(pid, SIGKILL);
	wait(NULL);
	return argc - 3;
}

/* Closing everything, taking every number, lowering the limit: what the emulator needs for itself must survive. */
#include "tests/sys/sys.h"

#include <dirent.h>
#include <sys/resource.h>

static int exec_self(void)
{
	char *argv[] = { "again", NULL }, *env[] = { "X=1", NULL };

	execve("/proc/self/exe", argv, env);
	return 99;
}

/* How many descriptors a list of /proc has, read in parts of so many bytes; -1: one that is not ours to see. */
static int listed(const char *path, int bytes)
{
	struct {
		uint64_t ino, off;
		uint16_t len;
		uint8_t type;
		char name[];
	} * e;
	int dir = open(path, O_RDONLY | O_DIRECTORY), found = 0;
	char buf[4096];
	long n;

	while ((n = syscall(SYS_getdents64, dir, buf, bytes)) > 0)
		for (long at = 0; at < n; at += e->len) {
			e = (void *)(buf + at);
			if (*e->name == '.')
				continue;
			found++;
			if (atoi(e->name) > dir)
				return -1;
		}
	close(dir);
	return n < 0 ? -2 : found;
}

static int open_ones(void)
{
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_lists(void)
{
	static const char *const lists[] = { "/proc/self/fd", "/proc/self/fdinfo",
					     "/proc/thread-self/fd" };
	char path[64];
	int n = open_ones();

	for (int i = 0; i < 3; i++) {
		EQ(listed(lists[i], 4096), n + 1);
		EQ(listed(lists[i], 24), n + 1); /* one at a time */
	}
	snprintf(path, sizeof path, "/proc/%d/task/%d/fdinfo", getpid(), getpid());
	EQ(listed(path, 100), n + 1);
	FAILS(syscall(SYS_getdents64, 0, path, sizeof path), ENOTDIR);
	FAILS(syscall(SYS_getdents64, -1, path, sizeof path), EBADF);
}

/* With so low a limit, every number below it is there for the program. */
static int exec_few(void)
{
	struct rlimit l = { 10, 1024 };
	char *argv[] = { "few", NULL }, *env[] = { NULL };

	close_range(3, 900, 0);
	setrlimit(RLIMIT_NOFILE, &l);
	execve("/proc/self/exe", argv, env);
	return 99;
}

static int count_free(void)
{
	int n = 0;

	while (open("/dev/null", O_RDONLY) >= 0)
		n++;
	return n;
}

int main(int argc, char **argv)
{
	struct rlimit l;
	struct stat a, b;
	char exe[4096] = "";

	if (argc > 0 && !strcmp(argv[0], "again"))
		return 21;
	if (argc > 0 && !strcmp(argv[0], "few"))
		return count_free();
	test_lists();
	EQ(in_child(exec_few), 7);
	EQ(open("/dev/null", O_RDONLY), 3); /* the lowest number is free */
	EQ(stat("/proc/self/exe", &a), 0);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	EQ(in_child(exec_self), 21);
	CHECK(close_range(3, ~0u, 0) == 0 || errno == ENOSYS);
	EQ(in_child(exec_self), 21);
	for (int fd = 3; fd < 1020; fd++)
		if (dup2(0, fd) != fd)
			CHECK(!"dup2");
	EQ(in_child(exec_self), 21);
	for (int fd = 3; fd < 1020; fd++)
		if (close(fd))
			CHECK(!"close");
	EQ(stat("/proc/self/exe", &b), 0);
	CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	CHECK(readlink("/proc/self/exe", exe, sizeof exe) > 0 && strstr(exe, "ownfds"));
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = 10;
	EQ(setrlimit(RLIMIT_NOFILE, &l), 0);
	EQ(in_child(exec_self), 21);
	EQ(open("/dev/null", O_RDONLY), 3);
	return done();
}

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

int main(int argc, char **argv)
{
	struct rlimit l;
	struct stat a, b;
	char exe[4096] = "";

	if (argc > 0 && !strcmp(argv[0], "again"))
		return 21;
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

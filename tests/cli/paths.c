/*
 * What is found under the names that are its arguments, by each call that looks a file up; with "exec" before them by a
 * program that it executes. The second line of each has the calls for which qemu-user knows no sysroot.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

static void show(const char *name)
{
	struct open_how how = { .flags = O_RDONLY };
	char text[64] = "", link[64] = "";
	int fd = open(name, O_RDONLY);
	struct statfs fs;
	struct statx sx = { 0 };
	struct stat st = { 0 };
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	printf("%s: '%.*s', stat %d %lld, ", name, (int)strcspn(text, "\n"), text, stat(name, &st),
	       (long long)st.st_size);
	printf("statfs %d, utimensat %d, watch %d, ", statfs(name, &fs),
	       utimensat(AT_FDCWD, name, NULL, 0),
	       inotify_add_watch(inotify_init(), name, IN_OPEN) > 0);
	n = readlink(name, link, sizeof link - 1);
	printf("readlink %zd '%s'\n", n, link);
	printf("\topenat2 %d, statx %d %llu, ",
	       syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof how) >= 0,
	       statx(AT_FDCWD, name, 0, STATX_SIZE, &sx), (unsigned long long)sx.stx_size);
	printf("access %d %d, ", access(name, F_OK),
	       (int)syscall(439, AT_FDCWD, name, R_OK, AT_EACCESS)); /* faccessat2 */
	printf("listxattr %d, getxattr %d\n", (int)listxattr(name, NULL, 0) >= 0,
	       (int)getxattr(name, "user.kitemu", NULL, 0));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exec"))
		return execve("/proc/self/exe", argv + 1, environ);
	for (int i = 1; i < argc; i++)
		show(argv[i]);
	return 0;
}

/* Directories and names: making, listing, renaming, linking, working directory, long paths. */
#include "tests/sys/sys.h"

#include <dirent.h>
#include <sys/inotify.h>

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void test_many(void)
{
	char name[32], buf[600];
	long n, total = 0;
	int fd;

	EQ(mkdir("many", 0755), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many/file%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	EQ(count("many"), 302);
	fd = open("many", O_RDONLY | O_DIRECTORY);
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; total++) {
			struct dirent64 *e = (struct dirent64 *)(buf + at);

			if (e->d_ino == 0
			    || (e->d_type != DT_REG && e->d_type != DT_DIR
				&& e->d_type != DT_UNKNOWN))
				CHECK(!"entry");
			at += e->d_reclen;
		}
	EQ(total, 302);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	FAILS(syscall(SYS_getdents64, fd, buf, 4), EINVAL);
	FAILS(syscall(SYS_getdents64, fd, 8, 4096), EFAULT);
	EQ(openat(fd, "file7", O_RDONLY), fd + 1);
	close(fd + 1);
	FAILS(openat(fd + 1, "file7", O_RDONLY), EBADF);
	EQ(unlinkat(fd, "file7", 0), 0);
	FAILS(rmdir("many"), ENOTEMPTY);
	close(fd);
}

static void test_names(void)
{
	char buf[5000], *p;

	EQ(mkdir("d", 0700), 0);
	FAILS(mkdir("d", 0700), EEXIST);
	EQ(mkdirat(AT_FDCWD, "d/e", 0700), 0);
	EQ(rename("d/e", "d/f"), 0);
	FAILS(rename("d/e", "d/g"), ENOENT);
	FAILS(rename("d", "d/f/x"), EINVAL);
	close(open("a", O_CREAT | O_WRONLY, 0600));
	close(open("b", O_CREAT | O_WRONLY, 0600));
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1 /* NOREPLACE */), EEXIST);
	EQ(symlink("target/of/link", "l"), 0);
	EQ(readlink("l", buf, sizeof buf), 14);
	EQ(readlink("l", buf, 3), 3);
	FAILS(readlink("a", buf, 10), EINVAL);
	FAILS(readlink("l", buf, 0), EINVAL);
	FAILS(rmdir("a"), ENOTDIR);
	FAILS(unlink("d"), EISDIR);
	EQ(chdir("d"), 0);
	CHECK((p = getcwd(buf, sizeof buf)) && !strcmp(p + strlen(p) - 2, "/d"));
	FAILS(getcwd(buf, 2) ? 0 : -1, ERANGE);
	EQ(RAW(SYS_getcwd, buf, sizeof buf), (long)strlen(buf) + 1);
	EQ(chdir(".."), 0);
	int fd = open("d", O_PATH | O_DIRECTORY);
	EQ(fchdir(fd), 0);
	EQ(access("f", F_OK), 0);
	EQ(chdir(".."), 0);
	EQ(unlinkat(AT_FDCWD, "d/f", AT_REMOVEDIR), 0);
	EQ(rmdir("d"), 0);
	memset(buf, 'a', sizeof buf);
	buf[4095] = 0;
	FAILS(open(buf, O_RDONLY), ENAMETOOLONG);
	buf[4096] = buf[4095] = 'a';
	buf[4999] = 0;
	FAILS(open(buf, O_RDONLY), ENAMETOOLONG);
	buf[300] = 0;
	FAILS(open(buf, O_RDONLY), ENAMETOOLONG);
	close(fd);
}

static void test_inotify(void)
{
	struct inotify_event *e;
	char buf[1000];
	int fd = inotify_init1(IN_NONBLOCK), wd;

	CHECK((wd = inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE)) > 0);
	FAILS(read(fd, buf, sizeof buf), EAGAIN);
	close(open("watched", O_CREAT | O_WRONLY, 0600));
	unlink("watched");
	CHECK(read(fd, buf, sizeof buf) >= 2 * (long)sizeof *e);
	e = (struct inotify_event *)buf;
	EQ(e->mask, IN_CREATE);
	CHECK(!strcmp(e->name, "watched"));
	EQ(inotify_rm_watch(fd, wd), 0);
	FAILS(inotify_add_watch(fd, "none", IN_CREATE), ENOENT);
	close(fd);
}

int main(void)
{
	test_many();
	test_names();
	test_inotify();
	return done();
}

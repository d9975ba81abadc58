/* Files: opening, reading, writing, attributes, locks, copying. */
#include "tests/sys/sys.h"

#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static char buf[65536];

static void test_open(void)
{
	int fd;

	FAILS(open("none", O_RDONLY), ENOENT);
	CHECK((fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0640)) >= 3);
	FAILS(open("f", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
	FAILS(open("f/x", O_RDONLY), ENOTDIR);
	FAILS(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open(".", O_WRONLY), EISDIR);
	FAILS(open((char *)1, O_RDONLY), EFAULT);
	EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR);
	EQ(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK), 0);
	EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK),
	   O_RDWR | O_APPEND | O_NONBLOCK);
	EQ(fcntl(fd, F_GETFD), 0);
	EQ(close(fd), 0);
	FAILS(close(fd), EBADF);
	FAILS(read(fd, buf, 1), EBADF);
	CHECK((fd = open("f", O_RDONLY | O_CLOEXEC)) >= 0);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	FAILS(write(fd, "x", 1), EBADF);
	close(fd);
	EQ(symlink("f", "link"), 0);
	FAILS(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK((fd = open("link", O_PATH | O_NOFOLLOW)) >= 0);
	FAILS(read(fd, buf, 1), EBADF);
	close(fd);
	CHECK((fd = open(".", O_TMPFILE | O_RDWR, 0600)) >= 0 || errno == EOPNOTSUPP);
	close(fd);
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS };
	long r = syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof how);
	CHECK(r == -1 && (errno == ELOOP || errno == ENOSYS));
	how.resolve = RESOLVE_BENEATH;
	r = syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how);
	CHECK(r >= 0 || errno == ENOSYS);
	if (r >= 0)
		close((int)r);
	FAILS(syscall(SYS_openat2, AT_FDCWD, "f", &how, 4), EINVAL);
	/* A later form, whose new fields are 0, or not. */
	struct {
		struct open_how how;
		uint64_t more;
	} later = { how, 0 };
	CHECK((fd = (int)syscall(SYS_openat2, AT_FDCWD, "f", &later, sizeof later)) >= 0);
	close(fd);
	later.more = 1;
	FAILS(syscall(SYS_openat2, AT_FDCWD, "f", &later, sizeof later), E2BIG);
	how.flags = O_RDONLY | O_DIRECTORY;
	FAILS(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how), ENOTDIR);
	how.flags = 1ull << 40;
	FAILS(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how), EINVAL);
}

static void test_io(void)
{
	int fd = open("io", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct iovec v[3] = { { "one", 3 }, { "two", 3 }, { "three", 5 } };
	char a[4] = "", b[8] = "";
	struct iovec in[2] = { { a, 3 }, { b, 7 } };

	EQ(writev(fd, v, 3), 11);
	EQ(lseek(fd, 0, SEEK_CUR), 11);
	EQ(lseek(fd, -5, SEEK_END), 6);
	EQ(read(fd, buf, 100), 5);
	CHECK(!memcmp(buf, "three", 5));
	EQ(read(fd, buf, 100), 0);
	EQ(pread(fd, buf, 3, 3), 3);
	CHECK(!memcmp(buf, "two", 3));
	EQ(pwrite(fd, "TWO", 3, 3), 3);
	EQ(preadv(fd, in, 2, 0), 10);
	CHECK(!strcmp(a, "one") && !strcmp(b, "TWOthre"));
	EQ(pwritev(fd, v, 2, 100), 6);
	EQ(preadv2(fd, in, 1, 100, 0), 3);
	EQ(lseek(fd, 0, SEEK_END), 106);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	FAILS(writev(fd, v, -1), EINVAL);
	FAILS(writev(fd, v, 1025), EINVAL);
	FAILS(readv(fd, (struct iovec *)8, 1), EFAULT);
	FAILS(write(fd, (void *)8, 4), EFAULT);
	FAILS(pread(fd, buf, 1, -1), EINVAL);
	EQ(ftruncate(fd, 5), 0);
	EQ(lseek(fd, 0, SEEK_END), 5);
	EQ(truncate("io", 1 << 20), 0);
	FAILS(truncate("none", 0), ENOENT);
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 21) == 0 || errno == EOPNOTSUPP);
	EQ(lseek(fd, 0, SEEK_END), 1 << 20);
	EQ(fsync(fd), 0);
	EQ(fdatasync(fd), 0);
	EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	EQ(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE), 0);
	EQ(readahead(fd, 0, 4096), 0);
	/* Beyond four gigabytes: offsets are 64 bits wide. */
	EQ(pwrite(fd, "far", 3, 5l << 32), 3);
	EQ(lseek(fd, 0, SEEK_END), (5l << 32) + 3);
	CHECK(lseek(fd, 1 << 21, SEEK_DATA) > 1 << 21 || errno == EINVAL);
	close(fd);
	unlink("io");
}

static void test_stat(void)
{
	struct stat s, t;
	struct statx x;
	struct statfs f;
	int fd = open("s", O_RDWR | O_CREAT | O_TRUNC, 0604);
	struct timespec times[2] = { { 1000000000, 123456789 }, { 2000000000, 987654321 } };

	umask(0);
	EQ(fchmod(fd, 0604), 0);
	EQ(write(fd, buf, 5000), 5000);
	EQ(futimens(fd, times), 0);
	EQ(fstat(fd, &s), 0);
	EQ(s.st_size, 5000);
	EQ(s.st_mode, S_IFREG | 0604);
	EQ(s.st_nlink, 1);
	EQ(s.st_uid, getuid());
	EQ(s.st_atim.tv_sec, 1000000000);
	EQ(s.st_atim.tv_nsec, 123456789);
	EQ(s.st_mtim.tv_sec, 2000000000);
	EQ(s.st_mtim.tv_nsec, 987654321);
	CHECK(s.st_blocks >= 8 && s.st_blocks < 1000);
	CHECK(s.st_blksize >= 512 && s.st_ctim.tv_sec > 1600000000);
	EQ(statx(AT_FDCWD, "s", 0, STATX_BASIC_STATS, &x), 0);
	EQ(x.stx_ino, s.st_ino);
	EQ(makedev(x.stx_dev_major, x.stx_dev_minor), s.st_dev);
	EQ(x.stx_size, 5000);
	EQ(x.stx_mtime.tv_nsec, 987654321);
	EQ(link("s", "hard"), 0);
	EQ(stat("hard", &t), 0);
	EQ(t.st_ino, s.st_ino);
	EQ(t.st_nlink, 2);
	EQ(symlink("s", "soft"), 0);
	EQ(lstat("soft", &t), 0);
	EQ(t.st_mode & S_IFMT, S_IFLNK);
	EQ(t.st_size, 1);
	EQ(fstatat(fd, "", &t, AT_EMPTY_PATH), 0);
	EQ(t.st_ino, s.st_ino);
	FAILS(stat("none", &t), ENOENT);
	FAILS(stat("s/x", &t), ENOTDIR);
	FAILS(stat("s", (struct stat *)8), EFAULT);
	FAILS(fstat(99, &t), EBADF);
	EQ(stat("/dev/null", &t), 0);
	EQ(t.st_rdev, makedev(1, 3));
	EQ(chmod("s", 0400), 0);
	EQ(stat("s", &t), 0);
	EQ(t.st_mode & 07777, 0400);
	EQ(access("s", R_OK), 0);
	FAILS(access("s", X_OK), EACCES);
	EQ(faccessat(AT_FDCWD, "s", F_OK, AT_EACCESS), 0);
	EQ(utimensat(AT_FDCWD, "s", (struct timespec[]){ { 5, UTIME_OMIT }, { 7, 0 } }, 0), 0);
	EQ(stat("s", &t), 0);
	EQ(t.st_atim.tv_sec, 1000000000);
	EQ(t.st_mtim.tv_sec, 7);
	EQ(statfs(".", &f), 0);
	CHECK(f.f_bsize > 0 && f.f_blocks > 0 && f.f_namelen >= 255);
	EQ(fstatfs(fd, &f), 0);
	EQ(umask(027), 0);
	EQ(umask(022), 027);
	close(fd);
}

static void test_dup(void)
{
	int fd = open("s", O_RDONLY), d;

	CHECK((d = dup(fd)) >= 0 && d != fd);
	EQ(dup2(fd, 77), 77);
	EQ(lseek(fd, 100, SEEK_SET), 100);
	EQ(lseek(77, 0, SEEK_CUR), 100);
	EQ(dup3(fd, 78, O_CLOEXEC), 78);
	EQ(fcntl(78, F_GETFD), FD_CLOEXEC);
	FAILS(dup3(fd, fd, 0), EINVAL);
	EQ(dup2(fd, fd), fd);
	FAILS(dup2(99, 5), EBADF);
	EQ(fcntl(fd, F_DUPFD, 200), 200);
	EQ(fcntl(fd, F_DUPFD_CLOEXEC, 200), 201);
	EQ(close_range(200, 201, 0), 0);
	FAILS(close(200), EBADF);
	EQ(close_range(77, 78, CLOSE_RANGE_CLOEXEC), 0);
	EQ(fcntl(77, F_GETFD), FD_CLOEXEC);
	FAILS(close_range(5, 4, 0), EINVAL);
	close(77), close(78), close(d), close(fd);
}

static int lock_fd;
static int locked(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10 };

	if (fcntl(lock_fd, F_GETLK, &l) || l.l_type != F_WRLCK || l.l_pid != getppid()
	    || l.l_start != 0 || l.l_len != 100)
		return 1;
	l.l_type = F_WRLCK;
	l.l_pid = 0;
	if (fcntl(lock_fd, F_SETLK, &l) != -1 || (errno != EAGAIN && errno != EACCES))
		return 2;
	l.l_start = 200;
	l.l_type = F_RDLCK;
	if (fcntl(lock_fd, F_SETLK, &l))
		return 3;
	int other = open("f", O_RDWR);
	if (flock(other, LOCK_EX | LOCK_NB) != -1 || errno != EWOULDBLOCK)
		return 4;
	return 42;
}

static void test_locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100 };

	lock_fd = open("f", O_RDWR);
	EQ(fcntl(lock_fd, F_SETLK, &l), 0);
	EQ(flock(lock_fd, LOCK_EX), 0);
	EQ(in_child(locked), 42);
	l.l_type = F_UNLCK;
	EQ(fcntl(lock_fd, F_SETLKW, &l), 0);
	EQ(flock(lock_fd, LOCK_UN), 0);
	l.l_type = F_WRLCK;
	l.l_pid = 0;
	EQ(fcntl(lock_fd, F_OFD_SETLK, &l), 0);
	FAILS(fcntl(lock_fd, F_GETLK, (void *)8), EFAULT);
	close(lock_fd);
}

static void test_copy(void)
{
	int in = open("s2", O_RDWR | O_CREAT | O_TRUNC, 0600),
	    out = open("s3", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2];
	off_t off = 10;
	loff_t a = 0, b = 5;

	for (size_t i = 0; i < sizeof buf; i++)
		buf[i] = (char)i;
	EQ(write(in, buf, 20000), 20000);
	EQ(sendfile(out, in, &off, 100), 100);
	EQ(off, 110);
	EQ(pread(out, buf + 30000, 100, 0), 100);
	CHECK(!memcmp(buf + 10, buf + 30000, 100));
	long r = copy_file_range(in, &a, out, &b, 50, 0);
	CHECK(r == 50 || errno == EOPNOTSUPP || errno == EXDEV);
	CHECK(r != 50 || (a == 50 && b == 55));
	EQ(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	a = 0;
	EQ(splice(in, &a, p[1], NULL, 1000, 0), 1000);
	EQ(a, 1000);
	EQ(read(p[0], buf + 30000, 2000), 1000);
	CHECK(!memcmp(buf, buf + 30000, 1000));
	struct iovec v = { buf, 500 };
	EQ(vmsplice(p[1], &v, 1, 0), 500);
	EQ(read(p[0], buf + 30000, 2000), 500);
	FAILS(read(p[0], buf, 1), EAGAIN);
	EQ(fcntl(p[0], F_GETPIPE_SZ), fcntl(p[1], F_GETPIPE_SZ));
	close(in), close(out), close(p[0]), close(p[1]);
}

static void test_more(void)
{
	int fd = memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	char value[16];

	CHECK(fd >= 0);
	EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
	EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_WRITE);
	FAILS(write(fd, "x", 1), EPERM);
	close(fd);
	if (setxattr("f", "user.test", "value", 5, 0) == 0) {
		EQ(getxattr("f", "user.test", value, sizeof value), 5);
		CHECK(!memcmp(value, "value", 5));
		FAILS(getxattr("f", "user.test", value, 2), ERANGE);
		CHECK(listxattr("f", buf, sizeof buf) >= 10);
		EQ(removexattr("f", "user.test"), 0);
		FAILS(getxattr("f", "user.test", value, sizeof value), ENODATA);
	}
	EQ(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS), 0);
	EQ(mknod("fifo", S_IFIFO | 0600, 0), 0);
	CHECK((fd = open("fifo", O_RDWR)) >= 0);
	EQ(write(fd, "abc", 3), 3);
	EQ(read(fd, buf, 10), 3);
	close(fd);
	sync();
}

int main(void)
{
	test_open();
	test_io();
	test_stat();
	test_dup();
	test_locks();
	test_copy();
	test_more();
	return done();
}

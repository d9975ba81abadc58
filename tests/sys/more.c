/* Calls that no other program here makes: attributes, links and owners, mounts and name spaces, schedulers, locks, new forms of old calls. */
#include "tests/sys/sys.h"

#include <linux/capability.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

static void test_attributes(void)
{
	struct {
		uint64_t value;
		uint32_t size, flags;
	} x = { (unsigned long)"later", 5, 0 };
	char buf[64] = "";
	int fd = open("attr", O_RDWR | O_CREAT, 0600);

	EQ(RAW(SYS_lsetxattr, "attr", "user.one", "1", 1, G(0)), 0);
	EQ(RAW(SYS_fsetxattr, G(fd), "user.two", "22", 2, G(0)), 0);
	EQ(RAW(SYS_fsetxattr, fd, "user.two", "22", 2, G(1)), -EEXIST);
	EQ(RAW(SYS_lgetxattr, "attr", "user.two", buf, 64), 2);
	EQ(RAW(SYS_fgetxattr, G(fd), "user.one", buf, 64), 1);
	EQ(RAW(SYS_fgetxattr, fd, "user.none", buf, 64), -ENODATA);
	EQ(RAW(SYS_fgetxattr, fd, "user.one", 8, 64), -EFAULT);
	CHECK(RAW(SYS_llistxattr, "attr", buf, 64) >= 18);
	CHECK(RAW(SYS_flistxattr, G(fd), buf, 64) >= 18);
	EQ(RAW(SYS_lremovexattr, "attr", "user.one"), 0);
	EQ(RAW(SYS_fremovexattr, G(fd), "user.two"), 0);
	EQ(RAW(463, G(AT_FDCWD), "attr", G(0), "user.at", &x, sizeof x), 0);
	x.value = (unsigned long)buf, x.size = sizeof buf;
	EQ(RAW(464, G(AT_FDCWD), "attr", G(0), "user.at", &x, sizeof x), 5);
	CHECK(!memcmp(buf, "later", 5));
	x.value = 8;
	EQ(RAW(464, AT_FDCWD, "attr", 0, "user.at", &x, sizeof x), -EFAULT);
	EQ(RAW(464, AT_FDCWD, "attr", 0, "user.at", 8, sizeof x), -EFAULT);
	EQ(RAW(464, AT_FDCWD, "attr", 0, "user.at", &x, 8), -EINVAL);
	CHECK(RAW(465, G(AT_FDCWD), "attr", G(0), buf, 64) >= 8);
	EQ(RAW(466, G(AT_FDCWD), "attr", G(0), "user.at"), 0);
	EQ(RAW(468, G(AT_FDCWD), "attr", buf, 24, G(0)), 0);
	EQ(RAW(469, G(AT_FDCWD), "attr", buf, 24, G(0)), 0);
	close(fd);
}

static void test_names(void)
{
	struct stat st;
	int fd, p[4];
	char buf[16];
	struct iovec v = { "vector", 6 };

	EQ(RAW(SYS_mknodat, G(AT_FDCWD), "fifo", G(S_IFIFO | 0600), G(0)), 0);
	EQ(stat("fifo", &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	EQ(RAW(SYS_symlinkat, "fifo", G(AT_FDCWD), "link"), 0);
	EQ(RAW(SYS_linkat, G(AT_FDCWD), "fifo", G(AT_FDCWD), "hard", G(0)), 0);
	EQ(stat("hard", &st), 0);
	EQ(st.st_nlink, 2);
	EQ(RAW(SYS_fchmodat, G(AT_FDCWD), "hard", G(0640)), 0);
	EQ(RAW(452, G(AT_FDCWD), "link", G(0600), G(AT_SYMLINK_NOFOLLOW)), -EOPNOTSUPP);
	EQ(RAW(452, G(AT_FDCWD), "hard", G(0600), G(0)), 0);
	EQ(RAW(SYS_fchownat, G(AT_FDCWD), "hard", G(getuid()), G(-1), G(0)), 0);
	fd = open("written", O_RDWR | O_CREAT, 0600);
	EQ(RAW(SYS_fchown, G(fd), G(-1), G(getgid())), 0);
	EQ(RAW(SYS_pwrite64, G(fd), "text", 4, 2), 4);
	EQ(RAW(SYS_pwritev2, G(fd), &v, 1, 6, 0, G(0)), 6);
	EQ(RAW(SYS_pwritev2, fd, 8, 1, 6, 0, 0), -EFAULT);
	EQ(pread(fd, buf, 12, 0), 12);
	CHECK(!memcmp(buf, "\0\0textvector", 12));
	EQ(RAW(SYS_fadvise64, G(fd), 0, 4, G(4)), 0);
	EQ(RAW(SYS_syncfs, G(fd)), 0);
	EQ(RAW(SYS_sync_file_range, G(fd), 0, 4, G(2)), 0);
	if (pipe(p) || pipe(p + 2))
		return;
	EQ(write(p[1], "tee", 3), 3);
	EQ(RAW(SYS_tee, G(p[0]), G(p[3]), 10, G(0)), 3);
	EQ(read(p[2], buf, 10), 3);
	EQ(RAW(SYS_vmsplice, G(p[1]), &v, 1, G(0)), 6);
	EQ(RAW(SYS_vmsplice, p[1], 8, 1, 0), -EFAULT);
	EQ(read(p[0], buf, 10), 9);
	CHECK(!memcmp(buf, "teevector", 9));
	for (int i = 0; i < 4; i++)
		close(p[i]);
	close(fd);
}

static int mounts(void)
{
	struct {
		uint64_t set, clear, propagation, userns;
	} attr = { 1 /* read-only */ };
	int fs, m, tree;

	if (RAW(SYS_unshare, CLONE_NEWNS | CLONE_NEWUTS)
	    || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 90;
	mkdir("mnt", 0700), mkdir("mnt2", 0700);
	if (RAW(SYS_mount, "none", "mnt", "tmpfs", 0, "size=1M"))
		return 1;
	close(open("mnt/inside", O_CREAT | O_WRONLY, 0600));
	if (RAW(SYS_mount, 8, "mnt", "tmpfs", 0, 0) != -EFAULT)
		return 2;
	tree = (int)RAW(428, G(AT_FDCWD), "mnt", G(1 /* clone */));
	if (tree < 0 || RAW(429, G(tree), "", G(AT_FDCWD), "mnt2", G(4 /* empty path */)))
		return 3;
	if (access("mnt2/inside", F_OK) || RAW(442, G(AT_FDCWD), "mnt2", G(0), &attr, sizeof attr))
		return 4;
	if (open("mnt2/inside", O_WRONLY) >= 0 || errno != EROFS)
		return 5;
	fs = (int)RAW(430, "tmpfs", G(0));
	if (fs < 0 || RAW(431, G(fs), G(1), "size", "1M", G(0))
	    || RAW(431, G(fs), G(6), 0, 0, G(0)))
		return 6;
	m = (int)RAW(432, G(fs), G(0), G(0));
	if (m < 0 || RAW(433, G(AT_FDCWD), "mnt", G(0)) < 0)
		return 7;
	if (RAW(SYS_umount2, "mnt2", G(MNT_DETACH)) || RAW(SYS_umount2, "none", G(0)) != -ENOENT)
		return 8;
	if (RAW(SYS_sethostname, "kitemu-test", G(11)) || RAW(SYS_setdomainname, "domain", G(6)))
		return 9;
	struct utsname u;
	uname(&u);
	if (strcmp(u.nodename, "kitemu-test") || RAW(SYS_sethostname, 8, 4) != -EFAULT)
		return 10;
	m = open("/proc/self/ns/uts", O_RDONLY);
	if (RAW(SYS_setns, G(m), G(CLONE_NEWUTS)) || RAW(SYS_chroot, "mnt") || chdir("/"))
		return 11;
	return access("/inside", F_OK) ? 12 : 0;
}

static int identity(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2], e[2];
	int r[3] = { -1, -1, -1 }, groups[2] = { 7, 8 };

	if (getuid())
		return 0;
	if (RAW(SYS_capget, &h, d) || RAW(SYS_capset, &h, d) || RAW(SYS_capget, &h, e)
	    || memcmp(d, e, sizeof d))
		return 1;
	if (RAW(SYS_capset, &h, 8) != -EFAULT || RAW(SYS_setgroups, G(2), groups)
	    || RAW(SYS_setgroups, G(2), 8) != -EFAULT)
		return 2;
	if (RAW(SYS_setregid, G(5), G(6)) || RAW(SYS_setresgid, G(-1), G(7), G(8))
	    || RAW(SYS_getresgid, r, r + 1, r + 2))
		return 3;
	if (r[0] != 5 || r[1] != 7 || r[2] != 8 || RAW(SYS_setfsgid, G(7)) != 7)
		return 4;
	if (RAW(SYS_setgid, G(9)) || RAW(SYS_setreuid, G(10), G(11))
	    || RAW(SYS_setuid, G(0)) != -EPERM)
		return 5;
	if (RAW(SYS_setresuid, G(11), G(10), G(-1)) || RAW(SYS_getresuid, r, r + 1, r + 2)
	    || r[0] != 11 || r[1] != 10)
		return 6;
	return RAW(SYS_setfsuid, G(-1)) == 10 ? 0 : 7;
}

static void test_scheduling(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { 0 };
	struct sched_param p = { 0 };
	struct timespec t;

	EQ(RAW(SYS_sched_getattr, G(0), &attr, G(sizeof attr), G(0)), 0);
	EQ(attr.policy, SCHED_OTHER);
	attr.nice = 3;
	EQ(RAW(SYS_sched_setattr, G(0), &attr, G(0)), 0);
	EQ(RAW(SYS_sched_setattr, G(0), 8, G(0)), -EFAULT);
	EQ(RAW(SYS_getpriority, G(0), G(0)), 20 - 3);
	EQ(RAW(SYS_sched_setparam, G(0), &p), 0);
	EQ(RAW(SYS_sched_setscheduler, G(0), G(SCHED_BATCH), &p), 0);
	EQ(RAW(SYS_sched_getscheduler, G(0)), SCHED_BATCH);
	EQ(RAW(SYS_sched_get_priority_min, G(SCHED_FIFO)), 1);
	EQ(RAW(SYS_sched_rr_get_interval, G(0), &t), 0);
	EQ(RAW(SYS_ioprio_set, G(1), G(0), G(2 << 13 | 5)), 0);
	EQ(RAW(SYS_ioprio_get, G(1), G(0)), 2 << 13 | 5);
}

static void test_memory_locks(void)
{
	char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EQ(RAW(SYS_mlock, m, 4096), 0);
	EQ(RAW(SYS_mlock2, m + 4096, 4096, G(1)), 0);
	EQ(RAW(SYS_mlock2, m + 4096, 4096, G(2)), -EINVAL);
	EQ(RAW(SYS_munlock, m, 8192), 0);
	EQ(RAW(SYS_mlock, 4096, 4096), -ENOMEM);
	EQ(RAW(SYS_mlockall, G(2)), 0);
	EQ(RAW(SYS_munlockall), 0);
	EQ(RAW(SYS_mlockall, G(8)), -EINVAL);
	munmap(m, 8192);
	/* The first page of a file where the second one was. */
	int fd = (int)RAW(SYS_memfd_create, "pages", G(0));

	ftruncate(fd, 8192);
	m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	m[0] = 1, m[4096] = 2;
	EQ(RAW(SYS_remap_file_pages, m + 4096, 4096, 0, 0, 0), 0);
	EQ(m[4096], 1);
	m[4096] = 3;
	EQ(m[0], 3);
	EQ(RAW(SYS_remap_file_pages, m, 4096, 1, 0, 0), -EINVAL);
	close(fd);
	munmap(m, 8192);
}

static void test_time(void)
{
	struct timex x = { 0 };
	struct timeval none = { -1, 0 };

	CHECK(RAW(SYS_adjtimex, &x) >= 0);
	CHECK(x.tick > 0);
	CHECK(RAW(SYS_clock_adjtime, G(CLOCK_REALTIME), &x) >= 0);
	EQ(RAW(SYS_clock_settime, G(CLOCK_MONOTONIC), &(struct timespec){ 0 }), -EINVAL);
	EQ(RAW(SYS_settimeofday, &none, 0), -EINVAL);
	EQ(RAW(SYS_syslog, G(10), 0, G(0)) >= 0, 1);
}

/* The futexes of size and flags, and several at once; a child in the same memory wakes. */
static void test_futexes(void)
{
	enum { U32 = 2 };
	struct {
		uint64_t val, addr;
		uint32_t flags, reserved;
	} v[2] = { { 0 } };
	unsigned *f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec t;
	int status;
	pid_t pid;

	v[0].addr = (unsigned long)f, v[1].addr = (unsigned long)(f + 1),
	v[0].flags = v[1].flags = U32;
	clock_gettime(CLOCK_MONOTONIC, &t);
	EQ(RAW(449, v, G(2), G(0), &t, G(CLOCK_MONOTONIC)), -ETIMEDOUT);
	v[1].val = 5;
	EQ(RAW(449, v, G(2), G(0), &t, G(CLOCK_MONOTONIC)), -EAGAIN);
	v[1].val = 0;
	EQ(RAW(449, 8, G(2), G(0), &t, G(CLOCK_MONOTONIC)), -EFAULT);
	v[1].addr = 8;
	EQ(RAW(449, v, G(2), G(0), &t, G(CLOCK_MONOTONIC)), -EFAULT);
	v[1].addr = (unsigned long)(f + 1);
	EQ(RAW(455, f, 0, ~0u, G(U32), &t, G(CLOCK_MONOTONIC)), -ETIMEDOUT);
	EQ(RAW(455, f, 1, ~0u, G(U32), &t, G(CLOCK_MONOTONIC)), -EAGAIN);
	EQ(RAW(455, 8, 1, ~0u, G(U32), &t, G(CLOCK_MONOTONIC)), -EFAULT);
	EQ(RAW(454, f, ~0u, G(1), G(U32)), 0);
	EQ(RAW(456, v, G(0), G(1), G(1)), 0);
	EQ(RAW(456, 8, G(0), G(1), G(1)), -EFAULT);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		while (RAW(454, f + 1, ~0u, 1, U32) == 0)
			usleep(1000);
		_exit(0);
	}
	EQ(RAW(449, v, 2, 0, 0, 0), 1);
	waitpid(pid, &status, 0);
	EQ(status, 0);
	EQ(RAW(449, v, 200, 0, 0, 0), -EINVAL);
	munmap(f, 4096);
}

static void test_epoll(void)
{
	struct epoll_event ev;
	struct timespec now = { 0, 0 };
	uint64_t set = 0;
	int e = epoll_create1(0);

	EQ(RAW(441, G(e), &ev, G(1), &now, &set, 8), 0);
	EQ(RAW(441, G(e), &ev, G(1), &now, &set, 4), -EINVAL);
	EQ(RAW(441, G(e), &ev, G(1), 8, &set, 8), -EFAULT);
	EQ(RAW(441, G(e), &ev, G(0), &now, &set, 8), -EINVAL);
	EQ(RAW(441, G(-1), &ev, G(1), &now, &set, 8), -EBADF);
	EQ(RAW(SYS_epoll_pwait, G(e), 1ul << 63, G(1), G(0), &set, 8), -EFAULT);
	close(e);
}

static void test_auxv(void)
{
	unsigned long v[64] = { 0 }, *p = v;
	long size = RAW(SYS_prctl, G(0x41555856), v, sizeof v, 0, 0);

	CHECK(size > 100);
	while (p[0] && p[0] != AT_ENTRY)
		p += 2;
	EQ(p[1], getauxval(AT_ENTRY));
	EQ(RAW(SYS_prctl, 0x41555856, v, 4, 0, 0), size);
	EQ(RAW(SYS_prctl, 0x41555856, 8, 4, 0, 0), -EFAULT);
	EQ(RAW(SYS_prctl, 0x41555856, v, 4, 1, 0), -EINVAL);
}

int main(void)
{
	test_auxv();
	test_attributes();
	test_names();
	EQ(in_child(mounts), 0);
	EQ(in_child(identity), 0);
	test_memory_locks();
	test_time();
	test_futexes();
	test_epoll();
	test_scheduling();
	return done();
}

/* Calls that no other program here makes with success: the rest of the table. tests/sys/run says which rows have none. */
#include "tests/sys/sys.h"

#include <linux/futex.h>
#include <linux/quota.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/time.h>
#include <time.h>

#define NR_PIDFD_OPEN       434
#define NR_FUTEX_WAKE       454
#define NR_FUTEX_WAIT       455
#define NR_QUOTACTL_FD      443
#define NR_PROCESS_MRELEASE 448
#define NR_LSM_GET_SELF     459
#define NR_LSM_SET_SELF     460
#define NR_OPEN_TREE_ATTR   467
#define NR_LISTNS           470
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum { PAGE = 4096, PRIVATE2 = 2, LSM_CURRENT = 100 };

static void test_memory(void)
{
	unsigned char in_core[4];
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *q;

	p[PAGE] = 7;
	EQ(RAW(SYS_mincore, p, 4 * PAGE, in_core), 0);
	EQ(in_core[0] & 1, 0);
	EQ(in_core[1] & 1, 1);
	EQ(RAW(SYS_mincore, p + 1, PAGE, in_core), -EINVAL);
	EQ(RAW(SYS_mincore, p, 4 * PAGE, 8), -EFAULT);
	q = (char *)RAW(SYS_mremap, p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0);
	CHECK((long)q > 0 && q[PAGE] == 7 && q[5 * PAGE] == 0);
	EQ(RAW(SYS_mremap, q, 8 * PAGE, 2 * PAGE, 0), (long)q);
	FAILS(mincore(q + 4 * PAGE, PAGE, in_core), ENOMEM);
	EQ(RAW(SYS_pkey_mprotect, q, PAGE, PROT_READ | G(0), G(-1)), -EINVAL); /* prot is no int */
	EQ(RAW(SYS_pkey_mprotect, q, PAGE, PROT_READ, G(-1)), 0);
	CHECK(read(-1, q, 1) == -1 && q[0] == 0);
	EQ(RAW(SYS_munmap, q, 2 * PAGE), 0);
}

static void test_semaphores(void)
{
	struct sembuf up = { 0, 2, 0 }, down = { 0, -1, IPC_NOWAIT };
	int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);

	EQ(RAW(SYS_semop, G(id), &up, G(1)), 0);
	EQ(RAW(SYS_semop, id, &down, 1), 0);
	EQ(RAW(SYS_semctl, G(id), G(0), G(GETVAL), 0), 1);
	EQ(RAW(SYS_semop, id, &down, 1), 0);
	EQ(RAW(SYS_semop, id, &down, 1), -EAGAIN);
	EQ(RAW(SYS_semop, id, 8, 1), -EFAULT);
	EQ(RAW(SYS_semctl, id, 0, IPC_RMID, 0), 0);
}

static uint32_t word;

static int wakes(void)
{
	usleep(20000);
	return RAW(NR_FUTEX_WAKE, &word, 0xffffffff, G(1), G(PRIVATE2)) == 1 ? 5 : 6;
}

/* Woken by a process that shares the memory: so the futex is private. */
static int wake_beside(void *arg)
{
	RAW(SYS_exit_group, wakes());
	return 0;
}

static void test_futex(void)
{
	static char stack[1 << 14] __attribute__((aligned(16)));
	struct timespec soon = { 0, 1000000 };
	int status = 0;
	pid_t pid;

	clock_gettime(CLOCK_MONOTONIC, &soon);
	EQ(RAW(NR_FUTEX_WAIT, &word, 1, 0xffffffff, G(PRIVATE2), &soon, G(CLOCK_MONOTONIC)),
	   -EAGAIN);
	EQ(RAW(NR_FUTEX_WAIT, &word, 0, 0xffffffff, G(PRIVATE2), &soon, G(CLOCK_MONOTONIC)),
	   -ETIMEDOUT);
	pid = clone(wake_beside, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
	EQ(RAW(NR_FUTEX_WAIT, &word, 0, 0xffffffff, PRIVATE2, 0, 0), 0);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 5 << 8);
}

/* What asks for nothing to be changed succeeds where we may ask at all. */
static void test_no_change(void)
{
	EQ(RAW(SYS_settimeofday, 0, 0), 0);
	EQ(RAW(SYS_acct, 0), 0);
	EQ(RAW(SYS_quotactl, G(QCMD(Q_SYNC, USRQUOTA)), 0, G(0), 0), 0);
}

static void test_limits(void)
{
	struct rlimit l = { 1, 1 };
	unsigned long head = 1, size = 0;
	struct timeval tv = { 0, -1 };

	EQ(RAW(SYS_getrlimit, G(RLIMIT_NOFILE), &l), 0);
	CHECK(l.rlim_max >= l.rlim_cur && l.rlim_cur > 10);
	EQ(RAW(SYS_setrlimit, G(RLIMIT_NOFILE), &l), 0);
	EQ(RAW(SYS_setrlimit, G(RLIMIT_NOFILE), 8), -EFAULT);
	EQ(RAW(SYS_get_robust_list, G(0), &head, &size), 0);
	EQ(size, 24);
	EQ(RAW(SYS_gettimeofday, &tv, 0), 0);
	CHECK(tv.tv_sec > 1600000000 && tv.tv_usec >= 0);
	EQ(RAW(SYS_getegid), getegid());
}

static int session(void)
{
	return RAW(SYS_setsid) == getpid() && getsid(0) == getpid() && RAW(SYS_setsid) == -EPERM
		   ? 3
		   : 4;
}

/* A session on a terminal of its own is hung up: its leader gets SIGHUP. */
static int hung_up(void)
{
	int ptmx = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0, tty;

	signal(SIGHUP, SIG_IGN);
	setsid();
	if (ptmx < 0 || ioctl(ptmx, TIOCSPTLCK, &zero))
		return 20;
	tty = ioctl(ptmx, TIOCGPTPEER, O_RDWR);
	if (tty < 0 || RAW(SYS_vhangup) != 0)
		return 21;
	return write(tty, "x", 1) == -1 && errno == EIO ? 22 : 23;
}

static int new_root(void)
{
	struct stat st;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)
	    || mkdir("root", 0700) || mount("none", "root", "tmpfs", 0, NULL) || chdir("root")
	    || mkdir("old", 0700) || mkdir("mark", 0700))
		return 30;
	if (RAW(SYS_pivot_root, ".", 8) != -EFAULT || RAW(SYS_pivot_root, ".", "old") != 0)
		return 31;
	return chdir("/") == 0 && stat("/mark", &st) == 0 && umount2("/old", MNT_DETACH) == 0
		       && stat("/proc/self", &st) != 0
		   ? 32
		   : 33;
}

static int attributes_of_tree(void)
{
	struct {
		uint64_t set, clr, propagation, userns;
	} attr = { .set = 1 }; /* MOUNT_ATTR_RDONLY */
	long fd;

	if (unshare(CLONE_NEWNS))
		return 40;
	fd = RAW(NR_OPEN_TREE_ATTR, G(AT_FDCWD), ".", G(1), &attr,
		 sizeof attr); /* OPEN_TREE_CLONE */
	if (fd < 0)
		return 41;
	return openat((int)fd, "x", O_CREAT | O_WRONLY, 0600) == -1 && errno == EROFS ? 42 : 43;
}

/* The memory of a process that was killed, and has not left it yet. */
static void test_mrelease(void)
{
	int pid = fork(), fd, status;
	long r;

	if (!pid)
		for (;;)
			pause();
	fd = (int)RAW(NR_PIDFD_OPEN, pid, 0);
	EQ(RAW(NR_PROCESS_MRELEASE, G(fd), G(0)), -EINVAL); /* nobody has killed it */
	EQ(RAW(NR_PROCESS_MRELEASE, fd, 1), -EINVAL);
	kill(pid, SIGKILL);
	r = RAW(NR_PROCESS_MRELEASE, fd, 0);
	CHECK(r == 0 || r == -ESRCH); /* it may be too late */
	waitpid(pid, &status, 0);
	close(fd);
}

static void test_namespaces(void)
{
	struct {
		uint32_t size, spare;
		uint64_t ns_id, ns_type, user_ns;
	} req = { .size = 32 };
	uint64_t ids[64];
	long r = RAW(NR_LISTNS, &req, ids, 64, G(0));

	CHECK(r > 0);
	EQ(RAW(NR_LISTNS, &req, 8, 64, 0), -EFAULT);
}

static void test_security(void)
{
	char buf[4096];
	uint32_t size = sizeof buf;

	CHECK(RAW(NR_LSM_GET_SELF, G(LSM_CURRENT), buf, &size, G(0)) >= 0);
	EQ(RAW(NR_LSM_GET_SELF, LSM_CURRENT, buf, 8, 0), -EFAULT);
	CHECK(RAW(NR_LSM_SET_SELF, G(LSM_CURRENT), buf, G(size), G(0)) == 0);
}

int main(void)
{
	test_memory();
	test_semaphores();
	test_futex();
	test_no_change();
	test_limits();
	EQ(in_child(session), 3);
	EQ(in_child(hung_up), 22);
	EQ(in_child(new_root), 32);
	EQ(in_child(attributes_of_tree), 42);
	test_mrelease();
	test_namespaces();
	test_security();
	EQ(RAW(SYS_restart_syscall), -EINTR); /* nothing was interrupted */
	return done();
}

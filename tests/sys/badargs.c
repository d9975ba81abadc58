/* Bad pointers give EFAULT and nothing worse; int arguments count with their low half only; unknown calls do not exist. */
#include "tests/sys/sys.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

static char *edge; /* the end of a mapping: nothing follows */
static int fd, p[2], s[2];

#define EFAULTS(what, ...) EQ(RAW(SYS_##what, __VA_ARGS__), -EFAULT)

static void test_pointers(unsigned long bad)
{
	char buf[8];
	struct iovec v = { (void *)bad, 8 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int ep = epoll_create1(0), len = 4;

	printf("# pointer 0x%lx\n", bad);
	EFAULTS(openat, AT_FDCWD, bad, O_RDONLY);
	EFAULTS(read, fd, bad, 8);
	EFAULTS(write, p[1], bad, 8);
	EFAULTS(pread64, fd, bad, 8, 0);
	EFAULTS(readv, fd, bad, 1);
	EFAULTS(writev, p[1], &v, 1);
	EFAULTS(fstat, fd, bad);
	EFAULTS(newfstatat, AT_FDCWD, bad, buf, 0);
	EFAULTS(newfstatat, AT_FDCWD, "/", bad, 0);
	EFAULTS(statx, AT_FDCWD, "/", 0, 0x7ff, bad);
	EFAULTS(getdents64, RAW(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY), bad, 4096);
	EFAULTS(getcwd, bad, 4096);
	EFAULTS(readlinkat, AT_FDCWD, bad, buf, 8);
	EFAULTS(readlinkat, AT_FDCWD, "/proc/self/exe", bad, 8);
	EFAULTS(unlinkat, AT_FDCWD, bad, 0);
	EFAULTS(renameat2, AT_FDCWD, bad, AT_FDCWD, "x", 0);
	EFAULTS(mkdirat, AT_FDCWD, bad, 0700);
	EFAULTS(faccessat, AT_FDCWD, bad, 0);
	EFAULTS(chdir, bad);
	EFAULTS(statfs, "/", bad);
	EFAULTS(pipe2, bad, 0);
	EFAULTS(ppoll, bad, 1, 0, 0, 8);
	EFAULTS(pselect6, 1, bad, 0, 0, 0, 0);
	EFAULTS(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], bad);
	EFAULTS(uname, bad);
	EFAULTS(getrusage, 0, bad);
	EFAULTS(getrlimit, RLIMIT_NOFILE, bad);
	EFAULTS(prlimit64, 0, RLIMIT_NOFILE, bad, 0);
	EFAULTS(sysinfo, bad);
	EFAULTS(times, bad);
	EFAULTS(clock_gettime, CLOCK_MONOTONIC_RAW, bad);
	EFAULTS(clock_getres, CLOCK_MONOTONIC, bad);
	EFAULTS(gettimeofday, bad, 0);
	EFAULTS(nanosleep, bad, 0);
	EFAULTS(clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, bad, 0);
	EFAULTS(setitimer, 0, bad, 0);
	EFAULTS(timer_create, CLOCK_MONOTONIC, bad, buf);
	EFAULTS(rt_sigaction, SIGUSR1, bad, 0, 8);
	EFAULTS(rt_sigaction, SIGUSR1, 0, bad, 8);
	EFAULTS(rt_sigprocmask, SIG_BLOCK, bad, 0, 8);
	EFAULTS(rt_sigprocmask, SIG_BLOCK, 0, bad, 8);
	EFAULTS(rt_sigpending, bad, 8);
	EFAULTS(rt_sigtimedwait, bad, 0, 0, 8);
	EFAULTS(sigaltstack, bad, 0);
	EFAULTS(rt_sigqueueinfo, getpid(), 0, bad);
	EFAULTS(futex, bad & ~3ul, FUTEX_WAIT, 0, 0);
	EFAULTS(futex, &len, FUTEX_WAIT, 4, bad);
	EFAULTS(getrandom, bad, 8, 0);
	EFAULTS(memfd_create, bad, 0);
	EFAULTS(socketpair, AF_UNIX, SOCK_STREAM, 0, bad);
	EFAULTS(bind, s[0], bad, 16);
	EFAULTS(sendto, s[0], bad, 8, 0, 0, 0);
	EFAULTS(sendmsg, s[0], bad, 0);
	EFAULTS(sendmsg, s[0], &m, 0);
	EFAULTS(recvmsg, s[0], bad, MSG_DONTWAIT);
	EFAULTS(getsockopt, s[0], SOL_SOCKET, SO_TYPE, bad, &len);
	EFAULTS(setsockopt, s[0], SOL_SOCKET, SO_SNDBUF, bad, 4);
	EFAULTS(execve, bad, 0, 0);
	EFAULTS(execve, "/proc/self/exe", bad, 0);
	EFAULTS(execve, "/proc/self/exe", 0, bad);
	EFAULTS(sched_getaffinity, 0, 128, bad);
	EFAULTS(capget, bad, 0);
	EFAULTS(prctl, 15 /* PR_SET_NAME */, bad);
	close(ep);
}

static void test_edge(void)
{
	struct timespec t = { 0, 1 };

	/* Structures that end where the mapping ends are good; one byte further they are not. */
	memcpy(edge - sizeof t, &t, sizeof t);
	EQ(RAW(SYS_nanosleep, edge - sizeof t, 0), 0);
	EQ(RAW(SYS_nanosleep, edge - sizeof t + 1, 0), -EFAULT);
	strcpy(edge - 2, "/");
	EQ(RAW(SYS_faccessat, AT_FDCWD, edge - 2, 0), 0);
	edge[-1] = '/';
	EQ(RAW(SYS_faccessat, AT_FDCWD, edge - 2, 0), -EFAULT);
	EQ(RAW(SYS_fstat, fd, edge - sizeof(struct stat)), 0);
	EQ(RAW(SYS_clock_gettime, CLOCK_REALTIME, edge - 16), 0);
	EQ(RAW(SYS_clock_gettime, CLOCK_REALTIME, edge - 15), -EFAULT);
	EQ(write(p[1], "12345678", 8), 8);
	EQ(RAW(SYS_read, p[0], edge - 4, 4), 4);
	EQ(read(p[0], edge - 4, 4), 4);
	/* Read-only memory is no place for results. */
	mprotect(edge - 4096, 4096, PROT_READ);
	EQ(RAW(SYS_clock_gettime, CLOCK_REALTIME, edge - 64), -EFAULT);
	EQ(RAW(SYS_fstat, fd, edge - 512), -EFAULT);
	EQ(RAW(SYS_pread64, fd, edge - 64, 8, 0), -EFAULT);
	mprotect(edge - 4096, 4096, PROT_READ | PROT_WRITE);
}

static void test_garbage(void)
{
	char buf[16];
	struct pollfd pf = { p[1], POLLOUT, 0 };
	int d;

	EQ(RAW(SYS_lseek, G(fd), 3, G(SEEK_SET)), 3);
	EQ(RAW(SYS_read, G(fd), buf, 4), 4);
	EQ(RAW(SYS_write, G(p[1]), buf, 4), 4);
	EQ(RAW(SYS_read, G(p[0]), buf, 16), 4);
	CHECK((d = (int)RAW(SYS_openat, G(AT_FDCWD), "g", G(O_RDWR | O_CREAT), G(0600))) >= 0);
	EQ(RAW(SYS_fcntl, G(d), G(F_DUPFD), G(300)), 300);
	EQ(RAW(SYS_dup3, G(d), G(301), G(O_CLOEXEC)), 301);
	EQ(RAW(SYS_fcntl, G(301), G(F_GETFD)), FD_CLOEXEC);
	EQ(RAW(SYS_close_range, G(300), G(301), G(0)), 0);
	EQ(RAW(SYS_fchmod, G(d), G(0640)), 0);
	EQ(RAW(SYS_ftruncate, G(d), 10), 0);
	EQ(RAW(SYS_close, G(d)), 0);
	EQ(RAW(SYS_unlinkat, G(AT_FDCWD), "g", G(0)), 0);
	EQ(RAW(SYS_mkdirat, G(AT_FDCWD), "gd", G(0700)), 0);
	EQ(RAW(SYS_newfstatat, G(AT_FDCWD), "gd", edge - 256, G(0)), 0);
	EQ(RAW(SYS_unlinkat, G(AT_FDCWD), "gd", G(AT_REMOVEDIR)), 0);
	EQ(RAW(SYS_ppoll, &pf, G(1), 0, 0, 8), 1);
	EQ(RAW(SYS_kill, G(getpid()), G(0)), 0);
	EQ(RAW(SYS_getpgid, G(0)), getpgrp());
	EQ(RAW(SYS_rt_sigprocmask, G(SIG_BLOCK), 0, edge - 8, 8), 0);
	EQ(RAW(SYS_rt_sigaction, G(SIGUSR1), 0, edge - 64, 8), 0);
	EQ(RAW(SYS_prlimit64, G(0), G(RLIMIT_NOFILE), 0, edge - 16), 0);
	EQ(RAW(SYS_madvise, edge - 4096, 4096, G(MADV_NORMAL)), 0);
	EQ(RAW(SYS_socket, G(999), G(1), G(0)), -EAFNOSUPPORT);
	EQ(RAW(SYS_epoll_ctl, G(99), G(1), G(1), edge - 64), -EBADF);
	EQ(RAW(SYS_getrandom, buf, 4, G(1)), 4);
	EQ(RAW(SYS_umask, G(022)) & ~0777, 0);
	EQ(RAW(SYS_wait4, G(-1), 0, G(WNOHANG), 0), -ECHILD);
	EQ(RAW(SYS_sched_yield), 0);
	long m = RAW(SYS_mmap, 0, 4096, G(PROT_READ), G(MAP_PRIVATE | MAP_ANONYMOUS), G(-1), 0);
	CHECK(m > 0);
	EQ(RAW(SYS_mprotect, m, 4096, PROT_READ | PROT_WRITE), 0);
	EQ(RAW(SYS_munmap, m, 4096), 0);
}

static void test_unknown(void)
{
	EQ(RAW(600), -ENOSYS);
	EQ(RAW(5000), -ENOSYS);
	EQ(RAW(-1), -ENOSYS);
#if defined(__riscv)
	EQ(RAW(244), -ENOSYS);
	EQ(RAW(38), -ENOSYS);
	EQ(RAW((1ul << 32) | SYS_getpid), -ENOSYS);
#endif
	EQ(RAW(SYS_rt_sigaction, 0, 0, 0, 8), -EINVAL);
	EQ(RAW(SYS_rt_sigaction, 65, 0, 0, 8), -EINVAL);
	EQ(RAW(SYS_rt_sigaction, SIGUSR1, 0, 0, 4), -EINVAL);
	EQ(RAW(SYS_rt_sigprocmask, 77, edge - 8, 0, 8), -EINVAL);
}

int main(void)
{
	char *m = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(m + 2 * 4096, 4096);
	edge = m + 2 * 4096;
	fd = open("/proc/self/exe", O_RDONLY);
	if (pipe(p) || socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return 1;
	test_pointers(8);
	test_pointers((unsigned long)edge);
	test_pointers(1ul << 63);
	test_edge();
	test_garbage();
	test_unknown();
	return done();
}

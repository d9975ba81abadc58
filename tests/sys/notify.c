/* seccomp filters with a listener, seccomp_unotify(2): one process answers for the system calls of another. */
#include "tests/sys/sys.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef SECCOMP_IOCTL_NOTIF_ADDFD
struct seccomp_notif_addfd {
	uint64_t id;
	uint32_t flags, srcfd, newfd, newfd_flags;
};
#define SECCOMP_IOCTL_NOTIF_ADDFD _IOW('!', 3, struct seccomp_notif_addfd)
#endif
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1
#endif

static int ends[2]; /* a socket pair: supervisor, target */

static int seccomp(unsigned op, unsigned flags, void *arg)
{
	return (int)syscall(SYS_seccomp, op, flags, arg);
}

/* A filter with this action for one call. */
static int filter(long nr, unsigned action, unsigned flags)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof f / sizeof *f, f };

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}

static void send_fd(int fd)
{
	char c = 0, control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	if (sendmsg(ends[1], &m, 0) != 1)
		_exit(90);
	close(fd);
}

static int receive_fd(void)
{
	char c, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof control };
	int fd = -1;

	if (recvmsg(ends[0], &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

/* A child under a filter that notifies of nr; its pid, and the listener. */
static pid_t start(int (*fn)(void), long nr, int *listener)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int fd;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fd = filter(nr, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
		if (fd < 0)
			_exit(91);
		if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
			_exit(92);
		send_fd(fd);
		_exit(fn());
	}
	*listener = receive_fd();
	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1000;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct seccomp_notif n;

static int receive(int fd)
{
	memset(&n, 0, sizeof n);
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n);
}

static int answer(int fd, int64_t val, int error, unsigned flags)
{
	struct seccomp_notif_resp r = { .id = n.id, .val = val, .error = error, .flags = flags };

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static int asks(void)
{
	long r = RAW(SYS_getpriority, 11, 22, 33, 44, 55, 66);

	if (r != 4242)
		return 1;
	if (RAW(SYS_getpriority, 0, 0) != -EUSERS)
		return 2;
	if (RAW(SYS_getpriority, 0, 0) != -ENOSYS)
		return 3;
	r = RAW(SYS_getpriority, 0, 0); /* for real: 20 - nice */
	if (r < 1 || r > 40)
		return 4;
	if (RAW(SYS_getpriority, 99, 0) != -EINVAL)
		return 5;
	if (RAW(SYS_getpriority, 0, 0) != (long)0x123456789abcdef)
		return 6;
	return 40;
}

static void test_answers(void)
{
	int fd;
	pid_t pid = start(asks, SYS_getpriority, &fd);
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
	uint64_t id;

	CHECK(fd >= 0);
	EQ(poll(&p, 1, 10000), 1);
	EQ(p.revents, POLLIN);
	memset(&n, 1, sizeof n);
	FAILS(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n), EINVAL);
	FAILS(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, 8), EFAULT);
	EQ(receive(fd), 0);
	EQ(n.pid, pid);
	EQ(n.flags, 0);
	EQ(n.data.nr, SYS_getpriority);
#if defined(__riscv)
	EQ(n.data.arch, AUDIT_ARCH_RISCV64);
#endif
	CHECK(n.data.args[0] == 11 && n.data.args[1] == 22 && n.data.args[2] == 33);
	CHECK(n.data.args[3] == 44 && n.data.args[4] == 55 && n.data.args[5] == 66);
	p.revents = 0;
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLOUT);
	id = n.id;
	EQ(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id), 0);
	id += 1000;
	FAILS(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id), ENOENT);
	FAILS(answer(fd, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
	FAILS(answer(fd, 0, 0, 2), EINVAL);
	FAILS(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, 8), EFAULT);
	FAILS(ioctl(fd, _IO('!', 77), 0), EINVAL);
	EQ(answer(fd, 4242, 0, 0), 0);
	EQ(answer(fd, 4242, 0, 0), -1); /* ENOENT, or before its time EINPROGRESS */
	EQ(receive(fd), 0);
	EQ(answer(fd, 7, -EUSERS, 0), 0);
	EQ(receive(fd), 0);
	EQ(answer(fd, 0, -ENOSYS, 0), 0);
	EQ(receive(fd), 0);
	EQ(answer(fd, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), 0);
	EQ(receive(fd), 0);
	EQ(answer(fd, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), 0);
	EQ(receive(fd), 0);
	EQ(answer(fd, 0x123456789abcdef, 0, 0), 0);
	EQ(end_of(pid), 40);
	/* Nobody is left who could ask. */
	p.revents = 0;
	EQ(poll(&p, 1, 10000), 1);
	EQ(p.revents & POLLHUP, POLLHUP);
	close(fd);
}

static int wants_file(void)
{
	struct stat a, b;
	int fd = (int)RAW(SYS_openat, AT_FDCWD, "/not/there", O_RDONLY, 0);

	if (fd < 0 || fstat(fd, &a) || stat("/dev/zero", &b) || a.st_rdev != b.st_rdev)
		return 1;
	return fcntl(fd, F_GETFD) == FD_CLOEXEC ? 41 : 2;
}

static void test_descriptors(void)
{
	int fd, zero = open("/dev/zero", O_RDONLY);
	pid_t pid = start(wants_file, SYS_openat, &fd);
	struct seccomp_notif_addfd add = { .srcfd = (unsigned)zero, .newfd_flags = O_CLOEXEC };
	char name[16] = "";
	struct iovec here = { name, 11 }, far = { NULL, 11 };
	int there;

	EQ(receive(fd), 0);
	/* As supervisors do: the path, from the memory of the one that waits. */
	far.iov_base = (void *)n.data.args[1];
	EQ(process_vm_readv((pid_t)n.pid, &here, 1, &far, 1, 0), 11);
	CHECK(!strcmp(name, "/not/there"));
	add.id = n.id;
	there = ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	CHECK(there >= 3);
	EQ(answer(fd, there, 0, 0), 0);
	EQ(end_of(pid), 41);
	close(zero);
	close(fd);
}

static volatile int handled;

static void on_signal(int sig) { handled++; }

static int is_interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	if (RAW(SYS_getpriority, 0, 0) != -EINTR || handled != 1)
		return 1;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	return RAW(SYS_getpriority, 0, 0) == 77 && handled == 2 ? 42 : 2;
}

static void test_signals(void)
{
	int fd;
	pid_t pid = start(is_interrupted, SYS_getpriority, &fd);
	uint64_t id;

	for (int i = 0; i < 2; i++) {
		EQ(receive(fd), 0);
		id = n.id;
		kill(pid, SIGUSR1);
		while (ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0)
			usleep(1000);
		FAILS(answer(fd, 1, 0, 0), ENOENT);
	}
	EQ(receive(fd), 0); /* asked again after the handler */
	EQ(answer(fd, 77, 0, 0), 0);
	EQ(end_of(pid), 42);
	close(fd);
	/* A listener that goes away leaves ENOSYS behind. */
	pid = start(asks, SYS_getpriority, &fd);
	EQ(receive(fd), 0);
	EQ(answer(fd, 4242, 0, 0), 0);
	EQ(receive(fd), 0);
	close(fd);
	EQ(end_of(pid), 2);
}

static int executes(void)
{
	char *argv[] = { "again", NULL }, *env[] = { NULL };
	int status;
	pid_t pid = fork();

	if (!pid) {
		execve("/proc/self/exe", argv, env);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int layers(void)
{
	/* One listener for all filters; a newer filter of the same action without one has nobody to ask. */
	if (filter(SYS_getppid, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER) != -1
	    || errno != EBUSY)
		return 1;
	if (filter(SYS_getppid, SECCOMP_RET_USER_NOTIF, 0) != 0)
		return 2;
	if (RAW(SYS_getppid) != -ENOSYS)
		return 3;
	if (RAW(SYS_getpriority, 0, 0) != 5)
		return 4;
	if (filter(SYS_getpriority, SECCOMP_RET_ERRNO | EDOM, 0) != 0)
		return 5;
	return RAW(SYS_getpriority, 0, 0) == -EDOM ? 43 : 6;
}

static void test_inherited(void)
{
	struct {
		uint16_t notif, response, data;
	} sizes;
	unsigned action = SECCOMP_RET_USER_NOTIF;
	int fd;
	pid_t pid = start(executes, SYS_getpriority, &fd);

	EQ(receive(fd), 0);
	CHECK(n.pid != (unsigned)pid);
	EQ(answer(fd, 21, 0, 0), 0);
	EQ(end_of(pid), 21);
	close(fd);
	pid = start(layers, SYS_getpriority, &fd);
	EQ(receive(fd), 0);
	EQ(answer(fd, 5, 0, 0), 0);
	EQ(end_of(pid), 43);
	close(fd);
	EQ(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes), 0);
	CHECK(sizes.notif == 80 && sizes.response == 24 && sizes.data == 64);
	FAILS(seccomp(SECCOMP_GET_NOTIF_SIZES, 1, &sizes), EINVAL);
	FAILS(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, (void *)8), EFAULT);
	EQ(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
	FAILS(filter(SYS_getppid, action,
		     SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC),
	      EINVAL);
	FAILS(filter(SYS_getppid, action, 32 /* WAIT_KILLABLE_RECV */), EINVAL);
}

int main(int argc, char **argv)
{
	if (argc && !strcmp(argv[0], "again"))
		return (int)RAW(SYS_getpriority, 0, 0);
	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	test_answers();
	test_descriptors();
	test_signals();
	test_inherited();
	return done();
}

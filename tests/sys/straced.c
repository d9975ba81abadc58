/* Calls whose --strace lines stand in straced.txt, in this order. */
#include "tests/sys/sys.h"

#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

int main(int argc, char **argv, char **envp)
{
	struct iovec v[2] = { { "one", 3 }, { "two\n", 4 } };
	struct timespec t = { 0, 1000 };
	struct rlimit l = { 100, RLIM_INFINITY };
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "nosocket" };
	struct pollfd pf = { 1, POLLOUT, 0 };
	struct epoll_event ev = { EPOLLIN | EPOLLET, { .u64 = 0x1234 } };
	struct sigaction sa = { .sa_handler = SIG_IGN, .sa_flags = SA_RESTART };
	struct stat st;
	struct statx stx;
	uint64_t args[8] = { CLONE_VFORK, 0, 0, 0, SIGCHLD };
	char buf[64];
	int fds[2], status, fd;
	pid_t pid;
	char *m;

	if (argc > 1)
		return 5;
	RAW(SYS_umask, 0777);
	fd = (int)RAW(SYS_openat, AT_FDCWD, "file \"x\"\n", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0640);
	RAW(SYS_write, fd, "line one\nline two, which is longer than the part shown", 54);
	RAW(SYS_lseek, fd, -4, SEEK_END);
	RAW(SYS_read, fd, buf, 64);
	RAW(SYS_fstat, fd, &st);
	RAW(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_SIZE | STATX_MODE, &stx);
	RAW(SYS_writev, fd, v, 2);
	RAW(SYS_fcntl, fd, F_SETFL, O_APPEND);
	RAW(SYS_close, fd);
	RAW(SYS_openat, AT_FDCWD, "none", O_RDONLY | O_DIRECTORY, 0);
	RAW(SYS_openat, AT_FDCWD, 8, O_RDONLY, 0);
	m = (char *)RAW(SYS_mmap, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	RAW(SYS_mprotect, m, 4096, PROT_NONE);
	RAW(SYS_munmap, m, 8192);
	RAW(SYS_pipe2, fds, O_CLOEXEC);
	RAW(SYS_ppoll, &pf, 1, &t, 0, 8);
	fd = (int)RAW(SYS_epoll_create1, EPOLL_CLOEXEC);
	RAW(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, fds[0], &ev);
	RAW(SYS_nanosleep, &t, 0);
	RAW(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	RAW(SYS_setrlimit, RLIMIT_CORE, &l);
	fd = (int)RAW(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	RAW(SYS_connect, fd, &a, sizeof a);
	sigaction(SIGUSR1, &sa, NULL);
	RAW(SYS_kill, 0, 0);
	RAW(SYS_unlinkat, AT_FDCWD, "file \"x\"\n", 0);
	RAW(SYS_futex, &status, 129, 1);
	RAW(SYS_ioctl, G(fds[0]), G(0x541b), &status);
	RAW(SYS_ioctl, G(fds[0]), G(0x5451), 99);
	RAW(SYS_ioctl, G(fds[0]), G(0x40049409), G(fds[1]));
	RAW(SYS_fcntl, G(fds[0]), G(F_SETFD), G(0));
	RAW(SYS_fcntl, G(fds[0]), G(F_GETFD));
	RAW(SYS_fcntl, G(fds[1]), G(F_SETPIPE_SZ), G(4096));
	RAW(SYS_prctl, G(15), "a name");
	RAW(SYS_prctl, G(38), 1, 0, 0, 0);
	RAW(SYS_prctl, G(22), 5, 0);
	RAW(SYS_keyctl, G(11), G(-2), buf, 4);
	v[0].iov_base = buf;
	RAW(SYS_process_vm_readv, G(getpid()), v, 1, v + 1, 1, 0);
	RAW(SYS_mprotect, 0, 0, G(0));
	RAW(600, 1, 2, 3, 4, 5, 6);
	RAW(SYS_execve, "./missing", argv, envp);
	if (!RAW(SYS_clone3, args, sizeof args))
		RAW(SYS_exit_group, 0);
	RAW(SYS_wait4, -1, 0, 0, 0);
	pid = fork();
	if (!pid) {
		char *args[] = { "child", "an argument", NULL }, *env[] = { NULL };

		RAW(SYS_execve, "/proc/self/exe", args, env);
		RAW(SYS_exit_group, 99);
	}
	RAW(SYS_wait4, pid, &status, 0, 0);
	RAW(SYS_exit_group, WEXITSTATUS(status));
}

/*
 * Each call that waits, interrupted by a handler with and without SA_RESTART: signal(7) says which come back
 * with EINTR and which run again.
 */
#include "tests/sys/sys.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

static volatile sig_atomic_t hits;
static int pipe_fd[2], full[2], pair[2], timed[2], listener, ep, queue, sem, lock_fd;
static pid_t helper;
static unsigned word = 1;
static struct timespec three = { 3, 0 };

/* The first signal does nothing; the second makes what is waited for happen, so that a restarted call ends. */
static void hit(int sig)
{
	char buf[65536];
	struct {
		long type;
		char c;
	} m = { 1, 'm' };
	struct sembuf up = { 0, 1, 0 };

	if (++hits < 2)
		return;
	if (write(pipe_fd[1], "x", 1) < 0 || write(pair[1], "x", 1) < 0)
		abort();
	while (read(full[0], buf, sizeof buf) > 0)
		;
	msgsnd(queue, &m, 1, IPC_NOWAIT);
	semop(sem, &up, 1);
	word = 0;
	syscall(SYS_futex, &word, FUTEX_WAKE, 10, 0, 0, 0);
	if (helper)
		kill(helper, SIGTERM);
}

static long w_read(void)
{
	char c;
	return read(pipe_fd[0], &c, 1);
}
static long w_readv(void)
{
	char c;
	struct iovec v = { &c, 1 };
	long r = RAW(SYS_readv, pipe_fd[0], &v, 1);
	errno = (int)-r;
	return r < 0 ? -1 : 1;
}
static long w_write(void)
{
	static char big[65536];
	return write(full[1], big, sizeof big) > 0 ? 1 : -1;
}
static long w_recv(void)
{
	char c;
	return recv(pair[0], &c, 1, 0);
}
static long w_recvmsg(void)
{
	char c;
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	return recvmsg(pair[0], &m, 0);
}
static long w_timed(void)
{
	char c;
	return recv(timed[0], &c, 1, 0);
}
static long w_wait(void)
{
	long r;

	helper = fork();
	if (!helper) {
		signal(SIGTERM, SIG_DFL);
		for (;;)
			pause();
	}
	r = waitpid(helper, NULL, 0);
	if (r < 0) {
		int e = errno;

		kill(helper, SIGKILL);
		while (waitpid(helper, NULL, 0) < 0)
			;
		errno = e;
	}
	helper = 0;
	return r > 0 ? 1 : -1;
}
static long w_flock(void)
{
	int mine = open("lock", O_RDWR), ends[2], r, e;
	char c;

	if (pipe(ends))
		return -2;
	helper = fork();
	if (!helper) {
		signal(SIGTERM, SIG_DFL);
		close(mine);
		mine = open("lock", O_RDWR);
		flock(mine, LOCK_EX);
		if (write(ends[1], "l", 1) == 1)
			for (;;)
				pause();
	}
	while (read(ends[0], &c, 1) != 1)
		;
	hits = 0;
	r = flock(mine, LOCK_EX);
	e = errno;
	kill(helper, SIGKILL);
	while (waitpid(helper, NULL, 0) < 0)
		;
	helper = 0;
	close(mine), close(ends[0]), close(ends[1]);
	errno = e;
	return r == 0 ? 1 : -1;
}
static long w_futex(void)
{
	word = 1;
	long r = RAW(SYS_futex, &word, FUTEX_WAIT, 1, 0);
	errno = (int)-r;
	return r == 0 || r == -EAGAIN ? 1 : -1;
}
static long w_msgrcv(void)
{
	struct {
		long t;
		char c;
	} m;
	return msgrcv(queue, &m, 1, 0, 0);
}
static long w_semop(void)
{
	struct sembuf down = { 0, -1, 0 };
	return semop(sem, &down, 1) ? -1 : 1;
}
static long w_poll(void)
{
	struct pollfd p = { listener, POLLIN, 0 };
	return poll(&p, 1, 3000);
}
static long w_select(void)
{
	fd_set s;
	FD_ZERO(&s);
	FD_SET(listener, &s);
	return select(listener + 1, &s, NULL, NULL, &(struct timeval){ 3, 0 });
}
static long w_epoll(void)
{
	struct epoll_event e;
	return epoll_wait(ep, &e, 1, 3000);
}
static long w_sleep(void) { return nanosleep(&(struct timespec){ 3, 0 }, NULL); }
static long w_sleep_until(void)
{
	struct timespec t;
	int e;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 3;
	e = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	errno = e;
	return e ? -1 : 1;
}
static long w_pause(void) { return pause(); }
static long w_suspend(void)
{
	sigset_t s;
	sigemptyset(&s);
	return sigsuspend(&s);
}
static long w_sigwait(void)
{
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	return sigtimedwait(&s, NULL, &(struct timespec){ 3, 0 });
}
static long w_futex_timed(void)
{
	word = 1;
	long r = RAW(SYS_futex, &word, FUTEX_WAIT, 1, &three);
	errno = (int)-r;
	return r == 0 ? 1 : -1;
}
static long w_poll_short(void)
{
	struct pollfd p = { listener, POLLIN, 0 };
	return poll(&p, 1, 60);
}

static const struct {
	const char *name;
	long (*wait)(void);
	int restarts; /* with SA_RESTART */
} calls[] = {
	{ "read", w_read, 1 },
	{ "readv", w_readv, 1 },
	{ "write", w_write, 1 },
	{ "recv", w_recv, 1 },
	{ "recvmsg", w_recvmsg, 1 },
	{ "waitpid", w_wait, 1 },
	{ "flock", w_flock, 1 },
	{ "futex", w_futex, 1 },
	{ "recv with SO_RCVTIMEO", w_timed, 0 },
	{ "msgrcv", w_msgrcv, 0 },
	{ "semop", w_semop, 0 },
	{ "poll", w_poll, 0 },
	{ "select", w_select, 0 },
	{ "epoll_wait", w_epoll, 0 },
	{ "nanosleep", w_sleep, 0 },
	{ "clock_nanosleep", w_sleep_until, 0 },
	{ "pause", w_pause, 0 },
	{ "sigsuspend", w_suspend, 0 },
	{ "sigtimedwait", w_sigwait, 0 },
	{ "futex with a time", w_futex_timed, 0 },
};

static void on_alarm(int flags)
{
	struct sigaction sa = { .sa_handler = hit, .sa_flags = flags };

	sigaction(SIGALRM, &sa, NULL);
}

static void run(size_t i, int flags)
{
	struct itimerval it = { { 0, 40000 }, { 0, 40000 } }, off = { 0 };
	char name[80], c;
	static char big[65536];
	struct {
		long type;
		char c;
	} m;
	long r;
	int e;

	hits = 0;
	on_alarm(flags);
	while (recv(pair[0], &c, 1, MSG_DONTWAIT) > 0 || msgrcv(queue, &m, 1, 0, IPC_NOWAIT) > 0)
		;
	semctl(sem, 0, SETVAL, 0);
	fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK);
	while (read(pipe_fd[0], &c, 1) > 0)
		;
	fcntl(pipe_fd[0], F_SETFL, 0);
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	while (write(full[1], big, sizeof big) > 0)
		;
	fcntl(full[1], F_SETFL, 0);
	setitimer(ITIMER_REAL, &it, NULL);
	r = calls[i].wait();
	e = errno;
	setitimer(ITIMER_REAL, &off, NULL);
	if (flags && calls[i].restarts) {
		snprintf(name, sizeof name, "%s runs again with SA_RESTART", calls[i].name);
		errno = e;
		check(r >= 1 && hits >= 2, name, __FILE__, __LINE__);
	} else {
		snprintf(name, sizeof name, "%s %s SA_RESTART: EINTR", calls[i].name,
			 flags ? "with" : "without");
		errno = e;
		check(r == -1 && e == EINTR && hits == 1, name, __FILE__, __LINE__);
	}
}

int main(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct timeval tv = { 3, 0 };
	struct epoll_event none = { 0 };

	if (pipe(pipe_fd) || pipe(full) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)
	    || socketpair(AF_UNIX, SOCK_STREAM, 0, timed))
		return 1;
	fcntl(full[0], F_SETFL, O_NONBLOCK);
	setsockopt(timed[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink("socket");
	bind(listener, (void *)&a, sizeof a);
	listen(listener, 1);
	ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &none);
	queue = msgget(IPC_PRIVATE, 0600);
	sem = semget(IPC_PRIVATE, 1, 0600);
	lock_fd = open("lock", O_RDWR | O_CREAT, 0600);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		run(i, 0);
		run(i, SA_RESTART);
	}
	/* A signal that is ignored, or whose default is nothing, does not show at all. */
	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 10000 }, { 0, 10000 } }, NULL);
	EQ(w_poll_short(), 0);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	msgctl(queue, IPC_RMID, NULL);
	semctl(sem, 0, IPC_RMID);
	return done();
}

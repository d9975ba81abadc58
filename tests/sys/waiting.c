/* Waiting for descriptors: poll, select, epoll, with masks and times; eventfd, signalfd, timerfd. */
#include "tests/sys/sys.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

static volatile sig_atomic_t hits;
static void hit(int sig) { hits++; }

static long ms_since(const struct timespec *a)
{
	struct timespec b;

	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a->tv_sec) * 1000 + (b.tv_nsec - a->tv_nsec) / 1000000;
}

static void test_poll(int *p)
{
	struct pollfd f[3] = { { p[0], POLLIN, 0 }, { p[1], POLLOUT, 0 }, { 99, POLLIN, 0 } };
	struct timespec now, t = { 0, 30000000 };
	sigset_t block, none;

	EQ(poll(f, 2, 0), 1);
	EQ(f[0].revents, 0);
	EQ(f[1].revents, POLLOUT);
	EQ(poll(f, 3, 1000), 2);
	EQ(f[2].revents, POLLNVAL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	EQ(poll(f, 1, 50), 0);
	CHECK(ms_since(&now) >= 49);
	EQ(ppoll(f, 1, &t, NULL), 0);
	FAILS(poll((void *)8, 1, 0), EFAULT);
	/* Blocked but for the time of the call: the handler runs, and the mask is as it was. */
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	hits = 0;
	raise(SIGUSR1);
	EQ(hits, 0);
	t = (struct timespec){ 5, 0 };
	FAILS(ppoll(f, 1, &t, &none), EINTR);
	EQ(hits, 1);
	sigprocmask(SIG_BLOCK, NULL, &none);
	CHECK(sigismember(&none, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	/* The raw call writes back the time that is left. */
	t = (struct timespec){ 5, 0 };
	EQ(RAW(SYS_ppoll, &f[1], 1, &t, 0, 8), 1);
	CHECK(t.tv_sec == 4 && t.tv_nsec > 900000000);
	EQ(RAW(SYS_ppoll, &f[1], 1, 8, 0, 8), -EFAULT);
	EQ(RAW(SYS_ppoll, &f[1], 1, 0, &block, 7), -EINVAL);
}

static void test_select(int *p)
{
	fd_set r, w;
	struct timeval tv = { 0, 20000 };
	struct timespec ts = { 5, 0 };
	sigset_t block, none;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	EQ(select(p[1] + 1, &r, &w, NULL, NULL), 1);
	CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	FD_SET(p[0], &r);
	EQ(select(p[0] + 1, &r, NULL, NULL, &tv), 0);
	/* Below 64: the kernel cuts the set at the size of its table of descriptors. */
	FD_SET(50, &r);
	FAILS(select(51, &r, NULL, NULL, NULL), EBADF);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	hits = 0;
	FAILS(pselect(p[0] + 1, &r, NULL, NULL, &ts, &none), EINTR);
	EQ(hits, 1);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	FAILS(pselect(-1, NULL, NULL, NULL, &ts, NULL), EINVAL);
}

static void test_epoll(int *p)
{
	struct epoll_event e[8],
	    in = { .events = EPOLLIN | EPOLLET, .data.u64 = 0x1122334455667788 };
	int ep = epoll_create1(EPOLL_CLOEXEC), q[2];
	sigset_t block, none;

	EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &in), 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &in), EEXIST);
	in = (struct epoll_event){ .events = EPOLLOUT, .data.u64 = 0xfedcba9876543210 };
	EQ(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &in), 0);
	EQ(epoll_wait(ep, e, 8, 0), 1);
	EQ(e[0].data.u64, 0xfedcba9876543210);
	EQ(e[0].events, EPOLLOUT);
	CHECK(write(p[1], "x", 1) == 1);
	EQ(epoll_wait(ep, e, 8, 100), 2);
	CHECK((e[0].data.u64 ^ e[1].data.u64) == (0xfedcba9876543210 ^ 0x1122334455667788));
	EQ(epoll_wait(ep, e, 8, 0), 1); /* the edge is gone */
	EQ(epoll_wait(ep, e, 1, 0), 1);
	EQ(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL), 0);
	EQ(epoll_wait(ep, e, 8, 10), 0);
	in.events = EPOLLIN;
	in.data.u64 = 7;
	EQ(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &in), 0);
	EQ(epoll_wait(ep, e, 8, 10), 1);
	EQ(e[0].data.u64, 7);
	CHECK(read(p[0], e, 1) == 1);
	FAILS(epoll_ctl(ep, EPOLL_CTL_DEL, 99, NULL), EBADF);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], (void *)8), EFAULT);
	FAILS(epoll_wait(ep, e, 0, 0), EINVAL);
	FAILS(epoll_wait(p[0], e, 1, 0), EINVAL);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	raise(SIGUSR1);
	hits = 0;
	FAILS(epoll_pwait(ep, e, 8, 5000, &none), EINTR);
	EQ(hits, 1);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	/* Many ready at once. */
	for (int i = 0; i < 200; i++) {
		if (pipe(q))
			break;
		in.events = EPOLLOUT;
		in.data.u64 = (uint64_t)i << 32;
		epoll_ctl(ep, EPOLL_CTL_ADD, q[1], &in);
	}
	static struct epoll_event many[300];
	EQ(epoll_wait(ep, many, 300, 0), 200);
	uint64_t sum = 0;
	for (int i = 0; i < 200; i++)
		sum += many[i].data.u64 >> 32;
	EQ(sum, 199 * 200 / 2);
	close_range((unsigned)ep, 900, 0);
}

static void test_fds(void)
{
	uint64_t v;
	int e = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK), t, s;
	struct itimerspec it = { { 0, 5000000 }, { 0, 5000000 } };
	struct signalfd_siginfo si;
	sigset_t set;

	EQ(read(e, &v, 8), 8);
	EQ(v, 1);
	v = 10;
	EQ(write(e, &v, 8), 8);
	for (int i = 0; i < 12; i++)
		if (read(e, &v, 8) != 8)
			CHECK(!"eventfd");
	FAILS(read(e, &v, 8), EAGAIN);
	FAILS(read(e, &v, 4), EINVAL);
	t = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	EQ(timerfd_settime(t, 0, &it, NULL), 0);
	usleep(20000);
	EQ(read(t, &v, 8), 8);
	CHECK(v >= 3);
	EQ(timerfd_gettime(t, &it), 0);
	EQ(it.it_interval.tv_nsec, 5000000);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	FAILS(read(s, &si, sizeof si), EAGAIN);
	sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 1234 });
	EQ(read(s, &si, sizeof si), sizeof si);
	EQ(si.ssi_signo, SIGUSR2);
	EQ(si.ssi_int, 1234);
	EQ(si.ssi_pid, getpid());
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(e), close(t), close(s);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = hit };
	int p[2];

	sigaction(SIGUSR1, &sa, NULL);
	if (pipe(p))
		return 1;
	test_poll(p);
	test_select(p);
	test_epoll(p);
	test_fds();
	return done();
}

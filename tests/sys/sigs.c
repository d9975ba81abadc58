/* Signals with values: what siginfo and sigevent carry through queues, timers, descriptors and message queues. */
#include "tests/sys/sys.h"

#include <mqueue.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

static siginfo_t last;
static volatile int count;

static void on_info(int sig, siginfo_t *si, void *uc)
{
	last = *si;
	count++;
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(sig, &sa, NULL);
}

/* The kernel's struct sigevent: libc's call does more. */
struct event {
	uint64_t value;
	int signo, notify, tid, pad[11];
};

static void test_queues(void)
{
	siginfo_t si = { .si_code = SI_QUEUE };
	sigset_t set;

	handle(SIGUSR1);
	handle(SIGRTMIN + 3);
	si.si_value.sival_ptr = (void *)0x123456789abcdef0;
	si.si_pid = getpid(), si.si_uid = 77;
	EQ(RAW(SYS_rt_sigqueueinfo, G(getpid()), G(SIGRTMIN + 3), &si), 0);
	EQ(count, 1);
	EQ(last.si_signo, SIGRTMIN + 3);
	EQ(last.si_code, SI_QUEUE);
	EQ((long)last.si_value.sival_ptr, 0x123456789abcdef0);
	EQ(last.si_uid, 77);
	EQ(RAW(SYS_rt_tgsigqueueinfo, G(getpid()), G(getpid()), G(SIGUSR1), &si), 0);
	EQ(count, 2);
	EQ(last.si_signo, SIGUSR1);
	EQ(RAW(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, 8), -EFAULT);
	si.si_code = 1; /* the kernel's own: to oneself only */
	EQ(RAW(SYS_rt_sigqueueinfo, G(1), G(0), &si), -EPERM);
	EQ(RAW(SYS_tkill, G(getpid()), G(SIGUSR1)), 0);
	EQ(last.si_code, SI_TKILL);
	EQ(RAW(SYS_tgkill, G(getpid()), G(getpid()), G(SIGUSR1)), 0);
	EQ(last.si_pid, getpid());
	EQ(RAW(SYS_kill, G(getpid()), G(SIGUSR1)), 0);
	EQ(last.si_code, SI_USER);
	/* In order, each with its value. */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 5; i++)
		EQ(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = i }), 0);
	for (int i = 0; i < 5; i++) {
		EQ(sigwaitinfo(&set, &si), SIGRTMIN + 3);
		EQ(si.si_value.sival_int, i);
	}
	EQ(sigtimedwait(&set, &si, &(struct timespec){ 0, 1000 }) == -1 && errno == EAGAIN, 1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void wait_for(int n)
{
	for (int i = 0; i < 2000 && count < n; i++)
		usleep(1000);
}

static void test_timers(void)
{
	struct event e = { .value = 0xfedcba9876543210, .signo = SIGUSR1 };
	struct itimerspec soon = { { 0, 0 }, { 0, 2000000 } }, got,
			  every = { { 0, 1000000 }, { 0, 1000000 } };
	int t = -1, n;

	EQ(RAW(SYS_timer_create, G(CLOCK_MONOTONIC), &e, &t), 0);
	count = 0;
	EQ(RAW(SYS_timer_settime, G(t), G(0), &soon, 0), 0);
	wait_for(1);
	EQ(count, 1);
	EQ(last.si_code, SI_TIMER);
	EQ((unsigned long)last.si_value.sival_ptr, 0xfedcba9876543210);
	EQ(last.si_timerid, t);
	EQ(RAW(SYS_timer_gettime, G(t), &got), 0);
	EQ(got.it_value.tv_nsec, 0);
	EQ(RAW(SYS_timer_delete, G(t)), 0);
	EQ(RAW(SYS_timer_delete, G(t)), -EINVAL);
	e.notify = SIGEV_THREAD_ID, e.tid = getpid();
	EQ(RAW(SYS_timer_create, G(CLOCK_MONOTONIC), &e, &t), 0);
	count = 0;
	EQ(RAW(SYS_timer_settime, G(t), G(0), &every, &got), 0);
	wait_for(3);
	CHECK(count >= 3);
	CHECK(RAW(SYS_timer_getoverrun, G(t)) >= 0);
	EQ(RAW(SYS_timer_delete, G(t)), 0);
	e.tid = 1;
	EQ(RAW(SYS_timer_create, G(CLOCK_MONOTONIC), &e, &t), -EINVAL);
	e.notify = SIGEV_NONE;
	EQ(RAW(SYS_timer_create, G(CLOCK_MONOTONIC), &e, &t), 0);
	EQ(RAW(SYS_timer_delete, G(t)), 0);
	EQ(RAW(SYS_timer_create, G(CLOCK_MONOTONIC), &e, 8), -EFAULT);
	e.notify = 77;
	EQ(RAW(SYS_timer_create, G(CLOCK_MONOTONIC), &e, &t), -EINVAL);
	n = count;
	usleep(5000);
	EQ(count, n);
}

static void test_descriptors(void)
{
	int s[2], q;
	char name[32], buf[64];
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 64 }, now;
	struct event e = { .value = 0x1122334455667788, .signo = SIGUSR1 };

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return;
	handle(SIGRTMIN + 5);
	EQ(RAW(SYS_fcntl, G(s[0]), G(F_SETSIG), G(SIGRTMIN + 5)), 0);
	EQ(RAW(SYS_fcntl, G(s[0]), G(F_SETOWN), G(getpid())), 0);
	EQ(RAW(SYS_fcntl, G(s[0]), G(F_SETFL), G(O_ASYNC)), 0);
	count = 0;
	EQ(write(s[1], "x", 1), 1);
	wait_for(1);
	EQ(last.si_signo, SIGRTMIN + 5);
	EQ(last.si_fd, s[0]);
	EQ(last.si_band & POLLIN, POLLIN);
	EQ(last.si_code, POLL_IN);
	snprintf(name, sizeof name, "kitemu%d", (int)getpid());
	q = (int)RAW(SYS_mq_open, name, G(O_RDWR | O_CREAT | O_NONBLOCK), G(0600), &attr);
	if (q >= 0) {
		EQ(RAW(SYS_mq_notify, G(q), &e), 0);
		EQ(RAW(SYS_mq_notify, G(q), &e), -EBUSY);
		count = 0;
		EQ(RAW(SYS_mq_timedsend, G(q), "message", 7, G(3), 0), 0);
		wait_for(1);
		EQ(last.si_code, SI_MESGQ);
		EQ((long)last.si_value.sival_ptr, 0x1122334455667788);
		EQ(RAW(SYS_mq_getsetattr, G(q), 0, &now), 0);
		EQ(now.mq_curmsgs, 1);
		EQ(RAW(SYS_mq_timedreceive, G(q), buf, 64, 0, 0), 7);
		EQ(RAW(SYS_mq_timedreceive, G(q), buf, 64, 0, 0), -EAGAIN);
		EQ(RAW(SYS_mq_notify, G(q), 8), -EFAULT);
		e.notify = SIGEV_THREAD, e.signo = -1;
		EQ(RAW(SYS_mq_notify, G(q), &e), -EFAULT); /* the value is a cookie's address */
		EQ(RAW(SYS_mq_unlink, name), 0);
		close(q);
	}
	close(s[0]), close(s[1]);
}

static void test_children(void)
{
	siginfo_t si;
	pid_t pid;

	handle(SIGCHLD);
	count = 0;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(9);
	wait_for(1);
	EQ(last.si_signo, SIGCHLD);
	EQ(last.si_code, CLD_EXITED);
	EQ(last.si_pid, pid);
	EQ(last.si_status, 9);
	memset(&si, 0x55, sizeof si);
	EQ(RAW(SYS_waitid, G(P_PID), G(pid), &si, G(WEXITED | WNOWAIT), 0), 0);
	EQ(si.si_pid, pid);
	EQ(si.si_status, 9);
	EQ(waitpid(pid, NULL, 0), pid);
	signal(SIGCHLD, SIG_DFL);
}

static void on_stack(int sig)
{
	stack_t cur, other = { .ss_sp = &cur, .ss_size = 1 << 16 };

	EQ(sigaltstack(NULL, &cur), 0);
	EQ(cur.ss_flags, SS_ONSTACK);
	/* Not even the same one again. */
	FAILS(sigaltstack(&cur, NULL), EPERM);
	FAILS(sigaltstack(&other, NULL), EPERM);
	count++;
}

static void test_altstack(void)
{
	static char room[1 << 16];
	stack_t none = { .ss_flags = SS_DISABLE | (int)(1u << 31) /* SS_AUTODISARM */ }, old;
	stack_t good = { .ss_sp = room, .ss_size = sizeof room };
	struct sigaction sa = { .sa_handler = on_stack, .sa_flags = SA_ONSTACK };

	EQ(sigaltstack(NULL, &old), 0);
	EQ(old.ss_flags, SS_DISABLE);
	/* The one that is set already is no change, whatever its size. */
	EQ(sigaltstack(&old, NULL), 0);
	EQ(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL), 0);
	FAILS(sigaltstack(&(stack_t){ .ss_sp = room, .ss_size = 100 }, NULL), ENOMEM);
	FAILS(sigaltstack(&(stack_t){ .ss_size = 1 << 16, .ss_flags = 4 }, NULL), EINVAL);
	/* What is told is the old one, and so are its flags. */
	EQ(sigaltstack(&none, &old), 0);
	EQ(old.ss_flags, SS_DISABLE);
	EQ(sigaltstack(&good, &old), 0);
	EQ(old.ss_flags, none.ss_flags);
	EQ(sigaltstack(&good, NULL), 0);
	count = 0;
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	EQ(count, 1);
	handle(SIGUSR1);
	EQ(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, &old), 0);
	CHECK(old.ss_sp == room && old.ss_size == sizeof room && !old.ss_flags);
}

int main(void)
{
	test_queues();
	test_altstack();
	test_timers();
	test_descriptors();
	test_children();
	return done();
}

/* Signals that arrive from outside: handlers, masks, queues, restart rules, alternate stacks, nesting. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/guest/guest.h"

static volatile sig_atomic_t hits, last_value, order[16], depth, deepest;
static volatile char *handler_sp;
static int pipe_fd[2];

static void on(int sig, void (*fn)(int), int flags)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

static void count(int sig) { hits++; }

static void with_info(int sig, siginfo_t *si, void *uc)
{
	order[hits++ & 15] = si->si_value.sival_int;
	last_value = si->si_value.sival_int;
}

static void nested(int sig)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (depth < 4)
		raise(sig);
	depth--;
}

static void write_pipe(int sig)
{
	hits++;
	if (write(pipe_fd[1], "x", 1) != 1)
		abort();
}

static void where(int sig)
{
	char here;

	handler_sp = &here;
	hits++;
}

static void after(int ms, int every)
{
	struct itimerval it = { { every / 1000, every % 1000 * 1000 },
				{ ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void busy_until(int n)
{
	volatile unsigned long spin = 0;

	while (hits < n)
		spin++;
}

static void test_loop(void)
{
	hits = 0;
	on(SIGALRM, count, 0);
	after(1, 1);
	busy_until(20); /* delivered while a loop without calls runs */
	after(0, 0);
	puts("loop: 20 signals");
}

static void test_restart(void)
{
	char c = 0;
	int r;

	hits = 0;
	on(SIGALRM, count, 0);
	after(20, 0);
	r = (int)read(pipe_fd[0], &c, 1);
	printf("read without SA_RESTART: %d %s, %d signal\n", r,
	       r < 0 && errno == EINTR ? "EINTR" : "?", hits);
	hits = 0;
	on(SIGALRM, write_pipe, SA_RESTART);
	after(20, 0);
	r = (int)read(pipe_fd[0], &c, 1);
	printf("read with SA_RESTART: %d '%c', %d signal\n", r, c, hits);
	hits = 0;
	on(SIGALRM, count, SA_RESTART);
	after(20, 0);
	r = poll(NULL, 0, 10000);
	printf("poll with SA_RESTART: %d %s\n", r, r < 0 && errno == EINTR ? "EINTR" : "?");
	after(20, 0);
	struct timespec ts = { 10, 0 }, rem = { 0, 0 };
	r = nanosleep(&ts, &rem);
	printf("nanosleep: %d %s, left %s\n", r, r < 0 && errno == EINTR ? "EINTR" : "?",
	       rem.tv_sec == 9 && rem.tv_nsec > 0 ? "9.9" : "wrong");
	after(20, 0);
	printf("pause: %d\n", pause());
}

static void test_mask(void)
{
	sigset_t set, old, pending;

	hits = 0;
	on(SIGUSR1, count, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	raise(SIGUSR1);
	sigpending(&pending);
	printf("blocked: %d hits, pending %d\n", hits, sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("unblocked: %d hit\n", hits);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigemptyset(&set);
	int r = sigsuspend(&set);
	printf("sigsuspend: %d %s, %d hits\n", r, errno == EINTR ? "EINTR" : "?", hits);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_queue(void)
{
	struct sigaction sa = { .sa_sigaction = with_info, .sa_flags = SA_SIGINFO };
	sigset_t set, old;
	siginfo_t info;
	struct timespec ts = { 0, 1000000 };

	hits = 0;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGRTMIN + 1, &sa, NULL);
	sigaction(SIGRTMIN + 2, &sa, NULL);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 3; i++) {
		sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ .sival_int = 20 + i });
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 10 + i });
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("queued: %d hits, values", hits);
	/* Each handler interrupts the one before it, so that the last to start is the first of its list. */
	int sum = 0;
	for (int i = 0; i < hits; i++)
		sum += order[i];
	printf(" sum %d\n", sum);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int s = sigtimedwait(&set, &info, &ts);
	printf("sigtimedwait: %d %s\n", s, errno == EAGAIN ? "EAGAIN" : "?");
	sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = 77 });
	s = sigwaitinfo(&set, &info);
	printf("sigwaitinfo: %d %d %d\n", s == SIGUSR2, info.si_code == SI_QUEUE,
	       info.si_value.sival_int);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void test_altstack(void)
{
	static char room[65536] __attribute__((aligned(16)));
	stack_t ss = { .ss_sp = room, .ss_size = sizeof room }, got;

	hits = 0;
	sigaltstack(&ss, NULL);
	on(SIGUSR1, where, SA_ONSTACK);
	raise(SIGUSR1);
	printf("altstack: handler on it %d\n",
	       handler_sp >= room && handler_sp < room + sizeof room);
	on(SIGUSR1, where, 0);
	raise(SIGUSR1);
	printf("without SA_ONSTACK: on it %d\n",
	       handler_sp >= room && handler_sp < room + sizeof room);
	sigaltstack(NULL, &got);
	printf("flags now %d, size %zu\n", got.ss_flags, got.ss_size);
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
}

static void test_flags(void)
{
	struct sigaction sa;

	on(SIGUSR1, nested, SA_NODEFER);
	raise(SIGUSR1);
	printf("SA_NODEFER: depth %d\n", deepest);
	deepest = depth = 0;
	on(SIGUSR1, count, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	printf("SA_RESETHAND: default %d\n", sa.sa_handler == SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	puts("ignored");
	int r = sigaction(SIGKILL, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	printf("sigaction(SIGKILL): %d %s\n", r, errno == EINVAL ? "EINVAL" : "?");
}

static void test_child(void)
{
	int status;
	pid_t pid;

	hits = 0;
	on(SIGCHLD, count, 0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(7);
	while (waitpid(pid, &status, 0) < 0)
		;
	printf("SIGCHLD: %d, status %d\n", hits, WEXITSTATUS(status));
	static const int deadly[] = {
		SIGTERM, SIGKILL, SIGABRT, SIGSEGV, SIGALRM, SIGHUP, SIGQUIT
	};
	for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) {
		signal(deadly[i], SIG_DFL);
		pid = fork();
		if (!pid) {
			raise(deadly[i]);
			_exit(0);
		}
		while (waitpid(pid, &status, 0) < 0)
			;
		printf("%d ", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	}
	puts("");
}

int main(void)
{
	if (pipe(pipe_fd))
		return 1;
	test_loop();
	test_restart();
	test_mask();
	test_queue();
	test_altstack();
	test_flags();
	test_child();
	return 0;
}

/*
 * What single services of the system take, by the wall clock: the program measures itself, since for most of
 * them the time of starting it would hide the figure. `costs WHAT ROUNDS` does WHAT in slices and prints the best slice, in ns
 * for one time:
 *
 *     getppid read write clock   a call: of nothing, of a byte of /dev/zero, to /dev/null, clock_gettime
 *     pipe                       a byte written to a pipe and read back
 *     create                     a thread made and joined
 *     mutex                      a mutex taken by two threads in turn, as fast as they can
 *     fork spawn                 a child that ends; the same by vfork, running this program anew
 *                                (these three on one CPU: whether the kernel wakes an idle one for what is new
 *                                is a matter of chance, and costs a virtual machine more than making it)
 *     scale                      work done by one thread, and half of it by each of two: two figures
 *
 * or, of signals that arrive in a loop that computes, the median and the worst of the times between their sending and
 * their handler:
 *
 *     kill timer                 sent by another thread; by an interval timer
 */
#define _GNU_SOURCE
#include "tests/bench/bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *self;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int zero_fd, null_fd, pipe_fd[2];

static void open_files(void)
{
	zero_fd = open("/dev/zero", O_RDONLY);
	null_fd = open("/dev/null", O_WRONLY);
	if (zero_fd < 0 || null_fd < 0 || pipe(pipe_fd) < 0)
		bench_fail("open");
}

static void do_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void do_read(long n)
{
	char byte;

	while (n--)
		if (read(zero_fd, &byte, 1) != 1)
			bench_fail("read");
}

static void do_write(long n)
{
	while (n--)
		if (write(null_fd, "x", 1) != 1)
			bench_fail("write");
}

static void do_pipe(long n)
{
	char byte = 0;

	while (n--)
		if (write(pipe_fd[1], &byte, 1) != 1 || read(pipe_fd[0], &byte, 1) != 1)
			bench_fail("pipe");
}

static void do_clock(long n)
{
	struct timespec t;

	while (n--)
		clock_gettime(CLOCK_REALTIME, &t);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *nothing(void *arg) { return arg; }

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, arg) != 0)
		bench_fail("pthread_create");
	return t;
}

static void do_create(long n)
{
	while (n--)
		pthread_join(start(nothing, NULL), NULL);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile uint64_t shared;

static void *take(void *arg)
{
	for (long n = *(long *)arg; n; n--) {
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

/* Runs fn in two threads, the caller's and another. */
static void both(void *(*fn)(void *), long n)
{
	long half = (n + 1) / 2;
	pthread_t other = start(fn, &half);

	fn(&half);
	pthread_join(other, NULL);
}

static void do_mutex(long n) { both(take, n); }

static volatile uint64_t sink;

/* Not inlined: one thread and two run the same code. */
static __attribute__((noinline)) void *compute(void *arg)
{
	uint64_t x = 1;

	for (long n = *(long *)arg; n; n--)
		for (int k = 0; k < 1000; k++)
			x = bench_mix(x, (uint64_t)k);
	sink = x;
	return NULL;
}

/* ---- processes ------------------------------------------------------------------------------- */

static void reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		bench_fail("fork");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		bench_fail("child");
}

static void do_fork(long n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		reap(pid);
	}
}

static void do_spawn(long n)
{
	while (n--) {
		pid_t pid = vfork();

		if (pid == 0) {
			execl(self, self, "leave", "1", (char *)NULL);
			_exit(127);
		}
		reap(pid);
	}
}

static void do_leave(long n) { _exit(n != 1); }

/* ---- signals --------------------------------------------------------------------------------- */

enum { MAX_SIGNALS = 1000, GAP_NS = 500000, TIMER_US = 1000 };

static struct {
	int64_t sent; /* atomic */
	int64_t late[MAX_SIGNALS];
	long wanted, taken; /* atomic */
} got;

static void on_signal(int sig)
{
	int64_t now = now_ns();
	long n = got.taken;

	(void)sig;
	if (n < got.wanted)
		got.late[n] = now - got.sent;
	/* The timer's next time; those that passed meanwhile came as one. */
	while (sig == SIGALRM && got.sent <= now)
		got.sent += TIMER_US * INT64_C(1000);
	__atomic_store_n(&got.taken, n + 1, __ATOMIC_RELEASE);
}

static long taken(void) { return __atomic_load_n(&got.taken, __ATOMIC_ACQUIRE); }

static void *send_signals(void *arg)
{
	const struct timespec gap = { 0, GAP_NS };

	for (long n = 0; n < got.wanted; n++) {
		nanosleep(&gap, NULL);
		got.sent = now_ns();
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		while (taken() == n)
			nanosleep(&gap, NULL);
	}
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int signals(bool by_timer, long n)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct itimerval every = { { 0, TIMER_US }, { 0, TIMER_US } }, off = { 0 };
	pthread_t me = pthread_self(), sender;
	uint64_t x = 1;

	got.wanted = n < MAX_SIGNALS ? n : MAX_SIGNALS;
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	if (by_timer) {
		got.sent = now_ns() + TIMER_US * INT64_C(1000);
		setitimer(ITIMER_REAL, &every, NULL);
	} else {
		sender = start(send_signals, &me);
	}
	while (taken() < got.wanted)
		x = bench_mix(x, 1);
	sink = x;
	if (by_timer)
		setitimer(ITIMER_REAL, &off, NULL);
	else
		pthread_join(sender, NULL);
	qsort(got.late, (size_t)got.wanted, sizeof got.late[0], ascending);
	printf("%" PRId64 " %" PRId64 "\n", got.late[got.wanted / 2], got.late[got.wanted - 1]);
	return 0;
}

struct half {
	long n;
	int64_t begin, end;
};

static int arrived;

/* Begins when both threads run, each on a processor of its own. */
static void *half_turn(void *arg)
{
	struct half *h = arg;

	__atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 2)
		continue;
	h->begin = now_ns();
	compute(&h->n);
	h->end = now_ns();
	return NULL;
}

static int64_t turn_of_two(long n)
{
	struct half a = { .n = n / 2 }, b = a;
	pthread_t other;

	arrived = 0;
	other = start(half_turn, &b);
	half_turn(&a);
	pthread_join(other, NULL);
	return (a.end > b.end ? a.end : b.end) - (a.begin < b.begin ? a.begin : b.begin);
}

static int64_t turn_of_one(long n)
{
	int64_t begin = now_ns();

	compute(&n);
	return now_ns() - begin;
}

/* A busy machine has two free processors for a moment only: the turns are short, and many. */
static int scale(long rounds)
{
	enum { TURNS = 400 };
	long n = (rounds + TURNS - 1) / TURNS;
	int64_t one = INT64_MAX, two = INT64_MAX, t;

	for (int i = 0; i < TURNS; i++) {
		if ((t = turn_of_one(n)) < one)
			one = t;
		if ((t = turn_of_two(n)) < two)
			two = t;
	}
	printf("%.2f %.2f\n", (double)one / (double)n, (double)two / (double)n);
	return 0;
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(long);
	bool one_cpu;
} whats[] = {
	{ "getppid", do_getppid }, { "read", do_read },       { "write", do_write },
	{ "pipe", do_pipe },       { "clock", do_clock },     { "create", do_create, true },
	{ "mutex", do_mutex },     { "fork", do_fork, true }, { "spawn", do_spawn, true },
	{ "leave", do_leave },
};

/* From here on the process stays on the CPU that it is on. */
static void stay(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((size_t)sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof here, &here) != 0)
		bench_fail("sched_setaffinity");
}

enum { SLICES = 20 };

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv), n = (rounds + SLICES - 1) / SLICES;
	int64_t best = INT64_MAX;
	size_t w = 0;

	self = argv[0];
	if (argc > 2 && (!strcmp(argv[1], "kill") || !strcmp(argv[1], "timer")))
		return signals(argv[1][0] == 't', rounds);
	if (argc > 2 && !strcmp(argv[1], "scale"))
		return scale(rounds);
	while (w < sizeof(whats) / sizeof(whats[0]) && (argc < 3 || strcmp(argv[1], whats[w].name)))
		w++;
	if (w == sizeof(whats) / sizeof(whats[0])) {
		fprintf(stderr, "%s: do what?\n", argv[0]);
		return 2;
	}
	open_files();
	if (whats[w].one_cpu)
		stay();
	for (int i = 0; i < SLICES; i++) {
		int64_t begin = now_ns(), took;

		whats[w].run(n);
		took = now_ns() - begin;
		if (took < best)
			best = took;
	}
	printf("%.2f\n", (double)best / (double)n);
	return 0;
}

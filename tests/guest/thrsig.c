/* guest: levels=O0,O2 */
/*
 * Signals and threads: masks of their own, signals to a thread and to the process, waiting for signals, handlers
 * of faults on alternate stacks, timers that name a thread, changes of identity in all threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { THREADS = 4 };

static sem_t started;
static volatile int stop;

static int tid(void) { return (int)syscall(SYS_gettid); }

static void on(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &a, NULL);
}

static void set_mask(int how, int sig)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	pthread_sigmask(how, &s, NULL);
}

/* ---- pthread_kill: each thread counts its own ---------------------------------------------------------- */

static _Thread_local volatile int got;
static _Thread_local int own_tid;
static volatile int wrong_thread;

static void count(int sig, siginfo_t *si, void *uc)
{
	got++;
	if (own_tid != tid())
		wrong_thread = 1;
}

static void *counts(void *arg)
{
	volatile long n = 0;

	own_tid = tid();
	sem_post(&started);
	while (got < 10)
		n++;
	return (void *)(long)got;
}

static void test_kill(void)
{
	pthread_t t[THREADS];
	long sum = 0;

	on(SIGUSR1, count, SA_RESTART);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, counts, NULL);
	for (int i = 0; i < THREADS; i++)
		sem_wait(&started);
	for (int i = 0; i < THREADS; i++) {
		void *r;

		/* One signal of a kind is pending at most: go on until there were enough. */
		while (pthread_tryjoin_np(t[i], &r) == EBUSY) {
			pthread_kill(t[i], SIGUSR1);
			sched_yield();
		}
		sum += (long)r >= 10;
	}
	printf("pthread_kill: %ld threads, wrong %d\n", sum, wrong_thread);
}

/* ---- real-time signals are queued, each with its value ------------------------------------------------- */

static volatile long values;
static volatile int value_count, in_order = 1, last_value = -1;

static void add_value(int sig, siginfo_t *si, void *uc)
{
	values += si->si_value.sival_int;
	in_order &= si->si_value.sival_int > last_value;
	last_value = si->si_value.sival_int;
	value_count++;
}

static void *queue_taker(void *arg)
{
	sem_post(&started);
	while (value_count < 60)
		if (!arg)
			usleep(100);
	return NULL;
}

static void test_queue(void)
{
	for (long loop = 0; loop < 2; loop++) {
		pthread_t t;

		value_count = 0, values = 0, last_value = -1;
		on(SIGRTMIN + 3, add_value, SA_RESTART);
		pthread_create(&t, NULL, queue_taker, (void *)loop);
		sem_wait(&started);
		for (int i = 0; i < 60; i++)
			while (pthread_sigqueue(t, SIGRTMIN + 3, (union sigval){ .sival_int = i }))
				sched_yield();
		pthread_join(t, NULL);
		printf("queued: %d, %ld, in order %d\n", value_count, values, in_order);
	}
}

/* ---- to the process: the thread that lets it in ---------------------------------------------------------- */

static volatile int taker, taken;

static void note_taker(int sig, siginfo_t *si, void *uc)
{
	taker = tid();
	taken++;
}

static void *blocks(void *arg)
{
	set_mask(SIG_BLOCK, SIGUSR2);
	sem_post(&started);
	while (!stop)
		if (arg)
			usleep(1000);
	return NULL;
}

static void *lets_in(void *arg)
{
	set_mask(SIG_UNBLOCK, SIGUSR2);
	sem_post(&started);
	while (!stop)
		if (arg)
			usleep(1000);
	return (void *)(long)tid();
}

static void test_process(void)
{
	for (long sleeps = 0; sleeps < 2; sleeps++) {
		pthread_t t[THREADS];
		int right = 0, done;
		void *r;

		stop = taken = 0;
		on(SIGUSR2, note_taker, SA_RESTART);
		set_mask(SIG_BLOCK, SIGUSR2);
		for (int i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, i == 2 ? lets_in : blocks, (void *)sleeps);
		for (int i = 0; i < THREADS; i++)
			sem_wait(&started);
		for (int i = 0; i < 10; i++) {
			kill(getpid(), SIGUSR2);
			for (done = 0; taken <= i && done < 2000; done++)
				usleep(1000);
		}
		stop = 1;
		for (int i = 0; i < THREADS; i++) {
			pthread_join(t[i], &r);
			if (i == 2)
				right = (long)r == taker;
		}
		printf("to the process: %d taken, by the right one %d\n", taken, right);
	}
}

/* ---- waiting ----------------------------------------------------------------------------------------------- */

static void *waits(void *arg)
{
	siginfo_t si;
	sigset_t s;
	long sum = 0;
	int sig;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 5);
	sem_post(&started);
	for (int i = 0; i < 20; i++) {
		if (arg) {
			sigwaitinfo(&s, &si);
			sum += si.si_value.sival_int;
		} else {
			sigwait(&s, &sig);
			sum += sig == SIGRTMIN + 5;
		}
	}
	return (void *)sum;
}

static void *reads_signalfd(void *arg)
{
	int fd = (int)(long)arg;
	long sum = 0;

	for (int i = 0; i < 20; i++) {
		struct signalfd_siginfo si;

		if (read(fd, &si, sizeof si) != sizeof si)
			return (void *)-1L;
		sum += si.ssi_int;
	}
	return (void *)sum;
}

static void test_wait(void)
{
	pthread_t t;
	sigset_t s;
	void *r;

	set_mask(SIG_BLOCK, SIGRTMIN + 5);
	for (long info = 0; info < 2; info++) {
		pthread_create(&t, NULL, waits, (void *)info);
		sem_wait(&started);
		for (int i = 0; i < 20; i++)
			sigqueue(getpid(), SIGRTMIN + 5, (union sigval){ .sival_int = i });
		pthread_join(t, &r);
		printf("sigwait%s: %ld\n", info ? "info" : "", (long)r);
	}
	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 5);
	pthread_create(&t, NULL, reads_signalfd, (void *)(long)signalfd(-1, &s, SFD_CLOEXEC));
	for (int i = 0; i < 20; i++)
		sigqueue(getpid(), SIGRTMIN + 5, (union sigval){ .sival_int = i });
	pthread_join(t, &r);
	printf("signalfd: %ld\n", (long)r);
}

/* ---- faults ------------------------------------------------------------------------------------------------ */

static _Thread_local sigjmp_buf back;
static _Thread_local char *alt_stack;
static _Thread_local volatile int on_alt;
static char *bad;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	char here;

	on_alt += &here >= alt_stack && &here < alt_stack + 65536 && si->si_addr == bad + 16;
	siglongjmp(back, 1);
}

static void *faults(void *arg)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	volatile int n = 0;

	alt_stack = ss.ss_sp;
	sigaltstack(&ss, NULL);
	for (int i = 0; i < 60; i++) {
		if (!sigsetjmp(back, 1))
			bad[16] = 1;
		else
			n++;
	}
	return (void *)(long)(n + on_alt);
}

static void test_faults(void)
{
	pthread_t t[THREADS];
	long sum = 0;

	bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	on(SIGSEGV, on_fault, SA_ONSTACK);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, faults, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *r;

		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("faults: %ld\n", sum);
	signal(SIGSEGV, SIG_DFL);
}

/* ---- timers ------------------------------------------------------------------------------------------------- */

static volatile int timer_tid;
static volatile int ticks;

static void tick(int sig, siginfo_t *si, void *uc)
{
	timer_tid = tid();
	ticks += si->si_value.sival_int;
}

static void *has_timer(void *arg)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 6 };
	struct itimerspec its = { { 0, 2000000 }, { 0, 2000000 } };
	timer_t timer;

	ev.sigev_notify_thread_id = tid();
	ev.sigev_value.sival_int = 2;
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer))
		return NULL;
	timer_settime(timer, 0, &its, NULL);
	while (ticks < 20)
		continue;
	timer_delete(timer);
	return (void *)(long)(timer_tid == tid());
}

static volatile int notified;

static void notify(union sigval v) { __atomic_fetch_add(&notified, v.sival_int, __ATOMIC_RELAXED); }

static void test_timers(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify };
	struct itimerspec its = { { 0, 0 }, { 0, 100000 } };
	timer_t timer;
	pthread_t t;
	int sum = 0;
	void *r;

	on(SIGRTMIN + 6, tick, SA_RESTART);
	pthread_create(&t, NULL, has_timer, NULL);
	pthread_join(t, &r);
	printf("timer of a thread: %ld\n", (long)r);
	ev.sigev_value.sival_int = 5;
	for (int n = 0; n < 10; n++) {
		notified = 0;
		timer_create(CLOCK_MONOTONIC, &ev, &timer);
		timer_settime(timer, 0, &its, NULL);
		for (int i = 0; i < 20000 && !notified; i++)
			usleep(100);
		sum += notified;
		timer_delete(timer);
	}
	printf("timers that make threads: %d\n", sum);
}

/* ---- a signal for a thread that has hardly begun ------------------------------------------------------------------ */

enum { LIBC_FIRST = 32, NEW_THREADS = 2000, NEW_STACK_BYTES = 16384, SET_BYTES = 8 };

static volatile int waited;

/* By system calls alone: it has no thread-local storage of its own. */
static int waits_new(void *arg)
{
	const uint64_t set = UINT64_C(1) << (LIBC_FIRST - 1);

	waited += syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, SET_BYTES) == LIBC_FIRST;
	syscall(SYS_exit, 0);
	return 0;
}

/* The first signal that libc keeps to itself, which each thread inherits as blocked, sent before it runs. */
static void test_new(void)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
			  | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
	const uint64_t all = ~UINT64_C(0);
	static char stack[NEW_STACK_BYTES] __attribute__((aligned(16)));
	static volatile int there;
	uint64_t old;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, SET_BYTES);
	for (int n = 0; n < NEW_THREADS; n++) {
		int new;

		there = 1;
		new = clone(waits_new, stack + sizeof stack, flags, NULL, NULL, NULL, &there);
		if (new < 0 || syscall(SYS_tgkill, getpid(), new, LIBC_FIRST))
			exit(1);
		while (there)
			sched_yield();
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, SET_BYTES);
	printf("new threads: %d\n", waited);
}

/* ---- the rest: identity, names, affinity ---------------------------------------------------------------------- */

static void *loops(void *arg)
{
	sem_post(&started);
	while (!stop)
		continue;
	return (void *)(long)getuid();
}

static void test_identity(void)
{
	pthread_t t[THREADS];
	uid_t r, e, s;
	int err;

	stop = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, loops, NULL);
	for (int i = 0; i < THREADS; i++)
		sem_wait(&started);
	getresuid(&r, &e, &s);
	err = setresuid(r, e, s);
	printf("setresuid with threads: %d %d\n", err, setresgid(-1, getegid(), -1));
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void *named(void *arg)
{
	char path[64], comm[32] = "", name[32] = "";
	cpu_set_t set;
	int fd;

	prctl(PR_SET_NAME, "first-name");
	pthread_getname_np(pthread_self(), name, sizeof name);
	sem_post(&started);
	sem_wait(arg);
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid());
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, comm, sizeof comm - 1) < 0)
		puts("no comm");
	close(fd);
	comm[strcspn(comm, "\n")] = 0;
	pthread_getaffinity_np(pthread_self(), sizeof set, &set);
	printf("names: %s %s, cpus %d\n", name, comm, CPU_COUNT(&set));
	return NULL;
}

static void test_names(void)
{
	cpu_set_t set, first;
	pthread_t t;
	sem_t go;

	sem_init(&go, 0, 0);
	pthread_create(&t, NULL, named, &go);
	sem_wait(&started);
	pthread_setname_np(t, "second-name");
	pthread_getaffinity_np(pthread_self(), sizeof set, &set);
	CPU_ZERO(&first);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			CPU_SET(i, &first);
			break;
		}
	pthread_setaffinity_np(t, sizeof first, &first);
	sem_post(&go);
	pthread_join(t, NULL);
	printf("tgkill to nobody: %d\n", (int)syscall(SYS_tgkill, getpid(), 0x3ffffff, 0));
}

int main(void)
{
	sem_init(&started, 0, 0);
	test_kill();
	test_queue();
	test_process();
	test_wait();
	test_faults();
	test_timers();
	test_new();
	test_identity();
	test_names();
	return 0;
}

/* guest: levels=O0,O2 emulated=no */
/*
 * Ends of threads and of processes with threads: cancellation, pthread_exit of the first thread, exit_group
 * of another one, the statuses that a parent sees.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- cancellation ---------------------------------------------------------------------------------- */

static int cleaned;
static int pipe_fd[2];
static sem_t started, never, cancelled;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void cleanup(void *arg) { __atomic_fetch_add(&cleaned, (int)(long)arg, __ATOMIC_RELAXED); }
static void unlock_cleanup(void *arg) { pthread_mutex_unlock(arg); }

static void *in_read(void *arg)
{
	char c;

	pthread_cleanup_push(cleanup, (void *)1);
	sem_post(&started);
	if (read(pipe_fd[0], &c, 1) > 0)
		puts("read?");
	pthread_cleanup_pop(0);
	return arg;
}

static void *in_cond(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_cleanup_push(unlock_cleanup, &lock);
	pthread_cleanup_push(cleanup, (void *)10);
	sem_post(&started);
	for (;;)
		pthread_cond_wait(&cond, &lock);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return arg;
}

static void *in_sem(void *arg)
{
	pthread_cleanup_push(cleanup, (void *)100);
	sem_post(&started);
	sem_wait(&never);
	pthread_cleanup_pop(0);
	return arg;
}

static void *in_sleep(void *arg)
{
	pthread_cleanup_push(cleanup, (void *)1000);
	sem_post(&started);
	sleep(1000);
	pthread_cleanup_pop(0);
	return arg;
}

static void *in_loop(void *arg)
{
	volatile long n = 0;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cleanup_push(cleanup, (void *)10000);
	sem_post(&started);
	for (;;)
		n++;
	pthread_cleanup_pop(0);
	return arg;
}

static void *in_testcancel(void *arg)
{
	pthread_cleanup_push(cleanup, (void *)100000);
	sem_post(&started);
	for (;;)
		pthread_testcancel();
	pthread_cleanup_pop(0);
	return arg;
}

static void *disabled(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	sem_post(&started);
	while (sem_wait(&cancelled))
		continue;
	pthread_cleanup_push(cleanup, (void *)1000000);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return arg;
}

static void test_cancel(void)
{
	static void *(*const fn[])(void *) = { in_read, in_cond,  in_sem,       in_sleep,
					       in_loop, disabled, in_testcancel };
	pthread_t t;
	void *r;

	if (pipe(pipe_fd))
		exit(1);
	sem_init(&started, 0, 0);
	sem_init(&never, 0, 0);
	sem_init(&cancelled, 0, 0);
	for (unsigned round = 0; round < 3; round++) {
		int n = 0;

		cleaned = 0;
		for (unsigned i = 0; i < sizeof fn / sizeof *fn; i++) {
			pthread_create(&t, NULL, fn[i], NULL);
			sem_wait(&started);
			if (round)
				usleep(2000 * round);
			pthread_cancel(t);
			if (fn[i] == disabled)
				sem_post(&cancelled);
			pthread_join(t, &r);
			n += r == PTHREAD_CANCELED;
		}
		printf("cancelled %d, cleaned %d, lock free %d\n", n, cleaned,
		       pthread_mutex_trylock(&lock) == 0);
		pthread_mutex_unlock(&lock);
	}
}

/* ---- ends of processes ------------------------------------------------------------------------------ */

static void *loop(void *arg)
{
	for (volatile long n = 0;; n++)
		continue;
	return arg;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *exit_7(void *arg)
{
	usleep(2000);
	exit(7);
	return arg;
}

/* Until the first thread has ended. */
static void outlive_first(void)
{
	char line[256] = "", state = 0;

	while (state != 'Z') {
		FILE *f = fopen("/proc/self/stat", "r");

		if (f && fgets(line, sizeof line, f) && strrchr(line, ')'))
			state = strrchr(line, ')')[2];
		if (f)
			fclose(f);
		usleep(500);
	}
}

static void *returns_later(void *arg)
{
	outlive_first();
	return arg;
}

static void *raw_exit_9(void *arg)
{
	outlive_first();
	syscall(SYS_exit, 9);
	return arg;
}

static void *prints_later(void *arg)
{
	outlive_first();
	printf("  after the first thread has ended\n");
	fflush(stdout);
	return arg;
}

static void *crashes(void *arg)
{
	usleep(2000);
	*(volatile int *)8 = 1;
	return arg;
}

static void *aborts(void *arg)
{
	usleep(2000);
	abort();
	return arg;
}

static void *exits_after_main(void *arg)
{
	outlive_first();
	exit(11);
	return arg;
}

static void *returns(void *arg) { return arg; }

static pthread_t start(void *(*fn)(void *))
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, NULL))
		exit(99);
	return t;
}

static void end_main_exit(void) { start(loop), start(sleeper), usleep(3000), exit(3); }
static void end_other_exit(void) { start(loop), start(exit_7), sleeper(NULL); }
static void end_main_loops(void) { start(exit_7), start(loop), loop(NULL); }
static void end_main_leaves(void) { start(prints_later), pthread_exit(NULL); }
static void end_main_leaves_raw(void) { start(returns_later), syscall(SYS_exit, 5); }
static void end_last_raw(void) { start(raw_exit_9), syscall(SYS_exit, 6); }
static void end_main_leaves_exit(void) { start(exits_after_main), pthread_exit(NULL); }
static void end_crash(void) { start(loop), start(crashes), sleeper(NULL); }
static void end_abort(void) { start(loop), start(aborts), loop(NULL); }
static void end_main_return(void) { start(loop), start(sleeper), usleep(2000); }
static void end_killed(void)
{
	start(loop), start(sleeper), usleep(2000), kill(getpid(), SIGTERM), sleeper(NULL);
}
static void end_main_last(void)
{
	pthread_t a = start(returns), b = start(returns);

	pthread_join(a, NULL), pthread_join(b, NULL), syscall(SYS_exit, 4);
}

static void test_ends(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} end[] = {
		{ "first thread exits", end_main_exit },
		{ "another exits", end_other_exit },
		{ "another exits, all loop", end_main_loops },
		{ "first leaves", end_main_leaves },
		{ "first leaves with 5", end_main_leaves_raw },
		{ "first leaves with 6, last with 9", end_last_raw },
		{ "first leaves, other exits", end_main_leaves_exit },
		{ "crash", end_crash },
		{ "abort", end_abort },
		{ "return from main", end_main_return },
		{ "killed", end_killed },
		{ "first is the last", end_main_last },
	};

	for (unsigned i = 0; i < sizeof end / sizeof *end; i++) {
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (!pid) {
			end[i].fn();
			exit(0);
		}
		waitpid(pid, &status, 0);
		printf("%s: %s %d\n", end[i].name, WIFEXITED(status) ? "status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
}

int main(void)
{
	test_cancel();
	test_ends();
	return 0;
}

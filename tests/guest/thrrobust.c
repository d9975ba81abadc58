/* guest: levels=O0,O2 emulated=no */
/* Robust mutexes whose owner dies: a thread, a process, by exit and by signal; with inheritance too. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
	pthread_mutex_t m[4];
	volatile int ready;
};

static struct shared *sh;

static void init(int protocol)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&a, protocol);
	for (int i = 0; i < 4; i++)
		pthread_mutex_init(&sh->m[i], &a);
	sh->ready = 0;
}

static const char *name(int err)
{
	return err == 0                 ? "ok"
	       : err == EOWNERDEAD      ? "EOWNERDEAD"
	       : err == ENOTRECOVERABLE ? "ENOTRECOVERABLE"
	       : err == EBUSY           ? "EBUSY"
					: "?";
}

/* Takes what the dead owner held; the first is made consistent, the second is not. */
static void *heir(void *arg)
{
	int err[4];

	for (int i = 0; i < 4; i++)
		err[i] = pthread_mutex_lock(&sh->m[i]);
	pthread_mutex_consistent(&sh->m[0]);
	for (int i = 0; i < 4; i++)
		if (err[i] == 0 || err[i] == EOWNERDEAD)
			pthread_mutex_unlock(&sh->m[i]);
	printf("%s: %s %s %s %s;", (const char *)arg, name(err[0]), name(err[1]), name(err[2]),
	       name(err[3]));
	for (int i = 0; i < 2; i++) {
		err[i] = pthread_mutex_lock(&sh->m[i]);
		if (!err[i])
			pthread_mutex_unlock(&sh->m[i]);
	}
	printf(" then %s %s\n", name(err[0]), name(err[1]));
	return NULL;
}

static void take_some(void)
{
	pthread_mutex_lock(&sh->m[0]);
	pthread_mutex_lock(&sh->m[1]);
	pthread_mutex_lock(&sh->m[2]);
	pthread_mutex_lock(&sh->m[3]);
	pthread_mutex_unlock(&sh->m[2]);
	__atomic_store_n(&sh->ready, 1, __ATOMIC_SEQ_CST);
}

static void *owner(void *arg)
{
	take_some();
	usleep((long)arg);
	return NULL;
}

static void *holder(void *arg)
{
	take_some();
	for (;;)
		pause();
	return arg;
}

static void wait_ready(void)
{
	while (!__atomic_load_n(&sh->ready, __ATOMIC_SEQ_CST))
		usleep(500);
}

static void threads(int protocol, const char *before, const char *waiting)
{
	pthread_t a, b;

	init(protocol);
	pthread_create(&a, NULL, owner, NULL);
	pthread_join(a, NULL);
	heir((void *)before);
	init(protocol);
	pthread_create(&a, NULL, owner, (void *)20000L);
	wait_ready();
	pthread_create(&b, NULL, heir, (void *)waiting);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

enum end { END_EXIT, END_KILL, END_THREAD_KILL, END_THREAD_GROUP, END_EXEC, END_COUNT };

static void child(enum end how)
{
	pthread_t t;
	char *argv[] = { "true", NULL };

	if (how == END_THREAD_KILL || how == END_THREAD_GROUP) {
		pthread_create(&t, NULL, holder, NULL);
		wait_ready();
	} else {
		take_some();
	}
	usleep(10000);
	if (how == END_EXEC)
		execv("/bin/true", argv);
	if (how == END_KILL || how == END_THREAD_KILL)
		kill(getpid(), SIGKILL);
	_exit(0);
}

static void processes(int protocol)
{
	static char *const what[END_COUNT] = { "process exits", "process killed",
					       "its thread, killed", "its thread, exit_group",
					       "process executes" };

	for (int i = 0; i < END_COUNT; i++) {
		pid_t pid;

		init(protocol);
		fflush(stdout);
		pid = fork();
		if (!pid)
			child((enum end)i);
		wait_ready();
		heir(what[i]);
		waitpid(pid, NULL, 0);
	}
}

int main(void)
{
	sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	puts("plain");
	threads(PTHREAD_PRIO_NONE, "thread ended before", "thread ends with a waiter");
	processes(PTHREAD_PRIO_NONE);
	puts("inheriting");
	threads(PTHREAD_PRIO_INHERIT, "thread ended before", "thread ends with a waiter");
	processes(PTHREAD_PRIO_INHERIT);
	return 0;
}

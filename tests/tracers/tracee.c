/* What strace and gdbserver look at: threads, a loop, a sum, children, a wait, a crash, as the first argument says. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

volatile long total;

__attribute__((noinline)) long add(long n)
{
	long before = total;

	total = before + n;
	return total;
}

__attribute__((noinline)) void *in_thread(void *arg)
{
	for (int i = 0; i < 50; i++)
		getppid();
	return arg;
}

static int threads(void)
{
	pthread_t t[8];

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 8; i++)
			pthread_create(&t[i], NULL, in_thread, NULL);
		for (int i = 0; i < 8; i++)
			pthread_join(t[i], NULL);
	}
	puts("40 threads");
	return 0;
}

/* Until something comes in. */
static int loop(void)
{
	struct timespec ts = { 0, 2000000 };
	struct timeval now = { 0, 0 };
	fd_set set;

	puts("ready");
	fflush(stdout);
	do {
		getppid();
		nanosleep(&ts, NULL);
		now = (struct timeval){ 0, 0 };
		FD_ZERO(&set);
		FD_SET(0, &set);
	} while (select(1, &set, NULL, NULL, &now) == 0);
	return 7;
}

/* One child that adds 3, and one that adds 4. */
static int forks(void)
{
	int status = 0;

	for (int n = 3; n <= 4; n++) {
		if (fork() == 0)
			_exit((int)add(n));
		wait(&status);
	}
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	if (!strcmp(argv[1], "fork"))
		return forks();
	if (!strcmp(argv[1], "threads"))
		return threads();
	if (!strcmp(argv[1], "loop"))
		return loop();
	if (!strcmp(argv[1], "pause"))
		for (add(1);;)
			pause();
	if (!strcmp(argv[1], "crash"))
		*(volatile int *)16 = 1;
	for (long i = 1; i <= 10; i++)
		add(i);
	return total == 55 ? 0 : 9;
}

/* guest: levels=O2 emulated=no */
/*
 * Many at once: 200 threads, 200 processes, a small fork bomb; and one after the other without end: memory,
 * descriptors and mappings do not grow. The argument is the number of threads that come and go.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static long total;

static void *meets(void *arg)
{
	pthread_barrier_wait(&barrier);
	__atomic_fetch_add(&total, (long)arg, __ATOMIC_RELAXED);
	pthread_barrier_wait(&barrier);
	return arg;
}

static void test_threads(void)
{
	static pthread_t t[200];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_barrier_init(&barrier, NULL, 200);
	for (long i = 0; i < 200; i++)
		if (pthread_create(&t[i], &attr, meets, (void *)i))
			exit(90);
	for (int i = 0; i < 200; i++)
		pthread_join(t[i], NULL);
	printf("200 threads: %ld\n", total);
}

static void test_processes(void)
{
	pid_t pid[200];
	int fd[2], sum = 0, status;
	char c;

	if (pipe(fd))
		exit(91);
	for (int i = 0; i < 200; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			exit(92);
		if (!pid[i]) {
			close(fd[1]);
			/* Ends with all the others, when the pipe is closed. */
			if (read(fd[0], &c, 1) != 0)
				_exit(1);
			_exit(i % 100);
		}
	}
	close(fd[1]);
	for (int i = 0; i < 200; i++) {
		waitpid(pid[i], &status, 0);
		sum += WEXITSTATUS(status);
	}
	close(fd[0]);
	printf("200 processes: %d\n", sum);
}

/* A tree of processes: each makes three more. */
static int bomb(int depth)
{
	int sum = 1, status;
	pid_t pid[3];

	for (int i = 0; depth && i < 3; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(bomb(depth - 1));
	}
	for (int i = 0; depth && i < 3; i++) {
		waitpid(pid[i], &status, 0);
		sum += WEXITSTATUS(status);
	}
	return sum;
}

/* ---- nothing is left behind ------------------------------------------------------------------------ */

static int lines(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = 0, c;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static long resident_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long kb = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static sem_t ended;

static void *short_lived(void *arg)
{
	free(malloc(1000));
	if (arg)
		sem_post(&ended);
	return arg;
}

static void come_and_go(int n)
{
	for (int i = 0; i < n; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, short_lived, (void *)(long)(i % 4 == 0)))
			exit(93);
		if (i % 4 == 0) {
			pthread_detach(t);
			sem_wait(&ended);
		} else {
			pthread_join(t, NULL);
		}
	}
}

static void test_leaks(int n)
{
	int maps, fds;
	long least = 1 << 30;

	sem_init(&ended, 0, 0);
	come_and_go(n / 4);
	maps = lines("/proc/self/maps");
	fds = entries("/proc/self/fd");
	/* What is lost with each thread shows in every round, other things now and then. */
	for (int i = 0; i < 8; i++) {
		long kb = resident_kb();

		come_and_go(n / 4);
		kb = resident_kb() - kb;
		least = kb < least ? kb : least;
	}
	printf("left behind: mappings %d, descriptors %d, memory %d\n",
	       lines("/proc/self/maps") > maps + 8, entries("/proc/self/fd") - fds,
	       least > n / 4 / 2);
}

int main(int argc, char **argv)
{
	test_threads();
	fflush(stdout);
	test_processes();
	fflush(stdout);
	printf("bomb: %d\n", bomb(4));
	test_leaks(argc > 1 ? atoi(argv[1]) : 2000);
	return 0;
}

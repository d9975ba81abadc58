/* A guest that does what it is told, for kitemu-test to judge. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *wait_in_thread(void *p)
{
	pause();
	return p;
}

static void spin(void)
{
	for (volatile unsigned long n = 0;;)
		n++;
}

static int crash_here(volatile int *p) { return *p = 1; }

static void say_file(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
}

/* Fails unless the file that it makes is there. */
static int second_time(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd >= 0)
		return 0;
	close(open(path, O_WRONLY | O_CREAT, 0666));
	return 5;
}

static char *volatile memory;

static int do_one(const char *what, const char *arg)
{
	long n = arg ? atol(arg) : 0;

	if (!strcmp(what, "say"))
		puts(arg);
	else if (!strcmp(what, "env"))
		puts(getenv(arg) ? getenv(arg) : "not set");
	else if (!strcmp(what, "stdin"))
		say_file(0);
	else if (!strcmp(what, "file"))
		say_file(open(arg, O_RDONLY));
	else if (!strcmp(what, "status"))
		return (int)n;
	else if (!strcmp(what, "crash"))
		return crash_here(NULL);
	else if (!strcmp(what, "abort"))
		abort();
	else if (!strcmp(what, "kill"))
		kill(getpid(), (int)n);
	else if (!strcmp(what, "spin"))
		spin();
	else if (!strcmp(what, "second"))
		return second_time(arg);
	else if (!strcmp(what, "hang")) {
		pthread_t t;

		pthread_create(&t, NULL, wait_in_thread, NULL);
		pthread_join(t, NULL);
	} else if (!strcmp(what, "deaf")) {
		signal(SIGQUIT, SIG_IGN);
		pause();
	} else if (!strcmp(what, "memory")) {
		memory = malloc((size_t)n << 20);
		memset(memory, 1, (size_t)n << 20);
		sleep(n > 100 ? 5 : 0);
	} else if (!strcmp(what, "processes")) {
		while (n--)
			if (!fork())
				sleep(100), _exit(0);
		sleep(5);
	} else if (!strcmp(what, "leave")) {
		/* A child that holds the outputs and lives on. */
		if (!fork())
			sleep(1000);
	} else if (!strcmp(what, "flood")) {
		for (;;)
			if (puts("the same line over and over, without end") < 0)
				return 1;
	} else {
		return 99;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc && !status; i += 2)
		status = do_one(argv[i], argv[i + 1]);
	return status;
}

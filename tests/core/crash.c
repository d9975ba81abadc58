/* Dies in a way that its first argument names, with main -> middle -> inner on the stack, and one thread more. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static volatile int *null;
static volatile double half = 0.5;

static __attribute__((noinline)) int inner(const char *how, int x)
{
	double kept = half * x;

	if (!strcmp(how, "segv"))
		x += *null;
	else if (!strcmp(how, "abort"))
		abort();
	else if (!strcmp(how, "trap"))
		__builtin_trap();
	else
		kill(getpid(), SIGQUIT);
	return x + (int)(kept * half);
}

static __attribute__((noinline)) int middle(const char *how, int x)
{
	return inner(how, x + 1) * 2;
}

static void *wait_in_thread(void *fd)
{
	char c = 1;

	if (write(*(int *)fd, &c, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };
	pthread_t thread;
	int ends[2];
	char c;

	if (argc > 2) /* the limit comes from the program itself */
		setrlimit(RLIMIT_CORE, &lim);
	if (pipe(ends) || pthread_create(&thread, NULL, wait_in_thread, &ends[1])
	    || read(ends[0], &c, 1) != 1)
		return 1;
	return middle(argv[1], 41);
}

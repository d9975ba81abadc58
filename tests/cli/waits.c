/* Calls that wait, and ends in the midst of them; what there is to be traced is decided by argv[1]. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int p[2];
static char buf[9];

static void *in_thread(void *arg) { return (void *)read(p[0], buf, 9); }

/* As long as it takes to be waiting. */
static void pause_a_while(void) { nanosleep(&(struct timespec){ 0, 400000000 }, NULL); }

static int in_a_fork(const char *what)
{
	if (!fork()) {
		pause_a_while();
		(void)!write(p[1], "x", 1);
		_exit(3);
	}
	(void)!read(p[0], buf, 9);
	wait(NULL);
	return 4;
}

static int in_a_vfork(char **argv)
{
	char *args[] = { argv[0], "end", NULL };

	if (!vfork()) {
		execv(args[0], args);
		_exit(1);
	}
	wait(NULL);
	return 0;
}

static int in_threads(const char *end)
{
	pthread_t t;

	pthread_create(&t, NULL, in_thread, NULL);
	pause_a_while();
	if (!strcmp(end, "exit"))
		_exit(4);
	if (!strcmp(end, "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(end, "abort"))
		abort();
	if (!strcmp(end, "exec"))
		execl("/bin/true", "true", NULL);
	(void)!write(p[1], "1", 1);
	pthread_join(t, NULL);
	return 0;
}

/* Two threads, each until its descriptor has a byte for it. */
static void *reads_more(void *arg)
{
	(void)!read(3, buf, 9);
	return NULL;
}

static int side_by_side(void)
{
	pthread_t t;

	pthread_create(&t, NULL, reads_more, NULL);
	(void)!read(0, buf, 9);
	pthread_join(t, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "end";

	if (!strcmp(what, "end"))
		return 0;
	if (!strcmp(what, "two"))
		return side_by_side();
	(void)!pipe(p);
	if (!strcmp(what, "one"))
		return (int)read(0, buf, 9);
	if (!strcmp(what, "alarm"))
		return alarm(1), (int)read(p[0], buf, 9);
	if (!strcmp(what, "raise"))
		return raise(SIGKILL);
	if (!strcmp(what, "fork"))
		return in_a_fork(what);
	return !strcmp(what, "vfork") ? in_a_vfork(argv) : in_threads(what);
}

/* Calls to be traced: files, a failure, a signal, a child that executes the program again, a thread. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *in_thread(void *arg)
{
	(void)!write(1, "thread\n", 7);
	return NULL;
}

static void handler(int sig) {}

int main(int argc, char **argv)
{
	char buf[8], *args[] = { argv[0], "again", NULL };
	pthread_t t;
	int fd;

	if (argc > 1) {
		(void)!write(1, "child\n", 6);
		return 3;
	}
	fd = syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC);
	(void)!read(fd, buf, 4);
	syscall(SYS_openat, AT_FDCWD, "/no such file", O_WRONLY);
	(void)!write(1, "a long line that is cut somewhere\n", 34);
	close(fd);
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	signal(SIGUSR1, handler);
	signal(SIGCHLD, handler);
	raise(SIGUSR1);
	pthread_create(&t, NULL, in_thread, NULL);
	pthread_join(t, NULL);
	if (!fork())
		execv("/proc/self/exe", args);
	wait(NULL);
	return 0;
}

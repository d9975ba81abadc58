/* Dies in the way that its argument names. */
#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int sink;
static int (*volatile nowhere)(int);
static void *(*volatile fill)(void *, int, size_t) = memset;

__attribute__((noinline)) int leaf(volatile int *p) { return *p; }

__attribute__((noinline)) int deep(int n, volatile int *p)
{
	return n ? deep(n - 1, p) + n : leaf(p) + 1;
}

__attribute__((noinline)) int with_room(size_t n)
{
	char *room = alloca(n);

	memset(room, 1, n);
	return deep(1, (volatile int *)(uintptr_t)room[0]) + room[n - 1];
}

static int compare(const void *a, const void *b)
{
	return leaf((volatile int *)8) + *(const char *)a - *(const char *)b;
}

static void handler(int sig) { sink = leaf((volatile int *)24) + sig; }

static void *in_thread(void *arg)
{
	sink = deep(0, (volatile int *)40);
	return arg;
}

__attribute__((noinline)) int endless(int n)
{
	volatile char room[4096];

	room[n % 4096] = 1;
	return endless(n + 1) + room[0];
}

static void children(const char *self)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = i == 2 && !self ? vfork() : fork();

		if (pid == 0) {
			if (self)
				execl(self, self, "read", (char *)NULL);
			leaf((volatile int *)16);
		}
		waitpid(pid, NULL, 0);
	}
}

/* The end of its own file, where symbols and section headers are. */
static void rewrite(const char *self)
{
	int fd = open(self, O_RDWR);
	off_t size = lseek(fd, 0, SEEK_END);

	for (off_t at = size / 3 * 2; at < size; at += 3)
		if (pwrite(fd, "\x9a", 1, at) != 1)
			exit(1);
	leaf((volatile int *)16);
}

__attribute__((noinline)) void smash(size_t n)
{
	volatile char here[8];

	fill((char *)here, 0x12, n);
}

__attribute__((noinline)) void no_stack(void) { __asm__ volatile("li sp, 8\n\tsd ra, 0(sp)"); }

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	char letters[] = "cab";
	pthread_t t;

	if (!strcmp(how, "read"))
		return deep(2, (volatile int *)16);
	if (!strcmp(how, "write"))
		*(volatile char *)(uintptr_t)main = 1;
	if (!strcmp(how, "alloca"))
		return with_room(100);
	if (!strcmp(how, "callback"))
		qsort(letters, 3, 1, compare);
	if (!strcmp(how, "handler")) {
		signal(SIGUSR1, handler);
		raise(SIGUSR1);
	}
	if (!strcmp(how, "jump"))
		return nowhere(3) + 1;
	if (!strcmp(how, "thread")) {
		pthread_create(&t, NULL, in_thread, NULL);
		pthread_join(t, NULL);
	}
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "illegal"))
		__asm__ volatile(".word 0");
	if (!strcmp(how, "trap"))
		__asm__ volatile("ebreak");
	if (!strcmp(how, "overflow"))
		return endless(0);
	if (!strcmp(how, "stack"))
		no_stack();
	if (!strcmp(how, "smashed"))
		smash(200);
	if (!strcmp(how, "children"))
		children(NULL);
	if (!strcmp(how, "executes"))
		children(argv[0]);
	if (!strcmp(how, "rewrite"))
		rewrite(argv[0]);
	return 0;
}

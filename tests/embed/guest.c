/* What the machines of tests/embed/machines.c run, by what they are told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile long watched[4] = { 1, 2, 3, 4 };
volatile long calls;

__attribute__((noinline)) long hooked(long n)
{
	calls++;
	return n + 1;
}

__attribute__((noinline)) void touch(void)
{
	watched[1] = 7;
	watched[2] += watched[1];
}

static int count(const char *arg)
{
	long n = 0;

	for (long i = 0, most = atol(arg); i < most; i++)
		n += hooked(i);
	printf("%ld %ld\n", n, calls);
	return 3;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "count"))
		return count(argv[2]);
	if (!strcmp(what, "pid"))
		return getpid() == 4711 ? 5 : 6;
	if (!strcmp(what, "env"))
		return getenv("VALUE") ? atoi(getenv("VALUE")) : 1;
	if (!strcmp(what, "touch"))
		touch();
	if (!strcmp(what, "crash"))
		*(volatile int *)0x123450 = 1;
	if (!strcmp(what, "abort"))
		abort();
	if (!strcmp(what, "fork"))
		return fork() < 0 ? 8 : 9;
	if (!strcmp(what, "spin"))
		for (;;)
			calls++;
	return watched[2] == 10 ? 4 : 2;
}

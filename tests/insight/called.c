/* Calls of every kind, a known number of each: tests/insight/callgrind.py knows them by name. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static volatile int sink;

KEEP static int leaf(int n) { return n * 3 + 1; }

KEEP static int twice(int n) { return leaf(n) + leaf(n + 1); }

/* A circle of two. */
KEEP static int odd(int n);
KEEP static int even(int n) { return n == 0 ? 1 : odd(n - 1) + sink; }
KEEP static int odd(int n) { return n == 0 ? 0 : even(n - 1) + sink; }

KEEP static int fib(int n) { return n < 2 ? n : fib(n - 1) ^ fib(n - 2); }

/* Its last call is a jump. */
KEEP static int last(int n)
{
	sink++;
	return leaf(n);
}

KEEP static int first_way(int n) { return n + sink; }
KEEP static int second_way(int n) { return n - sink; }
static int (*volatile way[])(int) = { first_way, second_way };

KEEP static int by_table(int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += way[i % 4 == 3](i);
	return sum;
}

KEEP static void *in_thread(void *p)
{
	for (int i = 0; i < 100; i++)
		sink += leaf(i);
	return p;
}

KEEP static void in_child(void) { sink += twice(7); }

int main(int argc, char **argv)
{
	pthread_t t[4];

	for (int i = 0; i < 1000; i++)
		sink += twice(i);
	sink += even(40) + fib(15) + by_table(400);
	for (int i = 0; i < 50; i++)
		sink += last(i);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, in_thread, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 3; i++)
		if (fork() == 0) {
			in_child();
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	if (argc > 1 && !strcmp(argv[1], "exec"))
		execl("/proc/self/exe", "again", NULL);
	return 0;
}

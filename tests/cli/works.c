/* What most programs do: a child that computes, one that executes a program, output that is looked after. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 100000 };

static int up(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void compute(void)
{
	static int v[COUNT];

	for (int i = 0; i < COUNT; i++)
		v[i] = (int)(i * 7919L % 100003);
	qsort(v, COUNT, sizeof *v, up);
	printf("child %d %.1f\n", v[5], v[6] * 1.5);
}

int main(int argc, char **argv)
{
	int status = 0;

	if (argc > 1)
		printf("%s\n", argv[1]);
	if (argc == 1 && !fork()) {
		compute();
		return fflush(stdout) != 0;
	}
	if (argc == 1 && wait(&status) > 0 && !fork()) {
		execl("/proc/self/exe", argv[0], "executed", NULL);
		execl(argv[0], argv[0], "executed", NULL);
		_exit(9);
	}
	if (argc == 1)
		wait(&status);
	if (argc == 1)
		printf("parent %d\n", status);
	return fflush(stdout) ? 5 : 0;
}

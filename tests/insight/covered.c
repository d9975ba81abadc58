/* Coverage of lines: branches both ways or one, loops that never turn, code after returns, functions not called, and a
 * little of each of what the translator makes something else of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int never_called(int x)
{
	if (x > 3)
		return x;
	return -x;
}

static int smaller(int a, int b)
{
	int r = a;

	if (b < a)
		r = b;
	return r;
}

static int sign(int x)
{
	if (x < 0)
		return -1;
	if (x == 123456)
		return 99;
	return x > 0;
}

static int pick(int n)
{
	switch (n) {
	case 0:
		return 5;
	case 1:
		return 7;
	case 2:
		return 11;
	case 77:
		return 13;
	default:
		break;
	}
	return 17;
}

static unsigned rarely(unsigned rounds)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < rounds; i++) {
		sum += i * 3;
		if (i == rounds - 2)
			sum ^= 0x55;
		if (i > rounds)
			sum = 0;
		while (sum > 100000000)
			sum -= 7777;
	}
	return sum;
}

static int in_child(int x)
{
	int y = x + 1;

	if (y == 8)
		y++;
	return y;
}

static int in_parent(int x) { return x * 2; }

static int by_argument(const char *s)
{
	if (strcmp(s, "one") == 0)
		return 1;
	if (strcmp(s, "two") == 0)
		return 2;
	if (strcmp(s, "fork") == 0) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			exit(in_child(7));
		wait(&status);
		return in_parent(WEXITSTATUS(status));
	}
	return 0;
}

int main(int argc, char **argv)
{
	int sum = 0;

	for (int i = 0; i < 500; i++) {
		sum += smaller(i, 250);
		sum += sign(i - 3);
		sum += pick(i % 3);
	}
	sum += smaller(3, 2) + smaller(1, 2);
	sum += (int)rarely(20000);
	if (argc > 1)
		sum += by_argument(argv[1]);
	else
		sum += 1;
	if (sum == -1)
		sum += never_called(sum);
	for (int i = 0; i < argc - 1000; i++)
		sum *= 2;
	printf("%d\n", sum);
	return 0;
}

/* forks N: page faults that a forked child meets which ends at once, and those that its parent meets meanwhile; N forks' mean. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long faults(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return r.ru_minflt;
}

static void forks(int n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			exit(1);
	}
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	long children, self;

	/* What runs often is translated by then. */
	forks(n);
	children = faults(RUSAGE_CHILDREN);
	self = faults(RUSAGE_SELF);
	forks(n);
	printf("%ld %ld\n", (faults(RUSAGE_CHILDREN) - children + n / 2) / n,
	       (faults(RUSAGE_SELF) - self + n / 2) / n);
	return 0;
}

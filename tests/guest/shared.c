/* guest: timeout=120 */
/*
 * Memory that another process writes all the time. Under --selfcheck the engines see different values of it, which
 * is nobody's fault: the run goes on.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct page {
	volatile unsigned long count;      /* of the child's turns */
	volatile unsigned long scratch[8]; /* both write it */
	atomic_ulong sum;                  /* both add to it */
};

int main(void)
{
	enum { TURNS = 20000, SEEN = 100 };
	struct page *p =
	    mmap(0, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long last = 0, seen = 0, back = 0;
	pid_t child;

	if (p == MAP_FAILED)
		return 1;
	child = fork();
	if (child == 0) {
		alarm(100);
		for (;;) {
			p->count++;
			p->scratch[p->count & 7] = ~p->count;
			atomic_fetch_add(&p->sum, 2);
		}
	}
	for (unsigned i = 0; i < TURNS || seen < SEEN; i++) {
		unsigned long now = p->count;

		back += now < last;
		seen += now != last;
		last = now;
		p->scratch[i & 7] = i;
		atomic_fetch_add(&p->sum, 4);
	}
	kill(child, SIGKILL);
	waitpid(child, 0, 0);
	printf("counted back %lu times, sum %s\n", back, p->sum % 2 ? "odd" : "even");
	return 0;
}

/* guest: timeout=120 */
/*
 * Memory that another process writes all the time, or a system call of another thread. Under --selfcheck the
 * engines see different values of it, which is nobody's fault: the run goes on.
 */
#include <fcntl.h>
#include <pthread.h>
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

static volatile unsigned long words[8];
static atomic_bool done;

static void *fill(void *arg)
{
	int fd = open("/dev/urandom", O_RDONLY);
	long n = 0;

	for (int i = 0; i < 50000; i++)
		n += read(fd, (void *)words, sizeof words);
	atomic_store(&done, 1);
	printf("read %ld\n", n);
	return arg;
}

static void test_thread(void)
{
	pthread_t t;
	unsigned long sum = 0;

	if (pthread_create(&t, 0, fill, 0))
		exit(1);
	while (!atomic_load(&done))
		for (int i = 0; i < 8; i++)
			sum += words[i] * 3;
	pthread_join(t, 0);
	printf("sum %s\n", sum == 1 ? "1" : "random");
}

static void test_process(void)
{
	enum { TURNS = 20000, SEEN = 100 };
	struct page *p =
	    mmap(0, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long last = 0, seen = 0, back = 0;
	pid_t child;

	if (p == MAP_FAILED)
		exit(1);
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
}

int main(void)
{
	test_process();
	test_thread();
	return 0;
}

/* guest: levels=O2 timeout=120 emulated=exec */
/*
 * Many processes: 200 at once, bombs of forks that have a limit, and children that are killed at any moment.
 *
 *     processes [KILLS]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { AT_ONCE = 200, BOMB = 120, FEW = 24, CHILDREN = 12, KILLS = 200 };

/* Shared by all. */
static struct {
	atomic_int alive, most, ended, made, refused, odd;
	atomic_long sum;
} * all;

NOINLINE static uint64_t work(uint64_t x, int n)
{
	for (int i = 0; i < n; i++)
		x = x * 6364136223846793005u + (x >> 33 ^ (uint64_t)i);
	return x;
}

static int exit_of(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void test_at_once(void)
{
	pid_t pid[AT_ONCE];
	int gate[2], bad = 0;
	char c;

	if (pipe(gate))
		exit(1);
	for (int i = 0; i < AT_ONCE; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			close(gate[1]);
			atomic_fetch_add(&all->alive, 1);
			bad = read(gate[0], &c, 1) != 0; /* until all are there */
			atomic_fetch_add(&all->sum, (long)(work((uint64_t)i, 1000) & 0) + i);
			_exit(bad ? 200 : i % 100);
		}
		bad += pid[i] < 0;
	}
	while (atomic_load(&all->alive) < AT_ONCE - bad)
		usleep(1000);
	close(gate[1]);
	for (int i = 0; i < AT_ONCE; i++)
		bad += exit_of(pid[i]) != i % 100;
	close(gate[0]);
	printf("%d at once: %d bad, sum %ld\n", atomic_load(&all->alive), bad,
	       atomic_load(&all->sum));
}

/* Each forks two, and these too, until there are so many; everyone waits for its own. */
static void bomb(void)
{
	pid_t pid[2];
	int status;

	for (int i = 0; i < 2; i++) {
		pid[i] = 0;
		if (atomic_fetch_add(&all->made, 1) >= BOMB) {
			atomic_fetch_sub(&all->made, 1);
			continue;
		}
		pid[i] = fork();
		if (!pid[i]) {
			bomb();
			atomic_fetch_add(&all->ended, 1);
			_exit(3);
		}
	}
	for (int i = 0; i < 2; i++)
		if (pid[i] && (waitpid(pid[i], &status, 0) != pid[i] || status != 3 << 8))
			atomic_fetch_add(&all->odd, 1);
}

static void test_bomb(void)
{
	bomb();
	printf("bomb: %d made, %d ended, %d odd\n", atomic_load(&all->made),
	       atomic_load(&all->ended), atomic_load(&all->odd));
}

/* The kernel sets the limit, where we may become a user who has no other processes. */
static void test_limit(void)
{
	struct rlimit few = { FEW, FEW };
	pid_t main_pid = fork(), pid[2 * FEW];
	int n = 0, again = 1, bad = 0;

	if (main_pid) {
		printf("limit: %d\n", exit_of(main_pid));
		return;
	}
	if (setuid((uid_t)(1000000 + getpid())) != 0)
		_exit(0);
	setrlimit(RLIMIT_NPROC, &few);
	for (int round = 0; round < 3; round++) {
		for (n = 0; n < 2 * FEW; n++) {
			pid[n] = fork();
			if (!pid[n]) {
				pause();
				_exit(1);
			}
			if (pid[n] < 0)
				break;
		}
		again &= n == FEW - 1 && errno == EAGAIN; /* we are one, too */
		while (n-- > 0) {
			kill(pid[n], SIGTERM);
			bad += exit_of(pid[n]) != 1000 + SIGTERM;
		}
	}
	_exit(again && !bad ? 0 : 1);
}

/* A child's life: computing, mapping, making children of its own, talking through a pipe. */
static void live(int kind, int out)
{
	uint64_t x = (uint64_t)kind;
	pid_t pid;

	setpgid(0, 0);
	for (;;)
		switch (kind % 4) {
		case 0:
			x = work(x, 2000);
			break;
		case 1:
			munmap(mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			       1 << 16);
			free(malloc(x % 5000));
			break;
		case 2:
			pid = fork();
			if (!pid)
				_exit((int)(work(x, 100) & 0));
			exit_of(pid);
			break;
		default:
			if (write(out, "12345678", 8) != 8)
				_exit(9);
		}
}

static void test_kills(int kills)
{
	pid_t pid[CHILDREN] = { 0 };
	int to[2], bad = 0, fill = 0;
	uint64_t seed = 12345;
	char text[4096];

	if (pipe2(to, O_NONBLOCK))
		exit(1);
	fcntl(to[1], F_SETFL, 0);
	for (int i = 0; i < kills + CHILDREN; i++) {
		int k = i < CHILDREN ? i : (int)((seed = work(seed, 1)) >> 33) % CHILDREN;
		ssize_t n;

		if (pid[k]) {
			usleep((unsigned)(seed >> 40) % 3000);
			kill(pid[k], SIGKILL);
			bad += exit_of(pid[k]) != 1000 + SIGKILL;
			kill(-pid[k], SIGKILL); /* its children */
		}
		pid[k] = fork();
		if (!pid[k])
			live(k, to[1]);
		while ((n = read(to[0], text, sizeof text)) > 0)
			fill += n % 8 != 0; /* writes of 8 bytes are whole */
	}
	for (int k = 0; k < CHILDREN; k++) {
		kill(pid[k], SIGKILL);
		bad += exit_of(pid[k]) != 1000 + SIGKILL;
		kill(-pid[k], SIGKILL);
	}
	printf("killed: %d bad, %d torn\n", bad, fill);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	all = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test_at_once();
	test_bomb();
	test_limit();
	test_kills(argc > 1 ? atoi(argv[1]) : KILLS);
	return 0;
}

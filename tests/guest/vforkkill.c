/* guest: levels=O2 timeout=120 emulated=no selfcheck=no */
/*
 * A process that shares its parent's memory is killed (SIGKILL) at any moment, while it maps, protects, makes and runs new
 * code: its parent goes on, with what it had. Then a parent that starts programs for long does not grow.
 *
 *     vforkkill [KILLS [SEED]]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum {
	PAGE = 4096,
	PLAY_PAGES = 64,
	SLOTS = 32,
	LONGEST_US = 700,
	RWX = PROT_READ | PROT_WRITE | PROT_EXEC
};

typedef long fn_t(long);
typedef char *block_t;

/* Of the children and their parents; the killer shares it. */
static struct {
	atomic_int victim, quit;
	atomic_uint random;
} * shared;

static char *play;  /* where the children map, PLAY_PAGES */
static char *code;  /* made and run by children and parents alike */
static int threads; /* that run beside */
static atomic_int stop, bad;

static void put_add(void *at, int imm)
{
#ifdef __riscv
	uint32_t *insn = at;

	insn[0] = (uint32_t)imm << 20 | 10u << 15 | 10 << 7 | 0x13; /* addi a0, a0, imm */
	insn[1] = 0x00008067;
	__asm__ volatile("fence.i" ::: "memory");
#else
	uint64_t insn = 0xc300478d48 | (uint64_t)(uint8_t)imm << 24; /* lea imm(%rdi), %rax; ret */

	memcpy(at, &insn, sizeof insn);
#endif
}

/* A new function in slot, run often enough to be translated. */
static long make_and_run(char *at, int imm)
{
	long x = 0;

	put_add(at, imm);
	for (int i = 0; i < 200; i++)
		x = ((fn_t *)at)(x);
	return x;
}

/* Until it is killed. No call of libc's that keeps anything. */
static int live(void *arg)
{
	uint64_t x = (uint64_t)(uintptr_t)arg;

	atomic_store(&shared->victim, (int)syscall(SYS_getpid));
	for (;;) {
		unsigned page = (unsigned)(x >> 33) % (PLAY_PAGES - 4);
		char *at = play + page * PAGE;

		x = x * 6364136223846793005u + 1442695040888963407u;
		switch (x >> 60) {
		case 0:
		case 1:
		case 2:
			mmap(at, PAGE * (1 + (x >> 40) % 4), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 3:
		case 4:
			/* Other threads would map in the hole. */
			if (threads)
				mmap(at, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				     -1, 0);
			else
				munmap(at, PAGE * (1 + (x >> 40) % 4));
			break;
		case 5:
		case 6:
			mprotect(at, PAGE, (x >> 40) % 2 ? PROT_READ : RWX);
			break;
		case 7:
			if (!threads)
				mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
			break;
		case 8: {
			char *p = mmap(NULL, 4 * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p != MAP_FAILED) {
				make_and_run(p + (x >> 40) % 200 * 16, 3);
				munmap(p, 4 * PAGE);
			}
			break;
		}
		default:
			make_and_run(code + (x >> 40) % SLOTS * 64, (int)(x >> 50) % 100);
		}
	}
	return 0;
}

static void killer(void)
{
	uint64_t x = atomic_load(&shared->random);

	while (!atomic_load(&shared->quit)) {
		int pid = atomic_load(&shared->victim);

		if (!pid) {
			sched_yield();
			continue;
		}
		x = x * 6364136223846793005u + 1442695040888963407u;
		usleep((unsigned)(x >> 40) % LONGEST_US);
		atomic_store(&shared->victim, 0);
		kill(pid, SIGKILL);
	}
	_exit(0);
}

static void one_kill(int flags, uint64_t seed)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	int status = 0;
	pid_t pid =
	    clone(live, stack + sizeof stack, CLONE_VM | flags | SIGCHLD, (void *)(uintptr_t)seed);

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status)
	    || WTERMSIG(status) != SIGKILL)
		bad++;
	/* The whole place is the parent's to use, and new code runs. */
	if (mmap(play, PLAY_PAGES * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
	    != play)
		bad++;
	for (int i = 0; i < PLAY_PAGES; i++)
		bad += play[i * PAGE] != 0;
	memset(play, 1, PLAY_PAGES * PAGE);
	bad += make_and_run(play + seed % 60 * 64, 5) != 1000;
	bad += make_and_run(code + seed % SLOTS * 64, 7) != 1400;
	if (mprotect(play, PLAY_PAGES * PAGE, PROT_READ)
	    || (!threads && munmap(play, PLAY_PAGES * PAGE)))
		bad++;
}

/* The heap, the stack and the mappings that were there before. */
static void check_kept(block_t *block, int count)
{
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < 5000; k += 500)
			bad += block[i][k] != (char)(i + k);
		if (rnd() % 4 == 0) {
			free(block[i]);
			block[i] = malloc(5000 + rnd() % 100000);
			for (int k = 0; k < 5000; k += 500)
				block[i][k] = (char)(i + k);
		}
	}
}

static void test_kills(const char *what, int flags, int kills)
{
	block_t block[16];

	for (int i = 0; i < 16; i++) {
		block[i] = malloc(5000);
		for (int k = 0; k < 5000; k += 500)
			block[i][k] = (char)(i + k);
	}
	for (int i = 0; i < kills; i++) {
		one_kill(flags, rnd());
		check_kept(block, 16);
	}
	for (int i = 0; i < 16; i++)
		free(block[i]);
	printf("%s: %d bad\n", what, bad);
}

/* Others go on meanwhile with what the children are at, too. */
static void *beside(void *arg)
{
	while (!stop) {
		char *p = mmap(NULL, 3 * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		char *q = malloc(3000);

		q[0] = p[100] = 1;
		bad += make_and_run(p + 128, 2) != 400;
		bad += mprotect(p, PAGE, PROT_READ) != 0 || munmap(p, 3 * PAGE) != 0;
		free(q);
	}
	return NULL;
}

static long resident(void)
{
	char line[128];
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fgets(line, sizeof line, f))
		sscanf(line, "%*ld %ld", &pages);
	if (f)
		fclose(f);
	return pages * 4;
}

/* Programs that are executed leave nothing behind. */
static void test_growth(void)
{
	extern char **environ;
	char *argv[] = { "again", NULL };
	long before = 0;

	for (int i = 0; i < 400; i++) {
		pid_t pid;

		if (i == 100)
			before = resident();
		if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ)
		    || waitpid(pid, NULL, 0) != pid)
			bad++;
	}
	if (resident() - before > 600)
		printf("grown by %ld kB\n", resident() - before);
	printf("spawned: %d bad\n", bad);
}

int main(int argc, char **argv)
{
	int kills = argc > 1 ? atoi(argv[1]) : 200;
	pthread_t t[2];
	pid_t k;

	if (!strcmp(argv[0], "again"))
		return 0;
	setvbuf(stdout, NULL, _IONBF, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared->random = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	rnd_state += shared->random;
	play = mmap(NULL, PLAY_PAGES * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	code = mmap(NULL, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	k = fork();
	if (!k)
		killer();
	test_kills("vfork", CLONE_VFORK, kills);
	test_kills("beside", 0, kills / 4);
	threads = 2;
	mmap(play, PLAY_PAGES * PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, beside, NULL);
	test_kills("vfork, threads", CLONE_VFORK, kills / 2);
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	atomic_store(&shared->quit, 1);
	waitpid(k, NULL, 0);
	test_growth();
	return 0;
}

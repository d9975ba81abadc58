/*
 * Work that the kernel does most of, one a run:
 *
 *     syscalls  a system call that does next to nothing
 *     files     open, fstat, pread, lseek, close
 *     mmap      map, touch, protect, unmap
 *     signals   a signal raised and handled, one blocked and waited for
 *     fork      a child that ends, and its status
 *     exec      a child that runs this program again
 *     pipes     a byte to and fro between two processes
 *     threads   two threads that share a counter under a mutex
 */
#define _GNU_SOURCE
#include "tests/bench/bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self;

static uint64_t do_syscalls(long n)
{
	uint64_t sum = 0;

	for (long i = 0; i < n * 1000; i++)
		sum += syscall(SYS_getppid) > 0;
	return sum;
}

static uint64_t do_files(long n)
{
	uint64_t sum = 0;
	char buf[64];
	struct stat st;

	for (long i = 0; i < n * 100; i++) {
		int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &st) < 0 || read(fd, buf, sizeof(buf)) != sizeof(buf)
		    || lseek(fd, 0, SEEK_SET) < 0)
			bench_fail("/dev/zero");
		sum += (uint64_t)buf[i & 63] + (st.st_mode & S_IFMT);
		close(fd);
	}
	return sum;
}

static uint64_t do_mmap(long n)
{
	uint64_t sum = 0;

	for (long i = 0; i < n * 100; i++) {
		size_t size = 16384;
		char *p =
		    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			bench_fail("mmap");
		for (size_t at = 0; at < size; at += 4096)
			p[at] = (char)i;
		if (mprotect(p, size, PROT_READ) < 0)
			bench_fail("mprotect");
		sum += (unsigned char)p[8192];
		munmap(p, size);
	}
	return sum;
}

static volatile sig_atomic_t handled;

static void on_signal(int sig) { handled += sig == SIGUSR1 ? 1 : 3; }

static uint64_t do_signals(long n)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t usr2, old;

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	for (long i = 0; i < n * 100; i++) {
		raise(SIGUSR1);
		if (i % 8 == 0) {
			sigprocmask(SIG_BLOCK, &usr2, &old);
			raise(SIGUSR2);
			sigsuspend(&old);
			sigprocmask(SIG_SETMASK, &old, NULL);
		}
	}
	return (uint64_t)handled;
}

/* Ends the child, or takes its status over into the sum. */
static uint64_t reap(pid_t pid)
{
	int status;

	if (pid < 0)
		bench_fail("fork");
	if (waitpid(pid, &status, 0) != pid)
		bench_fail("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127) {
		fprintf(stderr, "the child ended with %#x\n", (unsigned)status);
		exit(1);
	}
	return (uint64_t)WEXITSTATUS(status);
}

static uint64_t do_fork(long n)
{
	uint64_t sum = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit((int)(i & 63));
		sum += reap(pid);
	}
	return sum;
}

static uint64_t do_exec(long n)
{
	uint64_t sum = 0;

	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execl(self, self, "leave", "1", (char *)NULL);
			_exit(127);
		}
		sum += reap(pid);
	}
	return sum;
}

static uint64_t do_pipes(long n)
{
	int to[2], from[2];
	unsigned char byte = 0;
	uint64_t sum = 0;

	if (pipe(to) < 0 || pipe(from) < 0)
		bench_fail("pipe");
	pid_t pid = fork();
	if (pid == 0) {
		close(to[1]);
		while (read(to[0], &byte, 1) == 1) {
			byte = (unsigned char)(byte * 5 + 1);
			if (write(from[1], &byte, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	for (long i = 0; i < n * 100; i++) {
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			bench_fail("pipe");
		sum += byte;
	}
	close(to[1]);
	return sum + reap(pid);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t shared;
static long turns;

static void *count(void *arg)
{
	uint64_t private = 1;

	for (long i = 0; i < turns * 1000; i++) {
		/* Some work of one's own between, or the threads do nothing but wait for each other. */
		for (int k = 0; k < 100; k++)
		private = private * 6364136223846793005 + 1442695040888963407;
		pthread_mutex_lock(&lock);
		shared += (private >> 63) + (uint64_t)(uintptr_t)arg;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static uint64_t do_threads(long n)
{
	pthread_t thread[2];

	turns = n;
	for (uintptr_t i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, count, (void *)i) != 0)
			bench_fail("pthread_create");
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	return shared;
}

static uint64_t do_leave(long n) { exit((int)(n & 3)); }

static const struct {
	const char *name;
	uint64_t (*run)(long);
} whats[] = {
	{ "syscalls", do_syscalls }, { "files", do_files }, { "mmap", do_mmap },
	{ "signals", do_signals },   { "fork", do_fork },   { "exec", do_exec },
	{ "pipes", do_pipes },       { "leave", do_leave }, { "threads", do_threads },
};

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);

	self = argv[0];
	for (size_t w = 0; w < sizeof(whats) / sizeof(whats[0]); w++)
		if (argc > 2 && strcmp(argv[1], whats[w].name) == 0)
			return bench_done(whats[w].run(rounds));
	fprintf(stderr, "%s: do what?\n", argv[0]);
	return 2;
}

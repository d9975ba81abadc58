/* The test program's own frame, and the way that programs are linked. */
#include "tests/unit/check.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_checks_pass(void)
{
	CHECK(true);
	CHECK_EQ(-1, -1);
	CHECK_STR("a", "a");
	CHECK_MEM("abc", "abd", 2);
	REQUIRE(1 + 1 == 2);
}

static __thread int per_thread = 5;
static __thread int per_thread_zero;

static void *count(void *p)
{
	int *total = p;

	per_thread++;
	per_thread_zero += 2;
	__atomic_fetch_add(total, per_thread + per_thread_zero, __ATOMIC_SEQ_CST);
	if (per_thread_zero == 2)
		pthread_exit(p); /* unwinds */
	return NULL;
}

static void test_threads(void)
{
	pthread_t t[4];
	int total = 0;

	for (int i = 0; i < 4; i++)
		REQUIRE(pthread_create(&t[i], NULL, count, &total) == 0);
	for (int i = 0; i < 4; i++) {
		void *result = NULL;

		CHECK_EQ(pthread_join(t[i], &result), 0);
		CHECK_PTR(result, &total);
	}
	CHECK_EQ(total, 4 * 8);
}

static void at_exit(void) { _exit(7); }

/* exit and fork run the optional parts of libc that weak_hooks.py is about. */
static void test_fork_and_exit(void)
{
	int status = 0;
	pid_t pid = fork();

	REQUIRE(pid >= 0);
	if (pid == 0) {
		free(malloc(1 << 20));
		if (setlocale(LC_ALL, "C"))
			atexit(at_exit);
		exit(1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 7);
}

/* The programs must leave low addresses to guests. */
static void test_low_addresses_are_free(void)
{
#ifdef KIT_STATIC
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	REQUIRE(f != NULL);
	while (fgets(line, sizeof(line), f)) {
		CHECK_AT("%.100s", line);
		CHECK(strtoull(line, NULL, 16) >= 0x610000000000);
	}
	fclose(f);
#endif
}

CHECK_MAIN(test_checks_pass, test_threads, test_fork_and_exit, test_low_addresses_are_free)

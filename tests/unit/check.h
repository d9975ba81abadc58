/*
 * A unit test is one C program: test functions, and a list of them.
 *
 *     #include "tests/unit/check.h"
 *
 *     static void test_add(void)
 *     {
 *             CHECK_EQ(add(1, 2), 3);
 *             CHECK_STR(name(), "add");
 *     }
 *
 *     CHECK_MAIN(test_add, test_other)
 *
 * Each function makes one line "ok NAME" or "not ok NAME" with the failed checks below it.
 * A failed check does not end its function (REQUIRE does). A crash fails the function it happened in: the
 * runner reports it. Arguments after the program's name choose functions.
 */
#ifndef KIT_TESTS_UNIT_CHECK_H
#define KIT_TESTS_UNIT_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check_test {
	const char *name;
	void (*run)(void);
};

static unsigned check_failed; /* in the running function */

/* Where a check stands, for checks in loops: printed with each failure while it is not empty. */
static char check_where[256];

/* CHECK_AT("rm=%d", rm) names the case at hand, until CHECK_AT_END() or the function's end. */
#define CHECK_AT_END() ((void)(check_where[0] = '\0'))
#define CHECK_AT(...)  ((void)snprintf(check_where, sizeof(check_where), __VA_ARGS__))

#define CHECK_MOST 20 /* failures printed a function: more help nobody */

static inline bool check_report(bool ok, const char *file, int line)
{
	if (ok)
		return true;
	if (check_failed++ >= CHECK_MOST)
		return false;
	printf("  %s:%d: ", file, line);
	if (check_where[0])
		printf("[%s] ", check_where);
	return false;
}

static inline bool check_true(bool ok, const char *text, const char *file, int line)
{
	if (!check_report(ok, file, line) && check_failed <= CHECK_MOST)
		printf("not true: %s\n", text);
	return ok;
}

static inline bool check_eq(uint64_t a, uint64_t b, const char *text, const char *file, int line)
{
	if (!check_report(a == b, file, line) && check_failed <= CHECK_MOST)
		printf("%s: %" PRId64 " (0x%" PRIx64 "), expected %" PRId64 " (0x%" PRIx64 ")\n",
		       text, (int64_t)a, a, (int64_t)b, b);
	return a == b;
}

static inline bool check_str(const char *a, const char *b, const char *text, const char *file,
			     int line)
{
	bool same = a == b || (a && b && strcmp(a, b) == 0);

	if (!check_report(same, file, line) && check_failed <= CHECK_MOST)
		printf("%s:\n--- is\n%s\n--- expected\n%s\n---\n", text, a ? a : "(null)",
		       b ? b : "(null)");
	return same;
}

static inline bool check_mem(const void *a, const void *b, size_t size, const char *text,
			     const char *file, int line)
{
	const unsigned char *p = a, *q = b;
	bool same = memcmp(a, b, size) == 0;

	if (!check_report(same, file, line) && check_failed <= CHECK_MOST) {
		printf("%s:\n  is      ", text);
		for (size_t i = 0; i < size; i++)
			printf(" %02x", p[i]);
		printf("\n  expected");
		for (size_t i = 0; i < size; i++)
			printf(" %02x", q[i]);
		printf("\n");
	}
	return same;
}

/* Integers of any type, or enums; the first is what the code gave, the second what it should. */
#define CHECK_EQ(a, b)        check_eq((uint64_t)(a), (uint64_t)(b), #a, __FILE__, __LINE__)
#define CHECK(cond)           check_true(cond, #cond, __FILE__, __LINE__)
#define CHECK_STR(a, b)       check_str(a, b, #a, __FILE__, __LINE__)
#define CHECK_MEM(a, b, size) check_mem(a, b, size, #a, __FILE__, __LINE__)
#define CHECK_PTR(a, b)       CHECK_EQ((uintptr_t)(a), (uintptr_t)(b))
/* Leaves the function when it does not hold. */
#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!CHECK(cond))                                                                  \
			return;                                                                    \
	} while (0)

static inline bool check_wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

static inline int check_main(const struct check_test *tests, size_t count, int argc, char **argv)
{
	unsigned bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not lose what was said before it */
	for (size_t i = 0; i < count; i++) {
		if (!check_wanted(tests[i].name, argc, argv))
			continue;
		printf("run %s\n", tests[i].name);
		check_failed = 0;
		check_where[0] = '\0';
		tests[i].run();
		if (check_failed > CHECK_MOST)
			printf("  ... and %u more\n", check_failed - CHECK_MOST);
		printf("%s %s\n", check_failed ? "not ok" : "ok", tests[i].name);
		bad += check_failed != 0;
	}
	return bad != 0;
}

/* CHECK_MAIN(test_a, test_b, ...): main for up to 60 test functions. */
#define CHECK_ROW(f) { #f, f },
#define CHECK_MAIN(...)                                                                            \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		static const struct check_test tests[] = { CHECK_EACH(__VA_ARGS__) };              \
                                                                                                   \
		return check_main(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);            \
	}

/* CHECK_EACH(a, b, c) is CHECK_ROW(a) CHECK_ROW(b) CHECK_ROW(c). */
#define CHECK_EACH(...)    CHECK_EXPAND(CHECK_LIST(__VA_ARGS__))
#define CHECK_LIST(f, ...) CHECK_ROW(f) __VA_OPT__(CHECK_AGAIN CHECK_PARENS(__VA_ARGS__))
#define CHECK_AGAIN()      CHECK_LIST
#define CHECK_PARENS       ()
#define CHECK_EXPAND(...)  CHECK_EXP3(CHECK_EXP3(CHECK_EXP3(CHECK_EXP3(__VA_ARGS__))))
#define CHECK_EXP3(...)    CHECK_EXP2(CHECK_EXP2(CHECK_EXP2(CHECK_EXP2(__VA_ARGS__))))
#define CHECK_EXP2(...)    CHECK_EXP1(CHECK_EXP1(CHECK_EXP1(CHECK_EXP1(__VA_ARGS__))))
#define CHECK_EXP1(...)    __VA_ARGS__

#endif

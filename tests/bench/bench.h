/*
 * What the programs of scripts/bench share.
 *
 * Each program is called with a number of rounds, which sets how long it runs, and prints a line that
 * depends on all it computed: the same on every machine, for scripts/bench compares it. So nothing
 * here may depend on addresses, time, the signedness of char, or libm's last digit. The data come from a
 * generator of our own, because rand() is the C library's.
 */
#ifndef KIT_TESTS_BENCH_BENCH_H
#define KIT_TESTS_BENCH_BENCH_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The rounds, from the last argument. */
static inline long bench_rounds(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[argc - 1], NULL, 10) : 0;

	if (n <= 0) {
		fprintf(stderr, "usage: %s [WHAT] ROUNDS\n", argv[0]);
		exit(2);
	}
	return n;
}

/* xorshift64*; the state must not be 0. */
static inline uint64_t bench_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* Folds v into a running checksum. */
static inline uint64_t bench_mix(uint64_t sum, uint64_t v)
{
	sum = (sum ^ v) * 0x9e3779b97f4a7c15;
	return sum ^ sum >> 29;
}

static inline void bench_fill(void *buf, size_t size_bytes, uint64_t seed)
{
	for (size_t i = 0; i < size_bytes; i++)
		((unsigned char *)buf)[i] = (unsigned char)(bench_random(&seed) >> 32);
}

/* Prints the checksum and returns main's status. */
static inline int bench_done(uint64_t sum) { return printf("%016" PRIx64 "\n", sum) < 0; }

/* Where the machine can not carry out what the program measures: how and where it failed. */
__attribute__((noreturn)) static inline void bench_fail(const char *what)
{
	perror(what);
	exit(1);
}

#endif

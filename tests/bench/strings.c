/*
 * The C library's string functions, one a run: "strlen", "memcpy", "strcmp", "memchr", "memset",
 * "memmove". Short and long operands at all alignments. A native libc brings vector versions of them; a
 * static riscv64 one has plain C.
 */
#include "tests/bench/bench.h"
#include <string.h>

#define SIZE 8192

static char a[SIZE + 64], b[SIZE + 64];
static volatile size_t opaque; /* 0; keeps calls in loops where they are */

/* Lengths as programs have them: mostly short. */
static size_t length(uint64_t r)
{
	switch (r & 7) {
	case 0:
		return 256 + (r >> 8) % (SIZE - 256);
	case 1:
	case 2:
		return 32 + (r >> 8) % 224;
	default:
		return 1 + (r >> 8) % 31;
	}
}

static uint64_t do_strlen(uint64_t r)
{
	char *p = a + (r >> 40 & 31);
	size_t n = length(r);

	p[n] = '\0';
	size_t found = strlen(p + opaque);
	p[n] = 'x';
	return found;
}

static uint64_t do_memcpy(uint64_t r)
{
	size_t n = length(r);
	char *to = b + (r >> 40 & 31);

	memcpy(to + opaque, a + (r >> 48 & 31), n);
	return (unsigned char)to[n - 1];
}

static uint64_t do_memmove(uint64_t r)
{
	size_t n = length(r) / 2 + 1;
	char *to = a + (r >> 40 & 31);

	memmove(to + opaque, a + (r >> 48 & 31), n);
	return (unsigned char)to[n - 1];
}

static uint64_t do_memset(uint64_t r)
{
	size_t n = length(r);
	char *to = b + (r >> 40 & 31);

	memset(to + opaque, (int)(r >> 56 & 127), n);
	return (unsigned char)to[n - 1];
}

static uint64_t do_strcmp(uint64_t r)
{
	size_t n = length(r);
	char *p = a + (r >> 40 & 31), *q = b + (r >> 48 & 1 ? r >> 40 & 31 : r >> 50 & 31);

	p[n] = '1';
	q[n] = '2';
	p[n + 1] = q[n + 1] = '\0';
	uint64_t less = strcmp(p + opaque, q) < 0;
	p[n] = p[n + 1] = q[n] = q[n + 1] = 'x';
	return less * n;
}

static uint64_t do_memchr(uint64_t r)
{
	char *p = a + (r >> 40 & 31);
	size_t n = length(r);

	p[n] = 'y';
	char *found = memchr(p + opaque, 'y', SIZE);
	p[n] = 'x';
	return (uint64_t)(found - p);
}

static const struct {
	const char *name;
	uint64_t (*run)(uint64_t);
} whats[] = {
	{ "strlen", do_strlen }, { "memcpy", do_memcpy }, { "strcmp", do_strcmp },
	{ "memchr", do_memchr }, { "memset", do_memset }, { "memmove", do_memmove },
};

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t state = 23, sum = 0;

	for (size_t i = 0; i < sizeof(a); i++)
		a[i] = b[i] = 'x';
	for (size_t w = 0; w < sizeof(whats) / sizeof(whats[0]); w++)
		if (argc > 2 && strcmp(argv[1], whats[w].name) == 0)
			for (long i = 0; i < rounds * 1000; i++)
				sum = sum * 3 + whats[w].run(bench_random(&state));
	return bench_done(sum);
}

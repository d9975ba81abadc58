/*
 * libc's string functions with operands of all kinds, to be counted: alignments, lengths, bytes that tests of whole words stumble over,
 * and other ones behind the ends. "strchr 300": one function, so many times.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, LONGEST = 1500 };

static unsigned char a[ROOM], b[ROOM];
static uint64_t state = 0x2545f4914f6cdd1d;

static uint64_t below(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % n;
}

static size_t length(void)
{
	size_t most[] = { 4, 20, 70, 300, LONGEST };

	return below(most[below(5)]);
}

/* Bytes but for 0, of which a few kinds are frequent. */
static unsigned char byte(void)
{
	static const unsigned char odd[] = { 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff, 's', 's' ^ 0x80 };

	return below(3) ? 'a' + below(3) : odd[below(sizeof odd)];
}

/* Those before and behind n bytes at p, zeros among them. */
static void surround(unsigned char *p, size_t n)
{
	for (int i = 1; i <= 16; i++) {
		p[-i] = below(3) ? byte() : 0;
		p[n + i] = below(3) ? byte() : 0;
	}
	p[n] = below(2) ? byte() : 0;
}

/* What all of them are given: strings s and t of n bytes, which differ or end early where they do. */
static unsigned char *s, *t;
static size_t n;

static void set_up(void)
{
	size_t differ;

	n = length();
	s = a + 64 + below(16);
	t = b + 64 + below(16);
	for (size_t i = 0; i < n; i++)
		s[i] = t[i] = byte();
	surround(s, n);
	surround(t, n);
	differ = below(n + 8);
	if (differ < n)
		(below(2) ? s : t)[differ] = below(2) ? byte() : 0;
}

/* As strings, which end. */
static char *str(unsigned char *p)
{
	p[n] = 0;
	return (char *)p;
}

static unsigned char sought(void) { return below(2) ? 's' : byte(); }
static void *run_memmove(void)
{
	size_t by = below(40);

	return below(2) ? memmove(s, s + by, n) : memmove(s + by, s, n);
}

static void *run_memcpy(void) { return memcpy(t, s, n); }
static void *run_memset(void) { return memset(t, sought(), n); }
static void *run_memchr(void) { return memchr(s, sought(), n); }
static void *run_memrchr(void) { return memrchr(s, sought(), n); }
static void *run_memcmp(void) { return s + (memcmp(s, t, n) > 0); }
static void *run_strlen(void) { return s + strlen(str(s)); }
static void *run_strnlen(void) { return s + strnlen((char *)s, n); }
static void *run_strchr(void) { return strchr(str(s), below(8) ? sought() : 0); }
static void *run_strchrnul(void) { return strchrnul(str(s), below(8) ? sought() : 0); }
static void *run_strcmp(void) { return s + (strcmp(str(s), str(t)) > 0); }
static void *run_strncmp(void) { return s + (strncmp((char *)s, (char *)t, n) > 0); }
static void *run_stpcpy(void) { return stpcpy((char *)t, str(s)); }

static const struct {
	const char *name;
	void *(*run)(void);
} all[] = {
	{ "memcpy", run_memcpy },       { "memmove", run_memmove }, { "memset", run_memset },
	{ "memchr", run_memchr },       { "memrchr", run_memrchr }, { "memcmp", run_memcmp },
	{ "strlen", run_strlen },       { "strnlen", run_strnlen }, { "strchr", run_strchr },
	{ "strchrnul", run_strchrnul }, { "strcmp", run_strcmp },   { "strncmp", run_strncmp },
	{ "stpcpy", run_stpcpy },
};

int main(int argc, char **argv)
{
	const long times = argc > 2 ? atol(argv[2]) : 3000;
	unsigned long sum = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (argc > 1 && strcmp(argv[1], "all") && strcmp(argv[1], all[i].name))
			continue;
		for (long k = 0; k < times; k++) {
			set_up();
			sum = sum * 31 + (uintptr_t)all[i].run();
		}
	}
	printf("%lu\n", sum);
	return 0;
}

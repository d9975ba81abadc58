/* malloc and stdio under load: random sizes, realloc, aligned blocks; files written, sought, read back. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/guest/guest.h"

enum { SLOTS = 500 };

static void test_malloc(void)
{
	static struct {
		unsigned char *p;
		size_t n;
		unsigned char v;
	} s[SLOTS];
	int bad = 0;

	for (int i = 0; i < 12000; i++) {
		int k = (int)(rnd() % SLOTS);
		size_t n = rnd() % 100 ? rnd() % 2000 : rnd() % 500000;

		if (s[k].p && (s[k].p[0] != s[k].v || s[k].p[s[k].n - 1] != s[k].v))
			bad++;
		switch (rnd() % 3) {
		case 0:
			free(s[k].p);
			s[k].p = malloc(n + 1);
			break;
		case 1:
			s[k].p = realloc(s[k].p, n + 1);
			break;
		default:
			free(s[k].p);
			s[k].p = aligned_alloc(64, (n + 64) & ~63ul);
			bad += (unsigned long)s[k].p & 63 ? 1 : 0;
			break;
		}
		s[k].n = n + 1;
		s[k].v = (unsigned char)i;
		memset(s[k].p, s[k].v, n + 1);
	}
	printf("malloc: %d bad\n", bad);
	char *z = calloc(1000, 100);
	long sum = 0;
	for (int i = 0; i < 100000; i++)
		sum += z[i];
	printf("calloc: %ld\n", sum);
}

static void test_files(void)
{
	FILE *f = fopen("data", "w+");
	char line[100], *dyn = NULL;
	size_t cap = 0;
	long sum = 0;
	int n = 0, v;

	for (int i = 0; i < 3000; i++)
		fprintf(f, "line %d %08x\n", i, (unsigned)rnd());
	printf("size %ld\n", ftell(f));
	rewind(f);
	while (fgets(line, sizeof line, f))
		sum += sscanf(line, "line %d", &v) == 1 ? v : -1000000;
	printf("read %ld, at end %d\n", sum, !!feof(f));
	for (int i = 0; i < 200; i++) {
		fseek(f, (long)(rnd() % 50000), SEEK_SET);
		if (getline(&dyn, &cap, f) < 0 || getline(&dyn, &cap, f) < 0)
			puts("getline?");
		n += atoi(dyn + 5);
	}
	printf("seeks %d\n", n);
	fseek(f, -20, SEEK_END);
	fputs("overwritten", f);
	fflush(f);
	fclose(f);
	f = fopen("data", "a");
	fputs("appended\n", f);
	fclose(f);
	f = fopen("data", "r");
	fseek(f, -40, SEEK_END);
	while (fgets(line, sizeof line, f))
		fputs(line, stdout);
	ungetc('x', f);
	printf("%c ", getc(f));
	printf("%d\n", getc(f));
	fclose(f);
	printf("%d ", remove("data"));
	printf("%d\n", access("data", F_OK));
	f = tmpfile();
	fwrite("abc", 1, 3, f);
	rewind(f);
	printf("tmpfile %d\n", getc(f));
	f = fopen("/nosuch/file", "r");
	printf("%s\n", f ? "?" : "no such file");
}

int main(void)
{
	test_malloc();
	test_files();
	return 0;
}

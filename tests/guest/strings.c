/* String and memory functions over all alignments and sizes, and misaligned access of every width. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

static char a[512], b[512];

static void fill(void)
{
	for (size_t i = 0; i < sizeof a; i++) {
		a[i] = (char)(rnd() % 255 + 1);
		b[i] = (char)(rnd() % 255 + 1);
	}
}

static int sign(int x) { return (x > 0) - (x < 0); }

static uint64_t blocks(uint64_t h)
{
	for (int s = 0; s < 16; s++)
		for (int d = 0; d < 16; d++)
			for (int n = 0; n < 70; n += 1 + n / 9) {
				memcpy(b + d, a + s, (size_t)n);
				memmove(b + 200 + d, b + 200 + s, (size_t)n);
				memmove(a + s + 5, a + s, (size_t)n);
				memset(b + 300 + d, n, (size_t)s);
				h = hash_u64(h,
					     (uint64_t)(sign(memcmp(a + s, b + d, (size_t)n)) + 1));
			}
	return hash_bytes(hash_bytes(h, a, sizeof a), b, sizeof b);
}

static uint64_t texts(uint64_t h)
{
	for (int s = 0; s < 9; s++)
		for (int n = 0; n < 40; n++) {
			char *p = a + s, *q = b + 3;

			for (int i = 0; i < n; i++)
				p[i] = (char)('a' + (i * 7 + n) % 26);
			p[n] = 0;
			strcpy(q, p);
			strcat(q, "tail");
			h = hash_u64(h, strlen(p) * 100 + strlen(q));
			h = hash_u64(h,
				     (uint64_t)(sign(strcmp(p, q)) + sign(strncmp(p, q, (size_t)n))
						+ sign(strcasecmp(p, "m")) + 3));
			h = hash_u64(h, strchr(p, 'k') ? (uint64_t)(strchr(p, 'k') - p) : 99);
			h = hash_u64(h, strrchr(p, 'a') ? (uint64_t)(strrchr(p, 'a') - p) : 99);
			h = hash_u64(h, strstr(q, "ta") ? (uint64_t)(strstr(q, "ta") - q) : 99);
			h = hash_u64(h, strspn(p, "abcdefgh") + 10 * strcspn(p, "xyz"));
			h = hash_u64(h, memchr(q, 't', (size_t)n + 4) ? 1 : 0);
		}
	return h;
}

NOINLINE static uint64_t misaligned(uint64_t h)
{
	for (int off = 0; off < 70; off++) {
		volatile uint64_t *p8 = (void *)(a + off);
		volatile uint32_t *p4 = (void *)(a + off);
		volatile uint16_t *p2 = (void *)(a + off);
		volatile double *pd = (void *)(b + off);
		volatile float *pf = (void *)(b + off);

		h = hash_u64(h, *p8);
		h = hash_u64(h, *p4);
		h = hash_u64(h, (uint64_t)(int32_t)*p4);
		h = hash_u64(h, *p2);
		*p8 = h;
		*p4 = (uint32_t)(h >> 7);
		*p2 = (uint16_t)(h >> 13);
		*pd = (double)(h & 0xffff);
		*pf = (float)(h & 0xff);
		h = hash_double(h, *pd);
	}
	return hash_bytes(h, b, sizeof b);
}

int main(void)
{
	uint64_t h = HASH_START;
	char text[] = "one,two;;three four", *save, *word;
	char *big = malloc(1 << 20);

	fill();
	h = blocks(h);
	printf("blocks %016lx\n", (unsigned long)h);
	h = texts(h);
	printf("texts %016lx\n", (unsigned long)h);
	fill();
	h = misaligned(h);
	printf("misaligned %016lx\n", (unsigned long)h);
	for (word = strtok_r(text, ",; ", &save); word; word = strtok_r(NULL, ",; ", &save))
		printf("[%s]", word);
	puts("");
	for (int i = 0; i < 1 << 20; i++)
		big[i] = (char)(i * i >> 3);
	memmove(big + 12345, big, 900000);
	printf("large %016lx\n", (unsigned long)hash_bytes(h, big, 1 << 20));
	return 0;
}

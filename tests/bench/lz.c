/* A small LZ77 compressor with hash chains and its decompressor, over text-like data. */
#include "tests/bench/bench.h"
#include <string.h>

#define SIZE      (1 << 17)
#define WINDOW    (1 << 15)
#define HASH_BITS 13
#define CHAIN     8
#define MIN_MATCH 4
#define MAX_MATCH 130

static unsigned char text[SIZE], packed[SIZE * 2], back[SIZE];
static int32_t head[1 << HASH_BITS], chain[WINDOW];

/* Words of a fixed vocabulary, the short ones more often. */
static void make_text(void)
{
	static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz";
	char words[512][12];
	uint64_t state = 8;

	for (int i = 0; i < 512; i++) {
		int len = 2 + (int)(bench_random(&state) % (i < 64 ? 4 : 9));

		for (int j = 0; j < len; j++)
			words[i][j] = letters[(bench_random(&state) >> 33) % 26];
		words[i][len] = '\0';
	}
	for (size_t at = 0; at < SIZE;) {
		uint64_t r = bench_random(&state);
		const char *w = words[r >> 60 < 8 ? r % 64 : r % 512];

		while (*w && at < SIZE)
			text[at++] = (unsigned char)*w++;
		if (at < SIZE)
			text[at++] = r >> 56 & 15 ? ' ' : '\n';
	}
}

static uint32_t hash_at(const unsigned char *p)
{
	uint32_t v = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

	return v * 2654435761u >> (32 - HASH_BITS);
}

static int match_length(const unsigned char *a, const unsigned char *b, int most)
{
	int n = 0;

	while (n < most && a[n] == b[n])
		n++;
	return n;
}

static void remember(int32_t i)
{
	uint32_t h = hash_at(text + i);

	chain[i % WINDOW] = head[h];
	head[h] = i;
}

/* A literal is a byte 0 and itself; a match is its length and two bytes of distance. */
static size_t pack(void)
{
	size_t out = 0;

	memset(head, 0xff, sizeof(head));
	for (int32_t i = 0; i < SIZE;) {
		int best = 0, most = SIZE - i < MAX_MATCH ? SIZE - i : MAX_MATCH;
		int32_t from = 0;

		if (most >= MIN_MATCH) {
			int32_t j = head[hash_at(text + i)];

			for (int c = 0; c < CHAIN && j >= 0 && i - j < WINDOW; c++) {
				int n = match_length(text + j, text + i, most);

				if (n > best)
					best = n, from = j;
				j = chain[j % WINDOW];
			}
		}
		if (best < MIN_MATCH) {
			packed[out++] = 0;
			packed[out++] = text[i];
			best = 1;
		} else {
			packed[out++] = (unsigned char)best;
			packed[out++] = (unsigned char)(i - from);
			packed[out++] = (unsigned char)((i - from) >> 8);
		}
		for (; best--; i++)
			if (SIZE - i >= MIN_MATCH)
				remember(i);
	}
	return out;
}

static size_t unpack(size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < size;) {
		int len = packed[i++];

		if (!len) {
			back[at++] = packed[i++];
			continue;
		}
		size_t from = at - (packed[i] | (size_t)packed[i + 1] << 8);
		for (i += 2; len--;)
			back[at++] = back[from++];
	}
	return at;
}

int main(int argc, char **argv)
{
	long rounds = bench_rounds(argc, argv);
	uint64_t sum = 0;

	make_text();
	while (rounds--) {
		size_t size = pack();

		sum = bench_mix(sum, size);
		if (unpack(size) != SIZE || memcmp(text, back, SIZE) != 0)
			return puts("lz: what was packed does not come back"), 1;
		text[sum % SIZE] = (unsigned char)sum;
	}
	return bench_done(sum);
}

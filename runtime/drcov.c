/* Merging drcov files; see drcov.h. */
#include "runtime/drcov.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES_MAX = UINT16_MAX & ~1, MODULES_MOST = 4096 };

/* An entry of the table of blocks, as it is in the file. */
struct block {
	uint32_t start; /* from the module's base */
	uint16_t size_bytes;
	uint16_t module;
};
_Static_assert(sizeof(struct block) == 8, "the format's");

/* The next line of *at, without its end; NULL: none. */
static char *next_line(const char **at, const char *end)
{
	const char *nl = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
	char *line = nl ? strndup(*at, (size_t)(nl - *at)) : NULL;

	if (nl)
		*at = nl + 1;
	return line;
}

static void set(const struct drcov_module *m, const struct block *b)
{
	uint64_t first = (m->base + b->start - m->start) / 2;

	for (uint64_t k = 0; k < b->size_bytes / 2u; k++)
		if (first + k < m->halves)
			m->ran[first + k] = 1;
}

/* Other modules' lines go to modules, their blocks, renumbered, to blocks; m's are set in it. */
static unsigned read_old(const char *old, size_t n, const struct drcov_module *m,
			 struct strbuf *modules, struct strbuf *blocks)
{
	const char *at = old, *end = old + n;
	int number[MODULES_MOST]; /* -1: m */
	unsigned count = 0, kept = 0;
	unsigned long left = 0;
	char *line;

	while ((line = next_line(&at, end))) {
		const char *path = strrchr(line, ',');
		unsigned id;

		if (sscanf(line, "BB Table: %lu", &left) == 1) {
			free(line);
			break;
		}
		if (path && sscanf(line, " %u, 0x", &id) == 1 && id == count
		    && count < MODULES_MOST) {
			path += 1 + strspn(path + 1, " ");
			number[count] = strcmp(path, m->path) == 0 ? -1 : (int)++kept;
			if (number[count++] > 0)
				strbuf_printf(modules, "%3u%s\n", kept, strchr(line, ','));
		}
		free(line);
	}
	for (; left && (size_t)(end - at) >= sizeof(struct block);
	     left--, at += sizeof(struct block)) {
		struct block b;

		memcpy(&b, at, sizeof b);
		if (b.module >= count)
			continue;
		if (number[b.module] < 0) {
			set(m, &b);
			continue;
		}
		b.module = (uint16_t)number[b.module];
		strbuf_add(blocks, (const char *)&b, sizeof b);
	}
	return kept;
}

/* Stretches that have run, as blocks of module 0. */
static void add_blocks(const struct drcov_module *m, struct strbuf *blocks)
{
	for (uint64_t i = 0, k; i < m->halves; i = k) {
		struct block b = { .start = (uint32_t)(m->start + 2 * i - m->base) };

		for (k = i; k < m->halves && m->ran[k] && 2 * (k - i) < BLOCK_BYTES_MAX; k++)
			;
		b.size_bytes = (uint16_t)(2 * (k - i));
		if (k > i)
			strbuf_add(blocks, (const char *)&b, sizeof b);
		else
			k++;
	}
}

void drcov_merge(const char *old, size_t n, const struct drcov_module *m, struct strbuf *out)
{
	struct strbuf modules = STRBUF_INIT, blocks = STRBUF_INIT;
	unsigned others = n ? read_old(old, n, m, &modules, &blocks) : 0;

	add_blocks(m, &blocks);
	strbuf_printf(out,
		      "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\nModule Table: version 2, count %u\n"
		      "Columns: id, base, end, entry, checksum, timestamp, path\n",
		      others + 1);
	strbuf_printf(out, "%3u, 0x%016lx, 0x%016lx, 0x%016lx, 0x%08x, 0x%08x, %s\n", 0,
		      (unsigned long)m->base, (unsigned long)(m->start + 2 * m->halves), 0ul, 0, 0,
		      m->path);
	strbuf_puts(out, strbuf_str(&modules));
	strbuf_printf(out, "BB Table: %lu bbs\n",
		      (unsigned long)(blocks.len / sizeof(struct block)));
	strbuf_add(out, strbuf_str(&blocks), blocks.len);
	strbuf_fini(&modules);
	strbuf_fini(&blocks);
}

/* Reading, merging and printing; see lcov.h. */
#include "runtime/lcov.h"

#include <stdlib.h>
#include <string.h>

void lcov_init(struct lcov *l)
{
	*l = (struct lcov){ 0 };
	arena_init(&l->arena);
}

void lcov_fini(struct lcov *l) { arena_fini(&l->arena); }

void lcov_mark(struct lcov *l, const char *file, const char *name, uint32_t line, bool ran)
{
	arena_grow(&l->arena, l->mark, l->count, l->cap);
	l->mark[l->count++] = (struct lcov_mark){ file, name, line, ran };
}

/* What stands behind tag in line, or NULL. */
static char *behind(char *line, const char *tag)
{
	size_t n = strlen(tag);

	return strncmp(line, tag, n) == 0 ? line + n : NULL;
}

/* "FN:LINE,NAME" tells of a function, "FNDA:COUNT,NAME" that it ran. */
static void read_function(struct lcov *l, const char *file, unsigned first, char *fn, char *fnda)
{
	char *name;
	unsigned long n = strtoul(fn ? fn : fnda, &name, 10);

	if (*name++ != ',')
		return;
	if (fn) {
		lcov_mark(l, file, name, (uint32_t)n, false);
		return;
	}
	for (unsigned i = first; i < l->count && n; i++)
		if (l->mark[i].name && strcmp(l->mark[i].name, name) == 0)
			l->mark[i].ran = true;
}

void lcov_read(struct lcov *l, char *text)
{
	const char *file = NULL;
	unsigned first = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *rest;

		if ((rest = behind(line, "SF:"))) {
			file = rest;
			first = l->count;
		} else if (file && (rest = behind(line, "DA:"))) {
			unsigned long n = strtoul(rest, &rest, 10);

			lcov_mark(l, file, NULL, (uint32_t)n,
				  *rest == ',' && strtoul(rest + 1, NULL, 10));
		} else if (file && (rest = behind(line, "FN:"))) {
			read_function(l, file, first, rest, NULL);
		} else if (file && (rest = behind(line, "FNDA:"))) {
			read_function(l, file, first, NULL, rest);
		}
	}
}

/* By file, functions before lines, then line and name. */
static int order(const void *x, const void *y)
{
	const struct lcov_mark *a = x, *b = y;
	int by = a->file == b->file ? 0 : strcmp(a->file, b->file);

	if (!by && !a->name != !b->name)
		by = a->name ? -1 : 1;
	if (!by && a->line != b->line)
		by = a->line < b->line ? -1 : 1;
	return by || !a->name ? by : strcmp(a->name, b->name);
}

static void merge(struct lcov *l)
{
	unsigned kept = 0;

	if (!l->count)
		return;
	qsort(l->mark, l->count, sizeof *l->mark, order);
	for (unsigned i = 1; i < l->count; i++)
		if (order(&l->mark[kept], &l->mark[i]) == 0)
			l->mark[kept].ran |= l->mark[i].ran;
		else
			l->mark[++kept] = l->mark[i];
	l->count = kept + 1;
}

/* The marks of one file. */
static void print_file(const struct lcov_mark *m, const struct lcov_mark *end, struct strbuf *out)
{
	const struct lcov_mark *lines = m;
	unsigned ran = 0;

	strbuf_printf(out, "TN:\nSF:%s\n", m->file);
	for (; lines < end && lines->name; lines++)
		strbuf_printf(out, "FN:%u,%s\n", lines->line, lines->name);
	for (const struct lcov_mark *f = m; f < lines; f++) {
		strbuf_printf(out, "FNDA:%d,%s\n", f->ran, f->name);
		ran += f->ran;
	}
	strbuf_printf(out, "FNF:%u\nFNH:%u\n", (unsigned)(lines - m), ran);
	ran = 0;
	for (const struct lcov_mark *n = lines; n < end; n++) {
		strbuf_printf(out, "DA:%u,%d\n", n->line, n->ran);
		ran += n->ran;
	}
	strbuf_printf(out, "LF:%u\nLH:%u\nend_of_record\n", (unsigned)(end - lines), ran);
}

void lcov_print(struct lcov *l, struct strbuf *out)
{
	merge(l);
	for (unsigned i = 0, k; i < l->count; i = k) {
		for (k = i + 1; k < l->count && strcmp(l->mark[k].file, l->mark[i].file) == 0; k++)
			;
		print_file(&l->mark[i], &l->mark[k], out);
	}
}

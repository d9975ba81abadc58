/* See flame.h. */
#include "runtime/flame.h"

#include "lib/base/bits.h"
#include "lib/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SLOTS = 1024,
	WIDTH = 1200,
	ROW = 17,
	MARGIN = 10,
	HEAD = 40,
	CHAR_WIDTH = 7,
	DEPTH_MOST = 256
};

#define COMMENT "<!-- stacks\n"

void flame_init(struct flame *f)
{
	*f = (struct flame){ 0 };
	arena_init(&f->arena);
}

void flame_fini(struct flame *f)
{
	arena_fini(&f->arena);
	free(f->slot);
	f->slot = NULL;
}

/* Where the stack stands, or shall. */
static uint32_t *find_slot(const struct flame *f, const char *frames, size_t len)
{
	for (uint64_t h = kit_hash(frames, len);; h++) {
		uint32_t *s = &f->slot[h & (f->slot_count - 1)];
		const char *have = *s ? f->stack[*s - 1].frames : NULL;

		if (!have || (strncmp(have, frames, len) == 0 && !have[len]))
			return s;
	}
}

static void grow(struct flame *f)
{
	free(f->slot);
	f->slot_count = f->slot_count ? 2 * f->slot_count : FIRST_SLOTS;
	f->slot = calloc(f->slot_count, sizeof *f->slot);
	KIT_CHECK(f->slot, "out of memory");
	for (uint32_t i = 0; i < f->count; i++)
		*find_slot(f, f->stack[i].frames, strlen(f->stack[i].frames)) = i + 1;
}

void flame_add(struct flame *f, const char *frames, size_t len, uint64_t weight)
{
	uint32_t *s;
	char *copy;

	if (2 * f->count >= f->slot_count)
		grow(f);
	s = find_slot(f, frames, len);
	if (*s) {
		f->stack[*s - 1].weight += weight;
		return;
	}
	copy = arena_alloc(&f->arena, len + 1);
	memcpy(copy, frames, len);
	copy[len] = 0;
	arena_grow(&f->arena, f->stack, f->count, f->cap);
	f->stack[f->count++] = (struct flame_stack){ copy, weight };
	*s = f->count;
}

void flame_read(struct flame *f, const char *text)
{
	const char *comment = strstr(text, COMMENT), *end;

	if (*text == '<' && !comment)
		return;
	if (comment)
		text = comment + strlen(COMMENT);
	for (; (end = strchr(text, '\n')); text = end + 1) {
		const char *last = end;
		uint64_t weight;

		while (last > text && last[-1] != ' ')
			last--;
		weight = strtoull(last, NULL, 10);
		if (last > text + 1 && weight)
			flame_add(f, text, (size_t)(last - 1 - text), weight);
	}
}

/* As the tree has them: a frame before its longer namesake, whatever stands behind it. */
static int order(const void *x, const void *y)
{
	const char *a = ((const struct flame_stack *)x)->frames;
	const char *b = ((const struct flame_stack *)y)->frames;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == ';' || *b == ';')
		return *a == ';' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static void sort(struct flame *f)
{
	if (f->count)
		qsort(f->stack, f->count, sizeof *f->stack, order);
	/* Indexes are others now. */
	free(f->slot);
	f->slot = NULL;
	f->slot_count = 0;
}

void flame_print(struct flame *f, struct strbuf *out)
{
	sort(f);
	for (unsigned i = 0; i < f->count; i++)
		strbuf_printf(out, "%s %lu\n", f->stack[i].frames,
			      (unsigned long)f->stack[i].weight);
}

/* ---- drawing ------------------------------------------------------------------------------------------- */

struct frame {
	const char *name;
	size_t len;
	uint64_t begin; /* the sum of what stands left of it */
};

struct drawing {
	struct strbuf *out;
	uint64_t total;
	unsigned depth_most;
	struct frame open[DEPTH_MOST];
	unsigned depth; /* of open */
};

static void put_text(struct strbuf *out, const char *s, size_t n)
{
	for (; n--; s++)
		switch (*s) {
		case '<':
			strbuf_puts(out, "&lt;");
			break;
		case '>':
			strbuf_puts(out, "&gt;");
			break;
		case '&':
			strbuf_puts(out, "&amp;");
			break;
		default:
			strbuf_putc(out, *s);
		}
}

/* A box whose frame ends at the sum end. */
static void draw_box(struct drawing *d, unsigned depth, uint64_t end)
{
	const struct frame *f = &d->open[depth];
	const double scale = (double)(WIDTH - 2 * MARGIN) / (double)d->total;
	const double x = MARGIN + (double)f->begin * scale, w = (double)(end - f->begin) * scale;
	const unsigned y = HEAD + (d->depth_most - 1 - depth) * ROW;
	const uint64_t h = kit_hash(f->name, f->len);
	size_t fits = w > 2 * CHAR_WIDTH ? (size_t)(w / CHAR_WIDTH) - 1 : 0;

	strbuf_puts(d->out, "<g><title>");
	put_text(d->out, f->name, f->len);
	strbuf_printf(d->out,
		      ": %lu (%.2f%%)</title><rect x=\"%.1f\" y=\"%u\" width=\"%.2f\" "
		      "height=\"%d\" fill=\"rgb(%u,%u,%u)\"/>",
		      (unsigned long)(end - f->begin),
		      100.0 * (double)(end - f->begin) / (double)d->total, x, y, w, ROW - 1,
		      205 + (unsigned)(h % 50), 80 + (unsigned)(h >> 8 & 127),
		      (unsigned)(h >> 16 & 63));
	if (fits >= 2) {
		strbuf_printf(d->out, "<text x=\"%.1f\" y=\"%u\">", x + 3, y + ROW - 5);
		put_text(d->out, f->name, fits < f->len ? fits : f->len);
		strbuf_puts(d->out, "</text>");
	}
	strbuf_puts(d->out, "</g>\n");
}

static void close_to(struct drawing *d, unsigned depth, uint64_t end)
{
	while (d->depth > depth)
		draw_box(d, --d->depth, end);
}

/* Frames that this stack has in common with the one before stay open. */
static void draw_stack(struct drawing *d, const char *frames, uint64_t begin)
{
	unsigned depth = 0;

	for (const char *at = frames; at && depth < DEPTH_MOST; depth++) {
		const char *end = strchr(at, ';');
		const struct frame f = { at, end ? (size_t)(end - at) : strlen(at), begin };

		if (depth >= d->depth || d->open[depth].len != f.len
		    || memcmp(d->open[depth].name, at, f.len) != 0) {
			close_to(d, depth, begin);
			d->open[d->depth++] = f;
		}
		at = end ? end + 1 : NULL;
	}
	close_to(d, depth, begin);
}

static unsigned depth_of(const char *frames)
{
	unsigned n = 1;

	for (; *frames; frames++)
		n += *frames == ';';
	return n < DEPTH_MOST ? n : DEPTH_MOST;
}

void flame_draw(struct flame *f, struct strbuf *out)
{
	struct drawing d = { .out = out, .depth_most = 1 };
	uint64_t sum = 0;

	sort(f);
	for (unsigned i = 0; i < f->count; i++) {
		unsigned n = depth_of(f->stack[i].frames);

		d.total += f->stack[i].weight;
		d.depth_most = n > d.depth_most ? n : d.depth_most;
	}
	strbuf_printf(out,
		      "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
		      "width=\"%d\" height=\"%u\" "
		      "font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%%\" "
		      "height=\"100%%\" fill=\"#fff8ee\"/>\n"
		      "<text x=\"%d\" y=\"24\" font-size=\"16\">%lu samples</text>\n",
		      WIDTH, HEAD + d.depth_most * ROW + MARGIN, MARGIN, (unsigned long)d.total);
	for (unsigned i = 0; i < f->count; i++) {
		draw_stack(&d, f->stack[i].frames, sum);
		sum += f->stack[i].weight;
	}
	close_to(&d, 0, sum);
	strbuf_puts(out, COMMENT);
	for (unsigned i = 0; i < f->count; i++) {
		const char *s = f->stack[i].frames;

		/* Two hyphens would end the comment. */
		for (char before = 0; *s; before = *s++)
			strbuf_putc(out, *s == '-' && before == '-' ? '_' : *s);
		strbuf_printf(out, " %lu\n", (unsigned long)f->stack[i].weight);
	}
	strbuf_puts(out, "-->\n</svg>\n");
}

/*
 * Stacks with weights: the text form that flame graph tools read ("outer;inner;leaf 123" a line), and a flame graph of
 * them as SVG. Not thread-safe.
 */
#ifndef KIT_RUNTIME_FLAME_H
#define KIT_RUNTIME_FLAME_H

#include "lib/base/arena.h"
#include "lib/base/strbuf.h"

#include <stdint.h>

struct flame_stack {
	const char *frames; /* from the outermost on, with semicolons between */
	uint64_t weight;
};

struct flame {
	struct arena arena;
	struct flame_stack *stack;
	unsigned count, cap;
	uint32_t *slot; /* 1 + index of a stack, by its hash */
	unsigned slot_count;
};

void flame_init(struct flame *f);
void flame_fini(struct flame *f);
void flame_add(struct flame *f, const char *frames, size_t len, uint64_t weight);
/* Adds the stacks of a file that one of the two below has written. */
void flame_read(struct flame *f, const char *text);
void flame_print(struct flame *f, struct strbuf *out);
/* The same as SVG, in which the text form stands too, as a comment. */
void flame_draw(struct flame *f, struct strbuf *out);

#endif

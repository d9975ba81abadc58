/* Arena allocation; the contract is in arena.h. */
#include "lib/base/arena.h"

#include "lib/base/panic.h"

#include <stdlib.h>
#include <string.h>

struct arena_chunk {
	struct arena_chunk *next;
	size_t size_bytes; /* of the payload */
};

/* The payload starts 16 bytes on, which keeps it 16-byte aligned. */
_Static_assert(sizeof(struct arena_chunk) == 16, "chunk header keeps alignment");

enum { FIRST_CHUNK_BYTES = 64 << 10 };

void arena_init(struct arena *a) { *a = (struct arena){ 0 }; }

static void free_list(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_fini(struct arena *a)
{
	free_list(a->head);
	free_list(a->spare);
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	struct arena_chunk *c = a->head;

	if (!c)
		return;
	/* The oldest chunk goes on being filled: mostly it is the only one. */
	for (; c->next; c = a->head) {
		a->head = c->next;
		c->next = a->spare;
		a->spare = c;
	}
	a->cur = (char *)(c + 1);
	a->end = a->cur + c->size_bytes;
}

static struct arena_chunk *take_chunk(struct arena *a, size_t need_bytes)
{
	struct arena_chunk *c = a->spare;
	size_t size = need_bytes > FIRST_CHUNK_BYTES ? need_bytes : FIRST_CHUNK_BYTES;

	if (c && c->size_bytes >= need_bytes) {
		a->spare = c->next;
		return c;
	}
	c = malloc(sizeof *c + size);
	KIT_CHECK(c, "out of memory for %zu bytes", size);
	c->size_bytes = size;
	return c;
}

void *arena_alloc_slow(struct arena *a, size_t size_bytes)
{
	struct arena_chunk *c = take_chunk(a, size_bytes);
	char *p = (char *)(c + 1);

	c->next = a->head;
	a->head = c;
	a->cur = p + size_bytes;
	a->end = p + c->size_bytes;
	return p;
}

void *arena_zalloc(struct arena *a, size_t size_bytes)
{
	return memset(arena_alloc(a, size_bytes), 0, size_bytes);
}

void *arena_grow_slow(struct arena *a, const void *old, size_t elem_bytes, unsigned *cap)
{
	unsigned ncap = *cap ? *cap * 2 : 32;
	void *p = arena_alloc(a, elem_bytes * ncap);

	if (*cap)
		memcpy(p, old, elem_bytes * *cap);
	*cap = ncap;
	return p;
}

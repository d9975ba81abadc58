/*
 * Arena: memory that is freed all at once.
 *
 * One translation uses one arena; nothing in it outlives the reset. The arena
 * keeps its chunks between resets, so a warm one costs no system call. An
 * arena belongs to one thread. Blocks are 16-byte aligned and not zeroed
 * unless the call says so. There is no failure return: running out of host
 * memory is fatal.
 */
#ifndef KIT_BASE_ARENA_H
#define KIT_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *head;  /* the chunk being filled */
	char *cur, *end;           /* free room in head */
	struct arena_chunk *spare; /* chunks kept by arena_reset */
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
/* Frees every block; chunks stay with the arena. */
void arena_reset(struct arena *a);
void *arena_alloc_slow(struct arena *a, size_t size_bytes);

static inline void *arena_alloc(struct arena *a, size_t size_bytes)
{
	size_t n = (size_bytes + 15) & ~(size_t)15;

	if ((size_t)(a->end - a->cur) >= n) {
		void *p = a->cur;

		a->cur += n;
		return p;
	}
	return arena_alloc_slow(a, n);
}

void *arena_zalloc(struct arena *a, size_t size_bytes);

#define arena_new(a, type, count)  ((type *)arena_alloc((a), sizeof(type) * (size_t)(count)))
#define arena_znew(a, type, count) ((type *)arena_zalloc((a), sizeof(type) * (size_t)(count)))

/*
 * Makes room for at least one more element of a growing array in the arena.
 * ptr, count and capacity are lvalues; the old copy is left behind.
 */
#define arena_grow(a, ptr, count, cap)                                                             \
	do {                                                                                       \
		if ((count) == (cap))                                                              \
			(ptr) = arena_grow_slow((a), (ptr), sizeof *(ptr), &(cap));                \
	} while (0)

void *arena_grow_slow(struct arena *a, const void *old, size_t elem_bytes, unsigned *cap);

#endif

/* See heap.h. The linker sends every malloc of the program here, where it can (KIT_WRAPS_MALLOC). */
#include "runtime/mem/heap.h"

#include "lib/base/bits.h"
#include "lib/base/panic.h"
#include "runtime/core/lock.h"
#include "runtime/core/thread.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	HEADER_BYTES = 16,
	SMALLEST_SHIFT = 5, /* a block of the first list, header included */
	LISTS = 12,         /* the last one's blocks have 64 KiB; larger ones are mappings */
	CHUNK_BYTES = 256 << 10,
};

/*
 * What lies in front of a block. In the place of the second word libc has a size, a multiple of 16 with three flags below 8
 * (malloc/malloc.c, struct malloc_chunk).
 */
struct header {
	struct heap *heap;
	uint64_t size_and_tag; /* of the whole block, HEAP_TAG added */
};
_Static_assert(sizeof(struct header) == HEADER_BYTES, "blocks keep malloc's alignment");

enum { HEAP_TAG = 8 };

struct freed {
	struct freed *next;
};

struct heap {
	uint32_t refs; /* blocks, and 1 for the process; atomic */
	struct kit_lock lock;
	char *cur, *end;           /* room in the newest chunk */
	struct chunk *chunks;      /* all of them, for the end */
	struct freed *list[LISTS]; /* blocks that the process itself has freed */
	struct freed *libc;        /* what it freed of libc's */
};

struct chunk {
	struct chunk *next;
	uint64_t pad; /* keeps the blocks' alignment */
};

#ifdef KIT_WRAPS_MALLOC

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t each);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *p);
size_t malloc_usable_size(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *p);

struct heap *heap_new(void)
{
	struct heap *h = calloc(1, sizeof *h);

	if (h)
		h->refs = 1;
	return h;
}

static void unref(struct heap *h)
{
	struct chunk *c, *next;

	if (__atomic_sub_fetch(&h->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (c = h->chunks; c; c = next) {
		next = c->next;
		munmap(c, CHUNK_BYTES);
	}
	free(h);
}

void heap_fork_child(struct heap *h) { h->lock = (struct kit_lock){ 0 }; }

void heap_release(struct heap *h)
{
	for (struct freed *f = h->libc, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	unref(h);
}

static struct header *header_of(const void *p) { return (struct header *)(uintptr_t)p - 1; }

static bool is_ours(const void *p) { return header_of(p)->size_and_tag & HEAP_TAG; }

/* The block that p is of: behind the second header of an aligned one. */
static char *whole_block(void *p)
{
	const struct header *b = header_of(p);

	return b->heap ? p : (char *)p - (b->size_and_tag >> 4);
}

static size_t usable(void *p)
{
	char *whole;

	if (!is_ours(p))
		return malloc_usable_size(p);
	whole = whole_block(p);
	return header_of(whole)->size_and_tag - HEAP_TAG - HEADER_BYTES
	       - (size_t)((char *)p - whole);
}

/* The list of blocks of so many bytes; LISTS: none. */
static unsigned list_of(size_t size_bytes)
{
	unsigned i = 0;

	while (i < LISTS && (size_t)1 << (SMALLEST_SHIFT + i) < size_bytes)
		i++;
	return i;
}

static void *map(size_t size_bytes)
{
	void *p =
	    mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool add_chunk(struct heap *h)
{
	struct chunk *c = map(CHUNK_BYTES);

	if (!c)
		return false;
	c->next = h->chunks;
	h->chunks = c;
	h->cur = (char *)(c + 1);
	h->end = (char *)c + CHUNK_BYTES;
	return true;
}

static void *take_block(struct heap *h, unsigned i)
{
	const size_t size = (size_t)1 << (SMALLEST_SHIFT + i);
	struct freed *f = h->list[i];
	char *at;

	if (f) {
		h->list[i] = f->next;
		return header_of(f);
	}
	if ((size_t)(h->end - h->cur) < size && !add_chunk(h))
		return NULL;
	at = h->cur;
	h->cur += size;
	return at;
}

static void *heap_alloc(struct heap *h, size_t n)
{
	size_t size = n + HEADER_BYTES;
	struct header *b;
	unsigned i;

	if (size < n || size > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	i = list_of(size);
	if (i == LISTS) {
		size = align_up(size, 4096);
		b = map(size);
	} else {
		size = (size_t)1 << (SMALLEST_SHIFT + i);
		kit_lock(&h->lock);
		b = take_block(h, i);
		kit_unlock(&h->lock);
	}
	if (!b)
		return NULL;
	__atomic_add_fetch(&h->refs, 1, __ATOMIC_RELAXED);
	*b = (struct header){ .heap = h, .size_and_tag = size | HEAP_TAG };
	return b + 1;
}

/* own: the calling process's heap; NULL: libc's is. */
static void heap_free(struct heap *own, void *p)
{
	struct header *b = header_of(p);
	const size_t size = b->size_and_tag - HEAP_TAG;
	struct heap *h = b->heap;
	unsigned i = list_of(size);

	if (i == LISTS) {
		munmap(b, size);
	} else if (h == own) {
		struct freed *f = p;

		kit_lock(&h->lock);
		f->next = h->list[i];
		h->list[i] = f;
		kit_unlock(&h->lock);
	}
	unref(h);
}

static struct heap *own_heap(void)
{
	const struct kit_thread *t = kit_self();

	return t ? t->heap : NULL;
}

void *__wrap_malloc(size_t n)
{
	struct heap *h = own_heap();

	return KIT_UNLIKELY(h) ? heap_alloc(h, n) : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t each)
{
	struct heap *h = own_heap();
	size_t all;
	void *p;

	if (KIT_LIKELY(!h))
		return __real_calloc(n, each);
	if (__builtin_mul_overflow(n, each, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	p = heap_alloc(h, all);
	return p ? memset(p, 0, all) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
	struct heap *h = own_heap();
	size_t had;
	void *new;

	if (KIT_LIKELY(!h && !(p && is_ours(p))))
		return __real_realloc(p, n);
	if (p && !n) {
		free(p);
		return NULL;
	}
	new = malloc(n);
	if (!new || !p)
		return new;
	had = usable(p);
	memcpy(new, p, had < n ? had : n);
	free(p);
	return new;
}

/* More than a heap's own alignment is asked for a few times, for what then lives long. */
void *__wrap_aligned_alloc(size_t align, size_t n)
{
	struct heap *h = own_heap();
	struct header *b;
	char *p, *at;

	if (KIT_LIKELY(!h))
		return __real_aligned_alloc(align, n);
	if (align <= HEADER_BYTES)
		return heap_alloc(h, n);
	p = heap_alloc(h, n + align);
	if (!p)
		return NULL;
	at = (char *)(align_up((uintptr_t)p, align));
	/* A second header, of a block that is the rest of the first. */
	b = header_of(at);
	if (at != p)
		*b = (struct header){ .heap = NULL,
				      .size_and_tag = (uint64_t)(at - p) << 4 | HEAP_TAG };
	return at;
}

void __wrap_free(void *p)
{
	struct heap *h;

	if (!p)
		return;
	h = own_heap();
	if (KIT_UNLIKELY(is_ours(p))) {
		heap_free(h, whole_block(p));
	} else if (KIT_UNLIKELY(h)) {
		struct freed *f = p;

		kit_lock(&h->lock);
		f->next = h->libc;
		h->libc = f;
		kit_unlock(&h->lock);
	} else {
		__real_free(p);
	}
}

#else

/* Where malloc is libc's alone, a child that is killed in the midst of it leaves it so. */
struct heap *heap_new(void) { return calloc(1, sizeof(struct heap)); }
void heap_release(struct heap *h) { free(h); }
void heap_fork_child(struct heap *h) {}

#endif

/* Room for what is written all the time; see near.h. */
#include "runtime/core/near.h"

#include "lib/base/bits.h"
#include "runtime/core/thread.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	NEAR_PAGE_BYTES = 4096,
	NEAR_ALIGN_BYTES = 64,
	COUNTERS_AT = offsetof(struct kit_thread, st.entries),
	/* So much that the counters begin a page, all but a few: translated code alone writes to them. */
	BEFORE_BYTES =
	    (NEAR_PAGE_BYTES - COUNTERS_AT % NEAR_PAGE_BYTES) / NEAR_ALIGN_BYTES * NEAR_ALIGN_BYTES,
	BEHIND_AT = (BEFORE_BYTES + sizeof(struct kit_thread) + NEAR_ALIGN_BYTES - 1)
		    / NEAR_ALIGN_BYTES * NEAR_ALIGN_BYTES,
	TAIL_AT = (BEHIND_AT / NEAR_PAGE_BYTES + 1) * NEAR_PAGE_BYTES - NEAR_ALIGN_BYTES,
	TAIL_BYTES = NEAR_PAGE_BYTES / 2,
};

/*
 *   page 0             1, 2        3                            4        5, 6
 *   before | thread ...counters... thread | behind       | tail          tables
 *
 * Pages 0 and 3 are those that are written to most.
 */
static struct {
	_Alignas(NEAR_PAGE_BYTES) char before[BEFORE_BYTES];
	struct kit_thread thread;
	_Alignas(NEAR_ALIGN_BYTES) char behind[TAIL_AT - BEHIND_AT];
	char tail[TAIL_BYTES];
	_Alignas(NEAR_PAGE_BYTES) char tables[2 * NEAR_PAGE_BYTES];
} room;

_Static_assert(offsetof(__typeof__(room), tail) == TAIL_AT,
	       "the tail begins with a page's last line");

static size_t before_used, behind_used, tail_used, tables_used;
static bool is_open, thread_taken;

void near_open(void) { is_open = true; }
void near_close(void) { is_open = false; }

/* A piece of an area of the room, or NULL. */
static void *take(char *area, size_t area_bytes, size_t *used, size_t size_bytes)
{
	char *p = area + *used;

	if (size_bytes > area_bytes - *used)
		return NULL;
	*used += align_up(size_bytes, NEAR_ALIGN_BYTES);
	if (*used > area_bytes)
		*used = area_bytes;
	return p;
}

void *near_new(size_t size_bytes)
{
	void *p = NULL;

	if (is_open && size_bytes >= NEAR_PAGE_BYTES) {
		p = take(room.tables, sizeof room.tables, &tables_used, size_bytes);
	} else if (is_open) {
		p = take(room.before, sizeof room.before, &before_used, size_bytes);
		if (!p)
			p = take(room.behind, sizeof room.behind, &behind_used, size_bytes);
	}
	return p ? p : calloc(1, size_bytes);
}

void *near_new_tail(size_t size_bytes)
{
	void *p = is_open ? take(room.tail, sizeof room.tail, &tail_used, size_bytes) : NULL;

	return p ? p : calloc(1, size_bytes);
}

void near_free(void *p)
{
	if ((uintptr_t)p - (uintptr_t)&room >= sizeof room)
		free(p);
}

struct kit_thread *near_thread(void)
{
	if (!is_open || thread_taken)
		return NULL;
	thread_taken = true;
	return &room.thread;
}

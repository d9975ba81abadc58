/* Kept traces; see traces.h. */
#include "runtime/traces.h"

#include "lib/base/panic.h"
#include "runtime/core/near.h"

#include <string.h>

enum { FIRST_SLOTS = 512 };

static struct trace **new_slots(unsigned n)
{
	struct trace **slot = near_new(n * sizeof(struct trace *));

	KIT_CHECK(slot, "out of memory");
	return slot;
}

void traces_init(struct traces *ts, struct mem_space *mem)
{
	*ts = (struct traces){ .mem = mem, .slot_count = FIRST_SLOTS };
	arena_init(&ts->arena);
	ts->slot = new_slots(FIRST_SLOTS);
}

void traces_fini(struct traces *ts)
{
	arena_fini(&ts->arena);
	near_free(ts->slot);
}

void traces_empty(struct traces *ts)
{
	const uint64_t changes = mem_code_changes(ts->mem);

	memset(ts->slot, 0, ts->slot_count * sizeof(struct trace *));
	ts->count = 0;
	ts->code_changes = changes;
	arena_reset(&ts->arena);
}

static void grow(struct traces *ts)
{
	struct trace **old = ts->slot;
	unsigned n = ts->slot_count;

	ts->slot_count = n * 2;
	ts->slot = new_slots(ts->slot_count);
	for (unsigned i = 0; i < n; i++)
		if (old[i])
			*traces_slot(ts, old[i]->gpc) = old[i];
	near_free(old);
}

/* True from the second time on that pc comes by. */
static bool is_seen(struct traces *ts, gaddr pc)
{
	uint64_t h = (pc >> 1) & (TRACES_SEEN_BITS - 1), bit = UINT64_C(1) << (h & 63);
	bool seen = ts->seen[h >> 6] & bit;

	ts->seen[h >> 6] |= bit;
	return seen;
}

/* True when every write to the ranges will be noticed, perhaps from now on only. */
static bool guard(struct mem_space *m, const struct ir_range *range, unsigned count)
{
	bool ok = true;

	for (unsigned i = 0; i < count; i++)
		ok &= mem_guard(m, range[i].start, range[i].size_bytes);
	return ok;
}

void traces_offer(struct traces *ts, uint64_t guards, gaddr pc, const struct ir_range *range,
		  unsigned range_count, const void *data, unsigned count, size_t bytes)
{
	struct trace *k;

	if (!is_seen(ts, pc) || !guard(ts->mem, range, range_count) || mem_guards(ts->mem) != guards
	    || mem_code_changes(ts->mem) != ts->code_changes)
		return;
	if (++ts->count > ts->slot_count)
		grow(ts);
	k = arena_alloc(&ts->arena, sizeof *k + bytes);
	k->gpc = pc;
	k->count = count;
	memcpy(k->data, data, bytes);
	*traces_slot(ts, pc) = k;
}

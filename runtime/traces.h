/*
 * Traces that an engine keeps to run them again: what it made of guest code, by the pc it starts at.
 *
 * They hold until any guest code changes. So that every change of theirs is heard of, the pages they were made
 * from are guarded when they are kept, and a trace that may have changed meanwhile is not kept. Nor is one that runs
 * for the first time: three of four traces of a start-up run once.
 *
 * A table belongs to one thread.
 */
#ifndef KIT_RUNTIME_TRACES_H
#define KIT_RUNTIME_TRACES_H

#include "lib/base/arena.h"
#include "lib/ir/ir.h"
#include "runtime/mem/mem.h"

enum { TRACES_SEEN_BITS = 4096, TRACES_MAX = 50000 };

struct trace {
	gaddr gpc;
	uint32_t count; /* of what is in data */
	uint64_t data[];
};

struct traces {
	struct mem_space *mem;
	struct arena arena;    /* of traces; emptied when there are too many or code changed */
	uint64_t code_changes; /* mem_code_changes when it was last emptied */
	unsigned count;
	struct trace **slot; /* direct-mapped by pc; small at first, since most programs are */
	unsigned slot_count;
	uint64_t seen[TRACES_SEEN_BITS / 64]; /* traces that ran, by their pc */
};

void traces_init(struct traces *ts, struct mem_space *mem);
void traces_fini(struct traces *ts);

void traces_empty(struct traces *ts);

/* Empties the table if code has changed since. To be called before anything is fetched for a trace that may be kept. */
static inline void traces_refresh(struct traces *ts)
{
	if (KIT_UNLIKELY(ts->code_changes != mem_code_changes(ts->mem) || ts->count == TRACES_MAX))
		traces_empty(ts);
}

static inline struct trace **traces_slot(const struct traces *ts, gaddr pc)
{
	return &ts->slot[(pc >> 1) & (ts->slot_count - 1)];
}

/* The trace at pc, or NULL. It may be used until the next call of a function of this table. */
static inline struct trace *traces_find(struct traces *ts, gaddr pc)
{
	struct trace *k;

	traces_refresh(ts);
	k = *traces_slot(ts, pc);
	return k && k->gpc == pc ? k : NULL;
}

/* Forgets k, which may be used no more. */
static inline void traces_drop(struct traces *ts, const struct trace *k)
{
	*traces_slot(ts, k->gpc) = NULL;
}

/*
 * Keeps bytes at data, made from the ranges after traces_refresh when mem_guards was guards, as the trace
 * at pc; unless it runs for the first time, or a change of it would not be heard of.
 */
void traces_offer(struct traces *ts, uint64_t guards, gaddr pc, const struct ir_range *range,
		  unsigned range_count, const void *data, unsigned count, size_t bytes);

#endif

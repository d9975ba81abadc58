/*
 * Exact counts of a thread, where there are any (kit_process.ways): behind its struct kit_thread lie a table of the calls whose
 * target is computed, counters of what regions count together (struct sums), two for each class of runs of libc's routines
 * (struct guest_runs), and a counter for each halfword of the program's code (struct guest_tally). --coverage as drcov has runs
 * alone (kit_process.runs).
 *
 *     struct kit_thread ... | IR_EDGES edges | sums | runs | elsewhere | [start] | [start + 2] | ...
 *                           page             page   page                                   sparse memory
 */
#ifndef KIT_RUNTIME_CORE_TALLY_H
#define KIT_RUNTIME_CORE_TALLY_H

#include "arch/guest.h"
#include "runtime/core/sums.h"
#include "runtime/core/thread.h"

enum { TALLY_PAGE_BYTES = 4096 };
/* Code beyond so much is counted as elsewhere. */
enum { TALLY_HALVES_MOST = 32 << 20 };

#define TALLY_EDGES_AT                                                                             \
	((sizeof(struct kit_thread) + TALLY_PAGE_BYTES - 1) / TALLY_PAGE_BYTES * TALLY_PAGE_BYTES)
#define TALLY_EDGES_BYTES (IR_EDGES * sizeof(struct ir_edge) + IR_JUMP_ENTRIES * sizeof(bool))
#define TALLY_RUNS        (2ul * GUEST_RUN_CLASSES)
#define TALLY_SUMS_AT     (TALLY_EDGES_AT + TALLY_EDGES_BYTES)
#define TALLY_RUNS_AT     (TALLY_SUMS_AT + SUMS_COUNTED_MOST * sizeof(uint64_t))
#define TALLY_FIRST_AT    (TALLY_RUNS_AT + TALLY_RUNS * sizeof(uint64_t))
#define TALLY_FIRST                                                                                \
	((uint32_t)((TALLY_FIRST_AT - offsetof(struct kit_thread, st)                              \
		     - offsetof(struct ir_state, counted))                                         \
		    / sizeof(uint64_t)))

#define TALLY_FIRST_RUN ((uint32_t)(TALLY_FIRST - TALLY_RUNS))
#define TALLY_FIRST_SUM ((uint32_t)(TALLY_FIRST_RUN - SUMS_COUNTED_MOST))

_Static_assert(TALLY_EDGES_BYTES % TALLY_PAGE_BYTES == 0
		   && TALLY_RUNS * sizeof(uint64_t) % TALLY_PAGE_BYTES == 0,
	       "counters start on a page");
_Static_assert(TALLY_FIRST + 1ull + TALLY_HALVES_MOST < IR_COUNTERS_MOST, "hosts reach them");

/* Elsewhere's, then one a halfword. */
static inline size_t tally_count(const struct guest_tally *w) { return 1 + w->halves; }

static inline uint64_t *tally_of(struct kit_thread *t)
{
	return (uint64_t *)(void *)((char *)t + TALLY_FIRST_AT);
}

static inline uint64_t *tally_sums(struct kit_thread *t)
{
	return (uint64_t *)(void *)((char *)t + TALLY_SUMS_AT);
}

static inline uint64_t *tally_runs(struct kit_thread *t)
{
	return (uint64_t *)(void *)((char *)t + TALLY_RUNS_AT);
}

static inline struct ir_edge *tally_edges(struct kit_thread *t)
{
	return (struct ir_edge *)(void *)((char *)t + TALLY_EDGES_AT);
}

/* What a thread of p takes with it. */
static inline size_t tally_thread_bytes(const struct kit_process *p)
{
	if (!p->ways)
		return TALLY_FIRST_AT;
	return TALLY_FIRST_AT + tally_count(p->ways) * sizeof(uint64_t);
}

#endif

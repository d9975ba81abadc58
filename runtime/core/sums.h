/*
 * Exact counts: what several counters of ways (struct guest_tally) grow by at once.
 *
 * A region counts where that costs least (runtime/jit/placing.c), so one counter of its may stand for many ways: a sum. And where a
 * fault or a safe point makes it leave, it may have passed ways that it would have counted further on: it owes
 * them. Both are named by numbers that its code has in it, so what they stand for stays until the process ends; the tables
 * are bounded, and regions that find no room count way by way.
 *
 * Threads: names are reserved by atomic additions and written before the code that has them is; nothing is ever taken away. So there is no lock,
 * nothing to put right behind a thread that was killed or a process that forked.
 */
#ifndef KIT_RUNTIME_CORE_SUMS_H
#define KIT_RUNTIME_CORE_SUMS_H

#include "lib/ir/state.h"

/* A counter of ir_state's grows by n. */
struct sum_term {
	uint32_t counter;
	int32_t n;
};

struct sum {
	uint32_t first, count; /* terms */
	uint32_t
	    more; /* what is owed besides: the number of something owed, 0: nothing. Of sums that are counted 0. */
};

/* What a region wants names for. In owed, more is one more than an index in it, or 0. */
struct sums_wanted {
	const struct sum_term *term;
	const struct sum *counted, *owed;
	unsigned term_count, counted_count, owed_count;
};

enum {
	SUMS_COUNTED_MOST = 1 << 19,
	SUMS_OWED_MOST = 4 * SUMS_COUNTED_MOST,
	SUMS_TERMS_MOST = 8 * SUMS_COUNTED_MOST
};

/* All zero at first, in memory that is there where it is touched. */
struct sums {
	uint32_t term_count, counted_count, owed_count; /* reserved; owed[0] stays free. Atomic. */
	struct sum counted[SUMS_COUNTED_MOST], owed[SUMS_OWED_MOST];
	struct sum_term term[SUMS_TERMS_MOST];
};

/* counted[i] is number *counted + i from now on, owed[i] number *owed + i, which is not 0. false: there is no room. */
bool sums_name(struct sums *s, const struct sums_wanted *w, uint32_t *counted, uint32_t *owed);
/* How many numbers of counted ones there are so far: all are below. */
uint32_t sums_count(const struct sums *s);
/* Counted sum k has grown by n: the counters that it stands for, of which first is the one at ways, do. */
void sums_spread(const struct sums *s, uint32_t k, uint64_t n, uint32_t first, uint64_t *ways);
/* What st owes is counted. */
void sums_settle(const struct sums *s, struct ir_state *st);

#endif

/* What libc's routines that the host carried out stand for (struct guest_runs): exact counts, or which instructions have run. */
#ifndef KIT_RUNTIME_TALLY_RUNS_H
#define KIT_RUNTIME_TALLY_RUNS_H

#include "arch/guest.h"
#include "runtime/core/thread.h"

/*
 * Adds to ways, the counters of p->ways from the first halfword on, what runs, those of p->runs, stand for. One run of each class is carried
 * out in memory of its own, by the guest's code. false: some of that is no longer what it was. Uses runs up.
 */
bool tally_runs_follow(const struct kit_process *p, struct guest_decoder *d, uint64_t *runs,
		       uint64_t *ways);
/* The same without exact counts: sets what has run in p->ran. Runs stay. */
bool tally_runs_cover(const struct kit_process *p, struct guest_decoder *d, const uint64_t *runs);
/* Those of count counters that are not 0, in pages that were touched: they are added to sum's. */
void tally_add(uint64_t *sum, const uint64_t *from, size_t count);

#endif

/* Exact counts of libc's routines that the host carried out (struct guest_runs). */
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

#endif

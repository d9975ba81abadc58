/*
 * What --stats counts as it goes. A thread counts for itself, and adds what it has to its process's when it ends.
 */
#ifndef KIT_RUNTIME_CORE_COUNTS_H
#define KIT_RUNTIME_CORE_COUNTS_H

#include "lib/ir/ir.h"

struct kit_counts {
	uint64_t counted[IR_COUNTED]; /* a thread's are in its ir_state */
	uint64_t exit[IR_EXIT_COUNT]; /* how often an engine came back to the run loop, by reason */
	uint64_t faults;  /* accesses and fetches that the guest was told of by a signal */
	uint64_t signals; /* delivered: to a handler, or to the process's end */
	uint64_t threads; /* that have run */
};

#endif

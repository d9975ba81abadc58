/*
 * From a guest thread's registers back through its callers, as far as the guest's memory allows.
 *
 * Call frame information counts where a program has it, but few rv64 programs say how to unwind them: Debian's static libc does for
 * a fiftieth of its functions. What tells then is the code: from a function's first instruction up to pc it is read how far sp has moved and where ra
 * and s0 were put. Where no function is known the frame pointer is followed, if s0 is one, and in the end the stack is looked through
 * for something that a call has left, which may be a stale one.
 *
 * Guest memory is read by mem_copy_in alone, so that nothing that the guest has broken can hurt.
 */
#ifndef KIT_RUNTIME_UNWIND_H
#define KIT_RUNTIME_UNWIND_H

#include "runtime/core/thread.h"
#include "runtime/load/symbols.h"

struct unwind {
	struct kit_process *proc;
	const struct load_symbols *symbols;
	gaddr pc;
	uint64_t sp, ra, s0;
	bool exact;   /* pc is that of the next instruction, not of one behind a call */
	bool guessed; /* found by looking through the stack */
};

void unwind_begin(struct unwind *u, const struct kit_thread *t, const struct load_symbols *s);
/* The function of the frame; NULL: not known. */
const struct load_symbol *unwind_symbol(const struct unwind *u);
/* On to the caller. False: there is none that can be found. */
bool unwind_next(struct unwind *u);

#endif

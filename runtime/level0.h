/*
 * Level 0: guest code that has not yet run often enough to be worth a translation is carried out instruction by
 * instruction (struct guest's run). It also steps over what translated code cannot do: rounding modes that the
 * host does not have, an instruction that writes the page it lies in, an access whose fault the host describes badly.
 *
 * Decoded traces are kept, by each thread for itself (traces.h).
 */
#ifndef KIT_RUNTIME_LEVEL0_H
#define KIT_RUNTIME_LEVEL0_H

#include "lib/ir/interp.h"
#include "runtime/core/thread.h"

/* A thread's decoded traces. */
void level0_thread_init(struct kit_thread *t);
void level0_thread_fini(struct kit_thread *t);
/* Drops them: what is translated meanwhile is not to be interpreted any more. */
void level0_forget(struct kit_thread *t);
/* Runs the trace at t->st.pc, and those behind it while they are neither translated nor yet worth it. */
enum ir_exit level0_run(struct kit_thread *t);
/* As level0_run, on memory that is reached by mem, and whether or not anything is worth a translation. */
enum ir_exit level0_run_all(struct kit_thread *t, const struct ir_memory *mem);
/* Runs the one instruction at t->st.pc; in any engine. */
enum ir_exit level0_run_one(struct kit_thread *t);

#endif

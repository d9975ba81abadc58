/*
 * The interpreting engine: lifts units and runs them in the IR interpreter.
 *
 * With --engine=interp it runs everything; beside the JIT it is level 0, which runs what has not yet run often
 * enough to be worth a translation, and steps over what translated code cannot do: rounding modes that the host does
 * not have, an instruction that writes the page it lies in, an access whose fault the host describes badly.
 *
 * Lifted units are kept, by each thread for itself, until any guest code changes.
 */
#ifndef KIT_RUNTIME_INTERP_H
#define KIT_RUNTIME_INTERP_H

#include "runtime/core/thread.h"

/* Guest memory for ir_interp: real memory, faults caught. */
extern const struct ir_memory interp_memory;

/* A thread's lifted units and scratch memory. */
void interp_thread_init(struct kit_thread *t);
void interp_thread_fini(struct kit_thread *t);
/* Runs the trace at t->st.pc, and those behind it while they are kept ones and, beside the JIT, not yet worth a translation. */
enum ir_exit interp_run(struct kit_thread *t);
/* Runs the one instruction at t->st.pc. */
enum ir_exit interp_run_one(struct kit_thread *t);

#endif

/*
 * The interpreting engine of --engine=interp: lifts traces and runs their IR in the IR interpreter. It is the oracle
 * that the other engines are compared with; beside the JIT, level0.h runs what is not translated.
 */
#ifndef KIT_RUNTIME_INTERP_H
#define KIT_RUNTIME_INTERP_H

#include "runtime/core/thread.h"

/* Guest memory for what runs guest code in C: real memory, faults caught. */
extern const struct ir_memory interp_memory;

/* A thread's lifted units and scratch memory. */
void interp_thread_init(struct kit_thread *t);
void interp_thread_fini(struct kit_thread *t);
/* Runs the trace at t->st.pc, and those behind it while they are kept ones. */
enum ir_exit interp_run(struct kit_thread *t);

#endif

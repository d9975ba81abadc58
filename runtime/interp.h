/*
 * The interpreting engine: lifts units and runs them in the IR interpreter.
 *
 * With --engine=interp it runs everything and keeps lifted units; beside the JIT it steps over
 * what translated code cannot do: rounding modes that the host does not have, an
 * instruction that writes the page it lies in, an access whose fault the host describes badly.
 */
#ifndef KIT_RUNTIME_INTERP_H
#define KIT_RUNTIME_INTERP_H

#include "runtime/core/thread.h"

/* Guest memory for ir_interp: real memory, faults caught. */
extern const struct ir_memory interp_memory;

/* Makes units be kept from run to run. Only for a process without a JIT (it takes the memory's listener). */
void interp_keep_units(struct kit_process *p);
/*
 * Runs one trace from t->st.pc, of at most max_insns guest instructions (0: the usual limit). A trace that
 * loops back to its start is run once where units are not kept.
 */
enum ir_exit interp_run(struct kit_thread *t, unsigned max_insns);

#endif

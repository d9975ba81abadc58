/*
 * Running while there are watchpoints (runtime/core/points.h): every access is compared with them, so code is carried out as
 * at level 0, whatever the engine. The access itself is made, then the thread stops for its tracer. System calls
 * that write to watched memory are not noticed, as they are not by the registers that hardware has for this.
 */
#ifndef KIT_RUNTIME_WATCH_H
#define KIT_RUNTIME_WATCH_H

#include "runtime/core/points.h"
#include "runtime/core/thread.h"

/* Runs from t->st.pc until something needs the run loop. IR_EXIT_STOP: the thread has stopped at a watchpoint. */
enum ir_exit watch_run(struct kit_thread *t);
/* The same up to the first jump that is taken, and for one instruction. There need be no watchpoint. */
enum ir_exit watch_run_block(struct kit_thread *t);
enum ir_exit watch_run_one(struct kit_thread *t);

#endif

/*
 * --selfcheck: interpreter and translated code in lockstep, unit by unit.
 */
#ifndef KIT_RUNTIME_CHECK_H
#define KIT_RUNTIME_CHECK_H

#include "runtime/core/thread.h"

/*
 * Runs one unit from t->st.pc by both engines and compares registers, flags, the
 * way out and what was stored. At the first difference: a report with a reproducer on the log, and
 * kitemu ends with KIT_EXIT_INTERNAL. Returns the reason, IR_EXIT_LOOKUP for ordinary exits.
 */
enum ir_exit check_run(struct kit_thread *t);
/* Around a fork: no thread is in check_run meanwhile. */
void check_lock(void);
void check_unlock(void);
/* Thread tid of another process that shared the memory is gone, perhaps in the midst of it. */
void check_take_back(int tid);

#endif

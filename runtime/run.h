/* The run loop: the only place that knows both the engines and the system calls. */
#ifndef KIT_RUNTIME_RUN_H
#define KIT_RUNTIME_RUN_H

#include "runtime/core/thread.h"

/* Runs thread t until the guest process ends; returns its exit status. Death by a signal does not return. */
int run_thread(struct kit_thread *t);
/* Runs one instruction, and what follows from it. */
void run_one(struct kit_thread *t);
/* The same up to the first jump or branch that is taken, nothing being translated. false: there was something to attend to first. */
bool run_block(struct kit_thread *t);

#endif

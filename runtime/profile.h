/*
 * --profile: where a guest spends its time, sampled, as folded stacks or a flame graph.
 *
 *     sampler, a host thread that no guest sees         guest thread
 *     each PERIOD: who has used a period of cpu?
 *          signal to it  ------------------------------> handler: where is it? (jit_guest_pc); stop at the next safe point
 *                                                        ... safe point: registers are exact: callers are unwound, the
 *                                                            stack is counted
 *
 * The safe point may lie in another function than the signal found the thread in. Where that one is a caller of the safe point's,
 * the stack is cut down to it; else it has returned already, and is put on top.
 *
 * A system call that the signal has interrupted is made again. Forked children have a sampler of their own; every
 * process merges what it has into the file, under a lock.
 */
#ifndef KIT_RUNTIME_PROFILE_H
#define KIT_RUNTIME_PROFILE_H

#include "runtime/core/thread.h"

/* Once the program of t, the process's first thread, is loaded. */
void profile_begin(struct kit_thread *t);
/* In a forked child: what was sampled so far is its parent's. */
void profile_fork_child(struct kit_thread *t);
/* Thread tid of another process that shared the memory is gone, perhaps in the midst of a sample. */
void profile_take_back(struct profile *f, int tid);
/* Takes the sample that is due, between two instructions of t. */
void profile_sample(struct kit_thread *t);
void profile_write(struct kit_process *p);

#endif

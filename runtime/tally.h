/*
 * --profile with exact counts: how often each instruction has run and who called whom how often, as a callgrind file.
 *
 * Every engine counts ways (struct guest_tally) into counters of the thread's own (runtime/core/tally.h). Threads that end add theirs
 * to the process's. When it ends, ways are followed through the program's code, which gives each instruction its count and
 * each direct call too; calls with computed targets were noted one by one. Forked children count for themselves, and
 * all merge what they have into the file.
 */
#ifndef KIT_RUNTIME_TALLY_H
#define KIT_RUNTIME_TALLY_H

#include "lib/base/diag.h"
#include "runtime/core/thread.h"

/* Whether a profile of that name is one of exact counts. */
bool tally_is_for(const char *file);
/* Before the process's first thread is made. false and a message: it cannot be done. */
bool tally_init(struct kit_process *p, struct diag *d);
/* Once the program is loaded: these are its instructions. */
bool tally_loaded(struct kit_process *p, struct diag *d);
/* t begins, ends, or is the only one of a forked child. */
void tally_thread_init(struct kit_thread *t);
void tally_thread_fini(struct kit_thread *t);
void tally_fork_child(struct kit_thread *t);
/* A vfork child that was killed, thread tid, may have been at it. */
void tally_take_back(struct kit_process *p, int tid);
/* As stats_faulted and stats_again, for the program's ways. */
void tally_faulted(struct kit_thread *t, bool again);
void tally_again(struct kit_thread *t);
/* A routine of libc's gave up, the guest's own code will run. */
void tally_gave_up(struct kit_thread *t);
/* Merges into the file what was counted since the last time. t: a thread of the process. */
void tally_write(struct kit_thread *t);

#endif

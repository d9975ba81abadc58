/*
 * --coverage: which guest instructions have run, as lcov (lines and functions) or drcov (blocks).
 *
 * Nothing counts in translated code. The first run of every instruction is level 0's, which notes it in a map with a byte for
 * each two bytes of the program's code; and what has not run yet is not fetched for a translation: a trace ends
 * there, and the jump to it comes back to level 0. So the map is exact, branches that become selects included:
 * they are only formed of code that has run. Not so libc's routines, of which some of the code hardly ever
 * runs: the host carries them out as always, and for drcov each of their runs is noted by its class (struct guest_runs).
 * One run of each class by the guest's code, at the end, gets into the map what they stand for. What a child that SIGKILL ends
 * had noted so is lost.
 *
 * The map is shared over forks. A process that ends merges it into the file, which is locked meanwhile, unless the first
 * process of the fork tree still runs and will do so.
 */
#ifndef KIT_RUNTIME_COVER_H
#define KIT_RUNTIME_COVER_H

#include "lib/base/diag.h"
#include "runtime/core/thread.h"

/* Once the program is loaded. false and a message: it cannot be done. */
bool cover_init(struct kit_process *p, struct diag *d);
/* Before the process's first thread is made. */
void cover_want_runs(struct kit_process *p);
/* t ends, and has noted runs of libc's routines. */
void cover_thread_fini(struct kit_thread *t);
/* As tally's, where there is coverage. */
void cover_fork_child(struct kit_process *p);
void cover_take_back(struct kit_process *p, int tid);
/* Writes what there is so far, if that is this process's matter. t: a thread of the process. */
void cover_write(struct kit_thread *t);

#endif

/*
 * --coverage: which guest instructions have run, as lcov (lines and functions) or drcov (blocks).
 *
 * Nothing counts in translated code. The first run of every instruction is level 0's, which notes it in a map with a byte for
 * each two bytes of the program's code; and what has not run yet is not fetched for a translation: a trace ends
 * there, and the jump to it comes back to level 0. So the map is exact, branches that become selects and libc's
 * routines included: they are only formed of code that has run.
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
/* Writes what there is so far, if that is this process's matter. */
void cover_write(struct kit_process *p);

#endif

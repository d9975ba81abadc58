/* Functions and lines of the program, for the names that perf(1) shows of its code (--perfmap, --jitdump). */
#ifndef KIT_RUNTIME_PLACES_H
#define KIT_RUNTIME_PLACES_H

#include "runtime/core/thread.h"

/* Once the program is loaded, before anything is translated. */
void places_init(struct kit_process *p);

#endif

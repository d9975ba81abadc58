/* What is said of a guest that crashes: the signal, the registers, the way there. */
#ifndef KIT_RUNTIME_BACKTRACE_H
#define KIT_RUNTIME_BACKTRACE_H

#include "runtime/core/thread.h"

/* Writes it to stderr where --backtrace wants it so. info: of the signal that t is about to die of. */
void backtrace_print(struct kit_thread *t, const siginfo_t *info);

#endif

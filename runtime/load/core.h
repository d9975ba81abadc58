/* Core files of guests: what a debugger opens after a crash. */
#ifndef KIT_RUNTIME_LOAD_CORE_H
#define KIT_RUNTIME_LOAD_CORE_H

#include "runtime/core/thread.h"

/*
 * Writes the core file of t's process, which dies of info's signal in t, by the host's rules: RLIMIT_CORE bounds it (0: none is
 * written), /proc/sys/kernel/core_pattern names it. A pattern that pipes to a program cannot be followed: the file
 * is then core.PID in the current directory; the program gets what the kernel pipes to it at each such death whatever RLIMIT_CORE
 * says, a core of kitemu. No other thread may run guest code meanwhile. Failure is silent, as the kernel's is: false, where there is no
 * file. True also when the limit cut it: the kernel's wait status says WCOREDUMP for such a one, too.
 */
bool core_write(struct kit_thread *t, const siginfo_t *info);

#endif

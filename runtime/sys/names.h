/* The names of system calls, for others than their callers: gdb's monitor. */
#ifndef KIT_RUNTIME_SYS_NAMES_H
#define KIT_RUNTIME_SYS_NAMES_H

#include "lib/base/diag.h"

#include <stdint.h>

enum { SYS_NAMES = 512 };

/* The calls of a set as --strace's -e trace=SET has it. */
bool sys_names_choose(const char *set, bool call[SYS_NAMES], struct diag *d);
/* The name, and how many arguments there are; NULL: there is no such call. */
const char *sys_names_get(uint64_t nr, unsigned *nargs);

#endif

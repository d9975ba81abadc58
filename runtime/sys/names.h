/* What gdb's server needs of the system calls: their names, the mappings that /proc shows of a guest, where lines of the log go. */
#ifndef KIT_RUNTIME_SYS_NAMES_H
#define KIT_RUNTIME_SYS_NAMES_H

#include "lib/base/diag.h"
#include "lib/base/strbuf.h"

#include <stdint.h>

enum { SYS_NAMES = 512 };

/* The calls of a set as --strace's -e trace=SET has it. */
bool sys_names_choose(const char *set, bool call[SYS_NAMES], struct diag *d);
/* The name, and how many arguments there are; NULL: there is no such call. */
const char *sys_names_get(uint64_t nr, unsigned *nargs);

/* /proc/PID/maps, or smaps, of another process as a guest would read it; -errno, -EPERM where pid is no guest. */
int64_t sys_maps_of_guest(int pid, bool smaps, struct strbuf *out);

/* The descriptor that the log goes to; -1: none of its own. */
int sys_log_fd(void);

#endif

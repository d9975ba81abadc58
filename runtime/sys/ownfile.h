/*
 * Files of kitemu's own that a whole tree of guest processes writes: --log-file, strace's -o.
 *
 * Each is one descriptor, hidden from the guest and handed over at execve, so that a change of directory or root, or of the
 * user, does not matter. One with %p or %t in its name is many files: then the descriptor is that of their folder, and a line
 * is written by openat, write and close: no state that a fork or vfork could get wrong.
 */
#ifndef KIT_RUNTIME_SYS_OWNFILE_H
#define KIT_RUNTIME_SYS_OWNFILE_H

#include "lib/base/diag.h"
#include "runtime/core/options.h"

#include <stddef.h>

/*
 * Opens name, or takes over inherited (a descriptor and one; 0: none). thread: %d is the thread's number, not the
 * process's. suffix: put behind name. appends: what the file holds stays. false: d says why not.
 */
bool ownfile_open(enum kit_own_file which, const char *name, const char *suffix, unsigned inherited,
		  bool thread, bool appends, struct diag *d);
/*
 * Lines of the log, and of --strace, that go to stderr go to the one that kitemu was started with, or inherited: the guest
 * may close its own, and open a file of its by that number.
 */
void ownfile_keep_stderr(unsigned inherited);
bool ownfile_is_open(enum kit_own_file which);
/* Each thread has a file of its own; each process or each thread. */
bool ownfile_is_by_thread(enum kit_own_file which);
bool ownfile_is_many(enum kit_own_file which);
/* Whole lines. What cannot be written is lost: the guest does not hear of it, stderr does once. */
void ownfile_put(enum kit_own_file which, const char *lines, size_t size_bytes);
/* The same into the file of another thread. */
void ownfile_put_for(enum kit_own_file which, int tid, const char *lines, size_t size_bytes);
/* A descriptor that is no file with a name: what strace counts. */
void ownfile_keep(enum kit_own_file which, int fd);
/* If fd is one of them, it gets another number. */
void ownfile_give_way(int fd);
/* The descriptor, -1 when there is none. */
int ownfile_fd(enum kit_own_file which);

#endif

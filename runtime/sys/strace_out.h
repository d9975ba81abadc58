/*
 * Where --strace's lines go.
 *
 * A call that may wait has the beginning of its line written before it is made: so a program that hangs shows where.
 * The rest is put behind it, unless another line has come in between, as strace has it:
 *
 *     12 read(0,  <unfinished ...>
 *     13 close(4)                             = 0
 *     12 <... read resumed>"x", 1)            = 1
 *
 * So it is kept for every file which beginning it ends with: for one of the whole tree in memory that all its processes
 * share, for that of a process or thread in these (struct strace_tail). A fork's child has its parent's, which are not
 * its file's: they hold for the process that wrote them.
 *
 * Whoever writes to a file keeps others from it. It may be killed or stopped there; so nobody waits for long: lines that are
 * mixed up are better than a guest that stands still.
 */
#ifndef KIT_RUNTIME_SYS_STRACE_OUT_H
#define KIT_RUNTIME_SYS_STRACE_OUT_H

#include "lib/base/diag.h"
#include "runtime/sys/strace.h"

/* Opens what the processes of a tree share, or takes over inherited (as ownfile_open does). */
bool strace_share(unsigned inherited, struct diag *d);
/* Room in it for strace_counts.c. */
struct strace_counts *strace_shared_counts(void);

/* Around what is written for t. */
void strace_out_begin(struct kit_thread *t);
void strace_out_end(struct kit_thread *t);
/* In between: true when the file ends with the beginning of this line. */
bool strace_out_is_open(const struct strace_line *l);
/*
 * And text for t's file: behind the end of the line that is there, or another line. open: it is the beginning of that line, and has
 * no end yet; NULL: it has.
 */
void strace_out_add(struct kit_thread *t, const struct strbuf *text);
void strace_out_put(struct kit_thread *t, const struct strbuf *text, struct strace_line *open);

#endif

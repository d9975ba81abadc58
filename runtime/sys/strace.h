/*
 * --strace: a line for each system call, formatted from the row's kinds.
 *
 * Arguments that the kernel reads are formatted before the call, those it writes after it. A call that may wait has
 * the first half of its line written before it is made (strace_out.h), one that does not come back (exit, execve) all of it; any
 * other's line is written when it is over.
 */
#ifndef KIT_RUNTIME_SYS_STRACE_H
#define KIT_RUNTIME_SYS_STRACE_H

#include "lib/base/strbuf.h"
#include "runtime/sys/sys_priv.h"

struct strace_line {
	struct strbuf b;
	struct kit_thread *t;
	int tid;                   /* that made the call: a forked child comes out of it, too */
	const struct sys_row *row; /* NULL: unknown call */
	uint64_t nr;
	uint64_t a[6]; /* cut as the kernel sees them */
	unsigned next; /* first argument not formatted yet */
	bool after;    /* the call is over: result holds */
	bool hidden;   /* it does not concern a file of -P */
	uint32_t id;   /* not 0: its beginning has been written, so many bytes of b */
	size_t written;
	int64_t result;
	uint64_t begin_ns;   /* when the call was made; with -c, -T */
	uint64_t counted_ns; /* of it, an execve's that was about to succeed; 0: not counted yet */
};

/* Lines of the log come where --strace's may be. */
void strace_log_comes(void);

void strace_enter(struct strace_line *l, struct kit_thread *t, const struct sys_row *row,
		  uint64_t nr, const uint64_t *reg);
void strace_leave(struct strace_line *l, int64_t result);
/* The running execve of this thread is about to succeed: writes its line now. */
void strace_exec(struct kit_thread *t);
/* The process dies of it: "+++ killed by SIGSEGV +++", behind the calls in which its threads are. */
void strace_killed(struct kit_thread *t, int sig);
/* The thread ends now, by itself or with its process: "+++ exited with 0 +++". */
void strace_exits(struct kit_thread *t);
/* A signal that a handler or default action takes now: "--- SIGCHLD {...} ---". */
void strace_signal(struct kit_thread *t, const siginfo_t *info);

/* One printer for each name in kinds.def. */
#define KIND(name, class, written, printer)                                                        \
	void strace_##printer(struct strace_line *l, unsigned i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#include "runtime/sys/kinds.def"
#pragma GCC diagnostic pop
#undef KIND

/* flags.def: the names of a kind's bits (strace_put_flags) or values (false when there is none). */
void strace_put_flags(struct strbuf *b, enum sys_kind kind, uint64_t value);
bool strace_put_enum(struct strbuf *b, enum sys_kind kind, uint64_t value);
/* A string of guest memory, quoted; most: bytes shown. */
void strace_put_str(struct strace_line *l, gaddr at, size_t most);
void strace_put_bytes(struct strbuf *b, const void *bytes, size_t n, bool more);
/* Whether some path or descriptor of its arguments is one of -P's files. */
bool strace_concerns(const struct strace_line *l);
/* "ENOENT", or NULL. */
const char *strace_errno_name(int err);
const char *strace_signal_name(int sig);

#endif

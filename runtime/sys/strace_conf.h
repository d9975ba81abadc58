/*
 * What --strace prints: strace's own options, as words of one text ("-e trace=file -T -o out.%p").
 *
 * There is one configuration a process, read before the guest runs and constant then.
 */
#ifndef KIT_RUNTIME_SYS_STRACE_CONF_H
#define KIT_RUNTIME_SYS_STRACE_CONF_H

#include "lib/base/diag.h"
#include "runtime/sys/sys_priv.h"

enum { STRACE_PATHS_MOST = 16 };

enum strace_sort {
	STRACE_BY_TIME,
	STRACE_BY_CALLS,
	STRACE_BY_ERRORS,
	STRACE_BY_NAME,
	STRACE_UNSORTED
};

enum strace_clock { STRACE_NO_CLOCK, STRACE_SECONDS, STRACE_MICROSECONDS, STRACE_EPOCH };

struct strace_conf {
	bool call[SYS_ROWS];
	bool unknown;       /* calls without a row */
	uint64_t signals;   /* bit n - 1: signal n */
	size_t show_bytes;  /* of strings */
	const char *file;   /* -o; NULL: where the log goes */
	bool by_thread;     /* -ff */
	bool counts, lines; /* -c or -C; not -c */
	/* Calls to be shown; unfinished: those that do not come back. */
	bool succeeded, failed, unfinished;
	bool relative, took, at_pc, paths, numbers, verbose;
	bool appends;    /* -A: what the file holds stays */
	unsigned hex;    /* strings: 1 those that are no text, 2 all */
	unsigned column; /* of results */
	/* -P: calls that concern these files alone; count 0: all. */
	const char *only[STRACE_PATHS_MOST];
	unsigned only_count;
	enum strace_sort sort; /* of -c */
	unsigned quiet;        /* two -q: nothing of how processes end */
	enum strace_clock clock;
};

extern struct strace_conf strace_conf;
extern const char strace_help[];

/* Reads the options; false: d says what is wrong. */
bool strace_configure(const char *options, struct diag *d);

static inline bool strace_wants(const struct sys_row *row, uint64_t nr)
{
	return row ? strace_conf.call[nr] : strace_conf.unknown;
}

/* ---- -c ------------------------------------------------------------------------------------------ */

struct strace_count {
	uint64_t calls, errors, ns; /* atomic */
};

struct strace_counts {
	int32_t pid; /* of the process that prints them */
	struct strace_count call[SYS_ROWS];
};

/* calls 0: more is known of one that has been counted. */
void strace_count(uint64_t nr, unsigned calls, uint64_t ns, bool failed);
/* t's process ends: prints the summary, if it has begun them. */
void strace_counts_end(struct kit_thread *t);

#endif

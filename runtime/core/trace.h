/*
 * What a traced thread and the kitemu of its tracer share: ptrace of a guest by a guest.
 *
 * The host's ptrace does the tracing: who may trace whom, waiting, reparenting, kill on exit are the kernel's. But the
 * host stops a thread anywhere in kitemu, where no register of the guest is exact and locks may be held. So a guest's tracer
 * is only shown stops that the traced thread makes itself between two guest instructions or at a system call, by a
 * signal to itself. All other host stops are resumed by the tracer as it hears of them (runtime/tracer/tracer.c):
 *
 *                            host stop, anywhere
 *     traced thread runs ----------------------------> tracer's wait resumes it, with a mark for what it was
 *          ^                                                |
 *          |                                                | mark: an own SIGBUS or SIGSEGV (trace_mark)
 *          |                                                v
 *          |                               runs on to the run loop, or out of its system call
 *          |                                                |
 *          |   PTRACE_CONT ...                              v
 *          +--------------------- host stop by its own signal, kit_trace.stop says of what kind
 *                                        -> tracer's wait shows it to the guest
 *
 * A mark on SIGBUS carries a signal that was about to be delivered, one on SIGSEGV (a hold) says that the thread shall stand
 * where it can be looked at: for a group-stop or PTRACE_INTERRUPT. These two are always open and always kitemu's own.
 *
 * The tracer reads and writes struct kit_thread of the traced thread in the other process's memory: it finds it
 * by its thread id in the directory, which lies at one address in all processes of one build of kitemu.
 */
#ifndef KIT_RUNTIME_CORE_TRACE_H
#define KIT_RUNTIME_CORE_TRACE_H

#include "lib/ir/ir.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct kit_thread;

/* Bits of kit_trace.orders, which the tracer writes. */
enum {
	TRACE_ON = 1,     /* somebody traces the thread */
	TRACE_CALLS = 2,  /* PTRACE_SYSCALL */
	TRACE_STEP = 4,   /* PTRACE_SINGLESTEP */
	TRACE_SEIZED = 8, /* PTRACE_SEIZE: group-stops are events */
	TRACE_RANGE = 16, /* with TRACE_STEP: on and on as long as the pc is in the range */
};

enum trace_stop {
	TRACE_RUNS,   /* not in a stop of its own */
	TRACE_SIGNAL, /* before a signal is delivered */
	TRACE_CALL,   /* before a system call */
	TRACE_CALL_END,
	TRACE_EVENT,   /* PTRACE_EVENT_*, kit_trace.event */
	TRACE_STARTED, /* a new program, before its first instruction */
	TRACE_HELD,    /* group-stop or PTRACE_INTERRUPT; kit_trace.hold is the signal */
	TRACE_DIES,    /* about to die of a signal that its tracer has seen */
};

struct kit_trace {
	uint32_t orders;  /* atomic; not 0: system calls go the long way */
	uint32_t options; /* PTRACE_O_*; written by the tracer */
	uint32_t stop;    /* enum trace_stop; atomic */
	uint32_t signo;   /* the host's signal that the stop is made by */
	uint32_t resumed; /* the tracer ended the stop: not 0 */
	uint32_t in_call; /* st.pc is at the ecall of a system call under way */
	uint32_t
	    event; /* PTRACE_EVENT_*; one of a host stop, written by the tracer, is shown at the call's end */
	uint64_t message; /* PTRACE_GETEVENTMSG of it */
	uint32_t hold;    /* TRACE_HELD: the signal to show; or the thread will stop so by itself */
	uint64_t mask;    /* the guest's signal mask; the tracer may change it */
	uint64_t call_a0; /* first argument of the system call under way */
	gaddr range_start, range_end; /* TRACE_RANGE; written by the tracer */
	/* The thread's own. */
	bool judged;         /* the tracer has seen the call that a seccomp filter asked it about */
	uint32_t stop_count; /* stops so far */
	bool alone;          /* PTRACE_TRACEME was answered, though the parent cannot trace */
	bool raising;        /* stops itself now: what signal gets through is the tracer's answer */
	siginfo_t answer;    /* si_signo 0: none */
	siginfo_t shown;     /* TRACE_SIGNAL: the signal that the tracer is shown */
};

/* ---- marks: a signal of kitemu's own with another one packed into it ----------------------------------------- */

enum { TRACE_MARK = 0xa5, TRACE_MARK_SHIFT = 24, TRACE_SIGNO_SHIFT = 16 };

/* info as a mark on signal as: what the kernel keeps of a siginfo behind its first three fields stays as it is. */
static inline void trace_mark(siginfo_t *info, int as)
{
	info->si_code =
	    (int)((uint32_t)TRACE_MARK << TRACE_MARK_SHIFT
		  | (uint32_t)info->si_signo << TRACE_SIGNO_SHIFT | (uint16_t)info->si_code);
	info->si_signo = as;
}

static inline bool trace_is_mark(const siginfo_t *info)
{
	return (uint32_t)info->si_code >> TRACE_MARK_SHIFT == TRACE_MARK;
}

static inline void trace_unmark(siginfo_t *info)
{
	uint32_t code = (uint32_t)info->si_code;

	info->si_signo = (int)(code >> TRACE_SIGNO_SHIFT & 0xff);
	info->si_code = (int16_t)code;
}

/* ---- the directory ------------------------------------------------------------------------------------------- */

enum { TRACE_ENTRIES = 30, TRACE_RANGES = 8, TRACE_MAGIC_BYTES = 16 };

struct trace_entry {
	int32_t tid, tgid; /* tid atomic; 0: free */
	struct kit_thread *thread;
};

struct trace_chunk {
	struct trace_entry entry[TRACE_ENTRIES];
	struct trace_chunk *next; /* atomic; chunks are never freed */
};

struct trace_directory {
	char magic[TRACE_MAGIC_BYTES];
	uint32_t layout;      /* sizeof(struct kit_thread): another build's is likely to differ */
	uint32_t takes_marks; /* the handlers of SIGBUS and SIGSEGV are set */
	gaddr base, limit;    /* of guest memory */
	/* Guest memory that tracers have written to, each at changes % TRACE_RANGES before changes grows. */
	uint32_t changes; /* atomic */
	uint32_t settled; /* as many were dealt with by this process */
	uint32_t
	    written_unseen; /* a tracer can write through /proc/PID/mem: at each stop anything may have changed */
	struct {
		gaddr start;
		uint64_t size_bytes;
	} range[TRACE_RANGES];
	struct trace_chunk first;
};

extern struct trace_directory trace_directory;

/* The calling host thread is t, with its id known. */
void trace_enlist(struct kit_thread *t);
void trace_delist(const struct kit_thread *t);
/* In a forked child: its parent's threads are not there. */
void trace_fork_child(void);

#endif

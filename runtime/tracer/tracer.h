/*
 * The tracer's side of runtime/core/trace.h, for all who trace guests: guests themselves (runtime/sys/ptrace.c) and the
 * stub for gdb (runtime/gdb). Everything here is the host's ptrace with what a guest's threads add to it.
 *
 * ptrace requests are the calling thread's own: only the thread that traces may make them. Results are 0 or -errno.
 */
#ifndef KIT_RUNTIME_TRACER_TRACER_H
#define KIT_RUNTIME_TRACER_TRACER_H

#include "lib/base/bits.h"
#include "runtime/core/thread.h"

#include <linux/ptrace.h>
#include <stddef.h>
#include <sys/types.h>

/* A thread of another process, as its kitemu tells. */
struct peer {
	pid_t tid;
	enum peer_kind {
		PEER_GONE,     /* no such thread, or its memory may not be read */
		PEER_FOREIGN,  /* not a kitemu's, or another build's */
		PEER_STARTING, /* a kitemu's, which has not yet listed it */
		PEER_GUEST
	} kind;
	bool takes_marks;
	pid_t tgid;
	uint64_t at; /* its struct kit_thread, in its own memory */
	gaddr base, limit;
	struct kit_trace trace;
};

/* ---- peer.c: another process's memory ------------------------------------------------------------------------- */

/* Fills *p for the thread tid. */
void peer_find(struct peer *p, pid_t tid);
/* A thread that may be traced; it may need a moment to get into the directory. -ESRCH: no thread; -EPERM: no guest's. */
int64_t peer_find_guest(struct peer *p, pid_t tid);
/* Its memory, kitemu's own included. False: it is gone. */
bool peer_read(const struct peer *p, uint64_t at, void *to, size_t n);
bool peer_write(const struct peer *p, uint64_t at, const void *from, size_t n);
/* Field of its struct kit_trace, from p->trace. */
#define peer_put(p, field)                                                                         \
	peer_write(p, (p)->at + offsetof(struct kit_thread, trace.field), &(p)->trace.field,       \
		   sizeof(p)->trace.field)

/* A word of guest memory, past the protection of its page; -EIO: nothing is there. */
int64_t peer_peek(const struct peer *p, gaddr addr, uint64_t *word);
int64_t peer_poke(const struct peer *p, gaddr addr, uint64_t word);
/* Guest code of the process has changed in [start, start + n): its threads see to it when they go on. */
bool peer_note_change(const struct peer *p, gaddr start, uint64_t n);

/* ---- regs.c: registers as riscv64's ptrace has them -------------------------------------------------------------- */

enum {
	PEER_GENERAL = 32,  /* pc, x1 .. x31 */
	PEER_FLOATING = 33, /* f0 .. f31, fcsr */
};

/* What of the state is read: all that a debugger may see. False: the thread is gone. */
bool peer_state(const struct peer *p, struct ir_state *st);
/* The pc that the guest's kernel would have: behind the ecall of a call under way. */
uint64_t peer_pc(const struct peer *p, const struct ir_state *st);
void peer_general(const struct peer *p, const struct ir_state *st, uint64_t v[PEER_GENERAL]);
void peer_floating(const struct ir_state *st, uint64_t v[PEER_FLOATING]);
bool peer_set_general(const struct peer *p, const uint64_t v[PEER_GENERAL]);
bool peer_set_floating(const struct peer *p, const uint64_t v[PEER_FLOATING]);

/* ---- tracer.c: requests and stops ------------------------------------------------------------------------------- */

/* The host's ptrace. */
int64_t host_ptrace(long request, pid_t tid, uint64_t addr, uint64_t data);

/* 0, or -EINVAL: options of PTRACE_SETOPTIONS that there are not. */
int64_t tracer_check_options(uint64_t options);
int64_t tracer_set_options(struct peer *p, uint64_t options);
/* PTRACE_SEIZE; and after a request that began to trace on the host. */
int64_t tracer_seize(struct peer *p, uint64_t options);
int64_t tracer_begin(struct peer *p, uint32_t orders, uint32_t options);
/* Ends a stop by PTRACE_CONT or PTRACE_DETACH: orders are TRACE_ bits, signo is the signal to deliver. */
int64_t tracer_resume(struct peer *p, long request, uint32_t orders, uint64_t signo);
/* Asks a thread that runs to stop where it can be looked at: signo is what it will say. */
void tracer_hold(const struct peer *p, int signo);

/* After PTRACE_INTERRUPT and its like the kernel's stop stands in for the thread's own. */
bool peer_is_held(const struct peer *p);

enum tracer_shown {
	TRACER_SHOWN,    /* the tracer is told; the wait status may be another one now */
	TRACER_RESUMED,  /* nothing that it should know: the thread runs again */
	TRACER_NOT_OURS, /* another thread traces it */
};

/*
 * What becomes of a stop of tid that the host's wait told of with *status. Asked twice it says the same. *made: a new thread
 * that is traced from now on; 0: none.
 */
enum tracer_shown tracer_show(pid_t tid, int *status, pid_t *made);

#endif

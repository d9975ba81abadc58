/*
 * A traced thread's own part of ptrace: the stops that its tracer sees (runtime/core/trace.h has the whole).
 *
 * All of these are called between guest instructions or at a system call, with no lock held, on the thread's own
 * host thread.
 */
#ifndef KIT_RUNTIME_SIG_TRACE_H
#define KIT_RUNTIME_SIG_TRACE_H

#include "runtime/core/thread.h"

static inline bool trace_is_on(const struct kit_thread *t)
{
	return __atomic_load_n(&t->trace.orders, __ATOMIC_RELAXED) != 0;
}

/* PTRACE_TRACEME has succeeded on the host. */
void trace_me(struct kit_thread *t);
/* What a child that t makes inherits of its being traced, into child. */
void trace_child(const struct kit_thread *t, uint64_t clone_flags, int exit_signal,
		 struct kit_trace *child);
/* The child's first stop is on its way; called on its host thread before it runs. */
void trace_child_begins(struct kit_thread *c);

/*
 * Around a system call. trace_call_begins returns false when the tracer wants none: *result is set. The tracer may have changed
 * any register.
 */
bool trace_call_begins(struct kit_thread *t, int64_t *result);
/* done: the registers are set already. The result that the guest gets is in *result. */
void trace_call_ends(struct kit_thread *t, bool done, int64_t *result);
/*
 * A filter asks the tracer (SECCOMP_RET_TRACE). True: the call, which the tracer may have changed, goes on from its
 * beginning. False: it is not made; *result is set if there is a tracer that listens.
 */
bool trace_seccomp(struct kit_thread *t, uint32_t data, int64_t *result);

/* What an execve hands on, as one number; 0: not traced. And the new program's side of it. */
uint64_t trace_save(const struct kit_thread *t);
void trace_restore(struct kit_thread *t, uint64_t saved);

/*
 * At a breakpoint, or behind an access to a watchpoint (runtime/core/points.h): stops with a SIGTRAP of that code, which the guest
 * gets only where the tracer says so. Points that a tracer has left when it died are dropped.
 */
void trace_stop_at_point(struct kit_thread *t, int code, gaddr addr);

/* After the one instruction of a single step. before: stop_count and pc then. */
void trace_stepped(struct kit_thread *t, uint32_t stops_before, gaddr pc_before);

#endif

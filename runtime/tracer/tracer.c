/*
 * Stops of traced threads and how they end; see tracer.h. runtime/core/trace.h draws how an inexact stop becomes one of the
 * traced thread's own.
 *
 *     host's stop of                          what becomes of it
 *     -------------------------------------   --------------------------------------------------------------
 *     the thread's own (kit_trace.stop)       shown; the status says what kind it is
 *     a fault in kitemu or translated code    resumed with its signal: the handler of kitemu deals with it
 *     a mark                                  resumed with its signal
 *     any other signal                        resumed with a mark of it
 *     fork, clone                             noted for the call's end, since kitemu holds its locks; resumed
 *     vfork, its end, exit                    shown: no lock is held, the registers are those of the call
 *     group-stop, PTRACE_INTERRUPT            shown where the thread stands in a stop of its own; else resumed
 *                                             with a hold
 *     a host program                          shown as it is
 */
#include "runtime/tracer/tracer.h"

#include "lib/base/log.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EVENT_SHIFT = 16, STOPPED = 0x7f, STARTING_US = 200, SIGNALS = 64 };

/* Options that the host carries out; the others are the thread's own business. */
static const uint64_t host_options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE
				     | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT
				     | PTRACE_O_EXITKILL;
static const uint64_t own_options =
    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP;

int64_t host_ptrace(long request, pid_t tid, uint64_t addr, uint64_t data)
{
	long r = syscall(SYS_ptrace, request, tid, addr, data);

	return r == -1 ? -errno : r;
}

int64_t tracer_begin(struct peer *p, uint32_t orders, uint32_t options)
{
	p->trace.orders = orders;
	p->trace.options = options;
	return peer_put(p, options) && peer_put(p, orders) ? 0 : -ESRCH;
}

int64_t tracer_seize(struct peer *p, uint64_t options)
{
	int64_t r = host_ptrace(PTRACE_SEIZE, p->tid, 0, options & host_options);

	return r < 0 ? r : tracer_begin(p, TRACE_ON | TRACE_SEIZED, (uint32_t)options);
}

int64_t tracer_check_options(uint64_t options)
{
	return options & ~(host_options | own_options) ? -EINVAL : 0;
}

/*
 * The thread is about to be resumed with a signal: which one the host gets. In a stop for a signal the kernel delivers it,
 * unless the thread blocks it. All are blocked there: the mask that counts is the guest's, but for the signal that
 * the stop is for.
 */
static uint64_t hand_in(struct peer *p, uint64_t signo)
{
	const struct kit_trace *tr = &p->trace;
	uint64_t blocked = ~UINT64_C(0), bit = UINT64_C(1) << (signo - 1);

	if (signo && tr->stop == TRACE_SIGNAL) {
		if (signo == (uint64_t)tr->shown.si_signo || !(tr->mask & bit))
			blocked &= ~bit;
		host_ptrace(PTRACE_SETSIGMASK, p->tid, sizeof blocked, (uintptr_t)&blocked);
		return signo;
	}
	/* The kernel sends it then, in a stop at a system call. */
	if (signo && (tr->stop == TRACE_CALL || tr->stop == TRACE_CALL_END))
		syscall(SYS_tgkill, p->tgid, p->tid, (int)signo);
	return 0;
}

int64_t tracer_resume(struct peer *p, long request, uint32_t orders, uint64_t signo)
{
	if (signo > SIGNALS)
		return -EIO;
	if (p->kind == PEER_GUEST) {
		p->trace.orders = orders;
		p->trace.resumed = 1;
		if (request == PTRACE_DETACH) {
			p->trace.options = 0;
			peer_put(p, options);
		}
		peer_put(p, orders);
		peer_put(p, resumed);
		signo = hand_in(p, signo);
	}
	return host_ptrace(request, p->tid, 0, signo);
}

int64_t tracer_set_options(struct peer *p, uint64_t options)
{
	int64_t r = tracer_check_options(options);

	if (r == 0)
		r = host_ptrace(PTRACE_SETOPTIONS, p->tid, 0, options & host_options);
	if (r == 0) {
		p->trace.options = (uint32_t)options;
		peer_put(p, options);
	}
	return r;
}

void tracer_hold(const struct peer *p, int signo)
{
	siginfo_t info = { .si_signo = signo };

	trace_mark(&info, SIGSEGV);
	syscall(SYS_rt_tgsigqueueinfo, p->tgid, p->tid, SIGSEGV, &info);
}

/* ---- stops ---------------------------------------------------------------------------------------------------- */

static int stopped_by(int signo) { return signo << 8 | STOPPED; }

/* The fields of a stop's wait status. */
static int signal_of(int status) { return status >> 8 & 0xff; }
static int event_of(int status) { return (int)((unsigned)status >> EVENT_SHIFT); }

static void resume(pid_t tid, int signo) { host_ptrace(PTRACE_CONT, tid, 0, (uint64_t)signo); }

/* Goes on with info's signal packed into a SIGBUS, which the thread's kitemu takes. */
static void resume_with_mark(pid_t tid, siginfo_t *info)
{
	trace_mark(info, SIGBUS);
	host_ptrace(PTRACE_SETSIGINFO, tid, 0, (uintptr_t)info);
	resume(tid, SIGBUS);
}

/* Goes on to the next place where it can be looked at. It may be on its way there already. */
static void resume_with_hold(struct peer *p, int signo)
{
	if (!p->trace.hold)
		tracer_hold(p, signo);
	resume(p->tid, 0);
}

/* A program that is just beginning, or a thread that is not listed yet: nothing of its stops is the guest's. */
static void resume_starting(const struct peer *p, int event, bool has_info, siginfo_t *info)
{
	/* A hold of the program that this one replaces: nobody is there to take it. */
	if (has_info && trace_is_mark(info) && info->si_signo == SIGSEGV && !p->takes_marks)
		resume(p->tid, 0);
	else if (event || !has_info || info->si_signo == SIGTRAP || trace_is_mark(info)
		 || info->si_code > 0) {
		resume(p->tid,
		       event || !has_info || (info->si_signo == SIGTRAP) ? 0 : info->si_signo);
	} else if (p->takes_marks) {
		resume_with_mark(p->tid, info);
	} else {
		/* It comes again, until somebody is there to take it. */
		resume(p->tid, 0);
		syscall(SYS_tkill, p->tid, info->si_signo);
		usleep(STARTING_US);
	}
}

static bool is_fault(const siginfo_t *info)
{
	return info->si_code > 0
	       && (info->si_signo == SIGSEGV || info->si_signo == SIGBUS || info->si_signo == SIGFPE
		   || info->si_signo == SIGILL || info->si_signo == SIGTRAP);
}

bool peer_is_held(const struct peer *p)
{
	return p->kind == PEER_GUEST && p->trace.stop == TRACE_HELD;
}

/* Ends a stop of the thread's own that is not shown. */
static void pass_on(struct peer *p)
{
	p->trace.resumed = 1;
	peer_put(p, resumed);
	resume(p->tid, 0);
}

/* A stop of the thread's own, by its signal: what the guest is told. False: nothing, it was resumed. */
static bool show_own(struct peer *p, int *status)
{
	const struct kit_trace *tr = &p->trace;

	switch ((enum trace_stop)tr->stop) {
	case TRACE_CALL:
	case TRACE_CALL_END:
		*status = stopped_by(SIGTRAP | (tr->options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0));
		return true;
	case TRACE_STARTED:
		if (!(tr->options & PTRACE_O_TRACEEXEC)) {
			pass_on(p);
			return false;
		}
		*status = stopped_by(SIGTRAP) | (int)(tr->event << EVENT_SHIFT);
		return true;
	case TRACE_EVENT:
		*status = stopped_by(SIGTRAP) | (int)(tr->event << EVENT_SHIFT);
		return true;
	case TRACE_HELD:
		if (tr->orders & TRACE_SEIZED) {
			/* The kernel makes the stop that was asked for here, where the thread can be looked at. */
			host_ptrace(PTRACE_INTERRUPT, p->tid, 0, 0);
			resume(p->tid, 0);
			return false;
		}
		*status = stopped_by((int)tr->hold);
		return true;
	case TRACE_DIES:
		resume(p->tid, (int)tr->signo);
		return false;
	case TRACE_SIGNAL:
		host_ptrace(PTRACE_SETSIGINFO, p->tid, 0, (uintptr_t)&tr->shown);
		*status = stopped_by(tr->shown.si_signo);
		return true;
	case TRACE_RUNS:
		return true;
	}
	return true;
}

/* A stop by PTRACE_EVENT_*. */
static bool show_event(struct peer *p, int event, int signo, pid_t *made)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_CLONE:
		p->trace.event = (uint32_t)event;
		host_ptrace(PTRACE_GETEVENTMSG, p->tid, 0, (uintptr_t)&p->trace.message);
		peer_put(p, message);
		peer_put(p, event);
		*made = (pid_t)p->trace.message;
		resume(p->tid, 0);
		return false;
	case PTRACE_EVENT_STOP:
		if (p->trace.stop)
			return true;
		resume_with_hold(p, signo);
		return false;
	default:
		return true;
	}
}

static enum tracer_shown shown(bool yes) { return yes ? TRACER_SHOWN : TRACER_RESUMED; }

enum tracer_shown tracer_show(pid_t tid, int *status, pid_t *made)
{
	int event = event_of(*status), signo = signal_of(*status);
	siginfo_t info = { 0 };
	int64_t r = host_ptrace(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)&info);
	bool has_info = r == 0;
	struct peer p;

	*made = 0;
	if (r == -ESRCH)
		return TRACER_NOT_OURS;
	peer_find(&p, tid);
	KIT_LOG(sys, "stop of %d: status %#x code %d, %d %u by %u", tid, (unsigned)*status,
		info.si_code, (int)p.kind, p.trace.stop, p.trace.signo);
	if (p.kind == PEER_GONE || p.kind == PEER_FOREIGN)
		return TRACER_SHOWN;
	if (p.kind == PEER_STARTING) {
		resume_starting(&p, event, has_info, &info);
		return TRACER_RESUMED;
	}
	if (event)
		return shown(show_event(&p, event, signo, made));
	if (!has_info) {
		if (p.trace.stop)
			return TRACER_SHOWN;
		resume_with_hold(&p, signo);
		return TRACER_RESUMED;
	}
	if (trace_is_mark(&info)) {
		resume(tid, signo);
		return TRACER_RESUMED;
	}
	if (p.trace.stop && p.trace.signo == (uint32_t)signo)
		return shown(show_own(&p, status));
	if (is_fault(&info))
		resume(tid, signo);
	else
		resume_with_mark(tid, &info);
	return TRACER_RESUMED;
}

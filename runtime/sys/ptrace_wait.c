/*
 * wait4 and waitid of a process that may trace others: which of the host's stops the guest is shown, and as what.
 * runtime/core/trace.h draws how an inexact stop becomes one of the traced thread's own.
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
 *
 * Only the tracer's own thread can resume: another one that finds the stop by waiting asks it (struct asked_stop).
 */
#include "lib/base/log.h"
#include "runtime/sys/ptrace.h"

#include <fcntl.h>
#include <linux/ptrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { EVENT_SHIFT = 16, STOPPED = 0x7f, STARTING_US = 200 };

/* ---- whom a thread traces ------------------------------------------------------------------------------------ */

/* Touched by that thread alone. */
struct tracees {
	unsigned count, cap;
	pid_t tid[];
};

void tracees_add(struct kit_thread *t, pid_t tid)
{
	enum { FIRST_CAP = 16 };
	struct tracees *v = t->tracees;
	unsigned cap = v ? v->cap : 0;

	for (unsigned i = 0; v && i < v->count; i++)
		if (v->tid[i] == tid)
			return;
	if (!v || v->count == cap) {
		cap = cap ? 2 * cap : FIRST_CAP;
		v = realloc(v, sizeof *v + cap * sizeof *v->tid);
		KIT_CHECK(v, "out of memory");
		if (!t->tracees)
			v->count = 0;
		v->cap = cap;
		t->tracees = v;
	}
	v->tid[v->count++] = tid;
}

void tracees_remove(struct kit_thread *t, pid_t tid)
{
	struct tracees *v = t->tracees;

	for (unsigned i = 0; v && i < v->count; i++)
		if (v->tid[i] == tid)
			v->tid[i--] = v->tid[--v->count];
}

/* ---- stops -------------------------------------------------------------------------------------------------- */

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
	siginfo_t info = { .si_signo = signo };

	if (!p->trace.hold) {
		trace_mark(&info, SIGSEGV);
		syscall(SYS_rt_tgsigqueueinfo, p->tgid, p->tid, SIGSEGV, &info);
	}
	resume(p->tid, 0);
}

/* A program that is just beginning, or a thread that is not listed yet: nothing of its stops is the guest's. */
static void resume_starting(const struct peer *p, int event, bool has_info, siginfo_t *info)
{
	if (event || !has_info || info->si_signo == SIGTRAP || trace_is_mark(info)
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
static bool show_event(struct kit_thread *t, struct peer *p, int event, int signo)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_CLONE:
		p->trace.event = (uint32_t)event;
		host_ptrace(PTRACE_GETEVENTMSG, p->tid, 0, (uintptr_t)&p->trace.message);
		peer_put(p, message);
		peer_put(p, event);
		tracees_add(t, (pid_t)p->trace.message);
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

static bool ask_tracer(struct kit_thread *t, pid_t tid, int *status);

/* What the guest is told of a stop of tid; false: nothing, and the thread runs again. Asked twice it says the same. */
static bool show(struct kit_thread *t, pid_t tid, int *status)
{
	int event = event_of(*status), signo = signal_of(*status);
	siginfo_t info = { 0 };
	int64_t r = host_ptrace(PTRACE_GETSIGINFO, tid, 0, (uintptr_t)&info);
	bool has_info = r == 0;
	struct peer p;

	if (r == -ESRCH)
		return ask_tracer(t, tid, status);
	tracees_add(t, tid);
	peer_find(&p, tid);
	KIT_LOG(sys, "stop of %d: status %#x code %d, %d %u by %u", tid, (unsigned)*status,
		info.si_code, (int)p.kind, p.trace.stop, p.trace.signo);
	if (p.kind == PEER_GONE || p.kind == PEER_FOREIGN)
		return true;
	if (p.kind == PEER_STARTING) {
		resume_starting(&p, event, has_info, &info);
		return false;
	}
	if (event)
		return show_event(t, &p, event, signo);
	if (!has_info) {
		if (p.trace.stop)
			return true;
		resume_with_hold(&p, signo);
		return false;
	}
	if (trace_is_mark(&info)) {
		resume(tid, signo);
		return false;
	}
	if (p.trace.stop && p.trace.signo == (uint32_t)signo)
		return show_own(&p, status);
	if (is_fault(&info))
		resume(tid, signo);
	else
		resume_with_mark(tid, &info);
	return false;
}

/* ---- stops that another thread finds --------------------------------------------------------------------------- */

struct asked_stop {
	struct asked_stop *next;
	pid_t tid;
	int status;
	bool shown;
	uint32_t done; /* atomic; q is the asking thread's again */
};

/* The thread that traces tid, as the kernel says; 0: none. */
static pid_t tracer_of(pid_t tid)
{
	char name[64], text[1024];
	const char *line;
	ssize_t n = -1;
	int fd;

	snprintf(name, sizeof name, "/proc/%d/status", tid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n < 0 ? 0 : n] = 0;
	line = strstr(text, "TracerPid:");
	return line ? (pid_t)strtol(line + strlen("TracerPid:"), NULL, 10) : 0;
}

static void answer(struct kit_thread *t)
{
	struct asked_stop *q;

	for (;;) {
		pthread_mutex_lock(&t->proc->list_lock);
		q = t->asked;
		if (q)
			t->asked = q->next;
		pthread_mutex_unlock(&t->proc->list_lock);
		if (!q)
			return;
		q->shown = show(t, q->tid, &q->status);
		__atomic_store_n(&q->done, 1, __ATOMIC_RELEASE);
	}
}

/* With the list locked: the thread, if it is still there. */
static struct kit_thread *find_thread(struct kit_process *p, pid_t tid)
{
	struct kit_thread *o = p->first_thread;

	while (o && o->tid != tid)
		o = o->next;
	return o;
}

/* Takes the question back. False: it is being answered. */
static bool withdraw(struct kit_process *p, pid_t tracer, const struct asked_stop *q)
{
	struct kit_thread *o;
	struct asked_stop **at;
	bool gone;

	pthread_mutex_lock(&p->list_lock);
	o = find_thread(p, tracer);
	at = o ? &o->asked : NULL;
	while (at && *at && *at != q)
		at = &(*at)->next;
	gone = !o || *at;
	if (o && *at)
		*at = q->next;
	pthread_mutex_unlock(&p->list_lock);
	return gone;
}

/* What show would say to the thread of this process that traces tid. If there is none the stop is what it seems. */
static bool ask_tracer(struct kit_thread *t, pid_t tid, int *status)
{
	enum { TURNS = 20000, TURN_US = 100 };
	struct asked_stop q = { .tid = tid, .status = *status, .shown = true };
	siginfo_t kick = { 0 };
	pid_t tracer = tracer_of(tid);
	struct kit_thread *o;

	if (!tracer || tracer == t->tid)
		return true;
	pthread_mutex_lock(&t->proc->list_lock);
	o = find_thread(t->proc, tracer);
	if (o) {
		q.next = o->asked;
		o->asked = &q;
		o->answer = answer;
	}
	pthread_mutex_unlock(&t->proc->list_lock);
	if (!o)
		return true;
	trace_mark(&kick, SIGSEGV);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), tracer, SIGSEGV, &kick);
	for (unsigned n = 0; !__atomic_load_n(&q.done, __ATOMIC_ACQUIRE); n++) {
		if (n == TURNS && withdraw(t->proc, tracer, &q))
			return true;
		usleep(TURN_US);
	}
	*status = q.status;
	return q.shown;
}

/* ---- waiting -------------------------------------------------------------------------------------------------- */

struct waiting {
	struct kit_thread *t;
	bool by_id; /* waitid; else wait4 */
	const uint64_t *a;
	bool for_one; /* not for whatever child comes */
	int options;
	int status; /* of wait4; of a stop, for waitid too */
	siginfo_t info;
	struct rusage ru;
};

/* waitid's si_status of a stop is the signal, and above it the event. */
static int status_of_stop(const siginfo_t *info)
{
	if (info->si_code != CLD_TRAPPED && info->si_code != CLD_STOPPED)
		return 0;
	return (int)((unsigned)info->si_status << 8 | STOPPED);
}

/* The host's wait with more options: whose event there was, 0 or -errno. */
static int64_t host_wait(struct waiting *w, int more)
{
	const uint64_t *a = w->a;
	int64_t r;

	if (!w->by_id)
		return sig_safe_syscall(w->t, __NR_wait4, (long)a[0], (long)&w->status,
					w->options | more, (long)&w->ru, 0, 0);
	memset(&w->info, 0, sizeof w->info);
	r = sig_safe_syscall(w->t, __NR_waitid, (long)a[0], (long)a[1], (long)&w->info,
			     w->options | more, (long)&w->ru, 0);
	w->status = status_of_stop(&w->info);
	return r < 0 ? r : w->info.si_pid;
}

/* Stops that no guest sees, of any thread that t traces. One may hold a lock that the awaited one needs. */
static void serve_all(struct kit_thread *t)
{
	siginfo_t info;

	for (unsigned i = 0; i < t->tracees->count; i++) {
		int status;

		info.si_pid = 0;
		if (host_call(__NR_waitid, P_PID, t->tracees->tid[i], (long)&info,
			      WSTOPPED | WNOHANG | WNOWAIT | __WALL, 0, 0)
			< 0
		    || !info.si_pid)
			continue;
		status = status_of_stop(&info);
		show(t, info.si_pid, &status);
	}
}

/* Waits until something has happened to some child. An event that nobody takes now must not keep the cpu busy. */
static int64_t wait_for_any(struct kit_thread *t, long *nap_ns)
{
	enum { FIRST_NAP_NS = 20000, LONGEST_NAP_NS = 2000000 };
	struct timespec nap = { 0, *nap_ns };
	siginfo_t info;
	int64_t r = sig_safe_syscall(t, __NR_waitid, P_ALL, 0, (long)&info,
				     WEXITED | WSTOPPED | WCONTINUED | WNOWAIT | __WALL, 0, 0);

	if (r == 0 && *nap_ns)
		r = sig_safe_syscall(t, __NR_nanosleep, (long)&nap, 0, 0, 0, 0, 0);
	*nap_ns = !*nap_ns                       ? FIRST_NAP_NS
		  : 2 * *nap_ns < LONGEST_NAP_NS ? 2 * *nap_ns
						 : LONGEST_NAP_NS;
	return r;
}

static int64_t wait_for_shown(struct waiting *w)
{
	struct kit_thread *t = w->t;
	long nap_ns = 0;

	for (;;) {
		bool serves = w->for_one && t->tracees && t->tracees->count > 1;
		int64_t r;

		if (serves)
			serve_all(t);
		r = host_wait(w, serves ? WNOHANG : 0);
		if (r == 0 && serves && !(w->options & WNOHANG)) {
			r = wait_for_any(t, &nap_ns);
			if (r == 0)
				continue;
		}
		if (r > 0 && WIFSTOPPED(w->status)) {
			if (KIT_LIKELY(show(t, (pid_t)r, &w->status)))
				return r;
			continue;
		}
		if (r > 0 && t->tracees)
			tracees_remove(t, (pid_t)r);
		return r;
	}
}

int64_t sys_wait4(struct kit_thread *t, const uint64_t *a)
{
	struct waiting w = { .t = t, .a = a, .for_one = (int)a[0] != -1, .options = (int)a[2] };
	int64_t r = wait_for_shown(&w);

	if (r > 0 && a[3] && !copy_out(t, a[3], &w.ru, sizeof w.ru))
		return -EFAULT;
	if (r > 0 && a[1] && !copy_out(t, a[1], &w.status, sizeof w.status))
		return -EFAULT;
	return r;
}

int64_t sys_waitid(struct kit_thread *t, const uint64_t *a)
{
	struct waiting w = {
		.t = t, .by_id = true, .a = a, .for_one = (int)a[0] != P_ALL, .options = (int)a[3]
	};
	int64_t r = wait_for_shown(&w);

	if (r > 0 && a[4] && !copy_out(t, a[4], &w.ru, sizeof w.ru))
		return -EFAULT;
	if (r > 0 && w.status)
		w.info.si_status = (int)((unsigned)w.status >> 8);
	/* The kernel writes these fields, whatever the result, and no others. */
	if (a[2] && !copy_out(t, a[2], &w.info, offsetof(siginfo_t, si_status) + sizeof(int)))
		return -EFAULT;
	return r < 0 ? r : 0;
}

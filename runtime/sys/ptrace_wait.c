/*
 * wait4 and waitid of a process that may trace others: which of the host's stops the guest is shown, and as what.
 * runtime/core/trace.h draws how an inexact stop becomes one of the traced thread's own.
 *
 * Only the tracer's own thread can resume: another one that finds the stop by waiting asks it (struct asked_stop).
 */
#include "lib/base/log.h"
#include "runtime/core/dumped.h"
#include "runtime/sys/ptrace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { STOPPED = 0x7f };

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

static bool ask_tracer(struct kit_thread *t, pid_t tid, int *status);

/* What the guest is told of a stop of tid; false: nothing, and the thread runs again. Asked twice it says the same. */
static bool show(struct kit_thread *t, pid_t tid, int *status)
{
	pid_t made;
	enum tracer_shown what = tracer_show(tid, status, &made);

	if (what == TRACER_NOT_OURS)
		return ask_tracer(t, tid, status);
	tracees_add(t, tid);
	if (made)
		tracees_add(t, made);
	return what == TRACER_SHOWN;
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
		kit_lock(&t->proc->list_lock);
		q = t->asked;
		if (q)
			t->asked = q->next;
		kit_unlock(&t->proc->list_lock);
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

	kit_lock(&p->list_lock);
	o = find_thread(p, tracer);
	at = o ? &o->asked : NULL;
	while (at && *at && *at != q)
		at = &(*at)->next;
	gone = !o || *at;
	if (o && *at)
		*at = q->next;
	kit_unlock(&p->list_lock);
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
	kit_lock(&t->proc->list_lock);
	o = find_thread(t->proc, tracer);
	if (o) {
		q.next = o->asked;
		o->asked = &q;
		o->answer = answer;
	}
	kit_unlock(&t->proc->list_lock);
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
		if (r > 0 && w->by_id)
			dumped_info(&w->info);
		else if (r > 0)
			w->status = dumped_status((pid_t)r, w->status);
		return r;
	}
}

int64_t sys_wait4(struct kit_thread *t, const uint64_t *a)
{
	struct waiting w = { .t = t, .a = a, .for_one = (int)a[0] != -1, .options = (int)a[2] };
	int64_t r = wait_for_shown(&w);

	if (r > 0 && a[1] && !copy_out(t, a[1], &w.status, sizeof w.status))
		return -EFAULT;
	if (r > 0 && a[3] && !copy_out(t, a[3], &w.ru, sizeof w.ru))
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

/* Processes and threads that are debugged: their stops become events; see gdb_priv.h. */
#include "lib/base/log.h"
#include "runtime/gdb/gdb_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENT_SHIFT = 16, SYSGOOD = 0x80, ATTACH_TURNS = 100 };

static const uint64_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK
				| PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE
				| PTRACE_O_TRACEEXEC;

/* ---- lists ------------------------------------------------------------------------------------------------------ */

struct gdb_process *gdb_find_process(const struct gdb *g, pid_t pid)
{
	struct gdb_process *p = g->procs;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

struct gdb_thread *gdb_find_thread(const struct gdb *g, pid_t tid)
{
	struct gdb_thread *t = g->threads;

	while (t && t->tid != tid)
		t = t->next;
	return t;
}

static struct gdb_process *add_process(struct gdb *g, pid_t pid)
{
	struct gdb_process *p = calloc(1, sizeof *p), **at = &g->procs;

	KIT_CHECK(p, "out of memory");
	p->pid = pid;
	p->memory = -1;
	while (*at)
		at = &(*at)->next;
	*at = p;
	return p;
}

/* At the end of the list: the oldest come first. */
static struct gdb_thread *add_thread(struct gdb *g, struct gdb_process *p, pid_t tid)
{
	struct gdb_thread *t = calloc(1, sizeof *t), **at = &g->threads;

	KIT_CHECK(t, "out of memory");
	t->tid = tid;
	t->proc = p;
	t->runs = true;
	while (*at)
		at = &(*at)->next;
	*at = t;
	return t;
}

static void remove_thread(struct gdb *g, struct gdb_thread *t)
{
	struct gdb_thread **at = &g->threads;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (g->general == t->tid)
		g->general = 0;
	free(t);
}

static void remove_process(struct gdb *g, struct gdb_process *p)
{
	struct gdb_process **at = &g->procs;
	struct gdb_thread *next;

	for (struct gdb_thread *t = g->threads; t; t = next) {
		next = t->next;
		if (t->proc == p)
			remove_thread(g, t);
	}
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	if (p->memory >= 0)
		close(p->memory);
	free(p);
}

static void add_end(struct gdb *g, pid_t pid, pid_t tid, int status)
{
	struct gdb_end *e = calloc(1, sizeof *e), **at = &g->ends;

	KIT_CHECK(e, "out of memory");
	*e = (struct gdb_end){ .pid = pid, .tid = tid, .status = status };
	while (*at)
		at = &(*at)->next;
	*at = e;
}

struct gdb_thread *gdb_general(const struct gdb *g, struct peer *p)
{
	struct gdb_thread *t = gdb_find_thread(g, g->general);

	if (!t || (t->runs && !t->in_vfork))
		return NULL;
	peer_find(p, t->tid);
	return p->kind == PEER_GUEST ? t : NULL;
}

/* ---- letting go and stopping ------------------------------------------------------------------------------------- */

/* A signal that the client sends along to a thread whose stop is for none. */
static void send_signal(const struct gdb_thread *t, const struct peer *p, int signo)
{
	if (signo && p->trace.stop != TRACE_SIGNAL && p->trace.stop != TRACE_CALL
	    && p->trace.stop != TRACE_CALL_END)
		syscall(SYS_tgkill, t->proc->pid, t->tid, signo);
}

void gdb_resume(struct gdb *g, struct gdb_thread *t, bool step, int signo)
{
	uint32_t orders = TRACE_ON | TRACE_SEIZED;
	struct peer p;

	if (t->runs)
		return;
	t->runs = true;
	t->steps = step;
	t->held = false;
	signo = signo ? signo : t->owed;
	t->shown = t->owed = 0;
	t->in_vfork = t->makes_vfork;
	t->makes_vfork = false;
	if (t->group_stop && !signo && host_ptrace(PTRACE_LISTEN, t->tid, 0, 0) == 0)
		return;
	t->group_stop = false;
	orders |= step ? TRACE_STEP : 0;
	orders |= t->proc->catches ? TRACE_CALLS : 0;
	peer_find(&p, t->tid);
	if (step && t->range_start < t->range_end) {
		orders |= TRACE_RANGE;
		p.trace.range_start = t->range_start;
		p.trace.range_end = t->range_end;
		peer_put(&p, range_start);
		peer_put(&p, range_end);
	}
	send_signal(t, &p, signo);
	tracer_resume(&p, PTRACE_CONT, orders, (uint64_t)signo);
}

static void stop_thread(struct gdb_thread *t)
{
	struct peer p;

	t->held = true;
	if (t->group_stop) {
		host_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
		return;
	}
	peer_find(&p, t->tid);
	if (p.kind == PEER_GUEST)
		tracer_hold(&p, SIGTRAP);
}

void gdb_stop_all(struct gdb *g)
{
	for (struct gdb_thread *t = g->threads; t; t = t->next)
		if (t->runs && !t->held && !t->in_vfork)
			stop_thread(t);
}

/* A process's first thread that has ended before the others stays, and never stops. */
static bool is_zombie(const struct gdb_thread *t)
{
	char name[64], text[256];
	const char *state = NULL;
	ssize_t n;
	int fd;

	snprintf(name, sizeof name, "/proc/%d/task/%d/stat", t->proc->pid, t->tid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	state = strrchr(text, ')');
	return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}

bool gdb_all_stand(struct gdb *g)
{
	for (const struct gdb_thread *t = g->threads; t; t = t->next)
		if (t->runs && !t->in_vfork && (t->tid != t->proc->pid || !is_zombie(t)))
			return false;
	return true;
}

/* ---- beginning and end -------------------------------------------------------------------------------------------- */

/* Traces what threads of the process are not traced yet. How many these were, or -errno. */
static int64_t attach_threads(struct gdb *g, struct gdb_process *proc)
{
	char name[32];
	int64_t n = 0, r = 0;
	struct dirent *e;
	DIR *d;

	snprintf(name, sizeof name, "/proc/%d/task", proc->pid);
	d = opendir(name);
	if (!d)
		return -ESRCH;
	while (r == 0 && (e = readdir(d))) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		struct peer p;

		if (tid <= 0 || gdb_find_thread(g, tid))
			continue;
		/* Host threads of kitemu's that are no guest's are not in the directory, but the first has to be. */
		if (tid == proc->pid)
			r = peer_find_guest(&p, tid);
		else
			peer_find(&p, tid);
		if (r < 0 || p.kind != PEER_GUEST)
			continue;
		r = tracer_seize(&p, options);
		if (r < 0) {
			/* The first may have ended before the others. */
			struct gdb_thread gone = { .tid = tid, .proc = proc };

			if (tid == proc->pid && is_zombie(&gone))
				r = 0;
			continue;
		}
		stop_thread(add_thread(g, proc, tid));
		n++;
	}
	closedir(d);
	return r < 0 ? r : n;
}

int64_t gdb_attach(struct gdb *g, pid_t pid, bool was_running)
{
	struct gdb_process *p = gdb_find_process(g, pid);
	int64_t n = 1;

	if (p && !p->leaves)
		return 0;
	if (!p)
		p = add_process(g, pid);
	p->leaves = false;
	p->was_running = was_running;
	/* Threads that untraced ones make meanwhile are found the next time. */
	for (int i = 0; n > 0 && i < ATTACH_TURNS; i++)
		n = attach_threads(g, p);
	if (n < 0) {
		remove_process(g, p);
		return n;
	}
	return 0;
}

/* clear: the breakpoints are its own. */
static void let_go(struct gdb *g, struct gdb_process *proc, bool clear)
{
	struct gdb_thread *next;
	struct peer p;

	for (struct gdb_thread *t = g->threads; t; t = next) {
		next = t->next;
		if (t->proc != proc)
			continue;
		/* It cannot be let go before it stops, which takes until it has its memory again. */
		proc->leaves |= t->runs;
		if (t->runs)
			continue;
		peer_find(&p, t->tid);
		if (clear && p.kind == PEER_GUEST)
			gdb_clear_points(&p);
		clear = clear && p.kind != PEER_GUEST;
		/* A point's own signal was never the guest's. */
		tracer_resume(&p, PTRACE_DETACH, 0, t->shown == SIGTRAP ? 0 : (uint64_t)t->shown);
		remove_thread(g, t);
	}
	if (!proc->leaves)
		remove_process(g, proc);
}

void gdb_detach(struct gdb *g, struct gdb_process *p) { let_go(g, p, true); }

static bool reap_one(struct gdb *g, int flags);

void gdb_kill(struct gdb *g, struct gdb_process *p)
{
	const pid_t pid = p->pid;

	p->leaves = true; /* nobody is told */
	kill(pid, SIGKILL);
	/* All its threads have to be waited for before the first one's end is told of. */
	while (gdb_find_process(g, pid) && reap_one(g, 0))
		continue;
}

/* ---- what a stop is ------------------------------------------------------------------------------------------------ */

static bool wants_call(const struct gdb_process *p, uint64_t nr)
{
	return p->catches_all || (nr < GDB_CALLS && p->call[nr / 8] >> nr % 8 & 1);
}

/* A stop before or behind a system call. */
static struct gdb_event call_event(const struct gdb_thread *t, const struct peer *p)
{
	struct gdb_event e = { EVENT_NONE };
	struct ir_state st;

	if (!t->proc->catches || !peer_state(p, &st) || !wants_call(t->proc, st.reg[17])) /* a7 */
		return e;
	e.kind = p->trace.stop == TRACE_CALL ? EVENT_CALL : EVENT_CALL_END;
	e.number = st.reg[17];
	return e;
}

static struct gdb_event signal_event(struct gdb *g, const struct gdb_thread *t,
				     const struct peer *p, int signo)
{
	struct gdb_event e = { .kind = EVENT_SIGNAL, .signo = signo };
	siginfo_t info = { 0 };
	struct ir_state st;

	if (signo != SIGTRAP || host_ptrace(PTRACE_GETSIGINFO, t->tid, 0, (uintptr_t)&info) < 0) {
		if (!t->steps && signo <= GDB_SIGNALS && g->pass >> (signo - 1) & 1)
			e.kind = EVENT_NONE;
		return e;
	}
	e.addr = (uintptr_t)info.si_addr;
	if (info.si_code == TRAP_TRACE)
		e.kind = EVENT_STEP;
	else if (info.si_code == TRAP_HWBKPT)
		e.kind = EVENT_WATCH;
	else if (info.si_code == TRAP_BRKPT && peer_state(p, &st) && gdb_break_is_at(p, st.pc)) {
		e.kind = EVENT_BREAK;
		e.addr = st.pc;
	}
	return e;
}

/* The message of an event is the thread's where the stop is its own. */
static uint64_t message_of(const struct peer *p)
{
	uint64_t message = 0;

	if (p->kind == PEER_GUEST && p->trace.stop)
		return p->trace.message;
	host_ptrace(PTRACE_GETEVENTMSG, p->tid, 0, (uintptr_t)&message);
	return message;
}

/* A new process: not told of before its parent's event is. */
static struct gdb_process *new_child(struct gdb *g, pid_t pid)
{
	struct gdb_process *p = add_process(g, pid);

	p->is_new = true;
	return p;
}

/* How a new program's process goes on: its other threads have ended, whoever of them executed it. */
static void new_program(struct gdb *g, struct gdb_thread *t)
{
	struct gdb_thread *next;

	for (struct gdb_thread *o = g->threads; o; o = next) {
		next = o->next;
		if (o->proc == t->proc && o != t)
			remove_thread(g, o);
	}
	if (t->proc->memory >= 0)
		close(t->proc->memory);
	t->proc->memory = -1;
}

static struct gdb_event host_event(struct gdb *g, struct gdb_thread *t, const struct peer *p,
				   int event)
{
	struct gdb_event e = { EVENT_NONE };
	struct gdb_thread *child;

	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_CLONE:
		e.number = message_of(p);
		child = gdb_find_thread(g, (pid_t)e.number);
		/* A thread of the same process tells of itself. */
		if (event == PTRACE_EVENT_FORK || (child && child->proc != t->proc))
			e.kind = EVENT_FORK;
		break;
	case PTRACE_EVENT_VFORK:
		e.kind = EVENT_VFORK;
		e.number = message_of(p);
		t->makes_vfork = true;
		break;
	case PTRACE_EVENT_VFORK_DONE:
		t->in_vfork = false;
		e.kind = g->vfork_events ? EVENT_VFORK_DONE : EVENT_NONE;
		break;
	case PTRACE_EVENT_EXEC:
		new_program(g, t);
		e.kind = g->exec_events ? EVENT_EXEC : EVENT_NONE;
		break;
	default:
		break;
	}
	return e;
}

static bool is_stop_signal(int signo)
{
	return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

/* A guest that executes a program of the host is one no more: that runs on by itself. */
static void let_foreign_go(struct gdb *g, struct gdb_thread *t, int signo)
{
	struct gdb_process *proc = t->proc;
	siginfo_t info = { 0 };

	if (host_ptrace(PTRACE_GETSIGINFO, t->tid, 0, (uintptr_t)&info) < 0 || trace_is_mark(&info)
	    || signo == SIGTRAP)
		signo = 0;
	host_ptrace(PTRACE_DETACH, t->tid, 0, (uint64_t)signo);
	KIT_LOG(gdb, "process %d executes a program of the host and is let go", proc->pid);
	add_end(g, proc->pid, 0, 0);
	remove_process(g, proc);
}

/* The thread that a stop is of, made if it is new; NULL: the server does not debug its process. */
static struct gdb_thread *thread_of_stop(struct gdb *g, const struct peer *p)
{
	struct gdb_thread *t = gdb_find_thread(g, p->tid);
	struct gdb_process *proc;

	if (t || p->kind != PEER_GUEST)
		return t;
	proc = gdb_find_process(g, p->tgid);
	/* Not a child of one that is debugged: a thread or child that was on its way when its process was let go. */
	if (!proc && (g->client < 0 || p->tid != p->tgid))
		return NULL;
	t = add_thread(g, proc ? proc : new_child(g, p->tgid), p->tid);
	/* A new thread goes on with the others. */
	t->resumed = proc && g->state != GDB_IDLE;
	if (g->thread_events && proc)
		t->event.kind = EVENT_BEGIN;
	return t;
}

static bool has_threads(const struct gdb *g, const struct gdb_process *p)
{
	for (const struct gdb_thread *t = g->threads; t; t = t->next)
		if (t->proc == p)
			return true;
	return false;
}

/* A process that was let go while some thread of it could not be. */
static bool is_leaving(struct gdb *g, struct gdb_thread *t, const struct peer *p)
{
	struct gdb_process *proc = t->proc;
	struct peer leaving = *p;

	if (!proc->leaves)
		return false;
	tracer_resume(&leaving, PTRACE_DETACH, 0, (uint64_t)t->shown);
	remove_thread(g, t);
	if (!has_threads(g, proc))
		remove_process(g, proc);
	return true;
}

static void stopped(struct gdb *g, pid_t tid, int status)
{
	const int event = (int)((unsigned)status >> EVENT_SHIFT), signo = WSTOPSIG(status);
	struct gdb_event e = { EVENT_NONE };
	struct gdb_thread *t;
	struct peer p;

	peer_find(&p, tid);
	t = thread_of_stop(g, &p);
	KIT_LOG(gdb, "stop of %d: status %#x, own %u", tid, (unsigned)status, p.trace.stop);
	if (!t) {
		tracer_resume(&p, PTRACE_DETACH, 0, 0);
		return;
	}
	if (p.kind != PEER_GUEST) {
		let_foreign_go(g, t, signo);
		return;
	}
	t->runs = t->held = t->group_stop = false;
	t->shown = t->owed = 0;
	if (event == PTRACE_EVENT_STOP) {
		t->group_stop = is_stop_signal(signo);
	} else if (event) {
		e = host_event(g, t, &p, event);
	} else if (p.trace.stop == TRACE_CALL || p.trace.stop == TRACE_CALL_END) {
		e = call_event(t, &p);
	} else {
		e = signal_event(g, t, &p, signo);
		t->shown = e.kind == EVENT_SIGNAL || e.kind == EVENT_NONE ? signo : 0;
		t->owed = e.kind == EVENT_NONE ? signo : 0;
	}
	if (is_leaving(g, t, &p))
		return;
	if (e.kind)
		t->event = e;
	if (t->event.kind || t->proc->is_new || g->state != GDB_RUNNING)
		return;
	gdb_resume(g, t, t->steps, 0);
}

/* ---- ends ------------------------------------------------------------------------------------------------------------ */

/* A child that was killed before its first stop: its parent's fork is not told of. */
static void note_stillborn(struct gdb *g, pid_t tid)
{
	g->stillborn[g->stillborn_count++ % GDB_STILLBORN] = tid;
}

static bool is_stillborn(const struct gdb *g, pid_t tid)
{
	for (unsigned i = 0; i < GDB_STILLBORN; i++)
		if (g->stillborn[i] == tid)
			return true;
	return false;
}

static void ended(struct gdb *g, pid_t tid, int status)
{
	struct gdb_thread *t = gdb_find_thread(g, tid);
	/* The first thread's end is the process's, whether or not it has been on the list until now. */
	struct gdb_process *p = gdb_find_process(g, tid);

	if (tid == g->first)
		g->first_gone = true;
	if (p) {
		if (!p->leaves && !p->is_new)
			add_end(g, p->pid, 0, status);
		remove_process(g, p);
		return;
	}
	if (!t) {
		note_stillborn(g, tid);
		return;
	}
	p = t->proc;
	if (g->thread_events)
		add_end(g, p->pid, tid, status);
	remove_thread(g, t);
	if (p->leaves && !has_threads(g, p))
		remove_process(g, p);
}

/* Takes in one piece of news. False: there is none. */
static bool reap_one(struct gdb *g, int flags)
{
	pid_t tid, made;
	int status;

	tid = waitpid(-1, &status, flags | __WALL);
	if (tid <= 0)
		return false;
	if (!WIFSTOPPED(status))
		ended(g, tid, status);
	else if (tracer_show(tid, &status, &made) == TRACER_SHOWN)
		stopped(g, tid, status);
	return true;
}

/* Forks that the client does not want to know of: the child goes, the parent goes on. */
static void settle_forks(struct gdb *g)
{
	for (struct gdb_thread *t = g->threads; t; t = t->next) {
		const enum gdb_event_kind kind = t->event.kind;
		const struct gdb_thread *child;

		if (kind != EVENT_FORK && kind != EVENT_VFORK)
			continue;
		child = gdb_find_thread(g, (pid_t)t->event.number);
		if (child
		    && (child->runs || (kind == EVENT_FORK ? g->fork_events : g->vfork_events)))
			continue;
		if (!child && !is_stillborn(g, (pid_t)t->event.number))
			continue;
		/* A vfork's child shares its parent's breakpoints. */
		if (child)
			let_go(g, child->proc, kind == EVENT_FORK);
		t->event.kind = EVENT_NONE;
		if (g->state == GDB_RUNNING && t->resumed)
			gdb_resume(g, t, t->steps, 0);
	}
}

void gdb_reap(struct gdb *g)
{
	while (reap_one(g, WNOHANG))
		continue;
	settle_forks(g);
}

bool gdb_wait_standing(struct gdb *g)
{
	enum { TURNS = 1000, TURN_MS = 10 };
	struct pollfd news = { .fd = g->signals, .events = POLLIN };
	struct signalfd_siginfo ignored;

	gdb_stop_all(g);
	for (int i = 0; i < TURNS; i++) {
		gdb_reap(g);
		if (gdb_all_stand(g))
			return true;
		gdb_stop_all(g); /* what came meanwhile */
		if (poll(&news, 1, TURN_MS) > 0 && read(g->signals, &ignored, sizeof ignored) < 0)
			continue;
	}
	return false;
}

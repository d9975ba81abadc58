/* Stop replies: which event the client is told of, and how. */
#include "lib/base/log.h"
#include "runtime/gdb/gdb_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	TARGET_TRAP = 5,
	TARGET_UNKNOWN = 143,
	REALTIME_FIRST = 32,
	EXPEDITED_SP = 2,
	EXPEDITED_PC = 32
};

/* include/gdb/signals.def: by the host's number, which is riscv64's too. */
static const uint8_t numbers[] = {
	[SIGHUP] = 1,   [SIGINT] = 2,    [SIGQUIT] = 3,  [SIGILL] = 4,   [SIGTRAP] = 5,
	[SIGABRT] = 6,  [SIGFPE] = 8,    [SIGKILL] = 9,  [SIGBUS] = 10,  [SIGSEGV] = 11,
	[SIGSYS] = 12,  [SIGPIPE] = 13,  [SIGALRM] = 14, [SIGTERM] = 15, [SIGURG] = 16,
	[SIGSTOP] = 17, [SIGTSTP] = 18,  [SIGCONT] = 19, [SIGCHLD] = 20, [SIGTTIN] = 21,
	[SIGTTOU] = 22, [SIGIO] = 23,    [SIGXCPU] = 24, [SIGXFSZ] = 25, [SIGVTALRM] = 26,
	[SIGPROF] = 27, [SIGWINCH] = 28, [SIGUSR1] = 30, [SIGUSR2] = 31, [SIGPWR] = 32,
};

unsigned gdb_signal(int signo)
{
	if (signo >= REALTIME_FIRST && signo <= GDB_SIGNALS)
		return signo == 32 ? 77 : signo == 64 ? 78 : (unsigned)signo + 12;
	if (signo <= 0 || (size_t)signo >= ARRAY_LEN(numbers))
		return 0;
	return numbers[signo] ? numbers[signo] : TARGET_UNKNOWN;
}

int gdb_host_signal(unsigned number)
{
	for (int signo = 1; number && number != TARGET_UNKNOWN && signo <= GDB_SIGNALS; signo++)
		if (gdb_signal(signo) == number)
			return signo;
	return 0;
}

void gdb_put_thread(struct gdb *g, pid_t pid, pid_t tid)
{
	if (g->multiprocess)
		strbuf_printf(&g->reply, "p%x.%x", (unsigned)pid, (unsigned)tid);
	else
		strbuf_printf(&g->reply, "%x", (unsigned)tid);
}

static void put_process(struct gdb *g, pid_t pid)
{
	if (g->multiprocess)
		strbuf_printf(&g->reply, ";process:%x", (unsigned)pid);
}

static void put_expedited(struct gdb *g, const struct peer *p, unsigned n)
{
	strbuf_printf(&g->reply, "%02x:", n);
	gdb_put_register(&g->reply, p, n);
	strbuf_putc(&g->reply, ';');
}

static void put_watch(struct gdb *g, const struct peer *p, gaddr addr)
{
	const uint32_t access = gdb_watch_at(p, addr);

	strbuf_printf(&g->reply, "%swatch:%llx;",
		      access == POINT_WRITE  ? ""
		      : access == POINT_READ ? "r"
					     : "a",
		      (unsigned long long)addr);
}

static void put_child(struct gdb *g, const char *how, uint64_t pid)
{
	strbuf_printf(&g->reply, "%s:", how);
	gdb_put_thread(g, (pid_t)pid, (pid_t)pid);
	strbuf_putc(&g->reply, ';');
}

/* What kind of stop it is, behind "Txx". */
static void put_reason(struct gdb *g, const struct gdb_thread *t, const struct peer *p)
{
	const struct gdb_event *e = &t->event;
	char path[PATH_MAX];
	ssize_t n;

	switch (e->kind) {
	case EVENT_NONE:
	case EVENT_SIGNAL:
	case EVENT_STEP:
		break;
	case EVENT_BREAK:
		strbuf_puts(&g->reply, "swbreak:;");
		break;
	case EVENT_WATCH:
		put_watch(g, p, e->addr);
		break;
	case EVENT_FORK:
		put_child(g, "fork", e->number);
		break;
	case EVENT_VFORK:
		put_child(g, "vfork", e->number);
		break;
	case EVENT_VFORK_DONE:
		strbuf_puts(&g->reply, "vforkdone:;");
		break;
	case EVENT_EXEC:
		n = gdb_exe_path(g, t->proc->pid, path, sizeof path);
		strbuf_puts(&g->reply, "exec:");
		packet_put_hex(&g->reply, path, n > 0 ? (size_t)n : 0);
		strbuf_putc(&g->reply, ';');
		break;
	case EVENT_CALL:
		if (t->proc->tells)
			break;
		strbuf_printf(&g->reply, "syscall_entry:%llx;", (unsigned long long)e->number);
		break;
	case EVENT_CALL_END:
		if (t->proc->tells)
			break;
		strbuf_printf(&g->reply, "syscall_return:%llx;", (unsigned long long)e->number);
		break;
	case EVENT_BEGIN:
		strbuf_puts(&g->reply, "create:;");
		break;
	}
}

/* A system call that the client does not know of. */
static bool is_told(const struct gdb_thread *t)
{
	return t->proc->tells && (t->event.kind == EVENT_CALL || t->event.kind == EVENT_CALL_END);
}

/* A child that the client is told of: with its parent's breakpoints in its memory it has the calls to catch, too. */
static void adopt(struct gdb_process *child, const struct gdb_process *parent)
{
	child->is_new = false;
	child->catches = parent->catches;
	child->catches_all = parent->catches_all;
	child->tells = parent->tells;
	memcpy(child->call, parent->call, sizeof child->call);
}

void gdb_put_stop(struct gdb *g, struct gdb_thread *t)
{
	unsigned number = TARGET_TRAP;
	struct peer p;

	peer_find(&p, t->tid);
	if (is_told(t))
		number = 0;
	if (t->event.kind == EVENT_SIGNAL)
		number = gdb_signal(t->event.signo);
	else if (t->event.kind == EVENT_NONE && t->shown)
		number = gdb_signal(t->shown);
	strbuf_printf(&g->reply, "T%02x", number);
	put_reason(g, t, &p);
	if (p.kind == PEER_GUEST) {
		put_expedited(g, &p, EXPEDITED_SP);
		put_expedited(g, &p, EXPEDITED_PC);
	}
	strbuf_puts(&g->reply, "thread:");
	gdb_put_thread(g, t->proc->pid, t->tid);
	strbuf_putc(&g->reply, ';');
	if (t->event.kind == EVENT_FORK || t->event.kind == EVENT_VFORK) {
		struct gdb_process *child = gdb_find_process(g, (pid_t)t->event.number);

		if (child)
			adopt(child, t->proc);
	}
	t->event.kind = EVENT_NONE;
	g->general = t->tid;
}

static void put_end(struct gdb *g, const struct gdb_end *e)
{
	const bool exited = WIFEXITED(e->status);
	const unsigned v =
	    exited ? (unsigned)WEXITSTATUS(e->status) : gdb_signal(WTERMSIG(e->status));

	if (e->tid) {
		strbuf_printf(&g->reply, "w%02x;", v);
		gdb_put_thread(g, e->pid, e->tid);
		return;
	}
	strbuf_printf(&g->reply, "%c%02x", exited ? 'W' : 'X', v);
	put_process(g, e->pid);
}

/* Whether the event still is one. */
static bool is_current(const struct gdb_thread *t)
{
	struct ir_state st;
	struct peer p;

	if (t->event.kind != EVENT_BREAK)
		return true;
	peer_find(&p, t->tid);
	return p.kind == PEER_GUEST && peer_state(&p, &st) && st.pc == t->event.addr
	       && gdb_break_is_at(&p, st.pc);
}

/* A fork is told of once the child stands still too. */
static bool is_complete(const struct gdb *g, const struct gdb_thread *t)
{
	const struct gdb_thread *child;

	if (t->event.kind != EVENT_FORK && t->event.kind != EVENT_VFORK)
		return true;
	child = gdb_find_thread(g, (pid_t)t->event.number);
	return child && !child->runs;
}

/* The thread whose event is next: one behind the last one told of, so that none is told of for ever. */
static struct gdb_thread *next_event(struct gdb *g)
{
	struct gdb_thread *first = NULL, *behind = NULL;
	bool past = false;

	for (struct gdb_thread *t = g->threads; t; t = t->next) {
		if (t->event.kind && t->resumed && !t->runs) {
			if (!is_current(t))
				t->event.kind = EVENT_NONE;
			else if (is_complete(g, t)) {
				first = first ? first : t;
				behind = past && !behind ? t : behind;
			}
		}
		past |= t->tid == g->general;
	}
	return behind ? behind : first;
}

bool gdb_has_event(struct gdb *g) { return g->ends || next_event(g); }

/* An interrupt is shown by the general thread, or another one of the process. */
static struct gdb_thread *interrupted_thread(struct gdb *g)
{
	struct gdb_thread *t = gdb_find_thread(g, g->general);

	return t && !t->runs ? t : g->threads;
}

static bool any_resumed(const struct gdb *g)
{
	for (const struct gdb_thread *t = g->threads; t; t = t->next)
		if (t->resumed)
			return true;
	return false;
}

bool gdb_report(struct gdb *g)
{
	struct gdb_thread *t = next_event(g);
	struct gdb_end *e = g->ends;

	if (e) {
		g->ends = e->next;
		put_end(g, e);
		free(e);
	} else if (t) {
		if (is_told(t))
			gdb_tell_call(g, t);
		gdb_put_stop(g, t);
	} else if (g->interrupted && (t = interrupted_thread(g))) {
		t->event = (struct gdb_event){ .kind = EVENT_SIGNAL, .signo = SIGINT };
		gdb_put_stop(g, t);
	} else if (g->no_resumed && !g->interrupted && !any_resumed(g)) {
		strbuf_putc(&g->reply, 'N');
	} else {
		return false;
	}
	g->interrupted = false;
	g->state = GDB_IDLE;
	for (t = g->threads; t; t = t->next)
		t->resumed = false;
	return true;
}

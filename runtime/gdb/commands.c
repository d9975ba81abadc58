/* The client's packets that are about threads, registers, memory and running; query.c has q and Q, file.c vFile. */
#include "runtime/gdb/gdb_priv.h"

#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MEMORY_MOST = PACKET_MOST / 2 - 16, ACTIONS_MOST = 64, ARGS_MOST = 256 };

void gdb_error(struct gdb *g, int64_t err)
{
	strbuf_printf(&g->reply, "E%02x", (unsigned)(err < 0 ? -err : err) & 0xff);
}

static void ok(struct gdb *g) { strbuf_puts(&g->reply, "OK"); }

static void result(struct gdb *g, int64_t r)
{
	if (r < 0)
		gdb_error(g, r);
	else
		ok(g);
}

/* A number, or -1 for "all". */
static bool get_id(const char **s, int64_t *id)
{
	uint64_t v;

	if (!strncmp(*s, "-1", 2)) {
		*s += 2;
		*id = -1;
		return true;
	}
	if (!packet_number(s, &v) || v > INT32_MAX)
		return false;
	*id = (int64_t)v;
	return true;
}

bool gdb_get_thread(const char **s, int64_t *pid, int64_t *tid)
{
	*pid = 0;
	if (**s != 'p')
		return get_id(s, tid);
	++*s;
	if (!get_id(s, pid))
		return false;
	*tid = -1;
	if (**s != '.')
		return true;
	++*s;
	return get_id(s, tid);
}

static bool matches(const struct gdb_thread *t, int64_t pid, int64_t tid)
{
	return (pid <= 0 || t->proc->pid == pid) && (tid <= 0 || t->tid == tid) && !t->proc->is_new
	       && !t->proc->leaves;
}

static struct gdb_thread *first_match(const struct gdb *g, int64_t pid, int64_t tid)
{
	struct gdb_thread *t = g->threads;

	while (t && !matches(t, pid, tid))
		t = t->next;
	return t;
}

/* ---- registers and memory ------------------------------------------------------------------------------------------- */

static int open_memory(struct gdb_process *p)
{
	char name[32];

	if (p->memory < 0) {
		snprintf(name, sizeof name, "/proc/%d/mem", p->pid);
		p->memory = open(name, O_RDWR | O_CLOEXEC);
	}
	return p->memory;
}

/* How much of [addr, addr + n) can be the guest's. */
static size_t inside(const struct peer *p, gaddr addr, size_t n)
{
	if (addr >= p->limit)
		return 0;
	return n < p->limit - addr ? n : (size_t)(p->limit - addr);
}

size_t gdb_read_memory(struct gdb *g, gaddr addr, void *to, size_t n)
{
	struct peer p;
	struct gdb_thread *t = gdb_general(g, &p);
	ssize_t done;

	if (!t || !inside(&p, addr, n) || open_memory(t->proc) < 0)
		return 0;
	done = pread(t->proc->memory, to, inside(&p, addr, n), (off_t)(addr + p.base));
	return done > 0 ? (size_t)done : 0;
}

bool gdb_write_memory(struct gdb *g, gaddr addr, const void *from, size_t n)
{
	struct peer p;
	struct gdb_thread *t = gdb_general(g, &p);

	if (!n)
		return true;
	return t && inside(&p, addr, n) == n && open_memory(t->proc) >= 0
	       && pwrite(t->proc->memory, from, n, (off_t)(addr + p.base)) == (ssize_t)n
	       && peer_note_change(&p, addr, n);
}

/* "addr,length" */
static bool get_range(const char **s, gaddr *addr, uint64_t *n)
{
	return packet_number(s, addr) && *(*s)++ == ',' && packet_number(s, n);
}

static void read_memory(struct gdb *g, const char *s)
{
	char buf[MEMORY_MOST];
	uint64_t addr, n;
	size_t got;

	if (!get_range(&s, &addr, &n)) {
		gdb_error(g, EINVAL);
		return;
	}
	got = gdb_read_memory(g, addr, buf, n < sizeof buf ? n : sizeof buf);
	if (n && !got)
		gdb_error(g, EFAULT);
	packet_put_hex(&g->reply, buf, got);
}

/* M has digits behind the colon, X the bytes themselves. */
static void write_memory(struct gdb *g, const char *s, bool hex)
{
	char buf[PACKET_MOST];
	const char *end = g->in.data + g->in.len;
	uint64_t addr, n;

	if (!get_range(&s, &addr, &n) || *s++ != ':' || n > sizeof buf
	    || (hex ? packet_get_hex(s, buf, n) : (size_t)(end - s)) != n)
		gdb_error(g, EINVAL);
	else
		result(g, gdb_write_memory(g, addr, hex ? buf : s, n) ? 0 : -EFAULT);
}

static void registers(struct gdb *g, const char *s)
{
	struct peer p;
	uint64_t n;
	bool done;

	if (!gdb_general(g, &p)) {
		gdb_error(g, ESRCH);
		return;
	}
	switch (*s++) {
	case 'g':
		done = gdb_put_registers(&g->reply, &p);
		break;
	case 'G':
		done = gdb_set_registers(&p, s);
		break;
	case 'p':
		done = packet_number(&s, &n) && n < PACKET_MOST
		       && gdb_put_register(&g->reply, &p, (unsigned)n);
		break;
	default: /* P */
		done = packet_number(&s, &n) && *s == '=' && n < PACKET_MOST
		       && gdb_set_register(&p, (unsigned)n, s + 1);
		break;
	}
	if (!done)
		gdb_error(g, EINVAL);
	else if (!g->reply.len)
		ok(g);
}

/* "type,addr,kind", perhaps with conditions behind it, which the client checks itself then. */
static void point(struct gdb *g, const char *s)
{
	const bool set = *s++ == 'Z';
	uint64_t type, addr, kind;
	struct peer p;
	int64_t r;

	if (!packet_number(&s, &type) || *s++ != ',' || !get_range(&s, &addr, &kind)) {
		gdb_error(g, EINVAL);
		return;
	}
	r = gdb_general(g, &p) ? gdb_set_point(&p, (unsigned)type, addr, kind, set) : -ESRCH;
	if (r != -ENOSYS)
		result(g, r);
}

static void select_thread(struct gdb *g, const char *s)
{
	const char what = *s++;
	struct gdb_thread *t;
	int64_t pid, tid;

	if (!gdb_get_thread(&s, &pid, &tid)) {
		gdb_error(g, EINVAL);
		return;
	}
	t = first_match(g, pid, tid);
	if (what == 'c') {
		g->continuing = t && tid > 0 ? t->tid : 0;
		ok(g);
	} else if (t && tid <= 0 && matches(t, pid, tid) && gdb_find_thread(g, g->general)
		   && matches(gdb_find_thread(g, g->general), pid, tid)) {
		ok(g); /* any: the one that it is */
	} else if (t) {
		g->general = t->tid;
		ok(g);
	} else {
		gdb_error(g, ESRCH);
	}
}

static void is_alive(struct gdb *g, const char *s)
{
	int64_t pid, tid;

	result(g, gdb_get_thread(&s, &pid, &tid) && first_match(g, pid, tid) ? 0 : -ESRCH);
}

/* ---- running --------------------------------------------------------------------------------------------------------- */

struct action {
	bool step;
	int signo;
	gaddr range_start, range_end; /* "r": steps as long as the pc is in there */
	int64_t pid, tid;
};

/* "c", "C05", "s", "S05", "r104,10a"; vCont puts ":thread" behind it. */
static bool get_action(const char **s, struct action *a)
{
	const char what = *(*s)++;
	uint64_t number;

	*a = (struct action){ .step = strchr("sSr", what) != NULL, .pid = -1, .tid = -1 };
	if (what == 'C' || what == 'S') {
		if (!packet_number(s, &number) || number > 0xff)
			return false;
		a->signo = gdb_host_signal((unsigned)number);
	} else if (what == 'r') {
		if (!get_range(s, &a->range_start, &a->range_end))
			return false;
	} else if (what != 'c' && what != 's') {
		return false;
	}
	if (**s != ':')
		return true;
	++*s;
	return gdb_get_thread(s, &a->pid, &a->tid);
}

/* The leftmost action that is for t; NULL: it stays. */
static const struct action *action_of(const struct action *a, unsigned count,
				      const struct gdb_thread *t)
{
	for (unsigned i = 0; i < count; i++)
		if (matches(t, a[i].pid, a[i].tid))
			return &a[i];
	return NULL;
}

static void run(struct gdb *g, const struct action *a, unsigned count)
{
	const struct action *mine;

	g->state = GDB_RUNNING;
	for (struct gdb_thread *t = g->threads; t; t = t->next)
		t->resumed = action_of(a, count, t) != NULL;
	/* What waits to be told is told first; the rest of the world has not moved. */
	if (gdb_has_event(g))
		return;
	for (struct gdb_thread *t = g->threads; t; t = t->next) {
		mine = action_of(a, count, t);
		if (mine && !t->runs && !t->event.kind) {
			t->range_start = mine->range_start;
			t->range_end = mine->range_end;
			gdb_resume(g, t, mine->step, mine->signo);
		}
	}
}

static void old_run(struct gdb *g, const char *s, bool *answers)
{
	struct action a[2];
	struct gdb_thread *t = gdb_find_thread(g, g->continuing ? g->continuing : g->general);
	const bool steps = *s == 's' || *s == 'S';

	/* An address to go on from is not what any client of today sends. */
	if (!get_action(&s, &a[0]) || *s || (!g->procs && !g->ends)) {
		gdb_error(g, EINVAL);
		return;
	}
	/* The step and the signal are one thread's; the others go on unless Hc says which one alone. */
	if (t && (steps || a[0].signo || g->continuing))
		a[0].tid = t->tid;
	a[1] = (struct action){ .pid = -1, .tid = -1 };
	run(g, a, g->continuing ? 1 : 2);
	*answers = false;
}

static void vcont(struct gdb *g, const char *s, bool *answers)
{
	struct action a[ACTIONS_MOST];
	unsigned count = 0;

	while (*s == ';') {
		s++;
		if (count == ACTIONS_MOST || !get_action(&s, &a[count++])) {
			gdb_error(g, EINVAL);
			return;
		}
	}
	if (*s || !count || (!g->procs && !g->ends)) {
		gdb_error(g, EINVAL);
		return;
	}
	run(g, a, count);
	*answers = false;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------ */

static void put_state(struct gdb *g)
{
	struct gdb_thread *t = gdb_find_thread(g, g->general);

	t = t ? t : first_match(g, 0, 0);
	if (!t) {
		strbuf_puts(&g->reply, "W00");
		return;
	}
	gdb_put_stop(g, t);
}

static void detach(struct gdb *g, const char *s)
{
	struct gdb_process *p = g->procs;
	uint64_t pid;

	if (*s == ';') {
		s++;
		p = packet_number(&s, &pid) ? gdb_find_process(g, (pid_t)pid) : NULL;
	}
	if (!p) {
		gdb_error(g, ESRCH);
		return;
	}
	gdb_detach(g, p);
	ok(g);
	/* Without an extended one the connection is the processes'. */
	if (!g->procs && !g->extended)
		g->session_end = true;
}

static void kill_one(struct gdb *g, const char *s)
{
	struct gdb_process *p = NULL;
	uint64_t pid;

	if (packet_number(&s, &pid))
		p = gdb_find_process(g, (pid_t)pid);
	if (p)
		gdb_kill(g, p);
	result(g, p ? 0 : -ESRCH);
}

static void kill_all(struct gdb *g, bool *answers)
{
	while (g->procs)
		gdb_kill(g, g->procs);
	g->session_end = !g->extended;
	*answers = false;
}

static void attach(struct gdb *g, const char *s)
{
	uint64_t pid;
	int64_t r = packet_number(&s, &pid) && pid && pid <= INT32_MAX
			? gdb_attach(g, (pid_t)pid, true)
			: -EINVAL;

	if (r < 0) {
		gdb_error(g, r);
		return;
	}
	gdb_wait_standing(g);
	g->general = (pid_t)pid;
	put_state(g);
}

/* ";file;arg;arg", in hexadecimal digits; no file: the one before. */
static void run_program(struct gdb *g, const char *s)
{
	char text[PACKET_MOST], *argv[ARGS_MOST + 1] = { NULL }, *to = text;
	unsigned count = 0;
	int64_t r;

	while (*s == ';' && count < ARGS_MOST) {
		size_t n = packet_get_hex(++s, to, sizeof text - (size_t)(to - text) - 1);

		argv[count++] = to;
		to[n] = 0;
		to += n + 1;
		s += 2 * n;
	}
	r = *s || !count || !*argv[0] ? -EINVAL : gdb_run_program(g, argv);
	if (r < 0)
		gdb_error(g, r);
	else
		put_state(g);
}

static bool has_prefix(const char **s, const char *prefix)
{
	const size_t n = strlen(prefix);

	if (strncmp(*s, prefix, n) != 0)
		return false;
	*s += n;
	return true;
}

static void v_command(struct gdb *g, const char *s, bool *answers)
{
	if (has_prefix(&s, "vCont?"))
		strbuf_puts(&g->reply, "vCont;c;C;s;S;r");
	else if (has_prefix(&s, "vCont"))
		vcont(g, s, answers);
	else if (has_prefix(&s, "vFile:"))
		gdb_file_command(g, s, (size_t)(g->in.data + g->in.len - s));
	else if (has_prefix(&s, "vKill;"))
		kill_one(g, s);
	else if (has_prefix(&s, "vAttach;"))
		attach(g, s);
	else if (has_prefix(&s, "vRun"))
		run_program(g, s);
}

void gdb_command(struct gdb *g, bool *answers)
{
	const char *s = g->in.data;

	switch (*s) {
	case '!':
		g->extended = true;
		ok(g);
		break;
	case '?':
		put_state(g);
		break;
	case 'D':
		detach(g, s + 1);
		break;
	case 'g':
	case 'G':
	case 'p':
	case 'P':
		registers(g, s);
		break;
	case 'm':
		read_memory(g, s + 1);
		break;
	case 'M':
	case 'X':
		write_memory(g, s + 1, *s == 'M');
		break;
	case 'H':
		select_thread(g, s + 1);
		break;
	case 'T':
		is_alive(g, s + 1);
		break;
	case 'Z':
	case 'z':
		point(g, s);
		break;
	case 'c':
	case 'C':
	case 's':
	case 'S':
		old_run(g, s, answers);
		break;
	case 'k':
		kill_all(g, answers);
		break;
	case 'q':
		gdb_query(g, s + 1);
		break;
	case 'Q':
		gdb_set_query(g, s + 1);
		break;
	case 'v':
		v_command(g, s, answers);
		break;
	default: /* an empty answer: not known here */
		break;
	}
}

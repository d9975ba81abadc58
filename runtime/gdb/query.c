/* The client's q and Q packets: what there is, and how it wants it. */
#include "runtime/gdb/gdb_priv.h"

#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIGINFO_BYTES = 128, LIST_MOST = PACKET_MOST - 64 };

static bool has_prefix(const char **s, const char *prefix)
{
	const size_t n = strlen(prefix);

	if (strncmp(*s, prefix, n) != 0)
		return false;
	*s += n;
	return true;
}

/* ---- what there is -------------------------------------------------------------------------------------------------- */

static const char features[] =
    "PacketSize=4000;QStartNoAckMode+;multiprocess+;vContSupported+;swbreak+;hwbreak+;"
    "fork-events+;vfork-events+;exec-events+;no-resumed+;QThreadEvents+;QCatchSyscalls+;"
    "QPassSignals+;QProgramSignals+;QNonStop-;QStartupWithShell+;QEnvironmentHexEncoded+;"
    "QEnvironmentReset+;QEnvironmentUnset+;QSetWorkingDir+;qXfer:features:read+;"
    "qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:siginfo:read+;qXfer:siginfo:write+;"
    "qXfer:threads:read+;qXfer:libraries-svr4:read+";

/* ":feature+;feature+": what the client can make use of. */
static void supported(struct gdb *g, const char *s)
{
	const struct {
		const char *name;
		bool *at;
	} rows[] = {
		{ "multiprocess+", &g->multiprocess }, { "fork-events+", &g->fork_events },
		{ "vfork-events+", &g->vfork_events }, { "exec-events+", &g->exec_events },
		{ "no-resumed+", &g->no_resumed },
	};

	while (*s == ':' || *s == ';') {
		const size_t n = strcspn(++s, ";");

		for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
			if (n == strlen(rows[i].name) && !strncmp(s, rows[i].name, n))
				*rows[i].at = true;
		s += n;
	}
	strbuf_puts(&g->reply, features);
}

static bool is_listed(const struct gdb_thread *t) { return !t->proc->is_new && !t->proc->leaves; }

/* From the thread g->list_next on as many as fit; 0 is the first. */
static void list_threads(struct gdb *g)
{
	const struct gdb_thread *t = g->list_next ? gdb_find_thread(g, g->list_next) : g->threads;

	for (; t && g->reply.len < LIST_MOST; t = t->next) {
		if (!is_listed(t))
			continue;
		strbuf_putc(&g->reply, g->reply.len ? ',' : 'm');
		gdb_put_thread(g, t->proc->pid, t->tid);
	}
	if (!g->reply.len)
		strbuf_putc(&g->reply, 'l');
	g->list_next = t ? t->tid : -1;
}

static void thread_name(const struct gdb_thread *t, char *name, size_t cap)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/comm", t->proc->pid, t->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, cap - 1);
		close(fd);
	}
	name[n > 0 ? n : 0] = 0;
	name[strcspn(name, "\n")] = 0;
}

static void extra_info(struct gdb *g, const char *s)
{
	const struct gdb_thread *t;
	int64_t pid, tid;
	char name[32];

	t = gdb_get_thread(&s, &pid, &tid) ? gdb_find_thread(g, (pid_t)tid) : NULL;
	if (!t) {
		gdb_error(g, ESRCH);
		return;
	}
	thread_name(t, name, sizeof name);
	packet_put_hex(&g->reply, name, strlen(name));
}

static void was_running(struct gdb *g, const char *s)
{
	const struct gdb_process *p = g->procs;
	uint64_t pid;

	if (*s == ':' && (s++, packet_number(&s, &pid)))
		p = gdb_find_process(g, (pid_t)pid);
	strbuf_putc(&g->reply, p && p->was_running ? '1' : '0');
}

/* ---- qXfer ----------------------------------------------------------------------------------------------------------- */

void gdb_put_xml(struct strbuf *out, const char *s)
{
	for (; *s; s++) {
		if (strchr("<>&\"'", *s) || *s < ' ')
			strbuf_printf(out, "&#%u;", (unsigned)(uint8_t)*s);
		else
			strbuf_putc(out, *s);
	}
}

static void put_threads(struct gdb *g, struct strbuf *out)
{
	struct strbuf reply = g->reply;
	char name[32];

	strbuf_puts(out, "<?xml version=\"1.0\"?><threads>");
	for (const struct gdb_thread *t = g->threads; t; t = t->next) {
		if (!is_listed(t))
			continue;
		strbuf_puts(out, "<thread id=\"");
		g->reply = *out;
		gdb_put_thread(g, t->proc->pid, t->tid);
		*out = g->reply;
		thread_name(t, name, sizeof name);
		strbuf_puts(out, "\" name=\"");
		gdb_put_xml(out, name);
		strbuf_puts(out, "\"/>");
	}
	strbuf_puts(out, "</threads>");
	g->reply = reply;
}

/* struct kit_process of the general thread. */
static bool read_process(struct gdb *g, const struct peer *p, struct kit_process *proc)
{
	uint64_t at;

	return peer_read(p, p->at + offsetof(struct kit_thread, proc), &at, sizeof at)
	       && peer_read(p, at, proc, sizeof *proc);
}

static int64_t put_auxv(struct gdb *g, struct strbuf *out)
{
	enum { AUXV_MOST = 4096 };
	struct kit_process proc;
	char buf[AUXV_MOST];
	struct peer p;
	size_t n;

	if (!gdb_general(g, &p) || !read_process(g, &p, &proc))
		return -ESRCH;
	n = (size_t)(proc.auxv_end - proc.auxv_start);
	n = gdb_read_memory(g, proc.auxv_start, buf, n < sizeof buf ? n : sizeof buf);
	strbuf_add(out, buf, n);
	return 0;
}

static int64_t put_libraries(struct gdb *g, struct strbuf *out)
{
	struct strbuf auxv = STRBUF_INIT;
	int64_t r = put_auxv(g, &auxv);

	if (r == 0)
		gdb_put_libraries(g, strbuf_str(&auxv), auxv.len, out);
	strbuf_fini(&auxv);
	return r;
}

ssize_t gdb_exe_path(const struct gdb *g, pid_t pid, char *path, size_t size_bytes)
{
	struct kit_process proc;
	char link[64];
	struct peer p;
	ssize_t n;

	peer_find(&p, pid);
	if (p.kind != PEER_GUEST || !read_process((struct gdb *)(uintptr_t)g, &p, &proc))
		return -ESRCH;
	snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, proc.exe_fd);
	n = readlink(link, path, size_bytes);
	return n < 0 ? -errno : n;
}

static int64_t put_exe(struct gdb *g, const char *annex, size_t annex_bytes, struct strbuf *out)
{
	const struct gdb_thread *t = gdb_find_thread(g, g->general);
	pid_t pid = t ? t->proc->pid : 0;
	char path[PATH_MAX];
	uint64_t v;
	ssize_t n;

	if (annex_bytes && packet_number(&annex, &v))
		pid = (pid_t)v;
	n = gdb_exe_path(g, pid, path, sizeof path);
	if (n < 0)
		return n;
	strbuf_add(out, path, (size_t)n);
	return 0;
}

static int64_t put_siginfo(struct gdb *g, struct strbuf *out)
{
	siginfo_t info = { 0 };
	struct peer p;
	int64_t r;

	_Static_assert(sizeof info == SIGINFO_BYTES, "riscv64's siginfo");
	if (!gdb_general(g, &p))
		return -ESRCH;
	r = host_ptrace(PTRACE_GETSIGINFO, p.tid, 0, (uintptr_t)&info);
	if (r == 0)
		strbuf_add(out, (const char *)&info, sizeof info);
	return r;
}

/* The whole of an object, of which a part will be sent. -ENOSYS: there is no such object. */
static int64_t object(struct gdb *g, const char *name, const char *annex, size_t annex_bytes,
		      struct strbuf *out)
{
	if (!strcmp(name, "features")) {
		if (strncmp(annex, gdb_target_name, annex_bytes) != 0)
			return -ENOENT;
		gdb_put_target(out);
		return 0;
	}
	if (!strcmp(name, "threads")) {
		put_threads(g, out);
		return 0;
	}
	if (!strcmp(name, "auxv"))
		return put_auxv(g, out);
	if (!strcmp(name, "exec-file"))
		return put_exe(g, annex, annex_bytes, out);
	if (!strcmp(name, "siginfo"))
		return put_siginfo(g, out);
	if (!strcmp(name, "libraries-svr4"))
		return put_libraries(g, out);
	return -ENOSYS;
}

static int64_t write_siginfo(struct gdb *g, uint64_t at, const char *data, size_t n)
{
	siginfo_t info;
	struct peer p;
	int64_t r;

	if (!gdb_general(g, &p))
		return -ESRCH;
	r = host_ptrace(PTRACE_GETSIGINFO, p.tid, 0, (uintptr_t)&info);
	if (r < 0 || at > sizeof info || n > sizeof info - at)
		return r < 0 ? r : -EINVAL;
	memcpy((char *)&info + at, data, n);
	r = host_ptrace(PTRACE_SETSIGINFO, p.tid, 0, (uintptr_t)&info);
	return r < 0 ? r : (int64_t)n;
}

/* "object:read:annex:offset,length" or "object:write:annex:offset:data" */
static void transfer(struct gdb *g, const char *s)
{
	struct strbuf whole = STRBUF_INIT;
	char name[32] = "";
	const char *annex;
	const size_t n = strcspn(s, ":");
	uint64_t at, most;
	bool reads;
	int64_t r;

	if (n < sizeof name)
		memcpy(name, s, n);
	s += n;
	reads = has_prefix(&s, ":read:");
	if (!reads && !has_prefix(&s, ":write:"))
		return;
	annex = s;
	s += strcspn(s, ":");
	r = *s++ == ':' && packet_number(&s, &at) ? 0 : -EINVAL;
	if (r == 0 && !reads) {
		r = *s++ != ':' || strcmp(name, "siginfo") != 0
			? -ENOSYS
			: write_siginfo(g, at, s, (size_t)(g->in.data + g->in.len - s));
		if (r >= 0)
			strbuf_printf(&g->reply, "%llx", (unsigned long long)r);
	} else if (r == 0) {
		r = *s++ == ',' && packet_number(&s, &most)
			? object(g, name, annex, strcspn(annex, ":"), &whole)
			: -EINVAL;
	}
	if (r < 0 && r != -ENOSYS) {
		gdb_error(g, r);
	} else if (r >= 0 && reads) {
		at = at < whole.len ? at : whole.len;
		most = most < LIST_MOST / 2 ? most : LIST_MOST / 2;
		strbuf_putc(&g->reply, whole.len - at > most ? 'm' : 'l');
		strbuf_add(&g->reply, strbuf_str(&whole) + at,
			   whole.len - at < most ? whole.len - at : most);
	}
	strbuf_fini(&whole);
}

void gdb_query(struct gdb *g, const char *s)
{
	const struct gdb_thread *t;

	if (has_prefix(&s, "Supported")) {
		supported(g, s);
	} else if (has_prefix(&s, "fThreadInfo")) {
		g->list_next = 0;
		list_threads(g);
	} else if (has_prefix(&s, "sThreadInfo")) {
		list_threads(g);
	} else if (has_prefix(&s, "ThreadExtraInfo,")) {
		extra_info(g, s);
	} else if (has_prefix(&s, "Attached")) {
		was_running(g, s);
	} else if (has_prefix(&s, "Xfer:")) {
		transfer(g, s);
	} else if (has_prefix(&s, "Rcmd,")) {
		gdb_monitor(g, s);
	} else if (has_prefix(&s, "Symbol:")) {
		strbuf_puts(&g->reply, "OK");
	} else if (!strcmp(s, "C")) {
		t = gdb_find_thread(g, g->general);
		if (t) {
			strbuf_puts(&g->reply, "QC");
			gdb_put_thread(g, t->proc->pid, t->tid);
		}
	}
}

/* ---- how the client wants it ------------------------------------------------------------------------------------------ */

static bool pass_signals(struct gdb *g, const char *s)
{
	uint64_t pass = 0, number;

	while (*s) {
		int signo;

		if (!packet_number(&s, &number))
			return false;
		signo = gdb_host_signal((unsigned)number);
		pass |= signo ? UINT64_C(1) << (signo - 1) : 0;
		if (*s == ';')
			s++;
		else if (*s)
			return false;
	}
	g->pass = pass;
	return true;
}

/* "0", "1" for all calls, or "1;number;number". */
static bool catch_calls(struct gdb *g, const char *s)
{
	const struct gdb_thread *t = gdb_find_thread(g, g->general);
	struct gdb_process *p = t ? t->proc : NULL;
	const bool on = *s == '1';
	uint64_t nr;

	if (!p || (*s != '0' && *s != '1'))
		return false;
	memset(p->call, 0, sizeof p->call);
	p->catches = on;
	p->tells = false;
	p->catches_all = on && !s[1];
	for (s++; *s == ';';) {
		s++;
		if (!packet_number(&s, &nr))
			return false;
		if (nr < GDB_CALLS)
			p->call[nr / 8] |= (uint8_t)(1u << nr % 8);
	}
	return !*s;
}

/* Variables of programs that vRun starts: added or replaced, or, with "=" missing, taken away. */
static void set_variable(struct gdb *g, const char *text)
{
	const size_t name = strcspn(text, "=");
	size_t n = 0, kept = 0;

	while (g->run_env && g->run_env[n])
		n++;
	for (size_t i = 0; i < n; i++)
		if (strncmp(g->run_env[i], text, name) != 0 || g->run_env[i][name] != '=')
			g->run_env[kept++] = g->run_env[i];
	g->run_env = realloc(g->run_env, (kept + 2) * sizeof *g->run_env);
	KIT_CHECK(g->run_env, "out of memory");
	if (text[name])
		g->run_env[kept++] = strdup(text);
	g->run_env[kept] = NULL;
}

static void reset_environment(struct gdb *g)
{
	free(g->run_env);
	g->run_env = NULL;
	for (char **e = environ; *e; e++)
		set_variable(g, *e);
}

static bool environment(struct gdb *g, const char *s, bool is_set)
{
	char text[PACKET_MOST];
	size_t n = packet_get_hex(s, text, sizeof text - 1);

	text[n] = 0;
	if (!n || (strchr(text, '=') != NULL) != is_set)
		return false;
	if (!g->run_env)
		reset_environment(g);
	set_variable(g, text);
	return true;
}

static void set_folder(struct gdb *g, const char *s)
{
	char text[PACKET_MOST];
	size_t n = packet_get_hex(s, text, sizeof text - 1);

	text[n] = 0;
	free(g->run_dir);
	g->run_dir = n ? strdup(text) : NULL;
}

void gdb_set_query(struct gdb *g, const char *s)
{
	bool good = true;

	if (has_prefix(&s, "StartNoAckMode"))
		g->no_ack = true;
	else if (has_prefix(&s, "PassSignals:"))
		good = pass_signals(g, s);
	else if (has_prefix(&s, "CatchSyscalls:"))
		good = catch_calls(g, s);
	else if (has_prefix(&s, "ThreadEvents:"))
		g->thread_events = *s == '1';
	else if (has_prefix(&s, "NonStop:"))
		good = *s == '0';
	else if (has_prefix(&s, "EnvironmentHexEncoded:"))
		good = environment(g, s, true);
	else if (has_prefix(&s, "EnvironmentUnset:"))
		good = environment(g, s, false);
	else if (has_prefix(&s, "EnvironmentReset"))
		reset_environment(g);
	else if (has_prefix(&s, "SetWorkingDir:"))
		set_folder(g, s);
	else if (!has_prefix(&s, "ProgramSignals:") && !has_prefix(&s, "StartupWithShell:")
		 && !has_prefix(&s, "DisableRandomization:"))
		return;
	if (good)
		strbuf_puts(&g->reply, "OK");
	else
		gdb_error(g, EINVAL);
}

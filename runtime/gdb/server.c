/* The server's process, its socket and its loop; see gdb.h. */
#include "runtime/gdb/gdb_priv.h"

#include "lib/base/log.h"
#include "runtime/sys/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOPPING_MS = 50, FIRST_POLL_MS = 200, READ_BYTES = 4096, SEND_TIMEOUT_S = 10 };

/* ---- where --------------------------------------------------------------------------------------------------------- */

struct where {
	char host[256], port[32];
	char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": a port */
	bool runs_on;                                         /* suspend=n */
};

static bool bad_where(struct diag *d, const char *s)
{
	return diag_fail(d, KIT_EXIT_INTERNAL,
			 "--gdb: '%s' is not [HOST:]PORT or unix:PATH, with ,suspend=n behind it "
			 "perhaps",
			 s);
}

static bool parse_where(const char *s, struct where *w, struct diag *d)
{
	static const char local[] = "127.0.0.1", unix_prefix[] = "unix:";
	const char *comma = strrchr(s, ','), *colon;
	size_t n = strlen(s), prefix;
	char *end;

	memset(w, 0, sizeof *w);
	if (comma && !strncmp(comma, ",suspend=", 9)) {
		if (strcmp(comma + 9, "n") != 0 && strcmp(comma + 9, "y") != 0)
			return bad_where(d, s);
		w->runs_on = comma[9] == 'n';
		n = (size_t)(comma - s);
	}
	/* qemu takes a path for a path without being told. */
	prefix = strncmp(s, unix_prefix, sizeof unix_prefix - 1) ? 0 : sizeof unix_prefix - 1;
	if (prefix || memchr(s, '/', n)) {
		if (n == prefix)
			return bad_where(d, s);
		if (n - prefix >= sizeof w->path)
			return diag_fail(d, KIT_EXIT_INTERNAL,
					 "--gdb: '%s': the path of a socket has %zu bytes at most",
					 s, sizeof w->path - 1);
		memcpy(w->path, s + prefix, n - prefix);
		return true;
	}
	colon = memrchr(s, ':', n);
	if (colon && (size_t)(colon - s) < sizeof w->host && colon > s)
		memcpy(w->host, s, (size_t)(colon - s));
	else
		memcpy(w->host, local, sizeof local);
	n -= colon ? (size_t)(colon + 1 - s) : 0;
	if (!n || n >= sizeof w->port)
		return bad_where(d, s);
	memcpy(w->port, colon ? colon + 1 : s, n);
	if (strtoul(w->port, &end, 10) > UINT16_MAX || *end || *w->port == '-')
		return bad_where(d, s);
	return true;
}

static bool cannot_listen(struct diag *d, const char *where, int fd)
{
	diag_fail(d, KIT_EXIT_INTERNAL, "--gdb: cannot listen on %s: %s", where, strerror(errno));
	if (fd >= 0)
		close(fd);
	return false;
}

static int listen_unix(const struct where *w, struct diag *d)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat old;

	memcpy(a.sun_path, w->path, sizeof a.sun_path);
	if (lstat(w->path, &old) == 0 && S_ISSOCK(old.st_mode))
		unlink(w->path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1) < 0) {
		cannot_listen(d, w->path, fd);
		return -1;
	}
	return fd;
}

/* The port is at one place in both. */
union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
	       "sin_port");

/* Which port it has become, where the user left that to the kernel. */
static void tell_port(int fd)
{
	union address a;
	socklen_t n = sizeof a;

	if (getsockname(fd, &a.any, &n) == 0)
		kit_log_write("kitemu: gdb may connect to port %u", ntohs(a.v4.sin_port));
}

/* Numeric addresses only: libc's resolver has no place in a static program. */
static bool get_address(const struct where *w, union address *a)
{
	const size_t n = strlen(w->host);
	char inner[sizeof w->host] = "";

	memset(a, 0, sizeof *a);
	if (*w->host == '[' && w->host[n - 1] == ']') {
		memcpy(inner, w->host + 1, n - 2);
		a->v6.sin6_family = AF_INET6;
		if (inet_pton(AF_INET6, inner, &a->v6.sin6_addr) != 1)
			return false;
	} else {
		a->v4.sin_family = AF_INET;
		if (!strcmp(w->host, "localhost"))
			a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		else if (inet_pton(AF_INET, w->host, &a->v4.sin_addr) != 1)
			return false;
	}
	a->v4.sin_port = htons((uint16_t)strtoul(w->port, NULL, 10));
	return true;
}

static int listen_port(const struct where *w, struct diag *d)
{
	const int on = 1;
	union address a;
	int fd;

	if (!get_address(w, &a)) {
		diag_fail(d, KIT_EXIT_INTERNAL,
			  "--gdb: '%s' is no numeric address: 0.0.0.0 or [::] lets every host in",
			  w->host);
		return -1;
	}
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, &a.any, a.any.sa_family == AF_INET ? sizeof a.v4 : sizeof a.v6) < 0
	    || listen(fd, 1) < 0) {
		cannot_listen(d, w->port, fd);
		return -1;
	}
	if (!a.v4.sin_port)
		tell_port(fd);
	return fd;
}

static int listen_at(const struct where *w, struct diag *d)
{
	return *w->path ? listen_unix(w, d) : listen_port(w, d);
}

/* ---- the client ---------------------------------------------------------------------------------------------------- */

static void set_client(struct gdb *g, int fd)
{
	const struct timeval most = { .tv_sec = SEND_TIMEOUT_S };
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
	g->client = fd;
	g->served = true;
	g->in.state = READ_OUTSIDE;
	g->no_ack = g->multiprocess = g->extended = g->fork_events = g->vfork_events = false;
	g->exec_events = g->no_resumed = g->thread_events = g->interrupted = false;
	g->pass = 0;
	g->file_root = 0;
}

static void send_bytes(struct gdb *g, const char *s, size_t n)
{
	while (n && g->client >= 0) {
		ssize_t done = send(g->client, s, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			g->session_end = true;
			return;
		}
		s += done;
		n -= (size_t)done;
	}
}

/* Sends what is in g->reply. */
static void send_reply(struct gdb *g)
{
	KIT_LOG(gdb, "<- %.200s", strbuf_str(&g->reply));
	g->last.len = 0;
	packet_put(&g->last, strbuf_str(&g->reply), g->reply.len);
	g->reply.len = 0;
	send_bytes(g, g->last.s, g->last.len);
}

void gdb_console(struct gdb *g, const char *text)
{
	strbuf_putc(&g->reply, 'O');
	packet_put_hex(&g->reply, text, strlen(text));
	send_reply(g);
}

static void take_packet(struct gdb *g)
{
	bool answers = true;

	KIT_LOG(gdb, "-> %.200s", g->in.data);
	if (!g->no_ack)
		send_bytes(g, "+", 1);
	gdb_command(g, &answers);
	if (answers)
		send_reply(g);
}

static void take_byte(struct gdb *g, uint8_t c)
{
	switch (packet_take(&g->in, c)) {
	case PACKET_WHOLE:
		take_packet(g);
		break;
	case PACKET_BAD:
		if (!g->no_ack)
			send_bytes(g, "-", 1);
		break;
	case PACKET_INTERRUPT:
		g->interrupted = g->state != GDB_IDLE;
		break;
	case PACKET_NAK:
		if (!g->no_ack)
			send_bytes(g, g->last.s, g->last.len);
		break;
	case PACKET_ACK:
	case PACKET_NOTHING:
		break;
	}
}

static void read_client(struct gdb *g)
{
	char buf[READ_BYTES];
	ssize_t n = read(g->client, buf, sizeof buf);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		g->session_end = true;
		return;
	}
	for (ssize_t i = 0; i < n && !g->session_end; i++)
		take_byte(g, (uint8_t)buf[i]);
}

/* What server and guest say to each other before the first instruction. */
struct hello {
	int32_t pid;
	int32_t err; /* of tracing; 0: none */
};

static bool say(int fd, struct hello h) { return send(fd, &h, sizeof h, MSG_NOSIGNAL) == sizeof h; }

static bool hear(int fd, struct hello *h)
{
	ssize_t n;

	/* The signals that a tracer's requests are made of come in here, too. */
	do
		n = read(fd, h, sizeof *h);
	while (n < 0 && errno == EINTR);
	return n == sizeof *h;
}

/* The guest that waits for the first client runs into its stop. */
static void let_begin(struct gdb *g)
{
	if (g->waiting < 0)
		return;
	say(g->waiting, (struct hello){ 0 });
	close(g->waiting);
	g->waiting = -1;
}

/* A client has come: all that there is stands still for it. */
static void accept_client(struct gdb *g)
{
	int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	set_client(g, fd);
	if (g->first && !g->first_gone && gdb_attach(g, g->first, g->waiting < 0) < 0)
		KIT_LOG(gdb, "process %d cannot be traced", g->first);
	let_begin(g);
	gdb_wait_standing(g);
	g->state = GDB_IDLE;
	g->general = g->threads ? g->threads->tid : 0;
}

static void end_session(struct gdb *g)
{
	struct gdb_process *next;
	struct gdb_end *e;

	gdb_wait_standing(g);
	for (struct gdb_process *p = g->procs; p; p = next) {
		next = p->next;
		if (!p->leaves)
			gdb_detach(g, p);
	}
	while ((e = g->ends)) {
		g->ends = e->next;
		free(e);
	}
	gdb_files_close(g);
	if (g->client >= 0)
		close(g->client);
	g->client = -1;
	g->session_end = false;
	g->state = GDB_IDLE;
}

/* ---- the loop ------------------------------------------------------------------------------------------------------ */

static bool any_runs(const struct gdb *g)
{
	for (const struct gdb_thread *t = g->threads; t; t = t->next)
		if (t->runs)
			return true;
	return false;
}

/* What was let go by the client, and stopped for an event that is none any more, goes on. */
static void go_on(struct gdb *g)
{
	g->state = GDB_RUNNING;
	for (struct gdb_thread *t = g->threads; t; t = t->next)
		if (t->resumed && !t->runs && !t->event.kind)
			gdb_resume(g, t, t->steps, 0);
}

static void advance(struct gdb *g)
{
	if (g->state == GDB_RUNNING && (g->interrupted || gdb_has_event(g) || !any_runs(g))) {
		g->state = GDB_STOPPING;
		gdb_stop_all(g);
	}
	if (g->state != GDB_STOPPING)
		return;
	if (!gdb_all_stand(g)) {
		gdb_stop_all(g); /* what came meanwhile */
		return;
	}
	if (gdb_report(g))
		send_reply(g);
	else if (any_runs(g) || g->threads)
		go_on(g);
	else
		g->session_end =
		    true; /* nothing will ever happen, and this client cannot be told */
}

/* True when there is nothing left to serve. */
static bool is_over(const struct gdb *g)
{
	if (g->client >= 0)
		return false;
	if (g->foreground && !g->first)
		return g->served;
	return (g->foreground && g->served) || (g->first_gone && !g->procs);
}

/* The first process may end while it is not traced: then it is another's child. */
static void look_after_first(struct gdb *g)
{
	if (g->first && !g->first_gone && !g->procs && kill(g->first, 0) < 0 && errno == ESRCH)
		g->first_gone = true;
}

static void serve(struct gdb *g)
{
	struct signalfd_siginfo ignored;

	while (!is_over(g)) {
		/* While threads are about to stop the client waits: what it says then is read later. */
		struct pollfd fd[] = {
			{ .fd = g->signals, .events = POLLIN },
			{ .fd = g->client >= 0 ? -1 : g->listener, .events = POLLIN },
			{ .fd = g->state == GDB_STOPPING ? -1 : g->client, .events = POLLIN },
		};
		const int ms = g->state == GDB_STOPPING ? STOPPING_MS
			       : g->client >= 0         ? -1
							: FIRST_POLL_MS;

		poll(fd, ARRAY_LEN(fd), ms);
		while (read(g->signals, &ignored, sizeof ignored) > 0)
			continue;
		gdb_reap(g);
		if (fd[1].revents)
			accept_client(g);
		if (fd[2].revents && g->client >= 0)
			read_client(g);
		if (!g->session_end)
			advance(g);
		if (g->session_end)
			end_session(g);
		look_after_first(g);
	}
}

/* From now on this process is a server: no signal ends it, and its own faults are its own. */
static void become_server(struct gdb *g)
{
	sigset_t all;

	for (int sig = SIGSEGV; sig; sig = sig == SIGSEGV ? SIGBUS : 0)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigfillset(&all);
	if (g->foreground) { /* Ctrl-C ends it */
		sigemptyset(&all);
		sigaddset(&all, SIGCHLD);
	}
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	g->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	KIT_CHECK(g->signals >= 0, "no descriptor is left for gdb's server");
	for (unsigned i = 0; i < GDB_FILES; i++)
		g->file[i] = -1;
}

/* ---- beside a guest ------------------------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void close_between(int first, int last)
{
	if (first <= last && syscall(SYS_close_range, first, last, 0) < 0)
		for (int fd = first; fd <= last && fd < 1 << 16; fd++)
			close(fd);
}

/* Keeps of its parent's descriptors no more than it needs, in ascending order, -1 for none: others may wait for their end. */
static void keep_only(const int *keep, unsigned count)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int next = STDIN_FILENO;

	for (unsigned i = 0; i < count; i++) {
		for (; keep[i] >= 0 && next <= STDERR_FILENO && next < keep[i]; next++)
			dup2(null, next);
		close_between(next, keep[i] - 1);
		next = keep[i] < next ? next : keep[i] + 1;
	}
	for (; next <= STDERR_FILENO; next++)
		dup2(null, next);
	close_between(next, INT_MAX);
}

/*
 * Whether ptrace works here, without a trace of it: a process that waits for its debugger can be ended by Ctrl-C as long as
 * nobody traces it.
 */
static int64_t may_trace(pid_t first)
{
	struct peer p;
	int64_t r = host_ptrace(PTRACE_CONT, first, 0, 0);

	if (r != -ESRCH) /* "not traced by you" */
		return r < 0 ? r : -EPERM;
	peer_find(&p, first);
	return p.kind == PEER_GUEST ? 0 : -EPERM;
}

static _Noreturn void server_main(const struct where *w, const struct kit_options *opt, pid_t first,
				  int listener, int pair)
{
	struct gdb g = {
		.opt = opt, .listener = listener, .client = -1, .first = first, .waiting = -1
	};
	struct hello h = { .pid = getpid() };
	int keep[] = { listener, pair, kit_log_mask ? sys_log_fd() : -1 };

	setsid();
	kit_set_self(NULL);
	qsort(keep, ARRAY_LEN(keep), sizeof *keep, by_number);
	keep_only(keep, ARRAY_LEN(keep));
	become_server(&g);
	/* It may be traced from then on, and waits: for the answer, or for the first client too. */
	h.err = say(pair, h) && hear(pair, &h) ? (int32_t)-may_trace(first) : ESRCH;
	g.waiting = w->runs_on ? -1 : pair;
	if (!say(pair, h))
		h.err = ESRCH;
	if (w->runs_on)
		close(pair);
	if (!h.err)
		serve(&g);
	if (*w->path)
		unlink(w->path);
	_exit(0);
}

static bool cannot_trace(struct diag *d, int err)
{
	return diag_fail(
	    d, KIT_EXIT_INTERNAL,
	    "--gdb: ptrace is not allowed here (%s): containers need --cap-add=SYS_PTRACE "
	    "or a newer seccomp profile",
	    strerror(err));
}

/* The guest's side. */
static bool meet_server(int fd, bool waits, struct diag *d)
{
	struct hello h;

	if (!hear(fd, &h))
		return diag_fail(d, KIT_EXIT_INTERNAL, "--gdb: the server did not start");
	/* Where ptrace is for ancestors alone (Yama). */
	prctl(PR_SET_PTRACER, (unsigned long)h.pid, 0, 0, 0);
	if (!say(fd, h) || !hear(fd, &h))
		return diag_fail(d, KIT_EXIT_INTERNAL, "--gdb: the server has ended");
	if (h.err)
		return cannot_trace(d, h.err);
	if (waits)
		hear(fd, &h);
	return true;
}

/* Forks twice: the server is no child of this process, whose guest may wait for all it has; nor does it get a SIGCHLD. */
static bool start_server(struct kit_thread *t, const struct where *w, int listener, int pair[2])
{
	const pid_t first = getpid();
	pid_t middle = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);

	if (middle == 0) {
		if (fork() == 0)
			server_main(w, &t->proc->opt, first, listener, pair[1]);
		_exit(0);
	}
	return middle > 0 && waitpid(middle, NULL, __WALL) == middle;
}

/* From here on somebody removes the socket, whatever becomes of this process. pair[0] is the guest's end. */
static bool listen_and_start(struct kit_thread *t, const struct where *w, int pair[2],
			     struct diag *d)
{
	const int listener = listen_at(w, d);
	bool ok;

	if (listener < 0)
		return false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return cannot_listen(d, t->proc->opt.gdb, listener);
	ok = start_server(t, w, listener, pair);
	if (!ok)
		diag_fail(d, KIT_EXIT_INTERNAL, "--gdb: fork: %s", strerror(errno));
	close(listener);
	close(pair[1]);
	if (!ok)
		close(pair[0]);
	return ok;
}

bool gdb_start(struct kit_thread *t, struct diag *d)
{
	const struct kit_options *opt = &t->proc->opt;
	struct where w;
	sigset_t all, old;
	int pair[2];
	bool ok;

	if (opt->gdb_pair) {
		ok = meet_server(opt->gdb_pair - 1, false, d);
		close(opt->gdb_pair - 1);
		return ok;
	}
	if (!parse_where(opt->gdb, &w, d))
		return false;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	ok = listen_and_start(t, &w, pair, d);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (!ok)
		return false;
	ok = meet_server(pair[0], !w.runs_on, d);
	close(pair[0]);
	return ok;
}

/* ---- alone --------------------------------------------------------------------------------------------------------- */

int gdb_serve(const struct kit_options *opt, pid_t attach,
	      int (*run)(const struct kit_options *opt, char **argv, char **envp), struct diag *d)
{
	struct gdb g = {
		.opt = opt,
		.client = -1,
		.run = run,
		.first = attach,
		.foreground = true,
		.waiting = -1,
	};
	struct where w;
	struct peer p;
	int64_t r;

	if (!parse_where(opt->gdb, &w, d))
		return d->exit_status;
	r = attach ? peer_find_guest(&p, attach) : 0;
	if (r < 0) {
		diag_fail(d, KIT_EXIT_INTERNAL,
			  "--gdb-attach: %d is no process that this kitemu runs", attach);
		return d->exit_status;
	}
	g.listener = listen_at(&w, d);
	if (g.listener < 0)
		return d->exit_status;
	become_server(&g);
	serve(&g);
	if (*w.path)
		unlink(w.path);
	return 0;
}

/* vRun: a child that runs the program and meets this server. */
int64_t gdb_run_program(struct gdb *g, char **argv)
{
	struct kit_options opt = *g->opt;
	struct hello h;
	sigset_t none;
	int pair[2];
	pid_t pid;
	int64_t r;

	if (!g->run)
		return -ENOSYS;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		opt.gdb_pair = (unsigned)pair[1] + 1;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		close(g->listener);
		close(g->client);
		close(g->signals);
		close(pair[0]);
		if (g->run_dir && chdir(g->run_dir) < 0)
			_exit(KIT_EXIT_INTERNAL);
		exit(g->run(&opt, argv, g->run_env));
	}
	close(pair[1]);
	h.pid = getpid();
	r = pid < 0 ? -errno : 0;
	if (r == 0 && (!say(pair[0], h) || !hear(pair[0], &h)))
		r = -ENOEXEC;
	if (r == 0) {
		r = gdb_attach(g, pid, false);
		h.err = (int32_t)-r;
		say(pair[0], h);
	}
	close(pair[0]);
	if (r == 0) {
		gdb_wait_standing(g);
		g->general = pid;
		g->state = GDB_IDLE;
	}
	return r;
}

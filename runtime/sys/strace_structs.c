/* Printers of argument kinds that are structures in guest memory. What cannot be read is shown as its address. */
#include "arch/rv64/abi.h"
#include "runtime/sys/strace.h"

#include <stdio.h>
#include <string.h>

enum { SHOW_ITEMS = 16 };

static bool failed(const struct strace_line *l) { return l->after && l->result < 0; }

static void put_addr(struct strace_line *l, gaddr at)
{
	if (at)
		strbuf_printf(&l->b, "0x%llx", (unsigned long long)at);
	else
		strbuf_puts(&l->b, "NULL");
}

/* Reads argument i's structure; when it cannot, or the call that was to fill it failed, its address is printed. */
static bool fetch(struct strace_line *l, unsigned i, void *dst, size_t n, bool out)
{
	if (l->a[i] && !(out && failed(l)) && copy_in(l->t, dst, l->a[i], n))
		return true;
	put_addr(l, l->a[i]);
	return false;
}

static void put_time(struct strbuf *b, const int64_t *t, const char *fraction)
{
	strbuf_printf(b, "{tv_sec=%lld, tv_%ssec=%lld}", (long long)t[0], fraction,
		      (long long)t[1]);
}

static void time_arg(struct strace_line *l, unsigned i, const char *fraction, bool out)
{
	int64_t t[2];

	if (fetch(l, i, t, sizeof t, out))
		put_time(&l->b, t, fraction);
}

void strace_timespec(struct strace_line *l, unsigned i) { time_arg(l, i, "n", false); }
void strace_timespec_out(struct strace_line *l, unsigned i) { time_arg(l, i, "n", true); }
void strace_timeval(struct strace_line *l, unsigned i) { time_arg(l, i, "u", false); }
void strace_timeval_out(struct strace_line *l, unsigned i) { time_arg(l, i, "u", true); }

void strace_timespec2(struct strace_line *l, unsigned i)
{
	enum { NOW = 0x3fffffff, OMIT = 0x3ffffffe };
	int64_t t[4];

	if (!fetch(l, i, t, sizeof t, false))
		return;
	for (unsigned k = 0; k < 2; k++) {
		strbuf_puts(&l->b, k ? ", " : "[");
		if (t[2 * k + 1] == NOW || t[2 * k + 1] == OMIT)
			strbuf_puts(&l->b, t[2 * k + 1] == NOW ? "UTIME_NOW" : "UTIME_OMIT");
		else
			put_time(&l->b, t + 2 * k, "n");
	}
	strbuf_putc(&l->b, ']');
}

static void interval_arg(struct strace_line *l, unsigned i, const char *fraction, bool out)
{
	int64_t t[4];

	if (!fetch(l, i, t, sizeof t, out))
		return;
	strbuf_puts(&l->b, "{it_interval=");
	put_time(&l->b, t, fraction);
	strbuf_puts(&l->b, ", it_value=");
	put_time(&l->b, t + 2, fraction);
	strbuf_putc(&l->b, '}');
}

void strace_itimerval(struct strace_line *l, unsigned i) { interval_arg(l, i, "u", false); }
void strace_itimerval_out(struct strace_line *l, unsigned i) { interval_arg(l, i, "u", true); }
void strace_itimerspec(struct strace_line *l, unsigned i) { interval_arg(l, i, "n", false); }
void strace_itimerspec_out(struct strace_line *l, unsigned i) { interval_arg(l, i, "n", true); }

void strace_tms(struct strace_line *l, unsigned i)
{
	int64_t t[4];

	if (fetch(l, i, t, sizeof t, true))
		strbuf_printf(&l->b,
			      "{tms_utime=%lld, tms_stime=%lld, tms_cutime=%lld, tms_cstime=%lld}",
			      (long long)t[0], (long long)t[1], (long long)t[2], (long long)t[3]);
}

static void put_limit(struct strbuf *b, uint64_t v)
{
	if (v == UINT64_MAX)
		strbuf_puts(b, "RLIM64_INFINITY");
	else
		strbuf_printf(b, "%llu", (unsigned long long)v);
}

static void limit_arg(struct strace_line *l, unsigned i, bool out)
{
	uint64_t v[2];

	if (!fetch(l, i, v, sizeof v, out))
		return;
	strbuf_puts(&l->b, "{rlim_cur=");
	put_limit(&l->b, v[0]);
	strbuf_puts(&l->b, ", rlim_max=");
	put_limit(&l->b, v[1]);
	strbuf_putc(&l->b, '}');
}

void strace_rlimit(struct strace_line *l, unsigned i) { limit_arg(l, i, false); }
void strace_rlimit_out(struct strace_line *l, unsigned i) { limit_arg(l, i, true); }

void strace_rusage(struct strace_line *l, unsigned i)
{
	int64_t t[4];

	if (!fetch(l, i, t, sizeof t, true))
		return;
	strbuf_puts(&l->b, "{ru_utime=");
	put_time(&l->b, t, "u");
	strbuf_puts(&l->b, ", ru_stime=");
	put_time(&l->b, t + 2, "u");
	strbuf_puts(&l->b, ", ...}");
}

static void put_mode(struct strbuf *b, unsigned mode)
{
	static const char *const types[16] = {
		[1] = "S_IFIFO", [2] = "S_IFCHR",  [4] = "S_IFDIR",   [6] = "S_IFBLK",
		[8] = "S_IFREG", [10] = "S_IFLNK", [12] = "S_IFSOCK",
	};
	const char *type = types[mode >> 12 & 15];

	strbuf_printf(b, "%s|%#o", type ? type : "0", mode & 07777);
}

void strace_statx(struct strace_line *l, unsigned i)
{
	struct {
		uint32_t mask, block_bytes;
		uint64_t attributes;
		uint32_t links, uid, gid;
		uint16_t mode, pad;
		uint64_t inode, size;
	} s;

	if (!fetch(l, i, &s, sizeof s, true))
		return;
	strbuf_puts(&l->b, "{stx_mask=");
	strace_put_flags(&l->b, SYS_KIND_STATXMASK, s.mask);
	strbuf_puts(&l->b, ", stx_mode=");
	put_mode(&l->b, s.mode);
	strbuf_printf(&l->b, ", stx_size=%llu, ...}", (unsigned long long)s.size);
}

void strace_cloneargs(struct strace_line *l, unsigned i)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls;
	} c;

	if (!fetch(l, i, &c, sizeof c, false))
		return;
	strbuf_puts(&l->b, "{flags=");
	strace_put_flags(&l->b, SYS_KIND_CLONEFLAGS, c.flags);
	strbuf_printf(&l->b, ", child_tid=0x%llx, parent_tid=0x%llx, exit_signal=",
		      (unsigned long long)c.child_tid, (unsigned long long)c.parent_tid);
	strbuf_puts(&l->b, c.exit_signal - 1 < 64 ? strace_signal_name((int)c.exit_signal) : "0");
	strbuf_printf(&l->b, ", stack=0x%llx, stack_size=0x%llx, tls=0x%llx}",
		      (unsigned long long)c.stack, (unsigned long long)c.stack_bytes,
		      (unsigned long long)c.tls);
}

void strace_stat(struct strace_line *l, unsigned i)
{
	struct rv64_stat s;

	if (!fetch(l, i, &s, sizeof s, true))
		return;
	strbuf_puts(&l->b, "{st_mode=");
	put_mode(&l->b, s.mode);
	strbuf_puts(&l->b, ", ");
	if ((s.mode >> 12 & 15) == 2 || (s.mode >> 12 & 15) == 6)
		strbuf_printf(&l->b, "st_rdev=0x%llx, ...}", (unsigned long long)s.rdev);
	else
		strbuf_printf(&l->b, "st_size=%lld, ...}", (long long)s.size);
}

void strace_statfs(struct strace_line *l, unsigned i)
{
	uint64_t v[5];

	if (fetch(l, i, v, sizeof v, true))
		strbuf_printf(&l->b,
			      "{f_type=0x%llx, f_bsize=%llu, f_blocks=%llu, f_bfree=%llu, "
			      "f_bavail=%llu, ...}",
			      (unsigned long long)v[0], (unsigned long long)v[1],
			      (unsigned long long)v[2], (unsigned long long)v[3],
			      (unsigned long long)v[4]);
}

void strace_utsname(struct strace_line *l, unsigned i)
{
	char u[6][65];

	if (!fetch(l, i, u, sizeof u, true))
		return;
	strbuf_puts(&l->b, "{sysname=");
	strace_put_bytes(&l->b, u[0], strnlen(u[0], 64), false);
	strbuf_puts(&l->b, ", nodename=");
	strace_put_bytes(&l->b, u[1], strnlen(u[1], 64), false);
	strbuf_puts(&l->b, ", ...}");
}

void strace_sysinfo(struct strace_line *l, unsigned i)
{
	uint64_t v[6];

	if (fetch(l, i, v, sizeof v, true))
		strbuf_printf(&l->b, "{uptime=%llu, totalram=%llu, freeram=%llu, ...}",
			      (unsigned long long)v[0], (unsigned long long)v[4],
			      (unsigned long long)v[5]);
}

void strace_wstatus(struct strace_line *l, unsigned i)
{
	uint32_t s;

	if (l->result == 0) { /* WNOHANG, and no child has changed */
		put_addr(l, l->a[i]);
		return;
	}
	if (!fetch(l, i, &s, sizeof s, true))
		return;
	if ((s & 0x7f) == 0)
		strbuf_printf(&l->b, "[{WIFEXITED(s) && WEXITSTATUS(s) == %u}]", s >> 8 & 0xff);
	else if ((s & 0xff) == 0x7f)
		strbuf_printf(&l->b, "[{WIFSTOPPED(s) && WSTOPSIG(s) == %s}]",
			      strace_signal_name((int)(s >> 8 & 0xff)));
	else if (s == 0xffff)
		strbuf_puts(&l->b, "[{WIFCONTINUED(s)}]");
	else
		strbuf_printf(&l->b, "[{WIFSIGNALED(s) && WTERMSIG(s) == %s%s}]",
			      strace_signal_name((int)(s & 0x7f)),
			      s & 0x80 ? " && WCOREDUMP(s)" : "");
}

static void put_ints(struct strace_line *l, unsigned i, unsigned n)
{
	int32_t v[2];

	if (!fetch(l, i, v, n * sizeof *v, true))
		return;
	strbuf_printf(&l->b, "[%d", v[0]);
	if (n == 2)
		strbuf_printf(&l->b, ", %d", v[1]);
	strbuf_putc(&l->b, ']');
}

void strace_int_out(struct strace_line *l, unsigned i) { put_ints(l, i, 1); }
void strace_int2_out(struct strace_line *l, unsigned i) { put_ints(l, i, 2); }

void strace_long_out(struct strace_line *l, unsigned i)
{
	int64_t v;

	if (fetch(l, i, &v, sizeof v, true))
		strbuf_printf(&l->b, "[%lld]", (long long)v);
}

void strace_short_out(struct strace_line *l, unsigned i)
{
	uint16_t v;

	if (fetch(l, i, &v, sizeof v, true))
		strbuf_printf(&l->b, "[%u]", v);
}

void strace_int_in(struct strace_line *l, unsigned i)
{
	int32_t v;

	if (fetch(l, i, &v, sizeof v, false))
		strbuf_printf(&l->b, "[%d]", v);
}

void strace_long_in(struct strace_line *l, unsigned i)
{
	int64_t v;

	if (fetch(l, i, &v, sizeof v, false))
		strbuf_printf(&l->b, "[%lld]", (long long)v);
}

void strace_winsize(struct strace_line *l, unsigned i)
{
	uint16_t v[4];

	if (fetch(l, i, v, sizeof v, true))
		strbuf_printf(&l->b, "{ws_row=%u, ws_col=%u, ws_xpixel=%u, ws_ypixel=%u}", v[0],
			      v[1], v[2], v[3]);
}

void strace_ifreq(struct strace_line *l, unsigned i)
{
	char name[16];

	if (!fetch(l, i, name, sizeof name, true))
		return;
	strbuf_puts(&l->b, "{ifr_name=");
	strace_put_bytes(&l->b, name, strnlen(name, sizeof name), false);
	strbuf_puts(&l->b, ", ...}");
}

void strace_flock(struct strace_line *l, unsigned i)
{
	struct {
		int16_t type, whence;
		int64_t start, len;
		int32_t pid;
	} f;

	if (!fetch(l, i, &f, sizeof f, true))
		return;
	strbuf_puts(&l->b, "{l_type=");
	if (!strace_put_enum(&l->b, SYS_KIND_LEASE, (uint16_t)f.type))
		strbuf_printf(&l->b, "%d", f.type);
	strbuf_printf(&l->b, ", l_whence=%d, l_start=%lld, l_len=%lld}", f.whence,
		      (long long)f.start, (long long)f.len);
}

/* ---- signals ------------------------------------------------------------------------------- */

static void put_sigset(struct strbuf *b, uint64_t set)
{
	bool invert = __builtin_popcountll(set) > 32;
	const char *sep = "";

	if (invert)
		set = ~set;
	strbuf_puts(b, invert ? "~[" : "[");
	for (int sig = 1; sig <= 64; sig++) {
		if (!(set >> (sig - 1) & 1))
			continue;
		strbuf_printf(b, "%s%s", sep, strace_signal_name(sig) + 3); /* without SIG */
		sep = " ";
	}
	strbuf_putc(b, ']');
}

static void sigset_arg(struct strace_line *l, unsigned i, bool out)
{
	uint64_t set;

	if (fetch(l, i, &set, sizeof set, out))
		put_sigset(&l->b, set);
}

void strace_sigset(struct strace_line *l, unsigned i) { sigset_arg(l, i, false); }
void strace_sigset_out(struct strace_line *l, unsigned i) { sigset_arg(l, i, true); }

void strace_sigsetarg(struct strace_line *l, unsigned i)
{
	uint64_t v[2], set;

	if (!fetch(l, i, v, sizeof v, false))
		return;
	strbuf_puts(&l->b, "{sigmask=");
	if (v[0] && copy_in(l->t, &set, v[0], sizeof set))
		put_sigset(&l->b, set);
	else
		put_addr(l, v[0]);
	strbuf_printf(&l->b, ", sigsetsize=%llu}", (unsigned long long)v[1]);
}

static void sigact_arg(struct strace_line *l, unsigned i, bool out)
{
	struct rv64_sigaction s;

	if (!fetch(l, i, &s, sizeof s, out))
		return;
	strbuf_puts(&l->b, "{sa_handler=");
	if (s.handler <= 1)
		strbuf_puts(&l->b, s.handler ? "SIG_IGN" : "SIG_DFL");
	else
		put_addr(l, s.handler);
	strbuf_puts(&l->b, ", sa_mask=");
	put_sigset(&l->b, s.mask);
	strbuf_puts(&l->b, ", sa_flags=");
	strace_put_flags(&l->b, SYS_KIND_SIGACT, (uint32_t)s.flags);
	strbuf_putc(&l->b, '}');
}

void strace_sigact(struct strace_line *l, unsigned i) { sigact_arg(l, i, false); }
void strace_sigact_out(struct strace_line *l, unsigned i) { sigact_arg(l, i, true); }

static void stack_arg(struct strace_line *l, unsigned i, bool out)
{
	struct rv64_stack s;

	if (!fetch(l, i, &s, sizeof s, out))
		return;
	strbuf_printf(&l->b, "{ss_sp=0x%llx, ss_flags=", (unsigned long long)s.sp);
	strace_put_flags(&l->b, SYS_KIND_STACK, (uint32_t)s.flags);
	strbuf_printf(&l->b, ", ss_size=%llu}", (unsigned long long)s.size);
}

void strace_stack(struct strace_line *l, unsigned i) { stack_arg(l, i, false); }
void strace_stack_out(struct strace_line *l, unsigned i) { stack_arg(l, i, true); }

void strace_siginfo_out(struct strace_line *l, unsigned i)
{
	int32_t s[6];

	if (fetch(l, i, s, sizeof s, true))
		strbuf_printf(&l->b, "{si_signo=%s, si_code=%d, ...}",
			      s[0] > 0 ? strace_signal_name(s[0]) : "0", s[2]);
}

void strace_sigevent(struct strace_line *l, unsigned i)
{
	static const char *const how[] = { "SIGEV_SIGNAL", "SIGEV_NONE", "SIGEV_THREAD", "3",
					   "SIGEV_THREAD_ID" };
	struct {
		uint64_t value;
		int32_t signo, notify;
	} e;

	if (!fetch(l, i, &e, sizeof e, false))
		return;
	strbuf_printf(&l->b, "{sigev_value=0x%llx, sigev_signo=%s, sigev_notify=%s}",
		      (unsigned long long)e.value, strace_signal_name(e.signo),
		      (unsigned)e.notify < ARRAY_LEN(how) ? how[e.notify] : "?");
}

/* ---- descriptors and sockets --------------------------------------------------------------- */

void strace_pollfds(struct strace_line *l, unsigned i)
{
	struct {
		int32_t fd;
		uint16_t events, revents;
	} p;
	unsigned n = (unsigned)l->a[i + 1];

	if (!l->a[i]) {
		put_addr(l, 0);
		return;
	}
	strbuf_putc(&l->b, '[');
	for (unsigned k = 0; k < n; k++) {
		strbuf_puts(&l->b, k ? ", " : "");
		if (k == SHOW_ITEMS || !copy_in(l->t, &p, l->a[i] + k * sizeof p, sizeof p)) {
			strbuf_puts(&l->b, "...");
			break;
		}
		strbuf_printf(&l->b, "{fd=%d, events=", p.fd);
		strace_put_flags(&l->b, SYS_KIND_POLLFDS, p.events);
		if (!failed(l) && p.revents) {
			strbuf_puts(&l->b, ", revents=");
			strace_put_flags(&l->b, SYS_KIND_POLLFDS, p.revents);
		}
		strbuf_putc(&l->b, '}');
	}
	strbuf_putc(&l->b, ']');
}

void strace_fdset(struct strace_line *l, unsigned i)
{
	unsigned n = (unsigned)l->a[0];
	uint64_t bits = 0;
	const char *sep = "";

	if (!l->a[i] || n > 65536) {
		put_addr(l, l->a[i]);
		return;
	}
	strbuf_putc(&l->b, '[');
	for (unsigned fd = 0; fd < n; fd++) {
		if (fd % 64 == 0 && !copy_in(l->t, &bits, l->a[i] + fd / 8, sizeof bits))
			break;
		if (bits >> fd % 64 & 1) {
			strbuf_printf(&l->b, "%s%u", sep, fd);
			sep = " ";
		}
	}
	strbuf_putc(&l->b, ']');
}

static void put_epoll(struct strace_line *l, const struct rv64_epoll_event *e)
{
	strbuf_puts(&l->b, "{events=");
	strace_put_flags(&l->b, SYS_KIND_EPOLLEV, e->events);
	strbuf_printf(&l->b, ", data=0x%llx}", (unsigned long long)e->data);
}

void strace_epollev(struct strace_line *l, unsigned i)
{
	struct rv64_epoll_event e;

	if (fetch(l, i, &e, sizeof e, false))
		put_epoll(l, &e);
}

void strace_epollevs(struct strace_line *l, unsigned i)
{
	struct rv64_epoll_event e;

	if (!l->after || failed(l)) {
		put_addr(l, l->a[i]);
		return;
	}
	strbuf_putc(&l->b, '[');
	for (int64_t k = 0; k < l->result; k++) {
		strbuf_puts(&l->b, k ? ", " : "");
		if (k == SHOW_ITEMS
		    || !copy_in(l->t, &e, l->a[i] + (uint64_t)k * sizeof e, sizeof e)) {
			strbuf_puts(&l->b, "...");
			break;
		}
		put_epoll(l, &e);
	}
	strbuf_putc(&l->b, ']');
}

static void put_sockaddr(struct strace_line *l, gaddr at, uint32_t len)
{
	unsigned char s[128] = { 0 };
	unsigned family, n = len < sizeof s ? len : sizeof s, port;

	if (!at || len < 2 || !copy_in(l->t, s, at, n)) {
		put_addr(l, at);
		return;
	}
	family = s[0] | (unsigned)s[1] << 8;
	port = (unsigned)s[2] << 8 | s[3];
	strbuf_puts(&l->b, "{sa_family=");
	if (!strace_put_enum(&l->b, SYS_KIND_AF, family))
		strbuf_printf(&l->b, "%u", family);
	if (family == 1) {
		strbuf_puts(&l->b, ", sun_path=");
		strace_put_bytes(&l->b, s + 2,
				 n > 2 && !s[2] ? n - 2 : strnlen((char *)s + 2, n - 2), false);
	} else if (family == 2 && n >= 8) {
		strbuf_printf(&l->b, ", sin_port=htons(%u), sin_addr=inet_addr(\"%u.%u.%u.%u\")",
			      port, s[4], s[5], s[6], s[7]);
	} else if (family == 10) {
		strbuf_printf(&l->b, ", sin6_port=htons(%u), ...", port);
	} else {
		strbuf_puts(&l->b, ", ...");
	}
	strbuf_putc(&l->b, '}');
}

void strace_sockaddr(struct strace_line *l, unsigned i)
{
	put_sockaddr(l, l->a[i], (uint32_t)l->a[i + 1]);
}

void strace_sockaddr_out(struct strace_line *l, unsigned i)
{
	uint32_t len = 0;

	if (failed(l) || !l->a[i] || !copy_in(l->t, &len, l->a[i + 1], sizeof len))
		put_addr(l, l->a[i]);
	else
		put_sockaddr(l, l->a[i], len);
}

static void put_optval(struct strace_line *l, gaddr at, uint32_t len)
{
	int32_t v;
	char s[32];
	unsigned n = len < sizeof s ? len : sizeof s;

	if (at && len == sizeof v && copy_in(l->t, &v, at, sizeof v))
		strbuf_printf(&l->b, "[%d]", v);
	else if (at && copy_in(l->t, s, at, n))
		strace_put_bytes(&l->b, s, n, len > n);
	else
		put_addr(l, at);
}

void strace_optval(struct strace_line *l, unsigned i)
{
	put_optval(l, l->a[i], (uint32_t)l->a[i + 1]);
}

void strace_optval_out(struct strace_line *l, unsigned i)
{
	uint32_t len = 0;

	if (failed(l) || !copy_in(l->t, &len, l->a[i + 1], sizeof len))
		put_addr(l, l->a[i]);
	else
		put_optval(l, l->a[i], len);
}

void strace_openhow(struct strace_line *l, unsigned i)
{
	uint64_t v[3];

	if (!fetch(l, i, v, sizeof v, false))
		return;
	strbuf_printf(&l->b, "{flags=0x%llx, mode=%#llo, resolve=0x%llx}", (unsigned long long)v[0],
		      (unsigned long long)v[1], (unsigned long long)v[2]);
}

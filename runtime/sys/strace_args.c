/* Printers of argument kinds: numbers, flags, strings, buffers. Structures are in strace_structs.c. */
#include "runtime/sys/strace.h"
#include "runtime/sys/strace_conf.h"

#include <stdio.h>
#include <string.h>

const struct sys_kind_info sys_kinds[SYS_KIND_COUNT] = {
#define KIND(name, class, written, printer)                                                        \
	[SYS_KIND_##name] = { SYS_CLASS_##class, written, strace_##printer },
#include "runtime/sys/kinds.def"
#undef KIND
};

enum { SHOW_ITEMS = 16 };

static enum sys_kind kind_of(const struct strace_line *l, unsigned i) { return l->row->kind[i]; }

static bool failed(const struct strace_line *l) { return l->after && l->result < 0; }

/* ---- numbers ------------------------------------------------------------------------------- */

void strace_none(struct strace_line *l, unsigned i) {}
void strace_int(struct strace_line *l, unsigned i) { strbuf_printf(&l->b, "%d", (int)l->a[i]); }
void strace_uint(struct strace_line *l, unsigned i)
{
	strbuf_printf(&l->b, "%u", (unsigned)l->a[i]);
}
void strace_long(struct strace_line *l, unsigned i)
{
	strbuf_printf(&l->b, "%lld", (long long)l->a[i]);
}
void strace_ulong(struct strace_line *l, unsigned i)
{
	strbuf_printf(&l->b, "%llu", (unsigned long long)l->a[i]);
}
void strace_mode(struct strace_line *l, unsigned i)
{
	strbuf_printf(&l->b, "%#o", (unsigned)l->a[i] & 0xffff);
}

void strace_hex(struct strace_line *l, unsigned i)
{
	enum sys_kind k = kind_of(l, i);
	bool pointer = k == SYS_KIND_ADDR || sys_kinds[k].class >= SYS_CLASS_PTR;

	if (l->a[i])
		strbuf_printf(&l->b, "0x%llx", (unsigned long long)l->a[i]);
	else
		strbuf_puts(&l->b, pointer ? "NULL" : "0");
}

/* The file behind a descriptor; false: it is none. */
static bool fd_path(uint64_t fd, char path[SYS_PATH_MAX])
{
	char link[32];
	int64_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", (int)fd);
	n = host_call(__NR_readlinkat, -100, (long)link, (long)path, SYS_PATH_MAX - 1, 0, 0);
	path[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* With -y the file behind it. */
void strace_fd(struct strace_line *l, unsigned i)
{
	char path[SYS_PATH_MAX];

	strace_int(l, i);
	if (strace_conf.paths && fd_path(l->a[i], path))
		strbuf_printf(&l->b, "<%s>", path);
}

bool strace_concerns(const struct strace_line *l)
{
	char path[SYS_PATH_MAX];

	for (unsigned i = 0; l->row && i < l->row->nargs; i++) {
		const enum sys_kind kind = kind_of(l, i);
		bool known = false;

		if (kind == SYS_KIND_FD || kind == SYS_KIND_DIRFD)
			known = fd_path(l->a[i], path);
		else if (kind == SYS_KIND_PATH || kind == SYS_KIND_LOOKUP)
			known = mem_copy_str(l->t->proc->mem, path, l->a[i], sizeof path) >= 0;
		for (unsigned k = 0; known && k < strace_conf.only_count; k++)
			if (!strcmp(path, strace_conf.only[k]))
				return true;
	}
	return false;
}

void strace_dirfd(struct strace_line *l, unsigned i)
{
	if ((int)l->a[i] == -100)
		strbuf_puts(&l->b, "AT_FDCWD");
	else
		strace_fd(l, i);
}

void strace_sig(struct strace_line *l, unsigned i)
{
	if ((int)l->a[i] > 0 && (int)l->a[i] <= 64)
		strbuf_puts(&l->b, strace_signal_name((int)l->a[i]));
	else
		strace_int(l, i);
}

/* ---- flags --------------------------------------------------------------------------------- */

void strace_flags(struct strace_line *l, unsigned i)
{
	strace_put_flags(&l->b, kind_of(l, i), l->a[i]);
}

void strace_enum(struct strace_line *l, unsigned i)
{
	if (!strace_put_enum(&l->b, kind_of(l, i), l->a[i]))
		strbuf_printf(&l->b, (uint32_t)l->a[i] > 0xffff ? "0x%x" : "%u", (unsigned)l->a[i]);
}

enum { ACCESS_MASK = 3, GUEST_O_CREAT = 0100, GUEST_O_TMPFILE_BIT = 020000000 };

void strace_oflags(struct strace_line *l, unsigned i)
{
	static const char *const mode[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	uint32_t flags = (uint32_t)l->a[i];

	strbuf_puts(&l->b, mode[flags & ACCESS_MASK]);
	flags &= ~(uint32_t)ACCESS_MASK;
	if (flags) {
		strbuf_putc(&l->b, '|');
		strace_put_flags(&l->b, SYS_KIND_OFLAGS, flags);
	}
}

/* mode counts only where a file may be made; else the kernel ignores it, and what is there is noise. */
void strace_creatmode(struct strace_line *l, unsigned i)
{
	if (l->a[i - 1] & (GUEST_O_CREAT | GUEST_O_TMPFILE_BIT))
		strace_mode(l, i);
	else
		l->b.len -= 2, l->b.s[l->b.len] = 0; /* takes the ", " back */
}

void strace_cloneflags(struct strace_line *l, unsigned i)
{
	int sig = (int)(l->a[i] & 0xff);

	strace_put_flags(&l->b, SYS_KIND_CLONEFLAGS, l->a[i] & ~UINT64_C(0xff));
	if (sig)
		strbuf_printf(&l->b, "|%s", strace_signal_name(sig));
}

/* A value in the low bits and flags above. */
static void put_value_flags(struct strace_line *l, unsigned i, uint32_t value_mask,
			    enum sys_kind flags)
{
	uint64_t value = l->a[i] & value_mask, rest = (uint32_t)l->a[i] & ~value_mask;

	if (!strace_put_enum(&l->b, kind_of(l, i), value))
		strbuf_printf(&l->b, "%llu", (unsigned long long)value);
	if (rest) {
		strbuf_putc(&l->b, '|');
		strace_put_flags(&l->b, flags, rest);
	}
}

void strace_socktype(struct strace_line *l, unsigned i)
{
	put_value_flags(l, i, 15, SYS_KIND_SOCKFLAGS);
}

void strace_futexop(struct strace_line *l, unsigned i)
{
	if (!strace_put_enum(&l->b, SYS_KIND_FUTEXOP, l->a[i] & 127))
		strbuf_printf(&l->b, "%d", (int)l->a[i] & 127);
	if (l->a[i] & 128)
		strbuf_puts(&l->b, "_PRIVATE");
	if (l->a[i] & 256)
		strbuf_puts(&l->b, "|FUTEX_CLOCK_REALTIME");
}

/* Options of SOL_SOCKET (1) have names; the others are numbers. */
void strace_soopt(struct strace_line *l, unsigned i)
{
	if (l->a[i - 1] != 1 || !strace_put_enum(&l->b, SYS_KIND_SOOPT, l->a[i]))
		strace_int(l, i);
}

/* The operation that chose the row; of one without a row, its number. */
void strace_op(struct strace_line *l, unsigned i)
{
	if (l->row->op)
		strbuf_puts(&l->b, l->row->op);
	else
		strbuf_printf(&l->b, (uint32_t)l->a[i] > 0xffff ? "0x%x" : "%u", (unsigned)l->a[i]);
}

void strace_key(struct strace_line *l, unsigned i)
{
	if (!strace_put_enum(&l->b, SYS_KIND_KEY, (uint32_t)l->a[i]))
		strace_int(l, i);
}

/* ---- strings and buffers ------------------------------------------------------------------- */

static void put_byte(struct strbuf *b, unsigned c, bool digit_next)
{
	static const char plain[] = "\a\b\t\n\v\f\r\"\\", shown[] = "abtnvfr\"\\";
	const char *p = c ? strchr(plain, (int)c) : NULL;

	if (p)
		strbuf_printf(b, "\\%c", shown[p - plain]);
	else if (c >= ' ' && c < 127)
		strbuf_putc(b, (char)c);
	else
		strbuf_printf(b, digit_next ? "\\%03o" : "\\%o", c);
}

static bool is_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < ' ' && !strchr("\t\n\v\f\r", p[i])) || p[i] == 0 || p[i] > 126)
			return false;
	return true;
}

void strace_put_bytes(struct strbuf *b, const void *bytes, size_t n, bool more)
{
	const unsigned char *p = bytes;
	const bool hex = strace_conf.hex > 1 || (strace_conf.hex && !is_text(p, n));

	strbuf_putc(b, '"');
	for (size_t i = 0; hex && i < n; i++)
		strbuf_printf(b, "\\x%02x", p[i]);
	for (size_t i = 0; !hex && i < n; i++)
		put_byte(b, p[i], i + 1 < n && p[i + 1] >= '0' && p[i + 1] <= '9');
	strbuf_puts(b, more ? "\"..." : "\"");
}

void strace_put_str(struct strace_line *l, gaddr at, size_t most)
{
	char s[SYS_PATH_MAX + 1];
	ssize_t n;

	if (!at) {
		strbuf_puts(&l->b, "NULL");
		return;
	}
	most = most < SYS_PATH_MAX ? most : SYS_PATH_MAX; /* of s */
	n = mem_copy_str(l->t->proc->mem, s, at, most + 1);
	if (n == -ENAMETOOLONG)
		strace_put_bytes(&l->b, s, most, true);
	else if (n < 0)
		strbuf_printf(&l->b, "0x%llx", (unsigned long long)at);
	else
		strace_put_bytes(&l->b, s, (size_t)n, false);
}

void strace_str(struct strace_line *l, unsigned i)
{
	strace_put_str(l, l->a[i], strace_conf.show_bytes);
}

void strace_path(struct strace_line *l, unsigned i) { strace_put_str(l, l->a[i], SYS_PATH_MAX); }

static void put_buf(struct strace_line *l, gaddr at, uint64_t n, size_t most)
{
	char s[SYS_PATH_MAX];
	size_t show = n < most ? n : most;

	show = show < sizeof s ? show : sizeof s;

	if (!at)
		strbuf_puts(&l->b, "NULL");
	else if (!copy_in(l->t, s, at, show))
		strbuf_printf(&l->b, "0x%llx", (unsigned long long)at);
	else
		strace_put_bytes(&l->b, s, show, n > show);
}

void strace_inbuf(struct strace_line *l, unsigned i)
{
	put_buf(l, l->a[i], l->a[i + 1], strace_conf.show_bytes);
}

void strace_outbuf(struct strace_line *l, unsigned i)
{
	uint64_t room = l->a[i + 1], got = (uint64_t)l->result;

	if (failed(l))
		strbuf_printf(&l->b, "0x%llx", (unsigned long long)l->a[i]);
	else
		put_buf(l, l->a[i], got < room ? got : room,
			kind_of(l, i) == SYS_KIND_OUTPATH ? SYS_PATH_MAX : strace_conf.show_bytes);
}

void strace_outstr(struct strace_line *l, unsigned i)
{
	if (failed(l))
		strace_hex(l, i);
	else
		strace_put_str(l, l->a[i], SYS_PATH_MAX);
}

/* Directory entries: their count is what a reader wants. */
void strace_dirents(struct strace_line *l, unsigned i)
{
	unsigned char rec[18];
	unsigned count = 0;

	if (failed(l)) {
		strace_hex(l, i);
		return;
	}
	for (uint64_t at = 0; at < (uint64_t)l->result; count++) {
		unsigned len;

		if (!copy_in(l->t, rec, l->a[i] + at, sizeof rec))
			break;
		len = (unsigned)rec[16] | (unsigned)rec[17] << 8;
		if (!len)
			break;
		at += len;
	}
	strbuf_printf(&l->b, "0x%llx /* %u entries */", (unsigned long long)l->a[i], count);
}

/* {iov_base, iov_len} pairs; left: bytes that hold data in all. */
static void put_iovec(struct strace_line *l, gaddr at, uint64_t count, uint64_t left)
{
	uint64_t v[2];

	strbuf_putc(&l->b, '[');
	for (uint64_t i = 0; i < count; i++) {
		if (i)
			strbuf_puts(&l->b, ", ");
		if (i == SHOW_ITEMS || !copy_in(l->t, v, at + i * sizeof v, sizeof v)) {
			strbuf_puts(&l->b, "...");
			break;
		}
		strbuf_puts(&l->b, "{iov_base=");
		put_buf(l, v[0], v[1] < left ? v[1] : left, strace_conf.show_bytes);
		strbuf_printf(&l->b, ", iov_len=%llu}", (unsigned long long)v[1]);
		left -= v[1] < left ? v[1] : left;
	}
	strbuf_putc(&l->b, ']');
}

void strace_iovec(struct strace_line *l, unsigned i)
{
	put_iovec(l, l->a[i], l->a[i + 1], UINT64_MAX);
}

void strace_iovec_out(struct strace_line *l, unsigned i)
{
	put_iovec(l, l->a[i], l->a[i + 1], failed(l) ? 0 : (uint64_t)l->result);
}

/* Addresses in another process: what is there cannot be shown. */
void strace_iovec_remote(struct strace_line *l, unsigned i)
{
	uint64_t v[2];

	strbuf_putc(&l->b, '[');
	for (uint64_t k = 0; k < l->a[i + 1]; k++) {
		if (k)
			strbuf_puts(&l->b, ", ");
		if (k == SHOW_ITEMS || !copy_in(l->t, v, l->a[i] + k * sizeof v, sizeof v)) {
			strbuf_puts(&l->b, "...");
			break;
		}
		strbuf_printf(&l->b, "{iov_base=0x%llx, iov_len=%llu}", (unsigned long long)v[0],
			      (unsigned long long)v[1]);
	}
	strbuf_putc(&l->b, ']');
}

void strace_msghdr(struct strace_line *l, unsigned i)
{
	struct {
		uint64_t name, namelen, iov, iovlen, control, controllen, flags;
	} m;
	bool in = kind_of(l, i) == SYS_KIND_MSGHDR;

	if (!copy_in(l->t, &m, l->a[i], sizeof m)) {
		strace_hex(l, i);
		return;
	}
	strbuf_printf(&l->b, "{msg_namelen=%u, msg_iov=", (unsigned)m.namelen);
	put_iovec(l, m.iov, m.iovlen, in ? UINT64_MAX : failed(l) ? 0 : (uint64_t)l->result);
	strbuf_printf(&l->b, ", msg_iovlen=%llu, msg_controllen=%llu, msg_flags=",
		      (unsigned long long)m.iovlen, (unsigned long long)m.controllen);
	strace_put_flags(&l->b, SYS_KIND_MSGFLAGS, (uint32_t)m.flags);
	strbuf_putc(&l->b, '}');
}

void strace_strv(struct strace_line *l, unsigned i)
{
	uint64_t p;

	if (!l->a[i]) {
		strbuf_puts(&l->b, "NULL");
		return;
	}
	strbuf_putc(&l->b, '[');
	for (unsigned n = 0; copy_in(l->t, &p, l->a[i] + n * sizeof p, sizeof p) && p; n++) {
		if (n)
			strbuf_puts(&l->b, ", ");
		if (n == SHOW_ITEMS && !strace_conf.verbose) {
			strbuf_puts(&l->b, "...");
			break;
		}
		strace_put_str(l, p, strace_conf.show_bytes);
	}
	strbuf_putc(&l->b, ']');
}

void strace_envv(struct strace_line *l, unsigned i)
{
	unsigned n = 0;
	uint64_t p;

	if (strace_conf.verbose) {
		strace_strv(l, i);
		return;
	}
	while (l->a[i] && copy_in(l->t, &p, l->a[i] + n * sizeof p, sizeof p) && p)
		n++;
	strbuf_printf(&l->b, "0x%llx /* %u var%s */", (unsigned long long)l->a[i], n,
		      n == 1 ? "" : "s");
}

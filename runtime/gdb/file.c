/*
 * vFile: the client reads and writes files where the guest runs. Numbers, flags and structures are those of gdb's manual,
 * "File-I/O Remote Protocol Extension".
 */
#include "runtime/gdb/gdb_priv.h"

#include "lib/base/log.h"
#include "runtime/sys/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_MOST = PACKET_MOST / 2 };

/* ---- the protocol's numbers ----------------------------------------------------------------------------------------- */

/* Errors that the protocol has no number for are FILEIO_EUNKNOWN. */
static int wire_errno(int err)
{
	enum { EUNKNOWN_WIRE = 9999, ENAMETOOLONG_WIRE = 91 };

	if (err == ENAMETOOLONG)
		return ENAMETOOLONG_WIRE;
	/* The classic ones have the host's numbers. */
	return err <= EROFS && err != ENOEXEC && err != E2BIG && err != ECHILD && err != EAGAIN
		       && err != ENOMEM
		   ? err
		   : EUNKNOWN_WIRE;
}

static int host_flags(uint64_t wire)
{
	enum {
		WIRE_WRONLY = 1,
		WIRE_RDWR = 2,
		WIRE_APPEND = 8,
		WIRE_CREAT = 0x200,
		WIRE_TRUNC = 0x400,
		WIRE_EXCL = 0x800
	};

	return (wire & WIRE_WRONLY ? O_WRONLY
		: wire & WIRE_RDWR ? O_RDWR
				   : O_RDONLY)
	       | (wire & WIRE_APPEND ? O_APPEND : 0) | (wire & WIRE_CREAT ? O_CREAT : 0)
	       | (wire & WIRE_TRUNC ? O_TRUNC : 0) | (wire & WIRE_EXCL ? O_EXCL : 0) | O_CLOEXEC
	       | O_NOCTTY | O_NONBLOCK;
}

static void put_be(struct strbuf *out, uint64_t v, unsigned bytes)
{
	while (bytes--)
		strbuf_putc(out, (char)(v >> 8 * bytes));
}

/* struct fio_stat: all fields big-endian. */
static void put_stat(struct strbuf *out, const struct stat *s)
{
	const uint64_t words[] = { s->st_dev, s->st_ino, s->st_mode, s->st_nlink,
				   s->st_uid, s->st_gid, s->st_rdev };

	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		put_be(out, words[i], 4);
	put_be(out, (uint64_t)s->st_size, 8);
	put_be(out, (uint64_t)s->st_blksize, 8);
	put_be(out, (uint64_t)s->st_blocks, 8);
	put_be(out, (uint64_t)s->st_atime, 4);
	put_be(out, (uint64_t)s->st_mtime, 4);
	put_be(out, (uint64_t)s->st_ctime, 4);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------- */

static void answer(struct gdb *g, int64_t r)
{
	if (r < 0)
		strbuf_printf(&g->reply, "F-1,%x", (unsigned)wire_errno((int)-r));
	else
		strbuf_printf(&g->reply, "F%llx", (unsigned long long)r);
}

static void answer_bytes(struct gdb *g, int64_t r, const char *data)
{
	answer(g, r);
	if (r < 0)
		return;
	strbuf_putc(&g->reply, ';');
	strbuf_add(&g->reply, data, (size_t)r);
}

static int64_t or_errno(int64_t r) { return r < 0 ? -errno : r; }

/* ---- files of the guest's file system ------------------------------------------------------------------------------------ */

/* Opens a path as the process sees it that setfs has named. -errno. */
static int64_t open_there(const struct gdb *g, const char *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (uint64_t)flags,
		.mode = flags & O_CREAT ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT,
	};
	char root[32];
	int64_t r;
	int fd;

	if (!g->file_root)
		return or_errno(open(path, flags, mode));
	snprintf(root, sizeof root, "/proc/%d/root", g->file_root);
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = or_errno(syscall(SYS_openat2, fd, path, &how, sizeof how));
	close(fd);
	return r;
}

/* "/proc/PID/" of a guest that is debugged: its number and the file's name; 0: it is another path. */
static pid_t guest_of_path(const struct gdb *g, const char *path, const char **name)
{
	char *end;
	unsigned long pid;

	if (strncmp(path, "/proc/", 6) != 0)
		return 0;
	pid = strtoul(path + 6, &end, 10);
	if (*end != '/' || pid > INT_MAX || !gdb_find_process(g, (pid_t)pid))
		return 0;
	*name = end + 1;
	return (pid_t)pid;
}

/* What a guest would read as its mappings, in a file without a name; -ENOENT: the path is not that. */
static int64_t open_mappings(const struct gdb *g, const char *path)
{
	struct strbuf b = STRBUF_INIT;
	const char *name;
	const pid_t pid = guest_of_path(g, path, &name);
	int64_t r = -ENOENT;
	int fd;

	if (pid && (!strcmp(name, "maps") || !strcmp(name, "smaps")))
		r = sys_maps_of_guest(pid, *name == 's', &b);
	if (r == 0) {
		fd = (int)syscall(SYS_memfd_create, name, MFD_CLOEXEC);
		r = or_errno(fd);
		if (fd >= 0 && pwrite(fd, strbuf_str(&b), b.len, 0) != (ssize_t)b.len) {
			close(fd);
			r = -ENOSPC;
		}
	}
	strbuf_fini(&b);
	return r;
}

static int64_t open_file(struct gdb *g, const char *path, uint64_t flags, uint64_t mode)
{
	unsigned i = 0;
	int64_t fd;

	while (i < GDB_FILES && g->file[i] >= 0)
		i++;
	if (i == GDB_FILES)
		return -EMFILE;
	fd = open_mappings(g, path);
	if (fd == -ENOENT)
		fd = open_there(g, path, host_flags(flags), (unsigned)mode);
	if (fd < 0)
		return fd;
	g->file[i] = (int)fd;
	return i;
}

static int file_at(const struct gdb *g, uint64_t i) { return i < GDB_FILES ? g->file[i] : -1; }

static int64_t close_file(struct gdb *g, uint64_t i)
{
	int fd = file_at(g, i);

	if (fd < 0)
		return -EBADF;
	g->file[i] = -1;
	return or_errno(close(fd));
}

void gdb_files_close(struct gdb *g)
{
	for (unsigned i = 0; i < GDB_FILES; i++)
		close_file(g, i);
}

/* The folder of a path, open, and the name in it. */
static int64_t parent_of(const struct gdb *g, char *path, const char **name)
{
	char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	if (slash)
		*slash = 0;
	return open_there(g,
			  !slash  ? "."
			  : *path ? path
				  : "/",
			  O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

static int64_t unlink_file(const struct gdb *g, char *path)
{
	const char *name;
	int64_t fd = parent_of(g, path, &name), r;

	if (fd < 0)
		return fd;
	r = or_errno(unlinkat((int)fd, name, 0));
	close((int)fd);
	return r;
}

static void read_link(struct gdb *g, char *path)
{
	char to[PATH_MAX];
	const char *name;
	const pid_t pid = guest_of_path(g, path, &name);
	int64_t fd, r;

	if (pid && !strcmp(name, "exe")) {
		answer_bytes(g, gdb_exe_path(g, pid, to, sizeof to), to);
		return;
	}
	r = fd = parent_of(g, path, &name);
	if (fd >= 0) {
		r = or_errno(readlinkat((int)fd, name, to, sizeof to));
		close((int)fd);
	}
	answer_bytes(g, r, to);
}

static void stat_file(struct gdb *g, int fd)
{
	struct strbuf out = STRBUF_INIT;
	struct stat s;
	int64_t r = fd < 0 ? -EBADF : or_errno(fstat(fd, &s));

	if (r == 0) {
		put_stat(&out, &s);
		r = (int64_t)out.len;
	}
	answer_bytes(g, r, strbuf_str(&out));
	strbuf_fini(&out);
}

static void stat_path(struct gdb *g, const char *path)
{
	int64_t fd = open_there(g, path, O_PATH | O_CLOEXEC, 0);

	if (fd < 0) {
		answer(g, fd);
		return;
	}
	stat_file(g, (int)fd);
	close((int)fd);
}

static void read_file(struct gdb *g, uint64_t i, uint64_t count, uint64_t offset)
{
	char buf[FILE_MOST];
	int64_t r;

	r = or_errno(
	    pread(file_at(g, i), buf, count < sizeof buf ? count : sizeof buf, (off_t)offset));
	answer_bytes(g, r, buf);
}

/* ---- commands ------------------------------------------------------------------------------------------------------------- */

/* The path, in hexadecimal digits; *s is moved behind it and a comma. */
static bool get_path(const char **s, char path[PATH_MAX])
{
	size_t n = packet_get_hex(*s, path, PATH_MAX - 1);

	path[n] = 0;
	*s += 2 * n;
	if (**s == ',')
		++*s;
	return n > 0;
}

static bool get_numbers(const char **s, uint64_t *v, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!packet_number(s, &v[i]))
			return false;
		if (**s == ',')
			++*s;
	}
	return true;
}

static bool is_command(const char **s, const char *name)
{
	const size_t n = strlen(name);

	if (strncmp(*s, name, n) != 0 || (*s)[n] != ':')
		return false;
	*s += n + 1;
	return true;
}

void gdb_file_command(struct gdb *g, const char *s, size_t n)
{
	const char *const end = s + n;
	char path[PATH_MAX];
	uint64_t v[3];
	bool good = true;

	if (is_command(&s, "setfs")) {
		good = get_numbers(&s, v, 1);
		g->file_root = good ? (pid_t)v[0] : 0;
		answer(g, good ? 0 : -EINVAL);
	} else if (is_command(&s, "open")) {
		good = get_path(&s, path) && get_numbers(&s, v, 2);
		answer(g, good ? open_file(g, path, v[0], v[1]) : -EINVAL);
	} else if (is_command(&s, "close")) {
		answer(g, get_numbers(&s, v, 1) ? close_file(g, v[0]) : -EINVAL);
	} else if (is_command(&s, "pread")) {
		if (get_numbers(&s, v, 3))
			read_file(g, v[0], v[1], v[2]);
		else
			answer(g, -EINVAL);
	} else if (is_command(&s, "pwrite")) {
		good = get_numbers(&s, v, 2);
		answer(g,
		       good ? or_errno(pwrite(file_at(g, v[0]), s, (size_t)(end - s), (off_t)v[1]))
			    : -EINVAL);
	} else if (is_command(&s, "fstat")) {
		stat_file(g, get_numbers(&s, v, 1) ? file_at(g, v[0]) : -1);
	} else if (is_command(&s, "stat") && get_path(&s, path)) {
		stat_path(g, path);
	} else if (is_command(&s, "unlink") && get_path(&s, path)) {
		answer(g, unlink_file(g, path));
	} else if (is_command(&s, "readlink") && get_path(&s, path)) {
		read_link(g, path);
	}
}

/*
 * Files of /proc that must show the guest: the link to its program, its mappings, and the cpu. What the kernel itself can be
 * told of the guest, its arguments and its name, it was told (runtime/load/present.c).
 *
 * A path with one of their names at its end is followed as far as its folder, whose descriptor the kernel then names:
 * so every way there counts. Another guest is told from the host's processes by its program, which is kitemu; what
 * its own program is stands in the kernel's description of it.
 */
#include "arch/guest.h"
#include "lib/base/strbuf.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>

enum { PATH_MOST = 256 }; /* of a path that is looked at */

/* Behind "/proc/": what follows the name of this process, or of one of its threads, and a slash; NULL: another's. */
static const char *own_file(const struct kit_thread *t, const char *s)
{
	char *end;
	long pid;

	if (!strncmp(s, "self/", 5))
		s += 5;
	else if (!strncmp(s, "thread-self/", 12))
		return s + 12;
	else {
		pid = strtol(s, &end, 10);
		if (end == s || *end != '/' || (pid != getpid() && pid != t->tid))
			return NULL;
		s = end + 1;
	}
	if (!strncmp(s, "task/", 5)) {
		s += 5;
		strtol(s, &end, 10);
		return end == s || *end != '/' ? NULL : end + 1;
	}
	return s;
}

static enum sys_proc meaning(const char *name)
{
	static const struct {
		const char *name;
		enum sys_proc what;
	} files[] = {
		{ "exe", SYS_PROC_EXE },     { "maps", SYS_PROC_MAPS },
		{ "smaps", SYS_PROC_SMAPS }, { "cpuinfo", SYS_PROC_CPUINFO },
		{ "arch", SYS_PROC_ARCH },
	};

	for (unsigned i = 0; i < ARRAY_LEN(files); i++)
		if (!strcmp(name, files[i].name))
			return files[i].what;
	return SYS_PROC_NONE;
}

/* Does this process run our own binary? */
static bool is_guest(const struct kit_thread *t, int pid)
{
	struct stat own, other;
	char path[32];

	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	return t->proc->self_fd >= 0 && fstat(t->proc->self_fd, &own) == 0
	       && stat(path, &other) == 0 && own.st_ino == other.st_ino
	       && own.st_dev == other.st_dev;
}

/* The file with that meaning in the folder, whose path has no links in it. */
static struct sys_proc_file in_folder(const struct kit_thread *t, const char *folder,
				      enum sys_proc what)
{
	struct sys_proc_file f = { .what = SYS_PROC_NONE };
	char *end, file[PATH_MOST + 2];
	const char *rest;
	long pid;

	if (strncmp(folder, "/proc", 5) != 0)
		return f;
	if (what == SYS_PROC_CPUINFO || what == SYS_PROC_ARCH) {
		if (!strcmp(folder + 5, what == SYS_PROC_ARCH ? "/sys/kernel" : ""))
			f.what = what;
		return f;
	}
	if (folder[5] != '/')
		return f;
	snprintf(file, sizeof file, "%s/x", folder + 6);
	rest = own_file(t, file);
	if (rest && !strcmp(rest, "x")) {
		f.what = what;
		return f;
	}
	pid = strtol(folder + 6, &end, 10);
	if (end != folder + 6 && (!*end || !strncmp(end, "/task/", 6)) && is_guest(t, (int)pid))
		f = (struct sys_proc_file){ what, (int)pid };
	return f;
}

struct sys_proc_file sys_proc_find_copy(struct kit_thread *t, int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct sys_proc_file none = { .what = SYS_PROC_NONE };
	enum sys_proc what = meaning(name);
	char folder[PATH_MOST], link[32];
	struct statfs s;
	int64_t fd;
	ssize_t n = -1;

	if (!what || name - path >= PATH_MOST)
		return none;
	snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
	fd = host_call(__NR_openat, dirfd, (long)(*folder ? folder : "."),
		       O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0) /* no /proc in a chroot, say */
		return !strcmp(path, "/proc/self/exe") ? (struct sys_proc_file){ SYS_PROC_EXE, 0 }
						       : none;
	snprintf(link, sizeof link, "/proc/self/fd/%d", (int)fd);
	if (fstatfs((int)fd, &s) == 0 && s.f_type == PROC_SUPER_MAGIC)
		n = readlink(link, folder, sizeof folder - 1);
	close((int)fd);
	if (n < 0)
		return none;
	folder[n] = 0;
	return in_folder(t, folder, what);
}

struct sys_proc_file sys_proc_find(struct kit_thread *t, int dirfd, gaddr path)
{
	char s[PATH_MOST];

	if (!path || mem_copy_str(t->proc->mem, s, path, sizeof s) < 0)
		return (struct sys_proc_file){ .what = SYS_PROC_NONE };
	return sys_proc_find_copy(t, dirfd, s);
}

/* True for /proc/PID/fd and fdinfo of this process. A descriptor's link says "/proc/PID" for "/proc/self", too. */
static bool lists_own_fds(const struct kit_thread *t, int fd)
{
	char link[32], path[64];
	const char *file;
	struct statfs s;
	ssize_t n;

	if (fstatfs(fd, &s) < 0 || s.f_type != PROC_SUPER_MAGIC)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return false;
	path[n] = 0;
	file = strncmp(path, "/proc/", 6) ? NULL : own_file(t, path + 6);
	return file && (!strcmp(file, "fd") || !strcmp(file, "fdinfo"));
}

/* Takes kitemu's own descriptors out of a list of n bytes; what is left. */
static size_t without_ours(const struct kit_thread *t, char *list, size_t n)
{
	enum { RECLEN = 16, NAME = 19 }; /* struct linux_dirent64 */
	size_t left = 0;
	uint16_t len;

	for (size_t at = 0; at < n; at += len) {
		const char *name = list + at + NAME;

		memcpy(&len, list + at + RECLEN, sizeof len);
		if (*name != '.' && sys_fd_is_ours(t, atoi(name)))
			continue;
		memmove(list + left, list + at, len);
		left += len;
	}
	return left;
}

int64_t sys_getdents64(struct kit_thread *t, const uint64_t *a)
{
	enum { LIST_MOST = 32768 };
	size_t room = a[2] < LIST_MOST ? a[2] : LIST_MOST, left = 0;
	char *list;
	int64_t r;

	if (!lists_own_fds(t, (int)a[0]))
		return host_call(__NR_getdents64, (long)a[0], host_ptr(t, a[1]), (long)a[2], 0, 0,
				 0);
	list = malloc(room + 1);
	if (!list)
		return -ENOMEM;
	/* Nothing is the end of the list: a part that has only ours is skipped. */
	do {
		r = host_call(__NR_getdents64, (long)a[0], (long)list, (long)room, 0, 0, 0);
		if (r > 0)
			left = without_ours(t, list, (size_t)r);
	} while (r > 0 && !left);
	if (r > 0)
		r = copy_out(t, a[1], list, left) ? (int64_t)left : -EFAULT;
	free(list);
	return r;
}

/* The file that is mapped where the kernel has been told that the code of another guest begins (load_present). */
static int64_t exe_of(int pid, char dst[SYS_PATH_MAX + 1])
{
	enum { START_CODE_FIELD = 26, FIRST_FIELD_BEHIND_COMM = 3 };
	char path[32], line[SYS_PATH_MAX + 128], *p;
	uint64_t code, start, end;
	int64_t r = -ENOENT;
	int at = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	p = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	for (unsigned i = FIRST_FIELD_BEHIND_COMM; p && i <= START_CODE_FIELD; i++)
		p = strchr(p + 1, ' ');
	code = p ? strtoull(p, NULL, 10) : 0;
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (r < 0 && fgets(line, sizeof line, f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &start, &end, &at)
			< 2
		    || code < start || code >= end || line[at] != '/')
			continue;
		r = snprintf(dst, SYS_PATH_MAX + 1, "%.*s", (int)strcspn(line + at, "\n"),
			     line + at);
	}
	fclose(f);
	return r;
}

int64_t sys_proc_exe_path(struct kit_thread *t, int pid, char dst[SYS_PATH_MAX + 1])
{
	char link[32];
	int64_t r;

	if (pid)
		return exe_of(pid, dst);
	snprintf(link, sizeof link, "/proc/self/fd/%d", t->proc->exe_fd);
	r = host_call(__NR_readlinkat, AT_FDCWD, (long)link, (long)dst, SYS_PATH_MAX, 0, 0);
	if (r < 0 && t->proc->exe_path) /* no /proc in a chroot */
		r = snprintf(dst, SYS_PATH_MAX + 1, "%.*s", SYS_PATH_MAX, t->proc->exe_path);
	if (r >= 0)
		dst[r < SYS_PATH_MAX ? r : SYS_PATH_MAX] = 0;
	return r;
}

static int64_t open_exe(struct kit_thread *t, int pid, int flags)
{
	char path[SYS_PATH_MAX + 1], link[32];
	int64_t r;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -ETXTBSY;
	if ((flags & O_NOFOLLOW) && !(flags & O_PATH))
		return -ELOOP;
	flags &= ~O_NOFOLLOW;
	if (!pid) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", t->proc->exe_fd);
		r = host_call(__NR_openat, AT_FDCWD, (long)link, flags, 0, 0, 0);
		if (r != -ENOENT)
			return r;
	}
	r = sys_proc_exe_path(t, pid, path);
	return r < 0 ? r : host_call(__NR_openat, AT_FDCWD, (long)path, flags, 0, 0, 0);
}

void sys_cpuinfo(struct strbuf *b, uint64_t features, unsigned cpus)
{
	struct strbuf name = STRBUF_INIT;
	const char *isa;

	rv64_guest.cpu_isa(features, &name);
	isa = strbuf_str(&name);
	for (unsigned i = 0; i < cpus; i++)
		strbuf_printf(
		    b,
		    "processor\t: %u\nhart\t\t: %u\nisa\t\t: %s\nmmu\t\t: sv48\n"
		    "mvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\nhart isa\t: %s\n\n",
		    i, i, isa, isa);
	strbuf_fini(&name);
}

/* A read-only descriptor of a new file that holds the text. */
static int64_t open_text(const struct strbuf *b, int flags)
{
	char link[32];
	int64_t r = host_call(__NR_memfd_create, (long)"proc", MFD_CLOEXEC, 0, 0, 0, 0);
	int ro, fd = (int)r;

	if (r < 0)
		return r;
	if (write(fd, b->s, b->len) != (ssize_t)b->len) {
		close(fd);
		return -ENOMEM;
	}
	/* Open it anew, read-only and at offset 0, then give that the lowest number. */
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ro = open(link, O_RDONLY | O_CLOEXEC);
	if (ro < 0) {
		lseek(fd, 0, SEEK_SET);
		if (!(flags & O_CLOEXEC))
			fcntl(fd, F_SETFD, 0);
		return fd;
	}
	dup3(ro, fd, flags & O_CLOEXEC);
	close(ro);
	return fd;
}

static int64_t make_text(struct kit_thread *t, struct sys_proc_file file, struct strbuf *b)
{
	bool smaps = file.what == SYS_PROC_SMAPS;

	switch (file.what) {
	case SYS_PROC_CPUINFO:
		sys_cpuinfo(b, t->proc->features, (unsigned)get_nprocs());
		return 0;
	case SYS_PROC_ARCH:
		strbuf_puts(b, "riscv64\n");
		return 0;
	default:
		return file.pid ? sys_proc_maps_of(t, file.pid, smaps, b)
				: sys_proc_maps(t, smaps, b);
	}
}

int64_t sys_proc_open(struct kit_thread *t, struct sys_proc_file file, int flags)
{
	struct strbuf b = STRBUF_INIT;
	int64_t r;

	if (file.what == SYS_PROC_EXE)
		return open_exe(t, file.pid, flags);
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	r = make_text(t, file, &b);
	if (r == 0)
		r = open_text(&b, flags);
	strbuf_fini(&b);
	return r;
}

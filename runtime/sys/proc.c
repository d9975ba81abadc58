/*
 * Files of /proc that must show the guest: the link to its program, its mappings, and the cpu. What the kernel itself can be
 * told of the guest, its arguments and its name, it was told (runtime/load/present.c).
 *
 * Only whole path strings are looked at; a guest that gets there through another directory
 * descriptor or a relative path sees the host's file.
 */
#include "lib/base/strbuf.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>

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

enum sys_proc sys_proc_find(struct kit_thread *t, gaddr path)
{
	static const struct {
		const char *name;
		enum sys_proc what;
	} files[] = {
		{ "exe", SYS_PROC_EXE },
		{ "maps", SYS_PROC_MAPS },
		{ "smaps", SYS_PROC_SMAPS },
	};
	const char *file;
	char s[64];

	if (!path || !copy_in(t, s, path, 6) || memcmp(s, "/proc/", 6) != 0)
		return SYS_PROC_NONE;
	if (mem_copy_str(t->proc->mem, s, path, sizeof s) < 0)
		return SYS_PROC_NONE;
	if (!strcmp(s, "/proc/cpuinfo"))
		return SYS_PROC_CPUINFO;
	file = own_file(t, s + 6);
	for (unsigned i = 0; file && i < ARRAY_LEN(files); i++)
		if (!strcmp(file, files[i].name))
			return files[i].what;
	return SYS_PROC_NONE;
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

int64_t sys_proc_exe_path(struct kit_thread *t, char dst[SYS_PATH_MAX])
{
	char link[32];
	size_t n;
	int64_t r;

	snprintf(link, sizeof link, "/proc/self/fd/%d", t->proc->exe_fd);
	r = host_call(__NR_readlinkat, AT_FDCWD, (long)link, (long)dst, SYS_PATH_MAX, 0, 0);
	if (r >= 0 || !t->proc->exe_path)
		return r;
	n = strlen(t->proc->exe_path); /* no /proc in a chroot */
	n = n < SYS_PATH_MAX ? n : SYS_PATH_MAX;
	memcpy(dst, t->proc->exe_path, n);
	return (int64_t)n;
}

static int64_t open_exe(struct kit_thread *t, int flags)
{
	char link[32];
	int64_t r;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return -ETXTBSY;
	if ((flags & O_NOFOLLOW) && !(flags & O_PATH))
		return -ELOOP;
	flags &= ~O_NOFOLLOW;
	snprintf(link, sizeof link, "/proc/self/fd/%d", t->proc->exe_fd);
	r = host_call(__NR_openat, AT_FDCWD, (long)link, flags, 0, 0, 0);
	if (r == -ENOENT && t->proc->exe_path) /* no /proc in a chroot */
		r = host_call(__NR_openat, AT_FDCWD, (long)t->proc->exe_path, flags, 0, 0, 0);
	return r;
}

void sys_cpuinfo(struct strbuf *b, unsigned cpus)
{
	static const char isa[] = "rv64imafdc_zicntr_zicsr_zifencei";

	for (unsigned i = 0; i < cpus; i++)
		strbuf_printf(
		    b,
		    "processor\t: %u\nhart\t\t: %u\nisa\t\t: %s\nmmu\t\t: sv48\n"
		    "mvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\nhart isa\t: %s\n\n",
		    i, i, isa, isa);
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

int64_t sys_proc_open(struct kit_thread *t, enum sys_proc what, int flags)
{
	struct strbuf b = STRBUF_INIT;
	int64_t r;

	if (what == SYS_PROC_EXE)
		return open_exe(t, flags);
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	r = 0;
	if (what == SYS_PROC_CPUINFO)
		sys_cpuinfo(&b, (unsigned)get_nprocs());
	else
		r = sys_proc_maps(t, what == SYS_PROC_SMAPS, &b);
	if (r == 0)
		r = open_text(&b, flags);
	strbuf_fini(&b);
	return r;
}

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
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

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

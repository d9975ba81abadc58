/* System calls on files whose structures or paths need work: open, stat, readlink, and /proc. */
#include "arch/rv64/abi.h"
#include "runtime/sys/marshal.h"
#include "runtime/sys/ptrace.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

int64_t sys_copy_path(struct kit_thread *t, char dst[SYS_PATH_MAX], gaddr src)
{
	ssize_t n = mem_copy_str(t->proc->mem, dst, src, SYS_PATH_MAX);

	return n < 0 ? n : 0;
}

/* As qemu-user does it: by whether the file is there, with all of an absolute name behind the folder's. */
long sys_lookup(struct kit_thread *t, gaddr path, char room[SYS_PATH_MAX])
{
	const char *root = t->proc->opt.sysroot;
	const size_t n = root ? strlen(root) : 0;

	if (KIT_LIKELY(!root) || n >= SYS_PATH_MAX
	    || mem_copy_str(t->proc->mem, room + n, path, SYS_PATH_MAX - n) < 0 || room[n] != '/')
		return host_ptr(t, path);
	memcpy(room, root, n);
	return host_call(__NR_faccessat, AT_FDCWD, (long)room, F_OK, 0, 0, 0) == 0
		   ? (long)room
		   : host_ptr(t, path);
}

int64_t sys_copy_grown(struct kit_thread *t, void *dst, size_t known, size_t least, gaddr src,
		       uint64_t size)
{
	if (size > MEM_PAGE_BYTES)
		return -E2BIG;
	if (size < least)
		return -EINVAL;
	if (!copy_in(t, dst, src, size < known ? size : known))
		return -EFAULT;
	for (uint64_t i = known; i < size; i++) {
		char more;

		if (!copy_in(t, &more, src + i, 1))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return 0;
}

int64_t sys_openat(struct kit_thread *t, const uint64_t *a)
{
	long flags = (long)sys_oflags_to_host(a[2]);
	char room[SYS_PATH_MAX];
	struct sys_proc_file file = sys_proc_find(t, (int)a[0], a[1]);

	if (KIT_UNLIKELY(file.what))
		return sys_proc_open(t, file, (int)flags);
	if ((flags & O_ACCMODE) != O_RDONLY)
		peer_note_open(t, a[1]);
	return sig_safe_syscall(t, __NR_openat, (long)a[0], sys_lookup(t, a[1], room), flags,
				(long)a[3], 0, 0);
}

int64_t sys_openat2(struct kit_thread *t, const uint64_t *a)
{
	struct open_how how = { 0 };
	char room[SYS_PATH_MAX];
	int64_t r;

	if (SYS_OFLAGS_EQUAL)
		return sig_safe_syscall(t, __NR_openat2, (long)a[0], sys_lookup(t, a[1], room),
					host_ptr(t, a[2]), (long)a[3], 0, 0);
	r = sys_copy_grown(t, &how, sizeof how, sizeof how, a[2], a[3]);
	if (r < 0)
		return r;
	how.flags = sys_oflags_to_host(how.flags);
	return sig_safe_syscall(t, __NR_openat2, (long)a[0], sys_lookup(t, a[1], room), (long)&how,
				sizeof how, 0, 0);
}

/* A host stat into the guest's layout and memory. */
static int64_t put_stat(struct kit_thread *t, gaddr at, const struct stat *s)
{
	struct rv64_stat g = {
		.dev = s->st_dev,
		.ino = s->st_ino,
		.mode = s->st_mode,
		.nlink = (uint32_t)s->st_nlink,
		.uid = s->st_uid,
		.gid = s->st_gid,
		.rdev = s->st_rdev,
		.size = s->st_size,
		.blksize = (int32_t)s->st_blksize,
		.blocks = s->st_blocks,
		.atime = s->st_atim.tv_sec,
		.atime_nsec = s->st_atim.tv_nsec,
		.mtime = s->st_mtim.tv_sec,
		.mtime_nsec = s->st_mtim.tv_nsec,
		.ctime = s->st_ctim.tv_sec,
		.ctime_nsec = s->st_ctim.tv_nsec,
	};

	return copy_out(t, at, &g, sizeof g) ? 0 : -EFAULT;
}

int64_t sys_fstat(struct kit_thread *t, const uint64_t *a)
{
	struct stat s;
	int64_t r = host_call(__NR_fstat, (long)a[0], (long)&s, 0, 0, 0, 0);

	return r < 0 ? r : put_stat(t, a[1], &s);
}

/* The program of a guest whose link is asked for, which the flags follow: a descriptor to look at, or -1; *close_it after that. */
static int exe_to_look_at(struct kit_thread *t, const uint64_t *a, uint64_t flags, bool *close_it)
{
	struct sys_proc_file file = { .what = SYS_PROC_NONE };
	char path[SYS_PATH_MAX + 1];

	*close_it = false;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		file = sys_proc_find(t, (int)a[0], a[1]);
	if (file.what != SYS_PROC_EXE)
		return -1;
	if (!file.pid)
		return t->proc->exe_fd;
	*close_it = true;
	return sys_proc_exe_path(t, file.pid, path) < 0 ? -1 : open(path, O_PATH | O_CLOEXEC);
}

int64_t sys_newfstatat(struct kit_thread *t, const uint64_t *a)
{
	char room[SYS_PATH_MAX];
	struct stat s;
	bool close_it;
	int fd = exe_to_look_at(t, a, a[3], &close_it);
	int64_t r;

	if (KIT_UNLIKELY(fd >= 0))
		r = host_call(__NR_fstat, fd, (long)&s, 0, 0, 0, 0);
	else
		r = host_call(__NR_newfstatat, (long)a[0], sys_lookup(t, a[1], room), (long)&s,
			      (long)a[3], 0, 0);
	if (close_it && fd >= 0)
		close(fd);
	return r < 0 ? r : put_stat(t, a[2], &s);
}

int64_t sys_statx(struct kit_thread *t, const uint64_t *a)
{
	char room[SYS_PATH_MAX];
	bool close_it;
	int fd = exe_to_look_at(t, a, a[2], &close_it);
	int64_t r;

	if (KIT_UNLIKELY(fd >= 0))
		r = host_call(__NR_statx, fd, (long)"", (long)(a[2] | AT_EMPTY_PATH), (long)a[3],
			      host_ptr(t, a[4]), 0);
	else
		r = host_call(__NR_statx, (long)a[0], sys_lookup(t, a[1], room), (long)a[2],
			      (long)a[3], host_ptr(t, a[4]), 0);
	if (close_it && fd >= 0)
		close(fd);
	return r;
}

int64_t sys_readlinkat(struct kit_thread *t, const uint64_t *a)
{
	struct sys_proc_file file = sys_proc_find(t, (int)a[0], a[1]);
	char path[SYS_PATH_MAX + 1];
	int room = (int)a[3];
	int64_t r;

	if (KIT_LIKELY(file.what != SYS_PROC_EXE))
		return host_call(__NR_readlinkat, (long)a[0], sys_lookup(t, a[1], path),
				 host_ptr(t, a[2]), room, 0, 0);
	if (room <= 0)
		return -EINVAL;
	r = sys_proc_exe_path(t, file.pid, path);
	if (r > room)
		r = room;
	return r < 0 || copy_out(t, a[2], path, (size_t)r) ? r : -EFAULT;
}

/*
 * Descriptors: the guest's are the host's, with the same numbers. kitemu's own few lie high and are
 * close-on-exec; here the guest is kept from closing them by accident, as programs do that close
 * all they did not open.
 */
#include "lib/base/log.h"
#include "runtime/sys/exec.h"
#include "runtime/sys/marshal.h"
#include "runtime/sys/ownfile.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>

enum { HIDE_BELOW = 1024, HIDE_ROOM = 16 };

bool sys_fd_is_ours(const struct kit_thread *t, int fd)
{
	for (unsigned i = 0; i < KIT_OWN_FILES; i++)
		if (fd >= 0 && fd == ownfile_fd((enum kit_own_file)i))
			return true;
	return fd >= 0 && (fd == t->proc->self_fd || fd == t->proc->exe_fd);
}

/*
 * Not above 1024: the kernel's tables grow with the highest number, and fork copies them. The soft limit is the guest's: ours
 * lie beyond a lower one, which is lifted for the moment. Fails only when there is no room at all; the descriptor then
 * stays where it is.
 */
int sys_fd_hide(int fd)
{
	struct rlimit lim = { HIDE_BELOW, HIDE_BELOW }, lifted;
	int high, low;

	getrlimit(RLIMIT_NOFILE, &lim);
	lifted = (struct rlimit){ lim.rlim_max, lim.rlim_max };
	low = lim.rlim_max < HIDE_BELOW ? (int)lim.rlim_max : HIDE_BELOW;
	low = low > 2 * HIDE_ROOM ? low - HIDE_ROOM : low / 2;
	if (fd >= low)
		return fd;
	if (lim.rlim_cur < HIDE_BELOW)
		setrlimit(RLIMIT_NOFILE, &lifted);
	high = fcntl(fd, F_DUPFD_CLOEXEC, low);
	if (lim.rlim_cur < HIDE_BELOW)
		setrlimit(RLIMIT_NOFILE, &lim);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

int64_t sys_close(struct kit_thread *t, const uint64_t *a)
{
	if (sys_fd_is_ours(t, (int)a[0]))
		return -EBADF;
	return host_call(__NR_close, (long)a[0], 0, 0, 0, 0, 0);
}

/* Ours that lie in first .. last, the lowest; -1: none. */
static int first_ours(const struct kit_thread *t, unsigned first, unsigned last)
{
	int fds[2 + KIT_OWN_FILES] = { t->proc->self_fd, t->proc->exe_fd };
	int low = -1;

	for (unsigned i = 0; i < KIT_OWN_FILES; i++)
		fds[2 + i] = ownfile_fd((enum kit_own_file)i);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0 && (unsigned)fds[i] >= first && (unsigned)fds[i] <= last
		    && (low < 0 || fds[i] < low))
			low = fds[i];
	return low;
}

int64_t sys_close_range(struct kit_thread *t, const uint64_t *a)
{
	unsigned first = (unsigned)a[0], last = (unsigned)a[1];
	int64_t r = 0;
	int ours;

	/* Ours are close-on-exec anyway; errors are the kernel's. */
	if ((a[2] & CLOSE_RANGE_CLOEXEC) || first > last)
		return host_call(__NR_close_range, first, last, (long)a[2], 0, 0, 0);
	while (r == 0 && (ours = first_ours(t, first, last)) >= 0) {
		if ((unsigned)ours > first)
			r = host_call(__NR_close_range, first, ours - 1, (long)a[2], 0, 0, 0);
		first = (unsigned)ours + 1;
	}
	if (r < 0 || first > last)
		return r;
	return host_call(__NR_close_range, first, last, (long)a[2], 0, 0, 0);
}

int64_t sys_dup3(struct kit_thread *t, const uint64_t *a)
{
	struct kit_process *p = t->proc;
	int to = (int)a[1];

	if (sys_fd_is_ours(t, (int)a[0]))
		return -EBADF;
	/* The guest wants the number of one of ours: that one gives way. */
	if (to >= 0 && to == p->self_fd)
		p->self_fd = fcntl(to, F_DUPFD_CLOEXEC, to + 1);
	if (to >= 0 && to == p->exe_fd)
		p->exe_fd = fcntl(to, F_DUPFD_CLOEXEC, to + 1);
	if (to >= 0)
		ownfile_give_way(to);
	return host_call(__NR_dup3, (long)a[0], to, (long)sys_oflags_to_host(a[2]), 0, 0, 0);
}

int64_t sys_fcntl_getfl(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = host_call(__NR_fcntl, (long)a[0], F_GETFL, 0, 0, 0, 0);

	return r < 0 ? r : (int64_t)sys_oflags_to_guest((uint64_t)r);
}

/* Who asks for each number whether it is open does not find ours. */
int64_t sys_fcntl_fdflags(struct kit_thread *t, const uint64_t *a)
{
	if (sys_fd_is_ours(t, (int)a[0]))
		return -EBADF;
	return host_call(__NR_fcntl, (long)a[0], (long)a[1], (long)a[2], 0, 0, 0);
}

/* Not in fcntls.def. The kernel says EBADF first. */
int64_t sys_fcntl(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = host_call(__NR_fcntl, (long)a[0], F_GETFD, 0, 0, 0, 0);

	KIT_LOG(sys, "[%d] fcntl operation %d is unknown", t->tid, (int)a[1]);
	return r < 0 ? r : -EINVAL;
}

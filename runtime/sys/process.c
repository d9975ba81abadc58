/* What a process says of itself and sets for itself: uname, prctl. */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

int64_t sys_uname(struct kit_thread *t, const uint64_t *a)
{
	struct utsname u;

	if (uname(&u) < 0)
		return -errno;
	memset(u.machine, 0, sizeof u.machine);
	strcpy(u.machine, "riscv64");
	if (t->proc->opt.release) {
		memset(u.release, 0, sizeof u.release);
		strncpy(u.release, t->proc->opt.release, sizeof u.release - 1);
	}
	return copy_out(t, a[0], &u, sizeof u) ? 0 : -EFAULT;
}

/* Limits are the host's. Whether core files are written also decides whose they are. */
static int64_t limit_set(struct kit_thread *t, int64_t result, int resource)
{
	if (result == 0 && resource == RLIMIT_CORE)
		sig_core_limit(t->proc);
	return result;
}

int64_t sys_setrlimit(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = host_call(__NR_setrlimit, (long)a[0], host_ptr(t, a[1]), 0, 0, 0, 0);

	return limit_set(t, r, (int)a[0]);
}

int64_t sys_prlimit64(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = host_call(__NR_prlimit64, (long)a[0], (long)a[1], host_ptr(t, a[2]),
			      host_ptr(t, a[3]), 0, 0);

	return a[2] ? limit_set(t, r, (int)a[1]) : r;
}

/* What is not in prctls.def. */
int64_t sys_prctl(struct kit_thread *t, const uint64_t *a)
{
	KIT_LOG(sys, "[%d] prctl operation %d is unknown", t->tid, (int)a[0]);
	return -EINVAL;
}

int64_t sys_prctl_tid_address(struct kit_thread *t, const uint64_t *a)
{
	uint64_t clear = t->clear_child_tid;

	return copy_out(t, a[1], &clear, sizeof clear) ? 0 : -EFAULT;
}

/* The vector as it lies on the guest's stack; the result is its whole size. */
int64_t sys_prctl_auxv(struct kit_thread *t, const uint64_t *a)
{
	const struct kit_process *p = t->proc;
	uint64_t size = p->auxv_end - p->auxv_start, n = a[2] < size ? a[2] : size, word;

	if (a[3] || a[4])
		return -EINVAL;
	for (uint64_t at = 0; at < n; at += sizeof word) {
		size_t part = n - at < sizeof word ? (size_t)(n - at) : sizeof word;

		if (!copy_in(t, &word, p->auxv_start + at, sizeof word)
		    || !copy_out(t, a[1] + at, &word, part))
			return -EFAULT;
	}
	return (int64_t)size;
}

/* Allows fence.i in user mode to act for other harts, or forbids it: here it always may. */
int64_t sys_prctl_icache(struct kit_thread *t, const uint64_t *a)
{
	return a[1] <= 1 && a[2] <= 1 ? 0 : -EINVAL;
}

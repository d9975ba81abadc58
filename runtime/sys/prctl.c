/* prctl: operations that are done here, and what is not in prctls.def. */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

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

/* Allows fence.i in user mode to act for other harts, or forbids it: here it always may. */
int64_t sys_prctl_icache(struct kit_thread *t, const uint64_t *a)
{
	return a[1] <= 1 && a[2] <= 1 ? 0 : -EINVAL;
}

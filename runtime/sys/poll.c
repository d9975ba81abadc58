/*
 * Waiting for descriptors. The signal mask that these calls take goes to sig_set_tmpmask, never to the host
 * kernel: the host's mask is sig's. Time that is left is written by the host kernel into the guest's
 * timespec, before a restart too, as Linux does.
 */
#include "arch/rv64/abi.h"
#include "runtime/sys/sys_priv.h"

#include <limits.h>
#include <sys/epoll.h>

int64_t sys_ppoll(struct kit_thread *t, const uint64_t *a)
{
	int64_t r;

	if (a[3] && (r = sig_set_tmpmask(t, a[3], a[4])) < 0)
		return r;
	return sig_safe_syscall(t, __NR_ppoll, host_ptr(t, a[0]), (long)a[1], host_ptr(t, a[2]), 0,
				8, 0);
}

int64_t sys_set_sigset_arg(struct kit_thread *t, gaddr at)
{
	struct {
		gaddr set;
		uint64_t size;
	} mask = { 0 };

	if (at && !copy_in(t, &mask, at, sizeof mask))
		return -EFAULT;
	return mask.set ? sig_set_tmpmask(t, mask.set, mask.size) : 0;
}

int64_t sys_pselect6(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = sys_set_sigset_arg(t, a[5]);

	if (r < 0)
		return r;
	return sig_safe_syscall(t, __NR_pselect6, (long)a[0], host_ptr(t, a[1]), host_ptr(t, a[2]),
				host_ptr(t, a[3]), host_ptr(t, a[4]), 0);
}

int64_t sys_epoll_ctl(struct kit_thread *t, const uint64_t *a)
{
	struct rv64_epoll_event g;
	struct epoll_event ev = { 0 };

	if (a[1] != EPOLL_CTL_DEL) {
		if (!copy_in(t, &g, a[3], sizeof g))
			return -EFAULT;
		ev.events = g.events;
		ev.data.u64 = g.data;
	}
	return host_call(__NR_epoll_ctl, (long)a[0], (long)a[1], (long)a[2], (long)&ev, 0, 0);
}

/* Events asked for at once; more stay in the kernel's list for the next call. */
enum { EVENTS_MOST = 512 };

/* nr: which call; wait: its fourth argument, of the host. */
static int64_t wait_events(struct kit_thread *t, long nr, const uint64_t *a, long wait, gaddr set,
			   uint64_t setsize)
{
	struct epoll_event ev[EVENTS_MOST];
	bool known = a[1] < mem_limit(t->proc->mem);
	int most = (int)a[2];
	int64_t r;

	if (most > EVENTS_MOST && most <= (int)(INT_MAX / sizeof(struct rv64_epoll_event)))
		most = EVENTS_MOST;
	if (set && (r = sig_set_tmpmask(t, set, setsize)) < 0)
		return r;
	r = sig_safe_syscall(t, nr, (long)a[0], known ? (long)ev : host_ptr(t, a[1]), most, wait, 0,
			     8);
	for (int i = 0; i < r; i++) {
		struct rv64_epoll_event g = { .events = ev[i].events, .data = ev[i].data.u64 };

		if (!copy_out(t, a[1] + (unsigned)i * sizeof g, &g, sizeof g))
			return i ? i : -EFAULT;
	}
	return r;
}

int64_t sys_epoll_pwait(struct kit_thread *t, const uint64_t *a)
{
	return wait_events(t, __NR_epoll_pwait, a, (long)a[3], a[4], a[5]);
}

int64_t sys_epoll_pwait2(struct kit_thread *t, const uint64_t *a)
{
	return wait_events(t, __NR_epoll_pwait2, a, host_ptr(t, a[3]), a[4], a[5]);
}

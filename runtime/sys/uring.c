/*
 * io_uring and userfaultfd. With io_uring the guest and the kernel talk through memory that both see: submissions hold guest addresses, which the
 * kernel takes for its own. So it is passed on where guest addresses are host addresses, and is not there with a base:
 * the answer is that of a kernel without it.
 *
 * What the kernel will write to comes out of that memory too, so no page is left guarded when work is submitted.
 */
#include "lib/base/log.h"
#include "runtime/sys/sys_priv.h"

#include <linux/io_uring.h>

static bool refused(const struct kit_thread *t, const char *what)
{
	if (t->st.guest_base)
		KIT_LOG(sys, "[%d] %s refused: it would take guest addresses for the host's",
			t->tid, what);
	return t->st.guest_base != 0;
}

int64_t sys_io_uring_setup(struct kit_thread *t, const uint64_t *a)
{
	if (refused(t, "io_uring"))
		return -ENOSYS;
	return host_call(__NR_io_uring_setup, (long)a[0], host_ptr(t, a[1]), 0, 0, 0, 0);
}

/* The signal mask goes to sig_set_tmpmask, never to the host kernel: the host's mask is sig's. */
int64_t sys_io_uring_enter(struct kit_thread *t, const uint64_t *a)
{
	struct io_uring_getevents_arg ext;
	long arg = host_ptr(t, a[4]), size = (long)a[5];
	gaddr set = a[4];
	uint64_t set_bytes = a[5];
	int64_t r;

	mem_unguard(t->proc->mem, 0, mem_limit(t->proc->mem));
	if (a[3] & IORING_ENTER_EXT_ARG) {
		set = 0;
		if (size == sizeof ext && copy_in(t, &ext, a[4], sizeof ext)) {
			set = ext.sigmask;
			set_bytes = ext.sigmask_sz;
			ext.sigmask = 0;
			ext.ts = (uint64_t)host_ptr(t, ext.ts);
			arg = (long)&ext;
		}
	} else {
		arg = 0;
	}
	if (set && (a[3] & IORING_ENTER_GETEVENTS) && (r = sig_set_tmpmask(t, set, set_bytes)) < 0)
		return r;
	return sig_safe_syscall(t, __NR_io_uring_enter, (long)a[0], (long)a[1], (long)a[2],
				(long)a[3], arg, size);
}

int64_t sys_io_uring_register(struct kit_thread *t, const uint64_t *a)
{
	return host_call(__NR_io_uring_register, (long)a[0], (long)a[1], host_ptr(t, a[2]),
			 (long)a[3], 0, 0);
}

int64_t sys_userfaultfd(struct kit_thread *t, const uint64_t *a)
{
	if (refused(t, "userfaultfd"))
		return -ENOSYS;
	return host_call(__NR_userfaultfd, (long)sys_oflags_to_host(a[0]), 0, 0, 0, 0, 0);
}

/*
 * Filters with a listener: SECCOMP_RET_USER_NOTIF, seccomp_unotify(2).
 *
 *     guest filter says USER_NOTIF --> host call NOTIFY_FIRST + number, which there is not, with the guest's arguments
 *                                          |
 *     guest ioctl NOTIF_RECV  <------------+  the host's listener, made with a host filter that notifies of just these
 *     guest ioctl NOTIF_SEND  ------------->  result, errno, or GO_ON: the guest's call is made after all
 *
 * So the descriptor is the kernel's own, with its poll, its ids, its descriptors handed over, and its end when the last
 * filtered process is gone; and the host's filter goes with forks, threads and execve as the guest's does. The only
 * thing that does not get through is the address of the call: instruction_pointer is 0.
 *
 * The kernel lets a call go on by running it; what it would run here is no call. So a supervisor's kitemu answers
 * with an error number that there is not. A native supervisor's gets the guest ENOSYS.
 */
#include "arch/native.h"
#include "runtime/sys/seccomp.h"
#include "runtime/sys/sys_priv.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

enum {
	NOTIFY_FIRST = 0x20000000, /* above all numbers of calls, x32's bit below */
	NOTIFY_END = 0x40000000,
	GO_ON = -0x20000,
};

int64_t sys_notify_listener(uint64_t flags)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NOTIFY_END, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NOTIFY_FIRST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { ARRAY_LEN(f), f };

	/* What the guest's filter costs it is the guest's business; ours need not slow down all its branches. */
	return host_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
			 (long)(flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW), (long)&p, 0, 0, 0);
}

bool sys_notify_ask(struct kit_thread *t, const struct seccomp_data *d, int64_t *result)
{
	long args[6];

	if ((unsigned)d->nr >= NOTIFY_END - NOTIFY_FIRST) {
		*result = -ENOSYS;
		return false;
	}
	memcpy(args, d->args, sizeof args);
	*result = native_syscall(t->signal_taken, NOTIFY_FIRST + d->nr, args);
	if (*result == GO_ON)
		return true;
	if (*result == -EINTR && sig_is_taken(t))
		*result = -SIG_ERESTARTSYS;
	return false;
}

int64_t sys_ioctl_notif_recv(struct kit_thread *t, const uint64_t *a)
{
	struct seccomp_notif n, zero = { 0 };
	int64_t r;

	/* The kernel wants zeros there; what it finds to be wrong it says itself. */
	if (!copy_in(t, &n, a[2], sizeof n) || memcmp(&n, &zero, sizeof n) != 0)
		return host_call(__NR_ioctl, (long)a[0], (long)a[1], host_ptr(t, a[2]), 0, 0, 0);
	r = sig_safe_syscall(t, __NR_ioctl, (long)a[0], (long)a[1], (long)&n, 0, 0, 0);
	if (r < 0)
		return r;
	if (n.data.nr >= NOTIFY_FIRST && n.data.nr < NOTIFY_END) {
		n.data.nr -= NOTIFY_FIRST;
		n.data.arch = AUDIT_ARCH_RISCV64;
		n.data.instruction_pointer = 0;
	}
	return copy_out(t, a[2], &n, sizeof n) ? r : -EFAULT;
}

int64_t sys_ioctl_notif_send(struct kit_thread *t, const uint64_t *a)
{
	struct seccomp_notif_resp n;

	if (!copy_in(t, &n, a[2], sizeof n))
		return host_call(__NR_ioctl, (long)a[0], (long)a[1], host_ptr(t, a[2]), 0, 0, 0);
	if (n.flags == SECCOMP_USER_NOTIF_FLAG_CONTINUE && !n.error && !n.val) {
		n.flags = 0;
		n.error = GO_ON;
	}
	return host_call(__NR_ioctl, (long)a[0], (long)a[1], (long)&n, 0, 0, 0);
}

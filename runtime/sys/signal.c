/* Signal system calls: all of it is runtime/sig's work. */
#include "arch/rv64/abi.h"
#include "runtime/sys/sys_priv.h"

int64_t sys_rt_sigaction(struct kit_thread *t, const uint64_t *a)
{
	struct rv64_sigaction act;

	/* The kernel reads it before it looks at the number. */
	if (a[1] && a[3] == sizeof act.mask && !copy_in(t, &act, a[1], sizeof act))
		return -EFAULT;
	return sig_action(t, (int)a[0], a[1], a[2], a[3]);
}

int64_t sys_rt_sigprocmask(struct kit_thread *t, const uint64_t *a)
{
	return sig_procmask(t, (int)a[0], a[1], a[2], a[3]);
}

int64_t sys_rt_sigpending(struct kit_thread *t, const uint64_t *a)
{
	return sig_pending(t, a[0], a[1]);
}

int64_t sys_sigaltstack(struct kit_thread *t, const uint64_t *a)
{
	return sig_altstack(t, a[0], a[1]);
}

int64_t sys_rt_sigsuspend(struct kit_thread *t, const uint64_t *a)
{
	return sig_suspend(t, a[0], a[1]);
}

int64_t sys_rt_sigtimedwait(struct kit_thread *t, const uint64_t *a)
{
	return sig_timedwait(t, a[0], a[1], a[2], a[3]);
}

int64_t sys_rt_sigreturn(struct kit_thread *t, const uint64_t *a)
{
	sig_return(t);
	return SYS_R_DONE;
}

/* Interrupted sleeps restart by running the call again (time.c): nothing ever waits to be restarted here. */
int64_t sys_restart_syscall(struct kit_thread *t, const uint64_t *a) { return -EINTR; }

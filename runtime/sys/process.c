/*
 * Processes: clone, exit, prctl, uname and what belongs to a thread.
 *
 * fork is the host's fork: the child has a copy of kitemu too. After it the child takes code memory
 * of its own (jit_fork_child) and forgets its parent's pending signals (sig_fork_child).
 *
 * vfork (CLONE_VM | CLONE_VFORK) does not share memory yet. The parent waits as it
 * must, until the child has executed a program or ended: it reads from a pipe whose other end is
 * close-on-exec in the child. What a child writes before it gives up is mostly posix_spawn's error number
 * in its parent's frame: on exit it sends the memory right above the parent's stack
 * pointer through the pipe, and the parent takes that over.
 *
 * Threads: none yet; vfork_pipe belongs to the process.
 */
#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/jit/jit.h"
#include "runtime/sys/exec.h"
#include "runtime/sys/sys_priv.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/utsname.h>

/* What clone and clone3 ask for. */
struct clone_req {
	uint64_t flags; /* without the exit signal */
	int exit_signal;
	gaddr stack; /* stack pointer of the child; 0: the parent's */
	gaddr ptid, ctid, tls, pidfd;
};

enum { VFORK_FRAME_BYTES = 16384 };

/* In a vfork child: the end that its parent waits on, and what to send at exit. */
static struct {
	int fd;
	gaddr frame;
	uint64_t frame_bytes;
} vfork_pipe = { .fd = -1 };

int sys_vfork_fd(void) { return vfork_pipe.fd; }

void sys_vfork_report(struct kit_thread *t)
{
	char buf[VFORK_FRAME_BYTES];

	if (vfork_pipe.fd < 0)
		return;
	if (copy_in(t, buf, vfork_pipe.frame, vfork_pipe.frame_bytes)
	    && write(vfork_pipe.fd, buf, vfork_pipe.frame_bytes) < 0)
		KIT_LOG(sys, "[%d] vfork: the parent is gone", t->tid);
	close(vfork_pipe.fd);
	vfork_pipe.fd = -1;
}

/* The parent's side: waits for the child's exec or exit, takes over its report. */
static void vfork_wait(struct kit_thread *t, int fd, gaddr frame, uint64_t frame_bytes)
{
	char buf[VFORK_FRAME_BYTES];
	uint64_t got = 0;
	ssize_t n;

	while ((n = read(fd, buf + got, sizeof buf - got)) != 0) {
		if (n > 0)
			got += (uint64_t)n;
		else if (errno != EINTR)
			break;
		if (got == sizeof buf)
			break;
	}
	close(fd);
	if (got && got == frame_bytes)
		copy_out(t, frame, buf, got);
}

static void child_starts(struct kit_thread *t, const struct clone_req *q)
{
	int32_t tid;

	t->tid = tid = (int)syscall(__NR_gettid);
	if (vfork_pipe.fd >= 0) { /* its parent waits for our parent, not for us */
		close(vfork_pipe.fd);
		vfork_pipe.fd = -1;
	}
	jit_fork_child(t->proc->jit);
	sig_fork_child(t);
	t->robust_list = 0;
	t->clear_child_tid = q->flags & CLONE_CHILD_CLEARTID ? q->ctid : 0;
	if (q->flags & CLONE_CHILD_SETTID)
		copy_out(t, q->ctid, &tid, sizeof tid);
	if (q->flags & CLONE_SETTLS)
		t->st.reg[RV64_TP] = q->tls;
	if (q->stack)
		t->st.reg[RV64_SP] = q->stack;
}

/* The host's fork: libc's where it can do what is asked, since that keeps libc's own thread id right. */
static int64_t host_fork(const struct clone_req *q, uint64_t flags, int *pidfd)
{
	pid_t pid;

	if (flags || q->exit_signal != SIGCHLD)
		return host_call(__NR_clone, (long)(flags | (unsigned)q->exit_signal), 0,
				 (long)pidfd, 0, 0, 0);
	pid = _Fork();
	return pid < 0 ? -errno : pid;
}

/* Writes what the parent is told about its child. */
static int64_t parent_results(struct kit_thread *t, const struct clone_req *q, int64_t pid,
			      int pidfd)
{
	int32_t tid = (int32_t)pid;

	if ((q->flags & CLONE_PARENT_SETTID) && !(q->flags & CLONE_PIDFD && q->pidfd == q->ptid))
		copy_out(t, q->ptid, &tid, sizeof tid);
	if (q->flags & CLONE_PIDFD)
		copy_out(t, q->pidfd, &pidfd, sizeof pidfd);
	return pid;
}

static int64_t vfork_prepare(struct kit_thread *t, int ends[2], gaddr *frame, uint64_t *bytes)
{
	gaddr sp = t->st.reg[RV64_SP];
	struct mem_vma v;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ends[1] = sys_fd_hide(ends[1]);
	*frame = sp;
	*bytes = 0;
	if (mem_find(t->proc->mem, sp, &v))
		*bytes = v.end - sp < VFORK_FRAME_BYTES ? v.end - sp : VFORK_FRAME_BYTES;
	return 0;
}

/*
 * Says once that a thread was asked for: programs differ in what they make of the error, and some
 * (Go's run time) wait for the thread for ever.
 */
static void tell_no_threads(const struct kit_thread *t, uint64_t flags)
{
	static bool told;

	if (!told)
		kit_log_write(
		    "kitemu: %s: the program starts a thread; guest threads are not supported yet",
		    t->proc->exe_path);
	told = true;
	KIT_LOG(sys, "[%d] clone: no threads (flags 0x%llx)", t->tid, (unsigned long long)flags);
}

static int64_t do_clone(struct kit_thread *t, const struct clone_req *q)
{
	const uint64_t ours = CLONE_VM | CLONE_VFORK | CLONE_SIGHAND | CLONE_SETTLS
			      | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
			      | CLONE_DETACHED;
	bool vfork = q->flags & CLONE_VFORK;
	int ends[2], pidfd = -1;
	gaddr frame = 0;
	uint64_t frame_bytes = 0;
	int64_t r;

	if ((q->flags & CLONE_THREAD) && !(q->flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((q->flags & CLONE_SIGHAND) && !(q->flags & CLONE_VM))
		return -EINVAL;
	if ((q->flags & CLONE_THREAD) || ((q->flags & CLONE_VM) && !vfork)) {
		tell_no_threads(t, q->flags);
		return -ENOSYS;
	}
	if (vfork && (r = vfork_prepare(t, ends, &frame, &frame_bytes)) < 0)
		return r;
	jit_fork_prepare(t->proc->jit);
	r = host_fork(q, q->flags & ~ours, &pidfd);
	if (r == 0) {
		child_starts(t, q);
		if (vfork) {
			close(ends[0]);
			vfork_pipe.fd = ends[1];
			vfork_pipe.frame = frame;
			vfork_pipe.frame_bytes = frame_bytes;
		}
		return 0;
	}
	jit_fork_parent(t->proc->jit);
	if (vfork) {
		close(ends[1]);
		vfork_wait(t, ends[0], frame, frame_bytes);
	}
	return r < 0 ? r : parent_results(t, q, r, pidfd);
}

int64_t sys_clone(struct kit_thread *t, const uint64_t *a)
{
	struct clone_req q = {
		.flags = (uint32_t)a[0] & ~(uint64_t)CSIGNAL,
		.exit_signal = (int)(a[0] & CSIGNAL),
		.stack = a[1],
		.ptid = a[2],
		.tls = a[3],
		.ctid = a[4],
		.pidfd = a[2],
	};

	if ((q.flags & CLONE_PIDFD) && (q.flags & (CLONE_PARENT_SETTID | CLONE_DETACHED)))
		return -EINVAL;
	return do_clone(t, &q);
}

int64_t sys_clone3(struct kit_thread *t, const uint64_t *a)
{
	struct clone_args c = { 0 };
	uint64_t size = a[1], most = sizeof c;

	if (size > MEM_PAGE_BYTES)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (!copy_in(t, &c, a[0], size < most ? size : most))
		return -EFAULT;
	for (uint64_t i = most; i < size;
	     i++) { /* a later, larger form: its new fields must be 0 */
		char more;

		if (!copy_in(t, &more, a[0] + i, 1))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	/* CLONE_CLEAR_SIGHAND: libcs fall back to clone, as they do for Linux before 5.5. */
	if ((c.flags & (CSIGNAL | CLONE_DETACHED)) || (c.flags >> 32) || c.exit_signal > 64
	    || !c.stack != !c.stack_size)
		return -EINVAL;
	if (c.set_tid_size) {
		KIT_LOG(sys, "[%d] clone3: set_tid is not there yet", t->tid);
		return -ENOSYS;
	}
	return do_clone(t, &(struct clone_req){
			       .flags = c.flags,
			       .exit_signal = (int)c.exit_signal,
			       .stack = c.stack ? c.stack + c.stack_size : 0,
			       .ptid = c.parent_tid,
			       .ctid = c.child_tid,
			       .tls = c.tls,
			       .pidfd = c.pidfd,
			   });
}

/* With one thread, exit is exit_group. */
int64_t sys_exit(struct kit_thread *t, const uint64_t *a) { return sys_exit_group(t, a); }

int64_t sys_exit_group(struct kit_thread *t, const uint64_t *a)
{
	sys_vfork_report(t);
	t->exiting = true;
	t->exit_status = (int)(a[0] & 0xff);
	return SYS_R_EXIT;
}

int64_t sys_set_tid_address(struct kit_thread *t, const uint64_t *a)
{
	t->clear_child_tid = a[0];
	return t->tid;
}

/* The kernel walks the list when the thread ends; where there is a base it could not. */
int64_t sys_set_robust_list(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = 0;

	if (a[1] != 24)
		return -EINVAL;
	if (!t->st.guest_base)
		r = host_call(__NR_set_robust_list, (long)a[0], (long)a[1], 0, 0, 0, 0);
	if (r == 0)
		t->robust_list = a[0];
	return r;
}

int64_t sys_get_robust_list(struct kit_thread *t, const uint64_t *a)
{
	uint64_t head = t->robust_list, len = 24;

	if (a[0] != 0 && (int)a[0] != t->tid)
		return host_call(__NR_get_robust_list, (long)a[0], host_ptr(t, a[1]),
				 host_ptr(t, a[2]), 0, 0, 0);
	if (!copy_out(t, a[2], &len, sizeof len) || !copy_out(t, a[1], &head, sizeof head))
		return -EFAULT;
	return 0;
}

int64_t sys_uname(struct kit_thread *t, const uint64_t *a)
{
	struct utsname u;

	if (uname(&u) < 0)
		return -errno;
	memset(u.machine, 0, sizeof u.machine);
	strcpy(u.machine, "riscv64");
	return copy_out(t, a[0], &u, sizeof u) ? 0 : -EFAULT;
}

enum prctl_arg { PRCTL_NUMBERS, PRCTL_POINTER, PRCTL_REFUSED };

/* What the second argument of a prctl is. Refused: not on riscv64, or it would act on kitemu's own code. */
static enum prctl_arg prctl_arg(int op)
{
	switch (op) {
	case PR_SET_NAME:
	case PR_GET_NAME:
	case PR_GET_PDEATHSIG:
	case PR_GET_CHILD_SUBREAPER:
	case PR_GET_TID_ADDRESS:
		return PRCTL_POINTER;
	case PR_SET_MM:
	case PR_SET_SECCOMP:
	case PR_SET_SYSCALL_USER_DISPATCH:
	case PR_SET_TSC:
	case PR_GET_TSC:
	case PR_SET_UNALIGN:
	case PR_GET_UNALIGN:
	case PR_SET_FPEMU:
	case PR_GET_FPEMU:
	case PR_SET_FPEXC:
	case PR_GET_FPEXC:
	case PR_SET_ENDIAN:
	case PR_GET_ENDIAN:
	case PR_SET_FP_MODE:
	case PR_GET_FP_MODE:
	case PR_SVE_SET_VL:
	case PR_SVE_GET_VL:
	case PR_SET_TAGGED_ADDR_CTRL:
	case PR_GET_TAGGED_ADDR_CTRL:
	case PR_PAC_RESET_KEYS:
	case 65: /* PR_SET_MDWE: translated code needs executable memory */
		return PRCTL_REFUSED;
	default:
		return PRCTL_NUMBERS;
	}
}

int64_t sys_prctl(struct kit_thread *t, const uint64_t *a)
{
	int op = (int)a[0];
	enum prctl_arg kind = prctl_arg(op);
	uint64_t clear = t->clear_child_tid;

	if (kind == PRCTL_REFUSED) {
		KIT_LOG(sys, "[%d] prctl %d refused", t->tid, op);
		return -EINVAL;
	}
	if (op == PR_GET_TID_ADDRESS)
		return copy_out(t, a[1], &clear, sizeof clear) ? 0 : -EFAULT;
	if (op == PR_SET_VMA) /* names an anonymous mapping */
		return host_call(__NR_prctl, op, (long)a[1], host_ptr(t, a[2]), (long)a[3],
				 host_ptr(t, a[4]), 0);
	return host_call(__NR_prctl, op, kind == PRCTL_POINTER ? host_ptr(t, a[1]) : (long)a[1],
			 (long)a[2], (long)a[3], (long)a[4], 0);
}

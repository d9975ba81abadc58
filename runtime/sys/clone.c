/*
 * clone and clone3: threads, vforks and forks.
 *
 *     CLONE_THREAD             thread.c: a host thread that runs the guest thread
 *     CLONE_VM, CLONE_VFORK    the host's clone with the same flags: the child shares kitemu's memory too, code
 *                              cache and all, while the thread that made it waits in the kernel
 *     CLONE_VM                 the same on a helper, a host thread that waits in the place of the one that asked
 *     neither                  the host's fork: the child has a copy of kitemu
 *
 * A vfork child runs on a stack of its own with the waiting thread's libc state (TLS). What belongs to a process,
 * the signal dispositions above all, it has a copy of, as the kernel gives it one. A child that runs beside its parent's
 * threads is a vfork child of the helper's, whose libc state nobody else needs meanwhile. The helper takes back
 * what was the child's when it is gone, or has executed another program.
 *
 * After a fork the child takes code memory of its own (jit_fork_child) and forgets its parent's pending signals
 * (sig_fork_child). kitemu's locks are held over the fork, so that the child, whose other threads are
 * gone, finds none taken.
 */
#include "runtime/sys/clone.h"

#include "arch/native.h"
#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/core/dumped.h"
#include "runtime/core/futex.h"
#include "runtime/core/near.h"
#include "runtime/core/tally.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/heap.h"
#include "runtime/sig/trace.h"
#include "runtime/sys/seccomp.h"

#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { VFORK_STACK_BYTES = 512 << 10, STACK_ALIGN_BYTES = 16, ECALL_BYTES = 4 };

/* Flags that kitemu carries out itself, or that the host's call must not see. */
static const uint64_t own_flags = CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID
				  | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CLEAR_SIGHAND;

/* ---- what parent and child do alike ------------------------------------------------------------ */

struct kit_thread *clone_thread_new(const struct kit_process *p)
{
	struct kit_thread *t;

	if (KIT_UNLIKELY(p->runs))
		return mem_sparse_new(tally_thread_bytes(p));
	t = near_thread();
	if (t)
		return t;
	t = aligned_alloc(64, align_up(sizeof *t, 64));
	if (t)
		memset(t, 0, sizeof *t);
	return t;
}

static void thread_memory_free(struct kit_thread *t)
{
	if (KIT_UNLIKELY(t->proc->runs))
		mem_sparse_free(t, tally_thread_bytes(t->proc));
	else
		near_free(t);
}

void clone_thread_free(struct kit_thread *t)
{
	t->proc->ops->scrap(t);
	sig_thread_fini(t);
	thread_memory_free(t);
}

/* A thread that has ended becomes a new one. Its counts of blocks, which are most of it, go on. */
static void renew(struct kit_thread *c)
{
	struct interp *interp = c->interp;
	struct level0 *level0 = c->level0;
	struct guest_decoder *decoder = c->decoder;
	struct sig_thread *sig = c->sig;
	char *after = (char *)c->st.entries + sizeof c->st.entries;

	memset(c, 0, offsetof(struct kit_thread, st.entries));
	memset(after, 0, (size_t)((char *)(c + 1) - after));
	c->interp = interp;
	c->level0 = level0;
	c->decoder = decoder;
	c->sig = sig;
}

struct kit_thread *clone_thread(struct kit_thread *t, struct kit_process *p,
				const struct clone_req *q, struct kit_thread *old)
{
	struct kit_thread *c = old;

	if (!c) {
		c = clone_thread_new(p);
		if (!c)
			return NULL;
	} else {
		renew(c);
	}
	jit_set_frm(t); /* flags that still are in the host's register */
	memcpy(c->st.reg, t->st.reg, sizeof c->st.reg);
	c->st.frm = t->st.frm;
	c->st.fflags = t->st.fflags;
	c->st.pc = t->st.pc + ECALL_BYTES;
	c->st.reg[RV64_A0] = 0;
	if (q->flags & CLONE_SETTLS)
		c->st.reg[RV64_TP] = q->tls;
	if (q->stack)
		c->st.reg[RV64_SP] = q->stack;
	c->proc = p;
	c->tgid = t->tgid;
	c->sig_trace = t->sig_trace;
	if (q->flags & CLONE_THREAD)
		c->heap = t->heap;
	c->seccomp = sys_filter_ref(t->seccomp);
	trace_child(t, q->flags, q->exit_signal, &c->trace);
	if (sig_thread_copy(c, t, q->flags & CLONE_VFORK)) {
		if (p->ops->init(c))
			return c;
		sig_thread_fini(c);
	}
	sys_filter_unref(c->seccomp);
	p->ops->scrap(c);
	thread_memory_free(c);
	return NULL;
}

void clone_child_begins(struct kit_thread *c, int32_t tid, const struct clone_req *q)
{
	c->tid = tid;
	if (!(q->flags & CLONE_THREAD))
		c->tgid = tid;
	c->robust_list = 0;
	if (!(q->flags & CLONE_THREAD))
		dumped_begin();
	trace_enlist(c);
	if (q->flags & CLONE_CHILD_SETTID)
		copy_out(c, q->ctid, &tid, sizeof tid);
	thread_set_ctid(c, q->flags & CLONE_CHILD_CLEARTID ? q->ctid : 0);
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

/* ---- the host's clone -------------------------------------------------------------------------- */

/* True when clone cannot do it. */
static bool wants_clone3(const struct clone_req *q)
{
	return q->set_tids || q->flags & CLONE_INTO_CGROUP;
}

static struct clone_args host_args(const struct clone_req *q, int *pidfd)
{
	return (struct clone_args){
		.flags = q->flags & ~own_flags,
		.exit_signal = (unsigned)q->exit_signal,
		.pidfd = (uintptr_t)pidfd,
		.set_tid = q->set_tids ? (uintptr_t)q->set_tid : 0,
		.set_tid_size = q->set_tids,
		.cgroup = q->cgroup,
	};
}

/* Without a stack: 0 in the child. Its pid or -errno. */
static int64_t clone_here(const struct clone_req *q, int *pidfd)
{
	struct clone_args args = host_args(q, pidfd);

	if (wants_clone3(q))
		return host_call(__NR_clone3, (long)&args, sizeof args, 0, 0, 0, 0);
	return host_call(__NR_clone, (long)(args.flags | args.exit_signal), 0, (long)pidfd, 0, 0,
			 0);
}

/*
 * libc's fork holds libc's own locks over the clone in the middle of it, those of malloc above all, which other threads
 * may hold at any time, and puts its state right in the child. That clone is a function of its own, _Fork, and the linker sends
 * fork here: so whatever clone the guest asked for is made in that place.
 */
static _Thread_local struct {
	const struct clone_req *req;
	int *pidfd;
} asked;

/* ---- vfork ------------------------------------------------------------------------------------- */

struct vfork {
	struct clone_req req;
	struct kit_process *parent;
	struct kit_process *proc; /* what the child believes to be */
	struct kit_thread *child;
	struct heap *heap; /* the child's malloc */
	char *stack;
	int pid, pidfd; /* the kernel writes them before the child begins */
	/* Of a child that runs beside its parent's threads: */
	bool beside;
	uint32_t refs;  /* atomic: the helper's and that of the thread that asked */
	uint32_t began; /* futex: result holds */
	int64_t result;
};

static void vfork_began(struct vfork *v, int64_t result)
{
	v->result = result;
	__atomic_store_n(&v->began, 1, __ATOMIC_RELEASE);
	if (v->beside)
		futex_wake(&v->began, 1);
}

static int vfork_main(void *arg)
{
	struct vfork *v = arg;
	struct kit_thread *c = v->child;
	bool last;

	kit_set_self(c);
	clone_child_begins(c, (int32_t)syscall(__NR_gettid), &v->req);
	/* In memory that is the parent's too, and before either can look. */
	vfork_began(v, parent_results(c, &v->req, v->pid, v->pidfd));
	if (v->req.flags & CLONE_CLEAR_SIGHAND)
		sig_clear_handlers(c);
	sig_vfork_child(c);
	trace_child_begins(c);
	sig_thread_start(c);
	c->proc->ops->run(c);
	thread_ends(c);
	last = __atomic_sub_fetch(&c->proc->threads, 1, __ATOMIC_ACQ_REL) == 0;
	if (c->exit_group || last)
		c->proc->ops->farewell(c, 0, false);
	c->is_whole = true;
	while (!c->exit_group && !last)
		syscall(__NR_exit, c->exit_status);
	_exit(c->exit_status);
}

/* Dispositions are the child's own unless it asked to share them. */
static struct kit_process *vfork_process(const struct kit_thread *t, const struct clone_req *q)
{
	struct kit_process *p = malloc(sizeof *p);

	if (!p)
		return NULL;
	*p = *t->proc;
	p->threads = 1;
	p->lent = 1;
	p->is_child = true;
	p->shares_files = q->flags & CLONE_FILES;
	kit_list_init(p);
	if (!(q->flags & CLONE_SIGHAND))
		p->sig = sig_table_copy(t->proc->sig);
	if (p->sig)
		return p;
	free(p);
	return NULL;
}

/* Takes back what a thread had that is gone, whatever it was at, after the locks. */
static void vfork_thread_gone(struct kit_thread *c)
{
	for (unsigned i = 0; i < ARRAY_LEN(c->exec_block) && c->is_whole; i++)
		free(c->exec_block[i]);
	c->proc->ops->gone(c);
	sig_thread_fini(c);
	sys_filter_unref(c->seccomp);
	thread_memory_free(c);
}

/* The child is gone, or was never made. */
static void vfork_clear(struct vfork *v)
{
	if (v->child) {
		v->proc->ops->take_back(v->child);
		vfork_thread_gone(v->child);
	}
	if (v->heap)
		heap_release(v->heap);
	if (v->proc && v->proc->sig != v->parent->sig)
		sig_table_free(v->proc->sig);
	free(v->proc);
	free(v->stack);
}

static struct vfork *vfork_new(struct kit_thread *t, const struct clone_req *q)
{
	struct vfork *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	v->req = *q;
	v->parent = t->proc;
	v->pidfd = -1;
	v->proc = vfork_process(t, q);
	v->stack = aligned_alloc(STACK_ALIGN_BYTES, VFORK_STACK_BYTES);
	v->heap = heap_new();
	if (v->proc && v->stack && v->heap)
		v->child = clone_thread(t, v->proc, q, NULL);
	if (v->child) {
		v->child->heap = v->heap;
		v->child->leader = true;
		return v;
	}
	vfork_clear(v);
	free(v);
	return NULL;
}

/* Makes the child and waits until it has left the memory: its pid or -errno. All signals are blocked. */
static int64_t vfork_run(struct vfork *v)
{
	const struct clone_req *q = &v->req;
	struct clone_args args = host_args(q, &v->pidfd);
	int pid;

	args.flags |= CLONE_VFORK | CLONE_PARENT_SETTID;
	if (wants_clone3(q) || q->flags & CLONE_PIDFD) { /* clone has one place for both answers */
		args.parent_tid = (uintptr_t)&v->pid;
		args.stack = (uintptr_t)v->stack;
		args.stack_size = VFORK_STACK_BYTES;
		return native_clone3(&args, sizeof args, vfork_main, v);
	}
	pid = clone(vfork_main, v->stack + VFORK_STACK_BYTES, (int)(args.flags | args.exit_signal),
		    v, &v->pid);
	return pid < 0 ? -errno : pid;
}

static int64_t do_vfork(struct kit_thread *t, const struct clone_req *q)
{
	struct vfork *v = vfork_new(t, q);
	int64_t r;

	if (!v)
		return -ENOMEM;
	__atomic_add_fetch(&v->parent->lent, 1, __ATOMIC_RELAXED);
	sig_block_all();
	r = vfork_run(v);
	kit_set_self(t);
	asked.req =
	    NULL; /* the child has had this thread's libc state, and may have been killed anywhere */
	sig_unblock(t);
	vfork_clear(v);
	__atomic_sub_fetch(&v->parent->lent, 1, __ATOMIC_RELAXED);
	free(v);
	return r;
}

/* ---- children beside their parent's threads ------------------------------------------------------- */

/* True when all threads of the process are gone. */
static bool is_dead(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0
	    && info.si_pid == pid)
		return true;
	return kill(pid, 0) < 0 && errno == ESRCH;
}

/*
 * The child's first thread has left the memory. Others that it made may still be there, and die with their process
 * wherever they are: nobody tells. It is a rare program that makes any.
 */
static void end_beside(struct vfork *v)
{
	struct timespec pause = { 0, 1000000 };
	struct kit_thread *c;

	v->proc->ops->take_back(v->child);
	vfork_thread_gone(v->child);
	v->child = NULL;
	while (v->proc->first_thread && !is_dead((pid_t)v->result)) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 100000000)
			pause.tv_nsec *= 2;
	}
	for (c = v->proc->first_thread; c; c = c->next)
		v->proc->ops->take_back(c);
	while ((c = v->proc->first_thread))
		vfork_thread_gone(c);
}

static void beside_release(struct vfork *v)
{
	if (__atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(v);
}

/* The helper. */
static void *beside_main(void *arg)
{
	struct vfork *v = arg;
	int64_t r;

	sig_block_all();
	r = vfork_run(v);
	kit_set_self(NULL);
	if (r >= 0)
		end_beside(v);
	vfork_clear(v);
	__atomic_sub_fetch(&v->parent->lent, 1, __ATOMIC_RELAXED);
	if (r < 0)
		vfork_began(v, r);
	beside_release(v);
	return NULL;
}

static int64_t do_beside(struct kit_thread *t, const struct clone_req *q)
{
	struct vfork *v = vfork_new(t, q);
	int64_t r;

	if (!v)
		return -ENOMEM;
	v->beside = true;
	v->refs = 2;
	__atomic_add_fetch(&v->parent->lent, 1, __ATOMIC_RELAXED);
	r = -thread_start_helper(t, beside_main, v);
	if (r < 0) {
		vfork_clear(v);
		__atomic_sub_fetch(&v->parent->lent, 1, __ATOMIC_RELAXED);
		free(v);
		return r;
	}
	while (!__atomic_load_n(&v->began, __ATOMIC_ACQUIRE))
		futex_wait(&v->began, 0);
	r = v->result;
	beside_release(v);
	return r;
}

/* ---- fork -------------------------------------------------------------------------------------- */

#ifdef KIT_WRAPS_FORK
pid_t __real__Fork(void);
pid_t __wrap__Fork(void);

pid_t __wrap__Fork(void)
{
	return asked.req ? (pid_t)clone_here(asked.req, asked.pidfd) : __real__Fork();
}

static pid_t fork_as_asked(void) { return fork(); }
#else
/* Where libc's fork cannot be had in parts, another thread's hold on malloc goes on in the child. */
static pid_t fork_as_asked(void) { return (pid_t)clone_here(asked.req, asked.pidfd); }
#endif

static int64_t host_fork(const struct heap *heap, const struct clone_req *q, int *pidfd)
{
	pid_t pid;

	/* A child with a heap of its own leaves libc's locks alone: it may be killed while it has them. */
	if (heap)
		return clone_here(q, pidfd);
	if (!(q->flags & ~own_flags) && q->exit_signal == SIGCHLD && !wants_clone3(q)) {
		pid = fork();
	} else {
		asked.req = q;
		asked.pidfd = pidfd;
		pid = fork_as_asked();
		asked.req = NULL;
	}
	return pid < 0 ? -errno : pid;
}

static void fork_child(struct kit_thread *t, const struct clone_req *q)
{
	struct kit_trace trace;

	trace_child(t, q->flags, q->exit_signal, &trace);
	t->trace = trace;
	free(t->tracees);
	t->tracees = NULL;
	t->asked = NULL;
	if (t->heap)
		heap_fork_child(t->heap);
	t->proc->ops->fork(t, KIT_FORK_CHILD);
	thread_fork_child();
	t->leader = true;
	t->proc->threads = 1;
	t->proc->forked = t->proc->is_child = true;
	t->proc->shares_files = q->flags & CLONE_FILES;
	clone_child_begins(t, (int32_t)syscall(__NR_gettid), q);
	sig_fork_child(t);
	trace_child_begins(t);
	if (q->flags & CLONE_CLEAR_SIGHAND)
		sig_clear_handlers(t);
	if (q->flags & CLONE_SETTLS)
		t->st.reg[RV64_TP] = q->tls;
	if (q->stack)
		t->st.reg[RV64_SP] = q->stack;
}

static int64_t do_fork(struct kit_thread *t, const struct clone_req *q)
{
	struct kit_process *p = t->proc;
	int pidfd = -1;
	int64_t r;

	p->ops->fork(t, KIT_FORK_BEFORE);
	sig_fork_prepare(t);
	/* What comes for the child before it is one waits in the kernel: sig_fork_child forgets what was its parent's. */
	sig_block_all();
	r = host_fork(t->heap, q, &pidfd);
	if (r == 0) {
		fork_child(t, q);
		return 0;
	}
	if (!sig_is_taken(t))
		sig_unblock(t);
	sig_fork_parent(t);
	p->ops->fork(t, KIT_FORK_PARENT);
	return r < 0 ? r : parent_results(t, q, r, pidfd);
}

/* ---- the calls ---------------------------------------------------------------------------------- */

static int64_t do_clone(struct kit_thread *t, const struct clone_req *q)
{
	if ((q->flags & CLONE_THREAD) && !(q->flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((q->flags & CLONE_SIGHAND) && !(q->flags & CLONE_VM))
		return -EINVAL;
	if ((q->flags & CLONE_CLEAR_SIGHAND) && (q->flags & CLONE_SIGHAND))
		return -EINVAL;
	if (q->flags & CLONE_THREAD)
		return thread_create(t, q);
	sys_dumped_prepare(t);
	if (q->flags & CLONE_FILES)
		t->proc->shares_files = true;
	if (!(q->flags & CLONE_VM))
		return do_fork(t, q);
	return q->flags & CLONE_VFORK ? do_vfork(t, q) : do_beside(t, q);
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

/* copy_clone_args_from_user and clone3_args_valid of kernel/fork.c. */
static bool clone_args_are_valid(const struct clone_args *c, uint64_t size)
{
	if (c->set_tid_size > CLONE_SET_TID_MOST || !c->set_tid != !c->set_tid_size)
		return false;
	if (c->exit_signal > 64 || !c->stack != !c->stack_size)
		return false;
	if ((c->flags & CLONE_INTO_CGROUP) && (c->cgroup > INT_MAX || size < CLONE_ARGS_SIZE_VER2))
		return false;
	if ((c->flags & (CSIGNAL | CLONE_DETACHED))
	    || (c->flags & ~(UINT64_C(0xffffffff) | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)))
		return false;
	return !(c->flags & (CLONE_THREAD | CLONE_PARENT)) || !c->exit_signal;
}

int64_t sys_clone3(struct kit_thread *t, const uint64_t *a)
{
	struct clone_args c = { 0 };
	struct clone_req q;
	int64_t r = sys_copy_grown(t, &c, sizeof c, CLONE_ARGS_SIZE_VER0, a[0], a[1]);

	if (r < 0)
		return r;
	if (!clone_args_are_valid(&c, a[1]))
		return -EINVAL;
	q = (struct clone_req){
		.flags = c.flags,
		.exit_signal = (int)c.exit_signal,
		.stack = c.stack ? c.stack + c.stack_size : 0,
		.ptid = c.parent_tid,
		.ctid = c.child_tid,
		.tls = c.tls,
		.pidfd = c.pidfd,
		.cgroup = c.cgroup,
		.set_tids = (unsigned)c.set_tid_size,
	};
	if (!copy_in(t, q.set_tid, c.set_tid, q.set_tids * sizeof *q.set_tid))
		return -EFAULT;
	return do_clone(t, &q);
}

/*
 * Guest threads: each runs on a host thread that libc made.
 *
 * A guest's thread id is its host thread's. What libc keeps for a host thread is taken back by a later thread_create,
 * once the kernel says that it is gone. The process's first thread may end before the others, as under Linux. It
 * does so by the exit system call itself: libc goes on counting it, and so does not end the process, with a status of
 * its own, when the last of the others has left.
 *
 * What the kernel does at the end of a thread, robust list and clear_child_tid, is done here for host threads of libc's:
 * there the kernel's clear_child_tid is libc's own. First threads of a process leave both to the kernel.
 */
#include "arch/native.h"
#include "lib/base/log.h"
#include "lib/base/panic.h"
#include "runtime/core/futex.h"
#include "runtime/jit/codemem.h"
#include "runtime/sig/trace.h"
#include "runtime/sys/clone.h"
#include "runtime/sys/seccomp.h"
#include "runtime/sys/sys.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

enum { THREAD_STACK_BYTES = 512 << 10, ROBUST_HEAD_BYTES = 24, SPARE_MAX = 8 };

/* ---- host threads --------------------------------------------------------------------------------- */

/*
 * What libc and kitemu know of a host thread. A thread that has ended leaves it to a later one, with its host stack and what
 * its guest thread had; libc's own stacks are cleared at each end, and making all that takes three times as long as the
 * host's clone.
 */
struct host_thread {
	pthread_t libc;
	char *stack; /* THREAD_STACK_BYTES with a guard page below */
	struct kit_thread *guest;
	struct clone_req req;
	uint32_t go; /* futex, enum go: the thread waits until its parent has written its id */
	bool is_gone;
	struct host_thread *next;
};

enum go { GO_NOT_YET, GO_NOW, GO_WAITED_FOR };

/* Atomic: a stack of threads that are gone or about to be, and how many of them have left their guest thread. */
static struct host_thread *ended;
static unsigned spare_guests;

/* The last thing that a thread does with memory that others use. All signals are blocked. */
static void note_ended(struct host_thread *h)
{
	h->next = __atomic_load_n(&ended, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&ended, &h->next, h, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		continue;
}

static void host_thread_free(struct host_thread *h)
{
	if (h->guest) {
		clone_thread_free(h->guest);
		__atomic_sub_fetch(&spare_guests, 1, __ATOMIC_RELAXED);
	}
	codemem_stack_free(h->stack, THREAD_STACK_BYTES);
	free(h);
}

/* One that the kernel has seen off; NULL: there is none. All but a few others of that kind are freed. */
static struct host_thread *take_ended(void)
{
	struct host_thread *h = __atomic_exchange_n(&ended, NULL, __ATOMIC_ACQUIRE);
	struct host_thread *found = NULL, *next;
	unsigned kept = 0;

	for (; h; h = next) {
		next = h->next;
		if (!h->is_gone)
			h->is_gone = !pthread_tryjoin_np(h->libc, NULL);
		if (h->is_gone && !found)
			found = h;
		else if (h->is_gone && ++kept > SPARE_MAX)
			host_thread_free(h);
		else
			note_ended(h);
	}
	return found;
}

/* The memory of a host thread to be, without a guest thread when *old is NULL. */
static struct host_thread *host_thread_new(struct kit_thread **old)
{
	struct host_thread *h = take_ended();

	*old = h ? h->guest : NULL;
	if (*old)
		__atomic_sub_fetch(&spare_guests, 1, __ATOMIC_RELAXED);
	if (h)
		return h;
	h = malloc(sizeof *h);
	if (h)
		h->stack = codemem_stack_new(THREAD_STACK_BYTES);
	if (!h || h->stack)
		return h;
	free(h);
	return NULL;
}

void thread_fork_child(void)
{
	/* libc has taken back what belonged to threads that did not come along. */
	ended = NULL;
	spare_guests = 0;
}

/* ---- ends ----------------------------------------------------------------------------------------- */

void thread_set_ctid(struct kit_thread *t, gaddr ctid)
{
	t->clear_child_tid = ctid;
	if (t->leader)
		host_call(__NR_set_tid_address, host_ptr(t, ctid), 0, 0, 0, 0, 0);
}

static void wake_one(const struct kit_thread *t, gaddr word)
{
	host_call(__NR_futex, host_ptr(t, word), FUTEX_WAKE, 1, 0, 0, 0);
}

/* A robust futex of a thread that ends: handle_futex_death of kernel/futex/core.c. False: it cannot be accessed. */
static bool mark_owner_died(struct kit_thread *t, gaddr word, bool pi, bool pending)
{
	uint32_t val, want;
	int done;

	if (word % sizeof val)
		return false;
	do {
		if (!copy_in(t, &val, word, sizeof val))
			return false;
		/* Died between unlocking and waking: the waiters' wake-up must not be lost. */
		if (pending && !pi && !(val & FUTEX_TID_MASK)) {
			wake_one(t, word);
			return true;
		}
		if ((val & FUTEX_TID_MASK) != (uint32_t)t->tid)
			return true;
		want = (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		done = mem_cas32(t->proc->mem, word, val, want);
	} while (done == 0);
	if (done < 0)
		return false;
	if (!pi && (val & FUTEX_WAITERS))
		wake_one(t, word);
	return true;
}

/* exit_robust_list of the same file. The lowest bit of a pointer says that the lock is of the PI kind. */
static void end_robust_list(struct kit_thread *t)
{
	struct {
		uint64_t list;
		int64_t futex_offset;
		uint64_t pending;
	} head;
	uint64_t entry;

	_Static_assert(sizeof head == ROBUST_HEAD_BYTES, "struct robust_list_head");
	if (!t->robust_list || !copy_in(t, &head, t->robust_list, sizeof head))
		return;
	entry = head.list;
	for (unsigned n = 0; n < ROBUST_LIST_LIMIT && (entry & ~UINT64_C(1)) != t->robust_list;
	     n++) {
		gaddr at = entry & ~UINT64_C(1);
		uint64_t next;
		bool more = copy_in(t, &next, at, sizeof next);

		if (at != (head.pending & ~UINT64_C(1))
		    && !mark_owner_died(t, at + (uint64_t)head.futex_offset, entry & 1, false))
			return;
		if (!more)
			return;
		entry = next;
	}
	if (head.pending & ~UINT64_C(1))
		mark_owner_died(t, (head.pending & ~UINT64_C(1)) + (uint64_t)head.futex_offset,
				head.pending & 1, true);
}

void thread_ends(struct kit_thread *t)
{
	const uint32_t zero = 0;

	/* Where there is a base the kernel was not told of the list. */
	if (!t->leader || t->st.guest_base)
		end_robust_list(t);
	if (t->leader)
		return;
	if (t->robust_list)
		host_call(__NR_set_robust_list, 0, ROBUST_HEAD_BYTES, 0, 0, 0, 0);
	if (t->clear_child_tid && copy_out(t, t->clear_child_tid, &zero, sizeof zero))
		wake_one(t, t->clear_child_tid);
}

/* The guest's part of a thread that is not its process's last. */
static void leave(struct kit_thread *t)
{
	sig_block_all();
	thread_ends(t);
	t->proc->ops->fini(t);
	sys_filter_unref(t->seccomp);
	free(t->tracees);
	kit_set_self(NULL);
}

int sys_process_end(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	bool last = __atomic_sub_fetch(&p->threads, 1, __ATOMIC_ACQ_REL) == 0;

	if (!t->exit_group && !last) {
		int status = t->exit_status;

		leave(t);
		clone_thread_free(t);
		for (;;)
			syscall(__NR_exit, status);
	}
	thread_ends(t);
	p->ops->farewell(t, 0, false);
	/* libc has nothing left to do in a fork's child, whose pages are its own only once they are touched. */
	if (!last || p->forked)
		_exit(t->exit_status);
	return t->exit_status;
}

/* ---- beginnings ----------------------------------------------------------------------------------- */

/* Threads share these with their process unless clone was told otherwise. */
static int not_shared(uint64_t flags)
{
	return (flags & CLONE_FILES ? 0 : CLONE_FILES) | (flags & CLONE_FS ? 0 : CLONE_FS)
	       | (flags & CLONE_SYSVSEM ? 0 : CLONE_SYSVSEM);
}

/* The kernel's id of a thread that runs, by the clock that is named after it (include/linux/posix-timers.h). */
static int32_t tid_of(pthread_t thread)
{
	clockid_t clock = 0;

	KIT_CHECK(!pthread_getcpuclockid(thread, &clock), "a thread that was started is not there");
	return ~(clock >> 3);
}

static void *thread_main(void *arg)
{
	struct host_thread *h = arg;
	struct kit_thread *t = h->guest;
	struct kit_process *p = t->proc;
	uint32_t not_yet = GO_NOT_YET;
	bool last;

	/*
	 * libc let signal 32 in, nobody else's get to this thread before it has its own mask. One that comes now waits in the
	 * kernel, or from here on in the thread's slot.
	 */
	kit_set_self(t);
	if (__atomic_compare_exchange_n(&h->go, &not_yet, GO_WAITED_FOR, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		while (__atomic_load_n(&h->go, __ATOMIC_ACQUIRE) != GO_NOW)
			futex_wait(&h->go, GO_WAITED_FOR);
	clone_child_begins(t, tid_of(pthread_self()), &h->req);
	if (not_shared(h->req.flags) && unshare(not_shared(h->req.flags)) < 0)
		KIT_LOG(sys, "[%d] clone: cannot unshare what the thread does not want", t->tid);
	trace_child_begins(t);
	sig_thread_start(t);
	p->ops->run(t);
	last = __atomic_sub_fetch(&p->threads, 1, __ATOMIC_ACQ_REL) == 0;
	if (t->exit_group || last) {
		if (!t->exit_group)
			thread_ends(t);
		p->ops->farewell(t, 0, false);
		/* The last thread's status is the process's. */
		_exit(t->exit_status);
	}
	leave(t);
	if (__atomic_add_fetch(&spare_guests, 1, __ATOMIC_RELAXED) > SPARE_MAX) {
		__atomic_sub_fetch(&spare_guests, 1, __ATOMIC_RELAXED);
		clone_thread_free(t);
		h->guest = NULL;
	}
	note_ended(h);
	return NULL;
}

/*
 * Ids that are chosen for the thread that pthread_create is about to make: the linker sends its clone here. libc would
 * make it without them where there is no clone3, or where it does not use it (AArch64's of Debian 12).
 */
static _Thread_local const struct clone_req *chosen;

#ifdef KIT_WRAPS_THREADS
int __real___clone_internal(struct clone_args *args, int (*fn)(void *), void *arg);
int __wrap___clone_internal(struct clone_args *args, int (*fn)(void *), void *arg);

int __wrap___clone_internal(struct clone_args *args, int (*fn)(void *), void *arg)
{
	int64_t r;

	if (!chosen)
		return __real___clone_internal(args, fn, arg);
	args->set_tid = (uintptr_t)chosen->set_tid;
	args->set_tid_size = chosen->set_tids;
	r = native_clone3(args, CLONE_ARGS_SIZE_VER1, fn, arg);
	if (r >= 0)
		return (int)r;
	errno = (int)-r;
	return -1;
}

static bool can_choose_ids(void) { return true; }
#else
static bool can_choose_ids(void) { return false; }
#endif

/* stack: the caller's, of THREAD_STACK_BYTES, for a thread that will be joined; NULL: libc's, for one that will not. */
static int start_host_thread(pthread_t *thread, void *stack, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	if (stack)
		pthread_attr_setstack(&attr, stack, THREAD_STACK_BYTES);
	else
		pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	pthread_attr_setdetachstate(&attr,
				    stack ? PTHREAD_CREATE_JOINABLE : PTHREAD_CREATE_DETACHED);
	err = pthread_create(thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return err;
}

int thread_start_helper(struct kit_thread *t, void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	int err;

	sig_take_reserved(t->proc);
	sig_block_all();
	err = start_host_thread(&thread, NULL, fn, arg);
	sig_take_back(t->proc);
	sig_unblock(t);
	return err;
}

int64_t thread_create(struct kit_thread *t, const struct clone_req *q)
{
	const uint64_t known = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
			       | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID
			       | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_DETACHED
			       | CLONE_UNTRACED | CLONE_PTRACE | CLONE_IO | CLONE_PARENT;
	struct kit_thread *old;
	struct host_thread *h;
	int32_t tid;
	int err;

	if (q->flags & ~known) {
		KIT_LOG(sys, "[%d] clone: flags 0x%llx with CLONE_THREAD", t->tid,
			(unsigned long long)(q->flags & ~known));
		return -EINVAL;
	}
	if (q->set_tids && !can_choose_ids()) {
		KIT_LOG(sys, "[%d] clone3: the id of a thread cannot be chosen", t->tid);
		return -ENOSYS;
	}
	h = host_thread_new(&old);
	if (!h)
		return -ENOMEM;
	*h = (struct host_thread){ .stack = h->stack, .req = *q };
	h->guest = clone_thread(t, t->proc, q, old);
	if (!h->guest) {
		host_thread_free(h);
		return -ENOMEM;
	}
	__atomic_add_fetch(&t->proc->threads, 1, __ATOMIC_RELAXED);
	sig_take_reserved(t->proc);
	sig_before_thread(t);
	chosen = q->set_tids ? q : NULL;
	err = start_host_thread(&h->libc, h->stack, thread_main, h);
	chosen = NULL;
	sig_take_back(t->proc);
	if (err) {
		__atomic_sub_fetch(&t->proc->threads, 1, __ATOMIC_RELAXED);
		t->proc->ops->fini(h->guest);
		sys_filter_unref(h->guest->seccomp);
		clone_thread_free(h->guest);
		h->guest = NULL;
		host_thread_free(h);
		sig_after_thread(t);
		return -err;
	}
	tid = tid_of(h->libc);
	if (q->flags & CLONE_PARENT_SETTID)
		copy_out(t, q->ptid, &tid, sizeof tid);
	if (__atomic_exchange_n(&h->go, GO_NOW, __ATOMIC_ACQ_REL) == GO_WAITED_FOR)
		futex_wake(&h->go, 1); /* the memory may be gone by now, which does no harm */
	sig_after_thread(t);
	return tid;
}

/* ---- the calls -------------------------------------------------------------------------------------- */

static int64_t end_thread(struct kit_thread *t, int status, bool group)
{
	/* A signal that this thread took for its process must not get lost with it. */
	if (!group && sig_is_taken(t))
		return -SIG_ERESTARTNOINTR;
	t->exiting = true;
	t->exit_group = group;
	t->exit_status = status & 0xff;
	return SYS_R_EXIT;
}

int64_t sys_exit(struct kit_thread *t, const uint64_t *a)
{
	return end_thread(t, (int)a[0], false);
}

int64_t sys_exit_group(struct kit_thread *t, const uint64_t *a)
{
	return end_thread(t, (int)a[0], true);
}

int64_t sys_set_tid_address(struct kit_thread *t, const uint64_t *a)
{
	thread_set_ctid(t, a[0]);
	return t->tid;
}

/* The kernel walks the list when the thread ends; where there is a base it could not. */
int64_t sys_set_robust_list(struct kit_thread *t, const uint64_t *a)
{
	int64_t r = 0;

	if (a[1] != ROBUST_HEAD_BYTES)
		return -EINVAL;
	if (!t->st.guest_base)
		r = host_call(__NR_set_robust_list, (long)a[0], (long)a[1], 0, 0, 0, 0);
	if (r == 0)
		t->robust_list = a[0];
	return r;
}

int64_t sys_get_robust_list(struct kit_thread *t, const uint64_t *a)
{
	uint64_t head = t->robust_list, len = ROBUST_HEAD_BYTES;

	if (a[0] != 0 && (int)a[0] != t->tid)
		return host_call(__NR_get_robust_list, (long)a[0], host_ptr(t, a[1]),
				 host_ptr(t, a[2]), 0, 0, 0);
	if (!copy_out(t, a[2], &len, sizeof len) || !copy_out(t, a[1], &head, sizeof head))
		return -EFAULT;
	return 0;
}

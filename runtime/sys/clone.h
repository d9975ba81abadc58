/* What the files of clone share: requests, the making of threads, their ends. */
#ifndef KIT_RUNTIME_SYS_CLONE_H
#define KIT_RUNTIME_SYS_CLONE_H

#include "runtime/sys/sys_priv.h"

enum { CLONE_SET_TID_MOST = 32 }; /* MAX_PID_NS_LEVEL */

/* What clone and clone3 ask for. */
struct clone_req {
	uint64_t flags; /* without the exit signal */
	int exit_signal;
	gaddr stack; /* stack pointer of the child; 0: the parent's */
	gaddr ptid, ctid, tls, pidfd;
	uint64_t cgroup;   /* a descriptor: CLONE_INTO_CGROUP */
	unsigned set_tids; /* how many ids are chosen, the innermost namespace's first */
	int32_t set_tid[CLONE_SET_TID_MOST];
};

/*
 * A guest thread of process p that goes on behind t's ecall as the child that q asks for, ready to be started on a host
 * thread. old: one that has ended, whose memory it gets; or NULL. NULL: out of memory, and old's is gone too.
 */
struct kit_thread *clone_thread(struct kit_thread *t, struct kit_process *p,
				const struct clone_req *q, struct kit_thread *old);
/* Memory for a thread of p, zeroed; NULL: there is none. */
struct kit_thread *clone_thread_new(const struct kit_process *p);
/* Frees what a thread that has ended has left. */
void clone_thread_free(struct kit_thread *t);
/* On the child's host thread, which has this id: sets it, and writes it where the child asked for it. */
void clone_child_begins(struct kit_thread *c, int32_t tid, const struct clone_req *q);

/* thread.c: CLONE_THREAD. The child's thread id or -errno. */
int64_t thread_create(struct kit_thread *t, const struct clone_req *q);
/* Starts a host thread that is no guest's, for t: with all signals blocked, reaped by nobody. 0 or an error number. */
int thread_start_helper(struct kit_thread *t, void *(*fn)(void *), void *arg);
/* What happens to *ctid when the thread ends: it becomes 0 and one waiter is woken. 0: nothing. */
void thread_set_ctid(struct kit_thread *t, gaddr ctid);
/* A thread's end as its robust futexes and its clear_child_tid see it, where the kernel does not do that. */
void thread_ends(struct kit_thread *t);
void thread_fork_child(void);

#endif

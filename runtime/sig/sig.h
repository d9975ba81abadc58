/*
 * Guest signals: dispositions, masks, pending queues, frames, faults.
 *
 * The host's handler for every signal only records (siginfo into the thread's queue, ir_state.stop)
 * or, for faults in translated code and in guest memory accessors, repairs the context;
 * delivery happens in the run loop between units, by sig_deliver.
 */
#ifndef KIT_RUNTIME_SIG_SIG_H
#define KIT_RUNTIME_SIG_SIG_H

#include "runtime/core/thread.h"

/* System calls (guest structures in guest memory; results or -errno). */
int64_t sig_action(struct kit_thread *t, int sig, gaddr act, gaddr oldact, uint64_t setsize);
int64_t sig_procmask(struct kit_thread *t, int how, gaddr set, gaddr oldset, uint64_t setsize);
int64_t sig_pending(struct kit_thread *t, gaddr set, uint64_t setsize);
int64_t sig_altstack(struct kit_thread *t, gaddr ss, gaddr old);
int64_t sig_suspend(struct kit_thread *t, gaddr set, uint64_t setsize);
int64_t sig_timedwait(struct kit_thread *t, gaddr set, gaddr info, gaddr timeout, uint64_t setsize);
/* Restores the frame at sp; the registers, pc included, are then the frame's. */
void sig_return(struct kit_thread *t);

/* si_code of the SIGBUS by which the profile's sampler asks a thread where it is; no signal that a guest can send has it. */
enum { SIG_SAMPLE_CODE = -0x4b49 };

/*
 * Result of a system call handler that the kernel would restart: run.c lets sig_deliver decide
 * between running it again and EINTR. The values are the kernel's, never seen by a guest.
 */
enum {
	SIG_ERESTARTSYS = 512,    /* restart if SA_RESTART, EINTR else */
	SIG_ERESTARTNOINTR = 513, /* always restart, after the handler */
	SIG_ERESTARTNOHAND = 514, /* restart if no handler ran, EINTR else */
};

/*
 * Temporary mask for ppoll, pselect6, epoll_pwait: sets it as the thread's mask until the system call is over and
 * the signals that it lets in are delivered.
 */
int64_t sig_set_tmpmask(struct kit_thread *t, gaddr set, uint64_t setsize);
/* After a system call with its result, where t->tmpmask is set: ends a temporary mask, unless a signal's frame is going to save the old one. */
void sig_end_tmpmask(struct kit_thread *t, int64_t result);

/*
 * Runs a host system call so that a signal which arrives before it blocks makes it
 * return -EINTR at once: nothing is lost between the look at ir_state.stop and the call.
 * Returns the kernel's result (-errno on failure).
 */
int64_t sig_safe_syscall(struct kit_thread *t, long nr, long a, long b, long c, long d, long e,
			 long f);

/* Sets up a process (once), its first thread (sig_thread_init, then sig_thread_start), a forked child. */
bool sig_process_init(struct kit_process *p, struct diag *d);
/*
 * The same in a program that embeds kitemu: faults alone are taken, and those of no guest go to the program's own handlers. Around running
 * t: the handler's stack; old: what there was.
 */
bool sig_embed(struct kit_process *p, struct diag *d);
void sig_embed_enter(struct kit_thread *t, stack_t *old);
void sig_embed_leave(const stack_t *old);
/* RLIMIT_CORE may have changed: decides who writes core files. */
void sig_core_limit(struct kit_process *p);
/* It is not 0, or deaths are to be told of. */
bool sig_takes_crashes(const struct kit_process *p);
/* Somebody wants to hear of the process's end (--strace, --stats, --coverage, --profile): signals that end it are taken first, but for SIGKILL. */
void sig_end_late(struct kit_process *p);
void sig_thread_init(struct kit_thread *t);
/*
 * For a thread that t makes: its mask; the alternate stack too when keep_altstack. false: out of memory. What an ended
 * thread has left in child->sig is used again.
 */
bool sig_thread_copy(struct kit_thread *child, const struct kit_thread *t, bool keep_altstack);
/* On the thread's own host thread, before it runs: the handler's stack, and the host's mask becomes the guest's. */
void sig_thread_start(struct kit_thread *t);
void sig_thread_fini(struct kit_thread *t);
/* Around the making of a process, and for good before the end of a thread. */
void sig_block_all(void);
void sig_unblock(const struct kit_thread *t);
/* The same around the making of a thread. Most guests have blocked all signals there. */
void sig_before_thread(const struct kit_thread *t);
void sig_after_thread(const struct kit_thread *t);
/*
 * Around libc's making of a host thread. That starts with signal 32 open: one for the new guest thread must wait there, whatever
 * its default. With the first thread libc also sets a handler of signal 33.
 */
void sig_take_reserved(struct kit_process *p);
void sig_take_back(struct kit_process *p);
/* A signal that this thread took waits to be delivered. */
bool sig_is_taken(const struct kit_thread *t);
/* A vfork child's own dispositions, which the child itself has to put in force. NULL: out of memory. */
struct sig_table *sig_table_copy(struct sig_table *s);
void sig_table_free(struct sig_table *s);
void sig_vfork_child(struct kit_thread *t);
/* CLONE_CLEAR_SIGHAND: what has a handler goes back to the default. */
void sig_clear_handlers(struct kit_thread *t);
/* Around fork: the dispositions' lock is held. */
void sig_fork_prepare(struct kit_thread *t);
void sig_fork_parent(struct kit_thread *t);
void sig_fork_child(struct kit_thread *t);
/* Before execve: dispositions and mask become what the guest has, so that the kernel hands them on. */
void sig_prepare_exec(struct kit_thread *t);
/* After an execve that failed. */
void sig_cancel_exec(struct kit_thread *t);

/*
 * Delivers what is pending: sets up a guest handler's frame, or ends or stops the process by
 * default. in_syscall: st.pc is at an ecall whose result (a value or -SIG_ERESTART*) is in *result;
 * it decides between restart and EINTR, then stores the result to a0 and moves pc.
 */
void sig_deliver(struct kit_thread *t, bool in_syscall, int64_t *result);
/* A signal that the kernel forces upon t, as a filter of its does: a blocked or ignored one ends the process. */
void sig_force(struct kit_thread *t, const siginfo_t *info);
/* A synchronous signal caused by the instruction at st.pc. addr: si_addr. */
void sig_raise_sync(struct kit_thread *t, int sig, int code, gaddr addr);
/* Ends kitemu as a guest killed by info's signal must end: by that signal itself, after the core file. */
_Noreturn void sig_die_by(struct kit_thread *t, const siginfo_t *info);

#endif

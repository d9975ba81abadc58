/*
 * What the files of runtime/sig share.
 *
 * How a signal travels
 * --------------------
 * The host kernel keeps the queues: the host's mask is the guest's mask at all times, so a signal that the guest
 * blocks waits in the kernel, with its value, in its order. When one gets through, the host's handler takes its
 * siginfo into the thread's one slot, sets ir_state.stop, and returns with every signal blocked (by writing the
 * context's mask). So the slot cannot be overwritten, and all that comes later keeps waiting in the kernel:
 *
 *     kernel queue --host handler--> slot (all blocked) --sig_deliver--> guest frame; host mask = new guest mask
 *
 * Signals of which the guest has no handler keep the host's own default or ignored disposition: ending,
 * stopping and SIGCHLD rules are the kernel's. (Where core files or backtraces are asked for, the signals that write one have our handler.) SIGSEGV and SIGBUS always have our handler, since faults of
 * guest code arrive there; they are never blocked on the host while guest code runs.
 */
#ifndef KIT_RUNTIME_SIG_SIG_PRIV_H
#define KIT_RUNTIME_SIG_SIG_PRIV_H

#include "arch/rv64/abi.h"
#include "runtime/sig/sig.h"

enum { SIG_COUNT = 64 };

/* Kernel signal sets: bit sig - 1. */
static inline uint64_t sig_bit(int sig) { return UINT64_C(1) << (sig - 1); }

struct sig_table {
	struct kit_lock lock; /* of the actions and the host's dispositions */
	/* RLIMIT_CORE is not 0: the host's default would write a core file of kitemu. Or all deaths are to be told of. */
	bool takes_crashes;
	uint64_t known; /* actions that were asked for once (sig_bit) */
	struct rv64_sigaction action[SIG_COUNT + 1]; /* [0] unused */
	/*
	 * A vfork child's, and where something is told at the end: signals that end it are taken like those with a handler, so that it ends where it holds no
	 * lock that its parent's threads need. SIGKILL can still end it anywhere, and so can real-time signals.
	 */
	bool ends_late;
	bool takes_traps; /* some thread is or was traced: stops are made by SIGTRAP */
	/* libc makes host threads, and signal 32 is always taken. */
	enum { SIG_ONE_THREAD, SIG_FIRST_THREAD, SIG_MANY_THREADS } threads;
};

struct sig_thread {
	uint64_t mask; /* the guest's signal mask */
	uint64_t
	    restore_mask; /* kit_thread.tmpmask: the mask to go back to after the call or handler */
	uint32_t full;    /* SIG_FULL_ bits: something to deliver; atomic, as the handler sets it */
	siginfo_t slot;
	/* A tracer's marks. 0: none. */
	uint32_t hold;
	siginfo_t stop_info;
	struct rv64_stack alt; /* alternate stack as the guest set it */
	void *handler_stack;   /* where the host's handler runs */
};

/* In sig_thread.full. */
enum {
	SIG_FULL_SLOT = 1,  /* a signal in the slot */
	SIG_FULL_TRACE = 2, /* a tracer's mark, in kit_trace */
};

enum {
	RV64_SA_NOCLDSTOP = 1,
	RV64_SA_NOCLDWAIT = 2,
	RV64_SA_SIGINFO = 4,
	RV64_SA_ONSTACK = 0x08000000,
	RV64_SA_RESTART = 0x10000000,
	RV64_SA_NODEFER = 0x40000000,
};
#define RV64_SA_RESETHAND 0x80000000u

enum { RV64_SS_ONSTACK = 1, RV64_SS_DISABLE = 2 };
#define RV64_SS_AUTODISARM 0x80000000u

/* Guest handler values */
enum { RV64_SIG_DFL = 0, RV64_SIG_IGN = 1 };

/* Sets the host's signal mask of this thread: the kernel's 8-byte set, libc's reserved signals included. */
void sig_host_mask(uint64_t mask, uint64_t *old);
/* Host mask for guest mask m: the signals of faults stay open. */
uint64_t sig_host_of(uint64_t m);
/* Puts the slot's signal back into the kernel's queue of this thread. All signals must be blocked. */
void sig_requeue(struct kit_thread *t);

/* Puts a signal into the kernel's queue of this thread. */
void sig_queue_self(const siginfo_t *info);

/* As sig_force, after a tracer has had its say. */
void sig_force_seen(struct kit_thread *t, const siginfo_t *info);
/* SIGTRAP is kitemu's from now on, whatever the guest does with its own. */
void sig_take_traps(struct kit_process *p);
/* trace.c. In the host's handler: a mark for t. */
void trace_take_mark(struct kit_thread *t, siginfo_t *info);
/* Stops that were asked for by marks; true: with a signal to deliver. All signals are blocked, before and after. */
bool trace_obey(struct kit_thread *t, siginfo_t *info);
/* The stop before info's signal is delivered. False: it is not to be; else *info is what the tracer made of it. Leaves all blocked. */
bool trace_stop_for_signal(struct kit_thread *t, siginfo_t *info);
/* A handler is about to run: a single step ends before its first instruction. */
void trace_entered_handler(struct kit_thread *t);

/* Pushes a frame for info's signal and enters its handler. false: the frame cannot be written. */
bool sig_push_frame(struct kit_thread *t, const struct rv64_sigaction *act, const siginfo_t *info,
		    uint64_t old_mask);
/* True when sp lies on the alternate stack. */
bool sig_on_altstack(const struct kit_thread *t, uint64_t sp);

#endif

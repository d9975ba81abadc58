/*
 * struct kit_process and struct kit_thread: one guest process and its threads.
 *
 * The process owns what guest threads share: the address space, the code cache, signal
 * dispositions. A thread owns its registers, signal mask and decoder. kit_self() is
 * the calling host thread's guest thread; it is safe in signal handlers.
 */
#ifndef KIT_RUNTIME_CORE_THREAD_H
#define KIT_RUNTIME_CORE_THREAD_H

#include "lib/ir/state.h"
#include "runtime/core/counts.h"
#include "runtime/core/lock.h"
#include "runtime/core/options.h"
#include "runtime/core/trace.h"

#include <signal.h>

struct mem_space; /* runtime/mem */
struct mem_write;
struct heap;
struct jit; /* runtime/jit */
struct jit_thread;
struct sig_table; /* runtime/sig */
struct sig_thread;
struct sys_filter; /* runtime/sys/seccomp.c */
struct tracees;    /* runtime/sys/ptrace_wait.c */
struct asked_stop;
struct guest_decoder;
struct interp; /* runtime/interp.c */
struct level0; /* runtime/level0.c */
struct guest_ran;
struct point_table;
struct guest_runs;
struct guest_tally;
struct tally;   /* runtime/tally.c */
struct sums;    /* runtime/core/sums.h */
struct profile; /* runtime/profile.c */

struct kit_process;
struct kit_thread;

/* Why a thread's system calls leave translated code (bits of ir_state.calls_leave); each is set and cleared by itself. */
enum kit_calls {
	KIT_CALLS_SEEN =
	    2, /* --strace, --selfcheck, --sysroot; or a base has to be added to pointers */
	KIT_CALLS_FILTERED = 4, /* there is a seccomp filter */
	KIT_CALLS_TRACED = 16,  /* another guest's ptrace may want to stop at them */
	KIT_CALLS_RESTART =
	    8, /* a sleep was interrupted and may go on, unless another call comes first */
};

enum kit_fork { KIT_FORK_BEFORE, KIT_FORK_PARENT, KIT_FORK_CHILD };

/*
 * What a thread needs from above the system calls, set by the run loop's side: a new guest thread enters the
 * loop by it.
 */
struct kit_thread_ops {
	/* Makes t, whose registers and proc are set, able to run; false: out of memory. What scrap would free is used again. */
	bool (*init)(struct kit_thread *t);
	/* Runs t until it ends (t->exiting). */
	void (*run)(struct kit_thread *t);
	/* t has ended. What it leaves is a later thread's by another init of t, or is freed by scrap. */
	void (*fini)(struct kit_thread *t);
	void (*scrap)(struct kit_thread *t);
	/*
	 * As fini and scrap, for a thread that ran in another process which is gone (vfork). It may have been killed anywhere:
	 * take_back comes first, for all threads of that process, and gives back the locks that it had.
	 */
	void (*take_back)(struct kit_thread *t);
	void (*gone)(struct kit_thread *t);
	/*
	 * Around a fork of t, before it and then in both processes: the child finds no lock taken by a thread that it does
	 * not have, and code memory of its own.
	 */
	void (*fork)(struct kit_thread *t, enum kit_fork when);
	/*
	 * Before the process dies of info's signal: a core file where the limits allow one. Threads that run guest code
	 * are stopped for good.
	 */
	void (*core)(struct kit_thread *t, const siginfo_t *info);
	/*
	 * Last words of a process, before it ends with all its threads. sig: what it dies of, or 0; executes: it becomes
	 * another program, unless the host's execve fails after all. t is one of its threads.
	 */
	void (*farewell)(struct kit_thread *t, int sig, bool executes);
};

/*
 * What a program that embeds kitemu answers in the place of the process (runtime/embed): the run loop asks, between two instructions of t.
 * Each may set t->exiting, which ends the run.
 */
struct kit_embedder {
	/* The system call that t's registers ask for. true: *result is the answer; false: it is made. */
	bool (*call)(struct kit_thread *t, int64_t *result);
	/* A fault, or what else would be a signal. */
	void (*raise)(struct kit_thread *t, int sig, int code, gaddr addr);
	/* A breakpoint of its own is at the pc, which has not run; a watched byte was accessed. */
	void (*at_break)(struct kit_thread *t);
	void (*at_access)(struct kit_thread *t, gaddr addr);
	/* Somebody has set IR_STOP_SIGNAL. */
	void (*attend)(struct kit_thread *t);
};

/* What a file of --strace ends with: runtime/sys/strace_out.c. */
struct strace_tail {
	uint32_t busy; /* somebody writes; atomic */
	uint32_t open; /* the line without an end that is there; 0: none. Atomic. */
	int32_t pid;   /* of whoever wrote it */
};

struct kit_process {
	struct kit_options opt;
	const struct kit_thread_ops *ops;
	unsigned threads;  /* guest threads that have not ended; atomic */
	bool forked;       /* made by a guest's fork */
	bool is_child;     /* a guest has made it, in whatever way */
	bool is_go;        /* the program's code is of Go's compiler */
	bool shares_files; /* with another process: one has been made so */
	unsigned
	    lent; /* not 0: processes share the memory, this one's children or its parent; atomic */
	struct kit_lock list_lock;
	struct kit_thread *first_thread; /* those that are able to run */
	uint64_t features;               /* of the guest's cpu */
	struct mem_space *mem;
	struct jit *jit; /* NULL with --engine=interp */
	struct sig_table *sig;
	const char
	    *exe_path; /* absolute path of the guest's file, for /proc/self/exe and AT_EXECFN */
	int exe_fd;    /* guest's file, close-on-exec, for execve of /proc/self/exe */
	struct kit_counts *counts;           /* --stats: of threads that have ended; NULL without */
	gaddr image_start, image_end;        /* the program's span */
	struct profile *profile;             /* --profile; NULL without, and where that is exact */
	struct guest_tally *ways;            /* then: what threads count (runtime/core/tally.h) */
	struct guest_runs *runs;             /* of libc's routines, then, and for --coverage */
	struct sums *sums;                   /* what regions count together then */
	struct tally *tally;                 /* and what those that have ended did */
	struct guest_ran *ran;               /* --coverage; NULL without */
	const struct kit_embedder *embedder; /* NULL: the process is kitemu's */
	struct kit_machine *machine;         /* then: whose process it is */
	struct point_table *points;          /* break- and watchpoints that hold */
	struct strace_tail strace_tail;      /* of the process's own file, if it has one */
	int self_fd;                         /* kitemu's own binary, close-on-exec, for execveat */
	gaddr load_bias;                     /* of the program, against its file's addresses */
	gaddr vdso_base;                     /* guest vDSO */
	gaddr sigreturn_pc;                  /* __vdso_rt_sigreturn */
	gaddr stack_low, stack_high;         /* main stack mapping */
	/* Of the initial stack. */
	gaddr arg_start, arg_end, env_start, env_end, auxv_start, auxv_end;
};

struct kit_thread {
	struct ir_state st; /* first: generated code's base register points into it */
	struct kit_process *proc;
	struct guest_decoder *decoder; /* kit_decoder makes it */
	struct interp *interp;         /* --engine=interp; else the other two */
	struct level0 *level0;
	struct jit_thread *jit; /* NULL without a JIT */
	/* Told of each signal that is delivered; NULL without --strace. */
	void (*sig_trace)(struct kit_thread *t, const siginfo_t *info);
	/* --profile: the sample that is due, and what the sampler keeps. */
	struct {
		uint64_t cpu_ns;   /* the sampler's */
		uint32_t periods;  /* of cpu time since the last one; atomic */
		bool due, stopped; /* stopped: none are asked for; list_lock */
		gaddr pc;          /* where the signal found it; 0: not known */
	} sample;
	struct kit_counts *counts; /* --stats; NULL without */
	/* --strace: the call under way, for a thread that tells of the process's end; runtime/sys/strace.c. */
	struct {
		struct strace_line *line;
		uint32_t state; /* atomic */
		bool ended;     /* its end was told; atomic */
	} shown_call;
	struct strace_tail strace_tail; /* of the thread's own file, if it has one */
	struct kit_thread *next;        /* in the process's list */
	/* Not 0: a signal was taken and waits to be delivered, so a system call must not begin to wait. Atomic. */
	const uint32_t *signal_taken;
	bool tmpmask; /* a mask for the length of a system call is in force (sig_set_tmpmask) */
	struct sig_thread *sig; /* masks, alternate stack, pending queue */
	/* Filters of its system calls, the newest first; NULL: none. Atomic. */
	struct sys_filter *seccomp;
	/* By another guest's ptrace. */
	struct kit_trace trace;
	/* Whom it traces itself; NULL: nobody so far. */
	struct tracees *tracees;
	/* Other threads of its process that ask about stops of these; the list's lock. And who answers them. */
	struct asked_stop *asked;
	void (*answer)(struct kit_thread *t);
	/* An access that runtime/watch.c held back, and where. */
	bool watch_hit;
	gaddr watch_addr;
	/*
	 * Of a process that shares its parent's memory: its own malloc (runtime/mem/heap.h), and that it was not killed but left at a
	 * place where all that it had is whole, with these blocks if it executed a program.
	 */
	struct heap *heap;
	struct mem_write
	    *writing; /* of the system call under way; NULL: not of interest (runtime/mem/mem.h) */
	bool is_whole;
	void *exec_block[3];
	bool left_mem;         /* take_back found that it had the lock of the address space */
	gaddr clear_child_tid; /* zeroed and woken when the thread ends; 0: none */
	gaddr robust_list;
	int tid, tgid;   /* as the kernel numbers threads and processes */
	bool leader;     /* its host thread is its process's first one, not one of libc's */
	bool exiting;    /* exit_group or exit was called: exit_status holds */
	bool exit_group; /* it was exit_group */
	int exit_status;
};

/* The thread's decoder, made when it is first asked for. NULL: out of memory, or Capstone cannot be used. */
struct guest_decoder *kit_decoder(struct kit_thread *t);
void kit_decoder_release(struct kit_thread *t);

void kit_list_init(struct kit_process *p);
void kit_list_add(struct kit_thread *t);
void kit_list_remove(struct kit_thread *t);

struct kit_thread *kit_self(void);
void kit_set_self(struct kit_thread *t);

#endif

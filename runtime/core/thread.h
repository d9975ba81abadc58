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
#include "runtime/core/options.h"

#include <signal.h>

struct mem_space; /* runtime/mem */
struct jit;       /* runtime/jit */
struct sig_table; /* runtime/sig */
struct sig_thread;
struct guest_decoder;
struct interp; /* runtime/interp.c */

struct kit_process {
	struct kit_options opt;
	uint64_t features; /* of the guest's cpu */
	struct mem_space *mem;
	struct jit *jit; /* NULL with --engine=interp */
	struct sig_table *sig;
	const char
	    *exe_path;   /* absolute path of the guest's file, for /proc/self/exe and AT_EXECFN */
	int exe_fd;      /* guest's file, close-on-exec, for execve of /proc/self/exe */
	int self_fd;     /* kitemu's own binary, close-on-exec, for execveat */
	gaddr vdso_base; /* guest vDSO */
	gaddr sigreturn_pc;                           /* __vdso_rt_sigreturn */
	gaddr stack_low, stack_high;                  /* main stack mapping */
	gaddr arg_start, arg_end, env_start, env_end; /* of the initial stack */
};

struct kit_thread {
	struct ir_state st; /* first: generated code's base register points into it */
	struct kit_process *proc;
	struct guest_decoder *decoder;
	struct interp *interp;
	/* Told of each signal that is delivered; NULL without --strace. */
	void (*sig_trace)(struct kit_thread *t, const siginfo_t *info);
	struct sig_thread *sig; /* masks, alternate stack, pending queue */
	gaddr clear_child_tid;
	gaddr robust_list;
	int tid;
	bool exiting; /* exit_group or exit was called: exit_status holds */
	int exit_status;
};

struct kit_thread *kit_self(void);
void kit_set_self(struct kit_thread *t);

#endif

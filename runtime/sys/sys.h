/*
 * Guest system calls: one table (syscalls.def), one entry point.
 */
#ifndef KIT_RUNTIME_SYS_SYS_H
#define KIT_RUNTIME_SYS_SYS_H

#include "runtime/core/thread.h"

/* What the run loop does after the call; most calls give SYS_RESULT. */
enum sys_after {
	SYS_RESULT, /* *result goes to a0 (or -SIG_ERESTART*), pc moves behind the ecall */
	SYS_DONE,   /* the registers are set already (rt_sigreturn) */
	SYS_EXIT,   /* t->exiting is set */
	SYS_AGAIN,  /* within sys.c: a tracer has changed the call */
};

/* Carries out the system call that t's registers ask for (number a7, arguments a0..a5). */
enum sys_after sys_call(struct kit_thread *t, int64_t *result);

/* ir_state.call_row: the calls that translated code makes itself, as long as nothing of enum kit_calls is there. */
extern const uint32_t sys_call_rows[];

/*
 * The call that t's registers ask for was made so, with *result -EINTR: a signal interrupted it; or -EFAULT, for a bad
 * address or for a page that another thread guarded after the guards were looked at: then it is made again.
 */
enum sys_after sys_called(struct kit_thread *t, int64_t *result);

/*
 * The process's first thread t has left the run loop. Returns the exit status when that is the process's end; when other
 * threads go on, ends the host thread alone.
 */
int sys_process_end(struct kit_thread *t);

#endif

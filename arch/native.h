/*
 * What only code for the running host can do (arch/HOST/native/): access to memory that may fault,
 * interruptible system calls, signal contexts, cpu features.
 */
#ifndef KIT_ARCH_NATIVE_H
#define KIT_ARCH_NATIVE_H

#include "lib/jit/host.h"

/* The jit_opts.host_features bits of this machine's cpu. */
uint64_t native_features(void);

/*
 * Accesses that may fault. Each returns false when the access faulted; nothing was written then (native_copy: a part
 * may be). The faulting signal is told by native_fixup's caller, in st of the fault handler (runtime/sig).
 */
bool native_copy(void *dst, const void *src, size_t n);
bool native_load(const void *p, unsigned size_bytes, uint64_t *value);
bool native_store(void *p, unsigned size_bytes, uint64_t value);
/* Compare and swap of 4 or 8 aligned bytes; *expected becomes what was there. */
bool native_cas(void *p, unsigned size_bytes, uint64_t *expected, uint64_t desired);

/*
 * System call nr, unless *stop is set before the kernel is entered: then -EINTR. A signal handler calls
 * native_syscall_interrupt on its context, which makes a call that has not reached the kernel return -EINTR.
 */
int64_t native_syscall(const uint32_t *stop, long nr, const long args[6]);
bool native_syscall_interrupt(void *ucontext);

/*
 * The system call clone3 for a child with a stack of its own (args->stack), which runs fn(arg) and must not return.
 * In the parent: the child's pid or -errno. args: struct clone_args, size_bytes of it.
 */
int64_t native_clone3(const void *args, size_t size_bytes, int (*fn)(void *), void *arg);

/*
 * The host's code of op routine on a cpu with these features, indexed by enum ir_routine; NULL when it has none. It is
 * called by translated code alone, by that code's conventions (the host's ROUTINE operation).
 */
const void *const *native_routines(uint64_t features);
/*
 * When the context stands in a routine, takes it back to where translated code called it, with the registers as they
 * were then, and returns true.
 */
bool native_routine_leave(void *ucontext, const struct ir_state *st);

/* ---- signal contexts (ucontext: the third argument of a SA_SIGINFO handler) ---------------- */

uint64_t native_ctx_pc(const void *ucontext);
uint64_t native_ctx_sp(const void *ucontext);
void native_ctx_set_pc(void *ucontext, uint64_t pc);
void native_ctx_set_sp(void *ucontext, uint64_t sp);
/* The signal mask in force after the handler returns: the kernel's 8-byte set. */
void native_ctx_set_mask(void *ucontext, uint64_t mask);
/* True when the fault was a write (page-fault error code; ESR on AArch64). */
bool native_ctx_is_write(const void *ucontext);
/* When the context stands in one of the fault-safe accesses above: makes it return false, and returns true. */
bool native_fixup(void *ucontext);
/*
 * The context stands at a code_fault of translated code: stores the guest registers, as loc says (count entries) and
 * else by t's convention, and the floating-point control word, to st; and makes the handler return to resume_pc.
 */
void native_ctx_capture(void *ucontext, struct ir_state *st, const struct ra_target *t,
			const struct lir_loc *loc, unsigned count,
			uint64_t (*apply_fix)(unsigned fix, uint64_t bits), const void *resume_pc);

/*
 * rt_sigaction with the kernel's own structure: also for the signals that libc keeps for itself. handler gets
 * siginfo and ucontext, runs on the alternate stack with every signal blocked; SIG_DFL and SIG_IGN
 * as handler values too. flags: SA_NOCLDSTOP and SA_NOCLDWAIT.
 */
void native_sigaction(int sig, void *handler, uint64_t flags);
bool native_sig_is_ignored(int sig);

/* The host control word for rounding mode frm (0..3) with no flags set, and the flags that a control word holds. */
uint32_t native_fpcr_make(unsigned frm);
uint32_t native_fpcr_flags(uint32_t fpcr);

#endif

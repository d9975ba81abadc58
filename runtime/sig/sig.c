/*
 * Dispositions, masks, the host's handler, delivery; sig_priv.h draws how a signal travels.
 *
 * host_handler and what it calls are async-signal-safe. It runs on its own alternate stack, since the
 * host's stack pointer may be in translated code's stack of return addresses.
 */
#include "arch/native.h"
#include "lib/base/log.h"
#include "runtime/core/dumped.h"
#include "runtime/core/near.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"
#include "runtime/sig/sig_priv.h"
#include "runtime/sig/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LIBC_CANCEL = 32, LIBC_SETXID = 33 }; /* glibc, internal-signals.h */
enum { LAST_STANDARD = 31 };                 /* the real-time signals follow */
enum { HANDLER_STACK_BYTES = 64 << 10, ALTSTACK_MIN_BYTES = 2048 };

static const uint64_t unblockable = UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1);
static const uint64_t fault_signals = UINT64_C(1) << (SIGSEGV - 1) | UINT64_C(1) << (SIGBUS - 1);
static const uint64_t all_signals = ~UINT64_C(0);

/* ---- the host's side ----------------------------------------------------------------------- */

void sig_host_mask(uint64_t mask, uint64_t *old)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, old, sizeof mask);
}

uint64_t sig_host_of(uint64_t m) { return m & ~fault_signals; }

void sig_queue_self(const siginfo_t *info)
{
	syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), info->si_signo, info);
}

void sig_requeue(struct kit_thread *t)
{
	struct sig_thread *s = t->sig;

	if (!(s->full & SIG_FULL_SLOT))
		return;
	__atomic_fetch_and(&s->full, ~(uint32_t)SIG_FULL_SLOT, __ATOMIC_ACQ_REL);
	sig_queue_self(&s->slot);
}

/* A fault of kitemu's own: says so and dies of it, with the host's default action. */
static void die_of_own_fault(int sig, const siginfo_t *info, const void *uc)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	kit_log_write("kitemu: internal error: signal %d at host pc %#lx, address %p", sig,
		      (unsigned long)native_ctx_pc(uc), info->si_addr);
	sigaction(sig, &dfl, NULL);
	/* Returning runs the faulting instruction again, now fatally. */
}

static void note_fault(struct kit_thread *t, int sig, const siginfo_t *info, bool is_write)
{
	struct ir_state *st = &t->st;

	st->fault_kind = sig == SIGBUS ? IR_FAULT_BUS : IR_FAULT_SEGV;
	st->fault_code = (uint32_t)info->si_code;
	st->fault_addr = mem_guest(t->proc->mem, info->si_addr);
	st->fault_write = is_write;
}

/* Where a program embeds kitemu: what its handlers of SIGSEGV and SIGBUS were. */
static struct sigaction embed_before[2];
static bool embeds;

/* A fault that is no guest's, or a signal that somebody has sent: the program's own. */
static void hand_on(int sig, siginfo_t *info, void *uc)
{
	const struct sigaction *a = &embed_before[sig == SIGBUS];

	if (a->sa_flags & SA_SIGINFO) {
		a->sa_sigaction(sig, info, uc);
	} else if (a->sa_handler == SIG_DFL || (a->sa_handler == SIG_IGN && info->si_code > 0)) {
		/* Returning runs the instruction again, now fatally. */
		sigaction(sig, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		if (info->si_code <= 0)
			sig_queue_self(info);
	} else if (a->sa_handler != SIG_IGN) {
		a->sa_handler(sig);
	}
}

/* A fault that the host kernel raised for an instruction of this thread. */
static void handle_fault(struct kit_thread *t, int sig, siginfo_t *info, void *uc)
{
	/* Asked first: a host may look at the instruction, and what follows moves the pc. */
	bool is_write = native_ctx_is_write(uc);

	switch (jit_fault(t, uc, (uint64_t)(uintptr_t)info->si_addr)) {
	case JIT_FAULT_RESUME:
	case JIT_FAULT_REDO:
		return;
	case JIT_FAULT_GUEST:
		note_fault(t, sig, info, is_write);
		return;
	case JIT_FAULT_ROUTINE:
		t->st.fault_kind = IR_FAULT_ROUTINE;
		return;
	case JIT_FAULT_NOT_OURS:
		break;
	}
	if (native_fixup(uc))
		note_fault(t, sig, info, is_write);
	else if (embeds)
		hand_on(sig, info, uc);
	else
		die_of_own_fault(sig, info, uc);
}

static void set_full(struct kit_thread *t, uint32_t bit, void *uc)
{
	__atomic_fetch_or(&t->sig->full, bit, __ATOMIC_RELEASE);
	__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	if (!native_syscall_interrupt(uc))
		jit_interrupt(t, uc);
}

/* A tracer's mark. Returns the signal that is in it, in *info, for the slot; 0: that was all. */
static int handle_mark(struct kit_thread *t, siginfo_t *info, void *uc)
{
	const bool hold = info->si_signo == SIGSEGV;

	trace_take_mark(t, info);
	if (!hold && info->si_signo != SIGSTOP && info->si_signo >= 1
	    && info->si_signo <= SIG_COUNT)
		return info->si_signo;
	set_full(t, SIG_FULL_TRACE, uc);
	return 0;
}

/* Where is the thread? At the next safe point it stops to say how it got there. */
static void take_sample(struct kit_thread *t, void *uc)
{
	if (!t->sample.due) {
		t->sample.pc = jit_guest_pc(t, uc);
		t->sample.due = true;
	}
	/* Also of one that is due: it may have come between the look at it and the end of the last stop (attend). */
	__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
}

static void host_handler(int sig, siginfo_t *info, void *uc)
{
	struct kit_thread *t = kit_self();

	if (KIT_UNLIKELY(embeds)) {
		if (!t || info->si_code <= 0)
			hand_on(sig, info, uc);
		else
			handle_fault(t, sig, info, uc);
		return;
	}

	if (KIT_UNLIKELY(sig == SIGBUS && info->si_code == SIG_SAMPLE_CODE)) {
		if (t && t->proc->profile)
			take_sample(t, uc);
		return;
	}
	if (KIT_UNLIKELY(t && t->trace.raising)) {
		t->trace.answer = *info;
		native_ctx_set_mask(uc, all_signals);
		return;
	}
	if ((sig == SIGSEGV || sig == SIGBUS) && info->si_code > 0) {
		handle_fault(t, sig, info, uc);
		return;
	}
	native_ctx_set_mask(uc, sig_host_of(all_signals));
	if (!t) {
		/* For a new guest thread, which has not begun. A tracer's mark, too, has to wait. */
		native_ctx_set_mask(uc, all_signals);
		sig_queue_self(info);
		return;
	}
	if ((sig == SIGSEGV || sig == SIGBUS) && trace_is_mark(info) && !handle_mark(t, info, uc))
		return;
	if (t->sig->full & SIG_FULL_SLOT) {
		/* It came while a mask was being changed: it waits in the kernel, too. */
		sig_queue_self(info);
		return;
	}
	t->sig->slot = *info;
	set_full(t, SIG_FULL_SLOT, uc);
}

/* The kernel's struct sigaction on this host: libc's call would hide signals 32 and 33. */
static void host_action(int sig, void *handler, uint64_t flags)
{
	native_sigaction(sig, handler, flags);
}

/* True when the default action of sig writes a core file: signal(7). */
static bool dumps_core(int sig)
{
	switch (sig) {
	case SIGQUIT:
	case SIGILL:
	case SIGTRAP:
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGSEGV:
	case SIGXCPU:
	case SIGXFSZ:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

/* True when the default action of sig is to do nothing. */
static bool default_is_ignore(int sig)
{
	return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}

static bool default_is_stop(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static bool default_is_end(int sig) { return !default_is_ignore(sig) && !default_is_stop(sig); }

/* Brings the host's disposition of sig in line with the guest's. */
static void sync_disposition(struct kit_process *p, int sig)
{
	const struct rv64_sigaction *a = &p->sig->action[sig];
	uint64_t keep = a->flags & (RV64_SA_NOCLDSTOP | RV64_SA_NOCLDWAIT);

	if (sig == SIGKILL || sig == SIGSTOP)
		return;
	if (a->handler > RV64_SIG_IGN || sig_bit(sig) & fault_signals
	    || (p->sig->takes_traps && sig == SIGTRAP)
	    || (a->handler == RV64_SIG_DFL
		&& ((p->sig->takes_crashes && dumps_core(sig))
		    || (p->sig->ends_late && default_is_end(sig))
		    || (p->sig->threads != SIG_ONE_THREAD && sig == LIBC_CANCEL))))
		host_action(sig, (void *)(uintptr_t)host_handler, keep);
	else
		host_action(sig, a->handler == RV64_SIG_IGN ? (void *)SIG_IGN : (void *)SIG_DFL,
			    keep);
}

/* The action of sig, under the lock. What kitemu's parent set to be ignored is ignored at first. */
static struct rv64_sigaction *action_at(struct sig_table *s, int sig)
{
	if (!(s->known & sig_bit(sig)) && native_sig_is_ignored(sig))
		s->action[sig].handler = RV64_SIG_IGN;
	s->known |= sig_bit(sig);
	return &s->action[sig];
}

static struct rv64_sigaction action_of(struct kit_process *p, int sig)
{
	struct rv64_sigaction a;

	kit_lock(&p->sig->lock);
	a = *action_at(p->sig, sig);
	kit_unlock(&p->sig->lock);
	return a;
}

/* The same for a delivery: a handler for one time is gone then. */
static struct rv64_sigaction take_action(struct kit_process *p, int sig)
{
	struct rv64_sigaction *a, old;

	kit_lock(&p->sig->lock);
	a = action_at(p->sig, sig);
	old = *a;
	if (old.handler > RV64_SIG_IGN && old.flags & RV64_SA_RESETHAND) {
		a->handler = RV64_SIG_DFL;
		sync_disposition(p, sig);
	}
	kit_unlock(&p->sig->lock);
	return old;
}

/* A signal that is already taken is delivered before a call that changes masks or handlers. */
static bool taken(const struct kit_thread *t)
{
	return __atomic_load_n(&t->sig->full, __ATOMIC_ACQUIRE);
}

/* ---- set-up -------------------------------------------------------------------------------- */

bool sig_process_init(struct kit_process *p, struct diag *d)
{
	p->sig = near_new_tail(sizeof *p->sig); /* the lock comes first */
	if (!p->sig)
		return diag_fail(d, KIT_EXIT_INTERNAL, "out of memory");
	/* These two are ours from now on; of the others the host is asked when somebody wants to know. */
	action_at(p->sig, SIGSEGV);
	action_at(p->sig, SIGBUS);
	host_action(SIGSEGV, (void *)(uintptr_t)host_handler, 0);
	host_action(SIGBUS, (void *)(uintptr_t)host_handler, 0);
	trace_directory.takes_marks = 1;
	sig_core_limit(p);
	return true;
}

/* ---- in another program ---------------------------------------------------------------------- */

static pthread_once_t embed_once = PTHREAD_ONCE_INIT;

static void embed_handlers(void)
{
	sigaction(SIGSEGV, NULL, &embed_before[0]);
	sigaction(SIGBUS, NULL, &embed_before[1]);
	embeds = true;
	host_action(SIGSEGV, (void *)(uintptr_t)host_handler, 0);
	host_action(SIGBUS, (void *)(uintptr_t)host_handler, 0);
}

bool sig_embed(struct kit_process *p, struct diag *d)
{
	p->sig = calloc(1, sizeof *p->sig);
	if (!p->sig)
		return diag_fail(d, KIT_EXIT_INTERNAL, "out of memory");
	pthread_once(&embed_once, embed_handlers);
	return true;
}

void sig_embed_enter(struct kit_thread *t, stack_t *old)
{
	stack_t ss = { .ss_size = HANDLER_STACK_BYTES, .ss_sp = t->sig->handler_stack };

	sigaltstack(&ss, old);
}

void sig_embed_leave(const stack_t *old) { sigaltstack(old, NULL); }

void sig_take_traps(struct kit_process *p)
{
	kit_lock(&p->sig->lock);
	if (!p->sig->takes_traps) {
		action_at(p->sig, SIGTRAP);
		p->sig->takes_traps = true;
		sync_disposition(p, SIGTRAP);
	}
	kit_unlock(&p->sig->lock);
}

void sig_core_limit(struct kit_process *p)
{
	struct rlimit lim = { 0, 0 };

	getrlimit(RLIMIT_CORE, &lim);
	kit_lock(&p->sig->lock);
	if (p->sig->takes_crashes
	    != (lim.rlim_cur != 0 || p->opt.backtrace == KIT_BACKTRACE_CRASH)) {
		p->sig->takes_crashes = !p->sig->takes_crashes;
		for (int sig = 1; sig <= SIG_COUNT; sig++)
			if (dumps_core(sig) && action_at(p->sig, sig)->handler == RV64_SIG_DFL)
				sync_disposition(p, sig);
	}
	kit_unlock(&p->sig->lock);
}

bool sig_takes_crashes(const struct kit_process *p) { return p->sig->takes_crashes; }

void sig_thread_init(struct kit_thread *t)
{
	t->sig = near_new(sizeof *t->sig);
	KIT_CHECK(t->sig, "out of memory");
	t->sig->handler_stack = malloc(HANDLER_STACK_BYTES);
	KIT_CHECK(t->sig->handler_stack, "out of memory");
	t->signal_taken = &t->sig->full;
	t->sig->alt.flags = RV64_SS_DISABLE;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &t->sig->mask, sizeof t->sig->mask);
}

bool sig_thread_copy(struct kit_thread *child, const struct kit_thread *t, bool keep_altstack)
{
	void *stack = child->sig ? child->sig->handler_stack : malloc(HANDLER_STACK_BYTES);

	if (!child->sig)
		child->sig = malloc(sizeof *child->sig);
	if (!child->sig || !stack) {
		near_free(child->sig);
		free(stack);
		return false;
	}
	*child->sig = (struct sig_thread){ .handler_stack = stack };
	child->signal_taken = &child->sig->full;
	child->sig->mask = t->sig->mask;
	child->sig->alt.flags = RV64_SS_DISABLE;
	if (keep_altstack)
		child->sig->alt = t->sig->alt;
	return true;
}

void sig_thread_fini(struct kit_thread *t)
{
	free(t->sig->handler_stack);
	near_free(t->sig);
	t->sig = NULL;
}

void sig_block_all(void) { sig_host_mask(all_signals, NULL); }
void sig_unblock(const struct kit_thread *t) { sig_host_mask(sig_host_of(t->sig->mask), NULL); }

static bool blocks_all(const struct kit_thread *t)
{
	return (t->sig->mask | unblockable | fault_signals) == all_signals;
}

void sig_before_thread(const struct kit_thread *t)
{
	if (!blocks_all(t))
		sig_block_all();
}

void sig_after_thread(const struct kit_thread *t)
{
	if (!blocks_all(t))
		sig_unblock(t);
}

bool sig_is_taken(const struct kit_thread *t) { return taken(t); }

struct sig_table *sig_table_copy(struct sig_table *s)
{
	struct sig_table *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	kit_lock(&s->lock);
	c->known = s->known;
	c->takes_crashes = s->takes_crashes;
	c->takes_traps = s->takes_traps;
	memcpy(c->action, s->action, sizeof c->action);
	kit_unlock(&s->lock);
	c->ends_late = true;
	return c;
}

/* Of the signals 1 to last those that end the process. */
static void take_endings(struct kit_process *p, int last)
{
	for (int sig = 1; sig <= last; sig++)
		if (default_is_end(sig) && sig != SIGKILL
		    && action_at(p->sig, sig)->handler == RV64_SIG_DFL)
			sync_disposition(p, sig);
}

/*
 * Two calls a signal. The real-time ones, which hardly anybody sends to a process that may not want them, are left out: one
 * of these ends the child anywhere, as SIGKILL does.
 */
void sig_vfork_child(struct kit_thread *t)
{
	if (t->proc->sig->ends_late)
		take_endings(t->proc, LAST_STANDARD);
}

void sig_end_late(struct kit_process *p)
{
	kit_lock(&p->sig->lock);
	p->sig->ends_late = true;
	take_endings(p, SIG_COUNT);
	kit_unlock(&p->sig->lock);
}

void sig_table_free(struct sig_table *s) { near_free(s); }

void sig_take_reserved(struct kit_process *p)
{
	if (p->sig->threads != SIG_ONE_THREAD)
		return;
	kit_lock(&p->sig->lock);
	p->sig->threads = SIG_FIRST_THREAD;
	action_at(p->sig, LIBC_CANCEL);
	action_at(p->sig, LIBC_SETXID);
	sync_disposition(p, LIBC_CANCEL);
	kit_unlock(&p->sig->lock);
}

void sig_take_back(struct kit_process *p)
{
	if (p->sig->threads != SIG_FIRST_THREAD)
		return;
	kit_lock(&p->sig->lock);
	p->sig->threads = SIG_MANY_THREADS;
	sync_disposition(p, LIBC_SETXID);
	kit_unlock(&p->sig->lock);
}

void sig_clear_handlers(struct kit_thread *t)
{
	struct sig_table *s = t->proc->sig;

	kit_lock(&s->lock);
	for (int sig = 1; sig <= SIG_COUNT; sig++) {
		if (s->action[sig].handler <= RV64_SIG_IGN)
			continue;
		s->action[sig] = (struct rv64_sigaction){ .handler = RV64_SIG_DFL };
		sync_disposition(t->proc, sig);
	}
	kit_unlock(&s->lock);
}

void sig_fork_prepare(struct kit_thread *t) { kit_lock(&t->proc->sig->lock); }
void sig_fork_parent(struct kit_thread *t) { kit_unlock(&t->proc->sig->lock); }

void sig_fork_child(struct kit_thread *t)
{
	kit_unlock(&t->proc->sig->lock);
	/* A signal that the parent had taken but not delivered is the parent's. */
	t->sig->full = 0;
	t->sig->hold = 0;
	t->sig->stop_info.si_signo = 0;
	t->st.stop = 0;
	sig_host_mask(sig_host_of(t->sig->mask), NULL);
}

void sig_prepare_exec(struct kit_thread *t)
{
	sig_host_mask(all_signals, NULL);
	sig_requeue(t);
	/* A handler becomes the default by itself; that faults are ignored is only known to us. */
	for (int sig = SIGBUS; sig; sig = sig == SIGBUS ? SIGSEGV : 0)
		if (action_of(t->proc, sig).handler == RV64_SIG_IGN)
			host_action(sig, (void *)SIG_IGN, 0);
	sig_host_mask(t->sig->mask, NULL);
}

void sig_cancel_exec(struct kit_thread *t)
{
	kit_lock(&t->proc->sig->lock);
	sync_disposition(t->proc, SIGSEGV);
	sync_disposition(t->proc, SIGBUS);
	kit_unlock(&t->proc->sig->lock);
	if (!taken(t))
		sig_host_mask(sig_host_of(t->sig->mask), NULL);
}

/* ---- system calls --------------------------------------------------------------------------- */

int64_t sig_action(struct kit_thread *t, int sig, gaddr act, gaddr oldact, uint64_t setsize)
{
	struct mem_space *m = t->proc->mem;
	struct sig_table *s = t->proc->sig;
	struct rv64_sigaction new, old, *cur;

	if (setsize != sizeof(uint64_t) || sig < 1 || sig > SIG_COUNT)
		return -EINVAL;
	if (act && (sig == SIGKILL || sig == SIGSTOP))
		return -EINVAL;
	if (act && taken(t))
		return -SIG_ERESTARTNOINTR;
	if (act && !mem_copy_in(m, &new, act, sizeof new))
		return -EFAULT;
	kit_lock(&s->lock);
	cur = action_at(s, sig);
	old = *cur;
	if (act) {
		new.mask &= ~unblockable;
		*cur = new;
		sync_disposition(t->proc, sig);
	}
	kit_unlock(&s->lock);
	return oldact && !mem_copy_out(m, oldact, &old, sizeof old) ? -EFAULT : 0;
}

static void set_mask(struct kit_thread *t, uint64_t mask)
{
	t->sig->mask = mask & ~unblockable;
	sig_host_mask(sig_host_of(t->sig->mask), NULL);
}

/*
 * The same for a system call that looked at the slot before. A signal that was taken in between goes back to the kernel, which
 * knows whether the new mask lets it in.
 */
static void change_mask(struct kit_thread *t, uint64_t mask)
{
	set_mask(t, mask);
	if (taken(t)) {
		sig_host_mask(all_signals, NULL);
		sig_requeue(t);
		set_mask(t, mask);
	}
}

void sig_thread_start(struct kit_thread *t)
{
	stack_t ss = { .ss_size = HANDLER_STACK_BYTES, .ss_sp = t->sig->handler_stack };

	sigaltstack(&ss, NULL);
	/* libc let signal 32 in, which may have come meanwhile though this thread blocks it. */
	change_mask(t, t->sig->mask);
}

int64_t sig_procmask(struct kit_thread *t, int how, gaddr set, gaddr oldset, uint64_t setsize)
{
	uint64_t new = 0, old = t->sig->mask;

	if (setsize != sizeof new)
		return -EINVAL;
	if (set) {
		if (taken(t))
			return -SIG_ERESTARTNOINTR;
		if (!mem_copy_in(t->proc->mem, &new, set, sizeof new))
			return -EFAULT;
		if (how == SIG_BLOCK)
			new |= old;
		else if (how == SIG_UNBLOCK)
			new = old & ~new;
		else if (how != SIG_SETMASK)
			return -EINVAL;
		change_mask(t, new);
	}
	if (oldset && !mem_copy_out(t->proc->mem, oldset, &old, sizeof old))
		return -EFAULT;
	return 0;
}

int64_t sig_pending(struct kit_thread *t, gaddr set, uint64_t setsize)
{
	uint64_t s;

	if (setsize > sizeof s)
		return -EINVAL;
	syscall(SYS_rt_sigpending, &s, sizeof s);
	return mem_copy_out(t->proc->mem, set, &s, setsize) ? 0 : -EFAULT;
}

int64_t sig_altstack(struct kit_thread *t, gaddr ss, gaddr old)
{
	struct sig_thread *s = t->sig;
	struct rv64_stack new, cur = s->alt;
	bool on = sig_on_altstack(t, t->st.reg[2]);

	if (ss) {
		if (!mem_copy_in(t->proc->mem, &new, ss, sizeof new))
			return -EFAULT;
		if (on)
			return -EPERM;
		switch ((uint32_t) new.flags & ~RV64_SS_AUTODISARM) {
		case RV64_SS_DISABLE:
		case 0:
		case RV64_SS_ONSTACK:
			break;
		default:
			return -EINVAL;
		}
		/* What is set already is no change, and not looked at any further. */
		if (new.sp != cur.sp || new.size != cur.size || new.flags != cur.flags) {
			if (new.flags & RV64_SS_DISABLE)
				new.sp = new.size = 0;
			else if (new.size < ALTSTACK_MIN_BYTES)
				return -ENOMEM;
			s->alt = new;
		}
	}
	if (old) {
		cur.flags = (int32_t)((uint32_t)cur.flags & RV64_SS_AUTODISARM)
			    | (!cur.size ? RV64_SS_DISABLE
			       : on      ? RV64_SS_ONSTACK
					 : 0);
		cur.pad = 0;
		if (!mem_copy_out(t->proc->mem, old, &cur, sizeof cur))
			return -EFAULT;
	}
	return 0;
}

int64_t sig_set_tmpmask(struct kit_thread *t, gaddr set, uint64_t setsize)
{
	uint64_t mask;

	if (setsize != sizeof mask)
		return -EINVAL;
	if (!mem_copy_in(t->proc->mem, &mask, set, sizeof mask))
		return -EFAULT;
	if (taken(t))
		return -SIG_ERESTARTNOINTR;
	t->sig->restore_mask = t->sig->mask;
	t->tmpmask = true;
	change_mask(t, mask);
	return 0;
}

void sig_end_tmpmask(struct kit_thread *t, int64_t result)
{
	struct sig_thread *s = t->sig;

	if (s->full && (result == -EINTR || result <= -SIG_ERESTARTSYS))
		return; /* sig_deliver saves restore_mask in the frame */
	/* The call has its result: what slipped in under the temporary mask goes back to the kernel. */
	sig_host_mask(sig_host_of(all_signals), NULL);
	sig_requeue(t);
	t->tmpmask = false;
	set_mask(t, s->restore_mask);
}

int64_t sig_suspend(struct kit_thread *t, gaddr set, uint64_t setsize)
{
	int64_t r = sig_set_tmpmask(t, set, setsize);

	if (r < 0)
		return r;
	/* ppoll of nothing waits for a signal; one that is taken already makes it return at once. */
	r = sig_safe_syscall(t, SYS_ppoll, 0, 0, 0, 0, 0, 0);
	return r == -EINTR ? -SIG_ERESTARTNOHAND : r;
}

int64_t sig_timedwait(struct kit_thread *t, gaddr set, gaddr info, gaddr timeout, uint64_t setsize)
{
	struct mem_space *m = t->proc->mem;
	struct timespec ts;
	siginfo_t si;
	uint64_t mask;
	int64_t r;

	if (setsize != sizeof mask)
		return -EINVAL;
	if (!mem_copy_in(m, &mask, set, sizeof mask)
	    || (timeout && !mem_copy_in(m, &ts, timeout, sizeof ts)))
		return -EFAULT;
	r = sig_safe_syscall(t, SYS_rt_sigtimedwait, (long)(uintptr_t)&mask, (long)(uintptr_t)&si,
			     timeout ? (long)(uintptr_t)&ts : 0, sizeof mask, 0, 0);
	if (r > 0)
		dumped_info(&si);
	if (r > 0 && info && !mem_copy_out(m, info, &si, sizeof si))
		return -EFAULT;
	return r;
}

int64_t sig_safe_syscall(struct kit_thread *t, long nr, long a, long b, long c, long d, long e,
			 long f)
{
	const long args[6] = { a, b, c, d, e, f };

	return native_syscall(t->signal_taken, nr, args);
}

/* ---- delivery ------------------------------------------------------------------------------ */

void sig_die_by(struct kit_thread *t, const siginfo_t *info)
{
	struct rlimit no_core = { 0, 0 };
	int sig = info->si_signo;

	/* Faults stay open: memory is read that may not be there. */
	sig_host_mask(sig_host_of(all_signals), NULL);
	t->trace.signo = (uint32_t)sig;
	__atomic_store_n(&t->trace.stop, TRACE_DIES, __ATOMIC_RELEASE);
	/* Before the core file, for which the other threads are stopped. */
	t->proc->ops->farewell(t, sig, false);
	if (dumps_core(sig))
		t->proc->ops->core(t, info);
	/* A core of kitemu is not what the guest's user asked for. */
	setrlimit(RLIMIT_CORE, &no_core);
	t->is_whole = true;
	host_action(sig, (void *)SIG_DFL, 0);
	sig_host_mask(all_signals & ~sig_bit(sig), NULL);
	syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), sig);
	/* A stop signal, or one whose default is to be ignored, does not end the process. */
	_exit(128 + sig);
}

/*
 * Enters the handler of info's signal, or ends the process when there is none or its frame cannot be
 * written (as force_sigsegv of the kernel does).
 */
static void deliver_one(struct kit_thread *t, const siginfo_t *info)
{
	int sig = info->si_signo;
	struct rv64_sigaction act = take_action(t->proc, sig);
	uint64_t old = t->tmpmask ? t->sig->restore_mask : t->sig->mask;
	uint64_t mask = t->sig->mask | act.mask;

	KIT_LOG(sig, "signal %d code %d at pc %#lx, handler %#lx", sig, info->si_code,
		(unsigned long)t->st.pc, (unsigned long)act.handler);
	if (t->sig_trace)
		t->sig_trace(t, info);
	if (KIT_UNLIKELY(t->counts))
		t->counts->signals++;
	if (act.handler <= RV64_SIG_IGN)
		sig_die_by(t, info);
	if (!sig_push_frame(t, &act, info, old)) {
		KIT_LOG(sig, "no room for the frame of signal %d at sp %#lx", sig,
			(unsigned long)t->st.reg[2]);
		sig_die_by(t, &(siginfo_t){ .si_signo = SIGSEGV, .si_code = SI_KERNEL });
	}
	t->tmpmask = false;
	if (!(act.flags & RV64_SA_NODEFER))
		mask |= sig_bit(sig);
	set_mask(t, mask);
	if (KIT_UNLIKELY(trace_is_on(t)))
		trace_entered_handler(t);
}

/* What there is to deliver, after a tracer has had its say. All signals are blocked where there is anything. */
static bool take_signal(struct kit_thread *t, siginfo_t *info)
{
	struct sig_thread *s = t->sig;
	bool have;

	while (KIT_UNLIKELY(s->full & SIG_FULL_TRACE)) {
		sig_host_mask(all_signals, NULL);
		__atomic_fetch_and(&s->full, ~(uint32_t)SIG_FULL_TRACE, __ATOMIC_ACQ_REL);
		if (t->answer)
			t->answer(t);
		have = trace_obey(t, info);
		sig_host_mask(sig_host_of(all_signals), NULL); /* marks may come in */
		if (have) {
			/* The slot's is for the next time. */
			__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
			return true;
		}
	}
	have = s->full & SIG_FULL_SLOT;
	if (have) {
		*info = s->slot;
		dumped_info(info);
		__atomic_fetch_and(&s->full, ~(uint32_t)SIG_FULL_SLOT, __ATOMIC_ACQ_REL);
		if (KIT_UNLIKELY(trace_is_on(t)))
			have = trace_stop_for_signal(t, info);
	}
	return have;
}

/* A signal that was taken although its default is to stop the process: the kernel does that. */
static void stop_by(struct kit_thread *t, const siginfo_t *info)
{
	set_mask(t, t->sig->mask);
	sig_queue_self(info);
}

void sig_deliver(struct kit_thread *t, bool in_syscall, int64_t *result)
{
	enum { ECALL_BYTES = 4 };
	struct sig_thread *s = t->sig;
	struct ir_state *st = &t->st;
	const gaddr restart_pc = st->pc;
	siginfo_t info;
	struct rv64_sigaction action = { .handler = RV64_SIG_IGN };
	bool have, handler;

	__atomic_fetch_and(&st->stop, ~(uint32_t)IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	have = take_signal(t, &info);
	if (have)
		action = action_of(t->proc, info.si_signo);
	handler = action.handler > RV64_SIG_IGN;
	/* A tracer may have moved pc: then nothing is restarted. */
	if (in_syscall && st->pc == restart_pc) {
		bool restart = *result == -SIG_ERESTARTNOINTR
			       || (*result == -SIG_ERESTARTNOHAND && !handler)
			       || (*result == -SIG_ERESTARTSYS
				   && (!handler || action.flags & RV64_SA_RESTART));

		if (!restart) {
			if (*result <= -SIG_ERESTARTSYS)
				*result = -EINTR;
			st->reg[10] = (uint64_t)*result;
			st->pc += ECALL_BYTES;
		}
	}
	if (!have) {
		set_mask(t, t->tmpmask ? s->restore_mask : s->mask);
		t->tmpmask = false;
		return;
	}
	/* A slot filled before a change of its disposition may be one to drop. */
	if (action.handler == RV64_SIG_DFL && default_is_stop(info.si_signo))
		stop_by(t, &info);
	else if (handler || (action.handler == RV64_SIG_DFL && !default_is_ignore(info.si_signo)))
		deliver_one(t, &info);
	else
		set_mask(t, s->mask);
}

void sig_force_seen(struct kit_thread *t, const siginfo_t *info)
{
	const int sig = info->si_signo;

	/* force_sig: a blocked or ignored one ends the process. */
	if (action_of(t->proc, sig).handler <= RV64_SIG_IGN || t->sig->mask & sig_bit(sig)) {
		if (t->sig_trace)
			t->sig_trace(t, info);
		if (KIT_UNLIKELY(t->counts))
			t->counts->signals++;
		KIT_LOG(sig, "fatal signal %d code %d address %p at pc %#lx", sig, info->si_code,
			info->si_addr, (unsigned long)t->st.pc);
		sig_die_by(t, info);
	}
	deliver_one(t, info);
}

void sig_force(struct kit_thread *t, const siginfo_t *forced)
{
	siginfo_t info = *forced;

	if (KIT_UNLIKELY(trace_is_on(t)) && !trace_stop_for_signal(t, &info)) {
		sig_host_mask(sig_host_of(t->sig->full ? all_signals : t->sig->mask), NULL);
		return;
	}
	sig_force_seen(t, &info);
}

void sig_raise_sync(struct kit_thread *t, int sig, int code, gaddr addr)
{
	siginfo_t info = { .si_signo = sig, .si_code = code };

	info.si_addr = (void *)(uintptr_t)addr;
	sig_force(t, &info);
}

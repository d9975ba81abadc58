/* Stops of a traced thread; see trace.h. The host's handler and sig_deliver call in here through sig_priv.h. */
#include "runtime/sig/trace.h"

#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/core/points.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"
#include "runtime/sig/sig_priv.h"

#include <errno.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ECALL_BYTES = 4, SYSCALL_CODE = SIGTRAP | 0x80, EVENT_SHIFT = 8 };

static const uint64_t all_signals = ~UINT64_C(0);

static uint32_t orders(const struct kit_thread *t)
{
	return __atomic_load_n(&t->trace.orders, __ATOMIC_ACQUIRE);
}

/* System calls come to the run loop as long as somebody traces. */
static void direct_calls(struct kit_thread *t)
{
	if (orders(t))
		__atomic_fetch_or(&t->st.calls_leave, KIT_CALLS_TRACED, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&t->st.calls_leave, ~(uint32_t)KIT_CALLS_TRACED,
				   __ATOMIC_RELEASE);
}

/* ---- stopping ------------------------------------------------------------------------------------------------ */

/*
 * Code that tracers have written over since this process last looked. Threads that go on at once may all do the work: none
 * may run before it is done.
 */
static void settle_changes(struct kit_process *p)
{
	struct trace_directory *d = &trace_directory;
	uint32_t now = __atomic_load_n(&d->changes, __ATOMIC_ACQUIRE);
	uint32_t from = __atomic_load_n(&d->settled, __ATOMIC_ACQUIRE);

	if (now - from > TRACE_RANGES || d->written_unseen)
		mem_code_written(p->mem, 0, d->limit);
	else
		for (; from != now; from++)
			mem_code_written(p->mem, d->range[from % TRACE_RANGES].start,
					 d->range[from % TRACE_RANGES].size_bytes);
	__atomic_store_n(&d->settled, now, __ATOMIC_RELEASE);
}

static void get_ready(struct kit_process *p)
{
	sig_take_traps(p);
	mem_no_guards(p->mem);
}

/* The mask that the guest has outside of ppoll and its like: what a tracer sees and sets. */
static uint64_t *lasting_mask(struct kit_thread *t)
{
	return t->tmpmask ? &t->sig->restore_mask : &t->sig->mask;
}

/*
 * Stops by info's signal until the tracer says how to go on. True: with a signal, which is in *info then. Leaves
 * every signal blocked. Without a tracer, who may have died, nothing of the trace remains; info's signal is the
 * answer then.
 */
static bool stop(struct kit_thread *t, enum trace_stop kind, siginfo_t *info)
{
	struct kit_trace *tr = &t->trace;
	uint64_t mask = *lasting_mask(t);
	int signo = info->si_signo;

	get_ready(t->proc);
	jit_set_frm(t); /* all flags are in fflags then */
	KIT_LOG(sig, "[%d] stop of kind %d by signal %d at pc %#lx", t->tid, (int)kind, signo,
		(unsigned long)t->st.pc);
	sig_host_mask(all_signals, NULL);
	tr->mask = mask;
	tr->signo = (uint32_t)signo;
	tr->answer.si_signo = 0;
	tr->stop_count++;
	__atomic_store_n(&tr->resumed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&tr->stop, kind, __ATOMIC_RELEASE);
	tr->raising = true;
	sig_queue_self(info);
	sig_host_mask(all_signals & ~sig_bit(signo), NULL);
	/* Here it stands, and is resumed. */
	sig_host_mask(all_signals, NULL);
	tr->raising = false;
	__atomic_store_n(&tr->stop, TRACE_RUNS, __ATOMIC_RELEASE);
	if (!__atomic_load_n(&tr->resumed, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&tr->orders, 0, __ATOMIC_RELEASE);
		tr->options = 0;
	}
	jit_set_frm(t); /* the tracer may have set frm */
	if (tr->mask != mask)
		*lasting_mask(t) = tr->mask & ~(sig_bit(SIGKILL) | sig_bit(SIGSTOP));
	settle_changes(t->proc);
	direct_calls(t);
	if (orders(t) & TRACE_STEP)
		__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	*info = tr->answer;
	return tr->answer.si_signo != 0;
}

/* The mask with which the thread goes on; with a signal in the slot all stay blocked. */
static void let_in(const struct kit_thread *t)
{
	sig_host_mask(sig_host_of(t->sig->full ? all_signals : t->sig->mask), NULL);
}

/* A stop that is no signal's. code: as the kernel's ptrace_do_notify has it. */
static void stop_by_trap(struct kit_thread *t, enum trace_stop kind, int code)
{
	siginfo_t info = { .si_signo = SIGTRAP, .si_code = code };

	info.si_pid = t->tid;
	info.si_uid = getuid();
	stop(t, kind, &info);
}

static void stop_for_event(struct kit_thread *t, uint32_t event, uint64_t message)
{
	t->trace.event = event;
	t->trace.message = message;
	stop_by_trap(t, TRACE_EVENT, (int)(SIGTRAP | event << EVENT_SHIFT));
	t->trace.event = 0;
}

/* ---- signals ------------------------------------------------------------------------------------------------- */

void trace_take_mark(struct kit_thread *t, siginfo_t *info)
{
	int as = info->si_signo;

	trace_unmark(info);
	if (as == SIGSEGV) /* or another thread only asks for attention: no signal */
		t->sig->hold = info->si_signo ? (uint32_t)info->si_signo : t->sig->hold;
	else if (info->si_signo == SIGSTOP)
		t->sig->stop_info = *info;
}

/*
 * The stop itself is made by a SIGTRAP. Sent to itself, info's own signal would come behind others of its kind, or
 * undo a pending SIGSTOP or SIGCONT.
 */
bool trace_stop_for_signal(struct kit_thread *t, siginfo_t *info)
{
	struct kit_trace *tr = &t->trace;

	tr->shown = *info;
	info->si_signo = SIGTRAP;
	if (!stop(t, TRACE_SIGNAL, info))
		return false;
	if (!tr->resumed)
		*info = tr->shown;
	return true;
}

bool trace_obey(struct kit_thread *t, siginfo_t *info)
{
	struct sig_thread *s = t->sig;

	if (s->hold && trace_is_on(t)) {
		t->trace.hold = s->hold;
		stop_by_trap(t, TRACE_HELD, SIGTRAP | PTRACE_EVENT_STOP << EVENT_SHIFT);
		t->trace.hold = 0;
	}
	s->hold = 0;
	if (!s->stop_info.si_signo)
		return false;
	*info = s->stop_info;
	s->stop_info.si_signo = 0;
	return !trace_is_on(t) || trace_stop_for_signal(t, info);
}

/* ---- system calls -------------------------------------------------------------------------------------------- */

/*
 * After a stop at a call's entry. False: the tracer wants no call, and *result is what the guest gets.
 *
 * The kernel takes the first argument from orig_a0, which no register set has, so a0 is only a result here. Linux
 * 6.11 and later show -ENOSYS in it; the argument, which earlier ones show, serves more tracers.
 */
static bool goes_on(struct kit_thread *t, int64_t *result)
{
	struct kit_trace *tr = &t->trace;
	uint64_t *a0 = &t->st.reg[RV64_A0];

	if ((int32_t)t->st.reg[RV64_A7] == -1) {
		*result = *a0 == tr->call_a0 ? -ENOSYS : (int64_t)*a0;
		return false;
	}
	*a0 = tr->call_a0;
	return true;
}

bool trace_call_begins(struct kit_thread *t, int64_t *result)
{
	struct kit_trace *tr = &t->trace;

	tr->call_a0 = t->st.reg[RV64_A0];
	tr->in_call = 1;
	tr->judged = false;
	if (!(orders(t) & TRACE_CALLS))
		return true;
	tr->message = PTRACE_EVENTMSG_SYSCALL_ENTRY;
	stop_by_trap(t, TRACE_CALL, tr->options & PTRACE_O_TRACESYSGOOD ? SYSCALL_CODE : SIGTRAP);
	let_in(t);
	return goes_on(t, result);
}

static bool is_restart(int64_t result)
{
	return result <= -SIG_ERESTARTSYS && result >= -SIG_ERESTARTNOHAND;
}

void trace_call_ends(struct kit_thread *t, bool done, int64_t *result)
{
	struct kit_trace *tr = &t->trace;
	struct ir_state *st = &t->st;

	if (tr->event) {
		stop_for_event(t, tr->event, tr->message);
		let_in(t);
	}
	tr->in_call = 0;
	if (!(orders(t) & TRACE_CALLS))
		return;
	if (!done) {
		st->reg[RV64_A0] = (uint64_t)*result;
		st->pc += ECALL_BYTES;
	}
	tr->message = PTRACE_EVENTMSG_SYSCALL_EXIT;
	stop_by_trap(t, TRACE_CALL_END,
		     tr->options & PTRACE_O_TRACESYSGOOD ? SYSCALL_CODE : SIGTRAP);
	let_in(t);
	if (done)
		return;
	*result = (int64_t)st->reg[RV64_A0];
	st->pc -= ECALL_BYTES;
	if (is_restart(*result))
		st->reg[RV64_A0] = tr->call_a0;
}

bool trace_seccomp(struct kit_thread *t, uint32_t data, int64_t *result)
{
	if (!trace_is_on(t) || !(t->trace.options & PTRACE_O_TRACESECCOMP))
		return false;
	stop_for_event(t, PTRACE_EVENT_SECCOMP, data);
	let_in(t);
	t->trace.judged = true;
	return goes_on(t, result);
}

/* ---- beginnings ---------------------------------------------------------------------------------------------- */

void trace_me(struct kit_thread *t)
{
	__atomic_store_n(&t->trace.orders, TRACE_ON, __ATOMIC_RELEASE);
	direct_calls(t);
	get_ready(t->proc);
}

void trace_child(const struct kit_thread *t, uint64_t clone_flags, int exit_signal,
		 struct kit_trace *child)
{
	const struct kit_trace *tr = &t->trace;
	const uint32_t seized = tr->orders & TRACE_SEIZED, options = tr->options;
	uint32_t option = clone_flags & CLONE_VFORK ? PTRACE_O_TRACEVFORK
			  : exit_signal != SIGCHLD  ? PTRACE_O_TRACECLONE
						    : PTRACE_O_TRACEFORK;
	bool traced = tr->orders
		      && ((options & option && !(clone_flags & CLONE_UNTRACED))
			  || clone_flags & CLONE_PTRACE);

	*child = (struct kit_trace){ 0 };
	if (traced) {
		child->orders = TRACE_ON | seized;
		child->options = options;
	}
}

void trace_child_begins(struct kit_thread *c)
{
	direct_calls(c);
	/* The host's own first stop came before anything of the guest's: this one is shown in its place. */
	if (c->trace.orders & TRACE_SEIZED) {
		c->trace.hold = c->sig->hold = SIGTRAP;
		__atomic_fetch_or(&c->sig->full, SIG_FULL_TRACE, __ATOMIC_RELEASE);
		__atomic_fetch_or(&c->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	}
}

/* ---- execve -------------------------------------------------------------------------------------------------- */

enum { SAVED_OPTIONS_SHIFT = 8, SAVED_TID_SHIFT = 32, SAVED_OPTIONS_MASK = 0xffffff };

uint64_t trace_save(const struct kit_thread *t)
{
	if (!trace_is_on(t))
		return 0;
	return (orders(t) & 0xff) | (uint64_t)t->trace.options << SAVED_OPTIONS_SHIFT
	       | (uint64_t)(uint32_t)t->tid << SAVED_TID_SHIFT;
}

/* The kernel's order: the event within the call, the end of the call; without an event a SIGTRAP after both. */
void trace_restore(struct kit_thread *t, uint64_t saved)
{
	struct kit_trace *tr = &t->trace;
	siginfo_t trap = { .si_signo = SIGTRAP, .si_code = SI_USER };
	int64_t result = 0;

	tr->options = saved >> SAVED_OPTIONS_SHIFT & SAVED_OPTIONS_MASK;
	__atomic_store_n(&tr->orders, (uint32_t)(saved & 0xff), __ATOMIC_RELEASE);
	tr->event = PTRACE_EVENT_EXEC;
	tr->message = saved >> SAVED_TID_SHIFT;
	stop_by_trap(t, TRACE_STARTED, SIGTRAP | PTRACE_EVENT_EXEC << EVENT_SHIFT);
	tr->event = 0;
	trace_call_ends(t, true, &result);
	if (trace_is_on(t) && !(tr->options & PTRACE_O_TRACEEXEC) && !(orders(t) & TRACE_SEIZED)) {
		trap.si_pid = t->tid;
		trap.si_uid = getuid();
		sig_queue_self(&trap);
	}
	let_in(t);
}

void trace_entered_handler(struct kit_thread *t)
{
	if (!(orders(t) & TRACE_STEP))
		return;
	stop_for_event(t, 0, 0);
	let_in(t);
}

/* ---- points --------------------------------------------------------------------------------------------------- */

void trace_stop_at_point(struct kit_thread *t, int code, gaddr addr)
{
	siginfo_t info = { .si_signo = SIGTRAP, .si_code = code };
	bool deliver;

	info.si_addr = (void *)(uintptr_t)addr;
	deliver = trace_is_on(t) && trace_stop_for_signal(t, &info);
	if (!trace_is_on(t)) {
		point_drop_all();
		mem_code_written(t->proc->mem, 0, trace_directory.limit);
		deliver = false;
	}
	if (deliver)
		sig_force_seen(t, &info);
	else
		let_in(t);
}

/* ---- single steps -------------------------------------------------------------------------------------------- */

void trace_stepped(struct kit_thread *t, uint32_t stops_before, gaddr pc_before)
{
	if (!(orders(t) & TRACE_STEP))
		return;
	__atomic_fetch_or(&t->st.stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
	/* A fault whose signal was not delivered: the instruction is still to be stepped over. */
	if (t->trace.stop_count != stops_before && t->st.pc == pc_before)
		return;
	if (orders(t) & TRACE_RANGE && t->st.pc >= t->trace.range_start
	    && t->st.pc < t->trace.range_end)
		return;
	sig_raise_sync(t, SIGTRAP, TRAP_TRACE, t->st.pc);
}

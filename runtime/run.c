/*
 * The run loop; see run.h.
 *
 *        +--> deliver signals --> engine: runs guest code --+
 *        |                                                  | reason
 *        +---- system call | fault -> signal | fence.i ... <+
 *
 * Between two turns the guest's registers are in t->st, whole and exact.
 */
#include "runtime/run.h"

#include "lib/base/log.h"
#include "runtime/check.h"
#include "runtime/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/level0.h"
#include "runtime/mem/mem.h"
#include "runtime/profile.h"
#include "runtime/sig/sig.h"
#include "runtime/sig/trace.h"
#include "runtime/stats.h"
#include "runtime/sys/sys.h"
#include "runtime/tally.h"
#include "runtime/watch.h"

#include <errno.h>

enum { FRM_HOST_MAX = 3, REG_A0 = 10, ECALL_BYTES = 4 };

/* A signal that the instruction at the pc causes. */
static void raise_sync(struct kit_thread *t, int sig, int code, gaddr addr)
{
	if (KIT_UNLIKELY(t->proc->embedder))
		t->proc->embedder->raise(t, sig, code, addr);
	else
		sig_raise_sync(t, sig, code, addr);
}

/* What code that counts has counted in vain is taken back. */
static enum ir_exit recount(struct kit_thread *t, enum ir_exit why)
{
	if (KIT_UNLIKELY(t->proc->runs && why == IR_EXIT_FAULT
			 && t->st.fault_kind == IR_FAULT_ROUTINE))
		tally_gave_up(t);
	else if (KIT_UNLIKELY((t->counts || t->proc->ways)
			      && (why == IR_EXIT_FAULT || why == IR_EXIT_REDO)))
		stats_faulted(t, t->jit ? jit_fault_end(t) : 1, why == IR_EXIT_REDO);
	return why;
}

static enum ir_exit run_engine(struct kit_thread *t)
{
	enum ir_exit why;

	if (KIT_UNLIKELY(t->proc->points->watch_count))
		return watch_run(t);
	/* Rounding modes beyond the host's (to nearest, ties away; reserved ones) are level 0's. */
	if (!t->proc->jit)
		return recount(t, interp_run(t));
	if (t->st.frm > FRM_HOST_MAX)
		return level0_run(t);
	if (t->proc->opt.selfcheck)
		return recount(t, check_run(t));
	/* Level 0: what has not run often is not worth a translation. */
	do {
		why = recount(t, jit_run(t));
		if (why == IR_EXIT_LOOKUP)
			why = level0_run(t);
	} while (why == IR_EXIT_LOOKUP && !__atomic_load_n(&t->st.stop, __ATOMIC_RELAXED));
	return why;
}

static void end_syscall(struct kit_thread *t, int64_t result)
{
	if (KIT_UNLIKELY(t->tmpmask))
		sig_end_tmpmask(t, result);
	/* Nobody but the sampler has interrupted it. */
	if (KIT_UNLIKELY(t->sample.due && result == -EINTR && !sig_is_taken(t)))
		return;
	if (KIT_UNLIKELY(result <= -SIG_ERESTARTSYS && result >= -SIG_ERESTARTNOHAND)) {
		sig_deliver(t, true, &result);
		return;
	}
	t->st.reg[REG_A0] = (uint64_t)result;
	t->st.pc += ECALL_BYTES;
}

static void do_syscall(struct kit_thread *t)
{
	int64_t result = 0;

	if (KIT_UNLIKELY(t->proc->embedder) && t->proc->embedder->call(t, &result)) {
		end_syscall(t, result);
		return;
	}
	if (KIT_LIKELY(sys_call(t, &result) == SYS_RESULT))
		end_syscall(t, result);
}

/* Translated code made the call, but what it says is not all that there is to do. */
static void finish_syscall(struct kit_thread *t)
{
	int64_t result = (int64_t)t->st.exit_arg;

	if (sys_called(t, &result) == SYS_RESULT)
		end_syscall(t, result);
}

/*
 * An address that cannot be accessed: is anything mapped there? Asked of the guest's mappings, since at a
 * base the host has a reservation where the guest has nothing.
 */
static void raise_segv(struct kit_thread *t, gaddr addr)
{
	struct mem_vma v;
	bool mapped = mem_find(t->proc->mem, addr, &v);

	if (KIT_UNLIKELY(t->counts))
		t->counts->faults++;
	raise_sync(t, SIGSEGV, mapped ? SEGV_ACCERR : SEGV_MAPERR, addr);
}

static void raise_fault(struct kit_thread *t)
{
	const struct ir_state *st = &t->st;

	switch ((enum ir_fault_kind)st->fault_kind) {
	case IR_FAULT_MISALIGNED:
		/* arch/riscv/kernel/traps.c: a misaligned AMO that cannot be emulated */
		raise_sync(t, SIGBUS, BUS_ADRALN, st->fault_addr);
		break;
	case IR_FAULT_BUS:
		raise_sync(t, SIGBUS, (int)st->fault_code, st->fault_addr);
		break;
	case IR_FAULT_SEGV:
	case IR_FAULT_ROUTINE: /* is no fault of the guest's */
	case IR_FAULT_NONE:
	case IR_FAULT_REDO:
		raise_segv(t, st->fault_addr);
		break;
	}
}

static void dispatch(struct kit_thread *t, enum ir_exit why);

static void memory_fault(struct kit_thread *t)
{
	struct ir_state *st = &t->st;

	/* Its code in the guest finds out what is in the way, if anything is: a signal may wait. */
	if (st->fault_kind == IR_FAULT_ROUTINE) {
		dispatch(t, level0_run(t));
		return;
	}
	/*
	 * A write to a page with translated code: the code is dropped, and this
	 * one instruction is interpreted, lest its own translation guard the page again.
	 * Another thread's may do so meanwhile: that is one more hit, and there are not many.
	 * An access beyond the canonical addresses comes without its address, which
	 * interpreting it finds out.
	 */
	while (st->fault_kind == IR_FAULT_SEGV
	       && ((st->fault_write && mem_guard_hit(t->proc->mem, st->fault_addr))
		   || st->fault_code == SI_KERNEL)) {
		enum ir_exit why;

		/* It begins once more. */
		stats_again(t);
		why = level0_run_one(t);
		if (why != IR_EXIT_FAULT) {
			dispatch(t, why);
			return;
		}
	}
	raise_fault(t);
}

static void dispatch(struct kit_thread *t, enum ir_exit why)
{
	switch (why) {
	case IR_EXIT_SYSCALL:
		do_syscall(t);
		break;
	case IR_EXIT_CALLED:
		finish_syscall(t);
		break;
	case IR_EXIT_BREAK:
		if (!point_is_at(t->proc->points, t->st.pc))
			raise_sync(t, SIGTRAP, TRAP_BRKPT, t->st.pc);
		else if (t->proc->embedder)
			t->proc->embedder->at_break(t);
		else
			trace_stop_at_point(t, TRAP_BRKPT, t->st.pc);
		break;
	case IR_EXIT_ILLEGAL:
		raise_sync(t, SIGILL, ILL_ILLOPC, t->st.pc);
		break;
	case IR_EXIT_FETCH:
		/* pc cannot be fetched: no mapping there, or none that may be executed. */
		raise_segv(t, t->st.pc);
		break;
	case IR_EXIT_FENCEI:
		mem_settle(t->proc->mem);
		jit_sync_code(t->proc->jit);
		break;
	case IR_EXIT_FRM:
		jit_set_frm(t);
		break;
	case IR_EXIT_FAULT:
		memory_fault(t);
		break;
	case IR_EXIT_REDO:
		/* Level 0 has no instruction that leaves so. */
		dispatch(t, level0_run(t));
		break;
	case IR_EXIT_NONE:
	case IR_EXIT_STOP:
	case IR_EXIT_LOOKUP:
	case IR_EXIT_LINK:
	case IR_EXIT_HOT:
	case IR_EXIT_STUB:
	case IR_EXIT_COUNT:
		break;
	}
}

/* Signals that wait, then one instruction where a tracer wants single steps. */
static void attend(struct kit_thread *t)
{
	enum ir_exit why;
	uint32_t stops;
	gaddr pc;

	if (KIT_UNLIKELY(t->proc->embedder)) {
		__atomic_fetch_and(&t->st.stop, ~(uint32_t)IR_STOP_SIGNAL, __ATOMIC_ACQ_REL);
		t->proc->embedder->attend(t);
		return;
	}
	if (KIT_UNLIKELY(t->sample.due))
		profile_sample(t);
	sig_deliver(t, false, NULL);
	if (KIT_LIKELY(!(t->trace.orders & TRACE_STEP)))
		return;
	stops = t->trace.stop_count;
	pc = t->st.pc;
	why = t->proc->points->watch_count ? watch_run_one(t) : level0_run_one(t);
	dispatch(t, why);
	/* IR_EXIT_STOP: it has stopped, at a watchpoint. */
	if (!t->exiting && why != IR_EXIT_STOP)
		trace_stepped(t, stops, pc);
}

void run_one(struct kit_thread *t)
{
	dispatch(t, t->proc->points->watch_count ? watch_run_one(t) : level0_run_one(t));
}

bool run_block(struct kit_thread *t)
{
	if (__atomic_load_n(&t->st.stop, __ATOMIC_ACQUIRE) & IR_STOP_SIGNAL) {
		attend(t);
		return false;
	}
	dispatch(t, watch_run_block(t));
	return true;
}

int run_thread(struct kit_thread *t)
{
	while (!t->exiting) {
		enum ir_exit why;

		if (KIT_UNLIKELY(__atomic_load_n(&t->st.stop, __ATOMIC_ACQUIRE) & IR_STOP_SIGNAL)) {
			attend(t);
			continue;
		}
		why = run_engine(t);
		if (KIT_UNLIKELY(t->counts))
			t->counts->exit[why]++;
		/* First what is there most. */
		if (KIT_LIKELY(why == IR_EXIT_SYSCALL))
			do_syscall(t);
		else
			dispatch(t, why);
	}
	return t->exit_status;
}

/*
 * The guest's signal frame: rt_sigframe of arch/riscv/kernel/signal.c.
 *
 *     sp -> siginfo (128 bytes) | ucontext: flags link stack mask | sigcontext: pc x1..x31, f0..f31 fcsr
 *
 * The space behind the floating-point registers holds the extension list, which is empty (a zero header)
 * while the guest has no vector state.
 */
#include "arch/native.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"
#include "runtime/sig/sig_priv.h"

#include "arch/rv64/cpu.h"

#include <string.h>

enum { STACK_ALIGN_BYTES = 16 };

static uint32_t fcsr_of(const struct ir_state *st)
{
	return st->frm << 5 | st->fflags | native_fpcr_flags(st->host_fpcr);
}

static void set_fcsr(struct kit_thread *t, uint32_t fcsr)
{
	t->st.frm = fcsr >> 5 & 7;
	jit_set_frm(t); /* moves the host's flags to fflags, which are then replaced */
	t->st.fflags = fcsr & 31;
}

bool sig_on_altstack(const struct kit_thread *t, uint64_t sp)
{
	const struct rv64_stack *alt = &t->sig->alt;

	if ((uint32_t)alt->flags & RV64_SS_AUTODISARM)
		return false;
	return sp > alt->sp && sp - alt->sp <= alt->size;
}

static uint64_t frame_sp(const struct kit_thread *t, uint64_t flags)
{
	const struct rv64_stack *alt = &t->sig->alt;
	uint64_t sp = t->st.reg[RV64_SP];

	if (flags & RV64_SA_ONSTACK && alt->size && !sig_on_altstack(t, sp))
		sp = alt->sp + alt->size;
	return (sp - sizeof(struct rv64_rt_sigframe)) & ~(uint64_t)(STACK_ALIGN_BYTES - 1);
}

static void save_context(const struct kit_thread *t, struct rv64_ucontext *uc, uint64_t old_mask)
{
	const struct ir_state *st = &t->st;
	const struct rv64_stack *alt = &t->sig->alt;

	uc->stack = *alt;
	uc->stack.flags = !alt->size ? RV64_SS_DISABLE
			  : sig_on_altstack(t, st->reg[RV64_SP])
			      ? RV64_SS_ONSTACK
			      : (int32_t)((uint32_t)alt->flags & RV64_SS_AUTODISARM);
	uc->sigmask = old_mask;
	uc->mc.pc = st->pc;
	memcpy(uc->mc.x, &st->reg[1], sizeof uc->mc.x);
	memcpy(uc->mc.fp.d.f, &st->reg[RV64_F0], sizeof uc->mc.fp.d.f);
	uc->mc.fp.d.fcsr = fcsr_of(st);
}

bool sig_push_frame(struct kit_thread *t, const struct rv64_sigaction *act, const siginfo_t *info,
		    uint64_t old_mask)
{
	struct rv64_rt_sigframe frame = { 0 };
	struct ir_state *st = &t->st;
	uint64_t sp = frame_sp(t, act->flags);

	_Static_assert(sizeof *info == sizeof frame.info, "siginfo_t is alike on both sides");
	memcpy(frame.info, info, sizeof frame.info);
	save_context(t, &frame.uc, old_mask);
	if (!mem_copy_out(t->proc->mem, sp, &frame, sizeof frame))
		return false;
	if ((uint32_t)t->sig->alt.flags & RV64_SS_AUTODISARM)
		t->sig->alt = (struct rv64_stack){ .flags = RV64_SS_DISABLE };
	st->reg[RV64_RA] = t->proc->sigreturn_pc;
	st->reg[RV64_SP] = sp;
	st->reg[RV64_A0] = (uint64_t)info->si_signo;
	st->reg[RV64_A1] = sp + offsetof(struct rv64_rt_sigframe, info);
	st->reg[RV64_A2] = sp + offsetof(struct rv64_rt_sigframe, uc);
	st->pc = act->handler & ~UINT64_C(1);
	st->resv_addr = 1; /* entering the kernel ends a reservation */
	return true;
}

void sig_return(struct kit_thread *t)
{
	struct ir_state *st = &t->st;
	struct rv64_rt_sigframe frame;
	uint64_t sp = st->reg[RV64_SP];

	if (sp % STACK_ALIGN_BYTES || !mem_copy_in(t->proc->mem, &frame, sp, sizeof frame)) {
		sig_raise_sync(t, SIGSEGV, SI_KERNEL, 0);
		return;
	}
	st->pc = frame.uc.mc.pc;
	memcpy(&st->reg[1], frame.uc.mc.x, sizeof frame.uc.mc.x);
	memcpy(&st->reg[RV64_F0], frame.uc.mc.fp.d.f, sizeof frame.uc.mc.fp.d.f);
	set_fcsr(t, frame.uc.mc.fp.d.fcsr);
	st->resv_addr = 1;
	/* As restore_altstack: errors, such as being on the stack in question, are not reported. */
	if (!sig_on_altstack(t, st->reg[RV64_SP])) {
		frame.uc.stack.flags &= ~RV64_SS_ONSTACK;
		if (frame.uc.stack.flags & RV64_SS_DISABLE)
			frame.uc.stack.size = 0;
		t->sig->alt = frame.uc.stack;
	}
	t->sig->mask = frame.uc.sigmask & ~(sig_bit(SIGKILL) | sig_bit(SIGSTOP));
	sig_host_mask(sig_host_of(t->sig->mask), NULL);
}

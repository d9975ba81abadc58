/*
 * The code between kitemu and translated code: entry, exit, lookup, calls of C functions.
 *
 * Made once per process by the same encoder as translated code, so that it knows the homes. While translated code runs
 * rbp is the state base and rsp the stack of return addresses. Kitemu's own stack pointer waits in
 * ir_state.host_sp, a multiple of 16, below the callee-saved registers of enter's caller.
 */
#include "arch/x86_64/x64_priv.h"

static const uint8_t callee_saved[] = { X64_RBX, X64_RBP, X64_R12, X64_R13, X64_R14, X64_R15 };
/* What a C function may destroy, of the registers that hold values. */
static const uint8_t caller_saved[] = { X64_RCX, X64_RDX, X64_RSI, X64_RDI,
					X64_R8,  X64_R9,  X64_R10, X64_R11 };

enum { SAVE_SP = ARRAY_LEN(caller_saved), SAVE_XMM, SAVE_COUNT = SAVE_XMM + 16 };

_Static_assert(SAVE_COUNT <= sizeof(((struct ir_state *)0)->save) / 8,
	       "ir_state.save is too small");

static struct x64_mem state(int32_t disp) { return x64_at(X64_RBP, disp); }
static struct x64_mem saved(unsigned n) { return state(X64_ST(save) + 8 * (int32_t)n); }

static void load(struct codebuf *cb, unsigned reg, struct x64_mem m)
{
	x64_rm(cb, X64_MOV_RM, 1, reg, m);
}

static void store(struct codebuf *cb, unsigned reg, struct x64_mem m)
{
	x64_rm(cb, X64_MOV_MR, 1, reg, m);
}

/* The SSE forms serve with AVX, too: what is above bit 127 is clear. */
static void move_homes(const struct ra_target *t, struct codebuf *cb, bool to_state)
{
	for (unsigned g = 0; g < t->regs->count; g++) {
		struct x64_mem m = state(t->regs->reg[g].offset_bytes - X64_STATE_BIAS);
		unsigned home = t->home[g];

		if (home == LIR_PHYS_NONE)
			continue;
		if (home >= LIR_PHYS_FP)
			x64_rm(cb, to_state ? X64_MOVS_MR : X64_MOVS_RM, 0, home - LIR_PHYS_FP, m);
		else if (to_state)
			store(cb, home, m);
		else
			load(cb, home, m);
	}
}

/* uint32_t enter(struct ir_state *st, const void *code), System V ABI. */
static void make_enter(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb)
{
	for (unsigned i = 0; i < ARRAY_LEN(callee_saved); i++)
		x64_push(cb, callee_saved[i]);
	x64_alu_ri(cb, X64_SUB, 1, X64_RSP, 8);
	x64_rm(cb, X64_LEA, 1, X64_RBP, x64_at(X64_RDI, X64_STATE_BIAS));
	store(cb, X64_RSP, state(X64_ST(host_sp)));
	x64_mov_rr(cb, 1, X64_RAX, X64_RSI);
	load(cb, X64_RSP, state(X64_ST(code_sp)));
	x64_m(cb, X64_LDMXCSR, 0, state(X64_ST(host_fpcr)));
	move_homes(t, cb, false);
	if (o->guest_base)
		load(cb, X64_R15, state(X64_ST(guest_base)));
	x64_r(cb, X64_JMP_M, 0, X64_RAX);
}

/* Back to enter's caller with eax. */
static void make_return(struct codebuf *cb)
{
	load(cb, X64_RSP, state(X64_ST(host_sp)));
	x64_m(cb, X64_LDMXCSR, 0, state(x64_const_at(X64_C_MXCSR)));
	x64_alu_ri(cb, X64_ADD, 1, X64_RSP, 8);
	for (unsigned i = ARRAY_LEN(callee_saved); i-- > 0;)
		x64_pop(cb, callee_saved[i]);
	x64_ret(cb);
}

/* eax: reason, rcx: guest pc. */
static void make_exit(const struct ra_target *t, struct codebuf *cb)
{
	x64_alu_ri(cb, X64_AND, 1, X64_RCX, -2);
	store(cb, X64_RCX, state(X64_ST(pc)));
	store(cb, X64_RSP, state(X64_ST(code_sp)));
	x64_m(cb, X64_STMXCSR, 0, state(X64_ST(host_fpcr)));
	move_homes(t, cb, true);
	make_return(cb);
}

static void leave(struct codebuf *cb, enum ir_exit reason, uint32_t exit)
{
	x64_mov_imm(cb, X64_RAX, reason);
	x64_jmp_to(cb, exit);
}

/*
 * rcx: guest pc. Also a safe point: a guest that goes round in unpaired returns comes by nowhere else.
 */
static void make_lookup(struct codebuf *cb, uint32_t exit)
{
	uint32_t stopped, missed;

	x64_alu_mi(cb, X64_CMP, 0, state(X64_ST(stop)), 0);
	stopped = x64_jcc8(cb, X64_CC_NE);
	x64_alu_ri(cb, X64_AND, 1, X64_RCX, -2);
	x64_mov_rr(cb, 0, X64_RAX, X64_RCX);
	x64_alu_ri(cb, X64_AND, 0, X64_RAX, (IR_JUMP_ENTRIES - 1) << 1);
	load(cb, X64_RDX, state(X64_ST(jump)));
	x64_alu_rm(cb, X64_CMP, 1, X64_RCX, (struct x64_mem){ X64_RDX, X64_RAX, 3, 0 });
	missed = x64_jcc8(cb, X64_CC_NE);
	x64_m(cb, X64_JMP_M, 0, (struct x64_mem){ X64_RDX, X64_RAX, 3, 8 });
	x64_here8(cb, missed);
	leave(cb, IR_EXIT_LOOKUP, exit);
	x64_here8(cb, stopped);
	leave(cb, IR_EXIT_STOP, exit);
}

/*
 * A C function on kitemu's stack; all registers but rax stay. A helper gets kitemu's MXCSR; fp_eval
 * computes with integers alone.
 */
static void make_c_call(struct codebuf *cb, bool helper)
{
	for (unsigned i = 0; i < ARRAY_LEN(caller_saved); i++)
		store(cb, caller_saved[i], saved(i));
	for (unsigned x = 0; x < 16; x++)
		x64_rm(cb, X64_MOVS_MR, 0, x, saved(SAVE_XMM + x));
	store(cb, X64_RSP, saved(SAVE_SP));
	load(cb, X64_RSP, state(X64_ST(host_sp)));
	x64_rm(cb, X64_LEA, 1, X64_RDI, x64_at(X64_RBP, -X64_STATE_BIAS));
	if (helper) {
		x64_m(cb, X64_STMXCSR, 0, state(X64_ST(host_fpcr)));
		x64_m(cb, X64_LDMXCSR, 0, state(x64_const_at(X64_C_MXCSR)));
		x64_mov_rr(cb, 1, X64_RSI, X64_RCX);
		load(cb, X64_R8, state(X64_ST(helpers)));
		x64_m(cb, X64_CALL_M, 0, (struct x64_mem){ X64_R8, X64_RAX, 3, 0 });
		x64_m(cb, X64_LDMXCSR, 0, state(X64_ST(host_fpcr)));
	} else {
		x64_mov_rr(cb, 1, X64_RSI, X64_RAX);
		x64_m(cb, X64_CALL_M, 0, state(X64_ST(fp_eval)));
	}
	load(cb, X64_RSP, saved(SAVE_SP));
	for (unsigned x = 0; x < 16; x++)
		x64_rm(cb, X64_MOVS_RM, 0, x, saved(SAVE_XMM + x));
	for (unsigned i = 0; i < ARRAY_LEN(caller_saved); i++)
		load(cb, caller_saved[i], saved(i));
	x64_ret(cb);
}

bool x64_thunks(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
		struct jit_thunks *out)
{
	uint32_t exit, lookup;

	out->enter = cb_pos(cb);
	make_enter(t, o, cb);
	out->thunk[IR_THUNK_EXIT] = exit = cb_pos(cb);
	make_exit(t, cb);
	out->thunk[IR_THUNK_LINK] = cb_pos(cb);
	store(cb, X64_RAX, state(X64_ST(exit_arg)));
	leave(cb, IR_EXIT_LINK, exit);
	out->thunk[IR_THUNK_LOOKUP] = lookup = cb_pos(cb);
	make_lookup(cb, exit);
	out->resync = cb_pos(cb);
	load(cb, X64_RSP, state(X64_ST(code_sp_top)));
	x64_jmp_to(cb, lookup);
	out->thunk[IR_THUNK_HELPER] = cb_pos(cb);
	make_c_call(cb, true);
	out->thunk[IR_THUNK_FP] = cb_pos(cb);
	make_c_call(cb, false);
	out->leave_fault = cb_pos(cb);
	x64_mov_imm(cb, X64_RAX, IR_EXIT_FAULT);
	make_return(cb);
	return !cb->overflow;
}

/*
 * The code between kitemu and translated code: entry, exit, lookup, calls of C functions and of the host's kernel.
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

static struct x64_mem slot(const struct ra_target *t, unsigned g)
{
	return state((int32_t)t->regs->reg[g].offset_bytes - X64_STATE_BIAS);
}

/* Of the homes in set. The SSE forms serve with AVX, too: what is above bit 127 is clear. */
static void move_homes(const struct ra_target *t, struct codebuf *cb, uint64_t set, bool to_state)
{
	for (unsigned g = 0; g < t->regs->count; g++) {
		struct x64_mem m = slot(t, g);
		unsigned home = t->home[g];

		if (home == LIR_PHYS_NONE || !(set >> home & 1))
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
	move_homes(t, cb, t->homes, false);
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
	move_homes(t, cb, t->homes, true);
	make_return(cb);
}

static void leave(struct codebuf *cb, enum ir_exit reason, uint32_t exit)
{
	x64_mov_imm(cb, X64_RAX, reason);
	x64_jmp_to(cb, exit);
}

/* To the code of rcx, if the entry of the jump tables at rdx that the bits of rax say, of those from first on, is rcx's. */
static void probe(struct codebuf *cb, unsigned first)
{
	const int32_t at = (int32_t)(first * sizeof(struct ir_jump_entry));
	uint32_t missed;

	x64_alu_ri(cb, X64_AND, 0, X64_RAX, (IR_JUMP_ENTRIES - 1) << 1);
	x64_alu_rm(cb, X64_CMP, 1, X64_RCX, (struct x64_mem){ X64_RDX, X64_RAX, 3, at });
	missed = x64_jcc8(cb, X64_CC_NE);
	x64_m(cb, X64_JMP_M, 0, (struct x64_mem){ X64_RDX, X64_RAX, 3, at + 8 });
	x64_here8(cb, missed);
}

/*
 * rcx: guest pc. Also a safe point: a guest that goes round in unpaired returns comes by nowhere else.
 */
static void make_lookup(struct codebuf *cb, uint32_t exit)
{
	uint32_t stopped;

	x64_alu_mi(cb, X64_CMP, 0, state(X64_ST(stop)), 0);
	stopped = x64_jcc8(cb, X64_CC_NE);
	x64_alu_ri(cb, X64_AND, 1, X64_RCX, -2);
	x64_mov_rr(cb, 0, X64_RAX, X64_RCX);
	load(cb, X64_RDX, state(X64_ST(jump)));
	probe(cb, 0);
	x64_mov_rr(cb, 0, X64_RAX, X64_RCX);
	x64_ri8(cb, X64_SHR_I, 0, X64_RAX, IR_JUMP_FOLD);
	x64_alu_rr(cb, X64_XOR, 0, X64_RAX, X64_RCX);
	probe(cb, IR_JUMP_ENTRIES);
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

/* ---- system calls ---------------------------------------------------------------------------------- */

/* Arguments of the host's system calls; rcx and r11 are destroyed, rax is the number and the result. */
static const uint8_t kernel_arg[] = { X64_RDI, X64_RSI, X64_RDX, X64_R10, X64_R8, X64_R9 };

#define BIT(reg) (UINT64_C(1) << (reg))
#define KERNEL_USES                                                                                \
	(BIT(X64_RDI) | BIT(X64_RSI) | BIT(X64_RDX) | BIT(X64_R10) | BIT(X64_R8) | BIT(X64_R9)     \
	 | BIT(X64_RCX) | BIT(X64_R11) | BIT(X64_RAX))
#define INT_HOMES (BIT(LIR_PHYS_FP) - 1)

enum { MINUS_EINTR = -4, MINUS_EFAULT = -14 };

/* eax: the call's word. To refused unless its pointers may go to the kernel as they are. */
static void check_pointers(const struct ra_target *t, struct codebuf *cb, uint32_t refused)
{
	const uint8_t *arg = t->regs->call.arg;
	uint32_t none, next;

	x64_rri(cb, X64_TEST_MI, 0, x64_digit(X64_TEST_MI), X64_RAX, 63 << IR_CALL_POINTERS, 4);
	none = x64_jcc32(cb, X64_CC_E);
	load(cb, X64_RDX, state(X64_ST(call_guards)));
	load(cb, X64_RDX, x64_at(X64_RDX, offsetof(struct ir_call_guards, times)));
	store(cb, X64_RDX, state(X64_ST(scratch) + 8));
	load(cb, X64_RDX, state(X64_ST(call_guards)));
	x64_alu_mi(cb, X64_CMP, 0, x64_at(X64_RDX, offsetof(struct ir_call_guards, now)), 0);
	x64_jcc_to(cb, X64_CC_NE, refused);
	load(cb, X64_RDX, state(X64_ST(call_limit)));
	for (unsigned i = 0; i < ARRAY_LEN(kernel_arg); i++) {
		x64_rri(cb, X64_TEST_MI, 0, x64_digit(X64_TEST_MI), X64_RAX,
			1 << (IR_CALL_POINTERS + i), 4);
		next = x64_jcc8(cb, X64_CC_E);
		if (t->home[arg[i]] != LIR_PHYS_NONE)
			x64_alu_rr(cb, X64_CMP, 1, t->home[arg[i]], X64_RDX);
		else
			x64_rm(cb, X64_ALU_MR + ((uint32_t)X64_CMP << 3), 1, X64_RDX,
			       slot(t, arg[i]));
		x64_jcc_to(cb, X64_CC_AE, refused);
		x64_here8(cb, next);
	}
	x64_fix32(cb, none, cb_pos(cb));
}

/*
 * Registers and pc go to the state, as state.h says, and the thread goes out of translated code, which another
 * one may change meanwhile. scratch[0] becomes inside as it was.
 */
static void step_outside(const struct ra_target *t, struct codebuf *cb)
{
	uint32_t alone;

	store(cb, X64_RCX, state(X64_ST(pc)));
	move_homes(t, cb, t->homes & INT_HOMES, true);
	x64_rm(cb, X64_MOV_RM, 0, X64_RDX, state(X64_ST(inside)));
	x64_rm(cb, X64_MOV_MR, 0, X64_RDX, state(X64_ST(scratch)));
	x64_rr(cb, X64_TEST_MR, 0, X64_RDX, X64_RDX);
	alone = x64_jcc32(cb, X64_CC_E);
	move_homes(t, cb, t->homes & ~INT_HOMES, true);
	x64_m(cb, X64_STMXCSR, 0, state(X64_ST(host_fpcr)));
	store(cb, X64_RSP, state(X64_ST(code_sp)));
	x64_mov_imm(cb, X64_RDX, 0);
	x64_rm(cb, X64_XCHG, 0, X64_RDX, state(X64_ST(inside)));
	x64_fix32(cb, alone, cb_pos(cb));
}

/*
 * The reverse; edx stays. Where others are to keep out at this moment, return addresses may be about to become
 * invalid: all are dropped.
 */
static void step_inside(const struct ra_target *t, struct codebuf *cb)
{
	unsigned result_home = t->home[t->regs->call.result];
	uint64_t back = KERNEL_USES | (result_home == LIR_PHYS_NONE ? 0 : BIT(result_home));
	uint32_t alone, none;

	x64_alu_mi(cb, X64_CMP, 0, state(X64_ST(scratch)), 0);
	alone = x64_jcc8(cb, X64_CC_E);
	x64_mov_imm(cb, X64_RAX, 1);
	x64_rm(cb, X64_XCHG, 0, X64_RAX, state(X64_ST(inside)));
	load(cb, X64_RSP, state(X64_ST(code_sp)));
	x64_rmi(cb, X64_TEST_BMI, 0, x64_digit(X64_TEST_BMI), state(X64_ST(stop)), IR_STOP_WORLD,
		1);
	none = x64_jcc8(cb, X64_CC_E);
	load(cb, X64_RSP, state(X64_ST(code_sp_top)));
	x64_here8(cb, none);
	x64_here8(cb, alone);
	move_homes(t, cb, back, false);
	load(cb, X64_RCX, state(X64_ST(pc)));
}

/* rcx: pc of the instruction. The rules are those of ir_state.call_row. */
static void make_call(const struct ra_target *t, struct codebuf *cb, struct jit_thunks *out)
{
	const struct ir_call_regs *call = &t->regs->call;
	uint32_t exit = out->thunk[IR_THUNK_EXIT], refused = cb_pos(cb);
	uint32_t failed, made, back[2], leaves;

	leave(cb, IR_EXIT_SYSCALL, exit);
	out->thunk[IR_THUNK_CALL] = cb_pos(cb);
	x64_alu_mi(cb, X64_CMP, 0, state(X64_ST(calls_leave)), 0);
	x64_jcc_to(cb, X64_CC_NE, refused);
	if (t->home[call->number] != LIR_PHYS_NONE)
		x64_mov_rr(cb, 1, X64_RAX, t->home[call->number]);
	else
		load(cb, X64_RAX, slot(t, call->number));
	x64_alu_ri(cb, X64_CMP, 1, X64_RAX, IR_CALL_ROWS);
	x64_jcc_to(cb, X64_CC_AE, refused);
	load(cb, X64_RDX, state(X64_ST(call_row)));
	x64_rm(cb, X64_MOV_RM, 0, X64_RAX, (struct x64_mem){ X64_RDX, X64_RAX, 2, 0 });
	x64_rr(cb, X64_TEST_MR, 0, X64_RAX, X64_RAX);
	x64_jcc_to(cb, X64_CC_NS, refused); /* IR_CALL_HERE is the sign */
	check_pointers(t, cb, refused);
	x64_rr(cb, X64_MOVZX_W, 0, X64_RAX, X64_RAX);
	step_outside(t, cb);
	for (unsigned i = 0; i < ARRAY_LEN(kernel_arg); i++)
		load(cb, kernel_arg[i], slot(t, call->arg[i]));

	out->call_begin = cb_pos(cb);
	x64_alu_mi(cb, X64_CMP, 0, state(X64_ST(stop)), 0);
	back[0] = x64_jcc8(cb, X64_CC_NE);
	x64_syscall(cb);
	out->call_end = cb_pos(cb);
	x64_mov_imm(cb, X64_RDX, IR_EXIT_NONE);
	x64_alu_ri(cb, X64_CMP, 1, X64_RAX, MINUS_EINTR);
	failed = x64_jcc8(cb, X64_CC_E);
	x64_alu_ri(cb, X64_CMP, 1, X64_RAX, MINUS_EFAULT);
	made = x64_jcc8(cb, X64_CC_NE);
	x64_here8(cb, failed);
	store(cb, X64_RAX, state(X64_ST(exit_arg)));
	x64_mov_imm(cb, X64_RDX, IR_EXIT_CALLED);
	back[1] = x64_jmp8(cb);
	x64_here8(cb, back[0]);
	out->call_left = cb_pos(cb);
	x64_mov_imm(cb, X64_RDX, IR_EXIT_SYSCALL);
	back[0] = x64_jmp8(cb);
	x64_here8(cb, made);
	store(cb, X64_RAX, slot(t, call->result));
	x64_here8(cb, back[0]);
	x64_here8(cb, back[1]);

	step_inside(t, cb);
	x64_rr(cb, X64_TEST_MR, 0, X64_RDX, X64_RDX);
	leaves = x64_jcc8(cb, X64_CC_NE);
	x64_alu_ri(cb, X64_ADD, 1, X64_RCX, call->insn_bytes);
	x64_jmp_to(cb, out->thunk[IR_THUNK_LOOKUP]);
	x64_here8(cb, leaves);
	x64_mov_rr(cb, 0, X64_RAX, X64_RDX);
	x64_jmp_to(cb, exit);
}

bool x64_thunks(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
		struct jit_thunks *out)
{
	uint32_t exit, lookup;

	out->enter = cb_pos(cb);
	make_enter(t, o, cb);
	out->thunk[IR_THUNK_EXIT] = exit = cb_pos(cb);
	make_exit(t, cb);
	out->thunk[IR_THUNK_STUB] = cb_pos(cb);
	x64_pop(cb, X64_RAX);
	store(cb, X64_RAX, state(X64_ST(exit_arg)));
	leave(cb, IR_EXIT_STUB, exit);
	out->thunk[IR_THUNK_LOOKUP] = lookup = cb_pos(cb);
	make_lookup(cb, exit);
	out->resync = out->thunk[IR_THUNK_RESYNC] = cb_pos(cb);
	load(cb, X64_RSP, state(X64_ST(code_sp_top)));
	x64_jmp_to(cb, lookup);
	out->thunk[IR_THUNK_HELPER] = cb_pos(cb);
	make_c_call(cb, true);
	out->thunk[IR_THUNK_FP] = cb_pos(cb);
	make_c_call(cb, false);
	make_call(t, cb, out);
	out->leave_fault = cb_pos(cb);
	x64_mov_imm(cb, X64_RAX, IR_EXIT_FAULT);
	make_return(cb);
	return !cb->overflow;
}

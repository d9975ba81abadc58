/*
 * The code between kitemu and translated code: entry, exit, lookup, calls of C functions and of the host's kernel.
 *
 * Made once per process by the same encoder as translated code, so that it knows the homes. While translated code runs
 * x28 is the state and sp the stack of return addresses. Kitemu's own stack pointer waits in
 * ir_state.host_sp, below the callee-saved registers of enter's caller.
 */
#include "arch/aarch64/a64_priv.h"

/* AAPCS64: x19..x30 and the low halves of v8..v15 are the callee's to save. */
enum { SAVED_INT = 19, SAVED_INT_END = 31, SAVED_FP = 8, SAVED_FP_END = 16 };
enum {
	FRAME_FP = (SAVED_INT_END - SAVED_INT) * 8,
	FRAME_BYTES = FRAME_FP + (SAVED_FP_END - SAVED_FP) * 8
};
_Static_assert(FRAME_BYTES % 16 == 0, "the stack pointer is a multiple of 16");

/* What a C function may destroy, of the registers that hold values: pairs. */
static const uint8_t caller_int[][2] = { { 0, 1 },   { 2, 3 },   { 4, 5 },   { 6, 7 },  { 8, 9 },
					 { 10, 11 }, { 12, 13 }, { 14, 15 }, { 18, 30 } };
static const uint8_t caller_fp[][2] = { { 0, 1 },   { 2, 3 },   { 4, 5 },   { 6, 7 },
					{ 16, 17 }, { 18, 19 }, { 20, 21 }, { 22, 23 },
					{ 24, 25 }, { 26, 27 }, { 28, 29 }, { 30, 31 } };

enum {
	SAVE_FP = 2 * ARRAY_LEN(caller_int),
	SAVE_SP = SAVE_FP + 2 * ARRAY_LEN(caller_fp),
	SAVE_COUNT
};

_Static_assert((int)SAVE_COUNT <= (int)A64_SAVE_ROUTINE, "routines save behind it");

static struct a64_mem state(int32_t disp) { return a64_at(A64_STATE, disp); }

static void load(struct codebuf *cb, unsigned reg, int32_t disp)
{
	a64_ls(cb, A64_LDR64, reg, state(disp));
}

static void store(struct codebuf *cb, unsigned reg, int32_t disp)
{
	a64_ls(cb, A64_STR64, reg, state(disp));
}

static void set_sp(struct codebuf *cb, unsigned reg) { a64_rri(cb, A64_ADD_I, 1, A64_SP, reg, 0); }
static void get_sp(struct codebuf *cb, unsigned reg) { a64_rri(cb, A64_ADD_I, 1, reg, A64_SP, 0); }

static struct a64_mem slot(const struct ra_target *t, unsigned g)
{
	return state((int32_t)t->regs->reg[g].offset_bytes);
}

/* Of the homes in set. */
static void move_homes(const struct ra_target *t, struct codebuf *cb, uint64_t set, bool to_state)
{
	for (unsigned g = 0; g < t->regs->count; g++) {
		struct a64_mem m = slot(t, g);
		unsigned home = t->home[g];

		if (home == LIR_PHYS_NONE || !(set >> home & 1))
			continue;
		if (home >= LIR_PHYS_FP)
			a64_ls(cb, to_state ? A64_STRD : A64_LDRD, home - LIR_PHYS_FP, m);
		else
			a64_ls(cb, to_state ? A64_STR64 : A64_LDR64, home, m);
	}
}

/* ir_state.host_fpcr to FPCR and FPSR (a64.h); x16 and x17 are lost. */
static void load_fp_control(struct codebuf *cb)
{
	a64_ls(cb, A64_LDR32, A64_TMP, state(A64_ST(host_fpcr)));
	a64_log(cb, A64_AND_I, 0, A64_TMP2, A64_TMP, A64_FPSR_FLAGS);
	a64_log(cb, A64_AND_I, 0, A64_TMP, A64_TMP, ~(uint32_t)A64_FPSR_FLAGS);
	a64_sysreg(cb, A64_MSR_FPSR, A64_TMP2);
	a64_sysreg(cb, A64_MSR_FPCR, A64_TMP);
}

/* The other way round. */
static void keep_fp_control(struct codebuf *cb, unsigned tmp, unsigned tmp2)
{
	a64_sysreg(cb, A64_MRS_FPSR, tmp2);
	a64_sysreg(cb, A64_MRS_FPCR, tmp);
	a64_log(cb, A64_AND_I, 0, tmp2, tmp2, A64_FPSR_FLAGS);
	a64_rrr(cb, A64_ORR, 0, tmp, tmp, tmp2);
	a64_ls(cb, A64_STR32, tmp, state(A64_ST(host_fpcr)));
}

/* The same; then FPCR is kitemu's own, 0. */
static void store_fp_control(struct codebuf *cb, unsigned tmp, unsigned tmp2)
{
	keep_fp_control(cb, tmp, tmp2);
	a64_sysreg(cb, A64_MSR_FPCR, A64_ZR);
}

static void move_saved(struct codebuf *cb, bool to_stack)
{
	for (unsigned r = SAVED_INT; r < SAVED_INT_END; r += 2)
		a64_lsp(cb, to_stack ? A64_STP64 : A64_LDP64, r, r + 1,
			a64_at(A64_SP, (int32_t)(r - SAVED_INT) * 8));
	for (unsigned r = SAVED_FP; r < SAVED_FP_END; r += 2)
		a64_lsp(cb, to_stack ? A64_STPD : A64_LDPD, r, r + 1,
			a64_at(A64_SP, FRAME_FP + (int32_t)(r - SAVED_FP) * 8));
}

/*
 * uint32_t enter(struct ir_state *st, const void *code), AAPCS64. What another thread has written to code memory since this
 * one was here is fetched anew behind the isb (DDI 0487, B2.2.5).
 */
static void make_enter(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb)
{
	a64_rri(cb, A64_SUB_I, 1, A64_SP, A64_SP, FRAME_BYTES);
	move_saved(cb, true);
	a64_mov(cb, 1, A64_STATE, 0);
	get_sp(cb, A64_TMP);
	store(cb, A64_TMP, A64_ST(host_sp));
	load_fp_control(cb);
	load(cb, A64_TMP2, A64_ST(code_sp));
	set_sp(cb, A64_TMP2);
	a64_mov(cb, 1, A64_TMP, 1);
	a64_ls(cb, A64_LDRD, A64_VBOX, state(A64_ST(host_const[A64_C_BOX])));
	move_homes(t, cb, t->homes, false);
	if (o->guest_base)
		load(cb, A64_BASE, A64_ST(guest_base));
	cb_put32(cb, A64_ISB);
	a64_jump(cb, A64_BR, A64_TMP);
}

/* Back to enter's caller with w16. */
static void make_return(struct codebuf *cb)
{
	load(cb, A64_TMP2, A64_ST(host_sp));
	set_sp(cb, A64_TMP2);
	a64_mov(cb, 0, 0, A64_TMP);
	move_saved(cb, false);
	a64_rri(cb, A64_ADD_I, 1, A64_SP, A64_SP, FRAME_BYTES);
	a64_jump(cb, A64_RET, A64_LR);
}

/* x16: reason, x0: guest pc. */
static void make_exit(const struct ra_target *t, struct codebuf *cb)
{
	a64_log(cb, A64_AND_I, 1, 0, A64_PC, ~UINT64_C(1));
	store(cb, 0, A64_ST(pc));
	get_sp(cb, A64_TMP2);
	store(cb, A64_TMP2, A64_ST(code_sp));
	move_homes(t, cb, t->homes, true);
	store_fp_control(cb, 0, A64_TMP2);
	make_return(cb);
}

static void go(struct codebuf *cb, uint32_t target) { a64_fix(cb, a64_b(cb), target); }

static void leave(struct codebuf *cb, enum ir_exit reason, uint32_t exit)
{
	a64_mov_imm(cb, 0, A64_TMP, reason);
	go(cb, exit);
}

/* To the code of x0, if the entry of the jump tables that the bits of from say, of those from first on, is x0's. x16, x17. */
static void probe(struct codebuf *cb, unsigned from, unsigned first)
{
	uint32_t missed;

	a64_ubfx(cb, 1, A64_TMP, from, 1, (unsigned)__builtin_ctz(IR_JUMP_ENTRIES));
	load(cb, A64_TMP2, A64_ST(jump));
	if (first)
		a64_rri(cb, A64_ADD_I, 1, A64_TMP2, A64_TMP2, first * sizeof(struct ir_jump_entry));
	a64_rrs(cb, A64_ADD, 1, A64_TMP2, A64_TMP2, A64_TMP, A64_LSL, 4);
	a64_lsp(cb, A64_LDP64, A64_TMP, A64_TMP2, a64_at(A64_TMP2, 0));
	a64_cmp(cb, 1, A64_TMP, A64_PC);
	missed = a64_bcc(cb, A64_CC_NE);
	a64_jump(cb, A64_BR, A64_TMP2);
	a64_fix(cb, missed, cb_pos(cb));
}

/*
 * x0: guest pc. Also a safe point: a guest that goes round in unpaired returns comes by nowhere else.
 */
static void make_lookup(struct codebuf *cb, uint32_t exit)
{
	uint32_t stopped;

	a64_ls(cb, A64_LDR32, A64_TMP, state(A64_ST(stop)));
	stopped = a64_cb(cb, true, 0, A64_TMP);
	a64_log(cb, A64_AND_I, 1, A64_PC, A64_PC, ~UINT64_C(1));
	probe(cb, A64_PC, 0);
	a64_rrs(cb, A64_EOR, 1, A64_TMP, A64_PC, A64_PC, A64_LSR, IR_JUMP_FOLD);
	probe(cb, A64_TMP, IR_JUMP_ENTRIES);
	leave(cb, IR_EXIT_LOOKUP, exit);
	a64_fix(cb, stopped, cb_pos(cb));
	leave(cb, IR_EXIT_STOP, exit);
}

static void move_caller(struct codebuf *cb, bool to_state)
{
	for (unsigned i = 0; i < ARRAY_LEN(caller_int); i++)
		for (unsigned k = 0; k < 2; k++)
			a64_ls(cb, to_state ? A64_STR64 : A64_LDR64, caller_int[i][k],
			       state(A64_ST(save) + 8 * (int32_t)(2 * i + k)));
	for (unsigned i = 0; i < ARRAY_LEN(caller_fp); i++)
		for (unsigned k = 0; k < 2; k++)
			a64_ls(cb, to_state ? A64_STRD : A64_LDRD, caller_fp[i][k],
			       state(A64_ST(save) + 8 * (int32_t)(SAVE_FP + 2 * i + k)));
}

/*
 * A C function on kitemu's stack, its number or operation in x16, its result in x16; all other registers but x17 stay. A helper
 * gets kitemu's FPCR and its arguments from the state; fp_eval computes with integers alone.
 */
static void make_c_call(struct codebuf *cb, bool helper)
{
	move_caller(cb, true);
	get_sp(cb, A64_TMP2);
	store(cb, A64_TMP2, A64_ST(save[SAVE_SP]));
	load(cb, A64_TMP2, A64_ST(host_sp));
	set_sp(cb, A64_TMP2);
	a64_mov(cb, 1, 0, A64_STATE);
	if (helper) {
		store_fp_control(cb, 3, 4);
		load(cb, A64_TMP2, A64_ST(helpers));
		a64_ls(cb, A64_LDR64, A64_TMP2, a64_indexed(A64_TMP2, A64_TMP, 3));
		load(cb, 1, A64_ST(scratch[0]));
		load(cb, 2, A64_ST(scratch[1]));
	} else {
		a64_mov(cb, 1, 1, A64_TMP);
		load(cb, A64_TMP2, A64_ST(fp_eval));
	}
	a64_jump(cb, A64_BLR, A64_TMP2);
	if (helper) {
		store(cb, 0, A64_ST(scratch[0]));
		load_fp_control(cb);
		load(cb, 0, A64_ST(scratch[0]));
	}
	a64_mov(cb, 1, A64_TMP, 0);
	load(cb, A64_TMP2, A64_ST(save[SAVE_SP]));
	set_sp(cb, A64_TMP2);
	move_caller(cb, false);
	a64_jump(cb, A64_RET, A64_LR);
}

/* ---- system calls ---------------------------------------------------------------------------------- */

enum {
	CALL_ARGS =
	    6, /* of the host's system calls, in x0 and up; x0 is the result, and all else stays */
	CALL_NUMBER = 8, /* the register of their number */
	MINUS_EINTR = -4,
	MINUS_EFAULT = -14
};

#define BIT(reg)    (UINT64_C(1) << (reg))
#define KERNEL_USES ((BIT(CALL_ARGS) - 1) | BIT(CALL_NUMBER))
#define INT_HOMES   (BIT(LIR_PHYS_FP) - 1)

/* Where guest register g is while its home counts; else it is loaded to tmp. */
static unsigned guest_reg(const struct ra_target *t, struct codebuf *cb, unsigned g, unsigned tmp)
{
	if (t->home[g] != LIR_PHYS_NONE)
		return t->home[g];
	a64_ls(cb, A64_LDR64, tmp, slot(t, g));
	return tmp;
}

static void to_if(struct codebuf *cb, enum a64_cc cc, uint32_t target)
{
	a64_fix(cb, a64_bcc(cb, cc), target);
}

/* w16: the call's word. To refused unless its pointers may go to the kernel as they are. */
static void check_pointers(const struct ra_target *t, struct codebuf *cb, uint32_t refused)
{
	uint32_t none, next;

	a64_log(cb, A64_ANDS_I, 0, A64_ZR, A64_TMP, (BIT(CALL_ARGS) - 1) << IR_CALL_POINTERS);
	none = a64_bcc(cb, A64_CC_EQ);
	load(cb, A64_TMP2, A64_ST(call_guards));
	a64_ls(cb, A64_LDR64, 1, a64_at(A64_TMP2, offsetof(struct ir_call_guards, times)));
	store(cb, 1, A64_ST(scratch[1]));
	a64_dmb(cb, A64_ISHLD); /* times is read first */
	a64_ls(cb, A64_LDR32, A64_TMP2, a64_at(A64_TMP2, offsetof(struct ir_call_guards, now)));
	a64_fix(cb, a64_cb(cb, true, 0, A64_TMP2), refused);
	load(cb, A64_TMP2, A64_ST(call_limit));
	for (unsigned i = 0; i < CALL_ARGS; i++) {
		next = a64_tb(cb, false, A64_TMP, IR_CALL_POINTERS + i);
		a64_cmp(cb, 1, guest_reg(t, cb, t->regs->call.arg[i], 1), A64_TMP2);
		to_if(cb, A64_CC_HS, refused);
		a64_fix(cb, next, cb_pos(cb));
	}
	a64_fix(cb, none, cb_pos(cb));
}

/*
 * Registers and pc go to the state, as state.h says, and the thread goes out of translated code, which another
 * one may change meanwhile. scratch[0] becomes inside as it was; x16 stays.
 */
static void step_outside(const struct ra_target *t, struct codebuf *cb)
{
	uint32_t alone;

	store(cb, A64_PC, A64_ST(pc));
	move_homes(t, cb, t->homes & INT_HOMES, true);
	a64_ls(cb, A64_LDR32, 1, state(A64_ST(inside)));
	a64_ls(cb, A64_STR32, 1, state(A64_ST(scratch[0])));
	alone = a64_cb(cb, false, 0, 1);
	move_homes(t, cb, t->homes & ~INT_HOMES, true);
	keep_fp_control(cb, 1, 2);
	get_sp(cb, A64_TMP2);
	store(cb, A64_TMP2, A64_ST(code_sp));
	a64_dmb(cb, A64_ISH);
	a64_ls(cb, A64_STR32, A64_ZR, state(A64_ST(inside)));
	a64_dmb(cb, A64_ISH);
	a64_fix(cb, alone, cb_pos(cb));
}

/*
 * The reverse; w17 stays. Where others are to keep out at this moment, return addresses may be about to become
 * invalid: all are dropped. What they have changed is fetched anew, as in enter.
 */
static void step_inside(const struct ra_target *t, struct codebuf *cb)
{
	unsigned result_home = t->home[t->regs->call.result];
	uint64_t back = KERNEL_USES | (result_home == LIR_PHYS_NONE ? 0 : BIT(result_home));
	uint32_t alone, none;

	a64_ls(cb, A64_LDR32, A64_TMP, state(A64_ST(scratch[0])));
	alone = a64_cb(cb, false, 0, A64_TMP);
	a64_mov_imm(cb, 0, A64_TMP, 1);
	a64_ls(cb, A64_STR32, A64_TMP, state(A64_ST(inside)));
	a64_dmb(cb, A64_ISH);
	load(cb, 1, A64_ST(code_sp));
	a64_ls(cb, A64_LDR32, A64_TMP, state(A64_ST(stop)));
	none = a64_tb(cb, false, A64_TMP, (unsigned)__builtin_ctz(IR_STOP_WORLD));
	load(cb, 1, A64_ST(code_sp_top));
	a64_fix(cb, none, cb_pos(cb));
	set_sp(cb, 1);
	cb_put32(cb, A64_ISB);
	a64_fix(cb, alone, cb_pos(cb));
	move_homes(t, cb, back, false);
	load(cb, A64_PC, A64_ST(pc));
}

/* The kernel's part: w17 becomes the exit to leave by, or IR_EXIT_NONE. */
static void enter_kernel(const struct ra_target *t, struct codebuf *cb, struct jit_thunks *out)
{
	uint32_t stopped, failed[2], done[2];

	out->call_begin = cb_pos(cb);
	a64_ls(cb, A64_LDR32, A64_TMP2, state(A64_ST(stop)));
	stopped = a64_cb(cb, true, 0, A64_TMP2);
	cb_put32(cb, A64_SVC);
	out->call_end = cb_pos(cb);
	a64_rri(cb, A64_ADDS_I, 1, A64_ZR, 0, -MINUS_EINTR);
	failed[0] = a64_bcc(cb, A64_CC_EQ);
	a64_rri(cb, A64_ADDS_I, 1, A64_ZR, 0, -MINUS_EFAULT);
	failed[1] = a64_bcc(cb, A64_CC_EQ);
	a64_ls(cb, A64_STR64, 0, slot(t, t->regs->call.result));
	a64_mov_imm(cb, 0, A64_TMP2, IR_EXIT_NONE);
	done[0] = a64_b(cb);
	a64_fix(cb, failed[0], cb_pos(cb));
	a64_fix(cb, failed[1], cb_pos(cb));
	store(cb, 0, A64_ST(exit_arg));
	a64_mov_imm(cb, 0, A64_TMP2, IR_EXIT_CALLED);
	done[1] = a64_b(cb);
	a64_fix(cb, stopped, cb_pos(cb));
	out->call_left = cb_pos(cb);
	a64_mov_imm(cb, 0, A64_TMP2, IR_EXIT_SYSCALL);
	a64_fix(cb, done[0], cb_pos(cb));
	a64_fix(cb, done[1], cb_pos(cb));
}

/* x0: pc of the instruction. The rules are those of ir_state.call_row. */
static void make_call(const struct ra_target *t, struct codebuf *cb, struct jit_thunks *out)
{
	const struct ir_call_regs *call = &t->regs->call;
	uint32_t exit = out->thunk[IR_THUNK_EXIT], refused = cb_pos(cb), leaves;
	unsigned number;

	leave(cb, IR_EXIT_SYSCALL, exit);
	out->thunk[IR_THUNK_CALL] = cb_pos(cb);
	a64_ls(cb, A64_LDR32, A64_TMP, state(A64_ST(calls_leave)));
	a64_fix(cb, a64_cb(cb, true, 0, A64_TMP), refused);
	number = guest_reg(t, cb, call->number, A64_TMP);
	a64_rri(cb, A64_SUBS_I, 1, A64_ZR, number, IR_CALL_ROWS);
	to_if(cb, A64_CC_HS, refused);
	load(cb, A64_TMP2, A64_ST(call_row));
	a64_ls(cb, A64_LDR32, A64_TMP, a64_indexed(A64_TMP2, number, 2));
	a64_fix(cb, a64_tb(cb, false, A64_TMP, (unsigned)__builtin_ctz(IR_CALL_HERE)), refused);
	check_pointers(t, cb, refused);
	a64_ubfx(cb, 0, A64_TMP, A64_TMP, 0, IR_CALL_POINTERS);
	step_outside(t, cb);
	a64_mov(cb, 0, CALL_NUMBER, A64_TMP);
	for (unsigned i = 0; i < CALL_ARGS; i++)
		a64_ls(cb, A64_LDR64, i, slot(t, call->arg[i]));
	enter_kernel(t, cb, out);
	step_inside(t, cb);
	leaves = a64_cb(cb, true, 0, A64_TMP2);
	a64_rri(cb, A64_ADD_I, 1, A64_PC, A64_PC, call->insn_bytes);
	go(cb, out->thunk[IR_THUNK_LOOKUP]);
	a64_fix(cb, leaves, cb_pos(cb));
	a64_mov(cb, 0, A64_TMP, A64_TMP2);
	go(cb, exit);
}

bool a64_thunks(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
		struct jit_thunks *out)
{
	uint32_t exit, lookup;

	out->enter = cb_pos(cb);
	make_enter(t, o, cb);
	out->thunk[IR_THUNK_EXIT] = exit = cb_pos(cb);
	make_exit(t, cb);
	out->thunk[IR_THUNK_STUB] = cb_pos(cb);
	store(cb, A64_LR, A64_ST(exit_arg));
	leave(cb, IR_EXIT_STUB, exit);
	out->thunk[IR_THUNK_LOOKUP] = lookup = cb_pos(cb);
	make_lookup(cb, exit);
	out->resync = out->thunk[IR_THUNK_RESYNC] = cb_pos(cb);
	load(cb, A64_TMP, A64_ST(code_sp_top));
	set_sp(cb, A64_TMP);
	go(cb, lookup);
	out->thunk[IR_THUNK_HELPER] = cb_pos(cb);
	make_c_call(cb, true);
	out->thunk[IR_THUNK_FP] = cb_pos(cb);
	make_c_call(cb, false);
	make_call(t, cb, out);
	out->leave_fault = cb_pos(cb);
	a64_sysreg(cb, A64_MSR_FPCR, A64_ZR);
	a64_mov_imm(cb, 0, A64_TMP, IR_EXIT_FAULT);
	make_return(cb);
	return !cb->overflow;
}

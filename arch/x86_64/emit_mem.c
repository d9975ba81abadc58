/* Emission: stores, atomics, the state's own words. */
#include "arch/x86_64/emit_priv.h"

void x64_emit_ST(struct x64_emit *e, const struct lir_insn *in)
{
	static const uint32_t op[] = { X64_MOV_BMR, X64_MOV_WMR, X64_MOV_MR, X64_MOV_MR };

	x64_may_fault(e, in);
	x64_rm(e->cb, op[in->sub], in->sub == 3, x64_opreg(in, in->nopnd - 1u),
	       x64_guest(e, in, 0));
}

void x64_emit_STI(struct x64_emit *e, const struct lir_insn *in)
{
	static const uint32_t op[] = { X64_MOV_BMI, X64_MOV_WMI, X64_MOV_MI, X64_MOV_MI };
	static const uint8_t imm_bytes[] = { 1, 2, 4, 4 };

	x64_may_fault(e, in);
	/* The register field is the digit 0: no REX prefix for byte registers. */
	x64_rmi(e->cb, op[in->sub], in->sub == 3, 0, x64_guest(e, in, 0), (int32_t)in->imm2,
		imm_bytes[in->sub]);
}

void x64_emit_LDF(struct x64_emit *e, const struct lir_insn *in)
{
	x64_may_fault(e, in);
	x64_emit_fp_load(e, in->sub, x64_opreg(in, 0), x64_guest(e, in, 1));
}

void x64_emit_STF(struct x64_emit *e, const struct lir_insn *in)
{
	x64_may_fault(e, in);
	x64_emit_fp_store(e, in->sub, x64_guest(e, in, 0), x64_opreg(in, in->nopnd - 1u));
}

/* ---- atomics ------------------------------------------------------------------------------------------ */

/* The address first: the exit's moves may put another value into its register. */
static void cold_misaligned(struct x64_emit *e, const struct x64_cold *c)
{
	const struct lir_exit *x = &e->lir->exit[c->in->exit];

	x64_rm(e->cb, X64_MOV_MR, 1, x64_opreg(c->in, 0), x64_state(X64_ST(fault_addr)));
	x64_rmi(e->cb, X64_MOV_MI, 0, 0, x64_state(X64_ST(fault_kind)), IR_FAULT_MISALIGNED, 4);
	x64_rmi(e->cb, X64_MOV_BMI, 0, 0, x64_state(X64_ST(fault_write)), c->in->sub, 1);
	x64_emit_stub(e, x);
	x64_mov_imm(e->cb, X64_RCX, x->target);
	x64_mov_imm(e->cb, X64_RAX, IR_EXIT_FAULT);
	x64_jmp_thunk(e, IR_THUNK_EXIT);
}

void x64_emit_ALIGNED(struct x64_emit *e, const struct lir_insn *in)
{
	x64_ri8(e->cb, X64_TEST_BMI, 0, x64_opreg(in, 0), (int32_t)in->imm);
	x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), cold_misaligned);
}

void x64_emit_LR(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1);

	x64_may_fault(e, in);
	x64_rm(e->cb, X64_MOV_RM, in->sub2, d, x64_guest_at(e, in, 1));
	x64_rm(e->cb, X64_MOV_MR, 1, a, x64_state(X64_ST(resv_addr)));
	x64_rm(e->cb, X64_MOV_MR, 1, d, x64_state(X64_ST(resv_value)));
}

static void cold_sc_fails(struct x64_emit *e, const struct x64_cold *c)
{
	x64_mov_imm(e->cb, x64_opreg(c->in, 0), 1);
	x64_jmp_to(e->cb, c->back);
}

/* d is written last: until the cmpxchg is over, its register may hold what a fault record names. */
void x64_emit_SC(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), v = x64_opreg(in, 2), w = in->sub2;
	unsigned cold;

	x64_alu_rm(e->cb, X64_CMP, 1, a, x64_state(X64_ST(resv_addr)));
	x64_rmi(e->cb, X64_MOV_MI, 1, 0, x64_state(X64_ST(resv_addr)), 1, 4);
	x64_cold(e, x64_jcc32(e->cb, X64_CC_NE), cold_sc_fails);
	cold = e->cold_count - 1;
	x64_rm(e->cb, X64_MOV_RM, w, X64_RAX, x64_state(X64_ST(resv_value)));
	x64_may_fault(e, in);
	x64_rm(e->cb, X64_CMPXCHG | X64_LOCK, w, v, x64_guest_at(e, in, 1));
	x64_r(e->cb, X64_SETCC + X64_CC_NE, 0, d);
	x64_rr(e->cb, X64_MOVZX_B, 0, d, d);
	e->cold[cold].back = cb_pos(e->cb);
}

void x64_emit_XADD(struct x64_emit *e, const struct lir_insn *in)
{
	x64_may_fault(e, in);
	x64_rm(e->cb, X64_XADD | X64_LOCK, in->sub2, X64_RAX, x64_guest_at(e, in, 1));
}

/* xchg with memory is locked without a prefix (SDM 2D). */
void x64_emit_SWAP(struct x64_emit *e, const struct lir_insn *in)
{
	x64_may_fault(e, in);
	x64_rm(e->cb, X64_XCHG, in->sub2, X64_RAX, x64_guest_at(e, in, 1));
}

void x64_emit_LOCKED(struct x64_emit *e, const struct lir_insn *in)
{
	x64_may_fault(e, in);
	x64_rm(e->cb, (X64_ALU_MR + ((uint32_t)in->sub << 3)) | X64_LOCK, in->sub2,
	       x64_opreg(in, 1), x64_guest_at(e, in, 0));
}

void x64_emit_AMO(struct x64_emit *e, const struct lir_insn *in)
{
	static const uint8_t alu[] = {
		[IR_AMO_XOR] = X64_XOR, [IR_AMO_AND] = X64_AND, [IR_AMO_OR] = X64_OR
	};
	static const uint8_t keep[] = { [IR_AMO_MIN] = X64_CC_L,
					[IR_AMO_MAX] = X64_CC_G,
					[IR_AMO_MINU] = X64_CC_B,
					[IR_AMO_MAXU] = X64_CC_A };
	unsigned v = x64_opreg(in, 2), t = x64_opreg(in, 4), w = in->sub2;
	uint32_t again = cb_pos(e->cb);

	if (in->sub >= IR_AMO_MIN) {
		x64_mov_rr(e->cb, w, t, v);
		x64_alu_rr(e->cb, X64_CMP, w, X64_RAX, v);
		x64_rr(e->cb, X64_CMOVCC + keep[in->sub], w, t, X64_RAX);
	} else {
		x64_mov_rr(e->cb, w, t, X64_RAX);
		x64_alu_rr(e->cb, (enum x64_alu)alu[in->sub], w, t, v);
	}
	x64_may_fault(e, in);
	x64_rm(e->cb, X64_CMPXCHG | X64_LOCK, w, t, x64_guest_at(e, in, 1));
	x64_jcc_to(e->cb, X64_CC_NE, again);
}

/* A locked operation on the stack is a full barrier, and cheaper than mfence (SDM 3A, 9.2.2). */
void x64_emit_FENCE(struct x64_emit *e, const struct lir_insn *in)
{
	(void)in;
	x64_rmi(e->cb, X64_ALU_MIB | X64_LOCK, 0, X64_OR, x64_at(X64_RSP, 0), 0, 1);
}

/* ---- the state ------------------------------------------------------------------------------------------ */

void x64_emit_SLD(struct x64_emit *e, const struct lir_insn *in)
{
	x64_rm(e->cb, X64_MOV_RM, 0, x64_opreg(in, 0),
	       x64_state((int32_t)in->imm - X64_STATE_BIAS));
}

void x64_emit_SST(struct x64_emit *e, const struct lir_insn *in)
{
	x64_rm(e->cb, X64_MOV_MR, 0, x64_opreg(in, 0),
	       x64_state((int32_t)in->imm - X64_STATE_BIAS));
}

void x64_emit_CLEAR(struct x64_emit *e, const struct lir_insn *in)
{
	(void)e;
	(void)in;
}

/* A routine that gives up does so at the call (native_routine_leave), which therefore has one length. */
static void call_routine(struct x64_emit *e, const struct lir_insn *in, unsigned routine)
{
	uint32_t at = cb_pos(e->cb);

	x64_may_fault(e, in);
	x64_m(e->cb, X64_CALL_M, 0,
	      x64_state(X64_ST(routine) + (int32_t)(sizeof(void *) * routine)));
	KIT_DCHECK(e->cb->overflow || cb_pos(e->cb) - at == X64_ROUTINE_CALL_BYTES,
		   "a call of %u bytes", cb_pos(e->cb) - at);
}

void x64_emit_ROUTINE(struct x64_emit *e, const struct lir_insn *in)
{
	call_routine(e, in, (unsigned)in->imm);
}

static void cold_copy(struct x64_emit *e, const struct x64_cold *c)
{
	e->tables.next_fault = c->arg;
	x64_mov_imm(e->cb, X64_RDX, (uint64_t)c->in->imm);
	call_routine(e, c->in, c->in->sub);
	x64_jmp_to(e->cb, c->back);
}

/* A part of 1, 2, 4, 8 or 16 bytes, in rdx or xmm x. */
static void load_part(struct x64_emit *e, const struct lir_insn *in, unsigned bytes, unsigned x,
		      struct x64_mem m)
{
	x64_may_fault(e, in);
	if (bytes == 16)
		x64_vrm(e->cb, X64_MOVUPS, 0, x, 0, m);
	else if (bytes >= 4)
		x64_emit_fp_load(e, bytes == 8, x, m);
	else
		x64_rm(e->cb, bytes == 1 ? X64_MOVZX_B : X64_MOVZX_W, 0, X64_RDX, m);
}

static void store_part(struct x64_emit *e, const struct lir_insn *in, unsigned bytes, unsigned x,
		       struct x64_mem m)
{
	x64_may_fault(e, in);
	if (bytes == 16)
		x64_vrm(e->cb, X64_MOVUPS_MR, 0, x, 0, m);
	else if (bytes >= 4)
		x64_emit_fp_store(e, bytes == 8, m, x);
	else
		x64_rm(e->cb, bytes == 1 ? X64_MOV_BMR : X64_MOV_WMR, 0, X64_RDX, m);
}

/*
 * One part, or two that overlap: both are loaded before one is stored. Two stores must lie in one page, lest the second
 * fault when the first is done; what memcpy does where its operands overlap is the guest's code's own business.
 */
void x64_emit_COPY(struct x64_emit *e, const struct lir_insn *in)
{
	enum { PAGE_BYTES = 4096 };
	const unsigned bytes = (unsigned)in->imm;
	const unsigned part = bytes > 16 ? 16 : 1u << (31 - __builtin_clz(bytes));
	const int32_t second = (int32_t)(bytes - part);
	struct x64_mem to = x64_guest_at(e, in, 1), from = x64_guest_at(e, in, 2);
	const bool apart =
	    in->sub == IR_ROUTINE_memcpy && bytes > 1; /* or else it is for libc's code */
	uint32_t at[2] = { UINT32_MAX, UINT32_MAX };
	struct x64_cold *c = NULL;

	if (apart) {
		x64_rm(e->cb, X64_LEA, 1, X64_RDX, x64_at(X64_RAX, (int32_t)bytes - 1));
		x64_alu_rr(e->cb, X64_SUB, 1, X64_RDX, X64_RCX);
		x64_alu_ri(e->cb, X64_CMP, 1, X64_RDX, 2 * (int32_t)bytes - 2);
		at[0] = x64_jcc32(e->cb, X64_CC_BE);
	}
	if (second) {
		x64_mov_rr(e->cb, 0, X64_RDX, X64_RAX);
		x64_alu_ri(e->cb, X64_AND, 0, X64_RDX, PAGE_BYTES - 1);
		x64_alu_ri(e->cb, X64_CMP, 0, X64_RDX, PAGE_BYTES - (int32_t)bytes);
		at[1] = x64_jcc32(e->cb, X64_CC_A);
	}
	if (apart || second) {
		c = x64_cold(e, at[0], cold_copy);
		c->from[1] = at[1];
	}
	load_part(e, in, part, 0, from);
	from.disp += second;
	if (second)
		load_part(e, in, part, 1, from);
	store_part(e, in, part, 0, to);
	to.disp += second;
	if (second)
		store_part(e, in, part, 1, to);
	if (c) {
		c->back = cb_pos(e->cb);
		c->arg = e->tables.next_fault;
	}
}

void x64_emit_HELPER(struct x64_emit *e, const struct lir_insn *in)
{
	x64_mov_imm(e->cb, X64_RAX, (uint64_t)in->imm);
	x64_call_thunk(e, IR_THUNK_HELPER);
}

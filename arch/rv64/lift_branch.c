/*
 * Jumps and branches.
 *
 * A branch over a few cheap instructions is none: lift_select.c.
 *
 * A trace goes on behind a conditional branch that is not taken and at the target of a jump
 * forward. It therefore only ever moves to higher addresses: nothing is in it twice. It ends at a
 * jump or branch backward, where loops close, at calls, and where the target is computed. A call of a routine of
 * libc (lift_routine.c) does not end it.
 */
#include "arch/rv64/lift_priv.h"

/* The registers that calling conventions keep return addresses in: x1 and x5. */
static bool is_link(unsigned reg) { return reg == RV64_RA || reg == RV64_T0; }

static void put_link(struct trace *t, unsigned rd)
{
	if (rd)
		put_x(t, rd, ir_const(&t->b, IR_I64, (int64_t)t->next));
}

/* How far from its start a trace goes: insn.gpc_off has 31 bits. */
#define TRACE_REACH (UINT64_C(1) << 30)

/* A jump to a known place: a call when it leaves a link. */
static void jump_to(struct trace *t, unsigned rd, gaddr target)
{
	gaddr ret = t->next;

#ifndef RV64_DIRECT
	if (rd == RV64_RA && rv64_lift_routine_call(t, target))
		return;
#endif
	put_link(t, rd);
	if (is_link(rd)) {
		ir_exit(&t->b, IR_JUMP_CALL, target, ret);
		t->done = true;
	} else if (target > t->pc && target - t->start < TRACE_REACH) {
		t->next = target;
	} else {
		t->loops |= target == t->start;
		ir_exit(&t->b, IR_JUMP_PLAIN, target, 0);
		t->done = true;
	}
}

LIFT(jal) { jump_to(t, i->rd, t->pc + (gaddr)(int64_t)i->imm); }

/*
 * What an indirect jump is, by the registers it uses ("RV32I", table "Return-address stack
 * prediction hints"). Links in both, not equal, are "pop, then push", a coroutine switch; nothing common
 * compiles to it, and a call leaves the stack of return addresses usable.
 */
static enum ir_jump jump_kind(unsigned rd, unsigned rs1)
{
	if (is_link(rd))
		return IR_JUMP_CALL;
	return is_link(rs1) ? IR_JUMP_RET : IR_JUMP_PLAIN;
}

LIFT(jalr)
{
	gaddr ret = t->next;

	/* auipc and jalr make one far jump: its target is known. */
	if (i->rs1 && i->rs1 == t->upper_reg) {
		jump_to(t, i->rd, (t->upper_value + (gaddr)(int64_t)i->imm) & ~(gaddr)1);
		return;
	}
	ir_ref target = get_x(t, i->rs1); /* before the link is written: rd may be rs1 */

	if (i->imm)
		target = ir_op2(&t->b, IR_add, IR_I64, target, ir_const(&t->b, IR_I64, i->imm));
	put_link(t, i->rd);
	enum ir_jump kind = jump_kind(i->rd, i->rs1);

	if (KIT_UNLIKELY(t->tally) && kind == IR_JUMP_CALL && guest_tallies(t->tally, t->pc))
		ir_edge(&t->b, guest_counter_of(t->tally, t->pc), target);
	ir_exiti(&t->b, kind, target, kind == IR_JUMP_CALL ? ret : 0);
	t->done = true;
}

LIFT(branch)
{
	gaddr target = t->pc + (gaddr)(int64_t)i->imm;
	ir_ref x = get_x(t, i->rs1), y = get_x(t, i->rs2);

#ifndef RV64_DIRECT
	t->arm_insns = t->keep_branches ? 0 : rv64_arm(t, i, target);
	if (t->arm_insns) {
		t->skips = ir_set(&t->b, IR_I64, (enum ir_cc)r->arg, x, y);
		return;
	}
#endif
	t->loops |= target == t->start;
	ir_br(&t->b, IR_I64, (enum ir_cc)r->arg, x, y, target);
	if (target <= t->pc || ++t->branches > t->max_branches) {
		ir_exit(&t->b, IR_JUMP_PLAIN, t->next, 0);
		t->done = true;
	}
}

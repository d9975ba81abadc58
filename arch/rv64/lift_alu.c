/*
 * Integer arithmetic: RV64I's computational instructions and M.
 *
 * An instruction with rd = x0 has no effect here (they are the HINTs) and makes no IR.
 */
#include "arch/rv64/lift_priv.h"

/* li and lui. */
LIFT(li)
{
	if (i->rd)
		put_x(t, i->rd, ir_const(&t->b, IR_I64, i->imm));
}

LIFT(mv)
{
	if (i->rd)
		put_x(t, i->rd, get_x(t, i->rs2));
}

LIFT(auipc)
{
	if (!i->rd)
		return;
	gaddr value = t->pc + (gaddr)(int64_t)i->imm;

	put_x(t, i->rd, ir_const(&t->b, IR_I64, (int64_t)value));
	t->upper_reg = i->rd;
	t->upper_value = value;
}

/* x + imm of either width. Long li and mv, and sext.w, are so frequent that they get their short form here. */
LIFT(addi)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref v;

	if (!i->rd)
		return;
	if (!i->rs1) {
		put_x(t, i->rd, ir_const(&t->b, IR_I64, i->imm));
		return;
	}
	v = get_typed(t, type, i->rs1);
	if (i->imm)
		v = ir_op2(&t->b, IR_add, type, v, ir_const(&t->b, type, i->imm));
	put_typed(t, type, i->rd, v);
}

/* x + y of either width; with x0 it is a move. */
LIFT(add)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref v;

	if (!i->rd)
		return;
	/* One operand after the other: the order of arguments is the compiler's choice, the IR's is not. */
	v = get_typed(t, type, i->rs1 ? i->rs1 : i->rs2);
	if (i->rs1 && i->rs2)
		v = ir_op2(&t->b, IR_add, type, v, get_typed(t, type, i->rs2));
	put_typed(t, type, i->rd, v);
}

LIFT(alu_ri)
{
	enum ir_type type = (enum ir_type)r->type;

	if (!i->rd)
		return;
	ir_ref x = get_typed(t, type, i->rs1);

	put_typed(t, type, i->rd,
		  ir_op2(&t->b, (enum ir_op)r->arg, type, x, ir_const(&t->b, type, i->imm)));
}

/* Shifts and divisions need nothing more: the IR's operations have RISC-V's edge cases. */
LIFT(alu_rr)
{
	enum ir_type type = (enum ir_type)r->type;

	if (!i->rd)
		return;
	ir_ref x = get_typed(t, type, i->rs1), y = get_typed(t, type, i->rs2);

	put_typed(t, type, i->rd, ir_op2(&t->b, (enum ir_op)r->arg, type, x, y));
}

LIFT(set_ri)
{
	if (!i->rd)
		return;
	ir_ref x = get_x(t, i->rs1);

	put_x(t, i->rd,
	      ir_set(&t->b, IR_I64, (enum ir_cc)r->arg, x, ir_const(&t->b, IR_I64, i->imm)));
}

LIFT(set_rr)
{
	if (!i->rd)
		return;
	ir_ref x = get_x(t, i->rs1), y = get_x(t, i->rs2);

	put_x(t, i->rd, ir_set(&t->b, IR_I64, (enum ir_cc)r->arg, x, y));
}

/*
 * Loads and stores. The displacement stays in the insn, for the host's addressing modes. A load
 * to x0 still accesses memory and may fault ("RV32I", section "Load and Store Instructions").
 */
#include "arch/rv64/lift_priv.h"

LIFT(load)
{
	put_x(t, i->rd, ir_load(&t->b, (enum ir_op)r->arg, IR_NONE, get_x(t, i->rs1), i->imm));
}

LIFT(store)
{
	ir_ref addr = get_x(t, i->rs1);

	ir_store(&t->b, (enum ir_op)r->arg, IR_NONE, addr, i->imm, get_x(t, i->rs2));
}

LIFT(fload)
{
	enum ir_type type = (enum ir_type)r->type;

	put_f(t, type, i->rd, ir_load(&t->b, IR_ldf, type, get_x(t, i->rs1), i->imm));
}

/* fsw stores the low 32 bits as they are, boxed or not ("D", section "NaN Boxing"). */
LIFT(fstore)
{
	ir_ref addr = get_x(t, i->rs1), v = get_d(t, i->rs2);

	if (r->type == IR_F64) {
		ir_store(&t->b, IR_stf, IR_F64, addr, i->imm, v);
		return;
	}
	v = ir_op1(&t->b, IR_zext, IR_NONE, ir_op1(&t->b, IR_fbits32, IR_NONE, v));
	ir_store(&t->b, IR_st32, IR_NONE, addr, i->imm, v);
}

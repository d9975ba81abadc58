/*
 * The A extension. insn.sub takes acquire and release as the word has them (imm): bit 0
 * release, bit 1 acquire.
 * Misaligned addresses fault in the IR's operations.
 */
#include "arch/rv64/lift_priv.h"

_Static_assert(IR_LRSC_RL == 1 && IR_LRSC_AQ == 2 && IR_AMO_RL == 1 << 4 && IR_AMO_AQ == 2 << 4,
	       "aq and rl in the order of the instruction word");

LIFT(lr)
{
	enum ir_type type = (enum ir_type)r->type;

	put_typed(t, type, i->rd,
		  ir_atomic(&t->b, IR_lr, type, (unsigned)i->imm, get_x(t, i->rs1), IR_NOREF));
}

LIFT(sc)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref addr = get_x(t, i->rs1), v = get_typed(t, type, i->rs2);

	put_x(t, i->rd, ir_atomic(&t->b, IR_sc, type, (unsigned)i->imm, addr, v));
}

LIFT(amo)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref addr = get_x(t, i->rs1), v = get_typed(t, type, i->rs2);

	put_typed(t, type, i->rd,
		  ir_atomic(&t->b, IR_amo, type, (unsigned)(r->arg | i->imm << 4), addr, v));
}

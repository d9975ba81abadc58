/*
 * The A extension. insn.sub takes acquire and release as the word has them (imm): bit 0
 * release, bit 1 acquire.
 * Misaligned addresses fault in the IR's operations.
 */
#include "arch/rv64/lift_priv.h"

_Static_assert(IR_LRSC_RL == 1 && IR_LRSC_AQ == 2 && IR_AMO_RL == 1 << 4 && IR_AMO_AQ == 2 << 4,
	       "aq and rl in the order of the instruction word");

static ir_ref emit_atomic(struct trace *t, enum ir_op op, enum ir_type type, unsigned sub,
			  ir_ref addr, ir_ref v)
{
	struct ir_insn insn = {
		.op = (uint8_t)op,
		.type = (uint8_t)type,
		.sub = (uint8_t)sub,
		.a = addr,
		.b = v,
		.c = IR_NOREF,
		.to = IR_NOBLOCK,
	};

	return ir_emit(&t->b, insn);
}

LIFT(lr)
{
	enum ir_type type = (enum ir_type)r->type;

	put_typed(t, type, i->rd,
		  emit_atomic(t, IR_lr, type, (unsigned)i->imm, get_x(t, i->rs1), IR_NOREF));
}

LIFT(sc)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref addr = get_x(t, i->rs1), v = get_typed(t, type, i->rs2);

	put_x(t, i->rd, emit_atomic(t, IR_sc, type, (unsigned)i->imm, addr, v));
}

LIFT(amo)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref addr = get_x(t, i->rs1), v = get_typed(t, type, i->rs2);

	put_typed(t, type, i->rd,
		  emit_atomic(t, IR_amo, type, (unsigned)(r->arg | i->imm << 4), addr, v));
}

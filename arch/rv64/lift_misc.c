/* Instructions that have no file of their own, those that leave and fences; and which lift function an instruction has. */
#include "arch/rv64/lift_priv.h"

LIFT(illegal) { trace_leave(t, IR_EXIT_ILLEGAL, t->pc); }

/* ecall, ebreak: the pc stays at the instruction. */
LIFT(leave) { trace_leave(t, (enum ir_exit)r->arg, t->pc); }

/* Sets of fence, "RV32I", Memory Ordering Instructions: predecessor in the high half, successor in the low one. */
enum { FENCE_RW_RW = 0x33, FENCE_R_RW = 0x23, FENCE_W_W = 0x11, FM_SHIFT = 28, FM_TSO = 8 };

LIFT(fence)
{
	/* fence.tso orders all but stores before later loads. */
	if (i->word >> FM_SHIFT == FM_TSO && i->imm == FENCE_RW_RW) {
		ir_fence(&t->b, FENCE_R_RW);
		ir_fence(&t->b, FENCE_W_W);
	} else if (i->imm >> 4 && i->imm & 15) {
		/* With an empty set on one side it orders nothing: a HINT, "pause" among them. */
		ir_fence(&t->b, (unsigned)i->imm);
	}
}

LIFT(fence_i) { trace_leave(t, IR_EXIT_FENCEI, t->next); }

const struct lift_row LIFT_ROWS[RV64_OP_COUNT] = {
	[RV64_OP_illegal] = { LIFT_NAME(illegal), 0, IR_NONE },
#define INSN(name, id, ext, match, mask, format, lift, arg, type)                                  \
	[RV64_OP_##name] = { LIFT_NAME(lift), arg, IR_##type },
#define INSN_AQRL INSN
#include "arch/rv64/insns.def"
#undef INSN
#undef INSN_AQRL
};

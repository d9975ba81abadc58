/*
 * What a host's floating-point unit cannot do goes through here: rounding to nearest with ties
 * away, saturating conversions at their edges, NaN rules. Called by translated code on kitemu's own
 * stack; pure but for the state, safe in any thread.
 */
#include "lib/jit/fphelper.h"

uint64_t jit_fp_eval(struct ir_state *st, uint64_t opword)
{
	struct ir_insn insn = {
		.op = (uint8_t)opword,
		.type = (uint8_t)(opword >> 8),
		.sub = (uint8_t)(opword >> 16),
	};

	return ir_eval(&insn, st->scratch[0], st->scratch[1], st->scratch[2], st->frm, &st->fflags);
}

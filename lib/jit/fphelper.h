/* The C side of IR_THUNK_FP, the same for every host. */
#ifndef KIT_JIT_FPHELPER_H
#define KIT_JIT_FPHELPER_H

#include "lib/ir/state.h"

/*
 * Carries out a floating-point insn: opword is op | type << 8 | sub << 16, operands are raw bits in
 * st->scratch[0..2]. The dynamic rounding mode is st->frm; flags raised are ORed into
 * st->fflags. Returns the raw result. It is ir_state.fp_eval.
 */
uint64_t jit_fp_eval(struct ir_state *st, uint64_t opword);

#endif

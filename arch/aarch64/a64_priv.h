/* What the files of this back end share: LIR operations and their fields, register use. */
#ifndef A64_PRIV_H
#define A64_PRIV_H

#include "arch/aarch64/a64.h"
#include "arch/aarch64/enc.h"
#include "lib/base/panic.h"

#include <stddef.h>

enum a64_lir_op {
	A64_OP_FIRST = LIR_HOST - 1,
#define AOP(name, ...) A64_OP_##name,
#include "arch/aarch64/ops.def"
#undef AOP
	A64_OP_END
};

/* Registers with a use of their own (regs.def). */
enum {
	A64_PC = 0,     /* the guest pc gone to, on the way out */
	A64_TMP = 16,   /* to work in; on the way out the reason, or the link's address */
	A64_TMP2 = 17,  /* to work in, and to call by */
	A64_BASE = 27,  /* ir_state.guest_base, when that is in use */
	A64_STATE = 28, /* struct ir_state */
	A64_VBOX = 29,  /* upper half ones */
	A64_VKEEP = 30, /* an operand that an operation overwrites */
	A64_VTMP = 31
};

/* sub2 of operations with an address: the index's shift, and of stores whether there is one. */
enum { A64_ADDR_SHIFT = 3, A64_ADDR_INDEX = 4 };

/* Vector registers that op routine's code works with: v0 and up, scratch registers all. */
enum { A64_ROUTINE_VREGS = 3 };

/* CSEL, CSELI: b and c are 64 bits wide; b, c is 0 and no operand. */
enum { A64_SEL_W = 2, A64_SEL_ZERO_B = 4, A64_SEL_ZERO_C = 8 };

/* Offset of a state field from the state's register. */
#define A64_ST(field) ((int32_t)offsetof(struct ir_state, field))

/* struct ir_state.host_const, in 8-byte words. */
enum a64_const { A64_C_BOX };

extern const char *const a64_phys_name[LIR_PHYS_COUNT];

void a64_isel(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
	      struct lir_unit *lir);
bool a64_emit(const struct lir_unit *lir, const struct ra_target *t, const struct jit_opts *o,
	      struct codebuf *cb, struct code *out);
bool a64_thunks(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
		struct jit_thunks *out);

#endif

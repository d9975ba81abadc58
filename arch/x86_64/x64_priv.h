/* What the files of this back end share: LIR operations and their fields, register use. */
#ifndef X64_PRIV_H
#define X64_PRIV_H

#include "arch/x86_64/enc.h"
#include "arch/x86_64/x64.h"
#include "lib/base/panic.h"

#include <stddef.h>

enum x64_lir_op {
	X64_OP_FIRST = LIR_HOST - 1,
#define XOP(name, ...) X64_OP_##name,
#include "arch/x86_64/ops.def"
#undef XOP
	X64_OP_END
};

/* How a loaded or converted value fills its register. */
enum x64_ext { X64_ZX8, X64_ZX16, X64_ZX32, X64_ALL64, X64_SX8, X64_SX16, X64_SX32 };
/* Digits of the shift instructions. */
enum x64_shift { X64_SHL = 4, X64_SHR = 5, X64_SAR = 7 };
enum x64_bits { X64_CTZ, X64_CLZ, X64_POPCOUNT };
enum x64_div {
	X64_DIV_SIGNED = 1,
	X64_DIV_REM = 2,
	X64_DIV_SAFE = 4 /* divisor cannot be 0 or -1 */
};
/* In the order of the opcodes: + 2 each. */
enum x64_fma { X64_FMADD, X64_FMSUB, X64_FNMSUB_RV, X64_FNMADD_RV };

enum { X64_UNSIGNED = 64 };
/* or'ed to roundsd's mode: the flag is not raised */
enum { X64_NO_INEXACT = 8 };

/* CMOV, CMOVI: b and c are 64 bits wide. */
enum { X64_CMOV_W = 2 };
/* Vector registers that op routine's code works with: xmm0 and up, scratch registers all. */
enum { X64_ROUTINE_XMMS = 3 };

/* sub2 of operations with an address. */
enum { X64_ADDR_SCALE = 3, X64_ADDR_BASE = 4, X64_ADDR_INDEX = 8 };

/* Offsets of state fields from rbp. */
#define X64_ST(field) ((int32_t)offsetof(struct ir_state, field) - X64_STATE_BIAS)

/* struct ir_state.host_const, in 8-byte words. 16-byte constants start at even numbers. */
enum x64_const {
	X64_C_SIGN64 = 0, /* sign bits of a double */
	X64_C_ABS64 = 2,  /* all others */
	X64_C_SIGN32 = 4, /* of a float in the low half */
	X64_C_ABS32 = 6,
	X64_C_BOX = 8,      /* upper half ones */
	X64_C_CANON64 = 10, /* canonical NaNs */
	X64_C_CANON32 = 12, /* boxed */
	X64_C_MXCSR = 14,   /* the default MXCSR */
	X64_C_TMP = 15,     /* a word to work in, for instructions that only take memory */
	X64_C_FFLAGS = 16,  /* 64 bytes: MXCSR flags to fflags */
	X64_C_ONE64 = 24,   /* 1 */
	X64_C_ONE32 = 26,
	X64_C_HALF64 = 28, /* 8 bytes: 1/2 */
	X64_C_HALF32 = 29,
	X64_C_WHOLE64 = 30, /* 8 bytes: from where on there are no fractions */
	X64_C_WHOLE32 = 31,
};

static inline int32_t x64_const_at(unsigned c)
{
	return (int32_t)(offsetof(struct ir_state, host_const) + 8 * c) - X64_STATE_BIAS;
}

extern const char *const x64_phys_name[LIR_PHYS_COUNT];

void x64_isel(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
	      struct lir_unit *lir);
bool x64_emit(const struct lir_unit *lir, const struct ra_target *t, const struct jit_opts *o,
	      struct codebuf *cb, struct code *out);
bool x64_thunks(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
		struct jit_thunks *out);

#endif

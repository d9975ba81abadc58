/* What arch/x86_64/native has to know of the emitter: features, the state base, constants. */
#ifndef X64_X64_H
#define X64_X64_H

#include "lib/jit/host.h"

enum x64_feature {
#define FEATURE(name, ...) X64_FEATURE_##name,
#include "arch/x86_64/features.def"
#undef FEATURE
	X64_FEATURE_COUNT
};

#define X64_HAS(features, name) ((features) >> X64_FEATURE_##name & 1)

/*
 * rbp points this far into struct ir_state, so that one byte of displacement leads to thunks RESYNC and STUB, stop and
 * reg[0..28]: the three registers behind are used less than any of these.
 */
enum { X64_STATE_BIAS = 168 };
/* Of ir_state.save: what a routine works with besides its operands. */
enum { X64_SAVE_A = 61, X64_SAVE_RSI = 62, X64_SAVE_RDI = 63 };
/* call [rbp + 32-bit displacement], by which translated code calls a routine. */
enum { X64_ROUTINE_CALL_BYTES = 6 };

/* call [rbp + 8-bit displacement], which a stub is. */
enum { X64_STUB_BYTES = 3 };

/* Conversions of LIR_PUT and LIR_FIX: how a register's bits come from what it was put. */
enum x64_fix {
	X64_FIX_NONE,
	X64_FIX_CANON64, /* a NaN becomes the canonical one */
	X64_FIX_CANON32, /* the same of a float, then boxed */
	X64_FIX_BOX32,   /* a float, the upper half becomes ones */
	X64_FIX_SEXT32,  /* the low half, sign-extended */
	X64_FIX_COUNT
};

/* MXCSR: exceptions masked, round to nearest, no flags. */
enum { X64_MXCSR_DEFAULT = 0x1f80, X64_MXCSR_FLAGS = 0x3f };

#endif

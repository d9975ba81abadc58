/* What arch/aarch64/native has to know of the emitter: features, fixes, the control word. */
#ifndef A64_A64_H
#define A64_A64_H

#include "lib/jit/host.h"

enum a64_feature {
#define FEATURE(name, ...) A64_FEATURE_##name,
#include "arch/aarch64/features.def"
#undef FEATURE
	A64_FEATURE_COUNT
};

#define A64_HAS(features, name) ((features) >> A64_FEATURE_##name & 1)

/* Of ir_state.save: x1 to x6, which a routine works with besides its result. */
enum { A64_SAVE_ROUTINE = 56, A64_SAVE_ROUTINE_REGS = 6 };
/* blr, by which translated code calls a routine. */
enum { A64_ROUTINE_CALL_BYTES = 4 };

/* Conversions of LIR_PUT and LIR_FIX: how a register's bits come from what it was put. */
enum a64_fix {
	A64_FIX_NONE,
	A64_FIX_SEXT32, /* the low half, sign-extended */
	A64_FIX_BOX32,  /* a float, the upper half becomes ones */
	A64_FIX_COUNT
};

/*
 * ir_state.host_fpcr: FPCR, and FPSR's flags in its low bits, which FPCR leaves free. FPSR's flags from bit 0 are
 * invalid, division by zero, overflow, underflow, inexact: fflags the other way round.
 */
enum {
	A64_FPSR_FLAGS = 0x1f,
	A64_FPSR_UFC_BIT = 3,
	A64_FPCR_DN = 1 << 25,
	A64_FPCR_RMODE_SHIFT = 22
};

#endif

/*
 * The rv64 guest's registers inside struct ir_state, and its features.
 *
 * ir_state.reg[0..31] are x0..x31 (reg[0] stays 0), reg[32..63] are f0..f31 with NaN-boxed
 * floats. fcsr is spread over ir_state.frm and ir_state.fflags.
 */
#ifndef KIT_ARCH_RV64_CPU_H
#define KIT_ARCH_RV64_CPU_H

#include "lib/ir/state.h"

/* clang-format off */
enum rv64_reg {
	RV64_ZERO, RV64_RA, RV64_SP, RV64_GP, RV64_TP, RV64_T0, RV64_T1, RV64_T2,
	RV64_S0, RV64_S1, RV64_A0, RV64_A1, RV64_A2, RV64_A3, RV64_A4, RV64_A5,
	RV64_A6, RV64_A7, RV64_S2, RV64_S3, RV64_S4, RV64_S5, RV64_S6, RV64_S7,
	RV64_S8, RV64_S9, RV64_S10, RV64_S11, RV64_T3, RV64_T4, RV64_T5, RV64_T6,
	RV64_F0, /* f0..f31 follow */
	RV64_REG_COUNT = 64
};
/* clang-format on */

/* Guest features: one bit an extension. insns.def rows name them. */
#define RV64_EXTENSIONS(X) X(I) X(M) X(A) X(F) X(D) X(C) X(Zicsr) X(Zifencei) X(Zicntr)

enum rv64_ext {
#define X(name) RV64_EXT_##name,
	RV64_EXTENSIONS(X)
#undef X
	    RV64_EXT_COUNT
};

#define RV64_HAS(features, ext) ((features) >> RV64_EXT_##ext & 1)
/* RV64GC: IMAFDC with Zicsr, Zifencei and Zicntr. */
#define RV64_FEATURES_GC ((UINT64_C(1) << RV64_EXT_COUNT) - 1)

/*
 * Ticks a second of the time CSR; riscv_hwprobe's RISCV_HWPROBE_KEY_TIME_CSR_FREQ gives the same.
 * 10 MHz is what qemu's boards and much hardware have.
 */
enum { RV64_TIMEBASE_HZ = 10000000 };

/* struct guest's helpers (helpers.c). */
extern ir_helper_fn *const rv64_helpers[IR_HELPER_COUNT];

#endif

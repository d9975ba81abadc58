/*
 * The register file, and which registers want a host register most.
 *
 * Pin ranks: how often instructions name each register, each loop counting eightfold. Half of the
 * weight of the integer ones is from all of Debian's riscv64 busybox and bash, half from small
 * kernels (sorts, checksums, matrices); of the floating-point ones from kernels and glibc's libm; gcc -O2
 * throughout. Shares in percent: a5 21 a4 13 a0 8 a3 9 sp 6 a2 8 a1 7 s0 5 s1 4 a6 3, the others 2 and
 * less each; fa5 20 fa4 14 fa0 12 fa2 10 fa3 9 fa1 7 ft0 4 fs0 4, the others 3 and less. sp
 * and ra stand higher than that: calls, which loops hide, use them.
 */
#include "arch/rv64/regs.h"

#include <stddef.h>

#define X(n, name, pin)                                                                            \
	{                                                                                          \
		name, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, pin                        \
	}
#define F(n, name, pin)                                                                            \
	{                                                                                          \
		name, offsetof(struct ir_state, reg) + 8 * (RV64_F0 + (n)), IR_F64, pin            \
	}

/* clang-format off */
static const struct ir_reg regs[RV64_REG_COUNT] = {
	X(0, "zero", RV64_NO_PIN), X(1, "ra", 10), X(2, "sp", 4), X(3, "gp", 30), X(4, "tp", 28),
	X(5, "t0", 27), X(6, "t1", 13), X(7, "t2", 29), X(8, "s0", 7), X(9, "s1", 8),
	X(10, "a0", 2), X(11, "a1", 6), X(12, "a2", 5), X(13, "a3", 3), X(14, "a4", 1),
	X(15, "a5", 0), X(16, "a6", 9), X(17, "a7", 12), X(18, "s2", 11), X(19, "s3", 15),
	X(20, "s4", 14), X(21, "s5", 16), X(22, "s6", 18), X(23, "s7", 20), X(24, "s8", 22),
	X(25, "s9", 23), X(26, "s10", 24), X(27, "s11", 25), X(28, "t3", 17), X(29, "t4", 19),
	X(30, "t5", 21), X(31, "t6", 26),
	F(0, "ft0", 6), F(1, "ft1", 8), F(2, "ft2", 10), F(3, "ft3", 9), F(4, "ft4", 11),
	F(5, "ft5", 12), F(6, "ft6", 17), F(7, "ft7", 18), F(8, "fs0", 7), F(9, "fs1", 13),
	F(10, "fa0", 2), F(11, "fa1", 5), F(12, "fa2", 3), F(13, "fa3", 4), F(14, "fa4", 1),
	F(15, "fa5", 0), F(16, "fa6", 19), F(17, "fa7", 20), F(18, "fs2", 14), F(19, "fs3", 15),
	F(20, "fs4", 16), F(21, "fs5", 21), F(22, "fs6", 22), F(23, "fs7", 23), F(24, "fs8", 24),
	F(25, "fs9", 25), F(26, "fs10", 26), F(27, "fs11", 27), F(28, "ft8", 28),
	F(29, "ft9", 29), F(30, "ft10", 30), F(31, "ft11", 31),
};
/* clang-format on */

const struct ir_regfile rv64_regs = {
	RV64_REG_COUNT,
	regs,
	/* syscall(2), "Architecture calling conventions" */
	.call = { .number = RV64_A7,
		  .arg = { RV64_A0, RV64_A1, RV64_A2, RV64_A3, RV64_A4, RV64_A5 },
		  .result = RV64_A0,
		  .insn_bytes = 4 },
};

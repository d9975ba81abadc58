/*
 * The register file, and which registers want a host register most.
 *
 * Pin ranks: how often instructions name each register, each loop counting eightfold. Half of the
 * weight of the integer ones is from all of Debian's riscv64 busybox and bash, half from small
 * kernels (sorts, checksums, matrices); of the floating-point ones from kernels and glibc's libm; gcc -O2
 * throughout. Shares in percent: a5 21 a4 13 a0 8 a3 9 sp 6 a2 8 a1 7 s0 5 s1 4 a6 3, the others 2 and
 * less each; fa5 20 fa4 14 fa0 12 fa2 10 fa3 9 fa1 7 ft0 4 fs0 4, the others 3 and less. sp
 * and ra stand higher than that: calls, which loops hide, use them.
 *
 * Go's compiler takes others. Its ranks are shares of the two million instructions of itself (Go 1.19): sp 18 t0 16 a0 11 t1 10
 * ra 7 t2 7 a1 6 s0 4 a2 4 t6 3 a3 3 s1 3, the others 2 and less each.
 */
#include "arch/rv64/regs.h"

#include <stddef.h>

#define NONE RV64_NO_PIN
/* clang-format off */
/* X(number, name, rank, rank in Go's code), F(...) alike. */
#define REGISTERS \
	X(0, "zero", NONE, NONE) X(1, "ra", 10, 4) X(2, "sp", 4, 0) X(3, "gp", 30, 30) \
	X(4, "tp", 28, 29) X(5, "t0", 27, 1) X(6, "t1", 13, 3) X(7, "t2", 29, 5) X(8, "s0", 7, 7) \
	X(9, "s1", 8, 11) X(10, "a0", 2, 2) X(11, "a1", 6, 6) X(12, "a2", 5, 8) X(13, "a3", 3, 10) \
	X(14, "a4", 1, 12) X(15, "a5", 0, 13) X(16, "a6", 9, 14) X(17, "a7", 12, 15) \
	X(18, "s2", 11, 17) X(19, "s3", 15, 18) X(20, "s4", 14, 19) X(21, "s5", 16, 20) \
	X(22, "s6", 18, 23) X(23, "s7", 20, 25) X(24, "s8", 22, 24) X(25, "s9", 23, 22) \
	X(26, "s10", 24, 21) X(27, "s11", 25, 16) X(28, "t3", 17, 26) X(29, "t4", 19, 27) \
	X(30, "t5", 21, 28) X(31, "t6", 26, 9) F(0, "ft0", 6, 0) F(1, "ft1", 8, 1) F(2, "ft2", 10, 3) \
	F(3, "ft3", 9, 5) F(4, "ft4", 11, 6) F(5, "ft5", 12, 7) F(6, "ft6", 17, 14) \
	F(7, "ft7", 18, 12) F(8, "fs0", 7, 13) F(9, "fs1", 13, 17) F(10, "fa0", 2, 2) \
	F(11, "fa1", 5, 4) F(12, "fa2", 3, 8) F(13, "fa3", 4, 11) F(14, "fa4", 1, 10) \
	F(15, "fa5", 0, 9) F(16, "fa6", 19, 15) F(17, "fa7", 20, 16) F(18, "fs2", 14, 18) \
	F(19, "fs3", 15, 19) F(20, "fs4", 16, 20) F(21, "fs5", 21, 21) F(22, "fs6", 22, 22) \
	F(23, "fs7", 23, 23) F(24, "fs8", 24, 24) F(25, "fs9", 25, 25) F(26, "fs10", 26, 26) \
	F(27, "fs11", 27, 27) F(28, "ft8", 28, 28) F(29, "ft9", 29, 29) F(30, "ft10", 30, 30) \
	F(31, "ft11", 31, 31)
/* clang-format on */

#define INT(n, name, pin) { name, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, pin },
#define FLOAT(n, name, pin)                                                                        \
	{ name, offsetof(struct ir_state, reg) + 8 * (RV64_F0 + (n)), IR_F64, pin },

static const struct ir_reg regs[RV64_REG_COUNT] = {
#define X(n, name, pin, go) INT(n, name, pin)
#define F(n, name, pin, go) FLOAT(n, name, pin)
	REGISTERS
#undef F
#undef X
};

static const struct ir_reg go_regs[RV64_REG_COUNT] = {
#define X(n, name, pin, go) INT(n, name, go)
#define F(n, name, pin, go) FLOAT(n, name, go)
	REGISTERS
#undef F
#undef X
};

/* syscall(2), "Architecture calling conventions" */
#define CALL                                                                                       \
	{                                                                                          \
		.number = RV64_A7,                                                                 \
		.arg = { RV64_A0, RV64_A1, RV64_A2, RV64_A3, RV64_A4, RV64_A5 },                   \
		.result = RV64_A0, .insn_bytes = 4                                                 \
	}

const struct ir_regfile rv64_regs = { RV64_REG_COUNT, regs, CALL };
const struct ir_regfile rv64_go_regs = { RV64_REG_COUNT, go_regs, CALL };

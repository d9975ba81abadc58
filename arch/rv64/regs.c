/*
 * The register file, and which registers want a host register most.
 *
 * Pin ranks: how often compiled code names each register (see scripts in tests/insn/README; measured
 * over the functions of Debian's riscv64 busybox and bash).
 */
#include "arch/rv64/regs.h"

#include <stddef.h>

#define X(n, name, pin) { name, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, pin }
#define F(n, name, pin) { name, offsetof(struct ir_state, reg) + 8 * (32 + (n)), IR_F64, pin }

static const struct ir_reg regs[RV64_REG_COUNT] = {
	X(0, "zero", RV64_NO_PIN),
	X(1, "ra", 11), X(2, "sp", 4), X(3, "gp", 30), X(4, "tp", 29), X(5, "t0", 24),
	X(6, "t1", 10), X(7, "t2", 25), X(8, "s0", 7), X(9, "s1", 8), X(10, "a0", 2),
	X(11, "a1", 5), X(12, "a2", 6), X(13, "a3", 3), X(14, "a4", 1), X(15, "a5", 0),
	X(16, "a6", 9), X(17, "a7", 12), X(18, "s2", 13), X(19, "s3", 14), X(20, "s4", 15),
	X(21, "s5", 16), X(22, "s6", 18), X(23, "s7", 19), X(24, "s8", 20), X(25, "s9", 21),
	X(26, "s10", 22), X(27, "s11", 23), X(28, "t3", 17), X(29, "t4", 26), X(30, "t5", 27),
	X(31, "t6", 28),
	F(0, "ft0", 6), F(1, "ft1", 7), F(2, "ft2", 8), F(3, "ft3", 9), F(4, "ft4", 10),
	F(5, "ft5", 11), F(6, "ft6", 12), F(7, "ft7", 13), F(8, "fs0", 14), F(9, "fs1", 15),
	F(10, "fa0", 2), F(11, "fa1", 4), F(12, "fa2", 5), F(13, "fa3", 3), F(14, "fa4", 1),
	F(15, "fa5", 0), F(16, "fa6", 16), F(17, "fa7", 17), F(18, "fs2", 18), F(19, "fs3", 19),
	F(20, "fs4", 20), F(21, "fs5", 21), F(22, "fs6", 22), F(23, "fs7", 23), F(24, "fs8", 24),
	F(25, "fs9", 25), F(26, "fs10", 26), F(27, "fs11", 27), F(28, "ft8", 28), F(29, "ft9", 29),
	F(30, "ft10", 30), F(31, "ft11", 31),
};

const struct ir_regfile rv64_regs = { RV64_REG_COUNT, regs };

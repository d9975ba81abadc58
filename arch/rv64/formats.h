/*
 * Instruction formats as data: where the operands of a word are ("RV32I", section "Base Instruction
 * Formats"; "C", section "Compressed Instruction Formats").
 *
 * Slicing gives a compressed instruction the operands of the long one it stands for, implied
 * registers included, so that both have one lift function. Register numbers are those of the field; whether
 * x or f is the lift function's knowledge. Every format is sliced by the same few steps
 * without a branch: a switch over formats costs a mispredicted jump an instruction, 10 ns more.
 */
#ifndef KIT_ARCH_RV64_FORMATS_H
#define KIT_ARCH_RV64_FORMATS_H

#include <stdint.h>

/*
 * Long formats before short ones.
 *
 *   FORMAT(name, rd, rs1, rs2, width, pieces...)
 *
 * A register is the five bits from bit n up, X(n), one of x8..x15 in three bits, X8(n), or always
 * number n, IS(n). An immediate is made of pieces: TO(r, mask) is the word shifted right by r, under
 * mask, where a negative r shifts left; the lowest `width` bits are the immediate, sign-extended; width 32:
 * not signed, or complete.
 */
#define RV64_FORMATS(FORMAT)                                                                       \
	FORMAT(NONE,  X(7), X(15), X(20), 32, TO(0, 0))                                            \
	FORMAT(R,     X(7), X(15), X(20), 32, TO(0, 0))                                            \
	FORMAT(I,     X(7), X(15), X(20), 12, TO(20, 0xfff))                                       \
	FORMAT(SH6,   X(7), X(15), X(20), 32, TO(20, 0x3f))                                        \
	FORMAT(SH5,   X(7), X(15), X(20), 32, TO(20, 0x1f))                                        \
	FORMAT(S,     X(7), X(15), X(20), 12, TO(20, 0xfe0), TO(7, 0x1f))                          \
	FORMAT(B,     X(7), X(15), X(20), 13,                                                      \
	       TO(19, 0x1000), TO(-4, 0x800), TO(20, 0x7e0), TO(7, 0x1e))                          \
	FORMAT(U,     X(7), X(15), X(20), 32, TO(0, 0xfffff000))                                   \
	FORMAT(J,     X(7), X(15), X(20), 21,                                                      \
	       TO(11, 0x100000), TO(0, 0xff000), TO(9, 0x800), TO(20, 0x7fe))                      \
	/* imm: bit 0 release, bit 1 acquire */                                                    \
	FORMAT(AMO,   X(7), X(15), X(20), 32, TO(25, 3))                                           \
	/* rm and rs3 are sliced always */                                                         \
	FORMAT(R4,    X(7), X(15), X(20), 32, TO(0, 0))                                            \
	FORMAT(FR,    X(7), X(15), X(20), 32, TO(0, 0))                                            \
	/* imm: the number; rs1 is the register or the immediate operand */                        \
	FORMAT(CSR,   X(7), X(15), X(20), 32, TO(20, 0xfff))                                       \
	/* imm: pred << 4 | succ */                                                                \
	FORMAT(FENCE, X(7), X(15), X(20), 32, TO(20, 0xff))                                        \
	FORMAT(CIW,     X8(2), IS(2), IS(0), 32,                                                   \
	       TO(7, 0x30), TO(1, 0x3c0), TO(4, 4), TO(2, 8))                                      \
	FORMAT(CL_W,    X8(2), X8(7), IS(0), 32, TO(7, 0x38), TO(4, 4), TO(-1, 0x40))              \
	FORMAT(CL_D,    X8(2), X8(7), IS(0), 32, TO(7, 0x38), TO(-1, 0xc0))                        \
	FORMAT(CS_W,    IS(0), X8(7), X8(2), 32, TO(7, 0x38), TO(4, 4), TO(-1, 0x40))              \
	FORMAT(CS_D,    IS(0), X8(7), X8(2), 32, TO(7, 0x38), TO(-1, 0xc0))                        \
	FORMAT(CI,      X(7),  X(7),  IS(0), 6,  TO(7, 0x20), TO(2, 0x1f))                         \
	FORMAT(CI_LI,   X(7),  IS(0), IS(0), 6,  TO(7, 0x20), TO(2, 0x1f))                         \
	FORMAT(CI_16SP, IS(2), IS(2), IS(0), 10,                                                   \
	       TO(3, 0x200), TO(2, 0x10), TO(-1, 0x40), TO(-4, 0x180), TO(-3, 0x20))               \
	FORMAT(CI_LUI,  X(7),  IS(0), IS(0), 18, TO(-5, 0x20000), TO(-10, 0x1f000))                 \
	FORMAT(CI_SH,   X(7),  X(7),  IS(0), 32, TO(7, 0x20), TO(2, 0x1f))                         \
	FORMAT(CB_SH,   X8(7), X8(7), IS(0), 32, TO(7, 0x20), TO(2, 0x1f))                         \
	FORMAT(CB_I,    X8(7), X8(7), IS(0), 6,  TO(7, 0x20), TO(2, 0x1f))                         \
	FORMAT(CA,      X8(7), X8(7), X8(2), 32, TO(0, 0))                                         \
	FORMAT(CJ,      IS(0), IS(0), IS(0), 12,                                                   \
	       TO(1, 0xb40), TO(7, 0x10), TO(-2, 0x400), TO(-1, 0x80), TO(2, 0xe), TO(-3, 0x20))   \
	FORMAT(CB,      IS(0), X8(7), IS(0), 9,                                                    \
	       TO(4, 0x100), TO(7, 0x18), TO(-1, 0xc0), TO(2, 6), TO(-3, 0x20))                    \
	FORMAT(CI_WSP,  X(7),  IS(2), IS(0), 32, TO(7, 0x20), TO(2, 0x1c), TO(-4, 0xc0))           \
	FORMAT(CI_DSP,  X(7),  IS(2), IS(0), 32, TO(7, 0x20), TO(2, 0x18), TO(-4, 0x1c0))          \
	FORMAT(CSS_W,   IS(0), IS(2), X(2),  32, TO(7, 0x3c), TO(1, 0xc0))                         \
	FORMAT(CSS_D,   IS(0), IS(2), X(2),  32, TO(7, 0x38), TO(1, 0x1c0))                        \
	FORMAT(CR_JR,   IS(0), X(7),  IS(0), 32, TO(0, 0))                                         \
	FORMAT(CR_JALR, IS(1), X(7),  IS(0), 32, TO(0, 0))                                         \
	FORMAT(CR_MV,   X(7),  IS(0), X(2),  32, TO(0, 0))                                         \
	FORMAT(CR_ADD,  X(7),  X(7),  X(2),  32, TO(0, 0))

enum rv64_format {
#define FORMAT(name, ...) RV64_FMT_##name,
	RV64_FORMATS(FORMAT)
#undef FORMAT
	RV64_FMT_COUNT
};

/*
 * Both are shifts, made by multiplying into the upper half of a product: shifting by a variable is
 * slow on x86. A register number is (word >> n & keep) | set.
 */
struct rv64_reg_field {
	uint32_t factor; /* 2^(32-n) */
	uint8_t keep, set;
};

struct rv64_imm_piece {
	uint64_t factor, mask; /* 2^(32-r), and the mask in the upper half */
};

enum { RV64_IMM_PIECES = 6 };

struct rv64_fields {
	struct rv64_imm_piece piece[RV64_IMM_PIECES];
	struct rv64_reg_field rd, rs1, rs2;
	uint32_t sign; /* the immediate's sign bit, 0: none */
	uint32_t pad;
};

_Static_assert(sizeof(struct rv64_fields) == 128, "indexed by a shift");

static inline uint8_t rv64_slice_reg(struct rv64_reg_field f, uint32_t w)
{
	return (uint8_t)(((uint64_t)w * f.factor >> 32 & f.keep) | f.set);
}

static inline int32_t rv64_slice_imm(const struct rv64_fields *f, uint32_t w)
{
	uint64_t sum = 0;
	uint32_t imm;

#pragma GCC unroll 6
	for (unsigned k = 0; k < RV64_IMM_PIECES; k++)
		sum |= w * f->piece[k].factor & f->piece[k].mask;
	imm = (uint32_t)(sum >> 32);
	return (int32_t)((imm ^ f->sign) - f->sign);
}

#endif

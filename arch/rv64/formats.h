/*
 * Instruction formats as data, and slicing by them.
 *
 * Slicing gives a compressed instruction the operands of the long one it stands for, implied
 * registers included, so that both have one lift function. Register numbers are those of the field; whether
 * x or f is the lift function's knowledge. Every format is sliced by the same few steps
 * without a branch: a switch over formats costs a mispredicted jump an instruction, 10 ns more.
 */
#ifndef KIT_ARCH_RV64_FORMATS_H
#define KIT_ARCH_RV64_FORMATS_H

#include <stdint.h>

enum rv64_format {
#define FORMAT(name, ...) RV64_FMT_##name,
#include "arch/rv64/formats.def"
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

enum { RV64_IMM_PIECES = 6, RV64_MOST_HAVE = 4 };

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

#pragma GCC unroll 4
	for (unsigned k = 0; k < RV64_MOST_HAVE; k++)
		sum |= w * f->piece[k].factor & f->piece[k].mask;
	if (__builtin_expect(f->piece[RV64_MOST_HAVE].mask != 0, 0))
		for (unsigned k = RV64_MOST_HAVE; k < RV64_IMM_PIECES; k++)
			sum |= w * f->piece[k].factor & f->piece[k].mask;
	imm = (uint32_t)(sum >> 32);
	return (int32_t)((imm ^ f->sign) - f->sign);
}

#endif

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
 * A piece is a shift, made by multiplying, as shifting by a variable is slow on x86. The sum of an instruction's pieces
 * has its immediate in the upper half, and in the lower one rd << 8 | rs1 << 16 | rs2 << 24.
 */
struct rv64_piece {
	uint64_t factor, mask;
};

enum { RV64_PIECES = 6 };

struct rv64_fields {
	struct rv64_piece piece[RV64_PIECES];
	uint32_t regs; /* or-ed to the lower half */
	uint32_t sign; /* the immediate's sign bit, 0: none */
	uint64_t pad[3];
};

_Static_assert(sizeof(struct rv64_fields) == 128, "indexed by a shift");

static inline uint64_t rv64_slice(const struct rv64_fields *f, uint32_t w)
{
	uint64_t sum = 0;

#pragma GCC unroll 6
	for (unsigned k = 0; k < RV64_PIECES; k++)
		sum |= w * f->piece[k].factor & f->piece[k].mask;
	return sum | f->regs;
}

static inline int32_t rv64_slice_imm(const struct rv64_fields *f, uint64_t sum)
{
	return (int32_t)(((uint32_t)(sum >> 32) ^ f->sign) - f->sign);
}

#endif

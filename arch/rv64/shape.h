/*
 * Shapes: a word without its operand fields, in a compressed one with three bits added that say
 * what the manual makes depend on operands (rd 0, rd 2, immediate 0). What an instruction is depends on
 * its shape alone. Shape 0 is illegal. A table of shapes is an open-addressed hash from shape to op;
 * there are about 400 valid ones, so it never fills up, whatever the guest runs.
 */
#ifndef KIT_ARCH_RV64_SHAPE_H
#define KIT_ARCH_RV64_SHAPE_H

#include "arch/rv64/decode.h"

enum {
	RV64_SHAPE_BITS = 10,
	RV64_SHAPE_SLOTS = 1 << RV64_SHAPE_BITS,
	RV64_SHAPE_MOST = RV64_SHAPE_SLOTS * 3 / 4,
};

struct rv64_shape {
	uint32_t shape; /* 0: empty */
	uint16_t op;
	uint8_t format;
};

#define M_OPC    0x0000007fu /* opcode */
#define M_FUNCT3 0x0000707fu /* and funct3, which is rm in floating point */
#define M_FUNCT6 0xfc00707fu
#define M_FUNCT7 0xfe00707fu
#define M_FORMAT 0x0600707fu /* fused multiply-add: format and rm */
#define M_RS2    0x01f00000u /* names the instruction in one-operand floating point */
#define M_ALL    0xffffffffu

/* Flags, in bits that no rule with flags keeps. Set where the field is not 0, so that 0x0000 keeps shape 0. */
enum { SHAPE_IMM = 1 << 16, SHAPE_RD = 1 << 17, SHAPE_RD_SP = 1 << 18 };

/*
 * How a word's shape is made, by its opcode and funct3 bits. Without branches, as they
 * would be mispredicted: what does not apply has a mask of 0.
 */
struct shape_rule {
	uint32_t keep;  /* bits that name the instruction */
	uint32_t unary; /* more of them where bit 30 is set: floating point with one operand */
	uint32_t imm;   /* SHAPE_IMM: any of these bits */
	uint32_t flags; /* which flags count */
};

/* 32-bit words by bits 6:2 and funct3; halfwords behind them by quadrant and bits 15:13. */
enum { RULE_SHORT = 32 * 8, RULE_COUNT = RULE_SHORT + 3 * 8 };

/* clang-format off */
#define LONG(opcode, ...)      [(opcode) * 8 ... (opcode) * 8 + 7] = { __VA_ARGS__ }
#define LONG3(opcode, f3, ...) [(opcode) * 8 + (f3)] = { __VA_ARGS__ }
#define SHORT(q, f3, ...)      [RULE_SHORT + (q) * 8 + (f3)] = { __VA_ARGS__ }

/* Opcodes that have no row hold no instruction: their shape is 0, which is never remembered. */
static const struct shape_rule shape_rules[RULE_COUNT] = {
	LONG(0x00, M_FUNCT3), /* LOAD */
	LONG(0x01, M_FUNCT3), /* LOAD-FP */
	LONG(0x03, M_FUNCT3), /* MISC-MEM */
	LONG3(0x04, 0, M_FUNCT3), LONG3(0x04, 1, M_FUNCT6), LONG3(0x04, 2, M_FUNCT3), /* OP-IMM */
	LONG3(0x04, 3, M_FUNCT3), LONG3(0x04, 4, M_FUNCT3), LONG3(0x04, 5, M_FUNCT6),
	LONG3(0x04, 6, M_FUNCT3), LONG3(0x04, 7, M_FUNCT3),
	LONG(0x05, M_OPC), /* AUIPC */
	LONG3(0x06, 0, M_FUNCT3), LONG3(0x06, 1, M_FUNCT7), LONG3(0x06, 2, M_ALL), /* OP-IMM-32 */
	LONG3(0x06, 3, M_ALL), LONG3(0x06, 4, M_ALL), LONG3(0x06, 5, M_FUNCT7),
	LONG3(0x06, 6, M_ALL), LONG3(0x06, 7, M_ALL),
	LONG(0x08, M_FUNCT3), /* STORE */
	LONG(0x09, M_FUNCT3), /* STORE-FP */
	LONG(0x0b, 0xf800707f, .imm = M_RS2, .flags = SHAPE_IMM), /* AMO without aq, rl; lr has no rs2 */
	LONG(0x0c, M_FUNCT7), /* OP */
	LONG(0x0d, M_OPC),    /* LUI */
	LONG(0x0e, M_FUNCT7), /* OP-32 */
	LONG(0x10, M_FORMAT), LONG(0x11, M_FORMAT), LONG(0x12, M_FORMAT), LONG(0x13, M_FORMAT),
	LONG(0x14, M_FUNCT7, .unary = M_RS2), /* OP-FP */
	LONG(0x18, M_FUNCT3), /* BRANCH */
	LONG(0x19, M_FUNCT3), /* JALR */
	LONG(0x1b, M_OPC),    /* JAL */
	LONG3(0x1c, 0, M_ALL), LONG3(0x1c, 1, M_FUNCT3), LONG3(0x1c, 2, M_FUNCT3), /* SYSTEM */
	LONG3(0x1c, 3, M_FUNCT3), LONG3(0x1c, 4, M_ALL), LONG3(0x1c, 5, M_FUNCT3),
	LONG3(0x1c, 6, M_FUNCT3), LONG3(0x1c, 7, M_FUNCT3),

	SHORT(0, 0, 0xe003, .imm = 0x1fe0, .flags = SHAPE_IMM), /* c.addi4spn */
	SHORT(0, 1, 0xe003), SHORT(0, 2, 0xe003), SHORT(0, 3, 0xe003),
	SHORT(0, 4, 0xffff), SHORT(0, 5, 0xe003), SHORT(0, 6, 0xe003), SHORT(0, 7, 0xe003),
	SHORT(1, 0, 0xe003, .flags = SHAPE_RD), /* c.nop, c.addi */
	SHORT(1, 1, 0xe003, .flags = SHAPE_RD), /* c.addiw */
	SHORT(1, 2, 0xe003, .flags = SHAPE_RD), /* c.li */
	SHORT(1, 3, 0xe003, .imm = 0x107c, .flags = SHAPE_IMM | SHAPE_RD | SHAPE_RD_SP), /* c.lui .. */
	SHORT(1, 4, 0xfc63), /* c.srli .. with bits of their immediate; c.sub and its kin */
	SHORT(1, 5, 0xe003), SHORT(1, 6, 0xe003), SHORT(1, 7, 0xe003),
	SHORT(2, 0, 0xe003, .flags = SHAPE_RD), /* c.slli */
	SHORT(2, 1, 0xe003),
	SHORT(2, 2, 0xe003, .flags = SHAPE_RD), /* c.lwsp */
	SHORT(2, 3, 0xe003, .flags = SHAPE_RD), /* c.ldsp */
	SHORT(2, 4, 0xf003, .imm = 0x007c, .flags = SHAPE_IMM | SHAPE_RD), /* c.jr, c.mv, c.add .. */
	SHORT(2, 5, 0xe003), SHORT(2, 6, 0xe003), SHORT(2, 7, 0xe003),
};
/* clang-format on */

/* The flags that a compressed instruction's rd field sets. */
static const uint32_t rd_flags[32] = {
	[1] = SHAPE_RD,
	[2] = SHAPE_RD | SHAPE_RD_SP,
	[3 ... 31] = SHAPE_RD,
};

/*
 * What the two lowest bits say: how long the instruction is, and how the bits that choose its rule come together
 * in the upper byte of a product: 15:13 above 1:0, or 14:12 below 6:2.
 */
struct rv64_width {
	uint32_t mask, factor; /* of the bits that choose */
	uint32_t first;        /* rule */
	uint32_t word;         /* which bits are the instruction's */
	uint32_t size_bytes;
	uint32_t pad[3];
};

#define WIDTH_SHORT                                                                                \
	{                                                                                          \
		0xe003, 1u << 11 | 1u << 27, RULE_SHORT, 0xffff, 2, { 0 }                          \
	}
#define WIDTH_LONG                                                                                 \
	{                                                                                          \
		0x707c, 1u << 12 | 1u << 25, 0, 0xffffffff, 4, { 0 }                               \
	}

static const struct rv64_width rv64_widths[4] = { WIDTH_SHORT, WIDTH_SHORT, WIDTH_SHORT,
						  WIDTH_LONG };

static inline const struct rv64_width *rv64_width_of(uint32_t w) { return &rv64_widths[w & 3]; }

static inline uint32_t rv64_shape_of(const struct rv64_width *v, uint32_t w)
{
	const struct shape_rule *s = &shape_rules[v->first + ((w & v->mask) * v->factor >> 24)];
	uint32_t unary = (uint32_t)((int32_t)(w << 1) >> 31) & s->unary;
	uint32_t flags = (uint32_t)((w & s->imm) != 0) * SHAPE_IMM | rd_flags[bits32(w, 7, 5)];

	return (w & (s->keep | unary)) | (flags & s->flags);
}

/*
 * Where a shape belongs in a table. Of 20 million factors the best: no two of the short, integer and control
 * instructions meet (a shape that is elsewhere costs a mispredicted branch), and 31 of the others do.
 */
static inline uint32_t rv64_shape_home(uint32_t shape)
{
	return shape * 0x350cac15u >> (32 - RV64_SHAPE_BITS);
}

/* The slot that holds shape, or the empty one where it would go. */
static inline uint32_t rv64_shape_find(const struct rv64_shape *slot, uint32_t shape)
{
	uint32_t k = rv64_shape_home(shape);

	while (slot[k].shape != shape && slot[k].shape != 0)
		k = (k + 1) & (RV64_SHAPE_SLOTS - 1);
	return k;
}

#endif

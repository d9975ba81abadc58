/*
 * Encoder for x86-64: one function a shape of instruction, opcode words as data (enc.def).
 *
 * Each call writes one whole instruction or sets the buffer's sticky overflow flag. The shortest
 * ModRM, SIB, displacement and prefix forms are chosen. Registers are numbers 0..15, XMM
 * registers too. w: 1 for 64-bit operands, 0 for 32-bit ones. Intel SDM volume 2, chapter 2.
 */
#ifndef X64_ENC_H
#define X64_ENC_H

#include "lib/base/bits.h"
#include "lib/jit/codebuf.h"

enum {
	X64_RAX,
	X64_RCX,
	X64_RDX,
	X64_RBX,
	X64_RSP,
	X64_RBP,
	X64_RSI,
	X64_RDI,
	X64_R8,
	X64_R9,
	X64_R10,
	X64_R11,
	X64_R12,
	X64_R13,
	X64_R14,
	X64_R15,
	X64_NOREG = 0xf4, /* its low bits stand for no index in a SIB byte */
};

/* Condition codes (SDM volume 1, appendix B). Bit 0 inverts. */
enum x64_cc {
	X64_CC_O,
	X64_CC_NO,
	X64_CC_B,
	X64_CC_AE,
	X64_CC_E,
	X64_CC_NE,
	X64_CC_BE,
	X64_CC_A,
	X64_CC_S,
	X64_CC_NS,
	X64_CC_P,
	X64_CC_NP,
	X64_CC_L,
	X64_CC_GE,
	X64_CC_LE,
	X64_CC_G,
};

/* The eight operations that share their encodings: digit of /n, or opcode bits 3..5. */
enum x64_alu { X64_ADD, X64_OR, X64_ADC, X64_SBB, X64_AND, X64_SUB, X64_XOR, X64_CMP };

/* Fields of an opcode word. pp is in VEX order, and bit 0 of it tells double from float. */
enum {
	X64_M_M0 = 0,
	X64_M_M0F = 1 << 8,
	X64_M_M38 = 2 << 8,
	X64_M_M3A = 3 << 8,
	X64_PP_P0 = 0,
	X64_PP_P66 = 1 << 10,
	X64_PP_PF3 = 2 << 10,
	X64_PP_PF2 = 3 << 10,
	X64_DIGIT = 1 << 12,
	X64_BYTE_REG = 1 << 16, /* reg is an 8-bit register */
	X64_BYTE_RM = 1 << 17,  /* r/m is one */
	X64_LOCK = 1 << 18,     /* with a lock prefix */
	X64_SINGLE = 1 << 10,   /* to take away from a double's word */
};

enum x64_form {
	X64_F_RM = 0,
	X64_F_MR = 0,
	X64_F_M = 0,
	X64_F_MI = 0,
	X64_F_MIB = 0,
	X64_F_RMI = 0,
	X64_F_RMIB = 0,
	X64_F_BMR = X64_BYTE_REG | X64_BYTE_RM,
	X64_F_WMR = 0,
	X64_F_WM = 0,
	X64_F_BMIB = X64_BYTE_RM,
	X64_F_WMI = 0,
	X64_F_XB = X64_BYTE_RM,
	X64_F_XW = 0,
	X64_F_XD = 0,
	X64_F_BM = X64_BYTE_RM,
	X64_F_M64 = 0,
	X64_F_V = 0,
	X64_F_VI = 0,
	X64_F_VR = 0,
	X64_F_VF = 0,
	X64_F_S = 0,
	X64_F_SIB = 0,
	X64_F_SRM2 = 0,
	X64_F_SRM1 = 0,
	X64_F_PLD = 0,
	X64_F_PST = 0,
	X64_F_SLD = 0,
	X64_F_SST = 0,
	X64_F_SXR = 0,
	X64_F_SRX = 0,
	X64_F_SI = 0,
	X64_F_SO = 0,
	X64_F_SM = 0,
};

enum x64_op {
#define ENC(name, mnem, form, pp, map, opcode, digit)                                              \
	X64_##name = (opcode) | X64_M_##map | X64_PP_##pp | (digit)*X64_DIGIT | X64_F_##form,
#include "arch/x86_64/enc.def"
#undef ENC
};

/* [base + index << scale + disp]; either register may be X64_NOREG. index is not rsp. */
struct x64_mem {
	uint8_t base, index, scale;
	int32_t disp;
};

static inline struct x64_mem x64_at(unsigned base, int32_t disp)
{
	return (struct x64_mem){ (uint8_t)base, X64_NOREG, 0, disp };
}

/* op reg, rm. For opcode rows with a digit, reg is that (x64_digit). */
void x64_rr(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned rm);
void x64_rm(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, struct x64_mem m);
/* The same with an immediate of 1, 2 or 4 bytes behind. */
void x64_rri(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned rm, int32_t imm,
	     unsigned imm_bytes);
void x64_rmi(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, struct x64_mem m,
	     int32_t imm, unsigned imm_bytes);
/* VEX forms, vector length 128 or scalar; v is VEX.vvvv, 0 when the instruction has none. */
void x64_vrr(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned v, unsigned rm);
void x64_vrm(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned v,
	     struct x64_mem m);

/* The opcode's own digit, for the reg argument. */
static inline unsigned x64_digit(uint32_t op) { return op >> 12 & 7; }
/* A scalar row's word for doubles or floats. */
static inline uint32_t x64_fp(uint32_t op, bool is_double)
{
	return is_double ? op : op & ~(uint32_t)X64_SINGLE;
}

/* mov reg, imm in its shortest form (flags are lost where xor serves). */
void x64_mov_imm(struct codebuf *cb, unsigned reg, uint64_t imm);
/* alu rm, imm with the shortest immediate. */
void x64_alu_ri(struct codebuf *cb, enum x64_alu alu, unsigned w, unsigned rm, int32_t imm);
void x64_alu_mi(struct codebuf *cb, enum x64_alu alu, unsigned w, struct x64_mem m, int32_t imm);
/* lea reg, [rip + disp], where disp leads from the end of the instruction to offset target. */
void x64_lea_rip(struct codebuf *cb, unsigned reg, uint32_t target);
/* op [rip + field] of a row with a digit; returns the offset of the 32-bit field, which is to be patched. */
uint32_t x64_m_rip(struct codebuf *cb, uint32_t op, unsigned w);
/* Branches with a 32-bit field to be patched; return the field's offset. */
uint32_t x64_jcc32(struct codebuf *cb, enum x64_cc cc);
uint32_t x64_jmp32(struct codebuf *cb);
uint32_t x64_call32(struct codebuf *cb);
/* Branches with an 8-bit field, for x64_here8; return the field's offset. */
uint32_t x64_jcc8(struct codebuf *cb, enum x64_cc cc);
uint32_t x64_jmp8(struct codebuf *cb);
/* To a known offset, shortest form. */
void x64_jcc_to(struct codebuf *cb, enum x64_cc cc, uint32_t target);
void x64_jmp_to(struct codebuf *cb, uint32_t target);
/* Makes the field at offset at lead to target, or to the present position. */
void x64_fix32(struct codebuf *cb, uint32_t at, uint32_t target);
void x64_here8(struct codebuf *cb, uint32_t at);
void x64_push(struct codebuf *cb, unsigned reg);
void x64_pop(struct codebuf *cb, unsigned reg);
void x64_ret(struct codebuf *cb);
void x64_syscall(struct codebuf *cb);
void x64_cqo(struct codebuf *cb, unsigned w);
void x64_bswap(struct codebuf *cb, unsigned w, unsigned reg);
/* n bytes of nothing, in the recommended forms. */
void x64_nop(struct codebuf *cb, unsigned n);

static inline void x64_alu_rr(struct codebuf *cb, enum x64_alu alu, unsigned w, unsigned d,
			      unsigned s)
{
	x64_rr(cb, X64_ALU_MR + ((uint32_t)alu << 3), w, s, d);
}
static inline void x64_alu_rm(struct codebuf *cb, enum x64_alu alu, unsigned w, unsigned d,
			      struct x64_mem m)
{
	x64_rm(cb, X64_ALU_RM + ((uint32_t)alu << 3), w, d, m);
}
static inline void x64_mov_rr(struct codebuf *cb, unsigned w, unsigned d, unsigned s)
{
	x64_rr(cb, X64_MOV_MR, w, s, d);
}
/* Rows with a digit: op rm. */
static inline void x64_r(struct codebuf *cb, uint32_t op, unsigned w, unsigned rm)
{
	x64_rr(cb, op, w, x64_digit(op), rm);
}
static inline void x64_m(struct codebuf *cb, uint32_t op, unsigned w, struct x64_mem m)
{
	x64_rm(cb, op, w, x64_digit(op), m);
}
/* Shifts by a constant, test with a constant, mov of a constant: op rm, imm. */
static inline void x64_ri8(struct codebuf *cb, uint32_t op, unsigned w, unsigned rm, int32_t imm)
{
	x64_rri(cb, op, w, x64_digit(op), rm, imm, 1);
}

#endif

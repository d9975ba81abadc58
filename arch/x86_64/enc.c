/*
 * Encoder for x86-64. An instruction is put together in the buffer itself: room for the longest one is
 * asked for first, so nothing in between has to look at the end.
 */
#include "arch/x86_64/enc.h"

enum { MAX_INSN_BYTES = 16, RIP_MODRM = 5 };

/* Room for the next instruction? Else the sticky flag is set. */
static inline bool fits(struct codebuf *cb)
{
	if (cb->end - cb->cur >= MAX_INSN_BYTES)
		return true;
	cb->overflow = true;
	return false;
}

static inline uint8_t *put_imm(uint8_t *p, int32_t imm, unsigned n)
{
	memcpy(p, &imm, 4); /* room for more than n is there */
	return p + n;
}

/* Prefixes, REX and opcode bytes. r, x, b: bit 3 of the register fields. */
static inline uint8_t *put_opcode(uint8_t *p, uint32_t op, unsigned w, unsigned rxb, bool need_rex)
{
	static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
	unsigned map = op >> 8 & 3, rex = w << 3 | rxb;

	if (op & (X64_LOCK | X64_PP_PF2)) {
		if (op & X64_LOCK)
			*p++ = 0xf0;
		if (op & X64_PP_PF2)
			*p++ = prefix[op >> 10 & 3];
	}
	*p = (uint8_t)(0x40 | rex);
	p += rex || need_rex;
	if (map) {
		*p++ = 0x0f;
		if (map >= 2)
			*p++ = map == 2 ? 0x38 : 0x3a;
	}
	*p++ = (uint8_t)op;
	return p;
}

/* C4/C5 prefix and opcode; bits are inverted as the format wants (SDM 2A, 2.3.5). */
static inline uint8_t *put_vex(uint8_t *p, uint32_t op, unsigned w, unsigned rxb, unsigned v)
{
	unsigned map = op >> 8 & 3, pp = op >> 10 & 3;

	if (map == 1 && w == 0 && (rxb & 3) == 0) {
		*p++ = 0xc5;
		*p++ = (uint8_t)((~rxb & 4) << 5 | (~v & 15) << 3 | pp);
	} else {
		*p++ = 0xc4;
		*p++ = (uint8_t)((~rxb & 7) << 5 | map);
		*p++ = (uint8_t)(w << 7 | (~v & 15) << 3 | pp);
	}
	*p++ = (uint8_t)op;
	return p;
}

static inline uint8_t *put_rr(uint8_t *p, unsigned reg, unsigned rm)
{
	*p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
	return p;
}

static inline unsigned rxb_rr(unsigned reg, unsigned rm) { return (reg & 8) >> 1 | rm >> 3; }

static inline unsigned rxb_rm(unsigned reg, struct x64_mem m)
{
	/* Bit 3 of X64_NOREG is 0. */
	return (reg & 8) >> 1 | (m.index & 8) >> 2 | (m.base & 8) >> 3;
}

/* ModRM, SIB and displacement (SDM 2A, tables 2-2 and 2-3). */
static inline uint8_t *put_mem(uint8_t *p, unsigned reg, struct x64_mem m)
{
	unsigned rbits = (reg & 7) << 3, base = m.base & 7, sib = m.index & 7, mod;

	if (m.base == X64_NOREG) { /* no base: always 32 bits of displacement */
		*p++ = (uint8_t)(rbits | 4);
		*p++ = (uint8_t)(m.scale << 6 | sib << 3 | 5);
		return put_imm(p, m.disp, 4);
	}
	if (fits_i8(m.disp))
		mod = m.disp != 0 || base == X64_RBP;
	else
		mod = 2;
	if (m.index == X64_NOREG && base != X64_RSP) {
		*p++ = (uint8_t)(mod << 6 | rbits | base);
	} else {
		*p++ = (uint8_t)(mod << 6 | rbits | 4);
		*p++ = (uint8_t)(m.scale << 6 | sib << 3 | base);
	}
	return put_imm(p, m.disp, mod * mod); /* 0, 1 or 4 bytes */
}

/* spl..dil need a REX prefix to not mean ah..bh. */
static inline bool byte_reg_rex(uint32_t op, unsigned reg, unsigned rm)
{
	return op & (X64_BYTE_REG | X64_BYTE_RM)
	       && ((op & X64_BYTE_REG && reg >= 4) || (op & X64_BYTE_RM && rm >= 4));
}

void x64_rri(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned rm, int32_t imm,
	     unsigned imm_bytes)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	p = put_opcode(p, op, w, rxb_rr(reg, rm), byte_reg_rex(op, reg, rm));
	cb->cur = put_imm(put_rr(p, reg, rm), imm, imm_bytes);
}

void x64_rmi(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, struct x64_mem m,
	     int32_t imm, unsigned imm_bytes)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	p = put_opcode(p, op, w, rxb_rm(reg, m), byte_reg_rex(op, reg, 0));
	cb->cur = put_imm(put_mem(p, reg, m), imm, imm_bytes);
}

void x64_rr(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned rm)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	p = put_opcode(p, op, w, rxb_rr(reg, rm), byte_reg_rex(op, reg, rm));
	cb->cur = put_rr(p, reg, rm);
}

void x64_rm(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, struct x64_mem m)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	p = put_opcode(p, op, w, rxb_rm(reg, m), byte_reg_rex(op, reg, 0));
	cb->cur = put_mem(p, reg, m);
}

void x64_vrr(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned v, unsigned rm)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	cb->cur = put_rr(put_vex(p, op, w, rxb_rr(reg, rm), v), reg, rm);
}

void x64_vrm(struct codebuf *cb, uint32_t op, unsigned w, unsigned reg, unsigned v,
	     struct x64_mem m)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	cb->cur = put_mem(put_vex(p, op, w, rxb_rm(reg, m), v), reg, m);
}

void x64_mov_imm(struct codebuf *cb, unsigned reg, uint64_t imm)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	if (imm == 0) {
		x64_alu_rr(cb, X64_XOR, 0, reg, reg);
	} else if (fits_u32(imm)) {
		if (reg >= 8)
			*p++ = 0x41;
		*p++ = (uint8_t)(0xb8 | (reg & 7));
		cb->cur = put_imm(p, (int32_t)imm, 4);
	} else if (fits_i32((int64_t)imm)) {
		x64_rri(cb, X64_MOV_MI, 1, 0, reg, (int32_t)imm, 4);
	} else {
		*p++ = (uint8_t)(0x48 | reg >> 3);
		*p++ = (uint8_t)(0xb8 | (reg & 7));
		memcpy(p, &imm, 8);
		cb->cur = p + 8;
	}
}

void x64_alu_ri(struct codebuf *cb, enum x64_alu alu, unsigned w, unsigned rm, int32_t imm)
{
	if (fits_i8(imm))
		x64_rri(cb, X64_ALU_MIB, w, alu, rm, imm, 1);
	else
		x64_rri(cb, X64_ALU_MI, w, alu, rm, imm, 4);
}

void x64_alu_mi(struct codebuf *cb, enum x64_alu alu, unsigned w, struct x64_mem m, int32_t imm)
{
	if (fits_i8(imm))
		x64_rmi(cb, X64_ALU_MIB, w, alu, m, imm, 1);
	else
		x64_rmi(cb, X64_ALU_MI, w, alu, m, imm, 4);
}

void x64_lea_rip(struct codebuf *cb, unsigned reg, uint32_t target)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	p = put_opcode(p, X64_LEA, 1, (reg >> 3) << 2, false);
	*p++ = (uint8_t)((reg & 7) << 3 | RIP_MODRM);
	cb->cur = put_imm(p, (int32_t)(target - (uint32_t)(p + 4 - cb->start)), 4);
}

static uint32_t branch(struct codebuf *cb, unsigned first, unsigned second, unsigned field_bytes)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return 0;
	*p++ = (uint8_t)first;
	if (first == 0x0f)
		*p++ = (uint8_t)second;
	cb->cur = put_imm(p, 0, field_bytes);
	return (uint32_t)(p - cb->start);
}

uint32_t x64_jcc32(struct codebuf *cb, enum x64_cc cc) { return branch(cb, 0x0f, 0x80 | cc, 4); }
uint32_t x64_jmp32(struct codebuf *cb) { return branch(cb, 0xe9, 0, 4); }
uint32_t x64_call32(struct codebuf *cb) { return branch(cb, 0xe8, 0, 4); }
uint32_t x64_jcc8(struct codebuf *cb, enum x64_cc cc) { return branch(cb, 0x70 | cc, 0, 1); }
uint32_t x64_jmp8(struct codebuf *cb) { return branch(cb, 0xeb, 0, 1); }

void x64_fix32(struct codebuf *cb, uint32_t at, uint32_t target)
{
	cb_patch32(cb, at, target - (at + 4));
}

void x64_here8(struct codebuf *cb, uint32_t at)
{
	int64_t disp = (int64_t)cb_pos(cb) - (at + 1);

	if (cb->overflow || at + 1 > cb_pos(cb))
		return;
	if (!fits_i8(disp))
		cb->overflow = true; /* cannot happen: callers bridge a few instructions */
	else
		cb->start[at] = (uint8_t)disp;
}

void x64_jcc_to(struct codebuf *cb, enum x64_cc cc, uint32_t target)
{
	int64_t disp = (int64_t)target - (cb_pos(cb) + 2);

	if (!fits_i8(disp)) {
		x64_fix32(cb, x64_jcc32(cb, cc), target);
	} else {
		uint32_t at = x64_jcc8(cb, cc);

		if (!cb->overflow)
			cb->start[at] = (uint8_t)disp;
	}
}

void x64_jmp_to(struct codebuf *cb, uint32_t target)
{
	int64_t disp = (int64_t)target - (cb_pos(cb) + 2);

	if (!fits_i8(disp)) {
		x64_fix32(cb, x64_jmp32(cb), target);
	} else {
		uint32_t at = x64_jmp8(cb);

		if (!cb->overflow)
			cb->start[at] = (uint8_t)disp;
	}
}

static void one_or_two(struct codebuf *cb, unsigned prefix, unsigned opcode)
{
	uint8_t *p = cb->cur;

	if (!fits(cb))
		return;
	if (prefix)
		*p++ = (uint8_t)prefix;
	*p++ = (uint8_t)opcode;
	cb->cur = p;
}

void x64_push(struct codebuf *cb, unsigned reg)
{
	one_or_two(cb, reg >= 8 ? 0x41 : 0, 0x50 | (reg & 7));
}
void x64_pop(struct codebuf *cb, unsigned reg)
{
	one_or_two(cb, reg >= 8 ? 0x41 : 0, 0x58 | (reg & 7));
}
void x64_ret(struct codebuf *cb) { one_or_two(cb, 0, 0xc3); }
void x64_syscall(struct codebuf *cb) { one_or_two(cb, 0x0f, 0x05); }
void x64_cqo(struct codebuf *cb, unsigned w) { one_or_two(cb, w ? 0x48 : 0, 0x99); }

void x64_bswap(struct codebuf *cb, unsigned w, unsigned reg)
{
	uint8_t *p = cb->cur, rex = (uint8_t)(w << 3 | reg >> 3);

	if (!fits(cb))
		return;
	if (rex)
		*p++ = 0x40 | rex;
	*p++ = 0x0f;
	*p++ = (uint8_t)(0xc8 | (reg & 7));
	cb->cur = p;
}

void x64_nop(struct codebuf *cb, unsigned n)
{
	/* SDM 2B, NOP: recommended multi-byte sequences. */
	static const uint8_t nop[9][9] = {
		{ 0x90 },
		{ 0x66, 0x90 },
		{ 0x0f, 0x1f, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0x00 },
		{ 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	};

	for (; n > 9; n -= 9)
		cb_put(cb, nop[8], 9);
	if (n)
		cb_put(cb, nop[n - 1], n);
}

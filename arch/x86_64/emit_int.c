/* Emission: integer operations. */
#include "arch/x86_64/emit_priv.h"

void x64_emit_TEMP(struct x64_emit *e, const struct lir_insn *in)
{
	(void)e;
	(void)in;
}

/* d = a OP b with a two-operand instruction reg, r/m. lea: an addition, which lea does in three. */
static void two_operands(struct x64_emit *e, const struct lir_insn *in, uint32_t op, bool commutes,
			 bool lea)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), w = in->sub2;
	bool mem = x64_opmem(in, 2);

	if (commutes && !mem && d == x64_opreg(in, 2) && d != a) {
		x64_rr(e->cb, op, w, d, a);
		return;
	}
	if (d != a && lea && !mem) {
		x64_rm(e->cb, X64_LEA, w, d,
		       (struct x64_mem){ (uint8_t)a, (uint8_t)x64_opreg(in, 2), 0, 0 });
		return;
	}
	if (d != a)
		x64_mov_rr(e->cb, w, d, a);
	x64_op_rx(e, op, w, d, in, 2);
}

void x64_emit_ALU(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0);
	bool add = in->sub == X64_ADD;
	bool lea = add && d != x64_opreg(in, 1) && !x64_opmem(in, 2) && d != x64_opreg(in, 2);

	two_operands(e, in, X64_ALU_RM + ((uint32_t)in->sub << 3), in->sub != X64_SUB, add);
	if (!lea)
		x64_flags_of(e, d, in->sub2);
}

void x64_emit_ALUI(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), w = in->sub2;
	int32_t imm = (int32_t)in->imm;

	if (x64_is_lea(in)) {
		x64_rm(e->cb, X64_LEA, w, d, x64_at(a, imm));
		return;
	}
	if (d != a)
		x64_mov_rr(e->cb, w, d, a);
	if (in->sub == X64_SUB) { /* 0 - a */
		x64_r(e->cb, X64_NEG, w, d);
	} else if (in->sub == X64_XOR && imm == -1) {
		x64_r(e->cb, X64_NOT, w, d);
		return;
	} else if (imm == 0 && in->sub != X64_AND && w) {
		return;
	} else {
		x64_alu_ri(e->cb, (enum x64_alu)in->sub, w, d, imm);
	}
	x64_flags_of(e, d, w);
}

void x64_emit_LEA(struct x64_emit *e, const struct lir_insn *in)
{
	struct x64_mem m = { (uint8_t)x64_opreg(in, 1), (uint8_t)x64_opreg(in, 2), in->sub,
			     (int32_t)in->imm };

	if (m.scale == 0 && (m.base & 7) == X64_RBP) { /* which would need a displacement */
		uint8_t base = m.base;

		m.base = m.index;
		m.index = base;
	}
	x64_rm(e->cb, X64_LEA, in->sub2, x64_opreg(in, 0), m);
}

static const struct {
	uint32_t op;
	uint8_t w;
} extend_op[] = {
	[X64_ZX8] = { X64_MOVZX_B, 0 }, [X64_ZX16] = { X64_MOVZX_W, 0 },
	[X64_ZX32] = { X64_MOV_RM, 0 }, [X64_ALL64] = { X64_MOV_RM, 1 },
	[X64_SX8] = { X64_MOVSX_B, 1 }, [X64_SX16] = { X64_MOVSX_W, 1 },
	[X64_SX32] = { X64_MOVSXD, 1 },
};

void x64_emit_EXT(struct x64_emit *e, const struct lir_insn *in)
{
	x64_op_rx(e, extend_op[in->sub].op, extend_op[in->sub].w, x64_opreg(in, 0), in, 1);
}

void x64_emit_LD(struct x64_emit *e, const struct lir_insn *in)
{
	x64_may_fault(e, in);
	x64_rm(e->cb, extend_op[in->sub].op, extend_op[in->sub].w, x64_opreg(in, 0),
	       x64_guest(e, in, 1));
}

void x64_emit_SHIFTI(struct x64_emit *e, const struct lir_insn *in)
{
	static const uint32_t op[] = {
		[X64_SHL] = X64_SHL_I, [X64_SHR] = X64_SHR_I, [X64_SAR] = X64_SAR_I
	};
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), w = in->sub2;

	if (in->sub == X64_SHL && d != a && in->imm <= 3) {
		struct x64_mem m = { X64_NOREG, (uint8_t)a, (uint8_t)in->imm, 0 };

		if (in->imm == 1) /* [a + a] is shorter: no displacement */
			m = (struct x64_mem){ (uint8_t)a, (uint8_t)a, 0, 0 };
		x64_rm(e->cb, X64_LEA, w, d, m);
		return;
	}
	if (d != a)
		x64_mov_rr(e->cb, w, d, a);
	x64_ri8(e->cb, op[in->sub], w, d, (int32_t)in->imm);
	x64_flags_of(e, d, w);
}

void x64_emit_ROTI(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), w = in->sub2, right = (w ? 64 : 32) - (unsigned)in->imm;

	if (X64_HAS(e->features, BMI2)) {
		if (x64_opmem(in, 1))
			x64_vrm(e->cb, X64_RORX, w, d, 0, x64_slot(in));
		else
			x64_vrr(e->cb, X64_RORX, w, d, 0, x64_opreg(in, 1));
		cb_put8(e->cb, (uint8_t)right);
		return;
	}
	if (x64_opmem(in, 1))
		x64_rm(e->cb, X64_MOV_RM, w, d, x64_slot(in));
	else if (d != x64_opreg(in, 1))
		x64_mov_rr(e->cb, w, d, x64_opreg(in, 1));
	x64_ri8(e->cb, X64_ROL_I, w, d, (int32_t)in->imm);
}

void x64_emit_BSWAP(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), w = in->sub2;

	if (x64_opmem(in, 1))
		x64_rm(e->cb, X64_MOV_RM, w, d, x64_slot(in));
	else if (d != x64_opreg(in, 1))
		x64_mov_rr(e->cb, w, d, x64_opreg(in, 1));
	x64_bswap(e->cb, w, d);
}

/*
 * bsf and bsr leave their result as it was where the operand is 0. AMD documents that, and Intel's have always done so, which Linux
 * relies on (arch/x86/include/asm/bitops.h).
 */
static void scan_bits(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), w = in->sub2, last = w ? 63 : 31;
	bool clz = in->sub == X64_CLZ;

	x64_mov_imm(e->cb, d, clz ? 2 * last + 1 : last + 1);
	x64_op_rx(e, clz ? X64_BSR : X64_BSF, w, d, in, 1);
	if (clz) /* 2 * last + 1 becomes last + 1 */
		x64_alu_ri(e->cb, X64_XOR, 0, d, (int32_t)last);
}

void x64_emit_BITS(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), w = in->sub2;

	switch ((enum x64_bits)in->sub) {
	case X64_CTZ:
		if (!X64_HAS(e->features, BMI1))
			scan_bits(e, in);
		else
			x64_op_rx(e, X64_TZCNT, w, d, in, 1);
		break;
	case X64_CLZ:
		if (!X64_HAS(e->features, LZCNT))
			scan_bits(e, in);
		else
			x64_op_rx(e, X64_LZCNT, w, d, in, 1);
		break;
	case X64_POPCOUNT:
		/* Before Ice Lake, Intel's waits for what d was. */
		if (x64_opmem(in, 1) || d != x64_opreg(in, 1))
			x64_alu_rr(e->cb, X64_XOR, 0, d, d);
		x64_op_rx(e, X64_POPCNT, w, d, in, 1);
		break;
	}
}

void x64_emit_SHIFT(struct x64_emit *e, const struct lir_insn *in)
{
	static const uint32_t three[] = {
		[X64_SHL] = X64_SHLX, [X64_SHR] = X64_SHRX, [X64_SAR] = X64_SARX
	};
	static const uint32_t by_cl[] = {
		[X64_SHL] = X64_SHL_CL, [X64_SHR] = X64_SHR_CL, [X64_SAR] = X64_SAR_CL
	};
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), w = in->sub2;

	if (X64_HAS(e->features, BMI2)) {
		if (x64_opmem(in, 1))
			x64_vrm(e->cb, three[in->sub], w, d, x64_opreg(in, 2), x64_slot(in));
		else
			x64_vrr(e->cb, three[in->sub], w, d, x64_opreg(in, 2), a);
		return;
	}
	if (d != a)
		x64_mov_rr(e->cb, w, d, a);
	x64_r(e->cb, by_cl[in->sub], w, d);
}

void x64_emit_MUL(struct x64_emit *e, const struct lir_insn *in)
{
	two_operands(e, in, X64_IMUL, true, false);
}

void x64_emit_MULI(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), n = fits_i8(in->imm) ? 1 : 4;
	uint32_t op = n == 1 ? X64_IMUL_IB : X64_IMUL_I;

	if (x64_opmem(in, 1))
		x64_rmi(e->cb, op, in->sub2, d, x64_slot(in), (int32_t)in->imm, n);
	else
		x64_rri(e->cb, op, in->sub2, d, x64_opreg(in, 1), (int32_t)in->imm, n);
}

/* Of a product or quotient: is the instruction's other result wanted, too? Then it is operand 1. */
static bool gives_both(const struct lir_insn *in) { return in->opnd[1].role == LIR_DEF; }

void x64_emit_MULH(struct x64_emit *e, const struct lir_insn *in)
{
	uint32_t op = in->sub ? X64_IMUL1 : X64_MUL;

	x64_op_rx(e, op, 1, x64_digit(op), in, 2u + gives_both(in));
}

void x64_emit_MULX(struct x64_emit *e, const struct lir_insn *in)
{
	const bool both = gives_both(in);
	unsigned high = x64_opreg(in, 0), low = both ? x64_opreg(in, 1) : high, b = 2u + both;

	if (x64_opmem(in, b))
		x64_vrm(e->cb, X64_MULX, 1, high, low, x64_slot(in));
	else
		x64_vrr(e->cb, X64_MULX, 1, high, low, x64_opreg(in, b));
}

/* ---- division ------------------------------------------------------------------------------------- */

/* Divisor 0, or -1 when signed: a is still in rax. Results as RISC-V has them (manual, chapter "M"). */
static void cold_div(struct x64_emit *e, const struct x64_cold *c)
{
	const struct lir_insn *in = c->in;
	bool both = gives_both(in), rem = in->sub & X64_DIV_REM || both,
	     quotient = !(in->sub & X64_DIV_REM) || both;
	unsigned w = in->sub2, b = x64_opreg(in, 2u + both);
	uint32_t zero = 0;

	if (in->sub & X64_DIV_SIGNED) {
		x64_rr(e->cb, X64_TEST_MR, w, b, b);
		zero = x64_jcc8(e->cb, X64_CC_E);
		if (rem)
			x64_alu_rr(e->cb, X64_XOR, 0, X64_RDX, X64_RDX);
		if (quotient)
			x64_r(e->cb, X64_NEG, w, X64_RAX);
		x64_jmp_to(e->cb, c->back);
		x64_here8(e->cb, zero);
	}
	if (rem)
		x64_mov_rr(e->cb, w, X64_RDX, X64_RAX);
	if (quotient)
		x64_mov_imm(e->cb, X64_RAX, w ? UINT64_MAX : UINT32_MAX);
	x64_jmp_to(e->cb, c->back);
}

void x64_emit_DIV(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned w = in->sub2, b = x64_opreg(in, 2u + gives_both(in)), cold = 0;
	bool is_signed = in->sub & X64_DIV_SIGNED, safe = in->sub & X64_DIV_SAFE;

	if (!safe && is_signed) { /* b + 1 <= 1, unsigned */
		x64_rm(e->cb, X64_LEA, w, X64_RDX, x64_at(b, 1));
		x64_alu_ri(e->cb, X64_CMP, w, X64_RDX, 1);
		x64_cold(e, x64_jcc32(e->cb, X64_CC_BE), cold_div);
		cold = e->cold_count;
	} else if (!safe) {
		x64_rr(e->cb, X64_TEST_MR, w, b, b);
		x64_cold(e, x64_jcc32(e->cb, X64_CC_E), cold_div);
		cold = e->cold_count;
	}
	if (is_signed) {
		x64_cqo(e->cb, w);
		x64_r(e->cb, X64_IDIV, w, b);
	} else {
		x64_alu_rr(e->cb, X64_XOR, 0, X64_RDX, X64_RDX);
		x64_r(e->cb, X64_DIV, w, b);
	}
	if (cold)
		e->cold[cold - 1].back = cb_pos(e->cb);
}

/* ---- comparisons ------------------------------------------------------------------------------------ */

static void set_from(struct x64_emit *e, const struct lir_insn *in, bool cleared)
{
	unsigned d = x64_opreg(in, 0);

	x64_r(e->cb, X64_SETCC + in->sub, 0, d);
	if (!cleared)
		x64_rr(e->cb, X64_MOVZX_B, 0, d, d);
	x64_flags_of(e, d, 1);
	e->zero_cc = in->sub;
	e->zero_sign = false;
}

void x64_emit_SET(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1);
	bool clear = d != a && (x64_opmem(in, 2) || d != x64_opreg(in, 2));

	if (clear)
		x64_alu_rr(e->cb, X64_XOR, 0, d, d);
	x64_op_rx(e, X64_ALU_RM + (X64_CMP << 3), in->sub2, a, in, 2);
	set_from(e, in, clear);
}

/* cmp or test of operand n with in->imm. */
static void compare_imm(struct x64_emit *e, const struct lir_insn *in, unsigned n, unsigned w)
{
	unsigned a = x64_opreg(in, n);

	if (x64_opmem(in, n))
		x64_alu_mi(e->cb, X64_CMP, w, x64_slot(in), (int32_t)in->imm);
	else if (in->imm == 0)
		x64_rr(e->cb, X64_TEST_MR, w, a, a);
	else
		x64_alu_ri(e->cb, X64_CMP, w, a, (int32_t)in->imm);
}

void x64_emit_SETI(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0);
	bool clear = x64_opmem(in, 1) || d != x64_opreg(in, 1);

	if (clear)
		x64_alu_rr(e->cb, X64_XOR, 0, d, d);
	compare_imm(e, in, 1, in->sub2);
	set_from(e, in, clear);
}

/* After the comparison: moves leave the flags alone. A conditional move of 32 bits clears the upper half always. */
static void move_if(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), b = x64_opreg(in, 1), c = x64_opreg(in, 2);
	unsigned w = in->sub2 & X64_CMOV_W ? 1 : 0, cc = in->sub;

	if (d == b) {
		x64_rr(e->cb, X64_CMOVCC + (cc ^ 1), w, d, c);
		return;
	}
	if (d != c)
		x64_mov_rr(e->cb, w, d, c);
	x64_rr(e->cb, X64_CMOVCC + cc, w, d, b);
}

/* Are the flags those of in's comparison? They will be. */
static bool is_compared(struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_insn *c = e->compared;

	e->compared = in;
	if (!c || c->op != in->op || (c->sub2 ^ in->sub2) & 1 || c->imm != in->imm)
		return false;
	for (unsigned n = X64_CMOV_X; n < in->nopnd; n++)
		if (x64_opmem(in, n) || in->opnd[n].r != c->opnd[n].r)
			return false;
	return true;
}

void x64_emit_CMOV(struct x64_emit *e, const struct lir_insn *in)
{
	if (!is_compared(e, in))
		x64_op_rx(e, X64_ALU_RM + (X64_CMP << 3), in->sub2 & 1, x64_opreg(in, X64_CMOV_X),
			  in, X64_CMOV_X + 1);
	move_if(e, in);
}

void x64_emit_CMOVI(struct x64_emit *e, const struct lir_insn *in)
{
	if (!is_compared(e, in))
		compare_imm(e, in, X64_CMOV_X, in->sub2 & 1);
	move_if(e, in);
}

void x64_emit_BR(struct x64_emit *e, const struct lir_insn *in)
{
	x64_op_rx(e, X64_ALU_RM + (X64_CMP << 3), in->sub2, x64_opreg(in, 0), in, 1);
	x64_side_exit(e, in, (enum x64_cc)in->sub, true);
}

/* The condition that replaces a comparison with 0 because the flags tell already. */
static bool flags_tell(const struct x64_emit *e, const struct lir_insn *in, enum x64_cc *cc)
{
	if (in->imm != 0 || x64_opmem(in, 0) || !(e->zero_regs >> x64_opreg(in, 0) & 1)
	    || (e->zero_w && !in->sub2 && e->zero_sign))
		return false;
	switch (in->sub) {
	case X64_CC_E:
	case X64_CC_NE:
		*cc = (enum x64_cc)(in->sub == X64_CC_NE ? e->zero_cc : e->zero_cc ^ 1);
		return true;
	case X64_CC_L:
	case X64_CC_GE:
		*cc = in->sub == X64_CC_L ? X64_CC_S : X64_CC_NS;
		return e->zero_sign && e->zero_w == in->sub2;
	default:
		return false;
	}
}

void x64_emit_BRI(struct x64_emit *e, const struct lir_insn *in)
{
	enum x64_cc cc = (enum x64_cc)in->sub;

	if (!flags_tell(e, in, &cc))
		compare_imm(e, in, 0, in->sub2);
	x64_side_exit(e, in, cc, true);
}

void x64_emit_BRT(struct x64_emit *e, const struct lir_insn *in)
{
	bool byte = in->imm >= 0 && in->imm <= 0xff;
	uint32_t op = byte ? X64_TEST_BMI : X64_TEST_MI;
	unsigned w = byte ? 0 : in->sub2, n = byte ? 1 : 4;

	if (x64_opmem(in, 0))
		x64_rmi(e->cb, op, w, x64_digit(op), x64_slot(in), (int32_t)in->imm, n);
	else
		x64_rri(e->cb, op, w, x64_digit(op), x64_opreg(in, 0), (int32_t)in->imm, n);
	x64_side_exit(e, in, (enum x64_cc)in->sub, true);
}

void x64_emit_BRTR(struct x64_emit *e, const struct lir_insn *in)
{
	x64_op_rx(e, X64_TEST_MR, in->sub2, x64_opreg(in, 0), in, 1);
	x64_side_exit(e, in, (enum x64_cc)in->sub, true);
}

/* Emission: integer operations. */
#include "arch/aarch64/emit_priv.h"

void a64_emit_ALU(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrs(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1),
		a64_opreg(in, 2), (enum a64_shift)in->sub, (unsigned)in->imm2);
}

void a64_emit_ALUZ(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrr(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), A64_ZR, a64_opreg(in, 1));
}

/* Adds imm to, or compares it with, register n: op is the word of add or subs, other that of its opposite. */
static void add_either(struct a64_emit *e, uint32_t op, uint32_t other, const struct lir_insn *in,
		       unsigned d, unsigned n)
{
	uint64_t imm = (uint64_t)in->imm;

	if (a64_fits_add(imm))
		a64_rri(e->cb, op, in->sub2 & 1, d, n, (uint32_t)imm);
	else
		a64_rri(e->cb, other, in->sub2 & 1, d, n, (uint32_t)-imm);
}

void a64_emit_ADDI(struct a64_emit *e, const struct lir_insn *in)
{
	add_either(e, A64_ADD_I, A64_SUB_I, in, a64_opreg(in, 0), a64_opreg(in, 1));
}

void a64_emit_LOGI(struct a64_emit *e, const struct lir_insn *in)
{
	a64_log(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1),
		(uint64_t)in->imm2);
}

void a64_emit_BF(struct a64_emit *e, const struct lir_insn *in)
{
	a64_bfm(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1), in->sub,
		(unsigned)in->imm2);
}

void a64_emit_EXTR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_extr(e->cb, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1), a64_opreg(in, 2), in->sub);
}

void a64_emit_RRR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrr(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1),
		a64_opreg(in, 2));
}

void a64_emit_MADD(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrrr(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1),
		 a64_opreg(in, 2), a64_opreg(in, 3));
}

void a64_emit_MUL(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrrr(e->cb, A64_MADD, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1), a64_opreg(in, 2),
		 A64_ZR);
}

/* High half of signed a times unsigned b: the unsigned one, less b where a is negative. */
void a64_emit_MULHSU(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), a = a64_opreg(in, 1), b = a64_opreg(in, 2);

	a64_rrs(e->cb, A64_AND, 1, A64_TMP, b, a, A64_ASR, 63);
	a64_rrr(e->cb, A64_UMULH, 1, d, a, b);
	a64_rrr(e->cb, A64_SUB, 1, d, d, A64_TMP);
}

/* ---- division ------------------------------------------------------------------------------------- */

/* Divisor 0: all ones (RISC-V manual, chapter "M"). */
static void cold_div(struct a64_emit *e, const struct a64_cold *c)
{
	a64_mov_imm(e->cb, c->in->sub2, a64_opreg(c->in, 0), UINT64_MAX);
	a64_go_back(e, c);
}

/* MIN / -1 is MIN here as there. */
void a64_emit_DIV(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned b = a64_opreg(in, 2), cold = 0;

	if (!in->sub)
		cold = a64_cold(e, a64_cb(e->cb, false, in->sub2, b), cold_div);
	a64_rrr(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1), b);
	if (!in->sub)
		a64_back_here(e, cold);
}

/* a / 0 is 0, which makes the remainder a, as it must be; MIN / -1 is MIN, which makes it 0. */
void a64_emit_REM(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned a = a64_opreg(in, 1), b = a64_opreg(in, 2);

	a64_rrr(e->cb, (uint32_t)in->imm, in->sub2, A64_TMP, a, b);
	a64_rrrr(e->cb, A64_MSUB, in->sub2, a64_opreg(in, 0), A64_TMP, b, a);
}

/* ---- comparisons ------------------------------------------------------------------------------------ */

void a64_emit_SET(struct a64_emit *e, const struct lir_insn *in)
{
	a64_cmp(e->cb, in->sub2, a64_opreg(in, 1), a64_opreg(in, 2));
	a64_cset(e->cb, a64_opreg(in, 0), (enum a64_cc)in->sub);
}

void a64_emit_SETI(struct a64_emit *e, const struct lir_insn *in)
{
	add_either(e, A64_SUBS_I, A64_ADDS_I, in, A64_ZR, a64_opreg(in, 1));
	a64_cset(e->cb, a64_opreg(in, 0), (enum a64_cc)in->sub);
}

/* After the comparison; the values are operand n and the one behind it, but for those that are 0. */
static void select_by_flags(struct a64_emit *e, const struct lir_insn *in, unsigned n)
{
	unsigned b = in->sub2 & A64_SEL_ZERO_B ? A64_ZR : a64_opreg(in, n++);
	unsigned c = in->sub2 & A64_SEL_ZERO_C ? A64_ZR : a64_opreg(in, n);

	a64_csel(e->cb, (uint32_t)in->imm2, !!(in->sub2 & A64_SEL_W), a64_opreg(in, 0), b, c,
		 (enum a64_cc)in->sub);
}

void a64_emit_CSEL(struct a64_emit *e, const struct lir_insn *in)
{
	a64_cmp(e->cb, in->sub2 & 1, a64_opreg(in, 1), a64_opreg(in, 2));
	select_by_flags(e, in, 3);
}

void a64_emit_CSELI(struct a64_emit *e, const struct lir_insn *in)
{
	add_either(e, A64_SUBS_I, A64_ADDS_I, in, A64_ZR, a64_opreg(in, 1));
	select_by_flags(e, in, 2);
}

void a64_emit_BSWAP(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rr(e->cb, in->sub2 ? A64_REV : A64_REV_W, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
}

void a64_emit_CLZ(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), a = a64_opreg(in, 1);

	if (in->sub) {
		a64_rr(e->cb, A64_RBIT, in->sub2, d, a);
		a = d;
	}
	a64_rr(e->cb, A64_CLZ, in->sub2, d, a);
}

/* Of each byte, and the sum of these. */
void a64_emit_POPCOUNT(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fcvt(e->cb, A64_FMOV_XR, in->sub2, in->sub2, A64_VTMP, a64_opreg(in, 1));
	a64_vvv(e->cb, A64_CNT_V, A64_VTMP, A64_VTMP, 0);
	a64_vlane(e->cb, A64_ADDV_B, A64_VTMP, A64_VTMP);
	a64_fcvt(e->cb, A64_FMOV_RX, 0, 0, a64_opreg(in, 0), A64_VTMP);
}

void a64_emit_BR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_cmp(e->cb, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
	a64_side_exit(e, in, a64_if(in->sub));
}

void a64_emit_BRI(struct a64_emit *e, const struct lir_insn *in)
{
	add_either(e, A64_SUBS_I, A64_ADDS_I, in, A64_ZR, a64_opreg(in, 0));
	a64_side_exit(e, in, a64_if(in->sub));
}

void a64_emit_BRZ(struct a64_emit *e, const struct lir_insn *in)
{
	a64_side_exit(e, in,
		      (struct a64_test){ .kind = A64_TEST_ZERO,
					 .set = in->sub,
					 .reg = (uint8_t)a64_opreg(in, 0),
					 .w = in->sub2 });
}

void a64_emit_BRB(struct a64_emit *e, const struct lir_insn *in)
{
	a64_side_exit(e, in,
		      (struct a64_test){ .kind = A64_TEST_BIT,
					 .set = in->sub,
					 .reg = (uint8_t)a64_opreg(in, 0),
					 .w = (uint8_t)in->imm });
}

void a64_emit_BRT(struct a64_emit *e, const struct lir_insn *in)
{
	a64_log(e->cb, A64_ANDS_I, in->sub2, A64_ZR, a64_opreg(in, 0), (uint64_t)in->imm);
	a64_side_exit(e, in, a64_if(in->sub));
}

void a64_emit_BRTR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrr(e->cb, A64_ANDS, in->sub2, A64_ZR, a64_opreg(in, 0), a64_opreg(in, 1));
	a64_side_exit(e, in, a64_if(in->sub));
}

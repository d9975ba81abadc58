/* Emission: floating point. Only the low half of a vector register counts, of a float only its low quarter. */
#include "arch/aarch64/emit_priv.h"

/* ---- software ------------------------------------------------------------------------------------------- */

/*
 * x16 = what ir_eval makes of opword and count operands, of which the bits in ints are integers. All other registers
 * stay but x17: a cold path has nothing to spare.
 */
static void call_eval(struct a64_emit *e, const uint8_t reg[3], unsigned count, unsigned ints,
		      int64_t opword)
{
	for (unsigned n = 0; n < count; n++)
		a64_ls(e->cb, ints >> n & 1 ? A64_STR64 : A64_STRD, reg[n],
		       a64_state(A64_ST(scratch) + 8 * (int32_t)n));
	a64_store_state(e, A64_LR, A64_ST(scratch[3]));
	a64_mov_imm(e->cb, 0, A64_TMP, (uint64_t)opword);
	a64_call_thunk(e, IR_THUNK_FP);
	a64_load_state(e, A64_LR, A64_ST(scratch[3]));
}

/* The uses of in, which follow its result. */
static unsigned uses_of(const struct lir_insn *in, uint8_t reg[3])
{
	unsigned n = 0;

	for (; n + 1 < in->nopnd; n++)
		reg[n] = (uint8_t)a64_opreg(in, n + 1);
	return n;
}

static void eval_insn(struct a64_emit *e, const struct lir_insn *in, unsigned ints)
{
	uint8_t reg[3];
	unsigned count = uses_of(in, reg);

	call_eval(e, reg, count, ints, in->imm2);
	if (in->opnd[0].r < LIR_PHYS_FP)
		a64_mov(e->cb, 1, a64_opreg(in, 0), A64_TMP);
	else
		a64_fcvt(e->cb, A64_FMOV_XR, 1, 1, a64_opreg(in, 0), A64_TMP);
}

void a64_emit_FTHUNK(struct a64_emit *e, const struct lir_insn *in) { eval_insn(e, in, in->sub); }

/* The same in a cold path: of a float to an integer, and the other way round. */
static void cold_eval(struct a64_emit *e, const struct a64_cold *c)
{
	eval_insn(e, c->in, 0);
	a64_go_back(e, c);
}

static void cold_eval_int(struct a64_emit *e, const struct a64_cold *c)
{
	eval_insn(e, c->in, 1);
	a64_go_back(e, c);
}

static void bits_of(struct a64_emit *e, unsigned dbl, unsigned d, unsigned a)
{
	a64_fcvt(e->cb, A64_FMOV_RX, dbl, dbl, d, a);
}

static void move(struct a64_emit *e, unsigned d, unsigned a)
{
	if (d != a)
		a64_ff(e->cb, A64_FMOV, 1, d, a);
}

/* ---- arithmetic ------------------------------------------------------------------------------------------ */

void a64_emit_FOP(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fff(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1),
		a64_opreg(in, 2));
}

void a64_emit_FUN(struct a64_emit *e, const struct lir_insn *in)
{
	a64_ff(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
}

/* For the flag once in the dynamic mode, whatever that is; the result is not looked at. */
void a64_emit_FRINTNX(struct a64_emit *e, const struct lir_insn *in)
{
	a64_ff(e->cb, A64_FRINTX, in->sub2, A64_VTMP, a64_opreg(in, 1));
	a64_emit_FUN(e, in);
}

/*
 * Tininess. The host calls a result tiny when it is so before rounding (DDI 0487, A1.5.5), RISC-V when it is so after
 * rounding as if the exponent had no bounds. They differ where a result is rounded up to the least normal number, and then
 * the host alone raises underflow. So products, quotients and narrowings whose result is that small or
 * smaller are looked at here, out of line: FPSR's underflow is clear except between such an operation and this, and when
 * it was raised, ir_eval says whether it should be.
 */
static void cold_tiny(struct a64_emit *e, const struct a64_cold *c)
{
	const struct lir_insn *in = c->in;
	unsigned d = a64_opreg(in, 0), count;
	uint8_t reg[3];

	a64_sysreg(e->cb, A64_MRS_FPSR, A64_TMP);
	a64_fix(e->cb,
		a64_branch_if(e, (struct a64_test){ .kind = A64_TEST_BIT,
						    .reg = A64_TMP,
						    .w = A64_FPSR_UFC_BIT }),
		c->back);
	a64_log(e->cb, A64_AND_I, 1, A64_TMP, A64_TMP, ~(UINT64_C(1) << A64_FPSR_UFC_BIT));
	a64_sysreg(e->cb, A64_MSR_FPSR, A64_TMP);
	count = uses_of(in, reg);
	for (unsigned n = 0; n < count; n++)
		if (reg[n] == d)
			reg[n] = A64_VKEEP;
	call_eval(e, reg, count, 0, in->imm2); /* which gives the same */
	a64_go_back(e, c);
}

/* An operand that the result replaces is kept for the cold path. */
static void keep_operand(struct a64_emit *e, const struct lir_insn *in)
{
	uint8_t reg[3];
	unsigned d = a64_opreg(in, 0), count = uses_of(in, reg);

	for (unsigned n = 0; n < count; n++)
		if (reg[n] == d) {
			a64_ff(e->cb, A64_FMOV, 1, A64_VKEEP, d);
			return;
		}
}

/* The result is below twice the least normal number when all bits of its exponent but the last are clear. */
static void check_tiny(struct a64_emit *e, const struct lir_insn *in, unsigned dbl)
{
	bits_of(e, dbl, A64_TMP, a64_opreg(in, 0));
	a64_log(e->cb, A64_ANDS_I, dbl, A64_ZR, A64_TMP,
		dbl ? UINT64_C(0x7fe0000000000000) : 0x7f000000);
	a64_back_here(e, a64_cold(e, a64_bcc(e->cb, A64_CC_EQ), cold_tiny));
}

void a64_emit_FTINY(struct a64_emit *e, const struct lir_insn *in)
{
	keep_operand(e, in);
	a64_emit_FOP(e, in);
	check_tiny(e, in, in->sub2);
}

void a64_emit_FMA(struct a64_emit *e, const struct lir_insn *in)
{
	keep_operand(e, in);
	a64_ffff(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1),
		 a64_opreg(in, 2), a64_opreg(in, 3));
	check_tiny(e, in, in->sub2);
}

void a64_emit_CVTDF(struct a64_emit *e, const struct lir_insn *in)
{
	keep_operand(e, in);
	a64_ff(e->cb, A64_FCVT_SD, 0, a64_opreg(in, 0), a64_opreg(in, 1));
	check_tiny(e, in, 0);
}

/*
 * Of a quiet NaN and a number the host's minNum and maxNum give the number, as they must; of a signalling one they make a NaN.
 * So a result that is a NaN is made again.
 */
void a64_emit_FMINMAX(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0);

	a64_emit_FOP(e, in);
	if (in->sub)
		return;
	a64_fcmp(e->cb, A64_FCMP, in->sub2, d, d);
	a64_back_here(e, a64_cold(e, a64_bcc(e->cb, A64_CC_VS), cold_eval));
}

/* ---- comparisons ------------------------------------------------------------------------------------------- */

void a64_emit_FSET(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fcmp(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 1), a64_opreg(in, 2));
	a64_cset(e->cb, a64_opreg(in, 0), (enum a64_cc)in->sub);
}

void a64_emit_FBR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fcmp(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
	a64_side_exit(e, in, a64_if(in->sub));
}

/* ---- bits ---------------------------------------------------------------------------------------------------- */

/* The sign's mask is -0. */
void a64_emit_FSGNJ(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0);

	a64_movi(e->cb, A64_VTMP, 0);
	a64_ff(e->cb, A64_FNEG, in->sub2, A64_VTMP, A64_VTMP);
	move(e, d, a64_opreg(in, 1));
	a64_vvv(e->cb, A64_BIT_V, d, a64_opreg(in, 2), A64_VTMP);
}

static void cold_canon(struct a64_emit *e, const struct a64_cold *c)
{
	unsigned dbl = c->in->sub2;

	a64_mov_imm(e->cb, dbl, A64_TMP, dbl ? UINT64_C(0x7ff8000000000000) : 0x7fc00000);
	a64_fcvt(e->cb, A64_FMOV_XR, dbl, dbl, a64_opreg(c->in, 0), A64_TMP);
	a64_go_back(e, c);
}

/* No flags: by the bits. Twice those of a NaN are above twice those of infinity. */
void a64_emit_FCANON(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), dbl = in->sub2;

	bits_of(e, dbl, A64_TMP, a64_opreg(in, 1));
	a64_mov_imm(e->cb, dbl, A64_TMP2, dbl ? UINT64_C(0xffe0000000000000) : 0xff000000);
	move(e, d, a64_opreg(in, 1));
	a64_rrs(e->cb, A64_SUBS, dbl, A64_ZR, A64_TMP2, A64_TMP, A64_LSL, 1);
	a64_back_here(e, a64_cold(e, a64_bcc(e->cb, A64_CC_LO), cold_canon));
}

void a64_emit_BOX(struct a64_emit *e, const struct lir_insn *in)
{
	a64_vvv(e->cb, A64_ORR_V, a64_opreg(in, 0), a64_opreg(in, 1), A64_VBOX);
}

/* sub2 is 0: cold_canon makes a float. */
void a64_emit_UNBOX(struct a64_emit *e, const struct lir_insn *in)
{
	a64_vlane(e->cb, A64_UMOV_S1, A64_TMP, a64_opreg(in, 1));
	a64_rri(e->cb, A64_ADDS_I, 0, A64_ZR, A64_TMP, 1);
	move(e, a64_opreg(in, 0), a64_opreg(in, 1));
	a64_back_here(e, a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_canon));
}

void a64_emit_MOVXR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fcvt(e->cb, A64_FMOV_XR, in->sub2, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
}

void a64_emit_MOVRX(struct a64_emit *e, const struct lir_insn *in)
{
	bits_of(e, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
}

void a64_emit_FZERO(struct a64_emit *e, const struct lir_insn *in)
{
	a64_movi(e->cb, a64_opreg(in, 0), 0);
}

/* ---- conversions --------------------------------------------------------------------------------------------- */

void a64_emit_CVTIF(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fcvt(e->cb, (uint32_t)in->imm, in->sub, in->sub2, a64_opreg(in, 0), a64_opreg(in, 1));
}

/* Magnitudes of up to 2^24 or 2^53 are exact in any rounding mode. */
void a64_emit_CVTIX(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned a = a64_opreg(in, 1), w = in->sub, bits = in->sub2 ? 53 : 24, cold;

	if (in->imm == A64_UCVTF) {
		a64_lsr(e->cb, w, A64_TMP, a, bits);
	} else { /* the sign's copies, as far up as they have to go, plus the last bit below: 0 or -1 */
		a64_asr(e->cb, w, A64_TMP, a, bits);
		a64_rri(e->cb, A64_ADD_I, w, A64_TMP, A64_TMP, 1);
		a64_lsr(e->cb, w, A64_TMP, A64_TMP, 1);
	}
	cold = a64_cold(e, a64_cb(e->cb, true, w, A64_TMP), cold_eval_int);
	a64_emit_CVTIF(e, in);
	a64_back_here(e, cold);
}

static void convert(struct a64_emit *e, const struct lir_insn *in, unsigned a)
{
	a64_fcvt(e->cb, (uint32_t)in->imm, in->sub, in->sub2, a64_opreg(in, 0), a);
}

static void cold_nan_to_int(struct a64_emit *e, const struct a64_cold *c)
{
	a64_mov_imm(e->cb, c->in->sub, a64_opreg(c->in, 0), (uint64_t)c->in->imm2);
	a64_go_back(e, c);
}

void a64_emit_CVTFI(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned a = a64_opreg(in, 1);

	convert(e, in, a);
	a64_fcmp(e->cb, A64_FCMP, in->sub2, a, a);
	a64_back_here(e, a64_cold(e, a64_bcc(e->cb, A64_CC_VS), cold_nan_to_int));
}

/*
 * Rounded in place first, which raises inexact: that is right only for what is certain to be in range, by its sign and
 * exponent. The rest goes to ir_eval.
 */
void a64_emit_CVTFID(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned dbl = in->sub2, a = a64_opreg(in, 1), cold;
	bool is_unsigned = in->imm == A64_FCVTZU;
	unsigned fraction = dbl ? 52 : 23, bias = dbl ? 1023 : 127;
	unsigned bits = (in->sub ? 64 : 32) - (is_unsigned ? 1 : 2);

	bits_of(e, dbl, A64_TMP, a);
	if (is_unsigned) /* the sign is above the exponent */
		a64_lsr(e->cb, dbl, A64_TMP, A64_TMP, fraction);
	else
		a64_ubfx(e->cb, dbl, A64_TMP, A64_TMP, fraction, dbl ? 11 : 8);
	a64_rri(e->cb, A64_SUBS_I, 0, A64_ZR, A64_TMP, bias + bits);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_HS), cold_eval);
	a64_ff(e->cb, A64_FRINTX, dbl, A64_VTMP, a);
	convert(e, in, A64_VTMP);
	a64_back_here(e, cold);
}

/* ---- flags --------------------------------------------------------------------------------------------------- */

void a64_emit_FFLAGS(struct a64_emit *e, const struct lir_insn *in)
{
	a64_sysreg(e->cb, A64_MRS_FPSR, A64_TMP);
	a64_rr(e->cb, A64_RBIT, 0, A64_TMP, A64_TMP);
	a64_ls(e->cb, A64_LDR32, A64_TMP2, a64_state(A64_ST(fflags)));
	a64_rrs(e->cb, A64_ORR, 0, a64_opreg(in, 0), A64_TMP2, A64_TMP, A64_LSR, 27);
}

void a64_emit_SETFFLAGS(struct a64_emit *e, const struct lir_insn *in)
{
	a64_sysreg(e->cb, A64_MSR_FPSR, A64_ZR);
	a64_ls(e->cb, A64_STR32, a64_opreg(in, 0), a64_state(A64_ST(fflags)));
}

static void cold_keep_flags(struct a64_emit *e, const struct a64_cold *c)
{
	a64_sysreg(e->cb, A64_MSR_FPSR, A64_ZR);
	a64_ls(e->cb, A64_STR32, a64_opreg(c->in, 3), a64_state(A64_ST(fflags)));
	a64_go_back(e, c);
}

void a64_emit_FSETK(struct a64_emit *e, const struct lir_insn *in)
{
	a64_fcmp(e->cb, (uint32_t)in->imm, in->sub2, a64_opreg(in, 1), a64_opreg(in, 2));
	a64_back_here(e, a64_cold(e, a64_bcc(e->cb, A64_CC_VS), cold_keep_flags));
	a64_cset(e->cb, a64_opreg(in, 0), (enum a64_cc)in->sub);
}

/* ---- classes ------------------------------------------------------------------------------------------------- */

enum { CLASS_NEG_NORMAL = 1 << 1, CLASS_NORMAL = 1 << 6 };

/* Normal numbers here: their exponent is from 1 to the most less 1. The rest by ir_eval. */
void a64_emit_FCLASS(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), dbl = in->sub2, cold;

	bits_of(e, dbl, A64_TMP, a64_opreg(in, 1));
	a64_ubfx(e->cb, dbl, A64_TMP2, A64_TMP, dbl ? 52 : 23, dbl ? 11 : 8);
	a64_rri(e->cb, A64_SUB_I, 0, A64_TMP2, A64_TMP2, 1);
	a64_rri(e->cb, A64_SUBS_I, 0, A64_ZR, A64_TMP2, dbl ? 0x7fe : 0xfe);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_HS), cold_eval);
	a64_mov_imm(e->cb, 0, A64_TMP2, CLASS_NORMAL);
	a64_rri(e->cb, A64_SUBS_I, dbl, A64_ZR, A64_TMP, 0);
	a64_mov_imm(e->cb, 0, d, CLASS_NEG_NORMAL);
	a64_csel(e->cb, A64_CSEL, 0, d, d, A64_TMP2, A64_CC_LT);
	a64_back_here(e, cold);
}

/* TMP becomes what the counter has; where it is. */
static struct a64_mem load_counter(struct a64_emit *e, const struct lir_insn *in)
{
	struct a64_mem m = a64_state_far(
	    e, 3, A64_ST(counted[0]) + (int32_t)sizeof(uint64_t) * (int32_t)(in->imm >> 32));

	a64_ls(e->cb, A64_LDR64, A64_TMP, m);
	return m;
}

void a64_emit_COUNT(struct a64_emit *e, const struct lir_insn *in)
{
	const bool far = in->imm >> 32 >= IR_COUNTED;
	const struct a64_mem m = load_counter(e, in);

	a64_add_imm(e->cb, 1, A64_TMP, A64_TMP, (int32_t)in->imm, far ? A64_ZR : A64_TMP2);
	a64_ls(e->cb, A64_STR64, A64_TMP, m);
}

/* Of a run, in the class that is in register class: one more, or of the bytes beyond that as many as are in register longer. */
static void grow_class(struct a64_emit *e, const struct lir_insn *in, unsigned class,
		       unsigned longer)
{
	const int32_t number =
	    (int32_t)(in->imm >> 32) + (longer == A64_NOREG ? 0 : IR_RUN_CLASSES);
	const struct a64_mem m = a64_at(A64_TMP2, 0);

	a64_add_imm(e->cb, 1, A64_TMP2, A64_STATE,
		    A64_ST(counted[0]) + (int32_t)sizeof(uint64_t) * number, A64_TMP2);
	a64_rrs(e->cb, A64_ADD, 1, A64_TMP2, A64_TMP2, class, A64_LSL, 3);
	a64_ls(e->cb, A64_LDR64, A64_TMP, m);
	if (longer == A64_NOREG)
		a64_rri(e->cb, A64_ADD_I, 1, A64_TMP, A64_TMP, 1);
	else
		a64_rrr(e->cb, A64_ADD, 1, A64_TMP, A64_TMP, longer);
	a64_ls(e->cb, A64_STR64, A64_TMP, m);
}

/*
 * Takes all periods but keep that bytes has, as whole ones, off class at bit at, unless there is none: a branch for then is returned.
 * bytes becomes what was taken.
 */
static uint32_t fold(struct a64_emit *e, unsigned class, unsigned bytes, unsigned log2,
		     unsigned keep, unsigned at)
{
	const uint32_t period = UINT32_C(1) << log2;
	uint32_t is_short;

	a64_rri(e->cb, A64_SUBS_I, 1, A64_ZR, bytes, (keep + 1) * period);
	is_short = a64_bcc(e->cb, A64_CC_LO);
	a64_rri(e->cb, A64_SUB_I, 1, bytes, bytes, keep * period);
	a64_log(e->cb, A64_AND_I, 1, bytes, bytes, -(uint64_t)period);
	a64_rrs(e->cb, A64_SUB, 1, class, class, bytes, A64_LSL, at);
	return is_short;
}

/* A run that goes on for more periods than its class. In registers that are none of its operands, which are put back. */
static void cold_run(struct a64_emit *e, const struct a64_cold *c)
{
	enum { LENGTH, CLASS, REST, COUNT };
	const struct lir_insn *in = c->in;
	const struct ir_run r = ir_run_of(in->imm);
	unsigned reg[COUNT], n = 0;
	uint32_t is_short;

	for (unsigned i = 0; n < COUNT; i++) {
		bool used = false;

		for (unsigned o = 0; o < in->nopnd; o++)
			used |= a64_opreg(in, o) == i;
		if (!used)
			reg[n++] = i;
	}
	for (n = 0; n < COUNT; n++)
		a64_store_state(e, reg[n], A64_ST(scratch[0]) + 8 * (int32_t)n);
	for (n = 0; n < in->nopnd; n++)
		a64_mov(e->cb, 1, reg[n], a64_opreg(in, n));
	if (r.rest_log2) {
		a64_rrr(e->cb, A64_SUB, 1, reg[REST], reg[REST], reg[LENGTH]);
		is_short = fold(e, reg[CLASS], reg[REST], r.rest_log2, 1, r.rest_at);
		a64_fix(e->cb, is_short, cb_pos(e->cb));
	}
	is_short = fold(e, reg[CLASS], reg[LENGTH], r.log2, 2, r.at);
	grow_class(e, in, reg[CLASS], reg[LENGTH]);
	a64_fix(e->cb, is_short, cb_pos(e->cb));
	grow_class(e, in, reg[CLASS], A64_NOREG);
	for (n = 0; n < COUNT; n++)
		a64_load_state(e, reg[n], A64_ST(scratch[0]) + 8 * (int32_t)n);
	a64_go_back(e, c);
}

void a64_emit_COUNTRUN(struct a64_emit *e, const struct lir_insn *in)
{
	const struct ir_run r = ir_run_of(in->imm);
	unsigned cold;

	a64_rri(e->cb, A64_SUBS_I, 1, A64_ZR, a64_opreg(in, r.rest_log2 ? 2 : 0),
		(uint32_t)ir_run_short(&r));
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_HS), cold_run);
	grow_class(e, in, a64_opreg(in, 1), A64_NOREG);
	a64_back_here(e, cold);
}

void a64_emit_COUNTBY(struct a64_emit *e, const struct lir_insn *in)
{
	const struct a64_mem m = load_counter(e, in);

	a64_rrr(e->cb, A64_ADD, 1, A64_TMP, A64_TMP, a64_opreg(in, 0));
	a64_ls(e->cb, A64_STR64, A64_TMP, m);
}

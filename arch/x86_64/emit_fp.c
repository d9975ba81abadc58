/*
 * Emission: floating point. VEX forms when the cpu has AVX (three operands, no false dependencies), SSE2 else. Only
 * the low half of a vector register counts, of a float only its low quarter.
 */
#include "arch/x86_64/emit_priv.h"

/* ---- forms ---------------------------------------------------------------------------------------------- */

void x64_fp_dd(struct x64_emit *e, uint32_t op, unsigned d, unsigned s)
{
	if (e->avx)
		x64_vrr(e->cb, op, 0, d, d, s);
	else
		x64_rr(e->cb, op, 0, d, s);
}

/* op d, v, m; without AVX v must be d. */
static void fp_mem(struct x64_emit *e, uint32_t op, unsigned d, unsigned v, struct x64_mem m)
{
	if (e->avx)
		x64_vrm(e->cb, op, 0, d, v, m);
	else
		x64_rm(e->cb, op, 0, d, m);
}

/* op d, v, operand n; without AVX v must be d. */
static void fp_op(struct x64_emit *e, uint32_t op, unsigned d, unsigned v,
		  const struct lir_insn *in, unsigned n)
{
	if (x64_opmem(in, n))
		fp_mem(e, op, d, v, x64_slot(in));
	else if (e->avx)
		x64_vrr(e->cb, op, 0, d, v, x64_opreg(in, n));
	else
		x64_rr(e->cb, op, 0, d, x64_opreg(in, n));
}

/* op a, operand n, for instructions that write no vector register: comparisons. */
static void fp_compare(struct x64_emit *e, uint32_t op, unsigned a, const struct lir_insn *in,
		       unsigned n)
{
	fp_op(e, op, a, 0, in, n);
}

static void compare_regs(struct x64_emit *e, uint32_t op, unsigned a, unsigned b)
{
	if (e->avx)
		x64_vrr(e->cb, op, 0, a, 0, b);
	else
		x64_rr(e->cb, op, 0, a, b);
}

/* d = a OP b. */
static void three_operands(struct x64_emit *e, const struct lir_insn *in, uint32_t op,
			   bool commutes)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1);
	bool mem = x64_opmem(in, 2);

	if (e->avx) {
		unsigned b = x64_opreg(in, 2);

		if (commutes && !mem && b >= 8 && a < 8) /* the shorter prefix */
			x64_vrr(e->cb, op, 0, d, b, a);
		else
			fp_op(e, op, d, a, in, 2);
		return;
	}
	if (commutes && !mem && d == x64_opreg(in, 2) && d != a) {
		x64_rr(e->cb, op, 0, d, a);
		return;
	}
	x64_emit_fp_move(e, d, a);
	fp_op(e, op, d, d, in, 2);
}

/* Breaks the dependency on what d held, for instructions that keep its upper part. */
static void clear(struct x64_emit *e, unsigned d) { x64_fp_dd(e, X64_XORPS, d, d); }

/* d = OP operand 1 */
static void one_operand(struct x64_emit *e, const struct lir_insn *in, uint32_t op)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1);
	bool mem = x64_opmem(in, 1);

	if (mem || (!e->avx && d != a))
		clear(e, d);
	fp_op(e, op, d, mem ? d : a, in, 1);
}

void x64_emit_FOP(struct x64_emit *e, const struct lir_insn *in)
{
	three_operands(e, in, x64_fp((uint32_t)in->imm, in->sub2), in->sub);
}

void x64_emit_FSQRT(struct x64_emit *e, const struct lir_insn *in)
{
	one_operand(e, in, x64_fp(X64_SQRT, in->sub2));
}

void x64_emit_CVTFF(struct x64_emit *e, const struct lir_insn *in)
{
	one_operand(e, in, x64_fp(X64_CVTFF, in->sub2));
}

/* ---- bits ------------------------------------------------------------------------------------------------- */

void x64_emit_FBITOP(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1);

	if (in->nopnd == 3) {
		three_operands(e, in, (uint32_t)in->imm, true);
		return;
	}
	if (!e->avx)
		x64_emit_fp_move(e, d, a);
	fp_mem(e, (uint32_t)in->imm, d, a, x64_state(x64_const_at((unsigned)in->imm2)));
}

void x64_emit_FZERO(struct x64_emit *e, const struct lir_insn *in) { clear(e, x64_opreg(in, 0)); }

static void move_xr(struct x64_emit *e, unsigned w, unsigned d, unsigned r)
{
	if (e->avx)
		x64_vrr(e->cb, X64_MOVQ_XR, w, d, 0, r);
	else
		x64_rr(e->cb, X64_MOVQ_XR, w, d, r);
}

static void move_rx(struct x64_emit *e, unsigned w, unsigned r, unsigned x)
{
	if (e->avx)
		x64_vrr(e->cb, X64_MOVQ_RX, w, x, 0, r);
	else
		x64_rr(e->cb, X64_MOVQ_RX, w, x, r);
}

void x64_emit_MOVXR(struct x64_emit *e, const struct lir_insn *in)
{
	if (x64_opmem(in, 1))
		x64_emit_fp_load(e, in->sub2, x64_opreg(in, 0), x64_slot(in));
	else
		move_xr(e, in->sub2, x64_opreg(in, 0), x64_opreg(in, 1));
}

void x64_emit_MOVRX(struct x64_emit *e, const struct lir_insn *in)
{
	if (x64_opmem(in, 1))
		x64_rm(e->cb, X64_MOV_RM, in->sub2, x64_opreg(in, 0), x64_slot(in));
	else
		move_rx(e, in->sub2, x64_opreg(in, 0), x64_opreg(in, 1));
}

/* ---- what ir_eval does --------------------------------------------------------------------------------------- */

/* Stores operands and calls; the result is in rax. is_int: bit n: operand n is an integer. */
static void call_eval(struct x64_emit *e, const struct lir_insn *in, unsigned uses, unsigned is_int,
		      int64_t opword)
{
	for (unsigned n = 0; n < uses; n++) {
		struct x64_mem m = x64_state(X64_ST(scratch) + 8 * (int32_t)n);

		if (x64_opmem(in, n + 1)) { /* rax is free here */
			x64_rm(e->cb, X64_MOV_RM, 1, X64_RAX, x64_slot(in));
			x64_rm(e->cb, X64_MOV_MR, 1, X64_RAX, m);
		} else if (is_int >> n & 1)
			x64_rm(e->cb, X64_MOV_MR, 1, x64_opreg(in, n + 1), m);
		else
			x64_emit_fp_store(e, true, m, x64_opreg(in, n + 1));
	}
	x64_mov_imm(e->cb, X64_RAX, (uint64_t)opword);
	x64_call_thunk(e, IR_THUNK_FP);
}

void x64_emit_FTHUNK(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned uses = 0;

	for (unsigned n = 1; n < in->nopnd; n++)
		uses += in->opnd[n].role == LIR_USE;
	call_eval(e, in, uses, in->sub, in->imm);
	if (!in->sub2)
		move_xr(e, 1, x64_opreg(in, 0), X64_RAX);
}

/* The same in a cold path, where rax is not free: the result goes to operand 0, all else stays. */
static void cold_eval(struct x64_emit *e, const struct x64_cold *c, unsigned uses, unsigned is_int,
		      int64_t opword)
{
	unsigned d = x64_opreg(c->in, 0);
	bool to_int = c->in->opnd[0].r < LIR_PHYS_FP, save = !to_int || d != X64_RAX;
	struct x64_mem keep = x64_state(X64_ST(scratch[3]));

	if (save)
		x64_rm(e->cb, X64_MOV_MR, 1, X64_RAX, keep);
	call_eval(e, c->in, uses, is_int, opword);
	if (!to_int)
		move_xr(e, 1, d, X64_RAX);
	else if (d != X64_RAX)
		x64_mov_rr(e->cb, 1, d, X64_RAX);
	if (save)
		x64_rm(e->cb, X64_MOV_RM, 1, X64_RAX, keep);
	x64_jmp_to(e->cb, c->back);
}

/* Notes that the cold item index continues here. */
static void back_here(struct x64_emit *e, unsigned cold) { e->cold[cold].back = cb_pos(e->cb); }

static unsigned cold_at(struct x64_emit *e, uint32_t from,
			void (*make)(struct x64_emit *e, const struct x64_cold *c))
{
	x64_cold(e, from, make);
	return e->cold_count - 1;
}

/* ---- fused multiply-add --------------------------------------------------------------------------------------- */

/* d has c's place in this: it is a NaN, which is all that counts. */
static void cold_fused(struct x64_emit *e, const struct x64_cold *c)
{
	struct lir_insn in = *c->in;
	struct x64_cold as = *c;

	in.opnd[3] = in.opnd[0];
	as.in = &in;
	cold_eval(e, &as, 3, 0, in.imm);
}

/*
 * The unit raises no "invalid" for 0 * inf + quiet NaN (SDM 1, 14.5.2); RISC-V does. So a result that is a NaN is made
 * again by ir_eval. It comes out canonical, which saves the test that fcanon would cost.
 */
void x64_emit_FMA(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), w = in->sub2;
	uint32_t op = X64_FMADD231 + in->sub * 2u;

	x64_emit_fp_move(e, d, x64_opreg(in, 3));
	if (x64_opmem(in, 2))
		x64_vrm(e->cb, op, w, d, a, x64_slot(in));
	else
		x64_vrr(e->cb, op, w, d, a, x64_opreg(in, 2));
	x64_vrr(e->cb, x64_fp(X64_UCOMIS, w), 0, d, 0, d);
	back_here(e, cold_at(e, x64_jcc32(e->cb, X64_CC_P), cold_fused));
}

/* ---- minimum, maximum ------------------------------------------------------------------------------------------ */

/* NaN, or equal: zeros differ in sign, so minimum is "or", maximum "and" of the bits. */
static void cold_min_max(struct x64_emit *e, const struct x64_cold *c)
{
	const struct lir_insn *in = c->in;
	uint32_t nan = x64_jcc8(e->cb, X64_CC_P);

	three_operands(e, in, in->imm == X64_MINS ? X64_ORPS : X64_ANDPS, true);
	x64_jmp_to(e->cb, c->back);
	x64_here8(e->cb, nan);
	cold_eval(e, c, 2, 0, in->imm2);
}

/* ucomis has raised "invalid" for a signalling NaN, as it must be; mins would for any. */
void x64_emit_FMINMAX(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned cold;

	fp_compare(e, x64_fp(X64_UCOMIS, in->sub2), x64_opreg(in, 1), in, 2);
	cold = cold_at(e, x64_jcc32(e->cb, X64_CC_E), cold_min_max);
	three_operands(e, in, x64_fp((uint32_t)in->imm, in->sub2), true);
	back_here(e, cold);
}

/* ---- comparisons ------------------------------------------------------------------------------------------------- */

void x64_emit_FCMPEQ(struct x64_emit *e, const struct lir_insn *in)
{
	static const uint8_t equal_quiet = 0;

	three_operands(e, in, x64_fp(X64_CMPS, in->sub2), true);
	cb_put8(e->cb, equal_quiet);
}

/* The result of a comparison just made, in a register that is 0. */
static void set_compared(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0);

	x64_r(e->cb, X64_SETCC + in->sub, 0, d);
	x64_flags_of(e, d, 1);
	e->zero_cc = in->sub;
	e->zero_sign = false;
}

void x64_emit_FSET(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0);

	x64_alu_rr(e->cb, X64_XOR, 0, d, d);
	fp_compare(e, x64_fp(X64_COMIS, in->sub2), x64_opreg(in, 1), in, 2);
	set_compared(e, in);
}

/* ---- NaNs --------------------------------------------------------------------------------------------------------- */

static void cold_canon(struct x64_emit *e, const struct x64_cold *c)
{
	unsigned w = c->in->sub2;

	x64_emit_fp_load(e, w, x64_opreg(c->in, 0),
			 x64_state(x64_const_at(w ? X64_C_CANON64 : X64_C_CANON32)));
	x64_jmp_to(e->cb, c->back);
}

void x64_emit_FCANON(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0);

	x64_emit_fp_move(e, d, x64_opreg(in, 1));
	compare_regs(e, x64_fp(X64_UCOMIS, in->sub2), d, d);
	back_here(e, cold_at(e, x64_jcc32(e->cb, X64_CC_P), cold_canon));
}

/* Each register of the fixes by itself: some of them is a NaN. */
static void cold_fixes(struct x64_emit *e, const struct x64_cold *c)
{
	for (const struct lir_insn *f = c->in; f < c->in + c->arg; f++) {
		bool is_double = f->fix == X64_FIX_CANON64;
		unsigned d = x64_opreg(f, 0);
		uint32_t number;

		if (!is_double && f->fix != X64_FIX_CANON32)
			continue;
		compare_regs(e, x64_fp(X64_UCOMIS, is_double), d, d);
		number = x64_jcc8(e->cb, X64_CC_NP);
		x64_emit_fp_load(
		    e, is_double, d,
		    x64_state(x64_const_at(is_double ? X64_C_CANON64 : X64_C_CANON32)));
		x64_here8(e->cb, number);
	}
	x64_jmp_to(e->cb, c->back);
}

/*
 * Tests the registers to be made canonical for NaNs, but those in implied, two with one comparison: it is unordered
 * when either is one. Then all come out in the first jump's cold path.
 */
static void test_nans(struct x64_emit *e, const struct lir_insn *fix, unsigned count,
		      enum x64_fix kind, uint64_t implied, unsigned *cold)
{
	uint32_t op = x64_fp(X64_UCOMIS, kind == X64_FIX_CANON64);
	unsigned left = 0, reg = 0;

	for (unsigned i = 0; i < count; i++)
		left += fix[i].fix == kind && !(implied >> fix[i].opnd[0].r & 1);
	for (unsigned i = 0, pending = 0; i < count; i++) {
		if (fix[i].fix != kind || implied >> fix[i].opnd[0].r & 1)
			continue;
		if (!pending && --left) { /* waits for the other of its pair */
			reg = x64_opreg(&fix[i], 0);
			pending = 1;
			continue;
		}
		compare_regs(e, op, x64_opreg(&fix[i], 0), pending ? reg : x64_opreg(&fix[i], 0));
		left -= pending;
		pending = 0;
		x64_cold(e, x64_jcc32(e->cb, X64_CC_P), *cold ? NULL : cold_fixes)->arg =
		    *cold ? *cold - 1 : count;
		if (!*cold)
			*cold = e->cold_count;
	}
}

/* LIR_FIX; its C twin is x64_apply_fix. */
void x64_emit_fixes(struct x64_emit *e, const struct lir_insn *fix, unsigned count,
		    uint64_t host_info)
{
	struct x64_mem box = x64_state(x64_const_at(X64_C_BOX));
	const struct lir_insn *in = e->in;
	unsigned cold = 0;

	e->in = fix; /* for the cold item */
	test_nans(e, fix, count, X64_FIX_CANON64, host_info, &cold);
	test_nans(e, fix, count, X64_FIX_CANON32, host_info, &cold);
	e->in = in;
	if (cold)
		back_here(e, cold - 1);
	for (unsigned i = 0; i < count; i++) {
		unsigned d = x64_opreg(&fix[i], 0);

		if (fix[i].fix == X64_FIX_SEXT32)
			x64_rr(e->cb, X64_MOVSXD, 1, d, d);
		else if (fix[i].fix != X64_FIX_CANON64)
			fp_mem(e, X64_ORPS, d, d, box);
	}
}

static void cold_unbox(struct x64_emit *e, const struct x64_cold *c)
{
	x64_emit_fp_load(e, false, x64_opreg(c->in, 0), x64_state(x64_const_at(X64_C_CANON32)));
	x64_jmp_to(e->cb, c->back);
}

/* ptest sets carry when no bit of the mask is clear in the value (SDM 2B, PTEST). */
void x64_emit_UNBOX(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), t, cold;

	if (X64_HAS(e->features, SSE41)) {
		x64_emit_fp_move(e, d, a);
		fp_mem(e, X64_PTEST, d, 0, x64_state(x64_const_at(X64_C_BOX)));
		cold = cold_at(e, x64_jcc32(e->cb, X64_CC_AE), cold_unbox);
	} else {
		t = x64_opreg(in, 2);
		move_rx(e, 1, t, a);
		x64_emit_fp_move(e, d, a);
		x64_ri8(e->cb, X64_SHR_I, 1, t, 32);
		x64_alu_ri(e->cb, X64_ADD, 0, t, 1);
		cold = cold_at(e, x64_jcc32(e->cb, X64_CC_NE), cold_unbox);
	}
	back_here(e, cold);
}

/* ---- rounding to integers ------------------------------------------------------------------------------------------ */

/* d = a rounded, mode as the instruction has it. */
static void round_to(struct x64_emit *e, unsigned dbl, unsigned d, unsigned a, unsigned mode)
{
	uint32_t op = dbl ? X64_ROUNDS : X64_ROUNDS - 1;

	if (e->avx)
		x64_vrr(e->cb, op, 0, d, a, a);
	else
		x64_rr(e->cb, op, 0, d, a);
	cb_put8(e->cb, (uint8_t)mode);
}

void x64_emit_FROUND(struct x64_emit *e, const struct lir_insn *in)
{
	one_operand(e, in, in->sub2 ? X64_ROUNDS : X64_ROUNDS - 1);
	cb_put8(e->cb, in->sub);
}

/* d = a OP a constant. */
static void with_state(struct x64_emit *e, uint32_t op, unsigned d, unsigned a, enum x64_const c)
{
	if (!e->avx)
		x64_emit_fp_move(e, d, a);
	fp_mem(e, op, d, a, x64_state(x64_const_at(c)));
}

/*
 * The magnitude towards 0, and one more when at least a half was lost: all exact. Where there are no fractions, and for NaNs and
 * infinities, whose difference would be invalid, rounding towards 0 is all. The sign comes last, zero has one, too.
 */
void x64_emit_FROUNDA(struct x64_emit *e, const struct lir_insn *in)
{
	enum { NOT_LESS = 5 };
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), t = x64_opreg(in, 2), w = in->sub2;
	uint32_t nan, whole;

	with_state(e, X64_ANDPS, t, a, w ? X64_C_ABS64 : X64_C_ABS32);
	round_to(e, w, d, t, in->sub);
	fp_mem(e, x64_fp(X64_UCOMIS, w), t, 0,
	       x64_state(x64_const_at(w ? X64_C_WHOLE64 : X64_C_WHOLE32)));
	nan = x64_jcc8(e->cb, X64_CC_P);
	whole = x64_jcc8(e->cb, X64_CC_AE);
	x64_fp_dd(e, x64_fp(X64_SUBS, w), t, d);
	fp_mem(e, x64_fp(X64_CMPS, w), t, t,
	       x64_state(x64_const_at(w ? X64_C_HALF64 : X64_C_HALF32)));
	cb_put8(e->cb, NOT_LESS);
	fp_mem(e, X64_ANDPS, t, t, x64_state(x64_const_at(w ? X64_C_ONE64 : X64_C_ONE32)));
	x64_fp_dd(e, x64_fp(X64_ADDS, w), d, t);
	x64_here8(e->cb, nan);
	x64_here8(e->cb, whole);
	with_state(e, X64_ANDPS, t, a, w ? X64_C_SIGN64 : X64_C_SIGN32);
	x64_fp_dd(e, X64_ORPS, d, t);
}

/* ---- conversions --------------------------------------------------------------------------------------------------- */

void x64_emit_CVTIF(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), w = in->sub;
	uint32_t op = x64_fp(X64_CVTSI2S, in->sub2);

	clear(e, d);
	if (!e->avx)
		x64_op_rx(e, op, w, d, in, 1);
	else if (x64_opmem(in, 1))
		x64_vrm(e->cb, op, w, d, d, x64_slot(in));
	else
		x64_vrr(e->cb, op, w, d, d, x64_opreg(in, 1));
}

static void cold_from_u64(struct x64_emit *e, const struct x64_cold *c)
{
	cold_eval(e, c, 1, 1, c->in->imm);
}

void x64_emit_CVTUF(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned a = x64_opreg(in, 1), cold;

	x64_rr(e->cb, X64_TEST_MR, 1, a, a);
	cold = cold_at(e, x64_jcc32(e->cb, X64_CC_S), cold_from_u64);
	x64_emit_CVTIF(e, in);
	back_here(e, cold);
}

static void cold_from_int(struct x64_emit *e, const struct x64_cold *c)
{
	cold_eval(e, c, 1, 1, c->in->imm);
}

/* Magnitudes of up to 2^24 or 2^53 are exact in any rounding mode. */
void x64_emit_CVTIX(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned a = x64_opreg(in, 1), t = x64_opreg(in, 2), w = in->sub, bits = in->imm2 & 63,
		 cold;

	if (in->imm2 & X64_UNSIGNED) {
		x64_mov_rr(e->cb, w, t, a);
		x64_ri8(e->cb, X64_SHR_I, w, t, (int32_t)bits);
	} else { /* the sign's copies, as far up as they have to go, plus the last bit below: 0 or -1 */
		x64_mov_rr(e->cb, w, t, a);
		x64_ri8(e->cb, X64_SAR_I, w, t, (int32_t)bits);
		x64_alu_ri(e->cb, X64_ADD, w, t, 1);
		x64_ri8(e->cb, X64_SHR_I, w, t, 1);
	}
	cold = cold_at(e, x64_jcc32(e->cb, X64_CC_NE), cold_from_int);
	x64_emit_CVTIF(e, in);
	back_here(e, cold);
}

static void cold_to_int(struct x64_emit *e, const struct x64_cold *c)
{
	cold_eval(e, c, 1, 0, c->in->imm);
}

/* cvts2si of operand 1 or register a. */
static void to_int(struct x64_emit *e, const struct lir_insn *in, bool truncate, unsigned w,
		   unsigned a)
{
	uint32_t op = x64_fp(truncate ? X64_CVTTS2SI : X64_CVTS2SI, in->sub2);

	if (e->avx)
		x64_vrr(e->cb, op, w, x64_opreg(in, 0), 0, a);
	else
		x64_rr(e->cb, op, w, x64_opreg(in, 0), a);
}

/* Goes to the cold path on the value that stands for "out of range" (SDM 2A, CVTTSD2SI): MIN - 1 overflows. */
static unsigned check_converted(struct x64_emit *e, const struct lir_insn *in)
{
	x64_alu_ri(e->cb, X64_CMP, (unsigned)in->imm2, x64_opreg(in, 0), 1);
	return cold_at(e, x64_jcc32(e->cb, X64_CC_O), cold_to_int);
}

void x64_emit_CVTFI(struct x64_emit *e, const struct lir_insn *in)
{
	to_int(e, in, in->sub, (unsigned)in->imm2, x64_opreg(in, 1));
	back_here(e, check_converted(e, in));
}

/*
 * Rounded to an integer in place first, without raising inexact: that is only known to be right
 * when the result is in range. Then once more for the flag.
 */
void x64_emit_CVTFIR(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned a = x64_opreg(in, 1), t = x64_opreg(in, 2), cold;

	round_to(e, in->sub2, t, a, in->sub | X64_NO_INEXACT);
	to_int(e, in, true, (unsigned)in->imm2, t);
	cold = check_converted(e, in);
	round_to(e, in->sub2, t, a, in->sub);
	back_here(e, cold);
}

/* The same with what is rounded already; for the flag any mode will do. */
void x64_emit_CVTFIA(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned cold;

	to_int(e, in, true, (unsigned)in->imm2, x64_opreg(in, 2));
	cold = check_converted(e, in);
	round_to(e, in->sub2, x64_opreg(in, 3), x64_opreg(in, 1), 0);
	back_here(e, cold);
}

/*
 * To unsigned, towards zero. What is certain to be in range of a signed 64-bit conversion goes that way: sign clear and
 * exponent below that of 2^32 or 2^63. The conversion itself would raise flags for the others.
 */
void x64_emit_CVTFU(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), a = x64_opreg(in, 1), cold;
	int32_t bias = in->sub2 ? 1023 : 127, bits = in->imm2 ? 63 : 32;

	move_rx(e, in->sub2, d, a);
	x64_ri8(e->cb, X64_SHR_I, in->sub2, d, in->sub2 ? 52 : 23);
	x64_alu_ri(e->cb, X64_CMP, 0, d, bias + bits);
	cold = cold_at(e, x64_jcc32(e->cb, X64_CC_AE), cold_to_int);
	to_int(e, in, true, 1, a);
	back_here(e, cold);
}

/* ---- flags --------------------------------------------------------------------------------------------------------- */

/* d = MXCSR's flags as fflags. MXCSR stays in X64_C_TMP. */
static void read_flags(struct x64_emit *e, unsigned d)
{
	struct x64_mem tmp = x64_state(x64_const_at(X64_C_TMP));

	x64_m(e->cb, X64_STMXCSR, 0, tmp);
	x64_rm(e->cb, X64_MOV_RM, 0, d, tmp);
	x64_alu_ri(e->cb, X64_AND, 0, d, X64_MXCSR_FLAGS);
	x64_rm(e->cb, X64_MOVZX_B, 0, d,
	       (struct x64_mem){ X64_RBP, (uint8_t)d, 0, x64_const_at(X64_C_FFLAGS) });
}

void x64_emit_FFLAGS(struct x64_emit *e, const struct lir_insn *in)
{
	read_flags(e, x64_opreg(in, 0));
	x64_alu_rm(e->cb, X64_OR, 0, x64_opreg(in, 0), x64_state(X64_ST(fflags)));
}

static void cold_clear_flags(struct x64_emit *e, const struct x64_cold *c)
{
	struct x64_mem tmp = x64_state(x64_const_at(X64_C_TMP));

	x64_alu_mi(e->cb, X64_AND, 0, tmp, ~X64_MXCSR_FLAGS);
	x64_m(e->cb, X64_LDMXCSR, 0, tmp);
	x64_jmp_to(e->cb, c->back);
}

/*
 * MXCSR is written, which is slow, only when it has a flag that is to be clear. Compilers save
 * and restore the flags around comparisons, and libm around conversions: then it seldom has.
 */
void x64_emit_SETFFLAGS(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned a = x64_opreg(in, 0), t = x64_opreg(in, 1);

	read_flags(e, t);
	x64_rm(e->cb, X64_MOV_MR, 0, a, x64_state(X64_ST(fflags)));
	x64_alu_rr(e->cb, X64_OR, 0, t, a);
	x64_alu_rr(e->cb, X64_CMP, 0, t, a);
	back_here(e, cold_at(e, x64_jcc32(e->cb, X64_CC_NE), cold_clear_flags));
}

/* The flags become c's; unordered operands are no less than each other, which flag C says of them. */
static void cold_keep_flags(struct x64_emit *e, const struct x64_cold *c)
{
	struct x64_mem tmp = x64_state(x64_const_at(X64_C_TMP));

	x64_rm(e->cb, X64_MOV_MR, 0, x64_opreg(c->in, 3), x64_state(X64_ST(fflags)));
	x64_m(e->cb, X64_STMXCSR, 0, tmp);
	x64_alu_mi(e->cb, X64_AND, 0, tmp, ~X64_MXCSR_FLAGS);
	x64_m(e->cb, X64_LDMXCSR, 0, tmp);
	x64_alu_ri(e->cb, X64_CMP, 0, x64_opreg(c->in, 0), 1);
	x64_jmp_to(e->cb, c->back);
}

void x64_emit_FSETK(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0);

	x64_alu_rr(e->cb, X64_XOR, 0, d, d);
	fp_compare(e, x64_fp(X64_UCOMIS, in->sub2), x64_opreg(in, 1), in, 2);
	back_here(e, cold_at(e, x64_jcc32(e->cb, X64_CC_P), cold_keep_flags));
	set_compared(e, in);
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

enum {
	CLASS_NEG_NORMAL = 1 << 1,
	CLASS_NEG_ZERO = 1 << 3,
	CLASS_ZERO = 1 << 4,
	CLASS_NORMAL = 1 << 6
};

/* d = positive, or negative when the sign of bits d (wide or not) is set. */
static void select_by_sign(struct x64_emit *e, unsigned w, unsigned d, int32_t positive,
			   int32_t negative)
{
	x64_ri8(e->cb, X64_SAR_I, w, d, w ? 63 : 31);
	x64_alu_ri(e->cb, X64_AND, 0, d, negative - positive);
	x64_alu_ri(e->cb, X64_ADD, 0, d, positive);
}

/* Neither normal nor zero: ir_eval. d has the bits, t those of the exponent less 1. */
static void cold_class(struct x64_emit *e, const struct x64_cold *c)
{
	const struct lir_insn *in = c->in;
	unsigned d = x64_opreg(in, 0), t = x64_opreg(in, 2), w = in->sub2;
	uint32_t other;

	x64_mov_rr(e->cb, w, t, d);
	x64_alu_rr(e->cb, X64_ADD, w, t, t); /* without the sign */
	other = x64_jcc8(e->cb, X64_CC_NE);
	select_by_sign(e, w, d, CLASS_ZERO, CLASS_NEG_ZERO);
	x64_jmp_to(e->cb, c->back);
	x64_here8(e->cb, other);
	cold_eval(e, c, 1, 0, in->imm);
}

void x64_emit_FCLASS(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned d = x64_opreg(in, 0), t = x64_opreg(in, 2), w = in->sub2, cold;

	move_rx(e, w, d, x64_opreg(in, 1));
	x64_rm(e->cb, X64_LEA, w, t, (struct x64_mem){ (uint8_t)d, (uint8_t)d, 0, 0 });
	x64_ri8(e->cb, X64_SHR_I, w, t, w ? 53 : 24);
	x64_alu_ri(e->cb, X64_SUB, 0, t, 1); /* exponents 1..max - 1 */
	x64_alu_ri(e->cb, X64_CMP, 0, t, w ? 0x7fe : 0xfe);
	cold = cold_at(e, x64_jcc32(e->cb, X64_CC_AE), cold_class);
	select_by_sign(e, w, d, CLASS_NORMAL, CLASS_NEG_NORMAL);
	back_here(e, cold);
}

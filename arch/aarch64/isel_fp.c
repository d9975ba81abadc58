/*
 * Instruction selection: floating point.
 *
 * FPCR's rounding mode is the guest's frm while translated code runs, so IR_RM_DYN is what the unit does anyway; and with
 * FPCR.DN every NaN that arithmetic makes is the default one, which is RISC-V's canonical NaN. A static rounding mode
 * matters only where the result may be inexact; those cases, and what the unit cannot do at all, call ir_eval
 * through IR_THUNK_FP.
 */
#include "arch/aarch64/isel_priv.h"

bool a64_is_canonical(const struct isel *s, ir_ref r)
{
	return ir_info(isel_insn(s, r))->flags & (IR_NQ | IR_NC) || isel_canonical_entry(s, r);
}

/* Carried out by ir_eval. */
static lreg thunk(struct isel *s, const struct ir_insn *in)
{
	const struct ir_op_info *info = ir_info(in);
	const ir_ref op[] = { in->a, in->b, in->c };
	const uint8_t col[] = { info->a, info->b, info->c };
	enum ir_type result = ir_result_type(in);
	bool is_int = result == IR_I32 || result == IR_I64;
	lreg v[3] = { 0, 0, 0 }, d;
	struct lir_insn *l;

	for (unsigned n = 0; n < 3 && ir_ref_ok(op[n]); n++)
		v[n] = isel_vr(s, op[n]);
	l = isel_lir(s, A64_OP_FTHUNK);
	d = isel_def(s, l, is_int ? LIR_INT : LIR_FP);
	for (unsigned n = 0; n < 3 && ir_ref_ok(op[n]); n++) {
		enum ir_type t = ir_operand_type(in, col[n]);

		isel_use(l, v[n], 0);
		if (t == IR_I32 || t == IR_I64)
			l->sub |= (uint8_t)(1u << n);
	}
	l->imm2 = isel_opword(in);
	return d;
}

/* ---- arithmetic ---------------------------------------------------------------------------------- */

static lreg binary(struct isel *s, unsigned op, const struct ir_insn *in, uint32_t word)
{
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, op);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->imm = word;
	l->imm2 = isel_opword(in);
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg unary(struct isel *s, unsigned op, const struct ir_insn *in, uint32_t word)
{
	lreg a = isel_vr(s, in->a), d;
	struct lir_insn *l = isel_lir(s, op);
	bool moves = op == A64_OP_UNBOX || op == A64_OP_FCANON; /* or has it in place */

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, moves ? LO_HINT : 0);
	l->imm = word;
	l->imm2 = isel_opword(in);
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg fused(struct isel *s, const struct ir_insn *in, uint32_t word)
{
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), c = isel_vr(s, in->c), d;
	struct lir_insn *l = isel_lir(s, A64_OP_FMA);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	isel_use(l, c, LO_HINT);
	l->imm = word;
	l->imm2 = isel_opword(in);
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg min_max(struct isel *s, const struct ir_insn *in)
{
	bool quiet = a64_is_canonical(s, in->a) && a64_is_canonical(s, in->b);
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, A64_OP_FMINMAX);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_LATE);
	isel_use(l, b, LO_LATE);
	l->imm = in->op == IR_fmin ? A64_FMINNM : A64_FMAXNM;
	l->imm2 = isel_opword(in);
	l->sub = quiet;
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg arithmetic(struct isel *s, const struct ir_insn *in)
{
	if (in->sub != IR_RM_DYN)
		return thunk(s, in);
	switch (in->op) {
	case IR_fadd: /* sums and roots are exact where they are tiny */
		return binary(s, A64_OP_FOP, in, A64_FADD);
	case IR_fsub:
		return binary(s, A64_OP_FOP, in, A64_FSUB);
	case IR_fmul:
		return binary(s, A64_OP_FTINY, in, A64_FMUL);
	case IR_fdiv:
		return binary(s, A64_OP_FTINY, in, A64_FDIV);
	case IR_fsqrt:
		return unary(s, A64_OP_FUN, in, A64_FSQRT);
	case IR_fmadd:
		return fused(s, in, A64_FMADD);
	case IR_fmsub:
		return fused(s, in, A64_FNMSUB);
	case IR_fnmsub:
		return fused(s, in, A64_FMSUB);
	default:
		return fused(s, in, A64_FNMADD);
	}
}

/* ---- comparisons ---------------------------------------------------------------------------------- */

/* fcmp raises invalid for signalling NaNs alone, as feq must, fcmpe for any. Of unordered operands none of these holds. */
static enum a64_cc compare_cc(const struct ir_insn *in, uint32_t *word)
{
	const bool is_less = in->op == IR_flt || in->op == IR_fltk;

	*word = in->op == IR_flt || in->op == IR_fle ? A64_FCMPE : A64_FCMP;
	return in->op == IR_feq ? A64_CC_EQ : is_less ? A64_CC_MI : A64_CC_LS;
}

static lreg compare(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), c = LREG_NONE, d;
	struct lir_insn *l;
	uint32_t word;

	if (ir_ref_ok(in->c))
		c = isel_vr(s, in->c);
	l = isel_lir(s, c == LREG_NONE ? A64_OP_FSET : A64_OP_FSETK);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	if (c != LREG_NONE)
		isel_use(l, c, 0);
	l->sub = (uint8_t)compare_cc(in, &word);
	l->sub2 = isel_isdbl(in);
	l->imm = word;
	return d;
}

struct lir_insn *a64_sel_fbr(struct isel *s, const struct ir_insn *cmp, bool want)
{
	lreg a = isel_vr(s, cmp->a), b = isel_vr(s, cmp->b);
	struct lir_insn *l = isel_lir(s, A64_OP_FBR);
	uint32_t word;
	enum a64_cc cc = compare_cc(cmp, &word);

	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->sub = (uint8_t)(want ? cc : cc ^ 1);
	l->sub2 = isel_isdbl(cmp);
	l->imm = word;
	return l;
}

/* Only the form for the dynamic mode is inexact where something is lost. */
static lreg rounded(struct isel *s, const struct ir_insn *in)
{
	static const uint32_t word[] = {
		[IR_RM_RNE] = A64_FRINTN, [IR_RM_RTZ] = A64_FRINTZ, [IR_RM_RDN] = A64_FRINTM,
		[IR_RM_RUP] = A64_FRINTP, [IR_RM_RMM] = A64_FRINTA, [IR_RM_DYN] = A64_FRINTI,
	};

	if (in->op == IR_fround)
		return unary(s, A64_OP_FUN, in, word[in->sub]);
	if (in->sub == IR_RM_DYN)
		return unary(s, A64_OP_FUN, in, A64_FRINTX);
	return unary(s, A64_OP_FRINTNX, in, word[in->sub]);
}

/* ---- conversions ---------------------------------------------------------------------------------- */

/* Out of range the unit saturates as RISC-V does, but a NaN gives 0 where RISC-V has the greatest number. */
static lreg to_int(struct isel *s, const struct ir_insn *in)
{
	static const uint32_t word[][2] = {
		[IR_RM_RNE] = { A64_FCVTNS, A64_FCVTNU }, [IR_RM_RTZ] = { A64_FCVTZS, A64_FCVTZU },
		[IR_RM_RDN] = { A64_FCVTMS, A64_FCVTMU }, [IR_RM_RUP] = { A64_FCVTPS, A64_FCVTPU },
		[IR_RM_RMM] = { A64_FCVTAS, A64_FCVTAU },
	};
	bool is_unsigned = in->op == IR_ftou32 || in->op == IR_ftou64;
	bool wide = in->op == IR_ftoi64 || in->op == IR_ftou64, dyn = in->sub == IR_RM_DYN;
	int64_t most = wide ? INT64_MAX : INT32_MAX;
	lreg a = isel_vr(s, in->a), d;
	struct lir_insn *l = isel_lir(s, dyn ? A64_OP_CVTFID : A64_OP_CVTFI);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	l->sub = wide;
	l->sub2 = isel_isdbl(in);
	l->imm = word[dyn ? IR_RM_RTZ : in->sub][is_unsigned];
	l->imm2 = dyn ? isel_opword(in) : is_unsigned ? -1 : most;
	return d;
}

static lreg from_int(struct isel *s, const struct ir_insn *in)
{
	bool is32 = in->op == IR_i32tof || in->op == IR_u32tof;
	bool is_unsigned = in->op == IR_u32tof || in->op == IR_u64tof;
	bool any_mode =
	    in->sub == IR_RM_DYN || (is32 && in->type == IR_F64); /* the latter is exact */
	lreg a = isel_vr(s, in->a), d;
	struct lir_insn *l = isel_lir(s, any_mode ? A64_OP_CVTIF : A64_OP_CVTIX);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, any_mode ? 0 : LO_LATE);
	l->imm = is_unsigned ? A64_UCVTF : A64_SCVTF;
	l->imm2 = isel_opword(in);
	l->sub = !is32;
	l->sub2 = isel_isdbl(in);
	return d;
}

void a64_sel_fp(struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg d;

	switch (in->op) {
	case IR_fmin:
	case IR_fmax:
		d = min_max(s, in);
		break;
	case IR_feq:
	case IR_flt:
	case IR_fle:
		if (isel_fuse_compare(s, idx))
			return;
		d = compare(s, in);
		break;
	case IR_fltk:
	case IR_flek:
		d = compare(s, in);
		break;
	case IR_cvtfd:
		d = unary(s, A64_OP_FUN, in, A64_FCVT_DS);
		break;
	case IR_cvtdf:
		d = in->sub == IR_RM_DYN ? unary(s, A64_OP_CVTDF, in, A64_FCVT_SD) : thunk(s, in);
		break;
	case IR_fround:
	case IR_froundnx:
		d = rounded(s, in);
		break;
	case IR_ftoi32:
	case IR_ftou32:
	case IR_ftoi64:
	case IR_ftou64:
		d = to_int(s, in);
		break;
	case IR_i32tof:
	case IR_u32tof:
	case IR_i64tof:
	case IR_u64tof:
		d = from_int(s, in);
		break;
	default:
		d = arithmetic(s, in);
		break;
	}
	s->val[idx].vreg = d;
}

/* ---- operations on the bits ----------------------------------------------------------------------- */

static lreg sign_of(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, A64_OP_FSGNJ);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_HINT);
	isel_use(l, b, LO_LATE);
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg to_bits(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->op == IR_fbits32 ? isel_unboxed(s, in->a) : in->a), d;
	struct lir_insn *l = isel_lir(s, A64_OP_MOVRX);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	l->sub2 = in->op == IR_fbits;
	return d;
}

static lreg from_bits(struct isel *s, const struct ir_insn *in)
{
	struct lir_insn *l;
	int64_t c;
	lreg a, d;

	if (isel_const(s, in->a, &c) && c == 0)
		return isel_def(s, isel_lir(s, A64_OP_FZERO), LIR_FP);
	a = isel_vr(s, in->a);
	l = isel_lir(s, A64_OP_MOVXR);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, 0);
	l->sub2 = in->op == IR_bitsf;
	return d;
}

static lreg classify(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->a), d;
	struct lir_insn *l = isel_lir(s, A64_OP_FCLASS);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	l->imm2 = isel_opword(in);
	l->sub2 = isel_isdbl(in);
	return d;
}

lreg a64_sel_fpure(struct isel *s, const struct ir_insn *in)
{
	switch (in->op) {
	case IR_fclass:
		return classify(s, in);
	case IR_fneg:
		return unary(s, A64_OP_FUN, in, A64_FNEG);
	case IR_fabs:
		return unary(s, A64_OP_FUN, in, A64_FABS);
	case IR_fsgnj:
		return sign_of(s, in);
	case IR_fcanon:
		return unary(s, A64_OP_FCANON, in, 0);
	case IR_box:
		return unary(s, A64_OP_BOX, in, 0);
	case IR_unbox:
		return unary(s, A64_OP_UNBOX, in, 0);
	case IR_fbits:
	case IR_fbits32:
		return to_bits(s, in);
	case IR_bitsf:
	case IR_bitsf32:
		return from_bits(s, in);
	default:
		KIT_PANIC("no selection for %s", ir_info(in)->name);
	}
}

/* ---- the floating-point state, helpers ------------------------------------------------------------ */

static lreg load_state(struct isel *s, size_t offset)
{
	struct lir_insn *l = isel_lir(s, A64_OP_SLD);

	l->imm = (int64_t)offset;
	return isel_def(s, l, LIR_INT);
}

static void store_state(struct isel *s, size_t offset, lreg v)
{
	struct lir_insn *l = isel_lir(s, A64_OP_SST);

	l->imm = (int64_t)offset;
	isel_use(l, v, 0);
}

static lreg call_helper(struct isel *s, const struct ir_insn *in)
{
	lreg a = ir_ref_ok(in->a) ? isel_vr(s, in->a) : isel_const_vreg(s, 0);
	lreg b = ir_ref_ok(in->b) ? isel_vr(s, in->b) : isel_const_vreg(s, 0), d;
	struct lir_insn *l = isel_lir(s, A64_OP_HELPER);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->imm = in->imm;
	return d;
}

static void set_flags(struct isel *s, const struct ir_insn *in)
{
	enum { FLAGS = 31 };
	lreg a = isel_vr(s, in->a);
	struct lir_insn *l;

	if (isel_insn(s, in->a)->op != IR_getfflags)
		a = a64_masked(s, a, 0, FLAGS);
	l = isel_lir(s, A64_OP_SETFFLAGS);
	isel_use(l, a, 0);
}

void a64_sel_fstate(struct isel *s, uint32_t idx)
{
	enum { FRM = 7 };
	const struct ir_insn *in = &s->ir->insn[idx];
	struct isel_val *v = &s->val[idx];
	struct lir_insn *l;
	lreg a, from;

	switch (in->op) {
	case IR_getfflags:
		v->vreg = isel_def(s, isel_lir(s, A64_OP_FFLAGS), LIR_INT);
		break;
	case IR_setfflags:
		set_flags(s, in);
		break;
	case IR_getfrm:
		v->vreg = load_state(s, offsetof(struct ir_state, frm));
		break;
	case IR_setfrm:
		store_state(s, offsetof(struct ir_state, frm),
			    a64_masked(s, isel_vr(s, in->a), 0, FRM));
		break;
	case IR_count:
		isel_lir(s, A64_OP_COUNT)->imm = in->imm;
		break;
	case IR_edge:
		a = isel_vr(s, in->a);
		from = isel_const_vreg(s, in->imm);
		l = isel_lir(s, A64_OP_EDGE);
		isel_use(l, a, 0);
		isel_use(l, from, 0);
		l->imm = in->imm;
		break;
	case IR_countby:
		a = isel_vr(s, in->a);
		l = isel_lir(s, A64_OP_COUNTBY);
		isel_use(l, a, 0);
		l->imm = in->imm;
		break;
	case IR_countrun:
		isel_count_run(s, in, A64_OP_COUNTRUN);
		break;
	case IR_routine:
		a64_sel_routine(s, idx);
		break;
	default:
		v->vreg = call_helper(s, in);
		break;
	}
}

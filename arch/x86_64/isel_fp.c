/*
 * Instruction selection: floating point.
 *
 * MXCSR.RC is the guest's frm while translated code runs, so IR_RM_DYN is what the unit does anyway. A static rounding mode
 * matters only where the result may be inexact; those cases, and what the unit cannot do at all, call ir_eval
 * through IR_THUNK_FP.
 */
#include "arch/x86_64/isel_priv.h"

bool x64_is_quiet(const struct isel *s, ir_ref r)
{
	return ir_info(isel_insn(s, r))->flags & IR_NQ || isel_canonical_entry(s, r);
}

bool x64_is_canonical(const struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);

	if (ir_info(in)->flags & IR_NC)
		return true;
	if (isel_canonical_entry(s, r)) /* unless the fix that makes it so is pending */
		return !(s->block->fixes >> in->imm & 1) || s->block->fix[in->imm] == X64_FIX_BOX32;
	switch (in->op) {
	case IR_fadd:
	case IR_fsub:
	case IR_fmul:
	case IR_fdiv:
	case IR_fsqrt:
	case IR_cvtdf:
		return in->sub != IR_RM_DYN; /* by ir_eval */
	case IR_fmadd:                       /* FMA tests its result */
	case IR_fmsub:
	case IR_fnmsub:
	case IR_fnmadd:
		return true;
	default:
		return false;
	}
}

ir_ref x64_raw(const struct isel *s, ir_ref r)
{
	while (isel_insn(s, r)->op == IR_fcanon && isel_val(s, r)->vreg == LREG_NONE
	       && x64_is_quiet(s, isel_insn(s, r)->a))
		r = isel_insn(s, r)->a;
	return r;
}

static lreg raw(struct isel *s, ir_ref r) { return isel_vr(s, x64_raw(s, r)); }

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
	l = isel_lir(s, X64_OP_FTHUNK);
	d = is_int ? isel_def_fixed(s, l, LIR_INT, X64_RAX) : isel_def(s, l, LIR_FP);
	for (unsigned n = 0; n < 3 && ir_ref_ok(op[n]); n++) {
		enum ir_type t = ir_operand_type(in, col[n]);

		isel_use(l, v[n], 0);
		if (t == IR_I32 || t == IR_I64)
			l->sub |= (uint8_t)(1u << n);
	}
	if (!is_int)
		isel_clobber(l, X64_RAX);
	l->sub2 = is_int;
	l->imm = isel_opword(in);
	return d;
}

/* What is no NaN when the result of in is none. */
static uint32_t operands_no_nan(const struct isel *s, const struct ir_insn *in)
{
	const ir_ref op[] = { in->a, in->b, in->c };
	uint32_t set = 0;

	if (!(ir_info(in)->flags & IR_NP))
		return 0;
	for (unsigned n = 0; n < 3 && ir_ref_ok(op[n]); n++)
		set |= isel_val(s, x64_raw(s, op[n]))->host;
	return set;
}

/* ---- arithmetic ---------------------------------------------------------------------------------- */

static lreg binary(struct isel *s, const struct ir_insn *in, uint32_t op)
{
	bool commutes = ir_info(in)->flags & IR_C;
	lreg a = raw(s, in->a), b = raw(s, in->b), d;
	struct lir_insn *l = isel_lir(s, X64_OP_FOP);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_HINT);
	isel_use(l, b, LO_MEM | (commutes || X64_HAS(s->features, AVX) ? 0 : LO_LATE));
	l->imm = op;
	l->sub = commutes;
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg unary(struct isel *s, unsigned op, ir_ref x, unsigned dbl)
{
	lreg a = raw(s, x), d;
	struct lir_insn *l = isel_lir(s, op);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_MEM);
	l->sub2 = (uint8_t)dbl;
	return d;
}

static lreg fused(struct isel *s, const struct ir_insn *in, enum x64_fma kind)
{
	lreg a, b, c, d;
	struct lir_insn *l;

	if (!X64_HAS(s->features, FMA))
		return thunk(s, in);
	a = raw(s, in->a);
	b = raw(s, in->b);
	c = raw(s, in->c);
	l = isel_lir(s, X64_OP_FMA);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_LATE); /* the cold path reads a and b once more */
	isel_use(l, b, LO_LATE | LO_MEM);
	isel_use(l, c, LO_HINT);
	l->sub = (uint8_t)kind;
	l->sub2 = isel_isdbl(in);
	l->imm = isel_opword(in);
	return d;
}

static lreg min_max(struct isel *s, const struct ir_insn *in)
{
	lreg a = raw(s, in->a), b = raw(s, in->b), d;
	struct lir_insn *l = isel_lir(s, X64_OP_FMINMAX);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_HINT);
	isel_use(l, b, 0);
	l->imm = in->op == IR_fmin ? X64_MINS : X64_MAXS;
	l->imm2 = isel_opword(in);
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg arithmetic(struct isel *s, const struct ir_insn *in)
{
	if (in->sub != IR_RM_DYN)
		return thunk(s, in);
	switch (in->op) {
	case IR_fadd:
		return binary(s, in, X64_ADDS);
	case IR_fsub:
		return binary(s, in, X64_SUBS);
	case IR_fmul:
		return binary(s, in, X64_MULS);
	case IR_fdiv:
		return binary(s, in, X64_DIVS);
	case IR_fsqrt:
		return unary(s, X64_OP_FSQRT, in->a, isel_isdbl(in));
	case IR_fmadd:
		return fused(s, in, X64_FMADD);
	case IR_fmsub:
		return fused(s, in, X64_FMSUB);
	case IR_fnmsub:
		return fused(s, in, X64_FNMSUB_RV);
	default:
		return fused(s, in, X64_FNMADD_RV);
	}
}

/* ---- comparisons ---------------------------------------------------------------------------------- */

/*
 * flt and fle compare with operands exchanged: "above" is false of unordered operands, "below" is not
 * (SDM 2A, COMISD). comis raises invalid for any NaN as they must, ucomis and cmpeq
 * only for signalling ones as feq must.
 */
static lreg compare(struct isel *s, const struct ir_insn *in)
{
	bool eq = in->op == IR_feq;
	lreg a = raw(s, eq ? in->a : in->b), b = raw(s, eq ? in->b : in->a), d, m;
	struct lir_insn *l;

	if (!eq) {
		l = isel_lir(s, X64_OP_FSET);
		d = isel_def(s, l, LIR_INT);
		isel_use(l, a, 0);
		isel_use(l, b, LO_MEM);
		l->sub = in->op == IR_flt ? X64_CC_A : X64_CC_AE;
		l->sub2 = isel_isdbl(in);
		return d;
	}
	l = isel_lir(s, X64_OP_FCMPEQ);
	m = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_HINT);
	isel_use(l, b, LO_MEM);
	l->sub2 = isel_isdbl(in);
	l = isel_lir(s, X64_OP_MOVRX);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, m, 0);
	m = d;
	l = isel_lir(s, X64_OP_ALUI);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, m, LO_HINT);
	l->sub = X64_AND;
	l->imm = 1;
	return d;
}

/* ucomis raises invalid for signalling NaNs, which the operation then makes undone. */
static lreg compare_keeping(struct isel *s, const struct ir_insn *in)
{
	lreg a = raw(s, in->b), b = raw(s, in->a), c = isel_vr(s, in->c), d;
	struct lir_insn *l = isel_lir(s, X64_OP_FSETK);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, b, LO_MEM);
	isel_use(l, c, LO_LATE);
	l->sub = in->op == IR_fltk ? X64_CC_A : X64_CC_AE;
	l->sub2 = isel_isdbl(in);
	return d;
}

struct lir_insn *x64_sel_fbr(struct isel *s, const struct ir_insn *cmp, bool want)
{
	bool eq = cmp->op == IR_feq;
	lreg a = raw(s, eq ? cmp->a : cmp->b), b = raw(s, eq ? cmp->b : cmp->a);
	struct lir_insn *l = isel_lir(s, X64_OP_FBR);
	enum x64_cc cc = eq ? X64_CC_E : cmp->op == IR_flt ? X64_CC_A : X64_CC_AE;

	isel_use(l, a, 0);
	isel_use(l, b, LO_MEM);
	l->sub = (uint8_t)(want ? cc : cc ^ 1);
	l->sub2 = isel_isdbl(cmp);
	l->imm = eq;
	return l;
}

/* ---- rounding to integers ------------------------------------------------------------------------- */

static const uint8_t round_mode[] = {
	[IR_RM_RNE] = 0, [IR_RM_RDN] = 1, [IR_RM_RUP] = 2, [IR_RM_RTZ] = 3, [IR_RM_DYN] = 4
};

/* The unit has no such mode. */
static lreg round_ties_away(struct isel *s, const struct ir_insn *in, bool inexact)
{
	lreg a = raw(s, in->a), t = x64_temp(s, LIR_FP), d;
	struct lir_insn *l = isel_lir(s, X64_OP_FROUNDA);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_LATE);
	isel_use(l, t, LO_LATE);
	l->sub = (uint8_t)(round_mode[IR_RM_RTZ] | (inexact ? 0 : X64_NO_INEXACT));
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg rounded(struct isel *s, const struct ir_insn *in)
{
	const bool inexact = in->op == IR_froundnx;
	struct lir_insn *l;
	lreg a, d;

	if (!X64_HAS(s->features, SSE41))
		return thunk(s, in);
	if (in->sub == IR_RM_RMM)
		return round_ties_away(s, in, inexact);
	a = raw(s, in->a);
	l = isel_lir(s, X64_OP_FROUND);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_MEM);
	l->sub = (uint8_t)(round_mode[in->sub] | (inexact ? 0 : X64_NO_INEXACT));
	l->sub2 = isel_isdbl(in);
	return d;
}

/* ---- conversions ---------------------------------------------------------------------------------- */

/* Ties away from 0. */
static lreg to_int_away(struct isel *s, const struct ir_insn *in)
{
	lreg a = raw(s, in->a), r = round_ties_away(s, in, false), t = x64_temp(s, LIR_FP), d;
	struct lir_insn *l = isel_lir(s, X64_OP_CVTFIA);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, r, 0);
	isel_use(l, t, LO_LATE);
	l->sub2 = isel_isdbl(in);
	l->imm = isel_opword(in);
	l->imm2 = in->op == IR_ftoi64;
	return d;
}

static lreg to_int(struct isel *s, const struct ir_insn *in)
{
	bool is_unsigned = in->op == IR_ftou32 || in->op == IR_ftou64;
	bool is_static = in->sub != IR_RM_DYN && in->sub != IR_RM_RTZ;
	lreg a, t = LREG_NONE, d;
	struct lir_insn *l;

	if ((is_unsigned && in->sub != IR_RM_RTZ) || (is_static && !X64_HAS(s->features, SSE41)))
		return thunk(s, in);
	if (in->sub == IR_RM_RMM)
		return to_int_away(s, in);
	a = raw(s, in->a);
	if (is_static)
		t = x64_temp(s, LIR_FP);
	l = isel_lir(s, is_static ? X64_OP_CVTFIR : is_unsigned ? X64_OP_CVTFU : X64_OP_CVTFI);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	if (is_static) {
		isel_use(l, t, LO_LATE);
		l->sub = round_mode[in->sub];
	} else {
		l->sub = in->sub == IR_RM_RTZ;
	}
	l->sub2 = isel_isdbl(in);
	l->imm = isel_opword(in);
	l->imm2 = in->op == IR_ftoi64 || in->op == IR_ftou64;
	return d;
}

/* With a rounding mode of its own: like any other where it makes no difference. */
static lreg from_int_static(struct isel *s, const struct ir_insn *in)
{
	bool is_unsigned = in->op == IR_u32tof || in->op == IR_u64tof;
	lreg a = isel_vr(s, in->a), t, d;
	struct lir_insn *l;

	if (in->op == IR_u32tof)
		a = x64_extend(s, a, X64_ZX32);
	t = x64_temp(s, LIR_INT);
	l = isel_lir(s, X64_OP_CVTIX);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_LATE);
	isel_use(l, t, LO_LATE);
	l->sub = in->op != IR_i32tof;
	l->sub2 = isel_isdbl(in);
	l->imm = isel_opword(in);
	l->imm2 = (isel_isdbl(in) ? 53 : 24) | (is_unsigned ? X64_UNSIGNED : 0);
	return d;
}

static lreg from_int(struct isel *s, const struct ir_insn *in)
{
	bool is32 = in->op == IR_i32tof || in->op == IR_u32tof;
	bool exact = is32 && in->type == IR_F64;
	struct lir_insn *l;
	lreg a, d;

	if (in->sub != IR_RM_DYN && !exact)
		return from_int_static(s, in);
	a = isel_vr(s, in->a);
	if (in->op == IR_u32tof)
		a = x64_extend(s, a, X64_ZX32);
	l = isel_lir(s, in->op == IR_u64tof ? X64_OP_CVTUF : X64_OP_CVTIF);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, in->op == IR_u64tof ? 0 : LO_MEM);
	l->sub = in->op != IR_i32tof;
	l->sub2 = isel_isdbl(in);
	l->imm = isel_opword(in);
	return d;
}

void x64_sel_fp(struct isel *s, uint32_t idx)
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
		d = compare_keeping(s, in);
		break;
	case IR_cvtfd:
		d = unary(s, X64_OP_CVTFF, in->a, 0);
		break;
	case IR_cvtdf:
		d = in->sub == IR_RM_DYN ? unary(s, X64_OP_CVTFF, in->a, 1) : thunk(s, in);
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
	s->val[idx].host = operands_no_nan(s, in);
}

/* ---- operations on the bits ----------------------------------------------------------------------- */

static lreg with_const(struct isel *s, lreg a, uint32_t op, enum x64_const c)
{
	struct lir_insn *l = isel_lir(s, X64_OP_FBITOP);
	lreg d = isel_def(s, l, LIR_FP);

	isel_use(l, a, LO_HINT);
	l->imm = op;
	l->imm2 = c;
	return d;
}

static lreg sign_of(struct isel *s, const struct ir_insn *in)
{
	bool dbl = isel_isdbl(in);
	lreg a = isel_vr(s, in->a), b = isel_vr(s, in->b), d;
	lreg sign = with_const(s, b, X64_ANDPS, dbl ? X64_C_SIGN64 : X64_C_SIGN32);
	lreg rest = with_const(s, a, X64_ANDPS, dbl ? X64_C_ABS64 : X64_C_ABS32);
	struct lir_insn *l = isel_lir(s, X64_OP_FBITOP);

	d = isel_def(s, l, LIR_FP);
	isel_use(l, rest, LO_HINT);
	isel_use(l, sign, 0);
	l->imm = X64_ORPS;
	return d;
}

static lreg canonical(struct isel *s, const struct ir_insn *in)
{
	struct lir_insn *l;
	lreg a, d;

	if (x64_is_canonical(s, in->a))
		return isel_vr(s, in->a);
	if (!x64_is_quiet(s, in->a)) /* comparing a signalling NaN would raise a flag */
		return thunk(s, in);
	a = raw(s, in->a);
	l = isel_lir(s, X64_OP_FCANON);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_HINT);
	l->sub2 = isel_isdbl(in);
	return d;
}

static lreg unbox(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->a), t = LREG_NONE, d;
	struct lir_insn *l;

	if (!X64_HAS(s->features, SSE41))
		t = x64_temp(s, LIR_INT);
	l = isel_lir(s, X64_OP_UNBOX);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_HINT);
	if (t != LREG_NONE)
		isel_use(l, t, LO_LATE);
	return d;
}

static lreg to_bits(struct isel *s, const struct ir_insn *in)
{
	lreg a = isel_vr(s, in->op == IR_fbits32 ? isel_unboxed(s, in->a) : in->a), d;
	struct lir_insn *l = isel_lir(s, X64_OP_MOVRX);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_MEM);
	l->sub2 = in->op == IR_fbits;
	return d;
}

static lreg from_bits(struct isel *s, const struct ir_insn *in)
{
	struct lir_insn *l;
	int64_t c;
	lreg a, d;

	if (isel_const(s, in->a, &c) && c == 0)
		return isel_def(s, isel_lir(s, X64_OP_FZERO), LIR_FP);
	a = isel_vr(s, in->a);
	l = isel_lir(s, X64_OP_MOVXR);
	d = isel_def(s, l, LIR_FP);
	isel_use(l, a, LO_MEM);
	l->sub2 = in->op == IR_bitsf;
	return d;
}

static lreg classify(struct isel *s, const struct ir_insn *in)
{
	lreg a = raw(s, in->a), t = x64_temp(s, LIR_INT), d;
	struct lir_insn *l = isel_lir(s, X64_OP_FCLASS);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	isel_use(l, t, LO_LATE);
	l->sub2 = isel_isdbl(in);
	l->imm = isel_opword(in);
	return d;
}

lreg x64_sel_fpure(struct isel *s, const struct ir_insn *in)
{
	bool dbl = isel_isdbl(in);

	switch (in->op) {
	case IR_fclass:
		return classify(s, in);
	case IR_fneg:
		return with_const(s, isel_vr(s, in->a), X64_XORPS,
				  dbl ? X64_C_SIGN64 : X64_C_SIGN32);
	case IR_fabs:
		return with_const(s, isel_vr(s, in->a), X64_ANDPS, dbl ? X64_C_ABS64 : X64_C_ABS32);
	case IR_fsgnj:
		return sign_of(s, in);
	case IR_fcanon:
		return canonical(s, in);
	case IR_box:
		return with_const(s, isel_vr(s, in->a), X64_ORPS, X64_C_BOX);
	case IR_unbox:
		return unbox(s, in);
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
	struct lir_insn *l = isel_lir(s, X64_OP_SLD);

	l->imm = (int64_t)offset;
	return isel_def(s, l, LIR_INT);
}

static lreg masked(struct isel *s, lreg a, int64_t mask)
{
	struct lir_insn *l = isel_lir(s, X64_OP_ALUI);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT);
	l->sub = X64_AND;
	l->imm = mask;
	return d;
}

static void store_state(struct isel *s, size_t offset, lreg v)
{
	struct lir_insn *l = isel_lir(s, X64_OP_SST);

	l->imm = (int64_t)offset;
	isel_use(l, v, 0);
}

static lreg call_helper(struct isel *s, const struct ir_insn *in)
{
	lreg a = ir_ref_ok(in->a) ? isel_vr(s, in->a) : isel_const_vreg(s, 0);
	lreg b = ir_ref_ok(in->b) ? isel_vr(s, in->b) : isel_const_vreg(s, 0), d;
	struct lir_insn *l = isel_lir(s, X64_OP_HELPER);

	d = isel_def_fixed(s, l, LIR_INT, X64_RAX);
	isel_opnd(l, a, LIR_USE, LO_LATE, X64_RCX); /* rax takes the number before they are read */
	isel_opnd(l, b, LIR_USE, LO_LATE, X64_RDX);
	l->imm = in->imm;
	return d;
}

static void set_flags(struct isel *s, const struct ir_insn *in)
{
	bool is_flags = isel_insn(s, in->a)->op == IR_getfflags;
	lreg a = isel_vr(s, in->a), t;
	struct lir_insn *l;

	if (!is_flags)
		a = masked(s, a, 31);
	t = x64_temp(s, LIR_INT);
	l = isel_lir(s, X64_OP_SETFFLAGS);
	isel_use(l, a, LO_LATE);
	isel_use(l, t, LO_LATE);
}

void x64_sel_fstate(struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	struct isel_val *v = &s->val[idx];
	struct lir_insn *l;
	lreg a;

	switch (in->op) {
	case IR_getfflags:
		v->vreg = isel_def(s, isel_lir(s, X64_OP_FFLAGS), LIR_INT);
		break;
	case IR_setfflags:
		set_flags(s, in);
		break;
	case IR_getfrm:
		v->vreg = load_state(s, offsetof(struct ir_state, frm));
		break;
	case IR_setfrm:
		a = masked(s, isel_vr(s, in->a), 7);
		store_state(s, offsetof(struct ir_state, frm), a);
		break;
	case IR_routine:
		x64_sel_routine(s, idx);
		break;
	case IR_count:
		isel_lir(s, X64_OP_COUNT)->imm = in->imm;
		break;
	case IR_edge:
		a = isel_vr(s, in->a);
		l = isel_lir(s, X64_OP_EDGE);
		isel_opnd(l, a, LIR_USE, LO_LATE, X64_RCX);
		isel_clobber(l, X64_RAX);
		isel_clobber(l, X64_RDX);
		l->imm = in->imm;
		break;
	case IR_countby:
		a = isel_vr(s, in->a);
		l = isel_lir(s, X64_OP_COUNTBY);
		isel_use(l, a, 0);
		l->imm = in->imm;
		break;
	case IR_countrun:
		isel_count_run(s, in, X64_OP_COUNTRUN);
		break;
	default:
		v->vreg = call_helper(s, in);
		break;
	}
}

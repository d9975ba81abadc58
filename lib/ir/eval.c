/*
 * The meaning of every pure and floating-point operation on raw bits. Folding, the interpreter, the
 * emitters' slow path (IR_THUNK_FP) and the tests' oracle all come here.
 *
 * Rounding operations go through softfp, whose NaN results are canonical: a "raw" result is allowed
 * to be any NaN, so that is one of the right answers.
 */
#include "lib/base/panic.h"
#include "lib/ir/eval_int.h"
#include "lib/ir/softfp.h"

enum { BOX_BITS = 32 };

static const uint64_t BOX_HIGH = UINT64_C(0xffffffff00000000);
static const uint32_t NAN32 = 0x7fc00000;
static const uint64_t NAN64 = UINT64_C(0x7ff8000000000000);

bool ir_cc_holds(enum ir_cc cc, enum ir_type t, uint64_t a, uint64_t b)
{
	return ir_cc_test(cc, t, a, b);
}

static bool is_nan(enum ir_type t, uint64_t a)
{
	if (t == IR_F32)
		return ((uint32_t)a & 0x7fffffff) > 0x7f800000;
	return (a & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

/* Operations on the bits of a float or a double: no rounding, no flags. */
static uint64_t eval_fbits(const struct ir_insn *i, uint64_t a, uint64_t b)
{
	bool narrow = i->type == IR_F32;
	uint64_t sign = narrow ? UINT64_C(1) << 31 : UINT64_C(1) << 63;
	uint64_t v = narrow ? (uint32_t)a : a;

	switch (i->op) {
	case IR_fneg:
		return v ^ sign;
	case IR_fabs:
		return v & ~sign;
	case IR_fsgnj:
		return (v & ~sign) | (b & sign);
	case IR_fcanon:
		return !is_nan((enum ir_type)i->type, v) ? v : narrow ? NAN32 : NAN64;
	case IR_fclass:
		return narrow ? fp_class32((uint32_t)v) : fp_class64(v);
	case IR_box:
		return BOX_HIGH | (uint32_t)a;
	case IR_unbox:
		return a >> BOX_BITS == BOX_HIGH >> BOX_BITS ? (uint32_t)a : NAN32;
	case IR_fbits32:
	case IR_bitsf32:
		return (uint32_t)a;
	case IR_fbits:
	case IR_bitsf:
		return a;
	}
	KIT_PANIC("no meaning for %s", ir_info(i)->name);
}

uint64_t ir_eval_count(enum ir_op op, bool w, uint64_t a)
{
	if (w)
		a = (uint32_t)a;
	if (op == IR_popcount)
		return (unsigned)__builtin_popcountll(a);
	if (!a)
		return w ? 32 : 64;
	return op == IR_ctz ? (unsigned)__builtin_ctzll(a)
			    : (unsigned)__builtin_clzll(a) - (w ? 32 : 0);
}

static uint64_t eval_f32(enum ir_op op, uint32_t a, uint32_t b, uint32_t c, enum fp_rm rm,
			 uint32_t *fl)
{
	const uint32_t sign = UINT32_C(1) << 31;
	uint32_t kept = 0;

	switch ((int)op) {
	case IR_fadd:
		return fp_add32(a, b, rm, fl);
	case IR_fsub:
		return fp_sub32(a, b, rm, fl);
	case IR_fmul:
		return fp_mul32(a, b, rm, fl);
	case IR_fdiv:
		return fp_div32(a, b, rm, fl);
	case IR_fsqrt:
		return fp_sqrt32(a, rm, fl);
	case IR_fmadd:
		return fp_fma32(a, b, c, rm, fl);
	case IR_fmsub:
		return fp_fma32(a, b, c ^ sign, rm, fl);
	case IR_fnmsub:
		return fp_fma32(a ^ sign, b, c, rm, fl);
	case IR_fnmadd:
		return fp_fma32(a ^ sign, b, c ^ sign, rm, fl);
	case IR_fmin:
		return fp_min32(a, b, fl);
	case IR_fmax:
		return fp_max32(a, b, fl);
	case IR_feq:
		return fp_eq32(a, b, fl);
	case IR_flt:
		return fp_lt32(a, b, fl);
	case IR_fle:
		return fp_le32(a, b, fl);
	case IR_fltk:
		return fp_lt32(a, b, &kept);
	case IR_flek:
		return fp_le32(a, b, &kept);
	case IR_fround:
	case IR_froundnx:
		return fp_round_int32(a, rm, op == IR_froundnx, fl);
	case IR_ftoi32:
		return (uint32_t)fp_f32_to_i32(a, rm, fl);
	case IR_ftou32:
		return (uint32_t)fp_f32_to_u32(a, rm, fl);
	case IR_ftoi64:
		return fp_f32_to_i64(a, rm, fl);
	case IR_ftou64:
		return fp_f32_to_u64(a, rm, fl);
	}
	KIT_PANIC("no meaning for %s.f32", ir_ops[op].name);
}

static uint64_t eval_f64(enum ir_op op, uint64_t a, uint64_t b, uint64_t c, enum fp_rm rm,
			 uint32_t *fl)
{
	const uint64_t sign = UINT64_C(1) << 63;
	uint32_t kept = 0;

	switch ((int)op) {
	case IR_fadd:
		return fp_add64(a, b, rm, fl);
	case IR_fsub:
		return fp_sub64(a, b, rm, fl);
	case IR_fmul:
		return fp_mul64(a, b, rm, fl);
	case IR_fdiv:
		return fp_div64(a, b, rm, fl);
	case IR_fsqrt:
		return fp_sqrt64(a, rm, fl);
	case IR_fmadd:
		return fp_fma64(a, b, c, rm, fl);
	case IR_fmsub:
		return fp_fma64(a, b, c ^ sign, rm, fl);
	case IR_fnmsub:
		return fp_fma64(a ^ sign, b, c, rm, fl);
	case IR_fnmadd:
		return fp_fma64(a ^ sign, b, c ^ sign, rm, fl);
	case IR_fmin:
		return fp_min64(a, b, fl);
	case IR_fmax:
		return fp_max64(a, b, fl);
	case IR_feq:
		return fp_eq64(a, b, fl);
	case IR_flt:
		return fp_lt64(a, b, fl);
	case IR_fle:
		return fp_le64(a, b, fl);
	case IR_fltk:
		return fp_lt64(a, b, &kept);
	case IR_flek:
		return fp_le64(a, b, &kept);
	case IR_fround:
	case IR_froundnx:
		return fp_round_int64(a, rm, op == IR_froundnx, fl);
	case IR_ftoi32:
		return (uint32_t)fp_f64_to_i32(a, rm, fl);
	case IR_ftou32:
		return (uint32_t)fp_f64_to_u32(a, rm, fl);
	case IR_ftoi64:
		return fp_f64_to_i64(a, rm, fl);
	case IR_ftou64:
		return fp_f64_to_u64(a, rm, fl);
	}
	KIT_PANIC("no meaning for %s.f64", ir_ops[op].name);
}

/* Conversions from integers, and between the formats. */
static uint64_t eval_tof(const struct ir_insn *i, uint64_t a, enum fp_rm rm, uint32_t *fl)
{
	bool narrow = i->type == IR_F32;

	switch (i->op) {
	case IR_cvtfd:
		return fp_f32_to_f64((uint32_t)a, fl);
	case IR_cvtdf:
		return fp_f64_to_f32(a, rm, fl);
	case IR_i32tof:
		return narrow ? fp_i32_to_f32(a, rm, fl) : fp_i32_to_f64(a, rm, fl);
	case IR_u32tof:
		return narrow ? fp_u32_to_f32(a, rm, fl) : fp_u32_to_f64(a, rm, fl);
	case IR_i64tof:
		return narrow ? fp_i64_to_f32(a, rm, fl) : fp_i64_to_f64(a, rm, fl);
	case IR_u64tof:
		return narrow ? fp_u64_to_f32(a, rm, fl) : fp_u64_to_f64(a, rm, fl);
	}
	KIT_PANIC("no meaning for %s", ir_info(i)->name);
}

uint64_t ir_eval(const struct ir_insn *i, uint64_t a, uint64_t b, uint64_t c, unsigned rm,
		 uint32_t *fflags)
{
	unsigned flags = ir_info(i)->flags;
	enum fp_rm mode;

	if (!(flags & IR_F)) {
		if (i->op >= IR_fclass)
			return eval_fbits(i, a, b);
		if (i->op == IR_const)
			return i->type == IR_I32 ? (uint32_t)i->imm : (uint64_t)i->imm;
		if (i->op == IR_select)
			return i->type == IR_I32 ? (uint32_t)(a ? b : c) : a ? b : c;
		if (i->op == IR_set)
			return ir_cc_test((enum ir_cc)i->sub, (enum ir_type)i->type, a, b);
		return ir_eval_int((enum ir_op)i->op, (enum ir_type)i->type, a, b);
	}
	mode = (enum fp_rm)(i->sub == IR_RM_DYN ? rm : i->sub);
	if (i->op == IR_cvtfd || i->op == IR_cvtdf || (i->op >= IR_i32tof && i->op <= IR_u64tof))
		return eval_tof(i, a, mode, fflags);
	if (i->type == IR_F32)
		return eval_f32((enum ir_op)i->op, (uint32_t)a, (uint32_t)b, (uint32_t)c, mode,
				fflags);
	return eval_f64((enum ir_op)i->op, a, b, c, mode, fflags);
}

/* ir_eval tells the kinds of operations apart by the order of their rows. */
_Static_assert(IR_zext < IR_fadd && IR_flek < IR_fclass && IR_bitsf32 < IR_cvtfd, "row order");

/*
 * F and D. Single-precision operands are unboxed, results boxed. Arithmetic gives raw NaNs, so
 * fcanon follows it; what moves bits (fsgnj, fmv, loads, stores) never makes a NaN canonical, except that
 * reading an unboxed float does ("D", section "NaN Boxing of Narrower Values").
 */
#include "arch/rv64/lift_priv.h"

/* An arithmetic result: any NaN becomes the canonical one ("F", NaN Generation and Propagation). */
static void put_canon(struct trace *t, enum ir_type type, unsigned rd, ir_ref v)
{
	put_f(t, type, rd, ir_op1(&t->b, IR_fcanon, type, v));
}

LIFT(farith)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1);
	ir_ref y = get_f(t, type, i->rs2);

	put_canon(t, type, i->rd,
		  ir_fop(&t->b, (enum ir_op)r->arg, type, (enum ir_rm)rv64_rm(i), x, y, IR_NOREF));
}

LIFT(fma)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1), y = get_f(t, type, i->rs2),
	       z = get_f(t, type, rv64_rs3(i));

	put_canon(t, type, i->rd,
		  ir_fop(&t->b, (enum ir_op)r->arg, type, (enum ir_rm)rv64_rm(i), x, y, z));
}

LIFT(fsqrt)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1);

	put_canon(t, type, i->rd,
		  ir_fop(&t->b, IR_fsqrt, type, (enum ir_rm)rv64_rm(i), x, IR_NOREF, IR_NOREF));
}

LIFT(fminmax)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1), y = get_f(t, type, i->rs2);

	put_f(t, type, i->rd, ir_op2(&t->b, (enum ir_op)r->arg, type, x, y));
}

/* feq, flt, fle accrue flags: they are made even when rd is x0. */
LIFT(fcmp)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1), y = get_f(t, type, i->rs2);

	put_x(t, i->rd, ir_op2(&t->b, (enum ir_op)r->arg, type, x, y));
}

LIFT(fclass)
{
	enum ir_type type = (enum ir_type)r->type;

	if (i->rd)
		put_x(t, i->rd, ir_op1(&t->b, IR_fclass, type, get_f(t, type, i->rs1)));
}

/* ---- sign injection: bit operations, no flags ---------------------------------------------- */

LIFT(fsgnj)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1);

	if (i->rs1 != i->rs2) /* equal: fmv */
		x = ir_op2(&t->b, IR_fsgnj, type, x, get_f(t, type, i->rs2));
	put_f(t, type, i->rd, x);
}

LIFT(fsgnjn)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1);

	if (i->rs1 == i->rs2) /* fneg */
		x = ir_op1(&t->b, IR_fneg, type, x);
	else
		x = ir_op2(&t->b, IR_fsgnj, type, x,
			   ir_op1(&t->b, IR_fneg, type, get_f(t, type, i->rs2)));
	put_f(t, type, i->rd, x);
}

/* The bits of a float or double as an i64; a float's upper half is all ones. */
static ir_ref bits_of(struct trace *t, enum ir_type type, ir_ref v)
{
	if (type == IR_F32)
		v = ir_op1(&t->b, IR_box, IR_NONE, v);
	return ir_op1(&t->b, IR_fbits, IR_NONE, v);
}

/* Rare unless rs1 = rs2, which is fabs: built from integer operations. */
LIFT(fsgnjx)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1), y, sign;

	if (i->rs1 == i->rs2) {
		put_f(t, type, i->rd, ir_op1(&t->b, IR_fabs, type, x));
		return;
	}
	y = bits_of(t, type, get_f(t, type, i->rs2));
	sign = ir_const(&t->b, IR_I64, type == IR_F32 ? INT64_C(1) << 31 : INT64_MIN);
	sign = ir_op2(&t->b, IR_and, IR_I64, y, sign);
	x = ir_op2(&t->b, IR_xor, IR_I64, bits_of(t, type, x), sign);
	/* The float's box was not touched: these are the bits of the register. */
	put_d(t, i->rd, ir_op1(&t->b, IR_bitsf, IR_NONE, x));
}

/* ---- conversions and moves ------------------------------------------------------------------ */

/* A 32-bit result is sign-extended, an unsigned one too ("F", section on conversions). */
LIFT(ftoint)
{
	enum ir_type type = (enum ir_type)r->type;
	ir_ref x = get_f(t, type, i->rs1);
	ir_ref v =
	    ir_fop(&t->b, (enum ir_op)r->arg, type, (enum ir_rm)rv64_rm(i), x, IR_NOREF, IR_NOREF);
	bool is_word = r->arg == IR_ftoi32 || r->arg == IR_ftou32;

	if (i->rd) /* flags accrue without */
		put_typed(t, is_word ? IR_I32 : IR_I64, i->rd, v);
}

LIFT(inttof)
{
	bool is_word = r->arg == IR_i32tof || r->arg == IR_u32tof;
	ir_ref x = get_typed(t, is_word ? IR_I32 : IR_I64, i->rs1);

	put_f(t, (enum ir_type)r->type, i->rd,
	      ir_fop(&t->b, (enum ir_op)r->arg, (enum ir_type)r->type, (enum ir_rm)rv64_rm(i), x,
		     IR_NOREF, IR_NOREF));
}

LIFT(fcvt_s_d)
{
	ir_ref v = ir_fop(&t->b, IR_cvtdf, IR_NONE, (enum ir_rm)rv64_rm(i), get_d(t, i->rs1),
			  IR_NOREF, IR_NOREF);

	put_canon(t, IR_F32, i->rd, v);
}

/*
 * Always exact, so the IR's operation has no rounding mode; yet an invalid dynamic one makes the
 * instruction illegal ("F", section "Floating-Point Control and Status Register": rm counts as usual in
 * widening conversions). Assemblers write rm 0 here. For the rare dynamic one a multiplication
 * by 1, exact as well, carries the mode; it comes first, since an illegal instruction raises no flag.
 */
LIFT(fcvt_d_s)
{
	ir_ref v = get_f(t, IR_F32, i->rs1);

	if (rv64_rm(i) == IR_RM_DYN) {
		ir_ref one = ir_const(&t->b, IR_I32, 0x3f800000);

		one = ir_op1(&t->b, IR_bitsf32, IR_NONE, one);
		v = ir_fop(&t->b, IR_fmul, IR_F32, IR_RM_DYN, v, one, IR_NOREF);
	}
	put_canon(t, IR_F64, i->rd, ir_op1(&t->b, IR_cvtfd, IR_NONE, v));
}

/* Moves the low 32 bits as they are, boxed or not. */
LIFT(fmv_x_w)
{
	if (i->rd)
		put_typed(t, IR_I32, i->rd, ir_op1(&t->b, IR_fbits32, IR_NONE, get_d(t, i->rs1)));
}

LIFT(fmv_w_x) { put_f(t, IR_F32, i->rd, ir_op1(&t->b, IR_bitsf32, IR_NONE, get_w(t, i->rs1))); }

LIFT(fmv_x_d)
{
	if (i->rd)
		put_x(t, i->rd, ir_op1(&t->b, IR_fbits, IR_NONE, get_d(t, i->rs1)));
}

LIFT(fmv_d_x) { put_d(t, i->rd, ir_op1(&t->b, IR_bitsf, IR_NONE, get_x(t, i->rs1))); }

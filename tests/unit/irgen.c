/* Random IR; see irgen.h. Each part of the generator below makes what one kind of guest instruction lifts to. */
#include "tests/unit/irgen.h"

#include <stddef.h>
#include <string.h>

/* ---- random numbers -------------------------------------------------------------------------- */

uint64_t irgen_random(struct irgen *g)
{
	uint64_t z = g->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

unsigned irgen_below(struct irgen *g, unsigned n) { return (unsigned)(irgen_random(g) >> 33) % n; }

static bool chance(struct irgen *g, unsigned percent) { return irgen_below(g, 100) < percent; }

uint64_t irgen_value(struct irgen *g)
{
	static const uint64_t some[] = {
		0,
		1,
		2,
		7,
		8,
		255,
		256,
		0x7f,
		0x80,
		0x7fff,
		0x8000,
		0xffff,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		INT64_MAX,
		(uint64_t)INT64_MIN,
		UINT64_MAX,
		0xffffffff80000000,
		0xffffffff7fffffff,
		(uint64_t)-2,
		(uint64_t)-16,
		/* doubles: 1, -0, inf, NaNs quiet and signalling, the least subnormal, 2^53 + 2 */
		0x3ff0000000000000,
		0x7ff0000000000000,
		0xfff0000000000000,
		0x7ff8000000000000,
		0xfff8000000000001,
		0x7ff0000000000001,
		0x4340000000000001,
		/* boxed floats: 1, -0, -inf, NaNs, and 2^24 */
		0xffffffff3f800000,
		0xffffffff80000000,
		0xffffffffff800000,
		0xffffffff7fc00000,
		0xffffffffffc00001,
		0xffffffff7f800001,
		0xffffffff4b800000,
	};
	uint64_t r = irgen_random(g);

	switch (irgen_below(g, 4)) {
	case 0:
	case 1:
		return some[r % ARRAY_LEN(some)];
	case 2:
		return (uint64_t)((int64_t)r >> (r & 63));
	default:
		return r;
	}
}

static uint64_t fp_value(struct irgen *g)
{
	uint64_t r = irgen_random(g);

	if (chance(g, 50))
		return irgen_value(g);
	/* Numbers of similar size, so that sums do not just drop one operand. */
	if (r & 1)
		return UINT64_C(0xffffffff00000000) | (UINT32_C(0x3f000000) + (uint32_t)(r >> 39));
	return UINT64_C(0x3fe0000000000000) + (r >> 10);
}

/* ---- the unit being made ----------------------------------------------------------------------- */

enum { POOL = 24, SIDE_TARGET = 0x40000, TYPES = 5 };

/* Recent values by type; the oldest is forgotten first. */
struct pool {
	ir_ref v[POOL];
	unsigned count;
};

struct gen {
	struct irgen *g;
	struct ir_builder b;
	struct pool pool[TYPES];
	ir_ref base[IRGEN_BASES];      /* the value of the base register */
	int64_t base_off[IRGEN_BASES]; /* what it is beyond the window's middle */
	bool frm_set;
};

enum { BASE_REACH = 512, MIDDLE = IRGEN_WINDOW_BYTES / 2 };

static ir_ref keep(struct gen *s, enum ir_type t, ir_ref v)
{
	struct pool *p = &s->pool[t];

	p->v[p->count++ % POOL] = v;
	return v;
}

/* A value of type t: an old one, a register, a constant, or made from another type. */
static ir_ref pick(struct gen *s, enum ir_type t)
{
	struct irgen *g = s->g;
	struct pool *p = &s->pool[t];
	unsigned n = p->count < POOL ? p->count : POOL;

	if (n && chance(g, 60))
		return p->v[chance(g, 50) ? (p->count - 1) % POOL : irgen_below(g, n)];
	switch (t) {
	case IR_I32:
		if (chance(g, 30))
			return ir_const(&s->b, IR_I32, (int64_t)irgen_value(g));
		return keep(s, t, ir_op1(&s->b, IR_trunc, IR_NONE, pick(s, IR_I64)));
	case IR_F32:
		return keep(s, t, ir_op1(&s->b, IR_unbox, IR_NONE, pick(s, IR_F64)));
	case IR_F64:
		return keep(s, t, ir_getreg(&s->b, g->freg[irgen_below(g, g->fregs)]));
	default:
		if (chance(g, 30))
			return ir_const(&s->b, IR_I64, (int64_t)irgen_value(g));
		return keep(s, IR_I64, ir_getreg(&s->b, g->xreg[irgen_below(g, g->xregs)]));
	}
}

/* A result of the guest instruction: mostly it goes to a register at once. */
static void give(struct gen *s, enum ir_type t, ir_ref v)
{
	struct irgen *g = s->g;

	keep(s, t, v);
	if (t == IR_I32)
		v = keep(s, IR_I64, ir_op1(&s->b, chance(g, 85) ? IR_sext : IR_zext, IR_NONE, v));
	if (t == IR_F32)
		v = keep(s, IR_F64, ir_op1(&s->b, IR_box, IR_NONE, v));
	if (!chance(g, 80))
		return;
	if (t == IR_F32 || t == IR_F64)
		ir_putreg(&s->b, g->freg[irgen_below(g, g->fregs)], v);
	else
		ir_putreg(&s->b, g->xreg[irgen_below(g, g->xregs)], v);
}

static enum ir_type int_type(struct gen *s) { return chance(s->g, 40) ? IR_I32 : IR_I64; }
static enum ir_type fp_type(struct gen *s) { return chance(s->g, 50) ? IR_F32 : IR_F64; }

static enum ir_cc any_cc(struct gen *s) { return (enum ir_cc)irgen_below(s->g, 6); }

/* ---- integers ------------------------------------------------------------------------------ */

static void gen_alu(struct gen *s)
{
	unsigned op = IR_add + irgen_below(s->g, IR_sar - IR_add + 1);
	enum ir_type t = int_type(s);
	ir_ref x, y;

	if (op == IR_mulh || op == IR_mulhu || op == IR_mulhsu)
		t = IR_I64;
	x = pick(s, t);
	y = chance(s->g, 40) ? ir_const(&s->b, t, (int64_t)irgen_value(s->g))
			     : (chance(s->g, 5) ? x : pick(s, t));
	if (chance(s->g, 10)) {
		ir_ref z = x;

		x = y;
		y = z;
	}
	give(s, t, ir_op2(&s->b, (enum ir_op)op, t, x, y));
}

/* The pairs that compilers extend and extract fields with. */
static void gen_shifts(struct gen *s)
{
	static const uint8_t amounts[] = { 8, 16, 24, 31, 32, 32, 32, 33, 48, 48, 56, 56, 60, 63 };
	enum ir_type t = chance(s->g, 20) ? IR_I32 : IR_I64;
	unsigned n = amounts[irgen_below(s->g, ARRAY_LEN(amounts))];
	unsigned m = chance(s->g, 60) ? n : amounts[irgen_below(s->g, ARRAY_LEN(amounts))];
	enum ir_op right = chance(s->g, 50) ? IR_shr : IR_sar;
	ir_ref v = ir_op2(&s->b, IR_shl, t, pick(s, t), ir_const(&s->b, t, n));

	give(s, t, v);
	if (chance(s->g, 15))
		right = IR_shl;
	give(s, t, ir_op2(&s->b, right, t, v, ir_const(&s->b, t, m)));
}

/* Two of an operation with constants, which fold into one. */
static void gen_chain(struct gen *s)
{
	static const uint8_t ops[] = {
		IR_add, IR_add, IR_add, IR_sub, IR_and, IR_or, IR_xor, IR_shl
	};
	enum ir_type t = int_type(s);
	enum ir_op op = (enum ir_op)ops[irgen_below(s->g, ARRAY_LEN(ops))];
	ir_ref v = pick(s, t);

	for (unsigned k = 0; k < 2; k++) {
		v = ir_op2(&s->b, op, t, v, ir_const(&s->b, t, (int64_t)irgen_value(s->g)));
		give(s, t, v);
	}
}

static void gen_extend(struct gen *s)
{
	switch (irgen_below(s->g, 5)) {
	case 0:
		give(s, IR_I64, ir_op1(&s->b, IR_sext8, IR_I64, pick(s, IR_I64)));
		break;
	case 1:
		give(s, IR_I64, ir_op1(&s->b, IR_sext16, IR_I64, pick(s, IR_I64)));
		break;
	case 2:
		give(s, IR_I32, ir_op1(&s->b, IR_trunc, IR_NONE, pick(s, IR_I64)));
		break;
	case 3:
		give(s, IR_I64, ir_op1(&s->b, IR_sext, IR_NONE, pick(s, IR_I32)));
		break;
	default:
		give(s, IR_I64, ir_op1(&s->b, IR_zext, IR_NONE, pick(s, IR_I32)));
		break;
	}
}

/* A value of few bits, an operation or two, and a mask or an extension that may be superfluous. */
static void gen_narrow(struct gen *s)
{
	static const uint64_t masks[] = { 1, 0x7f, 0xff, 0xfff, 0xffff, 0x7fffffff, 0xffffffff };
	static const uint8_t ops[] = {
		IR_add, IR_sub, IR_and, IR_or, IR_xor, IR_shl, IR_shr, IR_sar
	};
	ir_ref v[2];

	for (unsigned k = 0; k < 2; k++) {
		unsigned n = irgen_below(s->g, 3);

		v[k] = pick(s, IR_I64);
		if (n == 0)
			v[k] =
			    ir_op2(&s->b, IR_and, IR_I64, v[k],
				   ir_const(&s->b, IR_I64, (int64_t)masks[irgen_below(s->g, 7)]));
		else if (n == 1)
			v[k] = ir_op1(&s->b, chance(s->g, 50) ? IR_sext8 : IR_sext16, IR_I64, v[k]);
		else
			v[k] = ir_op1(&s->b, chance(s->g, 70) ? IR_sext : IR_zext, IR_NONE,
				      ir_op1(&s->b, IR_trunc, IR_NONE, v[k]));
	}
	for (unsigned k = irgen_below(s->g, 3); k > 0; k--) {
		enum ir_op op = (enum ir_op)ops[irgen_below(s->g, ARRAY_LEN(ops))];

		if (op >= IR_shl)
			v[1] = ir_const(&s->b, IR_I64, irgen_below(s->g, 40));
		v[0] = ir_op2(&s->b, op, IR_I64, v[0], v[1]);
	}
	if (chance(s->g, 40))
		give(s, IR_I64,
		     ir_op2(&s->b, IR_and, IR_I64, v[0],
			    ir_const(&s->b, IR_I64, (int64_t)masks[irgen_below(s->g, 7)])));
	else if (chance(s->g, 40))
		give(s, IR_I64,
		     ir_op1(&s->b, chance(s->g, 50) ? IR_sext8 : IR_sext16, IR_I64, v[0]));
	else
		give(s, IR_I32, ir_op1(&s->b, IR_trunc, IR_NONE, v[0]));
}

/* The right side of a compare: often a constant that rules look for. */
static ir_ref compared(struct gen *s, enum ir_type t)
{
	if (chance(s->g, 50))
		return ir_const(&s->b, t, irgen_below(s->g, 3));
	return pick(s, t);
}

static void gen_set(struct gen *s)
{
	enum ir_type t = int_type(s);
	ir_ref v = ir_set(&s->b, t, any_cc(s), pick(s, t), compared(s, t));

	give(s, IR_I64, v);
	switch (irgen_below(s->g, 4)) {
	case 0:
		v = ir_op2(&s->b, IR_xor, IR_I64, v, ir_const(&s->b, IR_I64, 1));
		give(s, IR_I64, v);
		break;
	case 1:
		v = ir_set(&s->b, IR_I64, any_cc(s), v, compared(s, IR_I64));
		give(s, IR_I64, v);
		break;
	}
}

static void gen_br(struct gen *s)
{
	enum ir_type t = chance(s->g, 20) ? IR_I32 : IR_I64;
	ir_ref x = pick(s, t), y = compared(s, t);
	struct ir_unit *u = s->b.unit;
	gaddr target = SIDE_TARGET + irgen_below(s->g, 16) * 4;

	if (chance(s->g, 30)) { /* a set, sub or xor before it, for fusion */
		static const uint8_t ops[] = { IR_sub, IR_xor, IR_add };

		x = chance(s->g, 50)
			? ir_set(&s->b, t, any_cc(s), x, y)
			: ir_op2(&s->b, (enum ir_op)ops[irgen_below(s->g, 3)], t, x, y);
		if (ir_result_type(&u->insn[x.idx]) == IR_I32)
			x = ir_op1(&s->b, IR_sext, IR_NONE, x);
		t = IR_I64;
		y = ir_const(&s->b, t, 0);
	}
	/* Mostly not taken, so that the rest runs too. */
	if (chance(s->g, 70))
		ir_br(&s->b, t, IR_LTU, ir_const(&s->b, t, chance(s->g, 90) ? -1 : 3), x, target);
	else
		ir_br(&s->b, t, any_cc(s), x, y, target);
}

/* ---- floating point -------------------------------------------------------------------------- */

static enum ir_rm any_rm(struct gen *s)
{
	return chance(s->g, 60) ? IR_RM_DYN : (enum ir_rm)irgen_below(s->g, 5);
}

static void give_canon(struct gen *s, enum ir_type t, ir_ref v)
{
	give(s, t, ir_op1(&s->b, IR_fcanon, t, v));
}

static void gen_farith(struct gen *s)
{
	static const uint8_t ops[] = { IR_fadd,  IR_fsub,  IR_fmul,   IR_fdiv,  IR_fsqrt,
				       IR_fmadd, IR_fmsub, IR_fnmsub, IR_fnmadd };
	enum ir_op op = (enum ir_op)ops[irgen_below(s->g, ARRAY_LEN(ops))];
	enum ir_type t = fp_type(s);
	ir_ref x = pick(s, t), y = pick(s, t), z = pick(s, t);

	if (op == IR_fsqrt)
		y = IR_NOREF;
	if (ir_ops[op].c == IR_NONE)
		z = IR_NOREF;
	give_canon(s, t, ir_fop(&s->b, op, t, any_rm(s), x, y, z));
}

/* A result whose sign is changed before it is used: what of a NaN may be seen then? */
static void gen_fsign(struct gen *s)
{
	enum ir_type t = fp_type(s);
	ir_ref v = ir_op1(&s->b, IR_fcanon, t,
			  ir_fop(&s->b, chance(s->g, 50) ? IR_fdiv : IR_fsub, t, any_rm(s),
				 pick(s, t), pick(s, t), IR_NOREF));

	while (chance(s->g, 60))
		v = ir_op1(&s->b, chance(s->g, 60) ? IR_fneg : IR_fabs, t, v);
	if (chance(s->g, 40))
		v = ir_op2(&s->b, IR_fsgnj, t, pick(s, t), v);
	else if (chance(s->g, 40))
		v = ir_op2(&s->b, IR_fsgnj, t, v, pick(s, t));
	if (chance(s->g, 50))
		give(s, t, v);
	else
		give_canon(s, t, ir_fop(&s->b, IR_fadd, t, any_rm(s), v, pick(s, t), IR_NOREF));
}

static void gen_fbits(struct gen *s)
{
	enum ir_type t = fp_type(s);

	switch (irgen_below(s->g, 9)) {
	case 0:
		give(s, t, ir_op1(&s->b, IR_fneg, t, pick(s, t)));
		break;
	case 1:
		give(s, t, ir_op1(&s->b, IR_fabs, t, pick(s, t)));
		break;
	case 2:
		give(s, t, ir_op2(&s->b, IR_fsgnj, t, pick(s, t), pick(s, t)));
		break;
	case 3:
		give(s, IR_I64, ir_op1(&s->b, IR_fclass, t, pick(s, t)));
		break;
	case 4:
		give(s, IR_I64, ir_op1(&s->b, IR_fbits, IR_NONE, pick(s, IR_F64)));
		break;
	case 5:
		give(s, IR_I32, ir_op1(&s->b, IR_fbits32, IR_NONE, pick(s, IR_F64)));
		break;
	case 6:
		give(s, IR_F64, ir_op1(&s->b, IR_bitsf, IR_NONE, pick(s, IR_I64)));
		break;
	case 7:
		give(s, IR_F32, ir_op1(&s->b, IR_bitsf32, IR_NONE, pick(s, IR_I32)));
		break;
	default:
		give(s, t, ir_op1(&s->b, IR_fcanon, t, pick(s, t)));
		break;
	}
}

static void gen_fcompare(struct gen *s)
{
	enum ir_type t = fp_type(s);
	unsigned op = irgen_below(s->g, 5);

	if (op < 3)
		give(s, IR_I64,
		     ir_op2(&s->b, (enum ir_op)(IR_feq + op), t, pick(s, t), pick(s, t)));
	else
		give(s, t, ir_op2(&s->b, op == 3 ? IR_fmin : IR_fmax, t, pick(s, t), pick(s, t)));
}

static void gen_fconvert(struct gen *s)
{
	unsigned n = irgen_below(s->g, 10);
	enum ir_type t = fp_type(s), from = n == 6 || n == 7 ? IR_I32 : IR_I64;

	if (n == 0)
		give_canon(s, IR_F64, ir_op1(&s->b, IR_cvtfd, IR_NONE, pick(s, IR_F32)));
	else if (n == 1)
		give_canon(s, IR_F32,
			   ir_fop(&s->b, IR_cvtdf, IR_NONE, any_rm(s), pick(s, IR_F64), IR_NOREF,
				  IR_NOREF));
	else if (n < 6)
		give(s, n < 4 ? IR_I32 : IR_I64,
		     ir_fop(&s->b, (enum ir_op)(IR_ftoi32 + n - 2), t, any_rm(s), pick(s, t),
			    IR_NOREF, IR_NOREF));
	else
		give(s, t,
		     ir_fop(&s->b, (enum ir_op)(IR_i32tof + n - 6), t, any_rm(s), pick(s, from),
			    IR_NOREF, IR_NOREF));
}

static void gen_fstate(struct gen *s)
{
	struct ir_insn i = { .op = IR_getfflags, .a = IR_NOREF, .b = IR_NOREF, .c = IR_NOREF };

	switch (irgen_below(s->g, 3)) {
	case 0:
		i.op = IR_setfflags;
		i.a = pick(s, IR_I64);
		ir_emit(&s->b, i);
		return;
	case 1:
		i.op = IR_getfrm;
		break;
	}
	give(s, IR_I64, ir_emit(&s->b, i));
}

/* ---- memory ------------------------------------------------------------------------------------ */

/* An address within the window for an access of 8 bytes, and a displacement. */
static ir_ref address(struct gen *s, int64_t *disp)
{
	struct irgen *g = s->g;
	unsigned k = irgen_below(g, IRGEN_BASES);
	ir_ref v;

	*disp = (int64_t)irgen_below(g, 256) - 128;
	if (g->wild && chance(g, 8))
		return ir_const(&s->b, IR_I64, (int64_t)(g->window + (UINT64_C(1) << 30)));
	if (chance(g, 30)) { /* any value, masked into the window */
		v = ir_op2(&s->b, IR_and, IR_I64, pick(s, IR_I64), ir_const(&s->b, IR_I64, 0x7ff));
		v = ir_op2(&s->b, IR_add, IR_I64, v,
			   ir_const(&s->b, IR_I64, (int64_t)g->window + 1024));
		return v;
	}
	if (!ir_ref_ok(s->base[k]))
		s->base[k] = ir_getreg(&s->b, g->base[k]);
	v = s->base[k];
	while (chance(g, 30))
		v = ir_op2(&s->b, IR_add, IR_I64, v,
			   ir_const(&s->b, IR_I64, (int64_t)irgen_below(g, 128) - 64));
	if (chance(g, 20))
		ir_putreg(&s->b, g->xreg[irgen_below(g, g->xregs)], v);
	return v;
}

/* A base register moves, as stack and array pointers do. */
static void gen_base(struct gen *s)
{
	struct irgen *g = s->g;
	unsigned k = irgen_below(g, IRGEN_BASES);
	int64_t step = (int64_t)irgen_below(g, 256) - 128;

	if (s->base_off[k] + step > BASE_REACH || s->base_off[k] + step < -BASE_REACH)
		step = -step;
	s->base_off[k] += step;
	if (!ir_ref_ok(s->base[k]) || chance(g, 20))
		s->base[k] = ir_getreg(&s->b, g->base[k]);
	s->base[k] = ir_op2(&s->b, IR_add, IR_I64, s->base[k], ir_const(&s->b, IR_I64, step));
	ir_putreg(&s->b, g->base[k], s->base[k]);
}

static void gen_memory(struct gen *s)
{
	bool fp = s->g->fp && chance(s->g, 25), loads = chance(s->g, 60);
	enum ir_type t = fp ? fp_type(s) : IR_NONE;
	unsigned op = loads ? IR_ld8u + irgen_below(s->g, 7) : IR_st8 + irgen_below(s->g, 4);
	int64_t disp;
	ir_ref at = address(s, &disp);

	if (fp)
		op = loads ? IR_ldf : IR_stf;
	if (loads)
		give(s, fp ? t : IR_I64, ir_load(&s->b, (enum ir_op)op, t, at, disp));
	else
		ir_store(&s->b, (enum ir_op)op, t, at, disp, pick(s, fp ? t : IR_I64));
}

static void gen_atomic(struct gen *s)
{
	struct irgen *g = s->g;
	enum ir_type t = int_type(s);
	struct ir_insn i = { .op = (uint8_t)(IR_lr + irgen_below(g, 4)),
			     .type = (uint8_t)t,
			     .b = IR_NOREF,
			     .c = IR_NOREF };
	int64_t disp;

	if (i.op == IR_fence) {
		i.type = IR_NONE;
		i.imm = 0x33;
		ir_emit(&s->b, i);
		return;
	}
	i.a = address(s, &disp);
	if (!chance(g, 10)) /* mostly aligned */
		i.a = ir_op2(&s->b, IR_and, IR_I64, i.a, ir_const(&s->b, IR_I64, -8));
	i.sub = (uint8_t)irgen_below(g, 4);
	if (i.op == IR_amo)
		i.sub = (uint8_t)(irgen_below(g, 9) | i.sub << 4);
	if (i.op != IR_lr)
		i.b = pick(s, t);
	give(s, i.op == IR_sc ? IR_I64 : t, ir_emit(&s->b, i));
}

/* ---- units --------------------------------------------------------------------------------------- */

typedef void gen_fn(struct gen *s);

static void gen_insn(struct gen *s)
{
	static gen_fn *const ints[] = { gen_alu, gen_alu,    gen_shifts, gen_chain,
					gen_br,  gen_extend, gen_set,    gen_narrow };
	static gen_fn *const fps[] = { gen_farith, gen_farith,   gen_fsign,    gen_fbits,
				       gen_fbits,  gen_fcompare, gen_fconvert, gen_fstate };
	const struct irgen *g = s->g;
	unsigned n = irgen_below(s->g, 100);

	if (g->fp && n < 35)
		fps[irgen_below(s->g, ARRAY_LEN(fps))](s);
	else if (g->mem && n < 50)
		gen_memory(s);
	else if (g->mem && n < 56)
		gen_base(s);
	else if (g->atomics && n < 60)
		gen_atomic(s);
	else
		ints[irgen_below(s->g, ARRAY_LEN(ints))](s);
}

/* The final exit of block n. */
static void gen_exit(struct gen *s, unsigned n)
{
	struct irgen *g = s->g;
	gaddr pc = s->b.gpc;
	struct ir_insn frm = { .op = IR_setfrm, .b = IR_NOREF, .c = IR_NOREF };

	if (n + 1 < g->blocks && chance(g, 80)) {
		ir_exit(&s->b, IR_JUMP_PLAIN, s->b.unit->gpc + (n + 1) * 0x1000, 0);
		return;
	}
	unsigned kind = irgen_below(g, 6);

	if (kind == 4 && !g->fp)
		kind = 5;
	switch (kind) {
	case 0:
		ir_exit(&s->b, IR_JUMP_CALL, SIDE_TARGET, pc + 4);
		break;
	case 1:
		ir_exiti(&s->b, IR_JUMP_RET, pick(s, IR_I64), 0);
		break;
	case 2:
		ir_exiti(&s->b, IR_JUMP_CALL, pick(s, IR_I64), pc + 4);
		break;
	case 3:
		ir_exitr(&s->b, IR_EXIT_SYSCALL, pc);
		break;
	case 4:
		frm.a = ir_const(&s->b, IR_I64,
				 irgen_below(g, 4)); /* 0..3: any engine can go on with it */
		ir_emit(&s->b, frm);
		ir_exitr(&s->b, IR_EXIT_FRM, pc + 4);
		break;
	default:
		ir_exit(&s->b, IR_JUMP_PLAIN, SIDE_TARGET, 0);
		break;
	}
}

void irgen_unit(struct irgen *g, struct arena *a, const struct ir_regfile *regs, struct ir_unit *u)
{
	struct gen s = { .g = g, .b = { .unit = u, .gpc = 0x10000 } };

	ir_unit_init(u, a, regs, s.b.gpc);
	for (unsigned n = 0; n < g->blocks; n++) {
		unsigned end = u->insn_count + 1 + irgen_below(g, g->insns * 2);

		memset(s.pool, 0, sizeof s.pool);
		memset(s.base, 0xff, sizeof s.base); /* IR_NOREF */
		s.b.gpc = u->gpc + n * 0x1000;
		ir_block_begin(u, s.b.gpc);
		while (u->insn_count < end) {
			gen_insn(&s);
			if (chance(g, 80)) {
				s.b.gpc += 4;
				u->guest_insns++;
			}
		}
		gen_exit(&s, n);
	}
	ir_resolve_exits(u);
}

void irgen_init(struct irgen *g, uint64_t seed, const struct ir_regfile *regs)
{
	unsigned bases = 0;

	*g = (struct irgen){ .seed = seed,
			     .insns = 30,
			     .blocks = 1,
			     .fp = true,
			     .mem = true,
			     .atomics = true,
			     .window = 0x100000 };
	for (unsigned r = 0; r < regs->count; r++) {
		if (strcmp(regs->reg[r].name, "zero") == 0)
			continue;
		if (regs->reg[r].type == IR_F64 && g->fregs < IRGEN_MAX_FP)
			g->freg[g->fregs++] = (uint8_t)r;
		else if (regs->reg[r].type == IR_I64 && bases < IRGEN_BASES)
			g->base[bases++] = (uint8_t)r;
		else if (regs->reg[r].type == IR_I64 && g->xregs < IRGEN_MAX_INT)
			g->xreg[g->xregs++] = (uint8_t)r;
	}
}

/* ---- states and memory --------------------------------------------------------------------------- */

void irgen_state(struct irgen *g, struct ir_state *st, const struct ir_regfile *regs,
		 unsigned max_frm)
{
	for (unsigned r = 0; r < regs->count; r++) {
		bool is_fp = regs->reg[r].type == IR_F64;
		uint64_t v = is_fp ? fp_value(g) : irgen_value(g);

		if (strcmp(regs->reg[r].name, "zero") == 0)
			v = 0;
		for (unsigned k = 0; k < IRGEN_BASES; k++)
			if (g->base[k] == r)
				v = g->window + MIDDLE;
		memcpy((char *)st + regs->reg[r].offset_bytes, &v, sizeof v);
	}
	st->frm = irgen_below(g, max_frm + 1);
	st->fflags = chance(g, 50) ? 0 : irgen_below(g, 32);
	st->resv_addr = 1;
	st->resv_value = 0;
}

void irgen_fill(struct irgen *g, uint8_t window[IRGEN_WINDOW_BYTES])
{
	for (unsigned k = 0; k < IRGEN_WINDOW_BYTES; k += 8) {
		uint64_t v = irgen_value(g);

		memcpy(window + k, &v, sizeof v);
	}
}

uint8_t irgen_window[IRGEN_WINDOW_BYTES];
gaddr irgen_window_at = 0x100000;

static bool in_window(struct ir_state *st, gaddr addr, unsigned size_bytes, bool write)
{
	gaddr off = addr - irgen_window_at;

	if (off < IRGEN_WINDOW_BYTES && off + size_bytes <= IRGEN_WINDOW_BYTES)
		return true;
	st->fault_kind = IR_FAULT_SEGV;
	st->fault_code = 1; /* SEGV_MAPERR */
	st->fault_addr = addr;
	st->fault_write = write;
	return false;
}

static bool window_load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	if (!in_window(st, addr, size_bytes, false))
		return false;
	*value = 0;
	memcpy(value, irgen_window + (addr - irgen_window_at), size_bytes);
	return true;
}

static bool window_store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	if (!in_window(st, addr, size_bytes, true))
		return false;
	memcpy(irgen_window + (addr - irgen_window_at), &value, size_bytes);
	return true;
}

static bool window_cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		       uint64_t desired)
{
	uint64_t old = 0;

	if (!in_window(st, addr, size_bytes, true))
		return false;
	memcpy(&old, irgen_window + (addr - irgen_window_at), size_bytes);
	if (old == *expected)
		memcpy(irgen_window + (addr - irgen_window_at), &desired, size_bytes);
	*expected = old;
	return true;
}

const struct ir_memory irgen_memory = { window_load, window_store, window_cas };

#define R(n)                                                                                       \
	{                                                                                          \
		"r" #n, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, n                        \
	}
#define F(n)                                                                                       \
	{                                                                                          \
		"f" #n, offsetof(struct ir_state, reg) + 8 * (10 + (n)), IR_F64, n                 \
	}

static const struct ir_reg test_regs[] = { R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7),
					   R(8), R(9), F(0), F(1), F(2), F(3), F(4) };

const struct ir_regfile irgen_regs = { ARRAY_LEN(test_regs), test_regs };

/* ---- copies ---------------------------------------------------------------------------------------- */

void irgen_copy(const struct ir_unit *u, struct arena *a, struct ir_unit *copy)
{
	*copy = *u;
	copy->arena = a;
	copy->insn = arena_new(a, struct ir_insn, u->insn_count + 1);
	copy->insn_cap = u->insn_count;
	memcpy(copy->insn, u->insn, sizeof *u->insn * u->insn_count);
	copy->block = arena_new(a, struct ir_block, u->block_count + 1);
	copy->block_cap = u->block_count;
	memcpy(copy->block, u->block, sizeof *u->block * u->block_count);
	copy->range = NULL;
	copy->range_count = copy->range_cap = 0;
}

/* Builder b has just put raw result v: gives v, or a NaN nobody expects. */
static ir_ref disturb_nan(struct ir_builder *b, enum ir_type t, ir_ref v)
{
	int64_t nan = t == IR_F32 ? INT64_C(0x80012300) : INT64_C(0x8000000000012300);
	ir_ref is_nan, bits = v;

	is_nan = ir_op2(b, IR_and, IR_I64, ir_op1(b, IR_fclass, t, v), ir_const(b, IR_I64, 0x300));
	is_nan = ir_set(b, IR_I64, IR_NE, is_nan, ir_const(b, IR_I64, 0));
	if (t == IR_F32)
		bits = ir_op1(b, IR_box, IR_NONE, bits);
	bits = ir_op1(b, IR_fbits, IR_NONE, bits);
	nan = (int64_t)((uint64_t)nan);
	v = ir_op2(b, IR_mul, IR_I64, is_nan, ir_const(b, IR_I64, nan));
	v = ir_op1(b, IR_bitsf, IR_NONE, ir_op2(b, IR_xor, IR_I64, bits, v));
	return t == IR_F32 ? ir_op1(b, IR_unbox, IR_NONE, v) : v;
}

static bool is_raw(const struct ir_insn *i)
{
	return (i->op >= IR_fadd && i->op <= IR_fnmadd) || i->op == IR_cvtfd || i->op == IR_cvtdf;
}

void irgen_raw_nans(struct ir_unit *u)
{
	ir_ref *map = arena_new(u->arena, ir_ref, u->insn_count + 1);
	struct ir_unit out;
	struct ir_builder b = { .unit = &out };

	ir_unit_init(&out, u->arena, u->regs, u->gpc);
	for (unsigned n = 0; n < u->block_count; n++) {
		const struct ir_block *blk = &u->block[n];

		ir_block_begin(&out, blk->gpc);
		for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
			struct ir_insn i = u->insn[k];

			i.a = ir_ref_ok(i.a) ? map[i.a.idx] : i.a;
			i.b = ir_ref_ok(i.b) ? map[i.b.idx] : i.b;
			i.c = ir_ref_ok(i.c) ? map[i.c.idx] : i.c;
			b.gpc = u->gpc + (gaddr)(int64_t)i.gpc_off;
			map[k] = ir_emit(&b, i);
			if (is_raw(&i))
				map[k] = disturb_nan(&b, ir_result_type(&i), map[k]);
		}
	}
	ir_resolve_exits(&out);
	*u = out;
}

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

/* A floating-point register to read or write a value of type t in. */
static unsigned freg_of(struct gen *s, enum ir_type t)
{
	struct irgen *g = s->g;
	unsigned floats = g->fregs / 2;

	if (!g->turns || !floats || chance(g, 4))
		return g->freg[irgen_below(g, g->fregs)];
	return g->freg[t == IR_F32 ? irgen_below(g, floats)
				   : floats + irgen_below(g, g->fregs - floats)];
}

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
		if (g->turns && chance(g, 90))
			return keep(
			    s, t,
			    ir_op1(&s->b, IR_unbox, IR_NONE, ir_getreg(&s->b, freg_of(s, t))));
		return keep(s, t, ir_op1(&s->b, IR_unbox, IR_NONE, pick(s, IR_F64)));
	case IR_F64:
		return keep(s, t, ir_getreg(&s->b, freg_of(s, t)));
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

	const unsigned freg = freg_of(s, t);

	keep(s, t, v);
	if (t == IR_I32)
		v = keep(s, IR_I64, ir_op1(&s->b, chance(g, 85) ? IR_sext : IR_zext, IR_NONE, v));
	if (t == IR_F32)
		v = keep(s, IR_F64, ir_op1(&s->b, IR_box, IR_NONE, v));
	if (!chance(g, 80))
		return;
	if (t == IR_F32 || t == IR_F64)
		ir_putreg(&s->b, freg, v);
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

/* The bytes of a value in the opposite order by shifts and masks, or nearly so. */
static void gen_turned(struct gen *s)
{
	const enum ir_type t = int_type(s);
	const unsigned w = t == IR_I32 ? 4 : 8, off = chance(s->g, 30) ? irgen_below(s->g, w) : w;
	ir_ref x = pick(s, t), all = IR_NOREF;

	for (unsigned k = 0; k < w; k++) {
		unsigned from = k == off ? irgen_below(s->g, w) : w - 1 - k;
		bool first = chance(s->g, 50); /* what comes first: masked, or shifted */
		uint64_t byte = k == off && chance(s->g, 50) ? 0x7f : 0xff;
		int64_t mask = (int64_t)(byte << 8 * (first ? from : k));
		ir_ref m = ir_const(&s->b, t, mask), v = x;

		if (first)
			v = ir_op2(&s->b, IR_and, t, v, m);
		v = ir_op2(&s->b, from > k ? IR_shr : IR_shl, t, v,
			   ir_const(&s->b, t, 8 * (from > k ? from - k : k - from)));
		if (!first)
			v = ir_op2(&s->b, IR_and, t, v, m);
		all = k ? ir_op2(&s->b, IR_or, t, all, v) : v;
	}
	give(s, t, all);
}

/* A sum of the bits of a value, side by side in pairs, fours and bytes; or nearly so. */
static void gen_ones(struct gen *s)
{
	static const uint64_t masks[] = { UINT64_C(0x5555555555555555),
					  UINT64_C(0x3333333333333333),
					  UINT64_C(0x0f0f0f0f0f0f0f0f),
					  UINT64_C(0x0101010101010101) };
	const enum ir_type t = int_type(s);
	ir_ref x = pick(s, t), y, m[4];

	for (unsigned k = 0; k < 4; k++)
		m[k] =
		    ir_const(&s->b, t, (int64_t)(chance(s->g, 95) ? masks[k] : irgen_value(s->g)));
	y = ir_op2(&s->b, IR_shr, t, x, ir_const(&s->b, t, 1));
	x = ir_op2(&s->b, IR_sub, t, x, ir_op2(&s->b, IR_and, t, y, m[0]));
	y = ir_op2(&s->b, IR_shr, t, x, ir_const(&s->b, t, 2));
	y = ir_op2(&s->b, IR_and, t, y, m[1]);
	x = ir_op2(&s->b, IR_add, t, ir_op2(&s->b, IR_and, t, x, m[1]), y);
	y = ir_op2(&s->b, IR_shr, t, x, ir_const(&s->b, t, 4));
	x = ir_op2(&s->b, IR_and, t, ir_op2(&s->b, IR_add, t, y, x), m[2]);
	x = ir_op2(&s->b, IR_mul, t, x, m[3]);
	give(s, t, ir_op2(&s->b, IR_shr, t, x, ir_const(&s->b, t, t == IR_I32 ? 24 : 56)));
}

static void gen_extend(struct gen *s)
{
	static const enum ir_op counts[] = { IR_ctz, IR_clz, IR_popcount };
	enum ir_type t;
	ir_ref v, x;

	switch (irgen_below(s->g, 10)) {
	case 9:
		gen_turned(s);
		break;
	case 8:
		gen_ones(s);
		break;
	case 7:
		t = int_type(s);
		give(s, t,
		     ir_op1(&s->b, counts[irgen_below(s->g, ARRAY_LEN(counts))], t, pick(s, t)));
		break;
	case 6:
		t = int_type(s);
		v = pick(s, IR_I64);
		if (chance(s->g, 70)) {
			enum ir_type of = int_type(s);

			v = ir_set(&s->b, of, any_cc(s), pick(s, of), pick(s, of));
		}
		x = pick(s, t);
		give(s, t, ir_op3(&s->b, IR_select, t, v, x, pick(s, t)));
		break;
	case 5:
		t = int_type(s);
		give(s, t, ir_op1(&s->b, IR_bswap, t, pick(s, t)));
		break;
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

/* A jump back to block n or one before it, where the turns do not run out. */
static void gen_turn(struct gen *s, unsigned n)
{
	const unsigned reg = s->g->counter;
	ir_ref left =
	    ir_op2(&s->b, IR_add, IR_I64, ir_getreg(&s->b, reg), ir_const(&s->b, IR_I64, -1));

	ir_putreg(&s->b, reg, left);
	if (s->g->calls)
		ir_call(&s->b, 0, pick(s, IR_I64), pick(s, IR_I64));
	ir_br(&s->b, IR_I64, IR_LT, ir_const(&s->b, IR_I64, 0), left,
	      s->b.unit->gpc + irgen_below(s->g, n + 1) * 0x1000);
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

	if (op >= 3) {
		give(s, t, ir_op2(&s->b, op == 3 ? IR_fmin : IR_fmax, t, pick(s, t), pick(s, t)));
		return;
	}
	ir_ref v = ir_op2(&s->b, (enum ir_op)(IR_feq + op), t, pick(s, t), pick(s, t));

	give(s, IR_I64, v);
	if (chance(s->g, 40))
		ir_br(&s->b, IR_I64, chance(s->g, 50) ? IR_EQ : IR_NE, v,
		      ir_const(&s->b, IR_I64, 0), SIDE_TARGET + 64);
}

static void gen_fconvert(struct gen *s)
{
	unsigned n = irgen_below(s->g, 12);
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
	else if (n > 9)
		give_canon(s, t,
			   ir_fop(&s->b, n == 10 ? IR_fround : IR_froundnx, t, any_rm(s),
				  pick(s, t), IR_NOREF, IR_NOREF));
	else
		give(s, t,
		     ir_fop(&s->b, (enum ir_op)(IR_i32tof + n - 6), t, any_rm(s), pick(s, from),
			    IR_NOREF, IR_NOREF));
}

/* A comparison that the flags show nothing of, as compilers write it, or as passes do. */
static void gen_quiet_compare(struct gen *s)
{
	const enum ir_type t = fp_type(s);
	const unsigned op = irgen_below(s->g, 2);
	const ir_ref a = pick(s, t), b = pick(s, t), flags = ir_get_state(&s->b, IR_getfflags);

	give(s, IR_I64, flags);
	if (chance(s->g, 50)) {
		give(s, IR_I64, ir_op3(&s->b, (enum ir_op)(IR_fltk + op), t, a, b, flags));
	} else {
		give(s, IR_I64, ir_op2(&s->b, (enum ir_op)(IR_flt + op), t, a, b));
		ir_set_state(&s->b, IR_setfflags, flags);
	}
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
	default:
		if (chance(s->g, 50)) {
			gen_quiet_compare(s);
			return;
		}
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

/* Nothing of a guest instruction stands before its access to memory. */
static void begin_access(struct gen *s)
{
	s->b.gpc += 4;
	s->b.unit->guest_insns++;
}

static void gen_memory(struct gen *s)
{
	bool fp = s->g->fp && chance(s->g, 25), loads = chance(s->g, 60);
	enum ir_type t = fp ? fp_type(s) : IR_NONE;
	unsigned op = loads ? IR_ld8u + irgen_below(s->g, 7) : IR_st8 + irgen_below(s->g, 4);
	int64_t disp;
	ir_ref at = address(s, &disp), v = IR_NOREF;

	begin_access(s);
	if (fp)
		op = loads ? IR_ldf : IR_stf;
	if (loads)
		v = ir_load(&s->b, (enum ir_op)op, t, at, disp);
	else
		ir_store(&s->b, (enum ir_op)op, t, at, disp, pick(s, fp ? t : IR_I64));
	if (chance(s->g, 10))
		s->b.unit->insn[s->b.unit->insn_count - 1].sub = IR_REDO;
	if (loads)
		give(s, fp ? t : IR_I64, v);
}

/* ---- accesses byte by byte -------------------------------------------------------------------- */

static void shuffle(struct gen *s, unsigned *list, unsigned n)
{
	while (n > 1) {
		unsigned k = irgen_below(s->g, n--), x = list[k];

		list[k] = list[n];
		list[n] = x;
	}
}

/* 0 .. n - 1, mostly ascending or descending. */
static void any_order(struct gen *s, unsigned *list, unsigned n)
{
	bool down = chance(s->g, 20);

	for (unsigned k = 0; k < n; k++)
		list[k] = down ? n - 1 - k : k;
	if (chance(s->g, 40))
		shuffle(s, list, n);
}

/* An address for n bytes, some of which may lie outside of the window when it is wild. */
static ir_ref bytes_address(struct gen *s, unsigned n, int64_t *disp)
{
	ir_ref at = address(s, disp);
	const struct irgen *g = s->g;

	if (!g->wild || !chance(s->g, 25))
		return at;
	*disp = chance(s->g, 50) ? 0 : IRGEN_WINDOW_BYTES;
	*disp -= irgen_below(s->g, n + 1);
	return ir_const(&s->b, IR_I64, (int64_t)g->window);
}

/* Something between two of the accesses, which may stand in the way of moving one. */
static void gen_between(struct gen *s, ir_ref at, int64_t disp)
{
	switch (irgen_below(s->g, 14)) {
	case 0:
		gen_memory(s);
		break;
	case 1: /* nearby */
		begin_access(s);
		ir_store(&s->b, chance(s->g, 50) ? IR_st8 : IR_st32, IR_NONE, at,
			 disp + irgen_below(s->g, 12) - 2, pick(s, IR_I64));
		break;
	case 2:
		begin_access(s);
		keep(s, IR_I64,
		     ir_load(&s->b, chance(s->g, 50) ? IR_ld8s : IR_ld16u, IR_NONE, at,
			     disp + irgen_below(s->g, 12) - 2));
		break;
	case 3:
		gen_extend(s);
		break;
	case 4:
		gen_br(s);
		break;
	}
}

/* The parts, each a value of type t with its bytes in place, put together. */
static ir_ref join_parts(struct gen *s, enum ir_type t, ir_ref *part, unsigned n)
{
	static const uint8_t ops[] = { IR_or, IR_or, IR_or, IR_add, IR_xor };
	bool in_order = chance(s->g, 60);

	while (n > 1) {
		unsigned x = in_order ? 0 : irgen_below(s->g, n - 1);

		part[x] = ir_op2(&s->b, (enum ir_op)ops[irgen_below(s->g, ARRAY_LEN(ops))], t,
				 part[x], part[x + 1]);
		if (chance(s->g, 30))
			give(s, t, part[x]);
		n--;
		for (unsigned k = x + 1; k < n; k++)
			part[k] = part[k + 1];
	}
	return part[0];
}

/* A number read byte by byte, or a halfword at a time. */
static void gen_bytes_read(struct gen *s)
{
	unsigned size = 2u << irgen_below(s->g, 3), n, order[8];
	bool halves = size > 2 && !s->g->wild && chance(s->g, 20), big = chance(s->g, 40);
	enum ir_type t = size < 8 && chance(s->g, 40) ? IR_I32 : IR_I64;
	unsigned step = halves ? 2 : 1;
	ir_ref part[8];
	int64_t disp;
	ir_ref at = bytes_address(s, size, &disp);

	n = size / step;
	any_order(s, order, n);
	for (unsigned k = 0; k < n; k++) {
		unsigned b = order[k], place = (big ? n - 1 - b : b) * step * 8;
		bool top = place + step * 8 == size * 8 && chance(s->g, 40);
		ir_ref v;

		begin_access(s);
		v = ir_load(&s->b, (enum ir_op)((halves ? IR_ld16u : IR_ld8u) + top), IR_NONE, at,
			    disp + b * step);
		give(s, IR_I64, v);
		if (t == IR_I32)
			v = ir_op1(&s->b, IR_trunc, IR_NONE, v);
		if (chance(s->g, 3))
			place += 8;
		if (place)
			v = ir_op2(&s->b, IR_shl, t, v, ir_const(&s->b, t, place));
		if (place && chance(s->g, 40))
			give(s, t, v);
		part[b] = v;
		gen_between(s, at, disp);
	}
	for (unsigned k = 1; k < n && chance(s->g, 30); k++) {
		unsigned x = irgen_below(s->g, n);
		ir_ref y = part[x];

		part[x] = part[0];
		part[0] = y;
	}
	give(s, t, join_parts(s, t, part, n));
}

/* What byte k of a run of stores is. */
struct bytes_source {
	ir_ref value;
	enum ir_type type;
	bool big, loaded;
	ir_ref byte[8]; /* loaded */
};

static ir_ref source_byte(struct gen *s, const struct bytes_source *src, unsigned k, unsigned n)
{
	unsigned by = 8 * (src->big ? n - 1 - k : k);
	ir_ref v = src->value;

	if (src->loaded)
		return src->byte[k];
	if (!ir_ref_ok(v))
		return ir_const(&s->b, IR_I64, (int64_t)irgen_value(s->g));
	if (chance(s->g, 3))
		by ^= 8;
	if (by)
		v = ir_op2(&s->b, chance(s->g, 60) ? IR_shr : IR_sar, src->type, v,
			   ir_const(&s->b, src->type, by));
	if (src->type == IR_I32)
		v = ir_op1(&s->b, IR_sext, IR_NONE, v);
	if (chance(s->g, 20))
		v = ir_op2(&s->b, IR_and, IR_I64, v, ir_const(&s->b, IR_I64, 0xff));
	if (chance(s->g, 60))
		give(s, IR_I64, v);
	return v;
}

/* A number written byte by byte, or bytes copied. */
static void gen_bytes_written(struct gen *s)
{
	unsigned n = 2u << irgen_below(s->g, 3), order[8];
	struct bytes_source src = { .big = chance(s->g, 30), .loaded = chance(s->g, 40) };
	int64_t disp, from;
	ir_ref at;

	src.type = n < 8 && chance(s->g, 40) ? IR_I32 : IR_I64;
	src.value = chance(s->g, 10) ? IR_NOREF : pick(s, src.type);
	if (src.loaded) {
		at = bytes_address(s, n, &from);
		any_order(s, order, n);
		for (unsigned k = 0; k < n; k++) {
			begin_access(s);
			src.byte[order[k]] = ir_load(&s->b, chance(s->g, 90) ? IR_ld8u : IR_ld8s,
						     IR_NONE, at, from + order[k]);
			give(s, IR_I64, src.byte[order[k]]);
			if (chance(s->g, 30))
				gen_between(s, at, from);
		}
	}
	at = bytes_address(s, n, &disp);
	any_order(s, order, n);
	for (unsigned k = 0; k < n; k++) {
		ir_ref v = source_byte(s, &src, order[k], n);

		begin_access(s);
		ir_store(&s->b, IR_st8, IR_NONE, at, disp + order[k], v);
		if (chance(s->g, 40))
			gen_between(s, at, disp);
	}
}

static void gen_bytes(struct gen *s)
{
	if (chance(s->g, 50))
		gen_bytes_read(s);
	else
		gen_bytes_written(s);
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
	else if (g->mem && n < 59)
		gen_bytes(s);
	else if (g->atomics && n < 62)
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

	if (g->turns && g->xreg[g->xregs - 1] == g->counter)
		g->xregs--;
	ir_unit_init(u, a, regs, s.b.gpc);
	for (unsigned n = 0; n < g->blocks; n++) {
		unsigned end = u->insn_count + 1 + irgen_below(g, g->insns * 2);

		memset(s.pool, 0, sizeof s.pool);
		memset(s.base, 0xff, sizeof s.base); /* IR_NOREF */
		s.b.gpc = u->gpc + n * 0x1000;
		ir_block_begin(u, s.b.gpc);
		while (u->insn_count < end) {
			if (g->turns && chance(g, 5))
				gen_turn(&s, n);
			gen_insn(&s);
			if (chance(g, 80)) {
				s.b.gpc += 4;
				u->guest_insns++;
			}
		}
		if (g->turns && chance(g, 70))
			gen_turn(&s, n);
		gen_exit(&s, n);
	}
	ir_resolve_exits(u);
}

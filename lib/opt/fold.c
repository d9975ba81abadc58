/*
 * The fold engine, and the rules for compares, branches and moves between register classes.
 *
 * A rule sees an insn whose operands are folded already, and looks one level deep. It answers with enum
 * opt_fold; what it emits on the way (opt_op1, opt_const) goes through the engine itself. Termination:
 * every OPT_AGAIN moves towards fewer operations, constants on the right, or an operation further down
 * this list: sub, mul, div -> add, shl, shr, sar, and -> sext, zext, trunc.
 *
 * Where a rule goes past an inner operation to that one's operand, it asks opt_reach whether that pays.
 */
#include "lib/opt/opt_priv.h"

#include <string.h>

/* ---- compares ------------------------------------------------------------------------------ */

static bool is_equality(unsigned cc) { return cc == IR_EQ || cc == IR_NE; }

/* Compare i becomes cc of the inner compare cmp. */
static enum opt_fold take_compare(struct ir_insn *i, const struct ir_insn *cmp, unsigned invert)
{
	i->type = cmp->type;
	i->sub = (uint8_t)(cmp->sub ^ invert);
	i->a = cmp->a;
	i->b = cmp->b;
	return OPT_AGAIN;
}

/* x == 0 or x != 0, where x is a difference or the result of a compare. */
static enum opt_fold compare_zero(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);
	bool eq = i->sub == IR_EQ;

	if ((x->op == IR_sub || x->op == IR_xor) && opt_reach(f, i, i->a, x->a)
	    && opt_reach(f, i, i->a, x->b)) {
		i->b = x->b;
		i->a = x->a;
		return OPT_AGAIN;
	}
	if (x->op != IR_set || !opt_reach(f, i, i->a, x->a) || !opt_reach(f, i, i->a, x->b))
		return OPT_KEEP;
	return take_compare(i, x, eq);
}

/* x + c == d is x == d - c. */
static enum opt_fold compare_sum(struct opt_forward *f, struct ir_insn *i, int64_t d)
{
	const struct ir_insn *x = opt_def(f, i->a);
	int64_t c;

	if (x->op != IR_add || !opt_konst(f, x->b, &c) || !opt_reach(f, i, i->a, x->a))
		return OPT_KEEP;
	i->a = x->a;
	i->b = opt_const(f, (enum ir_type)i->type, (int64_t)((uint64_t)d - (uint64_t)c));
	return OPT_AGAIN;
}

/* Against a constant on the right. */
static enum opt_fold compare_const(struct opt_forward *f, struct ir_insn *i, int64_t c)
{
	if ((c == 1 && (i->sub == IR_LTU || i->sub == IR_GEU))) { /* x < 1 is x == 0 */
		i->sub = i->sub == IR_LTU ? IR_EQ : IR_NE;
		i->b = opt_const(f, (enum ir_type)i->type, 0);
		return OPT_AGAIN;
	}
	if (!is_equality(i->sub))
		return OPT_KEEP;
	if (c == 0) {
		enum opt_fold r = compare_zero(f, i);

		if (r != OPT_KEEP)
			return r;
	}
	return compare_sum(f, i, c);
}

/*
 * The i32 of which r is the extension ext, when a compare had better look at that: always for a
 * constant, for an extension only when no register holds it, so that it may die. IR_NOREF: it had not.
 */
static ir_ref narrow(struct opt_forward *f, ir_ref r, enum ir_op ext)
{
	const struct ir_insn *x = opt_def(f, r);

	if (x->op == IR_const && (ext == IR_sext ? fits_i32(x->imm) : fits_u32((uint64_t)x->imm)))
		return opt_const(f, IR_I32, (int32_t)x->imm);
	if (x->op == ext && !opt_held(f, r))
		return x->a;
	return IR_NOREF;
}

/* A compare of two values that are extended alike compares what they extend. */
static enum opt_fold narrow_compare(struct opt_forward *f, struct ir_insn *i)
{
	bool is_signed = i->sub == IR_LT || i->sub == IR_GE;

	for (unsigned k = 0; k < 2; k++) {
		enum ir_op ext = k ? IR_zext : IR_sext;
		ir_ref a, b;

		if ((!opt_is(f, i->a, ext) && !opt_is(f, i->b, ext))
		    || (ext == IR_zext && is_signed))
			continue;
		a = narrow(f, i->a, ext);
		b = narrow(f, i->b, ext);
		if (!ir_ref_ok(a) || !ir_ref_ok(b))
			continue;
		i->type = IR_I32;
		i->a = a;
		i->b = b;
		return OPT_AGAIN;
	}
	return OPT_KEEP;
}

/* Rewrites the condition of set or br. */
static enum opt_fold fold_condition(struct opt_forward *f, struct ir_insn *i)
{
	enum opt_fold r = OPT_KEEP;
	int64_t c;

	if (opt_konst(f, i->a, &c) && !opt_is(f, i->b, IR_const)) {
		if (c == 0 && i->sub == IR_LTU) /* 0 < x is x != 0 */
			i->sub = IR_NE;
		else if (c == 0 && i->sub == IR_GEU)
			i->sub = IR_EQ;
		if (is_equality(i->sub)) {
			ir_ref x = i->a;

			i->a = i->b;
			i->b = x;
			return OPT_AGAIN;
		}
	}
	if (opt_konst(f, i->b, &c))
		r = compare_const(f, i, c);
	if (r == OPT_KEEP && i->type == IR_I64)
		r = narrow_compare(f, i);
	return r;
}

static bool is_equal(const struct opt_forward *f, ir_ref x, ir_ref y)
{
	int64_t c, d;

	return opt_same(x, y) || (opt_konst(f, x, &c) && opt_konst(f, y, &d) && c == d);
}

/* 1 or 0 when a branch on the way tells, "beq a0, a1, away" and on behind it; else -1. */
static int passed_condition(const struct opt_forward *f, const struct ir_insn *i)
{
	unsigned n = f->passed_count < OPT_PASSED ? f->passed_count : OPT_PASSED;

	while (n--) {
		const struct ir_insn *p = &f->out[f->passed[n]];

		if (p->type == i->type && (p->sub ^ i->sub) <= 1 && is_equal(f, p->a, i->a)
		    && is_equal(f, p->b, i->b))
			return p->sub != i->sub;
	}
	return -1;
}

/* 1 or 0 when the condition is known, else -1. */
static int known_condition(const struct opt_forward *f, const struct ir_insn *i)
{
	int64_t x, y;

	if (opt_same(i->a, i->b))
		return i->sub == IR_EQ || i->sub == IR_GE || i->sub == IR_GEU;
	if (opt_konst(f, i->a, &x) && opt_konst(f, i->b, &y))
		return ir_cc_holds((enum ir_cc)i->sub, (enum ir_type)i->type, (uint64_t)x,
				   (uint64_t)y);
	if (opt_konst(f, i->b, &y) && y == 0 && (i->sub == IR_LTU || i->sub == IR_GEU))
		return i->sub == IR_GEU;
	return passed_condition(f, i);
}

static enum opt_fold fold_set(struct opt_forward *f, struct ir_insn *i)
{
	int known = known_condition(f, i);
	int64_t c;

	if (known >= 0)
		return opt_is_const(f, IR_I64, known);
	/* A truth value is 0 or 1: asking whether it is not 0 is asking for itself. */
	if (opt_konst(f, i->b, &c) && c == 0 && i->sub == IR_NE && i->type == IR_I64
	    && opt_bits(f, i->a).u <= 1)
		return opt_is_value(f, i->a);
	return fold_condition(f, i);
}

/* r as an i32 of which it is the sign extension, IR_NOREF when that is not at hand. */
static ir_ref unextended(struct opt_forward *f, ir_ref r)
{
	const struct ir_insn *x = opt_def(f, r);

	if (x->op == IR_const && fits_i32(x->imm))
		return opt_const(f, IR_I32, x->imm);
	return x->op == IR_sext ? x->a : IR_NOREF;
}

static enum opt_fold fold_select(struct opt_forward *f, struct ir_insn *i)
{
	int64_t c;

	if (opt_konst(f, i->a, &c))
		return opt_is_value(f, c ? i->b : i->c);
	if (opt_same(i->b, i->c))
		return opt_is_value(f, i->b);
	/* One extension does for both. */
	if (i->type == IR_I64 && (opt_is(f, i->b, IR_sext) || opt_is(f, i->c, IR_sext))) {
		ir_ref b = unextended(f, i->b), v = unextended(f, i->c);

		if (!ir_ref_ok(b) || !ir_ref_ok(v))
			return OPT_KEEP;
		v = opt_emit(f, (struct ir_insn){ .op = IR_select,
						  .type = IR_I32,
						  .a = i->a,
						  .b = b,
						  .c = v,
						  .to = IR_NOBLOCK });
		i->c = IR_NOREF;
		return opt_become_ext(i, IR_sext, v);
	}
	return OPT_KEEP;
}

static enum opt_fold fold_br(struct opt_forward *f, struct ir_insn *i)
{
	int known = known_condition(f, i);

	if (known < 0)
		return fold_condition(f, i);
	if (known == 0)
		return OPT_GONE;
	i->op = IR_exit;
	i->type = IR_NONE;
	i->sub = IR_JUMP_PLAIN;
	i->a = i->b = IR_NOREF;
	return OPT_AGAIN;
}

/* An indirect jump to a constant is a direct one. Returns stay: they are paired with their calls. */
static enum opt_fold fold_exiti(struct opt_forward *f, struct ir_insn *i)
{
	int64_t target;

	if (i->sub == IR_JUMP_RET || !opt_konst(f, i->a, &target))
		return OPT_KEEP;
	i->op = IR_exit;
	i->imm = target & ~INT64_C(1);
	i->a = IR_NOREF;
	for (unsigned b = 0; i->sub == IR_JUMP_PLAIN && b < f->u->block_count; b++)
		if (f->u->block[b].gpc == (gaddr)i->imm)
			i->to = (uint16_t)b;
	return OPT_AGAIN;
}

/* ---- moves between classes, NaNs and signs -------------------------------------------------- */

static enum opt_fold fold_unbox(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);
	uint32_t none = 0;
	int64_t c;

	if (x->op == IR_box)
		return opt_is_value(f, x->a);
	if (x->op == IR_bitsf && opt_konst(f, x->a, &c))
		return opt_is_value(
		    f, opt_op1(
			   f, IR_bitsf32, IR_NONE,
			   opt_const(f, IR_I32, (int32_t)ir_eval(i, (uint64_t)c, 0, 0, 0, &none))));
	return OPT_KEEP;
}

static enum opt_fold fold_fbits(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	return x->op == IR_bitsf ? opt_is_value(f, x->a) : OPT_KEEP;
}

static enum opt_fold fold_fbits32(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	if (x->op == IR_bitsf)
		return opt_become(i, IR_trunc, x->a, IR_NOREF);
	if (x->op == IR_box && opt_is(f, x->a, IR_bitsf32))
		return opt_is_value(f, opt_def(f, x->a)->a);
	return OPT_KEEP;
}

static enum opt_fold fold_bitsf(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	return x->op == IR_fbits ? opt_is_value(f, x->a) : OPT_KEEP;
}

static enum opt_fold fold_fcanon(struct opt_forward *f, struct ir_insn *i)
{
	return ir_info(opt_def(f, i->a))->flags & IR_NC ? opt_is_value(f, i->a) : OPT_KEEP;
}

static enum opt_fold fold_fneg(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	return x->op == IR_fneg ? opt_is_value(f, x->a) : OPT_KEEP;
}

static enum opt_fold fold_fabs(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *x = opt_def(f, i->a);

	if (x->op == IR_fabs)
		return opt_is_value(f, i->a);
	if (x->op == IR_fneg || x->op == IR_fsgnj)
		return opt_become(i, IR_fabs, x->a, IR_NOREF);
	return OPT_KEEP;
}

static enum opt_fold fold_fsgnj(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *y = opt_def(f, i->b);

	if (opt_same(i->a, i->b))
		return opt_is_value(f, i->a);
	if (y->op == IR_fneg && opt_same(y->a, i->a))
		return opt_is_value(f, i->b);
	return OPT_KEEP;
}

/* ---- flags ---------------------------------------------------------------------------------- */

/*
 * "frflags a5; flt.d a4, fa0, fa1; fsflags a5", a comparison that is quiet (isless, and what sqrt asks of its operand):
 * the flags become what they were. So they need not be written, unless an operand is a NaN.
 */
static enum opt_fold fold_setfflags(struct opt_forward *f, struct ir_insn *i)
{
	enum { COMPARES_MOST = 4 };
	struct ir_insn *compare[COMPARES_MOST];
	unsigned count = 0;
	bool seen = false; /* what comes later may show the flags between */

	if (!opt_is(f, i->a, IR_getfflags))
		return OPT_KEEP;
	for (uint32_t k = f->count; --k > i->a.idx;) {
		struct ir_insn *x = &f->out[k];
		const unsigned flags = ir_info(x)->flags;

		if (x->dead || flags & IR_P || x->op == IR_getreg || x->op == IR_putreg
		    || x->op == IR_getfflags)
			continue;
		if (x->op == IR_flt || x->op == IR_fle) {
			if (seen || count == COMPARES_MOST)
				return OPT_KEEP;
			compare[count++] = x;
		} else if (flags & (IR_L | IR_S | IR_X) && !(flags & IR_E)) {
			seen = true;
		} else {
			return OPT_KEEP;
		}
	}
	while (count) {
		struct ir_insn *x = compare[--count];

		x->op = x->op == IR_flt ? IR_fltk : IR_flek;
		x->c = i->a;
	}
	return OPT_GONE;
}

/* ---- the engine ------------------------------------------------------------------------------ */

opt_rule *const opt_rules[IR_OP_COUNT] = {
	[IR_add] = opt_fold_add,     [IR_sub] = opt_fold_sub,
	[IR_mul] = opt_fold_mul,     [IR_div] = opt_fold_div,
	[IR_divu] = opt_fold_divu,   [IR_remu] = opt_fold_remu,
	[IR_and] = opt_fold_and,     [IR_or] = opt_fold_or,
	[IR_xor] = opt_fold_xor,     [IR_shl] = opt_fold_shl,
	[IR_shr] = opt_fold_shr,     [IR_sar] = opt_fold_sar,
	[IR_sext8] = opt_fold_sext8, [IR_sext16] = opt_fold_sext16,
	[IR_bswap] = opt_fold_bswap, [IR_ctz] = opt_fold_count,
	[IR_clz] = opt_fold_count,   [IR_popcount] = opt_fold_count,
	[IR_trunc] = opt_fold_trunc, [IR_sext] = opt_fold_sext,
	[IR_zext] = opt_fold_zext,   [IR_set] = fold_set,
	[IR_select] = fold_select,   [IR_br] = fold_br,
	[IR_exiti] = fold_exiti,     [IR_unbox] = fold_unbox,
	[IR_fbits] = fold_fbits,     [IR_fbits32] = fold_fbits32,
	[IR_bitsf] = fold_bitsf,     [IR_fcanon] = fold_fcanon,
	[IR_fneg] = fold_fneg,       [IR_fabs] = fold_fabs,
	[IR_fsgnj] = fold_fsgnj,     [IR_setfflags] = fold_setfflags,
};

/* An integer operation whose operands are constants; *v its value. */
static bool is_constant(const struct opt_forward *f, const struct ir_insn *i, int64_t *v)
{
	uint32_t none = 0;
	int64_t a, b = 0;

	if (i->op < IR_add || i->op > IR_zext || i->op == IR_select || !opt_konst(f, i->a, &a)
	    || (ir_ref_ok(i->b) && !opt_konst(f, i->b, &b)))
		return false;
	*v = (int64_t)ir_eval(i, (uint64_t)a, (uint64_t)b, 0, 0, &none);
	return true;
}

/* Did a rule that made now of insn was, and gave r, take away what that depended on (ir_unit.keep_deps)? */
static bool lost_dependency(const struct opt_forward *f, const struct ir_insn *was,
			    const struct ir_insn *now, enum opt_fold r)
{
	if (!f->u->keep_deps || was->op == IR_setfflags
	    || (r == OPT_VALUE && !opt_is(f, f->value, IR_const))
	    || (r == OPT_AGAIN && ir_ref_ok(now->a)))
		return false;
	return !opt_is(f, was->a, IR_const) || (ir_ref_ok(was->b) && !opt_is(f, was->b, IR_const));
}

enum opt_fold opt_fold(struct opt_forward *f, struct ir_insn *i)
{
	bool changed = false;

	while (opt_rules[i->op]) {
		struct ir_insn was;
		enum opt_fold r;
		int64_t v;

		if (opt_is(f, i->a, IR_const)) {
			if (is_constant(f, i, &v))
				return opt_is_const(f, ir_result_type(i), v);
			if (ir_info(i)->flags & IR_C) {
				ir_ref x = i->a;

				i->a = i->b;
				i->b = x;
				changed = true;
			}
		}
		was = *i;
		r = opt_rules[i->op](f, i);
		if (r == OPT_KEEP)
			break;
		if (lost_dependency(f, &was, i, r)) {
			*i = was;
			break;
		}
		if (r != OPT_AGAIN)
			return r;
		changed = true;
	}
	return changed ? OPT_AGAIN : OPT_KEEP;
}

/* Instruction selection: branches. */
#include "arch/aarch64/isel_priv.h"

static struct lir_insn *on_zero(struct isel *s, lreg a, unsigned w, bool not_zero)
{
	struct lir_insn *l = isel_lir(s, A64_OP_BRZ);

	isel_use(l, a, 0);
	l->sub = not_zero;
	l->sub2 = (uint8_t)w;
	return l;
}

static struct lir_insn *on_bit(struct isel *s, lreg a, unsigned bit, bool set)
{
	struct lir_insn *l = isel_lir(s, A64_OP_BRB);

	isel_use(l, a, 0);
	l->imm = bit;
	l->sub = set;
	return l;
}

/* br eq/ne (x & y), 0 where the and has no other use. */
static struct lir_insn *test_branch(struct isel *s, const struct ir_insn *and, bool not_zero)
{
	unsigned w = isel_is64(and);
	lreg a = isel_vr(s, and->a), b;
	struct lir_insn *l;
	uint32_t fields;
	int64_t c;

	if (isel_const(s, and->b, &c)) {
		uint64_t mask = w ? (uint64_t)c : (uint32_t)c;

		if (mask && !(mask & (mask - 1)))
			return on_bit(s, a, (unsigned)__builtin_ctzll(mask), not_zero);
		if (a64_bitmask(w, mask, &fields)) {
			l = isel_lir(s, A64_OP_BRT);
			isel_use(l, a, 0);
			l->imm = (int64_t)mask;
			l->sub = not_zero ? A64_CC_NE : A64_CC_EQ;
			l->sub2 = (uint8_t)w;
			return l;
		}
	}
	b = isel_vr(s, and->b);
	l = isel_lir(s, A64_OP_BRTR);
	isel_use(l, a, 0);
	isel_use(l, b, 0);
	l->sub = not_zero ? A64_CC_NE : A64_CC_EQ;
	l->sub2 = (uint8_t)w;
	return l;
}

/* Compares with 0, which need no flags; NULL: this is none. */
static struct lir_insn *zero_branch(struct isel *s, const struct a64_cmp *c)
{
	const struct ir_insn *x = isel_insn(s, c->a);
	bool not_zero = c->cc == A64_CC_NE;

	switch (c->cc) {
	case A64_CC_EQ:
	case A64_CC_NE:
		if (isel_is_compare(x->op) && isel_val(s, c->a)->vreg == LREG_NONE)
			return a64_sel_fbr(s, x, not_zero);
		if (isel_foldable(s, c->a, IR_and))
			return test_branch(s, x, not_zero);
		return on_zero(s, isel_vr(s, c->a), c->w, not_zero);
	case A64_CC_LT:
	case A64_CC_GE:
		return on_bit(s, isel_vr(s, c->a), c->w ? 63 : 31, c->cc == A64_CC_LT);
	default:
		return NULL;
	}
}

struct lir_insn *a64_branch(struct isel *s, const struct ir_insn *in)
{
	struct a64_cmp c = a64_compare(s, in);
	struct lir_insn *l = c.is_imm && c.imm == 0 ? zero_branch(s, &c) : NULL;
	lreg a, b = LREG_NONE;

	if (l)
		return l;
	a = isel_vr(s, c.a);
	if (!c.is_imm)
		b = isel_vr(s, c.b);
	l = isel_lir(s, c.is_imm ? A64_OP_BRI : A64_OP_BR);
	isel_use(l, a, 0);
	if (!c.is_imm)
		isel_use(l, b, 0);
	l->imm = c.imm;
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)c.w;
	return l;
}

/*
 * The operands of a branch that comes after its registers were brought home: what looks at the low half sees the same
 * in an extended register, and floating-point comparisons in a boxed one.
 */
void a64_synced(struct isel *s, struct lir_insn *l)
{
	bool low = l->op == A64_OP_FBR || (l->op == A64_OP_BRB ? l->imm < 32 : !l->sub2);

	(void)s;
	for (unsigned k = 0; low && k < l->nopnd; k++)
		l->opnd[k].flags |= LO_LAX;
}

/* Instruction selection: branches and exits. */
#include "arch/aarch64/isel_priv.h"

uint16_t a64_new_exit(struct a64_isel *s, struct lir_exit x)
{
	struct lir_unit *u = s->lir;

	arena_grow(u->arena, u->exit, u->exit_count, u->exit_cap);
	u->exit[u->exit_count] = x;
	return (uint16_t)u->exit_count++;
}

/* The insn behind idx that is more than a constant or a pure one; a block ends with one. */
uint32_t a64_next_effect(const struct a64_isel *s, uint32_t idx)
{
	const struct ir_insn *in;

	do
		in = &s->ir->insn[++idx];
	while (in->dead || ir_info(in)->flags & IR_P);
	return idx;
}

/* True when floating-point comparison idx has no other use than the branch that comes next. */
bool a64_fuse_compare(const struct a64_isel *s, uint32_t idx)
{
	const struct ir_insn *br;
	int64_t c;

	if (s->val[idx].uses != 1)
		return false;
	br = &s->ir->insn[a64_next_effect(s, idx)];
	return br->op == IR_br && br->sub <= IR_NE && s->val[br->a.idx].rep == idx
	       && a64_const(s, br->b, &c) && c == 0;
}

static struct lir_insn *on_zero(struct a64_isel *s, lreg a, unsigned w, bool not_zero)
{
	struct lir_insn *l = a64_lir(s, A64_OP_BRZ);

	a64_use(l, a, 0);
	l->sub = not_zero;
	l->sub2 = (uint8_t)w;
	return l;
}

static struct lir_insn *on_bit(struct a64_isel *s, lreg a, unsigned bit, bool set)
{
	struct lir_insn *l = a64_lir(s, A64_OP_BRB);

	a64_use(l, a, 0);
	l->imm = bit;
	l->sub = set;
	return l;
}

/* br eq/ne (x & y), 0 where the and has no other use. */
static struct lir_insn *test_branch(struct a64_isel *s, const struct ir_insn *and, bool not_zero)
{
	unsigned w = a64_is64(and);
	lreg a = a64_vr(s, and->a), b;
	struct lir_insn *l;
	uint32_t fields;
	int64_t c;

	if (a64_const(s, and->b, &c)) {
		uint64_t mask = w ? (uint64_t)c : (uint32_t)c;

		if (mask && !(mask & (mask - 1)))
			return on_bit(s, a, (unsigned)__builtin_ctzll(mask), not_zero);
		if (a64_bitmask(w, mask, &fields)) {
			l = a64_lir(s, A64_OP_BRT);
			a64_use(l, a, 0);
			l->imm = (int64_t)mask;
			l->sub = not_zero ? A64_CC_NE : A64_CC_EQ;
			l->sub2 = (uint8_t)w;
			return l;
		}
	}
	b = a64_vr(s, and->b);
	l = a64_lir(s, A64_OP_BRTR);
	a64_use(l, a, 0);
	a64_use(l, b, 0);
	l->sub = not_zero ? A64_CC_NE : A64_CC_EQ;
	l->sub2 = (uint8_t)w;
	return l;
}

/* Compares with 0, which need no flags; NULL: this is none. */
static struct lir_insn *zero_branch(struct a64_isel *s, const struct a64_cmp *c)
{
	const struct ir_insn *x = a64_insn(s, c->a);
	bool not_zero = c->cc == A64_CC_NE;

	switch (c->cc) {
	case A64_CC_EQ:
	case A64_CC_NE:
		if (a64_is_compare(x->op) && a64_val(s, c->a)->vreg == LREG_NONE)
			return a64_sel_fbr(s, x, not_zero);
		if (a64_foldable(s, c->a, IR_and))
			return test_branch(s, x, not_zero);
		return on_zero(s, a64_vr(s, c->a), c->w, not_zero);
	case A64_CC_LT:
	case A64_CC_GE:
		return on_bit(s, a64_vr(s, c->a), c->w ? 63 : 31, c->cc == A64_CC_LT);
	default:
		return NULL;
	}
}

static struct lir_insn *compare_branch(struct a64_isel *s, const struct ir_insn *in)
{
	struct a64_cmp c = a64_compare(s, in);
	struct lir_insn *l = c.is_imm && c.imm == 0 ? zero_branch(s, &c) : NULL;
	lreg a, b = LREG_NONE;

	if (l)
		return l;
	a = a64_vr(s, c.a);
	if (!c.is_imm)
		b = a64_vr(s, c.b);
	l = a64_lir(s, c.is_imm ? A64_OP_BRI : A64_OP_BR);
	a64_use(l, a, 0);
	if (!c.is_imm)
		a64_use(l, b, 0);
	l->imm = c.imm;
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)c.w;
	return l;
}

/*
 * The operands of a branch that comes after its registers were brought home: what looks at the low half sees the same
 * in an extended register, and floating-point comparisons in a boxed one.
 */
static void take_fixed(struct lir_insn *l)
{
	bool low = l->op == A64_OP_FBR || (l->op == A64_OP_BRB ? l->imm < 32 : !l->sub2);

	for (unsigned k = 0; low && k < l->nopnd; k++)
		l->opnd[k].flags |= LO_LAX;
}

static void sel_br(struct a64_isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	uint32_t next = a64_next_effect(s, idx);
	gaddr target = (gaddr)in->imm;
	struct lir_insn *l;
	uint16_t exit = a64_new_exit(s, (struct lir_exit){
					    .target = target,
					    .to = in->to,
					    .poll = ir_safe_exit(&s->safe, s->ir, in),
					});

	l = compare_branch(s, in);
	l->exit = exit;
	l->flags = LF_EXIT;
	if (ir_info(&s->ir->insn[next])->flags & IR_Z) {
		l->flags |= LF_SYNC;
		take_fixed(l);
	}
}

void a64_sel_exit(struct a64_isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	struct lir_exit x = {
		.target = (gaddr)in->imm,
		.ret = ir_ret(s->ir, in),
		.to = (uint16_t)ir_goes_to(in),
		.back_to = in->to,
		.kind = in->sub,
	};
	lreg target = LREG_NONE;
	struct lir_insn *l;
	unsigned op;

	switch (in->op) {
	case IR_br:
		sel_br(s, idx);
		return;
	case IR_exit:
		op = A64_OP_EXIT;
		/* Calls that lead back are looked at too: recursion need not end soon. */
		x.poll = ir_safe_exit(&s->safe, s->ir, in);
		break;
	case IR_exiti:
		op = A64_OP_EXITI;
		x.indirect = true;
		/* Returns go down the stack of calls, which ends; what else is a cycle comes by here. */
		x.poll = in->sub != IR_JUMP_RET;
		target = a64_vr(s, in->a);
		break;
	default:
		op = A64_OP_EXITR;
		x.kind = IR_JUMP_PLAIN;
		x.reason = in->sub;
		break;
	}
	l = a64_lir(s, op);
	l->exit = a64_new_exit(s, x);
	l->flags = LF_SYNC;
	if (target != LREG_NONE)
		a64_opnd(l, target, LIR_USE, 0, A64_PC);
}

/* Instruction selection: branches and exits. */
#include "arch/x86_64/isel_priv.h"

/* Those puts whose registers are tested at an exit to block to: what that takes as it is, is not. */
static uint64_t tested_at(const struct x64_isel *s, unsigned to)
{
	const struct x64_puts *p = &s->puts;
	uint64_t regs = p->regs;

	if (to == IR_NOBLOCK)
		return regs;
	for (uint64_t left = regs & s->lir->block[to].fixes; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);

		if (ra_fix_stays(s->t, p->fix[g], s->lir->block[to].fix[g]))
			regs &= ~(UINT64_C(1) << g);
	}
	return regs;
}

/*
 * A NaN operand makes a NaN of a result. So of the registers (regs) that hold raw results here, those that another
 * one was computed from need no test: if that one is no NaN, neither are they. Gives their homes.
 */
static uint64_t implied_homes(const struct x64_isel *s, uint64_t regs)
{
	const struct x64_puts *p = &s->puts;
	uint32_t implied = 0;
	uint64_t homes = 0;

	for (uint64_t left = regs; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);
		uint32_t own = 0; /* puts of the same value */

		for (uint64_t same = regs; same; same &= same - 1) {
			unsigned h = (unsigned)__builtin_ctzll(same);

			own |= p->from[h] == p->from[g] ? p->bit[h] : 0;
		}
		implied |= (s->val[p->from[g]].no_nan & ~own) | (own & ~p->bit[g] & -p->bit[g]);
	}
	for (uint64_t left = regs; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);

		if (implied & p->bit[g])
			homes |= UINT64_C(1) << s->t->home[g];
	}
	return homes;
}

uint16_t x64_new_exit(struct x64_isel *s, struct lir_exit x)
{
	struct lir_unit *u = s->lir;

	x.host_info = implied_homes(s, tested_at(s, x.to));
	arena_grow(u->arena, u->exit, u->exit_count, u->exit_cap);
	u->exit[u->exit_count] = x;
	return (uint16_t)u->exit_count++;
}

/* The insn behind idx that is more than a constant or a pure one; a block ends with one. */
static uint32_t next_effect(const struct x64_isel *s, uint32_t idx)
{
	const struct ir_insn *in;

	do
		in = &s->ir->insn[++idx];
	while (in->dead || ir_info(in)->flags & IR_P);
	return idx;
}

/* The same past registers that become constants. */
static const struct ir_insn *next_but_consts(const struct x64_isel *s, uint32_t idx)
{
	const struct ir_insn *insn = s->ir->insn;

	do
		idx = next_effect(s, idx);
	while (insn[idx].op == IR_putreg && insn[insn[idx].a.idx].op == IR_const);
	return &insn[idx];
}

bool x64_is_final_br(const struct x64_isel *s, uint32_t idx)
{
	return ir_info(next_but_consts(s, idx))->flags & IR_Z;
}

/* True when floating-point comparison idx has no other use than the branch that comes next. */
bool x64_fuse_compare(const struct x64_isel *s, uint32_t idx)
{
	const struct ir_insn *br;
	int64_t c;

	if (s->val[idx].uses != 1)
		return false;
	br = next_but_consts(s, idx);
	return br->op == IR_br && br->sub <= IR_NE && s->val[br->a.idx].rep == idx
	       && x64_const(s, br->b, &c) && c == 0;
}

/* br eq/ne (x & y), 0 where the and has no other use. */
static struct lir_insn *test_branch(struct x64_isel *s, const struct ir_insn *and, enum x64_cc cc)
{
	lreg a = x64_vr(s, and->a), b;
	unsigned w = x64_is64(and);
	struct lir_insn *l;
	int64_t c;

	if (x64_const(s, and->b, &c) && (fits_i32(c) || fits_u32((uint64_t)c))) {
		l = x64_lir(s, X64_OP_BRT);
		x64_use(l, a, LO_MEM);
		l->imm = (int32_t)c;
		w = fits_u32((uint64_t)c) ? 0 : w;
	} else {
		b = x64_vr(s, and->b);
		l = x64_lir(s, X64_OP_BRTR);
		x64_use(l, a, 0);
		x64_use(l, b, LO_MEM);
	}
	l->sub = (uint8_t)cc;
	l->sub2 = (uint8_t)w;
	return l;
}

static struct lir_insn *compare_branch(struct x64_isel *s, const struct ir_insn *in)
{
	struct x64_cmp c = x64_compare(s, in);
	const struct ir_insn *x = x64_insn(s, c.a);
	struct lir_insn *l;
	lreg a, b;

	if (c.is_imm && c.imm == 0 && in->sub <= IR_NE) {
		if (x64_is_compare(x->op) && x64_val(s, c.a)->vreg == LREG_NONE)
			return x64_sel_fbr(s, x, in->sub == IR_NE);
		if (x64_foldable(s, c.a, IR_and))
			return test_branch(s, x, c.cc);
	}
	a = x64_vr(s, c.a);
	if (c.is_imm) {
		l = x64_lir(s, X64_OP_BRI);
		x64_use(l, a, LO_MEM);
		l->imm = c.imm;
	} else {
		b = x64_vr(s, c.b);
		l = x64_lir(s, X64_OP_BR);
		x64_use(l, a, 0);
		x64_use(l, b, LO_MEM);
	}
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)c.w;
	return l;
}

/*
 * The operands of a branch that comes after its registers were brought home: 32-bit compares see the same
 * in an extended register, and floating-point ones in a canonical or boxed one.
 */
static void take_fixed(struct lir_insn *l)
{
	if (l->op != X64_OP_FBR && l->sub2)
		return;
	for (unsigned k = 0; k < l->nopnd; k++)
		l->opnd[k].flags |= LO_LAX;
}

static void sel_br(struct x64_isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	gaddr target = (gaddr)in->imm;
	struct lir_insn *l;
	uint16_t exit = x64_new_exit(s, (struct lir_exit){
					    .target = target,
					    .to = in->to,
					    .poll = ir_safe_exit(&s->safe, s->ir, in),
					});

	l = compare_branch(s, in);
	l->exit = exit;
	l->flags = LF_EXIT;
	if (x64_is_final_br(s, idx))
		l->flags |= LF_SYNC;
	if (l->flags & LF_SYNC) {
		s->puts.regs = 0; /* tested now */
		take_fixed(l);
	}
}

void x64_sel_exit(struct x64_isel *s, uint32_t idx)
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
		op = X64_OP_EXIT;
		/* Calls that lead back are looked at too: recursion need not end soon. */
		x.poll = ir_safe_exit(&s->safe, s->ir, in);
		break;
	case IR_exiti:
		op = X64_OP_EXITI;
		x.indirect = true;
		/* Returns go down the stack of calls, which ends; what else is a cycle comes by here. */
		x.poll = in->sub != IR_JUMP_RET;
		target = x64_vr(s, in->a);
		break;
	default:
		op = X64_OP_EXITR;
		x.kind = IR_JUMP_PLAIN;
		x.reason = in->sub;
		break;
	}
	l = x64_lir(s, op);
	l->exit = x64_new_exit(s, x);
	l->flags = LF_SYNC;
	if (target != LREG_NONE)
		x64_opnd(l, target, LIR_USE, 0, X64_RCX);
}

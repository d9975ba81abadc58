/* Instruction selection: branches, and what ways out are told of. */
#include "arch/x86_64/isel_priv.h"

/* Those puts whose registers are tested at an exit to block to: what that takes as it is, is not. */
static uint64_t tested_at(struct isel *s, unsigned to)
{
	const struct x64_puts *p = x64_puts(s);
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
static uint64_t implied_homes(struct isel *s, uint64_t regs)
{
	const struct x64_puts *p = x64_puts(s);
	uint32_t implied = 0;
	uint64_t homes = 0;

	for (uint64_t left = regs; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);
		uint32_t own = 0; /* puts of the same value */

		for (uint64_t same = regs; same; same &= same - 1) {
			unsigned h = (unsigned)__builtin_ctzll(same);

			own |= p->from[h] == p->from[g] ? p->bit[h] : 0;
		}
		implied |= (s->val[p->from[g]].host & ~own) | (own & ~p->bit[g] & -p->bit[g]);
	}
	for (uint64_t left = regs; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);

		if (implied & p->bit[g])
			homes |= UINT64_C(1) << s->t->home[g];
	}
	return homes;
}

uint64_t x64_exit_info(struct isel *s, unsigned to) { return implied_homes(s, tested_at(s, to)); }

/* br eq/ne (x & y), 0 where the and has no other use. */
static struct lir_insn *test_branch(struct isel *s, const struct ir_insn *and, enum x64_cc cc)
{
	lreg a = isel_vr(s, and->a), b;
	unsigned w = isel_is64(and);
	struct lir_insn *l;
	int64_t c;

	if (isel_const(s, and->b, &c) && (fits_i32(c) || fits_u32((uint64_t)c))) {
		l = isel_lir(s, X64_OP_BRT);
		isel_use(l, a, LO_MEM);
		l->imm = (int32_t)c;
		w = fits_u32((uint64_t)c) ? 0 : w;
	} else {
		b = isel_vr(s, and->b);
		l = isel_lir(s, X64_OP_BRTR);
		isel_use(l, a, 0);
		isel_use(l, b, LO_MEM);
	}
	l->sub = (uint8_t)cc;
	l->sub2 = (uint8_t)w;
	return l;
}

struct lir_insn *x64_branch(struct isel *s, const struct ir_insn *in)
{
	struct x64_cmp c = x64_compare(s, in);
	const struct ir_insn *x = isel_insn(s, c.a);
	struct lir_insn *l;
	lreg a, b;

	if (c.is_imm && c.imm == 0 && in->sub <= IR_NE) {
		if (isel_is_compare(x->op) && isel_val(s, c.a)->vreg == LREG_NONE)
			return x64_sel_fbr(s, x, in->sub == IR_NE);
		if (isel_foldable(s, c.a, IR_and))
			return test_branch(s, x, c.cc);
	}
	a = isel_vr(s, c.a);
	if (c.is_imm) {
		l = isel_lir(s, X64_OP_BRI);
		isel_use(l, a, LO_MEM);
		l->imm = c.imm;
	} else {
		b = isel_vr(s, c.b);
		l = isel_lir(s, X64_OP_BR);
		isel_use(l, a, 0);
		isel_use(l, b, LO_MEM);
	}
	l->sub = (uint8_t)c.cc;
	l->sub2 = (uint8_t)c.w;
	return l;
}

/*
 * The operands of a branch that comes after its registers were brought home: 32-bit compares see the same
 * in an extended register, and floating-point ones in a canonical or boxed one.
 */
void x64_synced(struct isel *s, struct lir_insn *l)
{
	x64_puts(s)->regs = 0; /* tested now */
	if (l->op != X64_OP_FBR && l->sub2)
		return;
	for (unsigned k = 0; k < l->nopnd; k++)
		l->opnd[k].flags |= LO_LAX;
}

/*
 * The backward walk: what is not needed. At each insn all its uses have been seen, so one walk does
 *
 *   getput (its writing half)  a putreg that is overwritten before any insn that may leave or
 *                  fault, and not read before, is dead;
 *   nan            fcanon x as an operand of an operation that takes all quiet NaNs for one becomes x;
 *   dce            P insns and getregs without a live use are dead. F insns stay: they accrue flags.
 *                  trunc(sext y) and trunc(zext y) become y when only truncs use the extension.
 *
 * A closing forward walk drops the dead and renumbers.
 */
#include "lib/opt/opt_priv.h"

enum use {
	USED = 1,       /* by anything but a trunc */
	USED_TRUNC = 2, /* by a trunc */
	SEEN = 4,       /* by something that tells NaNs apart */
	BYPASSED = 8,   /* an extension that its truncs pass by: they are its operand */
};

struct backward {
	struct ir_unit *u;
	unsigned passes;
	uint8_t *use;         /* bits of enum use, one byte an insn */
	uint64_t overwritten; /* registers written later, before anything can look at them */
};

static void mark(struct backward *b, ir_ref r, unsigned how)
{
	if (ir_ref_ok(r))
		b->use[r.idx] |= (uint8_t)how;
}

/* ---- nan ----------------------------------------------------------------------------------- */

/*
 * True when a NaN in r is quiet whatever the host: the result of arithmetic. A loaded NaN may be
 * signalling, which its canonical form is not; that difference shows in the flags.
 */
static bool is_arithmetic(const struct ir_unit *u, ir_ref r)
{
	const struct ir_insn *i = &u->insn[r.idx];

	while (i->op == IR_fneg || i->op == IR_fabs)
		i = &u->insn[i->a.idx];
	return ir_info(i)->flags & IR_F;
}

/* Operand *r of an insn to which all quiet NaNs are one. */
static void use_any_nan(struct backward *b, ir_ref *r)
{
	const struct ir_insn *def;

	if (!ir_ref_ok(*r))
		return;
	def = &b->u->insn[r->idx];
	if (b->passes & OPT_BIT(nan) && def->op == IR_fcanon && is_arithmetic(b->u, def->a))
		*r = def->a;
	mark(b, *r, USED);
}

/* ---- the walk ------------------------------------------------------------------------------ */

static void use_operands(struct backward *b, struct ir_insn *i, unsigned use_of_i)
{
	switch (i->op) {
	case IR_trunc:
		mark(b, i->a, USED_TRUNC | SEEN);
		return;
	case IR_fneg:
	case IR_fabs:
	case IR_fsgnj: /* the sign of b counts, even that of a NaN */
		if (use_of_i & SEEN)
			mark(b, i->a, USED | SEEN);
		else
			use_any_nan(b, &i->a);
		mark(b, i->b, USED | SEEN);
		return;
	case IR_fcanon:
		mark(b, i->a, USED);
		return;
	}
	if (ir_info(i)->flags & IR_F || i->op == IR_fclass) {
		use_any_nan(b, &i->a);
		use_any_nan(b, &i->b);
		use_any_nan(b, &i->c);
		return;
	}
	mark(b, i->a, USED | SEEN);
	mark(b, i->b, USED | SEEN);
	mark(b, i->c, USED | SEEN);
}

/* True when putreg i can be dropped; keeps account of the registers on the way. */
static bool is_overwritten(struct backward *b, const struct ir_insn *i)
{
	uint64_t bit;

	if (i->op == IR_putreg) {
		bit = UINT64_C(1) << i->imm;
		if (b->overwritten & bit)
			return true;
		b->overwritten |= bit;
	} else if (i->op == IR_getreg) {
		b->overwritten &= ~(UINT64_C(1) << i->imm);
	} else if (ir_info(i)->flags & (IR_L | IR_S | IR_X)) {
		b->overwritten = 0;
	}
	return false;
}

static bool is_unused(const struct backward *b, const struct ir_insn *i, unsigned use)
{
	return !(use & (USED | USED_TRUNC)) && (ir_info(i)->flags & IR_P || i->op == IR_getreg);
}

static void walk_block(struct backward *b, const struct ir_block *blk)
{
	struct ir_unit *u = b->u;

	b->overwritten = 0;
	for (uint32_t k = blk->first + blk->count; k-- > blk->first;) {
		struct ir_insn *i = &u->insn[k];

		if (i->dead)
			continue;
		if (b->passes & OPT_BIT(dce)) {
			if (is_unused(b, i, b->use[k])) {
				i->dead = 1;
				continue;
			}
			if ((i->op == IR_sext || i->op == IR_zext) && !(b->use[k] & USED)) {
				b->use[k] |= BYPASSED;
				mark(b, i->a, USED);
				continue;
			}
		}
		if (b->passes & OPT_BIT(getput) && is_overwritten(b, i)) {
			i->dead = 1;
			continue;
		}
		use_operands(b, i, b->use[k]);
	}
}

/* Drops what is dead or bypassed, and renumbers. */
static void compact(struct backward *b)
{
	struct ir_unit *u = b->u;
	uint32_t *map = arena_new(u->arena, uint32_t, u->insn_count + 1);
	uint32_t n = 0;

	for (unsigned k = 0; k < u->block_count; k++) {
		struct ir_block *blk = &u->block[k];
		uint32_t j = blk->first, end = j + blk->count;

		blk->first = n;
		for (; j < end; j++) {
			struct ir_insn *i = &u->insn[j];

			if (i->dead)
				continue;
			if (b->use[j] & BYPASSED
			    || (i->op == IR_trunc && b->use[i->a.idx] & BYPASSED)) {
				map[j] = map[i->a.idx];
				continue;
			}
			if (ir_ref_ok(i->a))
				i->a.idx = map[i->a.idx];
			if (ir_ref_ok(i->b))
				i->b.idx = map[i->b.idx];
			if (ir_ref_ok(i->c))
				i->c.idx = map[i->c.idx];
			map[j] = n;
			if (j != n)
				u->insn[n] = *i;
			n++;
		}
		blk->count = n - blk->first;
	}
	u->insn_count = n;
}

void opt_backward(struct ir_unit *u, unsigned passes)
{
	struct backward b = { .u = u, .passes = passes };

	b.use = arena_znew(u->arena, uint8_t, u->insn_count + 1);
	for (unsigned k = 0; k < u->block_count; k++)
		walk_block(&b, &u->block[k]);
	compact(&b);
}

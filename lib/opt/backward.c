/*
 * The backward walk: what is not needed. At each insn all its uses have been seen, so one walk does
 *
 *   getput (its writing half)  a putreg that is overwritten before any insn that may leave or
 *                  fault, and not read before, is dead;
 *   nan            fcanon x as an operand of an operation that takes all quiet NaNs for one becomes x;
 *   dce            P insns and getregs without a live use are dead. F insns stay: they accrue flags.
 *                  trunc(sext y) and trunc(zext y) become y when only truncs use the extension.
 *
 * A closing forward walk drops the dead and renumbers, from the first that is gone.
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
	uint8_t *use;         /* bits of enum use, of insn n at n + 1: what IR_NOREF uses is at 0 */
	uint64_t overwritten; /* registers written later, before anything can look at them */
	uint64_t boxed, canon; /* ir_block's, but for registers that getreg reads behind a putreg */
	uint32_t first_gone;   /* the lowest insn that is dead or bypassed */
};

static void mark(struct backward *b, ir_ref r, unsigned how)
{
	b->use[ir_ref_slot(r)] |= (uint8_t)how;
}

/*
 * All operands of an insn that is neither F nor select: no other has a third. Stored, not ORed: more bits would tell
 * nothing new, and a chain of ORs to the byte of IR_NOREF takes time.
 */
static void mark_all(struct backward *b, const struct ir_insn *i)
{
	b->use[ir_ref_slot(i->a)] = USED | SEEN;
	b->use[ir_ref_slot(i->b)] = USED | SEEN;
}

/* ---- kinds of operations ----------------------------------------------------------------------- */

enum kind {
	PURE,       /* stays when it is used */
	GETREG,     /* so */
	SELECT,     /* pure, with three operands */
	EXTENSION,  /* pure; truncs may pass it by */
	TRUNCATION, /* pure; lets extensions be passed by */
	SIGN,       /* pure; shows what of a NaN its own users see */
	CANON,      /* pure; shows nothing of a NaN */
	CLASS,      /* pure; quiet NaNs are one to it */
	PUTREG,     /* stays unless it is overwritten */
	FLOAT,      /* stays: flags; quiet NaNs are one to it */
	BARRIER,    /* stays; may leave or fault, so guest registers are looked at */
	EFFECT,     /* stays */
};

/* The flags column of ops.def. */
enum {
	P = IR_P,
	C = IR_C,
	L = IR_L,
	S = IR_S,
	E = IR_E,
	X = IR_X,
	Z = IR_Z,
	F = IR_F,
	TI = IR_TI,
	T64 = IR_T64,
	TF = IR_TF,
	NA = IR_NA,
	NP = IR_NP,
	NQ = IR_NQ,
	NC = IR_NC,
};

#define KIND_BY_FLAGS(f)                                                                           \
	((f) & (L | S | X) ? BARRIER : (f)&F ? FLOAT : (f)&NA ? CLASS : (f)&P ? PURE : EFFECT)
#define KIND(op, f)                                                                                \
	((op) == IR_getreg                     ? GETREG                                            \
	 : (op) == IR_putreg                   ? PUTREG                                            \
	 : (op) == IR_select                   ? SELECT                                            \
	 : (op) == IR_sext || (op) == IR_zext  ? EXTENSION                                         \
	 : (op) == IR_trunc                    ? TRUNCATION                                        \
	 : (op) >= IR_fneg && (op) <= IR_fsgnj ? SIGN                                              \
	 : (op) == IR_fcanon                   ? CANON                                             \
					       : KIND_BY_FLAGS(f))

_Static_assert(IR_fneg + 2 == IR_fsgnj, "fneg, fabs and fsgnj stand together");

static const uint8_t kinds[IR_OP_COUNT] = {
#define OP(name, result, a, b, c, flags, ...) [IR_##name] = KIND(IR_##name, flags),
#include "lib/ir/ops.def"
#undef OP
};

/* ---- nan ----------------------------------------------------------------------------------- */

/* Is i a register as of the block's entry, or the float in it, that holds no NaN but the canonical one then? */
static bool is_canonical_entry(const struct backward *b, const struct ir_insn *i)
{
	uint64_t of = b->canon & ~b->boxed;

	if (i->op == IR_bitsf32) {
		i = &b->u->insn[i->a.idx];
		if (i->op == IR_fbits32)
			i = &b->u->insn[i->a.idx];
		of = b->canon & b->boxed;
	}
	return i->op == IR_getreg && of >> i->imm & 1;
}

/*
 * True when a NaN in r is quiet whatever the host: the result of arithmetic. A loaded NaN may be
 * signalling, which its canonical form is not; that difference shows in the flags.
 */
static bool is_quiet(const struct backward *b, ir_ref r)
{
	const struct ir_insn *i = &b->u->insn[r.idx];

	while (i->op == IR_fneg || i->op == IR_fabs)
		i = &b->u->insn[i->a.idx];
	return ir_info(i)->flags & IR_NQ || is_canonical_entry(b, i);
}

/* Operand *r of an insn to which all quiet NaNs are one. */
static void use_any_nan(struct backward *b, ir_ref *r)
{
	const struct ir_insn *def;

	if (!ir_ref_ok(*r))
		return;
	def = &b->u->insn[r->idx];
	if (b->passes & OPT_BIT(nan) && def->op == IR_fcanon && is_quiet(b, def->a))
		*r = def->a;
	mark(b, *r, USED);
}

static void use_float(struct backward *b, struct ir_insn *i)
{
	use_any_nan(b, &i->a);
	use_any_nan(b, &i->b);
	use_any_nan(b, &i->c);
}

/* The sign of b counts in fsgnj, even that of a NaN. */
static void use_sign(struct backward *b, struct ir_insn *i, unsigned use)
{
	if (use & SEEN)
		mark(b, i->a, USED | SEEN);
	else
		use_any_nan(b, &i->a);
	mark(b, i->b, USED | SEEN);
}

/* ---- the walk ------------------------------------------------------------------------------ */

/* Notes what insn k, used as use says, needs; false when it is gone. */
static bool needs(struct backward *b, struct ir_insn *i, uint32_t k, unsigned use)
{
	unsigned kind = kinds[i->op];
	uint64_t reg;

	if (kind <= CLASS && !(use & (USED | USED_TRUNC)))
		return false;
	switch (kind) {
	case GETREG:
		b->overwritten &= ~(UINT64_C(1) << i->imm);
		return true;
	case PUTREG:
		reg = b->passes & OPT_BIT(getput) ? UINT64_C(1) << i->imm : 0;
		if (b->overwritten & reg)
			return false;
		b->overwritten |= reg;
		break;
	case SELECT:
		mark(b, i->c, USED);
		break;
	case EXTENSION:
		if (!(use & USED)) {
			b->use[k + 1] |= BYPASSED;
			b->first_gone = k;
		}
		break;
	case TRUNCATION:
		mark(b, i->a, USED_TRUNC | (b->passes & OPT_BIT(dce) ? 0 : USED));
		return true;
	case SIGN:
		use_sign(b, i, use);
		return true;
	case CANON:
		mark(b, i->a, USED);
		return true;
	case CLASS:
	case FLOAT:
		use_float(b, i);
		return true;
	case BARRIER:
		b->overwritten = 0;
		b->use[ir_ref_slot(i->c)] = USED | SEEN; /* a routine has three operands */
		break;
	}
	mark_all(b, i);
	return true;
}

/* Those of canon that no getreg reads behind a putreg. */
static uint64_t canon_reads(const struct ir_unit *u, const struct ir_block *blk)
{
	uint64_t canon = blk->canon, written = 0;

	for (uint32_t k = blk->first; canon && k < blk->first + blk->count; k++) {
		const struct ir_insn *i = &u->insn[k];

		if (i->op == IR_putreg)
			written |= UINT64_C(1) << i->imm;
		else if (i->op == IR_getreg)
			canon &= ~(written & UINT64_C(1) << i->imm);
	}
	return canon;
}

static void walk_block(struct backward *b, const struct ir_block *blk)
{
	/* Without dce everything counts as used. */
	unsigned all_used = b->passes & OPT_BIT(dce) ? 0 : USED;
	struct ir_insn *i = &b->u->insn[blk->first + blk->count];

	b->overwritten = 0;
	b->boxed = blk->boxed;
	b->canon = canon_reads(b->u, blk);
	for (uint32_t k = blk->first + blk->count; k-- > blk->first;) {
		i--;
		if (i->dead || !needs(b, i, k, b->use[k + 1] | all_used)) {
			i->dead = 1;
			b->first_gone = k;
		}
	}
}

/* Drops what is dead or bypassed, and renumbers; map as in forward.c. */
static void compact(struct backward *b)
{
	struct ir_unit *u = b->u;
	uint32_t *map = arena_new(u->arena, uint32_t, u->insn_count + 1);
	uint32_t n = b->first_gone;

	map[0] = IR_NOREF.idx;
	for (uint32_t k = 0; k < n; k++)
		map[k + 1] = k;
	for (unsigned k = 0; k < u->block_count; k++) {
		struct ir_block *blk = &u->block[k];
		uint32_t j = blk->first, end = j + blk->count;

		if (end <= b->first_gone)
			continue;
		if (j > n)
			blk->first = n;
		else
			j = n;
		for (; j < end; j++) {
			struct ir_insn *i = &u->insn[j];

			if (i->dead)
				continue;
			if (b->use[j + 1] & BYPASSED
			    || (i->op == IR_trunc && b->use[ir_ref_slot(i->a)] & BYPASSED)) {
				map[j + 1] = map[ir_ref_slot(i->a)];
				continue;
			}
			/* Copied first: reading wide what was just written narrow stalls the host. */
			u->insn[n] = *i;
			i = &u->insn[n];
			i->a.idx = map[ir_ref_slot(i->a)];
			i->b.idx = map[ir_ref_slot(i->b)];
			i->c.idx = map[ir_ref_slot(i->c)];
			map[j + 1] = n++;
		}
		blk->count = n - blk->first;
	}
	u->insn_count = n;
}

void opt_backward(struct ir_unit *u, unsigned passes)
{
	struct backward b = { .u = u, .passes = passes, .first_gone = u->insn_count };

	b.use = arena_znew(u->arena, uint8_t, u->insn_count + 1);
	for (unsigned k = u->block_count; k-- > 0;)
		walk_block(&b, &u->block[k]);
	if (b.first_gone < u->insn_count)
		compact(&b);
}

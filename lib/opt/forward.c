/*
 * The forward walk: getput (its reading half), addr and cse are here, fold and idiom have their own files. What
 * the walk knows, and what for, is told in opt_priv.h.
 */
#include "lib/opt/opt_priv.h"

#include <string.h>

enum { CSE_PROBES = 4, SLACK = 64 };

/* Makes out as large as cap. */
static void grow(struct opt_forward *f, uint32_t cap)
{
	struct ir_insn *out = arena_new(f->u->arena, struct ir_insn, cap);
	uint8_t *home = arena_new(f->u->arena, uint8_t, cap);

	if (f->count) {
		memcpy(out, f->out, sizeof *out * f->count);
		memcpy(home, f->home, f->count);
	}
	f->out = out;
	f->home = home;
	f->cap = cap;
}

/* The place behind the last insn of out, where the next one is made. */
static struct ir_insn *draft(struct opt_forward *f)
{
	if (f->count == f->cap)
		grow(f, f->cap * 2);
	return &f->out[f->count];
}

/* What was made there is an insn. */
static ir_ref commit(struct opt_forward *f)
{
	f->home[f->count] = 0;
	return (ir_ref){ f->count++ };
}

/* ---- cse: equal pure operations of a block are one ---------------------------------------- */

static uint32_t hash_insn(const struct ir_insn *i)
{
	uint32_t head; /* op, type, sub, dead */
	uint64_t k;

	_Static_assert(offsetof(struct ir_insn, gpc_off) == sizeof head, "head is these four");
	memcpy(&head, i, sizeof head);
	k = ((uint64_t)head << 32 | i->a.idx) * UINT64_C(0x9e3779b97f4a7c15);
	k ^= (((uint64_t)i->b.idx << 32) + (uint64_t)i->imm) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(k >> 32 ^ k >> 44);
}

static bool equal(const struct ir_insn *x, const struct ir_insn *y)
{
	return x->op == y->op && x->type == y->type && x->sub == y->sub && opt_same(x->a, y->a)
	       && opt_same(x->b, y->b) && opt_same(x->c, y->c) && x->imm == y->imm;
}

/*
 * The earlier value equal to the draft, or the draft, committed and remembered. The table forgets:
 * after a few occupied slots it overwrites the first, which costs a chance and no time.
 */
static ir_ref find_or_commit(struct opt_forward *f)
{
	const struct ir_insn *o = &f->out[f->count];
	uint32_t h = hash_insn(o) & f->slot_mask;
	uint32_t *place = &f->slot[h];

	for (unsigned k = 0; k < CSE_PROBES; k++) {
		uint32_t *s = &f->slot[(h + k) & f->slot_mask];

		if (*s <= f->first) { /* empty, or of an earlier block */
			place = s;
			break;
		}
		if (equal(&f->out[*s - 1], o))
			return (ir_ref){ *s - 1 };
	}
	*place = f->count + 1;
	return commit(f);
}

/* The draft is complete but for folding, which has been done. */
static inline ir_ref finish(struct opt_forward *f)
{
	unsigned flags = ir_info(&f->out[f->count])->flags;
	ir_ref r;

	if (flags & IR_P)
		return f->passes & OPT_BIT(cse) ? find_or_commit(f) : commit(f);
	r = commit(f);
	if (flags & (IR_L | IR_S | IR_X))
		f->barrier = f->count;
	return r;
}

ir_ref opt_emit(struct opt_forward *f, struct ir_insn i)
{
	struct ir_insn *o;

	if (f->passes & OPT_BIT(fold) && opt_rules[i.op]) {
		enum opt_fold folded = opt_fold(f, &i);

		if (folded == OPT_VALUE || folded == OPT_GONE)
			return f->value;
	}
	o = draft(f);
	f->draft_lost = true;
	*o = i;
	o->gpc_off = f->gpc_off;
	return finish(f);
}

ir_ref opt_const(struct opt_forward *f, enum ir_type t, int64_t v)
{
	struct ir_insn *o = draft(f);

	f->draft_lost = true;
	*o = (struct ir_insn){ .op = IR_const,
			       .type = (uint8_t)t,
			       .gpc_off = f->gpc_off,
			       .a = IR_NOREF,
			       .b = IR_NOREF,
			       .c = IR_NOREF,
			       .to = IR_NOBLOCK,
			       .imm = t == IR_I32 ? (int32_t)v : v };
	return finish(f);
}

/* ---- getput: which value a guest register holds ------------------------------------------- */

/* True when it is known which value register reg holds, and may be used. */
static bool holds(const struct opt_forward *f, int64_t reg)
{
	return f->passes & OPT_BIT(getput) && f->known >> reg & 1;
}

static void now_holds(struct opt_forward *f, int64_t reg, ir_ref v)
{
	f->known |= UINT64_C(1) << reg;
	f->holds[reg] = v.idx;
	f->home[v.idx] = (uint8_t)(reg + 1);
}

static ir_ref get(struct opt_forward *f, const struct ir_insn *o)
{
	int64_t reg = o->imm;
	ir_ref r;

	if (holds(f, reg))
		return (ir_ref){ f->holds[reg] };
	r = commit(f);
	now_holds(f, reg, r);
	return r;
}

static void put(struct opt_forward *f, const struct ir_insn *o)
{
	int64_t reg = o->imm;

	if (holds(f, reg) && f->holds[reg] == o->a.idx)
		return;
	now_holds(f, reg, o->a);
	commit(f);
}

/* ---- addr: constant sums go into displacements --------------------------------------------- */

/*
 * Only while a register still holds the base: then the access need not wait for the sum. After
 * "addi a0, a0, 8" the old a0 is gone, and 8 less in the displacement would keep it alive.
 */
static void fold_address(struct opt_forward *f, struct ir_insn *i)
{
	const struct ir_insn *sum = opt_def(f, i->a);
	int64_t c;

	while (sum->op == IR_add && opt_konst(f, sum->b, &c) && opt_held(f, sum->a) && fits_i32(c)
	       && fits_i32(i->imm + c)) {
		i->imm += c;
		i->a = sum->a;
		sum = opt_def(f, i->a);
	}
}

/* ---- truth values that a branch looks at ----------------------------------------------------- */

/* Emits that registers become v. */
static void put_const(struct opt_forward *f, uint64_t regs, int64_t v)
{
	ir_ref c = opt_const(f, IR_I64, v);

	for (; regs; regs &= regs - 1) {
		int64_t reg = __builtin_ctzll(regs);

		*draft(f) = (struct ir_insn){ .op = IR_putreg,
					      .type = IR_I64,
					      .gpc_off = f->gpc_off,
					      .a = c,
					      .b = IR_NOREF,
					      .c = IR_NOREF,
					      .to = IR_NOBLOCK,
					      .imm = reg };
		now_holds(f, reg, c);
		commit(f);
	}
}

/* Has nothing been done since insn r but computing and writing registers? */
static bool is_last_effect(const struct opt_forward *f, ir_ref r)
{
	uint32_t k = f->count;

	while (--k > r.idx && (f->out[k].op == IR_putreg || ir_info(&f->out[k])->flags & IR_P))
		;
	return k == r.idx;
}

/* The registers that hold r, from putregs behind the last insn that may leave or fault; those are dead from now on. */
static uint64_t take_puts(struct opt_forward *f, ir_ref r)
{
	uint64_t regs = 0;

	for (uint32_t k = f->count; k-- > f->barrier && k > r.idx;) {
		struct ir_insn *p = &f->out[k];

		if (p->op != IR_putreg || !opt_same(p->a, r) || f->holds[p->imm] != r.idx
		    || p->dead)
			continue;
		p->dead = 1;
		regs |= UINT64_C(1) << p->imm;
	}
	return regs;
}

/*
 * "flt a5, fa0, fa1; beqz a5, away": where the branch is taken a5 is 0, where not 1. So the comparison becomes the
 * branch's own, and a5 a constant on either way, which costs something only where it is seen.
 *
 * The draft is the branch. Answers with the registers, which hold the constant of the taken way by then; that of the
 * other one is to be put behind it.
 */
static uint64_t split_truth(struct opt_forward *f)
{
	const unsigned both = OPT_BIT(getput) | OPT_BIT(fold);
	const struct ir_insn br = f->out[f->count];
	int64_t zero;
	uint64_t regs;
	unsigned op;

	if ((f->passes & both) != both || br.type != IR_I64 || br.sub > IR_NE
	    || !opt_konst(f, br.b, &zero) || zero != 0)
		return 0;
	/* A host can make the branch of a comparison that stands right before it. Of integers that is seldom worth it. */
	op = opt_def(f, br.a)->op;
	if ((op != IR_feq && op != IR_flt && op != IR_fle) || !is_last_effect(f, br.a))
		return 0;
	regs = take_puts(f, br.a);
	if (regs) {
		put_const(f, regs, br.sub == IR_NE);
		*draft(f) = br;
	}
	return regs;
}

/* ---- the walk ------------------------------------------------------------------------------ */

/*
 * Folds *from with the draft's operands; false when nothing is to be emitted, *r is then its value. The
 * rules get a copy: what they emit needs the place of the draft.
 */
static bool fold_draft(struct opt_forward *f, const struct ir_insn *from, ir_ref *r)
{
	struct ir_insn *o = &f->out[f->count];
	struct ir_insn i = *from;
	enum opt_fold folded = OPT_KEEP, became = OPT_KEEP;

	i.a = o->a;
	i.b = o->b;
	i.c = o->c;
	f->draft_lost = false;
	if (f->passes & OPT_BIT(idiom))
		became = opt_idiom(f, &i);
	if (f->passes & OPT_BIT(fold) && opt_rules[i.op])
		folded = opt_fold(f, &i);
	*r = f->value;
	if (folded == OPT_VALUE || folded == OPT_GONE)
		return false;
	if (folded == OPT_AGAIN || became == OPT_AGAIN || f->draft_lost)
		*draft(f) = i;
	return true;
}

/*
 * One block of old insns [k, end) becomes insns of out. map[1 + old index] is the new index; map[0]
 * stands for IR_NOREF, so that operands are looked up without asking whether they are there.
 *
 * An insn is copied, then its copy changed: reading wide what was just written narrow stalls the host.
 */
static void walk_block(struct opt_forward *f, const struct ir_insn *old, uint32_t k, uint32_t end,
		       uint32_t *map)
{
	for (; k < end; k++) {
		const struct ir_insn *from = &old[k];
		struct ir_insn *o = draft(f);
		uint64_t truth = 0;
		ir_ref r;

		if (from->dead)
			continue;
		*o = *from;
		o->a.idx = map[ir_ref_slot(from->a)];
		o->b.idx = map[ir_ref_slot(from->b)];
		o->c.idx = map[ir_ref_slot(from->c)];
		f->gpc_off = from->gpc_off;
		switch (from->op) {
		case IR_getreg:
			r = get(f, o);
			break;
		case IR_putreg:
			put(f, o);
			continue;
		case IR_ld8u ... IR_stf:
			if (f->passes & OPT_BIT(addr))
				fold_address(f, o);
			r = commit(f);
			f->barrier = f->count;
			break;
		case IR_br:
			truth = split_truth(f);
			__attribute__((fallthrough));
		default:
			if (f->passes & (OPT_BIT(fold) | OPT_BIT(idiom)) && opt_rules[from->op]
			    && !fold_draft(f, from, &r))
				break;
			r = finish(f);
			/* A branch that is always taken became an exit: what follows is not reached. */
			if (from->op >= IR_br && ir_info(&f->out[r.idx])->flags & IR_Z)
				return;
			if (from->op == IR_br)
				f->passed[f->passed_count++ % OPT_PASSED] = r.idx;
			break;
		}
		map[k + 1] = r.idx;
		if (truth) {
			put_const(f, truth, from->sub == IR_EQ);
			map[ir_ref_slot(from->a)] = f->out[f->count - 1].a.idx;
		}
	}
}

void opt_forward(struct ir_unit *u, unsigned passes)
{
	struct opt_forward f;
	uint32_t *map = arena_new(u->arena, uint32_t, u->insn_count + 1);
	uint32_t slots = 64;

	f.u = u;
	f.passes = passes;
	f.count = 0;
	grow(&f, u->insn_count + u->insn_count / 4 + SLACK);
	if (passes & OPT_BIT(cse)) {
		while (slots < u->insn_count)
			slots *= 2;
		f.slot = arena_znew(u->arena, uint32_t, slots);
		f.slot_mask = slots - 1;
	}
	map[0] = IR_NOREF.idx;
	for (unsigned b = 0; b < u->block_count; b++) {
		struct ir_block *blk = &u->block[b];

		f.first = f.barrier = f.count;
		f.known = 0;
		f.passed_count = 0;
		walk_block(&f, u->insn, blk->first, blk->first + blk->count, map);
		blk->first = f.first;
		blk->count = f.count - f.first;
	}
	u->insn = f.out;
	u->insn_count = f.count;
	u->insn_cap = f.cap;
}

/*
 * The forward walk: getput (its reading half), addr and cse are here, fold has its own files. What
 * the walk knows, and what for, is told in opt_priv.h.
 */
#include "lib/opt/opt_priv.h"

#include "lib/base/hash.h"

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

/*
 * Appends i, which is *from with other operands and displacement, or from itself. A copy of i would
 * read wide what was just written narrow, and stall the host; *from has been lying there.
 */
static ir_ref append(struct opt_forward *f, const struct ir_insn *from, const struct ir_insn *i)
{
	uint32_t n = f->count;
	struct ir_insn *o;

	if (n == f->cap)
		grow(f, f->cap * 2);
	o = &f->out[n];
	*o = *from;
	o->gpc_off = f->gpc_off;
	o->a = i->a;
	o->b = i->b;
	o->c = i->c;
	o->imm = i->imm;
	f->home[n] = 0;
	f->count = n + 1;
	if (ir_info(i)->flags & (IR_L | IR_S | IR_X))
		f->barrier = n + 1;
	return (ir_ref){ n };
}

/* ---- cse: equal pure operations of a block are one ---------------------------------------- */

static uint32_t hash_insn(const struct ir_insn *i)
{
	uint64_t k = (uint64_t)i->op << 56 | (uint64_t)i->type << 48 | (uint64_t)i->sub << 40;

	k ^= (uint64_t)i->a.idx << 20 ^ i->b.idx ^ (uint64_t)i->imm * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(kit_mix64(k) >> 32);
}

static bool equal(const struct ir_insn *x, const struct ir_insn *y)
{
	return x->op == y->op && x->type == y->type && x->sub == y->sub && opt_same(x->a, y->a)
	       && opt_same(x->b, y->b) && x->imm == y->imm; /* no P operation has a third operand */
}

/*
 * The earlier value equal to i, or i appended and remembered. The table forgets: after a few
 * occupied slots it overwrites the first, which costs a chance and no time.
 */
static ir_ref find_or_append(struct opt_forward *f, const struct ir_insn *from,
			     const struct ir_insn *i)
{
	uint32_t h = hash_insn(i) & f->slot_mask;
	uint32_t *place = &f->slot[h];

	for (unsigned k = 0; k < CSE_PROBES; k++) {
		uint32_t *s = &f->slot[(h + k) & f->slot_mask];

		if (*s <= f->first) { /* empty, or of an earlier block */
			place = s;
			break;
		}
		if (equal(&f->out[*s - 1], i))
			return (ir_ref){ *s - 1 };
	}
	*place = f->count + 1;
	return append(f, from, i);
}

/* Emits i, see append. */
static ir_ref emit(struct opt_forward *f, const struct ir_insn *from, struct ir_insn *i)
{
	if (f->passes & OPT_BIT(fold) && opt_rules[i->op])
		switch (opt_fold(f, i)) {
		case OPT_VALUE:
			return f->value;
		case OPT_GONE:
			return IR_NOREF;
		case OPT_AGAIN:
			from = i;
			break;
		case OPT_KEEP:
			break;
		}
	if (f->passes & OPT_BIT(cse) && ir_info(i)->flags & IR_P)
		return find_or_append(f, from, i);
	return append(f, from, i);
}

ir_ref opt_emit(struct opt_forward *f, struct ir_insn i) { return emit(f, &i, &i); }

ir_ref opt_const(struct opt_forward *f, enum ir_type t, int64_t v)
{
	struct ir_insn i = { .op = IR_const,
			     .type = (uint8_t)t,
			     .a = IR_NOREF,
			     .b = IR_NOREF,
			     .c = IR_NOREF,
			     .to = IR_NOBLOCK,
			     .imm = t == IR_I32 ? (int32_t)v : v };

	return f->passes & OPT_BIT(cse) ? find_or_append(f, &i, &i) : append(f, &i, &i);
}

/* ---- getput: which value a guest register holds ------------------------------------------- */

static void now_holds(struct opt_forward *f, int64_t reg, ir_ref v)
{
	f->known |= UINT64_C(1) << reg;
	f->holds[reg] = v.idx;
	f->home[v.idx] = (uint8_t)(reg + 1);
}

static ir_ref get(struct opt_forward *f, const struct ir_insn *from)
{
	ir_ref r;

	if (f->passes & OPT_BIT(getput) && f->known >> from->imm & 1)
		return (ir_ref){ f->holds[from->imm] };
	r = append(f, from, from);
	now_holds(f, from->imm, r);
	return r;
}

static void put(struct opt_forward *f, const struct ir_insn *from, const struct ir_insn *i)
{
	if (f->passes & OPT_BIT(getput) && f->known >> i->imm & 1 && f->holds[i->imm] == i->a.idx)
		return;
	append(f, from, i);
	now_holds(f, i->imm, i->a);
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

/* ---- the walk ------------------------------------------------------------------------------ */

/*
 * One block of old insns [k, end) becomes insns of out. map[1 + old index] is the new index; map[0]
 * stands for IR_NOREF, so that operands are looked up without asking whether they are there.
 */
static void walk_block(struct opt_forward *f, const struct ir_insn *old, uint32_t k, uint32_t end,
		       uint32_t *map)
{
	for (; k < end; k++) {
		struct ir_insn i = old[k];
		uint32_t r;

		if (i.dead)
			continue;
		i.a.idx = map[i.a.idx + 1];
		i.b.idx = map[i.b.idx + 1];
		i.c.idx = map[i.c.idx + 1];
		f->gpc_off = i.gpc_off;
		switch (i.op) {
		case IR_getreg:
			r = get(f, &old[k]).idx;
			break;
		case IR_putreg:
			put(f, &old[k], &i);
			continue;
		case IR_ld8u ... IR_stf:
			if (f->passes & OPT_BIT(addr))
				fold_address(f, &i);
			r = append(f, &old[k], &i).idx;
			break;
		default:
			r = emit(f, &old[k], &i).idx;
			/* A branch that is always taken became an exit: what follows is not reached. */
			if (f->count > f->first && ir_info(&f->out[f->count - 1])->flags & IR_Z)
				return;
			break;
		}
		map[k + 1] = r;
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
		walk_block(&f, u->insn, blk->first, blk->first + blk->count, map);
		blk->first = f.first;
		blk->count = f.count - f.first;
	}
	u->insn = f.out;
	u->insn_count = f.count;
	u->insn_cap = f.cap;
}

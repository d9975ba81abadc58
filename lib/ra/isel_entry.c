/*
 * Instruction selection: the form in which registers come to blocks that know something of them (ir_block.boxed,
 * canon). A float's upper half need not be there when nobody reads more than the float, and a raw NaN will do where
 * all that read it take quiet NaNs for one. What a block does not promise by what it reads, it wants exact.
 */
#include "lib/ra/isel_priv.h"

/* What an insn makes of a register as of the block's entry. */
enum part { PART_NONE, PART_ALL, PART_BITS, PART_FLOAT };

struct entry {
	struct isel *s;
	const struct ir_block *blk;
	uint8_t *part; /* of insns of the unit */
	uint8_t *reg;  /* of which register, where there is a part */
	uint64_t written;
	uint64_t boxed; /* those that may come without their upper half */
	uint64_t raw;   /* those that may come with another quiet NaN than the canonical one */
};

/* Insn in uses a part of a register as its operand. */
static void see_use(struct entry *e, const struct ir_insn *in, ir_ref r)
{
	uint64_t bit;

	if (!ir_ref_ok(r) || e->part[r.idx] == PART_NONE)
		return;
	bit = UINT64_C(1) << e->reg[r.idx];
	switch (e->part[r.idx]) {
	case PART_ALL:
		if (in->op == IR_fbits32 && e->blk->boxed & bit)
			break;
		e->boxed &= ~bit;
		if (!(ir_info(in)->flags & IR_NA))
			e->raw &= ~bit;
		break;
	case PART_BITS:
		if (in->op != IR_bitsf32)
			e->raw &= ~bit;
		break;
	default:
		if (!(ir_info(in)->flags & IR_NA))
			e->raw &= ~bit;
		break;
	}
}

static void see_insn(struct entry *e, uint32_t k)
{
	const struct ir_insn *in = &e->s->ir->insn[k];
	enum part of = ir_ref_ok(in->a) ? e->part[in->a.idx] : PART_NONE;

	see_use(e, in, in->a);
	see_use(e, in, in->b);
	see_use(e, in, in->c);
	e->part[k] = PART_NONE;
	if (in->op == IR_putreg) {
		e->written |= UINT64_C(1) << in->imm;
	} else if (in->op == IR_getreg) {
		e->part[k] = e->written >> in->imm & 1 ? PART_NONE : PART_ALL;
		e->reg[k] = (uint8_t)in->imm;
	} else if ((in->op == IR_fbits32 && of == PART_ALL)
		   || (in->op == IR_bitsf32 && of == PART_BITS)) {
		e->part[k] = in->op == IR_fbits32 ? PART_BITS : PART_FLOAT;
		e->reg[k] = e->reg[in->a.idx];
	}
}

static void find_fixes(struct entry *e, struct lir_block *to)
{
	const struct isel_host *h = e->s->host;
	const struct ir_block *blk = e->blk;
	uint64_t pinned = e->s->t->pinned;

	e->written = 0;
	e->boxed = blk->boxed & pinned;
	e->raw = h->canon64 ? blk->canon & pinned : 0;
	for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
		e->part[k] = PART_NONE;
		if (!e->s->ir->insn[k].dead)
			see_insn(e, k);
	}
	/* Who reads all of a boxed one wants it boxed, and so canonical. */
	e->raw &= e->boxed | ~blk->boxed;
	to->fixes = e->boxed | e->raw;
	if (!to->fixes)
		return;
	to->fix = arena_znew(e->s->ir->arena, uint8_t, IR_MAX_REGS);
	for (uint64_t left = to->fixes; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);
		bool boxed = e->boxed >> g & 1, raw = e->raw >> g & 1;

		to->fix[g] = !boxed ? h->canon64 : raw ? h->canon32 : h->box32;
	}
}

void isel_find_entry_fixes(struct isel *s)
{
	struct entry e = { .s = s };

	for (unsigned b = 0; b < s->ir->block_count; b++) {
		e.blk = &s->ir->block[b];
		if (!(e.blk->boxed | e.blk->canon))
			continue;
		if (!e.part) {
			e.part = arena_new(s->ir->arena, uint8_t, s->ir->insn_count);
			e.reg = arena_new(s->ir->arena, uint8_t, s->ir->insn_count);
		}
		find_fixes(&e, &s->lir->block[b]);
	}
}

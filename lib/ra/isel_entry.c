/*
 * Instruction selection: the form in which registers come to blocks that know something of them (ir_block.boxed,
 * canon, sext). A float's upper half need not be there when nobody reads more than the float, a raw NaN will do where
 * all that read it take quiet NaNs for one, and an integer need not be sign-extended where its low half alone is read.
 * What a block does not promise by what it reads, it wants exact.
 */
#include "lib/ra/isel_priv.h"

/* What an insn makes of a register as of the block's entry. */
enum part { PART_NONE, PART_ALL, PART_BITS, PART_FLOAT, PART_LOW, PART_SEXT };

struct entry {
	struct isel *s;
	const struct ir_block *blk;
	uint8_t *part; /* of insns of the unit */
	uint8_t *reg;  /* of which register, where there is a part */
	uint64_t written;
	uint64_t boxed; /* those that may come without their upper half */
	uint64_t raw;   /* those that may come with another quiet NaN than the canonical one */
	uint64_t wide;  /* sign-extended ones that some block needs more than the low half of */
};

/* Does insn in do with the low half of r, one of its operands and the sign extension of that? */
static bool takes_low(const struct entry *e, const struct ir_insn *in, ir_ref r)
{
	const struct ir_insn *insn = e->s->ir->insn;
	ir_ref other;

	switch (in->op) {
	case IR_trunc:
	case IR_sext8:
	case IR_sext16:
	case IR_putreg:
		return true;
	case IR_st8:
	case IR_st16:
	case IR_st32:
		return in->a.idx != r.idx;
	case IR_br:
	case IR_set:
		other = in->a.idx == r.idx ? in->b : in->a;
		return insn[other.idx].op == IR_sext
		       || (insn[other.idx].op == IR_const && fits_i32(insn[other.idx].imm));
	default:
		return false;
	}
}

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
		if (in->op != IR_trunc)
			e->wide |= bit & e->blk->sext;
		e->boxed &= ~bit;
		if (!(ir_info(in)->flags & IR_NA))
			e->raw &= ~bit;
		break;
	case PART_BITS:
		if (in->op != IR_bitsf32)
			e->raw &= ~bit;
		break;
	case PART_LOW:
		break;
	case PART_SEXT:
		if (!takes_low(e, in, r))
			e->wide |= bit & e->blk->sext;
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
	} else if ((in->op == IR_trunc && of == PART_ALL)
		   || (in->op == IR_sext && of == PART_LOW)) {
		e->part[k] = in->op == IR_trunc ? PART_LOW : PART_SEXT;
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
	to->fixes = e->boxed | e->raw | (blk->sext & pinned);
	if (!to->fixes)
		return;
	to->fix = arena_znew(e->s->ir->arena, uint8_t, IR_MAX_REGS);
	for (uint64_t left = to->fixes; left; left &= left - 1) {
		unsigned g = (unsigned)__builtin_ctzll(left);
		bool boxed = e->boxed >> g & 1, raw = e->raw >> g & 1;

		if (blk->sext >> g & 1)
			to->fix[g] = h->sext32;
		else
			to->fix[g] = !boxed ? h->canon64 : raw ? h->canon32 : h->box32;
	}
}

void isel_find_entry_fixes(struct isel *s)
{
	struct entry e = { .s = s };

	for (unsigned b = 0; b < s->ir->block_count; b++) {
		e.blk = &s->ir->block[b];
		if (!(e.blk->boxed | e.blk->canon | e.blk->sext))
			continue;
		if (!e.part) {
			e.part = arena_new(s->ir->arena, uint8_t, s->ir->insn_count);
			e.reg = arena_new(s->ir->arena, uint8_t, s->ir->insn_count);
		}
		find_fixes(&e, &s->lir->block[b]);
	}
	/* What one block of a loop extends, the others may as well have so. */
	for (unsigned b = 0; e.wide && b < s->ir->block_count; b++)
		s->lir->block[b].fixes &= ~(e.wide & s->ir->block[b].sext);
}

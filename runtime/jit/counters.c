/*
 * Counters of a region in registers.
 *
 * A counter in memory that grows at each turn of a loop costs a store a turn, which waits behind those of the guest: a sieve, whose
 * stores miss the first cache, took 2.9 times as long. So the counters that grow most in loops become guest registers that
 * the region does not use and that have no home outside of it, with the counter as their place in memory: in a register file of the
 * region's own. Level 2 gives them a home if that pays (lib/ra/region.c); then they are read where the region is entered
 * and written where it is left, or where a fault leaves it, as all registers are.
 */
#include "runtime/jit/region.h"

#include "lib/base/panic.h"
#include "lib/ir/state.h"

#include <string.h>

enum {
	MOST = 4,       /* registers taken */
	ENOUGH = 2,     /* one grows at least this part as often as the one that does most */
	MORE_INSNS = 4, /* that counting in a register takes */
	MAX_BLOCKS = 64
};

struct counter {
	int64_t number; /* as in insn.imm */
	uint64_t weight;
	unsigned reg; /* IR_MAX_REGS: stays in memory */
};

struct counters {
	struct ir_unit *u;
	struct counter *list;
	unsigned count;
	uint64_t used; /* guest registers */
};

static bool is_count(const struct ir_insn *i)
{
	return (i->op == IR_count || i->op == IR_countby) && i->imm >> 32 >= IR_COUNTED;
}

static struct counter *counter_of(const struct counters *c, const struct ir_insn *i)
{
	unsigned n = 0;

	while (n < c->count && c->list[n].number != i->imm >> 32)
		n++;
	return &c->list[n];
}

/* The blocks that lead back to themselves within the region. */
static uint64_t loops(const struct ir_unit *u)
{
	uint64_t reach[MAX_BLOCKS] = { 0 }, found = 0;

	for (unsigned b = 0; b < u->block_count; b++) {
		const struct ir_insn *i = &u->insn[u->block[b].first];

		for (uint32_t k = 0; k < u->block[b].count; k++, i++)
			if (ir_goes_to(i) != IR_NOBLOCK)
				reach[b] |= UINT64_C(1) << i->to;
	}
	for (unsigned via = 0; via < u->block_count; via++)
		for (unsigned b = 0; b < u->block_count; b++)
			if (reach[b] >> via & 1)
				reach[b] |= reach[via];
	for (unsigned b = 0; b < u->block_count; b++)
		found |= reach[b] & UINT64_C(1) << b;
	return found;
}

static void weigh(struct counters *c)
{
	const struct ir_unit *u = c->u;
	const uint64_t in_loops = loops(u);

	for (unsigned b = 0; b < u->block_count; b++) {
		const struct ir_block *blk = &u->block[b];
		const struct ir_insn *i = &u->insn[blk->first];

		for (uint32_t k = 0; k < blk->count; k++, i++) {
			if (i->op == IR_getreg || i->op == IR_putreg)
				c->used |= UINT64_C(1) << i->imm;
			if (!is_count(i) || !(in_loops >> b & 1))
				continue;
			struct counter *n = counter_of(c, i);

			if (n == &c->list[c->count]) {
				*n = (struct counter){ i->imm >> 32, 0, IR_MAX_REGS };
				c->count++;
			}
			n->weight += blk->exec_count;
		}
	}
	c->list[c->count].reg = IR_MAX_REGS; /* of those that are not listed */
}

/* A register for counts; IR_MAX_REGS: there is none left. Number 0 may be one that is always 0. */
static unsigned free_reg(const struct counters *c)
{
	const struct ir_regfile *regs = c->u->regs;

	for (unsigned g = 1; g < regs->count; g++)
		if (regs->reg[g].type == IR_I64 && !(c->used >> g & 1))
			return g;
	return IR_MAX_REGS;
}

static struct counter *heaviest(const struct counters *c)
{
	struct counter *best = NULL;

	for (unsigned n = 0; n < c->count; n++)
		if (c->list[n].reg == IR_MAX_REGS && (!best || c->list[n].weight > best->weight))
			best = &c->list[n];
	return best;
}

/* Gives the heaviest a register each. false: there is none to give. */
static bool choose(struct counters *c, struct ir_reg *reg)
{
	uint64_t most = 0;
	unsigned n = 0;

	for (; n < MOST; n++) {
		struct counter *k = heaviest(c);
		unsigned g = free_reg(c);

		if (!k || g == IR_MAX_REGS || k->weight * ENOUGH < most)
			break;
		if (!n)
			most = k->weight;
		k->reg = g;
		c->used |= UINT64_C(1) << g;
		reg[g].name = "count";
		reg[g].offset_bytes = (uint32_t)(offsetof(struct ir_state, counted)
						 + sizeof(uint64_t) * (uint64_t)k->number);
	}
	return n;
}

/* By insn: a comparison that is counted and the condition of selects, and nothing else. */
static bool *find_chosen(const struct ir_unit *u)
{
	bool *chosen = arena_znew(u->arena, bool, u->insn_count);
	bool *used = arena_znew(u->arena, bool, u->insn_count);

	for (uint32_t k = 0; k < u->insn_count; k++)
		chosen[k] = u->insn[k].op == IR_set;
	for (uint32_t k = u->insn_count; k-- > 0;) {
		const struct ir_insn *i = &u->insn[k];
		const ir_ref operand[] = { i->a, i->b, i->c };
		const bool asks = i->op == IR_select || i->op == IR_countby;

		for (unsigned o = 0; o < ARRAY_LEN(operand); o++)
			if (ir_ref_ok(operand[o]) && (used[k] || !(ir_info(i)->flags & IR_P))) {
				used[operand[o].idx] = true;
				chosen[operand[o].idx] &= asks && !o;
			}
	}
	return chosen;
}

struct writer {
	struct ir_insn *insn,
	    plain; /* all that there are; one with no operands at what is written */
	uint32_t count;
};

static ir_ref put(struct writer *w, enum ir_op op, ir_ref a, ir_ref b, ir_ref c, int64_t imm)
{
	struct ir_insn *i = &w->insn[w->count];

	*i = w->plain;
	i->op = (uint8_t)op;
	i->a = a;
	i->b = b;
	i->c = c;
	i->imm = imm;
	return (ir_ref){ (uint16_t)w->count++ };
}

/*
 * Insn i becomes one in register g. What is chosen, 0 or 1, is in the host's flags anyhow: a select needs it no more than the
 * guest's selects by it do.
 */
static void count_in(struct writer *w, const struct ir_insn *i, unsigned g, bool chosen)
{
	const ir_ref none = IR_NOREF;
	ir_ref was, by, sum;

	w->plain = (struct ir_insn){ .gpc_off = i->gpc_off, .to = IR_NOBLOCK, .type = IR_I64 };
	was = put(w, IR_getreg, none, none, none, g);
	by = i->a;
	if (i->op == IR_count || chosen)
		by = put(w, IR_const, none, none, none, chosen ? 1 : (int32_t)i->imm);
	sum = put(w, IR_add, was, by, none, 0);
	if (chosen)
		sum = put(w, IR_select, i->a, sum, was, 0);
	put(w, IR_putreg, sum, none, none, g);
}

static void rewrite(const struct counters *c, unsigned counts)
{
	struct ir_unit *u = c->u;
	const uint32_t cap = u->insn_count + MORE_INSNS * counts;
	struct writer w = { .insn = arena_new(u->arena, struct ir_insn, cap) };
	uint16_t *map = arena_new(u->arena, uint16_t, u->insn_count);
	const bool *chosen = find_chosen(u);

	for (unsigned b = 0; b < u->block_count; b++) {
		struct ir_block *blk = &u->block[b];
		const uint32_t first = w.count;

		for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
			struct ir_insn i = u->insn[k];
			ir_ref *operand[] = { &i.a, &i.b, &i.c };

			for (unsigned o = 0; o < ARRAY_LEN(operand); o++)
				if (ir_ref_ok(*operand[o]))
					operand[o]->idx = map[operand[o]->idx];
			map[k] = (uint16_t)w.count;
			if (is_count(&i) && counter_of(c, &i)->reg != IR_MAX_REGS)
				count_in(&w, &i, counter_of(c, &i)->reg,
					 i.op == IR_countby && chosen[u->insn[k].a.idx]);
			else
				w.insn[w.count++] = i;
		}
		blk->first = first;
		blk->count = w.count - first;
	}
	u->insn = w.insn;
	u->insn_count = w.count;
	u->insn_cap = cap;
	u->open = NULL;
}

void region_count_in_registers(struct ir_unit *u, uint64_t homed)
{
	struct counters c = { .u = u, .used = homed };
	struct ir_regfile *regs;
	struct ir_reg *reg;
	unsigned counts = 0;

	for (unsigned k = 0; k < u->insn_count; k++)
		counts += is_count(&u->insn[k]);
	if (!counts || u->insn_count + MORE_INSNS * counts >= IR_INSNS_MAX
	    || u->block_count > MAX_BLOCKS)
		return;
	c.list = arena_new(u->arena, struct counter, counts + 1);
	weigh(&c);
	regs = arena_new(u->arena, struct ir_regfile, 1);
	reg = arena_new(u->arena, struct ir_reg, u->regs->count);
	memcpy(reg, u->regs->reg, sizeof *reg * u->regs->count);
	*regs = *u->regs;
	regs->reg = reg;
	if (!choose(&c, reg))
		return;
	u->regs = regs;
	rewrite(&c, counts);
}

/*
 * Counts of a region on few of its ways (runtime/jit/placing.c): random units, gone through as they were and as they are then. Wherever one may be
 * left, all ways must have been counted as often, with what is owed there.
 */
#include "lib/base/hash.h"
#include "runtime/core/sums.h"
#include "runtime/jit/region.h"
#include "runtime/mem/mem.h"
#include "tests/unit/check.h"

#include <stdlib.h>

enum {
	BASE = 0x10000,
	BLOCK_BYTES = 64,
	BLOCKS_MOST = 70,
	WAYS = 40,
	FIRST_WAY = IR_COUNTED + 3,
	FIRST_SUM = 1000,
	STEPS_MOST = 200, /* of a way through a unit: loads and blocks */
	UNITS = 3000,
	WALKS = 20
};

static uint64_t seed;

static unsigned any(unsigned below)
{
	seed = kit_mix64(seed + 0x9e3779b97f4a7c15);
	return (unsigned)(seed >> 33) % below;
}

/* ---- units ------------------------------------------------------------------------------------------------------ */

static gaddr pc_of(unsigned block) { return BASE + (gaddr)block * BLOCK_BYTES; }

static void add_way(struct ir_builder *b) { ir_count(b, FIRST_WAY + any(WAYS), any(8) ? 1 : -1); }

/* As arch/rv64/lift_select.c has it. */
static void add_choice(struct ir_builder *b)
{
	const ir_ref zero = ir_const(b, IR_I64, 0), one = ir_const(b, IR_I64, 1);
	const ir_ref y = ir_set(b, IR_I64, IR_EQ, zero, one);

	ir_count_by(b, FIRST_WAY + any(WAYS), ir_op2(b, IR_xor, IR_I64, y, one));
	ir_count_by(b, FIRST_WAY + any(WAYS), y);
}

/* A jump to one of blocks, or to what is behind them all. */
static void resolve(struct ir_unit *u, unsigned blocks)
{
	struct ir_insn *i = &u->insn[u->insn_count - 1];
	const unsigned to = (unsigned)((gaddr)(i->imm - BASE) / BLOCK_BYTES);

	if (to < blocks)
		i->to = (uint16_t)to;
}

static void add_block(struct ir_unit *u, unsigned n, unsigned blocks)
{
	struct ir_builder b = { u, pc_of(n) };
	ir_ref zero;

	u->block[ir_block_begin(u, b.gpc)].exec_count = any(3) * 1000;
	zero = ir_const(&b, IR_I64, 0);
	for (unsigned k = any(12); k; k--) {
		switch (any(6)) {
		case 0:
			ir_br(&b, IR_I64, IR_EQ, zero, zero, pc_of(any(blocks + 3)));
			resolve(u, blocks);
			break;
		case 1:
			add_choice(&b);
			break;
		case 2:
			ir_load(&b, IR_ld64, IR_NONE, zero, 0);
			break;
		default:
			add_way(&b);
		}
	}
	switch (any(6)) {
	case 0:
		ir_exiti(&b, IR_JUMP_RET, zero, 0);
		break;
	case 1: /* a call that returns to the next block */
		ir_exit(&b, IR_JUMP_CALL, pc_of(blocks), pc_of(n + 1));
		if (n + 1 < blocks)
			u->insn[u->insn_count - 1].to = (uint16_t)(n + 1);
		break;
	default:
		ir_exit(&b, IR_JUMP_PLAIN, pc_of(any(blocks + 1)), 0);
		resolve(u, blocks);
	}
}

/* ---- going through them ------------------------------------------------------------------------------------------ */

struct walk {
	const struct ir_unit *u;
	unsigned blocks; /* those that there were at first */
	const struct sums *sums;
	uint64_t branch_seed, set_seed; /* of what is decided, in order */
	uint64_t way[FIRST_WAY + WAYS];
	uint32_t owes;
	uint8_t *value; /* by insn, of those that are 0 or 1 */
	/* What has been counted and is owed, at each place where the unit might be left. */
	unsigned steps;
	uint64_t step[STEPS_MOST][WAYS];
	unsigned ops; /* that count */
};

static unsigned decide(uint64_t *s)
{
	*s = kit_mix64(*s + 1);
	return (unsigned)(*s >> 40) & 1;
}

/* The unit may be left here. false: that was often enough. */
static bool may_leave(struct walk *w, uint32_t owes)
{
	static uint64_t room[(sizeof(struct ir_state) / sizeof(uint64_t)) + FIRST_WAY + WAYS];
	struct ir_state *st = (struct ir_state *)(void *)room;

	if (w->steps == STEPS_MOST)
		return false;
	memset(room, 0, sizeof room);
	st->owed = owes;
	if (w->sums)
		sums_settle(w->sums, st);
	for (unsigned n = 0; n < WAYS; n++)
		w->step[w->steps][n] = w->way[FIRST_WAY + n] + *ir_counter(st, FIRST_WAY + n);
	w->steps++;
	return true;
}

static void count(struct walk *w, const struct ir_insn *i, uint64_t by)
{
	const uint32_t n = (uint32_t)(i->imm >> 32);

	w->ops++;
	if (n >= FIRST_SUM)
		sums_spread(w->sums, n - FIRST_SUM, by, 0, w->way);
	else
		w->way[n] += by;
}

/* Carries out insn k; false: it leaves, or goes to another block. */
static bool step(struct walk *w, uint32_t k, unsigned *block)
{
	const struct ir_insn *i = &w->u->insn[k];

	switch (i->op) {
	case IR_set:
		w->value[k] = (uint8_t)decide(&w->set_seed);
		return true;
	case IR_xor:
		w->value[k] = !w->value[i->a.idx];
		return true;
	case IR_count:
		count(w, i, (uint64_t)(int64_t)(int32_t)i->imm);
		return true;
	case IR_countby:
		count(w, i, w->value[i->a.idx]);
		return true;
	case IR_owe:
		w->owes = (uint32_t)i->imm;
		return true;
	case IR_ld64:
		return may_leave(w, w->owes);
	case IR_br:
		if (!decide(&w->branch_seed))
			return true;
		break;
	default:
		if (!(ir_info(i)->flags & IR_Z))
			return true;
	}
	*block = ir_goes_to(i);
	return false;
}

static void walk(struct walk *w, unsigned block)
{
	w->value = calloc(w->u->insn_count, 1);
	while (block != IR_NOBLOCK) {
		const struct ir_block *b = &w->u->block[block];
		uint32_t k = b->first;

		w->owes = b->owes;
		if (block < w->blocks && !may_leave(w, b->owes))
			break;
		block = IR_NOBLOCK;
		while (step(w, k, &block))
			k++;
	}
	if (block == IR_NOBLOCK)
		may_leave(w, 0);
	free(w->value);
}

/* ---- the tests ------------------------------------------------------------------------------------------------------ */

static struct walk before, after;

/* Where a unit is entered: block 0, or what a call returns to. */
static unsigned entry_of(const struct ir_unit *u)
{
	const struct ir_insn *i = &u->insn[any(u->insn_count)];

	return ir_is_call(i) && i->to != IR_NOBLOCK ? i->to : 0;
}

static void compare(const struct ir_unit *was, const struct ir_unit *is, const struct sums *s)
{
	const uint64_t a = any(1u << 30), b = any(1u << 30);
	const unsigned entry = entry_of(was);
	const unsigned ops_before = before.ops, ops_after = after.ops;

	before = (struct walk){ was, was->block_count, NULL, a, b, .ops = ops_before };
	after = (struct walk){ is, was->block_count, s, a, b, .ops = ops_after };
	walk(&before, entry);
	walk(&after, entry);
	/* Long ones end at different places. */
	if (before.steps < STEPS_MOST)
		CHECK_EQ(after.steps, before.steps);
	for (unsigned n = 0; n < before.steps && n < after.steps; n++)
		if (!CHECK(memcmp(before.step[n], after.step[n], sizeof before.step[n]) == 0))
			return;
}

static void test_random_units(void)
{
	struct sums *s = mem_sparse_new(sizeof *s);
	struct diag d = DIAG_INIT;
	struct arena arena;
	struct ir_unit u, was;

	arena_init(&arena);
	for (unsigned n = 0; n < UNITS; n++) {
		const unsigned blocks = 1 + any(n % 50 ? 8 : BLOCKS_MOST);

		arena_reset(&arena);
		ir_unit_init(&u, &arena, rv64_guest.regs, BASE);
		for (unsigned b = 0; b < blocks; b++)
			add_block(&u, b, blocks);
		was = u;
		was.block = arena_new(&arena, struct ir_block, blocks);
		memcpy(was.block, u.block, blocks * sizeof *was.block);
		was.insn = arena_new(&arena, struct ir_insn, u.insn_count);
		memcpy(was.insn, u.insn, u.insn_count * sizeof *was.insn);
		region_place_counts(&u, s, FIRST_SUM);
		if (!CHECK(ir_verify(&u, &d)))
			printf("  %s\n", d.text);
		for (unsigned k = 0; k < WALKS; k++)
			compare(&was, &u, s);
	}
	printf("# counts: %u before, %u placed\n", before.ops, after.ops);
	CHECK(after.ops < before.ops / 2);
	arena_fini(&arena);
}

CHECK_MAIN(test_random_units)

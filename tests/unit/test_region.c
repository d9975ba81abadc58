/*
 * How regions are formed: what becomes one block, what comes next, where loops start; and that guest code which goes
 * round passes a safe point (struct ir_safe), whatever its traces and regions are.
 */
#include "arch/rv64/cpu.h"
#include "lib/base/hash.h"
#include "runtime/jit/region.h"
#include "tests/unit/check.h"

#include <stdlib.h>

enum { BASE = 0x10000, MOST_WORDS = 256, MOST_INSNS = 512 };

static uint32_t word[MOST_WORDS];
static uint32_t heat[MOST_WORDS]; /* of the place with the same number */
static unsigned words;

static unsigned fetch(void *ctx, gaddr pc, void *buf, unsigned want)
{
	gaddr off = pc - BASE, size = words * sizeof *word;
	unsigned n;

	(void)ctx;
	if (off >= size)
		return 0;
	n = size - off < want ? (unsigned)(size - off) : want;
	memcpy(buf, (const char *)word + off, n);
	return n;
}

static uint32_t heat_at(void *ctx, gaddr pc)
{
	(void)ctx;
	return heat[(pc - BASE) / sizeof *word];
}

static gaddr pc_of(unsigned place) { return BASE + place * sizeof *word; }

/* ---- RISC-V, "RV32I", formats J, B and I -------------------------------------------------------------------- */

static uint32_t jump(unsigned from, unsigned to)
{
	uint32_t d = (to - from) * 4;

	return (d >> 20 & 1) << 31 | (d >> 1 & 0x3ff) << 21 | (d >> 11 & 1) << 20
	       | (d >> 12 & 0xff) << 12 | 0x6f;
}

static uint32_t call(unsigned from, unsigned to) { return jump(from, to) | RV64_RA << 7; }

/* beq a0, x0 */
static uint32_t branch(unsigned from, unsigned to)
{
	uint32_t d = (to - from) * 4;

	return (d >> 12 & 1) << 31 | (d >> 5 & 0x3f) << 25 | RV64_A0 << 15 | (d >> 1 & 0xf) << 8
	       | (d >> 11 & 1) << 7 | 0x63;
}

/* addi a0, a0, n */
static uint32_t add(unsigned n) { return n << 20 | RV64_A0 << 15 | RV64_A0 << 7 | 0x13; }

enum { JUMP_A0 = RV64_A0 << 15 | 0x67 }; /* jalr x0, 0(a0) */

/* ---- building ----------------------------------------------------------------------------------------------- */

static struct guest_decoder *decoder;
static const struct guest_limits trace_limits = { .max_insns = 64, .max_branches = 2 };

static void check_unit(const struct ir_unit *u)
{
	struct diag d = DIAG_INIT;

	if (!CHECK(ir_verify(u, &d)))
		printf("  %s\n", d.text);
}

/* The unit at a place: a region if it is hot, else a trace. */
static void build(struct ir_unit *u, struct arena *a, unsigned place)
{
	const struct guest_fetch f = { .read = fetch };
	struct region_source s = { &rv64_guest, NULL, &f, &trace_limits, heat_at, NULL };

	if (!decoder)
		decoder = rv64_guest.decoder_new(RV64_FEATURES_GC);
	s.decoder = decoder;
	ir_unit_init(u, a, rv64_guest.regs, pc_of(place));
	if (heat[place])
		region_build(&s, MOST_INSNS, u);
	else
		rv64_guest.translate(decoder, &f, pc_of(place), &trace_limits, u);
	check_unit(u);
}

static struct arena arena;
static struct ir_unit unit;

#define BUILD(place, ...)                                                                          \
	do {                                                                                       \
		const uint32_t words_[] = { __VA_ARGS__ };                                         \
		words = ARRAY_LEN(words_);                                                         \
		memcpy(word, words_, sizeof words_);                                               \
		if (!arena.head)                                                                   \
			arena_init(&arena);                                                        \
		arena_reset(&arena);                                                               \
		build(&unit, &arena, place);                                                       \
		memset(heat, 0, sizeof heat);                                                      \
	} while (0)

/* From its end: 0 is the last insn. */
static const struct ir_insn *at_end(unsigned block, unsigned n)
{
	const struct ir_block *b = &unit.block[block];

	return &unit.insn[b->first + b->count - 1 - n];
}

/* ---- what is formed ------------------------------------------------------------------------------------------- */

/* As in an interpreter: fetch and dispatch, two operations that jump back to it. */
static void a_way_without_joins_is_one_block(void)
{
	heat[0] = heat[3] = 10;
	BUILD(3, add(1), add(2), JUMP_A0, add(3), jump(4, 0), add(4), jump(6, 0));
	CHECK_EQ(unit.block_count, 1);
	CHECK_EQ(unit.guest_insns, 5);
	CHECK_EQ(unit.block[0].gpc, pc_of(3));
	CHECK_EQ(at_end(0, 0)->op, IR_exiti);
	CHECK_EQ(unit.range_count, 2);
}

static void a_join_is_a_block(void)
{
	heat[0] = heat[2] = heat[5] = 10;
	/* Both ways from 2 lead back to 0. */
	BUILD(2, add(1), JUMP_A0, branch(2, 5), add(2), jump(4, 0), add(3), jump(6, 0));
	CHECK_EQ(unit.block_count, 3);
	CHECK_EQ(unit.block[0].gpc, pc_of(2));
	CHECK_EQ(unit.block[1].gpc, pc_of(0));
	CHECK_EQ(unit.block[2].gpc, pc_of(5));
	CHECK_EQ(at_end(0, 0)->to, 1);
	CHECK_EQ(at_end(2, 0)->to, 1);
}

static void a_loop_is_cut_at_its_head(void)
{
	heat[0] = heat[1] = 10;
	BUILD(0, add(1), add(2), add(3), branch(3, 1), JUMP_A0);
	CHECK_EQ(unit.block_count, 2);
	CHECK_EQ(unit.block[1].gpc, pc_of(1));
	CHECK_EQ(at_end(0, 0)->to, 1);
	CHECK_EQ(at_end(1, 1)->op, IR_br);
	CHECK_EQ(at_end(1, 1)->to, 1);
}

static void what_is_hot_comes_next(void)
{
	heat[0] = heat[2] = 10;
	/* The branch back ends the trace; what follows it is cold. */
	BUILD(2, add(1), JUMP_A0, add(2), branch(3, 0), add(3), JUMP_A0);
	CHECK_EQ(unit.block_count, 1);
	CHECK_EQ(at_end(0, 0)->op, IR_exiti);
	for (unsigned k = 0; k < unit.insn_count; k++)
		if (unit.insn[k].op == IR_br) {
			CHECK_EQ(unit.insn[k].sub, IR_NE);
			CHECK_EQ(unit.insn[k].imm, pc_of(4));
		}
}

static void a_call_comes_back_to_the_region(void)
{
	heat[0] = heat[2] = heat[4] = 10;
	/* A loop with a call in it: what follows the call stands behind it, and is no part of its block. */
	BUILD(0, add(1), branch(1, 4), add(2), JUMP_A0, call(4, 8), branch(5, 0), add(3), JUMP_A0,
	      JUMP_A0);
	CHECK_EQ(unit.block_count, 2);
	heat[0] = heat[5] = heat[6] = 10;
	BUILD(0, add(1), branch(1, 5), add(2), JUMP_A0, JUMP_A0, call(5, 8), branch(6, 0), JUMP_A0,
	      JUMP_A0);
	CHECK_EQ(unit.block_count, 3);
	CHECK_EQ(unit.block[1].gpc, pc_of(5));
	CHECK_EQ(at_end(1, 0)->to, 2);
	CHECK_EQ(unit.block[2].gpc, pc_of(6));
	CHECK_EQ(at_end(2, 1)->to, 0);
}

/* ---- safe points ------------------------------------------------------------------------------------------------ */

enum { PLACES = 14, WORDS_A_PLACE = 2, MOST_NODES = 1024 };

/* A block of a unit, and what it leads to without a look at ir_state.stop. */
struct node {
	unsigned unit, block;
	enum { NEW, ON_WAY, DONE } seen;
};

static struct ir_unit place_unit[PLACES];
static struct node node[MOST_NODES];
static unsigned nodes, first_node[PLACES];

static unsigned random_below(uint64_t *x, unsigned n)
{
	*x = kit_mix64(*x + 1);
	return (unsigned)(*x % n);
}

/* Each place is an addition and a branch, a jump, a call, or nothing more. */
static void make_program(uint64_t *x)
{
	words = PLACES * WORDS_A_PLACE + 1;
	memset(heat, 0, sizeof heat);
	for (unsigned p = 0; p < PLACES; p++) {
		unsigned at = p * WORDS_A_PLACE, to = random_below(x, PLACES) * WORDS_A_PLACE;

		word[at] = add(p);
		switch (random_below(x, 6)) {
		case 0:
			word[at + 1] = add(100);
			break;
		case 1:
			word[at + 1] = jump(at + 1, to);
			break;
		case 2:
			word[at + 1] = call(at + 1, to);
			break;
		default:
			word[at + 1] = branch(at + 1, to);
		}
		heat[at] = random_below(x, 3) ? 1 + random_below(x, 1000) : 0;
	}
	word[words - 1] = JUMP_A0;
}

static bool goes_round(struct node *n);

/* Where the unit at pc leads to. The end is a place of its own, and limits end traces at places. */
static bool pc_goes_round(gaddr pc)
{
	unsigned place = (unsigned)((pc - BASE) / (WORDS_A_PLACE * sizeof *word));

	return place < PLACES && goes_round(&node[first_node[place]]);
}

/* Where exit i of unit u leads to; what is called may return at once. */
static bool exit_goes_round(unsigned u, const struct ir_insn *i)
{
	bool round = false;

	if (ir_goes_to(i) == IR_NOBLOCK)
		round = pc_goes_round((gaddr)i->imm);
	if (i->to != IR_NOBLOCK)
		round |= goes_round(&node[first_node[u] + i->to]);
	else if (ir_is_call(i))
		round |= pc_goes_round(ir_ret(&place_unit[u], i));
	return round;
}

static bool goes_round(struct node *n)
{
	const struct ir_unit *u = &place_unit[n->unit];
	struct ir_safe safe = { 0 };
	bool round = false;

	if (n->seen)
		return n->seen == ON_WAY;
	n->seen = ON_WAY;
	for (unsigned b = 0; b <= n->block; b++) {
		ir_safe_block(&safe, u, b);
		for (uint32_t k = 0; k < u->block[b].count; k++) {
			const struct ir_insn *i = &u->insn[u->block[b].first + k];
			bool is_exit = i->op == IR_br || i->op == IR_exit, looks;

			ir_safe_insn(&safe, i->gpc_off);
			looks = is_exit && ir_safe_exit(&safe, u, i);
			if (b == n->block && is_exit && !looks)
				round |= exit_goes_round(n->unit, i);
		}
	}
	n->seen = DONE;
	return round;
}

static void no_cycle_without_a_safe_point(void)
{
	enum { PROGRAMS = 1500 };
	unsigned merged = 0, several = 0;
	uint64_t x = 1;
	struct arena a;

	arena_init(&a);
	for (unsigned n = 0; n < PROGRAMS; n++) {
		CHECK_AT("program %u", n);
		arena_reset(&a);
		make_program(&x);
		nodes = 0;
		for (unsigned p = 0; p < PLACES; p++) {
			build(&place_unit[p], &a, p * WORDS_A_PLACE);
			first_node[p] = nodes;
			REQUIRE(nodes + place_unit[p].block_count <= MOST_NODES);
			for (unsigned b = 0; b < place_unit[p].block_count; b++)
				node[nodes++] = (struct node){ p, b, NEW };
			several += place_unit[p].block_count > 1;
			for (unsigned k = 1; k < place_unit[p].insn_count; k++)
				merged += place_unit[p].insn[k].gpc_off
					  < place_unit[p].insn[k - 1].gpc_off;
		}
		for (unsigned k = 0; k < nodes; k++)
			CHECK(!goes_round(&node[k]));
	}
	CHECK_AT_END();
	/* The programs are such that there is something to be seen. */
	CHECK(several > PROGRAMS);
	CHECK(merged > PROGRAMS);
	arena_fini(&a);
}

CHECK_MAIN(a_way_without_joins_is_one_block, a_join_is_a_block, a_loop_is_cut_at_its_head,
	   what_is_hot_comes_next, a_call_comes_back_to_the_region, no_cycle_without_a_safe_point)

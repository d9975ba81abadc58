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

enum { JUMP_A0 = RV64_A0 << 15 | 0x67, RET = RV64_RA << 15 | 0x67 }; /* jalr x0, 0(a0) and 0(ra) */
enum { MOVE_RA = RV64_RA << 7 | RV64_A0 << 15 | 0x13 };              /* addi ra, a0, 0 */

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

/* ---- leaves ----------------------------------------------------------------------------------------------------- */

/* A loop that calls what is at 6. */
#define CALLER add(1), call(1, 6), add(2), branch(3, 0), JUMP_A0, JUMP_A0

static void heat_caller(void) { heat[0] = heat[2] = heat[6] = 10; }

static unsigned count_op(enum ir_op op, unsigned sub)
{
	unsigned n = 0;

	for (unsigned k = 0; k < unit.insn_count; k++)
		n += unit.insn[k].op == op && unit.insn[k].sub == sub;
	return n;
}

static void a_leaf_is_inlined(void)
{
	const struct ir_insn *put;

	heat_caller();
	BUILD(0, CALLER, add(6), RET);
	/* One turn of the loop is one block. */
	CHECK_EQ(unit.block_count, 1);
	CHECK_EQ(unit.guest_insns, 6);
	CHECK_EQ(count_op(IR_exit, IR_JUMP_CALL), 0);
	CHECK_EQ(count_op(IR_exiti, IR_JUMP_RET), 0);
	CHECK_EQ(at_end(0, 1)->op, IR_br);
	CHECK_EQ(at_end(0, 1)->to, 0);
	CHECK_EQ(at_end(0, 0)->imm, pc_of(4));
	/* The return address is in its register all the same. */
	for (put = unit.insn; put->op != IR_putreg || put->imm != RV64_RA; put++)
		REQUIRE(put < unit.insn + unit.insn_count - 1);
	CHECK_EQ(unit.insn[put->a.idx].op, IR_const);
	CHECK_EQ(unit.insn[put->a.idx].imm, pc_of(2));
}

static void what_is_cold_in_a_leaf_is_called(void)
{
	const struct ir_insn *out;

	heat_caller();
	heat[7] = 10;
	BUILD(0, CALLER, branch(6, 8), RET, add(8), RET);
	CHECK_EQ(unit.block_count, 2);
	CHECK_EQ(unit.block[1].gpc, pc_of(8));
	CHECK_EQ(unit.block[1].count, 1);
	out = at_end(1, 0);
	CHECK(ir_is_call(out));
	CHECK_EQ(out->imm, pc_of(8));
	CHECK_EQ(ir_ret(&unit, out), pc_of(2));
	CHECK_EQ(out->to, IR_NOBLOCK);
	/* Two branches to one place share the way out. */
	heat_caller();
	BUILD(0, CALLER, branch(6, 9), branch(7, 9), RET, add(9), RET);
	CHECK_EQ(unit.block_count, 2);
}

static void a_loop_in_a_leaf_is_one(void)
{
	heat_caller();
	heat[7] = heat[9] = 10;
	BUILD(0, CALLER, add(6), add(7), branch(8, 7), RET);
	/* The caller's block up to the loop; the loop, whose way back is its last jump; what the caller goes on with behind it. */
	CHECK_EQ(unit.block_count, 3);
	CHECK_EQ(unit.block[1].gpc, pc_of(7));
	CHECK_EQ(at_end(0, 0)->to, 1);
	CHECK_EQ(at_end(1, 1)->to, 2);
	CHECK_EQ(at_end(1, 0)->to, 1);
	CHECK_EQ(at_end(1, 0)->imm, pc_of(7));
	CHECK_EQ(at_end(2, 1)->to, 0);
}

static void each_call_has_a_copy(void)
{
	heat_caller();
	heat[3] = 10;
	BUILD(0, add(1), call(1, 6), call(2, 6), branch(3, 0), JUMP_A0, JUMP_A0, add(6), RET);
	CHECK_EQ(unit.block_count, 1);
	CHECK_EQ(unit.guest_insns, 8);
	CHECK_EQ(count_op(IR_putreg, 0), 3 + 2); /* a0 three times, ra twice */
}

/* Whether the call at 1 of what is at 6 stays one. */
#define STAYS_A_CALL(...)                                                                          \
	do {                                                                                       \
		heat_caller();                                                                     \
		BUILD(0, CALLER, __VA_ARGS__);                                                     \
		CHECK_EQ(count_op(IR_exit, IR_JUMP_CALL), 1);                                      \
		CHECK_EQ(unit.block_count, 2);                                                     \
		CHECK_EQ(at_end(0, 0)->imm, pc_of(6));                                             \
		CHECK_EQ(at_end(0, 0)->to, 1);                                                     \
	} while (0)

static void what_is_no_leaf_is_called(void)
{
	STAYS_A_CALL(call(6, 0), RET);
	STAYS_A_CALL(MOVE_RA, RET);
	STAYS_A_CALL(JUMP_A0);
	STAYS_A_CALL(jump(6, 0)); /* which calls */
	heat[60] = 10;
	STAYS_A_CALL(
#define ADD4  add(1), add(2), add(3), add(4)
#define ADD16 ADD4, ADD4, ADD4, ADD4
	    ADD16, ADD16, ADD16, add(5), RET); /* too many */
	/* Code that is cold. */
	heat[0] = heat[2] = 10;
	BUILD(0, CALLER, add(6), RET);
	CHECK_EQ(count_op(IR_exit, IR_JUMP_CALL), 1);
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

/* Each place is an addition and a branch, a jump, a call, a return, or nothing more. */
static void make_program(uint64_t *x)
{
	words = PLACES * WORDS_A_PLACE + 1;
	memset(heat, 0, sizeof heat);
	for (unsigned p = 0; p < PLACES; p++) {
		unsigned at = p * WORDS_A_PLACE, to = random_below(x, PLACES) * WORDS_A_PLACE;

		word[at] = add(p);
		switch (random_below(x, 7)) {
		case 0:
			word[at + 1] = add(100);
			break;
		case 1:
			word[at + 1] = jump(at + 1, to);
			break;
		case 2:
			word[at + 1] = call(at + 1, to);
			break;
		case 3:
			word[at + 1] = RET;
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

/* Its last block leaves a leaf. */
static bool is_outlet(const struct ir_unit *u)
{
	const struct ir_block *b = &u->block[u->block_count - 1];

	return b->count == 1 && ir_is_call(&u->insn[b->first]);
}

static void no_cycle_without_a_safe_point(void)
{
	enum { PROGRAMS = 1500 };
	unsigned merged = 0, several = 0, inlined = 0;
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
			inlined += is_outlet(&place_unit[p]);
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
	CHECK(inlined > PROGRAMS / 10);
	arena_fini(&a);
}

CHECK_MAIN(a_way_without_joins_is_one_block, a_join_is_a_block, a_loop_is_cut_at_its_head,
	   what_is_hot_comes_next, a_call_comes_back_to_the_region, a_leaf_is_inlined,
	   what_is_cold_in_a_leaf_is_called, a_loop_in_a_leaf_is_one, each_call_has_a_copy,
	   what_is_no_leaf_is_called, no_cycle_without_a_safe_point)

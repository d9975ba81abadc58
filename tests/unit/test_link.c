/*
 * Compiled units that are linked to each other, as the run loop links them: random graphs of direct and indirect
 * jumps, calls and returns (paired and not) against the interpreter, a recursion, safe points, counters, helpers,
 * odd targets.
 */
#include "tests/unit/check.h"
#include "tests/unit/irgen.h"
#include "tests/unit/nativerun.h"

#include <stdlib.h>

enum { MAX_UNITS = 64, UNIT_STEP = 0x100 };
static const gaddr BASE = 0x10000, END = 0x8000;

/* r0 fuel, r1 return address, r2 stack pointer, r3.. data. Half of the data is not pinned. */
static const struct ir_reg regs_list[] = {
	R(1, 0), R(2, 1), R(3, 2),  R(4, 40), R(5, 3), R(6, 41),
	R(7, 4), R(8, 5), R(9, 42), R(10, 9), F(0, 0), F(1, 40)
};
static const struct ir_regfile regs = { ARRAY_LEN(regs_list), regs_list };
enum { FUEL, RA, SP, DATA };

/* ---- programs ------------------------------------------------------------------------------------------ */

/* The units of a program by guest pc, and what became of them. */
struct program {
	struct arena a, scratch;
	struct ir_unit unit[MAX_UNITS];
	struct {
		const uint8_t *at; /* NULL: not compiled */
		struct code code;
	} made[MAX_UNITS];
	unsigned count;
	struct nativerun n;
	unsigned exits; /* how often native code came back */
};

static void program_init(struct program *p, struct jit_opts opts)
{
	memset(p, 0, sizeof *p);
	opts.host_features &= native_features();
	arena_init(&p->a);
	arena_init(&p->scratch);
	nativerun_init(&p->n, &regs, opts, 0x100000);
	p->n.check = true;
}

static void program_fini(struct program *p)
{
	nativerun_fini(&p->n);
	arena_fini(&p->a);
	arena_fini(&p->scratch);
}

static struct ir_builder unit_begin(struct program *p, gaddr gpc)
{
	struct ir_builder b = { .unit = &p->unit[p->count++], .gpc = gpc };

	ir_unit_init(b.unit, &p->a, &regs, gpc);
	ir_block_begin(b.unit, gpc);
	return b;
}

static void unit_parse(struct program *p, const char *text)
{
	struct diag d = DIAG_INIT;
	struct ir_unit *u = &p->unit[p->count++];

	u->arena = &p->a;
	u->regs = &regs;
	ir_unit_init(u, &p->a, &regs, 0);
	if (!CHECK(ir_parse(text, u, &d)))
		printf("  %s\n", d.text);
}

static unsigned find(const struct program *p, gaddr pc)
{
	unsigned i = 0;

	while (i < p->count && p->unit[i].gpc != pc)
		i++;
	return i;
}

static enum ir_exit interpret(struct program *p, struct ir_state *st)
{
	enum ir_exit reason = IR_EXIT_LOOKUP;

	while (reason == IR_EXIT_LOOKUP) {
		unsigned i = find(p, st->pc);

		if (i == p->count)
			return IR_EXIT_FETCH;
		reason = ir_interp(&p->unit[i], st, &irgen_memory, &p->scratch);
	}
	return reason;
}

/* Where the unit at pc is, compiled now if need be; NULL: there is none. */
static const void *code_at(struct program *p, gaddr pc)
{
	unsigned i = find(p, pc);
	struct diag d = DIAG_INIT;

	if (i == p->count)
		return NULL;
	if (!p->made[i].at) {
		if (!CHECK_EQ(nativerun_compile(&p->n, &p->unit[i], &d), NATIVERUN_OK))
			return NULL;
		p->made[i].at = nativerun_keep(&p->n);
		p->made[i].code = p->n.code;
	}
	return p->made[i].at;
}

/* Patches the link site that was left through. */
static void link_site(struct program *p, const void *code)
{
	uint64_t field = p->n.st->exit_arg;

	for (unsigned i = 0; i < p->count; i++)
		for (unsigned k = 0; p->made[i].at && k < p->made[i].code.link_count; k++) {
			const struct code_link *l = &p->made[i].code.link[k];
			uint64_t at = (uintptr_t)p->made[i].at;

			if (at + l->at != field)
				continue;
			CHECK(field / p->n.host->code_align == (field + 3) / p->n.host->code_align);
			CHECK_EQ(l->target, p->n.st->pc);
			nativerun_link(&p->n, field, code);
			return;
		}
	CHECK(!"the link field is known");
}

static enum ir_exit run(struct program *p, bool link)
{
	struct ir_state *st = p->n.st;
	enum ir_exit reason = IR_EXIT_LOOKUP;

	while (reason == IR_EXIT_LOOKUP || reason == IR_EXIT_LINK) {
		const void *code = code_at(p, st->pc);
		/* Either table will do. */
		const unsigned at = p->exits % 2 ? ir_jump_second(st->pc) : ir_jump_of(st->pc);

		if (!code)
			return IR_EXIT_FETCH;
		if (link && reason == IR_EXIT_LINK)
			link_site(p, code);
		if (link)
			st->jump[at] = (struct ir_jump_entry){ st->pc, code };
		p->exits++;
		reason = nativerun_run(&p->n, code, true);
	}
	return reason;
}

/* ---- random graphs ---------------------------------------------------------------------------------------- */

static ir_ref any_data(struct irgen *g, struct ir_builder *b)
{
	return ir_getreg(b, DATA + irgen_below(g, 7));
}

/* A pc of the program out of a register's value. */
static ir_ref any_pc(struct irgen *g, struct ir_builder *b, unsigned units)
{
	ir_ref v = ir_op2(b, IR_and, IR_I64, any_data(g, b), ir_const(b, IR_I64, units - 1));

	v = ir_op2(b, IR_add, IR_I64, ir_op2(b, IR_mul, IR_I64, v, ir_const(b, IR_I64, UNIT_STEP)),
		   ir_const(b, IR_I64, (int64_t)BASE));
	if (irgen_below(g, 3) == 0) /* bit 0 does not count */
		v = ir_op2(b, IR_or, IR_I64, v, ir_const(b, IR_I64, 1));
	return v;
}

static void random_exit(struct irgen *g, struct ir_builder *b, unsigned i, unsigned units)
{
	gaddr target = BASE + irgen_below(g, units) * UNIT_STEP;
	gaddr ret = BASE + (i + 1) % units * UNIT_STEP;
	ir_ref v;

	b->gpc = ret - 4; /* a call returns right behind itself */
	switch (irgen_below(g, 7)) {
	case 0:
	case 1:
		ir_exit(b, IR_JUMP_PLAIN, target, 0);
		break;
	case 2:
		ir_exiti(b, IR_JUMP_PLAIN, any_pc(g, b, units), 0);
		break;
	case 3:
		ir_putreg(b, RA, ir_const(b, IR_I64, (int64_t)ret));
		ir_exit(b, IR_JUMP_CALL, target, ret);
		break;
	case 4:
		v = any_pc(g, b, units);
		ir_putreg(b, RA, ir_const(b, IR_I64, (int64_t)ret));
		ir_exiti(b, IR_JUMP_CALL, v, ret);
		break;
	default:
		ir_exiti(b, IR_JUMP_RET, ir_getreg(b, RA), 0);
		break;
	}
}

static void random_program(struct program *p, struct irgen *g, unsigned units)
{
	struct ir_builder b;

	for (unsigned i = 0; i < units; i++) {
		ir_ref fuel, v;

		b = unit_begin(p, BASE + i * UNIT_STEP);
		fuel = ir_op2(&b, IR_add, IR_I64, ir_getreg(&b, FUEL), ir_const(&b, IR_I64, -1));
		ir_putreg(&b, FUEL, fuel);
		ir_br(&b, IR_I64, IR_EQ, fuel, ir_const(&b, IR_I64, 0), END);
		for (unsigned k = irgen_below(g, 6); k > 0; k--) {
			v = ir_op2(&b, irgen_below(g, 2) ? IR_add : IR_xor, IR_I64, any_data(g, &b),
				   any_data(g, &b));
			if (irgen_below(g, 2))
				v = ir_op2(&b, IR_mul, IR_I64, v, ir_const(&b, IR_I64, 0x9e3779b1));
			ir_putreg(&b, DATA + irgen_below(g, 7), v);
			if (irgen_below(g, 4) == 0)
				ir_br(&b, IR_I64, (enum ir_cc)irgen_below(g, 6), v, any_data(g, &b),
				      BASE + irgen_below(g, units) * UNIT_STEP);
		}
		random_exit(g, &b, i, units);
		ir_resolve_exits(b.unit);
	}
	b = unit_begin(p, END);
	ir_exitr(&b, IR_EXIT_SYSCALL, END);
}

/* How often units were entered, as they counted it. */
static unsigned entries(const struct program *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < IR_COUNTERS; i++)
		n += p->n.st->entries[i];
	return n;
}

static void compare_program(struct program *p, const struct ir_state *from, bool link,
			    unsigned fuel)
{
	struct ir_state *expected = malloc(sizeof *expected), *st = p->n.st;
	unsigned before = p->n.opts.count_blocks ? entries(p) : 0;
	enum ir_exit reason;

	REQUIRE(expected);
	*expected = *from;
	reason = interpret(p, expected);
	memcpy(st->reg, from->reg, sizeof st->reg);
	st->pc = from->pc;
	p->exits = 0;
	CHECK_EQ(run(p, link), reason);
	CHECK_EQ(st->pc, expected->pc);
	for (unsigned r = 0; r < regs.count; r++)
		CHECK_EQ(*(uint64_t *)(void *)((char *)st + regs_list[r].offset_bytes),
			 *(uint64_t *)(void *)((char *)expected + regs_list[r].offset_bytes));
	if (p->n.opts.count_blocks) /* each costs one of fuel, but for the last */
		CHECK_EQ(entries(p) - before, fuel + 1);
	/* Linked code hardly ever comes back. */
	if (link)
		CHECK(p->exits <= fuel / 8 + MAX_UNITS * 6);
	free(expected);
}

static void random_graphs(struct jit_opts opts, unsigned count)
{
	struct program *p = malloc(sizeof *p);
	struct ir_state *from = calloc(1, sizeof *from);
	struct irgen g;

	REQUIRE(p && from);
	for (unsigned i = 0; i < count && !check_failed; i++) {
		unsigned fuel;

		irgen_init(&g, i, &regs);
		program_init(p, opts);
		p->n.region = i & 1 ? 1 + i : 0;
		random_program(p, &g, 1u << (2 + irgen_below(&g, 4)));
		for (unsigned k = 0; k < 3 && !check_failed; k++) {
			CHECK_AT("graph %u run %u", i, k);
			fuel = 2000;
			irgen_state(&g, from, &regs, 0);
			from->pc = BASE;
			memcpy((char *)from + regs_list[FUEL].offset_bytes, &(uint64_t){ fuel }, 8);
			memcpy((char *)from + regs_list[RA].offset_bytes, &(uint64_t){ BASE }, 8);
			compare_program(p, from, i % 8 != 0, fuel);
		}
		program_fini(p);
	}
	check_where[0] = 0;
	free(p);
	free(from);
}

static void test_graphs(void)
{
	random_graphs((struct jit_opts){ 0 }, 300);
	random_graphs((struct jit_opts){ .host_features = UINT64_MAX }, 100);
	random_graphs((struct jit_opts){ .guest_base = true }, 100);
	random_graphs((struct jit_opts){ .count_blocks = true }, 100);
}

/* ---- recursion: every return is paired ----------------------------------------------------------------------- */

static const char *const fib[] = {
	/* fib: r4 = n; r2: return address; r3: stack */
	"block 0x1000 {\n %0 = getreg.i64 r4\n %1 = const.i64 2\n br.i64 lt %0, %1, 0x1300\n"
	" %3 = getreg.i64 r3\n %4 = const.i64 -24\n %5 = add.i64 %3, %4\n putreg.i64 r3, %5\n"
	" %7 = getreg.i64 r2\n st64 %5, 0, %7\n st64 %5, 8, %0\n %10 = const.i64 -1\n"
	" %11 = add.i64 %0, %10\n putreg.i64 r4, %11\n %13 = const.i64 0x1100\n"
	" putreg.i64 r2, %13\n at 0x10fc\n exit call 0x1000 ret 0x1100\n }",
	"block 0x1100 {\n %0 = getreg.i64 r3\n %1 = getreg.i64 r4\n st64 %0, 16, %1\n"
	" %3 = ld64 %0, 8\n %4 = const.i64 -2\n %5 = add.i64 %3, %4\n putreg.i64 r4, %5\n"
	" %7 = const.i64 0x1200\n putreg.i64 r2, %7\n at 0x11fc\n exit call 0x1000 ret 0x1200\n }",
	"block 0x1200 {\n %0 = getreg.i64 r3\n %1 = getreg.i64 r4\n %2 = ld64 %0, 16\n"
	" %3 = add.i64 %1, %2\n putreg.i64 r4, %3\n %5 = ld64 %0\n putreg.i64 r2, %5\n"
	" %7 = const.i64 24\n %8 = add.i64 %0, %7\n putreg.i64 r3, %8\n exiti ret %5\n }",
	"block 0x1300 {\n %0 = getreg.i64 r2\n exiti ret %0\n }",
	("block 0x2000 {\n %0 = const.i64 0x2100\n putreg.i64 r2, %0\n"
	 " at 0x20fc\n exit call 0x1000 ret 0x2100\n }"),
	"block 0x2100 {\n exitr syscall 0x2100\n }",
};

static void test_recursion(void)
{
	struct program *p = malloc(sizeof *p);
	struct ir_state *st;

	REQUIRE(p);
	program_init(p, (struct jit_opts){ .host_features = UINT64_MAX });
	for (unsigned i = 0; i < ARRAY_LEN(fib); i++)
		unit_parse(p, fib[i]);
	st = p->n.st;
	for (unsigned k = 0; k < 2; k++) {
		st->reg[4] = 20;
		st->reg[3] = 0x100000 + 4000;
		st->pc = 0x2000;
		p->exits = 0;
		CHECK_EQ(run(p, true), IR_EXIT_SYSCALL);
		CHECK_EQ(st->reg[4], 6765);
		CHECK_EQ(st->pc, 0x2100);
		CHECK_EQ(st->code_sp, st->code_sp_top);
	}
	CHECK_EQ(p->exits, 1); /* all linked the second time */
	program_fini(p);
	free(p);
}

/* ---- safe points ------------------------------------------------------------------------------------------------ */

static void stops(const char *text, gaddr pc, gaddr at)
{
	struct program *p = malloc(sizeof *p);

	REQUIRE(p);
	program_init(p, (struct jit_opts){ 0 });
	unit_parse(p, text);
	p->n.st->stop = IR_STOP_SIGNAL;
	p->n.st->reg[4] = 10;
	p->n.st->reg[5] = at;
	p->n.st->pc = pc;
	CHECK_EQ(run(p, true), IR_EXIT_STOP);
	CHECK_EQ(p->n.st->pc, at);
	CHECK_EQ(p->n.st->reg[4], 9);
	program_fini(p);
	free(p);
}

#define COUNT_DOWN                                                                                 \
	" %0 = getreg.i64 r4\n %1 = const.i64 -1\n %2 = add.i64 %0, %1\n putreg.i64 r4, %2\n"

static void test_stop(void)
{
	stops("block 0x1000 {\n" COUNT_DOWN
	      " %4 = const.i64 0\n br.i64 ne %2, %4, 0x1000\n exit jump 0x1010\n }",
	      0x1000, 0x1000);
	stops("block 0x1000 {\n" COUNT_DOWN " exit jump 0x1000\n }", 0x1000, 0x1000);
	stops("block 0x1000 {\n" COUNT_DOWN " exit call 0x1000 ret 0x1004\n }", 0x1000, 0x1000);
	stops("block 0x1000 {\n" COUNT_DOWN " %4 = getreg.i64 r5\n exiti jump %4\n }", 0x1000,
	      0x2000);
	stops("block 0x1000 {\n" COUNT_DOWN " %4 = getreg.i64 r5\n exiti call %4 ret 0x1004\n }",
	      0x1000, 0x2000);
	/* Unpaired returns come by the lookup. */
	stops("block 0x1000 {\n" COUNT_DOWN " %4 = getreg.i64 r5\n exiti ret %4\n }", 0x1000,
	      0x2000);
	/* A side exit in the middle, with moves. */
	stops(
	    "block 0x1000 {\n" COUNT_DOWN " %4 = const.i64 0\n br.i64 ne %2, %4, 0x1000\n"
	    " %6 = getreg.i64 r5\n %7 = add.i64 %6, %2\n putreg.i64 r5, %7\n exit jump 0x1010\n }",
	    0x1000, 0x1000);
}

/* ---- counters --------------------------------------------------------------------------------------------------- */

static void test_hot(void)
{
	struct program *p = malloc(sizeof *p);
	struct ir_state *st;
	uint16_t *head, *tail;

	REQUIRE(p);
	program_init(p, (struct jit_opts){ .count_blocks = true });
	unit_parse(p, "block 0x1000 {\n" COUNT_DOWN
		      " %4 = const.i64 0\n br.i64 eq %2, %4, 0x2000\n exit jump 0x1100\n }\n"
		      "block 0x1100 {\n %7 = getreg.i64 r5\n %8 = const.i64 1\n"
		      " %9 = add.i64 %7, %8\n putreg.i64 r5, %9\n exit jump 0x1000\n }");
	unit_parse(p, "block 0x2000 {\n exitr syscall 0x2000\n }");
	REQUIRE(code_at(p, 0x1000));
	st = p->n.st;
	head = &st->entries[ir_counter_of(0x1000)];
	tail = &st->entries[ir_counter_of(0x1100)];
	/* The fourth entry of the head, by a jump back. Then it goes on without the counter being set. */
	*head = (uint16_t)-4;
	st->reg[4] = 10;
	st->reg[5] = 0;
	st->pc = 0x1000;
	CHECK_EQ(run(p, true), IR_EXIT_HOT);
	CHECK_EQ(st->pc, 0x1000);
	CHECK_EQ(st->reg[4], 7);
	CHECK_EQ(st->reg[5], 3);
	CHECK_EQ(*head, 0);
	CHECK_EQ(run(p, true), IR_EXIT_SYSCALL);
	CHECK_EQ(st->reg[5], 9);
	CHECK_EQ(*head, 7);
	CHECK_EQ(*tail, 9);
	/* The second entry of the block behind it; the first one of the head, from outside. */
	*tail = (uint16_t)-2;
	st->reg[4] = 10;
	st->pc = 0x1000;
	CHECK_EQ(run(p, true), IR_EXIT_HOT);
	CHECK_EQ(st->pc, 0x1100);
	CHECK_EQ(st->reg[4], 8);
	CHECK_EQ(st->reg[5], 10);
	*head = (uint16_t)-1;
	st->pc = 0x1000;
	CHECK_EQ(run(p, true), IR_EXIT_HOT);
	CHECK_EQ(st->pc, 0x1000);
	CHECK_EQ(st->reg[4], 8);
	program_fini(p);
	free(p);
}

/* ---- the check of a unit's tables ----------------------------------------------------------------------------- */

static bool tables_pass(struct program *p, const struct code *c)
{
	struct diag d = DIAG_INIT;

	return jit_check_code(c, &p->unit[0], p->n.host, &p->n.opts, &d);
}

/* Does the check refuse the tables when *field, which is part of one, is value? */
static bool refused(struct program *p, const struct code *c, const uint32_t *field, uint32_t value)
{
	uint32_t was = *field, *changed = (uint32_t *)(uintptr_t)field;
	bool passes;

	*changed = value;
	passes = tables_pass(p, c);
	*changed = was;
	return !passes && tables_pass(p, c);
}

static void test_tables(void)
{
	struct program *p = malloc(sizeof *p);
	const struct code *c;

	REQUIRE(p);
	program_init(p, (struct jit_opts){ .count_blocks = true });
	unit_parse(p, "block 0x1000 {\n %0 = getreg.i64 r3\n %1 = ld64 %0\n %2 = ld64 %1\n"
		      " br.i64 eq %1, %2, 0x2000\n exit jump 0x1100\n }\n"
		      "block 0x1100 {\n exit jump 0x3000\n }");
	REQUIRE(code_at(p, 0x1000));
	c = &p->made[0].code;
	REQUIRE(c->link_count == 2 && c->fault_count == 2);
	CHECK(tables_pass(p, c));
	CHECK(refused(p, c, &c->link[0].at, c->link[1].at + 2));
	CHECK(refused(p, c, &c->link[0].at, c->size_bytes - 3));
	CHECK(refused(p, c, &c->link[0].at, 30));
	CHECK(refused(p, c, &c->link[1].stub, c->size_bytes));
	CHECK(refused(p, c, &c->fault[1].at, c->fault[0].at));
	CHECK(refused(p, c, &c->fault[1].at, c->size_bytes));
	CHECK(refused(p, c, &c->fault[0].first, c->loc_count + 1));
	CHECK(refused(p, c, &c->fault[1].first, UINT32_MAX));
	program_fini(p);
	free(p);
}

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

static uint64_t sum(struct ir_state *st, uint64_t a, uint64_t b)
{
	(void)st;
	return a + 3 * b;
}

static void test_helper(void)
{
	ir_helper_fn *const helpers[IR_HELPER_COUNT] = { sum, sum, sum };
	struct program *p = malloc(sizeof *p);
	struct ir_state *st;

	REQUIRE(p);
	program_init(p, (struct jit_opts){ .host_features = UINT64_MAX });
	unit_parse(p,
		   "block 0x1000 {\n %0 = getreg.i64 r4\n %1 = getreg.i64 r5\n %2 = getreg.f64 f0\n"
		   " %3 = getreg.i64 r7\n %4 = add.i64 %3, %0\n %5 = fadd.f64 %2, %2, dyn\n"
		   " %6 = helper rdcycle %0, %1\n putreg.i64 r6, %6\n putreg.i64 r7, %4\n %9 = "
		   "fcanon.f64 %5\n"
		   " putreg.f64 f1, %9\n exitr syscall 0x1004\n }");
	st = p->n.st;
	st->helpers = helpers;
	for (unsigned r = 0; r < 12; r++)
		st->reg[r] = 100 + r;
	st->reg[32] = 0x3ff8000000000000;
	st->pc = 0x1000;
	st->fflags = 0;
	CHECK_EQ(run(p, true), IR_EXIT_SYSCALL);
	CHECK_EQ(st->reg[6], 104 + 3 * 105);
	CHECK_EQ(st->reg[7], 104 + 107);
	CHECK_EQ(st->reg[33], 0x4008000000000000);
	CHECK_EQ(st->reg[1], 101);
	CHECK_EQ(st->reg[10], 110);
	program_fini(p);
	free(p);
}

CHECK_MAIN(test_graphs, test_recursion, test_stop, test_hot, test_tables, test_helper)

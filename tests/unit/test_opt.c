/*
 * Passes on random units: the interpreter must not see a difference, pass by pass and all together, and
 * with NaNs of another make where they are raw. The rules, one by one: tests/opt/.
 */
#include "lib/opt/pass.h"
#include "tests/unit/check.h"
#include "tests/unit/irgen.h"

#include <stdlib.h>
#include <time.h>

enum { UNITS = 5000, RUNS = 3 };

/* All that a run may change. */
struct outcome {
	enum ir_exit reason;
	struct ir_state st;
	uint8_t window[IRGEN_WINDOW_BYTES];
};

static void run(const struct ir_unit *u, const struct outcome *from, struct outcome *to,
		struct arena *scratch)
{
	memcpy(irgen_window, from->window, sizeof irgen_window);
	to->st = from->st;
	to->reason = ir_interp(u, &to->st, &irgen_memory, scratch);
	memcpy(to->window, irgen_window, sizeof irgen_window);
}

static bool same(const struct outcome *x, const struct outcome *y)
{
	return x->reason == y->reason && memcmp(&x->st, &y->st, sizeof x->st) == 0
	       && memcmp(x->window, y->window, sizeof x->window) == 0;
}

static void show_difference(const struct outcome *x, const struct outcome *y)
{
	for (unsigned r = 0; r < irgen_regs.count; r++)
		if (x->st.reg[r] != y->st.reg[r])
			printf("  %s: 0x%" PRIx64 ", was 0x%" PRIx64 "\n", irgen_regs.reg[r].name,
			       y->st.reg[r], x->st.reg[r]);
	if (x->reason != y->reason || x->st.pc != y->st.pc || x->st.fflags != y->st.fflags)
		printf("  reason %d pc 0x%" PRIx64 " fflags %u, was %d 0x%" PRIx64 " %u\n",
		       y->reason, y->st.pc, y->st.fflags, x->reason, x->st.pc, x->st.fflags);
	if (memcmp(x->window, y->window, sizeof x->window) != 0)
		printf("  memory differs\n");
}

static void show(const char *what, const struct ir_unit *u)
{
	struct strbuf text = STRBUF_INIT;

	ir_print(u, &text);
	printf("%s:\n%s", what, strbuf_str(&text));
	strbuf_fini(&text);
}

/*
 * After IR_EXIT_REDO of the passes' unit: the guest is as it was before the guest instruction at pc, and what u does
 * from there on ends in a fault.
 */
static bool redone(const struct ir_unit *u, const struct outcome *from, const struct outcome *got,
		   bool loops, struct outcome *want, struct arena *a, struct arena *scratch)
{
	struct ir_unit v;

	run(u, from, want, scratch);
	if (want->reason != IR_EXIT_FAULT && want->reason != IR_EXIT_REDO)
		return false;
	if (loops) /* got may be of any turn */
		return true;
	irgen_copy(u, a, &v);
	for (unsigned k = 0; k < v.insn_count; k++)
		if (v.gpc + (gaddr)(int64_t)v.insn[k].gpc_off == got->st.pc) {
			v.insn[k] = (struct ir_insn){ .op = IR_exitr,
						      .sub = IR_EXIT_REDO,
						      .a = IR_NOREF,
						      .b = IR_NOREF,
						      .c = IR_NOREF,
						      .to = IR_NOBLOCK,
						      .imm = (int64_t)got->st.pc };
			break;
		}
	run(&v, from, want, scratch);
	/* The fault itself is the passes' unit's own. */
	want->st.fault_kind = got->st.fault_kind;
	want->st.fault_code = got->st.fault_code;
	want->st.fault_addr = got->st.fault_addr;
	want->st.fault_write = got->st.fault_write;
	return same(want, got);
}

/* Arenas of one test: units, values of the interpreter. */
struct work {
	struct arena a, scratch;
	struct outcome before, expected, got;
};

/* One random unit through the passes named; false when something differs. */
static bool try_unit(struct work *w, struct irgen *g, const char *passes)
{
	struct ir_unit u, v, raw;
	struct diag d = DIAG_INIT;

	arena_reset(&w->a);
	irgen_unit(g, &w->a, &irgen_regs, &u);
	irgen_copy(&u, &w->a, &v);
	if (!CHECK(ir_verify(&u, &d)) || !CHECK(opt_run(&v, passes, &d))
	    || !CHECK(ir_verify(&v, &d))) {
		printf("  %s\n", d.text);
		show("unit", &u);
		show("result", &v);
		return false;
	}
	irgen_copy(&v, &w->a, &raw);
	irgen_raw_nans(&raw);
	for (unsigned k = 0; k < RUNS * 2; k++) {
		irgen_state(g, &w->before.st, &irgen_regs, 4);
		irgen_fill(g, w->before.window);
		run(&u, &w->before, &w->expected, &w->scratch);
		run(k & 1 ? &raw : &v, &w->before, &w->got, &w->scratch);
		if (same(&w->expected, &w->got)
		    || (w->got.reason == IR_EXIT_REDO
			&& redone(&u, &w->before, &w->got, g->turns, &w->expected, &w->a,
				  &w->scratch)))
			continue;
		CHECK(false);
		printf("  passes %s%s\n", passes, k & 1 ? ", raw NaNs" : "");
		show_difference(&w->expected, &w->got);
		show("unit", &u);
		show("result", k & 1 ? &raw : &v);
		return false;
	}
	return true;
}

enum { TURNS = 12 };

static void try_loops(const char *passes, uint64_t seed, unsigned blocks, unsigned turns, bool wild)
{
	static struct work w; /* large */
	struct irgen g;

	arena_init(&w.a);
	arena_init(&w.scratch);
	irgen_init(&g, seed, &irgen_regs);
	g.blocks = blocks;
	g.turns = turns;
	g.wild = wild;
	for (unsigned n = 0; n < UNITS; n++) {
		CHECK_AT("%s seed=%" PRIu64 " unit=%u", passes, seed, n);
		g.insns = 4 + n % 60;
		g.fp = n % 3 != 0;
		g.atomics = n % 2;
		if (!try_unit(&w, &g, passes))
			break;
	}
	CHECK_AT("%s", "");
	arena_fini(&w.a);
	arena_fini(&w.scratch);
}

static void try_passes(const char *passes, uint64_t seed, unsigned blocks, bool wild)
{
	try_loops(passes, seed, blocks, 0, wild);
}

static void test_each_pass(void)
{
	for (unsigned p = 0; p < OPT_PASS_COUNT; p++)
		try_passes(opt_passes[p].name, 100 + p, 1, p & 1);
}

static void test_level1(void) { try_passes("level1", 1, 1, false); }
static void test_level1_faults(void) { try_passes("level1", 2, 1, true); }
static void test_level1_blocks(void) { try_passes("level1", 3, 3, true); }
static void test_twice(void) { try_passes("level1,level1", 4, 1, true); }
static void test_sequence(void) { try_passes("getput,fold,addr,cse,nan,dce,fold,dce", 5, 2, true); }

/* Without bytes but for the last: where those give up, it is not compared which turn they do so in. */
static void test_loops(void)
{
	try_loops("carry", 6, 1, TURNS, false);
	try_loops("carry", 7, 4, TURNS, true);
	try_loops("carry,getput,fold,addr,cse,nan,dce", 8, 3, TURNS, true);
	try_loops("level2", 9, 3, TURNS, false);
}

static void test_names(void)
{
	struct arena a;
	struct irgen g;
	struct ir_unit u;
	struct diag d = DIAG_INIT;

	arena_init(&a);
	irgen_init(&g, 1, &irgen_regs);
	irgen_unit(&g, &a, &irgen_regs, &u);
	CHECK(opt_run(&u, "", &d));
	CHECK(opt_run(&u, "fold,dce", &d));
	CHECK(!opt_run(&u, "fold,none", &d));
	CHECK_STR(d.text, "there is no pass 'none'");
	arena_fini(&a);
}

CHECK_MAIN(test_each_pass, test_level1, test_level1_faults, test_level1_blocks, test_twice,
	   test_loops, test_sequence, test_names)

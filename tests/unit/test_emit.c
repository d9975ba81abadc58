/*
 * Compiled code on this machine against the interpreter: random units with random states, under each set of cpu
 * features and with and without a guest base; registers, memory, flags, pc and reason must be equal.
 */
#include "arch/x86_64/x64.h"
#include "lib/opt/pass.h"
#include "tests/unit/check.h"
#include "tests/unit/irgen.h"
#include "tests/unit/nativerun.h"

#include <stdlib.h>

static const gaddr WINDOW = 0x100000;

/* Half of the registers are in memory. */
#define R(n, pin) { "r" #n, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, pin }
#define F(n, pin) { "f" #n, offsetof(struct ir_state, reg) + 8 * (32 + (n)), IR_F64, pin }
static const struct ir_reg mixed_regs[] = {
	R(1, 0), R(2, 40), R(3, 1), R(4, 41), R(5, 9), R(6, 42), R(7, 10), R(8, 43), R(9, 8), R(10, 2),
	F(0, 0), F(1, 40), F(2, 1), F(3, 41), F(4, 12),
};
static const struct ir_regfile mixed = { ARRAY_LEN(mixed_regs), mixed_regs };

#define BIT(f) (UINT64_C(1) << X64_FEATURE_##f)
static const struct {
	const char *name;
	struct jit_opts opts;
} configs[] = {
	{ "baseline", { 0 } },
	{ "sse4.1", { .host_features = BIT(SSE41), .guest_base = true } },
	{ "avx", { .host_features = BIT(SSE41) | BIT(AVX) } },
	{ "all", { .host_features = BIT(SSE41) | BIT(AVX) | BIT(FMA) | BIT(BMI2) } },
	{ "all based",
	  { .host_features = BIT(SSE41) | BIT(AVX) | BIT(FMA) | BIT(BMI2), .guest_base = true } },
};

/* ---- what a run gives ------------------------------------------------------------------------------ */

struct outcome {
	enum ir_exit reason;
	struct ir_state st;
	uint8_t window[IRGEN_WINDOW_BYTES];
};

static uint64_t reg_of(const struct ir_state *st, const struct ir_reg *r)
{
	uint64_t v;

	memcpy(&v, (const char *)st + r->offset_bytes, sizeof v);
	return v;
}

static bool same(const struct outcome *x, const struct outcome *y, const struct ir_regfile *regs)
{
	bool fault = x->reason == IR_EXIT_FAULT;

	for (unsigned r = 0; r < regs->count; r++)
		if (reg_of(&x->st, &regs->reg[r]) != reg_of(&y->st, &regs->reg[r]))
			return false;
	return x->reason == y->reason && x->st.pc == y->st.pc && x->st.fflags == y->st.fflags
	       && x->st.frm == y->st.frm && x->st.resv_addr == y->st.resv_addr
	       && (x->st.resv_addr == 1 || x->st.resv_value == y->st.resv_value)
	       && (!fault
		   || (x->st.fault_kind == y->st.fault_kind && x->st.fault_addr == y->st.fault_addr))
	       && memcmp(x->window, y->window, sizeof x->window) == 0;
}

static void show_difference(const struct outcome *x, const struct outcome *y,
			    const struct ir_regfile *regs)
{
	for (unsigned r = 0; r < regs->count; r++)
		if (reg_of(&x->st, &regs->reg[r]) != reg_of(&y->st, &regs->reg[r]))
			printf("  %s: %#" PRIx64 ", expected %#" PRIx64 "\n", regs->reg[r].name,
			       reg_of(&y->st, &regs->reg[r]), reg_of(&x->st, &regs->reg[r]));
	printf("  reason %d pc %#" PRIx64 " fflags %u resv %#" PRIx64 "/%#" PRIx64 " fault %#" PRIx64
	       ", expected %d %#" PRIx64 " %u %#" PRIx64 "/%#" PRIx64 " %#" PRIx64 "\n",
	       y->reason, y->st.pc, y->st.fflags, y->st.resv_addr, y->st.resv_value, y->st.fault_addr,
	       x->reason, x->st.pc, x->st.fflags, x->st.resv_addr, x->st.resv_value, x->st.fault_addr);
	for (unsigned k = 0; k < sizeof x->window; k++)
		if (x->window[k] != y->window[k]) {
			printf("  memory at window + %#x\n", k);
			break;
		}
}

/* ---- one unit ---------------------------------------------------------------------------------------- */

struct work {
	struct nativerun n;
	struct arena a, scratch;
	struct outcome before, expected, got;
};

static void work_init(struct work *w, const struct ir_regfile *regs, struct jit_opts opts)
{
	opts.host_features &= native_features();
	nativerun_init(&w->n, regs, opts, WINDOW);
	w->n.check = true;
	arena_init(&w->a);
	arena_init(&w->scratch);
	irgen_window_at = WINDOW;
}

static void work_fini(struct work *w)
{
	nativerun_fini(&w->n);
	arena_fini(&w->a);
	arena_fini(&w->scratch);
}

static void run_interpreted(struct work *w, const struct ir_unit *u)
{
	struct outcome *o = &w->expected;

	memcpy(irgen_window, w->before.window, sizeof irgen_window);
	o->st = w->before.st;
	o->reason = ir_interp(u, &o->st, &irgen_memory, &w->scratch);
	memcpy(o->window, irgen_window, sizeof irgen_window);
}

static void run_native(struct work *w)
{
	struct ir_state *st = w->n.st;
	struct outcome *o = &w->got;

	memcpy(st->reg, w->before.st.reg, sizeof st->reg);
	st->frm = w->before.st.frm;
	st->fflags = w->before.st.fflags;
	st->resv_addr = w->before.st.resv_addr;
	st->resv_value = w->before.st.resv_value;
	nativerun_set_memory(&w->n, w->before.window, sizeof w->before.window);
	o->reason = nativerun_run(&w->n, NULL, false);
	o->st = *st;
	memcpy(o->window, nativerun_memory(&w->n), sizeof o->window);
}

static void show_unit(const struct ir_unit *u)
{
	struct strbuf text = STRBUF_INIT;

	ir_print(u, &text);
	printf("%s", strbuf_str(&text));
	strbuf_fini(&text);
}

/* Compiles u and compares with irgen's states; source is what the interpreter runs. */
static bool compare(struct work *w, struct irgen *g, const struct ir_unit *source,
		    const struct ir_unit *u, unsigned runs)
{
	struct diag d = DIAG_INIT;
	enum nativerun_status s = nativerun_compile(&w->n, u, &d);

	if (!CHECK_EQ(s, NATIVERUN_OK)) {
		printf("  %s\n", d.text);
		show_unit(u);
		return false;
	}
	for (unsigned k = 0; k < runs; k++) {
		irgen_state(g, &w->before.st, u->regs, 3);
		irgen_fill(g, w->before.window);
		run_interpreted(w, source);
		run_native(w);
		if (!CHECK(same(&w->expected, &w->got, u->regs))) {
			show_difference(&w->expected, &w->got, u->regs);
			for (unsigned r = 0; r < u->regs->count; r++)
				printf("  was %s %#" PRIx64 "\n", u->regs->reg[r].name,
				       reg_of(&w->before.st, &u->regs->reg[r]));
			show_unit(u);
			return false;
		}
	}
	return true;
}

/* ---- random units ------------------------------------------------------------------------------------- */

static unsigned scaled(unsigned n)
{
	const char *s = getenv("KIT_TEST_SCALE");

	return s ? n * (unsigned)atoi(s) : n;
}

static void random_units(unsigned config, const struct ir_regfile *regs, unsigned count, unsigned insns,
			 unsigned blocks, bool fp)
{
	struct work *w = calloc(1, sizeof *w);
	struct irgen g;

	work_init(w, regs, configs[config].opts);
	for (unsigned i = 0; i < count && !check_failed; i++) {
		struct ir_unit u, v;

		irgen_init(&g, config * 1000003u + i, regs);
		g.insns = insns;
		g.blocks = blocks;
		g.fp = fp;
		g.wild = i % 3 == 0;
		CHECK_AT("%s unit %u", configs[config].name, i);
		arena_reset(&w->a);
		irgen_unit(&g, &w->a, regs, &u);
		irgen_copy(&u, &w->a, &v);
		if (i & 1)
			opt_level1(&v);
		if (!compare(w, &g, &u, &v, 3))
			break;
	}
	check_where[0] = 0;
	work_fini(w);
	free(w);
}

static void test_random_int(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++)
		random_units(c, c & 1 ? &irgen_regs : &mixed, scaled(2000), 30, 1, false);
}

static void test_random_fp(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++)
		random_units(c, c & 1 ? &mixed : &irgen_regs, scaled(2000), 30, 1, true);
}

static void test_random_short(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++)
		random_units(c, &mixed, scaled(4000), 5, 1, true);
}

static void test_random_regions(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++)
		random_units(c, &mixed, scaled(500), 25, 4, true);
}

CHECK_MAIN(test_random_int, test_random_fp, test_random_short, test_random_regions)

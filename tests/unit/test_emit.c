/*
 * Compiled code on this machine against the interpreter: random units with random states, under each set of cpu
 * features and with and without a guest base; registers, memory, flags, pc and reason must be equal.
 */
#include "lib/opt/pass.h"
#include "tests/unit/check.h"
#include "tests/unit/fpcases.h"
#include "tests/unit/irgen.h"
#include "tests/unit/nativerun.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <stdlib.h>

static const gaddr WINDOW = 0x100000;

/* Half of the registers are in memory. */
static const struct ir_reg mixed_regs[] = {
	R(1, 0), R(2, 40), R(3, 1), R(4, 41), R(5, 9), R(6, 42), R(7, 10), R(8, 43),
	R(9, 8), R(10, 2), F(0, 0), F(1, 40), F(2, 1), F(3, 41), F(4, 12),
};
static const struct ir_regfile mixed = { ARRAY_LEN(mixed_regs), mixed_regs };

/* Features of any host; what this machine does not have is left out. */
static const struct {
	const char *name, *features;
	struct jit_opts opts;
} configs[] = {
	{ "baseline", "", { 0 } },
	{ "sse4.1", "sse4.1", { .guest_base = true } },
	{ "avx", "sse4.1 avx", { .count_blocks = true } },
	{ "all", "sse4.1 popcnt avx fma lzcnt bmi1 bmi2 lse", { 0 } },
	{ "all based", "sse4.1 popcnt avx fma lzcnt bmi1 bmi2 lse", { .guest_base = true } },
};

/* The features of configuration c that this machine has. */
static uint64_t features_of(unsigned c)
{
	const char *name;
	uint64_t bits = 0;

	for (unsigned b = 0; (name = host_native()->feature_name(b)); b++)
		if (strstr(configs[c].features, name))
			bits |= UINT64_C(1) << b;
	return bits & native_features();
}

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
		   || (x->st.fault_kind == y->st.fault_kind
		       && x->st.fault_addr == y->st.fault_addr))
	       && memcmp(x->window, y->window, sizeof x->window) == 0;
}

static void show_difference(const struct outcome *x, const struct outcome *y,
			    const struct ir_regfile *regs)
{
	for (unsigned r = 0; r < regs->count; r++)
		if (reg_of(&x->st, &regs->reg[r]) != reg_of(&y->st, &regs->reg[r]))
			printf("  %s: %#" PRIx64 ", expected %#" PRIx64 "\n", regs->reg[r].name,
			       reg_of(&y->st, &regs->reg[r]), reg_of(&x->st, &regs->reg[r]));
	printf(
	    "  reason %d pc %#" PRIx64 " fflags %u resv %#" PRIx64 "/%#" PRIx64 " fault %#" PRIx64
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
	unsigned second; /* units of which the passes made second versions */
};

/* Helper 0 makes the thread stop at the next safe point when it is called for the stop_at-th time. */
static unsigned stop_at, calls;

static uint64_t helper(struct ir_state *st, uint64_t a, uint64_t b)
{
	(void)a, (void)b;
	if (++calls == stop_at)
		st->stop = IR_STOP_SIGNAL;
	return 0;
}

static ir_helper_fn *const helpers[IR_HELPER_COUNT] = { helper };

static void work_init(struct work *w, const struct ir_regfile *regs, unsigned config)
{
	struct jit_opts opts = configs[config].opts;

	opts.host_features = features_of(config);
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
	o->st.helpers = helpers;
	o->st.stop = calls = 0;
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
	st->helpers = helpers;
	st->stop = calls = 0;
	memset(st->entries, 0, sizeof st->entries); /* no counter runs over */
	nativerun_set_memory(&w->n, w->before.window, sizeof w->before.window);
	o->reason = nativerun_run(&w->n, NULL, false);
	o->st = *st;
	memcpy(o->window, nativerun_memory(&w->n), sizeof o->window);
}

/*
 * Code looks at stop at some jumps back (struct ir_safe), the interpreter at all of them. A helper was called right before
 * the one where code has stopped: the interpreter shall stop there. Code also looks before it leaves; false: and where it
 * went from a second version of a block forward to a first one, which the interpreter has no part in.
 */
static bool run_both(struct work *w, const struct ir_unit *source, unsigned stop_call)
{
	stop_at = stop_call;
	run_native(w);
	stop_at = w->got.reason == IR_EXIT_STOP ? calls : 0;
	run_interpreted(w, source);
	if (w->got.reason != IR_EXIT_STOP)
		return true;
	if (w->expected.st.pc != w->got.st.pc
	    || (w->expected.reason != IR_EXIT_STOP && w->expected.reason != IR_EXIT_LOOKUP))
		return false;
	w->got.reason = w->expected.reason;
	return true;
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
		if (!run_both(w, source, g->calls ? irgen_below(g, 2 * g->turns) : 0))
			continue;
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

static void random_loops(unsigned config, const struct ir_regfile *regs, unsigned count,
			 unsigned insns, unsigned blocks, unsigned turns, bool fp)
{
	struct diag d = DIAG_INIT;
	struct work *w = calloc(1, sizeof *w);
	struct irgen g;

	work_init(w, regs, config);
	for (unsigned i = 0; i < count && !check_failed; i++) {
		struct ir_unit u, v;

		irgen_init(&g, config * 1000003u + i, regs);
		g.insns = insns;
		g.blocks = blocks;
		g.turns = turns;
		g.calls = turns && i & 4;
		g.fp = fp;
		g.wild = i % 3 == 0;
		CHECK_AT("%s unit %u", configs[config].name, i);
		arena_reset(&w->a);
		irgen_unit(&g, &w->a, regs, &u);
		irgen_copy(&u, &w->a, &v);
		if (turns)
			opt_run(&v, "carry,getput,fold,addr,cse,nan,dce", &d);
		else if (i & 1)
			opt_level1(&v);
		w->second += v.block_count > u.block_count;
		w->n.region = i & 2 ? 1 + i : 0;
		if (!compare(w, &g, &v, &v, 3))
			break;
	}
	check_where[0] = 0;
	CHECK(!turns || check_failed || w->second > count / 5);
	work_fini(w);
	free(w);
}

static void random_units(unsigned config, const struct ir_regfile *regs, unsigned count,
			 unsigned insns, unsigned blocks, bool fp)
{
	random_loops(config, regs, count, insns, blocks, 0, fp);
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

/* Most loops have blocks in two versions (lib/opt/carry.c), or this would test little. */
static void test_random_loops(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++) {
		random_loops(c, &mixed, scaled(600), 12, 1, 12, true);
		random_loops(c, &irgen_regs, scaled(400), 12, 3, 12, true);
	}
}

/* Every how many of the edge values are tried: more than 1 where it is slow, under qemu. */
static unsigned stride(void)
{
	const char *s = getenv("KIT_TEST_STRIDE");

	return s ? (unsigned)atoi(s) : 1;
}

/* ---- each operation with edge values ------------------------------------------------------------------- */

static const uint64_t int_edges[] = {
	0,
	1,
	2,
	3,
	7,
	31,
	32,
	33,
	63,
	64,
	0x7f,
	0x80,
	0xff,
	0x100,
	0x7fff,
	0x8000,
	0xffff,
	0x7fffffff,
	0x80000000,
	0x80000001,
	0xffffffff,
	0x100000000,
	0x123456789abcdef0,
	INT64_MAX,
	(uint64_t)INT64_MIN,
	(uint64_t)INT64_MIN + 1,
	UINT64_MAX,
	UINT64_MAX - 1,
	0xffffffff80000000,
	0xffffffff7fffffff,
	0xffffffff00000000,
	0x20000000000001,
	0xfffffffffffffc01,
};

/* An operand of type t out of guest register n: r1, r3, f0.. as the type wants. */
static ir_ref operand(struct ir_builder *b, enum ir_type t, unsigned n)
{
	static const uint8_t ints[] = { 0, 1, 2 }, floats[] = { 10, 12, 11 };
	ir_ref r = ir_getreg(b, t == IR_F32 || t == IR_F64 ? floats[n] : ints[n]);

	if (t == IR_I32)
		return ir_op1(b, IR_trunc, IR_NONE, r);
	if (t == IR_F32) /* past unbox, which has cases of its own */
		return ir_op1(b, IR_bitsf32, IR_NONE, ir_op1(b, IR_fbits32, IR_NONE, r));
	return r;
}

static void result(struct ir_builder *b, enum ir_type t, ir_ref r)
{
	if (t == IR_I32)
		r = ir_op1(b, IR_sext, IR_NONE, r);
	if (t == IR_F32)
		r = ir_op1(b, IR_box, IR_NONE, r);
	ir_putreg(b, t == IR_F32 || t == IR_F64 ? 13 : 9, r);
	ir_putreg(b, t == IR_F32 || t == IR_F64 ? 14 : 8, r);
}

static bool is_raw(unsigned op)
{
	return (op >= IR_fadd && op <= IR_fnmadd) || op == IR_cvtfd || op == IR_cvtdf
	       || op == IR_fround || op == IR_froundnx;
}

/* consts[n]: operand n is this constant, NULL a register. */
static void op_unit(struct arena *a, const struct ir_regfile *regs, struct ir_unit *u, unsigned op,
		    enum ir_type t, unsigned sub, const uint64_t *const consts[2])
{
	const struct ir_op_info *info = &ir_ops[op];
	const uint8_t col[] = { info->a, info->b, info->c };
	struct ir_builder b = { .unit = u, .gpc = 0x1000 };
	struct ir_insn in = { .op = (uint8_t)op,
			      .type = (uint8_t)t,
			      .sub = (uint8_t)sub,
			      .a = IR_NOREF,
			      .b = IR_NOREF,
			      .c = IR_NOREF };
	ir_ref *const at[] = { &in.a, &in.b, &in.c };
	enum ir_type rt = (enum ir_type)(info->result == IR_T ? t : info->result);
	ir_ref r;

	ir_unit_init(u, a, regs, b.gpc);
	ir_block_begin(u, b.gpc);
	for (unsigned n = 0; n < 3 && col[n] != IR_NONE; n++) {
		enum ir_type ot = (enum ir_type)(col[n] == IR_T ? t : col[n]);

		if (n == 2 && (op == IR_fltk || op == IR_flek))
			*at[n] = ir_get_state(&b, IR_getfflags);
		else
			*at[n] = n < 2 && consts[n] ? ir_const(&b, ot, (int64_t)*consts[n])
						    : operand(&b, ot, n);
	}
	r = ir_emit(&b, in);
	if (is_raw(op))
		r = ir_op1(&b, IR_fcanon, rt, r);
	result(&b, rt, r);
	ir_exit(&b, IR_JUMP_PLAIN, 0x2000, 0);
}

/* Runs the unit compiled on registers i and f; NULL: as they were. */
static bool run_op(struct work *w, const struct ir_unit *u, const uint64_t i[3],
		   const uint64_t f[3], unsigned frm)
{
	struct ir_state *st = &w->before.st;

	st->frm = frm;
	st->fflags = 0;
	st->resv_addr = 1;
	for (unsigned n = 0; n < 3; n++) {
		static const uint8_t floats[] = { 10, 12, 11 };

		memcpy((char *)st + u->regs->reg[n].offset_bytes, &i[n], 8);
		memcpy((char *)st + u->regs->reg[floats[n]].offset_bytes, &f[n], 8);
	}
	run_interpreted(w, u);
	run_native(w);
	if (CHECK(same(&w->expected, &w->got, u->regs)))
		return true;
	printf("  of %#" PRIx64 " %#" PRIx64 ", %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " frm %u\n",
	       i[0], i[1], f[0], f[1], f[2], frm);
	show_difference(&w->expected, &w->got, u->regs);
	show_unit(u);
	return false;
}

static bool compiled(struct work *w, const struct ir_unit *u)
{
	struct diag d = DIAG_INIT;

	return CHECK_EQ(nativerun_compile(&w->n, u, &d), NATIVERUN_OK);
}

static void int_op(struct work *w, unsigned op, enum ir_type t, unsigned sub)
{
	const unsigned edges = ARRAY_LEN(int_edges);
	const uint64_t zero[3] = { 0 };
	struct ir_unit u;

	/* Both in registers, then each a constant. */
	for (unsigned form = 0; form < 1 + 2 * edges; form += form ? stride() : 1) {
		const uint64_t *c = form ? &int_edges[(form - 1) / 2] : NULL;
		const uint64_t *const consts[2] = { form & 1 ? c : NULL, form & 1 ? NULL : c };

		arena_reset(&w->a);
		op_unit(&w->a, w->n.target.regs, &u, op, t, sub, consts);
		if (!compiled(w, &u))
			return;
		for (unsigned x = 0; x < edges * (form ? 1 : edges); x += stride()) {
			const uint64_t i[3] = { int_edges[x % edges],
						int_edges[form ? x : x / edges], 5 };

			if (!run_op(w, &u, i, zero, 0))
				return;
		}
	}
}

/* Edge values of the wide or narrow format, and some random ones. */
static unsigned float_edges(bool wide, uint64_t seed, uint64_t *v, unsigned max)
{
	uint64_t sign = fpbits_sign(wide), inf = fpbits_inf(wide),
		 quiet = fpbits_frac(wide) / 2 + 1;
	const uint64_t special[] = {
		0,   1,       fpbits_frac(wide), fpbits_frac(wide) + 1, inf - 1,
		inf, inf + 1, inf + quiet,       inf + quiet + 5
	};
	struct fpcases fc;
	unsigned n = 0;

	for (unsigned i = 0; i < 2 * ARRAY_LEN(special); i++)
		v[n++] = special[i / 2] | (i & 1 ? sign : 0);
	fpcases_init(&fc, wide, seed);
	for (int i = 0; i < fc.count && n < max; i += 5)
		v[n++] = fc.edge[i];
	for (unsigned i = 0; i < 12 && n < max; i++, n++)
		v[n] = fpcases_random(&fc, v[n - 1]);
	return n;
}

static void fp_op(struct work *w, unsigned op, enum ir_type t, unsigned sub)
{
	const uint64_t *const consts[2] = { NULL, NULL };
	const struct ir_op_info *info = &ir_ops[op];
	enum ir_type at = (enum ir_type)(info->a == IR_T ? t : info->a);
	uint64_t v[160];
	unsigned n = float_edges(at == IR_F64, op + t * 64 + sub, v, ARRAY_LEN(v)), frms;
	struct ir_unit u;

	arena_reset(&w->a);
	op_unit(&w->a, w->n.target.regs, &u, op, t, sub, consts);
	if (!compiled(w, &u))
		return;
	if (at == IR_I32 || at == IR_I64)
		for (n = 0; n < ARRAY_LEN(int_edges); n++)
			v[n] = int_edges[n];
	frms = info->sub == IR_SUB_RM && sub == IR_RM_DYN ? 4 : 1;
	for (unsigned x = 0; x < n; x += stride())
		for (unsigned y = 0; y < (info->b == IR_NONE ? 1 : n); y++)
			for (unsigned frm = 0; frm < frms; frm++) {
				const uint64_t f[3] = { v[x], v[y], v[(x * 7 + y) % n] };

				if (!run_op(w, &u, f, f, frm))
					return;
			}
}

static void each_op(unsigned config, unsigned first, unsigned last)
{
	struct work *w = calloc(1, sizeof *w);

	work_init(w, &mixed, config);
	for (unsigned op = first; op <= last && !check_failed; op++) {
		const struct ir_op_info *info = &ir_ops[op];
		unsigned subs = info->sub == IR_SUB_CC ? 6 : info->sub == IR_SUB_RM ? 6 : 1;
		bool fp = op >= IR_fadd && op != IR_bitsf && op != IR_bitsf32;

		for (unsigned t = IR_NONE; t <= IR_F64; t++) {
			if (t == IR_NONE ? info->flags & (IR_TI | IR_T64 | IR_TF)
					 : !(t >= IR_F32   ? info->flags & IR_TF
					     : t == IR_I32 ? info->flags & IR_TI
							   : info->flags & (IR_TI | IR_T64)))
				continue;
			for (unsigned sub = 0; sub < subs; sub++) {
				unsigned rm = info->sub == IR_SUB_RM && sub == 5 ? IR_RM_DYN : sub;

				CHECK_AT("%s %s type %u sub %u", configs[config].name, info->name,
					 t, rm);
				if (fp)
					fp_op(w, op, (enum ir_type)t, rm);
				else
					int_op(w, op, (enum ir_type)t, rm);
			}
		}
	}
	check_where[0] = 0;
	work_fini(w);
	free(w);
}

static void test_int_ops(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++)
		each_op(c, IR_add, IR_zext);
}

static void test_fp_ops(void)
{
	for (unsigned c = 0; c < ARRAY_LEN(configs); c++)
		each_op(c, IR_fadd, IR_froundnx);
}

/* ---- what stands together in lifted code, and is one host instruction or none ------------------------------ */

#define COUNT " %0 = getreg.i64 r1\n %1 = const.i64 -1\n %2 = add.i64 %0, %1\n putreg.i64 r1, %2\n"
#define COUNTW                                                                                     \
	" %0 = getreg.i64 r1\n %1 = trunc %0\n %2 = const.i32 -1\n %3 = add.i32 %1, %2\n"          \
	" %4 = sext %3\n putreg.i64 r1, %4\n"
#define END "exit jump 0x2000\n"

/* Values are numbered as they come; lines that define none count too. */
static const char *const shapes[] = {
	/* Rotations, as compilers write them without Zbb, and what only looks like one. */
	" %0 = getreg.i64 r1\n %1 = const.i64 13\n %2 = const.i64 51\n %3 = shl.i64 %0, %1\n"
	" %4 = shr.i64 %0, %2\n %5 = or.i64 %3, %4\n putreg.i64 r9, %5\n" END,
	" %0 = getreg.i64 r2\n %1 = const.i64 13\n %2 = const.i64 50\n %3 = shl.i64 %0, %1\n"
	" %4 = shr.i64 %0, %2\n %5 = or.i64 %3, %4\n putreg.i64 r9, %5\n" END,
	" %0 = getreg.i64 r2\n %1 = trunc %0\n %2 = const.i32 7\n %3 = const.i32 25\n"
	" %4 = shr.i32 %1, %3\n %5 = zext %4\n %6 = shl.i32 %1, %2\n %7 = sext %6\n"
	" %8 = or.i64 %5, %7\n putreg.i64 r9, %8\n" END,
	" %0 = getreg.i64 r1\n %1 = trunc %0\n %2 = const.i32 31\n %3 = const.i32 1\n"
	" %4 = shr.i32 %1, %3\n %5 = sext %4\n %6 = shl.i32 %1, %2\n %7 = sext %6\n"
	" %8 = or.i64 %7, %5\n putreg.i64 r9, %8\n" END,
	" %0 = getreg.i64 r1\n %1 = trunc %0\n %2 = const.i32 31\n %3 = const.i32 1\n"
	" %4 = shr.i32 %1, %3\n %5 = sext %4\n %6 = shl.i32 %1, %2\n %7 = zext %6\n"
	" %8 = or.i64 %7, %5\n putreg.i64 r8, %8\n" END,
	" %0 = getreg.i64 r1\n %1 = trunc %0\n %2 = const.i32 16\n %3 = shr.i32 %1, %2\n"
	" %4 = shl.i32 %1, %2\n %5 = or.i32 %4, %3\n %6 = sext %5\n putreg.i64 r9, %6\n" END,
	/* Branches on what was just computed, with and without something between. */
	COUNT " %4 = const.i64 0\n br.i64 ne %2, %4, 0x3000\n" END,
	COUNT " %4 = const.i64 0\n br.i64 lt %2, %4, 0x3000\n" END,
	COUNT " %4 = const.i64 0\n br.i64 geu %4, %2, 0x3000\n" END,
	COUNT " %4 = const.i64 0\n putreg.i64 r3, %4\n br.i64 ne %2, %4, 0x3000\n" END,
	COUNT " %4 = const.i64 0\n putreg.i64 r3, %4\n putreg.i64 r5, %4\n putreg.i64 r9, %2\n"
	      " br.i64 eq %2, %4, 0x3000\n" END,
	COUNT " %4 = getreg.i64 r3\n %5 = shl.i64 %4, %2\n putreg.i64 r3, %5\n %7 = const.i64 0\n"
	      " br.i64 ge %2, %7, 0x3000\n" END,
	COUNT " %4 = trunc %2\n %5 = const.i32 0\n br.i32 ge %4, %5, 0x3000\n" END,
	COUNT " %4 = trunc %2\n %5 = const.i32 0\n br.i32 ne %4, %5, 0x3000\n" END,
	COUNTW " %6 = const.i64 0\n br.i64 ne %4, %6, 0x3000\n" END,
	COUNTW " %6 = const.i64 0\n br.i64 lt %4, %6, 0x3000\n" END,
	COUNTW
	" %6 = zext %3\n putreg.i64 r3, %6\n %8 = const.i64 0\n br.i64 lt %6, %8, 0x3000\n" END,
	COUNTW " %6 = const.i64 5\n br.i64 ltu %4, %6, 0x3000\n putreg.i64 r9, %4\n" END,
	COUNTW " %6 = const.i64 5\n br.i64 ltu %4, %6, 0x3000\n %8 = getreg.i64 r3\n"
	       " %9 = add.i64 %8, %4\n putreg.i64 r1, %9\n br.i64 ge %4, %8, 0x3000\n" END,
	" %0 = getreg.i64 r1\n %1 = getreg.i64 r2\n %2 = set.i64 ltu %0, %1\n putreg.i64 r3, %2\n"
	" %4 = const.i64 0\n br.i64 eq %2, %4, 0x3000\n" END,
	" %0 = getreg.i64 r1\n %1 = getreg.i64 r2\n %2 = set.i64 ge %0, %1\n putreg.i64 r1, %2\n"
	" %4 = const.i64 0\n putreg.i64 r3, %4\n br.i64 ne %2, %4, 0x3000\n" END,
	" %0 = getreg.i64 r1\n %1 = getreg.i64 r2\n %2 = and.i64 %0, %1\n %3 = const.i64 0\n"
	" br.i64 ne %2, %3, 0x3000\n" END,
	" %0 = getreg.i64 r2\n %1 = const.i64 0x80000000\n %2 = and.i64 %0, %1\n %3 = const.i64 0\n"
	" br.i64 eq %2, %3, 0x3000\n" END,
	" %0 = getreg.i64 r1\n %1 = const.i64 -0x80000000\n %2 = and.i64 %0, %1\n %3 = const.i64 "
	"0\n"
	" br.i64 eq %2, %3, 0x3000\n" END,
	/* Shifts and sums in one lea. */
	" %0 = getreg.i64 r1\n %1 = const.i64 3\n %2 = shl.i64 %0, %1\n %3 = getreg.i64 r2\n"
	" %4 = add.i64 %2, %3\n putreg.i64 r7, %4\n" END,
	" %0 = getreg.i64 r1\n %1 = trunc %0\n %2 = const.i32 1\n %3 = shl.i32 %1, %2\n"
	" %4 = add.i32 %3, %1\n %5 = sext %4\n putreg.i64 r9, %5\n %7 = zext %4\n putreg.i64 r3, "
	"%7\n" END,
};

static void test_shapes(void)
{
	const uint64_t zero[3] = { 0 };

	for (unsigned n = 0; n < ARRAY_LEN(configs) * ARRAY_LEN(shapes); n++) {
		unsigned c = n / ARRAY_LEN(shapes), i = n % ARRAY_LEN(shapes);
		struct work *w = calloc(1, sizeof *w);
		char text[900];
		struct diag d = DIAG_INIT;
		struct ir_unit u;

		CHECK_AT("%s shape %u", configs[c].name, i);
		work_init(w, &mixed, c);
		snprintf(text, sizeof text, "block 0x1000 {\n%s}\n", shapes[i]);
		ir_unit_init(&u, &w->a, &mixed, 0);
		if (!CHECK(ir_parse(text, &u, &d)))
			printf("%s: %s\n", text, d.text);
		else if (compiled(w, &u))
			for (unsigned k = 0; k < ARRAY_LEN(int_edges) * ARRAY_LEN(int_edges); k++) {
				const uint64_t v[3] = { int_edges[k / ARRAY_LEN(int_edges)],
							int_edges[k % ARRAY_LEN(int_edges)], 9 };

				if (!run_op(w, &u, v, zero, 0))
					break;
			}
		work_fini(w);
		free(w);
	}
	check_where[0] = 0;
}

/* The bit of a feature of this machine's host. */
static uint64_t feature(const char *name)
{
	unsigned b = 0;

	while (host_native()->feature_name(b) && strcmp(host_native()->feature_name(b), name) != 0)
		b++;
	CHECK(host_native()->feature_name(b));
	return UINT64_C(1) << b;
}

/* libgcc asks the cpu by itself. */
static void test_features(void)
{
#ifdef __x86_64__
	enum { LZCNT = 1 << 5 };
	unsigned leaf[4];
	uint64_t want = 0;

	__builtin_cpu_init();
	if (__builtin_cpu_supports("sse4.1"))
		want |= feature("sse4.1");
	if (__builtin_cpu_supports("popcnt"))
		want |= feature("popcnt");
	if (__get_cpuid(0x80000001, &leaf[0], &leaf[1], &leaf[2], &leaf[3]) && leaf[2] & LZCNT)
		want |= feature("lzcnt");
	if (__builtin_cpu_supports("bmi"))
		want |= feature("bmi1");
	if (__builtin_cpu_supports("avx"))
		want |= feature("avx");
	if (__builtin_cpu_supports("fma"))
		want |= feature("fma");
	if (__builtin_cpu_supports("bmi2"))
		want |= feature("bmi2");
	if (__builtin_cpu_supports("avx2"))
		want |= feature("avx2");
	CHECK_EQ(native_features(), want);
#else
	CHECK_EQ(native_features() & ~feature("lse"), 0);
#endif
}

CHECK_MAIN(test_features, test_shapes, test_random_int, test_random_fp, test_random_short,
	   test_random_regions, test_random_loops, test_int_ops, test_fp_ops)

/*
 * The register allocator on made-up hosts (tests/ra/toy.h).
 *
 * Each allocation is proven by ra_check and carried out by the executor. Cases that say
 * how good the result has to be compare its text. The checker itself is tried on broken lists.
 */
#include "tests/unit/check.h"

#include "tests/ra/toy.h"

#include <stdlib.h>
#include <time.h>

/* Two pinned integer registers a b, one pinned f; the others in memory. */
static const struct toy_shape small = { 2, 2, 1, 2 };

struct bench {
	struct arena arena;
	struct toy toy;
	struct lir_unit sel, got;
	struct toy_trace want, have;
	struct diag diag;
};

static void begin(struct bench *b, struct toy_shape shape)
{
	memset(b, 0, sizeof(*b));
	arena_init(&b->arena);
	toy_init(&b->toy, shape);
}

static void again(struct bench *b)
{
	arena_reset(&b->arena);
	b->sel = (struct lir_unit){ .arena = &b->arena };
	b->diag = (struct diag)DIAG_INIT;
	b->want.count = b->have.count = 0;
}

static void end(struct bench *b)
{
	free(b->want.event);
	free(b->have.event);
	arena_fini(&b->arena);
}

static void show(struct bench *b)
{
	struct strbuf s = STRBUF_INIT;

	lir_print(&b->sel, NULL, toy_op_name, &s);
	strbuf_puts(&s, "----\n");
	lir_print(&b->got, &b->toy.target, toy_op_name, &s);
	printf("%s", strbuf_str(&s));
	strbuf_fini(&s);
}

/* Allocates a copy of b->sel into b->got and tries it in both ways. */
static bool allocate(struct bench *b)
{
	bool proven, same;

	b->got = toy_copy(&b->sel);
	if (!ra_run(&b->got, &b->toy.target))
		return false;
	proven = ra_check(&b->sel, &b->got, &b->toy.target, &b->diag);
	b->want.count = b->have.count = 0;
	toy_exec_selected(&b->sel, &b->toy.target, &b->want);
	toy_exec_allocated(&b->got, &b->toy.target, &b->have);
	same = toy_same(&b->want, &b->have);
	if (!proven || !same) {
		printf("  proven %d same %d: %s\n", proven, same, b->diag.text);
		show(b);
	}
	CHECK(proven);
	CHECK(same);
	return proven && same;
}

/* The allocation of text, given as text, in the shape. */
static void expect_in(struct toy_shape shape, const char *text, const char *want)
{
	struct bench b;
	struct strbuf s = STRBUF_INIT;

	begin(&b, shape);
	again(&b);
	if (CHECK(toy_parse(&b.toy, text, &b.sel)) && CHECK(allocate(&b)) && want) {
		lir_print(&b.got, &b.toy.target, toy_op_name, &s);
		CHECK_STR(strbuf_str(&s), want);
	}
	strbuf_fini(&s);
	end(&b);
}

static void expect(const char *text, const char *want) { expect_in(small, text, want); }

/* ---- random lists ------------------------------------------------------------------------------- */

static const struct toy_shape shapes[] = {
	{ 2, 2, 1, 2 }, { 0, 3, 0, 2 }, { 5, 3, 3, 2 }, { 3, 2, 2, 1 },
	{ 4, 3, 0, 3 }, { 1, 6, 1, 6 }, { 5, 5, 3, 5 }, { 1, 2, 1, 2 },
};

static unsigned scaled(unsigned n)
{
	const char *percent = getenv("KIT_TEST_PERCENT");

	return percent ? (unsigned)((uint64_t)n * (unsigned)atoi(percent) / 100) : n;
}

static void test_random(void)
{
	struct bench b;
	uint64_t rng = 1;

	for (unsigned k = 0; k < ARRAY_LEN(shapes); k++) {
		begin(&b, shapes[k]);
		for (unsigned n = 0; n < scaled(12500); n++) {
			uint64_t seed = rng;

			again(&b);
			toy_random(&b.toy, &rng, n % 10 ? 25 : 100, &b.sel);
			CHECK_AT("shape %u seed %#" PRIx64, k, seed);
			if (!CHECK(allocate(&b)))
				break;
		}
		end(&b);
	}
	CHECK_AT("%s", "");
}

/* Where a change shows in what the list does, the checker must object. */
static void test_mutants(void)
{
	unsigned wrong = 0, objected = 0, too_strict = 0;
	struct bench b;
	uint64_t rng = 2;

	for (unsigned k = 0; k < ARRAY_LEN(shapes); k++) {
		begin(&b, shapes[k]);
		for (unsigned n = 0; n < scaled(5000); n++) {
			bool passed, same;

			again(&b);
			toy_random(&b.toy, &rng, 20, &b.sel);
			CHECK_AT("shape %u list %u", k, n);
			if (!CHECK(allocate(&b)))
				break;
			if (!toy_mutate(&b.toy, &rng, &b.got))
				continue;
			passed = ra_check(&b.sel, &b.got, &b.toy.target, &b.diag);
			b.have.count = 0;
			toy_exec_allocated(&b.got, &b.toy.target, &b.have);
			same = toy_same(&b.want, &b.have);
			if (!same && passed)
				show(&b);
			CHECK(same || !passed);
			wrong += !same;
			objected += !passed;
			too_strict += same && !passed;
		}
		end(&b);
	}
	CHECK_AT("%s", "");
	CHECK(wrong > scaled(20000));
	printf("  %u mutants differ, %u objected to, of these %u that do not differ\n", wrong, objected,
	       too_strict);
}

/* ---- speed -------------------------------------------------------------------------------------- */

/* Nanoseconds that the allocation of one batch takes. */
static double time_batch(struct lir_unit *batch, unsigned count, const struct ra_target *t)
{
	struct timespec t0, t1;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	for (unsigned n = 0; n < count; n++)
		CHECK(ra_run(&batch[n], t));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	return (double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec);
}

/* Not a check of the time, but a figure. The budget is 60 ns a LIR insn, in a release build. */
static void test_speed(void)
{
	enum { BATCH = 10 };
	static struct toy_wide wide;
	static struct lir_unit sel[BATCH], got[BATCH];
	struct arena warm;
	struct bench b;
	uint64_t rng = 3;

	arena_init(&warm);
	toy_wide_init(&wide);
	begin(&b, small);
	for (unsigned len = 5; len <= 45; len += 20) {
		unsigned insns = 0, moves = 0;
		double best = 1e12;

		again(&b);
		for (unsigned n = 0; n < BATCH; n++) {
			sel[n] = (struct lir_unit){ .arena = &b.arena };
			toy_typical(&rng, len, &sel[n]);
			insns += sel[n].insn_count;
		}
		for (unsigned round = 0; round < scaled(300); round++) {
			double ns;

			arena_reset(&warm);
			for (unsigned n = 0; n < BATCH; n++) {
				got[n] = sel[n];
				got[n].arena = &warm;
				got[n] = toy_copy(&got[n]);
			}
			ns = time_batch(got, BATCH, &wide.target);
			best = ns < best ? ns : best;
		}
		for (unsigned n = 0; n < BATCH; n++) {
			CHECK(ra_check(&sel[n], &got[n], &wide.target, &b.diag));
			for (unsigned i = 0; i < got[n].insn_count; i++)
				moves += got[n].insn[i].op == LIR_MOVE;
		}
		printf("  %u guest insns: %.1f ns a LIR insn, %.2f moves a guest insn\n", len,
		       best / insns, (double)moves / (BATCH * len));
	}
	arena_fini(&warm);
	end(&b);
}

/* ---- how good ----------------------------------------------------------------------------------- */

/* A guest register changes in its home. */
static void test_in_place(void)
{
	expect("block 0\n v = get a\n k = const 8\n w = add v^ k\n put a = w\n jmp.sync\n", "");
	expect("block 0\n v = get a\n w = get b\n x = add w^ v\n put a = x\n jmp.sync\n", "");
	expect("block 0\n v = get a\n x = ld.fault v\n put a = x\n jmp.sync\n", "");
	expect("block 0\n v = get a\n x = add v^\n put a = x\n y = add x^\n put a = y\n"
	       " z = ld.fault y\n put b = z\n br.exit y z\n jmp.sync\n", "");
}

/* A chain of two-address operations runs in the home of what it ends in. */
static void test_chain(void)
{
	expect("block 0\n v = get a\n x = shl v^\n y = add x^ v\n put b = y\n jmp.sync\n", "");
	expect("block 0\n v = get c\n x = shl v^\n y = add x^\n put b = y\n jmp.sync\n", "");
	/* Not while the home's old value is still needed. */
	expect("block 0\n v = get a\n u = get b\n x = shl v^\n y = add x^ u!\n put b = y\n jmp.sync\n", "");
}

/* Moves at the end of a loop. */
static void test_renames(void)
{
	expect("block 0\n v = get a\n w = get b\n put a = w\n put b = v\n jmp.sync\n", "");
	expect_in((struct toy_shape){ 3, 1, 1, 1 },
		  "block 0\n v = get a\n w = get b\n x = get c\n put a = w\n put b = x\n put c = v\n"
		  " jmp.sync\n", "");
	expect_in((struct toy_shape){ 3, 2, 1, 1 },
		  "block 0\n v = get a\n w = get b\n x = get c\n put a = w\n put b = x\n put c = v\n"
		  " k = const 0\n l = const 1\n br.sync k l\n", "");
	expect("block 0\n v = get a\n put b = v\n jmp.sync\n", "");
	expect("block 0\n v = get c\n put b = v\n put a = v\n jmp.sync\n", "");
}

/* Guest registers in memory. */
static void test_unpinned(void)
{
	expect("block 0\n v = get c\n w = add v^\n put c = w\n jmp.sync\n", "");
	expect("block 0\n v = get c\n w = get d\n x = add w^ v*\n put a = x\n jmp.sync\n", "");
	/* Used twice: loaded once. */
	expect("block 0\n v = get c\n w = get a\n x = add w^ v*\n y = add x^ v*\n put a = y\n jmp.sync\n", "");
	/* Swapped. */
	expect("block 0\n v = get c\n w = get d\n put c = w\n put d = v\n jmp.sync\n", "");
	/* What is there already, what nobody sees. */
	expect("block 0\n v = get c\n put c = v\n k = const 1\n put d = k\n put d = v\n jmp.sync\n", "");
	expect("block 0\n k = const 3\n put d = k\n st.fault k\n jmp.sync\n", "");
}

/* Side exits cost nothing on the way. */
static void test_exits(void)
{
	expect("block 0\n v = get a\n w = get b\n k = const 5\n put a = k\n br.exit w\n put b = v\n"
	       " br.exit w v\n jmp.sync\n", "");
	expect("block 0\n v = get a\n w = add v\n put a = w\n br.exit.sync v w\n jmp.sync\n", "");
	expect("block 0\n fv = get f\n fw = fadd fv^\n put f = fw fix 1\n br.exit\n"
	       " fx = fmul fw^ fw\n put f = fx fix 2\n br.exit.sync\n jmp.sync\n", "");
}

static void test_faults(void)
{
	expect("block 0\n v = get a\n fv = get f\n k = const 5\n put a = k\n fw = fadd fv^\n"
	       " put f = fw fix 1\n put b = v\n st.fault v\n st.fault v v\n put b = k\n st.fault v\n jmp.sync\n", "");
	/* A result written before the fault must not take a register that the record names. */
	expect("block 0\n v = get a\n w = amo.fault v!\n put a = w\n jmp.sync\n", "");
}

static void test_fixed(void)
{
	expect("block 0\n v = get a\n w = get b\n q:r0 = div v:r0 w! clobber:r1\n put a = q\n jmp.sync\n", "");
	/* The result of one is the operand of the next. */
	expect("block 0\n v = get a\n w = get b\n q:r0 = div v:r0 w! clobber:r1\n"
	       " p:r0 = div q:r0 w! clobber:r1\n put a = p\n jmp.sync\n", "");
	expect("block 0\n v = get a\n x = add v\n y = shl v^ x:r1!\n put a = y\n jmp.sync\n", "");
	/* Operands want each other's places; both live on. */
	expect("block 0\n v = get a\n x:r0 y:r1 = op v\n op x:r1 y:r0\n put a = x\n put b = y\n jmp.sync\n", "");
	expect("block 0\n v = get a\n x = add v\n call x:r0 clobber:r0 clobber:r1\n put b = x\n jmp.sync\n", "");
	expect("block 0\n v = get a\n k = const 1\n put a = k\n jmp.sync v:r0 k:r1\n", "");
}

static void test_pressure(void)
{
	expect("block 0\n v = get c\n w = get d\n x = add v w\n y = add v x\n z = add w y\n q = add x z\n"
	       " op v w x y\n op z q y x\n put c = q\n jmp.sync\n", "");
}

CHECK_MAIN(test_in_place, test_chain, test_renames, test_unpinned, test_exits, test_faults,
	   test_fixed, test_pressure, test_random, test_mutants, test_speed)

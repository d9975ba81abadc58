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

static void test_speed(void)
{
	struct bench b;
	uint64_t rng = 3, ns = 0, insns = 0;

	begin(&b, (struct toy_shape){ 5, 4, 3, 5 });
	for (unsigned n = 0; n < 2000; n++) {
		struct timespec t0, t1;

		again(&b);
		toy_random(&b.toy, &rng, 40, &b.sel);
		insns += b.sel.insn_count;
		clock_gettime(CLOCK_MONOTONIC, &t0);
		ra_run(&b.sel, &b.toy.target);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		ns += (uint64_t)((t1.tv_sec - t0.tv_sec) * 1000000000 + t1.tv_nsec - t0.tv_nsec);
	}
	printf("  %.1f ns an insn\n", (double)ns / (double)insns);
	end(&b);
}

static void test_small(void)
{
	expect("block 0\n v = get a\n k = const 8\n w = add v^ k\n put a = w\n jmp.sync\n", NULL);
	(void)expect;
}

CHECK_MAIN(test_small, test_random, test_mutants, test_speed)

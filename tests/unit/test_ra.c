/*
 * The register allocator on made-up hosts (tests/ra/toy.h).
 *
 * Each allocation is proven by ra_check and carried out by the executor. Cases that say
 * how good the result has to be compare its text. The checker itself is tried on broken lists.
 */
#include "tests/unit/check.h"

#include "lib/ir/state.h"
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
	printf("  %u mutants differ, %u objected to, of these %u that do not differ\n", wrong,
	       objected, too_strict);
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
	expect("block 0\n v = get a\n k = const 8\n w = add v^ k\n put a = w\n jmp.sync\n",
	       "block 0\n"
	       "  const r0 = 8\n"
	       "  add ra = ra^, r0\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get a\n w = get b\n x = add w^ v\n put a = x\n jmp.sync\n",
	       "block 0\n"
	       "  add ra = rb^, ra\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get a\n x = ld.fault v\n put a = x\n jmp.sync\n",
	       "block 0\n"
	       "  ld fault ra = ra\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get a\n x = add v^\n put a = x\n y = add x^\n put a = y\n"
	       " z = ld.fault y\n put b = z\n br.exit y z\n jmp.sync\n",
	       "block 0\n"
	       "  add ra = ra^\n"
	       "  add ra = ra^\n"
	       "  ld fault rb = ra\n"
	       "  br exit @0 ra, rb\n"
	       "  jmp sync @1\n");
}

/* A chain of two-address operations runs in the home of what it ends in. */
static void test_chain(void)
{
	expect("block 0\n v = get a\n x = shl v^\n y = add x^ v\n put b = y\n jmp.sync\n",
	       "block 0\n"
	       "  shl rb = ra^\n"
	       "  add rb = rb^, ra\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get c\n x = shl v^\n y = add x^\n put b = y\n jmp.sync\n",
	       "block 0\n"
	       "  load rb = [24]\n"
	       "  shl rb = rb^\n"
	       "  add rb = rb^\n"
	       "  jmp sync @0\n");
	/* Not while the home's old value is still needed. */
	expect(
	    "block 0\n v = get a\n u = get b\n x = shl v^\n y = add x^ u!\n put b = y\n jmp.sync\n",
	    "block 0\n"
	    "  shl r0 = ra^\n"
	    "  add r0 = r0^, rb late\n"
	    "  move rb = r0\n"
	    "  jmp sync @0\n");
}

/* Moves at the end of a loop. */
static void test_renames(void)
{
	expect("block 0\n v = get a\n w = get b\n put a = w\n put b = v\n jmp.sync\n",
	       "block 0\n"
	       "  move r0 = ra\n"
	       "  move ra = rb\n"
	       "  move rb = r0\n"
	       "  jmp sync @0\n");
	expect_in(
	    (struct toy_shape){ 3, 1, 1, 1 },
	    "block 0\n v = get a\n w = get b\n x = get c\n put a = w\n put b = x\n put c = v\n"
	    " jmp.sync\n",
	    "block 0\n"
	    "  move r0 = ra\n"
	    "  move ra = rb\n"
	    "  move rb = rc\n"
	    "  move rc = r0\n"
	    "  jmp sync @0\n");
	expect_in(
	    (struct toy_shape){ 3, 2, 1, 1 },
	    "block 0\n v = get a\n w = get b\n x = get c\n put a = w\n put b = x\n put c = v\n"
	    " k l = op\n br.sync k l\n",
	    "block 0\n"
	    "  op r0, r1\n"
	    "  xchg ra, rb\n"
	    "  xchg rb, rc\n"
	    "  br sync @0 r0, r1\n");
	expect("block 0\n v = get a\n put b = v\n jmp.sync\n", "block 0\n"
							       "  move rb = ra\n"
							       "  jmp sync @0\n");
	expect("block 0\n v = get c\n put b = v\n put a = v\n jmp.sync\n", "block 0\n"
									   "  load ra = [24]\n"
									   "  load rb = [24]\n"
									   "  jmp sync @0\n");
}

/* Guest registers in memory. */
static void test_unpinned(void)
{
	expect("block 0\n v = get c\n w = add v^\n put c = w\n jmp.sync\n", "block 0\n"
									    "  load r0 = [24]\n"
									    "  add r0 = r0^\n"
									    "  store [24] = r0\n"
									    "  jmp sync @0\n");
	expect("block 0\n v = get c\n w = get d\n x = add w^ v*\n put a = x\n jmp.sync\n",
	       "block 0\n"
	       "  load ra = [32]\n"
	       "  add ra = ra^, [24]\n"
	       "  jmp sync @0\n");
	/* Used twice: loaded once. */
	expect("block 0\n v = get c\n w = get a\n x = add w^ v*\n y = add x^ v*\n put a = y\n "
	       "jmp.sync\n",
	       "block 0\n"
	       "  load r0 = [24]\n"
	       "  add ra = ra^, r0\n"
	       "  add ra = ra^, r0\n"
	       "  jmp sync @0\n");
	/* Swapped. */
	expect("block 0\n v = get c\n w = get d\n put c = w\n put d = v\n jmp.sync\n",
	       "block 0\n"
	       "  load r0 = [24]\n"
	       "  load r1 = [32]\n"
	       "  store [24] = r1\n"
	       "  store [32] = r0\n"
	       "  jmp sync @0\n");
	/* What is there already, what nobody sees. */
	expect("block 0\n v = get c\n put c = v\n k = const 1\n put d = k\n put d = v\n jmp.sync\n",
	       "block 0\n"
	       "  load r0 = [24]\n"
	       "  store [32] = r0\n"
	       "  jmp sync @0\n");
	/* Stored when all have to be at home. */
	expect("block 0\n k = const 3\n put d = k\n st.fault k\n jmp.sync\n",
	       "block 0\n"
	       "  const r0 = 3\n"
	       "  st fault r0\n"
	       "    ; at a fault: d in r0\n"
	       "  store [32] = r0\n"
	       "  jmp sync @0\n");
}

/* Side exits cost nothing on the way. */
static void test_exits(void)
{
	expect("block 0\n v = get a\n w = get b\n k = const 5\n put a = k\n br.exit w\n put b = v\n"
	       " br.exit w v\n jmp.sync\n",
	       "block 0\n"
	       "  br exit @0 rb\n"
	       "  br exit @1 rb, ra\n"
	       "  move rb = ra\n"
	       "  const ra = 5\n"
	       "  jmp sync @2\n"
	       "stub @0\n"
	       "  const ra = 5\n"
	       "stub @1\n"
	       "  move rb = ra\n"
	       "  const ra = 5\n");
	expect("block 0\n v = get a\n w = add v\n put a = w\n br.exit.sync v w\n jmp.sync\n",
	       "block 0\n"
	       "  add r0 = ra\n"
	       "  move r1 = ra\n"
	       "  move ra = r0\n"
	       "  br exit sync @0 r1, ra\n"
	       "  jmp sync @1\n");
	expect("block 0\n fv = get f\n fw = fadd fv^\n put f = fw fix 1\n br.exit\n"
	       " fx = fmul fw^ fw\n put f = fx fix 2\n br.exit.sync\n jmp.sync\n",
	       "block 0\n"
	       "  fadd xf = xf^\n"
	       "  br exit @0\n"
	       "  fmul xf = xf^, xf\n"
	       "  fix xf fix 2\n"
	       "  br exit sync @1\n"
	       "  jmp sync @2\n"
	       "stub @0\n"
	       "  fix xf fix 1\n");
}

static void test_faults(void)
{
	expect("block 0\n v = get a\n fv = get f\n k = const 5\n put a = k\n fw = fadd fv^\n"
	       " put f = fw fix 1\n put b = v\n st.fault v\n st.fault v v\n put b = k\n st.fault "
	       "v\n jmp.sync\n",
	       "block 0\n"
	       "  fadd xf = xf^\n"
	       "  st fault ra\n"
	       "    ; at a fault: a in 5, b in ra, f in xf fix 1\n"
	       "  st fault ra, ra\n"
	       "    ; at a fault: a in 5, b in ra, f in xf fix 1\n"
	       "  st fault ra\n"
	       "    ; at a fault: a in 5, b in 5, f in xf fix 1\n"
	       "  const ra = 5\n"
	       "  const rb = 5\n"
	       "  fix xf fix 1\n"
	       "  jmp sync @0\n");
	/* A result written before the fault must not take a register that the record names. */
	expect("block 0\n v = get a\n w = amo.fault v!\n put a = w\n jmp.sync\n",
	       "block 0\n"
	       "  amo fault r0 = ra late\n"
	       "  move ra = r0\n"
	       "  jmp sync @0\n");
}

/* What only fault records need is not computed: its operands live up to the last of them, wherever they are. */
static void test_sums(void)
{
	/* The operand that dies gives its register to the result. */
	expect("block 0\n v = get a\n w = get b\n s = sum w v 3 16\n put a = s\n x = ld.fault w v\n"
	       " put a = x\n jmp.sync\n",
	       "block 0\n"
	       "  ld fault ra = rb, ra\n"
	       "    ; at a fault: a in rb + ra<<3 + 16\n"
	       "  jmp sync @0\n");
	/* Later accesses see it, too: its operands live on, and may move. */
	expect("block 0\n v = get a\n x:r0 = add v\n s = sum v x 1 8\n put b = s\n st.fault v x\n"
	       " call.fault clobber:r0 clobber:r1\n put b = v\n jmp.sync\n",
	       "block 0\n"
	       "  add r0 = ra\n"
	       "  st fault ra, r0\n"
	       "    ; at a fault: b in ra + r0<<1 + 8\n"
	       "  move rb = r0\n"
	       "  call fault clobbers r0, r1\n"
	       "    ; at a fault: b in ra + rb<<1 + 8\n"
	       "  move rb = ra\n"
	       "  jmp sync @0\n");
	/* One that the insn itself does not read leaves a register that it fixes. */
	expect(
	    "block 0\n v:r0 = add\n w = get b\n s = sum v 0 0 8\n put a = s\n x = ld.fault w:r0\n"
	    " put a = x\n jmp.sync\n",
	    "block 0\n"
	    "  add r0\n"
	    "  move r1 = r0\n"
	    "  move r0 = rb\n"
	    "  ld fault ra = r0\n"
	    "    ; at a fault: a in r1 + 8\n"
	    "  jmp sync @0\n");
	/* Registers without a home: the place of one is its own only once its old value is in a register. */
	expect("block 0\n v = get c\n w = get d\n k = const 64\n s = sum v w 2 0\n put c = s\n "
	       "st.fault v w\n"
	       " t = sum k w 1 -8\n put c = t\n st.fault w\n put c = w\n jmp.sync\n",
	       "block 0\n"
	       "  load r0 = [24]\n"
	       "  load r1 = [32]\n"
	       "  st fault r0, r1\n"
	       "    ; at a fault: c in r0 + r1<<2\n"
	       "  st fault r1\n"
	       "    ; at a fault: c in 64 + r1<<1 + -8\n"
	       "  store [24] = r1\n"
	       "  jmp sync @0\n");
}

static void test_fixed(void)
{
	expect("block 0\n v = get a\n w = get b\n q:r0 = div v:r0 w! clobber:r1\n put a = q\n "
	       "jmp.sync\n",
	       "block 0\n"
	       "  move r0 = ra\n"
	       "  div r0 = r0, rb late clobbers r1\n"
	       "  move ra = r0\n"
	       "  jmp sync @0\n");
	/* The result of one is the operand of the next. */
	expect("block 0\n v = get a\n w = get b\n q:r0 = div v:r0 w! clobber:r1\n"
	       " p:r0 = div q:r0 w! clobber:r1\n put a = p\n jmp.sync\n",
	       "block 0\n"
	       "  move r0 = ra\n"
	       "  div r0 = r0, rb late clobbers r1\n"
	       "  div r0 = r0, rb late clobbers r1\n"
	       "  move ra = r0\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get a\n x = add v\n y = shl v^ x:r1!\n put a = y\n jmp.sync\n",
	       "block 0\n"
	       "  add r1 = ra\n"
	       "  shl ra = ra^, r1 late\n"
	       "  jmp sync @0\n");
	/* Operands want each other's places; both live on. */
	expect("block 0\n v = get a\n x:r0 y:r1 = op v\n op x:r1 y:r0\n put a = x\n put b = y\n "
	       "jmp.sync\n",
	       "block 0\n"
	       "  op r0, r1 = ra\n"
	       "  move ra = r0\n"
	       "  move rb = r1\n"
	       "  move r0 = rb\n"
	       "  move r1 = ra\n"
	       "  op r1, r0\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get a\n x = add v\n call x:r0 clobber:r0 clobber:r1\n put b = x\n "
	       "jmp.sync\n",
	       "block 0\n"
	       "  add rb = ra\n"
	       "  move r0 = rb\n"
	       "  call r0 clobbers r0, r1\n"
	       "  jmp sync @0\n");
	expect("block 0\n v = get a\n k = const 1\n put a = k\n jmp.sync v:r0 k:r1\n",
	       "block 0\n"
	       "  move r0 = ra\n"
	       "  const r1 = 1\n"
	       "  const ra = 1\n"
	       "  jmp sync @0 r0, r1\n");
}

/* A value on its way to another home makes room, so that two moves become one. */
static void test_clear_home(void)
{
	expect(
	    "block 0\n v = get a\n w = get c\n put b = v\n x = ld.fault w\n put a = x\n jmp.sync\n",
	    "block 0\n"
	    "  load r0 = [24]\n"
	    "  move rb = ra\n"
	    "  ld fault ra = r0\n"
	    "    ; at a fault: a in rb\n"
	    "  jmp sync @0\n");
	expect("block 0\n v = get a\n put b = v\n x = ld.fault v\n put a = x\n jmp.sync\n",
	       "block 0\n"
	       "  move rb = ra\n"
	       "  ld fault ra = ra\n"
	       "    ; at a fault: a in rb\n"
	       "  jmp sync @0\n");
}

/* A comparison at the end of a loop may read the value with its fix. */
static void test_lax(void)
{
	expect("block 0\n v = get a\n w = add v^\n put a = w fix 1\n br.exit.sync w~\n jmp.sync\n",
	       "block 0\n"
	       "  add ra = ra^\n"
	       "  fix ra fix 1\n"
	       "  br exit sync @0 ra\n"
	       "  jmp sync @1\n");
	expect("block 0\n v = get a\n w = add v^\n put a = w fix 1\n br.exit.sync w\n jmp.sync\n",
	       "block 0\n"
	       "  add ra = ra^\n"
	       "  move r0 = ra\n"
	       "  fix ra fix 1\n"
	       "  br exit sync @0 r0\n"
	       "  jmp sync @1\n");
}

/* More values than registers and spill slots: the caller is told. */
static void test_slots(void)
{
	enum { REGS = 3, FITS = IR_SPILL_SLOTS + REGS };
	struct bench b;

	begin(&b, (struct toy_shape){ 0, REGS, 0, 2 });
	for (unsigned n = FITS; n <= FITS + 1; n++) {
		again(&b);
		toy_insn(&b.sel, LIR_BLOCK);
		for (unsigned v = 0; v < n; v++)
			toy_opnd(toy_insn(&b.sel, LIR_HOST), LIR_DEF, toy_vreg(&b.sel, LIR_INT));
		for (unsigned v = 0; v < n; v++)
			toy_opnd(toy_insn(&b.sel, LIR_HOST), LIR_USE, v);
		toy_insn(&b.sel, LIR_HOST)->flags = LF_SYNC;
		if (n == FITS)
			allocate(&b);
		else
			CHECK(!ra_run(&b.sel, &b.toy.target));
	}
	end(&b);
}

static void test_pressure(void)
{
	expect("block 0\n v = get c\n w = get d\n x = add v w\n y = add v x\n z = add w y\n q = "
	       "add x z\n"
	       " op v w x y\n op z q y x\n put c = q\n jmp.sync\n",
	       "block 0\n"
	       "  load r0 = [24]\n"
	       "  load r1 = [32]\n"
	       "  store [8] = ra\n"
	       "  add ra = r0, r1\n"
	       "  store [16] = rb\n"
	       "  add rb = r0, ra\n"
	       "  add r0 = r1, rb\n"
	       "  store [720] = r0\n"
	       "  add r0 = ra, r0\n"
	       "  store [728] = r0\n"
	       "  load r0 = [24]\n"
	       "  op r0, r1, ra, rb\n"
	       "  load r0 = [720]\n"
	       "  load r1 = [728]\n"
	       "  op r0, r1, rb, ra\n"
	       "  store [24] = r1\n"
	       "  load ra = [8]\n"
	       "  load rb = [16]\n"
	       "  jmp sync @0\n");
}

CHECK_MAIN(test_in_place, test_chain, test_renames, test_unpinned, test_exits, test_faults,
	   test_sums, test_fixed, test_clear_home, test_lax, test_slots, test_pressure, test_random,
	   test_mutants, test_speed)

/*
 * The IR: building, verifying, text, the meaning of operations at their edges, and the interpreter with its
 * faults and exits. Rounding itself is test_softfp's; random units are test_opt's.
 */
#include "lib/ir/interp.h"
#include "tests/unit/check.h"
#include "tests/unit/irgen.h"

#include <stdlib.h>

/* r0..r9 and f0..f4 of irgen_regs. */
enum { R0, R1, R2, R3, FIRST_F = 10 };

/* ---- helpers ------------------------------------------------------------------------------------- */

struct fixture {
	struct arena a, scratch;
	struct ir_unit u;
	struct ir_builder b;
	struct diag d;
	struct ir_state st;
};

static void fixture_init(struct fixture *x)
{
	memset(x, 0, sizeof *x);
	arena_init(&x->a);
	arena_init(&x->scratch);
	ir_unit_init(&x->u, &x->a, &irgen_regs, 0x1000);
	x->b = (struct ir_builder){ .unit = &x->u, .gpc = 0x1000 };
	x->st.resv_addr = 1;
	memset(irgen_window, 0, sizeof irgen_window);
}

static void fixture_fini(struct fixture *x)
{
	arena_fini(&x->a);
	arena_fini(&x->scratch);
}

/* Starts over with the unit that text describes. */
static bool parse(struct fixture *x, const char *text)
{
	arena_reset(&x->a);
	ir_unit_init(&x->u, &x->a, &irgen_regs, 0);
	x->d = (struct diag)DIAG_INIT;
	if (ir_parse(text, &x->u, &x->d))
		return true;
	printf("  %s\n", x->d.text);
	return false;
}

static enum ir_exit interp(struct fixture *x)
{
	return ir_interp(&x->u, &x->st, &irgen_memory, &x->scratch);
}

/* ---- building and verifying --------------------------------------------------------------------- */

static void test_cover(void)
{
	struct fixture x;

	fixture_init(&x);
	ir_unit_cover(&x.u, 0x1000, 4);
	ir_unit_cover(&x.u, 0x1004, 2);
	ir_unit_cover(&x.u, 0x2000, 4);
	ir_unit_cover(&x.u, 0x1006, 4);
	ir_unit_cover(&x.u, 0x1002, 2); /* known */
	REQUIRE(x.u.range_count == 2);
	CHECK_EQ(x.u.range[0].start, 0x1000);
	CHECK_EQ(x.u.range[0].size_bytes, 10);
	CHECK_EQ(x.u.range[1].start, 0x2000);
	CHECK_EQ(x.u.range[1].size_bytes, 4);
	fixture_fini(&x);
}

/* %0 getreg, %1 const, %2 add, %3 putreg, %4 exit. */
static void build_sample(struct fixture *x)
{
	ir_ref v;

	ir_block_begin(&x->u, 0x1000);
	v = ir_getreg(&x->b, R0);
	v = ir_op2(&x->b, IR_add, IR_I64, v, ir_const(&x->b, IR_I64, 8));
	ir_putreg(&x->b, R1, v);
	ir_exit(&x->b, IR_JUMP_PLAIN, 0x2000, 0);
}

static void test_compact(void)
{
	struct fixture x;
	struct strbuf text = STRBUF_INIT;

	fixture_init(&x);
	ir_block_begin(&x.u, 0x1000);
	ir_getreg(&x.b, R2);
	x.u.block_count = 0;
	x.u.insn[0].dead = 1;
	build_sample(&x);
	x.u.block[0].first = 0;
	x.u.block[0].count = 6;
	ir_compact(&x.u);
	CHECK(ir_verify(&x.u, &x.d));
	ir_print(&x.u, &text);
	CHECK_STR(strbuf_str(&text), "block 0x1000 {\n"
				     "  %0 = getreg.i64 r0\n"
				     "  %1 = const.i64 8\n"
				     "  %2 = add.i64 %0, %1\n"
				     "  putreg.i64 r1, %2\n"
				     "  exit jump 0x2000\n"
				     "}\n");
	strbuf_fini(&text);
	fixture_fini(&x);
}

enum { SAMPLE_INSNS = 5 };

/* One broken field of the sample, and a word of the message that must come. */
static const struct fault {
	unsigned insn;
	enum { OP, TYPE, SUB, A, B, IMM, RET, TO } field;
	int64_t value;
	const char *says;
} faults[] = {
	{ 0, OP, IR_OP_COUNT, "does not exist" },
	{ 0, TYPE, IR_F64, "register r0 is i64" },
	{ 0, TYPE, IR_I32, "cannot have type i32" },
	{ 0, IMM, 15, "register 15 of 15" },
	{ 0, A, 0, "has no operand a" },
	{ 1, TYPE, IR_NONE, "cannot have type none" },
	{ 1, TYPE, IR_I32, "is i32, not i64" },
	{ 2, A, 2, "%2 is not defined before" },
	{ 2, A, 3, "%3 is not defined before" },
	{ 2, B, -1, "operand b is missing" },
	{ 2, SUB, 1, "sub is 1" },
	{ 2, IMM, 1, "imm is 0x1" },
	{ 3, A, 4, "not defined before" },
	{ 4, SUB, 3, "sub is 3" },
	{ 4, TO, 0, "does not start at" },
	{ 4, TO, 7, "block 7 of 1" },
	{ 4, RET, 4, "return address without a call" },
	{ 4, OP, IR_fence, "fence of 0x2000" },
};

static void break_field(struct ir_insn *i, const struct fault *f)
{
	switch (f->field) {
	case OP:
		i->op = (uint8_t)f->value;
		break;
	case TYPE:
		i->type = (uint8_t)f->value;
		break;
	case SUB:
		i->sub = (uint8_t)f->value;
		break;
	case A:
		i->a.idx = (uint16_t)f->value;
		break;
	case B:
		i->b.idx = (uint16_t)f->value;
		break;
	case IMM:
		i->imm = f->value;
		break;
	case RET:
		i->ret_bytes = f->value & IR_RET_BYTES_MAX;
		break;
	case TO:
		i->to = (uint16_t)f->value;
		break;
	}
}

static void test_verify(void)
{
	for (size_t k = 0; k < ARRAY_LEN(faults); k++) {
		struct fixture x;

		CHECK_AT("fault %zu, %s", k, faults[k].says);
		fixture_init(&x);
		build_sample(&x);
		CHECK(ir_verify(&x.u, &x.d));
		break_field(&x.u.insn[faults[k].insn], &faults[k]);
		CHECK(!ir_verify(&x.u, &x.d));
		if (!CHECK(strstr(x.d.text, faults[k].says) != NULL))
			printf("  it says: %s\n", x.d.text);
		fixture_fini(&x);
	}
}

static void test_verify_blocks(void)
{
	struct fixture x;

	fixture_init(&x);
	CHECK(!ir_verify(&x.u, &x.d)); /* no block */
	build_sample(&x);
	x.u.insn[1].dead = 1;
	x.d = (struct diag)DIAG_INIT;
	CHECK(!ir_verify(&x.u, &x.d));
	CHECK(strstr(x.d.text, "%1 is dead") != NULL);
	x.u.insn[1].dead = 0;
	x.u.insn[4].dead = 1;
	x.d = (struct diag)DIAG_INIT;
	CHECK(!ir_verify(&x.u, &x.d));
	CHECK(strstr(x.d.text, "no exit") != NULL);
	x.u.insn[4].dead = 0;
	x.u.block[0].count = SAMPLE_INSNS - 1;
	CHECK(!ir_verify(&x.u, &x.d));
	x.u.block[0].count = SAMPLE_INSNS + 1;
	CHECK(!ir_verify(&x.u, &x.d));
	x.u.block[0].count = SAMPLE_INSNS;
	x.u.gpc = 0x1002;
	CHECK(!ir_verify(&x.u, &x.d));
	fixture_fini(&x);
}

/* ---- text ------------------------------------------------------------------------------------------ */

/* Two units are equal insn by insn; unused imm bytes and padding included where the contract says so. */
static bool same_unit(const struct ir_unit *u, const struct ir_unit *v)
{
	if (u->insn_count != v->insn_count || u->block_count != v->block_count || u->gpc != v->gpc)
		return false;
	for (unsigned k = 0; k < u->block_count; k++)
		if (u->block[k].gpc != v->block[k].gpc || u->block[k].first != v->block[k].first
		    || u->block[k].count != v->block[k].count)
			return false;
	for (unsigned k = 0; k < u->insn_count; k++) {
		const struct ir_insn *i = &u->insn[k], *j = &v->insn[k];

		if (i->op != j->op || i->type != j->type || i->sub != j->sub || i->dead != j->dead
		    || i->gpc_off != j->gpc_off || i->a.idx != j->a.idx || i->b.idx != j->b.idx
		    || i->c.idx != j->c.idx || i->to != j->to || i->imm != j->imm
		    || i->ret_bytes != j->ret_bytes)
			return false;
	}
	return true;
}

static void test_round_trip(void)
{
	struct arena a;
	struct irgen g;

	arena_init(&a);
	irgen_init(&g, 77, &irgen_regs);
	for (unsigned n = 0; n < 2000; n++) {
		struct strbuf text = STRBUF_INIT, again = STRBUF_INIT;
		struct diag d = DIAG_INIT;
		struct ir_unit u, v;

		CHECK_AT("unit %u", n);
		arena_reset(&a);
		g.blocks = 1 + n % 3;
		irgen_unit(&g, &a, &irgen_regs, &u);
		ir_print(&u, &text);
		ir_unit_init(&v, &a, &irgen_regs, 0);
		if (CHECK(ir_parse(strbuf_str(&text), &v, &d))) {
			ir_print(&v, &again);
			CHECK_STR(strbuf_str(&again), strbuf_str(&text));
			CHECK(same_unit(&u, &v));
		} else {
			printf("  %s\n%s", d.text, strbuf_str(&text));
		}
		strbuf_fini(&text);
		strbuf_fini(&again);
	}
	arena_fini(&a);
}

/* Texts of one line within a block, and where and what the message is. */
static const char *const bad_lines[][2] = {
	{ "%1 = add.i64 %0", "line 3: expected ','" },
	{ "%1 = add.i64 %0, %9", "line 3: %9 is not defined in this block" },
	{ "%0 = getreg.i64 r1", "line 3: %0 is defined twice" },
	{ "%1 = add %0, %0", "line 3: add needs a type" },
	{ "%1 = add.f64 %0, %0", "line 3: add: cannot have type f64" },
	{ "%1 = add.i32 %0, %0", "line 3: add: operand a: %0 is i64, not i32" },
	{ "%1 = adds.i64 %0, %0", "line 3: 'adds' is no operation" },
	{ "%1 = add.i65 %0, %0", "line 3: 'i65' is no type" },
	{ "%1 = getreg.i64 x7", "line 3: 'x7' is no register" },
	{ "%1 = getreg.f64 r1", "line 3: getreg: register r1 is i64, not f64" },
	{ "%1 = set.i64 gt %0, %0", "line 3: 'gt' is no condition" },
	{ "add.i64 %0, %0", "line 3: add defines a value" },
	{ "%1 = st64 %0, %0", "line 3: st64 defines no value" },
	{ "st64 %0, 0x80000000, %0", "line 3: st64: displacement 0x80000000 does not fit" },
	{ "%1 = const.i64 0x10000000000000000", "is no 64-bit number" },
	{ "%1 = const.i64 12a", "'12a' is no 64-bit number" },
	{ "%1 = const.i32 0x100000000", "line 3: const: 0x100000000 is not a sign-extended i32" },
	{ "%1 = amo.i64 nand %0, %0", "line 3: 'nand' is no atomic operation" },
	{ "%1 = amo.i64 add %0, %0, qa", "line 3: expected 'aq' or 'rl'" },
	{ "%1 = helper nothing %0, %0", "line 3: 'nothing' is no helper" },
	{ "fence 0x100", "line 3: fence: fence of 0x100" },
	{ "exit call 0x1000", "line 3: expected 'ret ADDRESS'" },
	{ "exit go 0x1000", "line 3: 'go' is no jump kind" },
	{ "exitr none 0x1000", "sub is 0" },
	{ "exit jump 0x10\n%1 = const.i64 1", "line 4: the block went on behind its exit" },
	{ "exit jump 0x10 0x20", "line 3: unexpected '0x20'" },
	{ "}", "line 3: the block has no exit" },
	{ "at", "line 3: '' is no 64-bit number" },
	{ "%1048576 = const.i64 1", "line 3: %1048576 is not below" },
	{ "putreg.i64 r0, %1", "line 3: %1 is not defined" },
	{ "exit jump 0x10\n", "the last block is not closed" },
	{ "exit jump 0x10\n}\nblok 0x20 {", "line 5: expected 'block'" },
	{ "exit jump 0x10\n}\nblock 0x20 {\nputreg.i64 r0, %0",
	  "line 6: %0 is not defined in this" },
	{ "br.i64 eq %0, %0 0x10", "line 3: expected ',' at '0x10'" },
	{ "%1 = getfflags\nsetfrm %1\nexit jump 0x10\n}", "sets frm but does not end" },
};

static void test_bad_text(void)
{
	for (size_t k = 0; k < ARRAY_LEN(bad_lines); k++) {
		struct fixture x;
		char text[300];

		CHECK_AT("%s", bad_lines[k][0]);
		fixture_init(&x);
		snprintf(text, sizeof text,
			 "block 0x1000 { ; a comment\n %%0 = getreg.i64 r0\n%s\n", bad_lines[k][0]);
		CHECK(!ir_parse(text, &x.u, &x.d));
		if (!CHECK(strstr(x.d.text, bad_lines[k][1]) != NULL))
			printf("  it says: %s\n", x.d.text);
		fixture_fini(&x);
	}
}

/* Numbers need not be indexes, spaces and case of hexadecimal digits are free. */
static void test_free_text(void)
{
	struct fixture x;
	struct strbuf text = STRBUF_INIT;

	fixture_init(&x);
	REQUIRE(parse(
	    &x, "\n  ; head\nblock 4096{\n\t%700=const.i32 0xFFFFFFFF\n"
		"%5   =  sext   %700 ; why\n\n at 0x1004\r\n putreg.i64 r0,%5\nexit jump 16\n}"));
	ir_print(&x.u, &text);
	CHECK_STR(strbuf_str(&text), "block 0x1000 {\n"
				     "  %0 = const.i32 -1\n"
				     "  %1 = sext %0\n"
				     "  at 0x1004\n"
				     "  putreg.i64 r0, %1\n"
				     "  exit jump 0x10\n"
				     "}\n");
	strbuf_fini(&text);
	fixture_fini(&x);
}

/* What blocks know at their entry, and exits that choose a block: what is refused. */
static void test_known(void)
{
	static const char *const bad[][2] = {
		{ "block 0x1000 boxed f0 {\n exit jump 0x1000\n}", "entered from outside" },
		{ "block 0x1000 {\n exit jump 0x1004\n}\nblock 0x1004 canon r1 {\n exit jump "
		  "0x1000\n}",
		  "not f64" },
		{ "block 0x1000 {\n exit jump 0x1000 to 1\n}", "there is no block 1" },
		{ "block 0x1000 {\n exit jump 0x1004 to 0\n}", "does not start at" },
	};

	for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
		struct fixture x;

		CHECK_AT("%s", bad[k][0]);
		fixture_init(&x);
		CHECK(!ir_parse(bad[k][0], &x.u, &x.d));
		if (!CHECK(strstr(x.d.text, bad[k][1]) != NULL))
			printf("  it says: %s\n", x.d.text);
		fixture_fini(&x);
	}
}

/* ---- the meaning of operations -------------------------------------------------------------------- */

#define ALL  UINT64_MAX
#define MIN  (UINT64_C(1) << 63)
#define MIN4 UINT64_C(0x80000000)
#define ALL4 UINT64_C(0xffffffff)
#define JUNK UINT64_C(0xdeadbeef00000000) /* in the high half of an i32 operand */

static const struct eval_case {
	enum ir_op op;
	enum ir_type t;
	uint64_t a, b, result;
} eval_cases[] = {
	{ IR_add, IR_I64, ALL, 2, 1 },
	{ IR_add, IR_I32, JUNK | ALL4, 2, 1 },
	{ IR_sub, IR_I64, 0, 1, ALL },
	{ IR_sub, IR_I32, JUNK, 1, ALL4 },
	{ IR_mul, IR_I32, 0x10001, 0x10001, 0x20001 },
	{ IR_mulh, IR_I64, ALL, ALL, 0 },
	{ IR_mulh, IR_I64, MIN, MIN, UINT64_C(1) << 62 },
	{ IR_mulhu, IR_I64, ALL, ALL, ALL - 1 },
	{ IR_mulhsu, IR_I64, ALL, ALL, ALL },
	{ IR_mulhsu, IR_I64, MIN, ALL, MIN },
	{ IR_mulhsu, IR_I64, 5, ALL, 4 },
	{ IR_div, IR_I64, 7, 0, ALL },
	{ IR_div, IR_I64, MIN, ALL, MIN },
	{ IR_div, IR_I64, (uint64_t)-7, 2, (uint64_t)-3 },
	{ IR_div, IR_I32, JUNK | 7, 0, ALL4 },
	{ IR_div, IR_I32, MIN4, ALL4, MIN4 },
	{ IR_divu, IR_I64, 7, 0, ALL },
	{ IR_divu, IR_I32, JUNK | 7, JUNK, ALL4 },
	{ IR_divu, IR_I32, ALL4, 2, 0x7fffffff },
	{ IR_rem, IR_I64, 7, 0, 7 },
	{ IR_rem, IR_I64, MIN, ALL, 0 },
	{ IR_rem, IR_I64, (uint64_t)-7, 2, ALL },
	{ IR_rem, IR_I32, JUNK | 7, JUNK, 7 },
	{ IR_rem, IR_I32, MIN4, ALL4, 0 },
	{ IR_remu, IR_I64, ALL, 0, ALL },
	{ IR_remu, IR_I32, ALL4, JUNK, ALL4 },
	{ IR_shl, IR_I64, 1, 64 + 63, MIN },
	{ IR_shl, IR_I32, 1, 32 + 31, MIN4 },
	{ IR_shr, IR_I64, MIN, 127, 1 },
	{ IR_shr, IR_I32, JUNK | MIN4, 31, 1 },
	{ IR_sar, IR_I64, MIN, 63, ALL },
	{ IR_sar, IR_I32, JUNK | MIN4, 31, ALL4 },
	{ IR_sext8, IR_I64, 0x1280, 0, (uint64_t)-128 },
	{ IR_sext16, IR_I64, 0x12348000, 0, (uint64_t)-32768 },
	{ IR_select, IR_I64, 0, ALL, 0 },
	{ IR_bswap, IR_I64, UINT64_C(0x0102030405060708), 0, UINT64_C(0x0807060504030201) },
	{ IR_bswap, IR_I32, JUNK | 0x01020304, 0, 0x04030201 },
	{ IR_ctz, IR_I64, 0, 0, 64 },
	{ IR_ctz, IR_I64, MIN, 0, 63 },
	{ IR_ctz, IR_I64, 40, 0, 3 },
	{ IR_ctz, IR_I32, JUNK, 0, 32 },
	{ IR_ctz, IR_I32, JUNK | MIN4, 0, 31 },
	{ IR_clz, IR_I64, 0, 0, 64 },
	{ IR_clz, IR_I64, MIN, 0, 0 },
	{ IR_clz, IR_I64, 1, 0, 63 },
	{ IR_clz, IR_I32, JUNK, 0, 32 },
	{ IR_clz, IR_I32, JUNK | 1, 0, 31 },
	{ IR_popcount, IR_I64, 0, 0, 0 },
	{ IR_popcount, IR_I64, ALL, 0, 64 },
	{ IR_popcount, IR_I64, MIN | 5, 0, 3 },
	{ IR_popcount, IR_I32, JUNK, 0, 0 },
	{ IR_popcount, IR_I32, ALL, 0, 32 },
	{ IR_trunc, IR_NONE, ALL, 0, ALL4 },
	{ IR_sext, IR_NONE, MIN4, 0, UINT64_C(0xffffffff80000000) },
	{ IR_zext, IR_NONE, JUNK | MIN4, 0, MIN4 },
	{ IR_box, IR_NONE, JUNK | 5, 0, UINT64_C(0xffffffff00000005) },
	{ IR_unbox, IR_NONE, UINT64_C(0xffffffff00000005), 0, 5 },
	{ IR_unbox, IR_NONE, UINT64_C(0xfffffffe00000005), 0, 0x7fc00000 },
	{ IR_fbits32, IR_NONE, UINT64_C(0x1234567800000005), 0, 5 },
	{ IR_fbits, IR_NONE, MIN | 5, 0, MIN | 5 },
	{ IR_bitsf, IR_NONE, MIN | 5, 0, MIN | 5 },
	{ IR_bitsf32, IR_NONE, JUNK | 5, 0, 5 },
	{ IR_fneg, IR_F32, 0x7fc00000, 0, 0xffc00000 },
	{ IR_fneg, IR_F64, MIN, 0, 0 },
	{ IR_fabs, IR_F32, 0xffc00001, 0, 0x7fc00001 },
	{ IR_fabs, IR_F64, ALL, 0, INT64_MAX },
	{ IR_fsgnj, IR_F32, 0x3f800000, JUNK | MIN4, 0xbf800000 },
	{ IR_fsgnj, IR_F64, MIN | 1, 5, 1 },
	{ IR_fcanon, IR_F32, 0xff800001, 0, 0x7fc00000 },
	{ IR_fcanon, IR_F32, 0xff800000, 0, 0xff800000 },
	{ IR_fcanon, IR_F64, ALL, 0, UINT64_C(0x7ff8000000000000) },
	{ IR_fcanon, IR_F64, UINT64_C(0xfff0000000000000), 0, UINT64_C(0xfff0000000000000) },
	{ IR_fclass, IR_F32, 0x7f800001, 0, 1 << 8 },
	{ IR_fclass, IR_F64, MIN, 0, 1 << 3 },
	{ IR_ftou32, IR_F64, UINT64_C(0x41e0000000000000), 0, MIN4 }, /* 2^31 */
	{ IR_ftoi32, IR_F64, UINT64_C(0xc1e0000000000000), 0, MIN4 },
	{ IR_i32tof, IR_F64, JUNK | ALL4, 0, UINT64_C(0xbff0000000000000) },
	{ IR_u32tof, IR_F64, JUNK | 1, 0, UINT64_C(0x3ff0000000000000) },
	{ IR_cvtfd, IR_NONE, 0x3f800000, 0, UINT64_C(0x3ff0000000000000) },
};

static void test_eval(void)
{
	for (size_t k = 0; k < ARRAY_LEN(eval_cases); k++) {
		const struct eval_case *c = &eval_cases[k];
		struct ir_insn i = { .op = (uint8_t)c->op, .type = (uint8_t)c->t };
		uint32_t flags = 0;

		CHECK_AT("%s case %zu", ir_info(&i)->name, k);
		CHECK_EQ(ir_eval(&i, c->a, c->b, 0, 0, &flags), c->result);
		CHECK_EQ(flags, 0);
	}
}

/* The four fused operations differ in signs only; operands 2, 3 and 10. */
static void test_eval_fma(void)
{
	static const struct {
		enum ir_op op;
		uint64_t f64, f32;
	} cases[] = {
		{ IR_fmadd, UINT64_C(0x4030000000000000), 0x41800000 },  /* 16 */
		{ IR_fmsub, UINT64_C(0xc010000000000000), 0xc0800000 },  /* -4 */
		{ IR_fnmsub, UINT64_C(0x4010000000000000), 0x40800000 }, /* 4 */
		{ IR_fnmadd, UINT64_C(0xc030000000000000), 0xc1800000 }, /* -16 */
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct ir_insn i = { .op = (uint8_t)cases[k].op, .type = IR_F64 };
		uint32_t flags = 0;

		CHECK_EQ(ir_eval(&i, UINT64_C(0x4000000000000000), UINT64_C(0x4008000000000000),
				 UINT64_C(0x4024000000000000), 0, &flags),
			 cases[k].f64);
		i.type = IR_F32;
		CHECK_EQ(
		    ir_eval(&i, JUNK | 0x40000000, JUNK | 0x40400000, JUNK | 0x41200000, 0, &flags),
		    cases[k].f32);
		CHECK_EQ(flags, 0);
	}
}

static void test_eval_modes(void)
{
	struct ir_insn i = { .op = IR_ftoi64, .type = IR_F64, .sub = IR_RM_DYN };
	const uint64_t half = UINT64_C(0x4004000000000000); /* 2.5 */
	uint32_t flags = 0;

	CHECK_EQ(ir_eval(&i, half, 0, 0, IR_RM_RNE, &flags), 2);
	CHECK_EQ(ir_eval(&i, half, 0, 0, IR_RM_RUP, &flags), 3);
	CHECK_EQ(ir_eval(&i, half, 0, 0, IR_RM_RMM, &flags), 3);
	i.sub = IR_RM_RTZ;
	CHECK_EQ(ir_eval(&i, half, 0, 0, IR_RM_RUP, &flags), 2);
	CHECK_EQ(flags, 1); /* NX */
}

static void test_conditions(void)
{
	static const uint8_t holds[6][3] = {
		/* a < b signed and a > b unsigned; equal; a > b signed and a < b unsigned */
		[IR_EQ] = { 0, 1, 0 }, [IR_NE] = { 1, 0, 1 },  [IR_LT] = { 1, 0, 0 },
		[IR_GE] = { 0, 1, 1 }, [IR_LTU] = { 0, 0, 1 }, [IR_GEU] = { 1, 1, 0 },
	};

	for (unsigned cc = 0; cc < 6; cc++) {
		CHECK_AT("cc %u", cc);
		CHECK_EQ(ir_cc_holds(cc, IR_I64, ALL, 1), holds[cc][0]);
		CHECK_EQ(ir_cc_holds(cc, IR_I64, 5, 5), holds[cc][1]);
		CHECK_EQ(ir_cc_holds(cc, IR_I64, 1, ALL), holds[cc][2]);
		CHECK_EQ(ir_cc_holds(cc, IR_I32, JUNK | ALL4, 1), holds[cc][0]);
		CHECK_EQ(ir_cc_holds(cc, IR_I32, JUNK | 5, 5), holds[cc][1]);
		CHECK_EQ(ir_cc_holds(cc, IR_I32, JUNK | 1, ALL4), holds[cc][2]);
		CHECK(ir_cc_holds(ir_cc_invert(cc), IR_I64, ALL, 1) != holds[cc][0]);
	}
}

/* ---- the interpreter ------------------------------------------------------------------------------- */

static void test_interp_loads(void)
{
	struct fixture x;
	uint64_t v = UINT64_C(0x8182838485868788);

	fixture_init(&x);
	memcpy(irgen_window + 8, &v, 8);
	x.st.reg[R0] = irgen_window_at;
	REQUIRE(parse(&x,
		      "block 0x1000 {\n%0 = getreg.i64 r0\n"
		      "%1 = ld8u %0, 8\nputreg.i64 r1, %1\n%2 = ld8s %0, 8\nputreg.i64 r2, %2\n"
		      "%3 = ld16u %0, 8\nputreg.i64 r3, %3\n%4 = ld16s %0, 8\nputreg.i64 r4, %4\n"
		      "%5 = ld32u %0, 8\nputreg.i64 r5, %5\n%6 = ld32s %0, 8\nputreg.i64 r6, %6\n"
		      "%7 = ld64 %0, 8\nputreg.i64 r7, %7\n%8 = ldf.f64 %0, 8\nputreg.f64 f0, %8\n"
		      "%9 = ldf.f32 %0, 8\n%10 = box %9\nputreg.f64 f1, %10\n"
		      "st8 %0, 16, %7\nst16 %0, 24, %7\nst32 %0, 32, %7\nst64 %0, 40, %7\n"
		      "stf.f32 %0, 48, %9\nstf.f64 %0, 56, %8\n"
		      "exit ret 0x2000\n}\n"));
	CHECK_EQ(interp(&x), IR_EXIT_LOOKUP);
	CHECK_EQ(x.st.pc, 0x2000);
	CHECK_EQ(x.st.reg[R1], 0x88);
	CHECK_EQ(x.st.reg[R2], (uint64_t)(int8_t)0x88);
	CHECK_EQ(x.st.reg[R3], 0x8788);
	CHECK_EQ(x.st.reg[4], (uint64_t)(int16_t)0x8788);
	CHECK_EQ(x.st.reg[5], 0x85868788);
	CHECK_EQ(x.st.reg[6], UINT64_C(0xffffffff85868788));
	CHECK_EQ(x.st.reg[7], v);
	CHECK_EQ(x.st.reg[FIRST_F], v);
	CHECK_EQ(x.st.reg[FIRST_F + 1], UINT64_C(0xffffffff85868788));
	static const uint64_t stored[] = { 0x88,       0x8788,
					   0x85868788, UINT64_C(0x8182838485868788),
					   0x85868788, UINT64_C(0x8182838485868788) };
	CHECK_MEM(irgen_window + 16, stored, sizeof stored);
	fixture_fini(&x);
}

static void test_interp_fault(void)
{
	struct fixture x;

	fixture_init(&x);
	x.st.reg[R0] = 0x5000;
	REQUIRE(parse(&x,
		      "block 0x1000 {\n%0 = getreg.i64 r0\n%1 = const.i64 7\nputreg.i64 r1, %1\n"
		      "at 0x1004\n%2 = ld32s %0, -4\nputreg.i64 r1, %2\nexit jump 0x2000\n}\n"));
	CHECK_EQ(interp(&x), IR_EXIT_FAULT);
	CHECK_EQ(x.st.pc, 0x1004);
	CHECK_EQ(x.st.reg[R1], 7); /* what came before is there, what comes after is not */
	CHECK_EQ(x.st.fault_kind, IR_FAULT_SEGV);
	CHECK_EQ(x.st.fault_addr, 0x4ffc);
	CHECK(!x.st.fault_write);
	/* A store over the window's end: nothing of it is written. */
	x.st.reg[R0] = irgen_window_at + IRGEN_WINDOW_BYTES - 4;
	REQUIRE(
	    parse(&x, "block 0x1000 {\n%0 = getreg.i64 r0\nst64 %0, %0\nexit jump 0x2000\n}\n"));
	CHECK_EQ(interp(&x), IR_EXIT_FAULT);
	CHECK(x.st.fault_write);
	CHECK_EQ(irgen_window[IRGEN_WINDOW_BYTES - 4], 0);
	fixture_fini(&x);
}

static void test_interp_amo(void)
{
	static const struct {
		const char *op;
		uint64_t mem, b, result;
	} cases[] = {
		{ "i64 swap", 5, 9, 9 },
		{ "i64 add", ALL, 2, 1 },
		{ "i64 xor", 6, 3, 5 },
		{ "i64 and", 6, 3, 2 },
		{ "i64 or", 6, 3, 7 },
		{ "i64 min", ALL, 1, ALL },
		{ "i64 max", ALL, 1, 1 },
		{ "i64 minu", ALL, 1, 1 },
		{ "i64 maxu", ALL, 1, ALL },
		/* The upper word of memory stays. */
		{ "i32 add", JUNK | ALL4, 2, JUNK | 1 },
		{ "i32 min", JUNK | ALL4, 1, JUNK | ALL4 },
		{ "i32 max", JUNK | ALL4, 1, JUNK | 1 },
		{ "i32 minu", JUNK | ALL4, 1, JUNK | 1 },
		{ "i32 maxu", JUNK | ALL4, 1, JUNK | ALL4 },
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct fixture x;
		bool w = cases[k].op[1] == '3';
		char text[300];

		CHECK_AT("%s", cases[k].op);
		fixture_init(&x);
		memcpy(irgen_window, &cases[k].mem, 8);
		x.st.reg[R0] = irgen_window_at;
		x.st.reg[R1] = cases[k].b;
		snprintf(
		    text, sizeof text,
		    "block 0x1000 {\n%%0 = getreg.i64 r0\n%%1 = getreg.i64 r1\n%%2 = trunc %%1\n"
		    "%%3 = amo.%s %%0, %s, aq, rl\n%s\nputreg.i64 r2, %s\nexit jump 0x2000\n}\n",
		    cases[k].op, w ? "%2" : "%1", w ? "%4 = sext %3" : "", w ? "%4" : "%3");
		REQUIRE(parse(&x, text));
		CHECK_EQ(interp(&x), IR_EXIT_LOOKUP);
		CHECK_EQ(x.st.reg[R2], w ? (uint64_t)(int32_t)cases[k].mem : cases[k].mem);
		CHECK_MEM(irgen_window, &cases[k].result, 8);
		fixture_fini(&x);
	}
}

static void test_interp_misaligned(void)
{
	static const char *const ops[] = { "%1 = lr.i32 %0", "%1 = sc.i64 %0, %0",
					   "%1 = amo.i64 add %0, %0" };

	for (unsigned k = 0; k < ARRAY_LEN(ops); k++) {
		struct fixture x;
		char text[200];

		CHECK_AT("%s", ops[k]);
		fixture_init(&x);
		x.st.reg[R0] = irgen_window_at + 2;
		snprintf(text, sizeof text,
			 "block 0x1000 {\n%%0 = getreg.i64 r0\n%s\nexit jump 4\n}\n", ops[k]);
		REQUIRE(parse(&x, text));
		CHECK_EQ(interp(&x), IR_EXIT_FAULT);
		CHECK_EQ(x.st.fault_kind, IR_FAULT_MISALIGNED);
		CHECK_EQ(x.st.fault_addr, irgen_window_at + 2);
		CHECK_EQ(x.st.fault_write, k > 0);
		fixture_fini(&x);
	}
	/* An AMO that cannot read reports a write all the same. */
	struct fixture x;

	fixture_init(&x);
	x.st.reg[R0] = 0x8000;
	REQUIRE(parse(
	    &x, "block 0x1000 {\n%0 = getreg.i64 r0\n%1 = amo.i64 add %0, %0\nexit jump 4\n}"));
	CHECK_EQ(interp(&x), IR_EXIT_FAULT);
	CHECK(x.st.fault_write);
	fixture_fini(&x);
}

static void test_interp_lrsc(void)
{
	static const char text[] =
	    "block 0x1000 {\n%0 = getreg.i64 r0\n%1 = lr.i64 %0, aq\nputreg.i64 r1, %1\n"
	    "%2 = const.i64 99\n%3 = sc.i64 %0, %2, rl\nputreg.i64 r2, %3\n"
	    "%4 = sc.i64 %0, %2\nputreg.i64 r3, %4\nexit jump 4\n}\n";
	static const char store_between[] =
	    "block 0x1000 {\n%0 = getreg.i64 r0\n%1 = lr.i64 %0\nputreg.i64 r1, %1\n"
	    "%2 = const.i64 99\nst64 %0, %2\n%3 = sc.i64 %0, %2\nputreg.i64 r2, %3\nexit jump "
	    "4\n}\n";
	static const char elsewhere[] = "block 0x1000 {\n%0 = getreg.i64 r0\n%1 = lr.i64 %0\n%2 = "
					"const.i64 8\n%3 = add.i64 %0, %2\n"
					"%4 = sc.i64 %3, %2\nputreg.i64 r2, %4\nexit jump 4\n}\n";
	struct fixture x;
	uint64_t v = 42;

	fixture_init(&x);
	memcpy(irgen_window, &v, 8);
	x.st.reg[R0] = irgen_window_at;
	REQUIRE(parse(&x, text));
	CHECK_EQ(interp(&x), IR_EXIT_LOOKUP);
	CHECK_EQ(x.st.reg[R1], 42);
	CHECK_EQ(x.st.reg[R2], 0);
	CHECK_EQ(x.st.reg[R3], 1); /* the reservation was used up */
	CHECK_EQ(irgen_window[0], 99);
	v = 1;
	memcpy(irgen_window, &v, 8);
	REQUIRE(parse(&x, store_between));
	interp(&x);
	CHECK_EQ(x.st.reg[R2], 1);
	x.st.reg[R2] = 0;
	REQUIRE(parse(&x, elsewhere));
	interp(&x);
	CHECK_EQ(x.st.reg[R2], 1);
	fixture_fini(&x);
}

static const char counting_loop[] =
    "block 0x1000 {\n%0 = getreg.i64 r0\n%1 = const.i64 1\n"
    "%2 = add.i64 %0, %1\nputreg.i64 r0, %2\nat 0x1004\n"
    "%3 = getreg.i64 r1\nbr.i64 ne %2, %3, 0x1000\nexit jump 0x1008\n}\n";

static void test_interp_loop(void)
{
	struct fixture x;

	fixture_init(&x);
	REQUIRE(parse(&x, counting_loop));
	CHECK_EQ(x.u.insn[5].to, 0);
	x.st.reg[R1] = 1000;
	CHECK_EQ(interp(&x), IR_EXIT_LOOKUP);
	CHECK_EQ(x.st.pc, 0x1008);
	CHECK_EQ(x.st.reg[R0], 1000);
	/* A backward exit is a safe point. */
	x.st.stop = IR_STOP_SIGNAL;
	x.st.reg[R0] = 0;
	CHECK_EQ(interp(&x), IR_EXIT_STOP);
	CHECK_EQ(x.st.pc, 0x1000);
	CHECK_EQ(x.st.reg[R0], 1);
	fixture_fini(&x);
}

static void test_interp_blocks(void)
{
	struct fixture x;

	fixture_init(&x);
	REQUIRE(parse(
	    &x, "block 0x1000 {\n%0 = const.i64 5\nputreg.i64 r0, %0\nexit jump 0x3000\n}\n"
		"block 0x2000 {\n%0 = const.i64 6\nputreg.i64 r1, %0\n%1 = const.i64 0x1235\n"
		"exiti call %1 ret 0x2004\n}\n"
		"block 0x3000 {\n%0 = const.i64 7\nputreg.i64 r2, %0\nexit jump 0x2000\n}\n"));
	CHECK_EQ(interp(&x), IR_EXIT_LOOKUP);
	CHECK_EQ(x.st.pc, 0x1234); /* bit 0 is cleared */
	CHECK_EQ(x.st.reg[R0], 5);
	CHECK_EQ(x.st.reg[R1], 6);
	CHECK_EQ(x.st.reg[R2], 7);
	fixture_fini(&x);
}

static void test_interp_float_state(void)
{
	struct fixture x;

	fixture_init(&x);
	REQUIRE(parse(
	    &x,
	    "block 0x1000 {\n%0 = getreg.f64 f0\n%1 = getreg.f64 f1\n%2 = fdiv.f64 %0, %1, dyn\n"
	    "putreg.f64 f2, %2\n%3 = getfflags\nputreg.i64 r0, %3\n%4 = const.i64 0\n"
	    "setfflags %4\n%5 = getfrm\nputreg.i64 r1, %5\n%6 = const.i64 0xff\nsetfrm %6\n"
	    "exitr frm 0x1004\n}\n"));
	x.st.reg[FIRST_F] = UINT64_C(0x3ff0000000000000);
	x.st.reg[FIRST_F + 1] = UINT64_C(0x4008000000000000);
	x.st.frm = IR_RM_RUP;
	CHECK_EQ(interp(&x), IR_EXIT_FRM);
	CHECK_EQ(x.st.pc, 0x1004);
	CHECK_EQ(x.st.reg[FIRST_F + 2], UINT64_C(0x3fd5555555555556));
	CHECK_EQ(x.st.reg[R0], 1);
	CHECK_EQ(x.st.reg[R1], IR_RM_RUP);
	CHECK_EQ(x.st.fflags, 0);
	CHECK_EQ(x.st.frm, 7);
	/* Now the mode is reserved: the same unit is illegal where it rounds. */
	CHECK_EQ(interp(&x), IR_EXIT_ILLEGAL);
	CHECK_EQ(x.st.pc, 0x1000);
	fixture_fini(&x);
}

static uint64_t helper_sum(struct ir_state *st, uint64_t a, uint64_t b) { return st->pc + a + b; }

static void test_interp_helper(void)
{
	static ir_helper_fn *const helpers[IR_HELPER_COUNT] = { [IR_HELPER_rdcycle] = helper_sum };
	struct fixture x;

	fixture_init(&x);
	x.st.helpers = helpers;
	x.st.pc = 100;
	REQUIRE(parse(&x,
		      "block 0x1000 {\n%0 = const.i64 20\n%1 = const.i64 3\n"
		      "%2 = helper rdcycle %0, %1\nputreg.i64 r0, %2\nexitr syscall 0x1000\n}\n"));
	CHECK_EQ(interp(&x), IR_EXIT_SYSCALL);
	CHECK_EQ(x.st.reg[R0], 123);
	fixture_fini(&x);
}

CHECK_MAIN(test_cover, test_compact, test_verify, test_verify_blocks, test_round_trip,
	   test_bad_text, test_free_text, test_known, test_eval, test_eval_fma, test_eval_modes,
	   test_conditions, test_interp_loads, test_interp_fault, test_interp_amo,
	   test_interp_misaligned, test_interp_lrsc, test_interp_loop, test_interp_blocks,
	   test_interp_float_state, test_interp_helper)

/*
 * The decoder against two other opinions: an oracle made of insns.def's masks and a list of what
 * the manual reserves, and Capstone's own text. All halfwords, and words that are random in
 * whole or in their operand fields only. Deterministic.
 *
 * KIT_BENCH=1 in the environment prints what an instruction costs.
 */
#include "arch/rv64/decode.h"
#include "lib/base/strbuf.h"
#include "tests/unit/check.h"

#include <stdlib.h>
#include <time.h>

static uint64_t rng_state;

static uint32_t rng(void)
{
	uint64_t x = rng_state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(x ^ x >> 31);
}

/* ---- the oracle --------------------------------------------------------------------------- */

/* What a mask in insns.def cannot say: encodings that the manual reserves. */
static const struct {
	uint32_t match, mask;
	const char *why;
} reserved[] = {
	{ 0x0000, 0xffe3, "c.addi4spn with nzuimm 0" },
	{ 0x2001, 0xef83, "c.addiw with rd 0" },
	{ 0x6001, 0xf07f, "c.lui or c.addi16sp with imm 0" },
	{ 0x4002, 0xef83, "c.lwsp with rd 0" },
	{ 0x6002, 0xef83, "c.ldsp with rd 0" },
	{ 0x8002, 0xffff, "c.jr with rs1 0" },
};

static bool has_rm(enum rv64_op op)
{
	return rv64_insns[op].format == RV64_FMT_FR || rv64_insns[op].format == RV64_FMT_R4;
}

static enum rv64_op oracle(uint32_t w)
{
	enum rv64_op best = RV64_OP_illegal;
	unsigned size = (w & 3) == 3 ? 4 : 2;

	for (unsigned op = 1; op < RV64_OP_COUNT; op++) {
		const struct rv64_insn_info *info = &rv64_insns[op];

		if (info->size_bytes == size && (w & info->mask) == info->match
		    && __builtin_popcount(info->mask) > __builtin_popcount(rv64_insns[best].mask))
			best = (enum rv64_op)op;
	}
	for (unsigned k = 0; k < ARRAY_LEN(reserved); k++)
		if (size == 2 && (w & reserved[k].mask) == reserved[k].match)
			return RV64_OP_illegal;
	unsigned rm = w >> 12 & 7;

	return has_rm(best) && (rm == 5 || rm == 6) ? RV64_OP_illegal : best;
}

/* A word of a row of insns.def with random operands. */
static uint32_t random_word(void)
{
	const struct rv64_insn_info *info = &rv64_insns[1 + rng() % (RV64_OP_COUNT - 1)];
	uint32_t w = info->match | (rng() & ~info->mask);

	return info->size_bytes == 2 ? w & 0xffff : w;
}

/* ---- checks ------------------------------------------------------------------------------- */

static struct guest_decoder *decoder; /* of the running test */

static void check_word(uint32_t w)
{
	struct rv64_insn i;
	unsigned size = (w & 3) == 3 ? 4 : 2;

	CHECK_AT("%08x", w);
	CHECK_EQ(rv64_decode(decoder, &w, size, &i), size);
	CHECK_STR(rv64_insns[i.op].name, rv64_insns[oracle(w)].name);
	CHECK_EQ(i.size_bytes, size);
	CHECK_EQ(i.word, w);
	if (size == 2) { /* what follows a short instruction is not looked at */
		struct rv64_insn alone = i;

		w |= rng() << 16;
		CHECK_EQ(rv64_decode(decoder, &w, 4, &i), 2);
		CHECK(i.word == alone.word && i.op == alone.op && i.imm == alone.imm);
		CHECK(i.rd == alone.rd && i.rs1 == alone.rs1 && i.rs2 == alone.rs2);
	}
}

static void open_decoder(void)
{
	decoder = rv64_decoder_new(RV64_FEATURES_GC);
	rng_state = 1;
}

static void close_decoder(void)
{
	check_where[0] = '\0';
	rv64_decoder_free(decoder);
}

static void check_halfwords(void)
{
	for (uint32_t w = 0; w < 0x10000; w++)
		if ((w & 3) != 3)
			check_word(w);
}

static void check_random_words(void)
{
	for (int k = 0; k < 1000000; k++)
		check_word(rng() | 3);
	for (int k = 0; k < 1000000; k++)
		check_word(random_word());
	/* Near misses: one bit of a valid word inverted. */
	for (int k = 0; k < 1000000; k++) {
		uint32_t w = random_word();

		w ^= (w & 3) == 3 ? 4u << rng() % 30 : 1u << rng() % 16;
		check_word((w & 3) == 3 ? w : w & 0xffff);
	}
}

/* The build's table knows every valid shape. */
static void built_table(void)
{
	unsigned built;

	open_decoder();
	REQUIRE(decoder);
	built = rv64_decoder_shapes(decoder);
	check_halfwords();
	check_random_words();
	CHECK_EQ(rv64_decoder_shapes(decoder), built);
	close_decoder();
}

/* A decoder that has to ask Capstone for each shape comes to the same, and keeps valid ones only. */
static void own_table(void)
{
	unsigned built;

	open_decoder();
	REQUIRE(decoder);
	built = rv64_decoder_shapes(decoder);
	close_decoder();
	decoder = rv64_decoder_new(RV64_FEATURES_GC & ~(UINT64_C(1) << RV64_EXT_Zicntr));
	REQUIRE(decoder);
	CHECK_EQ(rv64_decoder_shapes(decoder), 0);
	check_halfwords();
	check_random_words();
	CHECK_EQ(rv64_decoder_shapes(decoder), built);
	close_decoder();
}

/* What the table says is what Capstone and the supplement say. */
static void table_is_exact(void)
{
	struct rv64_insn i;

	open_decoder();
	REQUIRE(decoder);
	for (uint32_t k = 0; k < 0x10000 + 1000000; k++) {
		uint32_t w = k < 0x10000 ? k : k & 1 ? random_word() : rng() | 3;

		if (k < 0x10000 && (w & 3) == 3)
			continue;
		CHECK_AT("%08x", w);
		rv64_decode(decoder, &w, 4, &i);
		CHECK_EQ(i.op, rv64_identify(decoder, w));
	}
	close_decoder();
}

/* Capstone prints aliases; which instruction each stands for. */
static const char *const aliases[][2] = {
	{ "nop", "addi" },         { "li", "addi" },         { "mv", "addi" },
	{ "not", "xori" },         { "neg", "sub" },         { "negw", "subw" },
	{ "sext.w", "addiw" },     { "seqz", "sltiu" },      { "snez", "sltu" },
	{ "sltz", "slt" },         { "sgtz", "slt" },        { "beqz", "beq" },
	{ "bnez", "bne" },         { "blez", "bge" },        { "bgez", "bge" },
	{ "bltz", "blt" },         { "bgtz", "blt" },        { "j", "jal" },
	{ "jr", "jalr" },          { "ret", "jalr" },        { "fmv.s", "fsgnj.s" },
	{ "fabs.s", "fsgnjx.s" },  { "fneg.s", "fsgnjn.s" }, { "fmv.d", "fsgnj.d" },
	{ "fabs.d", "fsgnjx.d" },  { "fneg.d", "fsgnjn.d" }, { "rdinstret", "csrrs" },
	{ "rdcycle", "csrrs" },    { "rdtime", "csrrs" },    { "csrr", "csrrs" },
	{ "csrw", "csrrw" },       { "csrs", "csrrs" },      { "csrc", "csrrc" },
	{ "csrwi", "csrrwi" },     { "csrsi", "csrrsi" },    { "csrci", "csrrci" },
	{ "frcsr", "csrrs" },      { "fscsr", "csrrw" },     { "frrm", "csrrs" },
	{ "fsrm", "csrrw" },       { "frflags", "csrrs" },   { "fsflags", "csrrw" },
	{ "fsrmi", "csrrwi" },     { "fsflagsi", "csrrwi" }, { "fence.tso", "fence" },
	{ "rdinstreth", "csrrs" }, { "rdcycleh", "csrrs" },  { "rdtimeh", "csrrs" },
	{ "unimp", "csrrw" },
};

/* True when text, as Capstone printed it, names the instruction. */
static bool names(const char *text, const char *name)
{
	char want[32], is[32];
	size_t n = strcspn(text, " ");

	if (n >= sizeof is)
		return false;
	memcpy(is, text, n);
	is[n] = '\0';
	for (n = 0; name[n]; n++)
		want[n] = name[n] == '_' ? '.' : name[n];
	want[n] = '\0';
	if (strcmp(is, want) == 0)
		return true;
	/* amoadd.w.aq.rl */
	if (strncmp(is, want, n) == 0 && is[n] == '.' && (is[n + 1] == 'a' || is[n + 1] == 'r'))
		return true;
	for (size_t k = 0; k < ARRAY_LEN(aliases); k++)
		if (strcmp(is, aliases[k][0]) == 0 && strcmp(want, aliases[k][1]) == 0)
			return true;
	return false;
}

/* What Capstone knows and the guest must not have: privileged instructions, 0x0000, c.lui with imm 0. */
static bool is_known_illegal(const char *text)
{
	static const char *const list[] = { "uret",       "sret",    "mret", "wfi",
					    "sfence.vma", "c.unimp", "c.lui" };
	size_t n = strcspn(text, " ");

	for (size_t k = 0; k < ARRAY_LEN(list); k++)
		if (strlen(list[k]) == n && memcmp(text, list[k], n) == 0)
			return true;
	return false;
}

static void check_text(uint32_t w)
{
	struct strbuf s = STRBUF_INIT;
	struct rv64_insn i;
	const char *name;

	CHECK_AT("%08x", w);
	rv64_decode(decoder, &w, 4, &i);
	name = rv64_insns[i.op].name;
	if (rv64_capstone_text(decoder, w, 0x10000, &s)) {
		if (i.op == RV64_OP_illegal)
			CHECK(is_known_illegal(strbuf_str(&s)));
		else if (!names(strbuf_str(&s), name))
			CHECK_STR(strbuf_str(&s), name);
	} else if (i.op != RV64_OP_illegal) {
		/* Only where supplement.def says so. */
		bool gap = i.op == RV64_OP_fence || i.op == RV64_OP_fence_i
			   || i.op == RV64_OP_fcvt_d_w || i.op == RV64_OP_fcvt_d_wu
			   || i.op == RV64_OP_fcvt_d_s || (i.size_bytes == 2 && i.rd == 0);

		CHECK(gap);
	}
	strbuf_fini(&s);
}

static void capstone_agrees(void)
{
	open_decoder();
	REQUIRE(decoder);
	for (uint32_t w = 0; w < 0x10000; w++)
		if ((w & 3) != 3)
			check_text(w);
	for (int k = 0; k < 400000; k++)
		check_text(random_word());
	close_decoder();
}

/* Operands, from words that GNU as made of the text behind. */
static void operands(void)
{
	static const struct {
		uint32_t word;
		enum rv64_op op;
		unsigned rd, rs1, rs2;
		int32_t imm;
	} cases[] = {
		{ 0xfff50513, RV64_OP_addi, 10, 10, 31, -1 },     /* addi a0,a0,-1 */
		{ 0x800005b7, RV64_OP_lui, 11, 0, 0, INT32_MIN }, /* lui a1,0x80000 */
		{ 0x03f51593, RV64_OP_slli, 11, 10, 31, 63 },     /* slli a1,a0,63 */
		{ 0xfeb53c23, RV64_OP_sd, 24, 10, 11, -8 },       /* sd a1,-8(a0) */
		{ 0x80b50063, RV64_OP_beq, 0, 10, 11, -4096 },    /* beq a0,a1,.-4096 */
		{ 0x800000ef, RV64_OP_jal, 1, 0, 0, -1048576 },   /* jal ra,.-1048576 */
		{ 0xc01022f3, RV64_OP_csrrs, 5, 0, 1, 0xc01 },    /* rdtime t0 */
		{ 0x0330000f, RV64_OP_fence, 0, 0, 19, 0x33 },    /* fence rw,rw */
		{ 0x1141, RV64_OP_c_addi, 2, 2, 0, -16 },         /* addi sp,sp,-16 */
		{ 0x7139, RV64_OP_c_addi16sp, 2, 2, 0, -64 },     /* addi sp,sp,-64 */
		{ 0x1fe8, RV64_OP_c_addi4spn, 10, 2, 0, 1020 },   /* addi a0,sp,1020 */
		{ 0x757d, RV64_OP_c_lui, 10, 0, 0, -4096 },       /* lui a0,0xfffff */
		{ 0x6522, RV64_OP_c_ldsp, 10, 2, 0, 8 },          /* ld a0,8(sp) */
		{ 0xe42a, RV64_OP_c_sdsp, 0, 2, 10, 8 },          /* sd a0,8(sp) */
		{ 0x852e, RV64_OP_c_mv, 10, 0, 11, 0 },           /* mv a0,a1 */
		{ 0x8082, RV64_OP_c_jr, 0, 1, 0, 0 },             /* ret */
		{ 0xb001, RV64_OP_c_j, 0, 0, 0, -2048 },          /* j .-2048 */
		{ 0xd101, RV64_OP_c_beqz, 0, 10, 0, -256 },       /* beqz a0,.-256 */
	};
	struct rv64_insn i;

	open_decoder();
	REQUIRE(decoder);
	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		CHECK_AT("%08x", cases[k].word);
		rv64_decode(decoder, &cases[k].word, 4, &i);
		CHECK_EQ(i.op, cases[k].op);
		CHECK_EQ(i.imm, cases[k].imm);
		if (cases[k].rd != 0 || i.size_bytes == 2)
			CHECK_EQ(i.rd, cases[k].rd);
		CHECK_EQ(i.rs1, cases[k].rs1);
		if (i.size_bytes == 2)
			CHECK_EQ(i.rs2, cases[k].rs2);
	}
	close_decoder();
}

static enum rv64_op op_with(uint64_t features, uint32_t w)
{
	struct guest_decoder *d = rv64_decoder_new(features);
	struct rv64_insn i;

	rv64_decode(d, &w, 4, &i);
	rv64_decoder_free(d);
	return (enum rv64_op)i.op;
}

static void extensions(void)
{
	static const struct {
		unsigned ext;
		uint32_t word;
	} cases[] = {
		{ RV64_EXT_M, 0x02b50533 }, /* mul a0,a0,a1 */
		{ RV64_EXT_A, 0x100522af }, /* lr.w t0,(a0) */
		{ RV64_EXT_F, 0x00b57553 }, /* fadd.s fa0,fa0,fa1 */
		{ RV64_EXT_D, 0x02b57553 }, /* fadd.d fa0,fa0,fa1 */
		{ RV64_EXT_D, 0x2108 },     /* c.fld fa0,0(a0) */
		{ RV64_EXT_C, 0x2108 },
		{ RV64_EXT_C, 0x0001 },            /* c.nop */
		{ RV64_EXT_Zicsr, 0x00102573 },    /* frflags a0 */
		{ RV64_EXT_Zifencei, 0x0000100f }, /* fence.i */
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		CHECK_AT("%08x", cases[k].word);
		CHECK(op_with(RV64_FEATURES_GC, cases[k].word) != RV64_OP_illegal);
		CHECK_EQ(op_with(RV64_FEATURES_GC & ~(UINT64_C(1) << cases[k].ext), cases[k].word),
			 RV64_OP_illegal);
	}
}

/* Nothing is read behind what may be read, and a cut instruction has size 0. */
static void cut_short(void)
{
	struct rv64_insn i;
	uint8_t *p = malloc(2); /* the sanitizer build sees a byte too many */

	open_decoder();
	REQUIRE(decoder && p);
	p[0] = 0x01, p[1] = 0x00;
	CHECK_EQ(rv64_decode(decoder, p, 2, &i), 2);
	CHECK_EQ(i.op, RV64_OP_c_nop);
	CHECK_EQ(rv64_decode(decoder, p, 1, &i), 0);
	CHECK_EQ(rv64_decode(decoder, p, 0, &i), 0);
	p[0] = 0x13;
	CHECK_EQ(rv64_decode(decoder, p, 2, &i), 0);
	free(p);
	close_decoder();
}

static void check_disas(uint32_t w, const char *text)
{
	struct strbuf s = STRBUF_INIT;
	unsigned size = rv64_disas(decoder, &w, 4, 0x10000, &s);

	CHECK_AT("%08x", w);
	CHECK_EQ(size, *text == '\0' ? 0 : (w & 3) == 3 ? 4 : 2);
	CHECK_STR(strbuf_str(&s), text);
	strbuf_fini(&s);
}

static void disassembly(void)
{
	open_decoder();
	REQUIRE(decoder);
	check_disas(0xfff50513, "addi a0, a0, -1");
	check_disas(0x80b50063, "beq a0, a1, -0x1000 # 0xf000");
	check_disas(0xb001, "c.j -0x800 # 0xf800");
	check_disas(0x4005, "c.li zero, 1"); /* rows of supplement.def */
	check_disas(0x0ff0008f, "fence iorw, iorw");
	check_disas(0xd2051553, "fcvt.d.w fa0, a0, rtz");
	check_disas(0x30200073, ""); /* mret */
	check_disas(0, "");
	close_decoder();
}

static void speed(void)
{
	enum { COUNT = 4096, ROUNDS = 2000 };
	static uint32_t words[COUNT];
	struct rv64_insn i;
	struct timespec a, b;
	uint32_t sum = 0;

	if (!getenv("KIT_BENCH"))
		return;
	open_decoder();
	REQUIRE(decoder);
	for (int k = 0; k < COUNT; k++)
		words[k] = random_word();
	for (int k = 0; k < COUNT; k++)
		sum += rv64_decode(decoder, &words[k], 4, &i);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < COUNT; k++) {
			rv64_decode(decoder, &words[k], 4, &i);
			sum += i.op + (uint32_t)i.imm;
		}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("# decode, warm, random instructions: %.1f ns (%u)\n",
	       ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec))
		   / (COUNT * (double)ROUNDS),
	       sum & 1);
	close_decoder();
}

CHECK_MAIN(built_table, own_table, table_is_exact, capstone_agrees, operands, extensions, cut_short,
	   disassembly, speed)

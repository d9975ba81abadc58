/*
 * The lifter's traces: where they end and how, what they cover, and that every unit is valid. What single
 * instructions mean is tested by tests/insn; how their IR looks by tests/lift.
 */
#include "arch/guest.h"
#include "arch/rv64/cpu.h"
#include "tests/unit/check.h"

#include <stdlib.h>

enum { BASE = 0x10000 };

/* Guest code: bytes at BASE; nothing else can be fetched. */
struct code {
	const void *bytes;
	unsigned size;
};

static unsigned fetch(void *ctx, gaddr pc, void *buf, unsigned want)
{
	const struct code *c = ctx;
	gaddr off = pc - BASE;
	unsigned n;

	if (off >= c->size)
		return 0;
	n = c->size - off < want ? (unsigned)(c->size - off) : want;
	memcpy(buf, (const char *)c->bytes + off, n);
	return n;
}

static struct guest_decoder *decoder;
static struct arena arena;
static struct ir_unit unit;

static void lift_with(const void *bytes, unsigned size, gaddr pc, unsigned max_insns,
		      unsigned max_branches)
{
	struct code c = { bytes, size };
	struct guest_fetch f = { fetch, &c };
	struct guest_limits limits = { max_insns, max_branches };
	struct diag d = DIAG_INIT;

	if (!decoder)
		decoder = rv64_guest.decoder_new(RV64_FEATURES_GC);
	if (!arena.head)
		arena_init(&arena);
	arena_reset(&arena);
	ir_unit_init(&unit, &arena, rv64_guest.regs, pc);
	rv64_guest.translate(decoder, &f, pc, &limits, &unit);
	if (!CHECK(ir_verify(&unit, &d)))
		printf("  %s\n", d.text);
}

#define LIFT(...)                                                                                  \
	do {                                                                                       \
		const uint32_t words_[] = { __VA_ARGS__ };                                         \
		lift_with(words_, sizeof(words_), BASE, 64, 4);                                    \
	} while (0)

static const struct ir_insn *last(void) { return &unit.insn[unit.insn_count - 1]; }

static void check_exitr(enum ir_exit reason, gaddr pc)
{
	CHECK_EQ(last()->op, IR_exitr);
	CHECK_EQ(last()->sub, reason);
	CHECK_EQ(last()->imm, pc);
}

static void check_exit(enum ir_jump kind, gaddr target, gaddr ret)
{
	CHECK_EQ(last()->op, IR_exit);
	CHECK_EQ(last()->sub, kind);
	CHECK_EQ(last()->imm, target);
	CHECK_EQ(last()->ret_bytes ? ir_ret(&unit, last()) : 0, ret);
}

static unsigned count_op(enum ir_op op)
{
	unsigned n = 0;

	for (unsigned k = 0; k < unit.insn_count; k++)
		n += unit.insn[k].op == op;
	return n;
}

enum {
	NOP = 0x00000013,
	ECALL = 0x00000073,
	EBREAK = 0x00100073,
	FENCE_I = 0x0000100f,
	RET = 0x00008067,
};

static void system_ends(void)
{
	LIFT(NOP, ECALL, NOP);
	check_exitr(IR_EXIT_SYSCALL, BASE + 4); /* at the ecall */
	CHECK_EQ(unit.guest_insns, 2);
	LIFT(NOP, EBREAK);
	check_exitr(IR_EXIT_BREAK, BASE + 4);
	LIFT(NOP, FENCE_I);
	check_exitr(IR_EXIT_FENCEI, BASE + 8); /* behind it */
	LIFT(NOP, 0);
	check_exitr(IR_EXIT_ILLEGAL, BASE + 4);
	CHECK_EQ(unit.range[0].size_bytes, 6); /* the illegal halfword was read */
	LIFT(0x30200073);                      /* mret */
	check_exitr(IR_EXIT_ILLEGAL, BASE);
}

static void csr_ends(void)
{
	LIFT(0x00251073, ECALL); /* csrrw x0, frm, a0 */
	check_exitr(IR_EXIT_FRM, BASE + 4);
	CHECK_EQ(unit.insn[unit.insn_count - 2].op, IR_setfrm);
	LIFT(0x003515f3, ECALL); /* csrrw a1, fcsr, a0: results first */
	check_exitr(IR_EXIT_FRM, BASE + 4);
	CHECK_EQ(unit.insn[unit.insn_count - 2].op, IR_setfrm);
	CHECK_EQ(count_op(IR_putreg), 1);
	LIFT(0x00151073, ECALL); /* csrrw x0, fflags, a0 */
	check_exitr(IR_EXIT_SYSCALL, BASE + 4);
	LIFT(0x00202573, ECALL); /* csrrs a0, frm, x0 reads only */
	check_exitr(IR_EXIT_SYSCALL, BASE + 4);
	LIFT(0xc0001073); /* csrrw x0, cycle, x0 writes */
	check_exitr(IR_EXIT_ILLEGAL, BASE);
	LIFT(0xc0102573, ECALL); /* rdtime a0 */
	check_exitr(IR_EXIT_SYSCALL, BASE + 4);
	CHECK_EQ(count_op(IR_helper), 1);
}

static void fetch_ends(void)
{
	uint32_t w = NOP;

	lift_with(&w, 4, BASE + 64, 64, 4);
	check_exitr(IR_EXIT_FETCH, BASE + 64);
	CHECK_EQ(unit.range_count, 0);
	LIFT(NOP, NOP); /* in the middle: whoever goes there finds out */
	check_exit(IR_JUMP_PLAIN, BASE + 8, 0);
	CHECK_EQ(unit.guest_insns, 2);
	/* Half an instruction is there. */
	lift_with(&w, 2, BASE, 64, 4);
	check_exitr(IR_EXIT_FETCH, BASE);
	const uint16_t cut[] = { 0x0001, NOP & 0xffff };
	lift_with(cut, 4, BASE, 64, 4);
	check_exit(IR_JUMP_PLAIN, BASE + 2, 0);
}

static void limits(void)
{
	const uint32_t nops[] = { NOP, NOP, NOP, NOP };
	const uint32_t branches[] = { 0x00b50863, 0x00b51663, NOP, NOP, NOP, NOP }; /* forward */

	lift_with(nops, sizeof nops, BASE, 1, 4);
	check_exit(IR_JUMP_PLAIN, BASE + 4, 0);
	CHECK_EQ(unit.guest_insns, 1);
	lift_with(nops, sizeof nops, BASE, 3, 0);
	check_exit(IR_JUMP_PLAIN, BASE + 12, 0);
	lift_with(branches, sizeof branches, BASE, 64, 0);
	check_exit(IR_JUMP_PLAIN, BASE + 4, 0);
	CHECK_EQ(count_op(IR_br), 1);
	lift_with(branches, sizeof branches, BASE, 64, 1);
	check_exit(IR_JUMP_PLAIN, BASE + 8, 0);
	CHECK_EQ(count_op(IR_br), 2);
	lift_with(branches, sizeof branches, BASE, 64, 2);
	check_exit(IR_JUMP_PLAIN, BASE + 24, 0);
	CHECK_EQ(count_op(IR_br), 2);
}

static void jumps(void)
{
	/* Forward: followed, and the gap is not covered. */
	LIFT(0x0080006f, 0, NOP, ECALL); /* j .+8 */
	check_exitr(IR_EXIT_SYSCALL, BASE + 12);
	CHECK_EQ(unit.guest_insns, 3);
	CHECK_EQ(unit.range_count, 2);
	CHECK_EQ(unit.range[1].start, BASE + 8);
	CHECK_EQ(unit.range[1].size_bytes, 8);
	LIFT(NOP, 0xffdff06f); /* j .-4 */
	check_exit(IR_JUMP_PLAIN, BASE, 0);
	LIFT(0x0000006f); /* j . */
	check_exit(IR_JUMP_PLAIN, BASE, 0);
	LIFT(0x00c0056f, 0, 0, ECALL); /* jal a0, .+12: no call */
	check_exitr(IR_EXIT_SYSCALL, BASE + 12);
	LIFT(0x010000ef); /* jal ra, .+16 */
	check_exit(IR_JUMP_CALL, BASE + 16, BASE + 4);
	LIFT(0x010002ef); /* jal t0, .+16 */
	check_exit(IR_JUMP_CALL, BASE + 16, BASE + 4);
	LIFT(NOP, 0xfeb51ee3); /* bne a0, a1, .-4: a loop closes */
	check_exit(IR_JUMP_PLAIN, BASE + 8, 0);
	CHECK_EQ(count_op(IR_br), 1);
	CHECK_EQ(unit.insn[unit.insn_count - 2].to, 0); /* to the trace's own start */
}

static void check_exiti(uint32_t word, enum ir_jump kind)
{
	CHECK_AT("%08x", word);
	LIFT(word);
	CHECK_EQ(last()->op, IR_exiti);
	CHECK_EQ(last()->sub, kind);
	CHECK_EQ(last()->ret_bytes, kind == IR_JUMP_CALL ? 4 : 0);
}

static uint32_t jalr(unsigned rd, unsigned rs1) { return 0x67 | rd << 7 | rs1 << 15; }

/* "RV32I", table "Return-address stack prediction hints". */
static void indirect_kinds(void)
{
	check_exiti(RET, IR_JUMP_RET);
	check_exiti(jalr(0, 5), IR_JUMP_RET);
	check_exiti(jalr(10, 1), IR_JUMP_RET);
	check_exiti(jalr(0, 10), IR_JUMP_PLAIN);
	check_exiti(jalr(11, 10), IR_JUMP_PLAIN);
	check_exiti(jalr(1, 10), IR_JUMP_CALL);
	check_exiti(jalr(5, 10), IR_JUMP_CALL);
	check_exiti(jalr(1, 1), IR_JUMP_CALL);
	check_exiti(jalr(5, 5), IR_JUMP_CALL);
	check_exiti(jalr(1, 5), IR_JUMP_CALL);
}

static void far_jumps(void)
{
	LIFT(0x00001097, 0x010080e7); /* auipc ra, 1; jalr ra, 16(ra) */
	check_exit(IR_JUMP_CALL, BASE + 0x1010, BASE + 8);
	LIFT(0xfffff317, 0x01030067); /* auipc t1, -1; jr 16(t1) */
	check_exit(IR_JUMP_PLAIN, BASE - 0x1000 + 16, 0);
	LIFT(0x00000317, 0x01030067, 0, 0, ECALL); /* forward: followed */
	check_exitr(IR_EXIT_SYSCALL, BASE + 16);
	LIFT(0x00001097, 0x00000093, 0x010080e7); /* auipc ra; li ra, 0; jalr: not known any more */
	CHECK_EQ(last()->op, IR_exiti);
}

/* x0 is 0 and cannot be written; a load to it still reads. */
static void zero_register(void)
{
	LIFT(0x00b50033, 0x00053003, ECALL); /* add x0, a0, a1; ld x0, 0(a0) */
	CHECK_EQ(count_op(IR_putreg), 0);
	CHECK_EQ(count_op(IR_add), 0);
	CHECK_EQ(count_op(IR_ld64), 1);
}

/* Registers are read once, and not at all after they were written. */
static void values_at_hand(void)
{
	LIFT(0x00150513, 0x00150513, 0x00a50533, ECALL); /* addi a0, a0, 1 twice; add a0, a0, a0 */
	CHECK_EQ(count_op(IR_getreg), 1);
	CHECK_EQ(count_op(IR_putreg), 3);
}

static void pages(void)
{
	static uint32_t code[2048 + 1];

	for (unsigned k = 0; k < 2048; k++)
		code[k] = NOP;
	lift_with((char *)code + 2, 8190, BASE + 4090, 64, 4); /* over the end of a page */
	CHECK_EQ(unit.guest_insns, 64);
	CHECK_EQ(unit.range_count, 1);
}

static uint64_t rng_state = 1;

static uint32_t rng(void)
{
	rng_state = rng_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(rng_state >> 32);
}

/* Whatever the bytes are, the unit is valid, and the same each time. */
static void random_bytes(void)
{
	static const unsigned opcodes[] = { 0x03, 0x07, 0x0f, 0x13, 0x17, 0x1b, 0x23,
					    0x27, 0x2f, 0x33, 0x37, 0x3b, 0x43, 0x47,
					    0x4b, 0x4f, 0x53, 0x63, 0x67, 0x6f, 0x73 };
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	uint32_t code[32];

	for (int n = 0; n < 20000 && check_failed == 0; n++) {
		for (unsigned k = 0; k < ARRAY_LEN(code); k++) {
			code[k] = rng();
			if (n & 1)
				code[k] = (code[k] & ~0x7fu) | opcodes[rng() % ARRAY_LEN(opcodes)];
		}
		CHECK_AT("round %d, first word %08x", n, code[0]);
		lift_with(code, sizeof code, BASE + n % 2 * 2, 1 + n % 40, n % 5);
		if (n % 16)
			continue;
		ir_print(&unit, &a);
		lift_with(code, sizeof code, BASE + n % 2 * 2, 1 + n % 40, n % 5);
		ir_print(&unit, &b);
		CHECK_STR(strbuf_str(&a), strbuf_str(&b));
		strbuf_fini(&a);
		strbuf_fini(&b);
		a = b = (struct strbuf)STRBUF_INIT;
	}
}

/* A unit covers what made it what it is, also where the trace ends before. */
static void what_is_behind_a_branch(void)
{
	static const uint32_t load[] = { 0x00050463, 0x00052503,
					 RET }; /* beqz a0, +8; lw a0, 0(a0) */
	static const uint32_t addition[] = { 0x00050463, 0x00150513,
					     RET }; /* beqz a0, +8; addi a0, a0, 1 */

	lift_with(load, sizeof load, BASE, 64, 0);
	CHECK_EQ(unit.guest_insns, 1);
	CHECK_EQ(unit.range_count, 1);
	CHECK_EQ(unit.range[0].size_bytes, 8);
	lift_with(addition, sizeof addition, BASE, 64, 0);
	CHECK_EQ(unit.guest_insns, 3);
	CHECK_EQ(unit.range[0].size_bytes, 12);
}

static void counters(void)
{
	uint64_t time = rv64_guest.helpers[IR_HELPER_rdtime](NULL, 0, 0);
	uint64_t cycle = rv64_guest.helpers[IR_HELPER_rdcycle](NULL, 0, 0);

	CHECK(rv64_guest.helpers[IR_HELPER_rdtime](NULL, 0, 0) >= time);
	CHECK(rv64_guest.helpers[IR_HELPER_rdcycle](NULL, 0, 0) >= cycle);
	CHECK(cycle / 100 >= time); /* nanoseconds against ticks of 10 MHz, of the same clock */
	CHECK(rv64_guest.helpers[IR_HELPER_rdinstret](NULL, 0, 0) >= cycle);
}

static void registers(void)
{
	const struct ir_regfile *rf = rv64_guest.regs;
	uint64_t pins[2] = { 0, 0 };

	CHECK_EQ(rf->count, 64);
	for (unsigned k = 0; k < rf->count; k++) {
		const struct ir_reg *r = &rf->reg[k];

		CHECK_EQ(r->offset_bytes, offsetof(struct ir_state, reg) + 8 * k);
		CHECK_EQ(r->type, k < 32 ? IR_I64 : IR_F64);
		if (k == 0) {
			CHECK_EQ(r->pin, 255);
			continue;
		}
		CHECK(r->pin < 32 && !(pins[k / 32] >> r->pin & 1));
		pins[k / 32] |= UINT64_C(1) << r->pin;
	}
	CHECK_EQ(pins[0], 0x7fffffff); /* ranks without a gap */
	CHECK_EQ(pins[1], 0xffffffff);
	CHECK_STR(rf->reg[RV64_A5].name, "a5");
	CHECK_EQ(rf->reg[RV64_A5].pin, 0);
}

CHECK_MAIN(system_ends, csr_ends, fetch_ends, limits, jumps, indirect_kinds, far_jumps,
	   zero_register, values_at_hand, pages, random_bytes, what_is_behind_a_branch, counters,
	   registers)

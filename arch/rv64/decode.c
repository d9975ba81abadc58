/*
 * The decoder; the only user of Capstone in arch/.
 *
 * A word's shape is the word without its operand fields, in a compressed one with three bits
 * added that say what the manual makes depend on operands (rd 0, rd 2, immediate 0).
 * The memo is an open-addressed hash from shape to op; it holds valid shapes only, of which
 * there are about 400, so it never fills up, whatever the guest runs. Shape 0 is illegal
 * and marks an empty slot.
 */
#include "arch/rv64/decode.h"

#include "lib/base/panic.h"

#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMO_BITS = 10,
	MEMO_SLOTS = 1 << MEMO_BITS,
	MEMO_MAX = MEMO_SLOTS * 3 / 4,
};

struct memo_slot {
	uint32_t shape; /* 0: empty */
	uint16_t op;
	uint8_t format;
};

struct guest_decoder {
	struct memo_slot slot[MEMO_SLOTS];
	unsigned shapes;
	uint64_t features;
	csh capstone;
	cs_insn *insn; /* where Capstone writes */
};

/* ---- tables ------------------------------------------------------------------------------- */

const struct rv64_insn_info rv64_insns[RV64_OP_COUNT] = {
	[RV64_OP_illegal] = { "illegal", 0, 0, RV64_EXT_I, RV64_FMT_NONE, 0 },
#define INSN(name, id, ext, match, mask, format, ...)                                              \
	[RV64_OP_##name] = {                                                                       \
		#name, match, mask, RV64_EXT_##ext, RV64_FMT_##format, ((match)&3) == 3 ? 4 : 2    \
	},
#define INSN_AQRL INSN
#include "arch/rv64/insns.def"
#undef INSN
#undef INSN_AQRL
};

/* Capstone's id to op. An id without a row (mret, wfi, what newer versions know) is illegal. */
static const uint16_t op_of_id[RISCV_INS_ENDING] = {
#define INSN(name, id, ...) [RISCV_INS_##id] = RV64_OP_##name,
#define INSN_AQRL(name, id, ...)                                                                   \
	[RISCV_INS_##id] = RV64_OP_##name, [RISCV_INS_##id##_AQ] = RV64_OP_##name,                 \
	[RISCV_INS_##id##_RL] = RV64_OP_##name, [RISCV_INS_##id##_AQ_RL] = RV64_OP_##name,
#include "arch/rv64/insns.def"
#undef INSN
#undef INSN_AQRL
	[RISCV_INS_FENCE_TSO] = RV64_OP_fence, /* fence rw,rw with fm TSO; a full one will do */
};

struct supplement {
	uint32_t match, mask;
	uint16_t op;
};

static const struct supplement overrides[] = {
#define OVERRIDE(match, mask, op) { match, mask, RV64_OP_##op },
#define GAP(match, mask, op)
#include "arch/rv64/supplement.def"
#undef OVERRIDE
#undef GAP
};

static const struct supplement gaps[] = {
#define OVERRIDE(match, mask, op)
#define GAP(match, mask, op) { match, mask, RV64_OP_##op },
#include "arch/rv64/supplement.def"
#undef OVERRIDE
#undef GAP
};

static const struct rv64_fields fields[RV64_FMT_COUNT] = {
/* clang-format off */
#define X(n)  { 1u << (32 - (n)), 31, 0 }
#define X8(n) { 1u << (32 - (n)), 7, 8 }
#define IS(n) { 0, 0, n }
#define TO(r, mask) { UINT64_C(1) << (32 - (r)), (uint64_t)(mask) << 32 }
#define FORMAT(name, rd, rs1, rs2, width, ...)                                                     \
	[RV64_FMT_##name] = { { __VA_ARGS__ }, rd, rs1, rs2, (width) == 32 ? 0 : 1u << ((width) - 1) },
#include "arch/rv64/formats.def"
#undef FORMAT
#undef TO
#undef IS
#undef X8
#undef X
};
/* clang-format on */

/* ---- shapes ------------------------------------------------------------------------------- */

#define M_OPC    0x0000007fu /* opcode */
#define M_FUNCT3 0x0000707fu /* and funct3, which is rm in floating point */
#define M_FUNCT6 0xfc00707fu
#define M_FUNCT7 0xfe00707fu
#define M_FORMAT 0x0600707fu /* fused multiply-add: format and rm */
#define M_RS2    0x01f00000u /* names the instruction in lr and one-operand floating point */
#define M_ALL    0xffffffffu

/* Flags of a compressed shape. Set where the field is not 0, so that 0x0000 keeps shape 0. */
enum { SHAPE_IMM = 1 << 16, SHAPE_RD = 1 << 17, SHAPE_RD_SP = 1 << 18 };

/*
 * How a word's shape is made, by its opcode and funct3 bits. Without branches, as they
 * would be mispredicted: what does not apply has a mask of 0.
 */
struct shape_rule {
	uint32_t keep;                             /* bits that name the instruction */
	uint32_t also_mask, also_match, also_keep; /* more of them where these bits match */
	uint32_t imm;                              /* SHAPE_IMM: any of these bits */
	uint32_t flags;                            /* which flags count */
};

/* 32-bit words by bits 6:2 and funct3; halfwords behind them by quadrant and bits 15:13. */
enum { RULE_SHORT = 32 * 8, RULE_COUNT = RULE_SHORT + 3 * 8 };

/* clang-format off */
#define LONG(opcode, ...)      [(opcode) * 8 ... (opcode) * 8 + 7] = { __VA_ARGS__ }
#define LONG3(opcode, f3, ...) [(opcode) * 8 + (f3)] = { __VA_ARGS__ }
#define SHORT(q, f3, ...)      [RULE_SHORT + (q) * 8 + (f3)] = { __VA_ARGS__ }

/* Opcodes that have no row hold no instruction: their shape is 0, which is never remembered. */
static const struct shape_rule rules[RULE_COUNT] = {
	LONG(0x00, M_FUNCT3), /* LOAD */
	LONG(0x01, M_FUNCT3), /* LOAD-FP */
	LONG(0x03, M_FUNCT3), /* MISC-MEM */
	LONG3(0x04, 0, M_FUNCT3), LONG3(0x04, 1, M_FUNCT6), LONG3(0x04, 2, M_FUNCT3), /* OP-IMM */
	LONG3(0x04, 3, M_FUNCT3), LONG3(0x04, 4, M_FUNCT3), LONG3(0x04, 5, M_FUNCT6),
	LONG3(0x04, 6, M_FUNCT3), LONG3(0x04, 7, M_FUNCT3),
	LONG(0x05, M_OPC), /* AUIPC */
	LONG3(0x06, 0, M_FUNCT3), LONG3(0x06, 1, M_FUNCT7), LONG3(0x06, 2, M_ALL), /* OP-IMM-32 */
	LONG3(0x06, 3, M_ALL), LONG3(0x06, 4, M_ALL), LONG3(0x06, 5, M_FUNCT7),
	LONG3(0x06, 6, M_ALL), LONG3(0x06, 7, M_ALL),
	LONG(0x08, M_FUNCT3), /* STORE */
	LONG(0x09, M_FUNCT3), /* STORE-FP */
	LONG(0x0b, 0xf800707f, 0xf8000000, 0x10000000, M_RS2), /* AMO without aq, rl; lr has no rs2 */
	LONG(0x0c, M_FUNCT7), /* OP */
	LONG(0x0d, M_OPC),    /* LUI */
	LONG(0x0e, M_FUNCT7), /* OP-32 */
	LONG(0x10, M_FORMAT), LONG(0x11, M_FORMAT), LONG(0x12, M_FORMAT), LONG(0x13, M_FORMAT),
	LONG(0x14, M_FUNCT7, 0x40000000, 0x40000000, M_RS2), /* OP-FP; bit 30: one operand */
	LONG(0x18, M_FUNCT3), /* BRANCH */
	LONG(0x19, M_FUNCT3), /* JALR */
	LONG(0x1b, M_OPC),    /* JAL */
	LONG3(0x1c, 0, M_ALL), LONG3(0x1c, 1, M_FUNCT3), LONG3(0x1c, 2, M_FUNCT3), /* SYSTEM */
	LONG3(0x1c, 3, M_FUNCT3), LONG3(0x1c, 4, M_ALL), LONG3(0x1c, 5, M_FUNCT3),
	LONG3(0x1c, 6, M_FUNCT3), LONG3(0x1c, 7, M_FUNCT3),

	SHORT(0, 0, 0xe003, .imm = 0x1fe0, .flags = SHAPE_IMM), /* c.addi4spn */
	SHORT(0, 1, 0xe003), SHORT(0, 2, 0xe003), SHORT(0, 3, 0xe003),
	SHORT(0, 4, 0xffff), SHORT(0, 5, 0xe003), SHORT(0, 6, 0xe003), SHORT(0, 7, 0xe003),
	SHORT(1, 0, 0xe003, .flags = SHAPE_RD), /* c.nop, c.addi */
	SHORT(1, 1, 0xe003, .flags = SHAPE_RD), /* c.addiw */
	SHORT(1, 2, 0xe003, .flags = SHAPE_RD), /* c.li */
	SHORT(1, 3, 0xe003, .imm = 0x107c, .flags = SHAPE_IMM | SHAPE_RD | SHAPE_RD_SP), /* c.lui .. */
	SHORT(1, 4, 0xec03, 0x0c00, 0x0c00, 0x1060), /* c.srli ..; c.sub and its kin */
	SHORT(1, 5, 0xe003), SHORT(1, 6, 0xe003), SHORT(1, 7, 0xe003),
	SHORT(2, 0, 0xe003, .flags = SHAPE_RD), /* c.slli */
	SHORT(2, 1, 0xe003),
	SHORT(2, 2, 0xe003, .flags = SHAPE_RD), /* c.lwsp */
	SHORT(2, 3, 0xe003, .flags = SHAPE_RD), /* c.ldsp */
	SHORT(2, 4, 0xf003, .imm = 0x007c, .flags = SHAPE_IMM | SHAPE_RD), /* c.jr, c.mv, c.add .. */
	SHORT(2, 5, 0xe003), SHORT(2, 6, 0xe003), SHORT(2, 7, 0xe003),
};
/* clang-format on */

/* The flags that a compressed instruction's rd field sets. */
static const uint32_t rd_flags[32] = {
	[1] = SHAPE_RD,
	[2] = SHAPE_RD | SHAPE_RD_SP,
	[3 ... 31] = SHAPE_RD,
};

static inline uint32_t shape_of(uint32_t w)
{
	uint32_t is_long = ((w & 3) + 1) >> 2;
	uint32_t at_long = bits32(w, 2, 5) << 3 | bits32(w, 12, 3);
	uint32_t at_short = RULE_SHORT + ((w & 3) << 3 | bits32(w, 13, 3));
	const struct shape_rule *s = &rules[at_short ^ ((at_long ^ at_short) & -is_long)];
	uint32_t differs = (w & s->also_mask) ^ s->also_match;
	/* Without a comparison, of which compilers make a branch: all ones when it does not differ. */
	uint32_t also = s->also_keep & (((differs | -differs) >> 31) - 1);
	uint32_t flags = (uint32_t)((w & s->imm) != 0) * SHAPE_IMM | rd_flags[bits32(w, 7, 5)];

	return (w & (s->keep | also)) | (flags & s->flags);
}

/* ---- identifying -------------------------------------------------------------------------- */

static enum rv64_op find_supplement(const struct supplement *s, size_t count, uint32_t w,
				    bool *found)
{
	uint32_t width = (w & 3) == 3 ? 4 : 2;

	*found = true;
	for (size_t k = 0; k < count; k++)
		if ((w & s[k].mask) == s[k].match && ((s[k].match & 3) == 3 ? 4u : 2u) == width)
			return (enum rv64_op)s[k].op;
	*found = false;
	return RV64_OP_illegal;
}

/* Capstone's id of the word, 0 when it knows none or takes it for one of another size. */
static unsigned ask_capstone(struct guest_decoder *d, uint32_t w, gaddr pc)
{
	uint8_t bytes[8] = { (uint8_t)w, (uint8_t)(w >> 8), (uint8_t)(w >> 16),
			     (uint8_t)(w >> 24) };
	const uint8_t *p = bytes;
	size_t size = (w & 3) == 3 ? 4 : 2;
	size_t want = size;
	uint64_t address = pc;

	if (!cs_disasm_iter(d->capstone, &p, &size, &address, d->insn) || d->insn->size != want)
		return 0;
	return d->insn->id;
}

enum rv64_op rv64_identify(struct guest_decoder *d, uint32_t w)
{
	bool found;
	enum rv64_op op = find_supplement(overrides, ARRAY_LEN(overrides), w, &found);

	if (!found) {
		unsigned id = ask_capstone(d, w, 0);

		if (id == 0)
			op = find_supplement(gaps, ARRAY_LEN(gaps), w, &found);
		else if (id < RISCV_INS_ENDING)
			op = (enum rv64_op)op_of_id[id];
	}
	const struct rv64_insn_info *info = &rv64_insns[op];

	/* A name that does not go with the manual's listing would slice the wrong fields. */
	if (op == RV64_OP_illegal || (w & info->mask) != info->match)
		return RV64_OP_illegal;
	if (!(d->features >> info->ext & 1) || (info->size_bytes == 2 && !RV64_HAS(d->features, C)))
		return RV64_OP_illegal;
	return op;
}

/* ---- decoding ----------------------------------------------------------------------------- */

static inline uint32_t slot_of(uint32_t shape) { return shape * 0x9e3779b1u >> (32 - MEMO_BITS); }

static inline unsigned take_apart(struct memo_slot slot, uint32_t w, struct rv64_insn *i)
{
	const struct rv64_fields *f = &fields[slot.format];
	uint32_t is_long = ((w & 3) + 1) >> 2;

	i->word = w & (0xffff | -is_long);
	i->imm = rv64_slice_imm(f, w);
	i->op = slot.op;
	i->size_bytes = (uint8_t)(2 + 2 * is_long);
	i->rd = rv64_slice_reg(f->rd, w);
	i->rs1 = rv64_slice_reg(f->rs1, w);
	i->rs2 = rv64_slice_reg(f->rs2, w);
	return 2 + 2 * is_long;
}

/* A shape that is not where it belongs in the memo: it is behind that, or new. */
static __attribute__((noinline)) unsigned decode_elsewhere(struct guest_decoder *d, uint32_t shape,
							   uint32_t w, struct rv64_insn *i)
{
	uint32_t k = slot_of(shape);

	while (d->slot[k].shape != shape && d->slot[k].shape != 0)
		k = (k + 1) & (MEMO_SLOTS - 1);
	if (d->slot[k].shape == shape)
		return take_apart(d->slot[k], w, i);
	enum rv64_op op = rv64_identify(d, (w & 3) == 3 ? w : w & 0xffff);
	struct memo_slot s = { shape, (uint16_t)op, rv64_insns[op].format };

	if (op != RV64_OP_illegal && d->shapes < MEMO_MAX) {
		d->slot[k] = s;
		d->shapes++;
	}
	return take_apart(s, w, i);
}

/* Where fewer than four bytes can be read. */
static __attribute__((noinline)) unsigned decode_last(struct guest_decoder *d, const void *bytes,
						      unsigned avail, struct rv64_insn *i)
{
	uint8_t copy[4] = { 0 };

	if (avail < 2)
		return 0;
	memcpy(copy, bytes, 2);
	return (copy[0] & 3) == 3 ? 0 : rv64_decode(d, copy, sizeof copy, i);
}

unsigned rv64_decode(struct guest_decoder *d, const void *bytes, unsigned avail,
		     struct rv64_insn *i)
{
	uint32_t w;

	if (KIT_UNLIKELY(avail < sizeof w))
		return decode_last(d, bytes, avail, i);
	memcpy(&w, bytes, sizeof w); /* hosts are little-endian, as the guest is */
	/* The upper half of w may be the next instruction: no mask of a short one looks at it. */
	uint32_t shape = shape_of(w);
	struct memo_slot slot = d->slot[slot_of(shape)]; /* shape 0 finds an empty one: illegal */

	if (KIT_UNLIKELY(slot.shape != shape))
		return decode_elsewhere(d, shape, w, i);
	return take_apart(slot, w, i);
}

uint64_t rv64_decoder_features(const struct guest_decoder *d) { return d->features; }

unsigned rv64_decoder_shapes(const struct guest_decoder *d) { return d->shapes; }

/* ---- life, text ---------------------------------------------------------------------------- */

struct guest_decoder *rv64_decoder_new(uint64_t features)
{
	struct guest_decoder *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->features = features;
	if (cs_open(CS_ARCH_RISCV, (cs_mode)(CS_MODE_RISCV64 | CS_MODE_RISCVC), &d->capstone)
	    == CS_ERR_OK) {
		d->insn = cs_malloc(d->capstone); /* details are off: that is the default */
		if (d->insn)
			return d;
		cs_close(&d->capstone);
	}
	free(d);
	return NULL;
}

void rv64_decoder_free(struct guest_decoder *d)
{
	if (!d)
		return;
	cs_free(d->insn, 1);
	cs_close(&d->capstone);
	free(d);
}

bool rv64_capstone_text(struct guest_decoder *d, uint32_t w, gaddr pc, struct strbuf *out)
{
	if (ask_capstone(d, w, pc) == 0)
		return false;
	strbuf_puts(out, d->insn->mnemonic);
	if (d->insn->op_str[0])
		strbuf_printf(out, " %s", d->insn->op_str);
	return true;
}

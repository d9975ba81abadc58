/*
 * The decoder: bytes to an instruction's name and operands.
 *
 * Capstone says what a word is, the word itself says with which operands. What
 * Capstone says depends only on the word without its operand fields (its
 * shape): a decoder has its answers by shape, from the build or its own, and asks about new ones only. Every
 * reserved encoding, every instruction that user mode may not execute and every one
 * whose extension the guest lacks is RV64_OP_illegal.
 *
 * A decoder belongs to one thread: Capstone's handle and its own table are written.
 */
#ifndef KIT_ARCH_RV64_DECODE_H
#define KIT_ARCH_RV64_DECODE_H

#include "arch/guest.h"
#include "arch/rv64/cpu.h"
#include "arch/rv64/formats.h"

enum rv64_op {
	RV64_OP_illegal,
#define INSN(name, ...) RV64_OP_##name,
#define INSN_AQRL       INSN
#include "arch/rv64/insns.def"
#undef INSN
#undef INSN_AQRL
	RV64_OP_COUNT
};

/* A decoded instruction. Operands that its format does not have hold anything. */
struct rv64_insn {
	uint32_t word; /* raw; a halfword is zero-extended */
	int32_t imm;   /* sign-extended; branches and jumps: relative to the pc; CSR: its number */
	uint8_t size_bytes; /* 2 or 4 */
	uint8_t rd, rs1, rs2;
	uint16_t op; /* enum rv64_op */
};

/* Of floating-point instructions: the rounding mode, and the third source. */
static inline unsigned rv64_rm(const struct rv64_insn *i) { return bits32(i->word, 12, 3); }
static inline unsigned rv64_rs3(const struct rv64_insn *i) { return bits32(i->word, 27, 5); }

/* What insns.def says of an instruction. */
struct rv64_insn_info {
	const char *name; /* with '_' for '.' */
	uint32_t match, mask;
	uint8_t ext;    /* enum rv64_ext */
	uint8_t format; /* enum rv64_format */
	uint8_t size_bytes;
};

extern const struct rv64_insn_info rv64_insns[RV64_OP_COUNT];

/* NULL when Capstone cannot be used. features: bits of enum rv64_ext. */
struct guest_decoder *rv64_decoder_new(uint64_t features);
void rv64_decoder_free(struct guest_decoder *d);

/*
 * Decodes the instruction at bytes, of which avail may be read. Returns its
 * size; 0 when it is longer than avail. An illegal one has a size too, 2 or 4.
 */
unsigned rv64_decode(struct guest_decoder *d, const void *bytes, unsigned avail,
		     struct rv64_insn *i);

/* The most bytes that a branch is beyond where it leads for it to be done without perhaps (lift_select.c). */
enum { RV64_ARM_BYTES = 16 };

/*
 * Decodes instruction after instruction until the first that jumps or leaves, or branches backward, or is the branch
 * behind max_branches others, that one included, those of up to RV64_ARM_BYTES not counted; or max_insns, or what the avail bytes do not hold whole. Returns
 * how many. Four bytes more than avail must be readable.
 */
unsigned rv64_decode_run(struct guest_decoder *d, const uint8_t *bytes, unsigned avail,
			 unsigned max_insns, unsigned max_branches, struct rv64_insn *out);

/* What word is (a halfword zero-extended): Capstone's answer, not the table's. */
enum rv64_op rv64_identify(struct guest_decoder *d, uint32_t word);

uint64_t rv64_decoder_features(const struct guest_decoder *d);
/* Zeroed memory of that size that lives as long as the decoder, always the same: for what routine.c has seen. */
void *rv64_decoder_memo(struct guest_decoder *d, size_t size_bytes);
/* Number of shapes in its table. */
unsigned rv64_decoder_shapes(const struct guest_decoder *d);

/* Capstone's text of word, "mnemonic operands"; false when it knows none. For people. */
bool rv64_capstone_text(struct guest_decoder *d, uint32_t word, gaddr pc, struct strbuf *out);

/* struct guest's run and rerun (direct.c). */
enum ir_exit rv64_run(struct guest_decoder *d, const struct guest_fetch *f,
		      const struct guest_limits *limits, struct ir_state *st,
		      const struct ir_memory *mem, struct guest_run *r);
enum ir_exit rv64_rerun(struct guest_decoder *d, const struct guest_fetch *f,
			const struct guest_insn *insn, unsigned count,
			const struct guest_limits *limits, struct ir_state *st,
			const struct ir_memory *mem);

/* struct guest's disas (disas.c). */
unsigned rv64_disas(struct guest_decoder *d, const void *bytes, unsigned avail, gaddr pc,
		    struct strbuf *out);

#endif

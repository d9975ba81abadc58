/*
 * What a word is, asked of Capstone and the supplement table; the only user of Capstone in arch/.
 */
#include "arch/rv64/identify.h"

#include "lib/base/panic.h"

#include <capstone/capstone.h>
#include <stdlib.h>

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
	[RISCV_INS_FENCE_TSO] =
	    RV64_OP_fence, /* fence rw,rw with fm TSO, which the lift function looks at */
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

/* ---- Capstone ----------------------------------------------------------------------------- */

struct rv64_identifier {
	csh capstone;
	cs_insn *insn; /* where Capstone writes */
};

bool rv64_can_identify(void) { return cs_support(CS_ARCH_RISCV); }

struct rv64_identifier *rv64_identifier_new(void)
{
	struct rv64_identifier *q = calloc(1, sizeof *q);
	cs_mode mode = (cs_mode)(CS_MODE_RISCV64 | CS_MODE_RISCVC);

	KIT_CHECK(q && cs_open(CS_ARCH_RISCV, mode, &q->capstone) == CS_ERR_OK,
		  "Capstone cannot be opened");
	q->insn = cs_malloc(q->capstone); /* details are off: that is the default */
	KIT_CHECK(q->insn, "no memory for Capstone");
	return q;
}

void rv64_identifier_free(struct rv64_identifier *q)
{
	if (!q)
		return;
	cs_free(q->insn, 1);
	cs_close(&q->capstone);
	free(q);
}

/* Capstone's id of the word, 0 when it knows none or takes it for one of another size. */
static unsigned ask_capstone(struct rv64_identifier *q, uint32_t w, gaddr pc)
{
	uint8_t bytes[8] = { (uint8_t)w, (uint8_t)(w >> 8), (uint8_t)(w >> 16),
			     (uint8_t)(w >> 24) };
	const uint8_t *p = bytes;
	size_t size = (w & 3) == 3 ? 4 : 2;
	size_t want = size;
	uint64_t address = pc;

	if (!cs_disasm_iter(q->capstone, &p, &size, &address, q->insn) || q->insn->size != want)
		return 0;
	return q->insn->id;
}

bool rv64_identifier_text(struct rv64_identifier *q, uint32_t w, gaddr pc, struct strbuf *out)
{
	if (ask_capstone(q, w, pc) == 0)
		return false;
	strbuf_puts(out, q->insn->mnemonic);
	if (q->insn->op_str[0])
		strbuf_printf(out, " %s", q->insn->op_str);
	return true;
}

/* ---- both --------------------------------------------------------------------------------- */

enum rv64_op rv64_identifier_ask(struct rv64_identifier *q, uint64_t features, uint32_t w)
{
	bool found;
	enum rv64_op op = find_supplement(overrides, ARRAY_LEN(overrides), w, &found);

	if (!found) {
		unsigned id = ask_capstone(q, w, 0);

		if (id == 0)
			op = find_supplement(gaps, ARRAY_LEN(gaps), w, &found);
		else if (id < RISCV_INS_ENDING)
			op = (enum rv64_op)op_of_id[id];
	}
	const struct rv64_insn_info *info = &rv64_insns[op];

	/* A name that does not go with the manual's listing would slice the wrong fields. */
	if (op == RV64_OP_illegal || (w & info->mask) != info->match)
		return RV64_OP_illegal;
	if (!(features >> info->ext & 1) || (info->size_bytes == 2 && !RV64_HAS(features, C)))
		return RV64_OP_illegal;
	return op;
}

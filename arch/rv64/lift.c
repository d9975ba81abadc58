/*
 * The lifter's loop, and struct guest.
 *
 * A trace starts at one pc and is one block of IR. Instructions are decoded and lifted in the
 * order they would run in when no branch is taken, until one ends the trace (lift_branch.c says
 * which) or a limit is reached. Pure: the same bytes, pc and limits give the same unit; guest
 * memory is read through the fetch function alone.
 */
#include "arch/rv64/lift_priv.h"

#include <string.h>

/* ---- instructions that have no file of their own ------------------------------------------ */

LIFT(illegal) { trace_leave(t, IR_EXIT_ILLEGAL, t->pc); }

/* ecall, ebreak: the pc stays at the instruction. */
LIFT(leave) { trace_leave(t, (enum ir_exit)r->arg, t->pc); }

LIFT(fence)
{
	struct ir_insn insn = { .op = IR_fence,
				.a = IR_NOREF,
				.b = IR_NOREF,
				.c = IR_NOREF,
				.to = IR_NOBLOCK,
				.imm = i->imm };

	/* With an empty set on one side it orders nothing: a HINT, "pause" among them. */
	if (i->imm >> 4 && i->imm & 15)
		ir_emit(&t->b, insn);
}

LIFT(fence_i) { trace_leave(t, IR_EXIT_FENCEI, t->next); }

static const struct lift_row lift_rows[RV64_OP_COUNT] = {
	[RV64_OP_illegal] = { rv64_lift_illegal, 0, IR_NONE },
#define INSN(name, id, ext, match, mask, format, lift, arg, type)                                  \
	[RV64_OP_##name] = { rv64_lift_##lift, arg, IR_##type },
#define INSN_AQRL INSN
#include "arch/rv64/insns.def"
#undef INSN
#undef INSN_AQRL
};

/* ---- the loop ----------------------------------------------------------------------------- */

/* Guest bytes read ahead, so that the fetch function is not called for each instruction. */
struct window {
	const struct guest_fetch *fetch;
	gaddr start;
	unsigned len;
	uint8_t bytes[64];
};

/* Decodes the instruction at pc; 0 when it cannot be fetched whole. */
static unsigned decode_at(struct guest_decoder *d, struct window *w, gaddr pc, struct rv64_insn *i)
{
	gaddr at = pc - w->start;

	if (at < w->len) {
		unsigned size = rv64_decode(d, w->bytes + at, w->len - (unsigned)at, i);

		if (size)
			return size;
	}
	w->start = pc;
	w->len = w->fetch->read(w->fetch->ctx, pc, w->bytes, sizeof w->bytes);
	return rv64_decode(d, w->bytes, w->len, i);
}

/*
 * One instruction is decoded ahead: the call of a lift function is mostly mispredicted, and should not
 * wait for its decoding too. What is decoded ahead and not lifted is not covered.
 */
static void translate(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		      const struct guest_limits *limits, struct ir_unit *u)
{
	struct window w;
	struct trace t;
	struct rv64_insn i, ahead;
	gaddr run = pc, end = pc; /* the bytes lifted since the last jump */
	unsigned size, size_ahead;

	w.fetch = f;
	w.start = w.len = 0;
	/* Each field is set once: the arrays are most of it, and IR_NOREF all over. */
	t.b.unit = u;
	t.features = rv64_decoder_features(d);
	t.next = pc;
	t.max_branches = limits->max_branches;
	t.branches = 0;
	t.done = t.loops = false;
	t.upper_reg = 0;
	t.upper_value = 0;
	memset(t.value, 0xff, sizeof t.value);
	memset(t.narrow, 0xff, sizeof t.narrow);
	ir_block_begin(u, pc);
	size = decode_at(d, &w, pc, &i);
	if (size == 0)
		trace_leave(&t, IR_EXIT_FETCH, pc);
	while (!t.done) {
		t.pc = t.b.gpc = t.next;
		if (size == 0 || u->guest_insns >= limits->max_insns) {
			ir_exit(&t.b, IR_JUMP_PLAIN, t.pc, 0);
			break;
		}
		u->guest_insns++;
		t.next = end = t.pc + size;
		size_ahead = decode_at(d, &w, end, &ahead);
		lift_rows[i.op].lift(&t, &i, &lift_rows[i.op]);
		if (t.next == end) {
			i = ahead;
			size = size_ahead;
			continue;
		}
		/* A jump was followed. */
		ir_unit_cover(u, run, (uint32_t)(end - run));
		run = end = t.next;
		size = decode_at(d, &w, run, &i);
	}
	if (end > run)
		ir_unit_cover(u, run, (uint32_t)(end - run));
	if (t.loops)
		ir_resolve_exits(u);
}

const struct guest rv64_guest = {
	.name = "riscv64",
	.regs = &rv64_regs,
	.default_features = RV64_FEATURES_GC,
	.decoder_new = rv64_decoder_new,
	.decoder_free = rv64_decoder_free,
	.translate = translate,
	.disas = rv64_disas,
	.helpers = rv64_helpers,
};

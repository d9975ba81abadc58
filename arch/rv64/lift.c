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

/* Sets of fence, "RV32I", Memory Ordering Instructions: predecessor in the high half, successor in the low one. */
enum { FENCE_RW_RW = 0x33, FENCE_R_RW = 0x23, FENCE_W_W = 0x11, FM_SHIFT = 28, FM_TSO = 8 };

static void emit_fence(struct trace *t, int64_t sets)
{
	ir_emit(&t->b, (struct ir_insn){ .op = IR_fence,
					 .a = IR_NOREF,
					 .b = IR_NOREF,
					 .c = IR_NOREF,
					 .to = IR_NOBLOCK,
					 .imm = sets });
}

LIFT(fence)
{
	/* fence.tso orders all but stores before later loads. */
	if (i->word >> FM_SHIFT == FM_TSO && i->imm == FENCE_RW_RW) {
		emit_fence(t, FENCE_R_RW);
		emit_fence(t, FENCE_W_W);
	} else if (i->imm >> 4 && i->imm & 15) {
		/* With an empty set on one side it orders nothing: a HINT, "pause" among them. */
		emit_fence(t, i->imm);
	}
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

/* ---- registers ---------------------------------------------------------------------------- */

ir_ref rv64_read(struct trace *t, unsigned n)
{
	ir_ref v = n == RV64_ZERO ? ir_const(&t->b, IR_I64, 0) : ir_getreg(&t->b, n);

	t->value[n] = v;
	t->has_value |= UINT64_C(1) << n;
	return v;
}

ir_ref rv64_read_narrow(struct trace *t, unsigned n)
{
	ir_ref v = get_value(t, n);

	v = ir_op1(&t->b, n < RV64_F0 ? IR_trunc : IR_unbox, IR_NONE, v);
	put_narrow(t, n, v);
	return v;
}

/* ---- the loop ----------------------------------------------------------------------------- */

enum { WINDOW_BYTES = 64 };

/*
 * Guest code at hand: bytes fetched, and the instructions decoded from them. Many at a time, since the
 * call of a lift function is mostly mispredicted and should not wait for its decoding too.
 */
struct window {
	gaddr start;
	unsigned len;
	uint8_t bytes[WINDOW_BYTES + 4]; /* as rv64_decode_run wants them */
	struct rv64_insn insn[32];
};

/* Decodes the instructions from t->next on, as far as the window goes. 0: there is none. */
static unsigned decode_ahead(struct guest_decoder *d, const struct guest_fetch *f, struct window *w,
			     const struct trace *t, unsigned most)
{
	const unsigned branches = t->max_branches - t->branches;
	gaddr at = t->next - w->start;

	if (most > ARRAY_LEN(w->insn))
		most = ARRAY_LEN(w->insn);
	if (at < w->len) {
		unsigned n = rv64_decode_run(d, w->bytes + at, w->len - (unsigned)at, most,
					     branches, w->insn);

		if (n)
			return n;
	}
	w->start = t->next;
	w->len = f->read(f->ctx, t->next, w->bytes, WINDOW_BYTES);
	memset(w->bytes + w->len, 0, 4);
	return rv64_decode_run(d, w->bytes, w->len, most, branches, w->insn);
}

/* Lifts instructions that lie one behind the other, until one ends the trace or jumps. Returns where they end. */
static gaddr lift_run(struct trace *t, const struct rv64_insn *i, unsigned n)
{
	const struct rv64_insn *first = i, *last = i + n;
	gaddr end = t->next;

	for (; i < last && !t->done && t->next == end && end != t->stop; i++) {
		const struct lift_row *r = &lift_rows[i->op];

		t->pc = t->b.gpc = end;
		t->next = end += i->size_bytes;
		r->lift(t, i, r);
	}
	t->b.unit->guest_insns += (unsigned)(i - first);
	return end;
}

/* The first stop at pc or behind it, 1 when there is none. A trace only goes to higher addresses. */
static gaddr stop_behind(const struct guest_limits *limits, gaddr pc)
{
	gaddr stop = 1;

	for (unsigned n = 0; n < limits->stop_count; n++)
		if (limits->stop[n] >= pc && limits->stop[n] - pc < stop - pc)
			stop = limits->stop[n];
	return stop;
}

static void translate(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		      const struct guest_limits *limits, struct ir_unit *u)
{
	struct window w;
	struct trace t;
	unsigned first;
	gaddr run = pc, end = pc; /* the bytes lifted since the last jump */

	w.start = w.len = 0;
	/* The arrays stay as they are. */
	t.b.unit = u;
	t.features = rv64_decoder_features(d);
	t.next = pc;
	t.max_branches = limits->max_branches;
	t.branches = 0;
	t.done = t.loops = false;
	t.upper_reg = 0;
	t.upper_value = 0;
	t.has_value = t.has_narrow = 0;
	first = u->guest_insns;
	t.stop = limits->stop_count ? stop_behind(limits, pc + 1) : 1;
	ir_block_begin(u, pc);
	while (!t.done) {
		unsigned left = limits->max_insns - (u->guest_insns - first);
		unsigned n = left && t.next != t.stop ? decode_ahead(d, f, &w, &t, left) : 0;

		if (n == 0) {
			if (u->guest_insns > first)
				ir_exit(&t.b, IR_JUMP_PLAIN, t.next, 0);
			else
				trace_leave(&t, IR_EXIT_FETCH, t.b.gpc = t.next);
			break;
		}
		end = lift_run(&t, w.insn, n);
		if (t.next == end)
			continue;
		/* A jump was followed. */
		ir_unit_cover(u, run, (uint32_t)(end - run));
		run = end = t.next;
		if (t.stop != 1)
			t.stop = stop_behind(limits, t.next);
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

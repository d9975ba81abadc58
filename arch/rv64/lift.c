/*
 * The lifter's loop, and struct guest.
 *
 * A trace starts at one pc and is one block of IR. Instructions are decoded and lifted in the
 * order they would run in when no branch is taken, until one ends the trace (lift_branch.c says
 * which) or a limit is reached. Pure: the same bytes, pc and limits give the same unit; guest
 * memory is read through the fetch function alone.
 */
#include "arch/rv64/cpus.h"
#include "arch/rv64/lift_priv.h"
#include "arch/rv64/routine_runs.h"
#include "arch/rv64/window.h"

#include <string.h>

/*
 * Instructions are decoded many at a time, since the call of a lift function is mostly mispredicted and should not
 * wait for its decoding too.
 */
enum { AHEAD_INSNS = 32 };

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

/* The instruction at t->b.gpc counts: in one op for all from the trace's start, or from a branch, up to the next branch. */
static void count_by(struct trace *t, ir_ref *by, uint32_t what, bool anew)
{
	const struct ir_unit *u = t->b.unit;

	if (anew || !ir_ref_ok(*by)) {
		by->idx = (uint16_t)u->insn_count;
		ir_count(&t->b, what, 0);
	}
	u->insn[by->idx].imm++;
}

/* The same by ways. */
static void tally(struct trace *t, const struct rv64_insn *i, bool anew)
{
	const struct guest_tally *w = t->tally;
	gaddr next;

	if (!guest_tallies(w, t->pc))
		count_by(t, &t->elsewhere, w->first, anew);
	else if (!t->on_way)
		ir_count(&t->b, guest_counter_of(w, t->pc), 1);
	t->on_way = rv64_way_on(w, i, t->pc, &next);
}

static void count(struct trace *t, const struct rv64_insn *i, const struct lift_row *r)
{
	const struct ir_unit *u = t->b.unit;
	const bool anew = u->insn_count && u->insn[u->insn_count - 1].op == IR_br;

	if (t->counts) {
		count_by(t, &t->count, IR_COUNT_INSNS, anew);
		if (r->lift == rv64_lift_leave && r->arg == IR_EXIT_SYSCALL)
			ir_count(&t->b, IR_COUNT_CALLS, 1);
	}
	if (t->tally)
		tally(t, i, anew);
}

/* The trace ends although what comes next would come anyway. */
static void cut(struct trace *t)
{
	if (t->on_way)
		ir_count(&t->b, guest_counter_of(t->tally, t->next), -1);
	ir_exit(&t->b, IR_JUMP_PLAIN, t->next, 0);
}

/* Lifts instructions that lie one behind the other, until one ends the trace or jumps. Returns where they end. */
static gaddr lift_run(struct trace *t, const struct rv64_insn *i, unsigned n)
{
	const struct rv64_insn *first = i, *last = i + n;
	gaddr end = t->next;

	t->run_end = last;
	for (; i < last && !t->done && t->next == end && end != t->stop; i++) {
		const struct lift_row *r = &rv64_lift_rows[i->op];

		t->pc = t->b.gpc = end;
		t->next = end += i->size_bytes;
		if (KIT_UNLIKELY(t->keeps_count))
			count(t, i, r);
		r->lift(t, i, r);
		if (KIT_UNLIKELY(t->arm_insns)) {
			end = rv64_lift_arm(t, i + 1, end);
			i += t->arm_insns;
			t->arm_insns = 0;
		}
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

/* Whether the code at t->next, which the window is moved to, is a routine that is known: what. */
static enum rv64_libc find_routine(struct rv64_window *w, const struct trace *t,
				   struct rv64_form *form)
{
	w->start = t->next;
	w->len = t->fetch->read(t->fetch->ctx, t->next, w->bytes, RV64_WINDOW_BYTES);
	memset(w->bytes + w->len, 0, w->len < 8 ? 8 - w->len : 4);
	return rv64_wanted_at(t, t->next, w->bytes, form);
}

static void translate(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		      const struct guest_limits *limits, struct ir_unit *u)
{
	struct rv64_window w;
	struct rv64_insn insn[AHEAD_INSNS];
	struct trace t;
	unsigned first;
	gaddr run = pc, end = pc; /* the bytes lifted since the last jump */
	struct rv64_form form;
	const bool looks = limits->routines || limits->bit_routines;

	rv64_window_init(&w);
	/* The arrays stay as they are. */
	t.b.unit = u;
	t.decoder = d;
	t.fetch = f;
	t.features = rv64_decoder_features(d);
	t.start = t.next = pc;
	t.max_branches = limits->max_branches;
	t.counts = limits->count;
	t.count = t.elsewhere = IR_NOREF;
	t.tally = limits->tally;
	t.runs = limits->runs;
	t.keeps_count = t.counts || t.tally;
	t.on_way = false;
	t.keep_branches = limits->keep_branches;
	t.routines = limits->routines;
	t.bit_routines = limits->bit_routines;
	t.routine_ends = limits->routine_ends;
	t.branches = t.arm_insns = 0;
	t.looked_to = pc;
	t.done = t.loops = false;
	t.upper_reg = 0;
	t.upper_value = 0;
	t.has_value = t.has_narrow = 0;
	first = u->guest_insns;
	t.stop = limits->stop_count ? stop_behind(limits, pc + 1) : 1;
	ir_block_begin(u, pc);
	if (looks) {
		enum rv64_libc what = find_routine(&w, &t, &form);

		if (what != RV64_LIBC_COUNT) {
			rv64_lift_routine(&t, what, &form);
			return;
		}
	}
	while (!t.done) {
		unsigned left = t.next == t.stop ? 0 : limits->max_insns - (u->guest_insns - first);
		unsigned n = left > ARRAY_LEN(insn) ? ARRAY_LEN(insn) : left;

		n = rv64_decode_ahead(d, f, &w, t.next, n, t.max_branches - t.branches, insn);

		if (n == 0) {
			if (u->guest_insns > first)
				cut(&t);
			else
				trace_leave(&t, IR_EXIT_FETCH, t.b.gpc = t.next);
			break;
		}
		end = lift_run(&t, insn, n);
		if (t.next == end)
			continue;
		/* A jump was followed. */
		ir_unit_cover(u, run, (uint32_t)(end - run));
		run = end = t.next;
		if (looks && find_routine(&w, &t, &form) != RV64_LIBC_COUNT) {
			cut(&t);
			break;
		}
		if (t.stop != 1)
			t.stop = stop_behind(limits, t.next);
	}
	/* Other bytes behind a last branch might have made it none. */
	if (t.looked_to > end && t.looked_to - end <= RV64_ARM_BYTES)
		end = t.looked_to;
	if (end > run)
		ir_unit_cover(u, run, (uint32_t)(end - run));
	if (t.loops)
		ir_resolve_exits(u);
}

static bool decode_at(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		      struct rv64_insn *i)
{
	uint8_t bytes[4];
	unsigned n = f->read(f->ctx, pc, bytes, sizeof bytes);

	return n >= 2 && rv64_decode(d, bytes, n, i);
}

static void step(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		 struct guest_step *s)
{
	struct rv64_insn i, upper;

	*s = (struct guest_step){ 0 };
	if (!decode_at(d, f, pc, &i))
		return;
	rv64_step(&i, pc, s);
	if (s->kind != GUEST_STEP_ON && s->target == 1 && decode_at(d, f, pc - 4, &upper)
	    && upper.op == RV64_OP_auipc && upper.rd == i.rs1 && i.rs1)
		s->target =
		    (pc - 4 + (gaddr)(int64_t)upper.imm + (gaddr)(int64_t)i.imm) & ~(gaddr)1;
}

const struct guest rv64_guest = {
	.name = "riscv64",
	.regs = &rv64_regs,
	.go_regs = &rv64_go_regs,
	.default_features = RV64_FEATURES_GC,
	.cpu_help = rv64_cpu_help,
	.cpu_features = rv64_cpu_features,
	.cpu_isa = rv64_cpu_isa,
	.decoder_new = rv64_decoder_new,
	.decoder_free = rv64_decoder_free,
	.translate = translate,
	.run_again = rv64_run_again,
	.run = rv64_run,
	.rerun = rv64_rerun,
	.step = step,
	.disas = rv64_disas,
	.routine_row = rv64_routine_row,
	.helpers = rv64_helpers,
};

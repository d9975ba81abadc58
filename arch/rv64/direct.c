/*
 * struct guest's run and rerun: guest code carried out instruction by instruction, by the lift functions as they are
 * against lib/ir/direct.h.
 */
#include "arch/rv64/window.h"

#include "arch/rv64/lift_priv.h"

_Static_assert(sizeof(struct rv64_insn) == sizeof(struct guest_insn), "one is kept as the other");

static void begin(struct trace *t, const struct guest_decoder *d, const struct guest_fetch *f,
		  const struct guest_limits *limits, struct ir_state *st,
		  const struct ir_memory *mem)
{
	t->fetch = f;
	t->b = (struct ir_direct){ .st = st, .mem = mem };
	t->features = rv64_decoder_features(d);
	t->start = t->next = st->pc;
	t->max_branches = limits->max_branches;
	t->tally = limits->tally;
	t->branches = 0;
	t->done = t->loops = false;
	t->upper_reg = 0;
	t->upper_value = 0;
}

static inline void carry_out(struct trace *t, const struct rv64_insn *i)
{
	const struct lift_row *r = &rv64_direct_rows[i->op];

	t->pc = t->b.gpc = t->next;
	t->next += i->size_bytes;
	r->lift(t, i, r);
}

static __attribute__((noinline)) void note(const struct trace *t, unsigned insns)
{
	t->b.st->counted[IR_COUNT_INSNS] += insns;
	t->b.st->counted[IR_COUNT_CALLS] += t->b.why == IR_EXIT_SYSCALL;
}

/* The same by ways: n instructions one behind the other from pc on have run. */
static __attribute__((noinline)) void note_ways(struct trace *t, const struct rv64_insn *i,
						const struct rv64_insn *end, gaddr pc)
{
	const struct guest_tally *w = t->tally;
	bool on_way = false;

	for (; i < end; i++) {
		gaddr next = 0;

		if (!on_way)
			++*ir_counter(t->b.st, guest_counter_of(w, pc));
		on_way = rv64_way_on(w, i, pc, &next);
		pc = i + 1 < end || !on_way ? pc + i->size_bytes : next;
	}
	if (on_way)
		--*ir_counter(t->b.st, guest_counter_of(w, pc));
}

/* The instructions in [start, end) have run. */
static __attribute__((noinline)) void note_ran(const struct guest_ran *r, gaddr start, gaddr end)
{
	for (; start < end; start += 2)
		if ((start - r->start) / 2 < r->halves)
			r->at[(start - r->start) / 2] = 1;
}

enum ir_exit rv64_run(struct guest_decoder *d, const struct guest_fetch *f,
		      const struct guest_limits *limits, struct ir_state *st,
		      const struct ir_memory *mem, struct guest_run *r)
{
	struct rv64_insn *i = (struct rv64_insn *)(void *)r->insn, *last = i;
	struct rv64_insn *const first = i, *first_of_batch;
	gaddr end = st->pc, batch;
	bool jumped = false;
	struct rv64_window w;
	struct trace t;

	rv64_window_init(&w);
	begin(&t, d, f, limits, st, mem);
	while (t.b.why == IR_EXIT_NONE) {
		last += rv64_decode_ahead(d, f, &w, t.next,
					  limits->max_insns - (unsigned)(i - first), 0, i);
		if (i == last)
			break;
		end = batch = t.next;
		first_of_batch = i;
		do {
			end += i->size_bytes;
			carry_out(&t, i++);
		} while (i < last && t.next == end && t.b.why == IR_EXIT_NONE);
		jumped |= t.next != end;
		if (KIT_UNLIKELY(limits->ran))
			note_ran(limits->ran, batch, end);
		if (KIT_UNLIKELY(t.tally))
			note_ways(&t, first_of_batch, i, batch);
		last = i;
	}
	r->count = (unsigned)(i - first);
	r->end = jumped ? 0 : end;
	if (KIT_UNLIKELY(limits->count))
		note(&t, r->count);
	if (t.b.why != IR_EXIT_NONE)
		return t.b.why;
	st->pc = t.next;
	return r->count ? IR_EXIT_LOOKUP : IR_EXIT_FETCH;
}

enum ir_exit rv64_rerun(struct guest_decoder *d, const struct guest_fetch *f,
			const struct guest_insn *insn, unsigned count,
			const struct guest_limits *limits, struct ir_state *st,
			const struct ir_memory *mem)
{
	const struct rv64_insn *i = (const struct rv64_insn *)(const void *)insn, *last = i + count;
	struct trace t;

	begin(&t, d, f, limits, st, mem);
	while (i < last) {
		carry_out(&t, i++);
		if (t.b.why != IR_EXIT_NONE)
			return t.b.why;
	}
	st->pc = t.next;
	return IR_EXIT_LOOKUP;
}

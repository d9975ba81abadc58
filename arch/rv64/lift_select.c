/*
 * Branches over a few cheap instructions, which gcc makes of conditional moves where the machine has none:
 *
 *     bge a5,a4,1f; mv a5,a4; 1: ...        a5 = select(a5 >= a4, a5, a4)
 *
 * What is skipped is always computed, and a select for each register that it writes says whether it counts. That costs
 * a cycle or two where the branch would have been predicted, and saves some 15 to 20 where not; and the
 * trace goes on as if there had been no branch, so such branches do not count among those that end it.
 *
 * Hence up to three instructions of one cycle, and up to two results: with more the work that is done in vain adds
 * up. No loads, which might fault, and nothing that has an effect. Nor where the host orders stores by
 * branches alone: the guest's memory model has every store behind a branch come after what it looked at.
 */
#include "arch/rv64/lift_priv.h"

enum { ARM_INSNS = 3, ARM_RESULTS = 2 };

static bool is_cheap(const struct rv64_insn *i)
{
	const struct lift_row *r = &rv64_lift_rows[i->op];

	if (r->lift == rv64_lift_alu_ri || r->lift == rv64_lift_alu_rr)
		return r->arg == IR_sub || (r->arg >= IR_and && r->arg <= IR_sar);
	return r->lift == rv64_lift_addi || r->lift == rv64_lift_add || r->lift == rv64_lift_mv
	       || r->lift == rv64_lift_li || r->lift == rv64_lift_set_ri
	       || r->lift == rv64_lift_set_rr;
}

unsigned rv64_arm(struct trace *t, const struct rv64_insn *i, gaddr target)
{
	gaddr at = t->next;
	uint32_t results = 0;
	unsigned n = 0;

	if (t->counts || target - at - 1 >= RV64_ARM_BYTES)
		return 0;
	for (i++; at < target; i++, n++) {
		if (i >= t->run_end || n == ARM_INSNS)
			return 0;
		t->looked_to = at += i->size_bytes;
		if (!is_cheap(i))
			return 0;
		results |= UINT32_C(1) << i->rd;
	}
	results &= ~UINT32_C(1);
	if (t->tally && !(guest_tallies(t->tally, t->pc) && guest_tallies(t->tally, target)))
		return 0;
	if (at != target || !results || __builtin_popcount(results) > ARM_RESULTS)
		return 0;
	return n;
}

/*
 * Exact counts: two ways begin behind the branch, at the arm and at what is behind that, of which one is entered. The
 * arm's goes on there.
 */
static void tally(struct trace *t, const struct rv64_insn *i, gaddr pc)
{
	const struct guest_tally *w = t->tally;
	gaddr end = pc;

	for (unsigned k = 0; k < t->arm_insns; k++)
		end += i[k].size_bytes;
	ir_count_by(&t->b, guest_counter_of(w, pc),
		    ir_op2(&t->b, IR_xor, IR_I64, t->skips, ir_const(&t->b, IR_I64, 1)));
	ir_count_by(&t->b, guest_counter_of(w, end), t->skips);
	t->on_way = true;
}

gaddr rv64_lift_arm(struct trace *t, const struct rv64_insn *i, gaddr pc)
{
	struct {
		unsigned reg;
		ir_ref old;
	} result[ARM_RESULTS];
	unsigned results = 0;
	uint32_t seen = 1;

	if (KIT_UNLIKELY(t->tally))
		tally(t, i, pc);
	for (unsigned k = 0; k < t->arm_insns; k++) {
		unsigned rd = i[k].rd;

		if (seen >> rd & 1)
			continue;
		seen |= UINT32_C(1) << rd;
		result[results].reg = rd;
		result[results++].old = get_x(t, rd);
	}
	for (unsigned k = 0; k < t->arm_insns; k++, i++) {
		const struct lift_row *r = &rv64_lift_rows[i->op];

		t->pc = t->b.gpc = pc;
		t->next = pc += i->size_bytes;
		r->lift(t, i, r);
	}
	for (unsigned k = 0; k < results; k++) {
		unsigned reg = result[k].reg;

		put_x(t, reg,
		      ir_op3(&t->b, IR_select, IR_I64, t->skips, result[k].old, get_x(t, reg)));
	}
	return pc;
}

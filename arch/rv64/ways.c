/* Ways, by which instructions are counted exactly (struct guest_tally). */
#include "arch/rv64/lift_priv.h"

/* What reads or writes a CSR may end a trace, and fence.i does: the next instruction is come to anew. */
static bool ends_trace(const struct rv64_insn *i)
{
	const struct lift_row *r = &rv64_lift_rows[i->op];

	return r->lift == rv64_lift_jalr || r->lift == rv64_lift_branch
	       || r->lift == rv64_lift_leave || r->lift == rv64_lift_illegal
	       || r->lift == rv64_lift_fence_i || r->lift == rv64_lift_csrrw
	       || r->lift == rv64_lift_csrrs || r->lift == rv64_lift_csrrc;
}

static bool is_link(unsigned reg) { return reg == RV64_RA || reg == RV64_T0; }

void rv64_step(const struct rv64_insn *i, gaddr pc, struct guest_step *s)
{
	const struct lift_row *r = &rv64_lift_rows[i->op];

	*s = (struct guest_step){ .size_bytes = i->size_bytes,
				  .ends = ends_trace(i),
				  .next = pc + i->size_bytes,
				  .target = 1 };
	if (r->lift == rv64_lift_jal) {
		s->target = pc + (gaddr)(int64_t)i->imm;
		s->ends = i->rd || s->target <= pc;
		if (!s->ends)
			s->next = s->target;
	} else if (r->lift != rv64_lift_jalr) {
		return;
	}
	s->kind = is_link(i->rd) ? GUEST_STEP_CALL : GUEST_STEP_JUMP;
}

bool rv64_way_on(const struct guest_tally *w, const struct rv64_insn *i, gaddr pc, gaddr *next)
{
	struct guest_step s;

	rv64_step(i, pc, &s);
	*next = s.next;
	return !s.ends && guest_tallies(w, pc) && guest_tallies(w, s.next);
}

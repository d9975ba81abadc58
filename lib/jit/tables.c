#include "lib/jit/tables.h"

#include "lib/base/panic.h"

void jit_tables_init(struct jit_tables *t, const struct lir_unit *lir)
{
	*t = (struct jit_tables){
		.lir = lir,
		.link = arena_new(lir->arena, struct code_link, 2 * lir->exit_count),
		.link_cap = 2 * lir->exit_count,
		.fault = arena_new(lir->arena, struct code_fault, lir->fault_count),
		.fault_cap = lir->fault_count,
	};
}

unsigned jit_add_link(struct jit_tables *t, struct code_link link)
{
	arena_grow(t->lir->arena, t->link, t->link_count, t->link_cap);
	t->link[t->link_count] = link;
	return t->link_count++;
}

void jit_add_stub(struct jit_tables *t, const struct codebuf *cb, enum ir_exit reason, gaddr pc)
{
	arena_grow(t->lir->arena, t->stub, t->stub_count, t->stub_cap);
	t->stub[t->stub_count++] =
	    (struct code_stub){ .at = cb_pos(cb), .reason = (uint8_t)reason, .pc = pc };
}

/* The fault that comes next owes so much. */
static void note_owed(struct jit_tables *t, uint32_t owes)
{
	if (owes == (t->owe_count ? t->owe[t->owe_count - 1].owes : 0))
		return;
	arena_grow(t->lir->arena, t->owe, t->owe_count, t->owe_cap);
	t->owe[t->owe_count++] = (struct code_owe){ t->fault_count, owes };
}

void jit_may_fault(struct jit_tables *t, const struct codebuf *cb, const struct lir_insn *in)
{
	const struct lir_unit *u = t->lir;
	uint32_t idx = (uint32_t)(in - u->insn);
	const struct lir_fault *from = &u->fault[t->next_fault];

	while (from->insn < idx) {
		from++;
		t->next_fault++;
	}
	KIT_DCHECK(t->next_fault < u->fault_count && from->insn == idx,
		   "insn %u has no fault record", idx);
	note_owed(t, from->owes);
	arena_grow(u->arena, t->fault, t->fault_count, t->fault_cap);
	t->fault[t->fault_count++] = (struct code_fault){
		.at = cb_pos(cb),
		.gpc_off = in->gpc_off,
		.first = from->first,
		.count = (uint16_t)from->count,
		.redo = in->flags & LF_REDO,
	};
}

static bool jumps_within(const struct lir_unit *lir)
{
	for (unsigned i = 0; i < lir->exit_count; i++)
		if (lir->exit[i].to != IR_NOBLOCK)
			return true;
	return lir->ir->block_count > 1;
}

struct code jit_code(const struct jit_tables *t, const struct codebuf *cb)
{
	const struct lir_unit *lir = t->lir;

	return (struct code){
		.bytes = cb->start,
		.size_bytes = cb_pos(cb),
		.aligned = jumps_within(lir),
		.gpc = lir->ir->gpc,
		.guest_insns = lir->ir->guest_insns,
		.link = t->link,
		.link_count = t->link_count,
		.stub = t->stub,
		.stub_count = t->stub_count,
		.fault = t->fault,
		.fault_count = t->fault_count,
		.owe = t->owe,
		.owe_count = t->owe_count,
		.loc = lir->loc,
		.loc_count = lir->loc_count,
		.range = lir->ir->range,
		.range_count = lir->ir->range_count,
	};
}

/* Instruction selection: branches and exits. */
#include "lib/ra/isel_priv.h"

uint16_t isel_new_exit(struct isel *s, struct lir_exit x)
{
	struct lir_unit *u = s->lir;

	if (s->host->exit_info)
		x.host_info = s->host->exit_info(s, x.to);
	arena_grow(u->arena, u->exit, u->exit_count, u->exit_cap);
	u->exit[u->exit_count] = x;
	return (uint16_t)u->exit_count++;
}

/* The insn behind idx that is more than a constant or a pure one; a block ends with one. */
static uint32_t next_effect(const struct isel *s, uint32_t idx)
{
	const struct ir_insn *in;

	do
		in = &s->ir->insn[++idx];
	while (in->dead || ir_info(in)->flags & IR_P);
	return idx;
}

/* The same past registers that become constants. */
static const struct ir_insn *next_but_consts(const struct isel *s, uint32_t idx)
{
	const struct ir_insn *insn = s->ir->insn;

	do
		idx = next_effect(s, idx);
	while (insn[idx].op == IR_putreg && insn[insn[idx].a.idx].op == IR_const);
	return &insn[idx];
}

bool isel_is_final_br(const struct isel *s, uint32_t idx)
{
	return ir_info(next_but_consts(s, idx))->flags & IR_Z;
}

bool isel_fuse_compare(const struct isel *s, uint32_t idx)
{
	const struct ir_insn *br;
	int64_t c;

	if (s->val[idx].uses != 1)
		return false;
	br = next_but_consts(s, idx);
	return br->op == IR_br && br->sub <= IR_NE && s->val[br->a.idx].rep == idx
	       && isel_const(s, br->b, &c) && c == 0;
}

bool isel_exit_notes(const struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[next_effect(s, idx)];

	return s->host->exit_notes && in->op == IR_exiti && in->sub == IR_JUMP_CALL
	       && s->val[in->a.idx].rep == s->val[s->ir->insn[idx].a.idx].rep;
}

static void sel_br(struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	gaddr target = (gaddr)in->imm;
	struct lir_insn *l;
	uint16_t exit = isel_new_exit(s, (struct lir_exit){
					     .target = target,
					     .to = in->to,
					     .poll = ir_safe_exit(&s->safe, s->ir, in),
					 });

	l = s->host->branch(s, in);
	l->exit = exit;
	l->flags = LF_EXIT;
	if (isel_is_final_br(s, idx)) {
		l->flags |= LF_SYNC;
		s->host->synced(s, l);
	}
}

void isel_exit(struct isel *s, uint32_t idx)
{
	const struct isel_host *h = s->host;
	const struct ir_insn *in = &s->ir->insn[idx];
	struct lir_exit x = {
		.target = (gaddr)in->imm,
		.ret = ir_ret(s->ir, in),
		.to = (uint16_t)ir_goes_to(in),
		.back_to = in->to,
		.kind = in->sub,
	};
	lreg target = LREG_NONE;
	struct lir_insn *l;
	unsigned op;

	switch (in->op) {
	case IR_br:
		sel_br(s, idx);
		return;
	case IR_exit:
		op = h->exit;
		/* Calls that lead back are looked at too: recursion need not end soon. */
		x.poll = ir_safe_exit(&s->safe, s->ir, in);
		break;
	case IR_exiti:
		op = h->exiti;
		x.indirect = true;
		/* Returns go down the stack of calls, which ends; what else is a cycle comes by here. */
		x.poll = in->sub != IR_JUMP_RET;
		target = isel_vr(s, in->a);
		x.edge = s->edge;
		s->edge = 0;
		break;
	default:
		op = h->exitr;
		x.kind = IR_JUMP_PLAIN;
		x.reason = in->sub;
		break;
	}
	l = isel_lir(s, op);
	l->exit = isel_new_exit(s, x);
	l->flags = LF_SYNC;
	if (target != LREG_NONE)
		isel_opnd(l, target, LIR_USE, 0, h->target);
}

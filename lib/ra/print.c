/*
 * LIR as text, one insn a line:
 *
 *     add.8 r3 = r3^, r9 late            results = uses; ^ is the hint
 *     put a0, v4 fix 1                   before allocation
 *     put a0, sum a1 + v4<<3 + 16
 *     add.8 v5 = v4^, a1                 a1 as of the block's entry
 *     load r2 = [40]                     places in struct ir_state are in brackets
 *     bne exit 1 r3, r9                  the exit's moves follow at the end
 */
#include "lib/ra/ra_priv.h"

#include <inttypes.h>

struct printer {
	const struct lir_unit *u;
	const struct ra_target *t; /* NULL: registers are virtual */
	const char *(*op_name)(unsigned op);
	struct strbuf *out;
};

static const char *const op_names[] = {
	[LIR_NOP] = "nop",       [LIR_BLOCK] = "block", [LIR_PUT] = "put",   [LIR_MOVE] = "move",
	[LIR_XCHG] = "xchg",     [LIR_CONST] = "const", [LIR_LOAD] = "load", [LIR_STORE] = "store",
	[LIR_STOREI] = "storei", [LIR_FIX] = "fix",
};

static void print_phys(const struct printer *p, unsigned r)
{
	if (p->t && p->t->phys_name && r < LIR_PHYS_COUNT && p->t->phys_name[r])
		strbuf_puts(p->out, p->t->phys_name[r]);
	else
		strbuf_printf(p->out, "r%u", r);
}

static void print_greg(const struct printer *p, unsigned g)
{
	const struct ir_regfile *regs = p->t ? p->t->regs : p->u->ir ? p->u->ir->regs : NULL;

	if (regs && g < regs->count)
		strbuf_puts(p->out, regs->reg[g].name);
	else
		strbuf_printf(p->out, "g%u", g);
}

static void print_virtual(const struct printer *p, unsigned r)
{
	const struct lir_vreg *v;

	if (r >= LIR_ENTRY) {
		print_greg(p, r - LIR_ENTRY);
		return;
	}
	v = &p->u->vreg[r];
	strbuf_printf(p->out, "v%u", r);
	if (v->is_const)
		strbuf_printf(p->out, "=%" PRId64, v->imm);
}

static void print_sum(const struct printer *p, const struct lir_vreg *v)
{
	strbuf_puts(p->out, "sum ");
	if (v->base != LREG_NONE)
		print_virtual(p, v->base);
	if (v->index != LREG_NONE) {
		strbuf_puts(p->out, " + ");
		print_virtual(p, v->index);
	}
	if (v->shift)
		strbuf_printf(p->out, "<<%u", v->shift);
	if (v->base == LREG_NONE || v->imm)
		strbuf_printf(p->out, v->base == LREG_NONE ? "%" PRId64 : " + %" PRId64, v->imm);
}

static void print_opnd(const struct printer *p, const struct lir_insn *in, const struct lir_opnd *o)
{
	if (o->flags & LO_IN_MEM) {
		strbuf_printf(p->out, "[%" PRId32 "]", in->mem);
	} else if (o->r == LREG_NONE) {
		print_phys(p, o->fixed);
		return;
	} else if (p->t) {
		print_phys(p, o->r);
	} else if (o->r < LIR_ENTRY && p->u->vreg[o->r].is_sum) {
		print_sum(p, &p->u->vreg[o->r]);
	} else {
		print_virtual(p, o->r);
	}
	if (o->fixed != LIR_PHYS_NONE && !p->t)
		strbuf_printf(p->out, ":r%u", o->fixed);
	if (o->flags & LO_HINT)
		strbuf_putc(p->out, '^');
	if (o->flags & LO_LATE)
		strbuf_puts(p->out, " late");
	if (o->flags & LO_MEM && !p->t)
		strbuf_puts(p->out, " mem");
	if (o->flags & LO_LAX && !p->t)
		strbuf_puts(p->out, " lax");
}

/* The operands of one role, comma-separated after lead; true when there were any. */
static bool print_role(const struct printer *p, const struct lir_insn *in, unsigned role,
		       const char *lead)
{
	bool any = false;

	for (unsigned k = 0; k < in->nopnd; k++) {
		if (in->opnd[k].role != role)
			continue;
		strbuf_puts(p->out, any ? ", " : lead);
		print_opnd(p, in, &in->opnd[k]);
		any = true;
	}
	return any;
}

static void print_name(const struct printer *p, const struct lir_insn *in)
{
	if (in->op < ARRAY_LEN(op_names) && op_names[in->op]) {
		strbuf_puts(p->out, op_names[in->op]);
		return;
	}
	if (p->op_name)
		strbuf_puts(p->out, p->op_name(in->op));
	else
		strbuf_printf(p->out, "op%u", in->op);
	if (in->sub || in->sub2)
		strbuf_printf(p->out, ".%u", in->sub);
	if (in->sub2)
		strbuf_printf(p->out, ".%u", in->sub2);
}

static void print_own(const struct printer *p, const struct lir_insn *in)
{
	switch (in->op) {
	case LIR_BLOCK:
		strbuf_printf(p->out, " %" PRId64, in->imm);
		for (RA_EACH(g, p->u->block[in->imm].fixes)) {
			strbuf_puts(p->out, ", ");
			print_greg(p, (unsigned)g);
			strbuf_printf(p->out, " fix %u", p->u->block[in->imm].fix[g]);
		}
		break;
	case LIR_PUT:
		strbuf_putc(p->out, ' ');
		print_greg(p, (unsigned)in->imm);
		strbuf_puts(p->out, ", ");
		print_opnd(p, in, &in->opnd[0]);
		break;
	case LIR_XCHG:
		print_role(p, in, LIR_USE, " ");
		break;
	case LIR_CONST:
		print_role(p, in, LIR_DEF, " ");
		strbuf_printf(p->out, " = %" PRId64, in->imm);
		break;
	case LIR_LOAD:
		print_role(p, in, LIR_DEF, " ");
		strbuf_printf(p->out, " = [%" PRId64 "]", in->imm);
		break;
	case LIR_STORE:
		strbuf_printf(p->out, " [%" PRId64 "]", in->imm);
		print_role(p, in, LIR_USE, " = ");
		break;
	case LIR_STOREI:
		strbuf_printf(p->out, " [%" PRId64 "] = %" PRId64, in->imm, in->imm2);
		break;
	default:
		print_role(p, in, LIR_DEF, " ");
		print_role(p, in, LIR_USE, " = ");
		break;
	}
	if (in->fix)
		strbuf_printf(p->out, " fix %u", in->fix);
}

static void print_host(const struct printer *p, const struct lir_insn *in)
{
	bool results;

	if (in->flags & LF_EXIT)
		strbuf_puts(p->out, " exit");
	if (in->flags & LF_SYNC)
		strbuf_puts(p->out, " sync");
	if (in->flags & LF_FAULT)
		strbuf_puts(p->out, in->flags & LF_REDO ? " redo" : " fault");
	if (in->exit != UINT16_MAX)
		strbuf_printf(p->out, " @%u", in->exit);
	results = print_role(p, in, LIR_DEF, " ");
	print_role(p, in, LIR_USE, results ? " = " : " ");
	print_role(p, in, LIR_CLOBBER, " clobbers ");
	if (in->imm)
		strbuf_printf(p->out, " #%" PRId64, in->imm);
	if (in->imm2)
		strbuf_printf(p->out, " #%" PRId64, in->imm2);
}

static void print_insn(const struct printer *p, const struct lir_insn *in)
{
	strbuf_puts(p->out, in->op == LIR_BLOCK ? "" : "  ");
	print_name(p, in);
	if (in->op < LIR_HOST)
		print_own(p, in);
	else
		print_host(p, in);
	strbuf_putc(p->out, '\n');
}

static void print_fault(const struct printer *p, const struct lir_fault *f)
{
	for (uint32_t i = f->first; i < f->first + f->count; i++) {
		const struct lir_loc *loc = &p->u->loc[i];

		if (i > f->first && loc[-1].greg == loc->greg) {
			strbuf_puts(p->out, " + ");
		} else {
			strbuf_puts(p->out, i == f->first ? "    ; at a fault: " : ", ");
			print_greg(p, loc->greg);
			strbuf_puts(p->out, " in ");
		}
		if (loc->kind == LIR_LOC_REG)
			print_phys(p, loc->phys);
		else if (loc->kind == LIR_LOC_MEM)
			strbuf_printf(p->out, "[%" PRId64 "]", loc->imm);
		else
			strbuf_printf(p->out, "%" PRId64, loc->imm);
		if (loc->shift)
			strbuf_printf(p->out, "<<%u", loc->shift);
		if (loc->fix)
			strbuf_printf(p->out, " fix %u", loc->fix);
	}
	if (f->count)
		strbuf_putc(p->out, '\n');
}

static void print_list(const struct printer *p, const char *name, const struct lir_insn *in,
		       unsigned count)
{
	if (count)
		strbuf_printf(p->out, "%s\n", name);
	for (unsigned i = 0; i < count; i++)
		print_insn(p, &in[i]);
}

void lir_print(const struct lir_unit *u, const struct ra_target *t,
	       const char *(*op_name)(unsigned op), struct strbuf *out)
{
	const struct printer p = { u, t, op_name, out };
	unsigned f = 0;

	for (unsigned i = 0; i < u->insn_count; i++) {
		print_insn(&p, &u->insn[i]);
		if (f < u->fault_count && u->fault[f].insn == i)
			print_fault(&p, &u->fault[f++]);
	}
	print_list(&p, "enter", u->enter, u->enter_count);
	print_list(&p, "leave", u->leave, u->leave_count);
	for (unsigned e = 0; e < u->exit_count; e++) {
		const struct lir_exit *x = &u->exit[e];

		if (!x->stub_count)
			continue;
		strbuf_printf(out, "stub @%u\n", e);
		for (uint32_t i = x->stub_first; i < x->stub_first + x->stub_count; i++)
			print_insn(&p, &u->stub[i]);
	}
}

/*
 * Zicsr on the user CSRs of csrs.def.
 *
 * Whether an access reads or writes is a matter of register numbers, not of values ("Zicsr", table
 * "Conditions determining whether a CSR instruction reads or writes"): csrrw with rd = x0 does not
 * read; csrrs and csrrc with rs1 = x0, or an immediate of 0, do not write. No user CSR has a side effect on
 * reading, so that rule only drops work here; the one on writing decides what is illegal.
 *
 * The dynamic rounding mode is part of what code is translated for (ir.h: IR_RM_DYN), so a
 * write to it ends the trace with IR_EXIT_FRM.
 */
#include "arch/rv64/lift_priv.h"

struct csr {
	uint16_t number;
	uint8_t ext;
	bool is_own;
	ir_ref (*read)(struct trace *t);
	bool (*write)(struct trace *t, ir_ref v); /* true: frm may have changed */
};

static ir_ref read_counter(struct trace *t, enum ir_helper helper)
{
	ir_ref zero = ir_const(&t->b, IR_I64, 0);

	return ir_call(&t->b, helper, zero, zero);
}

static ir_ref read_fflags(struct trace *t) { return ir_get_state(&t->b, IR_getfflags); }
static ir_ref read_frm(struct trace *t) { return ir_get_state(&t->b, IR_getfrm); }
static ir_ref read_cycle(struct trace *t) { return read_counter(t, IR_HELPER_rdcycle); }
static ir_ref read_time(struct trace *t) { return read_counter(t, IR_HELPER_rdtime); }
static ir_ref read_instret(struct trace *t) { return read_counter(t, IR_HELPER_rdinstret); }

static ir_ref read_clock(struct trace *t)
{
	return ir_call(&t->b, IR_HELPER_rdclock, get_x(t, RV64_A0), ir_const(&t->b, IR_I64, 0));
}

/* fcsr: frm in bits 7:5, fflags in bits 4:0; the rest reads as 0 and ignores what is written. */
static ir_ref read_fcsr(struct trace *t)
{
	ir_ref frm = read_frm(t), flags = read_fflags(t);

	frm = ir_op2(&t->b, IR_shl, IR_I64, frm, ir_const(&t->b, IR_I64, 5));
	return ir_op2(&t->b, IR_or, IR_I64, frm, flags);
}

static bool write_fflags(struct trace *t, ir_ref v)
{
	ir_set_state(&t->b, IR_setfflags, v);
	return false;
}

static bool write_frm(struct trace *t, ir_ref v)
{
	ir_set_state(&t->b, IR_setfrm, v);
	return true;
}

static bool write_fcsr(struct trace *t, ir_ref v)
{
	ir_ref frm = ir_op2(&t->b, IR_shr, IR_I64, v, ir_const(&t->b, IR_I64, 5));

	write_fflags(t, v);
	return write_frm(t, frm);
}

static const struct csr csrs[] = {
#define CSR(name, number, ext, read, write) { number, RV64_EXT_##ext, false, read, write },
#define OWN(name, number, read)             { number, RV64_EXT_Zicsr, true, read, NULL },
#include "arch/rv64/csrs.def"
#undef CSR
#undef OWN
};

static bool is_own_code(const struct trace *t)
{
	return t->fetch->is_own && t->fetch->is_own(t->fetch->ctx, t->pc);
}

/* The CSR that i may access so, NULL when that is illegal. */
static const struct csr *find_csr(const struct trace *t, const struct rv64_insn *i, bool writes)
{
	for (size_t k = 0; k < ARRAY_LEN(csrs); k++) {
		const struct csr *c = &csrs[k];

		if (c->number != i->imm)
			continue;
		if (!(t->features >> c->ext & 1) || (writes && !c->write)
		    || (c->is_own && !is_own_code(t)))
			break;
		return c;
	}
	return NULL;
}

/* The operand: a register, or the 5-bit immediate in its field. */
static ir_ref csr_operand(struct trace *t, const struct rv64_insn *i, const struct lift_row *r)
{
	return r->arg ? ir_const(&t->b, IR_I64, i->rs1) : get_x(t, i->rs1);
}

/* old: what rd becomes, IR_NOREF when it was not read. Registers are written before the mode changes. */
static void finish(struct trace *t, const struct rv64_insn *i, const struct csr *c, ir_ref old,
		   ir_ref new_value, bool writes)
{
	if (i->rd)
		put_x(t, i->rd, old);
	if (writes && c->write(t, new_value))
		trace_leave(t, IR_EXIT_FRM, t->next);
}

LIFT(csrrw)
{
	const struct csr *c = find_csr(t, i, true);

	if (!c) {
		trace_leave(t, IR_EXIT_ILLEGAL, t->pc);
		return;
	}
	ir_ref v = csr_operand(t, i, r); /* before rd is written: it may be rs1 */

	finish(t, i, c, i->rd ? c->read(t) : IR_NOREF, v, true);
}

/* Sets or clears the bits of the operand. */
static void set_or_clear(struct trace *t, const struct rv64_insn *i, const struct lift_row *r,
			 bool set)
{
	bool writes = i->rs1 != 0;
	const struct csr *c = find_csr(t, i, writes);

	if (!c) {
		trace_leave(t, IR_EXIT_ILLEGAL, t->pc);
		return;
	}
	if (!writes && !i->rd)
		return;
	ir_ref old = c->read(t), v = IR_NOREF;

	if (writes) {
		v = csr_operand(t, i, r);
		if (!set) /* old & ~operand */
			v = ir_op2(&t->b, IR_xor, IR_I64, v, ir_const(&t->b, IR_I64, -1));
		v = ir_op2(&t->b, set ? IR_or : IR_and, IR_I64, old, v);
	}
	finish(t, i, c, old, v, writes);
}

LIFT(csrrs) { set_or_clear(t, i, r, true); }

LIFT(csrrc) { set_or_clear(t, i, r, false); }

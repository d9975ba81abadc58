/*
 * The invariants of a unit, beyond what ir.h says in words:
 *
 *  - blocks lie one behind the other and fill insn[]; each ends in its only Z insn;
 *  - an operand is there exactly where the row has one, is defined earlier in the same block by
 *    an insn that is not dead, and has the type that the row asks for;
 *  - type and sub hold what the row allows; fields that the row does not have are neutral;
 *  - the displacement of a load or store fits int32, that of an atomic is 0;
 *  - insn.to of br and of a plain exit is IR_NOBLOCK or a block that starts at the target, that of a call
 *    the same where it returns to, elsewhere it is IR_NOBLOCK; calls return to blocks that know nothing of registers;
 *  - a block with setfrm ends in exitr IR_EXIT_FRM;
 *  - what a block knows of registers at its entry is of F64 ones, and block 0 knows nothing.
 *
 * Dead insns are not looked at.
 */
#include "lib/ir/verify_priv.h"

#include "lib/ir/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* What a counter that is none of enum ir_counted may grow or shrink by. */
enum { COUNT_FAR_MOST = 2047 };

/* Where the message about the insn at hand goes. */
struct check {
	const struct ir_unit *u;
	const struct ir_block *blk;
	const struct ir_insn *i;
	uint32_t idx;
	char *why;
	size_t why_size;
};

static bool KIT_PRINTF(2, 3) wrong(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(c->why, c->why_size, fmt, ap);
	va_end(ap);
	return false;
}

static bool check_operand(struct check *c, char column, uint8_t col, ir_ref r)
{
	const struct ir_insn *def;
	enum ir_type want, is;

	if (col == IR_NONE)
		return !ir_ref_ok(r) || wrong(c, "has no operand %c, but one is given", column);
	if (!ir_ref_ok(r))
		return wrong(c, "operand %c is missing", column);
	if (r.idx < c->blk->first)
		return wrong(c, "operand %c: %%%u is a value of another block", column, r.idx);
	if (r.idx >= c->idx)
		return wrong(c, "operand %c: %%%u is not defined before", column, r.idx);
	def = &c->u->insn[r.idx];
	if (def->dead)
		return wrong(c, "operand %c: %%%u is dead", column, r.idx);
	want = ir_operand_type(c->i, col);
	is = ir_result_type(def);
	if (is == IR_NONE)
		return wrong(c, "operand %c: %%%u defines no value", column, r.idx);
	if (is != want)
		return wrong(c, "operand %c: %%%u is %s, not %s", column, r.idx, ir_type_names[is],
			     ir_type_names[want]);
	return true;
}

static bool check_type(struct check *c)
{
	unsigned flags = ir_info(c->i)->flags;
	unsigned t = c->i->type;
	bool ok;

	if (t >= IR_TYPE_COUNT)
		return wrong(c, "type %u does not exist", t);
	switch (t) {
	case IR_NONE:
		ok = !(flags & (IR_TI | IR_T64 | IR_TF));
		break;
	case IR_I32:
		ok = flags & IR_TI;
		break;
	case IR_I64:
		ok = flags & (IR_TI | IR_T64);
		break;
	default:
		ok = flags & IR_TF;
		break;
	}
	return ok || wrong(c, "cannot have type %s", ir_type_names[t]);
}

static bool check_sub(struct check *c)
{
	unsigned sub = c->i->sub;
	bool ok;

	switch (ir_info(c->i)->sub) {
	case IR_SUB_CC:
		ok = sub < IR_CC_COUNT;
		break;
	case IR_SUB_RM:
		ok = sub < IR_RM_COUNT && ir_rm_names[sub];
		break;
	case IR_SUB_KIND:
		ok = sub < IR_JUMP_COUNT;
		break;
	case IR_SUB_EXIT:
		ok = sub > IR_EXIT_NONE && sub < IR_EXIT_COUNT;
		break;
	case IR_SUB_REDO:
		ok = sub <= IR_REDO;
		break;
	case IR_SUB_AQRL:
		ok = sub <= (IR_LRSC_RL | IR_LRSC_AQ);
		break;
	case IR_SUB_AMO:
		ok = (sub & IR_AMO_MASK) < IR_AMO_COUNT
		     && !(sub & ~(unsigned)(IR_AMO_MASK | IR_AMO_RL | IR_AMO_AQ));
		break;
	default:
		ok = sub == 0;
		break;
	}
	return ok || wrong(c, "sub is %u", sub);
}

static bool check_reg(struct check *c)
{
	const struct ir_regfile *rf = c->u->regs;
	const struct ir_insn *i = c->i;

	if (i->imm < 0 || i->imm >= rf->count)
		return wrong(c, "register %" PRId64 " of %u", i->imm, rf->count);
	if (rf->reg[i->imm].type != i->type)
		return wrong(c, "register %s is %s, not %s", rf->reg[i->imm].name,
			     ir_type_names[rf->reg[i->imm].type], ir_type_names[i->type]);
	return true;
}

static bool check_to(struct check *c)
{
	const struct ir_insn *i = c->i;
	bool call = ir_is_call(i);
	gaddr pc = call ? ir_ret(c->u, i) : (gaddr)i->imm;
	const struct ir_block *to;

	if (i->to == IR_NOBLOCK)
		return true;
	if (!call && i->op != IR_br && !(i->op == IR_exit && i->sub == IR_JUMP_PLAIN))
		return wrong(c, "goes to block %u, which only br, exit jump and calls can", i->to);
	if (i->to >= c->u->block_count)
		return wrong(c, "goes to block %u of %u", i->to, c->u->block_count);
	to = &c->u->block[i->to];
	if (to->gpc != pc)
		return wrong(c, "goes to block %u, which does not start at 0x%" PRIx64, i->to,
			     (uint64_t)pc);
	if (call && (to->boxed | to->canon | to->sext))
		return wrong(c, "returns to block %u, which knows something of registers", i->to);
	return true;
}

static bool check_imm(struct check *c)
{
	const struct ir_insn *i = c->i;

	switch (i->op) {
	case IR_const:
		return i->type != IR_I32 || fits_i32(i->imm)
		       || wrong(c, "0x%" PRIx64 " is not a sign-extended i32", (uint64_t)i->imm);
	case IR_getreg:
	case IR_putreg:
		return check_reg(c);
	case IR_ld8u ... IR_stf:
		return fits_i32(i->imm)
		       || wrong(c, "displacement 0x%" PRIx64 " does not fit", (uint64_t)i->imm);
	case IR_fence:
		return (i->imm >= 0 && i->imm <= 0xff)
		       || wrong(c, "fence of 0x%" PRIx64, (uint64_t)i->imm);
	case IR_helper:
		return (i->imm >= 0 && i->imm < IR_HELPER_COUNT)
		       || wrong(c, "helper %" PRId64 " of %u", i->imm, IR_HELPER_COUNT);
	case IR_routine:
		return (i->imm >= 0 && i->imm < IR_ROUTINE_COUNT)
		       || wrong(c, "routine %" PRId64 " of %u", i->imm, IR_ROUTINE_COUNT);
	case IR_count:
		return (i->imm >= 0 && i->imm >> 32 < IR_COUNTERS_MOST
			&& (i->imm >> 32 < IR_COUNTED ? (int32_t)i->imm >= 0
						      : (int32_t)i->imm >= -COUNT_FAR_MOST
							    && (int32_t)i->imm <= COUNT_FAR_MOST))
		       || wrong(c, "count of %#" PRIx64, (uint64_t)i->imm);
	case IR_countrun:
		return (i->imm >= 0 && i->imm >> 32 < IR_COUNTERS_MOST)
		       || wrong(c, "%s of %#" PRIx64, ir_info(i)->name, (uint64_t)i->imm);
	case IR_countby:
		return (i->imm >= 0 && i->imm >> 32 < IR_COUNTERS_MOST && !(uint32_t)i->imm)
		       || wrong(c, "%s of %#" PRIx64, ir_info(i)->name, (uint64_t)i->imm);
	case IR_owe:
		return (i->imm >= 0 && i->imm <= UINT32_MAX)
		       || wrong(c, "owe of %#" PRIx64, (uint64_t)i->imm);
	case IR_edge:
		return (i->imm >= 0 && i->imm < IR_COUNTERS_MOST)
		       || wrong(c, "edge from %#" PRIx64, (uint64_t)i->imm);
	case IR_exit:
	case IR_exiti:
		return i->sub == IR_JUMP_CALL || i->ret_bytes == 0
		       || wrong(c, "a return address without a call");
	case IR_br:
	case IR_exitr:
		return true;
	default:
		return i->imm == 0 || wrong(c, "imm is 0x%" PRIx64, (uint64_t)i->imm);
	}
}

bool ir_verify_insn(const struct ir_unit *u, const struct ir_block *blk, uint32_t idx, char *why,
		    size_t why_size)
{
	const struct ir_insn *i = &u->insn[idx];
	struct check c = {
		.u = u, .blk = blk, .i = i, .idx = idx, .why = why, .why_size = why_size
	};
	const struct ir_op_info *info;

	why[0] = '\0';
	if (i->op >= IR_OP_COUNT)
		return wrong(&c, "operation %u does not exist", i->op);
	info = ir_info(i);
	return check_type(&c) && check_sub(&c) && check_operand(&c, 'a', info->a, i->a)
	       && check_operand(&c, 'b', info->b, i->b) && check_operand(&c, 'c', info->c, i->c)
	       && check_imm(&c) && check_to(&c);
}

static bool bad_block(struct diag *d, const struct ir_block *blk, const char *what)
{
	return diag_fail(d, KIT_EXIT_INTERNAL, "block 0x%" PRIx64 ": %s", blk->gpc, what);
}

static bool verify_entry(const struct ir_unit *u, const struct ir_block *blk, struct diag *d)
{
	uint64_t f64 = blk->boxed | blk->canon;

	if ((f64 | blk->sext) && blk == u->block)
		return bad_block(d, blk, "knows of registers, but is entered from outside");
	for (unsigned r = 0; r < IR_MAX_REGS; r++) {
		unsigned type = r < u->regs->count ? u->regs->reg[r].type : IR_NONE;

		if (f64 >> r & 1 && type != IR_F64)
			return bad_block(d, blk, "knows of a register that is not f64");
		if (blk->sext >> r & 1 && type != IR_I64)
			return bad_block(d, blk, "knows of a register that is not i64");
	}
	return true;
}

static bool verify_block(const struct ir_unit *u, const struct ir_block *blk, struct diag *d)
{
	const struct ir_insn *last = NULL;
	bool sets_frm = false;
	char why[160];

	for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
		const struct ir_insn *i = &u->insn[k];

		if (i->dead)
			continue;
		if (!ir_verify_insn(u, blk, k, why, sizeof why))
			return diag_fail(d, KIT_EXIT_INTERNAL, "block 0x%" PRIx64 ": %%%u (%s): %s",
					 blk->gpc, k, i->op < IR_OP_COUNT ? ir_info(i)->name : "?",
					 why);
		if (last && ir_info(last)->flags & IR_Z)
			return diag_fail(d, KIT_EXIT_INTERNAL,
					 "block 0x%" PRIx64
					 ": %%%u (%s) stands behind the final exit",
					 blk->gpc, k, ir_info(i)->name);
		sets_frm |= i->op == IR_setfrm;
		last = i;
	}
	if (!last || !(ir_info(last)->flags & IR_Z))
		return bad_block(d, blk, "has no exit at its end");
	if (sets_frm && !(last->op == IR_exitr && last->sub == IR_EXIT_FRM))
		return bad_block(d, blk, "sets frm but does not end in exitr frm");
	return true;
}

bool ir_verify(const struct ir_unit *u, struct diag *d)
{
	uint32_t next = 0;

	if (!u->block_count)
		return diag_fail(d, KIT_EXIT_INTERNAL, "the unit has no block");
	if (u->block[0].gpc != u->gpc)
		return bad_block(d, &u->block[0], "is not where the unit starts");
	for (unsigned b = 0; b < u->block_count; b++) {
		const struct ir_block *blk = &u->block[b];

		if (blk->first != next || blk->count > u->insn_count - next)
			return bad_block(d, blk, "does not lie behind the one before");
		if (!verify_entry(u, blk, d) || !verify_block(u, blk, d))
			return false;
		next += blk->count;
	}
	if (next != u->insn_count)
		return diag_fail(d, KIT_EXIT_INTERNAL, "%u insns lie behind the last block",
				 u->insn_count - next);
	return true;
}

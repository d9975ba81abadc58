/*
 * The IR's text form, written. parse.c reads the same grammar:
 *
 *   unit    = { block }                         the first one is the unit's entry
 *   block   = "block" NUM [ "runs" NUM ] [ "owes" NUM ] [ "boxed" regs ] [ "canon" regs ] [ "sext" regs ] "{" { line } "}"   one item a line
 *   regs    = REG { "," REG }                   what is known at its entry: ir_block
 *   line    = "at" NUM                          guest pc of the insns that follow; first the block's
 *           | [ "%"N "=" ] insn                 N names the value; printed: its index
 *   insn    = OP [ "." TYPE ] items             TYPE where the row of ops.def has a T
 *
 * The items, in this order, each only where the operation has it:
 *
 *   first word (then a space)     CC of set and br, AMO operation, jump kind of exit and exiti, reason of
 *                                 exitr, name of a helper or routine, register of getreg and putreg, number of const and fence
 *   operands, comma between       %N for a; the displacement of a load or store unless 0; b; c
 *   last (after a comma)          target of br; rounding mode; "aq" "rl"
 *   exit, exitr, and calls        target of exit, pc of exitr; "ret" NUM for a call
 *   "to" NUM                      where several blocks start at the target, which one, by its place; else the first
 *
 *   const.i64 -8         getreg.i64 a0        putreg.f64 fa0, %3     add.i32 %1, %2
 *   set.i64 ltu %1, %2   ld32s %1, -16        st8 %1, 4, %2          stf.f32 %1, %2
 *   fadd.f64 %1, %2, dyn lr.i32 %1, aq, rl    sc.i64 %1, %2          amo.i32 maxu %1, %2, rl
 *   fence 0x33           helper rdtime %1, %2 br.i64 ne %1, %2, 0x10074
 *   exit jump 0x10074    exit call 0x10080 ret 0x1007c               exiti ret %1
 *   exiti call %1 ret 0x1007c                 exitr syscall 0x10074  routine memcpy %1, %2, %3
 *
 * NUM is decimal or 0x hexadecimal, negative with a sign, 64 bits. Registers are named as in the
 * regfile. Covered ranges are not part of the text; "runs" is ir_block.exec_count unless 0; insn.to follows from the
 * targets, unit.guest_insns is the number of "at" changes. Dead insns are not printed.
 */
#include "lib/ir/names.h"

#include <inttypes.h>

enum { DECIMAL_BELOW = 10000 };

/* Small numbers decimal, others hexadecimal; int32 keep their sign, the rest look like bits. */
static void put_num(struct strbuf *out, int64_t v)
{
	if (v > -DECIMAL_BELOW && v < DECIMAL_BELOW)
		strbuf_printf(out, "%" PRId64, v);
	else if (v < 0 && v >= INT32_MIN)
		strbuf_printf(out, "-0x%" PRIx64, -v);
	else
		strbuf_printf(out, "0x%" PRIx64, (uint64_t)v);
}

static void put_addr(struct strbuf *out, int64_t v)
{
	strbuf_printf(out, "0x%" PRIx64, (uint64_t)v);
}

/* The word that names n, or its number where it has none (only in units that do not verify). */
static void put_name(struct strbuf *out, const char *const *names, unsigned count, uint64_t n)
{
	if (n < count && names[n])
		strbuf_puts(out, names[n]);
	else
		strbuf_printf(out, "?%" PRIu64, n);
}

static void put_reg(const struct ir_unit *u, struct strbuf *out, int64_t n)
{
	if (u->regs && n >= 0 && n < u->regs->count)
		strbuf_puts(out, u->regs->reg[n].name);
	else
		strbuf_printf(out, "?%" PRId64, n);
}

/* The first word of the items; false when the operation has none. */
static bool put_first(const struct ir_unit *u, const struct ir_insn *i, struct strbuf *out)
{
	switch (i->op) {
	case IR_const:
		put_num(out, i->imm);
		return true;
	case IR_getreg:
	case IR_putreg:
		put_reg(u, out, i->imm);
		return true;
	case IR_set:
	case IR_br:
		put_name(out, ir_cc_names, IR_CC_COUNT, i->sub);
		return true;
	case IR_amo:
		put_name(out, ir_amo_names, IR_AMO_COUNT, i->sub & IR_AMO_MASK);
		return true;
	case IR_fence:
	case IR_count:
	case IR_countby:
	case IR_countrun:
	case IR_owe:
	case IR_edge:
		put_addr(out, i->imm);
		return true;
	case IR_helper:
		put_name(out, ir_helper_names, IR_HELPER_COUNT, (uint64_t)i->imm);
		return true;
	case IR_routine:
		put_name(out, ir_routine_names, IR_ROUTINE_COUNT, (uint64_t)i->imm);
		return true;
	case IR_exit:
	case IR_exiti:
		put_name(out, ir_jump_names, IR_JUMP_COUNT, i->sub);
		return true;
	case IR_exitr:
		put_name(out, ir_exit_names, IR_EXIT_COUNT, i->sub);
		return true;
	default:
		return false;
	}
}

static void put_aqrl(struct strbuf *out, bool aq, bool rl)
{
	strbuf_puts(out, aq ? ", aq" : "");
	strbuf_puts(out, rl ? ", rl" : "");
}

/* The block that insn.to names, when it is not the first at its pc. */
static void put_to(const struct ir_unit *u, const struct ir_insn *i, struct strbuf *out)
{
	unsigned b = 0;

	if (i->to >= u->block_count)
		return;
	while (u->block[b].gpc != u->block[i->to].gpc)
		b++;
	if (b != i->to)
		strbuf_printf(out, " to %u", i->to);
}

/* What stands behind the operands. */
static void put_last(const struct ir_unit *u, const struct ir_insn *i, struct strbuf *out)
{
	switch (ir_info(i)->sub) {
	case IR_SUB_RM:
		strbuf_puts(out, ", ");
		put_name(out, ir_rm_names, IR_RM_COUNT, i->sub);
		break;
	case IR_SUB_REDO:
		strbuf_puts(out, i->sub & IR_REDO ? ", redo" : "");
		break;
	case IR_SUB_AQRL:
		put_aqrl(out, i->sub & IR_LRSC_AQ, i->sub & IR_LRSC_RL);
		break;
	case IR_SUB_AMO:
		put_aqrl(out, i->sub & IR_AMO_AQ, i->sub & IR_AMO_RL);
		break;
	}
	switch (i->op) {
	case IR_br:
		strbuf_puts(out, ", ");
		put_addr(out, i->imm);
		break;
	case IR_exit:
	case IR_exitr:
		strbuf_putc(out, ' ');
		put_addr(out, i->imm);
		break;
	}
	if ((i->op == IR_exit || i->op == IR_exiti) && i->sub == IR_JUMP_CALL) {
		strbuf_puts(out, " ret ");
		put_addr(out, (int64_t)ir_ret(u, i));
	}
}

static void put_items(const struct ir_unit *u, const struct ir_insn *i, struct strbuf *out)
{
	const ir_ref operand[] = { i->a, i->b, i->c };
	const char *sep = " ";

	strbuf_putc(out, ' ');
	/* A register and its value are two items of a list; other first words qualify the operation. */
	if (!put_first(u, i, out))
		sep = "";
	else if (i->op == IR_putreg)
		sep = ", ";
	for (unsigned k = 0; k < ARRAY_LEN(operand); k++) {
		if (!ir_ref_ok(operand[k]))
			continue;
		strbuf_printf(out, "%s%%%u", sep, operand[k].idx);
		sep = ", ";
		if (k == 0 && i->op >= IR_ld8u && i->op <= IR_stf && i->imm) {
			strbuf_puts(out, ", ");
			put_num(out, i->imm);
		}
	}
	put_last(u, i, out);
	put_to(u, i, out);
}

void ir_print_insn(const struct ir_unit *u, uint32_t idx, struct strbuf *out)
{
	const struct ir_insn *i = &u->insn[idx];

	if (ir_result_type(i) != IR_NONE)
		strbuf_printf(out, "%%%u = ", idx);
	strbuf_puts(out, ir_info(i)->name);
	if (i->type != IR_NONE) {
		strbuf_putc(out, '.');
		put_name(out, ir_type_names, IR_TYPE_COUNT, i->type);
	}
	put_items(u, i, out);
}

static void put_regs(const struct ir_unit *u, const char *word, uint64_t set, struct strbuf *out)
{
	const char *sep = " ";

	if (!set)
		return;
	strbuf_printf(out, " %s", word);
	for (; set; set &= set - 1, sep = ", ") {
		strbuf_puts(out, sep);
		put_reg(u, out, __builtin_ctzll(set));
	}
}

void ir_print(const struct ir_unit *u, struct strbuf *out)
{
	for (unsigned b = 0; b < u->block_count; b++) {
		const struct ir_block *blk = &u->block[b];
		gaddr at = blk->gpc;

		strbuf_printf(out, "block 0x%" PRIx64, blk->gpc);
		if (blk->exec_count)
			strbuf_printf(out, " runs %" PRIu32, blk->exec_count);
		if (blk->owes)
			strbuf_printf(out, " owes %" PRIu32, blk->owes);
		put_regs(u, "boxed", blk->boxed, out);
		put_regs(u, "canon", blk->canon, out);
		put_regs(u, "sext", blk->sext, out);
		strbuf_puts(out, " {\n");
		for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
			gaddr pc = u->gpc + (gaddr)(int64_t)u->insn[k].gpc_off;

			if (u->insn[k].dead)
				continue;
			if (pc != at)
				strbuf_printf(out, "  at 0x%" PRIx64 "\n", pc);
			at = pc;
			strbuf_puts(out, "  ");
			ir_print_insn(u, k, out);
			strbuf_putc(out, '\n');
		}
		strbuf_puts(out, "}\n");
	}
}

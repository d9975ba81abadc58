/*
 * Building units: appending insns, blocks and covered ranges, and dropping
 * what passes marked dead. Nothing is folded here. Memory is the unit's arena.
 */
#include "lib/base/panic.h"
#include "lib/ir/ir.h"

void ir_unit_init(struct ir_unit *u, struct arena *a, const struct ir_regfile *regs, gaddr gpc)
{
	*u = (struct ir_unit){ .arena = a, .regs = regs, .gpc = gpc };
}

unsigned ir_block_begin(struct ir_unit *u, gaddr gpc)
{
	KIT_DCHECK(u->block_count < IR_NOBLOCK, "%u blocks", u->block_count);
	arena_grow(u->arena, u->block, u->block_count, u->block_cap);
	u->block[u->block_count] = (struct ir_block){ .gpc = gpc, .first = u->insn_count };
	return u->block_count++;
}

void ir_unit_cover(struct ir_unit *u, gaddr start, uint32_t size_bytes)
{
	gaddr end = start + size_bytes;

	for (unsigned i = u->range_count; i-- > 0;) {
		struct ir_range *r = &u->range[i];
		gaddr r_end = r->start + r->size_bytes;

		if (start < r->start || start > r_end)
			continue;
		if (end > r_end)
			r->size_bytes = (uint32_t)(end - r->start);
		return;
	}
	arena_grow(u->arena, u->range, u->range_count, u->range_cap);
	u->range[u->range_count++] = (struct ir_range){ .start = start, .size_bytes = size_bytes };
}

/* Operand r of insn i, which asks for a type by col: present, earlier, of that type. */
static void check_operand(const struct ir_unit *u, const struct ir_insn *i, uint8_t col, ir_ref r)
{
	if (col == IR_NONE)
		return;
	KIT_DCHECK(r.idx < u->insn_count, "%s: operand %%%u is not there", ir_info(i)->name, r.idx);
	KIT_DCHECK(ir_result_type(&u->insn[r.idx]) == ir_operand_type(i, col),
		   "%s: operand %%%u has type %u", ir_info(i)->name, r.idx,
		   ir_result_type(&u->insn[r.idx]));
}

/* Appends insn; fields that its row does not have get their neutral values. */
ir_ref ir_emit(struct ir_builder *b, struct ir_insn insn)
{
	struct ir_unit *u = b->unit;
	const struct ir_op_info *info = ir_info(&insn);

	KIT_DCHECK(u->block_count, "no block is open");
	check_operand(u, &insn, info->a, insn.a);
	check_operand(u, &insn, info->b, insn.b);
	check_operand(u, &insn, info->c, insn.c);
	insn.gpc_off = (int32_t)(b->gpc - u->gpc);
	insn.dead = 0;
	insn.to = IR_NOBLOCK;
	if (info->a == IR_NONE)
		insn.a = IR_NOREF;
	if (info->b == IR_NONE)
		insn.b = IR_NOREF;
	if (info->c == IR_NONE)
		insn.c = IR_NOREF;
	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	u->insn[u->insn_count] = insn;
	u->block[u->block_count - 1].count++;
	return (ir_ref){ u->insn_count++ };
}

ir_ref ir_const(struct ir_builder *b, enum ir_type t, int64_t value)
{
	return ir_emit(b, (struct ir_insn){ .op = IR_const,
					    .type = (uint8_t)t,
					    .imm = t == IR_I32 ? (int32_t)value : value });
}

ir_ref ir_op1(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x)
{
	return ir_emit(b, (struct ir_insn){ .op = (uint8_t)op, .type = (uint8_t)t, .a = x });
}

ir_ref ir_op2(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y)
{
	return ir_emit(b,
		       (struct ir_insn){ .op = (uint8_t)op, .type = (uint8_t)t, .a = x, .b = y });
}

ir_ref ir_op3(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y, ir_ref z)
{
	return ir_emit(
	    b, (struct ir_insn){ .op = (uint8_t)op, .type = (uint8_t)t, .a = x, .b = y, .c = z });
}

ir_ref ir_fop(struct ir_builder *b, enum ir_op op, enum ir_type t, enum ir_rm rm, ir_ref x,
	      ir_ref y, ir_ref z)
{
	return ir_emit(b, (struct ir_insn){ .op = (uint8_t)op,
					    .type = (uint8_t)t,
					    .sub = (uint8_t)rm,
					    .a = x,
					    .b = y,
					    .c = z });
}

ir_ref ir_set(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y)
{
	return ir_emit(b,
		       (struct ir_insn){
			   .op = IR_set, .type = (uint8_t)t, .sub = (uint8_t)cc, .a = x, .b = y });
}

ir_ref ir_getreg(struct ir_builder *b, unsigned reg)
{
	const struct ir_regfile *rf = b->unit->regs;

	KIT_DCHECK(reg < rf->count, "register %u of %u", reg, rf->count);
	return ir_emit(b,
		       (struct ir_insn){ .op = IR_getreg, .type = rf->reg[reg].type, .imm = reg });
}

void ir_putreg(struct ir_builder *b, unsigned reg, ir_ref v)
{
	const struct ir_regfile *rf = b->unit->regs;

	KIT_DCHECK(reg < rf->count, "register %u of %u", reg, rf->count);
	ir_emit(b,
		(struct ir_insn){ .op = IR_putreg, .type = rf->reg[reg].type, .a = v, .imm = reg });
}

ir_ref ir_load(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp)
{
	return ir_emit(b, (struct ir_insn){ .op = (uint8_t)op,
					    .type = op == IR_ldf ? (uint8_t)t : IR_NONE,
					    .a = addr,
					    .imm = disp });
}

void ir_store(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp,
	      ir_ref v)
{
	ir_emit(b, (struct ir_insn){ .op = (uint8_t)op,
				     .type = op == IR_stf ? (uint8_t)t : IR_NONE,
				     .a = addr,
				     .b = v,
				     .imm = disp });
}

void ir_br(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y, gaddr target)
{
	ir_emit(b, (struct ir_insn){ .op = IR_br,
				     .type = (uint8_t)t,
				     .sub = (uint8_t)cc,
				     .a = x,
				     .b = y,
				     .imm = (int64_t)target });
}

void ir_exit(struct ir_builder *b, enum ir_jump kind, gaddr target, gaddr ret)
{
	ir_emit(b, (struct ir_insn){ .op = IR_exit,
				     .sub = (uint8_t)kind,
				     .imm = (int64_t)target,
				     .imm2 = kind == IR_JUMP_CALL ? (int64_t)ret : 0 });
}

void ir_exiti(struct ir_builder *b, enum ir_jump kind, ir_ref target, gaddr ret)
{
	ir_emit(b, (struct ir_insn){ .op = IR_exiti,
				     .sub = (uint8_t)kind,
				     .a = target,
				     .imm2 = kind == IR_JUMP_CALL ? (int64_t)ret : 0 });
}

void ir_exitr(struct ir_builder *b, enum ir_exit reason, gaddr pc)
{
	ir_emit(b, (struct ir_insn){ .op = IR_exitr, .imm = (int64_t)pc, .imm2 = reason });
}

/*
 * Calls and returns stay outside: they are paired on the host's stack, so even
 * a call of the unit's own entry leaves it.
 */
void ir_resolve_exits(struct ir_unit *u)
{
	for (unsigned k = 0; k < u->insn_count; k++) {
		struct ir_insn *i = &u->insn[k];

		if (i->op != IR_br && !(i->op == IR_exit && i->sub == IR_JUMP_PLAIN))
			continue;
		i->to = IR_NOBLOCK;
		for (unsigned b = 0; b < u->block_count; b++)
			if (u->block[b].gpc == (gaddr)i->imm) {
				i->to = (uint16_t)b;
				break;
			}
	}
}

void ir_compact(struct ir_unit *u)
{
	uint32_t *map = arena_new(u->arena, uint32_t, u->insn_count + 1);
	uint32_t n = 0;

	for (unsigned b = 0; b < u->block_count; b++) {
		struct ir_block *blk = &u->block[b];
		uint32_t first = blk->first, end = first + blk->count;

		blk->first = n;
		for (uint32_t k = first; k < end; k++) {
			struct ir_insn *i = &u->insn[k];

			if (i->dead)
				continue;
			if (ir_ref_ok(i->a))
				i->a.idx = map[i->a.idx];
			if (ir_ref_ok(i->b))
				i->b.idx = map[i->b.idx];
			if (ir_ref_ok(i->c))
				i->c.idx = map[i->c.idx];
			map[k] = n;
			if (k != n)
				u->insn[n] = *i;
			n++;
		}
		blk->count = n - blk->first;
	}
	u->insn_count = n;
}

/*
 * Building units: appending insns, blocks and covered ranges, and dropping
 * what passes marked dead. Nothing is folded here. Memory is the unit's arena.
 *
 * Most units are small and made to be thrown away soon, so a fresh one has room for a trace of
 * usual length, all from one allocation.
 */
#include "lib/base/panic.h"
#include "lib/ir/ir.h"

enum { FIRST_BLOCKS = 2, FIRST_RANGES = 4, FIRST_INSNS = 48 };

/* The first room of a unit's arrays. */
struct first_room {
	struct ir_block block[FIRST_BLOCKS];
	struct ir_range range[FIRST_RANGES];
	struct ir_insn insn[FIRST_INSNS];
};

void ir_unit_init(struct ir_unit *u, struct arena *a, const struct ir_regfile *regs, gaddr gpc)
{
	struct first_room *r = arena_new(a, struct first_room, 1);

	*u = (struct ir_unit){
		.arena = a,
		.regs = regs,
		.gpc = gpc,
		.insn = r->insn,
		.insn_cap = FIRST_INSNS,
		.block = r->block,
		.block_cap = FIRST_BLOCKS,
		.range = r->range,
		.range_cap = FIRST_RANGES,
	};
}

unsigned ir_block_begin(struct ir_unit *u, gaddr gpc)
{
	KIT_DCHECK(u->block_count < IR_NOBLOCK, "%u blocks", u->block_count);
	arena_grow(u->arena, u->block, u->block_count, u->block_cap);
	u->open = &u->block[u->block_count];
	*u->open = (struct ir_block){ .gpc = gpc, .first = u->insn_count };
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

static __attribute__((noinline)) ir_ref push_grown(struct ir_builder *b, enum ir_op op,
						   enum ir_type t, unsigned sub, ir_ref x, ir_ref y,
						   ir_ref z, int64_t imm);

/*
 * Appends an insn to the last block. Each field is written once, with its final value, and nothing is
 * done behind a call, so that no registers are saved for one: half of what lifting does is done here.
 */
static inline ir_ref push(struct ir_builder *b, enum ir_op op, enum ir_type t, unsigned sub,
			  ir_ref x, ir_ref y, ir_ref z, int64_t imm)
{
	struct ir_unit *u = b->unit;
	uint32_t n = u->insn_count;
	struct ir_insn *i;

	KIT_DCHECK(u->block_count && n < IR_INSNS_MAX, "no block is open, or too many insns");
	if (KIT_UNLIKELY(n == u->insn_cap))
		return push_grown(b, op, t, sub, x, y, z, imm);
	i = &u->insn[n];
	u->open->count++;
	i->op = (uint8_t)op;
	i->type = (uint8_t)t;
	i->sub = (uint8_t)sub;
	i->dead = 0;
	i->ret_bytes = 0;
	i->gpc_off = (int32_t)(b->gpc - u->gpc);
	i->a = x;
	i->b = y;
	i->c = z;
	i->to = IR_NOBLOCK;
	i->imm = imm;
	check_operand(u, i, ir_info(i)->a, x);
	check_operand(u, i, ir_info(i)->b, y);
	check_operand(u, i, ir_info(i)->c, z);
	u->insn_count = n + 1;
	return (ir_ref){ (uint16_t)n };
}

static ir_ref push_grown(struct ir_builder *b, enum ir_op op, enum ir_type t, unsigned sub,
			 ir_ref x, ir_ref y, ir_ref z, int64_t imm)
{
	struct ir_unit *u = b->unit;

	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	return push(b, op, t, sub, x, y, z, imm);
}

/* An operand that insn's row does not have gets its neutral value. */
static ir_ref operand(uint8_t col, ir_ref r) { return col != IR_NONE ? r : IR_NOREF; }

ir_ref ir_emit(struct ir_builder *b, struct ir_insn insn)
{
	const struct ir_op_info *info = ir_info(&insn);

	return push(b, (enum ir_op)insn.op, (enum ir_type)insn.type, insn.sub,
		    operand(info->a, insn.a), operand(info->b, insn.b), operand(info->c, insn.c),
		    insn.imm);
}

ir_ref ir_const(struct ir_builder *b, enum ir_type t, int64_t value)
{
	return push(b, IR_const, t, 0, IR_NOREF, IR_NOREF, IR_NOREF,
		    t == IR_I32 ? (int32_t)value : value);
}

ir_ref ir_op1(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x)
{
	return push(b, op, t, 0, x, IR_NOREF, IR_NOREF, 0);
}

ir_ref ir_op2(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y)
{
	return push(b, op, t, 0, x, y, IR_NOREF, 0);
}

ir_ref ir_op3(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y, ir_ref z)
{
	return push(b, op, t, 0, x, y, z, 0);
}

ir_ref ir_fop(struct ir_builder *b, enum ir_op op, enum ir_type t, enum ir_rm rm, ir_ref x,
	      ir_ref y, ir_ref z)
{
	return push(b, op, t, rm, x, y, z, 0);
}

ir_ref ir_set(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y)
{
	return push(b, IR_set, t, cc, x, y, IR_NOREF, 0);
}

ir_ref ir_getreg(struct ir_builder *b, unsigned reg)
{
	const struct ir_regfile *rf = b->unit->regs;

	KIT_DCHECK(reg < rf->count, "register %u of %u", reg, rf->count);
	return push(b, IR_getreg, (enum ir_type)rf->reg[reg].type, 0, IR_NOREF, IR_NOREF, IR_NOREF,
		    reg);
}

void ir_putreg(struct ir_builder *b, unsigned reg, ir_ref v)
{
	const struct ir_regfile *rf = b->unit->regs;

	KIT_DCHECK(reg < rf->count, "register %u of %u", reg, rf->count);
	push(b, IR_putreg, (enum ir_type)rf->reg[reg].type, 0, v, IR_NOREF, IR_NOREF, reg);
}

ir_ref ir_load(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp)
{
	return push(b, op, op == IR_ldf ? t : IR_NONE, 0, addr, IR_NOREF, IR_NOREF, disp);
}

void ir_store(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp,
	      ir_ref v)
{
	push(b, op, op == IR_stf ? t : IR_NONE, 0, addr, v, IR_NOREF, disp);
}

ir_ref ir_atomic(struct ir_builder *b, enum ir_op op, enum ir_type t, unsigned sub, ir_ref addr,
		 ir_ref v)
{
	return push(b, op, t, sub, addr, v, IR_NOREF, 0);
}

void ir_fence(struct ir_builder *b, unsigned sets)
{
	push(b, IR_fence, IR_NONE, 0, IR_NOREF, IR_NOREF, IR_NOREF, sets);
}

ir_ref ir_get_state(struct ir_builder *b, enum ir_op op)
{
	return push(b, op, IR_NONE, 0, IR_NOREF, IR_NOREF, IR_NOREF, 0);
}

void ir_set_state(struct ir_builder *b, enum ir_op op, ir_ref v)
{
	push(b, op, IR_NONE, 0, v, IR_NOREF, IR_NOREF, 0);
}

ir_ref ir_call(struct ir_builder *b, unsigned helper, ir_ref x, ir_ref y)
{
	return push(b, IR_helper, IR_NONE, 0, x, y, IR_NOREF, helper);
}

void ir_count(struct ir_builder *b, uint32_t what, int32_t n)
{
	push(b, IR_count, IR_NONE, 0, IR_NOREF, IR_NOREF, IR_NOREF,
	     (int64_t)what << 32 | (uint32_t)n);
}

void ir_count_by(struct ir_builder *b, uint32_t what, ir_ref n)
{
	push(b, IR_countby, IR_NONE, 0, n, IR_NOREF, IR_NOREF, (int64_t)what << 32);
}

void ir_count_run(struct ir_builder *b, uint32_t what, const struct ir_run *r, ir_ref length,
		  ir_ref at, ir_ref all)
{
	push(b, IR_countrun, IR_NONE, 0, length, at, all,
	     (int64_t)((uint64_t)what << 32 | ir_run_pack(r)));
}

void ir_edge(struct ir_builder *b, uint32_t from, ir_ref to)
{
	push(b, IR_edge, IR_NONE, 0, to, IR_NOREF, IR_NOREF, from);
}

void ir_br(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y, gaddr target)
{
	push(b, IR_br, t, cc, x, y, IR_NOREF, (int64_t)target);
}

/* Where a call comes back to: close behind the instruction, so that few bits hold it. Other jumps have no such place. */
static void set_ret(struct ir_builder *b, ir_ref r, enum ir_jump kind, gaddr ret)
{
	if (kind != IR_JUMP_CALL)
		return;
	KIT_DCHECK(ret - b->gpc - 1 < IR_RET_BYTES_MAX, "a call at %#llx returns to %#llx",
		   (unsigned long long)b->gpc, (unsigned long long)ret);
	b->unit->insn[r.idx].ret_bytes = (ret - b->gpc) & IR_RET_BYTES_MAX;
}

void ir_exit(struct ir_builder *b, enum ir_jump kind, gaddr target, gaddr ret)
{
	ir_ref r = push(b, IR_exit, IR_NONE, kind, IR_NOREF, IR_NOREF, IR_NOREF, (int64_t)target);

	set_ret(b, r, kind, ret);
}

void ir_exiti(struct ir_builder *b, enum ir_jump kind, ir_ref target, gaddr ret)
{
	ir_ref r = push(b, IR_exiti, IR_NONE, kind, target, IR_NOREF, IR_NOREF, 0);

	set_ret(b, r, kind, ret);
}

void ir_exitr(struct ir_builder *b, enum ir_exit reason, gaddr pc)
{
	push(b, IR_exitr, IR_NONE, reason, IR_NOREF, IR_NOREF, IR_NOREF, (int64_t)pc);
}

/* The first block at pc. */
static unsigned block_at(const struct ir_unit *u, gaddr pc)
{
	for (unsigned b = 0; b < u->block_count; b++)
		if (u->block[b].gpc == pc)
			return b;
	return IR_NOBLOCK;
}

/*
 * Calls and returns stay outside: they are paired on the host's stack, so even
 * a call of the unit's own entry leaves it.
 */
void ir_resolve_exits(struct ir_unit *u)
{
	for (unsigned k = 0; k < u->insn_count; k++) {
		struct ir_insn *i = &u->insn[k];

		if (ir_is_call(i))
			i->to = (uint16_t)block_at(u, ir_ret(u, i));
		else if (i->op == IR_br || (i->op == IR_exit && i->sub == IR_JUMP_PLAIN))
			i->to = (uint16_t)block_at(u, (gaddr)i->imm);
	}
}

void ir_cut_loops(struct ir_unit *u)
{
	for (unsigned k = 0; k < u->insn_count; k++)
		u->insn[k].to = IR_NOBLOCK;
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
			if (k != n)
				u->insn[n] = *i;
			i = &u->insn[n];
			if (ir_ref_ok(i->a))
				i->a.idx = map[i->a.idx];
			if (ir_ref_ok(i->b))
				i->b.idx = map[i->b.idx];
			if (ir_ref_ok(i->c))
				i->c.idx = map[i->c.idx];
			map[k] = n++;
		}
		blk->count = n - blk->first;
	}
	u->insn_count = n;
}

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

static struct ir_insn *push_grown(struct ir_builder *b, enum ir_op op, enum ir_type t);

/*
 * The next insn of the last block, stamped, all else neutral. Callers fill it in place: a whole
 * insn copied right after its fields were written stalls the host at each of them.
 */
static inline struct ir_insn *push(struct ir_builder *b, enum ir_op op, enum ir_type t)
{
	struct ir_unit *u = b->unit;
	struct ir_insn *i;

	KIT_DCHECK(u->block_count, "no block is open");
	if (KIT_UNLIKELY(u->insn_count == u->insn_cap))
		return push_grown(b, op, t);
	i = &u->insn[u->insn_count++];
	u->block[u->block_count - 1].count++;
	i->op = (uint8_t)op;
	i->type = (uint8_t)t;
	i->sub = 0;
	i->dead = 0;
	i->gpc_off = (int32_t)(b->gpc - u->gpc);
	i->a = i->b = i->c = IR_NOREF;
	i->to = IR_NOBLOCK;
	i->imm = i->imm2 = 0;
	return i;
}

/* Apart, so that push saves no registers for the call. */
static __attribute__((noinline)) struct ir_insn *push_grown(struct ir_builder *b, enum ir_op op,
							    enum ir_type t)
{
	struct ir_unit *u = b->unit;

	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	return push(b, op, t);
}

static ir_ref done(const struct ir_builder *b, const struct ir_insn *i)
{
	const struct ir_unit *u = b->unit;
	const struct ir_op_info *info = ir_info(i);

	check_operand(u, i, info->a, i->a);
	check_operand(u, i, info->b, i->b);
	check_operand(u, i, info->c, i->c);
	return (ir_ref){ u->insn_count - 1 };
}

/* Appends insn; fields that its row does not have get their neutral values. */
ir_ref ir_emit(struct ir_builder *b, struct ir_insn insn)
{
	const struct ir_op_info *info = ir_info(&insn);
	struct ir_insn *i = push(b, (enum ir_op)insn.op, (enum ir_type)insn.type);

	i->sub = insn.sub;
	if (info->a != IR_NONE)
		i->a = insn.a;
	if (info->b != IR_NONE)
		i->b = insn.b;
	if (info->c != IR_NONE)
		i->c = insn.c;
	i->imm = insn.imm;
	i->imm2 = insn.imm2;
	return done(b, i);
}

ir_ref ir_const(struct ir_builder *b, enum ir_type t, int64_t value)
{
	struct ir_insn *i = push(b, IR_const, t);

	i->imm = t == IR_I32 ? (int32_t)value : value;
	return done(b, i);
}

ir_ref ir_op1(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x)
{
	struct ir_insn *i = push(b, op, t);

	i->a = x;
	return done(b, i);
}

ir_ref ir_op2(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y)
{
	struct ir_insn *i = push(b, op, t);

	i->a = x;
	i->b = y;
	return done(b, i);
}

ir_ref ir_op3(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref x, ir_ref y, ir_ref z)
{
	struct ir_insn *i = push(b, op, t);

	i->a = x;
	i->b = y;
	i->c = z;
	return done(b, i);
}

ir_ref ir_fop(struct ir_builder *b, enum ir_op op, enum ir_type t, enum ir_rm rm, ir_ref x,
	      ir_ref y, ir_ref z)
{
	struct ir_insn *i = push(b, op, t);

	i->sub = (uint8_t)rm;
	i->a = x;
	i->b = y;
	i->c = z;
	return done(b, i);
}

ir_ref ir_set(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y)
{
	struct ir_insn *i = push(b, IR_set, t);

	i->sub = (uint8_t)cc;
	i->a = x;
	i->b = y;
	return done(b, i);
}

ir_ref ir_getreg(struct ir_builder *b, unsigned reg)
{
	const struct ir_regfile *rf = b->unit->regs;
	struct ir_insn *i;

	KIT_DCHECK(reg < rf->count, "register %u of %u", reg, rf->count);
	i = push(b, IR_getreg, (enum ir_type)rf->reg[reg].type);
	i->imm = reg;
	return done(b, i);
}

void ir_putreg(struct ir_builder *b, unsigned reg, ir_ref v)
{
	const struct ir_regfile *rf = b->unit->regs;
	struct ir_insn *i;

	KIT_DCHECK(reg < rf->count, "register %u of %u", reg, rf->count);
	i = push(b, IR_putreg, (enum ir_type)rf->reg[reg].type);
	i->a = v;
	i->imm = reg;
	done(b, i);
}

ir_ref ir_load(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp)
{
	struct ir_insn *i = push(b, op, op == IR_ldf ? t : IR_NONE);

	i->a = addr;
	i->imm = disp;
	return done(b, i);
}

void ir_store(struct ir_builder *b, enum ir_op op, enum ir_type t, ir_ref addr, int64_t disp,
	      ir_ref v)
{
	struct ir_insn *i = push(b, op, op == IR_stf ? t : IR_NONE);

	i->a = addr;
	i->b = v;
	i->imm = disp;
	done(b, i);
}

void ir_br(struct ir_builder *b, enum ir_type t, enum ir_cc cc, ir_ref x, ir_ref y, gaddr target)
{
	struct ir_insn *i = push(b, IR_br, t);

	i->sub = (uint8_t)cc;
	i->a = x;
	i->b = y;
	i->imm = (int64_t)target;
	done(b, i);
}

void ir_exit(struct ir_builder *b, enum ir_jump kind, gaddr target, gaddr ret)
{
	struct ir_insn *i = push(b, IR_exit, IR_NONE);

	i->sub = (uint8_t)kind;
	i->imm = (int64_t)target;
	i->imm2 = kind == IR_JUMP_CALL ? (int64_t)ret : 0;
}

void ir_exiti(struct ir_builder *b, enum ir_jump kind, ir_ref target, gaddr ret)
{
	struct ir_insn *i = push(b, IR_exiti, IR_NONE);

	i->sub = (uint8_t)kind;
	i->a = target;
	i->imm2 = kind == IR_JUMP_CALL ? (int64_t)ret : 0;
	done(b, i);
}

void ir_exitr(struct ir_builder *b, enum ir_exit reason, gaddr pc)
{
	struct ir_insn *i = push(b, IR_exitr, IR_NONE);

	i->imm = (int64_t)pc;
	i->imm2 = reason;
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

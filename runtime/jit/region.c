/*
 * Forming regions; see region.h.
 *
 *     discover  from the entry along all jumps to hot places: where traces start, and which starts head a loop
 *     lift      each trace becomes a block. It ends where a loop starts, lest a turn of it be unrolled; other code
 *               may be in several blocks, as it is in several traces: what follows a join is better for knowing
 *               which way it was reached
 *     order     a block stands behind one that ends with a jump to it, so that the jump goes
 *
 * Measured: traces made longer than those of level 1, and blocks cut at every join, both cost CoreMark-like code 10 %.
 */
#include "runtime/jit/region.h"

#include "lib/base/panic.h"

enum {
	MAX_STARTS = 48,
	REACH_BYTES = 1 << 28, /* from the entry: insn.gpc_off has 31 bits */
};

/* A trace as level 1 has it. */
struct start {
	gaddr gpc;
	uint32_t heat;
	bool is_head; /* of a loop: some jump leads back to it */
};

struct forming {
	const struct region_source *s;
	struct ir_unit *u;
	unsigned insns_left;
	struct start start[MAX_STARTS];
	unsigned count;
};

/* A jump at from leads to pc: that becomes a start when it is hot and there is room. */
static void reach(struct forming *r, gaddr pc, gaddr from)
{
	unsigned n = 0;

	while (n < r->count && r->start[n].gpc != pc)
		n++;
	if (n == r->count) {
		uint32_t heat;

		if (n == MAX_STARTS || pc - r->u->gpc + REACH_BYTES > 2 * (uint64_t)REACH_BYTES)
			return;
		heat = r->s->heat(r->s->ctx, pc);
		if (!heat)
			return;
		r->start[r->count++] = (struct start){ .gpc = pc, .heat = heat };
	}
	r->start[n].is_head |= pc <= from;
}

/* Lifts a trace for its exits alone. */
static void discover(struct forming *r, gaddr pc)
{
	struct ir_unit u;

	ir_unit_init(&u, r->u->arena, r->u->regs, pc);
	r->s->guest->translate(r->s->decoder, r->s->fetch, pc, r->s->trace, &u);
	r->insns_left -= u.guest_insns < r->insns_left ? u.guest_insns : r->insns_left;
	if (!r->insns_left)
		return;
	for (unsigned k = 0; k < u.insn_count; k++) {
		const struct ir_insn *i = &u.insn[k];

		if (i->op == IR_br || (i->op == IR_exit && i->sub == IR_JUMP_PLAIN))
			reach(r, (gaddr)i->imm, pc + (gaddr)(int64_t)i->gpc_off);
	}
}

static void lift(struct forming *r)
{
	struct guest_limits limits = *r->s->trace;
	gaddr stop[MAX_STARTS];

	limits.stop = stop;
	for (unsigned n = 0; n < r->count; n++)
		if (n == 0 || r->start[n].is_head)
			stop[limits.stop_count++] = r->start[n].gpc;
	for (unsigned n = 0; n < r->count; n++) {
		r->s->guest->translate(r->s->decoder, r->s->fetch, r->start[n].gpc, &limits, r->u);
		r->u->block[r->u->block_count - 1].exec_count = r->start[n].heat;
	}
}

/* The block that b ends with a jump to, or block_count. */
static unsigned successor(const struct ir_unit *u, const struct ir_block *b)
{
	const struct ir_insn *last = &u->insn[b->first + b->count - 1];
	unsigned n = 0;

	if (last->op != IR_exit || last->sub != IR_JUMP_PLAIN)
		return u->block_count;
	while (n < u->block_count && u->block[n].gpc != (gaddr)last->imm)
		n++;
	return n;
}

/* Appends the insns of block b, whose values are used in it alone, to those at to. */
static void move_block(const struct ir_unit *u, struct ir_block *b, struct ir_insn *to,
		       uint32_t first)
{
	for (uint32_t k = 0; k < b->count; k++) {
		struct ir_insn *i = &to[first + k];
		ir_ref *operand[] = { &i->a, &i->b, &i->c };

		*i = u->insn[b->first + k];
		for (unsigned n = 0; n < ARRAY_LEN(operand); n++)
			if (ir_ref_ok(*operand[n]))
				operand[n]->idx = (uint16_t)(operand[n]->idx - b->first + first);
	}
	b->first = first;
}

static void order(struct ir_unit *u)
{
	struct ir_block *in_order = arena_new(u->arena, struct ir_block, u->block_count);
	struct ir_insn *insn = arena_new(u->arena, struct ir_insn, u->insn_count);
	bool *placed = arena_znew(u->arena, bool, u->block_count);
	uint32_t first = 0;
	unsigned count = 0;

	for (unsigned n = 0; n < u->block_count; n++) {
		unsigned b = n;

		while (b < u->block_count && !placed[b]) {
			unsigned next = successor(u, &u->block[b]);

			placed[b] = true;
			in_order[count] = u->block[b];
			move_block(u, &in_order[count], insn, first);
			first += in_order[count++].count;
			b = next;
		}
	}
	u->block = in_order;
	u->block_cap = u->block_count;
	u->insn = insn;
	u->insn_count = u->insn_cap = first;
	u->open = NULL;
}

void region_build(const struct region_source *s, unsigned max_insns, struct ir_unit *u)
{
	struct forming r = { .s = s, .u = u, .insns_left = max_insns };

	r.start[0] = (struct start){ .gpc = u->gpc, .heat = s->heat(s->ctx, u->gpc) };
	r.count = 1;
	for (unsigned n = 0; n < r.count && r.insns_left; n++)
		discover(&r, r.start[n].gpc);
	lift(&r);
	order(u);
	ir_resolve_exits(u);
}

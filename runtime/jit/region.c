/*
 * Forming regions; see region.h.
 *
 *     discover  from the entry along all jumps, and past calls, to hot places: where traces start, and which starts
 *               head a loop
 *     lift      each trace becomes a block. It ends where a loop starts, lest a turn of it be unrolled; other code
 *               may be in several blocks, as it is in several traces: what follows a join is better for knowing
 *               which way it was reached
 *     arrange   a block that ends with a jump to one that nobody else jumps to goes on with it: an interpreter's
 *               "break" back to where the next instruction is fetched. Other blocks stand behind one that ends
 *               with a jump to them, so that the jump goes, or with a call that returns to them. Where a block ends with
 *               a branch, the hotter side comes next
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
	uint64_t
	    next; /* the starts that its jumps lead to, or where it is after a call, by number */
	uint32_t heat;
	bool is_head; /* of a loop */
};

_Static_assert(MAX_STARTS <= 64, "starts have bits");

struct forming {
	const struct region_source *s;
	struct ir_unit *u;
	unsigned insns_left;
	struct start start[MAX_STARTS];
	unsigned count;
};

/* The number of the start at pc, which becomes one when it is hot and there is room; MAX_STARTS: it is none. */
static unsigned reach(struct forming *r, gaddr pc)
{
	unsigned n = 0;
	uint32_t heat;

	while (n < r->count && r->start[n].gpc != pc)
		n++;
	if (n < r->count || n == MAX_STARTS
	    || pc - r->u->gpc + REACH_BYTES > 2 * (uint64_t)REACH_BYTES)
		return n < r->count ? n : MAX_STARTS;
	heat = r->s->heat(r->s->ctx, pc);
	if (!heat)
		return MAX_STARTS;
	r->start[r->count++] = (struct start){ .gpc = pc, .heat = heat };
	return n;
}

/* Lifts the trace of start n for its exits alone. */
static void discover(struct forming *r, unsigned n)
{
	struct ir_unit u;

	ir_unit_init(&u, r->u->arena, r->u->regs, r->start[n].gpc);
	r->s->guest->translate(r->s->decoder, r->s->fetch, u.gpc, r->s->trace, &u);
	r->insns_left -= u.guest_insns < r->insns_left ? u.guest_insns : r->insns_left;
	if (!r->insns_left)
		return;
	for (unsigned k = 0; k < u.insn_count; k++) {
		const struct ir_insn *i = &u.insn[k];
		unsigned to = MAX_STARTS;

		if (ir_is_call(i))
			to = reach(r, ir_ret(&u, i));
		else if (i->op == IR_br || (i->op == IR_exit && i->sub == IR_JUMP_PLAIN))
			to = reach(r, (gaddr)i->imm);
		if (to < MAX_STARTS)
			r->start[n].next |= UINT64_C(1) << to;
	}
}

/* Depth first, from start n: what a way that is being gone leads back to heads a loop. */
static void find_heads(struct forming *r, unsigned n, uint64_t *seen, uint64_t on_way)
{
	*seen |= UINT64_C(1) << n;
	on_way |= UINT64_C(1) << n;
	for (uint64_t left = r->start[n].next; left; left &= left - 1) {
		unsigned to = (unsigned)__builtin_ctzll(left);

		if (on_way >> to & 1)
			r->start[to].is_head = true;
		else if (!(*seen >> to & 1))
			find_heads(r, to, seen, on_way);
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

static uint32_t heat_of(const struct ir_unit *u, unsigned block)
{
	return block == IR_NOBLOCK ? 0 : u->block[block].exec_count;
}

/*
 * The block that shall stand behind b: one that it ends with a jump to, or a call that returns to it, and is not placed
 * yet; or IR_NOBLOCK. Where the last branch goes to a hotter place than the jump behind it, they change places.
 */
static unsigned successor(struct ir_unit *u, const struct ir_block *b, const bool *placed)
{
	struct ir_insn *last = &u->insn[b->first + b->count - 1], *br = last - 1;
	const bool jumps = last->op == IR_exit && last->sub == IR_JUMP_PLAIN;

	if (jumps && b->count > 1 && br->op == IR_br && br->to != IR_NOBLOCK && !placed[br->to]
	    && heat_of(u, br->to) > heat_of(u, last->to)) {
		const int64_t imm = br->imm;
		const uint16_t to = br->to;

		br->sub = ir_cc_invert((enum ir_cc)br->sub);
		br->imm = last->imm;
		br->to = last->to;
		last->imm = imm;
		last->to = to;
	}
	return last->to == IR_NOBLOCK || placed[last->to] ? IR_NOBLOCK : last->to;
}

/* How many jumps, and calls that return to it, lead to each block from within. */
static unsigned *count_jumps(const struct ir_unit *u)
{
	unsigned *jumps = arena_znew(u->arena, unsigned, u->block_count);

	for (unsigned k = 0; k < u->insn_count; k++)
		if (u->insn[k].to != IR_NOBLOCK)
			jumps[u->insn[k].to]++;
	return jumps;
}

/* Appends the first count insns of block b, whose values are used in it alone, to those at to[first]. */
static void move_insns(const struct ir_unit *u, const struct ir_block *b, uint32_t count,
		       struct ir_insn *to, uint32_t first)
{
	for (uint32_t k = 0; k < count; k++) {
		struct ir_insn *i = &to[first + k];
		ir_ref *operand[] = { &i->a, &i->b, &i->c };

		*i = u->insn[b->first + k];
		for (unsigned n = 0; n < ARRAY_LEN(operand); n++)
			if (ir_ref_ok(*operand[n]))
				operand[n]->idx = (uint16_t)(operand[n]->idx - b->first + first);
	}
}

static void arrange(struct ir_unit *u)
{
	struct ir_block *block = arena_new(u->arena, struct ir_block, u->block_count);
	struct ir_insn *insn = arena_new(u->arena, struct ir_insn, u->insn_count);
	bool *placed = arena_znew(u->arena, bool, u->block_count);
	const unsigned *jumps = count_jumps(u);
	uint32_t used = 0;
	unsigned count = 0;

	for (unsigned n = 0; n < u->block_count; n++) {
		unsigned b = n, next;
		bool goes_on = false;

		for (; b != IR_NOBLOCK && !placed[b]; b = next) {
			const struct ir_block *from = &u->block[b];
			uint32_t moved = from->count;

			placed[b] = true;
			next = successor(u, from, placed);
			if (!goes_on) {
				block[count] = *from;
				block[count].first = used;
				block[count++].count = 0;
			}
			goes_on = next != IR_NOBLOCK && jumps[next] == 1
				  && !ir_is_call(&u->insn[from->first + from->count - 1]);
			moved -= goes_on;
			move_insns(u, from, moved, insn, used);
			used += moved;
			block[count - 1].count += moved;
		}
	}
	u->block = block;
	u->block_count = count;
	u->block_cap = count;
	u->insn = insn;
	u->insn_count = u->insn_cap = used;
	u->open = NULL;
}

void region_build(const struct region_source *s, unsigned max_insns, struct ir_unit *u)
{
	struct forming r = { .s = s, .u = u, .insns_left = max_insns };
	uint64_t seen = 0;

	r.start[0] = (struct start){ .gpc = u->gpc, .heat = s->heat(s->ctx, u->gpc) };
	r.count = 1;
	for (unsigned n = 0; n < r.count && r.insns_left; n++)
		discover(&r, n);
	find_heads(&r, 0, &seen, 0);
	lift(&r);
	ir_resolve_exits(u);
	arrange(u);
	ir_resolve_exits(u);
}

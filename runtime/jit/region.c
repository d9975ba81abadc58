/*
 * Forming regions; see region.h.
 *
 *     discover  from the entry along all jumps, into small leaf functions, and past other calls, to hot places: where
 *               traces start, and which starts head a loop
 *     lift      each trace becomes a block. It ends where a loop starts, lest a turn of it be unrolled; other code
 *               may be in several blocks, as it is in several traces: what follows a join is better for knowing
 *               which way it was reached
 *     resolve   jumps find their blocks
 *     arrange   a block that ends with a jump to one that nobody else jumps to goes on with it: an interpreter's
 *               "break" back to where the next instruction is fetched. Other blocks stand behind one that ends
 *               with a jump to them, so that the jump goes, or with a call that returns to them. Where a block ends with
 *               a branch, the hotter side comes next
 *
 * A small leaf function is inlined where it is called: its blocks are lifted anew for each such call, which becomes a
 * jump to the first of them, and its return a jump to the block behind the call. The return address stays in its register,
 * which no block of a leaf writes; so every instruction finds the registers that it would find had it been called. What is not
 * there is the call on the host's stack. Ways out of a leaf, to what is cold in it, therefore make that call:
 *
 *     caller   ra = ret --> leaf: beqz a0, cold --> the rest --> ret: ...
 *                                      |
 *                                      +--> call cold, return to ret (an outlet)
 *
 * Measured: traces made longer than those of level 1, and blocks cut at every join, both cost CoreMark-like code 10 %.
 */
#include "runtime/jit/region.h"

#include "lib/base/panic.h"

enum {
	MAX_STARTS = 48,
	MAX_BLOCKS = 64, /* with outlets; what opt/carry.c takes */
	MAX_INLININGS = 16,
	LEAF_STARTS = 8,
	LEAF_INSNS = 48,
	MANY_TURNS = 4,        /* of a loop */
	REACH_BYTES = 1 << 28, /* from the entry: insn.gpc_off has 31 bits */
};

/* A trace as level 1 has it. */
struct start {
	gaddr gpc;
	uint64_t
	    next; /* the starts that its jumps lead to, or where it is after a call, by number */
	uint32_t heat;
	uint8_t inlining; /* the leaf's that it is in a copy of, or NOT_INLINED */
	bool is_head;     /* of a loop */
};

_Static_assert(MAX_STARTS <= 64, "starts have bits");

/* The inlining of a function where it is called. */
struct inlining {
	gaddr pc, target, ret; /* of the call */
	unsigned link;         /* the register that has ret */
	bool is_leaf;          /* it is one, and small: it is inlined */
	uint64_t returns;      /* the starts whose traces return */
};

enum { NOT_INLINED = 0 };

struct forming {
	const struct region_source *s;
	struct ir_unit *u;
	unsigned insns_left;
	struct start start[MAX_STARTS];
	unsigned count, outlets;
	struct inlining inlining[MAX_INLININGS]; /* from 1 on */
	unsigned inlinings;
};

/* ---- discovering ---------------------------------------------------------------------------- */

/* The start at pc in an inlining or none; MAX_STARTS: there is none. */
static unsigned start_at(const struct forming *r, gaddr pc, unsigned inlining)
{
	for (unsigned n = 0; n < r->count; n++)
		if (r->start[n].gpc == pc && r->start[n].inlining == inlining)
			return n;
	return MAX_STARTS;
}

/* The same; a place that is hot becomes a start when there is room. */
static unsigned reach(struct forming *r, gaddr pc, unsigned inlining)
{
	unsigned n = start_at(r, pc, inlining);
	uint32_t heat;

	if (n < MAX_STARTS || r->count == MAX_STARTS
	    || pc - r->u->gpc + REACH_BYTES > 2 * (uint64_t)REACH_BYTES)
		return n;
	heat = r->s->heat(r->s->ctx, pc);
	if (!heat)
		return MAX_STARTS;
	r->start[r->count] =
	    (struct start){ .gpc = pc, .heat = heat, .inlining = (uint8_t)inlining };
	return r->count++;
}

static void leads_to(struct forming *r, unsigned n, unsigned to)
{
	if (to < MAX_STARTS)
		r->start[n].next |= UINT64_C(1) << to;
}

/* Lifts the trace of start n, for its exits alone. */
static void lift_alone(struct forming *r, unsigned n, struct ir_unit *u)
{
	ir_unit_init(u, r->u->arena, r->u->regs, r->start[n].gpc);
	r->s->guest->translate(r->s->decoder, r->s->fetch, u->gpc, r->s->trace, u);
	r->insns_left -= u->guest_insns < r->insns_left ? u->guest_insns : r->insns_left;
}

static bool is_jump(const struct ir_insn *i)
{
	return i->op == IR_br || (i->op == IR_exit && i->sub == IR_JUMP_PLAIN);
}

/* Whether i returns by what is in the link register. */
static bool is_return(const struct ir_unit *u, const struct ir_insn *i, unsigned link)
{
	const struct ir_insn *to;

	if (i->op != IR_exiti || i->sub != IR_JUMP_RET)
		return false;
	to = &u->insn[i->a.idx];
	return to->op == IR_getreg && to->imm == link;
}

/* What of leaf l starts at n: whether all of it may be in one; its hot ways become starts. */
static bool discover_in_leaf(struct forming *r, struct inlining *l, unsigned n)
{
	struct ir_unit u;

	lift_alone(r, n, &u);
	for (unsigned k = 0; k < u.insn_count; k++) {
		const struct ir_insn *i = &u.insn[k];

		if (is_jump(i)) {
			unsigned to = reach(r, (gaddr)i->imm, (unsigned)(l - r->inlining));

			leads_to(r, n, to);
			r->outlets += to == MAX_STARTS;
		} else if (is_return(&u, i, l->link)) {
			l->returns |= UINT64_C(1) << n;
		} else if (ir_info(i)->flags & IR_Z || (i->op == IR_putreg && i->imm == l->link)) {
			return false;
		}
	}
	return true;
}

/* Whether what l calls is a small leaf; then it has its starts. */
static bool discover_leaf(struct forming *r, struct inlining *l)
{
	const unsigned first = r->count, outlets = r->outlets, insns = r->insns_left;
	bool is_leaf = reach(r, l->target, (unsigned)(l - r->inlining)) < MAX_STARTS;

	for (unsigned n = first; is_leaf && n < r->count; n++)
		is_leaf = discover_in_leaf(r, l, n) && r->count - first <= LEAF_STARTS
			  && insns - r->insns_left <= LEAF_INSNS && r->insns_left
			  && r->count + r->outlets < MAX_BLOCKS;
	if (is_leaf)
		return true;
	r->count = first;
	r->outlets = outlets;
	r->insns_left = insns;
	return false;
}

/* The inlining of what i calls, a call in u; NULL: it is none. */
static struct inlining *inlining_of(struct forming *r, const struct ir_unit *u,
				    const struct ir_insn *i)
{
	for (unsigned n = 1; i->op == IR_exit && n <= r->inlinings; n++) {
		struct inlining *l = &r->inlining[n];

		if (l->target == (gaddr)i->imm && l->ret == ir_ret(u, i))
			return l;
	}
	return NULL;
}

/* The same where it may become one; the call ends the trace u. */
static struct inlining *try_inlining(struct forming *r, const struct ir_unit *u,
				     const struct ir_insn *i)
{
	struct inlining *l = inlining_of(r, u, i);
	const struct ir_insn *put = i;

	if (l || i->op != IR_exit || r->inlinings + 1 == MAX_INLININGS)
		return l;
	do
		put--;
	while (put > u->insn && put->op != IR_putreg);
	if (put->op != IR_putreg || put->gpc_off != i->gpc_off)
		return NULL;
	l = &r->inlining[++r->inlinings];
	*l = (struct inlining){ .pc = u->gpc + (gaddr)(int64_t)i->gpc_off,
				.target = (gaddr)i->imm,
				.ret = ir_ret(u, i),
				.link = (unsigned)put->imm };
	l->is_leaf = discover_leaf(r, l);
	return l;
}

/* Start n's trace ends with call i. */
static void discover_call(struct forming *r, unsigned n, const struct ir_unit *u,
			  const struct ir_insn *i)
{
	const struct inlining *l = try_inlining(r, u, i);
	const unsigned ret = reach(r, ir_ret(u, i), NOT_INLINED);

	if (!l || !l->is_leaf) {
		leads_to(r, n, ret);
		return;
	}
	leads_to(r, n, start_at(r, l->target, (unsigned)(l - r->inlining)));
	for (uint64_t left = l->returns; left; left &= left - 1)
		leads_to(r, (unsigned)__builtin_ctzll(left), ret);
}

static void discover(struct forming *r, unsigned n)
{
	struct ir_unit u;

	lift_alone(r, n, &u);
	for (unsigned k = 0; k < u.insn_count && r->insns_left; k++) {
		const struct ir_insn *i = &u.insn[k];

		if (ir_is_call(i))
			discover_call(r, n, &u, i);
		else if (is_jump(i))
			leads_to(r, n, reach(r, (gaddr)i->imm, NOT_INLINED));
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

/* Block n of the unit is the trace of start n. */
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

/* ---- resolving ------------------------------------------------------------------------------ */

static uint16_t block_of(const struct forming *r, gaddr pc, unsigned inlining)
{
	unsigned n = start_at(r, pc, inlining);

	return n < MAX_STARTS ? (uint16_t)n : IR_NOBLOCK;
}

/* The block that leaves inlining l for what is at pc. */
static uint16_t outlet(struct forming *r, const struct inlining *l, gaddr pc)
{
	struct ir_builder b = { .unit = r->u, .gpc = l->pc };

	for (unsigned n = r->count; n < r->u->block_count; n++) {
		const struct ir_block *blk = &r->u->block[n];

		if (blk->gpc == pc && ir_ret(r->u, &r->u->insn[blk->first]) == l->ret)
			return (uint16_t)n;
	}
	ir_block_begin(r->u, pc);
	ir_exit(&b, IR_JUMP_CALL, pc, l->ret);
	return (uint16_t)(r->u->block_count - 1);
}

/* A call of block n, that of a leaf becomes a jump. */
static void resolve_call(struct forming *r, struct ir_insn *i)
{
	const struct inlining *l = inlining_of(r, r->u, i);

	if (!l || !l->is_leaf) {
		i->to = block_of(r, ir_ret(r->u, i), NOT_INLINED);
		return;
	}
	i->sub = IR_JUMP_PLAIN;
	i->ret_bytes = 0;
	i->to = block_of(r, l->target, (unsigned)(l - r->inlining));
}

/* Insn k of the unit, in a block of leaf l. */
static void resolve_in_leaf(struct forming *r, const struct inlining *l, uint32_t k)
{
	struct ir_insn *i = &r->u->insn[k];

	if (is_jump(i)) {
		uint16_t to = block_of(r, (gaddr)i->imm, (unsigned)(l - r->inlining));

		if (to == IR_NOBLOCK)
			to = outlet(r, l, (gaddr)i->imm);
		r->u->insn[k].to = to; /* outlets may have moved it */
	} else if (is_return(r->u, i, l->link)) {
		i->op = IR_exit;
		i->sub = IR_JUMP_PLAIN;
		i->a = IR_NOREF;
		i->imm = (int64_t)l->ret;
		i->to = block_of(r, l->ret, NOT_INLINED);
	}
}

static void resolve(struct forming *r)
{
	for (unsigned n = 0; n < r->count; n++) {
		const unsigned in = r->start[n].inlining;
		const uint32_t first = r->u->block[n].first, end = first + r->u->block[n].count;

		for (uint32_t k = first; k < end; k++) {
			struct ir_insn *i = &r->u->insn[k];

			if (in != NOT_INLINED) {
				resolve_in_leaf(r, &r->inlining[in], k);
			} else if (ir_is_call(i)) {
				resolve_call(r, i);
			} else if (is_jump(i)) {
				i->to = block_of(r, (gaddr)i->imm, NOT_INLINED);
			}
		}
	}
}

/* ---- arranging ------------------------------------------------------------------------------ */

static uint32_t heat_of(const struct ir_unit *u, unsigned block)
{
	return block == IR_NOBLOCK ? 0 : u->block[block].exec_count;
}

/* A branch and the jump behind it change places. */
static void swap(struct ir_insn *br, struct ir_insn *jump)
{
	const int64_t imm = br->imm;
	const uint16_t to = br->to;

	br->sub = ir_cc_invert((enum ir_cc)br->sub);
	br->imm = jump->imm;
	br->to = jump->to;
	jump->imm = imm;
	jump->to = to;
}

/*
 * The block that shall stand behind b: one that it ends with a jump to, or a call that returns to it, and is not placed
 * yet; or IR_NOBLOCK. The last branch and the jump behind it change places where the branch goes to a hotter place that is not placed. Where it goes
 * back, that is a loop, or the inner one of two: with many turns they change places, too, and the way out of it stands behind b, of which it is
 * better a part with few. Heat says how many, unless both sides have all that there is: then the inner one had it long before, and the outer
 * one was not even warm (WARM_ENTRIES). order: of those placed, from 1 on.
 */
static unsigned successor(struct ir_unit *u, const struct ir_block *b, const unsigned *order)
{
	struct ir_insn *last = &u->insn[b->first + b->count - 1], *br = last - 1;
	const bool jumps = last->op == IR_exit && last->sub == IR_JUMP_PLAIN;
	unsigned next = last->to;

	if (jumps && b->count > 1 && br->op == IR_br && br->to != IR_NOBLOCK) {
		const uint32_t there = heat_of(u, br->to), behind = heat_of(u, next);

		if (!order[br->to] && there > behind) {
			swap(br, last);
			next = last->to;
		} else if (order[br->to] && next != IR_NOBLOCK && order[br->to] > order[next]
			   && (there == behind || there / MANY_TURNS >= behind)) {
			swap(br, last);
		}
	}
	return next == IR_NOBLOCK || order[next] ? IR_NOBLOCK : next;
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
	unsigned *order = arena_znew(u->arena, unsigned, u->block_count), placed = 0;
	uint16_t *now = arena_new(u->arena, uint16_t, u->block_count); /* the number of each */
	const unsigned *jumps = count_jumps(u);
	uint32_t used = 0;
	unsigned count = 0;

	for (unsigned n = 0; n < u->block_count; n++) {
		unsigned b = n, next;
		bool goes_on = false;

		for (; b != IR_NOBLOCK && !order[b]; b = next) {
			const struct ir_block *from = &u->block[b];
			const struct ir_insn *last;
			uint32_t moved = from->count;

			order[b] = ++placed;
			next = successor(u, from, order);
			if (!goes_on) {
				now[b] = (uint16_t)count;
				block[count] = *from;
				block[count].first = used;
				block[count++].count = 0;
			}
			last = &u->insn[from->first + from->count - 1];
			goes_on = next != IR_NOBLOCK && last->to == next && jumps[next] == 1
				  && !ir_is_call(last);
			moved -= goes_on;
			move_insns(u, from, moved, insn, used);
			used += moved;
			block[count - 1].count += moved;
		}
	}
	for (uint32_t k = 0; k < used; k++)
		if (insn[k].to != IR_NOBLOCK)
			insn[k].to = now[insn[k].to];
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
		if (r.start[n].inlining == NOT_INLINED)
			discover(&r, n);
	find_heads(&r, 0, &seen, 0);
	lift(&r);
	resolve(&r);
	arrange(u);
}

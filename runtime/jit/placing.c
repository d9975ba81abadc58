/*
 * Exact counts of a region, on few of its ways.
 *
 * As it is lifted, a region counts where each way of guest_tally begins: dozens of counters grow in a row where none branches off. But
 * what comes into a place goes out of it again, so it is enough to count on the edges of the flow graph that a spanning tree leaves
 * over (Knuth and Stevenson, "Optimal measurement points for program frequency counts", 1973; Ball and Larus, "Optimally
 * profiling and tracing programs", 1994): one edge of each way round, and the tree has those that are gone most often.
 *
 * Nodes are the places between two counts or branches; one more, OUTSIDE, is what the region is entered from and left to. Each node owes what
 * the tree's way from OUTSIDE to it would have counted. An edge of the tree counts nothing, any other one from a to b what
 * a owes, and the edge, less what b owes:
 *
 *     OUTSIDE --> a: count 1 --> b: br --> OUTSIDE        a owes nothing, b and c owe 1, d owes 1 and 2:
 *                                 |                       the branch taken counts 1, the return 1 and 2, which
 *                                 +--> c: count 2 --> d: return     is one counter (struct sums)
 *
 * What a node owes is counted where a fault or a safe point leaves the region there: op owe.
 */
#include "runtime/jit/region.h"

#include "lib/base/panic.h"
#include "runtime/core/sums.h"

#include <stdlib.h>
#include <string.h>

enum {
	OUTSIDE = 0,
	MAX_BLOCKS = 64,     /* with those that are put on branches; what opt/carry.c takes */
	MAX_CELLS = 1 << 18, /* of struct placing.owes */
	COUNT_MOST = 2047,   /* that op count takes */
	ROUNDS = 16,         /* of estimating how often edges are gone */
	WHOLE = 256,         /* the share of an edge that is always gone; and of branches: */
	OUT_SHARE = 8,       /* out of the region, to what is not hot */
	BACK_SHARE = 224,    /* back */
	ON_SHARE = WHOLE / 2,
	BRANCH_COST =
	    2 /* what counting where a branch goes costs, against what it does in line: a jump */
};

/* Where what an edge counts can stand. */
enum place {
	PLACE_NONE,   /* nowhere: it is the tree's */
	PLACE_LINE,   /* before insn at */
	PLACE_BRANCH, /* in a block of its own, to which br at goes */
};

struct edge {
	unsigned from, to; /* nodes */
	uint32_t at;
	uint32_t first, terms;  /* what it counts: placing.term */
	uint64_t times, spares; /* about: how often it is gone, and another one from there */
	uint16_t share;         /* of from's times */
	uint8_t place;          /* enum place */
	bool in_tree;
	struct sum_term count; /* what it is to count instead; n 0: nothing */
};

/* An op countby that stays: it counts sum `sum`. */
struct choice {
	uint32_t at;
	unsigned sum;
};

struct placing {
	struct ir_unit *u;
	struct edge *edge;
	unsigned edge_count, edge_cap;
	unsigned node_count;
	uint64_t *times;       /* by node: how often it is come to, about; at first from outside */
	bool *drop;            /* by insn: it is counted otherwise */
	struct sum_term *term; /* of edges */
	unsigned term_count, term_cap;
	uint32_t *counter; /* the counters there are, by column */
	unsigned columns;
	int32_t *owes;  /* by node and column */
	uint32_t *owed; /* by node: its number in wanted.owed and 1; 0: it owes nothing */
	struct choice *choice;
	unsigned choice_count, choice_cap;
	/* What names are wanted for. */
	struct sum_term *said;
	unsigned said_count, said_cap;
	struct sum *sum, *debt;
	unsigned sum_count, sum_cap, debt_count, debt_cap;
};

/* ---- the graph -------------------------------------------------------------------------------- */

static bool is_count(const struct ir_insn *i)
{
	return i->op == IR_count && i->imm >> 32 >= IR_COUNTED;
}

static struct edge *add_edge(struct placing *p, unsigned from, unsigned to, enum place place,
			     uint32_t at)
{
	arena_grow(p->u->arena, p->edge, p->edge_count, p->edge_cap);
	p->edge[p->edge_count] = (struct edge){
		.from = from,
		.to = to,
		.at = at,
		.first = p->term_count,
		.share = WHOLE,
		.place = (uint8_t)place,
	};
	return &p->edge[p->edge_count++];
}

/* The last edge counts n on counter, too. */
static void add_term(struct placing *p, uint32_t counter, int32_t n)
{
	arena_grow(p->u->arena, p->term, p->term_count, p->term_cap);
	p->term[p->term_count++] = (struct sum_term){ counter, n };
	p->edge[p->edge_count - 1].terms++;
}

static unsigned node_of(unsigned block) { return 1 + block; }

static void enter(struct placing *p, unsigned block)
{
	const uint32_t runs = p->u->block[block].exec_count;

	add_edge(p, OUTSIDE, node_of(block), PLACE_NONE, 0);
	p->times[node_of(block)] = WHOLE * (uint64_t)(runs ? runs : 1);
}

/*
 * Two ways of which one is entered, by a value that is 0 or 1 (arch/rv64/lift_select.c): the first is always, and with 1 the second
 * in its place.
 */
static bool is_choice(const struct placing *p, uint32_t k, uint32_t end)
{
	const struct ir_insn *insn = p->u->insn, *a = &insn[k], *b = a + 1, *inverse;

	if (k + 1 == end || a->op != IR_countby || b->op != IR_countby)
		return false;
	inverse = &insn[a->a.idx];
	return inverse->op == IR_xor && inverse->a.idx == b->a.idx
	       && insn[inverse->b.idx].op == IR_const && insn[inverse->b.idx].imm == 1;
}

static void say(struct placing *p, uint32_t counter, int32_t n)
{
	arena_grow(p->u->arena, p->said, p->said_count, p->said_cap);
	p->said[p->said_count++] = (struct sum_term){ counter, n };
}

/* The sum of what has been said from first on. Returns its number. */
static unsigned add_sum(struct placing *p, unsigned first)
{
	arena_grow(p->u->arena, p->sum, p->sum_count, p->sum_cap);
	p->sum[p->sum_count] = (struct sum){ first, p->said_count - first, 0 };
	return p->sum_count++;
}

static void choose(struct placing *p, uint32_t k)
{
	const uint32_t a = (uint32_t)(p->u->insn[k].imm >> 32);
	const uint32_t b = (uint32_t)(p->u->insn[k + 1].imm >> 32);
	const unsigned first = p->said_count;

	say(p, a, -1);
	say(p, b, 1);
	arena_grow(p->u->arena, p->choice, p->choice_count, p->choice_cap);
	p->choice[p->choice_count++] = (struct choice){ k + 1, add_sum(p, first) };
	p->drop[k] = p->drop[k + 1] = true;
	add_term(p, a, 1);
}

/* A branch of block b, at k, from node; returns the one that it goes on in. */
static unsigned add_branch(struct placing *p, unsigned b, uint32_t k, unsigned node)
{
	const unsigned to = p->u->insn[k].to;
	const bool stays = to != IR_NOBLOCK, back = stays && to <= b;
	const uint16_t share = back ? BACK_SHARE : stays ? ON_SHARE : OUT_SHARE;

	add_edge(p, node, stays ? node_of(to) : OUTSIDE, back ? PLACE_NONE : PLACE_BRANCH, k)
	    ->share = share;
	add_edge(p, node, p->node_count, PLACE_LINE, k + 1)->share = WHOLE - share;
	return p->node_count++;
}

static void add_block(struct placing *p, unsigned b)
{
	const struct ir_block *blk = &p->u->block[b];
	const uint32_t end = blk->first + blk->count;
	const struct ir_insn *last = &p->u->insn[end - 1];
	unsigned node = node_of(b);
	bool fresh = false; /* nothing has happened in node, and the last edge leads to it */

	for (uint32_t k = blk->first; k + 1 < end; k++) {
		const struct ir_insn *i = &p->u->insn[k];
		const bool chooses = is_choice(p, k, end);

		if (i->op == IR_br) {
			node = add_branch(p, b, k, node);
			fresh = true;
		} else if (is_count(i) || chooses) {
			if (!fresh) {
				add_edge(p, node, p->node_count, PLACE_LINE, k);
				node = p->node_count++;
			}
			fresh = true;
			p->drop[k] = true;
			if (chooses)
				choose(p, k++);
			else
				add_term(p, (uint32_t)(i->imm >> 32), (int32_t)i->imm);
		} else if (ir_info(i)->flags & (IR_L | IR_S | IR_E) && i->op != IR_putreg) {
			fresh = false;
		}
	}
	/* An exit that notes itself does so in one with it (lib/ra/isel_exit.c). */
	add_edge(p, node, ir_goes_to(last) == IR_NOBLOCK ? OUTSIDE : node_of(last->to), PLACE_LINE,
		 end - 1 - (blk->count > 1 && last[-1].op == IR_edge));
	if (ir_is_call(last) && last->to != IR_NOBLOCK)
		enter(p, last->to);
}

/* About how often nodes are come to and edges gone. */
static void estimate(struct placing *p)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned n = 0; n < p->edge_count; n++) {
			struct edge *e = &p->edge[n];
			const uint64_t was = e->times;

			if (e->from == OUTSIDE)
				continue;
			e->times = p->times[e->from] * e->share / WHOLE;
			e->spares = p->times[e->from] - e->times;
			p->times[e->to] += e->times - was;
		}
	}
}

/* ---- the tree ----------------------------------------------------------------------------------- */

static unsigned root_of(unsigned *root, unsigned n)
{
	while (root[n] != n)
		n = root[n] = root[root[n]];
	return n;
}

static uint64_t cost(const struct edge *e)
{
	return e->place == PLACE_BRANCH ? e->times * BRANCH_COST : e->times;
}

/* Those that must be the tree's first, then what costs most. */
static int by_cost(const void *x, const void *y)
{
	const struct edge *a = *(const struct edge *const *)x, *b = *(const struct edge *const *)y;

	if ((a->place == PLACE_NONE) != (b->place == PLACE_NONE))
		return a->place == PLACE_NONE ? -1 : 1;
	if (cost(a) != cost(b))
		return cost(a) > cost(b) ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int by_spares(const void *x, const void *y)
{
	const struct edge *a = *(const struct edge *const *)x, *b = *(const struct edge *const *)y;

	if (a->spares != b->spares)
		return a->spares > b->spares ? -1 : 1;
	return a < b ? -1 : a > b;
}

/*
 * There is no room for more than so many blocks: where more branches go nothing is counted, but before them. Others count where
 * they go, which spares what goes on.
 */
static void limit_branches(struct placing *p, struct edge **list)
{
	const unsigned room = p->u->block_count < MAX_BLOCKS ? MAX_BLOCKS - p->u->block_count : 0;
	unsigned count = 0;

	for (unsigned n = 0; n < p->edge_count; n++)
		if (p->edge[n].place == PLACE_BRANCH)
			list[count++] = &p->edge[n];
	qsort(list, count, sizeof(struct edge *), by_spares);
	for (unsigned n = room; n < count; n++)
		list[n]->place = PLACE_NONE;
}

/* None of the edges that must be the tree's counts anything, so where they go round none has to. */
static void make_tree(struct placing *p)
{
	struct edge **list = arena_new(p->u->arena, struct edge *, p->edge_count);
	unsigned *root = arena_new(p->u->arena, unsigned, p->node_count);

	limit_branches(p, list);
	for (unsigned n = 0; n < p->node_count; n++)
		root[n] = n;
	for (unsigned n = 0; n < p->edge_count; n++)
		list[n] = &p->edge[n];
	qsort(list, p->edge_count, sizeof(struct edge *), by_cost);
	for (unsigned n = 0; n < p->edge_count; n++) {
		const unsigned a = root_of(root, list[n]->from), b = root_of(root, list[n]->to);

		list[n]->in_tree = a != b;
		root[a] = b;
	}
}

/* ---- what nodes owe ------------------------------------------------------------------------------- */

static unsigned column_of(struct placing *p, uint32_t counter)
{
	unsigned n = 0;

	while (n < p->columns && p->counter[n] != counter)
		n++;
	p->counter[n] = counter;
	p->columns += n == p->columns;
	return n;
}

static int32_t *owes(const struct placing *p, unsigned node)
{
	return &p->owes[(size_t)node * p->columns];
}

static bool is_zero(const struct placing *p, unsigned node)
{
	const int32_t *n = owes(p, node);

	for (unsigned c = 0; c < p->columns; c++)
		if (n[c])
			return false;
	return true;
}

/* From what node a owes to what b does, along edge e of the tree; sign: with it or against it. */
static void owe_along(struct placing *p, const struct edge *e, unsigned a, unsigned b, int sign)
{
	const unsigned first = p->said_count;

	memcpy(owes(p, b), owes(p, a), p->columns * sizeof *p->owes);
	for (uint32_t n = e->first; n < e->first + e->terms; n++)
		owes(p, b)[column_of(p, p->term[n].counter)] += sign * p->term[n].n;
	p->owed[b] = p->owed[a];
	if (!e->terms)
		return;
	p->owed[b] = 0;
	if (is_zero(p, b))
		return;
	for (uint32_t n = e->first; n < e->first + e->terms; n++)
		say(p, p->term[n].counter, sign * p->term[n].n);
	arena_grow(p->u->arena, p->debt, p->debt_count, p->debt_cap);
	p->debt[p->debt_count++] = (struct sum){ first, p->said_count - first, p->owed[a] };
	p->owed[b] = p->debt_count;
}

/* Along the tree, from OUTSIDE; where no way leads, each part from its first node. */
static void go_along(struct placing *p)
{
	bool *seen = arena_znew(p->u->arena, bool, p->node_count), more;

	for (unsigned first = 0; first < p->node_count; first++) {
		if (seen[first])
			continue;
		seen[first] = true;
		do {
			more = false;
			for (unsigned n = 0; n < p->edge_count; n++) {
				const struct edge *e = &p->edge[n];

				if (!e->in_tree || seen[e->from] == seen[e->to])
					continue;
				if (seen[e->from])
					owe_along(p, e, e->from, e->to, 1);
				else
					owe_along(p, e, e->to, e->from, -1);
				seen[e->from] = seen[e->to] = more = true;
			}
		} while (more);
	}
}

/* What edge e, none of the tree's, counts: one counter, or a sum, whose number is told for now. */
static void count_on(struct placing *p, struct edge *e, uint32_t first_sum)
{
	const unsigned first = p->said_count;

	for (uint32_t n = e->first; n < e->first + e->terms; n++)
		owes(p, OUTSIDE)[column_of(p, p->term[n].counter)] += p->term[n].n;
	for (unsigned c = 0; c < p->columns; c++) {
		const int32_t n = owes(p, OUTSIDE)[c] + (e->from ? owes(p, e->from)[c] : 0)
				  - (e->to ? owes(p, e->to)[c] : 0);

		owes(p, OUTSIDE)[c] = 0;
		if (n)
			say(p, p->counter[c], n);
	}
	if (p->said_count == first)
		return;
	e->count = p->said[first];
	if (p->said_count == first + 1 && abs(e->count.n) <= COUNT_MOST)
		p->said_count = first;
	else
		e->count = (struct sum_term){ first_sum + add_sum(p, first), 1 };
}

/* ---- writing it down --------------------------------------------------------------------------------- */

struct writing {
	struct placing *p;
	struct ir_insn *insn;
	uint32_t count;
	uint32_t owed; /* number of the first debt */
	uint32_t owed_now,
	    owed_next; /* as the insns so far say; as the next one that may leave has it */
	unsigned next_edge, next_choice;
	uint16_t *map; /* insns of the unit that are there, and others that were: where */
};

static void append(struct writing *w, const struct ir_insn *like, struct ir_insn i)
{
	i.gpc_off = like->gpc_off;
	i.a = i.b = i.c = IR_NOREF;
	w->insn[w->count++] = i;
}

static void append_count(struct writing *w, const struct ir_insn *like, struct sum_term t)
{
	append(w, like,
	       (struct ir_insn){ .op = IR_count,
				 .to = IR_NOBLOCK,
				 .imm = (int64_t)((uint64_t)t.counter << 32 | (uint32_t)t.n) });
}

static uint32_t owed_in(const struct writing *w, unsigned node)
{
	return w->p->owed[node] ? w->owed + w->p->owed[node] - 1 : 0;
}

/* What stands before insn k: the edges in line that are there. */
static void append_edges(struct writing *w, uint32_t k)
{
	const struct placing *p = w->p;
	const struct ir_insn *like = &p->u->insn[k];

	for (; w->next_edge < p->edge_count; w->next_edge++) {
		const struct edge *e = &p->edge[w->next_edge];

		if (e->from == OUTSIDE || e->place == PLACE_BRANCH || e->place == PLACE_NONE)
			continue;
		if (e->at != k)
			return;
		if (e->count.n)
			append_count(w, like, e->count);
		/* A final exit's leads out of the block. */
		if (e->to > p->u->block_count)
			w->owed_next = owed_in(w, e->to);
	}
}

/* Insn like may be left by something else than an exit. */
static void append_owe(struct writing *w, const struct ir_insn *like)
{
	if (w->owed_next == w->owed_now)
		return;
	append(w, like, (struct ir_insn){ .op = IR_owe, .to = IR_NOBLOCK, .imm = w->owed_next });
	w->owed_now = w->owed_next;
}

static void append_mapped(struct writing *w, uint32_t k)
{
	struct ir_insn i = w->p->u->insn[k];
	ir_ref *operand[] = { &i.a, &i.b, &i.c };

	for (unsigned o = 0; o < ARRAY_LEN(operand); o++)
		if (ir_ref_ok(*operand[o]))
			operand[o]->idx = w->map[operand[o]->idx];
	w->map[k] = (uint16_t)w->count;
	w->insn[w->count++] = i;
}

/*
 * Choices before insn k, which has an effect. They wait for it: then the selects have been made that the value is for, which
 * hosts do without a register for it.
 */
static void append_choices(struct writing *w, uint32_t k)
{
	const struct placing *p = w->p;

	for (; w->next_choice < p->choice_count && p->choice[w->next_choice].at < k;
	     w->next_choice++)
		append_mapped(w, p->choice[w->next_choice].at);
}

static void write_block(struct writing *w, unsigned b)
{
	struct ir_unit *u = w->p->u;
	struct ir_block *blk = &u->block[b];
	const uint32_t first = w->count;

	w->owed_now = w->owed_next = blk->owes = owed_in(w, node_of(b));
	for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
		const struct ir_insn *i = &u->insn[k];

		if (!w->p->drop[k] && i->op != IR_putreg && !(ir_info(i)->flags & IR_P))
			append_choices(w, k);
		append_edges(w, k);
		if (w->p->drop[k])
			continue;
		if (ir_info(i)->flags & (IR_L | IR_S | IR_E) && i->op != IR_putreg)
			append_owe(w, i);
		append_mapped(w, k);
	}
	blk->first = first;
	blk->count = w->count - first;
}

/* A block that br, on its way to where it goes, passes. */
static void write_branch(struct writing *w, const struct edge *e, struct ir_insn *br)
{
	struct ir_unit *u = w->p->u;
	struct ir_insn jump = { .op = IR_exit, .sub = IR_JUMP_PLAIN, .imm = br->imm, .to = br->to };
	const struct ir_insn like = { .gpc_off = (int32_t)((gaddr)br->imm - u->gpc) };
	struct ir_block *blk;

	br->to = (uint16_t)ir_block_begin(u, (gaddr)br->imm);
	blk = &u->block[br->to];
	blk->first = w->count;
	blk->count = 2;
	blk->owes = owed_in(w, e->from);
	append_count(w, &like, e->count);
	append(w, &like, jump);
}

static void write(struct placing *p, uint32_t first_sum, uint32_t counted, uint32_t owed)
{
	struct ir_unit *u = p->u;
	const uint32_t cap = u->insn_count + 3 * p->edge_count;
	struct writing w = { .p = p, .owed = owed };

	w.insn = arena_new(u->arena, struct ir_insn, cap);
	w.map = arena_new(u->arena, uint16_t, u->insn_count);

	for (unsigned n = 0; n < p->choice_count; n++)
		u->insn[p->choice[n].at].imm = (int64_t)(first_sum + counted + p->choice[n].sum)
					       << 32;
	for (unsigned n = 0; n < p->edge_count; n++)
		if (p->edge[n].count.counter >= first_sum
		    && p->edge[n].count.counter < first_sum + p->sum_count)
			p->edge[n].count.counter += counted;
	for (unsigned b = 0, count = u->block_count; b < count; b++)
		write_block(&w, b);
	for (unsigned n = 0; n < p->edge_count; n++)
		if (p->edge[n].place == PLACE_BRANCH && p->edge[n].count.n)
			write_branch(&w, &p->edge[n], &w.insn[w.map[p->edge[n].at]]);
	KIT_CHECK(w.count <= cap, "%u insns, %u expected", w.count, cap);
	u->insn = w.insn;
	u->insn_count = w.count;
	u->insn_cap = cap;
	u->open = NULL;
}

static bool name(const struct placing *p, struct sums *s, uint32_t *counted, uint32_t *owed)
{
	const struct sums_wanted w = {
		.term = p->said,
		.counted = p->sum,
		.owed = p->debt,
		.term_count = p->said_count,
		.counted_count = p->sum_count,
		.owed_count = p->debt_count,
	};

	return sums_name(s, &w, counted, owed);
}

void region_place_counts(struct ir_unit *u, struct sums *s, uint32_t first_sum)
{
	struct placing p = { .u = u, .node_count = 1 + u->block_count };
	uint32_t counted, owed;

	p.drop = arena_znew(u->arena, bool, u->insn_count);
	/* Each insn makes one at most. */
	p.times = arena_znew(u->arena, uint64_t, p.node_count + u->insn_count);
	enter(&p, 0);
	for (unsigned b = 0; b < u->block_count; b++)
		add_block(&p, b);
	p.counter = arena_new(u->arena, uint32_t, p.term_count + 1);
	for (unsigned n = 0; n < p.term_count; n++)
		column_of(&p, p.term[n].counter);
	if (!p.columns || (size_t)p.columns * p.node_count > MAX_CELLS
	    || u->insn_count + 3 * p.edge_count >= IR_INSNS_MAX)
		return;
	estimate(&p);
	make_tree(&p);
	p.owes = arena_znew(u->arena, int32_t, (size_t)p.columns * p.node_count);
	p.owed = arena_znew(u->arena, uint32_t, p.node_count);
	go_along(&p);
	for (unsigned n = 0; n < p.edge_count; n++)
		if (!p.edge[n].in_tree)
			count_on(&p, &p.edge[n], first_sum);
	if (name(&p, s, &counted, &owed))
		write(&p, first_sum, counted, owed);
}

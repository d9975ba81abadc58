/*
 * carry: what a loop knows of its registers from one turn to the next.
 *
 * A float in a register is boxed, a result of arithmetic canonical, a 32-bit integer sign-extended: whoever wrote a
 * register knows that, but the block that reads it next does not, and tests or extends it; and the writer has to bring it into
 * that form for whoever might read. So each block of a loop gets a second version for which it holds at its entry
 * (ir_block.boxed, canon, sext), and which is only come to where it does:
 *
 *     from outside --> first version --backward jump--> are they so? --yes--> second version <--+
 *                        ^                                 |no                  |               |
 *                        +---------------------------------+                    +---------------+
 *
 * What the second versions know is found by going round them, from everything down to what each jump among them
 * confirms. What comes from the first ones need not confirm it: there it is tested, but for what is plain from the
 * blocks on the way. Nor need what comes into a loop from one around it, as far as the inner one writes the register: a sum that begins
 * with a number from memory is tested for a NaN then, instead of being made canonical in each turn. Registers that no block of
 * the loop writes are taken for boxed when it reads a float from them, and for sign-extended when it compares them with what
 * is. Outside of the second versions all is as without.
 *
 * The pass states what is known by operations that then change nothing (canonical of what is canonical, boxed of
 * what is boxed, the extension of the low half of what is extended); that reading, boxing, extending and testing go is
 * the other passes' work, and selection's. A host may keep such a register in another form from block to block (lir.h).
 */
#include "lib/opt/opt_priv.h"

#include "lib/base/panic.h"

#include <string.h>

enum {
	MAX_BLOCKS = 64,
	TEST_INSNS = 10, /* at most, for a register */
	TESTS_MAX = (TEST_INSNS * IR_MAX_REGS) + 1,
	INSNS_MAX = IR_INSNS_MAX / 8, /* of the first versions; restating takes up to 4 for one */
};

/* What is known of a register. Meeting another one goes down this list. */
enum form {
	FORM_ANY,     /* all: no jump has come by yet */
	FORM_CANON32, /* a boxed float, no NaN but the canonical one */
	FORM_BOXED,   /* a boxed float */
	FORM_CANON64, /* a double, no NaN but the canonical one */
	FORM_SEXT,    /* an integer: the sign extension of its low half */
	FORM_NONE,
};

struct carry {
	struct ir_unit *u;
	unsigned count;          /* the blocks of first versions */
	uint64_t regs;           /* registers that are looked at */
	uint64_t to[MAX_BLOCKS]; /* those that it goes to */
	uint64_t next
	    [MAX_BLOCKS]; /* the blocks of the same loop: those that it reaches and that reach it */
	uint64_t inner[MAX_BLOCKS];             /* those of the innermost one */
	uint64_t writes[MAX_BLOCKS];            /* registers that this writes */
	uint8_t entry[MAX_BLOCKS][IR_MAX_REGS]; /* enum form, of second versions */
	uint8_t first[MAX_BLOCKS][IR_MAX_REGS]; /* the same of first ones */
	uint64_t boxed_reads;        /* registers that some block of a loop reads a float from */
	uint64_t sext_reads;         /* those that one compares with a sign-extended value */
	uint8_t *of;                 /* enum form of the values of the block at hand, by insn */
	uint64_t useful[MAX_BLOCKS]; /* registers whose form some block of the loop gains from */
	uint64_t twice;              /* blocks that get a second version */
	uint16_t second[MAX_BLOCKS]; /* which it is */
	ir_ref *copy;                /* what the values of first versions are in second ones */
	bool changed;
};

#define BIT(n) (UINT64_C(1) << (n))
/* for (EACH(n, set)): each bit n of a set. */
#define EACH(n, set)                                                                               \
	uint64_t n##_left = (set), n = n##_left ? (uint64_t)__builtin_ctzll(n##_left) : 0;         \
	n##_left;                                                                                  \
	n##_left &= n##_left - 1, n = n##_left ? (uint64_t)__builtin_ctzll(n##_left) : 0

static bool is_boxed(unsigned f) { return f == FORM_CANON32 || f == FORM_BOXED; }

static unsigned meet(unsigned a, unsigned b)
{
	if (a == b || b == FORM_ANY)
		return a;
	if (a == FORM_ANY)
		return b;
	return is_boxed(a) && is_boxed(b) ? FORM_BOXED : FORM_NONE;
}

/* Does a register known to be a serve where b is asked for? */
static bool implies(unsigned a, unsigned b) { return meet(a, b) == b; }

/* Does i, of block a, go to a block of the same loop? Where a call returns to, nothing is known of registers. */
static bool stays_in_loop(const struct carry *c, unsigned a, const struct ir_insn *i)
{
	unsigned b = ir_goes_to(i);

	return b < c->count && c->next[a] >> b & 1;
}

/* ---- loops ----------------------------------------------------------------------------------- */

/*
 * Which blocks of the set reach each other by way of these alone: next, of a block in no loop 0. Returns those that are in one.
 */
static uint64_t loops_within(const struct carry *c, uint64_t set, uint64_t next[MAX_BLOCKS])
{
	uint64_t reach[MAX_BLOCKS], all = 0;

	for (EACH(b, set))
		reach[b] = c->to[b] & set;
	for (EACH(via, set))
		for (EACH(b, set))
			if (reach[b] >> via & 1)
				reach[b] |= reach[via];
	for (EACH(b, set)) {
		next[b] = 0;
		for (EACH(n, reach[b]))
			next[b] |= reach[n] & BIT(b) ? BIT(n) : 0;
		all |= next[b];
	}
	return all;
}

/* Fills next; false when there is no loop. */
static bool find_loops(struct carry *c)
{
	for (unsigned b = 0; b < c->count; b++) {
		const struct ir_block *blk = &c->u->block[b];

		c->to[b] = c->next[b] = 0;
		for (uint32_t k = blk->first; k < blk->first + blk->count; k++)
			if (ir_goes_to(&c->u->insn[k]) < c->count)
				c->to[b] |= BIT(c->u->insn[k].to);
	}
	return loops_within(c, UINT64_MAX >> (64 - c->count), c->next);
}

/*
 * Of a loop the block that the widest jump back goes to, in addresses: compilers lay an inner loop between the head of the outer one
 * and the jump to it. How often blocks ran tells less, since counters stop at what counts as hot.
 */
static unsigned outer_head(const struct carry *c, uint64_t loop)
{
	unsigned head = (unsigned)__builtin_ctzll(loop);
	gaddr widest = 0;

	for (EACH(b, loop)) {
		const struct ir_block *blk = &c->u->block[b];

		for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
			const struct ir_insn *i = &c->u->insn[k];
			const gaddr from = c->u->gpc + (gaddr)(int64_t)i->gpc_off;
			const unsigned to = ir_goes_to(i);

			if (to >= c->count || !(loop >> to & 1) || (gaddr)i->imm > from
			    || from - (gaddr)i->imm < widest)
				continue;
			widest = from - (gaddr)i->imm;
			head = to;
		}
	}
	return head;
}

/* Fills writes with the registers that each block's innermost loop writes. */
static void find_writes(struct carry *c)
{
	uint64_t by_block[MAX_BLOCKS] = { 0 };

	for (unsigned b = 0; b < c->count; b++) {
		const struct ir_block *blk = &c->u->block[b];

		for (uint32_t k = blk->first; k < blk->first + blk->count; k++)
			if (c->u->insn[k].op == IR_putreg)
				by_block[b] |= BIT(c->u->insn[k].imm);
	}
	for (unsigned b = 0; b < c->count; b++) {
		c->writes[b] = 0;
		for (EACH(n, c->inner[b]))
			c->writes[b] |= by_block[n];
	}
}

/* Fills inner. Of a loop the outermost head is taken out: what still goes round without it is one within it. */
static void find_inner(struct carry *c)
{
	uint64_t pending[MAX_BLOCKS], next[MAX_BLOCKS];
	unsigned count = 0;

	for (unsigned b = 0; b < c->count; b++) {
		c->inner[b] = c->next[b];
		if (c->next[b] && !(c->next[b] & (BIT(b) - 1)))
			pending[count++] = c->next[b];
	}
	while (count) { /* apart from each other, so there is room */
		const uint64_t loop = pending[--count];
		uint64_t left = loops_within(c, loop & ~BIT(outer_head(c, loop)), next);

		while (left) {
			const uint64_t within = next[__builtin_ctzll(left)];

			for (EACH(b, within))
				c->inner[b] = within;
			pending[count++] = within;
			left &= ~within;
		}
	}
	find_writes(c);
}

/* ---- what values are --------------------------------------------------------------------------- */

/*
 * Of logic both sides must be known already: an assumption that nothing else in the loop supports (hash ^= int) would be
 * tested each turn, and fail.
 */
static bool is_sext(const struct carry *c, const struct ir_insn *i)
{
	const struct ir_insn *b = ir_ref_ok(i->b) ? &c->u->insn[i->b.idx] : NULL;

	switch (i->op) {
	case IR_const:
		return fits_i32(i->imm);
	case IR_and: /* with a mask of the low half's bits */
		if (b->op == IR_const && b->imm >= 0 && fits_i32(b->imm))
			return true;
		break;
	case IR_or:
	case IR_xor:
		break;
	case IR_select:
		return implies(c->of[i->b.idx], FORM_SEXT) && implies(c->of[i->c.idx], FORM_SEXT);
	default:
		return ir_fits_i32(i);
	}
	return c->of[i->a.idx] == FORM_SEXT && c->of[i->b.idx] == FORM_SEXT;
}

/* Is i, bitsf or bitsf32, a constant, and not another NaN than the canonical one? */
static bool is_canonical_constant(const struct carry *c, const struct ir_insn *i)
{
	const struct ir_insn *bits = &c->u->insn[i->a.idx];
	const bool is_float = i->op == IR_bitsf32;
	const struct ir_insn canon = { .op = IR_fcanon, .type = is_float ? IR_F32 : IR_F64 };
	uint32_t none = 0;
	uint64_t v;

	if (bits->op == IR_trunc) /* of register zero: folding comes later */
		bits = &c->u->insn[bits->a.idx];
	v = is_float ? (uint32_t)bits->imm : (uint64_t)bits->imm;
	return bits->op == IR_const && ir_eval(&canon, v, 0, 0, 0, &none) == v;
}

static unsigned form_of(const struct carry *c, const struct ir_insn *i)
{
	const struct ir_insn *a = ir_ref_ok(i->a) ? &c->u->insn[i->a.idx] : NULL;

	if (ir_result_type(i) == IR_I64)
		return is_sext(c, i) ? FORM_SEXT : FORM_NONE;
	if (ir_result_type(i) != IR_F64 || !a)
		return FORM_NONE;
	if (ir_info(i)->flags & IR_NC)
		return FORM_CANON64;
	switch (i->op) {
	case IR_box:
		if (ir_info(a)->flags & IR_NC
		    || (a->op == IR_unbox && c->of[a->a.idx] == FORM_CANON32)
		    || (a->op == IR_bitsf32 && is_canonical_constant(c, a)))
			return FORM_CANON32;
		return FORM_BOXED;
	case IR_fabs: /* the canonical NaN has no sign */
		return c->of[i->a.idx] == FORM_CANON64 ? FORM_CANON64 : FORM_NONE;
	case IR_bitsf:
		return is_canonical_constant(c, i) ? FORM_CANON64 : FORM_NONE;
	default:
		return FORM_NONE;
	}
}

/* A walk over a block: what registers are (now), from what they are at its entry. */
struct walk {
	struct carry *c;
	unsigned block;
	uint8_t now[IR_MAX_REGS];
	uint64_t written;
	uint64_t extended; /* those that hold an integer that had to be extended for it */
};

/* The register whose value as of the block's entry r is, or IR_MAX_REGS. */
static unsigned entry_reg(const struct walk *w, ir_ref r)
{
	const struct ir_insn *i = &w->c->u->insn[r.idx];

	return i->op == IR_getreg && !(w->written >> i->imm & 1) ? (unsigned)i->imm : IR_MAX_REGS;
}

/* Is r the extension of a result that is 32 bits wide, or a register that holds one? */
static bool is_extended(const struct walk *w, ir_ref r)
{
	const struct ir_insn *insn = w->c->u->insn, *i = &insn[r.idx];

	switch (i->op) {
	case IR_getreg:
		return w->extended >> i->imm & 1;
	case IR_select:
		return is_extended(w, i->b) || is_extended(w, i->c);
	case IR_and:
	case IR_or:
	case IR_xor:
		return is_extended(w, i->a) || is_extended(w, i->b);
	default:
		return i->op == IR_sext && insn[i->a.idx].op != IR_const
		       && insn[i->a.idx].op != IR_trunc;
	}
}

static void step(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];

	if (i->op == IR_putreg && c->regs >> i->imm & 1) {
		w->extended &= ~BIT(i->imm);
		w->extended |= is_extended(w, i->a) ? BIT(i->imm) : 0;
		w->now[i->imm] = c->of[i->a.idx];
		w->written |= BIT(i->imm);
	}
	c->of[k] = (uint8_t)(i->op == IR_getreg ? w->now[i->imm] : form_of(c, i));
}

/* Calls see for each insn, before and behind what it does to registers. */
typedef void see_fn(struct walk *w, uint32_t k);

static void walk(struct carry *c, unsigned block, const uint8_t *entry, see_fn *see)
{
	const struct ir_block blk = c->u->block[block];
	struct walk w = { .c = c, .block = block };

	memcpy(w.now, entry, sizeof w.now);
	for (uint32_t k = blk.first; k < blk.first + blk.count; k++) {
		if (c->u->insn[k].dead)
			continue;
		step(&w, k);
		see(&w, k);
	}
}

/* ---- what second versions know -------------------------------------------------------------------- */

/*
 * Is register r, which has form now, rather tested on the way from block a to b, at whose entry it has that form but for this way? Not where it
 * is sure to fail, or what is asked for is not known yet.
 */
static bool is_tested(const struct carry *c, unsigned a, unsigned b, unsigned r, unsigned now)
{
	const unsigned form = c->entry[b][r];

	if (c->inner[b] >> a & 1 || !(c->writes[b] >> r & 1))
		return false;
	return form == FORM_ANY || (form == FORM_CANON32 && now == FORM_BOXED)
	       || (form == FORM_CANON64 && now == FORM_NONE);
}

static void see_jump(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];

	if (!stays_in_loop(c, w->block, i))
		return;
	for (EACH(r, c->regs)) {
		uint8_t *at = &c->entry[i->to][r];
		unsigned met = meet(*at, w->now[r]);

		if (is_tested(c, w->block, i->to, (unsigned)r, w->now[r]))
			continue;
		c->changed |= met != *at;
		*at = (uint8_t)met;
	}
}

static void go_round(struct carry *c)
{
	do {
		c->changed = false;
		for (unsigned b = 0; b < c->count; b++)
			if (c->next[b])
				walk(c, b, c->entry[b], see_jump);
	} while (c->changed);
}

/* The register that i reads a float from, or the low half to extend it, as it is at the block's entry; or IR_MAX_REGS. */
static unsigned read_of(const struct walk *w, const struct ir_insn *i)
{
	const struct ir_insn *insn = w->c->u->insn;
	ir_ref low = i->a;

	if (i->op == IR_unbox)
		return entry_reg(w, i->a);
	if (i->op != IR_sext)
		return IR_MAX_REGS;
	if (insn[low.idx].op == IR_add && insn[insn[low.idx].b.idx].op == IR_const
	    && insn[insn[low.idx].b.idx].imm == 0) /* sext.w */
		low = insn[low.idx].a;
	return insn[low.idx].op == IR_trunc ? entry_reg(w, insn[low.idx].a) : IR_MAX_REGS;
}

static bool is_compare(const struct ir_insn *i)
{
	return (i->op == IR_br || i->op == IR_set) && i->type == IR_I64;
}

static void see_read(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];
	const ir_ref side[] = { i->a, i->b };

	if (i->op == IR_unbox && read_of(w, i) != IR_MAX_REGS)
		c->boxed_reads |= BIT(read_of(w, i));
	for (unsigned n = 0; n < 2 && is_compare(i); n++)
		if (entry_reg(w, side[n]) != IR_MAX_REGS && is_extended(w, side[!n]))
			c->sext_reads |= BIT(entry_reg(w, side[n]));
}

/* The registers that i, a comparison, can compare by their low halves since both are sign-extended. */
static uint64_t narrowed(const struct walk *w, const struct ir_insn *i)
{
	const uint8_t *of = w->c->of;
	unsigned a, b;

	if (!is_compare(i) || of[i->a.idx] != FORM_SEXT || of[i->b.idx] != FORM_SEXT
	    || !(is_extended(w, i->a) || is_extended(w, i->b)))
		return 0;
	a = entry_reg(w, i->a);
	b = entry_reg(w, i->b);
	return (a != IR_MAX_REGS ? BIT(a) : 0) | (b != IR_MAX_REGS ? BIT(b) : 0);
}

/*
 * Registers gain by a float that is read without a test, a low half that is not extended again, or by a result that need
 * not be made exact at a jump.
 */
static void see_gain(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];
	unsigned read = read_of(w, i);
	uint64_t regs = narrowed(w, i);

	if (read != IR_MAX_REGS && (is_boxed(w->now[read]) || w->now[read] == FORM_SEXT))
		regs |= BIT(read);
	if (stays_in_loop(c, w->block, i))
		for (EACH(r, w->written))
			if (c->entry[i->to][r] == FORM_SEXT ? w->extended >> r & 1
							    : c->entry[i->to][r] != FORM_NONE)
				regs |= BIT(r);
	if (!regs)
		return;
	for (EACH(b, c->next[w->block]))
		c->useful[b] |= regs;
}

/* Fills entry. What nobody gains from is not asked for: it would have to be tested. */
static void find_forms(struct carry *c)
{
	memset(c->entry, FORM_ANY, sizeof c->entry);
	go_round(c);
	for (unsigned b = 0; b < c->count; b++)
		if (c->next[b])
			walk(c, b, c->entry[b], see_read);
	for (unsigned b = 0; b < c->count; b++)
		for (EACH(r, c->regs))
			if (c->entry[b][r] == FORM_ANY)
				c->entry[b][r] = c->boxed_reads >> r & 1  ? FORM_BOXED
						 : c->sext_reads >> r & 1 ? FORM_SEXT
									  : FORM_NONE;
	go_round(c);
	memset(c->useful, 0, sizeof c->useful);
	for (unsigned b = 0; b < c->count; b++)
		if (c->next[b])
			walk(c, b, c->entry[b], see_gain);
	for (unsigned b = 0; b < c->count; b++) {
		for (EACH(r, c->regs & ~c->useful[b]))
			c->entry[b][r] = FORM_NONE;
		if (c->useful[b])
			c->twice |= BIT(b);
	}
	go_round(c);
}

/* ---- what first versions know ---------------------------------------------------------------------- */

static void see_first_jump(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const unsigned to = ir_goes_to(&c->u->insn[k]);

	if (to >= c->count)
		return;
	for (EACH(r, c->regs)) {
		uint8_t *at = &c->first[to][r];
		unsigned met = meet(*at, w->now[r]);

		c->changed |= met != *at;
		*at = (uint8_t)met;
	}
}

/* Fills first. Of what comes from outside nothing is known: at block 0, and where calls return to. */
static void find_first(struct carry *c)
{
	memset(c->first, FORM_ANY, sizeof c->first);
	memset(c->first[0], FORM_NONE, sizeof c->first[0]);
	for (uint32_t k = 0; k < c->u->insn_count; k++)
		if (ir_is_call(&c->u->insn[k]) && c->u->insn[k].to < c->count)
			memset(c->first[c->u->insn[k].to], FORM_NONE, sizeof c->first[0]);
	do {
		c->changed = false;
		for (unsigned b = 0; b < c->count; b++)
			walk(c, b, c->first[b], see_first_jump);
	} while (c->changed);
	for (unsigned b = 0; b < c->count; b++) /* nothing leads there */
		for (unsigned r = 0; r < IR_MAX_REGS; r++)
			if (c->first[b][r] == FORM_ANY)
				c->first[b][r] = FORM_NONE;
}

/* ---- the second versions --------------------------------------------------------------------------- */

/* Appends an insn that stands where like does. */
static ir_ref append(struct carry *c, const struct ir_insn *like, struct ir_insn i)
{
	struct ir_unit *u = c->u;
	int32_t gpc_off = like->gpc_off;

	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	i.gpc_off = gpc_off;
	u->insn[u->insn_count] = i;
	u->open->count++;
	return (ir_ref){ (uint16_t)u->insn_count++ };
}

static struct ir_insn plain(enum ir_op op, enum ir_type t, ir_ref a, ir_ref b)
{
	return (struct ir_insn){
		.op = (uint8_t)op,
		.type = (uint8_t)t,
		.a = a,
		.b = b,
		.c = IR_NOREF,
		.to = IR_NOBLOCK,
	};
}

/* What getreg, just appended, has read, said in a way that shows what it is. */
static ir_ref restate(struct carry *c, ir_ref got, unsigned form)
{
	struct ir_insn like = c->u->insn[got.idx];
	ir_ref x;

	if (form == FORM_SEXT) {
		x = append(c, &like, plain(IR_trunc, IR_NONE, got, IR_NOREF));
		return append(c, &like, plain(IR_sext, IR_NONE, x, IR_NOREF));
	}
	if (form == FORM_CANON64)
		return append(c, &like, plain(IR_fcanon, IR_F64, got, IR_NOREF));
	x = append(c, &like, plain(IR_fbits32, IR_NONE, got, IR_NOREF));
	x = append(c, &like, plain(IR_bitsf32, IR_NONE, x, IR_NOREF));
	if (form == FORM_CANON32)
		x = append(c, &like, plain(IR_fcanon, IR_F32, x, IR_NOREF));
	return append(c, &like, plain(IR_box, IR_NONE, x, IR_NOREF));
}

static void open_block(struct carry *c, gaddr gpc, const uint8_t *forms)
{
	struct ir_block *blk;

	ir_block_begin(c->u, gpc);
	blk = c->u->open;
	for (EACH(r, c->regs)) {
		blk->boxed |= is_boxed(forms[r]) ? BIT(r) : 0;
		blk->canon |= forms[r] == FORM_CANON32 || forms[r] == FORM_CANON64 ? BIT(r) : 0;
		blk->sext |= forms[r] == FORM_SEXT ? BIT(r) : 0;
	}
}

/* The second version of block b. */
static void add_second(struct carry *c, unsigned b)
{
	struct ir_unit *u = c->u;
	ir_ref *map = c->copy;
	const struct ir_block from = u->block[b];
	const uint8_t *forms = c->entry[b];
	uint64_t written = 0;

	open_block(c, from.gpc, forms);
	u->open->exec_count = from.exec_count;
	u->open->owes = from.owes;
	u->block[b].exec_count = 0;
	for (uint32_t k = from.first; k < from.first + from.count; k++) {
		struct ir_insn i = u->insn[k];
		ir_ref *operand[] = { &i.a, &i.b, &i.c };

		if (i.dead)
			continue;
		for (unsigned n = 0; n < ARRAY_LEN(operand); n++)
			if (ir_ref_ok(*operand[n]))
				*operand[n] = map[operand[n]->idx];
		if (stays_in_loop(c, b, &i))
			i.to = c->second[i.to];
		map[k] = append(c, &i, i);
		if (i.op == IR_putreg)
			written |= BIT(i.imm);
		else if (i.op == IR_getreg && c->regs & ~written & BIT(i.imm)
			 && forms[i.imm] != FORM_NONE)
			map[k] = restate(c, map[k], forms[i.imm]);
	}
}

/* Tests on the way to a block. Where one fails, they leave for block no as exit, a jump there, does. */
struct tests {
	struct carry *c;
	const struct ir_insn *exit;
	unsigned no;
};

static ir_ref test_const(const struct tests *t, enum ir_type type, int64_t value)
{
	struct ir_insn i = plain(IR_const, type, IR_NOREF, IR_NOREF);

	i.imm = value;
	return append(t->c, t->exit, i);
}

static ir_ref test_get(const struct tests *t, unsigned r)
{
	const enum ir_type type = (enum ir_type)t->c->u->regs->reg[r].type;
	struct ir_insn i = plain(IR_getreg, type, IR_NOREF, IR_NOREF);
	ir_ref x;

	i.imm = r;
	x = append(t->c, t->exit, i);
	return type == IR_F64 ? append(t->c, t->exit, plain(IR_fbits, IR_NONE, x, IR_NOREF)) : x;
}

static void test_fails_if(const struct tests *t, enum ir_type type, ir_ref a, enum ir_cc cond,
			  ir_ref b)
{
	struct ir_insn i = plain(IR_br, type, a, b);

	i.sub = (uint8_t)cond;
	i.imm = t->exit->imm;
	i.to = (uint16_t)t->no;
	append(t->c, t->exit, i);
}

/* That the registers are boxed floats: their upper halves, of all at once, are ones. */
static void test_boxed(const struct tests *t, uint64_t regs)
{
	ir_ref all = IR_NOREF, high;

	for (EACH(r, regs)) {
		ir_ref bits = test_get(t, (unsigned)r);

		all =
		    ir_ref_ok(all) ? append(t->c, t->exit, plain(IR_and, IR_I64, all, bits)) : bits;
	}
	high = append(t->c, t->exit, plain(IR_sar, IR_I64, all, test_const(t, IR_I64, 32)));
	test_fails_if(t, IR_I64, high, IR_NE, test_const(t, IR_I64, -1));
}

static void test_extended(const struct tests *t, unsigned r)
{
	ir_ref x = test_get(t, r);

	test_fails_if(t, IR_I64, x, IR_NE, restate(t->c, x, FORM_SEXT));
}

/* That the float or double in r is no NaN. The canonical one counts as one, too: it is rare. */
static void test_no_nan(const struct tests *t, unsigned r, bool is_float)
{
	const enum ir_type type = is_float ? IR_I32 : IR_I64;
	/* Twice the bits of infinity, which no other number exceeds. */
	const int64_t limit =
	    is_float ? (int32_t)(UINT32_C(0xff) << 24) : (int64_t)(UINT64_C(0x7ff) << 53);
	ir_ref bits = test_get(t, r);

	if (is_float)
		bits = append(t->c, t->exit, plain(IR_trunc, IR_NONE, bits, IR_NOREF));
	bits = append(t->c, t->exit, plain(IR_shl, type, bits, test_const(t, type, 1)));
	test_fails_if(t, type, test_const(t, type, limit), IR_LTU, bits);
}

/*
 * Jump k goes to the second version of block b, past a block of tests where something has to be tested; now: what registers are.
 */
static void confirm(struct carry *c, uint32_t k, unsigned b, const uint8_t *now)
{
	struct ir_unit *u = c->u;
	const struct ir_insn exit = u->insn[k];
	const struct tests t = { c, &exit, b };
	uint64_t boxed = 0, nan = 0, extended = 0;
	uint8_t nothing[IR_MAX_REGS];
	struct ir_insn jump;

	u->insn[k].to = (uint16_t)b;
	if (u->insn_count > IR_INSNS_MAX - TESTS_MAX)
		return;
	u->insn[k].to = c->second[b];
	for (EACH(r, c->regs)) {
		unsigned form = c->entry[b][r];

		if (implies(now[r], form))
			continue;
		boxed |= is_boxed(form) && !is_boxed(now[r]) ? BIT(r) : 0;
		nan |= form == FORM_CANON32 || form == FORM_CANON64 ? BIT(r) : 0;
		extended |= form == FORM_SEXT ? BIT(r) : 0;
	}
	if (!(boxed | nan | extended))
		return;
	memset(nothing, FORM_NONE, sizeof nothing);
	open_block(c, (gaddr)exit.imm, nothing);
	u->open->owes = u->block[b].owes;
	u->insn[k].to = (uint16_t)(u->block_count - 1);
	if (boxed)
		test_boxed(&t, boxed);
	for (EACH(e, extended))
		test_extended(&t, (unsigned)e);
	for (EACH(n, nan))
		test_no_nan(&t, (unsigned)n, c->entry[b][n] == FORM_CANON32);
	jump = plain(IR_exit, IR_NONE, IR_NOREF, IR_NOREF);
	jump.imm = exit.imm;
	jump.sub = IR_JUMP_PLAIN;
	jump.to = c->second[b];
	append(c, &exit, jump);
}

/* A way among the second versions. */
static void see_second_jump(struct walk *w, uint32_t k)
{
	const struct ir_insn *i = &w->c->u->insn[k];

	if (stays_in_loop(w->c, w->block, i))
		confirm(w->c, w->c->copy[k].idx, i->to, w->now);
}

/*
 * A jump back (in the order of blocks, so that no way round is without one) in a first version goes to the second one.
 */
static void see_back_jump(struct walk *w, uint32_t k)
{
	const struct ir_insn *i = &w->c->u->insn[k];

	if (stays_in_loop(w->c, w->block, i) && i->to <= w->block)
		confirm(w->c, k, i->to, w->now);
}

static void add_versions(struct carry *c)
{
	struct ir_unit *u = c->u;
	unsigned next = c->count;

	c->copy = arena_new(u->arena, ir_ref, u->insn_count + 1);
	for (EACH(s, c->twice))
		c->second[s] = (uint16_t)next++;
	for (EACH(b, c->twice))
		add_second(c, (unsigned)b);
	for (EACH(e, c->twice))
		walk(c, (unsigned)e, c->entry[e], see_second_jump);
	for (EACH(f, c->twice))
		walk(c, (unsigned)f, c->first[f], see_back_jump);
	u->open = NULL;
}

/* ---- the pass ------------------------------------------------------------------------------------ */

static uint64_t regs_of(const struct ir_unit *u)
{
	uint64_t set = 0;

	for (uint32_t k = 0; k < u->insn_count; k++)
		if (u->insn[k].op == IR_getreg || u->insn[k].op == IR_putreg)
			set |= BIT(u->insn[k].imm);
	return set;
}

void opt_carry(struct ir_unit *u)
{
	struct carry c = { .u = u, .count = u->block_count, .regs = regs_of(u) };

	if (!c.regs || c.count > MAX_BLOCKS || u->insn_count > INSNS_MAX || !find_loops(&c))
		return;
	for (unsigned b = 0; b < c.count; b++)
		if (u->block[b].boxed | u->block[b].canon
		    | u->block[b].sext) /* has been here already */
			return;
	find_inner(&c);
	c.of = arena_znew(u->arena, uint8_t, u->insn_count);
	find_forms(&c);
	if (!c.twice)
		return;
	find_first(&c);
	add_versions(&c);
}

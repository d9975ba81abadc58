/*
 * carry: what a loop knows of its floating-point registers from one turn to the next.
 *
 * A float in a register is boxed, a result of arithmetic canonical: whoever wrote a register knows that, but the block
 * that reads it next does not, and tests it. So each block of a loop gets a second version for which it holds at
 * its entry (ir_block.boxed, canon), and which is only come to where it does:
 *
 *     from outside --> first version --backward jump--> are they so? --yes--> second version <--+
 *                        ^                                 |no                  |               |
 *                        +---------------------------------+                    +---------------+
 *
 * What the second versions know is found by going round them, from everything down to what each jump among them
 * confirms. What comes from the first ones need not confirm it: there it is tested, but for what is plain from the
 * block just left. Registers that no block of the loop writes are taken for boxed when it reads a float from them.
 * Outside of the second versions all is as without.
 *
 * The pass states what is known by operations that then change nothing (canonical of what is canonical, boxed of
 * what is boxed); that reading, boxing and testing go is the other passes' work. A host may keep
 * such a register in another form from block to block (lir.h).
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
	FORM_NONE,
};

struct carry {
	struct ir_unit *u;
	unsigned count; /* the blocks of first versions */
	uint64_t fregs; /* registers that are looked at */
	uint64_t next
	    [MAX_BLOCKS]; /* the blocks of the same loop: those that it reaches and that reach it */
	uint8_t entry[MAX_BLOCKS][IR_MAX_REGS]; /* enum form */
	uint64_t boxed_reads;        /* registers that some block of a loop reads a float from */
	uint8_t *of;                 /* enum form of the values of the block at hand, by insn */
	uint64_t useful[MAX_BLOCKS]; /* registers whose form some block of the loop gains from */
	uint64_t twice;              /* blocks that get a second version */
	uint16_t second[MAX_BLOCKS]; /* which it is */
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

/* Fills next; false when there is no loop. */
static bool find_loops(struct carry *c)
{
	uint64_t reach[MAX_BLOCKS] = { 0 }, all = 0;

	for (unsigned b = 0; b < c->count; b++) {
		const struct ir_block *blk = &c->u->block[b];

		for (uint32_t k = blk->first; k < blk->first + blk->count; k++)
			if (ir_goes_to(&c->u->insn[k]) < c->count)
				reach[b] |= BIT(c->u->insn[k].to);
	}
	for (unsigned via = 0; via < c->count; via++)
		for (unsigned b = 0; b < c->count; b++)
			if (reach[b] >> via & 1)
				reach[b] |= reach[via];
	for (unsigned b = 0; b < c->count; b++) {
		c->next[b] = 0;
		for (EACH(n, reach[b]))
			c->next[b] |= reach[n] & BIT(b) ? BIT(n) : 0;
		all |= c->next[b];
	}
	return all;
}

/* ---- what values are --------------------------------------------------------------------------- */

static unsigned form_of(const struct carry *c, const struct ir_insn *i)
{
	const struct ir_insn *a = ir_ref_ok(i->a) ? &c->u->insn[i->a.idx] : NULL;
	uint32_t none = 0;
	uint64_t v;

	if (ir_result_type(i) != IR_F64 || !a)
		return FORM_NONE;
	if (ir_info(i)->flags & IR_NC)
		return FORM_CANON64;
	switch (i->op) {
	case IR_box:
		if (ir_info(a)->flags & IR_NC
		    || (a->op == IR_unbox && c->of[a->a.idx] == FORM_CANON32))
			return FORM_CANON32;
		return FORM_BOXED;
	case IR_fabs: /* the canonical NaN has no sign */
		return c->of[i->a.idx] == FORM_CANON64 ? FORM_CANON64 : FORM_NONE;
	case IR_bitsf:
		if (a->op != IR_const)
			return FORM_NONE;
		v = (uint64_t)a->imm;
		a = &(struct ir_insn){ .op = IR_fcanon, .type = IR_F64 };
		return ir_eval(a, v, 0, 0, 0, &none) == v ? FORM_CANON64 : FORM_NONE;
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
};

static void step(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];

	if (i->op == IR_putreg && c->fregs >> i->imm & 1) {
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

static void see_jump(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];

	if (!stays_in_loop(c, w->block, i))
		return;
	for (EACH(r, c->fregs)) {
		uint8_t *at = &c->entry[i->to][r];
		unsigned met = meet(*at, w->now[r]);

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

static bool reads_entry(const struct walk *w, const struct ir_insn *i)
{
	const struct ir_insn *insn = w->c->u->insn;

	return i->op == IR_unbox && insn[i->a.idx].op == IR_getreg
	       && !(w->written >> insn[i->a.idx].imm & 1);
}

static void see_float_read(struct walk *w, uint32_t k)
{
	const struct ir_insn *i = &w->c->u->insn[k];

	if (reads_entry(w, i))
		w->c->boxed_reads |= BIT(w->c->u->insn[i->a.idx].imm);
}

/* Registers gain by a float that is read without a test, or by a result that need not be made exact at a jump. */
static void see_gain(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	const struct ir_insn *i = &c->u->insn[k];
	uint64_t regs = 0;

	if (reads_entry(w, i) && is_boxed(c->of[i->a.idx]))
		regs = BIT(c->u->insn[i->a.idx].imm);
	if (stays_in_loop(c, w->block, i))
		for (EACH(r, w->written))
			regs |= c->entry[i->to][r] != FORM_NONE ? BIT(r) : 0;
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
			walk(c, b, c->entry[b], see_float_read);
	for (unsigned b = 0; b < c->count; b++)
		for (EACH(r, c->fregs))
			if (c->entry[b][r] == FORM_ANY)
				c->entry[b][r] = c->boxed_reads >> r & 1 ? FORM_BOXED : FORM_NONE;
	go_round(c);
	memset(c->useful, 0, sizeof c->useful);
	for (unsigned b = 0; b < c->count; b++)
		if (c->next[b])
			walk(c, b, c->entry[b], see_gain);
	for (unsigned b = 0; b < c->count; b++) {
		for (EACH(r, c->fregs & ~c->useful[b]))
			c->entry[b][r] = FORM_NONE;
		if (c->useful[b])
			c->twice |= BIT(b);
	}
	go_round(c);
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
	for (EACH(r, c->fregs)) {
		blk->boxed |= is_boxed(forms[r]) ? BIT(r) : 0;
		blk->canon |= forms[r] == FORM_CANON32 || forms[r] == FORM_CANON64 ? BIT(r) : 0;
	}
}

/* The second version of block b. map: what its values have become, by insn. */
static void add_second(struct carry *c, unsigned b, ir_ref *map)
{
	struct ir_unit *u = c->u;
	const struct ir_block from = u->block[b];
	const uint8_t *forms = c->entry[b];
	uint64_t written = 0;

	open_block(c, from.gpc, forms);
	u->open->exec_count = from.exec_count;
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
		else if (i.op == IR_getreg && c->fregs & ~written & BIT(i.imm)
			 && forms[i.imm] != FORM_NONE)
			map[k] = restate(c, map[k], forms[i.imm]);
	}
}

/* Leaves for block no unless register r has that form. A canonical NaN counts as none, too: it is rare. */
static void test_form(struct carry *c, const struct ir_insn *exit, unsigned no, unsigned r,
		      unsigned form)
{
	struct ir_insn get = plain(IR_getreg, IR_F64, IR_NOREF, IR_NOREF), jump, limit;
	enum ir_type t = IR_I64;
	ir_ref bits, x, y;

	get.imm = r;
	x = append(c, exit, get);
	bits = append(c, exit, plain(IR_fbits, IR_NONE, x, IR_NOREF));
	jump = plain(IR_br, t, IR_NOREF, IR_NOREF);
	jump.imm = exit->imm;
	jump.to = (uint16_t)no;
	limit = plain(IR_const, t, IR_NOREF, IR_NOREF);
	if (is_boxed(form)) {
		limit.imm = 32;
		y = append(c, exit, limit);
		jump.a = append(c, exit, plain(IR_sar, t, bits, y));
		limit.imm = -1;
		jump.b = append(c, exit, limit);
		jump.sub = IR_NE;
		append(c, exit, jump);
	}
	if (form == FORM_BOXED)
		return;
	/* Twice the bits of infinity is what no other number exceeds. */
	limit.imm = (int64_t)(UINT64_C(0x7ff) << 53);
	if (form == FORM_CANON32) {
		t = IR_I32;
		bits = append(c, exit, plain(IR_trunc, IR_NONE, bits, IR_NOREF));
		limit.imm = (int32_t)(UINT32_C(0xff) << 24);
	}
	limit.type = jump.type = (uint8_t)t;
	jump.a = append(c, exit, limit);
	limit.imm = 1;
	y = append(c, exit, limit);
	jump.b = append(c, exit, plain(IR_shl, t, bits, y));
	jump.sub = IR_LTU;
	append(c, exit, jump);
}

/*
 * A jump back (in the order of blocks, so that no way round is without one) in a first version goes to the second one, past
 * a block of tests where something has to be tested.
 */
static void see_back_jump(struct walk *w, uint32_t k)
{
	struct carry *c = w->c;
	struct ir_unit *u = c->u;
	const struct ir_insn exit = u->insn[k];
	uint8_t nothing[IR_MAX_REGS];
	struct ir_insn jump;

	if (!stays_in_loop(c, w->block, &exit) || exit.to > w->block
	    || u->insn_count > IR_INSNS_MAX - TESTS_MAX)
		return;
	jump = plain(IR_exit, IR_NONE, IR_NOREF, IR_NOREF);
	jump.imm = exit.imm;
	jump.sub = IR_JUMP_PLAIN;
	jump.to = c->second[exit.to];
	u->insn[k].to = jump.to;
	memset(nothing, FORM_NONE, sizeof nothing);
	for (EACH(r, c->fregs)) {
		unsigned form = c->entry[exit.to][r];

		if (implies(w->now[r], form))
			continue;
		if (u->insn[k].to == jump.to) {
			open_block(c, (gaddr)exit.imm, nothing);
			u->insn[k].to = (uint16_t)(u->block_count - 1);
		}
		test_form(c, &exit, exit.to, (unsigned)r, form);
	}
	if (u->insn[k].to != jump.to)
		append(c, &exit, jump);
}

static void add_versions(struct carry *c)
{
	struct ir_unit *u = c->u;
	ir_ref *map = arena_new(u->arena, ir_ref, u->insn_count + 1);
	uint8_t nothing[IR_MAX_REGS];
	unsigned next = c->count;

	for (EACH(s, c->twice))
		c->second[s] = (uint16_t)next++;
	for (EACH(b, c->twice))
		add_second(c, (unsigned)b, map);
	memset(nothing, FORM_NONE, sizeof nothing);
	for (EACH(f, c->twice))
		walk(c, (unsigned)f, nothing, see_back_jump);
	u->open = NULL;
}

/* ---- the pass ------------------------------------------------------------------------------------ */

static uint64_t float_regs(const struct ir_unit *u)
{
	uint64_t set = 0;

	for (uint32_t k = 0; k < u->insn_count; k++) {
		const struct ir_insn *i = &u->insn[k];

		if ((i->op == IR_getreg || i->op == IR_putreg) && i->type == IR_F64)
			set |= BIT(i->imm);
	}
	return set;
}

void opt_carry(struct ir_unit *u)
{
	struct carry c = { .u = u, .count = u->block_count, .fregs = float_regs(u) };

	if (!c.fregs || c.count > MAX_BLOCKS || u->insn_count > INSNS_MAX || !find_loops(&c))
		return;
	for (unsigned b = 0; b < c.count; b++)
		if (u->block[b].boxed | u->block[b].canon) /* has been here already */
			return;
	c.of = arena_znew(u->arena, uint8_t, u->insn_count);
	find_forms(&c);
	if (c.twice)
		add_versions(&c);
}

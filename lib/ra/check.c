/*
 * The allocation checker: symbolic execution of both lists side by side.
 *
 * It shares nothing with the allocator but lir.h. The selected list says what each operand
 * must be, by name: a result of a virtual register, a guest register at block entry,
 * a constant, or one of these with a conversion (fix) applied; a sum has a name of its own, which no place ever holds. The allocated list is carried out on a
 * machine whose registers and memory places hold such names. Host insns
 * stand in both lists in the same order; all others in the allocated list move names about.
 *
 *     selected                        allocated
 *     PUT: the guest's view      |    MOVE XCHG CONST LOAD STORE STOREI FIX: the machine
 *     host insn ------------------ same, uses, results, ways out compared ---- host insn
 *
 * At a way out, each guest register's name in the guest's view must be at the place that the boundary
 * convention, the stub's moves or the fault record say. A register that the
 * insn at a fault may have written already counts as lost there.
 */
#include "lib/ir/state.h"
#include "lib/ra/ra.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum name_kind { NAME_NONE, NAME_ENTRY, NAME_VREG, NAME_CONST, NAME_SUM };

struct name {
	uint8_t kind;
	uint8_t fix;  /* conversion applied to it */
	uint16_t num; /* guest register or virtual register */
	int64_t imm;  /* CONST */
};

enum { SLOTS = IR_MAX_REGS + IR_SPILL_SLOTS };

struct machine {
	struct name reg[LIR_PHYS_COUNT];
	struct name mem[SLOTS]; /* guest registers' places by number, then spill slots */
};

struct checker {
	const struct lir_unit *sel, *got;
	const struct ra_target *t;
	struct diag *d;
	struct machine m;
	struct name greg[IR_MAX_REGS]; /* the guest's view, exact: fix applied */
	struct name *vreg;             /* names of virtual registers */
	uint32_t si, gi;               /* at hand in the two lists */
	uint32_t fault;                /* next record */
	uint64_t written;              /* guest registers that some block has a PUT of */
};

static const struct name nothing = { 0 };

KIT_PRINTF(2, 3) static bool fail(const struct checker *c, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return diag_fail(c->d, KIT_EXIT_INTERNAL, "selected insn %u, allocated insn %u: %s",
			 (unsigned)c->si, (unsigned)c->gi, text);
}

/* ---- names ------------------------------------------------------------------------------------ */

static bool same(struct name a, struct name b)
{
	return a.kind != NAME_NONE && a.kind == b.kind && a.fix == b.fix && a.num == b.num
	       && a.imm == b.imm;
}

static struct name entry_name(unsigned g) { return (struct name){ NAME_ENTRY, 0, (uint16_t)g, 0 }; }
static struct name const_name(int64_t imm) { return (struct name){ NAME_CONST, 0, 0, imm }; }

/* No conversion is applied to what has one already: nobody could say what that is. */
static struct name fixed_name(struct name n, uint8_t fix)
{
	if (!fix)
		return n;
	if (n.fix)
		return nothing;
	n.fix = fix;
	return n;
}

static struct name vreg_name(const struct checker *c, unsigned v)
{
	if (v >= LIR_ENTRY)
		return v - LIR_ENTRY < c->t->regs->count ? entry_name(v - LIR_ENTRY) : nothing;
	if (c->sel->vreg[v].is_sum)
		return (struct name){ NAME_SUM, 0, (uint16_t)v, 0 };
	return c->sel->vreg[v].is_const ? const_name(c->sel->vreg[v].imm) : c->vreg[v];
}

/* ---- the machine -------------------------------------------------------------------------------- */

/* The memory place at an offset in struct ir_state, or -1. */
static int place_at(const struct checker *c, int64_t offset)
{
	const int64_t first = (int64_t)offsetof(struct ir_state, spill);

	for (unsigned g = 0; g < c->t->regs->count; g++)
		if (offset == c->t->regs->reg[g].offset_bytes)
			return (int)g;
	/* Bounds before the difference: a wrong list may hold any offset. */
	if (offset < first || offset >= first + 8 * IR_SPILL_SLOTS || (offset - first) % 8)
		return -1;
	return IR_MAX_REGS + (int)((offset - first) / 8);
}

static unsigned class_of(unsigned r) { return r < LIR_PHYS_FP ? LIR_INT : LIR_FP; }

static bool is_reg(const struct checker *c, unsigned r)
{
	return r < LIR_PHYS_COUNT && (c->t->alloc[class_of(r)] >> r & 1);
}

/* Carries out an insn of the allocator's own. */
static bool step(struct checker *c, struct machine *m, const struct lir_insn *in)
{
	static const uint8_t opnds[LIR_HOST] = { [LIR_MOVE] = 2, [LIR_XCHG] = 2,  [LIR_CONST] = 1,
						 [LIR_LOAD] = 1, [LIR_STORE] = 1, [LIR_FIX] = 1 };
	unsigned a = in->opnd[0].r, b = in->opnd[1].r;
	int place = place_at(c, in->imm);
	struct name n;

	if (in->nopnd != opnds[in->op])
		return fail(c, "op %u has %u operands", in->op, in->nopnd);
	for (unsigned k = 0; k < in->nopnd; k++)
		/* A fixed register need not be one that the allocator may use otherwise. */
		if (in->opnd[k].r >= LIR_PHYS_COUNT)
			return fail(c, "operand %u of op %u is no register", k, in->op);
	if (in->nopnd == 2 && class_of(a) != class_of(b))
		return fail(c, "op %u of registers %u and %u, of two classes", in->op, a, b);
	switch (in->op) {
	case LIR_MOVE:
		m->reg[a] = m->reg[b];
		return true;
	case LIR_XCHG:
		n = m->reg[a];
		m->reg[a] = m->reg[b];
		m->reg[b] = n;
		return true;
	case LIR_CONST:
		m->reg[a] = const_name(in->imm);
		return class_of(a) == LIR_INT
		       || fail(c, "constant in floating-point register %u", a);
	case LIR_FIX:
		m->reg[a] = fixed_name(m->reg[a], in->fix);
		return true;
	case LIR_LOAD:
	case LIR_STORE:
	case LIR_STOREI:
		if (place < 0)
			return fail(c, "no place of the allocator at offset %lld",
				    (long long)in->imm);
		break;
	default:
		return fail(c, "op %u is not the allocator's", in->op);
	}
	if (in->op == LIR_LOAD)
		m->reg[a] = m->mem[place];
	else
		m->mem[place] = in->op == LIR_STORE ? m->reg[a] : const_name(in->imm2);
	return true;
}

/* Every guest register holds its entry name, at the places of convention t alone. */
static void place_all(struct checker *c, const struct ra_target *t)
{
	memset(&c->m, 0, sizeof(c->m));
	for (unsigned g = 0; g < t->regs->count; g++) {
		c->greg[g] = entry_name(g);
		if (t->home[g] == LIR_PHYS_NONE)
			c->m.mem[g] = entry_name(g);
		else
			c->m.reg[t->home[g]] = entry_name(g);
	}
}

static const struct ra_target *boundary(const struct checker *c)
{
	return c->got->boundary ? c->got->boundary : c->t;
}

/* With the fixes that blk is come to with; NULL: none. */
static void enter_block(struct checker *c, const struct lir_block *blk)
{
	place_all(c, c->t);
	for (unsigned g = 0; blk && g < c->t->regs->count; g++)
		if (blk->fixes >> g & 1)
			c->greg[g] = fixed_name(entry_name(g), blk->fix[g]);
	/* A register that has its home in the region alone and is not written is in memory, too. */
	for (unsigned g = 0; g < c->t->regs->count; g++)
		if (!(c->written >> g & 1) && boundary(c)->home[g] == LIR_PHYS_NONE)
			c->m.mem[g] = entry_name(g);
}

/* ---- operands ------------------------------------------------------------------------------------- */

static bool check_mem_use(struct checker *c, const struct lir_insn *got, unsigned k,
			  struct name want)
{
	int place = place_at(c, got->mem);

	if (!(got->opnd[k].flags & LO_MEM))
		return fail(c, "operand %u may not be in memory", k);
	for (unsigned j = 0; j < k; j++)
		if (got->opnd[j].flags & LO_IN_MEM)
			return fail(c, "operands %u and %u are in memory", j, k);
	if (got->opnd[k].r != LREG_NONE || place < 0)
		return fail(c, "operand %u is at no place in memory", k);
	return same(c->m.mem[place], want)
	       || fail(c, "operand %u: offset %d does not hold its value", k, got->mem);
}

static unsigned class_of_vreg(const struct checker *c, unsigned v)
{
	if (v >= LIR_ENTRY)
		return c->t->regs->reg[v - LIR_ENTRY].type == IR_F64 ? LIR_FP : LIR_INT;
	return c->sel->vreg[v].cls;
}

static bool check_reg(struct checker *c, const struct lir_opnd *sel, const struct lir_opnd *got,
		      unsigned k)
{
	if (sel->fixed != LIR_PHYS_NONE)
		return got->r == sel->fixed
		       || fail(c, "operand %u is in register %u, not %u", k, got->r, sel->fixed);
	if (!is_reg(c, got->r) || class_of(got->r) != class_of_vreg(c, sel->r))
		return fail(c, "operand %u is in register %u, which it may not be", k, got->r);
	return true;
}

/* Does a guest register hold n with this fix? */
static bool is_put_with(const struct checker *c, struct name n, uint8_t fix)
{
	n.fix = fix;
	for (unsigned g = 0; fix && g < c->t->regs->count; g++)
		if (same(c->greg[g], n))
			return true;
	return false;
}

static bool check_use(struct checker *c, const struct lir_insn *sel, const struct lir_insn *got,
		      unsigned k)
{
	const struct lir_opnd *o = &got->opnd[k];
	struct name want = vreg_name(c, sel->opnd[k].r), has;

	if (want.kind == NAME_NONE)
		return fail(c, "operand %u, v%u, is not defined", k, sel->opnd[k].r);
	if (o->flags & LO_IN_MEM)
		return check_mem_use(c, got, k, want);
	if (!check_reg(c, &sel->opnd[k], o, k))
		return false;
	has = c->m.reg[o->r];
	if (o->flags & LO_LAX && sel->flags & LF_SYNC && is_put_with(c, want, has.fix))
		want.fix = has.fix;
	return same(has, want)
	       || fail(c, "operand %u: register %u does not hold v%u", k, o->r, sel->opnd[k].r);
}

/* Registers that operands of a role take, those with a flag if one is given. */
static uint64_t regs_of(const struct lir_insn *in, unsigned role, unsigned flag)
{
	uint64_t set = 0;

	for (unsigned k = 0; k < in->nopnd; k++) {
		const struct lir_opnd *o = &in->opnd[k];

		if (o->role != role || (flag && !(o->flags & flag)) || o->flags & LO_IN_MEM)
			continue;
		set |= UINT64_C(1) << (role == LIR_CLOBBER ? o->fixed : o->r);
	}
	return set;
}

static unsigned count_of(const struct lir_insn *in, unsigned role)
{
	unsigned n = 0;

	for (unsigned k = 0; k < in->nopnd; k++)
		n += in->opnd[k].role == role;
	return n;
}

static bool check_operands(struct checker *c, const struct lir_insn *sel,
			   const struct lir_insn *got)
{
	uint64_t defs, clobbers, late;

	for (unsigned k = 0; k < sel->nopnd; k++) {
		const struct lir_opnd *a = &sel->opnd[k], *b = &got->opnd[k];

		if (a->role != b->role || a->fixed != b->fixed
		    || a->flags != (b->flags & ~LO_IN_MEM))
			return fail(c, "operand %u was changed", k);
		if (a->role == LIR_USE && !check_use(c, sel, got, k))
			return false;
		if (a->role == LIR_DEF && !check_reg(c, a, b, k))
			return false;
	}
	defs = regs_of(got, LIR_DEF, 0);
	clobbers = regs_of(got, LIR_CLOBBER, 0);
	late = regs_of(got, LIR_USE, LO_LATE);
	if (defs & clobbers || (unsigned)__builtin_popcountll(defs) != count_of(got, LIR_DEF))
		return fail(c, "two results, or a result and a clobber, share a register");
	if (late & (defs | clobbers))
		return fail(c, "an operand that is read late shares a register with a result");
	return true;
}

static bool define(struct checker *c, const struct lir_insn *sel, const struct lir_insn *got)
{
	for (unsigned k = 0; k < sel->nopnd; k++) {
		const struct lir_opnd *o = &sel->opnd[k];

		if (o->role == LIR_CLOBBER)
			c->m.reg[o->fixed] = nothing;
		if (o->role != LIR_DEF)
			continue;
		if (o->r >= LIR_ENTRY || c->vreg[o->r].kind != NAME_NONE
		    || c->sel->vreg[o->r].is_const || c->sel->vreg[o->r].is_sum)
			return fail(c, "v%u is defined twice", o->r);
		c->vreg[o->r] = (struct name){ NAME_VREG, 0, o->r, 0 };
		c->m.reg[got->opnd[k].r] = c->vreg[o->r];
	}
	return true;
}

/* ---- ways out --------------------------------------------------------------------------------------- */

/* Does m hold all guest registers as convention t has them, or as block to (NULL: none) takes them? */
static bool check_places(struct checker *c, const struct machine *m, const struct ra_target *t,
			 const struct lir_block *to, const char *where)
{
	for (unsigned g = 0; g < t->regs->count; g++) {
		unsigned home = t->home[g];

		if (to && to->fixes >> g & 1 && home != LIR_PHYS_NONE
		    && ra_fix_stays(t, c->greg[g].fix, to->fix[g])
		    && same(fixed_name(m->reg[home], c->greg[g].fix), c->greg[g]))
			continue;
		if (!same(home == LIR_PHYS_NONE ? m->mem[g] : m->reg[home], c->greg[g]))
			return fail(c, "%s: guest register %s is not in its place", where,
				    c->t->regs->reg[g].name);
	}
	return true;
}

/* The block of the unit that exit leads to, NULL when it leaves. */
static const struct lir_block *goes_to(const struct checker *c, uint16_t exit)
{
	unsigned to = exit < c->got->exit_count ? c->got->exit[exit].to : IR_NOBLOCK;

	return to < c->got->block_count ? &c->got->block[to] : NULL;
}

/* The stub of an exit, carried out on a copy of the machine as the insn leaves it. */
static bool check_exit(struct checker *c, const struct lir_insn *got)
{
	const struct lir_exit *e;
	struct machine m = c->m;

	if (got->exit >= c->got->exit_count)
		return fail(c, "exit %u does not exist", got->exit);
	e = &c->got->exit[got->exit];
	if ((uint64_t)e->stub_first + e->stub_count > c->got->stub_count)
		return fail(c, "stub of exit %u lies outside the list", got->exit);
	if (got->flags & LF_SYNC && e->stub_count)
		return fail(c, "exit %u of a sync insn has a stub", got->exit);
	for (uint32_t i = e->stub_first; i < e->stub_first + e->stub_count; i++) {
		const struct lir_insn *in = &c->got->stub[i];

		if (in->op >= LIR_HOST || !step(c, &m, in))
			return fail(c, "stub of exit %u, insn %u cannot be", got->exit, i);
	}
	return check_places(c, &m, c->t, goes_to(c, got->exit), "side exit");
}

/* Registers that insn may have written when it faults. */
static uint64_t lost_at_fault(const struct lir_insn *in)
{
	uint64_t clobbers = regs_of(in, LIR_CLOBBER, 0);

	if (clobbers || regs_of(in, LIR_USE, LO_LATE) || count_of(in, LIR_DEF) > 1)
		return clobbers | regs_of(in, LIR_DEF, 0);
	return 0;
}

static struct name found_at(struct checker *c, const struct lir_loc *loc, uint64_t lost)
{
	int place;

	switch (loc->kind) {
	case LIR_LOC_REG:
		if (loc->phys >= LIR_PHYS_COUNT || lost >> loc->phys & 1)
			return nothing;
		return fixed_name(c->m.reg[loc->phys], loc->fix);
	case LIR_LOC_MEM:
		place = place_at(c, loc->imm);
		return place < 0 ? nothing : fixed_name(c->m.mem[place], loc->fix);
	default:
		return fixed_name(const_name(loc->imm), loc->fix);
	}
}

/* Are the n locations the parts of sum? */
static bool found_sum(struct checker *c, const struct lir_vreg *sum, const struct lir_loc *loc,
		      unsigned n, uint64_t lost)
{
	struct {
		struct name name;
		unsigned shift;
	} part[3];
	unsigned parts = 0;

	if (sum->base != LREG_NONE) {
		part[parts].name = vreg_name(c, sum->base);
		part[parts++].shift = 0;
	}
	if (sum->index != LREG_NONE) {
		part[parts].name = vreg_name(c, sum->index);
		part[parts++].shift = sum->shift;
	}
	if (sum->imm || !parts) {
		part[parts].name = const_name(sum->imm);
		part[parts++].shift = 0;
	}
	if (n != parts)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (loc[i].shift != part[i].shift
		    || !same(found_at(c, &loc[i], lost), part[i].name))
			return false;
	return true;
}

/* Are the n locations those of guest register g? */
static bool found(struct checker *c, unsigned g, const struct lir_loc *loc, unsigned n,
		  uint64_t lost)
{
	if (c->greg[g].kind == NAME_SUM)
		return found_sum(c, &c->sel->vreg[c->greg[g].num], loc, n, lost);
	return n == 1 && loc->shift == 0 && same(found_at(c, loc, lost), c->greg[g]);
}

/* What is owed at the selected insn at hand. */
static uint32_t owed(const struct checker *c)
{
	const struct lir_owe *o = c->sel->owe;
	unsigned n = c->sel->owe_count;

	while (n && o[n - 1].insn > c->si)
		n--;
	return n ? o[n - 1].owes : 0;
}

static bool check_fault(struct checker *c, const struct lir_insn *got)
{
	uint64_t lost = lost_at_fault(got), listed = 0;
	const struct lir_fault *f;

	if (c->fault >= c->got->fault_count || c->got->fault[c->fault].insn != c->gi)
		return fail(c, "no fault record");
	f = &c->got->fault[c->fault++];
	if ((uint64_t)f->first + f->count > c->got->loc_count)
		return fail(c, "the fault record lies outside the list");
	if (f->owes != owed(c))
		return fail(c, "the fault record owes %u, not %u", f->owes, owed(c));
	for (uint32_t i = f->first, n; i < f->first + f->count; i += n) {
		const struct lir_loc *loc = &c->got->loc[i];

		n = 1;
		while (i + n < f->first + f->count && loc[n].greg == loc->greg)
			n++;
		if (loc->greg >= c->t->regs->count || listed >> loc->greg & 1)
			return fail(c, "the fault record lists guest register %u", loc->greg);
		listed |= UINT64_C(1) << loc->greg;
		if (!found(c, loc->greg, loc, n, lost))
			return fail(c, "fault: guest register %s is not where the record says",
				    c->t->regs->reg[loc->greg].name);
	}
	for (unsigned g = 0; g < c->t->regs->count; g++) {
		unsigned home = boundary(c)->home[g];
		bool there = home == LIR_PHYS_NONE
				 ? same(c->m.mem[g], c->greg[g])
				 : same(c->m.reg[home], c->greg[g]) && !(lost >> home & 1);

		if (!there && !(listed >> g & 1))
			return fail(c, "fault: guest register %s is not in its place",
				    c->t->regs->reg[g].name);
	}
	return true;
}

/* ---- the two lists ---------------------------------------------------------------------------------- */

static bool check_host(struct checker *c, const struct lir_insn *sel)
{
	const struct lir_insn *got = &c->got->insn[c->gi];

	if (sel->op != got->op || sel->flags != got->flags || sel->fix != got->fix
	    || sel->sub != got->sub || sel->sub2 != got->sub2 || sel->nopnd != got->nopnd
	    || sel->exit != got->exit || sel->gpc_off != got->gpc_off || sel->imm != got->imm
	    || sel->imm2 != got->imm2)
		return fail(c, "op %u became op %u, or other fields changed", sel->op, got->op);
	if (!check_operands(c, sel, got))
		return false;
	if (sel->flags & LF_SYNC && !check_places(c, &c->m, c->t, goes_to(c, got->exit), "sync"))
		return false;
	if (sel->flags & LF_FAULT && !check_fault(c, got))
		return false;
	return define(c, sel, got) && (!(sel->flags & LF_EXIT) || check_exit(c, got));
}

static bool check_put(struct checker *c, const struct lir_insn *sel)
{
	unsigned v = sel->opnd[0].r;
	uint64_t g = (uint64_t)sel->imm;

	if (g >= c->t->regs->count)
		return fail(c, "guest register %llu does not exist", (unsigned long long)g);
	if (sel->fix && c->t->home[g] == LIR_PHYS_NONE)
		return fail(c, "fix for a guest register that is not pinned");
	c->greg[g] = fixed_name(vreg_name(c, v), sel->fix);
	return c->greg[g].kind != NAME_NONE || fail(c, "v%u is not defined", v);
}

/* Carries out allocated insns up to the next host insn or block. */
static bool run_moves(struct checker *c)
{
	for (; c->gi < c->got->insn_count; c->gi++) {
		const struct lir_insn *in = &c->got->insn[c->gi];

		if (in->op >= LIR_HOST || in->op == LIR_BLOCK)
			return true;
		if (in->op != LIR_NOP && !step(c, &c->m, in))
			return false;
	}
	return true;
}

/* All is exact behind the block's unfix list. */
static bool check_unfix(struct checker *c, const struct lir_block *blk)
{
	for (unsigned g = 0; g < IR_MAX_REGS; g++)
		if (blk->fixes >> g & 1
		    && (g >= c->t->regs->count || c->t->home[g] == LIR_PHYS_NONE))
			return fail(c, "a block takes register %u, which is not pinned, with a fix",
				    g);
	enter_block(c, blk);
	for (unsigned i = 0; i < blk->unfix_count; i++)
		if (blk->unfix[i].op != LIR_FIX || !step(c, &c->m, &blk->unfix[i]))
			return fail(c, "unfix %u cannot be", i);
	return check_places(c, &c->m, c->t, NULL, "unfix");
}

static bool check_insn(struct checker *c, const struct lir_insn *sel)
{
	if (sel->op == LIR_NOP)
		return true;
	if (sel->op == LIR_PUT)
		return check_put(c, sel);
	if (sel->op < LIR_HOST && sel->op != LIR_BLOCK)
		return fail(c, "op %u before allocation", sel->op);
	if (!run_moves(c))
		return false;
	if (c->gi >= c->got->insn_count)
		return fail(c, "the insn is missing");
	if (sel->op >= LIR_HOST) {
		if (!check_host(c, sel))
			return false;
	} else {
		if (c->got->insn[c->gi].op != LIR_BLOCK || c->got->insn[c->gi].imm != sel->imm)
			return fail(c, "block %lld is missing", (long long)sel->imm);
		if (!check_unfix(c, &c->got->block[sel->imm]))
			return false;
		enter_block(c, &c->got->block[sel->imm]);
	}
	c->gi++;
	return true;
}

static bool run_list(struct checker *c, const struct lir_insn *in, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (in[i].op >= LIR_HOST || !step(c, &c->m, &in[i]))
			return fail(c, "insn %u of enter or leave cannot be", i);
	return true;
}

/* The way into a region, and from its convention out of it. */
static bool check_region(struct checker *c)
{
	const struct lir_unit *u = c->got;

	if (!u->boundary)
		return !u->enter_count && !u->leave_count;
	for (unsigned i = 0; i < c->sel->insn_count; i++)
		if (c->sel->insn[i].op == LIR_PUT)
			c->written |= UINT64_C(1) << (c->sel->insn[i].imm & (IR_MAX_REGS - 1));
	place_all(c, u->boundary);
	if (!run_list(c, u->enter, u->enter_count) || !check_places(c, &c->m, c->t, NULL, "enter"))
		return false;
	enter_block(c, NULL);
	return run_list(c, u->leave, u->leave_count)
	       && check_places(c, &c->m, u->boundary, NULL, "leave");
}

bool ra_check(const struct lir_unit *selected, const struct lir_unit *allocated,
	      const struct ra_target *t, struct diag *d)
{
	struct checker c = { .sel = selected, .got = allocated, .t = t, .d = d };

	c.vreg = arena_znew(allocated->arena, struct name, selected->vreg_count + 1);
	if (!check_region(&c))
		return false;
	enter_block(&c, NULL);
	for (c.si = 0; c.si < selected->insn_count; c.si++)
		if (!check_insn(&c, &selected->insn[c.si]))
			return false;
	if (!run_moves(&c))
		return false;
	if (c.gi < allocated->insn_count)
		return fail(&c, "more insns than were selected");
	if (c.fault < allocated->fault_count)
		return fail(&c, "more fault records than insns that fault");
	return true;
}

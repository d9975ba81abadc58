/*
 * Carries lists out with concrete values: the second oracle besides ra_check.
 *
 * A host insn is a hash of its op and its operands' values, a conversion a hash of number and value.
 * At each way out all guest registers go into the trace. The same trace before and after
 * allocation: the allocation is right for these values, and hashes do not collide.
 */
#include "tests/ra/toy.h"

#include "lib/base/hash.h"
#include "lib/ir/state.h"

#include <stdlib.h>
#include <string.h>

enum { MEM_BYTES = sizeof(struct ir_state) };

static uint64_t mix(uint64_t h, uint64_t x)
{
	return kit_mix64(h * 31 + kit_mix64(x + 0x51ed2701));
}
static uint64_t entry_value(unsigned block, unsigned g) { return mix(mix(17, block), g + 1); }
static uint64_t fixed_value(unsigned fix, uint64_t v) { return fix ? mix(fix + 1000, v) : v; }

static void event(struct toy_trace *t, uint64_t h)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->event = realloc(t->event, t->cap * sizeof(*t->event));
		if (!t->event)
			abort();
	}
	t->event[t->count++] = h;
}

bool toy_same(const struct toy_trace *a, const struct toy_trace *b)
{
	return a->count == b->count
	       && (!a->count || memcmp(a->event, b->event, a->count * sizeof(*a->event)) == 0);
}

static uint64_t all_gregs(const uint64_t *greg, unsigned count)
{
	uint64_t h = 3;

	for (unsigned g = 0; g < count; g++)
		h = mix(h, greg[g]);
	return h;
}

static uint64_t insn_hash(const struct lir_insn *in)
{
	return mix(mix(in->op, in->sub), (uint64_t)in->gpc_off);
}

/* What LO_LAX leaves open is left to ra_check. */
static bool is_exact_use(const struct lir_opnd *o)
{
	return o->role == LIR_USE && !(o->flags & LO_LAX);
}

/* ---- before allocation -------------------------------------------------------------------------- */

/* What virtual registers hold. */
struct vregs {
	const struct lir_unit *u;
	unsigned block;
	uint64_t *value;
};

static uint64_t vreg_value(const struct vregs *r, unsigned v)
{
	const struct lir_vreg *sum = &r->u->vreg[v];

	if (v == LREG_NONE)
		return 0;
	if (v >= LIR_ENTRY)
		return entry_value(r->block, v - LIR_ENTRY);
	if (sum->is_sum)
		return vreg_value(r, sum->base) + (vreg_value(r, sum->index) << sum->shift)
		       + (uint64_t)sum->imm;
	return r->u->vreg[v].is_const ? (uint64_t)r->u->vreg[v].imm : r->value[v];
}

static void exec_host(struct vregs *r, const struct lir_insn *in, const uint64_t *greg,
		      unsigned gregs, struct toy_trace *out)
{
	uint64_t h = insn_hash(in);

	for (unsigned k = 0; k < in->nopnd; k++)
		if (is_exact_use(&in->opnd[k]))
			h = mix(h, vreg_value(r, in->opnd[k].r));
	event(out, h);
	if (in->flags)
		event(out, all_gregs(greg, gregs));
	for (unsigned k = 0; k < in->nopnd; k++)
		if (in->opnd[k].role == LIR_DEF)
			r->value[in->opnd[k].r] = mix(h, k);
}

void toy_exec_selected(const struct lir_unit *u, const struct ra_target *t, struct toy_trace *out)
{
	struct vregs r = { .u = u, .value = calloc(u->vreg_count + 1, sizeof(uint64_t)) };
	uint64_t greg[IR_MAX_REGS] = { 0 };

	if (!r.value)
		abort();
	for (unsigned i = 0; i < u->insn_count; i++) {
		const struct lir_insn *in = &u->insn[i];

		if (in->op == LIR_BLOCK) {
			r.block++;
			for (unsigned g = 0; g < t->regs->count; g++)
				greg[g] = entry_value(r.block, g);
		} else if (in->op == LIR_PUT) {
			greg[in->imm] = fixed_value(in->fix, vreg_value(&r, in->opnd[0].r));
		} else if (in->op >= LIR_HOST) {
			exec_host(&r, in, greg, t->regs->count, out);
		}
	}
	free(r.value);
}

/* ---- after -------------------------------------------------------------------------------------- */

struct cpu {
	const struct lir_unit *u;
	const struct ra_target *t;
	uint64_t reg[LIR_PHYS_COUNT];
	uint8_t mem[MEM_BYTES];
	uint64_t junk;
	unsigned fault;
};

static uint64_t get_mem(const struct cpu *c, int64_t offset)
{
	uint64_t x = 0;

	if (offset >= 0 && offset <= MEM_BYTES - 8)
		memcpy(&x, &c->mem[offset], 8);
	return x;
}

static void set_mem(struct cpu *c, int64_t offset, uint64_t x)
{
	if (offset >= 0 && offset <= MEM_BYTES - 8)
		memcpy(&c->mem[offset], &x, 8);
}

static void own_insn(struct cpu *c, const struct lir_insn *in)
{
	uint64_t *a = &c->reg[in->opnd[0].r % LIR_PHYS_COUNT];
	uint64_t *b = &c->reg[in->opnd[1].r % LIR_PHYS_COUNT], x = *a;

	switch (in->op) {
	case LIR_MOVE:
		*a = *b;
		break;
	case LIR_XCHG:
		*a = *b;
		*b = x;
		break;
	case LIR_CONST:
		*a = (uint64_t)in->imm;
		break;
	case LIR_LOAD:
		*a = get_mem(c, in->imm);
		break;
	case LIR_STORE:
		set_mem(c, in->imm, *a);
		break;
	case LIR_STOREI:
		set_mem(c, in->imm, (uint64_t)in->imm2);
		break;
	case LIR_FIX:
		*a = fixed_value(in->fix, *a);
		break;
	default:
		break;
	}
}

static void enter_block(struct cpu *c, unsigned block)
{
	for (unsigned r = 0; r < LIR_PHYS_COUNT; r++)
		c->reg[r] = c->junk++;
	for (int64_t at = 0; at <= MEM_BYTES - 8; at += 8)
		set_mem(c, at, c->junk++);
	for (unsigned g = 0; g < c->t->regs->count; g++) {
		if (c->t->home[g] == LIR_PHYS_NONE)
			set_mem(c, c->t->regs->reg[g].offset_bytes, entry_value(block, g));
		else
			c->reg[c->t->home[g]] = entry_value(block, g);
	}
}

static uint64_t at_boundary(const struct cpu *c)
{
	uint64_t greg[IR_MAX_REGS];

	for (unsigned g = 0; g < c->t->regs->count; g++)
		greg[g] = c->t->home[g] == LIR_PHYS_NONE
			      ? get_mem(c, c->t->regs->reg[g].offset_bytes)
			      : c->reg[c->t->home[g]];
	return all_gregs(greg, c->t->regs->count);
}

static uint64_t at_fault(struct cpu *c, unsigned insn)
{
	uint64_t greg[IR_MAX_REGS], listed = 0;
	const struct lir_fault *f;

	if (c->fault >= c->u->fault_count || c->u->fault[c->fault].insn != insn)
		return 0;
	f = &c->u->fault[c->fault++];
	for (unsigned g = 0; g < c->t->regs->count; g++)
		greg[g] = c->t->home[g] == LIR_PHYS_NONE
			      ? get_mem(c, c->t->regs->reg[g].offset_bytes)
			      : c->reg[c->t->home[g]];
	for (unsigned i = f->first; i < f->first + f->count; i++) {
		const struct lir_loc *l = &c->u->loc[i];
		uint64_t x = l->kind == LIR_LOC_REG   ? c->reg[l->phys % LIR_PHYS_COUNT]
			     : l->kind == LIR_LOC_MEM ? get_mem(c, l->imm)
						      : (uint64_t)l->imm;

		x = fixed_value(l->fix, x) << l->shift;
		greg[l->greg] = listed >> l->greg & 1 ? greg[l->greg] + x : x;
		listed |= UINT64_C(1) << l->greg;
	}
	return all_gregs(greg, c->t->regs->count);
}

static uint64_t read_use(const struct cpu *c, const struct lir_insn *in, const struct lir_opnd *o)
{
	return o->flags & LO_IN_MEM ? get_mem(c, in->mem) : c->reg[o->r % LIR_PHYS_COUNT];
}

/* Results and clobbers are written as early as the list allows, with junk. */
static void write_junk(struct cpu *c, const struct lir_insn *in)
{
	for (unsigned k = 0; k < in->nopnd; k++) {
		const struct lir_opnd *o = &in->opnd[k];

		if (o->role == LIR_DEF)
			c->reg[o->r % LIR_PHYS_COUNT] = c->junk++;
		else if (o->role == LIR_CLOBBER)
			c->reg[o->fixed] = c->junk++;
	}
}

static bool writes_before_fault(const struct lir_insn *in)
{
	unsigned defs = 0;

	for (unsigned k = 0; k < in->nopnd; k++) {
		if (in->opnd[k].role == LIR_CLOBBER
		    || (in->opnd[k].role == LIR_USE && in->opnd[k].flags & LO_LATE))
			return true;
		defs += in->opnd[k].role == LIR_DEF;
	}
	return defs > 1;
}

static uint64_t at_exit_stub(const struct cpu *c, const struct lir_insn *in)
{
	const struct lir_exit *e;
	struct cpu stub = *c;

	if (in->exit >= c->u->exit_count)
		return 0;
	e = &c->u->exit[in->exit];
	for (unsigned i = e->stub_first; i < e->stub_first + e->stub_count; i++)
		own_insn(&stub, &c->u->stub[i]);
	return at_boundary(&stub);
}

static void host_insn(struct cpu *c, unsigned i, struct toy_trace *out)
{
	const struct lir_insn *in = &c->u->insn[i];
	uint64_t use[LIR_MAX_OPNDS], h = insn_hash(in), fault = 0;

	if (in->flags & LF_FAULT && !writes_before_fault(in))
		fault = at_fault(c, i);
	for (unsigned k = 0; k < in->nopnd; k++)
		if (in->opnd[k].role == LIR_USE && !(in->opnd[k].flags & LO_LATE))
			use[k] = read_use(c, in, &in->opnd[k]);
	write_junk(c, in);
	if (in->flags & LF_FAULT && writes_before_fault(in))
		fault = at_fault(c, i);
	for (unsigned k = 0; k < in->nopnd; k++)
		if (in->opnd[k].role == LIR_USE && in->opnd[k].flags & LO_LATE)
			use[k] = read_use(c, in, &in->opnd[k]);
	for (unsigned k = 0; k < in->nopnd; k++)
		if (is_exact_use(&in->opnd[k]))
			h = mix(h, use[k]);
	event(out, h);
	for (unsigned k = 0; k < in->nopnd; k++)
		if (in->opnd[k].role == LIR_DEF)
			c->reg[in->opnd[k].r % LIR_PHYS_COUNT] = mix(h, k);
	if (!in->flags)
		return;
	/* Every way out that the insn has must show the same guest registers. */
	uint64_t seen[3] = { fault, 0, 0 }, one = 0;

	if (in->flags & LF_SYNC)
		seen[1] = at_boundary(c);
	if (in->flags & LF_EXIT)
		seen[2] = at_exit_stub(c, in);
	for (unsigned k = 0; k < 3; k++)
		if (in->flags & (k == 0 ? LF_FAULT : k == 1 ? LF_SYNC : LF_EXIT))
			one = !one || one == seen[k] ? seen[k] : 1;
	event(out, one);
}

void toy_exec_allocated(const struct lir_unit *u, const struct ra_target *t, struct toy_trace *out)
{
	static struct cpu cpu;
	struct cpu *c = &cpu;
	unsigned block = 0;

	*c = (struct cpu){ .u = u, .t = t, .junk = 0xdead0000 };
	for (unsigned i = 0; i < u->insn_count; i++) {
		if (u->insn[i].op == LIR_BLOCK)
			enter_block(c, ++block);
		else if (u->insn[i].op >= LIR_HOST)
			host_insn(c, i, out);
		else
			own_insn(c, &u->insn[i]);
	}
}

/* Random IR, see irgen.h: what is made by default, random states, the window as the interpreter's memory, copies of units, NaNs of another make. */
#include "tests/unit/irgen.h"

#include <string.h>

void irgen_init(struct irgen *g, uint64_t seed, const struct ir_regfile *regs)
{
	unsigned bases = 0;

	*g = (struct irgen){ .seed = seed,
			     .insns = 30,
			     .blocks = 1,
			     .fp = true,
			     .mem = true,
			     .atomics = true,
			     .window = 0x100000 };
	for (unsigned r = 0; r < regs->count; r++) {
		if (strcmp(regs->reg[r].name, "zero") == 0)
			continue;
		if (regs->reg[r].type == IR_F64 && g->fregs < IRGEN_MAX_FP)
			g->freg[g->fregs++] = (uint8_t)r;
		else if (regs->reg[r].type == IR_I64 && bases < IRGEN_BASES)
			g->base[bases++] = (uint8_t)r;
		else if (regs->reg[r].type == IR_I64 && g->xregs < IRGEN_MAX_INT)
			g->xreg[g->xregs++] = (uint8_t)r;
	}
	g->counter = g->xreg[g->xregs - 1];
}

static uint64_t fp_value(struct irgen *g)
{
	uint64_t r = irgen_random(g);

	if (irgen_below(g, 2))
		return irgen_value(g);
	/* Numbers of similar size, so that sums do not just drop one operand. */
	if (r & 1)
		return UINT64_C(0xffffffff00000000) | (UINT32_C(0x3f000000) + (uint32_t)(r >> 39));
	return UINT64_C(0x3fe0000000000000) + (r >> 10);
}

void irgen_state(struct irgen *g, struct ir_state *st, const struct ir_regfile *regs,
		 unsigned max_frm)
{
	for (unsigned r = 0; r < regs->count; r++) {
		bool is_fp = regs->reg[r].type == IR_F64;
		uint64_t v = is_fp ? fp_value(g) : irgen_value(g);

		if (strcmp(regs->reg[r].name, "zero") == 0)
			v = 0;
		for (unsigned k = 0; k < IRGEN_BASES; k++)
			if (g->base[k] == r)
				v = g->window + IRGEN_WINDOW_BYTES / 2;
		if (g->turns && r == g->counter)
			v = irgen_below(g, g->turns + 1);
		memcpy((char *)st + regs->reg[r].offset_bytes, &v, sizeof v);
	}
	st->frm = irgen_below(g, max_frm + 1);
	st->fflags = irgen_below(g, 2) ? 0 : irgen_below(g, 32);
	st->resv_addr = 1;
	st->resv_value = 0;
}

void irgen_fill(struct irgen *g, uint8_t window[IRGEN_WINDOW_BYTES])
{
	for (unsigned k = 0; k < IRGEN_WINDOW_BYTES; k += 8) {
		uint64_t v = irgen_value(g);

		memcpy(window + k, &v, sizeof v);
	}
}

uint8_t irgen_window[IRGEN_WINDOW_BYTES];
gaddr irgen_window_at = 0x100000;

static bool in_window(struct ir_state *st, gaddr addr, unsigned size_bytes, bool write)
{
	gaddr off = addr - irgen_window_at;

	if (off < IRGEN_WINDOW_BYTES && off + size_bytes <= IRGEN_WINDOW_BYTES)
		return true;
	st->fault_kind = IR_FAULT_SEGV;
	st->fault_code = 1; /* SEGV_MAPERR */
	/* The first byte that is not there, as the host says. */
	st->fault_addr = off < IRGEN_WINDOW_BYTES ? irgen_window_at + IRGEN_WINDOW_BYTES : addr;
	st->fault_write = write;
	return false;
}

static bool window_load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	if (!in_window(st, addr, size_bytes, false))
		return false;
	*value = 0;
	memcpy(value, irgen_window + (addr - irgen_window_at), size_bytes);
	return true;
}

static bool window_store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	if (!in_window(st, addr, size_bytes, true))
		return false;
	memcpy(irgen_window + (addr - irgen_window_at), &value, size_bytes);
	return true;
}

static bool window_cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		       uint64_t desired)
{
	uint64_t old = 0;

	if (!in_window(st, addr, size_bytes, true))
		return false;
	memcpy(&old, irgen_window + (addr - irgen_window_at), size_bytes);
	if (old == *expected)
		memcpy(irgen_window + (addr - irgen_window_at), &desired, size_bytes);
	*expected = old;
	return true;
}

const struct ir_memory irgen_memory = { window_load, window_store, window_cas };

#define R(n)                                                                                       \
	{                                                                                          \
		"r" #n, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, n                        \
	}
#define F(n)                                                                                       \
	{                                                                                          \
		"f" #n, offsetof(struct ir_state, reg) + 8 * (10 + (n)), IR_F64, n                 \
	}

static const struct ir_reg test_regs[] = { R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7),
					   R(8), R(9), F(0), F(1), F(2), F(3), F(4) };

const struct ir_regfile irgen_regs = { ARRAY_LEN(test_regs), test_regs };

/* ---- copies ---------------------------------------------------------------------------------------- */

void irgen_copy(const struct ir_unit *u, struct arena *a, struct ir_unit *copy)
{
	*copy = *u;
	copy->arena = a;
	copy->insn = arena_new(a, struct ir_insn, u->insn_count + 1);
	copy->insn_cap = u->insn_count;
	memcpy(copy->insn, u->insn, sizeof *u->insn * u->insn_count);
	copy->block = arena_new(a, struct ir_block, u->block_count + 1);
	copy->block_cap = u->block_count;
	memcpy(copy->block, u->block, sizeof *u->block * u->block_count);
	copy->range = NULL;
	copy->range_count = copy->range_cap = 0;
}

/* Builder b has just put raw result v: gives v, or a NaN nobody expects. */
static ir_ref disturb_nan(struct ir_builder *b, enum ir_type t, ir_ref v)
{
	int64_t nan = t == IR_F32 ? INT64_C(0x80012300) : INT64_C(0x8000000000012300);
	ir_ref is_nan, bits = v;

	is_nan = ir_op2(b, IR_and, IR_I64, ir_op1(b, IR_fclass, t, v), ir_const(b, IR_I64, 0x300));
	is_nan = ir_set(b, IR_I64, IR_NE, is_nan, ir_const(b, IR_I64, 0));
	if (t == IR_F32)
		bits = ir_op1(b, IR_box, IR_NONE, bits);
	bits = ir_op1(b, IR_fbits, IR_NONE, bits);
	nan = (int64_t)((uint64_t)nan);
	v = ir_op2(b, IR_mul, IR_I64, is_nan, ir_const(b, IR_I64, nan));
	v = ir_op1(b, IR_bitsf, IR_NONE, ir_op2(b, IR_xor, IR_I64, bits, v));
	return t == IR_F32 ? ir_op1(b, IR_unbox, IR_NONE, v) : v;
}

static bool is_raw(const struct ir_insn *i)
{
	return (i->op >= IR_fadd && i->op <= IR_fnmadd) || i->op == IR_cvtfd || i->op == IR_cvtdf
	       || i->op == IR_fround || i->op == IR_froundnx;
}

void irgen_raw_nans(struct ir_unit *u)
{
	ir_ref *map = arena_new(u->arena, ir_ref, u->insn_count + 1);
	struct ir_unit out;
	struct ir_builder b = { .unit = &out };

	ir_unit_init(&out, u->arena, u->regs, u->gpc);
	for (unsigned n = 0; n < u->block_count; n++) {
		const struct ir_block *blk = &u->block[n];

		ir_block_begin(&out, blk->gpc);
		for (uint32_t k = blk->first; k < blk->first + blk->count; k++) {
			struct ir_insn i = u->insn[k];

			i.a = ir_ref_ok(i.a) ? map[i.a.idx] : i.a;
			i.b = ir_ref_ok(i.b) ? map[i.b.idx] : i.b;
			i.c = ir_ref_ok(i.c) ? map[i.c.idx] : i.c;
			b.gpc = u->gpc + (gaddr)(int64_t)i.gpc_off;
			map[k] = ir_emit(&b, i);
			if (is_raw(&i))
				map[k] = disturb_nan(&b, ir_result_type(&i), map[k]);
		}
	}
	ir_resolve_exits(&out);
	*u = out;
}

/*
 * Instruction selection: a walk over the IR that counts uses, then one that selects (isel_priv.h says in
 * which order). Linear in the number of insns.
 */
#include "arch/x86_64/isel_priv.h"

/* ---- first walk: what stands for what, and how often it is used ------------------------------ */

/* A register that is known to hold a boxed float at the block's entry: the float is in the same host register. */
static bool is_boxed_entry(const struct x64_isel *s, ir_ref r)
{
	const struct ir_insn *in = x64_insn(s, r);

	return in->op == IR_getreg && s->from->boxed >> in->imm & 1;
}

/* The value that in gives back after a trip to another type, IR_NOREF when it is none. */
static ir_ref round_trip(const struct x64_isel *s, const struct ir_insn *in)
{
	const struct ir_insn *inner;
	bool same;

	switch (in->op) {
	case IR_trunc:
	case IR_unbox:
	case IR_fbits:
	case IR_bitsf:
	case IR_bitsf32:
		break;
	default:
		return IR_NOREF;
	}
	inner = x64_insn(s, in->a);
	if (in->op == IR_bitsf32)
		return inner->op == IR_fbits32 && is_boxed_entry(s, inner->a) ? inner->a : IR_NOREF;
	if (in->op == IR_trunc)
		same = inner->op == IR_sext || inner->op == IR_zext;
	else if (in->op == IR_unbox)
		same = inner->op == IR_box;
	else
		same = inner->op == (in->op == IR_fbits ? IR_bitsf : IR_fbits);
	return same ? inner->a : IR_NOREF;
}

/* True when in, as a user of operand number n, does with what the operand was made from. */
static bool soft_use(const struct x64_isel *s, const struct ir_insn *in, unsigned n)
{
	switch (in->op) {
	case IR_putreg:
		return s->t->home[in->imm] != LIR_PHYS_NONE;
	case IR_st8:
	case IR_st16:
	case IR_st32:
		return n == 1;
	case IR_br: /* a final one comes when the register is already extended */
		if (x64_is_final_br(s, (uint32_t)(in - s->ir->insn)))
			return false;
		return x64_narrow_compare(s, in);
	case IR_set:
		return x64_narrow_compare(s, in);
	case IR_fbits32:
	case IR_box:
		return true;
	default:
		return ir_info(in)->flags & IR_NA;
	}
}

static inline void count_use(struct x64_isel *s, const struct ir_insn *in, unsigned n, ir_ref r)
{
	struct x64_val *v = x64_val(s, r);

	v->uses++;
	if (!soft_use(s, in, n))
		v->hard = true;
}

static void count_uses(struct x64_isel *s, const struct ir_insn *in)
{
	if (!ir_ref_ok(in->a))
		return;
	count_use(s, in, 0, in->a);
	if (ir_ref_ok(in->b)) {
		count_use(s, in, 1, in->b);
		if (ir_ref_ok(in->c))
			count_use(s, in, 2, in->c);
	}
	/* fsw of a boxed value asks for the float in it. */
	if (in->op == IR_fbits32 && x64_insn(s, in->a)->op == IR_box)
		x64_val(s, x64_insn(s, in->a)->a)->hard = true;
}

/* True when in is the low half of an operation that can be made of low halves. */
static bool is_low_half(const struct x64_isel *s, const struct ir_insn *in)
{
	unsigned op;

	if (in->op != IR_trunc)
		return false;
	op = x64_insn(s, in->a)->op;
	return (op >= IR_add && op <= IR_mul) || (op >= IR_and && op <= IR_shl) || op == IR_select;
}

static void scan_block(struct x64_isel *s, const struct ir_block *b)
{
	uint32_t cur[IR_MAX_REGS]; /* insn whose value each guest register has */
	const struct ir_insn *in = &s->ir->insn[b->first];
	struct x64_val *v = &s->val[b->first];

	s->any_low = false;
	memset(cur, 0xff, sizeof cur);
	for (uint32_t i = b->first, end = i + b->count; i < end; i++, in++, v++) {
		ir_ref same;

		*v = (struct x64_val){ .rep = i, .vreg = LREG_NONE };
		if (in->dead)
			continue;
		if (in->op == IR_getreg) {
			if (cur[in->imm] != UINT32_MAX)
				v->rep = cur[in->imm];
			else
				cur[in->imm] = i;
			continue;
		}
		if (in->op == IR_const)
			continue;
		if (in->op == IR_putreg)
			cur[in->imm] = x64_val(s, in->a)->rep;
		same = round_trip(s, in);
		if (ir_ref_ok(same))
			v->rep = x64_val(s, same)->rep;
		else
			count_uses(s, in);
		s->any_low |= is_low_half(s, in);
	}
}

/* ---- backward: which values are wanted in 64 bits ------------------------------------------------ */

static void want(struct x64_isel *s, ir_ref r, bool wide)
{
	if (wide)
		x64_val(s, r)->wide = true;
}

/* What insn in, a use of whose own value needs 64 bits or not, needs of its operands. */
static void scan_wants(struct x64_isel *s, const struct ir_insn *in, bool wide)
{
	int64_t c;

	switch (in->op) {
	case IR_trunc:
	case IR_sext8:
	case IR_sext16:
		return;
	case IR_and:
		if (x64_const(s, in->b, &c) && fits_u32((uint64_t)c))
			return;
		break;
	case IR_shl:
		if (!x64_const(s, in->b, &c) || (c & 63) >= 32)
			wide = true;
		break;
	case IR_add:
	case IR_sub:
	case IR_mul:
	case IR_or:
	case IR_xor:
		break;
	case IR_select:
		want(s, in->a, true);
		want(s, in->b, wide);
		want(s, in->c, wide);
		return;
	case IR_st8:
	case IR_st16:
	case IR_st32:
		want(s, in->a, true);
		return;
	default:
		wide = true;
		break;
	}
	if (!ir_ref_ok(in->a) || !wide)
		return;
	want(s, in->a, true);
	if (ir_ref_ok(in->b)) {
		want(s, in->b, true);
		if (ir_ref_ok(in->c))
			want(s, in->c, true);
	}
}

static void scan_wide(struct x64_isel *s, const struct ir_block *b)
{
	for (uint32_t i = b->first + b->count; i-- > b->first;) {
		const struct ir_insn *in = &s->ir->insn[i];

		if (!in->dead && s->val[i].rep == i)
			scan_wants(s, in, s->val[i].wide);
	}
}

/* ---- second walk ------------------------------------------------------------------------------- */

struct lir_insn *x64_more(struct x64_isel *s)
{
	struct lir_unit *u = s->lir;

	u->insn_count = u->insn_cap;
	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	s->end = u->insn + u->insn_cap;
	return u->insn + u->insn_count;
}

lreg x64_select_const(struct x64_isel *s, uint32_t idx)
{
	return s->val[idx].vreg = x64_const_vreg(s, s->ir->insn[idx].imm);
}

lreg x64_select_pure(struct x64_isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg r;

	KIT_DCHECK(ir_info(in)->flags & IR_P, "%s asked for before it was selected",
		   ir_info(in)->name);
	if (in->op == IR_const)
		return x64_select_const(s, idx);
	r = in->op >= IR_fadd ? x64_sel_fpure(s, in) : x64_sel_int(s, in);
	s->val[idx].vreg = r;
	return r;
}

lreg x64_extend(struct x64_isel *s, lreg a, enum x64_ext how)
{
	struct lir_insn *l = x64_lir(s, X64_OP_EXT);
	lreg d = x64_def(s, l, LIR_INT);

	x64_use(l, a, LO_HINT | LO_MEM);
	l->sub = (uint8_t)how;
	return d;
}

static void sel_getreg(struct x64_isel *s, const struct ir_insn *in, uint32_t idx)
{
	if (s->val[idx].rep != idx || s->val[idx].uses == 0)
		return;
	s->block->entries |= UINT64_C(1) << in->imm;
	s->val[idx].vreg = (lreg)(LIR_ENTRY + in->imm);
}

/*
 * What a register of a pinned guest register may hold instead of v, and the conversion still to
 * be made. Only where nobody else needs v's exact bits: else it would be made twice.
 */
static enum x64_fix lazy_fix(const struct x64_isel *s, ir_ref *v)
{
	const struct x64_val *val = x64_val(s, *v);
	const struct ir_insn *in = &s->ir->insn[val->rep];

	if (val->vreg != LREG_NONE || val->hard)
		return X64_FIX_NONE;
	switch (in->op) {
	case IR_sext:
		/* A 64-bit value has a home of its own, as a rule: extending into this one is one instruction. */
		if (x64_insn(s, in->a)->op == IR_const || x64_insn(s, in->a)->op == IR_trunc)
			return X64_FIX_NONE;
		*v = in->a;
		return X64_FIX_SEXT32;
	case IR_fcanon:
		if (in->type != IR_F64 || !x64_is_quiet(s, in->a))
			return X64_FIX_NONE;
		*v = in->a;
		return x64_is_canonical(s, in->a) ? X64_FIX_NONE : X64_FIX_CANON64;
	case IR_box:
		*v = x64_val(s, in->a)->hard ? in->a : x64_raw(s, in->a);
		if (x64_val(s, *v)->rep == x64_val(s, in->a)->rep || x64_is_canonical(s, *v))
			return X64_FIX_BOX32;
		return X64_FIX_CANON32;
	default:
		return X64_FIX_NONE;
	}
}

static void note_put(struct x64_isel *s, unsigned g, enum x64_fix fix, uint32_t from)
{
	struct x64_puts *p = &s->puts;

	p->regs &= ~(UINT64_C(1) << g);
	if (fix != X64_FIX_CANON64 && fix != X64_FIX_CANON32)
		return;
	p->regs |= UINT64_C(1) << g;
	p->bit[g] = p->count < 32 ? UINT32_C(1) << p->count : 0;
	/* A boxed float is a NaN as a double, whatever it is itself. */
	if (fix == X64_FIX_CANON64 && is_boxed_entry(s, (ir_ref){ (uint16_t)from }))
		p->bit[g] = 0;
	p->count++;
	p->from[g] = from;
	p->fix[g] = (uint8_t)fix;
	s->val[from].no_nan |= p->bit[g];
}

static void sel_putreg(struct x64_isel *s, const struct ir_insn *in)
{
	enum x64_fix fix = X64_FIX_NONE;
	struct lir_insn *l;
	ir_ref v = in->a;
	lreg r;

	if (s->t->home[in->imm] != LIR_PHYS_NONE)
		fix = lazy_fix(s, &v);
	r = x64_vr(s, v);
	s->block->puts |= UINT64_C(1) << in->imm;
	l = x64_lir(s, LIR_PUT);
	l->imm = in->imm;
	l->fix = (uint8_t)fix;
	x64_use(l, r, 0);
	note_put(s, (unsigned)in->imm, fix, x64_val(s, v)->rep);
}

static void select_insn(struct x64_isel *s, const struct ir_insn *in, uint32_t idx)
{
	unsigned flags = ir_info(in)->flags;

	ir_safe_insn(&s->safe, in->gpc_off);
	if (in->op == IR_getreg)
		sel_getreg(s, in, idx);
	else if (in->op == IR_putreg)
		sel_putreg(s, in);
	else if (flags & IR_P)
		return;
	else if (flags & IR_X)
		x64_sel_exit(s, idx);
	else if (flags & IR_F)
		x64_sel_fp(s, idx);
	else if (in->op >= IR_getfflags)
		x64_sel_fstate(s, idx);
	else if (flags & IR_E)
		x64_sel_atomic(s, idx);
	else if (flags & IR_L)
		x64_sel_load(s, idx);
	else
		x64_sel_store(s, in);
}

void x64_isel(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
	      struct lir_unit *lir)
{
	struct x64_isel s; /* not cleared: the most of it is puts, which a block starts without */

	s.ir = ir;
	s.t = t;
	s.lir = lir;
	s.features = o->host_features;
	s.guest_base = o->guest_base;
	s.safe.went_back = false;
	memset(lir, 0, sizeof *lir);
	lir->arena = ir->arena;
	lir->ir = ir;
	lir->insn_cap = ir->insn_count + 16;
	s.next = lir->insn = arena_new(ir->arena, struct lir_insn, lir->insn_cap);
	s.end = s.next + lir->insn_cap;
	lir->vreg_cap = ir->insn_count + 16;
	lir->vreg = arena_new(ir->arena, struct lir_vreg, lir->vreg_cap);
	lir->exit_cap = ir->block_count + 7;
	lir->exit = arena_new(ir->arena, struct lir_exit, lir->exit_cap);
	lir->block_count = lir->block_cap = ir->block_count;
	lir->block = arena_new(ir->arena, struct lir_block, lir->block_cap);
	s.val = arena_new(ir->arena, struct x64_val, ir->insn_count);
	x64_find_entry_fixes(&s);
	for (unsigned b = 0; b < ir->block_count; b++) {
		const struct ir_block *blk = &ir->block[b];
		const struct ir_insn *in;

		s.from = blk;
		scan_block(&s, blk);
		if (s.any_low)
			scan_wide(&s, blk);
		s.puts.regs = 0;
		s.puts.count = 0;
		ir_safe_block(&s.safe, ir, b);
		s.block = &lir->block[b];
		s.block->first = (uint32_t)(s.next - lir->insn);
		x64_lir(&s, LIR_BLOCK)->imm = b;
		in = &ir->insn[blk->first];
		for (uint32_t i = blk->first, end = i + blk->count; i < end; i++, in++)
			if (!in->dead)
				select_insn(&s, in, i);
	}
	lir->insn_count = (unsigned)(s.next - lir->insn);
}

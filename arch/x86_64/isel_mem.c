/* Instruction selection: guest memory and atomics. */
#include "arch/x86_64/isel_priv.h"

/* ---- addresses --------------------------------------------------------------------------------- */

static void split_index(struct isel *s, struct x64_addr *m, ir_ref x, ir_ref y)
{
	const struct ir_insn *in = isel_insn(s, y);
	int64_t n;

	if (isel_foldable(s, y, IR_shl) && isel_const(s, in->b, &n) && n >= 1 && n <= 3) {
		m->scale = (uint8_t)n;
		y = in->a;
	}
	m->base = isel_vr(s, x);
	m->index = isel_vr(s, y);
}

/* r + disp as a host address; additions that nobody else needs go into it. */
static struct x64_addr address(struct isel *s, ir_ref r, int64_t disp)
{
	struct x64_addr m = { LREG_NONE, LREG_NONE, 0, 0 };
	const struct ir_insn *in = isel_insn(s, r);
	struct lir_insn *l;
	int64_t c;

	if (isel_folds_in_address(s, r) && isel_const(s, in->b, &c) && fits_i32(disp + c)) {
		disp += c;
		r = in->a;
		in = isel_insn(s, r);
	}
	if (in->op == IR_const && fits_i32((int64_t)((uint64_t)in->imm + (uint64_t)disp))) {
		m.disp = (int32_t)((uint64_t)in->imm + (uint64_t)disp);
		return m;
	}
	if (!fits_i32(disp)) { /* not from RISC-V instructions */
		lreg a = isel_vr(s, r), b = isel_const_vreg(s, disp);

		l = isel_lir(s, X64_OP_LEA);
		m.base = isel_def(s, l, LIR_INT);
		isel_use(l, a, 0);
		isel_use(l, b, 0);
		l->sub2 = 1;
		return m;
	}
	m.disp = (int32_t)disp;
	if (!isel_folds_in_address(s, r)) {
		m.base = isel_vr(s, r);
		return m;
	}
	if (isel_foldable(s, in->a, IR_shl))
		split_index(s, &m, in->b, in->a);
	else
		split_index(s, &m, in->a, in->b);
	if (s->guest_base) { /* the base register takes the base's place */
		lreg a = m.base, b = m.index;

		l = isel_lir(s, X64_OP_LEA);
		m.base = isel_def(s, l, LIR_INT);
		isel_use(l, a, 0);
		isel_use(l, b, 0);
		l->sub = m.scale;
		l->sub2 = 1;
		m.index = LREG_NONE;
		m.scale = 0;
	}
	return m;
}

bool x64_in_address(const struct isel *s, const struct ir_insn *in, const struct ir_insn *sum)
{
	int64_t c;

	/* The guest base would take the index's place. */
	return !s->guest_base && fits_i32(isel_const(s, sum->b, &c) ? in->imm + c : in->imm);
}

struct lir_vreg x64_sum(struct isel *s, ir_ref r)
{
	struct x64_addr m = address(s, r, 0);

	return (
	    struct lir_vreg){ .base = m.base, .index = m.index, .shift = m.scale, .imm = m.disp };
}

/* The address of load or store in. */
static void use_addr(struct lir_insn *l, const struct x64_addr *m, const struct ir_insn *in)
{
	l->sub2 = m->scale;
	l->imm = m->disp;
	l->flags |= in->sub & IR_REDO ? LF_FAULT | LF_REDO : LF_FAULT;
	if (m->base != LREG_NONE) {
		isel_use(l, m->base, 0);
		l->sub2 |= X64_ADDR_BASE;
	}
	if (m->index != LREG_NONE) {
		isel_use(l, m->index, 0);
		l->sub2 |= X64_ADDR_INDEX;
	}
}

/* ---- loads and stores -------------------------------------------------------------------------- */

void x64_sel_load(struct isel *s, uint32_t idx)
{
	static const uint8_t how[] = { X64_ZX8,  X64_SX8,  X64_ZX16, X64_SX16,
				       X64_ZX32, X64_SX32, X64_ALL64 };
	const struct ir_insn *in = &s->ir->insn[idx];
	struct x64_addr m = address(s, in->a, in->imm);
	bool fp = in->op == IR_ldf;
	struct lir_insn *l = isel_lir(s, fp ? X64_OP_LDF : X64_OP_LD);

	s->val[idx].vreg = isel_def(s, l, fp ? LIR_FP : LIR_INT);
	use_addr(l, &m, in);
	l->sub = fp ? isel_isdbl(in) : how[in->op - IR_ld8u];
}

static void store_fp(struct isel *s, const struct ir_insn *in, ir_ref value, bool is_double)
{
	struct x64_addr m = address(s, in->a, in->imm);
	lreg v = isel_vr(s, value);
	struct lir_insn *l = isel_lir(s, X64_OP_STF);

	use_addr(l, &m, in);
	isel_use(l, v, 0);
	l->sub = is_double;
}

void x64_sel_store(struct isel *s, const struct ir_insn *in)
{
	unsigned log2 = in->op - IR_st8;
	struct x64_addr m;
	struct lir_insn *l;
	ir_ref r = in->b;
	int64_t c;
	lreg v;

	if (in->op == IR_stf) {
		store_fp(s, in, r, isel_isdbl(in));
		return;
	}
	if (log2 < 3)
		r = isel_low_bits(s, r, 8u << log2);
	/* fsw may be written as the store of fbits32. */
	if (log2 >= 2 && isel_val(s, r)->vreg == LREG_NONE
	    && isel_insn(s, r)->op == (log2 == 2 ? IR_fbits32 : IR_fbits)) {
		r = isel_insn(s, r)->a;
		store_fp(s, in, log2 == 2 ? isel_unboxed(s, r) : r, log2 == 3);
		return;
	}
	m = address(s, in->a, in->imm);
	if (isel_const(s, r, &c) && (log2 < 3 || fits_i32(c))) {
		l = isel_lir(s, X64_OP_STI);
		use_addr(l, &m, in);
		l->imm2 = (int32_t)c;
	} else {
		v = isel_vr(s, r);
		l = isel_lir(s, X64_OP_ST);
		use_addr(l, &m, in);
		isel_use(l, v, 0);
	}
	l->sub = (uint8_t)log2;
}

/* ---- atomics ------------------------------------------------------------------------------------ */

/* Leaves with IR_EXIT_FAULT when a is not a multiple of the operation's size. */
static void check_aligned(struct isel *s, lreg a, unsigned w, bool is_write)
{
	uint16_t exit =
	    isel_new_exit(s, (struct lir_exit){
				 .target = s->ir->gpc + (uint64_t)(int64_t)s->safe.gpc_off,
				 .to = IR_NOBLOCK,
				 .reason = IR_EXIT_FAULT,
			     });
	struct lir_insn *l = isel_lir(s, X64_OP_ALIGNED);

	isel_use(l, a, 0);
	l->imm = w ? 7 : 3;
	l->sub = is_write;
	l->flags = LF_EXIT;
	l->exit = exit;
}

static void barrier(struct isel *s) { isel_lir(s, X64_OP_FENCE); }

static lreg sel_lr(struct isel *s, const struct ir_insn *in, lreg a)
{
	struct lir_insn *l;
	lreg d;

	if (in->sub & IR_LRSC_RL) /* a load may pass an earlier store on x86 (SDM 3A, 9.2.3.4) */
		barrier(s);
	l = isel_lir(s, X64_OP_LR);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_LATE);
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

static lreg sel_sc(struct isel *s, const struct ir_insn *in, lreg a)
{
	lreg v = isel_vr(s, in->b), t = x64_temp(s, LIR_INT), d;
	struct lir_insn *l = isel_lir(s, X64_OP_SC);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_LATE);
	isel_use(l, v, LO_LATE);
	isel_opnd(l, t, LIR_USE, LO_LATE, X64_RAX);
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

/* xadd and xchg: value and result in rax, so that nothing is lost before the access faults. */
static lreg exchange(struct isel *s, unsigned op, const struct ir_insn *in, lreg a, lreg v)
{
	struct lir_insn *l = isel_lir(s, op);
	lreg d = isel_def_fixed(s, l, LIR_INT, X64_RAX);

	isel_use(l, a, 0);
	isel_opnd(l, v, LIR_USE, 0, X64_RAX);
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

static lreg sel_amo(struct isel *s, const struct ir_insn *in, lreg a, bool wanted)
{
	static const uint8_t alu[] = { [IR_AMO_ADD] = X64_ADD,
				       [IR_AMO_XOR] = X64_XOR,
				       [IR_AMO_AND] = X64_AND,
				       [IR_AMO_OR] = X64_OR };
	unsigned amo = in->sub & IR_AMO_MASK;
	lreg v = isel_vr(s, in->b), old, t, d;
	struct lir_insn *l;

	if (!wanted && amo >= IR_AMO_ADD && amo <= IR_AMO_OR) {
		l = isel_lir(s, X64_OP_LOCKED);
		isel_use(l, a, 0);
		isel_use(l, v, 0);
		l->sub = alu[amo];
		l->sub2 = isel_is64(in);
		l->flags = LF_FAULT;
		return LREG_NONE;
	}
	if (amo <= IR_AMO_ADD)
		return exchange(s, amo == IR_AMO_ADD ? X64_OP_XADD : X64_OP_SWAP, in, a, v);
	l = isel_lir(s, X64_OP_LD);
	old = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	l->sub = isel_is64(in) ? X64_ALL64 : X64_ZX32;
	l->sub2 = X64_ADDR_BASE;
	l->flags = LF_FAULT;
	t = x64_temp(s, LIR_INT);
	l = isel_lir(s, X64_OP_AMO);
	d = isel_def_fixed(s, l, LIR_INT, X64_RAX);
	isel_use(l, a, LO_LATE);
	isel_use(l, v, LO_LATE);
	isel_opnd(l, old, LIR_USE, 0, X64_RAX);
	isel_use(l, t, LO_LATE);
	l->sub = (uint8_t)amo;
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

void x64_sel_atomic(struct isel *s, uint32_t idx)
{
	enum { O_W = 5, I_R = 10 }; /* in a fence's set: o4 w1, i8 r2 */
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg a, d;

	if (in->op == IR_fence) {
		/* Of the four orders only store before load is not the host's own. */
		if (in->imm >> 4 & O_W && in->imm & I_R)
			barrier(s);
		return;
	}
	a = isel_vr(s, in->a);
	check_aligned(s, a, isel_is64(in), in->op != IR_lr);
	if (in->op == IR_lr)
		d = sel_lr(s, in, a);
	else if (in->op == IR_sc)
		d = sel_sc(s, in, a);
	else
		d = sel_amo(s, in, a, s->val[idx].uses != 0);
	s->val[idx].vreg = d;
}

/* What lives in the vector registers of routines leaves them. */
static void clear_xmms(struct isel *s)
{
	struct lir_insn *l = isel_lir(s, X64_OP_CLEAR);

	for (unsigned x = 0; x < X64_ROUTINE_XMMS; x++)
		isel_clobber(l, LIR_PHYS_FP + x);
}

static void sel_copy(struct isel *s, uint32_t idx, int64_t bytes)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg to = isel_vr(s, in->a), from = isel_vr(s, in->b);
	struct lir_insn *l;

	clear_xmms(s);
	l = isel_lir(s, X64_OP_COPY);
	s->val[idx].vreg = isel_def_fixed(s, l, LIR_INT, X64_RAX);
	isel_opnd(l, to, LIR_USE, 0, X64_RAX);
	isel_opnd(l, from, LIR_USE, 0, X64_RCX);
	isel_clobber(l, X64_RCX);
	isel_clobber(l, X64_RDX);
	l->imm = bytes;
	l->sub = (uint8_t)in->imm;
	l->flags = LF_FAULT | LF_REDO;
}

/* What a routine has for itself are the scratch registers but rdx (native/routines.S). */
void x64_sel_routine(struct isel *s, uint32_t idx)
{
	static const uint8_t operands[IR_ROUTINE_COUNT] = {
#define ROUTINE(name, operands, meaning) operands,
#include "lib/ir/routines.def"
#undef ROUTINE
	};
	static const uint8_t place[] = { X64_RAX, X64_RCX, X64_RDX };
	const struct ir_insn *in = &s->ir->insn[idx];
	const ir_ref opnd[] = { in->a, in->b, in->c };
	lreg r[ARRAY_LEN(opnd)];
	struct lir_insn *l;
	int64_t bytes;

	if (isel_short_copy(s, in, &bytes)) {
		sel_copy(s, idx, bytes);
		return;
	}
	for (unsigned n = 0; n < operands[in->imm]; n++)
		r[n] = isel_vr(s, opnd[n]);
	clear_xmms(s);
	l = isel_lir(s, X64_OP_ROUTINE);
	s->val[idx].vreg = isel_def_fixed(s, l, LIR_INT, X64_RAX);
	for (unsigned n = 0; n < operands[in->imm]; n++)
		isel_opnd(l, r[n], LIR_USE, 0, place[n]);
	isel_clobber(l, X64_RCX);
	l->imm = in->imm;
	l->flags = LF_FAULT;
}

/* Instruction selection: guest memory and atomics. */
#include "arch/aarch64/isel_priv.h"

/* ---- addresses --------------------------------------------------------------------------------- */

/* [base, index << shift] or [base + disp], with virtual registers; index LREG_NONE where there is none. */
struct addr {
	lreg base, index;
	uint8_t shift;
	int32_t disp;
};

/* x + y as base and index; y may come shifted by the access's size. */
static struct addr indexed(struct isel *s, unsigned log2, ir_ref x, ir_ref y)
{
	struct addr m = { .shift = 0 };
	const struct ir_insn *in;
	int64_t n;

	if (isel_foldable(s, x, IR_shl)) {
		ir_ref z = x;

		x = y;
		y = z;
	}
	in = isel_insn(s, y);
	if (log2 && isel_foldable(s, y, IR_shl) && isel_const(s, in->b, &n) && n == log2) {
		m.shift = (uint8_t)log2;
		y = in->a;
	}
	m.base = isel_vr(s, x);
	m.index = isel_vr(s, y);
	return m;
}

/* r + disp as an address of an access of that size; additions that nobody else needs go into it. */
static struct addr address(struct isel *s, unsigned log2, ir_ref r, int64_t disp)
{
	const struct ir_insn *in = isel_insn(s, r);
	struct addr m = { .index = LREG_NONE };
	int64_t c;

	if (isel_folds_in_address(s, r) && isel_const(s, in->b, &c) && fits_i32(disp + c)) {
		disp += c;
		r = in->a;
		in = isel_insn(s, r);
	}
	if (in->op == IR_const) {
		m.base = isel_const_vreg(s, (int64_t)((uint64_t)in->imm + (uint64_t)disp));
		return m;
	}
	if (disp == 0 && !s->guest_base && isel_folds_in_address(s, r))
		return indexed(s, log2, in->a, in->b);
	m.base = isel_vr(s, r);
	/* The guest base is added by the access itself, which then has no displacement. */
	if (disp && (s->guest_base || !a64_fits_disp(log2, disp)))
		m.base = a64_plus(s, m.base, disp);
	else
		m.disp = (int32_t)disp;
	return m;
}

static unsigned log2_of(const struct ir_insn *in)
{
	static const uint8_t of_load[] = { 0, 0, 1, 1, 2, 2, 3 };

	if (in->op == IR_ldf || in->op == IR_stf)
		return in->type == IR_F64 ? 3 : 2;
	return in->op >= IR_st8 ? in->op - (unsigned)IR_st8 : of_load[in->op - IR_ld8u];
}

/* x << n with a constant n. */
static bool is_scaled(const struct isel *s, ir_ref r, int64_t *n)
{
	const struct ir_insn *in = isel_insn(s, r);

	return in->op == IR_shl && isel_const(s, in->b, n);
}

bool a64_in_address(const struct isel *s, const struct ir_insn *in, const struct ir_insn *sum)
{
	unsigned log2 = log2_of(in);
	int64_t c;

	if (s->guest_base)
		return false;
	if (isel_const(s, sum->b, &c))
		return a64_fits_disp(log2, in->imm + c);
	return in->imm == 0 && (!is_scaled(s, sum->a, &c) || c == log2)
	       && (!is_scaled(s, sum->b, &c) || c == log2);
}

struct lir_vreg a64_sum(struct isel *s, ir_ref r)
{
	const struct ir_insn *in = isel_insn(s, r);
	struct addr m;
	int64_t c = 0;

	if (isel_const(s, in->b, &c))
		return (struct lir_vreg){ .base = isel_vr(s, in->a), .index = LREG_NONE, .imm = c };
	if (!is_scaled(s, in->a, &c) && !is_scaled(s, in->b, &c))
		c = 0;
	m = indexed(s, (unsigned)c, in->a, in->b);
	return (struct lir_vreg){ .base = m.base, .index = m.index, .shift = m.shift };
}

/* The address of load or store in. */
static void use_addr(struct lir_insn *l, const struct addr *m, const struct ir_insn *in)
{
	l->sub2 = m->shift;
	l->imm = m->disp;
	l->flags |= in->sub & IR_REDO ? LF_FAULT | LF_REDO : LF_FAULT;
	isel_use(l, m->base, 0);
	if (m->index != LREG_NONE) {
		isel_use(l, m->index, 0);
		l->sub2 |= A64_ADDR_INDEX;
	}
}

/* ---- loads and stores -------------------------------------------------------------------------- */

void a64_sel_load(struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	bool fp = in->op == IR_ldf;
	unsigned how = in->op - IR_ld8u;
	struct addr m = address(s, log2_of(in), in->a, in->imm);
	struct lir_insn *l = isel_lir(s, fp ? A64_OP_LDF : A64_OP_LD);

	s->val[idx].vreg = isel_def(s, l, fp ? LIR_FP : LIR_INT);
	use_addr(l, &m, in);
	l->sub = (uint8_t)(fp ? isel_isdbl(in) : how);
}

static void store_fp(struct isel *s, const struct ir_insn *in, ir_ref value, bool is_double)
{
	struct addr m = address(s, 2u + is_double, in->a, in->imm);
	lreg v = isel_vr(s, value);
	struct lir_insn *l = isel_lir(s, A64_OP_STF);

	use_addr(l, &m, in);
	isel_use(l, v, 0);
	l->sub = is_double;
}

void a64_sel_store(struct isel *s, const struct ir_insn *in)
{
	unsigned log2 = log2_of(in);
	lreg v = LREG_NONE;
	struct addr m;
	struct lir_insn *l;
	ir_ref r = in->b;
	int64_t c;

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
	m = address(s, log2, in->a, in->imm);
	if (!isel_const(s, r, &c) || c != 0)
		v = isel_vr(s, r);
	l = isel_lir(s, A64_OP_ST);
	use_addr(l, &m, in);
	if (v != LREG_NONE)
		isel_use(l, v, 0);
	l->sub = (uint8_t)log2;
}

/* ---- atomics ------------------------------------------------------------------------------------ */

/*
 * How the guest's memory model (RVWMO; RISC-V manual, volume I, chapter 17) is kept on the host's (DDI 0487, B2.3).
 *
 * Plain loads and stores are plain ones: both models let them pass each other but for the same address, and
 * dependencies through registers stay what they are. What orders them:
 *
 *   fence             dmb ishld orders loads before it against all behind, ishst stores against stores, ish all:
 *                     the weakest that covers the sets. Input counts as a read, output as a write.
 *   amo, sc           acquire and release together, whatever is asked for. The manual has an amo as one operation at
 *                     one place in memory order, and the host as a load and a store. Acquire orders the load
 *                     alone against what follows, release the store alone against what came before; only both
 *                     together order the whole against all behind (B2.3, barrier-ordered-before). Any amo needs that:
 *                       .aq, or a fence r,rw behind it: what follows comes after its store, too
 *                       .rl, or a fence rw,w before it: what depends on its result comes after all before it
 *                       none of them: a load behind it that gives what it stored comes after it (17.1.3, rule 3), which
 *                       the host has for acquires alone (B2.3, dependency-ordered-before); and what depends on the success of
 *                       sc comes after its store (rules 9 to 11), where the host has a dependency on its load.
 *   lr.aq             ldar. Acquire and release are RCsc in both.
 *   lr.rl             a load that waits for stores before it: dmb ish, then the load.
 *   branches          stay (guest_limits.keep_branches): a store behind one waits for what it looked at; csel does not wait.
 *
 * Without LSE they are loops of ldxr and stlxr, whose store may be seen after what follows the loop: a dmb ish
 * stands behind it (emit_mem.c).
 *
 * What the two models forbid by these rules is tried by tests/guest/litmus.c where a machine has the processors for it.
 */

/* Leaves with IR_EXIT_FAULT when a is not a multiple of the operation's size. */
static void check_aligned(struct isel *s, lreg a, unsigned w, bool is_write)
{
	uint16_t exit =
	    isel_new_exit(s, (struct lir_exit){
				 .target = s->ir->gpc + (uint64_t)(int64_t)s->safe.gpc_off,
				 .to = IR_NOBLOCK,
				 .reason = IR_EXIT_FAULT,
			     });
	struct lir_insn *l = isel_lir(s, A64_OP_ALIGNED);

	isel_use(l, a, 0);
	l->imm = w ? 7 : 3;
	l->sub = is_write;
	l->flags = LF_EXIT;
	l->exit = exit;
}

static void barrier(struct isel *s, enum a64_dmb scope) { isel_lir(s, A64_OP_FENCE)->sub = scope; }

/* imm of IR_fence: pred << 4 | succ, each i8 o4 r2 w1. */
static void sel_fence(struct isel *s, int64_t imm)
{
	enum { O_W = 5, I_R = 10 };
	bool before_r = imm >> 4 & I_R, before_w = imm >> 4 & O_W;
	bool after_r = imm & I_R, after_w = imm & O_W;

	if (before_w && (after_r || (before_r && after_w)))
		barrier(s, A64_ISH);
	else if (before_w && after_w)
		barrier(s, A64_ISHST);
	else if (before_r && (after_r || after_w))
		barrier(s, A64_ISHLD);
}

static lreg sel_lr(struct isel *s, const struct ir_insn *in, lreg a, lreg h)
{
	struct lir_insn *l;
	lreg d;

	if (in->sub & IR_LRSC_RL)
		barrier(s, A64_ISH);
	l = isel_lir(s, A64_OP_LR);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_LATE);
	isel_use(l, h, LO_LATE);
	l->sub = !!(in->sub & IR_LRSC_AQ);
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

static lreg sel_sc(struct isel *s, const struct ir_insn *in, lreg a, lreg h)
{
	lreg v = isel_vr(s, in->b), d;
	struct lir_insn *l = isel_lir(s, A64_OP_SC);

	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, LO_LATE);
	isel_use(l, h, LO_LATE);
	isel_use(l, v, LO_LATE);
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

static lreg sel_amo(struct isel *s, const struct ir_insn *in, lreg h, bool wanted)
{
	lreg v = isel_vr(s, in->b), d = LREG_NONE;
	struct lir_insn *l = isel_lir(s, wanted ? A64_OP_AMO : A64_OP_AMOX);

	if (wanted)
		d = isel_def(s, l, LIR_INT);
	isel_use(l, h, wanted ? LO_LATE : 0);
	isel_use(l, v, wanted ? LO_LATE : 0);
	l->sub = in->sub;
	l->sub2 = isel_is64(in);
	l->flags = LF_FAULT;
	return d;
}

/* Atomics take a register alone as their address. */
static lreg host_address(struct isel *s, lreg a)
{
	struct lir_insn *l;
	lreg d;

	if (!s->guest_base)
		return a;
	l = isel_lir(s, A64_OP_HADDR);
	d = isel_def(s, l, LIR_INT);
	isel_use(l, a, 0);
	return d;
}

void a64_sel_atomic(struct isel *s, uint32_t idx)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg a, h, d;

	if (in->op == IR_fence) {
		sel_fence(s, in->imm);
		return;
	}
	a = isel_vr(s, in->a);
	check_aligned(s, a, isel_is64(in), in->op != IR_lr);
	h = host_address(s, a);
	if (in->op == IR_lr)
		d = sel_lr(s, in, a, h);
	else if (in->op == IR_sc)
		d = sel_sc(s, in, a, h);
	else
		d = sel_amo(s, in, h, s->val[idx].uses != 0);
	s->val[idx].vreg = d;
}

/* What lives in the vector registers of routines leaves them. */
static void clear_vregs(struct isel *s)
{
	struct lir_insn *l = isel_lir(s, A64_OP_CLEAR);

	for (unsigned v = 0; v < A64_ROUTINE_VREGS; v++)
		isel_clobber(l, LIR_PHYS_FP + v);
}

static void sel_copy(struct isel *s, uint32_t idx, int64_t bytes)
{
	const struct ir_insn *in = &s->ir->insn[idx];
	lreg to = isel_vr(s, in->a), from = isel_vr(s, in->b);
	struct lir_insn *l;

	clear_vregs(s);
	l = isel_lir(s, A64_OP_COPY);
	isel_use(l, to, LO_LATE);
	isel_opnd(l, from, LIR_USE, 0, 1);
	isel_clobber(l, 0);
	isel_clobber(l, 2);
	isel_clobber(l, A64_LR);
	l->imm = bytes;
	l->sub = (uint8_t)in->imm;
	l->flags = LF_FAULT | LF_REDO;
	s->val[idx].vreg = to; /* it has no result */
}

/* Operands in x0, x1 and x2, of which a routine keeps the last two; x30 and the scratch vectors are its own (native/routines.S). */
void a64_sel_routine(struct isel *s, uint32_t idx)
{
	static const uint8_t operands[IR_ROUTINE_COUNT] = {
#define ROUTINE(name, operands, meaning) operands,
#include "lib/ir/routines.def"
#undef ROUTINE
	};
	const struct ir_insn *in = &s->ir->insn[idx];
	const ir_ref opnd[] = { in->a, in->b, in->c };
	lreg r[ARRAY_LEN(opnd)], d;
	struct lir_insn *l;
	int64_t bytes;

	if (isel_short_copy(s, in, &bytes)) {
		sel_copy(s, idx, bytes);
		return;
	}
	for (unsigned n = 0; n < operands[in->imm]; n++)
		r[n] = isel_vr(s, opnd[n]);
	clear_vregs(s);
	l = isel_lir(s, A64_OP_ROUTINE);
	d = isel_def_fixed(s, l, LIR_INT, 0);
	for (unsigned n = 0; n < operands[in->imm]; n++)
		isel_opnd(l, r[n], LIR_USE, 0, n);
	isel_clobber(l, A64_LR);
	l->imm = in->imm;
	l->flags = LF_FAULT;
	s->val[idx].vreg = d;
}

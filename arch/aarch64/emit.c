/*
 * Emission: from allocated LIR to bytes and tables. Pure; the same list gives the same bytes.
 */
#include "arch/aarch64/emit_priv.h"

unsigned a64_cold(struct a64_emit *e, uint32_t from,
		  void (*make)(struct a64_emit *e, const struct a64_cold *c))
{
	arena_grow(e->lir->arena, e->cold, e->cold_count, e->cold_cap);
	e->cold[e->cold_count] =
	    (struct a64_cold){ .make = make, .in = e->in, .from = { from, UINT32_MAX } };
	return e->cold_count++;
}

void a64_back_here(struct a64_emit *e, unsigned number) { e->cold[number].back = cb_pos(e->cb); }

void a64_go_back(struct a64_emit *e, const struct a64_cold *c)
{
	a64_fix(e->cb, a64_b(e->cb), c->back);
}

uint32_t a64_branch_if(struct a64_emit *e, struct a64_test t)
{
	switch (t.kind) {
	case A64_TEST_ZERO:
		return a64_cb(e->cb, t.set, t.w, t.reg);
	case A64_TEST_BIT:
		if (!e->far)
			return a64_tb(e->cb, t.set, t.reg, t.w);
		a64_log(e->cb, A64_ANDS_I, 1, A64_ZR, t.reg, UINT64_C(1) << t.w);
		return a64_bcc(e->cb, t.set ? A64_CC_NE : A64_CC_EQ);
	default:
		return a64_bcc(e->cb, (enum a64_cc)t.cc);
	}
}

struct a64_mem a64_state_far(struct a64_emit *e, unsigned log2, int32_t disp)
{
	const uint32_t low = 0xfff, high = (uint32_t)disp & ~low;

	if (a64_fits_disp(log2, disp))
		return a64_state(disp);
	KIT_DCHECK(disp >= 0, "displacement %d", disp);
	if (a64_fits_add(high)) {
		a64_rri(e->cb, A64_ADD_I, 1, A64_TMP2, A64_STATE, high);
		return a64_at(A64_TMP2, (int32_t)((uint32_t)disp & low));
	}
	a64_mov_imm(e->cb, 1, A64_TMP2, (uint64_t)disp);
	return a64_indexed(A64_STATE, A64_TMP2, 0);
}

void a64_call_thunk(struct a64_emit *e, enum ir_thunk thunk)
{
	a64_load_state(e, A64_TMP2, A64_ST(thunk[thunk]));
	a64_jump(e->cb, A64_BLR, A64_TMP2);
}

/* ---- operations that the allocator makes ----------------------------------------------------------- */

static void emit_exchange(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned a = a64_opreg(in, 0), b = a64_opreg(in, 1);

	if (in->opnd[0].r < LIR_PHYS_FP) {
		a64_mov(e->cb, 1, A64_TMP, a);
		a64_mov(e->cb, 1, a, b);
		a64_mov(e->cb, 1, b, A64_TMP);
	} else {
		a64_ff(e->cb, A64_FMOV, 1, A64_VTMP, a);
		a64_ff(e->cb, A64_FMOV, 1, a, b);
		a64_ff(e->cb, A64_FMOV, 1, b, A64_VTMP);
	}
}

static void store_const(struct a64_emit *e, int32_t disp, int64_t value)
{
	const struct a64_mem m = a64_state_far(e, 3, disp);

	if (value)
		a64_mov_imm(e->cb, 1, A64_TMP, (uint64_t)value);
	a64_ls(e->cb, A64_STR64, value ? A64_TMP : A64_ZR, m);
}

/* LIR_FIX; its C twin is a64_apply_fix. */
static void emit_conversion(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0);

	if (in->fix == A64_FIX_SEXT32)
		a64_bfm(e->cb, A64_SBFM, 1, d, d, 0, 31);
	else
		a64_vvv(e->cb, A64_ORR_V, d, d, A64_VBOX);
}

static void emit_made(struct a64_emit *e, const struct lir_insn *in)
{
	int32_t disp = (int32_t)in->imm; /* of LOAD and STORE */
	unsigned d = a64_opreg(in, 0);
	bool fp = in->opnd[0].r >= LIR_PHYS_FP;

	switch (in->op) {
	case LIR_MOVE:
		if (fp)
			a64_ff(e->cb, A64_FMOV, 1, d, a64_opreg(in, 1));
		else
			a64_mov(e->cb, 1, d, a64_opreg(in, 1));
		break;
	case LIR_XCHG:
		emit_exchange(e, in);
		break;
	case LIR_CONST:
		a64_mov_imm(e->cb, 1, d, (uint64_t)in->imm);
		break;
	case LIR_LOAD:
		a64_ls(e->cb, fp ? A64_LDRD : A64_LDR64, d, a64_state_far(e, 3, disp));
		break;
	case LIR_STORE:
		a64_ls(e->cb, fp ? A64_STRD : A64_STR64, d, a64_state_far(e, 3, disp));
		break;
	case LIR_STOREI:
		store_const(e, disp, in->imm2);
		break;
	case LIR_FIX:
		emit_conversion(e, in);
		break;
	default: /* NOP, PUT */
		break;
	}
}

void a64_emit_list(struct a64_emit *e, const struct lir_insn *in, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		emit_made(e, &in[i]);
}

void a64_leave_region(struct a64_emit *e, const struct lir_exit *x)
{
	if (x->to == IR_NOBLOCK)
		a64_emit_list(e, e->lir->leave, e->lir->leave_count);
}

void a64_emit_stub(struct a64_emit *e, const struct lir_exit *x)
{
	a64_emit_list(e, e->lir->stub + x->stub_first, x->stub_count);
	a64_leave_region(e, x);
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

typedef void emit_fn(struct a64_emit *e, const struct lir_insn *in);

static emit_fn *const emit_op[A64_OP_END - LIR_HOST] = {
#define AOP(name, ...) a64_emit_##name,
#include "arch/aarch64/ops.def"
#undef AOP
};

static void emit_insn(struct a64_emit *e, const struct lir_insn *in)
{
	e->in = in;
	if (in->op >= LIR_HOST) {
		emit_op[in->op - LIR_HOST](e, in);
	} else if (in->op == LIR_BLOCK) {
		e->block_at[in->imm] = cb_pos(e->cb);
		if (e->count_blocks)
			a64_count_entry(e, in);
	} else {
		emit_made(e, in);
	}
}

/* Items may note further ones. */
static void emit_cold(struct a64_emit *e)
{
	for (unsigned i = 0; i < e->cold_count; i++) {
		struct a64_cold c = e->cold[i];

		for (unsigned n = 0; n < ARRAY_LEN(c.from); n++)
			if (c.from[n] != UINT32_MAX)
				a64_fix(e->cb, c.from[n], cb_pos(e->cb));
		e->in = c.in;
		c.make(e, &c);
	}
}

/* For as much as a unit has as a rule. */
static void make_room(struct a64_emit *e)
{
	const struct lir_unit *u = e->lir;

	jit_tables_init(&e->tables, u);
	e->cold_cap = 3 * u->exit_count;
	e->cold = arena_new(u->arena, struct a64_cold, e->cold_cap);
}

static void emit_all(struct a64_emit *e)
{
	const struct lir_unit *lir = e->lir;

	make_room(e);
	e->block_at = arena_new(lir->arena, uint32_t, lir->ir->block_count);
	memset(e->block_at, 0xff, sizeof(uint32_t) * lir->ir->block_count);
	a64_emit_list(e, lir->enter, lir->enter_count);
	for (const struct lir_insn *in = lir->insn, *end = in + lir->insn_count; in < end; in++)
		emit_insn(e, in);
	emit_cold(e);
	for (unsigned i = 0; i < e->forward_count; i++)
		a64_fix(e->cb, e->forward[i].at, e->block_at[e->forward[i].block]);
}

bool a64_emit(const struct lir_unit *lir, const struct ra_target *t, const struct jit_opts *o,
	      struct codebuf *cb, struct code *out)
{
	const struct a64_emit init = {
		.cb = cb,
		.lir = lir,
		.features = o->host_features,
		.guest_base = o->guest_base,
		.count_blocks = o->count_blocks,
	};
	struct a64_emit e = init;

	(void)t;
	KIT_DCHECK(cb_pos(cb) == 0, "offsets count from the buffer's start (%u)", cb_pos(cb));
	emit_all(&e);
	if (cb->overflow) { /* the buffer, or the reach of a tbz */
		cb_init(cb, cb->start, (uint32_t)(cb->end - cb->start));
		e = init;
		e.far = true;
		emit_all(&e);
	}
	*out = jit_code(&e.tables, cb);
	return !cb->overflow;
}

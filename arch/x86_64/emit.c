/*
 * Emission: from allocated LIR to bytes and tables. Pure; the same list gives the same bytes.
 */
#include "arch/x86_64/emit_priv.h"

struct x64_cold *x64_cold(struct x64_emit *e, uint32_t from,
			  void (*make)(struct x64_emit *e, const struct x64_cold *c))
{
	struct x64_cold *c;

	arena_grow(e->lir->arena, e->cold, e->cold_count, e->cold_cap);
	c = &e->cold[e->cold_count++];
	*c = (struct x64_cold){ .make = make, .in = e->in, .from = { from, UINT32_MAX } };
	return c;
}

void x64_flags_of(struct x64_emit *e, unsigned reg, unsigned w)
{
	e->zero_regs = (uint16_t)(1u << reg);
	e->zero_cc = X64_CC_NE;
	e->zero_w = (uint8_t)w;
	e->zero_sign = true;
	e->flags_new = true;
}

/* ---- operations that the allocator makes ----------------------------------------------------------- */

void x64_emit_fp_move(struct x64_emit *e, unsigned d, unsigned s)
{
	if (d == s)
		return;
	if (e->avx && s >= 8 && d < 8) /* the store's opcode saves a byte of prefix */
		x64_vrr(e->cb, X64_MOVAPS_MR, 0, s, 0, d);
	else if (e->avx)
		x64_vrr(e->cb, X64_MOVAPS, 0, d, 0, s);
	else
		x64_rr(e->cb, X64_MOVAPS, 0, d, s);
}

void x64_emit_fp_load(struct x64_emit *e, bool is_double, unsigned d, struct x64_mem m)
{
	uint32_t op = x64_fp(X64_MOVS_RM, is_double);

	if (e->avx)
		x64_vrm(e->cb, op, 0, d, 0, m);
	else
		x64_rm(e->cb, op, 0, d, m);
}

void x64_emit_fp_store(struct x64_emit *e, bool is_double, struct x64_mem m, unsigned s)
{
	uint32_t op = x64_fp(X64_MOVS_MR, is_double);

	if (e->avx)
		x64_vrm(e->cb, op, 0, s, 0, m);
	else
		x64_rm(e->cb, op, 0, s, m);
}

static void emit_exchange(struct x64_emit *e, const struct lir_insn *in)
{
	unsigned a = x64_opreg(in, 0), b = x64_opreg(in, 1);

	if (in->opnd[0].r < LIR_PHYS_FP) {
		x64_rr(e->cb, X64_XCHG, 1, a, b);
		return;
	}
	x64_fp_dd(e, X64_XORPS, a, b);
	x64_fp_dd(e, X64_XORPS, b, a);
	x64_fp_dd(e, X64_XORPS, a, b);
}

static void store_const(struct x64_emit *e, struct x64_mem m, int64_t value)
{
	if (fits_i32(value)) {
		x64_rmi(e->cb, X64_MOV_MI, 1, 0, m, (int32_t)value, 4);
		return;
	}
	x64_rmi(e->cb, X64_MOV_MI, 0, 0, m, (int32_t)value, 4);
	m.disp += 4;
	x64_rmi(e->cb, X64_MOV_MI, 0, 0, m, (int32_t)(value >> 32), 4);
}

static void emit_made(struct x64_emit *e, const struct lir_insn *in)
{
	struct x64_mem m =
	    x64_state((int32_t)((uint32_t)in->imm - X64_STATE_BIAS)); /* of LOAD and STORE */
	unsigned d = x64_opreg(in, 0);
	bool fp = in->opnd[0].r >= LIR_PHYS_FP;

	switch (in->op) {
	case LIR_MOVE:
		if (fp)
			x64_emit_fp_move(e, d, x64_opreg(in, 1));
		else if (d != x64_opreg(in, 1))
			x64_mov_rr(e->cb, 1, d, x64_opreg(in, 1));
		break;
	case LIR_XCHG:
		emit_exchange(e, in);
		break;
	case LIR_CONST:
		x64_mov_imm(e->cb, d, (uint64_t)in->imm);
		break;
	case LIR_LOAD:
		if (fp)
			x64_emit_fp_load(e, true, d, m);
		else
			x64_rm(e->cb, X64_MOV_RM, 1, d, m);
		break;
	case LIR_STORE:
		if (fp)
			x64_emit_fp_store(e, true, m, d);
		else
			x64_rm(e->cb, X64_MOV_MR, 1, d, m);
		break;
	case LIR_STOREI:
		store_const(e, m, in->imm2);
		break;
	default: /* NOP, PUT */
		break;
	}
}

void x64_emit_list(struct x64_emit *e, const struct lir_insn *in, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		emit_made(e, &in[i]);
}

/* How many LIR_FIX stand at in, before end. */
static unsigned fixes_at(const struct lir_insn *in, const struct lir_insn *end)
{
	unsigned n = 0;

	while (in + n < end && in[n].op == LIR_FIX)
		n++;
	return n;
}

void x64_emit_stub(struct x64_emit *e, const struct lir_exit *x)
{
	const struct lir_insn *in = e->lir->stub + x->stub_first, *end = in + x->stub_count;

	while (in < end) {
		unsigned n = fixes_at(in, end);

		if (n)
			x64_emit_fixes(e, in, n, x->host_info);
		else
			emit_made(e, in);
		in += n ? n : 1;
	}
	if (x->to == IR_NOBLOCK)
		x64_emit_list(e, e->lir->leave, e->lir->leave_count);
}

/* ---- what the flags still say ------------------------------------------------------------------------ */

/* Follows zero_regs over an operation that is no comparison of its own. */
static void track_flags(struct x64_emit *e, const struct lir_insn *in)
{
	uint16_t from = 0;

	if (e->flags_new) {
		e->flags_new = false;
		return;
	}
	if (!e->zero_regs)
		return;
	switch (in->op) {
	case LIR_NOP:
	case LIR_PUT:
	case LIR_STORE:
	case LIR_STOREI:
	case X64_OP_ST:
	case X64_OP_STI:
	case X64_OP_STF:
	case X64_OP_TEMP:
		return;
	case LIR_MOVE:
		from = (uint16_t)(in->opnd[1].r < LIR_PHYS_FP ? 1u << in->opnd[1].r : 0);
		break;
	case X64_OP_EXT: /* of a 32-bit result: zero and sign are the same in 64 bits */
		if (in->sub == X64_SX32 && !e->zero_w && !x64_opmem(in, 1))
			from = (uint16_t)(1u << x64_opreg(in, 1));
		break;
	case LIR_FIX:
		if (in->fix == X64_FIX_SEXT32 && !e->zero_w)
			from = (uint16_t)(1u << x64_opreg(in, 0));
		else
			e->zero_regs = 0;
		break;
	case LIR_LOAD:
	case X64_OP_LD:
	case X64_OP_LDF:
		break;
	case LIR_CONST:
		if (in->imm != 0)
			break;
		e->zero_regs = 0;
		return;
	default:
		e->zero_regs = 0;
		return;
	}
	if (in->nopnd && in->opnd[0].r < LIR_PHYS_FP) {
		uint16_t d = (uint16_t)(1u << in->opnd[0].r);

		e->zero_regs =
		    (uint16_t)(e->zero_regs & from ? e->zero_regs | d : e->zero_regs & ~d);
	}
}

/* What leaves the flags alone; a result is the first operand. */
static bool keeps_flags(const struct lir_insn *in)
{
	switch (in->op) {
	case LIR_NOP:
	case LIR_PUT:
	case LIR_STORE:
	case LIR_STOREI:
	case LIR_MOVE:
	case LIR_LOAD:
	case X64_OP_TEMP:
	case X64_OP_LEA:
	case X64_OP_EXT:
	case X64_OP_LD:
	case X64_OP_ST:
	case X64_OP_STI:
		return true;
	case X64_OP_ALUI:
		return x64_is_lea(in);
	default:
		return false;
	}
}

/* Follows compared over an operation, which may be that one. */
static void track_comparison(struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_insn *c = e->compared;

	if (!c)
		return;
	if (c != in && !keeps_flags(in))
		e->compared = NULL;
	for (unsigned n = X64_CMOV_X; n < c->nopnd; n++)
		if (x64_opmem(c, n)
		    || (in->nopnd && in->opnd[0].role == LIR_DEF && in->opnd[0].r == c->opnd[n].r))
			e->compared = NULL;
}

/* ---- the walk ------------------------------------------------------------------------------------------ */

typedef void emit_fn(struct x64_emit *e, const struct lir_insn *in);

static emit_fn *const emit_op[X64_OP_END - LIR_HOST] = {
#define XOP(name, ...) x64_emit_##name,
#include "arch/x86_64/ops.def"
#undef XOP
};

/* Which blocks are jumped back to. */
static bool *find_loops(const struct ir_unit *ir)
{
	bool *loops = arena_znew(ir->arena, bool, ir->block_count);

	for (unsigned b = 0; b < ir->block_count; b++) {
		const struct ir_insn *in = &ir->insn[ir->block[b].first];

		for (uint32_t k = 0; k < ir->block[b].count; k++, in++)
			if (in->to <= b)
				loops[in->to] = true;
	}
	return loops;
}

/* Does the insn before go on with block in, so that padding would be executed? */
static bool falls_into(const struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_insn *before = in - 1;
	const struct lir_exit *x;

	if (in == e->lir->insn || (before->op != X64_OP_EXIT && before->op != X64_OP_EXITI))
		return false;
	x = &e->lir->exit[before->exit];
	if (x->kind == IR_JUMP_CALL)
		return x->back_to == in->imm;
	return x->to == in->imm && !x->poll;
}

/* Heads of loops start a line, as units do: code that goes round and round is fetched by lines. */
static void start_block(struct x64_emit *e, const struct lir_insn *in)
{
	uint32_t in_line = cb_pos(e->cb) % X64_LINE_BYTES;

	if (in_line && (e->loops[in->imm] || !falls_into(e, in)))
		x64_nop(e->cb, X64_LINE_BYTES - in_line);
	e->block_at[in->imm] = cb_pos(e->cb);
	e->zero_regs = 0;
	e->compared = NULL;
	if (e->count_blocks)
		x64_count_entry(e, in);
}

static void emit_insn(struct x64_emit *e, const struct lir_insn *in)
{
	e->in = in;
	if (in->op >= LIR_HOST) {
		emit_op[in->op - LIR_HOST](e, in);
	} else if (in->op == LIR_BLOCK) {
		start_block(e, in);
		return;
	} else {
		emit_made(e, in);
	}
	track_flags(e, in);
	track_comparison(e, in);
}

/* Conversions stand before the way out that needs them. Returns how many. */
static unsigned emit_fixes(struct x64_emit *e, const struct lir_insn *in)
{
	const struct lir_insn *end = e->lir->insn + e->lir->insn_count;
	unsigned n = fixes_at(in, end), exit = in + n < end ? in[n].exit : UINT16_MAX;

	e->in = in;
	e->compared = NULL;
	x64_emit_fixes(e, in, n, exit != UINT16_MAX ? e->lir->exit[exit].host_info : 0);
	for (unsigned i = 0; i < n; i++)
		track_flags(e, in + i);
	return n;
}

/* Items may note further ones. */
static void emit_cold(struct x64_emit *e)
{
	for (unsigned i = 0; i < e->cold_count; i++) {
		struct x64_cold c = e->cold[i];

		c.at = c.make ? cb_pos(e->cb) : e->cold[c.arg].at;
		e->cold[i].at = c.at;
		for (unsigned n = 0; n < ARRAY_LEN(c.from); n++)
			if (c.from[n] != UINT32_MAX)
				x64_fix32(e->cb, c.from[n], c.at);
		e->in = c.in;
		if (c.make)
			c.make(e, &c);
	}
}

/* For as much as a unit has as a rule. */
static void make_room(struct x64_emit *e)
{
	const struct lir_unit *u = e->lir;

	jit_tables_init(&e->tables, u);
	e->cold_cap = 3 * u->exit_count;
	e->cold = arena_new(u->arena, struct x64_cold, e->cold_cap);
}

bool x64_emit(const struct lir_unit *lir, const struct ra_target *t, const struct jit_opts *o,
	      struct codebuf *cb, struct code *out)
{
	const struct ir_unit *ir = lir->ir;
	struct x64_emit e = {
		.cb = cb,
		.lir = lir,
		.features = o->host_features,
		.avx = X64_HAS(o->host_features, AVX),
		.guest_base = o->guest_base,
		.count_blocks = o->count_blocks,
	};

	(void)t;
	KIT_DCHECK(cb_pos(cb) == 0, "offsets count from the buffer's start (%u)", cb_pos(cb));
	make_room(&e);
	e.block_at = arena_new(lir->arena, uint32_t, ir->block_count);
	memset(e.block_at, 0xff, sizeof(uint32_t) * ir->block_count);
	e.loops = find_loops(ir);
	x64_emit_list(&e, lir->enter, lir->enter_count);
	for (const struct lir_insn *in = lir->insn, *end = in + lir->insn_count; in < end;) {
		if (in->op == LIR_FIX)
			in += emit_fixes(&e, in);
		else
			emit_insn(&e, in++);
	}
	emit_cold(&e);
	for (unsigned i = 0; i < e.forward_count; i++)
		x64_fix32(cb, e.forward[i].at, e.block_at[e.forward[i].block]);
	*out = jit_code(&e.tables, cb);
	return !cb->overflow;
}

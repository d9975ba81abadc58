/* Emission: loads and stores, atomics, the state's own words. */
#include "arch/aarch64/emit_priv.h"

/* The host address of an operation whose base is operand n; indexed: operand n + 1 is its index. */
static struct a64_mem guest(const struct a64_emit *e, const struct lir_insn *in, unsigned n,
			    bool index)
{
	unsigned base = a64_opreg(in, n);

	if (e->guest_base)
		return a64_indexed(A64_BASE, base, 0);
	if (index)
		return a64_indexed(base, a64_opreg(in, n + 1), in->sub2 & A64_ADDR_SHIFT);
	return a64_at(base, (int32_t)in->imm);
}

static void load(struct a64_emit *e, const struct lir_insn *in, uint32_t op)
{
	a64_may_fault(e, in);
	a64_ls(e->cb, op, a64_opreg(in, 0), guest(e, in, 1, in->sub2 & A64_ADDR_INDEX));
}

static void store(struct a64_emit *e, const struct lir_insn *in, uint32_t op)
{
	bool index = in->sub2 & A64_ADDR_INDEX;
	unsigned value = 1u + index;

	a64_may_fault(e, in);
	a64_ls(e->cb, op, value < in->nopnd ? a64_opreg(in, value) : A64_ZR,
	       guest(e, in, 0, index));
}

void a64_emit_LD(struct a64_emit *e, const struct lir_insn *in)
{
	static const uint32_t op[] = { A64_LDRB,  A64_LDRSB, A64_LDRH, A64_LDRSH,
				       A64_LDR32, A64_LDRSW, A64_LDR64 };

	load(e, in, op[in->sub]);
}

void a64_emit_ST(struct a64_emit *e, const struct lir_insn *in)
{
	static const uint32_t op[] = { A64_STRB, A64_STRH, A64_STR32, A64_STR64 };

	store(e, in, op[in->sub]);
}

void a64_emit_LDF(struct a64_emit *e, const struct lir_insn *in)
{
	load(e, in, in->sub ? A64_LDRD : A64_LDRS);
}

void a64_emit_STF(struct a64_emit *e, const struct lir_insn *in)
{
	store(e, in, in->sub ? A64_STRD : A64_STRS);
}

/* ---- atomics ------------------------------------------------------------------------------------------ */

/* The address first: the exit's moves may put another value into its register. */
static void cold_misaligned(struct a64_emit *e, const struct a64_cold *c)
{
	const struct lir_exit *x = &e->lir->exit[c->in->exit];

	a64_store_state(e, a64_opreg(c->in, 0), A64_ST(fault_addr));
	a64_mov_imm(e->cb, 0, A64_TMP, IR_FAULT_MISALIGNED);
	a64_ls(e->cb, A64_STR32, A64_TMP, a64_state(A64_ST(fault_kind)));
	a64_mov_imm(e->cb, 0, A64_TMP, c->in->sub);
	a64_ls(e->cb, A64_STRB, A64_TMP, a64_state(A64_ST(fault_write)));
	a64_emit_stub(e, x);
	a64_mov_imm(e->cb, 1, A64_PC, x->target);
	a64_mov_imm(e->cb, 0, A64_TMP, IR_EXIT_FAULT);
	a64_jump_thunk(e, IR_THUNK_EXIT);
}

void a64_emit_ALIGNED(struct a64_emit *e, const struct lir_insn *in)
{
	a64_log(e->cb, A64_ANDS_I, 1, A64_ZR, a64_opreg(in, 0), (uint64_t)in->imm);
	a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_misaligned);
}

void a64_emit_HADDR(struct a64_emit *e, const struct lir_insn *in)
{
	a64_rrr(e->cb, A64_ADD, 1, a64_opreg(in, 0), A64_BASE, a64_opreg(in, 1));
}

void a64_emit_LR(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), h = a64_opreg(in, 2), w = in->sub2;

	a64_may_fault(e, in);
	if (in->sub)
		a64_lsx(e->cb, A64_LDAR, w, d, h);
	else
		a64_ls(e->cb, w ? A64_LDR64 : A64_LDR32, d, a64_at(h, 0));
	a64_store_state(e, a64_opreg(in, 1), A64_ST(resv_addr));
	a64_store_state(e, d, A64_ST(resv_value));
}

static void cold_sc_fails(struct a64_emit *e, const struct a64_cold *c)
{
	a64_mov_imm(e->cb, 0, a64_opreg(c->in, 0), 1);
	a64_go_back(e, c);
}

/* x16: the value that memory must still hold. isel_mem.c says why there is a barrier. */
static void swap_exclusive(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), h = a64_opreg(in, 2), v = a64_opreg(in, 3), w = in->sub2;
	uint32_t again = cb_pos(e->cb);
	unsigned cold;

	a64_may_fault(e, in);
	a64_lsx(e->cb, A64_LDXR, w, A64_TMP2, h);
	a64_cmp(e->cb, w, A64_TMP2, A64_TMP);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_sc_fails);
	a64_may_fault(e, in);
	a64_stx(e->cb, A64_STLXR, w, A64_TMP2, v, h);
	a64_fix(e->cb, a64_cb(e->cb, true, 0, A64_TMP2), again);
	a64_dmb(e->cb, A64_ISH);
	a64_mov_imm(e->cb, 0, d, 0);
	a64_back_here(e, cold);
}

/* d is written last: until the access is over, its register may hold what a fault record names. */
void a64_emit_SC(struct a64_emit *e, const struct lir_insn *in)
{
	unsigned d = a64_opreg(in, 0), a = a64_opreg(in, 1), w = in->sub2, cold;

	a64_load_state(e, A64_TMP, A64_ST(resv_addr));
	a64_mov_imm(e->cb, 0, A64_TMP2, 1);
	a64_store_state(e, A64_TMP2, A64_ST(resv_addr));
	a64_cmp(e->cb, 1, A64_TMP, a);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_sc_fails);
	a64_load_state(e, A64_TMP, A64_ST(resv_value));
	if (A64_HAS(e->features, LSE)) {
		a64_may_fault(e, in);
		a64_cas(e->cb, w, true, true, A64_TMP, a64_opreg(in, 3), a64_opreg(in, 2));
		a64_load_state(e, A64_TMP2, A64_ST(resv_value));
		a64_cmp(e->cb, w, A64_TMP, A64_TMP2);
		a64_cset(e->cb, d, A64_CC_NE);
	} else {
		swap_exclusive(e, in);
	}
	a64_back_here(e, cold);
}

/* x16 = old OP v */
static void combine(struct a64_emit *e, unsigned amo, unsigned w, unsigned old, unsigned v)
{
	static const uint32_t op[] = { [IR_AMO_ADD] = A64_ADD,
				       [IR_AMO_XOR] = A64_EOR,
				       [IR_AMO_AND] = A64_AND,
				       [IR_AMO_OR] = A64_ORR };
	static const uint8_t keep[] = { [IR_AMO_MIN] = A64_CC_LT,
					[IR_AMO_MAX] = A64_CC_GT,
					[IR_AMO_MINU] = A64_CC_LO,
					[IR_AMO_MAXU] = A64_CC_HI };

	if (amo >= IR_AMO_MIN) {
		a64_cmp(e->cb, w, old, v);
		a64_csel(e->cb, A64_CSEL, w, A64_TMP, old, v, (enum a64_cc)keep[amo]);
	} else {
		a64_rrr(e->cb, op[amo], w, A64_TMP, old, v);
	}
}

static void amo_exclusive(struct a64_emit *e, const struct lir_insn *in, unsigned old, unsigned h,
			  unsigned v)
{
	unsigned amo = in->sub & IR_AMO_MASK, w = in->sub2;
	uint32_t again = cb_pos(e->cb);

	a64_may_fault(e, in);
	a64_lsx(e->cb, A64_LDXR, w, old, h);
	if (amo != IR_AMO_SWAP)
		combine(e, amo, w, old, v);
	a64_may_fault(e, in);
	a64_stx(e->cb, A64_STLXR, w, A64_TMP2, amo == IR_AMO_SWAP ? v : A64_TMP, h);
	a64_fix(e->cb, a64_cb(e->cb, true, 0, A64_TMP2), again);
	a64_dmb(e->cb, A64_ISH);
}

/* The old value goes to register old. */
static void amo(struct a64_emit *e, const struct lir_insn *in, unsigned old, unsigned h, unsigned v)
{
	static const uint32_t op[] = {
		[IR_AMO_SWAP] = A64_SWP,   [IR_AMO_ADD] = A64_LDADD,   [IR_AMO_XOR] = A64_LDEOR,
		[IR_AMO_AND] = A64_LDCLR,  [IR_AMO_OR] = A64_LDSET,    [IR_AMO_MIN] = A64_LDSMIN,
		[IR_AMO_MAX] = A64_LDSMAX, [IR_AMO_MINU] = A64_LDUMIN, [IR_AMO_MAXU] = A64_LDUMAX,
	};
	unsigned kind = in->sub & IR_AMO_MASK;

	if (!A64_HAS(e->features, LSE)) {
		amo_exclusive(e, in, old, h, v);
		return;
	}
	if (kind == IR_AMO_AND) { /* clears the bits that are set in its operand */
		a64_rrr(e->cb, A64_ORN, 1, A64_TMP, A64_ZR, v);
		v = A64_TMP;
	}
	a64_may_fault(e, in);
	a64_amo(e->cb, op[kind], in->sub2, true, true, v, old, h);
}

void a64_emit_AMO(struct a64_emit *e, const struct lir_insn *in)
{
	amo(e, in, a64_opreg(in, 0), a64_opreg(in, 1), a64_opreg(in, 2));
}

/* With xzr as its result an atomic acquires nothing (DDI 0487, C6.2, LDADD), so it is x17. */
void a64_emit_AMOX(struct a64_emit *e, const struct lir_insn *in)
{
	amo(e, in, A64_TMP2, a64_opreg(in, 0), a64_opreg(in, 1));
}

void a64_emit_FENCE(struct a64_emit *e, const struct lir_insn *in)
{
	a64_dmb(e->cb, (enum a64_dmb)in->sub);
}

/* ---- the state ------------------------------------------------------------------------------------------ */

void a64_emit_SLD(struct a64_emit *e, const struct lir_insn *in)
{
	a64_ls(e->cb, A64_LDR32, a64_opreg(in, 0), a64_state((int32_t)in->imm));
}

void a64_emit_SST(struct a64_emit *e, const struct lir_insn *in)
{
	a64_ls(e->cb, A64_STR32, a64_opreg(in, 0), a64_state((int32_t)in->imm));
}

void a64_emit_CLEAR(struct a64_emit *e, const struct lir_insn *in)
{
	(void)e;
	(void)in;
}

/* A routine that gives up does so at the call (native_routine_leave). */
static void call_routine(struct a64_emit *e, const struct lir_insn *in, int32_t routine)
{
	a64_load_state(e, A64_TMP2, A64_ST(routine) + 8 * routine);
	a64_may_fault(e, in);
	a64_jump(e->cb, A64_BLR, A64_TMP2);
}

void a64_emit_ROUTINE(struct a64_emit *e, const struct lir_insn *in)
{
	call_routine(e, in, (int32_t)in->imm);
}

static void cold_copy(struct a64_emit *e, const struct a64_cold *c)
{
	e->tables.next_fault = c->arg;
	a64_mov(e->cb, 1, 0, a64_opreg(c->in, 0));
	a64_mov_imm(e->cb, 0, 2, (uint64_t)c->in->imm);
	call_routine(e, c->in, c->in->sub);
	a64_go_back(e, c);
}

/* A part of 1 << log2 bytes to or from vector register v, or by x17. */
static void copy_part(struct a64_emit *e, const struct lir_insn *in, bool store, unsigned log2,
		      unsigned v, struct a64_mem m)
{
	static const uint32_t op[][2] = { { A64_LDRB, A64_STRB },
					  { A64_LDRH, A64_STRH },
					  { A64_LDRS, A64_STRS },
					  { A64_LDRD, A64_STRD },
					  { A64_LDRQ, A64_STRQ } };

	a64_may_fault(e, in);
	a64_ls(e->cb, op[log2][store], log2 < 2 ? A64_TMP2 : v, m);
}

/* Guest address a, whose base may have to be added: in x16 then. */
static struct a64_mem host_place(struct a64_emit *e, unsigned a)
{
	if (e->guest_base)
		a64_rrr(e->cb, A64_ADD, 1, A64_TMP, A64_BASE, a);
	return a64_at(e->guest_base ? A64_TMP : a, 0);
}

/* Takes the branch that it returns where so many bytes at register to lie in two pages. */
static uint32_t in_two_pages(struct a64_emit *e, unsigned to, uint32_t bytes)
{
	enum { PAGE_BYTES = 4096 };

	a64_log(e->cb, A64_AND_I, 0, A64_TMP, to, PAGE_BYTES - 1);
	a64_rri(e->cb, A64_SUBS_I, 0, A64_ZR, A64_TMP, PAGE_BYTES - bytes);
	return a64_bcc(e->cb, A64_CC_HI);
}

/*
 * One part, or two that overlap: both are loaded before one is stored. Two stores must lie in one page, lest the second fault
 * when the first is done. So must one of what may be moved within itself: a misaligned store is as many as it has bytes
 * (DDI 0487, B2.2.1), of which some may be done when one faults, and the guest's code would begin with what they left.
 */
void a64_emit_COPY(struct a64_emit *e, const struct lir_insn *in)
{
	const uint32_t bytes = (uint32_t)in->imm;
	const unsigned log2 = bytes > 16 ? 4 : 31 - (unsigned)__builtin_clz(bytes);
	const int32_t second = (int32_t)bytes - (1 << log2);
	const bool moves =
	    in->sub == IR_ROUTINE_memmove; /* what overlaps is for libc's code else */
	unsigned to = a64_opreg(in, 0), from = a64_opreg(in, 1), cold = UINT32_MAX;
	struct a64_mem m;

	if (bytes > 1 && !moves) {
		a64_rrr(e->cb, A64_SUB, 1, A64_TMP, to, from);
		a64_rri(e->cb, A64_ADD_I, 1, A64_TMP, A64_TMP, bytes - 1);
		a64_rri(e->cb, A64_SUBS_I, 1, A64_ZR, A64_TMP, 2 * bytes - 2);
		cold = a64_cold(e, a64_bcc(e->cb, A64_CC_LS), cold_copy);
		if (second)
			e->cold[cold].from[1] = in_two_pages(e, to, bytes);
	} else if (bytes > 1) {
		cold = a64_cold(e, in_two_pages(e, to, bytes), cold_copy);
	}
	m = host_place(e, from);
	copy_part(e, in, false, log2, 0, m);
	m.disp = second;
	if (second)
		copy_part(e, in, false, log2, 1, m);
	m = host_place(e, to);
	copy_part(e, in, true, log2, 0, m);
	m.disp = second;
	if (second)
		copy_part(e, in, true, log2, 1, m);
	if (cold != UINT32_MAX) {
		a64_back_here(e, cold);
		e->cold[cold].arg = e->tables.next_fault;
	}
}

/* Arguments travel in the state: the thunk saves every register first. TMP becomes the result. */
static void call_helper(struct a64_emit *e, unsigned helper, unsigned a, unsigned b)
{
	a64_store_state(e, a, A64_ST(scratch[0]));
	a64_store_state(e, b, A64_ST(scratch[1]));
	a64_store_state(e, A64_LR, A64_ST(scratch[3]));
	a64_mov_imm(e->cb, 0, A64_TMP, helper);
	a64_call_thunk(e, IR_THUNK_HELPER);
	a64_load_state(e, A64_LR, A64_ST(scratch[3]));
}

void a64_emit_HELPER(struct a64_emit *e, const struct lir_insn *in)
{
	call_helper(e, (unsigned)in->imm, a64_opreg(in, 1), a64_opreg(in, 2));
	a64_mov(e->cb, 1, a64_opreg(in, 0), A64_TMP);
}

static void cold_edge(struct a64_emit *e, const struct a64_cold *c)
{
	call_helper(e, IR_HELPER_note_call, a64_opreg(c->in, 0), a64_opreg(c->in, 1));
	a64_go_back(e, c);
}

/* Mostly the edge is the one at its first place already. */
void a64_emit_EDGE(struct a64_emit *e, const struct lir_insn *in)
{
	const unsigned to = a64_opreg(in, 0), from = a64_opreg(in, 1);
	unsigned cold;

	_Static_assert(sizeof(struct ir_edge) == 32, "a place is shifted by 5");
	a64_add_imm(e->cb, 1, A64_TMP, to, ir_edge_bias((uint32_t)in->imm), A64_TMP2);
	a64_ubfx(e->cb, 1, A64_TMP, A64_TMP, 1, IR_EDGES_LOG2);
	a64_load_state(e, A64_TMP2, A64_ST(edge));
	a64_rrs(e->cb, A64_ADD, 1, A64_TMP, A64_TMP2, A64_TMP, A64_LSL, 5);
	a64_ls(e->cb, A64_LDR64, A64_TMP2, a64_at(A64_TMP, offsetof(struct ir_edge, to)));
	a64_cmp(e->cb, 1, A64_TMP2, to);
	cold = a64_cold(e, a64_bcc(e->cb, A64_CC_NE), cold_edge);
	a64_ls(e->cb, A64_LDR32, A64_TMP2, a64_at(A64_TMP, offsetof(struct ir_edge, from)));
	a64_cmp(e->cb, 0, A64_TMP2, from);
	e->cold[cold].from[1] = a64_bcc(e->cb, A64_CC_NE);
	a64_ls(e->cb, A64_LDR64, A64_TMP2, a64_at(A64_TMP, offsetof(struct ir_edge, count)));
	a64_rri(e->cb, A64_ADD_I, 1, A64_TMP2, A64_TMP2, 1);
	a64_ls(e->cb, A64_STR64, A64_TMP2, a64_at(A64_TMP, offsetof(struct ir_edge, count)));
	a64_back_here(e, cold);
}

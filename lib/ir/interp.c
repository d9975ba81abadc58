/*
 * The IR interpreter; the contract is in interp.h. One loop over the insns of a block, values in an
 * array indexed by insn. Signal safety: none needed; st->stop is the one field that a handler
 * of this thread may write, and it is read atomically.
 */
#include "lib/ir/interp.h"

#include "lib/base/panic.h"
#include "lib/ir/eval_priv.h"

#include <stdatomic.h>
#include <string.h>

/* What the step of one insn asks the loop to do. */
enum step { STEP_NEXT, STEP_GOTO, STEP_LEAVE };

struct interp {
	const struct ir_unit *u;
	struct ir_state *st;
	const struct ir_memory *mem;
	uint64_t *val;
	enum ir_exit reason; /* STEP_LEAVE */
	unsigned block;      /* STEP_GOTO */
};

static gaddr insn_pc(const struct interp *in, const struct ir_insn *i)
{
	return in->u->gpc + (gaddr)(int64_t)i->gpc_off;
}

static enum step leave(struct interp *in, enum ir_exit reason, gaddr pc)
{
	in->reason = reason;
	in->st->pc = pc;
	return STEP_LEAVE;
}

static enum step fault(struct interp *in, const struct ir_insn *i)
{
	return leave(in, IR_EXIT_FAULT, insn_pc(in, i));
}

static enum step misaligned(struct interp *in, const struct ir_insn *i, gaddr addr)
{
	in->st->fault_kind = IR_FAULT_MISALIGNED;
	in->st->fault_code = 0;
	in->st->fault_addr = addr;
	in->st->fault_write = i->op != IR_lr;
	return fault(in, i);
}

/* The exits br (taken) and exit. A backward one is a safe point. */
static enum step go(struct interp *in, const struct ir_insn *i)
{
	gaddr target = (gaddr)i->imm;

	if (target <= insn_pc(in, i) && __atomic_load_n(&in->st->stop, __ATOMIC_RELAXED))
		return leave(in, IR_EXIT_STOP, target);
	if (i->to == IR_NOBLOCK)
		return leave(in, IR_EXIT_LOOKUP, target);
	in->block = i->to;
	return STEP_GOTO;
}

static uint64_t *reg_at(const struct interp *in, int64_t n)
{
	return (uint64_t *)(void *)((char *)in->st + in->u->regs->reg[n].offset_bytes);
}

static enum step load(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	static const uint8_t size[] = { 1, 1, 2, 2, 4, 4, 8 };
	unsigned n = i->op != IR_ldf ? size[i->op - IR_ld8u] : i->type == IR_F32 ? 4 : 8;

	if (!in->mem->load(in->st, in->val[i->a.idx] + (gaddr)i->imm, n, r))
		return fault(in, i);
	switch (i->op) {
	case IR_ld8s:
		*r = (uint64_t)(int8_t)*r;
		break;
	case IR_ld16s:
		*r = (uint64_t)(int16_t)*r;
		break;
	case IR_ld32s:
		*r = (uint64_t)(int32_t)*r;
		break;
	}
	return STEP_NEXT;
}

static enum step store(struct interp *in, const struct ir_insn *i)
{
	unsigned n = i->op != IR_stf ? 1u << (i->op - IR_st8) : i->type == IR_F32 ? 4 : 8;
	uint64_t v = in->val[i->b.idx];

	if (n < 8)
		v &= (UINT64_C(1) << n * 8) - 1;
	if (!in->mem->store(in->st, in->val[i->a.idx] + (gaddr)i->imm, n, v))
		return fault(in, i);
	return STEP_NEXT;
}

static enum step load_reserved(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	gaddr addr = in->val[i->a.idx];
	unsigned n = i->type == IR_I32 ? 4 : 8;

	if (addr & (n - 1))
		return misaligned(in, i, addr);
	if (i->sub & IR_LRSC_RL)
		atomic_thread_fence(memory_order_seq_cst);
	if (!in->mem->load(in->st, addr, n, r))
		return fault(in, i);
	/* Also without aq: cheap here, and nothing can then depend on its absence. */
	atomic_thread_fence(memory_order_acquire);
	in->st->resv_addr = addr;
	in->st->resv_value = *r;
	return STEP_NEXT;
}

static enum step store_conditional(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	struct ir_state *st = in->st;
	gaddr addr = in->val[i->a.idx];
	unsigned n = i->type == IR_I32 ? 4 : 8;
	uint64_t mask = n == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t want = st->resv_value & mask, seen = want;

	if (addr & (n - 1))
		return misaligned(in, i, addr);
	*r = 1;
	if (st->resv_addr == addr) {
		if (!in->mem->cas(st, addr, n, &seen, in->val[i->b.idx] & mask))
			return fault(in, i);
		*r = (seen & mask) != want;
	}
	st->resv_addr = 1;
	return STEP_NEXT;
}

static uint64_t amo_result(const struct ir_insn *i, uint64_t old, uint64_t x)
{
	enum ir_type t = (enum ir_type)i->type;

	switch (i->sub & IR_AMO_MASK) {
	case IR_AMO_SWAP:
		return x;
	case IR_AMO_ADD:
		return old + x;
	case IR_AMO_XOR:
		return old ^ x;
	case IR_AMO_AND:
		return old & x;
	case IR_AMO_OR:
		return old | x;
	case IR_AMO_MIN:
		return ir_cc_test(IR_LT, t, old, x) ? old : x;
	case IR_AMO_MAX:
		return ir_cc_test(IR_LT, t, old, x) ? x : old;
	case IR_AMO_MINU:
		return ir_cc_test(IR_LTU, t, old, x) ? old : x;
	default: /* IR_AMO_MAXU */
		return ir_cc_test(IR_LTU, t, old, x) ? x : old;
	}
}

/* The compare-and-swap is sequentially consistent, which is at least what aq and rl ask for. */
static enum step amo(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	gaddr addr = in->val[i->a.idx];
	unsigned n = i->type == IR_I32 ? 4 : 8;
	uint64_t mask = n == 4 ? UINT32_MAX : UINT64_MAX, old, seen;

	if (addr & (n - 1))
		return misaligned(in, i, addr);
	if (!in->mem->load(in->st, addr, n, &seen)) {
		in->st->fault_write = true; /* an AMO never raises a load fault */
		return fault(in, i);
	}
	do {
		old = seen;
		if (!in->mem->cas(in->st, addr, n, &seen,
				  amo_result(i, old, in->val[i->b.idx]) & mask))
			return fault(in, i);
	} while (seen != old);
	*r = old;
	return STEP_NEXT;
}

static enum step floating(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	const uint64_t *v = in->val;
	struct ir_state *st = in->st;

	if (i->sub == IR_RM_DYN && ir_info(i)->sub == IR_SUB_RM && st->frm > IR_RM_RMM)
		return leave(in, IR_EXIT_ILLEGAL, insn_pc(in, i));
	*r = ir_eval(i, v[i->a.idx], ir_ref_ok(i->b) ? v[i->b.idx] : 0,
		     ir_ref_ok(i->c) ? v[i->c.idx] : 0, st->frm, &st->fflags);
	return STEP_NEXT;
}

/* All that is not a plain integer operation. */
static enum step step(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	struct ir_state *st = in->st;
	const uint64_t *v = in->val;

	switch (i->op) {
	case IR_set:
		*r =
		    ir_cc_test((enum ir_cc)i->sub, (enum ir_type)i->type, v[i->a.idx], v[i->b.idx]);
		return STEP_NEXT;
	case IR_ld8u ... IR_ldf:
		return load(in, i, r);
	case IR_st8 ... IR_stf:
		return store(in, i);
	case IR_lr:
		return load_reserved(in, i, r);
	case IR_sc:
		return store_conditional(in, i, r);
	case IR_amo:
		return amo(in, i, r);
	case IR_fence:
		atomic_thread_fence(memory_order_seq_cst);
		return STEP_NEXT;
	case IR_getfflags:
		*r = st->fflags;
		return STEP_NEXT;
	case IR_setfflags:
		st->fflags = v[i->a.idx] & 31;
		return STEP_NEXT;
	case IR_getfrm:
		*r = st->frm;
		return STEP_NEXT;
	case IR_setfrm:
		st->frm = v[i->a.idx] & 7;
		return STEP_NEXT;
	case IR_helper:
		*r = st->helpers[i->imm](st, v[i->a.idx], v[i->b.idx]);
		return STEP_NEXT;
	case IR_br:
		if (!ir_cc_test((enum ir_cc)i->sub, (enum ir_type)i->type, v[i->a.idx],
				v[i->b.idx]))
			return STEP_NEXT;
		return go(in, i);
	case IR_exit:
		return go(in, i);
	case IR_exiti:
		return leave(in, IR_EXIT_LOOKUP, v[i->a.idx] & ~UINT64_C(1));
	case IR_exitr:
		return leave(in, (enum ir_exit)i->imm2, (gaddr)i->imm);
	default:
		return floating(in, i, r);
	}
}

/* One block, from its top. */
static enum step run_block(struct interp *in, const struct ir_block *blk)
{
	uint64_t *val = in->val;
	enum step s = STEP_NEXT;

	for (uint32_t k = blk->first, end = k + blk->count; k < end && s == STEP_NEXT; k++) {
		const struct ir_insn *i = &in->u->insn[k];

		if (i->dead)
			continue;
		switch (i->op) {
		case IR_const:
			val[k] = i->type == IR_I32 ? (uint32_t)i->imm : (uint64_t)i->imm;
			break;
		case IR_getreg:
			val[k] = *reg_at(in, i->imm);
			break;
		case IR_putreg:
			*reg_at(in, i->imm) = val[i->a.idx];
			break;
		case IR_add ... IR_sar:
			val[k] = ir_eval_int((enum ir_op)i->op, (enum ir_type)i->type,
					     val[i->a.idx], val[i->b.idx]);
			break;
		case IR_sext8 ... IR_zext:
			val[k] =
			    ir_eval_int((enum ir_op)i->op, (enum ir_type)i->type, val[i->a.idx], 0);
			break;
		default:
			s = step(in, i, &val[k]);
			break;
		}
	}
	return s;
}

enum ir_exit ir_interp(const struct ir_unit *u, struct ir_state *st, const struct ir_memory *mem,
		       struct arena *scratch)
{
	struct interp in = { .u = u, .st = st, .mem = mem, .reason = IR_EXIT_NONE };
	enum step s;

	in.val = arena_new(scratch, uint64_t, u->insn_count);
	do {
		s = run_block(&in, &u->block[in.block]);
	} while (s == STEP_GOTO);
	KIT_CHECK(s == STEP_LEAVE, "block %u has no exit", in.block);
	arena_reset(scratch);
	return in.reason;
}

/*
 * The IR interpreter; the contract is in interp.h. One loop over the insns of a block, values in an
 * array indexed by insn. Signal safety: none needed; st->stop is the one field that a handler
 * of this thread may write, and it is read atomically.
 */
#include "lib/ir/interp.h"

#include "lib/base/panic.h"
#include "lib/ir/eval_int.h"

#include <stdatomic.h>
#include <string.h>

/* ---- what is rare in integer code ------------------------------------------------------------ */

static enum ir_exit misaligned(const struct ir_insn *i, struct ir_state *st, gaddr addr)
{
	st->fault_kind = IR_FAULT_MISALIGNED;
	st->fault_code = 0;
	st->fault_addr = addr;
	st->fault_write = i->op != IR_lr;
	return IR_EXIT_FAULT;
}

static enum ir_exit load_reserved(const struct ir_insn *i, struct ir_state *st,
				  const struct ir_memory *mem, gaddr addr, uint64_t *r)
{
	unsigned n = i->type == IR_I32 ? 4 : 8;

	if (addr & (n - 1))
		return misaligned(i, st, addr);
	if (i->sub & IR_LRSC_RL)
		atomic_thread_fence(memory_order_seq_cst);
	if (!mem->load(st, addr, n, r))
		return IR_EXIT_FAULT;
	/* Also without aq: cheap here, and nothing can then depend on its absence. */
	atomic_thread_fence(memory_order_acquire);
	st->resv_addr = addr;
	st->resv_value = *r;
	return IR_EXIT_NONE;
}

static enum ir_exit store_conditional(const struct ir_insn *i, struct ir_state *st,
				      const struct ir_memory *mem, gaddr addr, uint64_t value,
				      uint64_t *r)
{
	unsigned n = i->type == IR_I32 ? 4 : 8;
	uint64_t mask = n == 4 ? UINT32_MAX : UINT64_MAX;
	uint64_t want = st->resv_value & mask, seen = want;

	if (addr & (n - 1))
		return misaligned(i, st, addr);
	*r = 1;
	if (st->resv_addr == addr) {
		if (!mem->cas(st, addr, n, &seen, value & mask))
			return IR_EXIT_FAULT;
		*r = (seen & mask) != want;
	}
	st->resv_addr = 1;
	return IR_EXIT_NONE;
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
static enum ir_exit amo(const struct ir_insn *i, struct ir_state *st, const struct ir_memory *mem,
			gaddr addr, uint64_t value, uint64_t *r)
{
	unsigned n = i->type == IR_I32 ? 4 : 8;
	uint64_t mask = n == 4 ? UINT32_MAX : UINT64_MAX, old, seen;

	if (addr & (n - 1))
		return misaligned(i, st, addr);
	if (!mem->load(st, addr, n, &seen)) {
		st->fault_write = true; /* an AMO never raises a load fault */
		return IR_EXIT_FAULT;
	}
	do {
		old = seen;
		if (!mem->cas(st, addr, n, &seen, amo_result(i, old, value) & mask))
			return IR_EXIT_FAULT;
	} while (seen != old);
	*r = old;
	return IR_EXIT_NONE;
}

static void count_run(struct ir_state *st, int64_t imm, uint64_t length, uint64_t class,
		      uint64_t all)
{
	const struct ir_run r = ir_run_of(imm);
	const uint64_t period = UINT64_C(1) << r.log2, rest_period = UINT64_C(1) << r.rest_log2;
	const uint32_t what = (uint32_t)(imm >> 32);
	uint64_t more = length < 3 * period ? 0 : (length - 2 * period) & -period;

	class -= more << r.at;
	if (r.rest_log2 && all - length >= 2 * rest_period)
		class -= ((all - length - rest_period) & -rest_period) << r.rest_at;
	++*ir_counter(st, what + (uint32_t) class);
	if (more)
		*ir_counter(st, what + IR_RUN_CLASSES + (uint32_t) class) += more;
}

enum ir_exit ir_interp_insn(const struct ir_insn *i, struct ir_state *st,
			    const struct ir_memory *mem, uint64_t a, uint64_t b, uint64_t c,
			    uint64_t *r)
{
	switch (i->op) {
	case IR_lr:
		return load_reserved(i, st, mem, a, r);
	case IR_sc:
		return store_conditional(i, st, mem, a, b, r);
	case IR_amo:
		return amo(i, st, mem, a, b, r);
	case IR_fence:
		atomic_thread_fence(memory_order_seq_cst);
		break;
	case IR_getfflags:
		*r = st->fflags;
		break;
	case IR_setfflags:
		st->fflags = a & 31;
		break;
	case IR_getfrm:
		*r = st->frm;
		break;
	case IR_setfrm:
		st->frm = a & 7;
		break;
	case IR_helper:
		*r = st->helpers[i->imm](st, a, b);
		break;
	case IR_count:
		*ir_counter(st, (uint32_t)(i->imm >> 32)) += (uint64_t)(int64_t)(int32_t)i->imm;
		break;
	case IR_countby:
		*ir_counter(st, (uint32_t)(i->imm >> 32)) += a;
		break;
	case IR_countrun:
		count_run(st, i->imm, a, b, c);
		break;
	case IR_edge:
		st->edge_passed(st, (uint32_t)i->imm, a);
		break;
	/* Routines are the host's: here the guest's own code does it. */
	case IR_routine:
		st->fault_kind = IR_FAULT_ROUTINE;
		return IR_EXIT_FAULT;
	default:
		if (i->sub == IR_RM_DYN && ir_info(i)->sub == IR_SUB_RM && st->frm > IR_RM_RMM)
			return IR_EXIT_ILLEGAL;
		*r = ir_eval(i, a, b, c, st->frm, &st->fflags);
		break;
	}
	return IR_EXIT_NONE;
}

/* ---- units ----------------------------------------------------------------------------------- */

/* What the step of one insn asks the loop to do. */
enum step { STEP_NEXT, STEP_GOTO, STEP_LEAVE };

enum { FEW_VALUES = 256 };

struct interp {
	const struct ir_unit *u;
	struct ir_state *st;
	const struct ir_memory *mem;
	uint64_t *val;
	enum ir_exit reason; /* STEP_LEAVE */
	unsigned block;      /* STEP_GOTO */
	uint32_t owes;       /* op owe */
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
	bool redo = ir_info(i)->sub == IR_SUB_REDO && i->sub & IR_REDO;

	in->st->owed = in->owes;
	return leave(in, redo ? IR_EXIT_REDO : IR_EXIT_FAULT, insn_pc(in, i));
}

/* The exits br (taken) and exit. A backward one is a safe point. */
static enum step go(struct interp *in, const struct ir_insn *i)
{
	gaddr target = (gaddr)i->imm;

	const bool stays = ir_goes_to(i) != IR_NOBLOCK;

	if (target <= insn_pc(in, i) && __atomic_load_n(&in->st->stop, __ATOMIC_RELAXED)) {
		in->st->owed = stays ? in->u->block[i->to].owes : 0;
		return leave(in, IR_EXIT_STOP, target);
	}
	if (!stays)
		return leave(in, IR_EXIT_LOOKUP, target);
	in->block = i->to;
	return STEP_GOTO;
}

static bool compare(const struct interp *in, const struct ir_insn *i)
{
	return ir_cc_test((enum ir_cc)i->sub, (enum ir_type)i->type, in->val[i->a.idx],
			  in->val[i->b.idx]);
}

static uint64_t operand(const struct interp *in, ir_ref r)
{
	return ir_ref_ok(r) ? in->val[r.idx] : 0;
}

/* What has no case of its own below. */
static enum step other(struct interp *in, const struct ir_insn *i, uint64_t *r)
{
	enum ir_exit why;

	if (i->op == IR_exiti)
		return leave(in, IR_EXIT_LOOKUP, in->val[i->a.idx] & ~UINT64_C(1));
	if (i->op == IR_exitr)
		return leave(in, (enum ir_exit)i->sub, (gaddr)i->imm);
	if (i->op == IR_owe) {
		in->owes = (uint32_t)i->imm;
		return STEP_NEXT;
	}
	why = ir_interp_insn(i, in->st, in->mem, operand(in, i->a), operand(in, i->b),
			     operand(in, i->c), r);
	if (why == IR_EXIT_NONE)
		return STEP_NEXT;
	in->st->owed = in->owes;
	return leave(in, why, insn_pc(in, i));
}

#ifdef KIT_DEBUG

/* What the block promises of registers (ir_block). */
static void check_entry(const struct interp *in, const struct ir_block *blk)
{
	for (uint64_t left = blk->boxed | blk->canon; left; left &= left - 1) {
		unsigned r = (unsigned)__builtin_ctzll(left);
		bool boxed = blk->boxed >> r & 1, canon = blk->canon >> r & 1;
		const struct ir_insn i = { .op = IR_fcanon, .type = boxed ? IR_F32 : IR_F64 };
		uint32_t none = 0;
		uint64_t v;

		memcpy(&v, (char *)in->st + in->u->regs->reg[r].offset_bytes, sizeof v);
		KIT_CHECK(!boxed || v >> 32 == UINT32_MAX, "register %u is %#llx, not boxed", r,
			  (unsigned long long)v);
		if (boxed)
			v = (uint32_t)v;
		KIT_CHECK(!canon || ir_eval(&i, v, 0, 0, 0, &none) == v,
			  "register %u is %#llx, not canonical", r, (unsigned long long)v);
	}
	for (uint64_t left = blk->sext; left; left &= left - 1) {
		unsigned r = (unsigned)__builtin_ctzll(left);
		int64_t v;

		memcpy(&v, (char *)in->st + in->u->regs->reg[r].offset_bytes, sizeof v);
		KIT_CHECK(fits_i32(v), "register %u is %#llx, not sign-extended", r,
			  (unsigned long long)v);
	}
}

#else

static void check_entry(const struct interp *in, const struct ir_block *blk)
{
	(void)in, (void)blk;
}

#endif

/*
 * One block, from its top. Each operation of integer code has its own case, which names it to
 * ir_eval_int as a constant: a second choice by operation would be mispredicted once more.
 */
static enum step run_block(struct interp *in, const struct ir_block *blk)
{
	const struct ir_insn *insn = in->u->insn;
	const struct ir_reg *reg = in->u->regs->reg;
	const struct ir_memory *mem = in->mem;
	struct ir_state *st = in->st;
	uint64_t *val = in->val;
	enum step s;

	for (uint32_t k = blk->first, end = k + blk->count; k < end; k++) {
		const struct ir_insn *i = &insn[k];

		if (i->dead)
			continue;
		switch (i->op) {
		case IR_const:
			val[k] = i->type == IR_I32 ? (uint32_t)i->imm : (uint64_t)i->imm;
			break;
		case IR_getreg:
			memcpy(&val[k], (char *)st + reg[i->imm].offset_bytes, sizeof *val);
			break;
		case IR_putreg:
			memcpy((char *)st + reg[i->imm].offset_bytes, &val[i->a.idx], sizeof *val);
			break;
		case IR_set:
			val[k] = compare(in, i);
			break;
		case IR_select:
			val[k] = val[val[i->a.idx] ? i->b.idx : i->c.idx];
			break;
		case IR_br:
			if (compare(in, i))
				return go(in, i);
			break;
		case IR_exit:
			return go(in, i);
		default:
			s = other(in, i, &val[k]);
			if (s != STEP_NEXT)
				return s;
			break;
/* clang-format off */
#define INT(op, b)                                                                                 \
	case IR_##op:                                                                              \
		val[k] = ir_eval_int(IR_##op, (enum ir_type)i->type, val[i->a.idx], b);            \
		break;
#define INT1(op) INT(op, 0)
#define INT2(op) INT(op, val[i->b.idx])
		INT2(add) INT2(sub) INT2(and) INT2(or) INT2(xor) INT2(shl) INT2(shr) INT2(sar)
		INT2(mul) INT2(mulh) INT2(mulhu) INT2(mulhsu)
		INT2(div) INT2(divu) INT2(rem) INT2(remu)
		INT1(sext8) INT1(sext16) INT1(bswap) INT1(ctz) INT1(clz) INT1(popcount)
		INT1(trunc) INT1(sext) INT1(zext)
#undef INT2
#undef INT1
#undef INT
#define LOAD(op, bytes, ctype)                                                                     \
	case IR_##op:                                                                              \
		if (!mem->load(st, val[i->a.idx] + (gaddr)i->imm, bytes, &val[k]))                 \
			return fault(in, i);                                                       \
		val[k] = (uint64_t)(ctype)val[k];                                                  \
		break;
		LOAD(ld8u, 1, uint8_t) LOAD(ld16u, 2, uint16_t) LOAD(ld32u, 4, uint32_t)
		LOAD(ld8s, 1, int8_t) LOAD(ld16s, 2, int16_t) LOAD(ld32s, 4, int32_t)
		LOAD(ld64, 8, uint64_t) LOAD(ldf, i->type == IR_F32 ? 4 : 8, uint64_t)
#undef LOAD
#define STORE(op, bytes, ctype)                                                                    \
	case IR_##op:                                                                              \
		if (!mem->store(st, val[i->a.idx] + (gaddr)i->imm, bytes, (ctype)val[i->b.idx]))   \
			return fault(in, i);                                                       \
		break;
		STORE(st8, 1, uint8_t) STORE(st16, 2, uint16_t) STORE(st32, 4, uint32_t)
		STORE(st64, 8, uint64_t) STORE(stf, i->type == IR_F32 ? 4 : 8, uint64_t)
#undef STORE
		}
		/* clang-format on */
	}
	return STEP_NEXT;
}

enum ir_exit ir_interp(const struct ir_unit *u, struct ir_state *st, const struct ir_memory *mem,
		       struct arena *scratch)
{
	struct interp in = { .u = u, .st = st, .mem = mem, .reason = IR_EXIT_NONE };
	uint64_t few[FEW_VALUES]; /* usual traces need no more */
	enum step s;

	in.val = u->insn_count <= FEW_VALUES ? few : arena_new(scratch, uint64_t, u->insn_count);
	do {
		check_entry(&in, &u->block[in.block]);
		in.owes = u->block[in.block].owes;
		s = run_block(&in, &u->block[in.block]);
	} while (s == STEP_GOTO);
	KIT_CHECK(s == STEP_LEAVE, "block %u has no exit", in.block);
	if (in.val != few)
		arena_reset(scratch);
	return in.reason;
}

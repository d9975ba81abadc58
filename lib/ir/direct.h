/*
 * The builder's functions carried out at once.
 *
 * Lifting and interpreting costs several hundred host instructions a guest instruction, and most of a short program
 * runs once. So a guest's lift functions are compiled twice: against ir.h they build IR; against this header the same
 * source does on a thread's state what that IR would do when it is interpreted. There is one statement of each
 * instruction's meaning, and one of each operation's (eval_int.h, ir_interp_insn).
 *
 * What makes that possible: lift functions ask the builder for types and never for values, emit in the order of execution, and
 * a trace is one block. An operation that leaves (an exit, a branch that is taken, a fault) sets why and st->pc;
 * what the instruction's lift function does after it has no effect.
 *
 * Include this behind all other headers: it gives the builder's names another meaning.
 */
#ifndef KIT_IR_DIRECT_H
#define KIT_IR_DIRECT_H

#include "lib/ir/eval_int.h"
#include "lib/ir/interp.h"

/* In the place of struct ir_builder. */
struct ir_direct {
	struct ir_state *st;
	const struct ir_memory *mem;
	gaddr gpc;        /* of the guest instruction being carried out */
	enum ir_exit why; /* IR_EXIT_NONE while it goes on; else as ir_interp returns it */
};

/* In the place of ir_ref: the value itself. */
typedef struct {
	uint64_t bits;
} ir_value;

/* What has no function below: floating point, atomics, state, fences, helpers. */
ir_value ir_direct_insn(struct ir_direct *d, const struct ir_insn *i, ir_value x, ir_value y,
			ir_value z);

/* The first one counts. why may be IR_EXIT_NONE: then nothing happens. */
static inline void ir_direct_leave(struct ir_direct *d, enum ir_exit why, gaddr pc)
{
	if (d->why != IR_EXIT_NONE || why == IR_EXIT_NONE)
		return;
	d->why = why;
	d->st->pc = pc;
}

/* ---- registers and integers ---------------------------------------------------------------- */

static inline ir_value ir_direct_const(struct ir_direct *d, enum ir_type t, int64_t value)
{
	return (ir_value){ t == IR_I32 ? (uint32_t)value : (uint64_t)value };
}

static inline ir_value ir_direct_getreg(struct ir_direct *d, unsigned reg)
{
	return (ir_value){ d->st->reg[reg] };
}

static inline void ir_direct_putreg(struct ir_direct *d, unsigned reg, ir_value v)
{
	if (KIT_LIKELY(d->why == IR_EXIT_NONE))
		d->st->reg[reg] = v.bits;
}

_Static_assert(IR_add < IR_zext && IR_zext < IR_fadd, "the rows of integers come first");

static inline ir_value ir_direct_op2(struct ir_direct *d, enum ir_op op, enum ir_type t, ir_value x,
				     ir_value y)
{
	const struct ir_insn i = { .op = (uint8_t)op, .type = (uint8_t)t };

	if (op <= IR_zext)
		return (ir_value){ ir_eval_int(op, t, x.bits, y.bits) };
	return ir_direct_insn(d, &i, x, y, (ir_value){ 0 });
}

static inline ir_value ir_direct_op1(struct ir_direct *d, enum ir_op op, enum ir_type t, ir_value x)
{
	return ir_direct_op2(d, op, t, x, (ir_value){ 0 });
}

static inline ir_value ir_direct_set(struct ir_direct *d, enum ir_type t, enum ir_cc cc, ir_value x,
				     ir_value y)
{
	return (ir_value){ ir_cc_test(cc, t, x.bits, y.bits) };
}

/* ---- memory ----------------------------------------------------------------------------------- */

_Static_assert(IR_ld8s == IR_ld8u + 1 && IR_ld16u == IR_ld8u + 2 && IR_ld16s == IR_ld8u + 3
		   && IR_ld32u == IR_ld8u + 4 && IR_ld32s == IR_ld8u + 5 && IR_ld64 == IR_ld8u + 6,
	       "twice log2 of the size, plus 1 when signed");
_Static_assert(IR_st16 == IR_st8 + 1 && IR_st32 == IR_st8 + 2 && IR_st64 == IR_st8 + 3,
	       "log2 of the size");

static inline ir_value ir_direct_load(struct ir_direct *d, enum ir_op op, enum ir_type t,
				      ir_value addr, int64_t disp)
{
	unsigned row = op != IR_ldf ? (unsigned)(op - IR_ld8u) : t == IR_F32 ? 4 : 6;
	unsigned size_bytes = 1u << (row >> 1), rest_bits = 64 - 8 * size_bytes;
	uint64_t v = 0;

	if (!d->mem->load(d->st, addr.bits + (gaddr)disp, size_bytes, &v))
		ir_direct_leave(d, IR_EXIT_FAULT, d->gpc);
	return (ir_value){ row & 1 ? (uint64_t)((int64_t)(v << rest_bits) >> rest_bits) : v };
}

static inline void ir_direct_store(struct ir_direct *d, enum ir_op op, enum ir_type t,
				   ir_value addr, int64_t disp, ir_value v)
{
	unsigned row = op != IR_stf ? (unsigned)(op - IR_st8) : t == IR_F32 ? 2 : 3;

	if (!d->mem->store(d->st, addr.bits + (gaddr)disp, 1u << row, v.bits))
		ir_direct_leave(d, IR_EXIT_FAULT, d->gpc);
}

/* ---- what is rare in integer code ----------------------------------------------------------- */

static inline ir_value ir_direct_fop(struct ir_direct *d, enum ir_op op, enum ir_type t,
				     enum ir_rm rm, ir_value x, ir_value y, ir_value z)
{
	const struct ir_insn i = { .op = (uint8_t)op, .type = (uint8_t)t, .sub = (uint8_t)rm };

	return ir_direct_insn(d, &i, x, y, z);
}

static inline ir_value ir_direct_atomic(struct ir_direct *d, enum ir_op op, enum ir_type t,
					unsigned sub, ir_value addr, ir_value v)
{
	const struct ir_insn i = { .op = (uint8_t)op, .type = (uint8_t)t, .sub = (uint8_t)sub };

	return ir_direct_insn(d, &i, addr, v, (ir_value){ 0 });
}

static inline void ir_direct_fence(struct ir_direct *d, unsigned sets)
{
	const struct ir_insn i = { .op = IR_fence, .imm = sets };
	const ir_value none = { 0 };

	ir_direct_insn(d, &i, none, none, none);
}

static inline ir_value ir_direct_call(struct ir_direct *d, unsigned helper, ir_value x, ir_value y)
{
	const struct ir_insn i = { .op = IR_helper, .imm = helper };

	return ir_direct_insn(d, &i, x, y, (ir_value){ 0 });
}

static inline void ir_direct_edge(struct ir_direct *d, uint32_t from, ir_value to)
{
	const struct ir_insn i = { .op = IR_edge, .imm = from };
	const ir_value none = { 0 };

	ir_direct_insn(d, &i, to, none, none);
}

static inline void ir_direct_set_state(struct ir_direct *d, enum ir_op op, ir_value v)
{
	const struct ir_insn i = { .op = (uint8_t)op };
	const ir_value none = { 0 };

	ir_direct_insn(d, &i, v, none, none);
}

static inline ir_value ir_direct_get_state(struct ir_direct *d, enum ir_op op)
{
	const struct ir_insn i = { .op = (uint8_t)op };
	const ir_value none = { 0 };

	return ir_direct_insn(d, &i, none, none, none);
}

/* ---- leaving -------------------------------------------------------------------------------- */

static inline void ir_direct_exit(struct ir_direct *d, enum ir_jump kind, gaddr target, gaddr ret)
{
	ir_direct_leave(d, IR_EXIT_LOOKUP, target);
}

static inline void ir_direct_br(struct ir_direct *d, enum ir_type t, enum ir_cc cc, ir_value x,
				ir_value y, gaddr target)
{
	if (ir_cc_test(cc, t, x.bits, y.bits))
		ir_direct_leave(d, IR_EXIT_LOOKUP, target);
}

static inline void ir_direct_exiti(struct ir_direct *d, enum ir_jump kind, ir_value target,
				   gaddr ret)
{
	ir_direct_leave(d, IR_EXIT_LOOKUP, target.bits & ~UINT64_C(1));
}

static inline void ir_direct_exitr(struct ir_direct *d, enum ir_exit reason, gaddr pc)
{
	ir_direct_leave(d, reason, pc);
}

/* ---- the builder's names -------------------------------------------------------------------- */

#undef IR_NOREF
#define IR_NOREF     ((ir_value){ 0 })
#define ir_ref       ir_value
#define ir_builder   ir_direct
#define ir_const     ir_direct_const
#define ir_getreg    ir_direct_getreg
#define ir_putreg    ir_direct_putreg
#define ir_op1       ir_direct_op1
#define ir_op2       ir_direct_op2
#define ir_set       ir_direct_set
#define ir_load      ir_direct_load
#define ir_store     ir_direct_store
#define ir_fop       ir_direct_fop
#define ir_atomic    ir_direct_atomic
#define ir_fence     ir_direct_fence
#define ir_call      ir_direct_call
#define ir_edge      ir_direct_edge
#define ir_set_state ir_direct_set_state
#define ir_get_state ir_direct_get_state
#define ir_br        ir_direct_br
#define ir_exiti     ir_direct_exiti
#define ir_exitr     ir_direct_exitr
/* Not enum ir_exit. */
#define ir_exit(...) ir_direct_exit(__VA_ARGS__)

#endif

/*
 * What the files of the lifter share: the trace being made, and access to guest registers.
 *
 * A lift function gets the trace, the decoded instruction and its row of insns.def. It emits the
 * IR and, when the instruction ends the trace, the final exit, and sets t->done.
 *
 * Within a trace a register read again, or read after it was written, gives the value at hand
 * instead of another getreg, and so does its low half or the float in it: that costs two arrays and spares
 * the passes a third of the insns. Values are SSA and the trace is one block, so this is always right.
 */
#ifndef KIT_ARCH_RV64_LIFT_PRIV_H
#define KIT_ARCH_RV64_LIFT_PRIV_H

#include "arch/rv64/decode.h"
#include "arch/rv64/regs.h"
#include "arch/rv64/routine.h"

/* The files of lift functions are compiled twice: to build IR, and to carry it out at once (direct.c). */
#ifdef RV64_DIRECT
#include "lib/ir/direct.h"
#define LIFT_NAME(name) rv64_direct_##name
#define LIFT_ROWS       rv64_direct_rows
#else
#define LIFT_NAME(name) rv64_lift_##name
#define LIFT_ROWS       rv64_lift_rows
#endif

struct trace {
	struct ir_builder b;
	struct guest_decoder *decoder;
	const struct guest_fetch *fetch;
	uint64_t features;
	gaddr start;
	gaddr pc;   /* of the instruction being lifted */
	gaddr next; /* of the one behind it; a lift function that follows a jump changes it */
	unsigned max_branches;
	unsigned branches; /* conditional ones passed */
	gaddr stop;        /* the trace ends before this pc; 1 none */
	bool keep_branches, routines, bit_routines, routine_ends; /* of guest_limits */
	/* Behind a branch that can be done without: how many instructions it skips, and whether it does. */
	unsigned arm_insns;
	gaddr
	    looked_to; /* the end of what was looked at to find that a branch cannot be done without */
	ir_ref skips;
	const struct rv64_insn *run_end; /* of those decoded together */
	bool counts;                     /* guest_limits.count */
	ir_ref count;                    /* the op that counts those up to the next branch */
	const struct guest_tally *tally; /* guest_limits.tally */
	struct guest_runs *runs;         /* guest_limits.runs */
	ir_ref elsewhere;                /* the same of those that the tally has no ways of */
	bool keeps_count;                /* there is something to count */
	bool on_way;                     /* the instruction before is on a way that goes on */
	bool done;
	bool loops; /* an exit goes to the trace's own start */
	/* auipc makes the upper part of an address that a jalr behind it completes. */
	uint8_t upper_reg; /* 0: none known */
	gaddr upper_value;
#ifndef RV64_DIRECT
	/* What registers hold, where it is at hand: one bit a register says that. */
	uint64_t has_value, has_narrow;
	ir_ref value[RV64_REG_COUNT];
	ir_ref narrow[RV64_REG_COUNT]; /* as i32 (x: the low half) or f32 (f: unboxed) */
#endif
};
_Static_assert(RV64_REG_COUNT == 64, "a bit for each register");

/* The last three columns of a row of insns.def. */
struct lift_row {
	void (*lift)(struct trace *t, const struct rv64_insn *i, const struct lift_row *r);
	uint8_t arg;
	uint8_t type; /* enum ir_type */
};

#define LIFT(name)                                                                                 \
	void LIFT_NAME(name)(struct trace * t, const struct rv64_insn *i, const struct lift_row *r)

/* By enum rv64_op (lift_misc.c). */
extern const struct lift_row LIFT_ROWS[RV64_OP_COUNT];

/* clang-format off */
LIFT(illegal); LIFT(leave); LIFT(fence); LIFT(fence_i); /* lift_misc.c */
LIFT(li); LIFT(mv); LIFT(auipc); LIFT(addi); LIFT(add); LIFT(alu_ri); LIFT(alu_rr); LIFT(set_ri); LIFT(set_rr);
LIFT(load); LIFT(store); LIFT(fload); LIFT(fstore);
LIFT(jal); LIFT(jalr); LIFT(branch);
LIFT(lr); LIFT(sc); LIFT(amo);
LIFT(csrrw); LIFT(csrrs); LIFT(csrrc);
LIFT(farith); LIFT(fma); LIFT(fsqrt); LIFT(fminmax); LIFT(fcmp); LIFT(fclass);
LIFT(fsgnj); LIFT(fsgnjn); LIFT(fsgnjx);
LIFT(ftoint); LIFT(inttof); LIFT(fcvt_s_d); LIFT(fcvt_d_s);
LIFT(fmv_x_w); LIFT(fmv_w_x); LIFT(fmv_x_d); LIFT(fmv_d_x);
/* clang-format on */

/* ways.c: the instruction at pc as exact counts see it, without what stands before it. */
void rv64_step(const struct rv64_insn *i, gaddr pc, struct guest_step *s);
/* Does the way go on behind it? *next: where. */
bool rv64_way_on(const struct guest_tally *w, const struct rv64_insn *i, gaddr pc, gaddr *next);

/*
 * lift_routine.c: the routine whose first bytes are these, at pc, if it is wanted and its runs can be noted where they have to
 * be; else RV64_LIBC_COUNT.
 */
enum rv64_libc rv64_wanted_at(const struct trace *t, gaddr pc, const uint8_t bytes[8],
			      struct rv64_form *form);
/* The whole trace is routine what, which has that form. */
void rv64_lift_routine(struct trace *t, enum rv64_libc what, const struct rv64_form *form);
/* The same where the instruction at t->pc calls what starts at target: false, and nothing done, when that is no routine. */
bool rv64_lift_routine_call(struct trace *t, gaddr target);

/* Ends the trace: leaves translated code for a reason that lies at pc. */
static inline void trace_leave(struct trace *t, enum ir_exit reason, gaddr pc)
{
	ir_exitr(&t->b, reason, pc);
	t->done = true;
}

#ifndef RV64_DIRECT
/* lift_select.c: how many instructions branch i to target skips, when it is better done without it; else 0. */
unsigned rv64_arm(struct trace *t, const struct rv64_insn *i, gaddr target);
/* Lifts those t->arm_insns from i on, which start at pc; their results count unless t->skips. Returns their end. */
gaddr rv64_lift_arm(struct trace *t, const struct rv64_insn *i, gaddr pc);
#endif

/* ---- registers ---------------------------------------------------------------------------- */

#ifdef RV64_DIRECT

static inline ir_ref get_value(struct trace *t, unsigned n)
{
	return n == RV64_ZERO ? ir_const(&t->b, IR_I64, 0) : ir_getreg(&t->b, n);
}

static inline ir_ref get_narrow(struct trace *t, unsigned n)
{
	return ir_op1(&t->b, n < RV64_F0 ? IR_trunc : IR_unbox, IR_NONE, get_value(t, n));
}

static inline void put_value(struct trace *t, unsigned n, ir_ref v) { ir_putreg(&t->b, n, v); }
static inline void put_narrow(struct trace *t, unsigned n, ir_ref v) {}

#else

/* What register n (of regs.h) holds: read or made now where it is not at hand. */
ir_ref rv64_read(struct trace *t, unsigned n);
ir_ref rv64_read_narrow(struct trace *t, unsigned n);

static inline ir_ref get_value(struct trace *t, unsigned n)
{
	return KIT_LIKELY(t->has_value >> n & 1) ? t->value[n] : rv64_read(t, n);
}

static inline ir_ref get_narrow(struct trace *t, unsigned n)
{
	return KIT_LIKELY(t->has_narrow >> n & 1) ? t->narrow[n] : rv64_read_narrow(t, n);
}

static inline void put_value(struct trace *t, unsigned n, ir_ref v)
{
	ir_putreg(&t->b, n, v);
	t->value[n] = v;
	t->has_value |= UINT64_C(1) << n;
	t->has_narrow &= ~(UINT64_C(1) << n);
}

static inline void put_narrow(struct trace *t, unsigned n, ir_ref v)
{
	t->narrow[n] = v;
	t->has_narrow |= UINT64_C(1) << n;
}

#endif

/* ---- integer registers -------------------------------------------------------------------- */

static inline ir_ref get_x(struct trace *t, unsigned reg) { return get_value(t, reg); }

/* x_reg becomes v; a write to x0 is dropped. */
static inline void put_x(struct trace *t, unsigned reg, ir_ref v)
{
	if (reg == 0)
		return;
	put_value(t, reg, v);
	if (t->upper_reg == reg)
		t->upper_reg = 0;
}

/* The low half of a register for a W operation. */
static inline ir_ref get_w(struct trace *t, unsigned reg) { return get_narrow(t, reg); }

/* As the operand of an operation on type: the register, or its low half. */
static inline ir_ref get_typed(struct trace *t, enum ir_type type, unsigned reg)
{
	return type == IR_I32 ? get_w(t, reg) : get_x(t, reg);
}

/* The result of an operation on type: a 32-bit one is sign-extended ("RV64I"). */
static inline void put_typed(struct trace *t, enum ir_type type, unsigned reg, ir_ref v)
{
	if (type != IR_I32) {
		put_x(t, reg, v);
		return;
	}
	put_x(t, reg, ir_op1(&t->b, IR_sext, IR_NONE, v));
	if (reg)
		put_narrow(t, reg, v);
}

/* ---- floating-point registers: doubles; a float is below 32 one bits ("D", NaN Boxing) ------- */

static inline ir_ref get_d(struct trace *t, unsigned reg) { return get_value(t, RV64_F0 + reg); }
static inline void put_d(struct trace *t, unsigned reg, ir_ref v)
{
	put_value(t, RV64_F0 + reg, v);
}

static inline ir_ref get_f(struct trace *t, enum ir_type type, unsigned reg)
{
	return type == IR_F32 ? get_narrow(t, RV64_F0 + reg) : get_d(t, reg);
}

static inline void put_f(struct trace *t, enum ir_type type, unsigned reg, ir_ref v)
{
	if (type != IR_F32) {
		put_d(t, reg, v);
		return;
	}
	put_d(t, reg, ir_op1(&t->b, IR_box, IR_NONE, v));
	put_narrow(t, RV64_F0 + reg, v);
}

#endif

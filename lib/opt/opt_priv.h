/*
 * The two walks that the level-1 passes share.
 *
 * The forward walk rebuilds the unit: it reads the old insns in order and emits new ones, so that
 * folding may put new values before their user. It knows
 *
 *   - of each guest register, which value it holds here (holds[], within a block);
 *   - the last insn that may leave or fault (barrier): a putreg behind it can still turn out dead;
 *   - the last few branches that it came past, whose conditions do not hold (passed[]).
 *
 * They answer what folding must ask when it goes from (x op c) op d to x op (c op d): does
 * that pay? Guest registers live in host registers. When the result of the inner operation has
 * to be there anyway and x has not, then using x keeps x alive in one more host register, or costs a copy, where
 * the plain code would update a register in place. See opt_reach.
 */
#ifndef KIT_OPT_PRIV_H
#define KIT_OPT_PRIV_H

#include "lib/opt/pass.h"

#define OPT_BIT(name) (1u << OPT_##name)

void opt_bytes(struct ir_unit *u);
void opt_carry(struct ir_unit *u);
void opt_fences(struct ir_unit *u);
void opt_forward(struct ir_unit *u, unsigned passes);
void opt_backward(struct ir_unit *u, unsigned passes);

/* ---- the forward walk's state ------------------------------------------------------------ */

enum { OPT_PASSED = 4 };

struct opt_forward {
	struct ir_unit *u;
	unsigned passes; /* OPT_BITs switched on */
	struct ir_insn *out;
	uint8_t *home; /* of each of out: 1 + the register it was last in, 0: none */
	uint32_t count, cap;
	uint32_t first;   /* of this block, in out */
	uint32_t barrier; /* 1 + the last insn of out that may leave or fault */
	int32_t gpc_off;  /* of the insn at hand */
	uint32_t *slot;   /* cse: 1 + index in out, by hash; stale below first */
	uint32_t slot_mask;
	bool draft_lost; /* a rule emitted something: the insn being made was written over */
	ir_ref value;    /* the answer of OPT_VALUE */
	uint64_t known;  /* registers whose value is known */
	uint32_t holds[IR_MAX_REGS]; /* that value */
	/* The last branches of this block, in out, in any order; how many there were. */
	uint32_t passed[OPT_PASSED];
	unsigned passed_count;
};

/* What a rule made of an insn. */
enum opt_fold {
	OPT_KEEP,  /* nothing */
	OPT_AGAIN, /* another insn: a rule's answer "ask the rules again", the engine's "emit it" */
	OPT_VALUE, /* it is f->value, which is there already */
	OPT_GONE,  /* it has no effect */
};

/* Emits an insn whose operands are values of out: folded, found or appended, as the passes say. */
ir_ref opt_emit(struct opt_forward *f, struct ir_insn i);
ir_ref opt_const(struct opt_forward *f, enum ir_type t, int64_t v);

static inline ir_ref opt_op1(struct opt_forward *f, enum ir_op op, enum ir_type t, ir_ref a)
{
	return opt_emit(f, (struct ir_insn){ .op = (uint8_t)op,
					     .type = (uint8_t)t,
					     .a = a,
					     .b = IR_NOREF,
					     .c = IR_NOREF,
					     .to = IR_NOBLOCK });
}

static inline ir_ref opt_op2(struct opt_forward *f, enum ir_op op, enum ir_type t, ir_ref a,
			     ir_ref b)
{
	return opt_emit(f, (struct ir_insn){ .op = (uint8_t)op,
					     .type = (uint8_t)t,
					     .a = a,
					     .b = b,
					     .c = IR_NOREF,
					     .to = IR_NOBLOCK });
}

static inline const struct ir_insn *opt_def(const struct opt_forward *f, ir_ref r)
{
	return &f->out[r.idx];
}

static inline bool opt_is(const struct opt_forward *f, ir_ref r, enum ir_op op)
{
	return opt_def(f, r)->op == op;
}

static inline bool opt_same(ir_ref x, ir_ref y) { return x.idx == y.idx; }

/* True when r is a constant, *v then its value (an i32's sign-extended). */
static inline bool opt_konst(const struct opt_forward *f, ir_ref r, int64_t *v)
{
	*v = opt_def(f, r)->imm;
	return opt_is(f, r, IR_const);
}

static inline unsigned opt_width(const struct ir_insn *i) { return i->type == IR_I32 ? 32 : 64; }

/* True when a guest register holds r at this point. */
static inline bool opt_held(const struct opt_forward *f, ir_ref r)
{
	unsigned reg = f->home[r.idx] - 1u;

	return reg < IR_MAX_REGS && f->known >> reg & 1 && f->holds[reg] == r.idx;
}

/* True when r is at hand without keeping anything alive for it. */
static inline bool opt_current(const struct opt_forward *f, ir_ref r)
{
	return opt_held(f, r) || opt_is(f, r, IR_const)
	       || (opt_is(f, r, IR_trunc) && opt_held(f, opt_def(f, r)->a));
}

/*
 * May insn i use x, an operand of inner, instead of inner? Yes when x is at hand anyway, or when inner
 * probably dies of it: no guest register holds it, or none has had to so far and i, which is no exit,
 * may be about to overwrite it.
 */
static inline bool opt_reach(const struct opt_forward *f, const struct ir_insn *i, ir_ref inner,
			     ir_ref x)
{
	return opt_current(f, x) || !opt_held(f, inner)
	       || (inner.idx >= f->barrier && !(ir_info(i)->flags & IR_X));
}

/* ---- fold*.c, facts.c -------------------------------------------------------------------- */

typedef enum opt_fold opt_rule(struct opt_forward *f, struct ir_insn *i);

/* The rule of each operation, NULL where there is none. */
extern opt_rule *const opt_rules[IR_OP_COUNT];

/* Applies the rules to *i, which has one, until none does. OPT_KEEP: *i is as it was. */
enum opt_fold opt_fold(struct opt_forward *f, struct ir_insn *i);

static inline enum opt_fold opt_is_value(struct opt_forward *f, ir_ref r)
{
	f->value = r;
	return OPT_VALUE;
}

static inline enum opt_fold opt_is_const(struct opt_forward *f, enum ir_type t, int64_t v)
{
	return opt_is_value(f, opt_const(f, t, v));
}

/* Turns *i into another operation of one or two operands; its type stays. */
static inline enum opt_fold opt_become(struct ir_insn *i, enum ir_op op, ir_ref a, ir_ref b)
{
	i->op = (uint8_t)op;
	i->a = a;
	i->b = b;
	return OPT_AGAIN;
}

/* Turns *i into an extension or truncation, which has no type of its own. */
static inline enum opt_fold opt_become_ext(struct ir_insn *i, enum ir_op op, ir_ref a)
{
	i->type = IR_NONE;
	return opt_become(i, op, a, IR_NOREF);
}

/* fold_int.c: arithmetic, logic, shifts, extensions. */
enum opt_fold opt_fold_add(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_sub(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_mul(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_div(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_divu(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_remu(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_and(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_or(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_xor(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_shl(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_shr(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_sar(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_sext8(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_sext16(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_bswap(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_count(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_trunc(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_sext(struct opt_forward *f, struct ir_insn *i);
enum opt_fold opt_fold_zext(struct opt_forward *f, struct ir_insn *i);

/* idiom.c: OPT_AGAIN: *i is another operation now. */
enum opt_fold opt_idiom(struct opt_forward *f, struct ir_insn *i);

/* facts.c: how many bits a value can have. */
struct opt_bits {
	uint8_t u; /* as an unsigned number below 2^u */
	uint8_t s; /* the sign extension of its low s bits, at least 1 */
};

struct opt_bits opt_bits(const struct opt_forward *f, ir_ref r);

#endif

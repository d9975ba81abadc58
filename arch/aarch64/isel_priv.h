/*
 * Instruction selection: what its files share.
 *
 * Insns with effects are selected in order. Pure ones are selected when their value is first asked for
 * (a64_vr), so one whose value every user folds into itself costs nothing. An i32 or f32
 * value's register has anything in its upper half.
 */
#ifndef A64_ISEL_PRIV_H
#define A64_ISEL_PRIV_H

#include "arch/aarch64/a64_priv.h"

struct a64_val {
	uint32_t
	    rep; /* the insn whose value this is: itself, or what a getreg or a trip there and back stands for */
	uint32_t uses; /* how often it is an operand */
	lreg vreg;     /* LREG_NONE: not selected so far */
	bool hard;     /* a use needs its exact bits, not what it was made from */
	bool wide;     /* a use needs more than its low 32 bits */
};

struct a64_isel {
	const struct ir_unit *ir;
	const struct ra_target *t;
	struct lir_unit *lir;
	struct lir_insn *next, *end; /* room behind what was selected */
	struct lir_block *block;     /* being selected */
	struct a64_val *val;         /* by insn */
	uint64_t features;
	bool guest_base;
	bool any_low; /* a64_val.wide tells values of the block apart; else all are */
	struct ir_safe safe;
};

static inline const struct ir_insn *a64_insn(const struct a64_isel *s, ir_ref r)
{
	return &s->ir->insn[s->val[r.idx].rep];
}

static inline struct a64_val *a64_val(const struct a64_isel *s, ir_ref r)
{
	return &s->val[s->val[r.idx].rep];
}

/* True when the value is not yet in a register and only one insn uses it: it may be folded there. */
static inline bool a64_foldable(const struct a64_isel *s, ir_ref r, enum ir_op op)
{
	const struct a64_val *v = a64_val(s, r);

	return s->ir->insn[v->rep].op == op && v->vreg == LREG_NONE && v->uses == 1;
}

/* The value of a constant operand, as its type has it (i32 sign-extended). */
static inline bool a64_const(const struct a64_isel *s, ir_ref r, int64_t *value)
{
	const struct ir_insn *in = a64_insn(s, r);

	*value = in->imm;
	return in->op == IR_const;
}

static inline lreg a64_new(struct a64_isel *s, enum lir_class cls)
{
	struct lir_unit *u = s->lir;

	arena_grow(u->arena, u->vreg, u->vreg_count, u->vreg_cap);
	u->vreg[u->vreg_count] = (struct lir_vreg){ .cls = (uint8_t)cls };
	return (lreg)u->vreg_count++;
}

/* isel.c: makes room for more, and returns where the next one goes. */
struct lir_insn *a64_more(struct a64_isel *s);

/* Appends an operation. The pointer holds until the next one. */
static inline struct lir_insn *a64_lir(struct a64_isel *s, unsigned op)
{
	struct lir_insn *l = s->next != s->end ? s->next : a64_more(s);

	s->next = l + 1;
	memset(l, 0, sizeof *l);
	l->op = (uint8_t)op;
	l->exit = UINT16_MAX;
	l->gpc_off = s->safe.gpc_off;
	return l;
}

static inline void a64_opnd(struct lir_insn *l, lreg r, enum lir_role role, unsigned flags,
			    unsigned fixed)
{
	l->opnd[l->nopnd++] = (struct lir_opnd){ r, (uint8_t)role, (uint8_t)flags, (uint8_t)fixed };
}

static inline void a64_use(struct lir_insn *l, lreg r, unsigned flags)
{
	a64_opnd(l, r, LIR_USE, flags, LIR_PHYS_NONE);
}

static inline lreg a64_def(struct a64_isel *s, struct lir_insn *l, enum lir_class cls)
{
	lreg r = a64_new(s, cls);

	a64_opnd(l, r, LIR_DEF, 0, LIR_PHYS_NONE);
	return r;
}

static inline lreg a64_const_vreg(struct a64_isel *s, int64_t value)
{
	lreg r = a64_new(s, LIR_INT);

	s->lir->vreg[r].is_const = true;
	s->lir->vreg[r].imm = value;
	return r;
}

static inline bool a64_is64(const struct ir_insn *in) { return in->type == IR_I64; }
static inline bool a64_isdbl(const struct ir_insn *in) { return in->type == IR_F64; }

/* Can add and sub, or cmp and cmn, do with imm as an immediate? */
static inline bool a64_fits_either(int64_t imm)
{
	return a64_fits_add((uint64_t)imm) || a64_fits_add(-(uint64_t)imm);
}

/* isel.c */
lreg a64_select_pure(struct a64_isel *s, uint32_t idx);
lreg a64_select_const(struct a64_isel *s, uint32_t idx);

/* The register of a value, selecting it now if need be. Appends operations: call it before a64_lir. */
static inline lreg a64_vr(struct a64_isel *s, ir_ref r)
{
	struct a64_val *v = a64_val(s, r);

	return v->vreg != LREG_NONE ? v->vreg : a64_select_pure(s, v->rep);
}

/* Whether more than the low half of pure integer insn in counts. */
static inline bool a64_wide(const struct a64_isel *s, const struct ir_insn *in)
{
	return in->type != IR_I32 && (!s->any_low || s->val[in - s->ir->insn].wide);
}

/* isel_int.c: the register of pure integer insn in. */
lreg a64_sel_int(struct a64_isel *s, const struct ir_insn *in);
/* Whether in compares two values that can be compared as 32-bit ones. */
bool a64_narrow_compare(const struct a64_isel *s, const struct ir_insn *in);
/* d = a + imm, 64 bits. */
lreg a64_plus(struct a64_isel *s, lreg a, int64_t imm);
lreg a64_masked(struct a64_isel *s, lreg a, unsigned w, uint64_t mask);
/* d = bitfield move of a (word SBFM or UBFM). */
lreg a64_bits(struct a64_isel *s, uint32_t word, unsigned w, lreg a, unsigned immr, unsigned imms);

/* A comparison as the host makes it: constants last, as narrow as can be. */
struct a64_cmp {
	ir_ref a, b;
	unsigned w;
	enum a64_cc cc;
	bool is_imm; /* compare a with imm, not with b */
	int64_t imm;
};
struct a64_cmp a64_compare(const struct a64_isel *s, const struct ir_insn *in);

/* isel_mem.c */
void a64_sel_load(struct a64_isel *s, uint32_t idx);
void a64_sel_store(struct a64_isel *s, const struct ir_insn *in);
void a64_sel_atomic(struct a64_isel *s, uint32_t idx);
void a64_sel_routine(struct a64_isel *s, uint32_t idx);
/* r without what does not change its low bits. */
ir_ref a64_low_bits(const struct a64_isel *s, ir_ref r, unsigned bits);

/* isel_fp.c */
lreg a64_sel_fpure(struct a64_isel *s, const struct ir_insn *in);
void a64_sel_fp(struct a64_isel *s, uint32_t idx);
void a64_sel_fstate(struct a64_isel *s, uint32_t idx);
/* r, or the float that it is made of when its upper half does not count. */
ir_ref a64_unboxed(const struct a64_isel *s, ir_ref r);
/* True when in never gives another NaN than the canonical one. */
bool a64_is_canonical(const struct ir_insn *in);
bool a64_is_compare(unsigned op);
/* Compares for a branch: appends FBR for insn cmp being equal to want. */
struct lir_insn *a64_sel_fbr(struct a64_isel *s, const struct ir_insn *cmp, bool want);

/* isel_exit.c */
void a64_sel_exit(struct a64_isel *s, uint32_t idx);
bool a64_fuse_compare(const struct a64_isel *s, uint32_t idx);
uint32_t a64_next_effect(const struct a64_isel *s, uint32_t idx);
uint16_t a64_new_exit(struct a64_isel *s, struct lir_exit x);

#endif

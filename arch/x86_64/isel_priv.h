/*
 * Instruction selection: what its files share.
 *
 * Insns with effects are selected in order. Pure ones are selected when their value is first asked for
 * (x64_vr), so one whose value every user folds into itself costs nothing. An i32 or f32
 * value's register has anything in its upper half.
 */
#ifndef X64_ISEL_PRIV_H
#define X64_ISEL_PRIV_H

#include "arch/x86_64/x64_priv.h"

struct x64_val {
	uint32_t
	    rep; /* the insn whose value this is: itself, or what a getreg or a trip there and back stands for */
	uint32_t uses;   /* how often it is an operand */
	uint32_t no_nan; /* puts (by number) whose value is no NaN when this one is none */
	lreg vreg;       /* LREG_NONE: not selected so far */
	bool hard;       /* a use needs its exact bits, not what it was made from */
	bool wide;       /* a use needs more than its low 32 bits */
};

/* Puts of the block that wait for a NaN test at a way out. */
struct x64_puts {
	uint64_t regs; /* guest registers that hold one */
	unsigned count;
	uint32_t bit[IR_MAX_REGS];  /* of the register's put, 0 when numbers ran out */
	uint32_t from[IR_MAX_REGS]; /* the insn whose value was put */
	uint8_t fix[IR_MAX_REGS];   /* enum x64_fix */
};

struct x64_isel {
	const struct ir_unit *ir;
	const struct ra_target *t;
	struct lir_unit *lir;
	struct lir_insn *next, *end; /* room behind what was selected */
	struct lir_block *block;     /* being selected */
	const struct ir_block *from; /* of that */
	struct x64_val *val;         /* by insn */
	uint64_t features;
	bool guest_base;
	bool any_low; /* x64_val.wide tells values of the block apart; else all are */
	struct ir_safe safe;
	struct x64_puts puts;
};

/* [base] [index << scale] + disp, with virtual registers; LREG_NONE where there is none. */
struct x64_addr {
	lreg base, index;
	uint8_t scale;
	int32_t disp;
};

static inline const struct ir_insn *x64_insn(const struct x64_isel *s, ir_ref r)
{
	return &s->ir->insn[s->val[r.idx].rep];
}

static inline struct x64_val *x64_val(const struct x64_isel *s, ir_ref r)
{
	return &s->val[s->val[r.idx].rep];
}

/* True when the value is not yet in a register and only one insn uses it: it may be folded there. */
static inline bool x64_foldable(const struct x64_isel *s, ir_ref r, enum ir_op op)
{
	const struct x64_val *v = x64_val(s, r);

	return s->ir->insn[v->rep].op == op && v->vreg == LREG_NONE && v->uses == 1;
}

/* The value of a constant operand, as its type has it (i32 sign-extended). */
static inline bool x64_const(const struct x64_isel *s, ir_ref r, int64_t *value)
{
	const struct ir_insn *in = x64_insn(s, r);

	*value = in->imm;
	return in->op == IR_const;
}

static inline bool x64_const32(const struct x64_isel *s, ir_ref r, int64_t *value)
{
	return x64_const(s, r, value) && fits_i32(*value);
}

static inline lreg x64_new(struct x64_isel *s, enum lir_class cls)
{
	struct lir_unit *u = s->lir;

	arena_grow(u->arena, u->vreg, u->vreg_count, u->vreg_cap);
	u->vreg[u->vreg_count] = (struct lir_vreg){ .cls = (uint8_t)cls };
	return (lreg)u->vreg_count++;
}

/* isel.c: makes room for more, and returns where the next one goes. */
struct lir_insn *x64_more(struct x64_isel *s);

/* Appends an operation. The pointer holds until the next one. */
static inline struct lir_insn *x64_lir(struct x64_isel *s, unsigned op)
{
	struct lir_insn *l = s->next != s->end ? s->next : x64_more(s);

	s->next = l + 1;
	memset(l, 0, sizeof *l);
	l->op = (uint8_t)op;
	l->exit = UINT16_MAX;
	l->gpc_off = s->safe.gpc_off;
	return l;
}

static inline void x64_opnd(struct lir_insn *l, lreg r, enum lir_role role, unsigned flags,
			    unsigned fixed)
{
	l->opnd[l->nopnd++] = (struct lir_opnd){ r, (uint8_t)role, (uint8_t)flags, (uint8_t)fixed };
}

static inline void x64_use(struct lir_insn *l, lreg r, unsigned flags)
{
	x64_opnd(l, r, LIR_USE, flags, LIR_PHYS_NONE);
}

static inline lreg x64_def(struct x64_isel *s, struct lir_insn *l, enum lir_class cls)
{
	lreg r = x64_new(s, cls);

	x64_opnd(l, r, LIR_DEF, 0, LIR_PHYS_NONE);
	return r;
}

static inline lreg x64_def_fixed(struct x64_isel *s, struct lir_insn *l, enum lir_class cls,
				 unsigned phys)
{
	lreg r = x64_new(s, cls);

	x64_opnd(l, r, LIR_DEF, 0, phys);
	return r;
}

static inline void x64_clobber(struct lir_insn *l, unsigned phys)
{
	x64_opnd(l, LREG_NONE, LIR_CLOBBER, 0, phys);
}

/* A place to work in for the next operation, which uses it LO_LATE. */
static inline lreg x64_temp(struct x64_isel *s, enum lir_class cls)
{
	return x64_def(s, x64_lir(s, X64_OP_TEMP), cls);
}

static inline lreg x64_const_vreg(struct x64_isel *s, int64_t value)
{
	lreg r = x64_new(s, LIR_INT);

	s->lir->vreg[r].is_const = true;
	s->lir->vreg[r].imm = value;
	return r;
}

static inline bool x64_is64(const struct ir_insn *in) { return in->type == IR_I64; }
static inline bool x64_isdbl(const struct ir_insn *in) { return in->type == IR_F64; }

/* isel.c */
lreg x64_select_pure(struct x64_isel *s, uint32_t idx);
lreg x64_select_const(struct x64_isel *s, uint32_t idx);

/* The register of a value, selecting it now if need be. Appends operations: call it before x64_lir. */
static inline lreg x64_vr(struct x64_isel *s, ir_ref r)
{
	struct x64_val *v = x64_val(s, r);

	return v->vreg != LREG_NONE ? v->vreg : x64_select_pure(s, v->rep);
}

/* Whether pure integer insn in has to be computed in 64 bits. */
static inline bool x64_wide(const struct x64_isel *s, const struct ir_insn *in)
{
	return in->type != IR_I32 && (!s->any_low || s->val[in - s->ir->insn].wide);
}

/* d = a extended; a may be in memory. */
lreg x64_extend(struct x64_isel *s, lreg a, enum x64_ext how);

/* isel_entry.c: the fixes with which blocks are come to, before any is selected. */
void x64_find_entry_fixes(struct x64_isel *s);

/* isel_int.c: the register of pure integer insn in. */
lreg x64_sel_int(struct x64_isel *s, const struct ir_insn *in);
/* Whether in compares two values that can be compared as 32-bit ones. */
bool x64_narrow_compare(const struct x64_isel *s, const struct ir_insn *in);

/* A comparison as the host makes it: operands in the right places, constants last, as narrow as can be. */
struct x64_cmp {
	ir_ref a, b;
	unsigned w;
	enum x64_cc cc;
	bool is_imm; /* compare a with imm, not with b */
	int64_t imm;
};
struct x64_cmp x64_compare(const struct x64_isel *s, const struct ir_insn *in);
enum x64_cc x64_host_cc(unsigned cc, bool swapped);

/* isel_mem.c */
void x64_sel_load(struct x64_isel *s, uint32_t idx);
void x64_sel_store(struct x64_isel *s, const struct ir_insn *in);
void x64_sel_atomic(struct x64_isel *s, uint32_t idx);
void x64_sel_routine(struct x64_isel *s, uint32_t idx);
/* r without what does not change its low bits. */
ir_ref x64_low_bits(const struct x64_isel *s, ir_ref r, unsigned bits);

/* isel_fp.c */
lreg x64_sel_fpure(struct x64_isel *s, const struct ir_insn *in);
void x64_sel_fp(struct x64_isel *s, uint32_t idx);
void x64_sel_fstate(struct x64_isel *s, uint32_t idx);
/* The value without fcanon, for users to whom all NaNs are the same. */
ir_ref x64_raw(const struct x64_isel *s, ir_ref r);
/* r, or the float that it is made of when its upper half does not count. */
ir_ref x64_unboxed(const struct x64_isel *s, ir_ref r);
/* True when r is never a signalling NaN: the result of arithmetic, or known so at the block's entry. */
bool x64_is_quiet(const struct x64_isel *s, ir_ref r);
/* True when r's register never holds another NaN than the canonical one, so that fcanon has nothing to do. */
bool x64_is_canonical(const struct x64_isel *s, ir_ref r);
bool x64_is_compare(unsigned op);
/* Compares for a branch: appends FBR for insn cmp being equal to want. */
struct lir_insn *x64_sel_fbr(struct x64_isel *s, const struct ir_insn *cmp, bool want);

/* isel_exit.c */
void x64_sel_exit(struct x64_isel *s, uint32_t idx);
bool x64_fuse_compare(const struct x64_isel *s, uint32_t idx);
/* Does nothing but the final exit come behind br idx, and registers that become constants? */
bool x64_is_final_br(const struct x64_isel *s, uint32_t idx);
uint16_t x64_new_exit(struct x64_isel *s, struct lir_exit x);

#endif

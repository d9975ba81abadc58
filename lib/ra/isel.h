/*
 * Instruction selection: what every host's has in common, up to what an operation becomes there.
 *
 * isel_run walks each block of a unit twice: once to count what is used, and how; then to select. Insns with
 * effects are selected in order. Pure ones are selected when their value is first asked for (isel_vr), so one whose
 * value every user folds into itself costs nothing. An i32 or f32 value's register has anything in its upper half.
 * Linear in the number of insns.
 *
 * A host fills struct isel_host, and calls isel_run with a struct isel, which may be the first member of one of its own.
 */
#ifndef KIT_RA_ISEL_H
#define KIT_RA_ISEL_H

#include "lib/ra/lir.h"

#include <string.h>

struct isel_val {
	uint32_t
	    rep; /* the insn whose value this is: itself, or what a getreg or a trip there and back stands for */
	uint32_t uses; /* how often it is an operand */
	uint32_t host; /* the host's own, 0 at first */
	lreg vreg;     /* LREG_NONE: not selected so far */
	bool hard : 1; /* a use needs its exact bits, not what it was made from */
	bool wide : 1; /* a use needs more than its low 32 bits */
	/* Of an addition: how many uses do without its register (isel_is_sum), not above ISEL_MANY_FOLDS. */
	uint16_t folds : 7;
	uint16_t greg : 7; /* the guest register that got it last, or IR_MAX_REGS */
};
enum { ISEL_MANY_FOLDS = 127 };
_Static_assert(IR_MAX_REGS < 128, "isel_val.greg");

struct isel {
	const struct isel_host *host;
	const struct ir_unit *ir;
	const struct ra_target *t;
	struct lir_unit *lir;
	uint64_t features;
	bool guest_base;
	struct lir_insn *next, *end; /* room behind what was selected */
	struct lir_block *block;     /* being selected */
	const struct ir_block *from; /* of that */
	struct isel_val *val;        /* by insn */
	uint32_t edge;               /* lir_exit.edge of the exit that comes next */
	bool any_low; /* isel_val.wide tells values of the block apart; else all are */
	struct ir_safe safe;
};

struct isel_host {
	/* Its LIR operations for ways out, and the register in which the target of an indirect one is. */
	uint8_t exit, exiti, exitr, target;
	/* Its exiti notes a call of op edge. */
	bool exit_notes;
	/* Its fixes; of canon32 and canon64 0 where floating-point arithmetic gives no other NaN than the canonical one. */
	uint8_t sext32, box32, canon32, canon64;
	/* The register of pure insn in, an integer operation or a floating-point one. */
	lreg (*pure_int)(struct isel *s, const struct ir_insn *in);
	lreg (*pure_fp)(struct isel *s, const struct ir_insn *in);
	/* Select insn idx, whose register becomes isel_val.vreg. */
	void (*fp)(struct isel *s, uint32_t idx);
	void (*fstate)(struct isel *s, uint32_t idx);
	void (*atomic)(struct isel *s, uint32_t idx);
	void (*load)(struct isel *s, uint32_t idx);
	void (*store)(struct isel *s, const struct ir_insn *in);
	/* Whether load or store in, whose address is the addition sum, can have it as its addressing mode. */
	bool (*in_address)(const struct isel *s, const struct ir_insn *in,
			   const struct ir_insn *sum);
	/* The parts of addition r, those that accesses at it have as operands. */
	struct lir_vreg (*sum)(struct isel *s, ir_ref r);
	/* Appends the comparison and branch of IR_br, for sel_exit to give it its exit. */
	struct lir_insn *(*branch)(struct isel *s, const struct ir_insn *in);
	/* l is a branch that comes after all registers were brought home. */
	void (*synced)(struct isel *s, struct lir_insn *l);
	/* Whether fcanon of r gives r. */
	bool (*is_canonical)(const struct isel *s, ir_ref r);
	/* What a register may hold instead of *v, which nobody needs as it is; of IR_fcanon and IR_box. */
	unsigned (*lazy_fix)(struct isel *s, ir_ref *v);
	/* May be NULL. A block starts; register g was put insn from's value with a fix; lir_exit.host_info of one that leads to a block. */
	void (*block)(struct isel *s);
	void (*put)(struct isel *s, unsigned g, unsigned fix, uint32_t from);
	uint64_t (*exit_info)(struct isel *s, unsigned to);
};

/* Fills lir. s has host, ir, t, lir, features and guest_base. */
void isel_run(struct isel *s);

/* ---- values ------------------------------------------------------------------------------------- */

static inline const struct ir_insn *isel_insn(const struct isel *s, ir_ref r)
{
	return &s->ir->insn[s->val[r.idx].rep];
}

static inline struct isel_val *isel_val(const struct isel *s, ir_ref r)
{
	return &s->val[s->val[r.idx].rep];
}

/* True when the value is not yet in a register and only one insn uses it: it may be folded there. */
static inline bool isel_foldable(const struct isel *s, ir_ref r, enum ir_op op)
{
	const struct isel_val *v = isel_val(s, r);

	return s->ir->insn[v->rep].op == op && v->vreg == LREG_NONE && v->uses == 1;
}

/*
 * An addition that need not be computed: accesses have it as their addressing mode, and the guest registers that it is put to
 * are put again before anything but a fault looks at them (lir_vreg.is_sum).
 */
static inline bool isel_is_sum(const struct isel *s, ir_ref r)
{
	const struct isel_val *v = isel_val(s, r);

	return v->folds && v->folds == v->uses && v->folds < ISEL_MANY_FOLDS;
}

/* True when an addition costs nothing as a part of an access's address. */
static inline bool isel_folds_in_address(const struct isel *s, ir_ref r)
{
	return isel_foldable(s, r, IR_add) || isel_is_sum(s, r);
}

/* The value of a constant operand, as its type has it (i32 sign-extended). */
static inline bool isel_const(const struct isel *s, ir_ref r, int64_t *value)
{
	const struct ir_insn *in = isel_insn(s, r);

	*value = in->imm;
	return in->op == IR_const;
}

static inline bool isel_is64(const struct ir_insn *in) { return in->type == IR_I64; }
static inline bool isel_isdbl(const struct ir_insn *in) { return in->type == IR_F64; }
static inline bool isel_is_compare(unsigned op)
{
	return op == IR_feq || op == IR_flt || op == IR_fle;
}

/* Whether more than the low half of pure integer insn in counts. */
static inline bool isel_wide(const struct isel *s, const struct ir_insn *in)
{
	return in->type != IR_I32 && (!s->any_low || s->val[in - s->ir->insn].wide);
}

/* r without what does not change its low bits. */
ir_ref isel_low_bits(const struct isel *s, ir_ref r, unsigned bits);
/* Operand r of insn in: when the low half of the result is all that counts, what r's low half was made from will do. */
ir_ref isel_operand(const struct isel *s, const struct ir_insn *in, ir_ref r);
/* Whether in compares two values that can be compared as 32-bit ones; constants are then such. */
bool isel_narrow_compare(const struct isel *s, const struct ir_insn *in);
/* An operand of such a comparison: what it extends, or itself when it is in a register already, whose low half counts. */
ir_ref isel_narrow_operand(const struct isel *s, ir_ref r);
/*
 * (x << n) | (x >> (width - n)): what compilers write without Zbb. Of 32-bit values extended to 64 it is the
 * rotated one, extended like the left part: the right one is not negative. Should somebody else use a side of it, that is made for him
 * alone: the rotation is one instruction all the same. False: in is none.
 */
struct isel_rotation {
	ir_ref x;
	unsigned w, left; /* 64 bits wide; by how many to the left */
	bool sext;        /* the result is to be sign-extended from 32 bits */
};
bool isel_rotation(const struct isel *s, const struct ir_insn *in, struct isel_rotation *r);
/*
 * The insn, not selected so far and not far from in, that is op of the same operands: hosts that make both results at
 * once do. UINT32_MAX: there is none.
 */
uint32_t isel_partner(const struct isel *s, const struct ir_insn *in, enum ir_op op);
/* r, or the float that it is made of when its upper half does not count. */
ir_ref isel_unboxed(const struct isel *s, ir_ref r);
/* Is r a register as of the block's entry, or the float in it, and no other NaN than the canonical one then? */
bool isel_canonical_entry(const struct isel *s, ir_ref r);
/* A register that is known to hold a boxed float at the block's entry: the float is in the same host register. */
bool isel_boxed_entry(const struct isel *s, ir_ref r);
/*
 * Whether routine in copies a few bytes whose number is known, which need no routine but in the edge cases: 1 to 32, not 3,
 * so that two accesses of one size do. What redoes it after a fault is the guest's code, as when a routine gives up.
 */
bool isel_short_copy(const struct isel *s, const struct ir_insn *in, int64_t *bytes);
/* True when floating-point comparison idx has no other use than the branch that comes next. */
bool isel_fuse_compare(const struct isel *s, uint32_t idx);

/* What identifies an insn to IR_THUNK_FP. */
static inline int64_t isel_opword(const struct ir_insn *in)
{
	return in->op | in->type << 8 | in->sub << 16;
}

/* ---- operations ----------------------------------------------------------------------------------- */

static inline lreg isel_new(struct isel *s, enum lir_class cls)
{
	struct lir_unit *u = s->lir;

	arena_grow(u->arena, u->vreg, u->vreg_count, u->vreg_cap);
	u->vreg[u->vreg_count] = (struct lir_vreg){ .cls = (uint8_t)cls };
	return (lreg)u->vreg_count++;
}

static inline lreg isel_const_vreg(struct isel *s, int64_t value)
{
	lreg r = isel_new(s, LIR_INT);

	s->lir->vreg[r].is_const = true;
	s->lir->vreg[r].imm = value;
	return r;
}

/* Makes room for more operations, and returns where the next one goes. */
struct lir_insn *isel_more(struct isel *s);

/* Appends an operation. The pointer holds until the next one. */
static inline struct lir_insn *isel_lir(struct isel *s, unsigned op)
{
	struct lir_insn *l = s->next != s->end ? s->next : isel_more(s);

	s->next = l + 1;
	memset(l, 0, sizeof *l);
	l->op = (uint8_t)op;
	l->exit = UINT16_MAX;
	l->gpc_off = s->safe.gpc_off;
	return l;
}

static inline void isel_opnd(struct lir_insn *l, lreg r, enum lir_role role, unsigned flags,
			     unsigned fixed)
{
	l->opnd[l->nopnd++] = (struct lir_opnd){ r, (uint8_t)role, (uint8_t)flags, (uint8_t)fixed };
}

static inline void isel_use(struct lir_insn *l, lreg r, unsigned flags)
{
	isel_opnd(l, r, LIR_USE, flags, LIR_PHYS_NONE);
}

static inline lreg isel_def_fixed(struct isel *s, struct lir_insn *l, enum lir_class cls,
				  unsigned phys)
{
	lreg r = isel_new(s, cls);

	isel_opnd(l, r, LIR_DEF, 0, phys);
	return r;
}

static inline lreg isel_def(struct isel *s, struct lir_insn *l, enum lir_class cls)
{
	return isel_def_fixed(s, l, cls, LIR_PHYS_NONE);
}

static inline void isel_clobber(struct lir_insn *l, unsigned phys)
{
	isel_opnd(l, LREG_NONE, LIR_CLOBBER, 0, phys);
}

/* Selects pure insn idx. */
lreg isel_pure(struct isel *s, uint32_t idx);

/* The register of a value, selecting it now if need be. Appends operations: call it before isel_lir. */
static inline lreg isel_vr(struct isel *s, ir_ref r)
{
	struct isel_val *v = isel_val(s, r);

	return v->vreg != LREG_NONE ? v->vreg : isel_pure(s, v->rep);
}

uint16_t isel_new_exit(struct isel *s, struct lir_exit x);

/* Op countrun as the host's: a, b, and c where there is a rest. */
void isel_count_run(struct isel *s, const struct ir_insn *in, unsigned host_op);

#endif

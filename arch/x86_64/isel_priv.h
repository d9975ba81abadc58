/*
 * Instruction selection: what its files share. lib/ra/isel.h has what all hosts do alike.
 */
#ifndef X64_ISEL_PRIV_H
#define X64_ISEL_PRIV_H

#include "arch/x86_64/x64_priv.h"
#include "lib/ra/isel.h"

/* Puts of the block that wait for a NaN test at a way out. */
struct x64_puts {
	uint64_t regs; /* guest registers that hold one */
	unsigned count;
	uint32_t bit[IR_MAX_REGS];  /* of the register's put, 0 when numbers ran out */
	uint32_t from[IR_MAX_REGS]; /* the insn whose value was put */
	uint8_t fix[IR_MAX_REGS];   /* enum x64_fix */
};

/* isel_val.host: puts (by number) whose value is no NaN when this one is none. */
struct x64_isel {
	struct isel i;
	struct x64_puts puts;
};

static inline struct x64_puts *x64_puts(struct isel *s) { return &((struct x64_isel *)s)->puts; }

/* [base] [index << scale] + disp, with virtual registers; LREG_NONE where there is none. */
struct x64_addr {
	lreg base, index;
	uint8_t scale;
	int32_t disp;
};

static inline bool x64_const32(const struct isel *s, ir_ref r, int64_t *value)
{
	return isel_const(s, r, value) && fits_i32(*value);
}

/* A place to work in for the next operation, which uses it LO_LATE. */
static inline lreg x64_temp(struct isel *s, enum lir_class cls)
{
	return isel_def(s, isel_lir(s, X64_OP_TEMP), cls);
}

/* d = a extended; a may be in memory. */
lreg x64_extend(struct isel *s, lreg a, enum x64_ext how);

/* isel_int.c: the register of pure integer insn in. */
lreg x64_sel_int(struct isel *s, const struct ir_insn *in);

/* A comparison as the host makes it: operands in the right places, constants last, as narrow as can be. */
struct x64_cmp {
	ir_ref a, b;
	unsigned w;
	enum x64_cc cc;
	bool is_imm; /* compare a with imm, not with b */
	int64_t imm;
};
struct x64_cmp x64_compare(const struct isel *s, const struct ir_insn *in);
enum x64_cc x64_host_cc(unsigned cc, bool swapped);

/* isel_mem.c */
void x64_sel_load(struct isel *s, uint32_t idx);
void x64_sel_store(struct isel *s, const struct ir_insn *in);
void x64_sel_atomic(struct isel *s, uint32_t idx);
bool x64_in_address(const struct isel *s, const struct ir_insn *in, const struct ir_insn *sum);
struct lir_vreg x64_sum(struct isel *s, ir_ref r);
void x64_sel_routine(struct isel *s, uint32_t idx);

/* isel_fp.c */
lreg x64_sel_fpure(struct isel *s, const struct ir_insn *in);
void x64_sel_fp(struct isel *s, uint32_t idx);
void x64_sel_fstate(struct isel *s, uint32_t idx);
/* The value without fcanon, for users to whom all NaNs are the same. */
ir_ref x64_raw(const struct isel *s, ir_ref r);
/* True when r is never a signalling NaN: the result of arithmetic, or known so at the block's entry. */
bool x64_is_quiet(const struct isel *s, ir_ref r);
/* True when r's register never holds another NaN than the canonical one, so that fcanon has nothing to do. */
bool x64_is_canonical(const struct isel *s, ir_ref r);
/* Compares for a branch: appends FBR for insn cmp being equal to want. */
struct lir_insn *x64_sel_fbr(struct isel *s, const struct ir_insn *cmp, bool want);

/* isel_exit.c: functions of struct isel_host. */
struct lir_insn *x64_branch(struct isel *s, const struct ir_insn *in);
void x64_synced(struct isel *s, struct lir_insn *l);
uint64_t x64_exit_info(struct isel *s, unsigned to);

#endif

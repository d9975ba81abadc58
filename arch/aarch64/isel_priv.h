/*
 * Instruction selection: what its files share. lib/ra/isel.h has what all hosts do alike.
 */
#ifndef A64_ISEL_PRIV_H
#define A64_ISEL_PRIV_H

#include "arch/aarch64/a64_priv.h"
#include "lib/ra/isel.h"

/* Can add and sub, or cmp and cmn, do with imm as an immediate? */
static inline bool a64_fits_either(int64_t imm)
{
	return a64_fits_add((uint64_t)imm) || a64_fits_add(-(uint64_t)imm);
}

/* isel_int.c: the register of pure integer insn in. */
lreg a64_sel_int(struct isel *s, const struct ir_insn *in);
/* d = a + imm, 64 bits. */
lreg a64_plus(struct isel *s, lreg a, int64_t imm);
lreg a64_masked(struct isel *s, lreg a, unsigned w, uint64_t mask);
/* d = bitfield move of a (word SBFM or UBFM). */
lreg a64_bits(struct isel *s, uint32_t word, unsigned w, lreg a, unsigned immr, unsigned imms);

/* A comparison as the host makes it: constants last, as narrow as can be. */
struct a64_cmp {
	ir_ref a, b;
	unsigned w;
	enum a64_cc cc;
	bool is_imm; /* compare a with imm, not with b */
	int64_t imm;
};
struct a64_cmp a64_compare(const struct isel *s, const struct ir_insn *in);

/* isel_mem.c */
void a64_sel_load(struct isel *s, uint32_t idx);
void a64_sel_store(struct isel *s, const struct ir_insn *in);
void a64_sel_atomic(struct isel *s, uint32_t idx);
bool a64_in_address(const struct isel *s, const struct ir_insn *in, const struct ir_insn *sum);
struct lir_vreg a64_sum(struct isel *s, ir_ref r);
void a64_sel_routine(struct isel *s, uint32_t idx);

/* isel_fp.c */
lreg a64_sel_fpure(struct isel *s, const struct ir_insn *in);
void a64_sel_fp(struct isel *s, uint32_t idx);
void a64_sel_fstate(struct isel *s, uint32_t idx);
/* True when r is never another NaN than the canonical one. */
bool a64_is_canonical(const struct isel *s, ir_ref r);
/* Compares for a branch: appends FBR for insn cmp being equal to want. */
struct lir_insn *a64_sel_fbr(struct isel *s, const struct ir_insn *cmp, bool want);

/* isel_exit.c: functions of struct isel_host. */
struct lir_insn *a64_branch(struct isel *s, const struct ir_insn *in);
void a64_synced(struct isel *s, struct lir_insn *l);

#endif

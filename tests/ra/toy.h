/*
 * A made-up host for tests of the allocator: few registers, so that ten lines force anything.
 *
 * Guest registers are a b c d e (integer), f g h (floating point). Which of them are pinned, and how
 * many registers there are besides, is the shape. Host registers are named
 * ra rb .. (homes), r0 r1 .. (scratch), xf xg .. and x0 x1 .. (floating point).
 *
 * toy_parse reads lists, one insn a line:
 *
 *     block 0
 *     v = get a                 another name for a as of the block's entry; names of values that start with f are floating point
 *     k = const 5
 *     s = sum v k 3 16          v + (k << 3) + 16, for put alone; 0 as an operand: there is none
 *     w = add v^ k!             ^ hint, ! read late, * may stay in memory, ~ lax
 *     q:r0 s:r1 = div v:r0 w!   :r0 fixed
 *     p = call v clobber:r1
 *     x = ld.fault v            flags after the name: .fault .exit .sync
 *     put a = w                 put f = fx fix 1
 *     jmp.sync
 */
#ifndef KIT_TESTS_RA_TOY_H
#define KIT_TESTS_RA_TOY_H

#include "lib/ra/ra.h"

enum { TOY_INT = 5, TOY_FP = 3, TOY_GREGS = TOY_INT + TOY_FP };

struct toy_shape {
	unsigned int_homes, int_scratch, fp_homes, fp_scratch;
};

struct toy {
	struct ra_target target;
	struct ir_reg reg[TOY_GREGS];
	struct ir_regfile regs;
	const char *phys_name[LIR_PHYS_COUNT];
};

void toy_init(struct toy *t, struct toy_shape shape);

/* Building. u->arena has to be set. */
unsigned toy_vreg(struct lir_unit *u, enum lir_class cls);
unsigned toy_const(struct lir_unit *u, int64_t imm);
unsigned toy_sum(struct lir_unit *u, unsigned base, unsigned index, unsigned shift, int64_t imm);
struct lir_insn *toy_insn(struct lir_unit *u, unsigned op);
/* Guest register g as of the entry of the block at hand. */
unsigned toy_entry(struct lir_unit *u, unsigned g);
struct lir_insn *toy_put(struct lir_unit *u, unsigned g, unsigned v);
enum lir_class toy_class(const struct lir_unit *u, const struct ra_target *t, unsigned v);
struct lir_opnd *toy_opnd(struct lir_insn *in, enum lir_role role, unsigned v);
unsigned toy_exit(struct lir_unit *u);

/* Parses text; prints to stdout what is wrong with it and returns false. */
bool toy_parse(const struct toy *t, const char *text, struct lir_unit *u);
const char *toy_op_name(unsigned op);

/* A unit whose insns are a copy: allocation rewrites them. */
struct lir_unit toy_copy(const struct lir_unit *u);

/* ---- exec.c: carries lists out with concrete values, each host insn being a hash of its inputs */

/* What a run lets one see: one hash for each host insn's inputs and way out. */
struct toy_trace {
	uint64_t *event;
	unsigned count, cap;
};

void toy_exec_selected(const struct lir_unit *u, const struct ra_target *t, struct toy_trace *out);
void toy_exec_allocated(const struct lir_unit *u, const struct ra_target *t, struct toy_trace *out);
bool toy_same(const struct toy_trace *a, const struct toy_trace *b);

/* ---- random.c */

static inline uint64_t toy_rng(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	uint64_t z = *state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline unsigned toy_below(uint64_t *state, unsigned n)
{
	return (unsigned)(toy_rng(state) % n);
}

/* A valid list of up to max_insns insns a block. */
void toy_random(const struct toy *t, uint64_t *rng, unsigned max_insns, struct lir_unit *u);
/* Changes one thing in an allocated list; false when it found nothing to change. */
bool toy_mutate(const struct toy *t, uint64_t *rng, struct lir_unit *u);

/* ---- typical.c: for measuring, a target of x86-64's size */

struct toy_wide {
	struct ra_target target;
	struct ir_reg reg[IR_MAX_REGS];
	struct ir_regfile regs;
};

void toy_wide_init(struct toy_wide *w);
void toy_typical(uint64_t *rng, unsigned guest_insns, struct lir_unit *u);

#endif

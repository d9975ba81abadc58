/*
 * Emission: what its files share.
 *
 * Operations are encoded in order. What is seldom executed (stubs of exits and links, edge cases)
 * is noted as a "cold" item and encoded behind the hot code; an item's make function starts at the
 * position that its jumps lead to.
 *
 * x16, x17 and v31 are free in each operation. Branches reach 1 MB but for tbz, whose 32 KB may not do for
 * a unit: then it is emitted once more without.
 */
#ifndef A64_EMIT_PRIV_H
#define A64_EMIT_PRIV_H

#include "arch/aarch64/a64_priv.h"
#include "lib/jit/tables.h"

struct a64_emit;

struct a64_cold {
	void (*make)(struct a64_emit *e, const struct a64_cold *c);
	const struct lir_insn *in;
	uint32_t from[2]; /* the jumps to it, UINT32_MAX none */
	uint32_t back;    /* where it continues, for edge cases */
	uint32_t arg;     /* what make wants to know */
};

/* A jump to a block that is not yet emitted. */
struct a64_forward {
	uint32_t at, block;
};

struct a64_emit {
	struct codebuf *cb;
	const struct lir_unit *lir;
	const struct lir_insn *in; /* being emitted */
	uint64_t features;
	bool guest_base, count_blocks;
	bool far;           /* tbz does not reach */
	bool skip_exit;     /* the side exit before it has taken the final exit over */
	uint32_t *block_at; /* offsets of blocks, UINT32_MAX until known */
	struct a64_cold *cold;
	unsigned cold_count, cold_cap;
	struct a64_forward *forward;
	unsigned forward_count, forward_cap;
	struct jit_tables tables;
};

/* What a conditional branch looks at. */
struct a64_test {
	enum { A64_TEST_FLAGS, A64_TEST_ZERO, A64_TEST_BIT } kind;
	uint8_t cc; /* FLAGS: the condition */
	bool set;   /* ZERO: taken when reg is not 0; BIT: when the bit is set; else when it is */
	uint8_t reg;
	uint8_t w; /* ZERO: the width; BIT: the bit's number */
};

static inline struct a64_test a64_if(unsigned cc)
{
	return (struct a64_test){ .kind = A64_TEST_FLAGS, .cc = (uint8_t)cc };
}

static inline struct a64_test a64_unless(struct a64_test t)
{
	t.cc ^= 1;
	t.set = !t.set;
	return t;
}

/* ---- operands ------------------------------------------------------------------------------------ */

static inline unsigned a64_opreg(const struct lir_insn *in, unsigned n)
{
	return in->opnd[n].r & 31;
}

static inline struct a64_mem a64_state(int32_t disp) { return a64_at(A64_STATE, disp); }

static inline void a64_load_state(struct a64_emit *e, unsigned reg, int32_t disp)
{
	a64_ls(e->cb, A64_LDR64, reg, a64_state(disp));
}

static inline void a64_store_state(struct a64_emit *e, unsigned reg, int32_t disp)
{
	a64_ls(e->cb, A64_STR64, reg, a64_state(disp));
}

/* ---- emit.c ---------------------------------------------------------------------------------------- */

/* Notes a cold item reached by the jump at from; returns its number. */
unsigned a64_cold(struct a64_emit *e, uint32_t from,
		  void (*make)(struct a64_emit *e, const struct a64_cold *c));
/* Cold item number continues here. */
void a64_back_here(struct a64_emit *e, unsigned number);
/* From a cold item to where it continues. */
void a64_go_back(struct a64_emit *e, const struct a64_cold *c);
/* A branch, taken when t holds; returns its offset, for a64_fix. */
uint32_t a64_branch_if(struct a64_emit *e, struct a64_test t);
/* The next host instruction may raise the fault of operation in. */
static inline void a64_may_fault(struct a64_emit *e, const struct lir_insn *in)
{
	jit_may_fault(&e->tables, e->cb, in);
}

/* LIR_MOVEs, LIR_LOADs and their like. */
void a64_emit_list(struct a64_emit *e, const struct lir_insn *in, unsigned count);
/* All is at home, and exit x may leave the unit: then from a region's homes to the boundary's. */
void a64_leave_region(struct a64_emit *e, const struct lir_exit *x);
/* The moves of a side exit's stub, and out of a region. */
void a64_emit_stub(struct a64_emit *e, const struct lir_exit *x);
/* An aligned access of 1 << log2 bytes at offset disp of the state, or behind it: x17 is lost where it lies far away. */
struct a64_mem a64_state_far(struct a64_emit *e, unsigned log2, int32_t disp);
/* Calls a thunk by x17; x30 is lost. */
void a64_call_thunk(struct a64_emit *e, enum ir_thunk thunk);

/* One function an operation; op names are those of ops.def. */
#define AOP(name, ...) void a64_emit_##name(struct a64_emit *e, const struct lir_insn *in);
#include "arch/aarch64/ops.def"
#undef AOP

/* emit_exit.c */
/* Leaves by in's exit when t holds; may take over the final exit behind it. */
void a64_side_exit(struct a64_emit *e, const struct lir_insn *in, struct a64_test t);
/* At the start of block in->imm: counts its entries. */
void a64_count_entry(struct a64_emit *e, const struct lir_insn *in);
void a64_jump_thunk(struct a64_emit *e, enum ir_thunk thunk);

#endif

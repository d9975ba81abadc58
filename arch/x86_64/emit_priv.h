/*
 * Emission: what its files share.
 *
 * Operations are encoded in order. What is seldom executed (stubs of exits and links, edge cases)
 * is noted as a "cold" item and encoded behind the hot code. An item's make function starts at the
 * position that its jumps lead to.
 */
#ifndef X64_EMIT_PRIV_H
#define X64_EMIT_PRIV_H

#include "arch/x86_64/x64_priv.h"
#include "lib/jit/tables.h"

struct x64_emit;

enum { X64_LINE_BYTES = 32 }; /* jit_host.code_align */

struct x64_cold {
	void (*make)(struct x64_emit *e, const struct x64_cold *c);
	const struct lir_insn *in;
	uint32_t from[2]; /* 32-bit fields of the jumps to it, UINT32_MAX none */
	uint32_t at;      /* where it is, once it is encoded */
	uint32_t back;    /* where it continues, for edge cases */
	uint32_t arg;     /* what make wants to know; without make, the item whose code it shares */
};

/* A jump to a block that is not yet emitted. */
struct x64_forward {
	uint32_t at, block;
};

struct x64_emit {
	struct codebuf *cb;
	const struct lir_unit *lir;
	const struct lir_insn *in; /* being emitted */
	uint64_t features;
	bool avx, guest_base, count_blocks;
	bool skip_exit; /* the side exit before it has taken the final exit over */
	/*
	 * The condition zero_cc holds exactly when the registers of zero_regs are not 0, compared in 32 or, with zero_w,
	 * in 64 bits; with zero_sign, the sign flag is their sign. 0: the flags say nothing.
	 */
	uint16_t zero_regs;
	uint8_t zero_cc, zero_w;
	bool zero_sign, flags_new;
	const struct lir_insn *
	    compared; /* a CMOV or CMOVI: the flags are those of its comparison, of registers as they are; or NULL */
	uint32_t *block_at; /* offsets of blocks, UINT32_MAX until known */
	bool *loops;        /* blocks that are jumped back to */
	struct x64_cold *cold;
	unsigned cold_count, cold_cap;
	struct x64_forward *forward;
	unsigned forward_count, forward_cap;
	struct jit_tables tables;
};

enum { X64_CMOV_X = 3 }; /* the first operand that CMOV and CMOVI compare */

/* Is the ALUI an addition that leaves the flags alone? */
static inline bool x64_is_lea(const struct lir_insn *in)
{
	return in->sub == X64_ADD && in->opnd[0].r != in->opnd[1].r && (int32_t)in->imm != 0;
}

/* ---- operands ------------------------------------------------------------------------------------ */

static inline unsigned x64_opreg(const struct lir_insn *in, unsigned n)
{
	return in->opnd[n].r & 15;
}

static inline bool x64_opmem(const struct lir_insn *in, unsigned n)
{
	return in->opnd[n].flags & LO_IN_MEM;
}

static inline struct x64_mem x64_state(int32_t disp) { return x64_at(X64_RBP, disp); }

/* Where the operand that stays in the state is. */
static inline struct x64_mem x64_slot(const struct lir_insn *in)
{
	return x64_state(in->mem - X64_STATE_BIAS);
}

/* op reg, operand n wherever it is. */
static inline void x64_op_rx(struct x64_emit *e, uint32_t op, unsigned w, unsigned reg,
			     const struct lir_insn *in, unsigned n)
{
	if (x64_opmem(in, n))
		x64_rm(e->cb, op, w, reg, x64_slot(in));
	else
		x64_rr(e->cb, op, w, reg, x64_opreg(in, n));
}

/* The guest address of an operation with addr operands, the first of them operand n. */
static inline struct x64_mem x64_guest(const struct x64_emit *e, const struct lir_insn *in,
				       unsigned n)
{
	struct x64_mem m = { X64_NOREG, X64_NOREG, in->sub2 & X64_ADDR_SCALE, (int32_t)in->imm };

	if (in->sub2 & X64_ADDR_BASE)
		m.base = (uint8_t)x64_opreg(in, n++);
	if (in->sub2 & X64_ADDR_INDEX)
		m.index = (uint8_t)x64_opreg(in, n);
	if (e->guest_base) {
		m.index = m.base;
		m.base = X64_R15;
	}
	return m;
}

/* The same of an atomic: [operand n]. */
static inline struct x64_mem x64_guest_at(const struct x64_emit *e, const struct lir_insn *in,
					  unsigned n)
{
	unsigned a = x64_opreg(in, n);

	if (e->guest_base)
		return (struct x64_mem){ X64_R15, (uint8_t)a, 0, 0 };
	return x64_at(a, 0);
}

/* ---- emit.c ---------------------------------------------------------------------------------------- */

/* Notes a cold item reached by the jump field at from. The pointer holds until the next one. */
struct x64_cold *x64_cold(struct x64_emit *e, uint32_t from,
			  void (*make)(struct x64_emit *e, const struct x64_cold *c));
/* The next host instruction may raise the fault of operation in. */
static inline void x64_may_fault(struct x64_emit *e, const struct lir_insn *in)
{
	jit_may_fault(&e->tables, e->cb, in);
}

/* The flags now say whether register reg, just computed with width w, is 0. */
void x64_flags_of(struct x64_emit *e, unsigned reg, unsigned w);
/* LIR_MOVEs, LIR_LOADs and their like. */
void x64_emit_list(struct x64_emit *e, const struct lir_insn *in, unsigned count);
/* The moves of a side exit's stub, and those that leave a region. */
void x64_emit_stub(struct x64_emit *e, const struct lir_exit *x);
void x64_emit_fp_move(struct x64_emit *e, unsigned d, unsigned s);
void x64_emit_fp_load(struct x64_emit *e, bool is_double, unsigned d, struct x64_mem m);
void x64_emit_fp_store(struct x64_emit *e, bool is_double, struct x64_mem m, unsigned s);

/* One function an operation; op names are those of ops.def. */
#define XOP(name, ...) void x64_emit_##name(struct x64_emit *e, const struct lir_insn *in);
#include "arch/x86_64/ops.def"
#undef XOP

/* emit_fp.c */
/* The LIR_FIX operations fix[0..count), which come together before a way out with this host_info. */
void x64_emit_fixes(struct x64_emit *e, const struct lir_insn *fix, unsigned count,
		    uint64_t host_info);
/* op d, d, s in its SSE or VEX form. */
void x64_fp_dd(struct x64_emit *e, uint32_t op, unsigned d, unsigned s);

/* emit_exit.c */
/* Leaves by in's exit when cc holds; merge: may take over the final exit behind it. */
void x64_side_exit(struct x64_emit *e, const struct lir_insn *in, enum x64_cc cc, bool merge);
/* At the start of block in->imm: counts its entries. */
void x64_count_entry(struct x64_emit *e, const struct lir_insn *in);
void x64_jmp_thunk(struct x64_emit *e, enum ir_thunk thunk);
void x64_call_thunk(struct x64_emit *e, enum ir_thunk thunk);

#endif

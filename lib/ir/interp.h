/*
 * The IR interpreter: the plain reading of what a unit means, and the oracle
 * that the emitters are compared with.
 */
#ifndef KIT_IR_INTERP_H
#define KIT_IR_INTERP_H

#include "lib/ir/state.h"

/*
 * Guest memory as the interpreter reaches it. Each function returns false when the
 * access faults, having written nothing, with st->fault_{kind,code,addr,write} set.
 * The caller checks alignment of atomics.
 */
struct ir_memory {
	bool (*load)(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value);
	bool (*store)(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value);
	/* Atomically: if memory equals *expected store desired; *expected becomes the old value. 4 or 8 bytes. */
	bool (*cas)(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		    uint64_t desired);
};

/*
 * Runs block 0 of u (and blocks that its exits name by insn.to, until an exit
 * leaves the unit or st->stop is set at a backward exit) on st. Returns IR_EXIT_LOOKUP
 * with st->pc at the next guest pc for ordinary exits, else the reason. On
 * IR_EXIT_FAULT the registers are as before the faulting insn and pc is its guest pc.
 * scratch is an arena for the values of a long unit; it is reset on return.
 */
enum ir_exit ir_interp(const struct ir_unit *u, struct ir_state *st, const struct ir_memory *mem,
		       struct arena *scratch);

/*
 * Carries out one insn that is not integer arithmetic, a guest register's, a load or store, or an exit, on its operands' values
 * (0 where it has none). *r: the value it defines. IR_EXIT_NONE: go on; else it has had no effect, and the reason.
 */
enum ir_exit ir_interp_insn(const struct ir_insn *i, struct ir_state *st,
			    const struct ir_memory *mem, uint64_t a, uint64_t b, uint64_t c,
			    uint64_t *r);

#endif

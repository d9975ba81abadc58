/*
 * struct jit_host: what a back end is. One constant object per host (x64_host, a64_host); every build
 * has all of them, compiling for any host works on any machine.
 */
#ifndef KIT_JIT_HOST_H
#define KIT_JIT_HOST_H

#include "lib/ir/state.h"
#include "lib/jit/code.h"
#include "lib/jit/codebuf.h"
#include "lib/ra/ra.h"

struct jit_opts {
	uint64_t
	    host_features; /* the host's own bits, from native_features() or 0 for the baseline */
	bool guest_base;   /* add ir_state.guest_base to every guest address */
	bool
	    few_homes; /* keep few guest registers in host registers, and leave few to the allocator (tests) */
	bool region; /* the unit is a region: passes of level 2 */
	bool
	    count_blocks; /* each block counts its entries: ir_state.entries. What is hot goes to level 2 */
};

/* Entry points in the code that jit_host.thunks makes, as offsets. */
struct jit_thunks {
	/*
	 * uint32_t enter(struct ir_state *st, const void *code): runs code until it leaves; returns
	 * enum ir_exit with st->pc and the registers up to date.
	 */
	uint32_t enter;
	uint32_t thunk[IR_THUNK_COUNT]; /* goes to ir_state.thunk[] */
	uint32_t resync; /* the return address at the bottom of the code stack: IR_THUNK_RESYNC */
	/*
	 * IR_THUNK_CALL's last look at ir_state.stop up to and including the instruction that enters the kernel: a signal
	 * handler that finds the pc in [call_begin, call_end) resumes at call_left, and the call is not made.
	 */
	uint32_t call_begin, call_end, call_left;
	uint32_t
	    leave_fault; /* a signal handler resumes here (host sp any) after it stored the guest registers: makes enter return IR_EXIT_FAULT */
};

/* Features by one name, as people choose them: "baseline" and a host's own. */
struct jit_feature_set {
	const char *name; /* NULL ends the list */
	uint64_t bits;
};

struct jit_host {
	const char *name; /* as in --host= and in folder names */
	unsigned
	    code_align; /* of a line (a power of two): a link's field lies within one, and in code at a multiple of this it does */
	uint64_t reach_bytes; /* how far a link leads: code memory is not larger */
	unsigned stub_bytes;  /* of the call that a stub is */
	bool keep_deps;       /* it orders accesses by dependencies alone: ir_unit.keep_deps */
	/* What the four bytes of a link's field, which are was, become so that it leads disp bytes from the field's start. */
	uint32_t (*link_word)(uint32_t was, int64_t disp);
	/* The convention for this guest and these options. */
	void (*target)(const struct ir_regfile *regs, const struct jit_opts *o,
		       struct ra_target *t);
	void (*isel)(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
		     struct lir_unit *lir);
	/* Encodes an allocated unit. Tables of *out come from lir->arena. false: the buffer ran over. */
	bool (*emit)(const struct lir_unit *lir, const struct ra_target *t,
		     const struct jit_opts *o, struct codebuf *cb, struct code *out);
	bool (*thunks)(const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
		       struct jit_thunks *out);
	const char *(*op_name)(unsigned op); /* of LIR host operations, for printing */
	/* Applies conversion fix of a LIR_PUT to a register's bits (the C twin of LIR_FIX). */
	uint64_t (*apply_fix)(unsigned fix, uint64_t bits);
	const char *(*feature_name)(unsigned bit); /* NULL past the last one */
	const struct jit_feature_set *feature_sets;
	/* Sets st->fp_eval, st->host_const, and that every system call leaves. Once for a state, before code runs on it. */
	void (*state_init)(struct ir_state *st);
};

#endif

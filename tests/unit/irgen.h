/*
 * Random IR: well-typed units that look like lifted code, states to run them in, and a memory window.
 *
 * For every test that compares two ways of running the same unit: passes, the interpreter, emitters.
 * The same seed gives the same unit, state and window.
 *
 * What holds for a generated unit, so that any correct engine gives the same result:
 *  - it verifies, and it ends: exits only go forward or leave the unit, but for loops: each jump back counts
 *    a register down, which is used for nothing else, and is taken while that is above 0;
 *  - a raw floating-point result is used by fcanon alone;
 *  - loads and stores lie in the window, unless wild is set: then a few addresses lie outside
 *    (at least 1 GiB away from it) and fault;
 *  - registers named "zero" are neither read nor written; IR_RM_DYN is used, so frm must be 0..4.
 */
#ifndef KIT_TESTS_IRGEN_H
#define KIT_TESTS_IRGEN_H

#include "lib/ir/interp.h"

enum { IRGEN_WINDOW_BYTES = 4096, IRGEN_MAX_INT = 8, IRGEN_MAX_FP = 5, IRGEN_BASES = 2 };

struct irgen {
	uint64_t seed; /* changes with each random number */
	/* What to make. */
	unsigned insns;  /* about how many */
	unsigned blocks; /* 1 at level 1 */
	bool fp, mem, atomics, wild;
	/*
	 * Not 0: with loops, in whose blocks a few registers hold floats and the others doubles, mostly. So many jumps
	 * back at most.
	 */
	unsigned turns;
	bool calls;   /* helper 0 before each jump back */
	gaddr window; /* guest address of the window, 16-byte aligned */
	/* The registers used, by number: two bases that point into the window, others. */
	uint8_t base[IRGEN_BASES], xreg[IRGEN_MAX_INT], freg[IRGEN_MAX_FP];
	unsigned xregs, fregs;
	uint8_t counter; /* of the turns */
};

/* Sets defaults: everything on but wild, one block of about 30 insns, window at 0x100000. */
void irgen_init(struct irgen *g, uint64_t seed, const struct ir_regfile *regs);
uint64_t irgen_random(struct irgen *g);
/* A random number below n. */
unsigned irgen_below(struct irgen *g, unsigned n);
/* An interesting or random 64-bit value. */
uint64_t irgen_value(struct irgen *g);

/* Makes a unit in arena a. */
void irgen_unit(struct irgen *g, struct arena *a, const struct ir_regfile *regs, struct ir_unit *u);
/* Random values for all registers, fflags and frm (0..max_frm); the rest of *st is left alone. */
void irgen_state(struct irgen *g, struct ir_state *st, const struct ir_regfile *regs,
		 unsigned max_frm);
void irgen_fill(struct irgen *g, uint8_t window[IRGEN_WINDOW_BYTES]);

/* A deep copy of u in arena a. */
void irgen_copy(const struct ir_unit *u, struct arena *a, struct ir_unit *copy);
/*
 * Inserts behind every raw floating-point result what makes a NaN negative with a payload, as hosts
 * may: whatever then differs has looked at a NaN it should not have.
 */
void irgen_raw_nans(struct ir_unit *u);

/* Registers for tests that know no guest: r0..r9 and f0..f4 in ir_state.reg[0..14]. */
extern const struct ir_regfile irgen_regs;

/* One window in this program's memory at irgen_window_at; other addresses fault (SEGV). */
extern uint8_t irgen_window[IRGEN_WINDOW_BYTES];
extern gaddr irgen_window_at;
extern const struct ir_memory irgen_memory;

#endif

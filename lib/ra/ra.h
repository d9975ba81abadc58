/*
 * Register allocation for one unit: from virtual to physical registers, within the boundary
 * convention of lir.h. Pure; allocates from the unit's arena.
 */
#ifndef KIT_RA_RA_H
#define KIT_RA_RA_H

#include "lib/ra/lir.h"

/* Completes a target whose other fields are filled. Whoever makes one calls it once. */
void ra_target_done(struct ra_target *t);
/*
 * The same, and the homes: guest registers whose pin is below ints get those of int_home[], floating-point ones below fps those
 * from fp_home on. All of them are added to alloc.
 */
void ra_target_homes(struct ra_target *t, const uint8_t *int_home, unsigned ints, unsigned fp_home,
		     unsigned fps);

/*
 * The convention for the blocks of region u: own is boundary with the homes given to the registers that u
 * uses most, as ir_block.exec_count weighs them, where that pays for entering and leaving. False: boundary serves best.
 */
bool ra_region(const struct ir_unit *u, const struct ra_target *boundary, struct ra_target *own);

/* Allocates u in place. Always succeeds: what does not fit is spilled; false only when the
 * IR_SPILL_SLOTS do not suffice (the caller then compiles a shorter trace). */
bool ra_run(struct lir_unit *u, const struct ra_target *t);

/*
 * Proves that allocated is a correct allocation of selected by symbolic execution: follows which value is
 * in which register and memory place, and checks every use, exit and fault record. Needs
 * no run of the code. false and a message at the first difference.
 */
bool ra_check(const struct lir_unit *selected, const struct lir_unit *allocated,
	      const struct ra_target *t, struct diag *d);

/* t: NULL for a list before allocation, whose registers are virtual; op_name: NULL prints numbers. */
void lir_print(const struct lir_unit *u, const struct ra_target *t,
	       const char *(*op_name)(unsigned op), struct strbuf *out);

#endif

/*
 * The pipeline from IR to code: passes, selection, allocation, emission. Pure (R4): the
 * same unit, target and options give the same bytes.
 */
#ifndef KIT_JIT_COMPILE_H
#define KIT_JIT_COMPILE_H

#include "lib/jit/host.h"

enum jit_status {
	JIT_OK,
	JIT_TOO_LONG, /* the code buffer or the spill slots do not suffice: compile a shorter trace or region */
};

/* The convention inside of unit u (passes have been over it). True when it is not t, the boundary's. */
bool jit_inside(const struct ir_unit *u, const struct ra_target *t, struct ra_target *inside);

/*
 * Compiles u into cb; *out refers to cb's bytes and to tables in u's arena. Passes change u.
 * With KIT_DEBUG the verifier and the allocation checker run, and a fault of theirs is a panic.
 */
enum jit_status jit_compile(struct ir_unit *u, const struct jit_host *host,
			    const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
			    struct code *out);

/*
 * Checks that the tables of c, compiled from u, are as code.h says: offsets in the code, in order, apart from each
 * other and aligned; counters where o asks for them. false and a message at the first that is not.
 */
bool jit_check_code(const struct code *c, const struct ir_unit *u, const struct jit_host *host,
		    const struct jit_opts *o, struct diag *d);

#endif

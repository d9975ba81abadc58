/*
 * Classes of runs of libc's routines (struct guest_runs): which way one takes through the guest's code.
 *
 * That follows from where its operands lie within a word, how far it went, and how it ended. Behind two periods of bytes each further
 * one adds the same instructions: so there are classes for lengths below three, and what is beyond is
 * added up. A period is a multiple of what the routine does in one turn of a loop. Where more than that decides
 * (rv64_form.varies), as in strchr of glibc 2.36, whose test for a word misfires on bytes above 127, the guest's own code runs.
 */
#ifndef KIT_ARCH_RV64_ROUTINE_RUNS_H
#define KIT_ARCH_RV64_ROUTINE_RUNS_H

#include "arch/guest.h"
#include "arch/rv64/routine.h"

/* What a run's class is computed from, as values of whoever computes. */
struct rv64_run_fields {
	/* Bits 0..2 of these, where they count. */
	bool has_a, has_b;
	/* How far it went, in bytes, and the binary logarithm of the period. */
	unsigned period_log2;
	/* How many bytes there were left: REST_LOW up to 15, REST_FOLDED by a period of 32, of which one stays. */
	enum { RV64_NO_REST, RV64_REST_LOW, RV64_REST_FOLDED } rest;
	unsigned flags; /* further bits */
};

extern const struct rv64_run_fields rv64_run_fields[RV64_LIBC_BITS];

enum { RV64_REST_LOW_BITS = 4, RV64_REST_PERIOD_LOG2 = 5, RV64_LOW_BITS = 3 };

/* The first class of what's runs; of RV64_LIBC_BITS: how many there are. */
uint32_t rv64_run_base(unsigned what);

/* Where a class of what's has its length and rest; these have their fields from the highest on: rest, length, flags, a, b. */
struct ir_run rv64_run_of(unsigned what);

/* struct guest's run_again. */
unsigned rv64_run_again(const struct guest_runs *r, uint32_t class, bool longer,
			uint8_t room[GUEST_ROOM_BYTES], struct ir_state *st, uint32_t *steady);

#endif

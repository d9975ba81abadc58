/*
 * Regions: what level 2 compiles. Which blocks belong together is decided from what level 1 counted; the rest is
 * pure: the same guest bytes, heats and limits give the same unit.
 */
#ifndef KIT_RUNTIME_JIT_REGION_H
#define KIT_RUNTIME_JIT_REGION_H

#include "arch/guest.h"

/* How often the block at pc ran, as far as known; 0 when it is not worth a place in a region. */
typedef uint32_t region_heat(void *ctx, gaddr pc);

struct region_source {
	const struct guest *guest;
	struct guest_decoder *decoder;
	const struct guest_fetch *fetch;
	const struct guest_limits *trace; /* of the traces that level 1 counts */
	region_heat *heat;
	void *ctx;
};

/*
 * Makes unit u (initialised, empty) the region that is entered at u->gpc: block 0, and the hot blocks that direct
 * jumps and calls of small leaf functions lead to, at most about max_insns guest instructions. Jumps among them are
 * resolved. What another call returns to is entered as if from outside: all registers are at the boundary's homes there.
 */
void region_build(const struct region_source *s, unsigned max_insns, struct ir_unit *u);
struct sums;

/*
 * Exact counts: region u counts on few of its ways, and owes what it has not counted where something else than an exit makes it leave
 * (placing.c). first_sum: the counter of sum 0.
 */
void region_place_counts(struct ir_unit *u, struct sums *s, uint32_t first_sum);
/*
 * Exact counts: counters that region u often adds to become registers of a register file of its own (counters.c). homed:
 * guest registers that have a home outside of it.
 */
void region_count_in_registers(struct ir_unit *u, uint64_t homed);

#endif

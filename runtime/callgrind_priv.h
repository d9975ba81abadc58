/* What the two files of callgrind's format share. */
#ifndef KIT_RUNTIME_CALLGRIND_PRIV_H
#define KIT_RUNTIME_CALLGRIND_PRIV_H

#include "runtime/callgrind.h"

#include "lib/base/bits.h"

#define CG_CREATOR "creator: kitemu\n"

struct cg_function {
	uint32_t object, file; /* of callgrind.files */
	const char *name;
	unsigned first_call; /* those it makes: first_call up to the next one's */
	/* Functions that reach each other share a circle; one alone is a circle of its own. */
	uint32_t circle;     /* 1 and up */
	uint32_t found, low; /* Tarjan's */
	unsigned next_call;
};

/* Fills cg_call.cost of calls that are sorted by caller. */
void cg_cost_calls(struct callgrind *c);

#endif

/*
 * struct code: the result of compiling one unit, relocatable.
 *
 * The bytes hold no absolute host address: they run wherever they are put, and
 * reach the world through struct ir_state alone. What has to be patched or
 * looked up later is listed in tables of offsets into the bytes.
 */
#ifndef KIT_JIT_CODE_H
#define KIT_JIT_CODE_H

#include "lib/ra/lir.h"

enum code_link_kind {
	CODE_LINK_JUMP, /* 4 bytes of a jump that say where it leads, at first to its own stub */
	CODE_LINK_CALL, /* the same of a call */
};

/*
 * Stubs are short ways out, which are seldom taken: a call of IR_THUNK_STUB of jit_host.stub_bytes, whose return address is
 * all that it tells. Who runs the code looks here for what else there is to know. An unlinked link leads to its stub,
 * which leaves with IR_EXIT_LINK for its target.
 */
struct code_link {
	uint32_t at;   /* offset of the field, which jit_host.link_word makes */
	uint32_t stub; /* where it points while unlinked: offset of the call */
	uint8_t kind;  /* enum code_link_kind */
	gaddr target;
};

/* Any other stub. */
struct code_stub {
	uint32_t at;    /* offset of the call */
	uint8_t reason; /* enum ir_exit */
	gaddr pc;
};

/* A host instruction that may raise a guest fault. */
struct code_fault {
	uint32_t at;     /* offset of the host instruction's first byte */
	int32_t gpc_off; /* guest pc minus the unit's */
	uint32_t first;  /* in code.loc */
	uint16_t count;
	bool
	    redo; /* leaves with IR_EXIT_REDO: the guest's instructions from there are to be interpreted */
};

/* Op owe: what is owed where a fault leaves, from this number of code.fault on, up to the next one; 0 before the first. */
struct code_owe {
	uint32_t fault, owes;
};

/* What is owed at fault number fault. */
static inline uint32_t code_owed(const struct code_owe *owe, unsigned count, uint32_t fault)
{
	while (count && owe[count - 1].fault > fault)
		count--;
	return count ? owe[count - 1].owes : 0;
}

struct code {
	const uint8_t *bytes;
	uint32_t size_bytes;
	bool
	    aligned; /* it counts on where lines of jit_host.code_align begin: it jumps within itself */
	gaddr gpc;
	unsigned guest_insns;
	const struct code_link *link;
	unsigned link_count;
	const struct code_stub *stub;
	unsigned stub_count;
	const struct code_fault *fault; /* ascending by at */
	unsigned fault_count;
	const struct code_owe *owe; /* ascending by fault */
	unsigned owe_count;
	const struct lir_loc *loc;
	unsigned loc_count;
	const struct ir_range *range; /* guest bytes it was made from */
	unsigned range_count;
};

#endif

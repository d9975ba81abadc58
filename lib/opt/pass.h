/*
 * Passes: from a unit to a better one that means the same.
 *
 * A pass is linear in the size of the unit, allocates from the unit's arena alone and knows neither
 * guest nor host. After each the unit verifies and holds no dead insns; insn indexes change.
 *
 * What stays exact: memory, the order of everything that is not pure, fflags, and at each
 * exit and fault every guest register. Passes rely on ir.h's promise that frm is valid where
 * IR_RM_DYN stands: an insn with IR_RM_DYN is no exit for them. Whoever runs a guest with a reserved
 * frm (5..7) must interpret units as lifted.
 */
#ifndef KIT_OPT_PASS_H
#define KIT_OPT_PASS_H

#include "lib/ir/ir.h"

enum opt_pass_id {
#define PASS(name, letter, what) OPT_##name,
#include "lib/opt/passes.def"
#undef PASS
	OPT_PASS_COUNT
};

struct opt_pass {
	const char *name;
	char letter;
	const char *what;
};

extern const struct opt_pass opt_passes[OPT_PASS_COUNT];

/* All passes, for code that runs for the first time. Under 60 ns a guest instruction. */
void opt_level1(struct ir_unit *u);
/* The same and more, for a region. */
void opt_level2(struct ir_unit *u);

/*
 * Runs the passes of a comma-separated list of names, one after another; "level1" and "level2" stand for
 * all of that level. At an unknown name false, a message in d, and u as the passes before it left it.
 */
bool opt_run(struct ir_unit *u, const char *names, struct diag *d);

#endif

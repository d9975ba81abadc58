/* The engines that insn_run knows. */
#include "tests/insn/engine.h"

#include <stddef.h>

const struct insn_engine *const insn_engines[] = {
	&insn_engine_interp,
	&insn_engine_direct,
	NULL,
};

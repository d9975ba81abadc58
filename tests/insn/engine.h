/*
 * An engine that runs guest code inside the test process.
 *
 * To add one: write a struct insn_engine, list it in engines.c, and give insn_run the layers
 * it needs in meson.build.
 */
#ifndef KIT_TESTS_INSN_ENGINE_H
#define KIT_TESTS_INSN_ENGINE_H

#include "lib/ir/state.h"

#include <stdbool.h>

struct insn_engine {
	const char *name;
	/* Before anything else; false: it cannot run here. */
	bool (*open)(void);
	/* The bytes at [INSN_TEXT, +INSN_TEXT_BYTES) were replaced: forget translations. */
	void (*new_code)(void);
	/*
	 * Runs from st->pc until something other than the way to the next trace comes up (that
	 * is: LOOKUP, LINK, FRM and FENCEI are handled inside). Guest memory is at its own address in this
	 * process: the page at INSN_PAGE and the code; anything else must come back as IR_EXIT_FAULT or
	 * IR_EXIT_FETCH. Then st holds all registers, pc, frm, fflags and the fault.
	 */
	enum ir_exit (*run)(struct ir_state *st);
	void (*close)(void);
};

extern const struct insn_engine insn_engine_interp;
extern const struct insn_engine insn_engine_direct;

/* All of them, NULL behind the last. */
extern const struct insn_engine *const insn_engines[];

#endif

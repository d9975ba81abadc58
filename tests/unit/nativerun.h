/*
 * Runs compiled units on this machine, in a test's own process: code memory with two views, thunks,
 * one guest thread's state, a window of guest memory with nothing mapped around it, and a handler that
 * turns host faults into IR_EXIT_FAULT as the run loop does. Links stay as compiled unless
 * nativerun_link patches them. One at a time, one thread.
 */
#ifndef KIT_TESTS_NATIVERUN_H
#define KIT_TESTS_NATIVERUN_H

#include "arch/host.h"
#include "arch/native.h"
#include "lib/jit/compile.h"

/* Rows of a test's register file: integer and floating-point register n, which wants a host register as pin says. */
#define R(n, pin)                                                                                  \
	{                                                                                          \
		"r" #n, offsetof(struct ir_state, reg) + 8 * (n), IR_I64, pin                      \
	}
#define F(n, pin)                                                                                  \
	{                                                                                          \
		"f" #n, offsetof(struct ir_state, reg) + 8 * (32 + (n)), IR_F64, pin               \
	}

/* A unit that stays. */
struct nativerun_kept {
	const void *at;
	struct code code;
};

struct nativerun {
	const struct jit_host *host;
	struct jit_opts opts;
	struct ra_target target;
	struct jit_thunks thunks;
	struct ir_state *st;
	struct code code; /* the unit compiled last */
	bool check;       /* prove each allocation, check each table */
	uint64_t
	    region; /* not 0: units have a convention of their own inside, which this number chooses */
	/* Private: */
	struct arena arena;
	uint8_t *rw, *rx;    /* two views of the code memory */
	uint32_t used;       /* thunks, then units */
	uint32_t keep;       /* units below stay */
	const uint8_t *unit; /* the unit compiled last, in rx */
	struct nativerun_kept *kept;
	unsigned kept_count, kept_cap;
	uint8_t *memory; /* host address of the window's page */
	gaddr window;
};

/* What may be wrong with a unit: told by nativerun_compile. */
enum nativerun_status {
	NATIVERUN_OK,
	NATIVERUN_TOO_LONG,
	NATIVERUN_BAD_ALLOCATION,
	NATIVERUN_BAD_TABLES
};

/* window: guest address of the window, a multiple of 4096. guest_base in opts places it anywhere. */
void nativerun_init(struct nativerun *n, const struct ir_regfile *regs, struct jit_opts opts,
		    gaddr window);
void nativerun_fini(struct nativerun *n);
/* Selects, allocates and emits u as it stands; replaces the unit before. */
enum nativerun_status nativerun_compile(struct nativerun *n, const struct ir_unit *u,
					struct diag *d);
/* Keeps the unit compiled last and returns where it starts. */
const void *nativerun_keep(struct nativerun *n);
/*
 * Enters the unit (NULL: the one compiled last) with the state's registers, frm and fflags, and comes back with them
 * up to date: flags from the host's register are in st->fflags. IR_EXIT_LINK is IR_EXIT_LOOKUP unless want_link,
 * and IR_EXIT_STOP while st->stop is set.
 */
enum ir_exit nativerun_run(struct nativerun *n, const void *unit, bool want_link);
/* Makes the 32-bit field at host address field (of a link, as ir_state.exit_arg has it) lead to "to". */
void nativerun_link(struct nativerun *n, uint64_t field, const void *to);
void nativerun_set_memory(struct nativerun *n, const void *bytes, size_t size);
const uint8_t *nativerun_memory(const struct nativerun *n);

#endif

/* kit-ir: the unit that the commands of one invocation work on, and the commands that have a file of their own. */
#ifndef KIT_CMD_KIT_IR_H
#define KIT_CMD_KIT_IR_H

#include "lib/ir/ir.h"

struct kit_ir {
	/* Options */
	gaddr pc;           /* --pc: where lifted words lie */
	unsigned max_insns; /* --max-insns of a lifted trace */
	unsigned max_branches;
	const char *host;          /* --host */
	const char *host_features; /* --host-features */
	bool count_blocks;         /* --count-blocks */
	bool routines;             /* --routines: lift libc's as such */
	bool count;                /* --count: lifted code counts instructions */
	bool with_bytes;           /* --bytes: encodings in a disassembly */
	/* The unit, when there is one. */
	struct arena arena;
	struct ir_unit unit;
	bool have_unit;
	bool shown; /* the last command printed its result itself */
};

/* A number as C writes it, decimal or hexadecimal, with a sign or not. */
bool kit_ir_number(const char *text, uint64_t *v);

/* Runs the unit. args: REG=VALUE, fflags=, frm=, stop=, ADDRESS=VALUE (8 bytes of memory). */
bool kit_ir_interp(struct kit_ir *k, char **args, int count, struct diag *d);

/* Selection, allocation and encoding for k->host, each printed. The unit is not used up. */
bool kit_ir_isel(struct kit_ir *k, struct diag *d);
bool kit_ir_ra(struct kit_ir *k, struct diag *d);
bool kit_ir_emit(struct kit_ir *k, struct diag *d);

#endif

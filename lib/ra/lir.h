/*
 * LIR: host instructions before and after register allocation.
 *
 * The host's instruction selection (arch/HOST/isel.c) turns an IR unit into a
 * list of host operations on virtual registers. Each operand says what the
 * operation needs: a use, a definition, a fixed register. The
 * allocator (lib/ra) rewrites the operands to physical registers and inserts
 * the operations that only it may make (LIR_MOVE .. LIR_FIX). The host's
 * emitter then encodes the list. No layer here knows an instruction's meaning.
 *
 * Guest registers and the boundary convention
 * -------------------------------------------
 * At the entry of each block and at every way out of it, a pinned guest
 * register is in its home register (ra_target.home) and any other one in memory, in
 * struct ir_state. Inside a block:
 *
 *   LIR_ENTRY + g  as a virtual register that no insn defines: guest register g as of the block's
 *                  entry. lir_block.entries lists those that a block uses.
 *   LIR_PUT g, v   from here on g is v. Costs nothing until a way out needs g at home.
 *
 * A value that only fault records need may be a sum (lir_vreg.is_sum), which is never computed: the record says of which
 * values, and these live up to there. It is an operand of PUTs alone, and each of these is followed by another PUT
 * of g before any way out that is not LF_FAULT alone.
 *
 * insn.fix on a PUT names a conversion (a host's small number, 0 none) that
 * still has to be applied to v to give g's exact bits (e.g. canonical NaN). It
 * is only allowed for pinned g, and is carried out (LIR_FIX) on the way out, or noted in the
 * fault record.
 *
 * Ways out:
 *   LF_EXIT  a conditional side exit. The allocator leaves the registers as they
 *            are and records the moves that the exit's cold stub has to make.
 *   LF_SYNC  all guest registers are brought home before this insn,
 *            and its operands are placed at the same time. Final exits have it, and
 *            a side exit right before a final exit (a loop's branch), so that its taken path is straight.
 *   LF_FAULT the insn may raise a guest fault: the allocator records where each
 *            guest register that is not at home can be found. The record describes the state before the insn's own definitions.
 *            With LF_REDO it leaves with IR_EXIT_REDO instead (lib/ir/ops.def).
 *            An insn with one DEF, no CLOBBER and no LO_LATE use is taken to write its result
 *            after the access has succeeded; of any other the results count as written before.
 *
 * Regions
 * -------
 * A unit of several blocks may have a convention of its own between its blocks (region.c): lir_unit.boundary is
 * then the target that the world outside keeps to, and ra_run's target is the region's. "At home" means the
 * region's homes in all that is said above. A register with a home in both has the same one. A way out of the unit carries out lir_unit.leave once all is at home, an
 * entry lir_unit.enter, and fault records count from the boundary's homes.
 *
 * A block may take registers with a conversion pending (lir_block.fixes): its home holds v, and the register is
 * fix(v). LIR_ENTRY + g is v then. Jumps within the unit that lead there leave v as it is when that fix is pending
 * anyway, and may bring the exact bits e as well: selection sees to it that fix(e) = e.
 *
 * Everything is allocated from one arena and belongs to one translation.
 */
#ifndef KIT_RA_LIR_H
#define KIT_RA_LIR_H

#include "lib/ir/ir.h"

typedef uint16_t lreg; /* before allocation a virtual register, after it a physical one */

#define LREG_NONE UINT16_MAX

/* Virtual registers from here on are guest registers; the others are numbers of lir_unit.vreg. */
enum { LIR_ENTRY = 0xff00 };

enum lir_class { LIR_INT, LIR_FP };

/* Numbers of fixes are below. */
enum { LIR_FIXES = 8 };

/* Physical registers: 0..31 integer, 32..63 floating point; sets of them are 64-bit masks. */
enum { LIR_PHYS_FP = 32, LIR_PHYS_COUNT = 64, LIR_PHYS_NONE = 0xff };

enum lir_op {
	LIR_NOP,
	LIR_BLOCK, /* block imm of the unit starts here */
	LIR_PUT,   /* opnd[0] USE; imm: guest register; fix */
	/* Made by the allocator, operands physical: */
	LIR_MOVE,     /* opnd[0] DEF <- opnd[1] USE, same class */
	LIR_XCHG,     /* opnd[0] <-> opnd[1], same class */
	LIR_CONST,    /* opnd[0] DEF <- imm; int class only */
	LIR_LOAD,     /* opnd[0] DEF <- 8 bytes of struct ir_state at offset imm */
	LIR_STORE,    /* struct ir_state at offset imm <- opnd[0] USE, 8 bytes */
	LIR_STOREI,   /* struct ir_state at offset imm <- imm2, 8 bytes */
	LIR_FIX,      /* opnd[0] is replaced by its conversion insn.fix */
	LIR_HOST = 16 /* the host's own operations start here */
};

enum lir_role { LIR_USE = 1, LIR_DEF, LIR_CLOBBER };

enum lir_opnd_flag {
	/* USE: read after a DEF of this insn is written; must not share its register. */
	LO_LATE = 1,
	/*
	 * USE: may stay in struct ir_state; then r is LREG_NONE, LO_IN_MEM is set and insn.mem is
	 * its offset. At most one an insn.
	 */
	LO_MEM = 2,
	/* USE: the first DEF would best have this operand's register. */
	LO_HINT = 4,
	/* Set by the allocator. */
	LO_IN_MEM = 8,
	/* USE of a LF_SYNC insn: the value serves as well with a pending fix of it applied. */
	LO_LAX = 16,
};

struct lir_opnd {
	lreg r;        /* CLOBBER: LREG_NONE */
	uint8_t role;  /* enum lir_role */
	uint8_t flags; /* enum lir_opnd_flag */
	uint8_t fixed; /* physical register that it must be in, never a home; or LIR_PHYS_NONE */
};

enum lir_insn_flag { LF_EXIT = 1, LF_SYNC = 2, LF_FAULT = 4, LF_REDO = 8 };

enum { LIR_MAX_OPNDS = 5 };

struct lir_insn {
	uint8_t op;    /* enum lir_op or the host's */
	uint8_t flags; /* enum lir_insn_flag */
	uint8_t fix;   /* PUT, FIX: the host's conversion number, 0 none */
	uint8_t sub;   /* the host's: condition, width, ... */
	uint8_t sub2;
	uint8_t nopnd;
	uint16_t exit;   /* LF_EXIT and final exits: index into lir_unit.exit, else UINT16_MAX */
	int32_t gpc_off; /* guest pc minus unit.gpc */
	int32_t mem;     /* offset in struct ir_state of the LO_IN_MEM operand */
	struct lir_opnd opnd[LIR_MAX_OPNDS]; /* DEFs first, then USEs, then CLOBBERs */
	int64_t imm;
	int64_t imm2;
};

struct lir_vreg {
	uint8_t cls; /* enum lir_class */
	/* Int class: its value is imm, no insn defines it; the allocator makes it where it is needed. */
	bool is_const;
	/* Int class: base + (index << shift) + imm, LREG_NONE for what there is none of; no insn defines or computes it. */
	bool is_sum;
	uint8_t shift;
	lreg base, index; /* no sums */
	int64_t imm;
};

/* A block before allocation: from its LIR_BLOCK to the next one's. */
struct lir_block {
	uint32_t first;   /* in lir_unit.insn */
	uint64_t entries; /* guest registers that are used as of its entry */
	uint64_t puts;    /* those that it has a PUT of */
	/*
	 * Pinned ones that come to it with a conversion still to be applied, fix[g] (regions). The allocator adds
	 * the LIR_FIX insns that apply them all.
	 */
	uint64_t fixes;
	uint8_t *fix; /* IR_MAX_REGS of them, where fixes is not 0 */
	struct lir_insn *unfix;
	unsigned unfix_count;
};

/* A way out. Filled by instruction selection, but for the moves. */
struct lir_exit {
	gaddr target;     /* guest pc, where it is known */
	gaddr ret;        /* IR_JUMP_CALL: where the call returns to */
	uint16_t to;      /* block of this unit that it goes to, or IR_NOBLOCK */
	uint16_t back_to; /* IR_JUMP_CALL: block at ret, or IR_NOBLOCK */
	uint8_t kind;     /* enum ir_jump */
	uint8_t reason;   /* enum ir_exit for exitr; IR_EXIT_NONE for jumps */
	bool indirect;    /* exiti */
	bool poll;        /* look at ir_state.stop before going: backward jumps, calls */
	uint32_t edge;    /* exiti: notes the call first, as op edge from this less 1 does; 0: no */
	uint64_t host_info; /* the host's own, from selection to emission */
	/* Moves of its cold stub in lir_unit.stub (LF_EXIT without LF_SYNC). */
	uint32_t stub_first, stub_count;
};

enum lir_loc_kind { LIR_LOC_REG, LIR_LOC_MEM, LIR_LOC_CONST };

/* Where a guest register is, at a fault. Of a sum, a part of it: the locations of one register are added up. */
struct lir_loc {
	uint8_t greg;
	uint8_t kind; /* enum lir_loc_kind */
	uint8_t fix;
	uint8_t phys;  /* REG */
	uint8_t shift; /* what is there counts shifted left by so much */
	int32_t place; /* of greg: offset in struct ir_state, or far behind it (counters) */
	int64_t imm;   /* MEM: offset in struct ir_state; CONST: the value */
};

/* Op owe: what is owed from insn on, up to the next one. */
struct lir_owe {
	uint32_t insn, owes;
};

struct lir_fault {
	uint32_t insn; /* index into the allocated list */
	uint32_t owes; /* by what leaves the unit there */
	/* In lir_unit.loc: the registers that are not where the convention says. */
	uint32_t first, count;
};

struct lir_unit {
	struct arena *arena;
	const struct ir_unit *ir;
	const struct ra_target *boundary; /* NULL: no other than ra_run's */
	struct lir_insn *insn;            /* before ra_run: selected; after: allocated */
	unsigned insn_count, insn_cap;
	struct lir_block *block;
	unsigned block_count, block_cap;
	struct lir_vreg *vreg;
	unsigned vreg_count, vreg_cap;
	struct lir_exit *exit;
	unsigned exit_count, exit_cap;
	struct lir_owe *owe; /* ascending by insn, which counts before allocation */
	unsigned owe_count, owe_cap;
	/* Made by the allocator: */
	struct lir_insn *stub;
	unsigned stub_count, stub_cap;
	struct lir_loc *loc;
	unsigned loc_count, loc_cap;
	struct lir_fault *fault; /* ascending by insn */
	unsigned fault_count, fault_cap;
	/* With a boundary: LIR_LOADs and LIR_STOREs from its convention to the blocks' own, and back. */
	struct lir_insn *enter, *leave;
	unsigned enter_count, leave_count;
};

/* What the allocator has to know of a host. */
struct ra_target {
	uint64_t alloc[2];         /* registers it may use, by class: homes and scratch alike */
	uint64_t scratch[2];       /* those of them that are no home, preferred for temporaries */
	uint8_t home[IR_MAX_REGS]; /* of a guest register; LIR_PHYS_NONE: it lives in memory */
	const struct ir_regfile *regs;
	const char *const *phys_name; /* for printing, LIR_PHYS_COUNT names */
	/*
	 * By number of a fix: those (bits) that a block may take a register with instead, so that it stays pending. Where
	 * selection asks for them, they come to the same.
	 */
	uint8_t fix_serves[LIR_FIXES];
	/* What follows from home[]; ra_target_done fills it. */
	uint64_t pinned;                 /* guest registers that have a home */
	uint64_t homes;                  /* their homes */
	uint8_t greg_of[LIR_PHYS_COUNT]; /* of a home: whose it is */
};

/* May a fix stay pending where a block takes the register with fix to? */
static inline bool ra_fix_stays(const struct ra_target *t, unsigned fix, unsigned to)
{
	return fix == to || t->fix_serves[fix % LIR_FIXES] >> to & 1;
}

#endif

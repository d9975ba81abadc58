/*
 * struct ir_state: what executing code, interpreted or translated, sees of one
 * guest thread.
 *
 * What translated code uses most comes first, then the guest's registers, so that hosts
 * reach that and most integer registers with short displacements; arch/rv64 says which is which through struct
 * ir_regfile. All that follows is for the engines. While translated code
 * runs, pinned guest registers live in host registers and the values here are
 * stale; the exit path writes them back. A host signal handler may set stop.
 *
 * Offsets are part of the contract between emitters and arch/HOST/native
 * assembly, which takes them from offsetof through the _Static_asserts there.
 */
#ifndef KIT_IR_STATE_H
#define KIT_IR_STATE_H

#include "lib/ir/ir.h"

/* What kind of access faulted. */
enum ir_fault_kind {
	IR_FAULT_NONE,
	IR_FAULT_SEGV,       /* fault_addr cannot be accessed so (host SIGSEGV) */
	IR_FAULT_BUS,        /* host SIGBUS: beyond the end of a mapped file, memory error */
	IR_FAULT_MISALIGNED, /* an atomic at an address that is not a multiple of its size */
	IR_FAULT_REDO, /* none of the guest's: translated code left for IR_EXIT_REDO by way of a host signal */
	IR_FAULT_ROUTINE, /* op routine gave up: the guest's own code of it at pc shall run */
};

/* One entry of the per-thread tables from guest pc to code. */
struct ir_jump_entry {
	gaddr gpc;
	const void *code;
};

enum {
	IR_JUMP_ENTRIES = 4096, /* of either table; a power of two */
	IR_JUMP_FOLD = 12, /* how far apart the bits are that the second table's index combines */
	IR_SPILL_SLOTS = 64,
	IR_COUNTERS = 4096, /* a power of two */
};

/* Where gpc stands in the first table. */
static inline unsigned ir_jump_of(gaddr gpc)
{
	return (unsigned)(gpc >> 1) & (IR_JUMP_ENTRIES - 1);
}

/* What entry n of the tables holds that leads nowhere: a target that is odd and stands elsewhere. Nor does 0 but in entry 0. */
static inline gaddr ir_jump_none(unsigned n) { return n ? 1 : 3; }

/*
 * And in the second, which lies behind the first: what was driven out there by another pc of the same index. What lies
 * 2^13 bytes apart has different ones.
 */
static inline unsigned ir_jump_second(gaddr gpc)
{
	return IR_JUMP_ENTRIES + ir_jump_of(gpc ^ gpc >> IR_JUMP_FOLD);
}

/* The counter of the block at gpc, in ir_state.entries. Blocks may share one: then both seem hotter than they are. */
static inline unsigned ir_counter_of(gaddr gpc) { return (unsigned)(gpc >> 1) & (IR_COUNTERS - 1); }

/* Entry points of the host's native assembly, called by generated code (arch/HOST/native). */
enum ir_thunk {
	IR_THUNK_EXIT, /* leave with a reason */
	IR_THUNK_LOOKUP, /* find the code of a guest pc in the jump table, or leave with IR_EXIT_LOOKUP */
	IR_THUNK_HELPER, /* call a helper of helpers[] */
	IR_THUNK_FP,     /* carry out a floating-point insn by ir_eval */
	IR_THUNK_CALL, /* make the system call at a guest pc and go on, or leave with IR_EXIT_SYSCALL */
	IR_THUNK_RESYNC, /* the same as LOOKUP, where the guest is not where a call shall return to: all return addresses are dropped */
	IR_THUNK_STUB, /* called: leave with IR_EXIT_STUB. The most frequent one by far, so these two stand last */
	IR_THUNK_COUNT
};

/* A state lies at a multiple of this. */
#define IR_STATE_ALIGN 64

/* Bits of ir_state.stop; which ones is up to the hosts (arch/x86_64/emit_exit.c). */
enum ir_stop {
	IR_STOP_SIGNAL = 8, /* a signal waits to be delivered */
	IR_STOP_WORLD = 32, /* another thread wants this one out of translated code */
	IR_STOP_ANY = IR_STOP_SIGNAL | IR_STOP_WORLD,
};

/*
 * System calls that translated code may make itself (IR_THUNK_CALL), without the run loop: those whose word in
 * ir_state.call_row, by the guest's number, has IR_CALL_HERE set. The low 16 bits are the host's number; bit IR_CALL_POINTERS + i
 * says that argument i is a pointer. The arguments go to the host's kernel as they are, and what it says becomes the
 * guest's result. It is left to the run loop all the same
 *
 *   - while calls_leave is not 0
 *   - with pointers, while call_guards->now is not 0, or when one of them is not below call_limit
 *   - when the host's kernel says EINTR or EFAULT, or stop was seen before it was entered; with pointers scratch[1]
 *     holds what call_guards->times was before now was looked at
 *
 * During the call pc is the instruction's, the registers in the state are right but for floating-point ones
 * (those too when inside was set), and the thread is not inside.
 */
enum {
	IR_CALL_ROWS = 512,
	IR_CALL_POINTERS = 16,
};
#define IR_CALL_HERE (UINT32_C(1) << 31)

/* Bits of ir_state.calls_leave; the others are the runtime's. */
enum { IR_CALLS_NO_ROWS = 1 };

/* Rows of routines.def. */
enum ir_routine {
#define ROUTINE(name, operands, meaning) IR_ROUTINE_##name,
#include "lib/ir/routines.def"
#undef ROUTINE
	IR_ROUTINE_COUNT
};

/*
 * Pages that the guest may write and the host's kernel may not, for what lies there was translated. Read times first: when
 * now was 0 then, and is so after a call and times is as it was, none was in the call's way.
 */
struct ir_call_guards {
	uint32_t now; /* how many there are; atomic, grows before a page becomes one */
	uint64_t
	    times; /* how often one became one; atomic, grows after it did and before now shrinks for it */
};

/*
 * How often a call at from, as op edge has it, went to to. Where count is 0 is nothing. A call that finds itself here goes on in code,
 * that of to, so that it need not look in the jump table, too. While that is not known to + 1 stands for to, which only an odd
 * target finds, and code looks the target up (IR_THUNK_LOOKUP).
 */
struct ir_edge {
	_Alignas(32) gaddr to;
	uint64_t count;
	uint32_t from;
	const void *code;
};

/* Of a table by hash, in which something is looked for at so many places from ir_edge_at on. Code looks at the first alone. */
enum { IR_EDGES_LOG2 = 14, IR_EDGES = 1 << IR_EDGES_LOG2, IR_EDGE_PLACES = 64 };

/* What is added to a target for its place: twice that of what is below IR_EDGES. */
static inline uint32_t ir_edge_bias(uint32_t from)
{
	return (from * UINT32_C(0x9e3779b1) >> 8) & ~UINT32_C(1);
}

static inline unsigned ir_edge_at(uint32_t from, gaddr to)
{
	return (unsigned)(to + ir_edge_bias(from)) >> 1 & (IR_EDGES - 1);
}

struct ir_state;
typedef uint64_t ir_helper_fn(struct ir_state *st, uint64_t a, uint64_t b);

struct ir_state {
	_Alignas(IR_STATE_ALIGN) const void *thunk[IR_THUNK_COUNT];
	uint32_t
	    stop; /* enum ir_stop; not 0: leave at the next safe point with IR_EXIT_STOP. Atomic. */
	uint32_t
	    host_fpcr; /* host control word for translated code: rounding mode of frm (MXCSR, FPCR) */
	uint64_t reg[IR_MAX_REGS]; /* the guest's registers, raw bits */
	gaddr pc;                  /* valid whenever no translated code runs */

	/* Floating point. While translated code runs, flags also accrue in the host's register. */
	uint32_t frm;    /* 0..7, the guest's dynamic rounding mode */
	uint32_t fflags; /* flags accrued so far, RISC-V encoding */

	/* The reservation of lr. addr 1: none. */
	gaddr resv_addr;
	uint64_t resv_value;

	/* Why and where the engine came back. */
	uint64_t
	    exit_arg; /* IR_EXIT_STUB: the host address behind the stub's call; CALLED: the result */
	uint32_t fault_kind; /* enum ir_fault_kind */
	uint32_t fault_code; /* si_code of the host's signal */
	gaddr fault_addr;
	bool fault_write;
	/*
	 * What the unit has passed and not counted when a fault or a safe point made it leave (op owe): a number whose meaning is
	 * that of whoever made the unit; 0: nothing. He who runs units sees to it.
	 */
	uint32_t owed;

	/* For generated code. */
	ir_helper_fn *const *helpers; /* indexed by enum ir_helper */
	struct ir_jump_entry *jump;   /* 2 * IR_JUMP_ENTRIES entries */
	uint64_t guest_base;  /* added to guest addresses where the fall-back base is in use */
	uint64_t host_sp;     /* kitemu's own stack while translated code runs */
	uint64_t code_sp;     /* translated code's stack of return addresses while it does not */
	uint64_t code_sp_top; /* its empty position */
	uint64_t scratch[4];  /* arguments of IR_THUNK_FP; IR_THUNK_CALL's own */
	uint64_t spill[IR_SPILL_SLOTS];
	uint64_t save[64]; /* registers saved by thunks around C calls, and by routines */

	/* System calls from translated code, see above. */
	uint32_t calls_leave; /* atomic */
	uint32_t inside;      /* counts as being in translated code, among other threads; atomic */
	const uint32_t *call_row;
	const struct ir_call_guards *call_guards;
	gaddr call_limit;

	/* IR_THUNK_FP's C function: carries out opword (op | type << 8 | sub << 16) on scratch[]; set by jit_host.state_init. */
	uint64_t (*fp_eval)(struct ir_state *st, uint64_t opword);
	/* Constants that the host's code reads: masks, tables. Set by jit_host.state_init. */
	_Alignas(16) uint64_t host_const[32];
	/* The host's code of op routine, from the running host (native_routines). */
	const void *routine[IR_ROUTINE_COUNT];

	/*
	 * How often this thread has entered blocks that count (jit_opts.count_blocks), from outside or by a jump back.
	 * The entry that makes a counter 0 again leaves with IR_EXIT_HOT instead: pc is the block's, its code has not
	 * run, and going on needs nothing set anew. Whoever wants the n-th entry to be that one sets -n.
	 */
	uint16_t entries[IR_COUNTERS];

	/*
	 * Calls whose target is computed, where somebody wants to know (guest_limits.tally): IR_EDGES of them, and
	 * behind them ir_edge_known; else NULL. What leads to code may be changed by others while the thread is in no code, so code
	 * alone uses it: what else comes by op edge tells edge_passed.
	 */
	struct ir_edge *edge;
	/* Makes room in it, by putting elsewhere what it holds. */
	void (*edges_full)(struct ir_state *st);
	void (*edge_passed)(struct ir_state *st, uint32_t from, gaddr to);

	/*
	 * By enum ir_counted, where somebody wants to know (guest_limits.count). Further counters may lie behind the
	 * state, wherever whoever has made it put them: ir_counter.
	 */
	uint64_t counted[IR_COUNTED];
};

/* IR_JUMP_ENTRIES: where it is false, no edge to a target of that ir_jump_of leads to its code. */
static inline bool *ir_edge_known(const struct ir_state *st)
{
	return (bool *)(st->edge + IR_EDGES);
}

/* The code of gpc by the jump tables, NULL: they do not know it. */
static inline const void *ir_jump_code(const struct ir_state *st, gaddr gpc)
{
	const struct ir_jump_entry *a = &st->jump[ir_jump_of(gpc)];
	const struct ir_jump_entry *b = &st->jump[ir_jump_second(gpc)];

	return a->gpc == gpc ? a->code : b->gpc == gpc ? b->code : NULL;
}

/* The guest's registers lie within so many bytes at its start. */
enum { IR_STATE_GUEST_BYTES = offsetof(struct ir_state, resv_addr) };

static inline uint64_t *ir_counter(struct ir_state *st, uint32_t n)
{
	return (uint64_t *)(void *)((char *)st + offsetof(struct ir_state, counted)) + n;
}

enum ir_helper {
#define HELPER(name, meaning) IR_HELPER_##name,
#include "lib/ir/helpers.def"
#undef HELPER
	IR_HELPER_COUNT
};

#endif

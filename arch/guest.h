/*
 * struct guest: what the rest of kitemu knows of a guest architecture.
 *
 * One constant object per guest (arch/rv64: rv64_guest). Translating is pure:
 * it reads guest code only through the fetch function, keeps what it learns in
 * the context that the caller owns, and gives the same unit for the same bytes.
 */
#ifndef KIT_ARCH_GUEST_H
#define KIT_ARCH_GUEST_H

#include "lib/base/diag.h"
#include "lib/base/strbuf.h"
#include "lib/ir/interp.h"
#include "lib/ir/ir.h"
#include "lib/ir/state.h"

/*
 * Reads guest code: up to want_bytes at pc into buf; returns how many bytes can
 * be fetched from there (0 when pc itself cannot). Never faults.
 */
struct guest_fetch {
	unsigned (*read)(void *ctx, gaddr pc, void *buf, unsigned want_bytes);
	void *ctx;
	/* True when the code at pc is kitemu's own (the vDSO), which may do more than a guest's. NULL: none is. */
	bool (*is_own)(void *ctx, gaddr pc);
	/* Reads data that code refers to, all of it or false. NULL: there is none to be had. Never faults. */
	bool (*peek)(void *ctx, gaddr at, void *buf, unsigned bytes);
	/* What reads code that this one does not, for it has not run (struct guest_ran). NULL: this one reads all. */
	const struct guest_fetch *all;
};

/* What has been carried out: at[i] is set to 1 for the two bytes of code at start + 2 * i. */
struct guest_ran {
	gaddr start;
	uint64_t halves;
	uint8_t *at;
};

/*
 * Exact counts. Instructions are counted by ways: a way begins at an instruction that something else than the one before it
 * led to, goes from each instruction to the one behind it, or to where a jump forward that leaves no link leads, and ends at an
 * instruction that says so (guest_step.ends) or leaves [start, start + 2 * halves). Where a way is entered its counter grows;
 * what is cut off of it, by a fault or the end of a trace, is taken off again where it would have gone on. So the number of times
 * that an instruction began is the sum of the counters along the ways that lead to it, once the pcs are gone through upwards.
 */
struct guest_tally {
	gaddr start;
	uint64_t halves;
	uint32_t
	    first; /* counter of all instructions elsewhere, one by one; those of [start, ...) follow */
};

static inline bool guest_tallies(const struct guest_tally *w, gaddr pc)
{
	return (pc - w->start) / 2 < w->halves;
}

/* The counter of the way that is entered at pc. */
static inline uint32_t guest_counter_of(const struct guest_tally *w, gaddr pc)
{
	return guest_tallies(w, pc) ? w->first + 1 + (uint32_t)((pc - w->start) / 2) : w->first;
}

/*
 * Routines of libc that the host has carried out, where somebody wants to know which instructions of the guest that stands for.
 * Runs that take the same way through the guest's code are of one class, as of op countrun: for each class two counters, how many runs
 * there were, and behind those of all classes by how many bytes, whole periods, all of them together were longer than the class stands
 * for (struct guest's run_again).
 */
enum { GUEST_ROUTINES = 16, GUEST_RUN_CLASSES = IR_RUN_CLASSES };

struct guest_runs {
	uint32_t first; /* counter of the first class */
	gaddr start;    /* of the program's code, in which they lie */
	uint64_t halves;
	gaddr at[GUEST_ROUTINES]; /* where each routine lies that is, 0: none so far; atomic */
};

/* A run once more: its memory lies at GUEST_ROOM, an address that no guest has, and it returns to 0. */
enum { GUEST_ROOM_BYTES = 4096 };
#define GUEST_ROOM (UINT64_C(1) << 62)

/* How an instruction goes on. */
struct guest_step {
	unsigned size_bytes; /* 0: none can be fetched */
	bool ends;           /* it ends a way */
	gaddr next;          /* where the way goes on */
	/* What it does besides: a jump or a call to target. One whose target the auipc before it completes is known. */
	enum { GUEST_STEP_ON, GUEST_STEP_JUMP, GUEST_STEP_CALL } kind;
	gaddr target; /* 1: not known */
};

struct guest_limits {
	unsigned max_insns;    /* guest instructions of a trace, at least 1 */
	unsigned max_branches; /* conditional branches that a trace goes past */
	bool routines;     /* libc's routines become op routine where they start, or are called */
	bool bit_routines; /* libgcc's that count bits become operations there */
	bool routine_ends; /* a trace that calls one ends where that returns: a checker's */
	/*
	 * Instructions are counted when they begin, in ir_state.counted: translated code does it by op count, and
	 * branches in it stay branches, none becomes a select.
	 */
	bool count;
	const struct guest_tally *tally; /* exact counts, too. NULL: none */
	struct guest_runs *runs;         /* runs of routines are noted there. NULL: nowhere */
	const struct guest_ran *ran; /* of struct guest's run: where to note it; NULL: nowhere */
	bool
	    keep_branches; /* none becomes a select: stores behind it wait for it (ir_unit.keep_deps) */
	/* Where a trace that does not start there ends: the blocks of a region. */
	const gaddr *stop;
	unsigned stop_count;
};

/* Decoder state of one thread: Capstone's handle and the memo. Made once, used by one thread. */
struct guest_decoder;

enum { GUEST_RUN_INSNS = 64 };

/* What struct guest's run has carried out. */
struct guest_run {
	struct guest_insn {
		_Alignas(8) uint8_t decoded[16]; /* as the guest's decoder does it */
	} insn[GUEST_RUN_INSNS];
	unsigned count;
	gaddr
	    end; /* of their bytes, which start at the run's pc; 0 when they do not lie one behind the other */
};

struct guest {
	const char *name; /* as uname -m says it */
	const struct ir_regfile *regs;
	const struct ir_regfile
	    *go_regs;              /* the same, with the ranks that suit code of Go's compiler */
	uint64_t default_features; /* of the cpu that a run without --cpu gets */
	const char *cpu_help;      /* the cpus that there are, a line each */
	/* The features of "NAME[,+EXT|,-EXT]..."; false: d says what there is not. */
	bool (*cpu_features)(const char *text, uint64_t *features, struct diag *d);
	/* Their name, as /proc/cpuinfo has it. */
	void (*cpu_isa)(uint64_t features, struct strbuf *out);
	struct guest_decoder *(*decoder_new)(uint64_t features); /* NULL: Capstone cannot be used */
	void (*decoder_free)(struct guest_decoder *d);
	/*
	 * Translates the trace that starts at pc into a new block of u. The
	 * trace follows fall-through and direct jumps and ends at an indirect jump,
	 * a call, a system instruction, a backward jump, or the limits. Always yields a valid unit:
	 * where nothing can be fetched or decoded it is one exitr FETCH or ILLEGAL.
	 * Of jumps, those back to pc alone are resolved (ir_resolve_exits).
	 */
	void (*translate)(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
			  const struct guest_limits *limits, struct ir_unit *u);
	/*
	 * Carries out at once what translate's unit for the trace at st->pc would do, as ir_interp does, and notes in
	 * *r what it ran. All branches leave it, also one to its start. limits: max_insns is GUEST_RUN_INSNS at most.
	 */
	enum ir_exit (*run)(struct guest_decoder *d, const struct guest_fetch *f,
			    const struct guest_limits *limits, struct ir_state *st,
			    const struct ir_memory *mem, struct guest_run *r);
	/* The same with the instructions that a run at the same pc has noted, and its limits; nothing is counted. */
	enum ir_exit (*rerun)(struct guest_decoder *d, const struct guest_fetch *f,
			      const struct guest_insn *insn, unsigned count,
			      const struct guest_limits *limits, struct ir_state *st,
			      const struct ir_memory *mem);
	/* The instruction at pc as exact counts see it. */
	void (*step)(struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		     struct guest_step *s);
	/*
	 * Makes st and room what the routine's first instruction finds in a run of that class; longer: by a period. What else the
	 * guest has is as it was. Returns the period in bytes; 0: there is no such class. A period more adds to it what it adds to
	 * class *steady.
	 */
	unsigned (*run_again)(const struct guest_runs *r, uint32_t class, bool longer,
			      uint8_t room[GUEST_ROOM_BYTES], struct ir_state *st,
			      uint32_t *steady);
	/* Disassembles one instruction for people; returns its size in bytes, 0 when it is none. */
	unsigned (*disas)(struct guest_decoder *d, const void *bytes, unsigned avail, gaddr pc,
			  struct strbuf *out);
	/*
	 * A library routine's row for the guest's table of them: what tells the function of size_bytes at pc apart, as columns.
	 * false: nothing does. Works in the arena.
	 */
	bool (*routine_row)(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f,
			    gaddr pc, unsigned size_bytes, struct strbuf *out);
	ir_helper_fn *const *helpers;
};

extern const struct guest rv64_guest;

#endif

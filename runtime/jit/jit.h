/*
 * The JIT at run time: translating on demand, running, linking, faults in code, invalidation.
 *
 * jit_run and everything that translates run in the run loop of a guest
 * thread; jit_fault alone runs in signal handlers.
 *
 * Lock order: the JIT's lock, then the address space's; runtime/mem calls code_changed without its own.
 */
#ifndef KIT_RUNTIME_JIT_JIT_H
#define KIT_RUNTIME_JIT_JIT_H

#include "lib/base/diag.h"
#include "runtime/core/thread.h"

struct guest_limits;
struct guest_ran;
struct jit;
struct ir_unit;

/* Of the traces that it translates; under --selfcheck short ones, so that the check is close to a difference. */
const struct guest_limits *jit_limits(const struct jit *j);
/* Before anything is translated: code in ran that has not run yet is level 0's to run first (runtime/cover.h). */
void jit_set_ran(struct jit *j, const struct guest_ran *ran);

/* What the program calls the code at a pc; NULL and 0 where it does not say. */
struct jit_place {
	const char *function;
	gaddr offset; /* in it */
	const char *file;
	uint32_t line;
};
typedef void jit_find_place(void *ctx, gaddr pc, struct jit_place *p);
/* Whom --perfmap and --jitdump ask. Before anything is translated. */
void jit_set_places(struct jit *j, jit_find_place *find, void *ctx);

/*
 * How often a trace is carried out at level 0 before it is translated. A process's first translations cost several times what
 * later ones do, since the translator's code and memory were not touched yet, and a process that ends soon can do
 * without them: they have to be worth more. One that has many is a program of many paths that goes on: each run at level 0
 * is a way out of translated code and back into it, which costs a good part of a translation. The more it has, the surer that is.
 */
enum {
	JIT_FIRST_UNITS = 64,
	JIT_FIRST_RUNS = 64,
	JIT_LEVEL0_RUNS = 16,
	JIT_FLAT_UNITS = 32768, /* divided by how many there are: how often, but at least */
	JIT_LATER_RUNS = 2,
	JIT_KEPT_RUNS = 4, /* where translations are kept: later runs have them, too */
};

struct jit_stats {
	uint64_t units, guest_insns, guest_bytes, code_bytes; /* translated so far */
	uint64_t translate_ns, lift_ns,
	    compile_ns;   /* with --stats: the whole; decoding to IR; IR to code */
	uint64_t runs;    /* entries into translated code */
	uint64_t lookups; /* of them for a guest pc that no link or jump table entry led to */
	uint64_t links;   /* links made */
	uint64_t regions; /* of the units those of level 2 */
	uint64_t taken;   /* of the units those that an earlier run had compiled */
	uint64_t killed, evicted_units;
};

struct jit *jit_new(struct kit_process *p, struct diag *d);
void jit_free(struct jit *j);
/* The thread's jump table, code stack and pointers for generated code. */
bool jit_thread_init(struct kit_thread *t, struct diag *d);
void jit_thread_fini(struct kit_thread *t);
/*
 * The same for a thread that ended in another process (vfork), wherever it was then. First jit_take_back, by which the
 * JIT's lock is free if the thread had it.
 */
void jit_take_back(struct kit_thread *t);
void jit_thread_gone(struct kit_thread *t);

/*
 * Runs from t->st.pc until something needs the run loop. IR_EXIT_LOOKUP: the trace at pc has
 * not run often enough yet, and the caller is to interpret it. Never returns LINK.
 */
enum ir_exit jit_run(struct kit_thread *t);
/*
 * True when the trace at t->st.pc is neither translated (untranslated: the caller knows that it is not) nor yet worth
 * it, counting this time. Once it is false, jit_run translates the trace.
 */
bool jit_is_cold(struct kit_thread *t, bool untranslated);
/* Runs exactly one unit, translating it if need be, without linking; jumps give IR_EXIT_LOOKUP. For --selfcheck. */
enum ir_exit jit_run_one(struct kit_thread *t);

/* What jit_fault made of a host fault. */
enum jit_fault_result {
	JIT_FAULT_NOT_OURS, /* not in translated code */
	JIT_FAULT_RESUME,   /* dealt with (code stack): return from the handler */
	JIT_FAULT_REDO, /* the same, and jit_run returns IR_EXIT_REDO; t->st.fault_kind says so */
	JIT_FAULT_GUEST, /* the guest's: registers are captured; jit_run returns IR_EXIT_FAULT after the handler */
	JIT_FAULT_ROUTINE, /* the same, but op routine gave up */
};

/*
 * A host SIGSEGV or SIGBUS at ucontext with fault address addr. Async-signal-safe.
 * The caller fills st->fault_kind and, but for ROUTINE, fault_code, fault_addr, fault_write.
 */
enum jit_fault_result jit_fault(struct kit_thread *t, void *ucontext, uint64_t addr);

/* The guest instruction that a signal at ucontext found in translated code, or one close before it; 0: none. Async-signal-safe. */
gaddr jit_guest_pc(const struct kit_thread *t, const void *ucontext);

/* After IR_EXIT_FAULT or REDO: where the code around t->st.pc that was translated together ends. */
gaddr jit_fault_end(const struct kit_thread *t);

/*
 * A signal was taken at ucontext: a system call that translated code is about to make is not made any more, but left to
 * the run loop, which looks for signals first. Async-signal-safe.
 */
void jit_interrupt(struct kit_thread *t, void *ucontext);

/* fence.i, riscv_flush_icache: code that was made from bytes whose writes went unnoticed is compared with them. */
void jit_sync_code(struct jit *j);
/* How many units were dropped so far, since their guest code had changed, or for room. No lock. */
uint64_t jit_dropped(const struct jit *j);
/* The guest's dynamic rounding mode or flags were changed in t->st.frm: derives st.host_fpcr (keeping flags in st.fflags). */
void jit_set_frm(struct kit_thread *t);

/* Makes every other thread keep out of translated code, until thaw; for good where the process is about to die. */
void jit_freeze(struct jit *j);
void jit_thaw(struct jit *j);

/*
 * fork: prepare runs in the parent before, then parent and child (in the child's only thread) after. The
 * JIT's lock is held from the first to the second. Prepare is true when it has translated what earlier children ran: what thread t
 * has kept to interpret is better forgotten.
 */
bool jit_fork_prepare(struct kit_thread *t);
void jit_fork_parent(struct jit *j);
void jit_fork_child(struct kit_thread *t);

/* The process ends or becomes another program: translations are written for later runs, where that is asked for and worth it. */
void jit_farewell(struct jit *j);

void jit_get_stats(struct jit *j, struct jit_stats *s);

/*
 * --log=in_asm and its like are for code in these ranges alone: "START..END", "START+SIZE", "END-SIZE", by commas. false: d says
 * what is wrong.
 */
bool jit_show_only(const char *ranges, struct diag *d);

#endif

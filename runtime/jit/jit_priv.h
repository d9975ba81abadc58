/* What the files of the JIT's run-time part share: its state, and that of its threads. */
#ifndef KIT_RUNTIME_JIT_JIT_PRIV_H
#define KIT_RUNTIME_JIT_JIT_PRIV_H

#include "arch/guest.h"
#include "lib/base/strbuf.h"
#include "lib/jit/host.h"
#include "runtime/jit/family.h"
#include "runtime/jit/jit.h"
#include "runtime/jit/persist.h"
#include "runtime/jit/tc.h"
#include "runtime/jit/world.h"
#include "runtime/mem/mem.h"

enum {
	THUNK_BYTES = 4096,        /* reserved for thunks at the start of code memory */
	UNIT_BYTES_MAX = 32 << 10, /* of code; a trace that needs more is cut */
	MIN_CACHE_BYTES = 1 << 20,
	CODE_STACK_BYTES = 256 << 10,
	CODE_STACK_ENTRY_BYTES = 16, /* the most that a host has for a return address */
	JUMP_BYTES = 2 * IR_JUMP_ENTRIES * sizeof(struct ir_jump_entry),
	ENTRIES = 32,
	COLD_ENTRIES = 4096,             /* counters of traces that are not translated yet */
	HOT_ENTRIES = 49152,             /* of a block make it hot: its region is compiled */
	WARM_ENTRIES = HOT_ENTRIES / 32, /* of another block make it part of the region */
	REGION_INSNS = 400,
	STRESS_HOT_ENTRIES = 40,
	FORK_SHARE_MAX_BYTES = 8 << 20, /* a child with more code than this starts with none */
	FORK_LINKS =
	    64, /* links that are not worth a copy of the code which is shared over a fork */
	LEARN_BYTES =
	    16
	    << 10, /* of code are copied after a fork for each trace that is translated for later children */
	MAX_CONTENT_BYTES = 4096,
	UNLOCKED_TRIES = 2, /* of a translation while other threads change guest code */
	STRESS_CACHE_BYTES = 512 << 10,
	TAKEN_AT_ONCE = 64, /* units out of the store */
	SPARE_MAX = 8,      /* what so many ended threads leave is kept */
};

typedef uint32_t enter_fn(struct ir_state *st, const void *code);

/* What a thread needs to translate and run. */
struct jit_thread {
	struct world_thread world;
	struct kit_thread *thread;
	struct ir_jump_entry *jump; /* its ir_state's; right below it lies the code stack */
	struct arena scratch;       /* of the translation under way */
	uint8_t *code;              /* UNIT_BYTES_MAX: where it is emitted to */
	bool old_edges;      /* its edges may lead to code that has been superseded; atomic */
	gaddr translating;   /* the pc of it; 1: none */
	bool region;         /* at level 2 */
	struct strbuf shown; /* its IR as text, where that is to be shown */
	struct persist_reads *reads; /* what it has read; NULL: nobody wants to know */
	/* The link by whose stub code was left last, as long as tc.renewals is that. */
	struct {
		struct tc_link *link;
		uint64_t renewals;
	} left;
	uint64_t runs, lookups;
	uint64_t lift_ns, compile_ns; /* of --stats: the translation under way */
	gaddr fault_end;              /* of the last fault: jit_fault_end */
	/* Where the run loop came back to, after system calls above all: a small table that stays in the host's cache. */
	struct ir_jump_entry entry[ENTRIES];
	uint64_t random; /* of --stress */
	struct jit_thread *next_spare;
};

struct jit {
	const struct kit_options *opt;
	struct mem_space *mem;
	const struct guest *guest;
	const struct jit_host *host;
	struct ra_target target;
	struct jit_opts opts, region_opts;
	struct jit_thunks thunks;
	struct guest_limits limits;
	struct guest_fetch fetch,
	    fetch_all; /* the latter behind the former, where that reads what has run alone */
	const struct guest_ran *ran; /* NULL: everything may be translated */
	enter_fn *enter;
	struct kit_lock lock;
	uint32_t
	    translated; /* futex: how many translations have ended; whoever waits may be killed meanwhile (vfork) */
	struct world world;
	/* What ended threads leave to new ones. The code that their tables know is forgotten as a running thread's is. */
	struct jit_thread *spare;
	unsigned spare_count;
	struct tc tc;
	unsigned links_left; /* after a fork: how many may still go without being patched */
	struct jit_stats stats;
	struct {
		int pid;            /* whose files were written last */
		uint64_t index;     /* of units in --jitdump's file */
		const char *folder; /* of that */
		jit_find_place *find;
		void *ctx; /* its */
	} perf;
	/*
	 * How often traces were interpreted, by their pc: a start-up runs most of its code a few
	 * times only. Two pcs that share a place are translated the sooner. All threads count here, since each may run
	 * some code once; counts that get lost do no harm. Atomic.
	 */
	uint8_t *cold_runs; /* COLD_ENTRIES */
	/* From the first fork on; NULL: there was none. family_seen: what of it this process has looked at. */
	struct family *family;
	uint64_t family_seen;
	uint64_t compiled;       /* units, by this process; atomic */
	uint8_t patience;        /* how often a trace is interpreted; 0: by how many there are */
	struct persist *persist; /* translations of earlier runs; NULL: there is no store */
};

static inline void lock(struct jit *j) { kit_lock(&j->lock); }
static inline void unlock(struct jit *j) { kit_unlock(&j->lock); }

/* struct jit_thread starts with its entry. */
static inline struct jit_thread *thread_of(struct world_thread *e)
{
	return (struct jit_thread *)(void *)e;
}

static inline struct world_thread *self_entry(void)
{
	const struct kit_thread *t = kit_self();

	return t && t->jit ? &t->jit->world : NULL;
}

/* Edges (struct ir_edge) of a thread that is this one or in no code lead to no code of gpc's, or to none at all. */
void edges_forget(struct ir_state *st, gaddr gpc);
void edges_forget_all(struct ir_state *st);

/* Drops every return address: the next guest return finds its target by lookup. */
static inline void reset_code_stack(struct ir_state *st) { st->code_sp = st->code_sp_top; }

/* Key of the guest bytes that a unit was made from. */
uint64_t jit_hash_guest(const struct jit *j, const struct ir_range *r, uint32_t count);

static inline struct ir_jump_entry *entry_of(struct jit_thread *jt, gaddr pc)
{
	return &jt->entry[(pc >> 1) & (ENTRIES - 1)];
}

/* A number below n, with --stress; else never 0. */
unsigned jit_chance(const struct jit *j, struct kit_thread *t, unsigned n);
/* With --stress: lets others run where a change is half done. */
void jit_dawdle(const struct jit *j);
/* With --stress, now and then: the oldest code goes, all code goes, all threads look for signals. The lock is held. */
void jit_disturb(struct jit *j, struct kit_thread *t);

/* False: nothing of pc is to be translated yet (jit_set_ran). */
bool jit_has_run(const struct jit *j, gaddr pc);

/*
 * The unit at pc, freshly translated, at level 2 if region says so, by this thread or another one. NULL when nothing can be fetched there: that is
 * not kept as a unit, since nobody says when it changes. Called and left with the lock held.
 */
struct tc_unit *jit_translate(struct jit *j, struct kit_thread *t, gaddr pc, bool region);
/* The unit at pc that an earlier run has compiled; NULL: there is none that fits. The lock is held all the time. */
struct tc_unit *jit_take(struct jit *j, struct kit_thread *t, gaddr pc);
/* The block at pc is hot: the region that starts there takes its place. */
void jit_make_region(struct jit *j, struct kit_thread *t, gaddr pc);
/* Wakes who waits until some translation has ended. */
void jit_end_translation(struct jit *j);

#endif

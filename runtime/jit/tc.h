/*
 * The translation cache: which code stands for which guest pc.
 *
 * A unit is one piece of translated code. Its life:
 *
 *            tc_add                 tc_kill (guest code changed, or its segment is reused)
 *   (none) ----------> live ------------------------------> dead ----> memory reused
 *                       found by tc_find, linked to          not found, no link leads to it
 *
 * Code memory is a ring of segments filled one after the other; when the ring is full
 * the oldest segment is emptied (tc_next_segment), so that the cache is bounded and a
 * program that generates code for hours leaks nothing. Tables of a unit live in its
 * segment's arena and go with it.
 *
 * A dead unit's bytes may still be returned to from the code stack until its segment is
 * reused; its links lead to their stubs by then. Whoever calls tc_next_segment drops the return addresses.
 *
 * Threads: one lock (the JIT's) covers all of it but four functions. tc_find and tc_stub_at are also called without the lock by
 * threads that count as being in translated code (world.h); tc_unit_at and tc_fault_at are called by signal handlers in it.
 * So units are published whole, and nothing that these four read is taken away while any thread is in code:
 * whoever calls tc_kill, tc_next_segment or tc_grow keeps them out.
 */
#ifndef KIT_RUNTIME_JIT_TC_H
#define KIT_RUNTIME_JIT_TC_H

#include "lib/base/arena.h"
#include "lib/jit/host.h"
#include "runtime/jit/codemem.h"

struct tc_link {
	struct code_link code;
	struct tc_unit *from;
	struct tc_unit *to;            /* NULL: unlinked */
	struct tc_link *next, **pprev; /* in to->incoming */
};

/* One unit's place in the list of a guest page that it was made from. */
struct tc_page_ref {
	struct tc_unit *unit;
	struct tc_page *page;
	struct tc_page_ref *next, **pprev;
};

struct tc_page {
	uint64_t number; /* guest address / 4096; the table's key */
	struct tc_page_ref *refs;
	struct tc_page *hash_next;
	bool unguarded; /* writes are not noticed: units here are compared at fence.i */
};

struct tc_unit {
	gaddr gpc;
	const uint8_t *code; /* executable view */
	uint32_t size_bytes;
	uint32_t guest_insns;
	uint64_t content_hash; /* of the guest bytes */
	bool dead;
	bool is_region;     /* made by level 2 */
	bool is_superseded; /* not found any more, since a better one of its pc is */
	struct tc_unit
	    *older; /* what was found until this one was added, as long as nothing else is */
	struct tc_link *incoming;
	struct tc_link *link;
	const struct code_stub *stub;
	struct tc_page_ref *page_ref;
	const struct code_fault *fault;
	const struct code_owe *owe;
	const struct lir_loc *loc;
	const struct ir_range *range;
	uint32_t link_count, stub_count, page_ref_count, fault_count, owe_count, range_count;
};

/* Where a unit lies, beside what it is: a search reads the units of its way past no more than this. */
struct tc_place {
	uint64_t code;
	struct tc_unit *unit;
};

/* A live unit in the table of all. A search reads no units. */
struct tc_slot {
	gaddr gpc;
	struct tc_unit *unit; /* atomic, written behind gpc; NULL: free */
};

struct tc_segment {
	struct arena arena;
	struct tc_place *place; /* ascending by code address */
	unsigned unit_count, place_cap;
	uint32_t *
	    before; /* of each chunk of code memory: how many units begin before it; in the arena */
	unsigned chunks; /* of those that count: all that a unit begins in, and those before */
	uint32_t used_bytes;
};

enum { TC_SEGMENTS = 8, TC_PAGE_BUCKETS = 512, TC_CHUNK_BYTES = 16384 };

struct tc {
	struct codemem mem;
	uint32_t reserved_bytes; /* at the start of mem: thunks */
	uint32_t align_bytes;    /* of lines */
	const struct jit_host *host;
	uint32_t segment_bytes;
	unsigned current; /* segment being filled */
	struct tc_segment seg[TC_SEGMENTS];
	struct tc_slot *
	    slot; /* open addressing: by a hash of the pc, from there on to the next that is free */
	unsigned slot_count, unit_count;
	struct tc_page **page_bucket; /* TC_PAGE_BUCKETS */
	unsigned page_count;
	/* Told about each unit that dies, to clear jump tables. */
	void (*on_kill)(void *ctx, const struct tc_unit *u);
	void *on_kill_ctx;
	uint64_t evicted_units;
	uint64_t renewals; /* how often memory of units has been taken for others; atomic */
};

/*
 * reserved_bytes: kept free at the start, a multiple of the host's code_align. size_bytes: at most what a link of the host reaches.
 */
bool tc_init(struct tc *tc, size_t size_bytes, uint32_t reserved_bytes, const struct jit_host *host,
	     struct diag *d);
void tc_fini(struct tc *tc);

/* The live unit that starts at gpc, or NULL. */
struct tc_unit *tc_find(const struct tc *tc, gaddr gpc);
/* True when the current segment has room for a unit of that much code. */
bool tc_fits(const struct tc *tc, uint32_t code_bytes);
/* Empties the oldest segment and makes it the current one. Return addresses into code become invalid. */
void tc_next_segment(struct tc *tc);
/* True when finding takes long: time for tc_grow. */
bool tc_is_crowded(const struct tc *tc);
void tc_grow(struct tc *tc);
/* Makes a live unit of code that fits, which is copied. content_hash: of its guest bytes. */
struct tc_unit *tc_add(struct tc *tc, const struct code *c, uint64_t content_hash);
void tc_kill(struct tc *tc, struct tc_unit *u);
/* Kills every unit made from guest bytes in the range. Returns how many. */
unsigned tc_kill_range(struct tc *tc, gaddr start, uint64_t size_bytes);
void tc_kill_all(struct tc *tc);
/* Somebody was killed while he changed it: an empty one from now on, that does not look at what was there. Nobody is in code. */
void tc_give_up(struct tc *tc);
/* The page's record, made when make is set; NULL else. */
struct tc_page *tc_page(struct tc *tc, uint64_t number, bool make);
bool tc_any_unguarded(const struct tc *tc);
/* Calls fn for each live unit on a page that is not guarded. */
void tc_each_unguarded(struct tc *tc, void (*fn)(void *ctx, struct tc_unit *u), void *ctx);

/* The unit, live or dead, whose code holds host_pc. Async-signal-safe. */
struct tc_unit *tc_unit_at(const struct tc *tc, uint64_t host_pc);
/* The fault record of the host instruction at host_pc in u, or NULL. Async-signal-safe. */
const struct code_fault *tc_fault_at(const struct tc_unit *u, uint64_t host_pc);
/* A way out by a stub: why, and for which guest pc. */
struct tc_way {
	enum ir_exit reason;
	gaddr pc;
	struct tc_link *link; /* LINK: it, there as long as tc.renewals stays as it is; else NULL */
};
/* The way out by the stub whose call returns to host address behind. */
struct tc_way tc_stub_at(const struct tc *tc, uint64_t behind);
/* What is owed there (op owe). Async-signal-safe. */
uint32_t tc_owed_at(const struct tc_unit *u, const struct code_fault *f);
/* Makes the link lead to unit to, which must start at the link's target. */
void tc_link(struct tc *tc, struct tc_link *l, struct tc_unit *to);
/* Makes all links lead on whose targets are there. */
void tc_link_all(struct tc *tc);
/*
 * The links that lead to old lead to by, which was made of the same guest pc and is found from now on. Old lives on,
 * since threads may be in it: other threads may be in code.
 */
void tc_supersede(struct tc *tc, struct tc_unit *old, struct tc_unit *by);

#endif

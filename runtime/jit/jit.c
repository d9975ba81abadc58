/*
 * Translating on demand and running; see jit.h.
 *
 *     jit_run:   find or translate the unit at pc --> enter its code
 *                     ^                                   |
 *                     |  IR_EXIT_LOOKUP: fill the jump table
 *                     +--IR_EXIT_LINK:   and patch the link ---- any other reason: to the run loop
 *
 * Code reaches its thread through struct ir_state alone. The code stack holds the host
 * return addresses of guest calls, so that returns are predicted; its bottom word
 * is the resync thunk and below its low end lies a guard page: running into it drops all
 * return addresses, which costs lookups and nothing else.
 */
#include "runtime/jit/jit.h"

#include "arch/guest.h"
#include "arch/host.h"
#include "arch/native.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/jit/compile.h"
#include "runtime/jit/tc.h"
#include "runtime/mem/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	THUNK_BYTES = 4096,        /* reserved for thunks at the start of code memory */
	MIN_ROOM_BYTES = 32 << 10, /* a unit gets at least this much room */
	MIN_CACHE_BYTES = 1 << 20,
	CODE_STACK_BYTES = 256 << 10,
	COLD_ENTRIES = 4096, /* counters of traces that are not translated yet */
	LEVEL0_RUNS = 16,
	FORK_COPY_MAX_BYTES = 8 << 20, /* a child with more code than this starts with none */
	MAX_CONTENT_BYTES = 4096,
};

/*
 * How long traces get at level 1. Going past branches saves 5 to 15 % in loops with branches, nearly all of it by
 * the first two; each one more makes code with many joins be translated once more.
 */
static const struct guest_limits level1_limits = { .max_insns = 64, .max_branches = 2 };
const struct guest_limits jit_lockstep_limits = { .max_insns = 64, .max_branches = 0 };

typedef uint32_t enter_fn(struct ir_state *st, const void *code);

struct jit {
	struct kit_process *proc;
	const struct guest *guest;
	const struct jit_host *host;
	struct ra_target target;
	struct jit_opts opts;
	struct jit_thunks thunks;
	struct guest_limits limits;
	struct guest_fetch fetch;
	enter_fn *enter;
	struct tc tc;
	struct arena scratch;      /* of the translation under way */
	struct kit_thread *thread; /* the one there is; a list when guests have threads */
	struct codemem_copy fork_copy;
	struct jit_stats stats;
	/*
	 * How often traces were interpreted, by hash of their pc: a start-up runs most of its code a few
	 * times only. Two pcs that share a place are translated the sooner.
	 */
	uint8_t runs[COLD_ENTRIES];
};

/* ---- set-up ------------------------------------------------------------------------------- */

static void forget_unit(void *ctx, const struct tc_unit *u)
{
	struct jit *j = ctx;
	struct ir_jump_entry *e;

	j->stats.killed++;
	if (!j->thread)
		return;
	e = &j->thread->st.jump[(u->gpc >> 1) & (IR_JUMP_ENTRIES - 1)];
	if (e->gpc == u->gpc)
		e->gpc = 1;
}

static void code_changed(void *ctx, gaddr start, uint64_t size_bytes)
{
	struct jit *j = ctx;
	unsigned n = tc_kill_range(&j->tc, start, size_bytes);

	if (n)
		KIT_LOG(jit, "guest code at %#lx, %lu bytes changed: %u units dropped",
			(unsigned long)start, (unsigned long)size_bytes, n);
}

static bool make_thunks(struct jit *j, struct diag *d)
{
	struct codebuf cb;

	cb_init(&cb, j->tc.mem.rw, THUNK_BYTES);
	if (!j->host->thunks(&j->target, &j->opts, &cb, &j->thunks))
		return diag_fail(d, KIT_EXIT_INTERNAL, "thunks do not fit");
	j->enter = (enter_fn *)(uintptr_t)(j->tc.mem.rx + j->thunks.enter);
	return true;
}

struct jit *jit_new(struct kit_process *p, struct diag *d)
{
	struct jit *j = calloc(1, sizeof *j);
	uint64_t size = p->opt.cache_bytes;

	KIT_CHECK(j, "out of memory");
	if (size < MIN_CACHE_BYTES)
		size = MIN_CACHE_BYTES;
	j->proc = p;
	j->guest = &rv64_guest;
	j->host = host_native();
	j->opts.host_features = p->opt.host_isa_baseline ? 0 : native_features();
	j->opts.guest_base = mem_base(p->mem) != 0;
	j->limits = p->opt.selfcheck ? jit_lockstep_limits : level1_limits;
	j->fetch = (struct guest_fetch){ .read = mem_fetch, .ctx = p->mem };
	j->host->target(j->guest->regs, &j->opts, &j->target);
	arena_init(&j->scratch);
	if (!tc_init(&j->tc, size, THUNK_BYTES, j->host->code_align, d) || !make_thunks(j, d)) {
		free(j);
		return NULL;
	}
	j->tc.on_kill = forget_unit;
	j->tc.on_kill_ctx = j;
	mem_set_listener(p->mem, (struct mem_listener){ .code_changed = code_changed, .ctx = j });
	return j;
}

void jit_free(struct jit *j)
{
	if (!j)
		return;
	tc_fini(&j->tc);
	arena_fini(&j->scratch);
	free(j);
}

/* Drops every return address: the next guest return finds its target by lookup. */
static void reset_code_stack(struct kit_thread *t) { t->st.code_sp = t->st.code_sp_top; }

bool jit_thread_init(struct kit_thread *t, struct diag *d)
{
	struct jit *j = t->proc->jit;
	struct ir_state *st = &t->st;
	/* One page more at each end: the guard below, and none of our own above. */
	char *stack = codemem_stack_new(CODE_STACK_BYTES);
	uint64_t resync = (uintptr_t)(j->tc.mem.rx + j->thunks.resync);

	/*
	 * Zeroes match no pc but 0, which belongs to entry 0 alone: so the table costs memory only where it is
	 * used.
	 */
	st->jump = calloc(IR_JUMP_ENTRIES, sizeof *st->jump);
	if (!stack || !st->jump)
		return diag_fail(d, KIT_EXIT_INTERNAL, "out of memory for a thread");
	st->jump[0].gpc = 1;
	for (unsigned i = 0; i < IR_THUNK_COUNT; i++)
		st->thunk[i] = j->tc.mem.rx + j->thunks.thunk[i];
	st->code_sp_top = (uintptr_t)stack + CODE_STACK_BYTES - sizeof resync;
	memcpy(stack + CODE_STACK_BYTES - sizeof resync, &resync, sizeof resync);
	reset_code_stack(t);
	j->host->state_init(st);
	j->thread = t;
	jit_set_frm(t);
	return true;
}

void jit_thread_fini(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;

	codemem_stack_free((char *)(uintptr_t)(t->st.code_sp_top + sizeof(uint64_t))
			       - CODE_STACK_BYTES,
			   CODE_STACK_BYTES);
	free(t->st.jump);
	t->st.jump = NULL;
	j->thread = NULL;
}

void jit_set_frm(struct kit_thread *t)
{
	struct ir_state *st = &t->st;

	st->fflags |= native_fpcr_flags(st->host_fpcr);
	st->host_fpcr = native_fpcr_make(st->frm);
}

/* ---- translating -------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Key of the guest bytes that a unit was made from. */
static uint64_t hash_guest(const struct jit *j, const struct ir_range *r, uint32_t count)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t buf[MAX_CONTENT_BYTES];
		uint32_t n = r[i].size_bytes < sizeof buf ? r[i].size_bytes : (uint32_t)sizeof buf;
		/* Bytes that can no longer be fetched change the count, and so the key. */
		unsigned got = mem_fetch(j->proc->mem, r[i].start, buf, n);

		h = kit_mix64(h ^ kit_hash(buf, got));
	}
	return h;
}

/* Writes to the pages of the unit shall be noticed from now on; asked once a page. */
static bool guard_pages(struct jit *j, const struct code *c)
{
	bool all_guarded = true, fresh = false;

	for (unsigned i = 0; i < c->range_count; i++) {
		const struct ir_range *r = &c->range[i];

		for (uint64_t n = r->start / MEM_PAGE_BYTES;
		     n <= (r->start + r->size_bytes - 1) / MEM_PAGE_BYTES; n++) {
			struct tc_page *p = tc_page(&j->tc, n, true);

			if (!p->refs)
				p->unguarded = !mem_guard(j->proc->mem, n * MEM_PAGE_BYTES,
							  MEM_PAGE_BYTES, &fresh);
			all_guarded &= !p->unguarded;
		}
	}
	return all_guarded;
}

/* Builds IR of the trace at pc and compiles it into the current segment. */
static enum jit_status compile_trace(struct jit *j, struct kit_thread *t, gaddr pc,
				     const struct guest_limits *limits, struct code *c)
{
	struct ir_unit u;
	struct codebuf cb;
	uint32_t room;
	uint8_t *buf = tc_room(&j->tc, &room);

	arena_reset(&j->scratch);
	ir_unit_init(&u, &j->scratch, j->guest->regs, pc);
	j->guest->translate(t->decoder, &j->fetch, pc, limits, &u);
	/* In lockstep each turn of a loop comes back to be compared. */
	for (unsigned i = 0; j->proc->opt.selfcheck && i < u.insn_count; i++)
		u.insn[i].to = IR_NOBLOCK;
	cb_init(&cb, buf, room);
	return jit_compile(&u, j->host, &j->target, &j->opts, &cb, c);
}

/*
 * The unit at pc, freshly translated. NULL when nothing can be fetched there: that is not kept as a unit, since
 * nobody says when it changes.
 */
static struct tc_unit *translate(struct jit *j, struct kit_thread *t, gaddr pc)
{
	struct guest_limits limits = j->limits;
	uint64_t begin = t->proc->opt.stats ? now_ns() : 0;
	struct code c;
	uint32_t room;
	struct tc_unit *u;

	tc_room(&j->tc, &room);
	if (room < MIN_ROOM_BYTES) {
		tc_next_segment(&j->tc);
		reset_code_stack(t);
	}
	while (compile_trace(j, t, pc, &limits, &c) != JIT_OK) {
		KIT_CHECK(limits.max_insns > 1, "one instruction at %#lx does not fit",
			  (unsigned long)pc);
		limits.max_insns /= 2;
	}
	if (!c.guest_insns)
		return NULL;
	u = tc_add(&j->tc, &c, guard_pages(j, &c) ? 0 : hash_guest(j, c.range, c.range_count));
	j->stats.units++;
	j->stats.guest_insns += c.guest_insns;
	j->stats.code_bytes += c.size_bytes;
	for (unsigned i = 0; i < c.range_count; i++)
		j->stats.guest_bytes += c.range[i].size_bytes;
	if (begin)
		j->stats.translate_ns += now_ns() - begin;
	KIT_LOG(jit, "unit %#lx: %u guest instructions, %u bytes at %p", (unsigned long)pc,
		c.guest_insns, c.size_bytes, (const void *)u->code);
	return u;
}

/* ---- running ------------------------------------------------------------------------------ */

/*
 * After IR_EXIT_LINK: patches the link that code came out of. Its unit may have died, or its memory
 * been reused, while the target was translated: then nothing is found and nothing is patched.
 */
static void link_exit(struct jit *j, uint64_t field, struct tc_unit *to)
{
	struct tc_unit *from = tc_unit_at(&j->tc, field);
	struct tc_link *l = from && !from->dead ? tc_link_at(from, field) : NULL;

	if (!l || l->to)
		return;
	if (l->code.kind != CODE_LINK_IC && l->code.target != to->gpc)
		return;
	tc_link(&j->tc, l, to);
	j->stats.links++;
}

/* True while pc has not yet run often enough to be translated. */
static bool is_cold(struct kit_thread *t, gaddr pc)
{
	uint8_t *runs = &t->proc->jit->runs[kit_mix64(pc) & (COLD_ENTRIES - 1)];

	if (++*runs < LEVEL0_RUNS)
		return true;
	*runs = 0;
	return false;
}

enum ir_exit jit_run(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;
	struct ir_state *st = &t->st;
	uint64_t link_field = 0;

	for (;;) {
		struct tc_unit *u = tc_find(&j->tc, st->pc);
		struct ir_jump_entry *e;
		enum ir_exit why;

		if (!u) {
			if (is_cold(t, st->pc))
				return IR_EXIT_LOOKUP;
			u = translate(j, t, st->pc);
			if (!u)
				return IR_EXIT_FETCH;
		}
		e = &st->jump[(u->gpc >> 1) & (IR_JUMP_ENTRIES - 1)];
		e->code = u->code;
		e->gpc = u->gpc;
		if (link_field)
			link_exit(j, link_field, u);
		j->stats.runs++;
		why = (enum ir_exit)j->enter(st, u->code);
		if (why != IR_EXIT_LOOKUP && why != IR_EXIT_LINK)
			return why;
		if (st->stop)
			return IR_EXIT_STOP;
		j->stats.lookups += why == IR_EXIT_LOOKUP;
		link_field = why == IR_EXIT_LINK ? st->exit_arg : 0;
	}
}

enum ir_exit jit_run_one(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;
	struct tc_unit *u = tc_find(&j->tc, t->st.pc);
	enum ir_exit why;

	if (!u)
		u = translate(j, t, t->st.pc);
	if (!u)
		return IR_EXIT_FETCH;
	why = (enum ir_exit)j->enter(&t->st, u->code);
	return why == IR_EXIT_LINK ? IR_EXIT_LOOKUP : why;
}

/* ---- faults ------------------------------------------------------------------------------- */

enum jit_fault_result jit_fault(struct kit_thread *t, void *ucontext, uint64_t addr)
{
	struct jit *j = t->proc->jit;
	uint64_t pc = native_ctx_pc(ucontext);
	uint64_t guard = t->st.code_sp_top + sizeof(uint64_t) - CODE_STACK_BYTES - MEM_PAGE_BYTES;
	const struct code_fault *f;
	struct tc_unit *u;

	if (!j || !codemem_holds(&j->tc.mem, pc))
		return JIT_FAULT_NOT_OURS;
	if (addr - guard < MEM_PAGE_BYTES) {
		native_ctx_set_sp(ucontext, t->st.code_sp_top);
		return JIT_FAULT_RESUME;
	}
	u = tc_unit_at(&j->tc, pc);
	f = u ? tc_fault_at(u, pc) : NULL;
	if (!f)
		return JIT_FAULT_NOT_OURS;
	native_ctx_capture(ucontext, &t->st, &j->target, u->loc + f->first, f->count,
			   j->host->apply_fix, j->tc.mem.rx + j->thunks.leave_fault);
	t->st.pc = u->gpc + (gaddr)(int64_t)f->gpc_off;
	return JIT_FAULT_GUEST;
}

/* ---- changes of guest code ----------------------------------------------------------------- */

static void drop_if_changed(void *ctx, struct tc_unit *u)
{
	struct jit *j = ctx;

	if (hash_guest(j, u->range, u->range_count) != u->content_hash)
		tc_kill(&j->tc, u);
}

void jit_sync_code(struct jit *j)
{
	if (j)
		tc_each_unguarded(&j->tc, drop_if_changed, j);
}

/* ---- fork --------------------------------------------------------------------------------- */

/* Offset behind the last code; everything while the ring has wrapped round. */
static size_t used_bytes(const struct jit *j)
{
	size_t end = THUNK_BYTES;

	for (unsigned i = 0; i < TC_SEGMENTS; i++)
		if (j->tc.seg[i].used_bytes)
			end =
			    THUNK_BYTES + (size_t)i * j->tc.segment_bytes + j->tc.seg[i].used_bytes;
	return end;
}

void jit_fork_prepare(struct jit *j)
{
	size_t used;

	if (!j)
		return;
	used = used_bytes(j);
	if (used > FORK_COPY_MAX_BYTES)
		used = THUNK_BYTES;
	j->fork_copy = codemem_fork_prepare(&j->tc.mem, 0, used);
}

void jit_fork_parent(struct jit *j)
{
	if (j)
		codemem_fork_parent(&j->tc.mem, j->fork_copy);
}

void jit_fork_child(struct jit *j)
{
	if (!j)
		return;
	KIT_CHECK(codemem_fork_child(&j->tc.mem, j->fork_copy), "no code memory after fork");
	/* A cache too big to copy: the units' bytes are not there, so they must go unlinked. */
	if (used_bytes(j) > FORK_COPY_MAX_BYTES) {
		tc_kill_all(&j->tc);
		reset_code_stack(j->thread);
	}
}

void jit_get_stats(const struct jit *j, struct jit_stats *s)
{
	*s = j->stats;
	s->evicted_units = j->tc.evicted_units;
}

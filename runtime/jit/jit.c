/*
 * Translating on demand and running; see jit.h.
 *
 *     jit_run:   jump table, or find or translate the unit at pc --> enter its code
 *                     ^                                                   |
 *                     |  IR_EXIT_HOT: compile the region ----------------+
 *                     |  IR_EXIT_LOOKUP: fill the jump table              |
 *                     +--IR_EXIT_LINK:   and patch the link --------------+-- any other reason: to the run loop
 *
 * Level 1 counts how often its blocks are entered. One that is entered often leaves with IR_EXIT_HOT, and the region
 * around it is compiled (region.h); its code takes the place of the old one, also while that is running.
 *
 * Code reaches its thread through struct ir_state alone. The code stack holds the host
 * return addresses of guest calls, so that returns are predicted; its bottom word
 * is the resync thunk and below its low end lies a guard page: running into it drops all
 * return addresses, which costs lookups and nothing else.
 *
 * Threads. One lock covers the translation cache, the links and the list of threads (world.h). A thread's own jump
 * table is read without it. Compiling goes on without it too, into memory of the thread's; what changed meanwhile is
 * found out before the unit is installed (translate.c). Units are killed, and code memory is reused,
 * only while every other thread is outside of translated code.
 */
#include "runtime/jit/jit.h"

#include "arch/host.h"
#include "arch/native.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "runtime/core/futex.h"
#include "runtime/core/near.h"
#include "runtime/core/sums.h"
#include "runtime/jit/jit_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * How long traces get at level 1. Going past branches saves 5 to 15 % in loops with branches, nearly all of it by
 * the first two; each one more makes code with many joins be translated once more.
 */
static const struct guest_limits level1_limits = { .max_insns = 64, .max_branches = 2 };
static const struct guest_limits lockstep_limits = { .max_insns = 64, .max_branches = 0 };

/* ---- --stress ------------------------------------------------------------------------------ */

unsigned jit_chance(const struct jit *j, struct kit_thread *t, unsigned n)
{
	uint64_t *x = &t->jit->random;

	if (!j->opt->stress)
		return 1;
	*x = kit_mix64(*x + 1);
	return (unsigned)(*x % n);
}

void jit_dawdle(const struct jit *j)
{
	struct kit_thread *t = kit_self();

	if (t && t->jit && !jit_chance(j, t, 4))
		usleep(jit_chance(j, t, 300));
}

/* ---- set-up ------------------------------------------------------------------------------- */

static uint8_t *cold_runs_of(const struct kit_thread *t, gaddr pc)
{
	return &t->proc->jit->cold_runs[(pc >> 1) & (COLD_ENTRIES - 1)];
}

/* The jump tables lead to code from now on. */
static void set_jump(struct ir_state *st, gaddr pc, const void *code)
{
	struct ir_jump_entry *e = &st->jump[ir_jump_of(pc)];

	if (e->gpc != pc && e->gpc && !(e->gpc & 1))
		st->jump[ir_jump_second(e->gpc)] = *e;
	*e = (struct ir_jump_entry){ .gpc = pc, .code = code };
}

/* Entries that are none match no pc: fresh pages are zero, which match no pc but 0. */
static void clear_tables(struct jit_thread *jt)
{
	const unsigned zero[] = { ir_jump_of(0), ir_jump_second(0) };

	for (unsigned n = 0; n < ARRAY_LEN(zero); n++)
		jt->jump[zero[n]].gpc = ir_jump_none(zero[n]);
	jt->entry[0].gpc = 1;
}

static void forget_entries(struct jit_thread *jt, gaddr gpc)
{
	const unsigned at[] = { ir_jump_of(gpc), ir_jump_second(gpc) };
	struct ir_jump_entry *e = entry_of(jt, gpc);

	for (unsigned n = 0; n < ARRAY_LEN(at); n++)
		if (jt->jump[at[n]].gpc == gpc)
			jt->jump[at[n]].gpc = ir_jump_none(at[n]);
	if (e->gpc == gpc)
		e->gpc = 1;
}

static void forget_unit(void *ctx, const struct tc_unit *u)
{
	struct jit *j = ctx;

	j->stats.killed++;
	for (struct world_thread *e = j->world.first; e; e = e->next) {
		forget_entries(thread_of(e), u->gpc);
		edges_forget(e->st, u->gpc);
	}
	for (struct jit_thread *jt = j->spare; jt; jt = jt->next_spare)
		forget_entries(jt, u->gpc);
}

static void code_changed(void *ctx, gaddr start, uint64_t size_bytes)
{
	struct jit *j = ctx;
	unsigned n;

	jit_dawdle(j);
	lock(j);
	world_stop(&j->world, self_entry());
	n = tc_kill_range(&j->tc, start, size_bytes);
	world_go(&j->world);
	unlock(j);
	if (n)
		KIT_LOG(jit, "guest code at %#lx, %lu bytes changed: %u units dropped",
			(unsigned long)start, (unsigned long)size_bytes, n);
}

/* How many of n bytes at pc have run; those that nobody asks about count as such. */
static __attribute__((noinline)) unsigned ran_bytes(const struct guest_ran *r, gaddr pc, unsigned n)
{
	unsigned k = 0;

	while (k < n) {
		uint64_t i = (pc + k - r->start) / 2;

		if (i < r->halves && !__atomic_load_n(&r->at[i], __ATOMIC_RELAXED))
			break;
		k += 2;
	}
	return k < n ? k : n;
}

bool jit_has_run(const struct jit *j, gaddr pc)
{
	return KIT_LIKELY(!j->ran) || ran_bytes(j->ran, pc, 2);
}

static unsigned fetch_ran(void *ctx, gaddr pc, void *buf, unsigned want_bytes)
{
	const struct jit *j = ctx;

	return mem_fetch(j->mem, pc, buf, ran_bytes(j->ran, pc, want_bytes));
}

static bool is_own(void *ctx, gaddr pc)
{
	const struct jit *j = ctx;

	return mem_is_vdso(j->mem, pc);
}

void jit_set_ran(struct jit *j, const struct guest_ran *ran)
{
	j->ran = ran;
	j->fetch_all = j->fetch;
	j->fetch = (struct guest_fetch){ fetch_ran, j, is_own, NULL, &j->fetch_all };
}

const struct guest_limits *jit_limits(const struct jit *j) { return &j->limits; }

static bool make_thunks(struct jit *j, struct diag *d)
{
	struct codebuf cb;

	cb_init(&cb, codemem_rw(&j->tc.mem, j->tc.mem.rx, THUNK_BYTES), THUNK_BYTES);
	if (!j->host->thunks(&j->target, &j->opts, &cb, &j->thunks))
		return diag_fail(d, KIT_EXIT_INTERNAL, "thunks do not fit");
	codemem_sync(j->tc.mem.rx, cb_pos(&cb));
	j->enter = (enter_fn *)(uintptr_t)(j->tc.mem.rx + j->thunks.enter);
	return true;
}

/*
 * Opens the store of earlier translations. What else than the program's bytes they depend on is in its name. Those that count or compare
 * are not kept, nor those that are to be seen.
 */
static void open_store(struct jit *j, const struct kit_process *p)
{
	const struct kit_options *o = &p->opt;
	uint64_t depends[16];
	unsigned n = 0;

	if (!o->persist || o->stress || o->selfcheck || o->one_insn || o->coverage || o->profile
	    || o->gdb || o->gdb_pair || p->ways || p->runs || kit_log_mask & KIT_LOG_CODE)
		return;
	depends[n++] = j->opts.host_features;
	depends[n++] = j->opts.guest_base;
	depends[n++] = j->opts.count_blocks;
	depends[n++] = j->limits.max_insns;
	depends[n++] = j->limits.max_branches;
	depends[n++] = j->limits.keep_branches;
	depends[n++] = j->limits.count;
	depends[n++] = j->limits.routines;
	depends[n++] = j->limits.bit_routines;
	depends[n++] = p->features;
	depends[n++] = p->is_go;
	j->persist = persist_open(o->persist, p->exe_fd, depends, n * sizeof *depends);
	if (j->persist)
		j->patience = JIT_KEPT_RUNS;
}

struct jit *jit_new(struct kit_process *p, struct diag *d)
{
	struct jit *j = near_new(sizeof *j);
	uint64_t size = p->opt.cache_bytes;

	KIT_CHECK(j, "out of memory");
	j->cold_runs = near_new(COLD_ENTRIES);
	KIT_CHECK(j->cold_runs, "out of memory");
	if (size < MIN_CACHE_BYTES)
		size = MIN_CACHE_BYTES;
	if (p->opt.stress)
		size = STRESS_CACHE_BYTES;
	j->opt = &p->opt;
	j->perf.folder = p->opt.jitdump ? getcwd(NULL, 0) : NULL;
	if (!j->perf.folder)
		j->perf.folder = ".";
	j->mem = p->mem;
	j->guest = &rv64_guest;
	j->host = host_native();
	if (!p->opt.host_isa_baseline) {
		if (!p->opt.host_features)
			p->opt.host_features = native_features() | KIT_HOST_KNOWN;
		j->opts.host_features = p->opt.host_features & ~KIT_HOST_KNOWN;
	}
	j->opts.guest_base = mem_base(p->mem) != 0;
	/* One process in two spills all the time. */
	j->opts.few_homes = p->opt.stress && getpid() % 2;
	j->region_opts = j->opts;
	j->region_opts.region = true;
	j->opts.count_blocks = p->opt.max_level > 1 && !p->opt.selfcheck && !p->opt.one_insn;
	j->limits = p->opt.selfcheck ? lockstep_limits : level1_limits;
	if (p->opt.one_insn)
		j->limits.max_insns = 1;
	j->limits.keep_branches = j->host->keep_deps;
	j->limits.count = p->opt.count;
	j->limits.routine_ends = p->opt.selfcheck;
	j->limits.tally = p->ways;
	j->limits.runs = p->runs;
	j->limits.routines = !p->opt.no_idioms && !p->opt.one_insn && !p->opt.count
			     && native_routines(j->opts.host_features);
	j->limits.bit_routines = !p->opt.no_idioms && !p->opt.one_insn && !p->opt.count && !p->ways;
	j->fetch = (struct guest_fetch){ mem_fetch, p->mem, mem_is_vdso, mem_peek };
	j->host->target(p->is_go ? j->guest->go_regs : j->guest->regs, &j->opts, &j->target);
	if (size > j->host->reach_bytes)
		size = j->host->reach_bytes;
	if (!tc_init(&j->tc, size, THUNK_BYTES, j->host, d) || !make_thunks(j, d)) {
		near_free(j->cold_runs);
		near_free(j);
		return NULL;
	}
	j->tc.on_kill = forget_unit;
	j->tc.on_kill_ctx = j;
	mem_set_listener(p->mem, (struct mem_listener){ .code_changed = code_changed, .ctx = j });
	open_store(j, p);
	/* Code that is to be shown is translated at once, or what runs a few times would not be. */
	if (kit_log_mask & KIT_LOG_CODE)
		j->patience = 1;
	return j;
}

static void thread_free(struct jit_thread *jt)
{
	if (!jt)
		return;
	codemem_stack_free((char *)jt->jump - CODE_STACK_BYTES, CODE_STACK_BYTES + JUMP_BYTES);
	arena_fini(&jt->scratch);
	strbuf_fini(&jt->shown);
	free(jt->reads);
	free(jt->code);
	near_free(jt);
}

void jit_free(struct jit *j)
{
	if (!j)
		return;
	while (j->spare) {
		struct jit_thread *jt = j->spare;

		j->spare = jt->next_spare;
		thread_free(jt);
	}
	persist_close(j->persist);
	tc_fini(&j->tc);
	near_free(j->cold_runs);
	near_free(j);
}

static struct jit_thread *thread_new(const struct jit *j)
{
	struct jit_thread *jt = near_new(sizeof *jt);
	/* Above the stack the jump tables. */
	char *stack = codemem_stack_new(CODE_STACK_BYTES + JUMP_BYTES);
	uint64_t resync = (uintptr_t)(j->tc.mem.rx + j->thunks.resync);

	if (!jt || !stack) {
		near_free(jt);
		return NULL;
	}
	jt->jump = (struct ir_jump_entry *)(void *)(stack + CODE_STACK_BYTES);
	jt->code = aligned_alloc(j->host->code_align, UNIT_BYTES_MAX);
	jt->reads = j->persist ? malloc(sizeof *jt->reads) : NULL;
	if (!jt->code) {
		thread_free(jt);
		return NULL;
	}
	clear_tables(jt);
	memcpy(stack + CODE_STACK_BYTES - CODE_STACK_ENTRY_BYTES, &resync, sizeof resync);
	jt->random = (uintptr_t)jt;
	jt->translating = 1;
	return jt;
}

/* With the lock held: from now on the thread hears of code that goes. */
static void attach(struct jit *j, struct jit_thread *jt, struct kit_thread *t)
{
	struct ir_state *st = &t->st;

	st->jump = jt->jump;
	st->code_sp_top = (uintptr_t)jt->jump - CODE_STACK_ENTRY_BYTES;
	reset_code_stack(st);
	jt->thread = t;
	jt->world.st = st;
	t->jit = jt;
	world_add(&j->world, &jt->world);
}

static bool attach_spare(struct jit *j, struct kit_thread *t)
{
	struct jit_thread *jt;

	lock(j);
	jt = j->spare;
	if (jt) {
		j->spare = jt->next_spare;
		j->spare_count--;
		attach(j, jt, t);
	}
	unlock(j);
	return jt;
}

bool jit_thread_init(struct kit_thread *t, struct diag *d)
{
	struct jit *j = t->proc->jit;

	for (unsigned i = 0; i < IR_THUNK_COUNT; i++)
		t->st.thunk[i] = j->tc.mem.rx + j->thunks.thunk[i];
	if (j->limits.routines)
		memcpy(t->st.routine, native_routines(j->opts.host_features), sizeof t->st.routine);
	j->host->state_init(&t->st);
	jit_set_frm(t);
	if (!attach_spare(j, t)) {
		struct jit_thread *jt = thread_new(j);

		if (!jt)
			return diag_fail(d, KIT_EXIT_INTERNAL, "out of memory for a thread");
		lock(j);
		attach(j, jt, t);
		unlock(j);
	}
	return true;
}

void jit_thread_fini(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;
	struct jit_thread *jt = t->jit;

	lock(j);
	world_remove(&j->world, &jt->world);
	j->stats.runs += jt->runs;
	j->stats.lookups += jt->lookups;
	jt->runs = jt->lookups = 0;
	if (j->spare_count < SPARE_MAX) {
		jt->next_spare = j->spare;
		j->spare = jt;
		j->spare_count++;
		jt = NULL;
	}
	unlock(j);
	t->st.jump = NULL;
	t->jit = NULL;
	thread_free(jt);
}

void jit_end_translation(struct jit *j)
{
	__atomic_fetch_add(&j->translated, 1, __ATOMIC_RELEASE);
	futex_wake(&j->translated, INT32_MAX);
}

/* No code is known to the thread any more. */
static void forget_all(struct jit_thread *jt)
{
	memset(jt->jump, 0, JUMP_BYTES);
	memset(jt->entry, 0, sizeof jt->entry);
	clear_tables(jt);
	edges_forget_all(jt->world.st);
	reset_code_stack(jt->world.st);
}

void jit_take_back(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;

	world_gone(&j->world, &t->jit->world);
	futex_wake(&j->world.stopping, INT32_MAX);
	if (!kit_lock_left(&j->lock, t->tid))
		return;
	KIT_LOG(jit, "thread %d was killed while it changed the code cache", t->tid);
	world_count(&j->world);
	world_stop(&j->world, self_entry());
	tc_give_up(&j->tc);
	/* What is to be kept was changed with the lock, too. */
	j->persist = NULL;
	for (struct world_thread *e = j->world.first; e; e = e->next)
		forget_all(thread_of(e));
	j->spare = NULL;
	j->spare_count = 0;
	world_go(&j->world);
	unlock(j);
}

void jit_thread_gone(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;
	struct jit_thread *jt = t->jit;

	if (t->is_whole) {
		jit_thread_fini(t);
	} else {
		/* What it had on its heap may be half changed. */
		lock(j);
		world_remove(&j->world, &jt->world);
		unlock(j);
		codemem_stack_free((char *)jt->jump - CODE_STACK_BYTES,
				   CODE_STACK_BYTES + JUMP_BYTES);
		t->st.jump = NULL;
		t->jit = NULL;
	}
	/* Somebody may wait for what it was translating. */
	jit_end_translation(j);
}

void jit_set_frm(struct kit_thread *t)
{
	struct ir_state *st = &t->st;

	st->fflags |= native_fpcr_flags(st->host_fpcr);
	st->host_fpcr = native_fpcr_make(st->frm);
}

/* ---- running ------------------------------------------------------------------------------ */

/*
 * After IR_EXIT_LINK: patches the link that code came out of. Its unit may have died, or its memory
 * been reused, while the target was translated: then nothing is patched.
 */
static void link_exit(struct jit *j, const struct jit_thread *jt, struct tc_unit *to)
{
	struct tc_link *l = jt->left.link;

	if (jt->left.renewals != j->tc.renewals || l->from->dead || l->to)
		return;
	if (l->code.target != to->gpc)
		return;
	if (j->tc.mem.shared && j->links_left) {
		j->links_left--;
		return;
	}
	tc_link(&j->tc, l, to);
	j->stats.links++;
}

static unsigned patience(const struct kit_thread *t)
{
	const struct jit *j = t->proc->jit;
	uint64_t units = __atomic_load_n(&j->compiled, __ATOMIC_RELAXED);

	if (KIT_UNLIKELY(j->patience))
		return j->patience;
	if (units < JIT_FIRST_UNITS)
		return JIT_FIRST_RUNS;
	if (units < JIT_FLAT_UNITS / JIT_LEVEL0_RUNS)
		return JIT_LEVEL0_RUNS;
	return units < JIT_FLAT_UNITS / JIT_LATER_RUNS ? JIT_FLAT_UNITS / (unsigned)units
						       : JIT_LATER_RUNS;
}

/*
 * Whether an earlier run has left the trace at pc. A child that shares its parent's code has to copy all of that before it
 * installs any: it is as patient as without.
 */
static __attribute__((noinline)) bool is_kept(const struct jit *j, gaddr pc)
{
	return !j->tc.mem.shared && persist_has(j->persist, &j->fetch, pc);
}

/*
 * The trace at pc as an earlier run has left it, or NULL. What that run has left of the code that it leads to, and what that leads to, is
 * installed and linked, too: each link that leads nowhere yet costs as much as a unit does. Not much at a time, since this
 * run may go elsewhere. With the lock held.
 */
static struct tc_unit *take(struct jit *j, struct kit_thread *t, gaddr pc)
{
	struct tc_unit *unit[TAKEN_AT_ONCE] = { jit_take(j, t, pc) };
	const uint64_t renewals = j->tc.renewals;
	unsigned count = unit[0] != NULL;

	for (unsigned n = 0; n < count; n++) {
		for (uint32_t i = 0; i < unit[n]->link_count; i++) {
			struct tc_link *l = &unit[n]->link[i];
			struct tc_unit *to = tc_find(&j->tc, l->code.target);

			if (!to && count < TAKEN_AT_ONCE) {
				to = jit_take(j, t, l->code.target);
				if (to)
					unit[count++] = to;
				/* For want of room the oldest code has gone, which is none of these: but that was enough. */
				if (j->tc.renewals != renewals)
					return unit[0];
			}
			if (to && !l->to) {
				tc_link(&j->tc, l, to);
				j->stats.links++;
			}
		}
	}
	return unit[0];
}

/* True while pc has not yet run often enough to be translated; this time counts. */
static bool count_cold(struct kit_thread *t, gaddr pc)
{
	uint8_t *at = cold_runs_of(t, pc);
	unsigned runs = __atomic_load_n(at, __ATOMIC_RELAXED) + 1u;

	if (runs >= patience(t))
		return false;
	if (KIT_UNLIKELY(t->proc->jit->persist != NULL) && runs == 1 && is_kept(t->proc->jit, pc))
		return false;
	__atomic_store_n(at, (uint8_t)runs, __ATOMIC_RELAXED);
	if (KIT_UNLIKELY(t->proc->jit->family != NULL))
		family_count(t->proc->jit->family, pc);
	return true;
}

/* The same where pc is translated when it is not cold. */
static bool is_cold(struct kit_thread *t, gaddr pc)
{
	if (!jit_has_run(t->proc->jit, pc))
		return true;
	if (t->proc->opt.stress)
		return !jit_chance(t->proc->jit, t, 4);
	if (count_cold(t, pc))
		return true;
	__atomic_store_n(cold_runs_of(t, pc), 0, __ATOMIC_RELAXED);
	return false;
}

bool jit_is_cold(struct kit_thread *t, bool untranslated)
{
	struct jit *j = t->proc->jit;
	bool found = false;

	if (!untranslated) {
		world_enter(&j->world, &t->jit->world);
		found = tc_find(&j->tc, t->st.pc) != NULL;
		world_leave(&j->world, &t->jit->world);
	}
	if (found)
		return false;
	return KIT_UNLIKELY(!jit_has_run(j, t->st.pc)) || count_cold(t, t->st.pc);
}

/*
 * The code at pc, by the thread's tables or the cache, without the lock. missed: translated code looked for it in the
 * jump table, and shall find it there the next time. NULL: there is none; else the thread is inside.
 */
static const void *find_code(struct kit_thread *t, bool missed)
{
	struct jit *j = t->proc->jit;
	const gaddr pc = t->st.pc;
	struct ir_jump_entry *e = entry_of(t->jit, pc);
	const struct tc_unit *u;

	world_enter(&j->world, &t->jit->world);
	if (!missed && KIT_LIKELY(e->gpc == pc))
		return e->code;
	u = tc_find(&j->tc, pc);
	if (u && missed)
		set_jump(&t->st, pc, u->code);
	else if (u)
		*e = (struct ir_jump_entry){ .gpc = pc, .code = u->code };
	if (u)
		return u->code;
	world_leave(&j->world, &t->jit->world);
	return NULL;
}

/*
 * The code at pc, translated if need be; with link, reached from now on by the link that the thread left code by. The thread is
 * inside then. Else NULL, and why.
 */
static const void *make_code(struct kit_thread *t, bool link, enum ir_exit *why)
{
	struct jit *j = t->proc->jit;
	struct tc_unit *u;

	lock(j);
	if (j->opt->stress)
		jit_disturb(j, t);
	u = tc_find(&j->tc, t->st.pc);
	*why = IR_EXIT_LOOKUP;
	if (!u && !(link && is_cold(t, t->st.pc))) {
		u = j->persist ? take(j, t, t->st.pc) : NULL;
		if (!u)
			u = jit_translate(j, t, t->st.pc, false);
		*why = IR_EXIT_FETCH;
		if (KIT_UNLIKELY(u && j->family))
			family_tell(j->family, t->st.pc);
	}
	if (u && link && jit_chance(j, t, 2))
		link_exit(j, t->jit, u);
	if (u)
		world_enter_locked(&j->world, &t->jit->world);
	unlock(j);
	return u ? u->code : NULL;
}

/* Why code left by the stub of exit_arg, and for where: before it may be taken away. */
static enum ir_exit look_at_stub(const struct jit *j, struct kit_thread *t)
{
	const uint64_t renewals = __atomic_load_n(&j->tc.renewals, __ATOMIC_ACQUIRE);
	struct tc_way way = tc_stub_at(&j->tc, t->st.exit_arg);

	t->st.pc = way.pc;
	t->jit->left.link = way.link;
	t->jit->left.renewals = renewals;
	return way.reason;
}

static enum ir_exit run_code(struct kit_thread *t, const void *code)
{
	struct jit *j = t->proc->jit;
	enum ir_exit why;

	t->jit->runs++;
	if (KIT_UNLIKELY(__atomic_load_n(&t->jit->old_edges, __ATOMIC_RELAXED))) {
		__atomic_store_n(&t->jit->old_edges, false, __ATOMIC_RELAXED);
		edges_forget_all(&t->st);
	}
	why = (enum ir_exit)j->enter(&t->st, code);
	if (why == IR_EXIT_STUB)
		why = look_at_stub(j, t);
	/* While it counts as inside, for others that want to read counters. */
	if (KIT_UNLIKELY(t->st.owed))
		sums_settle(t->proc->sums, &t->st);
	world_leave(&j->world, &t->jit->world);
	if (KIT_UNLIKELY(why == IR_EXIT_FAULT && t->st.fault_kind == IR_FAULT_REDO))
		why = IR_EXIT_REDO;
	return why;
}

enum ir_exit jit_run(struct kit_thread *t)
{
	struct ir_state *st = &t->st;
	bool link = false, missed = false;

	for (;;) {
		const void *code = link ? NULL : find_code(t, missed);
		enum ir_exit why;

		if (!code && !link && is_cold(t, st->pc))
			return IR_EXIT_LOOKUP;
		if (!code) {
			code = make_code(t, link, &why);
			if (!code)
				return why;
			if (missed)
				set_jump(st, st->pc, code);
		}
		why = run_code(t, code);
		if (why == IR_EXIT_HOT)
			jit_make_region(t->proc->jit, t, st->pc);
		else if (why != IR_EXIT_LOOKUP && why != IR_EXIT_LINK)
			return why;
		if (__atomic_load_n(&st->stop, __ATOMIC_RELAXED))
			return IR_EXIT_STOP;
		missed = why == IR_EXIT_LOOKUP;
		t->jit->lookups += missed;
		link = why == IR_EXIT_LINK;
	}
}

enum ir_exit jit_run_one(struct kit_thread *t)
{
	enum ir_exit why;
	const void *code = make_code(t, false, &why);

	if (code)
		why = run_code(t, code);
	return why == IR_EXIT_LINK ? IR_EXIT_LOOKUP : why;
}

/*
 * Making code: from a guest pc to an installed unit, of a trace at level 1 or of a region; see jit.c for when.
 */
#include "arch/native.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/jit/compile.h"
#include "runtime/core/futex.h"
#include "runtime/core/tally.h"
#include "runtime/jit/jit_priv.h"
#include "runtime/jit/region.h"
#include "runtime/jit/show.h"

#include <time.h>

static const struct guest_limits region_limits = { .max_insns = REGION_INSNS };

/* ---- what it is made from -------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t jit_hash_guest(const struct jit *j, const struct ir_range *r, uint32_t count)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t buf[MAX_CONTENT_BYTES];
		uint32_t n = r[i].size_bytes < sizeof buf ? r[i].size_bytes : (uint32_t)sizeof buf;
		/* Bytes that can no longer be fetched change the count, and so the key. */
		unsigned got = mem_fetch(j->mem, r[i].start, buf, n);

		h = kit_mix64(h ^ kit_hash(buf, got));
	}
	return h;
}

/*
 * Writes to the pages of the unit shall be noticed from now on; asked once a page. False: they will not
 * be.
 */
static bool guard_pages(struct jit *j, const struct code *c)
{
	bool all_guarded = true;

	for (unsigned i = 0; i < c->range_count; i++) {
		const struct ir_range *r = &c->range[i];

		for (uint64_t n = r->start / MEM_PAGE_BYTES;
		     n <= (r->start + r->size_bytes - 1) / MEM_PAGE_BYTES; n++) {
			struct tc_page *p = tc_page(&j->tc, n, true);

			if (!p->refs)
				p->unguarded =
				    !mem_guard(j->mem, n * MEM_PAGE_BYTES, MEM_PAGE_BYTES);
			all_guarded &= !p->unguarded;
		}
	}
	return all_guarded;
}

/* ---- level 2 ------------------------------------------------------------------------------ */

static unsigned hot_entries(const struct jit *j)
{
	return j->opt->stress ? STRESS_HOT_ENTRIES : HOT_ENTRIES;
}

/* The counter of a block that was just translated, or of a region's entry, which does not count any more. */
static void start_counter(struct jit *j, struct kit_thread *t, gaddr pc, bool region)
{
	t->st.entries[ir_counter_of(pc)] = region ? 1 : (uint16_t)-hot_entries(j);
}

/* How often the block at pc has run, from its counter: 0 at first, then -HOT_ENTRIES and up, small when it was hot. */
static uint32_t heat(void *ctx, gaddr pc)
{
	const struct kit_thread *t = ctx;
	const unsigned hot = hot_entries(t->proc->jit), warm = hot * WARM_ENTRIES / HOT_ENTRIES;
	const uint16_t count = t->st.entries[ir_counter_of(pc)];
	const unsigned runs = count < 0x10000 - hot ? hot : count - (0x10000 - hot);

	/* Its place may be another block's too: what --coverage has not seen run is nothing to be fetched. */
	return count == 0 || runs < warm || !jit_has_run(t->proc->jit, pc) ? 0 : runs;
}

static void build_region(struct jit *j, struct kit_thread *t, const struct guest_limits *limits,
			 struct ir_unit *u)
{
	const struct region_source source = { .guest = j->guest,
					      .decoder = kit_decoder(t),
					      .fetch = &j->fetch,
					      .trace = &j->limits,
					      .heat = heat,
					      .ctx = t };

	region_build(&source, limits->max_insns, u);
	if (j->limits.tally) {
		region_place_counts(u, t->proc->sums, TALLY_FIRST_SUM);
		region_count_in_registers(u, j->target.pinned);
	}
}

/* ---- compiling ---------------------------------------------------------------------------- */

/* By what a translation reads: noted, where it may be kept. */
static const struct guest_fetch *fetch_of(struct jit *j, struct jit_thread *jt)
{
	if (!jt->reads)
		return &j->fetch;
	persist_begin(jt->reads, &j->fetch);
	return &jt->reads->fetch;
}

/* Builds IR of the trace or region at pc and compiles it into the thread's own memory. */
static enum jit_status compile_once(struct jit *j, struct kit_thread *t, gaddr pc,
				    const struct guest_limits *limits, struct code *c)
{
	struct jit_thread *jt = t->jit;
	enum jit_status status;
	struct ir_unit u;
	struct codebuf cb;
	uint64_t begin = j->opt->stats ? now_ns() : 0, lifted;
	bool shown;

	arena_reset(&jt->scratch);
	ir_unit_init(&u, &jt->scratch, j->target.regs, pc);
	if (jt->region)
		build_region(j, t, limits, &u);
	else
		j->guest->translate(kit_decoder(t), fetch_of(j, jt), pc, limits, &u);
	/* In lockstep each turn of a loop comes back to be compared. */
	if (j->opt->selfcheck)
		ir_cut_loops(&u);
	strbuf_fini(&jt->shown);
	shown = show_wants(u.range, u.range_count);
	if (KIT_UNLIKELY(shown))
		show_ir(&jt->shown, KIT_LOG_op, &u);
	cb_init(&cb, jt->code, UNIT_BYTES_MAX);
	lifted = begin ? now_ns() : 0;
	status =
	    jit_compile(&u, j->host, &j->target, jt->region ? &j->region_opts : &j->opts, &cb, c);
	if (begin) {
		jt->lift_ns += lifted - begin;
		jt->compile_ns += now_ns() - lifted;
	}
	if (KIT_UNLIKELY(shown))
		show_ir(&jt->shown, KIT_LOG_op_opt, &u);
	return status;
}

static void compile(struct jit *j, struct kit_thread *t, gaddr pc, struct code *c)
{
	struct guest_limits limits = t->jit->region ? region_limits : j->limits;

	while (compile_once(j, t, pc, &limits, c) != JIT_OK) {
		KIT_CHECK(limits.max_insns > 1, "one instruction at %#lx does not fit",
			  (unsigned long)pc);
		limits.max_insns /= 2;
	}
}

/*
 * Guards the pages of c, which was made since mem_guards was guards. True: changes of its bytes will be heard of from now on, and it is made of
 * what is there. *hash: of the bytes of a unit that has to be compared at fence.i, else 0; before that, from the last time, 0 at first.
 *
 * With the lock held since the bytes were fetched, a change of mappings or permissions cannot come in between. A write of
 * another thread to a page that was not guarded yet can: when some page was guarded after the fetch, by this thread or another one, c
 * is to be made again.
 */
static bool is_steady(struct jit *j, const struct code *c, uint64_t guards, uint64_t *hash)
{
	const uint64_t last = *hash;
	const bool guarded = guard_pages(j, c);

	*hash = guarded ? 0 : jit_hash_guest(j, c->range, c->range_count);
	return world_alone(&j->world) || !c->guest_insns
	       || (guarded ? mem_guards(j->mem) == guards : *hash == last);
}

/*
 * Compiles the trace at pc so that it is steady: called and left with the lock held, without it meanwhile.
 *
 * A change of mappings or permissions is counted before the listener takes the lock: what was fetched before it and
 * would be installed after it shows by the count.
 */
static void compile_steady(struct jit *j, struct kit_thread *t, gaddr pc, struct code *c,
			   uint64_t *hash)
{
	bool alone = world_alone(&j->world);
	uint64_t changes, guards;

	*hash = 0;
	for (unsigned n = 0;; n++) {
		bool unlocked = !alone && n < UNLOCKED_TRIES;

		changes = mem_code_changes(j->mem);
		guards = mem_guards(j->mem);
		if (unlocked)
			unlock(j);
		compile(j, t, pc, c);
		if (unlocked) {
			jit_dawdle(j);
			lock(j);
		}
		if (unlocked && mem_code_changes(j->mem) != changes)
			continue;
		if (is_steady(j, c, guards, hash))
			return;
	}
}

/* The same of what an earlier run has compiled, with the lock all the time. False: there is none. */
static bool take_steady(struct jit *j, gaddr pc, struct code *c, uint64_t *hash)
{
	uint64_t guards;

	*hash = 0;
	do {
		guards = mem_guards(j->mem);
		if (!persist_take(j->persist, &j->fetch, pc, c))
			return false;
	} while (!is_steady(j, c, guards, hash));
	return true;
}

/* With the lock held, which is given up meanwhile. */
static void await_translation(struct jit *j)
{
	uint32_t ended = __atomic_load_n(&j->translated, __ATOMIC_ACQUIRE);

	unlock(j);
	futex_wait(&j->translated, ended);
	lock(j);
}

/* Whether another thread is at work on pc. */
static bool is_being_translated(const struct jit *j, gaddr pc)
{
	for (struct world_thread *e = j->world.first; e; e = e->next)
		if (thread_of(e)->translating == pc)
			return true;
	return false;
}

/* Makes room in code memory. Nobody else is inside, and return addresses may lead to what goes. */
static void next_segment(struct jit *j)
{
	world_stop(&j->world, self_entry());
	tc_next_segment(&j->tc);
	for (struct world_thread *e = j->world.first; e; e = e->next)
		reset_code_stack(e->st);
	world_go(&j->world);
}

void jit_disturb(struct jit *j, struct kit_thread *t)
{
	if (!jit_chance(j, t, 64))
		next_segment(j);
	if (!jit_chance(j, t, 256)) {
		world_stop(&j->world, &t->jit->world);
		tc_kill_all(&j->tc);
		world_go(&j->world);
	}
	if (!jit_chance(j, t, 32))
		for (struct world_thread *e = j->world.first; e; e = e->next)
			__atomic_fetch_or(&e->st->stop, IR_STOP_SIGNAL, __ATOMIC_RELEASE);
}

static struct tc_unit *install(struct jit *j, const struct code *c, uint64_t hash)
{
	struct tc_unit *u;

	if (!tc_fits(&j->tc, c->size_bytes))
		next_segment(j);
	if (tc_is_crowded(&j->tc)) {
		world_stop(&j->world, self_entry());
		tc_grow(&j->tc);
		world_go(&j->world);
	}
	u = tc_add(&j->tc, c, hash);
	j->stats.units++;
	j->stats.guest_insns += c->guest_insns;
	j->stats.code_bytes += c->size_bytes;
	for (unsigned i = 0; i < c->range_count; i++)
		j->stats.guest_bytes += c->range[i].size_bytes;
	KIT_LOG(jit, "unit %#lx: %u guest instructions, %u bytes at %p", (unsigned long)c->gpc,
		c->guest_insns, c->size_bytes, (const void *)u->code);
	return u;
}

/* Keeps a new unit for later runs if it is code of a file, which they are likely to find there, too. */
static void keep(struct jit *j, const struct jit_thread *jt, const struct code *c)
{
	struct mem_vma v;

	if (!j->persist || !jt->reads || jt->region || !mem_find(j->mem, c->gpc, &v)
	    || v.flags & MEM_MAP_ANONYMOUS || v.prot & MEM_PROT_WRITE)
		return;
	persist_keep(j->persist, jt->reads, c);
	persist_write(j->persist, false);
}

/* Installs steady code and shows it to whoever wants to see it. */
static struct tc_unit *bring_in(struct jit *j, struct kit_thread *t, const struct code *c,
				uint64_t hash)
{
	struct tc_unit *u = install(j, c, hash);

	if (KIT_UNLIKELY(show_wants(c->range, c->range_count)))
		show_unit(j, kit_decoder(t), c, u, &t->jit->shown);
	if (KIT_UNLIKELY(j->opt->perfmap || j->opt->jitdump))
		perf_add(j, u);
	start_counter(j, t, c->gpc, t->jit->region);
	return u;
}

struct tc_unit *jit_take(struct jit *j, struct kit_thread *t, gaddr pc)
{
	const uint64_t begin = j->opt->stats ? now_ns() : 0;
	struct tc_unit *u = NULL;
	struct code c;
	uint64_t hash;

	if (!j->persist || is_being_translated(j, pc))
		return NULL;
	t->jit->region = false;
	if (take_steady(j, pc, &c, &hash)) {
		u = bring_in(j, t, &c, hash);
		j->stats.taken++;
	}
	if (begin)
		j->stats.translate_ns += now_ns() - begin;
	return u;
}

struct tc_unit *jit_translate(struct jit *j, struct kit_thread *t, gaddr pc, bool region)
{
	uint64_t begin = j->opt->stats ? now_ns() : 0, hash;
	struct tc_unit *u = NULL;
	struct code c;

	if (is_being_translated(j, pc)) {
		do
			await_translation(j);
		while (is_being_translated(j, pc));
		u = tc_find(&j->tc, pc);
		if (u && (u->is_region || !region))
			return u;
		u = NULL;
	}
	t->jit->translating = pc;
	t->jit->region = region;
	compile_steady(j, t, pc, &c, &hash);
	if (c.guest_insns) {
		u = bring_in(j, t, &c, hash);
		__atomic_store_n(&j->compiled, j->compiled + 1, __ATOMIC_RELAXED);
		keep(j, t->jit, &c);
	}
	t->jit->translating = 1;
	if (!world_alone(&j->world))
		jit_end_translation(j);
	if (begin) {
		j->stats.translate_ns += now_ns() - begin;
		j->stats.lift_ns += t->jit->lift_ns;
		j->stats.compile_ns += t->jit->compile_ns;
		t->jit->lift_ns = t->jit->compile_ns = 0;
	}
	return u;
}

/* The tables of all threads lead to u, where they led to other code of its pc. */
static void retarget(struct jit *j, const struct tc_unit *u)
{
	for (struct world_thread *e = j->world.first; e; e = e->next) {
		struct ir_jump_entry *at[] = { &e->st->jump[ir_jump_of(u->gpc)],
					       &e->st->jump[ir_jump_second(u->gpc)],
					       entry_of(thread_of(e), u->gpc) };

		for (unsigned n = 0; n < ARRAY_LEN(at); n++)
			if (at[n]->gpc == u->gpc)
				__atomic_store_n(&at[n]->code, u->code, __ATOMIC_RELEASE);
		if (e == self_entry())
			edges_forget(e->st, u->gpc);
		else
			__atomic_store_n(&thread_of(e)->old_edges, true, __ATOMIC_RELAXED);
	}
}

void jit_make_region(struct jit *j, struct kit_thread *t, gaddr pc)
{
	struct tc_unit *u;

	lock(j);
	u = tc_find(&j->tc, pc);
	if (u && !u->is_region) {
		u = jit_translate(j, t, pc, true);
		if (u && !u->is_region) {
			u->is_region = true;
			j->stats.regions++;
			/* Since then it may have been killed. */
			if (u->older)
				tc_supersede(&j->tc, u->older, u);
			retarget(j, u);
		}
	}
	unlock(j);
}

/* See watch.h. */
#include "runtime/watch.h"

#include "arch/guest.h"
#include "runtime/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/level0.h"
#include "runtime/mem/mem.h"
#include "runtime/sig/trace.h"

/* True when the access is watched: it is not made now. */
static bool is_hit(struct ir_state *st, gaddr addr, unsigned size_bytes, uint32_t access)
{
	struct kit_thread *t = (struct kit_thread *)st;

	t->watch_hit = point_watches(t->proc->points, addr, size_bytes, access, &t->watch_addr);
	return t->watch_hit;
}

static bool load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	return !is_hit(st, addr, size_bytes, POINT_READ)
	       && interp_memory.load(st, addr, size_bytes, value);
}

static bool store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	return !is_hit(st, addr, size_bytes, POINT_WRITE)
	       && interp_memory.store(st, addr, size_bytes, value);
}

static bool cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		uint64_t desired)
{
	return !is_hit(st, addr, size_bytes, POINT_READ | POINT_WRITE)
	       && interp_memory.cas(st, addr, size_bytes, expected, desired);
}

static const struct ir_memory watched = { .load = load, .store = store, .cas = cas };

/* Carries out most instructions at most, and no further than a branch. For --engine=interp, and single steps. */
static enum ir_exit run_plain(struct kit_thread *t, unsigned most)
{
	const struct guest_fetch f = { .read = mem_fetch,
				       .is_own = mem_is_vdso,
				       .ctx = t->proc->mem };
	const struct guest_limits limits = { .max_insns = most,
					     .count = t->proc->opt.count,
					     .tally = t->proc->ways,
					     .ran = t->proc->ran };
	struct guest_run r;

	jit_set_frm(t);
	return rv64_guest.run(kit_decoder(t), &f, &limits, &t->st, &watched, &r);
}

/* What is to be done after why: an access that was held back is made now, and the stop comes behind it. */
static enum ir_exit finish(struct kit_thread *t, enum ir_exit why)
{
	if (why != IR_EXIT_FAULT || !t->watch_hit)
		return why;
	t->watch_hit = false;
	why = level0_run_one(t);
	if (why != IR_EXIT_LOOKUP)
		return why;
	if (t->proc->embedder)
		t->proc->embedder->at_access(t, t->watch_addr);
	else
		trace_stop_at_point(t, TRAP_HWBKPT, t->watch_addr);
	return IR_EXIT_STOP;
}

enum ir_exit watch_run(struct kit_thread *t)
{
	return finish(t, t->level0 ? level0_run_all(t, &watched) : run_plain(t, GUEST_RUN_INSNS));
}

enum ir_exit watch_run_block(struct kit_thread *t)
{
	return finish(t, run_plain(t, GUEST_RUN_INSNS));
}

enum ir_exit watch_run_one(struct kit_thread *t) { return finish(t, run_plain(t, 1)); }

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

	t->watch_hit = point_watches(addr, size_bytes, access, &t->watch_addr);
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

static enum ir_exit run(struct kit_thread *t, const struct guest_limits *limits)
{
	const struct guest_fetch f = { .read = mem_fetch,
				       .is_own = mem_is_vdso,
				       .ctx = t->proc->mem };
	struct guest_run r;
	enum ir_exit why;

	t->watch_hit = false;
	why = rv64_guest.run(kit_decoder(t), &f, limits, &t->st, &watched, &r);
	if (why != IR_EXIT_FAULT || !t->watch_hit)
		return why;
	/* The registers are as before the instruction: it is carried out now, and the stop comes behind it. */
	why = level0_run_one(t);
	if (why != IR_EXIT_LOOKUP)
		return why;
	trace_stop_at_point(t, TRAP_HWBKPT, t->watch_addr);
	return IR_EXIT_STOP;
}

enum ir_exit watch_run(struct kit_thread *t)
{
	static const struct guest_limits limits = { .max_insns = GUEST_RUN_INSNS,
						    .max_branches = 2 };
	enum ir_exit why;

	jit_set_frm(t);
	do
		why = run(t, &limits);
	while (why == IR_EXIT_LOOKUP && !__atomic_load_n(&t->st.stop, __ATOMIC_RELAXED));
	return why;
}

enum ir_exit watch_run_one(struct kit_thread *t)
{
	static const struct guest_limits one = { .max_insns = 1 };

	jit_set_frm(t);
	return run(t, &one);
}

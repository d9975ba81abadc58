/* The interpreting engine; see interp.h. */
#include "runtime/interp.h"

#include "arch/guest.h"
#include "arch/native.h"
#include "lib/base/hash.h"
#include "lib/ir/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"

#include <signal.h>

enum { TRACE_INSNS = 64, TRACE_BRANCHES = 4, CACHE_ENTRIES = 4096, CACHE_UNITS_MAX = 50000 };

/* Addresses from here up are not canonical on any host; the host reports their faults without address. */
static const gaddr address_limit = UINT64_C(1) << 47;

/* Lifted units, direct-mapped by pc, all in one arena that is emptied when it holds too many. */
static struct {
	bool keep;
	struct arena arena;
	struct ir_unit *unit[CACHE_ENTRIES];
	unsigned count;
} cache;

/* Of one run: the unit when it is not kept, and the interpreter's values. */
static struct arena unit_arena, value_arena;

static bool bad_address(struct ir_state *st, gaddr addr, bool write)
{
	if (addr < address_limit)
		return false;
	st->fault_kind = IR_FAULT_SEGV;
	st->fault_code = SEGV_MAPERR;
	st->fault_addr = addr;
	st->fault_write = write;
	return true;
}

static void *host_address(const struct ir_state *st, gaddr addr)
{
	/* struct kit_thread starts with its ir_state. */
	return mem_host(((const struct kit_thread *)(const void *)st)->proc->mem, addr);
}

static bool load(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *value)
{
	return !bad_address(st, addr, false)
	       && native_load(host_address(st, addr), size_bytes, value);
}

static bool store(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t value)
{
	return !bad_address(st, addr, true)
	       && native_store(host_address(st, addr), size_bytes, value);
}

static bool cas(struct ir_state *st, gaddr addr, unsigned size_bytes, uint64_t *expected,
		uint64_t desired)
{
	return !bad_address(st, addr, true)
	       && native_cas(host_address(st, addr), size_bytes, expected, desired);
}

const struct ir_memory interp_memory = { .load = load, .store = store, .cas = cas };

static void forget_units(void)
{
	for (unsigned i = 0; i < CACHE_ENTRIES; i++)
		cache.unit[i] = NULL;
	cache.count = 0;
	arena_reset(&cache.arena);
}

static void code_changed(void *ctx, gaddr start, uint64_t size_bytes)
{
	(void)ctx, (void)start, (void)size_bytes;
	forget_units();
}

void interp_keep_units(struct kit_process *p)
{
	cache.keep = true;
	mem_set_listener(p->mem,
			 (struct mem_listener){ .code_changed = code_changed, .ctx = NULL });
}

static void lift(struct kit_thread *t, unsigned max_insns, struct arena *a, struct ir_unit *u)
{
	const struct guest_fetch f = { .read = mem_fetch, .ctx = t->proc->mem };
	const struct guest_limits limits = {
		.max_insns = max_insns ? max_insns : TRACE_INSNS,
		.max_branches = TRACE_BRANCHES,
	};

	ir_unit_init(u, a, rv64_guest.regs, t->st.pc);
	rv64_guest.translate(t->decoder, &f, t->st.pc, &limits, u);
}

/* True when every write to the unit's code would be noticed. */
static bool guard(struct kit_process *p, const struct ir_unit *u)
{
	bool ok = true;

	for (unsigned i = 0; i < u->range_count; i++)
		ok &= mem_guard(p->mem, u->range[i].start, u->range[i].size_bytes);
	return ok;
}

static const struct ir_unit *find_unit(struct kit_thread *t)
{
	struct ir_unit **slot = &cache.unit[kit_mix64(t->st.pc) & (CACHE_ENTRIES - 1)];
	struct ir_unit *u = *slot;

	if (u && u->gpc == t->st.pc)
		return u;
	if (cache.count == CACHE_UNITS_MAX)
		forget_units();
	cache.count++;
	u = arena_new(&cache.arena, struct ir_unit, 1);
	lift(t, 0, &cache.arena, u);
	/* A unit without instructions says that nothing can be fetched, which may change unnoticed. */
	if (u->guest_insns && guard(t->proc, u))
		*slot = u;
	return u;
}

enum ir_exit interp_run(struct kit_thread *t, unsigned max_insns)
{
	struct ir_unit once;
	const struct ir_unit *u = &once;

	/* The flags that translated code left in the host's register count too. */
	jit_set_frm(t);
	if (cache.keep && !max_insns) {
		u = find_unit(t);
	} else {
		arena_reset(&unit_arena);
		lift(t, max_insns, &unit_arena, &once);
		for (unsigned i = 0; i < once.insn_count; i++)
			once.insn[i].to = IR_NOBLOCK;
	}
	return ir_interp(u, &t->st, &interp_memory, &value_arena);
}

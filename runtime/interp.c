/* The interpreting engine; see interp.h. */
#include "runtime/interp.h"

#include "arch/guest.h"
#include "arch/native.h"
#include "lib/base/panic.h"
#include "lib/ir/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Traces run no further than the first branch that is taken, so longer ones are lifted in vain. */
enum {
	TRACE_INSNS = 64,
	TRACE_BRANCHES = 2,
	FIRST_SLOTS = 512,
	SEEN_BITS = 4096,
	KEPT_MAX = 50000
};

/* Addresses from here up are not canonical on any host; the host reports their faults without address. */
static const gaddr address_limit = UINT64_C(1) << 47;

/* What is kept of a lifted trace: its only block. */
struct trace {
	gaddr gpc;
	uint16_t insn_count;
	uint16_t runs; /* beside the JIT, one trace after the other */
	struct ir_insn insn[];
};

struct interp {
	struct arena
	    kept; /* traces of the table; emptied when there are too many or code changed */
	struct arena once;     /* the unit being lifted */
	struct arena values;   /* of the run under way */
	uint64_t code_changes; /* mem_code_changes when the table was last emptied */
	unsigned kept_count;
	struct trace **slot; /* direct-mapped by pc; small at first, since most programs are */
	unsigned slot_count;
	uint64_t seen[SEEN_BITS / 64]; /* traces that were lifted, by their pc */
};

void interp_thread_init(struct kit_thread *t)
{
	struct interp *in = calloc(1, sizeof *in);

	KIT_CHECK(in, "out of memory");
	in->slot_count = FIRST_SLOTS;
	in->slot = calloc(in->slot_count, sizeof(struct trace *));
	KIT_CHECK(in->slot, "out of memory");
	t->interp = in;
}

void interp_thread_fini(struct kit_thread *t)
{
	arena_fini(&t->interp->kept);
	arena_fini(&t->interp->once);
	arena_fini(&t->interp->values);
	free(t->interp->slot);
	free(t->interp);
	t->interp = NULL;
}

/* ---- guest memory -------------------------------------------------------------------------- */

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

/* ---- units --------------------------------------------------------------------------------- */

static void forget_units(struct interp *in, uint64_t code_changes)
{
	memset(in->slot, 0, in->slot_count * sizeof(struct trace *));
	in->kept_count = 0;
	in->code_changes = code_changes;
	arena_reset(&in->kept);
}

/*
 * Without loops back to the trace's start: the interpreter would stay in one, and nobody would count its turns
 * (JIT), see that pc has come round, or that another thread has changed the loop's code.
 */
static void lift(struct kit_thread *t, unsigned max_insns, struct ir_unit *u)
{
	const struct guest_fetch f = { .read = mem_fetch, .ctx = t->proc->mem };
	const struct guest_limits limits = {
		.max_insns = max_insns,
		.max_branches = TRACE_BRANCHES,
	};

	arena_reset(&t->interp->once);
	ir_unit_init(u, &t->interp->once, rv64_guest.regs, t->st.pc);
	rv64_guest.translate(kit_decoder(t), &f, t->st.pc, &limits, u);
	ir_cut_loops(u);
}

/* True when every write to the unit's code will be noticed, perhaps from now on only. */
static bool guard(struct kit_process *p, const struct ir_unit *u)
{
	bool ok = true;

	for (unsigned i = 0; i < u->range_count; i++)
		ok &= mem_guard(p->mem, u->range[i].start, u->range[i].size_bytes);
	return ok;
}

static struct trace *keep(struct interp *in, const struct ir_unit *u)
{
	const size_t bytes = u->insn_count * sizeof *u->insn;
	struct trace *k = arena_alloc(&in->kept, sizeof *k + bytes);

	k->gpc = u->gpc;
	k->insn_count = (uint16_t)u->insn_count;
	k->runs = 0;
	memcpy(k->insn, u->insn, bytes);
	return k;
}

static struct trace **slot_of(const struct interp *in, gaddr pc)
{
	return &in->slot[(pc >> 1) & (in->slot_count - 1)];
}

static void grow(struct interp *in)
{
	struct trace **old = in->slot;
	unsigned n = in->slot_count;

	in->slot_count = n * 2;
	in->slot = calloc(in->slot_count, sizeof(struct trace *));
	KIT_CHECK(in->slot, "out of memory");
	for (unsigned i = 0; i < n; i++)
		if (old[i])
			*slot_of(in, old[i]->gpc) = old[i];
	free(old);
}

/* True from the second time on that pc comes by: three of four traces of a start-up run once. */
static bool is_seen(struct interp *in, gaddr pc)
{
	uint64_t h = (pc >> 1) & (SEEN_BITS - 1), bit = UINT64_C(1) << (h & 63);
	bool seen = in->seen[h >> 6] & bit;

	in->seen[h >> 6] |= bit;
	return seen;
}

/* Lifts the trace at pc and keeps it if it is not new, where every change of its code will be heard of. */
static void lift_trace(struct kit_thread *t, struct ir_unit *u)
{
	struct interp *in = t->interp;
	const uint64_t changes = in->code_changes;
	const uint64_t guards = mem_guards(t->proc->mem);

	lift(t, TRACE_INSNS, u);
	/* A trace without instructions says that nothing can be fetched, which may change unnoticed. */
	if (!u->guest_insns || !is_seen(in, u->gpc) || !guard(t->proc, u)
	    || mem_guards(t->proc->mem) != guards || mem_code_changes(t->proc->mem) != changes)
		return;
	if (++in->kept_count > in->slot_count)
		grow(in);
	*slot_of(in, u->gpc) = keep(in, u);
}

/* ---- running ------------------------------------------------------------------------------- */

static enum ir_exit run(struct kit_thread *t, const struct ir_unit *u)
{
	return ir_interp(u, &t->st, &interp_memory, &t->interp->values);
}

static enum ir_exit run_kept(struct kit_thread *t, struct trace *k)
{
	struct ir_block block = { .gpc = k->gpc, .count = k->insn_count };
	const struct ir_unit u = {
		.gpc = k->gpc,
		.regs = rv64_guest.regs,
		.insn = k->insn,
		.insn_count = k->insn_count,
		.block = &block,
		.block_count = 1,
	};

	return run(t, &u);
}

static struct trace *find_kept(struct kit_thread *t)
{
	struct interp *in = t->interp;
	const uint64_t changes = mem_code_changes(t->proc->mem);
	struct trace *k;

	if (in->code_changes != changes || in->kept_count == KEPT_MAX)
		forget_units(in, changes);
	k = *slot_of(in, t->st.pc);
	return k && k->gpc == t->st.pc ? k : NULL;
}

/*
 * The trace that follows, if it is a kept one: the way through the run loop, which would look for translated code first, costs
 * as much as many a trace. Beside the JIT that goes on until the trace is worth a translation.
 */
static struct trace *next_kept(struct kit_thread *t)
{
	struct trace *k = find_kept(t);

	if (!k || !t->proc->jit)
		return k;
	if (++k->runs < JIT_LEVEL0_RUNS)
		return k;
	jit_note_hot(t, k->gpc);
	return NULL;
}

enum ir_exit interp_run(struct kit_thread *t)
{
	struct trace *k;
	struct ir_unit u;
	enum ir_exit why;

	/* The flags that translated code left in the host's register count too. */
	jit_set_frm(t);
	k = find_kept(t);
	if (!k) {
		lift_trace(t, &u);
		why = run(t, &u);
		if (why == IR_EXIT_LOOKUP)
			k = next_kept(t);
	}
	while (k) {
		why = run_kept(t, k);
		if (why != IR_EXIT_LOOKUP || __atomic_load_n(&t->st.stop, __ATOMIC_RELAXED))
			break;
		k = next_kept(t);
	}
	return why;
}

enum ir_exit interp_run_one(struct kit_thread *t)
{
	struct ir_unit once;

	jit_set_frm(t);
	lift(t, 1, &once);
	return run(t, &once);
}

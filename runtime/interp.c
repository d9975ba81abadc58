/* The interpreting engine; see interp.h. */
#include "runtime/interp.h"

#include "arch/guest.h"
#include "arch/native.h"
#include "lib/base/panic.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"
#include "runtime/traces.h"

#include <signal.h>
#include <stdlib.h>

/* Traces run no further than the first branch that is taken, so longer ones are lifted in vain. */
enum { TRACE_INSNS = 64, TRACE_BRANCHES = 2 };

/* Addresses from here up are not canonical on any host; the host reports their faults without address. */
static const gaddr address_limit = UINT64_C(1) << 47;

struct interp {
	struct traces traces; /* lifted; the insns of their only block */
	struct arena once;    /* the unit being lifted */
	struct arena values;  /* of the run under way */
};

void interp_thread_init(struct kit_thread *t)
{
	struct interp *in = calloc(1, sizeof *in);

	KIT_CHECK(in, "out of memory");
	traces_init(&in->traces, t->proc->mem);
	t->interp = in;
}

void interp_thread_fini(struct kit_thread *t)
{
	if (!t->interp)
		return;
	traces_fini(&t->interp->traces);
	arena_fini(&t->interp->once);
	arena_fini(&t->interp->values);
	free(t->interp);
	t->interp = NULL;
}

/* ---- guest memory -------------------------------------------------------------------------- */

static bool bad_address(struct ir_state *st, gaddr addr, bool write)
{
	if (KIT_LIKELY(addr < address_limit))
		return false;
	st->fault_kind = IR_FAULT_SEGV;
	st->fault_code = SEGV_MAPERR;
	st->fault_addr = addr;
	st->fault_write = write;
	return true;
}

static void *host_address(const struct ir_state *st, gaddr addr)
{
	return (void *)(uintptr_t)(addr + st->guest_base);
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

/*
 * Without loops back to the trace's start: the interpreter would stay in one, and nobody would see
 * that another thread has changed the loop's code.
 */
static void lift(struct kit_thread *t, struct ir_unit *u)
{
	const struct guest_fetch f = { mem_fetch, t->proc->mem, mem_is_vdso };
	const struct guest_limits limits = {
		.max_insns = TRACE_INSNS,
		.max_branches = TRACE_BRANCHES,
		.count = t->proc->opt.count,
		.tally = t->proc->ways,
	};

	arena_reset(&t->interp->once);
	ir_unit_init(u, &t->interp->once, rv64_guest.regs, t->st.pc);
	rv64_guest.translate(kit_decoder(t), &f, t->st.pc, &limits, u);
	ir_cut_loops(u);
}

static enum ir_exit run(struct kit_thread *t, const struct ir_unit *u)
{
	return ir_interp(u, &t->st, &interp_memory, &t->interp->values);
}

static enum ir_exit run_new(struct kit_thread *t)
{
	const uint64_t guards = mem_guards(t->proc->mem);
	struct ir_unit u;

	lift(t, &u);
	/* A trace without instructions says that nothing can be fetched, which may change unnoticed. */
	if (u.guest_insns)
		traces_offer(&t->interp->traces, guards, u.gpc, u.range, u.range_count, u.insn,
			     u.insn_count, u.insn_count * sizeof *u.insn);
	return run(t, &u);
}

static enum ir_exit run_kept(struct kit_thread *t, struct trace *k)
{
	struct ir_block block = { .gpc = k->gpc, .count = k->count };
	const struct ir_unit u = {
		.gpc = k->gpc,
		.regs = rv64_guest.regs,
		.insn = (struct ir_insn *)(void *)k->data,
		.insn_count = k->count,
		.block = &block,
		.block_count = 1,
	};

	return run(t, &u);
}

enum ir_exit interp_run(struct kit_thread *t)
{
	struct trace *k = traces_find(&t->interp->traces, t->st.pc);
	enum ir_exit why = IR_EXIT_LOOKUP;

	jit_set_frm(t);
	if (!k)
		return run_new(t);
	/* On to kept ones without the way through the run loop, which costs as much as many a trace. */
	while (k && why == IR_EXIT_LOOKUP && !__atomic_load_n(&t->st.stop, __ATOMIC_RELAXED)) {
		why = run_kept(t, k);
		k = traces_find(&t->interp->traces, t->st.pc);
	}
	return why;
}

/* Level 0; see level0.h. */
#include "runtime/level0.h"

#include "arch/guest.h"
#include "arch/native.h"
#include "lib/base/panic.h"
#include "runtime/core/near.h"
#include "runtime/interp.h"
#include "runtime/jit/jit.h"
#include "runtime/mem/mem.h"
#include "runtime/traces.h"

/* As long as level 1's: its traces are counted by where these end. */
static const struct guest_limits ordinary = { .max_insns = GUEST_RUN_INSNS, .max_branches = 2 };

struct level0 {
	struct guest_limits limits;
	struct traces traces; /* struct guest_insn */
	struct guest_run run; /* the one under way */
	/* Where code was fetched from last: [start, end) can be, while mem_code_changes is changes. */
	struct {
		uint64_t changes;
		gaddr start, end;
	} code;
};

void level0_thread_init(struct kit_thread *t)
{
	struct level0 *l = near_new(sizeof *l);

	KIT_CHECK(l, "out of memory");
	l->limits = ordinary;
	l->limits.count = t->proc->opt.count;
	l->limits.tally = t->proc->ways;
	l->limits.ran = t->proc->ran;
	traces_init(&l->traces, t->proc->mem);
	t->level0 = l;
}

void level0_thread_fini(struct kit_thread *t)
{
	if (!t->level0)
		return;
	traces_fini(&t->level0->traces);
	near_free(t->level0);
	t->level0 = NULL;
}

void level0_forget(struct kit_thread *t) { traces_empty(&t->level0->traces); }

/* As mem_fetch, mostly without its lock and its search. */
static unsigned fetch(void *ctx, gaddr pc, void *buf, unsigned want_bytes)
{
	struct kit_thread *t = ctx;
	struct mem_space *m = t->proc->mem;
	struct level0 *l = t->level0;
	const uint64_t changes = mem_code_changes(m);

	if (KIT_UNLIKELY(l->code.changes != changes
			 || pc - l->code.start >= l->code.end - l->code.start)) {
		l->code.start = l->code.end = 0;
		if (!mem_exec_range(m, pc, &l->code.start, &l->code.end))
			return 0;
		l->code.changes = changes;
	}
	/* Across an end of the range or of a file it takes more care. */
	if (KIT_LIKELY(l->code.end - pc >= want_bytes)
	    && KIT_LIKELY(native_copy(buf, mem_host(m, pc), want_bytes)))
		return want_bytes;
	return mem_fetch(m, pc, buf, want_bytes);
}

static bool is_own(void *ctx, gaddr pc)
{
	const struct kit_thread *t = ctx;

	return mem_is_vdso(t->proc->mem, pc);
}

static enum ir_exit run_new(struct kit_thread *t, const struct ir_memory *mem)
{
	const struct guest_fetch f = { .read = fetch, .is_own = is_own, .ctx = t };
	const uint64_t guards = mem_guards(t->proc->mem);
	struct level0 *l = t->level0;
	const gaddr pc = t->st.pc;
	enum ir_exit why;

	why = rv64_guest.run(kit_decoder(t), &f, &l->limits, &t->st, mem, &l->run);
	/* What is kept runs without being counted. */
	if (l->run.end > pc && KIT_LIKELY(!l->limits.count && !l->limits.tally)) {
		const struct ir_range range = { .start = pc,
						.size_bytes = (uint32_t)(l->run.end - pc) };

		traces_offer(&l->traces, guards, pc, &range, 1, l->run.insn, l->run.count,
			     l->run.count * sizeof *l->run.insn);
	}
	return why;
}

static enum ir_exit run_kept(struct kit_thread *t, const struct trace *k,
			     const struct ir_memory *mem)
{
	const struct guest_fetch f = { .read = fetch, .is_own = is_own, .ctx = t };

	return rv64_guest.rerun(kit_decoder(t), &f,
				(const struct guest_insn *)(const void *)k->data, k->count,
				&t->level0->limits, &t->st, mem);
}

/*
 * True when the trace at pc, kept as k perhaps, shall run here once more. A kept one is not translated: it goes when it
 * is about to be. The counter is not in it, for after a fork every page written to is copied.
 */
static bool is_cold(struct kit_thread *t, const struct trace *k)
{
	if (jit_is_cold(t, k != NULL))
		return true;
	if (k)
		traces_drop(&t->level0->traces, k);
	return false;
}

enum ir_exit level0_run(struct kit_thread *t)
{
	struct traces *ts = &t->level0->traces;
	struct trace *k = traces_find(ts, t->st.pc);
	enum ir_exit why;

	/* The flags that translated code left in the host's register count too. */
	jit_set_frm(t);
	/* The way through the run loop, which would look for translated code first, costs as much as many a trace. */
	do {
		why = k ? run_kept(t, k, &interp_memory) : run_new(t, &interp_memory);
		if (why != IR_EXIT_LOOKUP || __atomic_load_n(&t->st.stop, __ATOMIC_RELAXED))
			break;
		k = traces_find(ts, t->st.pc);
	} while (is_cold(t, k));
	return why;
}

enum ir_exit level0_run_all(struct kit_thread *t, const struct ir_memory *mem)
{
	struct trace *k;
	enum ir_exit why;

	jit_set_frm(t);
	do {
		k = traces_find(&t->level0->traces, t->st.pc);
		why = k ? run_kept(t, k, mem) : run_new(t, mem);
	} while (why == IR_EXIT_LOOKUP && !__atomic_load_n(&t->st.stop, __ATOMIC_RELAXED));
	return why;
}

enum ir_exit level0_run_one(struct kit_thread *t)
{
	const struct guest_fetch f = { .read = mem_fetch,
				       .is_own = mem_is_vdso,
				       .ctx = t->proc->mem };
	const struct guest_limits one = { .max_insns = 1,
					  .count = t->proc->opt.count,
					  .tally = t->proc->ways,
					  .ran = t->proc->ran };
	struct guest_run r;

	jit_set_frm(t);
	return rv64_guest.run(kit_decoder(t), &f, &one, &t->st, &interp_memory, &r);
}

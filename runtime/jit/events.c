/* What comes over the JIT from outside of its run loop: faults, signals, changes of guest code, forks. */
#include "arch/native.h"
#include "runtime/jit/jit_priv.h"

/* ---- faults ------------------------------------------------------------------------------- */

/* Where the unit's range around pc ends; 1: in none. */
static gaddr range_end(const struct tc_unit *u, gaddr pc)
{
	for (uint32_t i = 0; i < u->range_count; i++)
		if (pc - u->range[i].start < u->range[i].size_bytes)
			return u->range[i].start + u->range[i].size_bytes;
	return 1;
}

gaddr jit_guest_pc(const struct kit_thread *t, const void *ucontext)
{
	const struct jit *j = t->proc->jit;
	const uint64_t pc = native_ctx_pc(ucontext);
	const struct tc_unit *u;
	gaddr gpc;

	if (!j || !codemem_holds(&j->tc.mem, pc))
		return 0;
	u = tc_unit_at(&j->tc, pc);
	if (!u)
		return 0;
	gpc = u->gpc;
	for (uint32_t i = 0; i < u->fault_count && u->fault[i].at <= pc - (uintptr_t)u->code; i++)
		gpc = u->gpc + (gaddr)(int64_t)u->fault[i].gpc_off;
	return gpc;
}

gaddr jit_fault_end(const struct kit_thread *t) { return t->jit->fault_end; }

enum jit_fault_result jit_fault(struct kit_thread *t, void *ucontext, uint64_t addr)
{
	struct jit *j = t->proc->jit;
	bool routine = j && native_routine_leave(ucontext, &t->st);
	uint64_t pc = native_ctx_pc(ucontext);
	uint64_t guard =
	    t->st.code_sp_top + CODE_STACK_ENTRY_BYTES - CODE_STACK_BYTES - MEM_PAGE_BYTES;
	const struct code_fault *f;
	struct tc_unit *u;

	if (!j || !codemem_holds(&j->tc.mem, pc))
		return JIT_FAULT_NOT_OURS;
	if (!routine && addr - guard < MEM_PAGE_BYTES) {
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
	t->jit->fault_end = range_end(u, t->st.pc);
	t->st.owed = tc_owed_at(u, f);
	if (routine)
		return JIT_FAULT_ROUTINE;
	if (!f->redo)
		return JIT_FAULT_GUEST;
	t->st.fault_kind = IR_FAULT_REDO;
	return JIT_FAULT_REDO;
}

void jit_interrupt(struct kit_thread *t, void *ucontext)
{
	const struct jit *j = t->proc->jit;
	uint64_t begin;

	if (!j)
		return;
	begin = (uintptr_t)j->tc.mem.rx + j->thunks.call_begin;
	if (native_ctx_pc(ucontext) - begin < j->thunks.call_end - j->thunks.call_begin)
		native_ctx_set_pc(ucontext, (uintptr_t)j->tc.mem.rx + j->thunks.call_left);
}

/* ---- changes of guest code ----------------------------------------------------------------- */

static void drop_if_changed(void *ctx, struct tc_unit *u)
{
	struct jit *j = ctx;

	if (jit_hash_guest(j, u->range, u->range_count) != u->content_hash)
		tc_kill(&j->tc, u);
}

void jit_sync_code(struct jit *j)
{
	if (!j)
		return;
	lock(j);
	if (tc_any_unguarded(&j->tc)) {
		world_stop(&j->world, self_entry());
		tc_each_unguarded(&j->tc, drop_if_changed, j);
		world_go(&j->world);
	}
	unlock(j);
}

uint64_t jit_dropped(const struct jit *j)
{
	return __atomic_load_n(&j->stats.killed, __ATOMIC_RELAXED);
}

void jit_freeze(struct jit *j)
{
	lock(j);
	world_stop(&j->world, self_entry());
}

void jit_thaw(struct jit *j)
{
	world_go(&j->world);
	unlock(j);
}

/* ---- fork --------------------------------------------------------------------------------- */

/*
 * Translates what this process's family ran often, once that is worth the copy of the code that is shared with an earlier
 * child: what is not yet worth it will be told again. With the lock held.
 */
static bool learn(struct jit *j, struct kit_thread *t)
{
	bool any = false;
	gaddr pc;

	if (family_pending(j->family, j->family_seen) * LEARN_BYTES < j->tc.mem.used_bytes)
		return false;
	while (family_next(j->family, &j->family_seen, &pc))
		if (!tc_find(&j->tc, pc) && (jit_take(j, t, pc) || jit_translate(j, t, pc, false)))
			any = true;
	if (any)
		tc_link_all(&j->tc);
	return any;
}

/* Counts are of what has run here, and in lockstep each unit comes back to be compared. */
static bool may_learn(const struct jit *j)
{
	return !j->limits.tally && !j->ran && !j->opt->selfcheck;
}

bool jit_fork_prepare(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;
	bool learned = false;

	if (!j)
		return false;
	lock(j);
	if (j->family)
		learned = learn(j, t);
	else if (may_learn(j))
		j->family = family_new();
	if (j->tc.mem.used_bytes <= FORK_SHARE_MAX_BYTES) {
		codemem_share(&j->tc.mem);
		j->links_left = FORK_LINKS;
	}
	return learned;
}

void jit_fork_parent(struct jit *j)
{
	if (j)
		unlock(j);
}

void jit_fork_child(struct kit_thread *t)
{
	struct jit *j = t->proc->jit;

	if (!j)
		return;
	j->compiled = 0;
	if (j->persist) {
		persist_forked(j->persist);
		j->patience = 0;
	}
	/* The threads that did not come along. Their memory is lost: they may have been at work on it. */
	j->world = (struct world){ .first = &t->jit->world, .count = 1 };
	t->jit->world.next = NULL;
	/* Too much code to copy: the units' bytes are not there, so they must go unlinked. */
	if (j->tc.mem.used_bytes > FORK_SHARE_MAX_BYTES) {
		codemem_renew(&j->tc.mem, THUNK_BYTES);
		tc_kill_all(&j->tc);
		reset_code_stack(&t->st);
	}
	unlock(j);
}

void jit_farewell(struct jit *j)
{
	if (!j || !j->persist)
		return;
	lock(j);
	persist_write(j->persist, true);
	unlock(j);
}

void jit_get_stats(struct jit *j, struct jit_stats *s)
{
	lock(j);
	*s = j->stats;
	s->evicted_units = j->tc.evicted_units;
	for (struct world_thread *e = j->world.first; e; e = e->next) {
		s->runs += thread_of(e)->runs;
		s->lookups += thread_of(e)->lookups;
	}
	unlock(j);
}

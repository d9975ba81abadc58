/* Keeping threads out of translated code; see world.h. */
#include "runtime/jit/world.h"

#include "runtime/core/futex.h"

/* How long a thread may stay inside before it is looked whether it is there at all. */
enum { WAIT_MS = 200 };

/* After clone without CLONE_THREAD the world has threads of several processes, and one of these may be killed. */
static bool is_dead(const struct world_thread *e)
{
	const struct kit_thread *t = (const struct kit_thread *)e->st;

	return t->tid && syscall(SYS_tkill, t->tid, 0) < 0 && errno == ESRCH;
}

void world_add(struct world *w, struct world_thread *e)
{
	e->next = w->first;
	w->first = e;
	__atomic_fetch_add(&w->count, 1, __ATOMIC_SEQ_CST);
}

void world_remove(struct world *w, struct world_thread *e)
{
	struct world_thread **p = &w->first;

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	__atomic_fetch_sub(&w->count, 1, __ATOMIC_SEQ_CST);
}

void world_count(struct world *w)
{
	uint32_t n = 0;

	for (const struct world_thread *e = w->first; e; e = e->next)
		n++;
	__atomic_store_n(&w->count, n, __ATOMIC_SEQ_CST);
}

void world_stop(struct world *w, const struct world_thread *self)
{
	if (world_alone(w))
		return;
	__atomic_store_n(&w->stopping, 1, __ATOMIC_SEQ_CST);
	for (struct world_thread *e = w->first; e; e = e->next)
		if (e != self)
			__atomic_fetch_or(&e->st->stop, IR_STOP_WORLD, __ATOMIC_SEQ_CST);
	for (struct world_thread *e = w->first; e; e = e->next) {
		while (e != self) {
			uint32_t left = __atomic_load_n(&w->left, __ATOMIC_SEQ_CST);

			if (!__atomic_load_n(&e->st->inside, __ATOMIC_SEQ_CST))
				break;
			if (!futex_wait_ms(&w->left, left, WAIT_MS) && is_dead(e))
				__atomic_store_n(&e->st->inside, 0, __ATOMIC_SEQ_CST);
		}
	}
}

void world_go(struct world *w)
{
	if (!__atomic_load_n(&w->stopping, __ATOMIC_RELAXED))
		return;
	for (struct world_thread *e = w->first; e; e = e->next)
		__atomic_fetch_and(&e->st->stop, ~(uint32_t)IR_STOP_WORLD, __ATOMIC_SEQ_CST);
	__atomic_store_n(&w->stopping, 0, __ATOMIC_SEQ_CST);
	futex_wake(&w->stopping, INT32_MAX);
}

void world_wake(struct world *w)
{
	__atomic_fetch_add(&w->left, 1, __ATOMIC_SEQ_CST);
	futex_wake(&w->left, 1);
}

void world_wait(struct world *w, struct world_thread *e)
{
	do {
		__atomic_store_n(&e->st->inside, 0, __ATOMIC_SEQ_CST);
		world_wake(w);
		futex_wait(&w->stopping, 1);
		__atomic_store_n(&e->st->inside, 1, __ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&w->stopping, __ATOMIC_SEQ_CST));
}

void world_gone(struct world *w, struct world_thread *e)
{
	__atomic_store_n(&e->st->inside, 0, __ATOMIC_SEQ_CST);
	world_wake(w);
}

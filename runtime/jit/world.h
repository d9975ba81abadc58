/*
 * The guest threads that share a code cache, and how one of them makes all others keep out of code.
 *
 * A thread is inside while it runs translated code: code memory that it may be in, or may come back to from
 * its code stack, must not be reused, and what it runs must not be taken for gone. Coming and going take no lock:
 *
 *     thread                                      thread that stops the others (holds the JIT's lock)
 *     inside = 1; stopping? then wait             stopping = 1; set ir_state.stop; each inside? then wait
 *     ... translated code ...                     ... evict, kill ...
 *     inside = 0; stopping? then wake it          stopping = 0; wake all
 *
 * inside is ir_state.inside: the host's code for system calls (IR_THUNK_CALL) goes out and in by the same rules.
 *
 * Both sides write first and read then, sequentially consistent, so at least one sees the other. Code leaves
 * at the next safe point when ir_state.stop is set, so that the wait is short. A process with a single thread
 * skips all of it: only that thread itself can make a second one.
 *
 * After a vfork the child is a thread of the world too, though of another process: what it
 * shares is memory, and futexes work across.
 */
#ifndef KIT_RUNTIME_JIT_WORLD_H
#define KIT_RUNTIME_JIT_WORLD_H

#include "runtime/core/thread.h"

/* A thread's entry; it lies in struct jit_thread. */
struct world_thread {
	struct ir_state *st;
	struct world_thread *next;
};

struct world {
	struct world_thread *first; /* list and count change under the JIT's lock */
	uint32_t count;             /* atomic */
	uint32_t stopping;          /* futex: 1 while others are kept out */
	uint32_t left;              /* futex: counts threads that came out meanwhile */
};

/* These four are called with the JIT's lock held. */
void world_add(struct world *w, struct world_thread *e);
void world_remove(struct world *w, struct world_thread *e);
/* Returns when no thread but self's is inside, and keeps the others out until world_go. */
void world_stop(struct world *w, const struct world_thread *self);
void world_go(struct world *w);

/* The list says how many there are: whoever was to count is gone. */
void world_count(struct world *w);
/* The other process of a vfork is gone, wherever it was: it is no longer inside. Before world_remove, without the lock. */
void world_gone(struct world *w, struct world_thread *e);

void world_wait(struct world *w, struct world_thread *e);
void world_wake(struct world *w);

/* True when no other thread shares the cache; stays true until this thread makes one. */
static inline bool world_alone(const struct world *w)
{
	return __atomic_load_n(&w->count, __ATOMIC_RELAXED) <= 1;
}

/* Goes inside; waits while the thread is to keep out. */
static inline void world_enter(struct world *w, struct world_thread *e)
{
	if (world_alone(w))
		return;
	__atomic_store_n(&e->st->inside, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&w->stopping, __ATOMIC_SEQ_CST))
		world_wait(w, e);
}

/* The same with the JIT's lock held: nobody can be stopping then. */
static inline void world_enter_locked(const struct world *w, struct world_thread *e)
{
	if (!world_alone(w))
		__atomic_store_n(&e->st->inside, 1, __ATOMIC_SEQ_CST);
}

static inline void world_leave(struct world *w, struct world_thread *e)
{
	if (!__atomic_load_n(&e->st->inside, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&e->st->inside, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&w->stopping, __ATOMIC_SEQ_CST))
		world_wake(w);
}

#endif

/*
 * Kitemu's locks: a word that says which thread has it.
 *
 * Processes that share memory (vfork, CLONE_VM) take the same locks, and one of them may be killed at any moment. From the
 * word it can be told exactly whether it had the lock then, which libc's mutexes do not allow: they learn of their
 * owner after they are taken, and by a name that a vfork child has in common with its parent. Whoever sees to what
 * the dead one leaves (kit_thread_ops.gone) puts right what the lock covers, and gives it back.
 *
 * A lock that is held over a fork is the child's to give back, too.
 */
#ifndef KIT_RUNTIME_CORE_LOCK_H
#define KIT_RUNTIME_CORE_LOCK_H

#include "lib/base/panic.h"

#include <stdbool.h>
#include <stdint.h>

struct kit_lock {
	uint32_t
	    word; /* 0: free; else the kernel's id of the owner, and perhaps KIT_LOCK_WAITED. Atomic. */
};

#define KIT_LOCK_WAITED (UINT32_C(1) << 31)

/* The calling thread's id. */
uint32_t kit_lock_self(void);
void kit_lock_wait(struct kit_lock *l, uint32_t self);
void kit_lock_wake(struct kit_lock *l);

static inline void kit_lock(struct kit_lock *l)
{
	uint32_t none = 0, self = kit_lock_self();

	if (KIT_UNLIKELY(!__atomic_compare_exchange_n(&l->word, &none, self, false,
						      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		kit_lock_wait(l, self);
}

static inline void kit_unlock(struct kit_lock *l)
{
	if (KIT_UNLIKELY(__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) & KIT_LOCK_WAITED))
		kit_lock_wake(l);
}

/* True when thread tid, which is gone, has left the lock taken. A wake-up that it did not pass on is made good. */
bool kit_lock_left(struct kit_lock *l, int tid);

#endif

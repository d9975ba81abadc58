/* The slow ways of lock.h. */
#include "runtime/core/lock.h"

#include "runtime/core/futex.h"
#include "runtime/core/thread.h"

uint32_t kit_lock_self(void)
{
	const struct kit_thread *t = kit_self();

	return t && t->tid ? (uint32_t)t->tid : (uint32_t)syscall(SYS_gettid);
}

void kit_lock_wait(struct kit_lock *l, uint32_t self)
{
	uint32_t seen = __atomic_load_n(&l->word, __ATOMIC_RELAXED);

	/* Who has waited takes it as waited for: others may be waiting, too. */
	for (;;) {
		if (!seen) {
			if (__atomic_compare_exchange_n(&l->word, &seen, self | KIT_LOCK_WAITED,
							false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
			continue;
		}
		if (!(seen & KIT_LOCK_WAITED)
		    && !__atomic_compare_exchange_n(&l->word, &seen, seen | KIT_LOCK_WAITED, false,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		futex_wait(&l->word, seen | KIT_LOCK_WAITED);
		seen = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
	}
}

void kit_lock_wake(struct kit_lock *l) { futex_wake(&l->word, 1); }

bool kit_lock_left(struct kit_lock *l, int tid)
{
	uint32_t word = __atomic_load_n(&l->word, __ATOMIC_ACQUIRE);

	if (word && (word & ~KIT_LOCK_WAITED) == (uint32_t)tid)
		return true;
	futex_wake(&l->word, INT32_MAX);
	return false;
}

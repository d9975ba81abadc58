/* Waiting on a word of kitemu's own memory, futex(2). Async-signal-safe; also between processes that share memory by vfork. */
#ifndef KIT_RUNTIME_CORE_FUTEX_H
#define KIT_RUNTIME_CORE_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while *word is value; may wake for no reason. */
static inline void futex_wait(uint32_t *word, uint32_t value)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
	errno = saved;
}

/* The same, for so long at most: false when the time is up. */
static inline bool futex_wait_ms(uint32_t *word, uint32_t value, int ms)
{
	struct timespec most = { ms / 1000, ms % 1000 * 1000000L };
	int saved = errno;
	bool woke = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &most, NULL, 0) == 0
		    || errno != ETIMEDOUT;

	errno = saved;
	return woke;
}

static inline void futex_wake(uint32_t *word, int most)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
	errno = saved;
}

#endif

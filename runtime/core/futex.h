/* Waiting on a word of kitemu's own memory, futex(2). Async-signal-safe; also between processes that share memory by vfork. */
#ifndef KIT_RUNTIME_CORE_FUTEX_H
#define KIT_RUNTIME_CORE_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sleeps while *word is value; may wake for no reason. */
static inline void futex_wait(uint32_t *word, uint32_t value)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
	errno = saved;
}

static inline void futex_wake(uint32_t *word, int most)
{
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
	errno = saved;
}

#endif

/*
 * Checks of our own invariants.
 *
 * KIT_CHECK stays in every build, KIT_DCHECK only where KIT_DEBUG is set. Both
 * take a condition, a printf format and values; the message goes to stderr by
 * write(2), without stdio, so that it is safe in a signal handler, and the
 * process exits with status 125 (see kit_panic). Guest input never gets here.
 */
#ifndef KIT_BASE_PANIC_H
#define KIT_BASE_PANIC_H

#define KIT_NORETURN     __attribute__((noreturn))
#define KIT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define KIT_LIKELY(x)    __builtin_expect(!!(x), 1)
#define KIT_UNLIKELY(x)  __builtin_expect(!!(x), 0)

/* Exit status of a failure of kitemu itself, as env(1) and friends use it. */
#define KIT_EXIT_INTERNAL 125

KIT_NORETURN void kit_panic(const char *file, int line, const char *fmt, ...) KIT_PRINTF(3, 4);

#define KIT_PANIC(...) kit_panic(__FILE__, __LINE__, __VA_ARGS__)

#define KIT_CHECK(cond, ...)                                                                       \
	do {                                                                                       \
		if (KIT_UNLIKELY(!(cond)))                                                         \
			kit_panic(__FILE__, __LINE__, #cond ": " __VA_ARGS__);                     \
	} while (0)

#ifdef KIT_DEBUG
#define KIT_DCHECK(cond, ...) KIT_CHECK(cond, __VA_ARGS__)
#else
#define KIT_DCHECK(cond, ...)                                                                      \
	do {                                                                                       \
		if (0)                                                                             \
			(void)(cond);                                                              \
	} while (0)
#endif

#endif

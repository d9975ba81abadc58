/*
 * Logging for people who debug kitemu: topics switched on by --log=TOPIC,...
 *
 * kit_log_mask and kit_log_out are the only writable variables that lib/ owns (R8 names them); they are set once, before
 * anything else runs. A line is formatted on the stack and written by one write(2), so that lines
 * of several processes do not mix and a signal handler may log.
 */
#ifndef KIT_BASE_LOG_H
#define KIT_BASE_LOG_H

#include "lib/base/panic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIT_LOG_TOPICS(X)                                                                          \
	X(load, "what the loader maps")                                                            \
	X(jit, "translation, linking, invalidation")                                               \
	X(sys, "system calls that have no row or are refused")                                     \
	X(sig, "signals and faults")                                                               \
	X(mem, "guest memory: mappings and protections")                                           \
	X(gdb, "what gdb and its server say to each other")                                        \
	X(in_asm, "guest code that is translated, at once instead of when it has run often")       \
	X(op, "its IR as lifted")                                                                  \
	X(op_opt, "its IR after the passes")                                                       \
	X(out_asm, "the host code that it becomes")                                                \
	X(tid, "%d in --log-file is the thread's number")

enum kit_log_topic {
#define X(name, help) KIT_LOG_##name,
	KIT_LOG_TOPICS(X)
#undef X
	    KIT_LOG_COUNT
};

/* What "all" means: the others are long, or say how. */
#define KIT_LOG_ALL                                                                                \
	(1u << KIT_LOG_load | 1u << KIT_LOG_jit | 1u << KIT_LOG_sys | 1u << KIT_LOG_sig            \
	 | 1u << KIT_LOG_mem | 1u << KIT_LOG_gdb)
/* Topics that show translations. */
#define KIT_LOG_CODE                                                                               \
	(1u << KIT_LOG_in_asm | 1u << KIT_LOG_op | 1u << KIT_LOG_op_opt | 1u << KIT_LOG_out_asm)

extern uint32_t kit_log_mask;
/* Writes whole lines to where they are to go; NULL: to stderr. */
extern void (*kit_log_out)(const char *lines, size_t size_bytes);
void kit_log_put(const char *lines, size_t size_bytes);

/* A line for each topic. */
extern const char kit_log_help[];
/*
 * Switches on the topics of a comma-separated list, "all" and qemu-user's names for some of them; false, and nothing is, at
 * an unknown one.
 */
bool kit_log_enable(const char *list);
/* One whole line, the newline is added. */
void kit_log_write(const char *fmt, ...) KIT_PRINTF(1, 2);

#define KIT_LOG(topic, ...)                                                                        \
	do {                                                                                       \
		if (KIT_UNLIKELY(kit_log_mask & (1u << KIT_LOG_##topic)))                          \
			kit_log_write(#topic ": " __VA_ARGS__);                                    \
	} while (0)

#endif

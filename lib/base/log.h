/*
 * Logging for people who debug kitemu: topics switched on by --log=TOPIC,...
 *
 * kit_log_mask is the one writable variable that lib/ owns (R8 names it). A
 * line is formatted on the stack and written by one write(2), so that lines
 * of several processes do not mix and a signal handler may log.
 */
#ifndef KIT_BASE_LOG_H
#define KIT_BASE_LOG_H

#include "lib/base/panic.h"

#include <stdbool.h>
#include <stdint.h>

#define KIT_LOG_TOPICS(X)                                                                          \
	X(load, "what the loader maps")                                                            \
	X(jit, "translation, linking, invalidation")                                               \
	X(sys, "system calls that have no row or are refused")                                     \
	X(sig, "signals and faults")                                                               \
	X(mem, "guest memory: mappings and protections")                                           \
	X(gdb, "what gdb and its server say to each other")

enum kit_log_topic {
#define X(name, help) KIT_LOG_##name,
	KIT_LOG_TOPICS(X)
#undef X
	    KIT_LOG_COUNT
};

extern uint32_t kit_log_mask;
/* File descriptor that log lines and --strace go to; 2 until changed. */
int kit_log_fd(void);

/* A line for each topic. */
extern const char kit_log_help[];
/* Switches on the topics of a comma-separated list ("all" too); false, and nothing is, at an unknown one. */
bool kit_log_enable(const char *list);
/* One whole line, the newline is added. */
void kit_log_write(const char *fmt, ...) KIT_PRINTF(1, 2);

#define KIT_LOG(topic, ...)                                                                        \
	do {                                                                                       \
		if (KIT_UNLIKELY(kit_log_mask & (1u << KIT_LOG_##topic)))                          \
			kit_log_write(#topic ": " __VA_ARGS__);                                    \
	} while (0)

#endif

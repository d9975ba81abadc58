/* What starting a process and embedding kitemu share. */
#ifndef KIT_RUNTIME_THREAD_OPS_H
#define KIT_RUNTIME_THREAD_OPS_H

#include "runtime/core/thread.h"

/* How threads begin and end (kit.c). */
extern const struct kit_thread_ops kit_thread_ops;

#endif

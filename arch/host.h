/* The hosts there are, and the one that this build runs on. */
#ifndef KIT_ARCH_HOST_H
#define KIT_ARCH_HOST_H

#include "lib/jit/host.h"

extern const struct jit_host x64_host, a64_host;

/* The host by name (jit_host.name), NULL when there is none. */
const struct jit_host *host_find(const char *name);
/* The host this program is built for. */
const struct jit_host *host_native(void);

#endif

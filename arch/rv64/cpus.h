/* Cpus by name; struct guest has them for all others. */
#ifndef KIT_ARCH_RV64_CPUS_H
#define KIT_ARCH_RV64_CPUS_H

#include "lib/base/diag.h"
#include "lib/base/strbuf.h"

#include <stdint.h>

/* A line for each profile, and one for the extensions. */
extern const char rv64_cpu_help[];
/* "NAME[,+EXT|,-EXT]..." to features; false: there is something that is not known, and d says what. */
bool rv64_cpu_features(const char *text, uint64_t *features, struct diag *d);
/* As a device tree's riscv,isa and /proc/cpuinfo have it. */
void rv64_cpu_isa(uint64_t features, struct strbuf *out);

#endif

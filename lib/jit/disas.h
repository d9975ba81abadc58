/* Host code as text, through Capstone. For dumps and tests. */
#ifndef KIT_JIT_DISAS_H
#define KIT_JIT_DISAS_H

#include "lib/jit/code.h"

/*
 * Appends one line an instruction: offset, text; link sites, stubs, counters and fault points are marked. host: a jit_host.name.
 * with_bytes adds the encoding. Offsets instead of addresses, so that the text is the same everywhere.
 */
void jit_disas(const char *host, const struct code *c, bool with_bytes, struct strbuf *out);
/* How many instructions the bytes hold. */
unsigned jit_disas_count(const char *host, const uint8_t *bytes, uint32_t size_bytes);

#endif

/* What translating makes, for people: --log=in_asm,op,op_opt,out_asm, and names of code for perf(1). */
#ifndef KIT_RUNTIME_JIT_SHOW_H
#define KIT_RUNTIME_JIT_SHOW_H

#include "lib/base/log.h"
#include "runtime/jit/jit_priv.h"

/* True when a translation of these guest bytes is to be shown. */
bool show_wants(const struct ir_range *range, unsigned count);
/* Appends u's IR under a headline when topic is on. */
void show_ir(struct strbuf *out, enum kit_log_topic topic, const struct ir_unit *u);
/* Writes all that there is to say about a new unit: guest code, then ir (empty: none), then host code. */
void show_unit(struct jit *j, struct guest_decoder *decoder, const struct code *c,
	       const struct tc_unit *u, const struct strbuf *ir);

/* --perfmap, --jitdump: tells perf about a new unit. The JIT's lock is held. */
void perf_add(struct jit *j, const struct tc_unit *u);

#endif

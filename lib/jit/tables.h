/* The tables of a unit's code while it is emitted: links and faults. They come from the unit's arena. */
#ifndef KIT_JIT_TABLES_H
#define KIT_JIT_TABLES_H

#include "lib/jit/code.h"
#include "lib/jit/codebuf.h"

struct jit_tables {
	const struct lir_unit *lir;
	struct code_link *link;
	unsigned link_count, link_cap;
	struct code_stub *stub;
	unsigned stub_count, stub_cap;
	struct code_fault *fault;
	unsigned fault_count, fault_cap;
	unsigned next_fault; /* in lir->fault */
	struct code_owe *owe;
	unsigned owe_count, owe_cap;
};

/* With room for as much as a unit has as a rule. */
void jit_tables_init(struct jit_tables *t, const struct lir_unit *lir);
/* Returns the link's number. */
unsigned jit_add_link(struct jit_tables *t, struct code_link link);
/* The next host instruction is the call of a stub that leaves for pc. */
void jit_add_stub(struct jit_tables *t, const struct codebuf *cb, enum ir_exit reason, gaddr pc);
/* The next host instruction may raise the fault of operation in. */
void jit_may_fault(struct jit_tables *t, const struct codebuf *cb, const struct lir_insn *in);
/* What has been emitted. */
struct code jit_code(const struct jit_tables *t, const struct codebuf *cb);

#endif

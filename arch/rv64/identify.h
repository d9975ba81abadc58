/*
 * What a word is: Capstone's answer, corrected and completed by supplement.def. It costs some 2,000
 * instructions of the host each time, so the decoder remembers answers by shape (shape.h).
 *
 * An identifier belongs to one thread: Capstone's handle is written.
 */
#ifndef KIT_ARCH_RV64_IDENTIFY_H
#define KIT_ARCH_RV64_IDENTIFY_H

#include "arch/rv64/decode.h"

struct rv64_identifier;

/* False when Capstone was built without RISC-V. */
bool rv64_can_identify(void);
struct rv64_identifier *rv64_identifier_new(void);
void rv64_identifier_free(struct rv64_identifier *q);

/* What word (a halfword zero-extended) is on a cpu with these features (bits of enum rv64_ext). */
enum rv64_op rv64_identifier_ask(struct rv64_identifier *q, uint64_t features, uint32_t w);
/* Capstone's text of it, "mnemonic operands"; false when it knows none. */
bool rv64_identifier_text(struct rv64_identifier *q, uint32_t w, gaddr pc, struct strbuf *out);

#endif

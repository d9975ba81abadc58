/* Guest code at hand: bytes fetched, from which instructions are decoded. */
#ifndef KIT_ARCH_RV64_WINDOW_H
#define KIT_ARCH_RV64_WINDOW_H

#include "arch/rv64/decode.h"

enum { RV64_WINDOW_BYTES = 64 };

struct rv64_window {
	gaddr start;
	unsigned len;
	uint8_t bytes[RV64_WINDOW_BYTES + 4]; /* as rv64_decode_run wants them */
};

/* Empty. The bytes stay as they are. */
static inline void rv64_window_init(struct rv64_window *w) { w->start = w->len = 0; }

/*
 * Decodes the instructions from pc on as far as the window goes, most of them at most, and with as many
 * branches as rv64_decode_run lets by. Returns how many; 0: none can be fetched, or most is 0.
 */
unsigned rv64_decode_ahead(struct guest_decoder *d, const struct guest_fetch *f,
			   struct rv64_window *w, gaddr pc, unsigned most, unsigned branches,
			   struct rv64_insn *out);

#endif

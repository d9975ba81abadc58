/* Fetching and decoding ahead; see window.h. */
#include "arch/rv64/window.h"

#include <string.h>

unsigned rv64_decode_ahead(struct guest_decoder *d, const struct guest_fetch *f,
			   struct rv64_window *w, gaddr pc, unsigned most, unsigned branches,
			   struct rv64_insn *out)
{
	gaddr at = pc - w->start;

	if (!most)
		return 0;
	if (at < w->len) {
		unsigned n =
		    rv64_decode_run(d, w->bytes + at, w->len - (unsigned)at, most, branches, out);

		if (n)
			return n;
	}
	w->start = pc;
	w->len = f->read(f->ctx, pc, w->bytes, RV64_WINDOW_BYTES);
	memset(w->bytes + w->len, 0, 4);
	return rv64_decode_run(d, w->bytes, w->len, most, branches, out);
}

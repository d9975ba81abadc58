/* The functions that an ELF file names, and what it says of their frames, for people: backtraces. */
#ifndef KIT_RUNTIME_LOAD_SYMBOLS_H
#define KIT_RUNTIME_LOAD_SYMBOLS_H

#include "lib/base/bits.h"
#include "lib/ir/ir.h"
#include "runtime/load/frames.h"

struct load_symbols;

struct load_symbol {
	gaddr start;
	uint64_t size_bytes; /* 0: not said, up to the next one */
	const char *name;
};

/* Of the file open at fd, moved by bias. NULL: it is damaged. */
struct load_symbols *load_symbols_read(int fd, gaddr bias);
void load_symbols_free(struct load_symbols *s);
/* The function that pc lies in; NULL: none that is known. s may be NULL. */
const struct load_symbol *load_symbols_find(const struct load_symbols *s, gaddr pc);
/* As load_frames_find. */
bool load_symbols_frame(const struct load_symbols *s, gaddr pc, struct load_frame *out);

#endif

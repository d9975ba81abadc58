/* A growing string on the heap, for printers and messages. Not for signal handlers. */
#ifndef KIT_BASE_STRBUF_H
#define KIT_BASE_STRBUF_H

#include "lib/base/panic.h"

#include <stddef.h>

struct strbuf {
	char *s; /* always zero-terminated once something was added; NULL before */
	size_t len, cap;
};

#define STRBUF_INIT                                                                                \
	{                                                                                          \
		0                                                                                  \
	}

void strbuf_fini(struct strbuf *b);
void strbuf_add(struct strbuf *b, const char *s, size_t len);
void strbuf_puts(struct strbuf *b, const char *s);
void strbuf_putc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) KIT_PRINTF(2, 3);
/* The text so far, "" when empty. */
const char *strbuf_str(const struct strbuf *b);

#endif

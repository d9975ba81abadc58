/* lcov's trace files (geninfo(1)): which lines and functions have run, by source file. Not thread-safe. */
#ifndef KIT_RUNTIME_LCOV_H
#define KIT_RUNTIME_LCOV_H

#include "lib/base/arena.h"
#include "lib/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

struct lcov_mark {
	const char *file;
	const char *name; /* a function's; NULL: a line */
	uint32_t line;
	bool ran;
};

struct lcov {
	struct arena arena;
	struct lcov_mark *mark;
	unsigned count, cap;
};

void lcov_init(struct lcov *l);
void lcov_fini(struct lcov *l);
/* The strings stay the caller's. What is marked twice has run if one says so. */
void lcov_mark(struct lcov *l, const char *file, const char *name, uint32_t line, bool ran);
/* Adds the marks of a trace file's text, which is changed. Lines of other kinds are passed by. */
void lcov_read(struct lcov *l, char *text);
void lcov_print(struct lcov *l, struct strbuf *out);

#endif

/* drcov's files (DynamoRIO, version 2): a table of modules, and stretches of their code that have run. */
#ifndef KIT_RUNTIME_DRCOV_H
#define KIT_RUNTIME_DRCOV_H

#include "lib/base/strbuf.h"

#include <stdint.h>

/* ran[i]: whether the two bytes at start + 2 * i of the program at path, which lies at base, have run. */
struct drcov_module {
	const char *path;
	uint64_t base, start;
	uint8_t *ran;
	uint64_t halves;
};

/* Adds to out a file of old, text of n bytes (0: there is none), and m, in which what old has of it is set. */
void drcov_merge(const char *old, size_t n, const struct drcov_module *m, struct strbuf *out);

#endif

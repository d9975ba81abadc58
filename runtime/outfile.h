/* Files that several processes merge what they have into, one at a time. */
#ifndef KIT_RUNTIME_OUTFILE_H
#define KIT_RUNTIME_OUTFILE_H

#include "lib/base/strbuf.h"

#include <stdbool.h>

/* Puts into out what the file is to become; old: n bytes, zero-terminated, which may be changed. */
typedef bool outfile_fn(void *ctx, char *old, size_t n, struct strbuf *out);

/* Locks the file, made if need be, while fn looks at what it holds and says what it is to. False: it cannot be written. */
bool outfile_merge(const char *path, outfile_fn *fn, void *ctx);

/* Whether the file, made if need be, can be written once a run is over; else errno says why not. */
bool outfile_try(const char *path);

#endif

/* xxHash, compiled into this one file. */
#include "lib/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t kit_hash(const void *bytes, size_t n) { return XXH3_64bits(bytes, n); }

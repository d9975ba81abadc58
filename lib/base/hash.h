/* Content keys: 64-bit XXH3, the only user of xxHash in the tree. */
#ifndef KIT_BASE_HASH_H
#define KIT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3 of n bytes. The same bytes give the same key on every host and in every build. */
uint64_t kit_hash(const void *bytes, size_t n);

/* A cheap mix of one 64-bit key, for hash tables in memory. */
static inline uint64_t kit_mix64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0x9e3779b97f4a7c15u;
	return x ^ x >> 29;
}

#endif

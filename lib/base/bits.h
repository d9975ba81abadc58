/* Small pure bit operations, and the guest address type. */
#ifndef KIT_BASE_BITS_H
#define KIT_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

/* A guest virtual address; never a host pointer type (see runtime/mem for the way between). */
typedef uint64_t gaddr;

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Bits lo .. lo+n-1 of x. */
static inline uint32_t bits32(uint32_t x, unsigned lo, unsigned n)
{
	return (x >> lo) & (n == 32 ? ~0u : (1u << n) - 1);
}

/* The low n bits of x (1..64), sign-extended. */
static inline int64_t sext64(uint64_t x, unsigned n)
{
	return (int64_t)(x << (64 - n)) >> (64 - n);
}

static inline bool fits_i8(int64_t x) { return x == (int8_t)x; }
static inline bool fits_i32(int64_t x) { return x == (int32_t)x; }
static inline bool fits_u32(uint64_t x) { return x == (uint32_t)x; }
static inline uint64_t align_up(uint64_t x, uint64_t a) { return (x + a - 1) & ~(a - 1); }
static inline uint64_t align_down(uint64_t x, uint64_t a) { return x & ~(a - 1); }
static inline bool is_pow2(uint64_t x) { return x && !(x & (x - 1)); }

#endif

/* For guest programs: a small generator of numbers and a hash, the same on every machine, and floating-point numbers as bits. */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static uint64_t rnd_state = 0x9e3779b97f4a7c15u;

static inline uint64_t bits64(double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof v);
	return v;
}

static inline double of64(uint64_t v)
{
	double d;

	memcpy(&d, &v, sizeof d);
	return d;
}

static inline uint32_t bits32(float f)
{
	uint32_t v;

	memcpy(&v, &f, sizeof v);
	return v;
}

static inline float of32(uint32_t v)
{
	float f;

	memcpy(&f, &v, sizeof f);
	return f;
}

/* xorshift64* */
static inline uint64_t rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1du;
}

/* FNV-1a */
static inline uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = (const unsigned char *)p;

	while (n--)
		h = (h ^ *s++) * 0x100000001b3u;
	return h;
}

static inline uint64_t hash_u64(uint64_t h, uint64_t v) { return hash_bytes(h, &v, sizeof v); }

static inline uint64_t hash_double(uint64_t h, double d)
{
	uint64_t v;

	if (d != d)
		v = 0x7ff8000000000000u; /* which NaN is a machine's own business */
	else
		memcpy(&v, &d, sizeof v);
	return hash_u64(h, v);
}

#define HASH_START 0xcbf29ce484222325u
#define NOINLINE   __attribute__((noinline))

#endif

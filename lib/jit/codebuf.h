/*
 * A buffer that emitters write machine code to. Running over its end sets a sticky flag, tested once
 * after emission; nothing is written past the end.
 */
#ifndef KIT_JIT_CODEBUF_H
#define KIT_JIT_CODEBUF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct codebuf {
	uint8_t *start, *cur, *end;
	bool overflow;
};

static inline void cb_init(struct codebuf *cb, void *mem, uint32_t size_bytes)
{
	cb->start = cb->cur = (uint8_t *)mem;
	cb->end = cb->start + size_bytes;
	cb->overflow = false;
}

static inline uint32_t cb_pos(const struct codebuf *cb) { return (uint32_t)(cb->cur - cb->start); }

static inline void cb_put(struct codebuf *cb, const void *bytes, unsigned n)
{
	if ((uint64_t)(cb->end - cb->cur) < n) {
		cb->overflow = true;
		return;
	}
	memcpy(cb->cur, bytes, n);
	cb->cur += n;
}

static inline void cb_put8(struct codebuf *cb, uint8_t x) { cb_put(cb, &x, 1); }
static inline void cb_put16(struct codebuf *cb, uint16_t x) { cb_put(cb, &x, 2); }
static inline void cb_put32(struct codebuf *cb, uint32_t x) { cb_put(cb, &x, 4); }
static inline void cb_put64(struct codebuf *cb, uint64_t x) { cb_put(cb, &x, 8); }

/* Overwrites 4 bytes at offset at, which were put before. */
static inline void cb_patch32(struct codebuf *cb, uint32_t at, uint32_t x)
{
	if (at + 4 <= cb_pos(cb))
		memcpy(cb->start + at, &x, 4);
}

#endif

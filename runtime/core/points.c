/* The table of breakpoints and watchpoints; see points.h. */
#include "runtime/core/points.h"

#include "lib/base/bits.h"

#include <string.h>

struct point_table point_table;

static const uint8_t narrow_ebreak[] = { 0x02, 0x90 }, wide_ebreak[] = { 0x73, 0x00, 0x10, 0x00 };

/* Index of the first breakpoint whose address is addr or above. */
static unsigned lower(const struct point_table *p, gaddr addr)
{
	unsigned lo = 0, hi = p->break_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if ((p->brk[mid] & ~(gaddr)POINT_WIDE) >= addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

void point_overlay(const struct point_table *p, gaddr addr, uint8_t *code, unsigned n)
{
	/* One that starts before addr may reach into it. */
	unsigned i = lower(p, addr < sizeof wide_ebreak ? 0 : addr - sizeof wide_ebreak);

	for (; i < p->break_count; i++) {
		const bool wide = p->brk[i] & POINT_WIDE;
		const gaddr at = p->brk[i] & ~(gaddr)POINT_WIDE;
		const uint8_t *bytes = wide ? wide_ebreak : narrow_ebreak;

		if (at >= addr + n)
			break;
		for (unsigned k = 0; k < (wide ? sizeof wide_ebreak : sizeof narrow_ebreak); k++)
			if (at + k - addr < n)
				code[at + k - addr] = bytes[k];
	}
}

gaddr point_next(const struct point_table *p, gaddr addr)
{
	unsigned i = lower(p, addr);

	return i < p->break_count ? p->brk[i] & ~(gaddr)POINT_WIDE : ~(gaddr)0;
}

bool point_is_at(const struct point_table *p, gaddr pc)
{
	return p->break_count && point_next(p, pc) == pc;
}

bool point_watches(const struct point_table *p, gaddr addr, unsigned n, uint32_t access, gaddr *hit)
{
	for (unsigned i = 0; i < p->watch_count; i++) {
		const struct point_watch *w = &p->watch[i];

		if (!(w->access & access) || addr + n <= w->start
		    || addr >= w->start + w->size_bytes)
			continue;
		*hit = addr > w->start ? addr : w->start;
		return true;
	}
	return false;
}

void point_drop_all(void) { memset(&point_table, 0, sizeof point_table); }

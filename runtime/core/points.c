/* The table of breakpoints and watchpoints; see points.h. */
#include "runtime/core/points.h"

#include "lib/base/bits.h"

#include <string.h>

struct point_table point_table;

static const uint8_t narrow_ebreak[] = { 0x02, 0x90 }, wide_ebreak[] = { 0x73, 0x00, 0x10, 0x00 };

/* Index of the first breakpoint whose address is addr or above. */
static unsigned lower(gaddr addr)
{
	unsigned lo = 0, hi = point_table.break_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if ((point_table.brk[mid] & ~(gaddr)POINT_WIDE) >= addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

void point_overlay(gaddr addr, uint8_t *code, unsigned n)
{
	/* One that starts before addr may reach into it. */
	unsigned i = lower(addr < sizeof wide_ebreak ? 0 : addr - sizeof wide_ebreak);

	for (; i < point_table.break_count; i++) {
		const bool wide = point_table.brk[i] & POINT_WIDE;
		const gaddr at = point_table.brk[i] & ~(gaddr)POINT_WIDE;
		const uint8_t *bytes = wide ? wide_ebreak : narrow_ebreak;

		if (at >= addr + n)
			break;
		for (unsigned k = 0; k < (wide ? sizeof wide_ebreak : sizeof narrow_ebreak); k++)
			if (at + k - addr < n)
				code[at + k - addr] = bytes[k];
	}
}

gaddr point_next(gaddr addr)
{
	unsigned i = lower(addr);

	return i < point_table.break_count ? point_table.brk[i] & ~(gaddr)POINT_WIDE : ~(gaddr)0;
}

bool point_is_at(gaddr pc) { return point_table.break_count && point_next(pc) == pc; }

bool point_watches(gaddr addr, unsigned n, uint32_t access, gaddr *hit)
{
	for (unsigned i = 0; i < point_table.watch_count; i++) {
		const struct point_watch *w = &point_table.watch[i];

		if (!(w->access & access) || addr + n <= w->start
		    || addr >= w->start + w->size_bytes)
			continue;
		*hit = addr > w->start ? addr : w->start;
		return true;
	}
	return false;
}

void point_drop_all(void) { memset(&point_table, 0, sizeof point_table); }

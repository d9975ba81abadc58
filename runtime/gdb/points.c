/* Z and z packets: the table of breakpoints and watchpoints in a guest's process (runtime/core/points.h). */
#include "runtime/gdb/gdb_priv.h"

#include <errno.h>
#include <string.h>

/* gdb's types. */
enum { TYPE_BREAK, TYPE_HARD_BREAK, TYPE_WRITE, TYPE_READ, TYPE_ACCESS };

enum { WIDE_BYTES = 4 };

static bool read_table(const struct peer *p, struct point_table *t)
{
	return peer_read(p, (uintptr_t)&point_table, t, sizeof *t) && t->break_count <= POINT_BREAKS
	       && t->watch_count <= POINT_WATCHES;
}

static bool write_table(const struct peer *p, const struct point_table *t)
{
	return peer_write(p, (uintptr_t)&point_table, t, sizeof *t);
}

/* Index of the breakpoint at addr, or where it belongs. */
static unsigned place_of(const struct point_table *t, gaddr addr)
{
	unsigned i = 0;

	while (i < t->break_count && (t->brk[i] & ~(gaddr)POINT_WIDE) < addr)
		i++;
	return i;
}

static bool is_there(const struct point_table *t, unsigned i, gaddr addr)
{
	return i < t->break_count && (t->brk[i] & ~(gaddr)POINT_WIDE) == addr;
}

static int64_t set_break(const struct peer *p, struct point_table *t, gaddr addr, uint64_t kind,
			 bool set)
{
	unsigned i = place_of(t, addr);
	bool there = is_there(t, i, addr);

	if (addr & POINT_WIDE || addr >= p->limit)
		return -EFAULT;
	if (there == set)
		return 0;
	if (set && t->break_count == POINT_BREAKS)
		return -ENOSPC;
	if (set) {
		memmove(&t->brk[i + 1], &t->brk[i], (t->break_count - i) * sizeof t->brk[0]);
		t->brk[i] = addr | (kind == WIDE_BYTES ? POINT_WIDE : 0);
		t->break_count++;
	} else {
		t->break_count--;
		memmove(&t->brk[i], &t->brk[i + 1], (t->break_count - i) * sizeof t->brk[0]);
	}
	return write_table(p, t) && peer_note_change(p, addr, WIDE_BYTES) ? 0 : -ESRCH;
}

static int64_t set_watch(const struct peer *p, struct point_table *t, uint32_t access, gaddr addr,
			 uint64_t size_bytes, bool set)
{
	unsigned i = 0;

	if (!size_bytes || size_bytes > UINT32_MAX)
		return -EINVAL;
	while (i < t->watch_count
	       && (t->watch[i].start != addr || t->watch[i].size_bytes != size_bytes
		   || t->watch[i].access != access))
		i++;
	if ((i < t->watch_count) == set)
		return 0;
	if (set && t->watch_count == POINT_WATCHES)
		return -ENOSPC;
	if (set)
		t->watch[t->watch_count++] = (struct point_watch){
			.start = addr, .size_bytes = (uint32_t)size_bytes, .access = access
		};
	else
		t->watch[i] = t->watch[--t->watch_count];
	return write_table(p, t) ? 0 : -ESRCH;
}

int64_t gdb_set_point(const struct peer *p, unsigned type, gaddr addr, uint64_t kind, bool set)
{
	static const uint32_t access[] = {
		[TYPE_WRITE] = POINT_WRITE,
		[TYPE_READ] = POINT_READ,
		[TYPE_ACCESS] = POINT_READ | POINT_WRITE,
	};
	struct point_table t;

	if (type > TYPE_ACCESS)
		return -ENOSYS;
	if (!read_table(p, &t))
		return -ESRCH;
	if (type == TYPE_BREAK || type == TYPE_HARD_BREAK)
		return set_break(p, &t, addr, kind, set);
	return set_watch(p, &t, access[type], addr, kind, set);
}

void gdb_clear_points(const struct peer *p)
{
	struct point_table t;

	if (!read_table(p, &t) || (!t.break_count && !t.watch_count))
		return;
	for (unsigned i = 0; i < t.break_count; i++)
		peer_note_change(p, t.brk[i] & ~(gaddr)POINT_WIDE, WIDE_BYTES);
	memset(&t, 0, sizeof t);
	write_table(p, &t);
}

bool gdb_break_is_at(const struct peer *p, gaddr pc)
{
	struct point_table t;

	return read_table(p, &t) && is_there(&t, place_of(&t, pc), pc);
}

uint32_t gdb_watch_at(const struct peer *p, gaddr addr)
{
	struct point_table t;

	for (unsigned i = 0; read_table(p, &t) && i < t.watch_count; i++)
		if (addr - t.watch[i].start < t.watch[i].size_bytes)
			return t.watch[i].access;
	return 0;
}

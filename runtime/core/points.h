/*
 * Breakpoints and watchpoints of a debugger outside (runtime/gdb), which the guest cannot see.
 *
 * A breakpoint is laid over the guest's code where that is fetched to be run: as an ebreak of the instruction's size, while
 * memory stays what it was. A watchpoint makes all threads run where each access is looked at (runtime/watch.c).
 *
 * The tracer writes the table in this process's memory while every guest thread of it stands in a stop, and says which code has
 * changed by it (peer_note_change). It lies at one address in all processes of one build of kitemu. A forked child has its own copy;
 * a vfork child, whose code is its parent's, shares its parent's. Where a program embeds kitemu each machine has a table of its own instead.
 */
#ifndef KIT_RUNTIME_CORE_POINTS_H
#define KIT_RUNTIME_CORE_POINTS_H

#include "lib/ir/ir.h"

#include <stdbool.h>
#include <stdint.h>

enum { POINT_BREAKS = 1024, POINT_WATCHES = 16 };

/* The lowest bit of a breakpoint's address: the instruction has four bytes. */
enum { POINT_WIDE = 1 };

/* Which accesses a watchpoint is for. */
enum { POINT_READ = 1, POINT_WRITE = 2 };

struct point_table {
	uint32_t break_count, watch_count;
	gaddr brk[POINT_BREAKS]; /* ascending */
	struct point_watch {
		gaddr start;
		uint32_t size_bytes, access;
	} watch[POINT_WATCHES];
};

extern struct point_table point_table;

/* Lays the breakpoints over n bytes of code that were fetched from addr. */
void point_overlay(const struct point_table *p, gaddr addr, uint8_t *code, unsigned n);
/* The first breakpoint at or behind addr; ~0 when there is none. */
gaddr point_next(const struct point_table *p, gaddr addr);
bool point_is_at(const struct point_table *p, gaddr pc);
/* The first watched byte among the n that are accessed at addr, into *hit. */
bool point_watches(const struct point_table *p, gaddr addr, unsigned n, uint32_t access,
		   gaddr *hit);
/* The tracer is gone and has left them. */
void point_drop_all(void);

#endif

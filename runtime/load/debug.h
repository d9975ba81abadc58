/*
 * What a guest's file tells of its source: function symbols, and the lines of .debug_line (DWARF 2 to 5).
 *
 * For people who want to know where a program spends its time or has been: nothing of it is read unless an option asks.
 * A damaged table gives fewer lines, never a fault.
 */
#ifndef KIT_RUNTIME_LOAD_DEBUG_H
#define KIT_RUNTIME_LOAD_DEBUG_H

#include "lib/base/arena.h"
#include "lib/ir/ir.h"

struct debug_symbol {
	gaddr start;
	uint64_t size_bytes; /* 0: not known */
	const char *name;
};

/* The code of [start, end) belongs to that line. Neither is empty, nor is line 0. */
struct debug_row {
	gaddr start, end;
	uint32_t file; /* in debug_info.file */
	uint32_t line;
};

struct debug_info {
	struct debug_symbol *symbol; /* functions, ascending by start, one at each address */
	unsigned symbol_count, symbol_cap;
	struct debug_row *row; /* ascending by start */
	unsigned row_count, row_cap;
	const char **file; /* paths, from the root where the compiler says so; each once */
	unsigned file_count, file_cap;
	uint32_t *file_slot; /* while it is read: 1 + index in file, by hash of the path */
	unsigned slot_count;
};

/* Reads the file open at fd; all lives in the arena, addresses are the file's plus bias. What is not there stays empty. */
void debug_read(int fd, gaddr bias, struct arena *a, struct debug_info *out);
/* The function that pc is in, or NULL. */
const struct debug_symbol *debug_function(const struct debug_info *d, gaddr pc);
/* The row that pc is in, or NULL. */
const struct debug_row *debug_row(const struct debug_info *d, gaddr pc);

/* Inside runtime/load: the line table in line[0..n), with its strings. */
struct debug_bytes {
	const uint8_t *at;
	size_t n;
};
void debug_lines(struct debug_bytes line, struct debug_bytes str, struct debug_bytes line_str,
		 gaddr bias, struct arena *a, struct debug_info *out);

#endif

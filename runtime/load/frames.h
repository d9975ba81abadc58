/*
 * Call frame information: what a file's .eh_frame and .debug_frame say of how the caller of a place in the code is found
 * (DWARF 5, 6.4; Linux Standard Base, "Exception Frames").
 *
 * A damaged section gives fewer answers, never a fault.
 */
#ifndef KIT_RUNTIME_LOAD_FRAMES_H
#define KIT_RUNTIME_LOAD_FRAMES_H

#include "lib/base/bits.h"
#include "lib/ir/ir.h"

/* A section, with the address that its first byte has in the program; 0 bytes: there is none. */
struct load_section {
	const uint8_t *at;
	size_t n;
	gaddr start;
};

/* Where in a section an entry lies, and for which code on. */
struct load_frame_entry {
	gaddr start;
	size_t at;
	bool eh;
};

struct load_frames {
	struct load_section eh, debug;
	gaddr bias; /* added to the file's addresses */
	struct load_frame_entry
	    *entry; /* on the heap, ascending by start; load_frames_index makes them */
	unsigned count;
};

/* Where the caller's value of a register is. */
struct load_rule {
	enum load_rule_kind {
		LOAD_KEPT,  /* in the register still */
		LOAD_SAVED, /* in memory at the frame's address plus offset */
		LOAD_LOST,
	} kind;
	int64_t offset;
};

/* The frame's address, which is the caller's sp, is a register's value plus offset. */
struct load_frame {
	unsigned reg;
	int64_t offset;
	struct load_rule ra, s0;
};

void load_frames_index(struct load_frames *f);
/* What holds at pc. False: nothing is said of it, or more than this reader knows. */
bool load_frames_find(const struct load_frames *f, gaddr pc, struct load_frame *out);

#endif

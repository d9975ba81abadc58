/*
 * callgrind's file format (valgrind's manual, "Callgrind Format Specification"), as callgrind_annotate and kcachegrind read it:
 * instructions executed, by address and line, and calls. Counts of what is in the file already are added to.
 *
 * What a call costs its caller, everything called from there included, is not counted but computed: a function's whole cost is its
 * callers' by how often each has called it. Between functions that call each other in a circle it is 0: what a circle costs as
 * a whole is the cost of the calls that lead into it.
 */
#ifndef KIT_RUNTIME_CALLGRIND_H
#define KIT_RUNTIME_CALLGRIND_H

#include "lib/base/arena.h"
#include "lib/base/strbuf.h"

#include <stdint.h>

struct cg_function;

/* Where something is: an instruction of a function. file, the source's, may be another one than the function begins in. */
struct cg_place {
	uint32_t function;
	uint32_t file;
	uint32_t line; /* 0: not known */
	uint64_t at;
};

struct cg_cost {
	struct cg_place place;
	uint64_t count;
};

struct cg_call {
	struct cg_place from, to; /* to.file does not count */
	uint64_t count;
	uint64_t cost; /* while it is printed */
};

/* Texts that are there once each, by number. */
struct cg_names {
	const char **name;
	unsigned count, cap;
	uint32_t *slot; /* 1 + number, by hash */
	unsigned slot_count;
};

struct callgrind {
	struct arena arena;
	struct cg_names files, keys; /* keys: of functions, "object\nfile\nname" */
	struct cg_function *function;
	unsigned function_count, function_cap;
	struct cg_cost *cost;
	unsigned cost_count, cost_cap;
	struct cg_call *call;
	unsigned call_count, call_cap;
};

void cg_init(struct callgrind *c);
void cg_fini(struct callgrind *c);
/* Adds what a file that cg_print has written holds. */
void cg_read(struct callgrind *c, char *text);
uint32_t cg_file(struct callgrind *c, const char *path);
/* A function of an object (a program's file) that begins in a source file. */
uint32_t cg_function(struct callgrind *c, const char *object, const char *file, const char *name);
void cg_add_cost(struct callgrind *c, const struct cg_place *p, uint64_t count);
void cg_add_call(struct callgrind *c, const struct cg_place *from, const struct cg_place *to,
		 uint64_t count);
void cg_print(struct callgrind *c, struct strbuf *out);

#endif

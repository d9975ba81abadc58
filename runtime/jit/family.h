/*
 * What the processes of a family of forks tell each other about code.
 *
 * A child that runs a little and ends takes what it translated with it, and the next one starts with as little: a shell
 * that makes a child for each $(...) would interpret and translate the same code for every one of them. So all processes of a family,
 * which are those that forks have made of one, without an execve, count in one place how often they interpret which trace, and tell what
 * was interpreted often or translated. A process that is about to fork translates what was told since it looked last,
 * out of its own memory, and its children have it.
 *
 * All of it is hints: any pc at any time does no harm, be it that two are counted as one, or that one was told of memory that
 * another process has something else in. So there is no lock, and a process may be killed anywhere.
 */
#ifndef KIT_RUNTIME_JIT_FAMILY_H
#define KIT_RUNTIME_JIT_FAMILY_H

#include "lib/ir/ir.h"

enum {
	FAMILY_TOLD = 2048,
	FAMILY_TRACES = 4096,
	FAMILY_RUNS = 4 /* as often a trace is interpreted before it is told of */
};

/* Shared memory. All atomic. */
struct family {
	uint64_t count;              /* of what was told, ever */
	gaddr told[FAMILY_TOLD];     /* the last of it, a ring; 0: not yet written */
	uint8_t runs[FAMILY_TRACES]; /* by a hash of their pc */
};

/* The one of a process that has none; NULL: no memory. */
struct family *family_new(void);

void family_tell(struct family *f, gaddr pc);

/* The trace at pc is interpreted once more. */
void family_count(struct family *f, gaddr pc);

/* How much was told, the same several times perhaps, that is still to be had from seen on. */
uint64_t family_pending(const struct family *f, uint64_t seen);

/* Takes the next of what was told from *seen on: true, and where; false: there is no more. */
bool family_next(const struct family *f, uint64_t *seen, gaddr *pc);

#endif

/*
 * Translations that outlive the process: what one run has compiled, the next one of the same program finds.
 *
 * Compiling is pure and code lies anywhere (lib/jit/compile.h, code.h), so a unit may be taken over by whoever would get the same one: a
 * process of the same kitemu, by its build identifier, on a cpu with the same features, with the same options, whose memory holds at the same
 * addresses all that the translation has read. That is noted while it reads, and compared byte for byte, by a key of them, before a unit is
 * taken. So it does not matter what is in the file, whose program it is, or whether that has changed meanwhile: a unit that does not fit is
 * compiled.
 *
 * Kept is code of level 1 that comes from files, without what depends on more than its bytes: counts, coverage, lockstep.
 */
#ifndef KIT_RUNTIME_JIT_PERSIST_H
#define KIT_RUNTIME_JIT_PERSIST_H

#include "arch/guest.h"
#include "lib/jit/code.h"
#include "runtime/jit/store.h"

enum { PERSIST_READS = 24 };

/* What a translation has read. */
struct persist_reads {
	struct guest_fetch fetch; /* passes on to real, and notes */
	const struct guest_fetch *real;
	unsigned count;
	bool lost;     /* there was more than is noted, or what is not to be kept */
	uint64_t hash; /* of all bytes, one read after the other */
	struct persist_read {
		gaddr start;
		uint16_t want, got;
		uint8_t data; /* read by guest_fetch.peek */
	} read[PERSIST_READS];
};

struct persist {
	struct store store;
};

/*
 * Opens the store in folder of the program that exe_fd is open at, for translations that depend, besides bytes, on the options of
 * which there are n bytes. NULL: there is none to be had.
 */
struct persist *persist_open(const char *folder, int exe_fd, const void *options, size_t n);

void persist_close(struct persist *p);

/* A new translation begins: r->fetch is what it is to read by. */
void persist_begin(struct persist_reads *r, const struct guest_fetch *real);

/* Whether there may be a unit at pc: as much as can be told quickly. */
bool persist_has(const struct persist *p, const struct guest_fetch *f, gaddr pc);
/* The unit that a translation at pc would yield; its tables lie in the store. False: there is none. Several threads may ask at once. */
bool persist_take(const struct persist *p, const struct guest_fetch *f, gaddr pc, struct code *out);
/* Keeps c, which was translated by r. The rest is the caller's to have one thread at a time do. */
void persist_keep(struct persist *p, const struct persist_reads *r, const struct code *c);
/* Writes what is kept if it is worth it: at the end of the process it is with less. */
void persist_write(struct persist *p, bool at_end);
/* In the child of a fork: what is kept is the parent's to write. */
void persist_forked(struct persist *p);

#endif

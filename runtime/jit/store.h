/*
 * A file of records under 64-bit keys, which processes read and add to at the same time.
 *
 *     head | segment | segment ...      segment: head | slots (open addressing, by key) | records
 *
 * A segment is written once and never changes. Who adds has the file's lock, writes a segment behind the last one, and only then says in
 * the file's head that it is there: whoever dies in between leaves bytes that nobody reads. A file of as many segments as there may be,
 * or with more of it new than old, is written anew as one, under another name first. Readers map what there was when they opened it; a
 * file that was put in its place is not theirs. A record is given out with its checksum right, or not at all: what a disk or anybody
 * else has done to the file costs what was lost.
 *
 * Files belong to the user and lie in a folder that only he can write to; a folder of all stores is kept below a number of bytes by
 * removing those that nobody has used for longest. All of it is for speed alone: what cannot be read or written is as if it were not there.
 */
#ifndef KIT_RUNTIME_JIT_STORE_H
#define KIT_RUNTIME_JIT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	STORE_SEGMENTS = 4,
	STORE_RECORD_MAX_BYTES = 256 << 10,
};

/* The number that a store's file may be large, and all of them. */
#define STORE_FILE_MAX_BYTES   (UINT64_C(128) << 20)
#define STORE_FOLDER_MAX_BYTES (UINT64_C(512) << 20)

struct store_slot;

struct store_segment {
	const uint8_t *at;
	const struct store_slot *slot;
	uint64_t bytes;
	uint32_t slot_count, count;
};

struct store {
	char *folder, *path; /* NULL: there is none */
	dev_t folder_dev; /* of it when it was opened: what has its name later may be another one */
	ino_t folder_ino;
	const void *map; /* the file as it was; NULL: there was none */
	size_t map_bytes;
	struct store_segment segment[STORE_SEGMENTS]; /* the oldest first */
	unsigned segment_count;
	uint64_t records; /* in all of them */
	/* What is to be written: records one behind the other, and where. */
	uint8_t *fresh;
	size_t fresh_bytes, fresh_cap;
	struct store_slot *slot;
	uint32_t fresh_count, slot_cap;
};

/* Makes folder if need be. NULL: stores may be there; else why not, for people. */
const char *store_refuses(const char *folder);
/*
 * Opens, or begins, the store of that name in folder, which is made with the folders above it if need be. false: folder is not one that this
 * user alone can write to; s is empty, and stays so.
 */
bool store_open(struct store *s, const char *folder, const char *name);
void store_close(struct store *s);
/* The newest record under the key that was there at store_open; NULL: none. At a multiple of 8. */
const void *store_find(const struct store *s, uint64_t key, uint32_t *bytes);
/* Whether there is one, whole or not. */
bool store_has(const struct store *s, uint64_t key);
/* Room for a record, to be filled at once, that store_write will write; NULL: no memory, or too large. At a multiple of 8. */
void *store_add(struct store *s, uint64_t key, uint32_t bytes);
/* Forgets what has been added. */
void store_drop(struct store *s);
/* Adds to the file what has been added, unless it cannot be now or somebody else does at this moment; it is forgotten in any case. */
bool store_write(struct store *s);

#endif

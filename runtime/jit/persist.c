/* Units of code in a store, and out of it; see persist.h. */
#include "runtime/jit/persist.h"

#include "lib/base/bits.h"
#include "lib/base/hash.h"
#include "runtime/core/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_MAX_BYTES = 2048,
	KEY_BYTES =
	    16, /* of a unit's first bytes are in its key: several programs may have code at one address */
	PAGE_BYTES = 4096,
	FEWEST = 64,           /* units that are worth a file */
	GROWTH = 32,           /* or a part of what is there */
	BATCH_BYTES = 8 << 20, /* written while the process runs */
};

/* A unit as a record. Behind it its tables, in the order of this, each at a multiple of 8, and the code. */
struct unit_record {
	gaddr gpc;
	uint64_t hash; /* struct persist_reads's */
	uint32_t size_bytes, guest_insns;
	uint32_t read_count, link_count, stub_count, range_count, fault_count, owe_count, loc_count;
	uint32_t aligned;
};

/* ---- whose it is --------------------------------------------------------------------------------- */

/* Tells programs apart, not more: its size, and its first and last page, where the sections' table and often a build identifier are. */
static bool key_of_program(int fd, uint64_t *key)
{
	uint8_t page[2][PAGE_BYTES];
	ssize_t first, last;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < PAGE_BYTES)
		return false;
	first = pread(fd, page[0], PAGE_BYTES, 0);
	last = pread(fd, page[1], PAGE_BYTES, st.st_size - PAGE_BYTES);
	if (first != PAGE_BYTES || last != PAGE_BYTES)
		return false;
	*key = kit_mix64(kit_hash(page, sizeof page) ^ (uint64_t)st.st_size);
	return true;
}

struct persist *persist_open(const char *folder, int exe_fd, const void *options, size_t n)
{
	const uint64_t build = kit_build_key();
	struct persist *p = NULL;
	uint64_t program;
	char name[40];

	if (!build || !key_of_program(exe_fd, &program))
		return NULL;
	snprintf(name, sizeof name, "%016llx-%016llx", (unsigned long long)program,
		 (unsigned long long)kit_mix64(kit_hash(options, n) ^ build));
	p = calloc(1, sizeof *p);
	if (p && !store_open(&p->store, folder, name)) {
		free(p);
		return NULL;
	}
	return p;
}

void persist_close(struct persist *p)
{
	if (p)
		store_close(&p->store);
	free(p);
}

/* ---- what a translation reads -------------------------------------------------------------------- */

static void note_read(struct persist_reads *r, gaddr start, const void *bytes, unsigned want,
		      unsigned got, bool data)
{
	if (r->count == PERSIST_READS || want > READ_MAX_BYTES) {
		r->lost = true;
		return;
	}
	r->read[r->count++] = (struct persist_read){
		.start = start, .want = (uint16_t)want, .got = (uint16_t)got, .data = data
	};
	r->hash = kit_mix64(r->hash ^ kit_hash(bytes, got));
}

static unsigned read_code(void *ctx, gaddr pc, void *buf, unsigned want)
{
	struct persist_reads *r = ctx;
	unsigned got = r->real->read(r->real->ctx, pc, buf, want);

	note_read(r, pc, buf, want, got, false);
	return got;
}

static bool peek_data(void *ctx, gaddr at, void *buf, unsigned bytes)
{
	struct persist_reads *r = ctx;
	bool got = r->real->peek(r->real->ctx, at, buf, bytes);

	note_read(r, at, buf, bytes, got ? bytes : 0, true);
	return got;
}

/* Code that may do more than others' is not what its bytes say. */
static bool is_own_code(void *ctx, gaddr pc)
{
	struct persist_reads *r = ctx;
	bool own = r->real->is_own && r->real->is_own(r->real->ctx, pc);

	r->lost |= own;
	return own;
}

void persist_begin(struct persist_reads *r, const struct guest_fetch *real)
{
	r->fetch =
	    (struct guest_fetch){ read_code, r, is_own_code, real->peek ? peek_data : NULL, NULL };
	r->real = real;
	r->count = 0;
	r->lost = false;
	r->hash = 0;
}

static bool reads_the_same(const struct guest_fetch *f, const struct persist_read *r,
			   unsigned count, uint64_t hash)
{
	uint8_t buf[READ_MAX_BYTES];
	uint64_t h = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned got = !r[i].data ? f->read(f->ctx, r[i].start, buf, r[i].want)
			       : f->peek(f->ctx, r[i].start, buf, r[i].want) ? r[i].want
									     : 0;

		if (got != r[i].got)
			return false;
		h = kit_mix64(h ^ kit_hash(buf, got));
	}
	return h == hash;
}

/* ---- units as records ----------------------------------------------------------------------------- */

static uint64_t key_of(const struct guest_fetch *f, gaddr pc)
{
	uint8_t first[KEY_BYTES];

	return kit_mix64(kit_hash(first, f->read(f->ctx, pc, first, sizeof first)) + pc);
}

/* The next table of a record, whose position moves past it. */
static void *table(const uint8_t **at, uint32_t count, size_t size)
{
	const uint8_t *t = *at;

	*at += align_up(count * size, 8);
	return (void *)(uintptr_t)t;
}

/* Where a record's tables are. Returns how large it is with them. */
static uint64_t lay_out(const struct unit_record *u, const struct persist_read **read,
			struct code *c)
{
	const uint8_t *at = (const void *)(u + 1);

	*read = table(&at, u->read_count, sizeof **read);
	*c = (struct code){ .gpc = u->gpc,
			    .guest_insns = u->guest_insns,
			    .aligned = u->aligned,
			    .size_bytes = u->size_bytes,
			    .link_count = u->link_count,
			    .stub_count = u->stub_count,
			    .range_count = u->range_count,
			    .fault_count = u->fault_count,
			    .owe_count = u->owe_count,
			    .loc_count = u->loc_count };
	c->link = table(&at, u->link_count, sizeof *c->link);
	c->stub = table(&at, u->stub_count, sizeof *c->stub);
	c->range = table(&at, u->range_count, sizeof *c->range);
	c->fault = table(&at, u->fault_count, sizeof *c->fault);
	c->owe = table(&at, u->owe_count, sizeof *c->owe);
	c->loc = table(&at, u->loc_count, sizeof *c->loc);
	c->bytes = table(&at, u->size_bytes, 1);
	return (uint64_t)(at - (const uint8_t *)u);
}

bool persist_has(const struct persist *p, const struct guest_fetch *f, gaddr pc)
{
	return p->store.segment_count && store_has(&p->store, key_of(f, pc));
}

bool persist_take(const struct persist *p, const struct guest_fetch *f, gaddr pc, struct code *out)
{
	const struct unit_record *u = NULL;
	const struct persist_read *read;
	uint32_t bytes;

	if (p->store.segment_count)
		u = store_find(&p->store, key_of(f, pc), &bytes);
	if (!u || bytes < sizeof *u || u->gpc != pc)
		return false;
	if (lay_out(u, &read, out) != bytes)
		return false;
	return reads_the_same(f, read, u->read_count, u->hash);
}

static void copy(const void *to, const void *from, size_t bytes)
{
	/* Of a table that is not there, from may be NULL. */
	if (bytes)
		memcpy((void *)(uintptr_t)to, from, bytes);
}

void persist_keep(struct persist *p, const struct persist_reads *r, const struct code *c)
{
	struct unit_record head = { .gpc = c->gpc,
				    .hash = r->hash,
				    .size_bytes = c->size_bytes,
				    .guest_insns = c->guest_insns,
				    .read_count = r->count,
				    .link_count = c->link_count,
				    .stub_count = c->stub_count,
				    .range_count = c->range_count,
				    .fault_count = c->fault_count,
				    .owe_count = c->owe_count,
				    .loc_count = c->loc_count,
				    .aligned = c->aligned };
	const struct persist_read *read;
	struct unit_record *u;
	struct code to;

	if (r->lost)
		return;
	u = store_add(&p->store, key_of(r->real, c->gpc), (uint32_t)lay_out(&head, &read, &to));
	if (!u)
		return;
	*u = head;
	lay_out(u, &read, &to);
	copy(read, r->read, r->count * sizeof *read);
	copy(to.link, c->link, c->link_count * sizeof *c->link);
	copy(to.stub, c->stub, c->stub_count * sizeof *c->stub);
	copy(to.range, c->range, c->range_count * sizeof *c->range);
	copy(to.fault, c->fault, c->fault_count * sizeof *c->fault);
	copy(to.owe, c->owe, c->owe_count * sizeof *c->owe);
	copy(to.loc, c->loc, c->loc_count * sizeof *c->loc);
	copy(to.bytes, c->bytes, c->size_bytes);
}

void persist_write(struct persist *p, bool at_end)
{
	const uint64_t worth = p->store.records / GROWTH;

	if (at_end ? p->store.fresh_count >= (worth > FEWEST ? worth : FEWEST)
		   : p->store.fresh_bytes >= BATCH_BYTES)
		store_write(&p->store);
}

void persist_forked(struct persist *p) { store_drop(&p->store); }

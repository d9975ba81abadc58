/* The translation cache; see tc.h. */
#include "runtime/jit/tc.h"

#include "lib/base/hash.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_SLOTS = 512,
	PAGE_SHIFT = 12,
	STEP_BYTES =
	    8, /* between places for code that does not count on lines: there is more of it than of any other */
};

bool tc_init(struct tc *tc, size_t size_bytes, uint32_t reserved_bytes, const struct jit_host *host,
	     struct diag *d)
{
	*tc = (struct tc){
		.reserved_bytes = reserved_bytes,
		.align_bytes = host->code_align,
		.host = host,
		.slot_count = FIRST_SLOTS,
	};
	if (!codemem_init(&tc->mem, size_bytes, d))
		return false;
	tc->segment_bytes =
	    (uint32_t)align_down((size_bytes - reserved_bytes) / TC_SEGMENTS, tc->align_bytes);
	tc->slot = calloc(tc->slot_count, sizeof *tc->slot);
	tc->page_bucket = calloc(TC_PAGE_BUCKETS, sizeof(struct tc_page *));
	KIT_CHECK(tc->slot && tc->page_bucket, "out of memory");
	return true;
}

void tc_fini(struct tc *tc)
{
	for (unsigned i = 0; i < TC_SEGMENTS; i++)
		arena_fini(&tc->seg[i].arena);
	for (unsigned i = 0; i < TC_PAGE_BUCKETS; i++) {
		while (tc->page_bucket[i]) {
			struct tc_page *p = tc->page_bucket[i];

			tc->page_bucket[i] = p->hash_next;
			free(p);
		}
	}
	free(tc->page_bucket);
	free(tc->slot);
	codemem_fini(&tc->mem);
}

/* ---- finding ------------------------------------------------------------------------------ */

static unsigned home_of(const struct tc *tc, gaddr gpc)
{
	return (unsigned)kit_mix64(gpc) & (tc->slot_count - 1);
}

/* Where gpc is, or is to be; *u: what was seen there. */
static struct tc_slot *slot_of(const struct tc *tc, gaddr gpc, struct tc_unit **u)
{
	for (unsigned i = home_of(tc, gpc);; i = (i + 1) & (tc->slot_count - 1)) {
		*u = __atomic_load_n(&tc->slot[i].unit, __ATOMIC_ACQUIRE);
		if (!*u || tc->slot[i].gpc == gpc)
			return &tc->slot[i];
	}
}

struct tc_unit *tc_find(const struct tc *tc, gaddr gpc)
{
	struct tc_unit *u;

	slot_of(tc, gpc, &u);
	return u;
}

/* Others may be searching. What was found until now, or NULL. */
static struct tc_unit *put(struct tc *tc, gaddr gpc, struct tc_unit *u)
{
	struct tc_unit *older;
	struct tc_slot *s = slot_of(tc, gpc, &older);

	s->gpc = gpc;
	__atomic_store_n(&s->unit, u, __ATOMIC_RELEASE);
	return older;
}

/* Nobody searches. What was put behind for want of this slot moves up (Knuth, volume 3, 6.4, algorithm R). */
static void take_out(struct tc *tc, gaddr gpc)
{
	const unsigned mask = tc->slot_count - 1;
	struct tc_unit *u;
	unsigned hole = (unsigned)(slot_of(tc, gpc, &u) - tc->slot);

	for (unsigned i = (hole + 1) & mask; tc->slot[i].unit; i = (i + 1) & mask) {
		unsigned home = home_of(tc, tc->slot[i].gpc);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			tc->slot[hole] = tc->slot[i];
			hole = i;
		}
	}
	tc->slot[hole].unit = NULL;
}

bool tc_is_crowded(const struct tc *tc) { return tc->unit_count >= tc->slot_count / 2; }

void tc_grow(struct tc *tc)
{
	struct tc_slot *old = tc->slot;
	const unsigned n = tc->slot_count;

	tc->slot_count = n * 2;
	tc->slot = calloc(tc->slot_count, sizeof *tc->slot);
	KIT_CHECK(tc->slot, "out of memory");
	for (unsigned i = 0; i < n; i++)
		if (old[i].unit)
			put(tc, old[i].gpc, old[i].unit);
	free(old);
}

static const uint8_t *segment_start(const struct tc *tc, unsigned i)
{
	return tc->mem.rx + tc->reserved_bytes + (size_t)i * tc->segment_bytes;
}

/*
 * Which units of s may be the last one that does not begin behind offset off of it, or the one behind that: from *lo to *hi. Others may
 * be adding some, which the caller does not ask for.
 */
static void narrow(const struct tc_segment *s, uint32_t off, unsigned *lo, unsigned *hi)
{
	const unsigned chunk = off / TC_CHUNK_BYTES,
		       chunks = __atomic_load_n(&s->chunks, __ATOMIC_ACQUIRE);

	*lo = chunk < chunks ? s->before[chunk] : *hi;
	if (chunk + 1 < chunks && s->before[chunk + 1] < *hi)
		*hi = s->before[chunk + 1];
	if (*lo > *hi)
		*lo = *hi;
}

struct tc_unit *tc_unit_at(const struct tc *tc, uint64_t host_pc)
{
	uint64_t off = host_pc - (uintptr_t)tc->mem.rx - tc->reserved_bytes;
	const struct tc_segment *s;
	const struct tc_place *place;
	struct tc_unit *u;
	unsigned lo, hi;

	if (off >= (uint64_t)TC_SEGMENTS * tc->segment_bytes)
		return NULL;
	s = &tc->seg[off / tc->segment_bytes];
	/* The count first: the tables read after it are that long at least (add_to_segment). */
	hi = __atomic_load_n(&s->unit_count, __ATOMIC_ACQUIRE);
	place = __atomic_load_n(&s->place, __ATOMIC_RELAXED);
	narrow(s, (uint32_t)(off % tc->segment_bytes), &lo, &hi);
	/* The last that does not lie behind it. */
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (place[mid].code <= host_pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return NULL;
	u = place[lo - 1].unit;
	return host_pc - (uintptr_t)u->code < u->size_bytes ? u : NULL;
}

const struct code_fault *tc_fault_at(const struct tc_unit *u, uint64_t host_pc)
{
	uint32_t at = (uint32_t)(host_pc - (uintptr_t)u->code);
	uint32_t lo = 0, hi = u->fault_count;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (u->fault[mid].at == at)
			return &u->fault[mid];
		if (u->fault[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

struct tc_way tc_stub_at(const struct tc *tc, uint64_t behind)
{
	const uint64_t stub = behind - tc->host->stub_bytes;
	const struct tc_unit *u = tc_unit_at(tc, stub);
	uint32_t at;

	KIT_CHECK(u, "no unit is at %#lx", (unsigned long)stub);
	at = (uint32_t)(stub - (uintptr_t)u->code);
	for (uint32_t i = 0; i < u->link_count; i++) {
		struct tc_link *l = &u->link[i];

		if (l->code.stub == at)
			return (struct tc_way){ IR_EXIT_LINK, l->code.target, l };
	}
	for (uint32_t i = 0; i < u->stub_count; i++)
		if (u->stub[i].at == at)
			return (struct tc_way){ (enum ir_exit)u->stub[i].reason, u->stub[i].pc,
						NULL };
	KIT_PANIC("the unit at %#lx has no stub at %#x", (unsigned long)u->gpc, at);
}

uint32_t tc_owed_at(const struct tc_unit *u, const struct code_fault *f)
{
	return code_owed(u->owe, u->owe_count, (uint32_t)(f - u->fault));
}

/* ---- links -------------------------------------------------------------------------------- */

/* Makes a link field lead to dest; other threads may be running the instruction. */
static void set_field(struct tc *tc, const struct tc_link *l, const uint8_t *dest)
{
	const uint8_t *field = l->from->code + l->code.at;
	uint32_t *word = (uint32_t *)(void *)codemem_rw(&tc->mem, field, sizeof *word);

	__atomic_store_n(word, tc->host->link_word(*word, dest - field), __ATOMIC_RELEASE);
	codemem_sync(field, sizeof *word);
}

static void unlink_one(struct tc *tc, struct tc_link *l)
{
	*l->pprev = l->next;
	if (l->next)
		l->next->pprev = l->pprev;
	l->to = NULL;
	set_field(tc, l, l->from->code + l->code.stub);
}

static void note_link(struct tc_link *l, struct tc_unit *to)
{
	l->to = to;
	l->next = to->incoming;
	l->pprev = &to->incoming;
	if (l->next)
		l->next->pprev = &l->next;
	to->incoming = l;
}

void tc_link(struct tc *tc, struct tc_link *l, struct tc_unit *to)
{
	KIT_DCHECK(!l->to && !to->dead && !l->from->dead, "link at %#x", l->code.at);
	note_link(l, to);
	set_field(tc, l, to->code);
}

void tc_link_all(struct tc *tc)
{
	for (unsigned i = 0; i < TC_SEGMENTS; i++) {
		for (unsigned k = 0; k < tc->seg[i].unit_count; k++) {
			struct tc_unit *u = tc->seg[i].place[k].unit, *to;

			for (uint32_t n = 0; n < u->link_count && !u->dead; n++)
				if (!u->link[n].to && (to = tc_find(tc, u->link[n].code.target)))
					tc_link(tc, &u->link[n], to);
		}
	}
}

void tc_supersede(struct tc *tc, struct tc_unit *old, struct tc_unit *by)
{
	struct tc_link *l = old->incoming, *next;

	KIT_DCHECK(old->gpc == by->gpc, "unit %#lx by one at %#lx", (unsigned long)old->gpc,
		   (unsigned long)by->gpc);
	for (; l; l = next) {
		next = l->next;
		*l->pprev = next;
		if (next)
			next->pprev = l->pprev;
		note_link(l, by);
		set_field(tc, l, by->code);
	}
}

/* ---- pages -------------------------------------------------------------------------------- */

struct tc_page *tc_page(struct tc *tc, uint64_t number, bool make)
{
	struct tc_page **b = &tc->page_bucket[kit_mix64(number) & (TC_PAGE_BUCKETS - 1)];
	struct tc_page *p = *b;

	while (p && p->number != number)
		p = p->hash_next;
	if (p || !make)
		return p;
	p = calloc(1, sizeof *p);
	KIT_CHECK(p, "out of memory");
	p->number = number;
	p->hash_next = *b;
	*b = p;
	tc->page_count++;
	return p;
}

static uint32_t pages_of(const struct ir_range *r, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < count; i++)
		n += (uint32_t)(((r[i].start + r[i].size_bytes - 1) >> PAGE_SHIFT)
				- (r[i].start >> PAGE_SHIFT) + 1);
	return n;
}

static void ref_page(struct tc *tc, struct tc_unit *u, uint64_t number)
{
	struct tc_page *p = tc_page(tc, number, true);
	struct tc_page_ref *ref = &u->page_ref[u->page_ref_count++];

	*ref = (struct tc_page_ref){ .unit = u, .page = p, .next = p->refs, .pprev = &p->refs };
	if (p->refs)
		p->refs->pprev = &ref->next;
	p->refs = ref;
}

/* ---- adding and killing -------------------------------------------------------------------- */

bool tc_fits(const struct tc *tc, uint32_t code_bytes)
{
	return align_up(tc->seg[tc->current].used_bytes, tc->align_bytes) + code_bytes
	       <= tc->segment_bytes;
}

/* Does each link's field lie within a line when the code starts at offset at? */
static bool fields_fit(const struct code *c, uint32_t at, uint32_t line_bytes)
{
	for (unsigned i = 0; i < c->link_count; i++)
		if ((at + c->link[i].at) % line_bytes > line_bytes - sizeof(uint32_t))
			return false;
	return true;
}

/* Where in the current segment code that fits goes. */
static uint32_t find_place(const struct tc *tc, const struct code *c)
{
	uint32_t step = c->aligned ? tc->align_bytes : STEP_BYTES;
	uint32_t at = (uint32_t)align_up(tc->seg[tc->current].used_bytes, step);

	while (!fields_fit(c, at, tc->align_bytes))
		at += step;
	return at;
}

static void *arena_dup(struct arena *a, const void *src, size_t bytes)
{
	void *p = arena_alloc(a, bytes);

	/* src may be NULL when there is nothing. */
	return bytes ? memcpy(p, src, bytes) : p;
}

/* Other threads' signal handlers may be looking at the table: it is replaced whole, then grows by one. */
static void add_to_segment(struct tc *tc, struct tc_segment *s, struct tc_unit *u, uint32_t at)
{
	struct tc_place *place = s->place;

	if (!s->before)
		s->before = arena_new(&s->arena, uint32_t, tc->segment_bytes / TC_CHUNK_BYTES + 1);
	for (unsigned k = s->chunks; k <= at / TC_CHUNK_BYTES; k++) {
		s->before[k] = s->unit_count;
		__atomic_store_n(&s->chunks, k + 1, __ATOMIC_RELEASE);
	}
	arena_grow(&s->arena, place, s->unit_count, s->place_cap);
	place[s->unit_count] = (struct tc_place){ .code = (uintptr_t)u->code, .unit = u };
	__atomic_store_n(&s->place, place, __ATOMIC_RELEASE);
	__atomic_store_n(&s->unit_count, s->unit_count + 1, __ATOMIC_RELEASE);
}

struct tc_unit *tc_add(struct tc *tc, const struct code *c, uint64_t content_hash)
{
	struct tc_segment *s = &tc->seg[tc->current];
	struct tc_unit *u = arena_znew(&s->arena, struct tc_unit, 1);
	uint32_t at = find_place(tc, c);

	u->gpc = c->gpc;
	u->code = segment_start(tc, tc->current) + at;
	u->size_bytes = c->size_bytes;
	u->guest_insns = c->guest_insns;
	u->content_hash = content_hash;
	u->link = arena_znew(&s->arena, struct tc_link, c->link_count);
	u->link_count = c->link_count;
	for (unsigned i = 0; i < c->link_count; i++) {
		u->link[i].code = c->link[i];
		u->link[i].from = u;
	}
	u->stub = arena_dup(&s->arena, c->stub, c->stub_count * sizeof *c->stub);
	u->stub_count = c->stub_count;
	u->fault = arena_dup(&s->arena, c->fault, c->fault_count * sizeof *c->fault);
	u->fault_count = c->fault_count;
	u->owe = arena_dup(&s->arena, c->owe, c->owe_count * sizeof *c->owe);
	u->owe_count = c->owe_count;
	u->loc = arena_dup(&s->arena, c->loc, c->loc_count * sizeof *c->loc);
	u->range = arena_dup(&s->arena, c->range, c->range_count * sizeof *c->range);
	u->range_count = c->range_count;
	u->page_ref = arena_new(&s->arena, struct tc_page_ref, pages_of(c->range, c->range_count));
	for (unsigned i = 0; i < c->range_count; i++)
		for (uint64_t n = c->range[i].start >> PAGE_SHIFT;
		     n <= (c->range[i].start + c->range[i].size_bytes - 1) >> PAGE_SHIFT; n++)
			ref_page(tc, u, n);

	memcpy(codemem_rw(&tc->mem, u->code, c->size_bytes), c->bytes, c->size_bytes);
	codemem_sync(u->code, c->size_bytes);
	s->used_bytes = at + c->size_bytes;
	add_to_segment(tc, s, u, at);

	u->older = put(tc, u->gpc, u);
	if (u->older)
		u->older->is_superseded = true;
	else
		tc->unit_count++;
	return u;
}

void tc_kill(struct tc *tc, struct tc_unit *u)
{
	if (u->dead)
		return;
	if (!u->is_superseded) {
		take_out(tc, u->gpc);
		tc->unit_count--;
	}
	while (u->incoming)
		unlink_one(tc, u->incoming);
	for (uint32_t i = 0; i < u->link_count; i++)
		if (u->link[i].to)
			unlink_one(tc, &u->link[i]);
	for (uint32_t i = 0; i < u->page_ref_count; i++) {
		struct tc_page_ref *ref = &u->page_ref[i];

		*ref->pprev = ref->next;
		if (ref->next)
			ref->next->pprev = ref->pprev;
	}
	u->dead = true;
	tc->on_kill(tc->on_kill_ctx, u);
}

static bool overlaps(const struct tc_unit *u, gaddr start, gaddr last)
{
	for (uint32_t i = 0; i < u->range_count; i++)
		if (u->range[i].start <= last && u->range[i].start + u->range[i].size_bytes > start)
			return true;
	return false;
}

static unsigned kill_on_page(struct tc *tc, struct tc_page *p, gaddr start, gaddr last)
{
	unsigned n = 0;

	for (struct tc_page_ref *r = p->refs; r;) {
		struct tc_unit *u = r->unit;

		r = r->next;
		/* A trace that left the page and came back has two references here, side by side. */
		while (r && r->unit == u)
			r = r->next;
		if (overlaps(u, start, last)) {
			tc_kill(tc, u);
			n++;
		}
	}
	return n;
}

unsigned tc_kill_range(struct tc *tc, gaddr start, uint64_t size_bytes)
{
	gaddr last = start + size_bytes - 1;
	uint64_t first_page = start >> PAGE_SHIFT, last_page = last >> PAGE_SHIFT;
	unsigned n = 0;

	if (!size_bytes)
		return 0;
	/* The shorter walk: the pages of the range, or the pages that have code. */
	if (last_page - first_page < tc->page_count) {
		for (uint64_t i = first_page; i <= last_page; i++) {
			struct tc_page *p = tc_page(tc, i, false);

			if (p)
				n += kill_on_page(tc, p, start, last);
		}
		return n;
	}
	for (unsigned i = 0; i < TC_PAGE_BUCKETS; i++)
		for (struct tc_page *p = tc->page_bucket[i]; p; p = p->hash_next)
			if (p->number >= first_page && p->number <= last_page)
				n += kill_on_page(tc, p, start, last);
	return n;
}

void tc_kill_all(struct tc *tc)
{
	for (unsigned i = 0; i < TC_SEGMENTS; i++)
		for (unsigned k = 0; k < tc->seg[i].unit_count; k++)
			tc_kill(tc, tc->seg[i].place[k].unit);
}

/* Memory of units will be others'. */
static void renew(struct tc *tc) { __atomic_fetch_add(&tc->renewals, 1, __ATOMIC_RELEASE); }

void tc_give_up(struct tc *tc)
{
	renew(tc);
	tc->slot_count = FIRST_SLOTS;
	tc->slot = calloc(tc->slot_count, sizeof *tc->slot);
	tc->page_bucket = calloc(TC_PAGE_BUCKETS, sizeof(struct tc_page *));
	KIT_CHECK(tc->slot && tc->page_bucket, "out of memory");
	tc->unit_count = tc->page_count = 0;
	tc->current = 0;
	memset(tc->seg, 0, sizeof tc->seg);
	codemem_renew(&tc->mem, tc->reserved_bytes);
}

bool tc_any_unguarded(const struct tc *tc)
{
	for (unsigned i = 0; i < TC_PAGE_BUCKETS; i++)
		for (const struct tc_page *p = tc->page_bucket[i]; p; p = p->hash_next)
			if (p->unguarded && p->refs)
				return true;
	return false;
}

void tc_each_unguarded(struct tc *tc, void (*fn)(void *ctx, struct tc_unit *u), void *ctx)
{
	for (unsigned i = 0; i < TC_PAGE_BUCKETS; i++) {
		for (struct tc_page *p = tc->page_bucket[i]; p; p = p->hash_next) {
			if (!p->unguarded)
				continue;
			for (struct tc_page_ref *r = p->refs, *next; r; r = next) {
				next = r->next;
				while (next && next->unit == r->unit)
					next = next->next;
				fn(ctx, r->unit);
			}
		}
	}
}

void tc_next_segment(struct tc *tc)
{
	struct tc_segment *s;

	tc->current = (tc->current + 1) % TC_SEGMENTS;
	s = &tc->seg[tc->current];
	for (unsigned i = 0; i < s->unit_count; i++) {
		tc->evicted_units += !s->place[i].unit->dead;
		tc_kill(tc, s->place[i].unit);
	}
	renew(tc);
	arena_reset(&s->arena);
	*s = (struct tc_segment){ .arena = s->arena };
}

/* Merging and printing; see callgrind.h. What the calls cost is callgrind_costs.c's. */
#include "runtime/callgrind.h"

#include "lib/base/hash.h"
#include "runtime/callgrind_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 256 };

void cg_init(struct callgrind *c)
{
	*c = (struct callgrind){ 0 };
	arena_init(&c->arena);
}

void cg_fini(struct callgrind *c)
{
	arena_fini(&c->arena);
	free(c->files.slot);
	free(c->keys.slot);
}

/* ---- names ------------------------------------------------------------------------------------------------ */

static uint32_t *find_slot(const struct cg_names *n, const char *name)
{
	for (uint64_t h = kit_hash(name, strlen(name));; h++) {
		uint32_t *s = &n->slot[h & (n->slot_count - 1)];

		if (!*s || strcmp(n->name[*s - 1], name) == 0)
			return s;
	}
}

static void grow(struct cg_names *n)
{
	free(n->slot);
	n->slot_count = n->slot_count ? 2 * n->slot_count : FIRST_SLOTS;
	n->slot = calloc(n->slot_count, sizeof *n->slot);
	KIT_CHECK(n->slot, "out of memory");
	for (uint32_t i = 0; i < n->count; i++)
		*find_slot(n, n->name[i]) = i + 1;
}

static uint32_t number_of(struct callgrind *c, struct cg_names *n, const char *name)
{
	uint32_t *s;

	if (2 * n->count >= n->slot_count)
		grow(n);
	s = find_slot(n, name);
	if (!*s) {
		const size_t size = strlen(name) + 1;

		arena_grow(&c->arena, n->name, n->count, n->cap);
		n->name[n->count++] = memcpy(arena_alloc(&c->arena, size), name, size);
		*s = n->count;
	}
	return *s - 1;
}

uint32_t cg_file(struct callgrind *c, const char *path) { return number_of(c, &c->files, path); }

uint32_t cg_function(struct callgrind *c, const char *object, const char *file, const char *name)
{
	struct strbuf key = STRBUF_INIT;
	uint32_t n;

	strbuf_printf(&key, "%s\n%s\n%s", object, file, name);
	n = number_of(c, &c->keys, key.s);
	strbuf_fini(&key);
	if (n == c->function_count) {
		arena_grow(&c->arena, c->function, c->function_count, c->function_cap);
		c->function[c->function_count++] = (struct cg_function){
			.file = cg_file(c, file),
			.object = cg_file(c, object),
			.name = strrchr(c->keys.name[n], '\n') + 1,
		};
	}
	return n;
}

void cg_add_cost(struct callgrind *c, const struct cg_place *p, uint64_t count)
{
	arena_grow(&c->arena, c->cost, c->cost_count, c->cost_cap);
	c->cost[c->cost_count++] = (struct cg_cost){ *p, count };
}

void cg_add_call(struct callgrind *c, const struct cg_place *from, const struct cg_place *to,
		 uint64_t count)
{
	arena_grow(&c->arena, c->call, c->call_count, c->call_cap);
	c->call[c->call_count++] = (struct cg_call){ .from = *from, .to = *to, .count = count };
}

/* ---- reading ---------------------------------------------------------------------------------------------- */

/* What the lines so far say of those that follow. */
struct reader {
	const char *object, *file, *name; /* of the function, and its own file's */
	const char *at_file;
	const char *to_object, *to_file, *to_name;
	uint64_t calls; /* not 0: the next line is the caller's, with what the calls cost */
	uint64_t to_at;
	uint32_t to_line;
};

static void read_line(struct callgrind *c, struct reader *r, const char *line)
{
	unsigned long at, number, count;
	struct cg_place p, to;

	if (!r->object || !r->file || !r->name
	    || sscanf(line, "0x%lx %lu %lu", &at, &number, &count) != 3)
		return;
	p = (struct cg_place){ cg_function(c, r->object, r->file, r->name),
			       cg_file(c, r->at_file ? r->at_file : r->file), (uint32_t)number,
			       at };
	if (!r->calls) {
		cg_add_cost(c, &p, count);
		return;
	}
	if (r->to_object && r->to_file && r->to_name) {
		to = (struct cg_place){ cg_function(c, r->to_object, r->to_file, r->to_name), 0,
					r->to_line, r->to_at };
		cg_add_call(c, &p, &to, r->calls);
	}
	r->calls = 0;
}

static void read_word(struct reader *r, const char *line)
{
	const struct {
		const char *tag;
		const char **to;
	} words[] = {
		{ "ob=", &r->object },   { "fl=", &r->file },     { "fn=", &r->name },
		{ "fi=", &r->at_file },  { "fe=", &r->at_file },  { "cob=", &r->to_object },
		{ "cfi=", &r->to_file }, { "cfn=", &r->to_name },
	};

	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].tag);

		if (strncmp(line, words[i].tag, n) != 0)
			continue;
		*words[i].to = line + n;
		if (words[i].to == &r->file)
			r->at_file = NULL;
		return;
	}
}

void cg_read(struct callgrind *c, char *text)
{
	struct reader r = { 0 };
	char *rest = NULL;

	if (!strstr(text, CG_CREATOR))
		return;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long calls, at, number;

		if (sscanf(line, "calls=%lu 0x%lx %lu", &calls, &at, &number) == 3) {
			r.calls = calls;
			r.to_at = at;
			r.to_line = (uint32_t)number;
		} else if (*line == '0') {
			read_line(c, &r, line);
		} else {
			read_word(&r, line);
		}
	}
}

/* ---- merging ---------------------------------------------------------------------------------------------- */

static int by_place(const struct cg_place *a, const struct cg_place *b)
{
	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

static int by_cost(const void *x, const void *y)
{
	return by_place(&((const struct cg_cost *)x)->place, &((const struct cg_cost *)y)->place);
}

static int by_call(const void *x, const void *y)
{
	const struct cg_call *a = x, *b = y;
	int by = by_place(&a->from, &b->from);

	return by ? by : by_place(&a->to, &b->to);
}

static void merge(struct callgrind *c)
{
	unsigned kept = 0;

	if (c->cost_count) {
		qsort(c->cost, c->cost_count, sizeof *c->cost, by_cost);
		for (unsigned i = 1; i < c->cost_count; i++)
			if (by_cost(&c->cost[kept], &c->cost[i]) == 0)
				c->cost[kept].count += c->cost[i].count;
			else
				c->cost[++kept] = c->cost[i];
		c->cost_count = kept + 1;
	}
	kept = 0;
	if (c->call_count) {
		qsort(c->call, c->call_count, sizeof *c->call, by_call);
		for (unsigned i = 1; i < c->call_count; i++)
			if (by_call(&c->call[kept], &c->call[i]) == 0)
				c->call[kept].count += c->call[i].count;
			else
				c->call[++kept] = c->call[i];
		c->call_count = kept + 1;
	}
}

/* ---- printing --------------------------------------------------------------------------------------------- */

/* Lines from here on are of p's file. *now: those so far were of. */
static void put_file(const struct callgrind *c, const struct cg_place *p, uint32_t *now,
		     struct strbuf *out)
{
	if (p->file == *now)
		return;
	*now = p->file;
	strbuf_printf(out, "%s=%s\n", p->file == c->function[p->function].file ? "fe" : "fi",
		      c->files.name[p->file]);
}

static void put_call(const struct callgrind *c, const struct cg_call *k, struct strbuf *out)
{
	const struct cg_function *to = &c->function[k->to.function];

	strbuf_printf(out, "cob=%s\ncfi=%s\ncfn=%s\ncalls=%lu 0x%lx %u\n0x%lx %u %lu\n",
		      c->files.name[to->object], c->files.name[to->file], to->name,
		      (unsigned long)k->count, (unsigned long)k->to.at, k->to.line,
		      (unsigned long)k->from.at, k->from.line, (unsigned long)k->cost);
}

/* The costs from *cost on and the calls from *call on that are function n's. */
static void put_function(const struct callgrind *c, uint32_t n, unsigned *cost, unsigned *call,
			 struct strbuf *out)
{
	const struct cg_function *f = &c->function[n];
	uint32_t file = f->file;

	strbuf_printf(out, "\nob=%s\nfl=%s\nfn=%s\n", c->files.name[f->object],
		      c->files.name[f->file], f->name);
	for (; *cost < c->cost_count && c->cost[*cost].place.function == n; ++*cost) {
		const struct cg_cost *k = &c->cost[*cost];

		put_file(c, &k->place, &file, out);
		strbuf_printf(out, "0x%lx %u %lu\n", (unsigned long)k->place.at, k->place.line,
			      (unsigned long)k->count);
		for (; *call < c->call_count && c->call[*call].from.function == n
		       && c->call[*call].from.at <= k->place.at;
		     ++*call)
			put_call(c, &c->call[*call], out);
	}
}

void cg_print(struct callgrind *c, struct strbuf *out)
{
	unsigned cost = 0, call = 0;
	uint64_t total = 0;

	merge(c);
	cg_cost_calls(c);
	for (unsigned i = 0; i < c->cost_count; i++)
		total += c->cost[i].count;
	strbuf_printf(out,
		      "# callgrind format\nversion: 1\n" CG_CREATOR
		      "positions: instr line\nevents: Ir\nsummary: %lu\n",
		      (unsigned long)total);
	for (uint32_t n = 0; n < c->function_count; n++)
		if (cost < c->cost_count && c->cost[cost].place.function == n)
			put_function(c, n, &cost, &call, out);
	strbuf_printf(out, "\ntotals: %lu\n", (unsigned long)total);
}

/* Are the tables of a struct code what code.h promises? For debug builds and tests. */
#include "lib/jit/compile.h"

enum { FIELD_BYTES = 4 };

struct check {
	const struct code *c;
	uint8_t *taken; /* a byte of each byte of code: it is in a field that is patched */
	struct diag *d;
};

static bool wrong(const struct check *k, const char *table, unsigned row, const char *what)
{
	return diag_fail(k->d, KIT_EXIT_INTERNAL, "%s %u: %s", table, row, what);
}

/* A field of n bytes at offset at: in the code, and nobody else's. */
static bool take(struct check *k, uint32_t at, uint32_t n)
{
	if (at > k->c->size_bytes || n > k->c->size_bytes - at)
		return false;
	for (uint32_t i = at; i < at + n; i++)
		if (k->taken[i]++)
			return false;
	return true;
}

static bool check_link(struct check *k, unsigned row, const struct jit_host *host)
{
	const unsigned align = host->code_align;
	const struct code_link *l = &k->c->link[row];

	if (!take(k, l->at, FIELD_BYTES))
		return wrong(k, "link", row, "its field is not in the code, or another's");
	if (l->at / align != (l->at + FIELD_BYTES - 1) / align)
		return wrong(k, "link", row, "its field lies across lines");
	if (l->stub > k->c->size_bytes || host->stub_bytes > k->c->size_bytes - l->stub)
		return wrong(k, "link", row, "its stub is not in the code");
	return true;
}

static bool check_stub(const struct check *k, unsigned row, unsigned bytes)
{
	const struct code_stub *s = &k->c->stub[row];

	if (s->at > k->c->size_bytes || bytes > k->c->size_bytes - s->at)
		return wrong(k, "stub", row, "it is not in the code");
	return true;
}

static bool check_fault(const struct check *k, unsigned row)
{
	const struct code_fault *f = &k->c->fault[row];

	if (f->at >= k->c->size_bytes)
		return wrong(k, "fault", row, "it is not in the code");
	if (row && f->at <= f[-1].at)
		return wrong(k, "fault", row, "it does not ascend");
	if (f->first > k->c->loc_count || f->count > k->c->loc_count - f->first)
		return wrong(k, "fault", row, "its locations are not in the table");
	return true;
}

static bool check_owe(const struct check *k, unsigned row)
{
	const struct code_owe *o = &k->c->owe[row];

	if (o->fault >= k->c->fault_count)
		return wrong(k, "owe", row, "there is no such fault");
	if (row && o->fault <= o[-1].fault)
		return wrong(k, "owe", row, "it does not ascend");
	return true;
}

bool jit_check_code(const struct code *c, const struct ir_unit *u, const struct jit_host *host,
		    const struct jit_opts *o, struct diag *d)
{
	struct check k = { .c = c, .d = d };

	k.taken = arena_znew(u->arena, uint8_t, c->size_bytes + 1);
	for (unsigned i = 0; i < c->link_count; i++)
		if (!check_link(&k, i, host))
			return false;
	for (unsigned i = 0; i < c->stub_count; i++)
		if (!check_stub(&k, i, host->stub_bytes))
			return false;
	for (unsigned i = 0; i < c->fault_count; i++)
		if (!check_fault(&k, i))
			return false;
	for (unsigned i = 0; i < c->owe_count; i++)
		if (!check_owe(&k, i))
			return false;
	return true;
}

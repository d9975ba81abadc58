/* kit-ir isel, ra, emit: the unit on its way to host code, printed. The unit is compiled as it stands: no passes. */
#include "arch/host.h"
#include "cmd/kit-ir/kit_ir.h"
#include "lib/jit/compile.h"
#include "lib/jit/disas.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_BYTES = 1 << 20 };

struct stage {
	const struct jit_host *host;
	struct jit_opts opts;
	struct ra_target target; /* of the boundary */
	struct ra_target inside; /* of the blocks of a unit that has several */
	struct lir_unit lir;
};

/* The feature or set of features with this name: false when there is none. */
static bool add_features(const struct jit_host *host, const char *name, size_t len, uint64_t *bits)
{
	const struct jit_feature_set *set = host->feature_sets;
	const char *feature;

	for (; set->name; set++)
		if (strlen(set->name) == len && memcmp(set->name, name, len) == 0) {
			*bits |= set->bits;
			return true;
		}
	for (unsigned b = 0; (feature = host->feature_name(b)); b++)
		if (strlen(feature) == len && memcmp(feature, name, len) == 0) {
			*bits |= UINT64_C(1) << b;
			return true;
		}
	return false;
}

static bool features_of(const struct jit_host *host, const char *list, uint64_t *bits,
			struct diag *d)
{
	for (const char *end; *list; list = end + (*end == ',')) {
		end = list + strcspn(list, ",");
		if (!add_features(host, list, (size_t)(end - list), bits))
			return diag_fail(d, 1, "host %s has no feature '%.*s'", host->name,
					 (int)(end - list), list);
	}
	return true;
}

static bool select_insns(struct kit_ir *k, struct stage *s, struct diag *d)
{
	bool region;

	s->host = host_find(k->host);
	if (!s->host)
		return diag_fail(d, 1, "there is no host '%s'", k->host);
	if (!features_of(s->host, k->host_features, &s->opts.host_features, d))
		return false;
	s->opts.count_blocks = k->count_blocks;
	s->host->target(k->unit.regs, &s->opts, &s->target);
	region = jit_inside(&k->unit, &s->target, &s->inside);
	s->host->isel(&k->unit, &s->inside, &s->opts, &s->lir);
	s->lir.boundary = region ? &s->target : NULL;
	return true;
}

static bool allocate(struct kit_ir *k, struct stage *s, struct diag *d)
{
	return select_insns(k, s, d)
	       && (ra_run(&s->lir, &s->inside)
		   || diag_fail(d, 1, "the spill slots do not suffice"));
}

static void print_lir(const struct stage *s, const struct ra_target *t)
{
	struct strbuf text = STRBUF_INIT;

	lir_print(&s->lir, t, s->host->op_name, &text);
	(void)fputs(strbuf_str(&text), stdout);
	strbuf_fini(&text);
}

bool kit_ir_isel(struct kit_ir *k, struct diag *d)
{
	struct stage s = { 0 };

	if (!select_insns(k, &s, d))
		return false;
	print_lir(&s, NULL);
	return true;
}

bool kit_ir_ra(struct kit_ir *k, struct diag *d)
{
	struct stage s = { 0 };

	if (!allocate(k, &s, d))
		return false;
	print_lir(&s, &s.inside);
	return true;
}

/* Where a guest register is when the host instruction faults. */
static void print_loc(const struct stage *s, const struct lir_loc *l, bool is_more)
{
	if (is_more)
		putchar('+');
	else
		printf(" %s=", s->target.regs->reg[l->greg].name);
	switch (l->kind) {
	case LIR_LOC_REG:
		printf("%s", s->target.phys_name[l->phys]);
		break;
	case LIR_LOC_MEM:
		printf("[state+%" PRId64 "]", l->imm);
		break;
	default:
		printf("%" PRId64, l->imm);
		break;
	}
	if (l->shift)
		printf("<<%u", l->shift);
	if (l->fix)
		printf(" (fix %u)", l->fix);
}

static void print_faults(const struct stage *s, const struct code *c)
{
	for (unsigned i = 0; i < c->fault_count; i++) {
		const struct code_fault *f = &c->fault[i];

		if (f->count == 0)
			continue;
		printf("fault %" PRIx32 ":", f->at);
		for (uint32_t n = f->first; n < f->first + f->count; n++)
			print_loc(s, &c->loc[n],
				  n > f->first && c->loc[n - 1].greg == c->loc[n].greg);
		putchar('\n');
	}
}

bool kit_ir_emit(struct kit_ir *k, struct diag *d)
{
	struct stage s = { 0 };
	struct strbuf text = STRBUF_INIT;
	struct codebuf cb;
	struct code code;
	void *mem;
	bool ok;

	if (!allocate(k, &s, d))
		return false;
	mem = malloc(CODE_BYTES);
	KIT_CHECK(mem, "out of memory for %d bytes", CODE_BYTES);
	cb_init(&cb, mem, CODE_BYTES);
	ok = s.host->emit(&s.lir, &s.inside, &s.opts, &cb, &code)
	     || diag_fail(d, 1, "the code does not fit %d bytes", CODE_BYTES);
	if (ok) {
		jit_disas(s.host->name, &code, k->with_bytes, &text);
		(void)fputs(strbuf_str(&text), stdout);
		print_faults(&s, &code);
	}
	strbuf_fini(&text);
	free(mem);
	return ok;
}

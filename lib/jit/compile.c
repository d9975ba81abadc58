/* From IR to code in one straight line; the contract is in compile.h. */
#include "lib/jit/compile.h"

#include "lib/opt/pass.h"

#include <string.h>

#ifdef KIT_DEBUG

static void verify(const struct ir_unit *u)
{
	struct diag d = DIAG_INIT;

	if (!ir_verify(u, &d))
		KIT_PANIC("IR of unit %#llx: %s", (unsigned long long)u->gpc, d.text);
}

/* The selected list, kept: allocation rewrites it. */
static struct lir_unit keep(const struct lir_unit *lir)
{
	struct lir_unit copy = *lir;

	copy.insn = arena_new(lir->arena, struct lir_insn, lir->insn_count + 1);
	memcpy(copy.insn, lir->insn, sizeof(*lir->insn) * lir->insn_count);
	return copy;
}

static void check_code(const struct code *c, const struct ir_unit *u, const struct jit_host *host,
		       const struct jit_opts *o)
{
	struct diag d = DIAG_INIT;

	if (!jit_check_code(c, u, host, o, &d))
		KIT_PANIC("code of unit %#llx: %s", (unsigned long long)u->gpc, d.text);
}

static bool allocate(struct lir_unit *lir, const struct ra_target *t)
{
	struct lir_unit selected = keep(lir);
	struct diag d = DIAG_INIT;

	if (!ra_run(lir, t))
		return false;
	if (!ra_check(&selected, lir, t, &d))
		KIT_PANIC("allocation of unit %#llx: %s", (unsigned long long)lir->ir->gpc, d.text);
	return true;
}

#else

static void verify(const struct ir_unit *u) { (void)u; }

static void check_code(const struct code *c, const struct ir_unit *u, const struct jit_host *host,
		       const struct jit_opts *o)
{
	(void)c, (void)u, (void)host, (void)o;
}

static bool allocate(struct lir_unit *lir, const struct ra_target *t) { return ra_run(lir, t); }

#endif

bool jit_inside(const struct ir_unit *u, const struct ra_target *t, struct ra_target *inside)
{
	if (u->block_count > 1 || u->regs != t->regs)
		return ra_region(u, t, inside);
	*inside = *t;
	return false;
}

enum jit_status jit_compile(struct ir_unit *u, const struct jit_host *host,
			    const struct ra_target *t, const struct jit_opts *o, struct codebuf *cb,
			    struct code *out)
{
	struct lir_unit lir;
	struct ra_target inside;
	bool region;

	u->keep_deps = host->keep_deps;
	if (o->region)
		opt_level2(u);
	else
		opt_level1(u);
	verify(u);
	region = jit_inside(u, t, &inside);
	host->isel(u, &inside, o, &lir);
	lir.boundary = region ? t : NULL;
	if (!allocate(&lir, &inside) || !host->emit(&lir, &inside, o, cb, out))
		return JIT_TOO_LONG;
	check_code(out, u, host, o);
	return JIT_OK;
}

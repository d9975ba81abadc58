/* Instruction selection: what this host does at each step of lib/ra/isel.c. */
#include "arch/aarch64/isel_priv.h"

/* Arithmetic makes canonical NaNs: only boxes can wait. */
static unsigned lazy_fix(struct isel *s, ir_ref *v)
{
	const struct ir_insn *in = isel_insn(s, *v);

	if (in->op != IR_box)
		return A64_FIX_NONE;
	*v = in->a;
	return A64_FIX_BOX32;
}

static const struct isel_host host = {
	.exit = A64_OP_EXIT,
	.exiti = A64_OP_EXITI,
	.exitr = A64_OP_EXITR,
	.target = A64_PC,
	.sext32 = A64_FIX_SEXT32,
	.box32 = A64_FIX_BOX32,
	.pure_int = a64_sel_int,
	.pure_fp = a64_sel_fpure,
	.fp = a64_sel_fp,
	.fstate = a64_sel_fstate,
	.atomic = a64_sel_atomic,
	.load = a64_sel_load,
	.store = a64_sel_store,
	.in_address = a64_in_address,
	.sum = a64_sum,
	.branch = a64_branch,
	.synced = a64_synced,
	.is_canonical = a64_is_canonical,
	.lazy_fix = lazy_fix,
};

void a64_isel(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
	      struct lir_unit *lir)
{
	struct isel s = {
		.host = &host,
		.ir = ir,
		.t = t,
		.lir = lir,
		.features = o->host_features,
		.guest_base = o->guest_base,
	};

	isel_run(&s);
}

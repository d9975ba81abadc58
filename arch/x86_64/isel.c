/* Instruction selection: what this host does at each step of lib/ra/isel.c. */
#include "arch/x86_64/isel_priv.h"

lreg x64_extend(struct isel *s, lreg a, enum x64_ext how)
{
	struct lir_insn *l = isel_lir(s, X64_OP_EXT);
	lreg d = isel_def(s, l, LIR_INT);

	isel_use(l, a, LO_HINT | LO_MEM);
	l->sub = (uint8_t)how;
	return d;
}

static unsigned lazy_fix(struct isel *s, ir_ref *v)
{
	const struct ir_insn *in = isel_insn(s, *v);

	if (in->op == IR_fcanon) {
		if (in->type != IR_F64 || !x64_is_quiet(s, in->a))
			return X64_FIX_NONE;
		*v = in->a;
		return x64_is_canonical(s, in->a) ? X64_FIX_NONE : X64_FIX_CANON64;
	}
	*v = isel_val(s, in->a)->hard ? in->a : x64_raw(s, in->a);
	if (isel_val(s, *v)->rep == isel_val(s, in->a)->rep || x64_is_canonical(s, *v))
		return X64_FIX_BOX32;
	return X64_FIX_CANON32;
}

static void start_block(struct isel *s)
{
	x64_puts(s)->regs = 0;
	x64_puts(s)->count = 0;
}

static void note_put(struct isel *s, unsigned g, unsigned fix, uint32_t from)
{
	struct x64_puts *p = x64_puts(s);

	p->regs &= ~(UINT64_C(1) << g);
	if (fix != X64_FIX_CANON64 && fix != X64_FIX_CANON32)
		return;
	p->regs |= UINT64_C(1) << g;
	p->bit[g] = p->count < 32 ? UINT32_C(1) << p->count : 0;
	/* A boxed float is a NaN as a double, whatever it is itself. */
	if (fix == X64_FIX_CANON64 && isel_boxed_entry(s, (ir_ref){ (uint16_t)from }))
		p->bit[g] = 0;
	p->count++;
	p->from[g] = from;
	p->fix[g] = (uint8_t)fix;
	s->val[from].host |= p->bit[g];
}

static const struct isel_host host = {
	.exit = X64_OP_EXIT,
	.exiti = X64_OP_EXITI,
	.exitr = X64_OP_EXITR,
	.target = X64_RCX,
	.exit_notes = true,
	.sext32 = X64_FIX_SEXT32,
	.box32 = X64_FIX_BOX32,
	.canon32 = X64_FIX_CANON32,
	.canon64 = X64_FIX_CANON64,
	.pure_int = x64_sel_int,
	.pure_fp = x64_sel_fpure,
	.fp = x64_sel_fp,
	.fstate = x64_sel_fstate,
	.atomic = x64_sel_atomic,
	.load = x64_sel_load,
	.store = x64_sel_store,
	.in_address = x64_in_address,
	.sum = x64_sum,
	.branch = x64_branch,
	.synced = x64_synced,
	.is_canonical = x64_is_canonical,
	.lazy_fix = lazy_fix,
	.block = start_block,
	.put = note_put,
	.exit_info = x64_exit_info,
};

void x64_isel(const struct ir_unit *ir, const struct ra_target *t, const struct jit_opts *o,
	      struct lir_unit *lir)
{
	struct x64_isel s; /* not cleared: the most of it is puts, which a block starts without */

	s.i = (struct isel){
		.host = &host,
		.ir = ir,
		.t = t,
		.lir = lir,
		.features = o->host_features,
		.guest_base = o->guest_base,
	};
	isel_run(&s.i);
}

/*
 * The AArch64 host. rv64 GC on it: 24 of the guest's integer registers live in x3..x15, x18..x27 and x29, 26 of the
 * floating-point ones in v3..v28; x28 is the state, and sp points into a stack that holds nothing but
 * return addresses of paired calls, 16 bytes each.
 */
#include "arch/host.h"
#include "arch/aarch64/a64_priv.h"
#include "lib/jit/fphelper.h"

const char *const a64_phys_name[LIR_PHYS_COUNT] = {
#define REG(number, name64, ...) [number] = name64,
#define VREG(number, named, ...) [LIR_PHYS_FP + number] = named,
#include "arch/aarch64/regs.def"
#undef VREG
#undef REG
};

/* The one that the guest base takes comes last. */
static const uint8_t int_home[] = { 3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
				    15, 18, 19, 20, 21, 22, 23, 24, 25, 26, 29, A64_BASE };
enum { FIRST_FP_HOME = 3, FP_HOMES = 26, INT_HOMES = ARRAY_LEN(int_home), FEW_HOMES = 2 };

#define BIT(n)      (UINT64_C(1) << (n))
#define SCRATCH_INT (BIT(0) | BIT(1) | BIT(2) | BIT(A64_LR))
#define SCRATCH_FP  (BIT(LIR_PHYS_FP) | BIT(LIR_PHYS_FP + 1) | BIT(LIR_PHYS_FP + 2))

_Static_assert(FIRST_FP_HOME + FP_HOMES == A64_VBOX, "homes end where the constants start");

static void a64_target(const struct ir_regfile *regs, const struct jit_opts *o, struct ra_target *t)
{
	unsigned ints = o->few_homes ? FEW_HOMES : INT_HOMES - o->guest_base;
	unsigned fps = o->few_homes ? FEW_HOMES : FP_HOMES;

	*t = (struct ra_target){
		.scratch = { SCRATCH_INT, SCRATCH_FP },
		.alloc = { SCRATCH_INT, SCRATCH_FP },
		.regs = regs,
		.phys_name = a64_phys_name,
	};
	ra_target_homes(t, int_home, ints, LIR_PHYS_FP + FIRST_FP_HOME, fps);
}

static const char *a64_op_name(unsigned op)
{
	static const char *const name[] = {
#define AOP(name, ...) #name,
#include "arch/aarch64/ops.def"
#undef AOP
	};

	return op >= LIR_HOST && op < A64_OP_END ? name[op - LIR_HOST] : "?";
}

static const char *a64_feature_name(unsigned bit)
{
	static const char *const name[A64_FEATURE_COUNT] = {
#define FEATURE(name, text, ...) text,
#include "arch/aarch64/features.def"
#undef FEATURE
	};

	return bit < A64_FEATURE_COUNT ? name[bit] : NULL;
}

static const struct jit_feature_set a64_feature_sets[] = {
	{ "baseline", 0 },
	{ "v8.1", BIT(A64_FEATURE_LSE) },
	{ NULL, 0 },
};

#define BOX UINT64_C(0xffffffff00000000)

static uint64_t a64_apply_fix(unsigned fix, uint64_t bits)
{
	switch (fix) {
	case A64_FIX_SEXT32:
		return (uint64_t)(int64_t)(int32_t)bits;
	case A64_FIX_BOX32:
		return bits | BOX;
	default:
		return bits;
	}
}

static void a64_state_init(struct ir_state *st)
{
	_Static_assert(sizeof(struct ir_state) < 4096 * 4,
		       "words of the state are in reach of one load");
	st->host_const[A64_C_BOX] = BOX;
	st->fp_eval = jit_fp_eval;
	st->calls_leave = IR_CALLS_NO_ROWS;
}

const struct jit_host a64_host = {
	.name = "aarch64",
	.code_align = 32,
	.reach_bytes = UINT64_C(1) << 27,
	.stub_bytes = 8,
	.link_word = a64_branch_word,
	.keep_deps = true,
	.target = a64_target,
	.isel = a64_isel,
	.emit = a64_emit,
	.thunks = a64_thunks,
	.op_name = a64_op_name,
	.apply_fix = a64_apply_fix,
	.feature_name = a64_feature_name,
	.feature_sets = a64_feature_sets,
	.state_init = a64_state_init,
};

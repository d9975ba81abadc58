/*
 * The x86-64 host. rv64 GC on it: r/w registers of the guest live in rbx, rsi, rdi and r8..r15, the state base is rbp, and rsp
 * points into a stack that holds nothing but return addresses of paired calls.
 */
#include "arch/host.h"
#include "arch/x86_64/x64_priv.h"
#include "lib/jit/fphelper.h"

const char *const x64_phys_name[LIR_PHYS_COUNT] = {
#define REG(number, name64, ...) [number] = name64,
#define XMM(number, name)        [LIR_PHYS_FP + number] = name,
#include "arch/x86_64/regs.def"
#undef XMM
#undef REG
};

/* Hottest first. As a base, r13 needs a displacement and r12 a SIB byte: they come last. */
static const uint8_t int_home[] = { X64_RBX, X64_RSI, X64_RDI, X64_R8,  X64_R9, X64_R10,
				    X64_R11, X64_R14, X64_R13, X64_R12, X64_R15 };
enum { FIRST_FP_HOME = 3, FP_HOMES = 13, INT_HOMES = ARRAY_LEN(int_home), FEW_HOMES = 2 };

#define SCRATCH_INT (UINT64_C(1) << X64_RAX | UINT64_C(1) << X64_RCX | UINT64_C(1) << X64_RDX)
#define SCRATCH_FP  (UINT64_C(7) << LIR_PHYS_FP)

static void x64_target(const struct ir_regfile *regs, const struct jit_opts *o, struct ra_target *t)
{
	unsigned ints =
	    o->few_homes ? FEW_HOMES : INT_HOMES - o->guest_base; /* r15 is the base then */
	unsigned fps = o->few_homes ? FEW_HOMES : FP_HOMES;

	*t = (struct ra_target){
		.scratch = { SCRATCH_INT, SCRATCH_FP },
		.alloc = { SCRATCH_INT, SCRATCH_FP },
		.regs = regs,
		.phys_name = x64_phys_name,
		/* A block that takes a raw float is told that it is canonical. */
		.fix_serves = { [X64_FIX_BOX32] = 1 << X64_FIX_CANON32 },
	};
	ra_target_homes(t, int_home, ints, LIR_PHYS_FP + FIRST_FP_HOME, fps);
}

static const char *x64_op_name(unsigned op)
{
	static const char *const name[] = {
#define XOP(name, ...) #name,
#include "arch/x86_64/ops.def"
#undef XOP
	};

	return op >= LIR_HOST && op < X64_OP_END ? name[op - LIR_HOST] : "?";
}

static const char *x64_feature_name(unsigned bit)
{
	static const char *const name[X64_FEATURE_COUNT] = {
#define FEATURE(name, text, ...) text,
#include "arch/x86_64/features.def"
#undef FEATURE
	};

	return bit < X64_FEATURE_COUNT ? name[bit] : NULL;
}

#define BIT(name) (UINT64_C(1) << X64_FEATURE_##name)

/* The psABI's levels (x86-64-v2, -v3), as far as the emitter makes use of them. */
static const struct jit_feature_set x64_feature_sets[] = {
	{ "baseline", 0 },
	{ "v2", BIT(SSE41) | BIT(POPCNT) },
	{ "v3", BIT(SSE41) | BIT(POPCNT) | BIT(AVX) | BIT(FMA) | BIT(LZCNT) | BIT(BMI1) | BIT(BMI2)
		    | BIT(AVX2) },
	{ NULL, 0 },
};

/* ---- constants -------------------------------------------------------------------------------------- */

#define CANON64 UINT64_C(0x7ff8000000000000)
#define BOX     UINT64_C(0xffffffff00000000)
#define CANON32 (BOX | 0x7fc00000)

static uint64_t x64_apply_fix(unsigned fix, uint64_t bits)
{
	bool nan64 = bits << 1 > UINT64_C(0x7ff0000000000000) << 1;
	bool nan32 = (uint32_t)bits << 1 > UINT32_C(0x7f800000) << 1;

	switch (fix) {
	case X64_FIX_CANON64:
		return nan64 ? CANON64 : bits;
	case X64_FIX_CANON32:
		return nan32 ? CANON32 : bits | BOX;
	case X64_FIX_BOX32:
		return bits | BOX;
	case X64_FIX_SEXT32:
		return (uint64_t)(int64_t)(int32_t)bits;
	default:
		return bits;
	}
}

/* MXCSR's flags, from bit 0 invalid denormal zero overflow underflow inexact, as fflags. */
static uint8_t fflags_of(unsigned mxcsr)
{
	return (uint8_t)((mxcsr & 1) << 4 | (mxcsr >> 2 & 1) << 3 | (mxcsr >> 3 & 1) << 2
			 | (mxcsr >> 4 & 1) << 1 | (mxcsr >> 5 & 1));
}

static void x64_state_init(struct ir_state *st)
{
	static const uint64_t init[] = {
		[X64_C_SIGN64] = UINT64_C(1) << 63,
		[X64_C_ABS64] = INT64_MAX,
		[X64_C_SIGN32] = UINT64_C(1) << 31,
		[X64_C_ABS32] = INT32_MAX,
		[X64_C_BOX] = BOX,
		[X64_C_CANON64] = CANON64,
		[X64_C_CANON32] = CANON32,
		[X64_C_MXCSR] = X64_MXCSR_DEFAULT,
		[X64_C_ONE64] = UINT64_C(0x3ff0000000000000),
		[X64_C_ONE32] = 0x3f800000,
		[X64_C_HALF64] = UINT64_C(0x3fe0000000000000),
		[X64_C_HALF32] = 0x3f000000,
		[X64_C_WHOLE64] = UINT64_C(0x4330000000000000), /* 2^52 */
		[X64_C_WHOLE32] = 0x4b000000,                   /* 2^23 */
	};
	uint8_t table[64];

	_Static_assert(ARRAY_LEN(init) <= ARRAY_LEN(st->host_const), "host_const is too small");
	_Static_assert(X64_C_ONE64 * 8 >= X64_C_FFLAGS * 8 + sizeof table, "the table has room");
	_Static_assert(offsetof(struct ir_state, host_const) % 16 == 0, "SSE operands are aligned");
	_Static_assert(X64_ST(thunk[IR_THUNK_RESYNC]) == INT8_MIN
			   && X64_ST(thunk[IR_THUNK_STUB]) < 0 && X64_ST(stop) < 0
			   && X64_ST(reg[28]) <= INT8_MAX,
		       "what is used most is in reach of a byte");
	for (unsigned i = 0; i < sizeof table; i++)
		table[i] = fflags_of(i);
	memcpy(st->host_const, init, sizeof init);
	memcpy(&st->host_const[X64_C_FFLAGS], table, sizeof table);
	st->fp_eval = jit_fp_eval;
	st->calls_leave = IR_CALLS_NO_ROWS;
}

/* A displacement from the end of the field. */
static uint32_t x64_link_word(uint32_t was, int64_t disp)
{
	(void)was;
	return (uint32_t)(disp - 4);
}

const struct jit_host x64_host = {
	.name = "x86_64",
	.code_align = 32,
	.reach_bytes = UINT64_C(1) << 31,
	.stub_bytes = X64_STUB_BYTES,
	.link_word = x64_link_word,
	.target = x64_target,
	.isel = x64_isel,
	.emit = x64_emit,
	.thunks = x64_thunks,
	.op_name = x64_op_name,
	.apply_fix = x64_apply_fix,
	.feature_name = x64_feature_name,
	.feature_sets = x64_feature_sets,
	.state_init = x64_state_init,
};

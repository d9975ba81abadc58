/*
 * lib/ir/softfp against references none of which shares its method:
 *  - rows taken from the manual's words, for what RISC-V settles by itself;
 *  - the host's unit, in the four rounding modes that hosts have, value and flags;
 *  - for the fifth mode, binary128 arithmetic of the compiler's library: whether a result is a tie;
 *  - C's comparisons, casts and 128-bit integers, for orders and for integers in all five modes.
 * The operands are those of fpcases.h, from fixed seeds. KIT_TEST_SCALE=N in the environment
 * multiplies the number of random ones by N.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "lib/ir/softfp.h"
#include "tests/unit/check.h"
#include "tests/unit/fpcases.h"
#include "tests/unit/hostfp.h"

__extension__ typedef __int128 i128;

/* ---- operations by number ------------------------------------------------------------------ */

/* The first ones are the host's, see hostfp.h. TO_* and FROM_* name the integer type. */
/* clang-format off */
#define OPS(X)                                                                      \
	X(ADD) X(SUB) X(MUL) X(DIV) X(SQRT) X(FMA) X(TO_F32) X(TO_F64)              \
	X(MIN) X(MAX) X(EQ) X(LT) X(LE) X(CLASS)                                    \
	X(TO_I32) X(TO_U32) X(TO_I64) X(TO_U64)                                     \
	X(FROM_I32) X(FROM_U32) X(FROM_I64) X(FROM_U64) X(ROUND) X(ROUNDNX)
/* clang-format on */
#define OP_NUMBER(name) name,
#define OP_NAME(name)   #name,

enum op { OPS(OP_NUMBER) };
static const char *const op_name[] = { OPS(OP_NAME) };

_Static_assert((int)TO_F64 == (int)HOSTFP_TO_F64, "the order of hostfp.h");

static const char *const rm_name[] = { "RNE", "RTZ", "RDN", "RUP", "RMM" };

static uint64_t soft32(enum op op, const uint64_t in[3], enum fp_rm rm, uint32_t *flags)
{
	uint32_t a = (uint32_t)in[0], b = (uint32_t)in[1], c = (uint32_t)in[2];

	switch (op) {
	case ADD:
		return fp_add32(a, b, rm, flags);
	case SUB:
		return fp_sub32(a, b, rm, flags);
	case MUL:
		return fp_mul32(a, b, rm, flags);
	case DIV:
		return fp_div32(a, b, rm, flags);
	case SQRT:
		return fp_sqrt32(a, rm, flags);
	case FMA:
		return fp_fma32(a, b, c, rm, flags);
	case TO_F64:
		return fp_f32_to_f64(a, flags);
	case MIN:
		return fp_min32(a, b, flags);
	case MAX:
		return fp_max32(a, b, flags);
	case EQ:
		return fp_eq32(a, b, flags);
	case LT:
		return fp_lt32(a, b, flags);
	case LE:
		return fp_le32(a, b, flags);
	case CLASS:
		return fp_class32(a);
	case TO_I32:
		return fp_f32_to_i32(a, rm, flags);
	case TO_U32:
		return fp_f32_to_u32(a, rm, flags);
	case TO_I64:
		return fp_f32_to_i64(a, rm, flags);
	case TO_U64:
		return fp_f32_to_u64(a, rm, flags);
	case FROM_I32:
		return fp_i32_to_f32(in[0], rm, flags);
	case FROM_U32:
		return fp_u32_to_f32(in[0], rm, flags);
	case FROM_I64:
		return fp_i64_to_f32(in[0], rm, flags);
	case FROM_U64:
		return fp_u64_to_f32(in[0], rm, flags);
	case ROUND:
		return fp_round_int32(a, rm, false, flags);
	case ROUNDNX:
		return fp_round_int32(a, rm, true, flags);
	default:
		abort();
	}
}

static uint64_t soft64(enum op op, const uint64_t in[3], enum fp_rm rm, uint32_t *flags)
{
	uint64_t a = in[0], b = in[1], c = in[2];

	switch (op) {
	case ADD:
		return fp_add64(a, b, rm, flags);
	case SUB:
		return fp_sub64(a, b, rm, flags);
	case MUL:
		return fp_mul64(a, b, rm, flags);
	case DIV:
		return fp_div64(a, b, rm, flags);
	case SQRT:
		return fp_sqrt64(a, rm, flags);
	case FMA:
		return fp_fma64(a, b, c, rm, flags);
	case TO_F32:
		return fp_f64_to_f32(a, rm, flags);
	case MIN:
		return fp_min64(a, b, flags);
	case MAX:
		return fp_max64(a, b, flags);
	case EQ:
		return fp_eq64(a, b, flags);
	case LT:
		return fp_lt64(a, b, flags);
	case LE:
		return fp_le64(a, b, flags);
	case CLASS:
		return fp_class64(a);
	case TO_I32:
		return fp_f64_to_i32(a, rm, flags);
	case TO_U32:
		return fp_f64_to_u32(a, rm, flags);
	case TO_I64:
		return fp_f64_to_i64(a, rm, flags);
	case TO_U64:
		return fp_f64_to_u64(a, rm, flags);
	case FROM_I32:
		return fp_i32_to_f64(a, rm, flags);
	case FROM_U32:
		return fp_u32_to_f64(a, rm, flags);
	case FROM_I64:
		return fp_i64_to_f64(a, rm, flags);
	case FROM_U64:
		return fp_u64_to_f64(a, rm, flags);
	case ROUND:
		return fp_round_int64(a, rm, false, flags);
	case ROUNDNX:
		return fp_round_int64(a, rm, true, flags);
	default:
		abort();
	}
}

/* The function under test: the one of binary64 when wide is set. TO_F32 is one of those. */
static uint64_t soft(enum op op, bool wide, const uint64_t in[3], enum fp_rm rm, uint32_t *flags)
{
	return wide ? soft64(op, in, rm, flags) : soft32(op, in, rm, flags);
}

/* Runs the function under test and compares with value want and flags want_flags. */
static void expect(enum op op, bool wide, const uint64_t in[3], enum fp_rm rm, uint64_t want,
		   uint32_t want_flags)
{
	uint32_t flags = 0;
	uint64_t got = soft(op, wide, in, rm, &flags);

	if (got == want && flags == want_flags)
		return;
	CHECK_AT("f%d %s.%s %#" PRIx64 " %#" PRIx64 " %#" PRIx64, wide ? 64 : 32, op_name[op],
		 rm_name[rm], in[0], in[1], in[2]);
	CHECK_EQ(got, want);
	CHECK_EQ(flags, want_flags);
	CHECK_AT("%s", "");
}

/* The number of random cases, by KIT_TEST_SCALE. */
static long scaled(long n)
{
	const char *s = getenv("KIT_TEST_SCALE");
	long k = s ? strtol(s, NULL, 10) : 1;

	return k > 0 ? n * k : n;
}

/* ---- what the manual settles --------------------------------------------------------------- */

#define QNAN32  0x7fc00000u
#define SNAN32  0x7f800001u
#define QNAN64  0x7ff8000000000000u
#define SNAN64  0x7ff0000000000001u
#define INF64   0x7ff0000000000000u
#define ONE64   0x3ff0000000000000u
#define TWO64   0x4000000000000000u
#define LEAST64 0x0010000000000000u /* normal */
#define ONE32   0x3f800000u
#define NEG     0x8000000000000000u

static const struct row {
	enum op op;
	int bits; /* of the format: 64 or 32 */
	enum fp_rm rm;
	uint32_t flags; /* raised */
	uint64_t in[3];
	uint64_t want;
} rows[] = {
	/* Exact cancellation is +0, downwards -0. */
	{ SUB, 64, FP_RNE, 0, { ONE64, ONE64, 0 }, 0 },
	{ SUB, 64, FP_RUP, 0, { ONE64, ONE64, 0 }, 0 },
	{ SUB, 64, FP_RDN, 0, { ONE64, ONE64, 0 }, NEG },
	{ ADD, 64, FP_RMM, 0, { 0, NEG, 0 }, 0 },
	{ ADD, 64, FP_RDN, 0, { 0, NEG, 0 }, NEG },
	{ FMA, 64, FP_RDN, 0, { ONE64, ONE64, NEG | ONE64 }, NEG },
	{ FMA, 64, FP_RNE, 0, { 0, NEG | ONE64, 0 }, 0 },
	/* NaNs come out canonical: sign, payload and boxing of an operand are not carried over. */
	{ ADD, 64, FP_RNE, 0, { NEG | QNAN64 | 5, ONE64, 0 }, QNAN64 },
	{ ADD, 64, FP_RNE, FP_NV, { SNAN64, ONE64, 0 }, QNAN64 },
	{ MUL, 32, FP_RNE, 0, { ONE32, 0xffc12345, 0 }, QNAN32 },
	{ SQRT, 64, FP_RNE, FP_NV, { NEG | ONE64, 0, 0 }, QNAN64 },
	{ SQRT, 64, FP_RNE, 0, { NEG, 0, 0 }, NEG },
	{ TO_F32, 64, FP_RNE, 0, { NEG | QNAN64 | 5, 0, 0 }, QNAN32 },
	{ TO_F64, 32, FP_RNE, FP_NV, { 0xff800001, 0, 0 }, QNAN64 },
	/* inf * 0 is invalid whatever is added. */
	{ FMA, 64, FP_RNE, FP_NV, { INF64, 0, QNAN64 }, QNAN64 },
	{ FMA, 64, FP_RNE, FP_NV, { NEG, INF64, ONE64 }, QNAN64 },
	{ FMA, 64, FP_RNE, FP_NV, { INF64, ONE64, NEG | INF64 }, QNAN64 },
	{ FMA, 64, FP_RNE, 0, { INF64, ONE64, QNAN64 }, QNAN64 },
	{ FMA, 32, FP_RNE, FP_NV, { 0x7f800000, 0, QNAN32 }, QNAN32 },
	/* Division by zero is not invalid, unless it is 0 / 0. inf / 0 is exact. */
	{ DIV, 64, FP_RNE, FP_DZ, { NEG | ONE64, 0, 0 }, NEG | INF64 },
	{ DIV, 64, FP_RNE, 0, { INF64, NEG, 0 }, NEG | INF64 },
	{ DIV, 64, FP_RNE, FP_NV, { 0, NEG, 0 }, QNAN64 },
	/* Tininess after rounding: 2^-1022 * (1 - 2^-54) rounds to 2^-1022 and is not tiny. */
	{ FMA, 64, FP_RNE, FP_NX, { 0x3c90000000000000, NEG | LEAST64, LEAST64 }, LEAST64 },
	/* 2^-1022 * (1 - 2^-53) fits full precision: tiny, although the least normal comes out. */
	{ MUL, 64, FP_RNE, FP_UF | FP_NX, { ONE64 - 1, LEAST64, 0 }, LEAST64 },
	{ MUL, 64, FP_RTZ, FP_UF | FP_NX, { ONE64 - 1, LEAST64, 0 }, LEAST64 - 1 },
	/* 2^-1022 * (1 - 2^-52) is exact, which is no underflow. */
	{ MUL, 64, FP_RNE, 0, { ONE64 - 2, LEAST64, 0 }, LEAST64 - 1 },
	/* Overflow: to infinity, or to the largest number where the mode leads away from that. */
	{ MUL, 64, FP_RNE, FP_OF | FP_NX, { INF64 - 1, TWO64, 0 }, INF64 },
	{ MUL, 64, FP_RMM, FP_OF | FP_NX, { INF64 - 1, NEG | TWO64, 0 }, NEG | INF64 },
	{ MUL, 64, FP_RTZ, FP_OF | FP_NX, { INF64 - 1, TWO64, 0 }, INF64 - 1 },
	{ MUL, 64, FP_RDN, FP_OF | FP_NX, { INF64 - 1, TWO64, 0 }, INF64 - 1 },
	{ MUL, 64, FP_RDN, FP_OF | FP_NX, { INF64 - 1, NEG | TWO64, 0 }, NEG | INF64 },
	/* Ties: 1 + 2^-53 and 1 + 2^-24. */
	{ ADD, 64, FP_RNE, FP_NX, { ONE64, 0x3ca0000000000000, 0 }, ONE64 },
	{ ADD, 64, FP_RMM, FP_NX, { ONE64, 0x3ca0000000000000, 0 }, ONE64 + 1 },
	{ ADD, 64, FP_RMM, FP_NX, { NEG | ONE64, 0xbca0000000000000, 0 }, NEG | (ONE64 + 1) },
	{ ADD, 32, FP_RNE, FP_NX, { ONE32, 0x33800000, 0 }, ONE32 },
	{ ADD, 32, FP_RMM, FP_NX, { ONE32, 0x33800000, 0 }, ONE32 + 1 },
	{ DIV, 64, FP_RNE, FP_UF | FP_NX, { 1, 0x4000000000000000, 0 }, 0 },
	{ DIV, 64, FP_RMM, FP_UF | FP_NX, { 1, 0x4000000000000000, 0 }, 1 },
	/* 2^-1075 * (1 +- 2^-105), as near to a tie between 0 and the least number as can be. */
	{ MUL, 64, FP_RNE, FP_UF | FP_NX, { 0x1e5404b25a15c2bb, 0x1e59939800033273, 0 }, 1 },
	{ MUL, 64, FP_RNE, FP_UF | FP_NX, { 0x1e514390e9e806a9, 0x1e5da83eedd80267, 0 }, 0 },
	{ MUL, 64, FP_RMM, FP_UF | FP_NX, { 0x1e514390e9e806a9, 0x1e5da83eedd80267, 0 }, 0 },
	/* minimumNumber, maximumNumber */
	{ MIN, 64, FP_RNE, 0, { 0, NEG, 0 }, NEG },
	{ MAX, 64, FP_RNE, 0, { NEG, 0, 0 }, 0 },
	{ MIN, 64, FP_RNE, 0, { QNAN64, ONE64, 0 }, ONE64 },
	{ MAX, 64, FP_RNE, FP_NV, { ONE64, SNAN64, 0 }, ONE64 },
	{ MIN, 64, FP_RNE, 0, { NEG | QNAN64, QNAN64 | 5, 0 }, QNAN64 },
	{ MAX, 32, FP_RNE, FP_NV, { SNAN32, 0xffffffff, 0 }, QNAN32 },
	/* feq is quiet, flt and fle are not. */
	{ EQ, 64, FP_RNE, 0, { QNAN64, QNAN64, 0 }, 0 },
	{ EQ, 64, FP_RNE, FP_NV, { SNAN64, ONE64, 0 }, 0 },
	{ LT, 64, FP_RNE, FP_NV, { QNAN64, ONE64, 0 }, 0 },
	{ LE, 32, FP_RNE, FP_NV, { ONE32, QNAN32, 0 }, 0 },
	{ LE, 32, FP_RNE, 0, { 0x80000000, 0, 0 }, 1 },
	/* The table of invalid inputs and results of float-to-integer conversions. */
	{ TO_I32, 64, FP_RTZ, FP_NV, { QNAN64 | NEG, 0, 0 }, 0x7fffffff },
	{ TO_U32, 64, FP_RTZ, FP_NV, { QNAN64, 0, 0 }, UINT64_MAX },
	{ TO_I64, 32, FP_RTZ, FP_NV, { SNAN32, 0, 0 }, INT64_MAX },
	{ TO_U64, 32, FP_RTZ, FP_NV, { 0xffc00000, 0, 0 }, UINT64_MAX },
	{ TO_I32, 32, FP_RTZ, FP_NV, { 0xff800000, 0, 0 }, 0xffffffff80000000 },
	{ TO_U32, 32, FP_RTZ, FP_NV, { 0xff800000, 0, 0 }, 0 },
	{ TO_I64, 64, FP_RTZ, FP_NV, { NEG | INF64, 0, 0 }, NEG },
	{ TO_U64, 64, FP_RTZ, FP_NV, { INF64, 0, 0 }, UINT64_MAX },
	/* 2^31 - 1/2, -2^31 - 1/2, 2^31, -0.9, -0.5 */
	{ TO_I32, 64, FP_RNE, FP_NV, { 0x41dfffffffe00000, 0, 0 }, 0x7fffffff },
	{ TO_I32, 64, FP_RTZ, FP_NX, { 0x41dfffffffe00000, 0, 0 }, 0x7fffffff },
	{ TO_I32, 64, FP_RTZ, FP_NX, { 0xc1e0000000100000, 0, 0 }, 0xffffffff80000000 },
	{ TO_I32, 64, FP_RMM, FP_NV, { 0xc1e0000000100000, 0, 0 }, 0xffffffff80000000 },
	{ TO_U32, 64, FP_RTZ, 0, { 0x41e0000000000000, 0, 0 }, 0xffffffff80000000 },
	{ TO_U32, 64, FP_RTZ, FP_NX, { 0xbfeccccccccccccd, 0, 0 }, 0 },
	{ TO_U32, 64, FP_RDN, FP_NV, { 0xbfeccccccccccccd, 0, 0 }, 0 },
	{ TO_U64, 64, FP_RNE, FP_NX, { 0xbfe0000000000000, 0, 0 }, 0 },
	{ TO_U64, 64, FP_RMM, FP_NV, { 0xbfe0000000000000, 0, 0 }, 0 },
	{ TO_I64, 64, FP_RMM, FP_NX, { 0x3fe0000000000000, 0, 0 }, 1 },
	/* Only the low half of a 32-bit source counts; zero is +0 also downwards. */
	{ FROM_I32, 64, FP_RNE, 0, { 0x12345678ffffffff, 0, 0 }, 0xbff0000000000000 },
	{ FROM_U32, 64, FP_RNE, 0, { UINT64_MAX, 0, 0 }, 0x41efffffffe00000 },
	{ FROM_I64, 32, FP_RDN, 0, { 0, 0, 0 }, 0 },
	{ FROM_I64, 32, FP_RMM, FP_NX, { 0x1000001, 0, 0 }, 0x4b800001 },
	{ FROM_I64, 32, FP_RNE, FP_NX, { 0x1000001, 0, 0 }, 0x4b800000 },
	{ FROM_U64, 32, FP_RUP, FP_NX, { UINT64_MAX, 0, 0 }, 0x5f800000 },
	/* Integers in the format: zeros keep the sign, ties, what has no fraction, NaNs. 2^52 - 1/2, 2^23 + 1. */
	{ ROUND, 64, FP_RUP, 0, { 0xbfe0000000000000, 0, 0 }, NEG },
	{ ROUNDNX, 64, FP_RDN, FP_NX, { NEG | 1, 0, 0 }, NEG | ONE64 },
	{ ROUND, 64, FP_RNE, 0, { 0x4004000000000000, 0, 0 }, TWO64 },
	{ ROUNDNX, 64, FP_RMM, FP_NX, { 0x4004000000000000, 0, 0 }, 0x4008000000000000 },
	{ ROUND, 64, FP_RMM, 0, { 0x3fdfffffffffffff, 0, 0 }, 0 },
	{ ROUNDNX, 64, FP_RNE, FP_NX, { 0x432fffffffffffff, 0, 0 }, 0x4330000000000000 },
	{ ROUNDNX, 32, FP_RTZ, 0, { 0x4b000001, 0, 0 }, 0x4b000001 },
	{ ROUNDNX, 32, FP_RTZ, FP_NX, { 0xbf7fffff, 0, 0 }, 0x80000000 },
	{ ROUNDNX, 64, FP_RNE, 0, { NEG | INF64, 0, 0 }, NEG | INF64 },
	{ ROUND, 64, FP_RNE, FP_NV, { NEG | SNAN64, 0, 0 }, QNAN64 },
	{ ROUNDNX, 32, FP_RNE, 0, { 0xffc12345, 0, 0 }, QNAN32 },
};

static void test_rows(void)
{
	uint32_t flags = FP_DZ;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		expect(rows[i].op, rows[i].bits == 64, rows[i].in, rows[i].rm, rows[i].want,
		       rows[i].flags);

	/* Flags accrue. */
	(void)fp_add64(SNAN64, ONE64, FP_RNE, &flags);
	CHECK(flags == (FP_DZ | FP_NV));
}

/* ---- the host's unit ----------------------------------------------------------------------- */

static bool is_zero_times_inf(bool wide, const uint64_t in[3])
{
	uint64_t inf = fpbits_inf(wide), mask = fpbits_sign(wide) - 1;
	uint64_t a = in[0] & mask, b = in[1] & mask;

	return (a == 0 && b == inf) || (a == inf && b == 0);
}

static void against_host(enum op op, bool wide, const uint64_t in[3])
{
	bool wide_result = wide && op != TO_F32;

	if (!hostfp_has((enum hostfp_op)op))
		return;
	for (int rm = FP_RNE; rm <= FP_RUP; rm++) {
		uint32_t flags = 0, ours = 0;
		uint64_t want = hostfp((enum hostfp_op)op, wide, in, (enum fp_rm)rm, &flags);
		bool least_normal =
		    (want & (fpbits_sign(wide_result) - 1)) == fpbits_frac(wide_result) + 1;

		/* Hosts differ on 0 * inf + quiet NaN, RISC-V does not leave it open. */
		if (op == FMA && is_zero_times_inf(wide, in))
			flags |= FP_NV;
		/* Rounded up to the least normal number: here FP_UF is not the host's to say. */
		if (HOSTFP_TINY_BEFORE && least_normal && flags & FP_UF) {
			(void)soft(op, wide, in, (enum fp_rm)rm, &ours);
			flags = (flags & ~(uint32_t)FP_UF) | (ours & FP_UF);
		}
		expect(op, wide, in, (enum fp_rm)rm, want, flags);
	}
}

static void against_host_edges(bool wide)
{
	struct fpcases fc;

	fpcases_init(&fc, wide, 1);
	for (int i = 0; i < fc.count; i++) {
		uint64_t in[3] = { fc.edge[i], 0, 0 };

		against_host(SQRT, wide, in);
		against_host(wide ? TO_F32 : TO_F64, wide, in);
		for (int j = 0; j < fc.count; j++) {
			in[1] = fc.edge[j];
			in[2] = fpcases_edge(&fc);
			for (int op = ADD; op <= DIV; op++)
				against_host((enum op)op, wide, in);
			against_host(FMA, wide, in);
		}
	}
}

static void against_host_random(bool wide)
{
	struct fpcases fc;

	fpcases_init(&fc, wide, 2);
	for (long n = scaled(100000); n > 0; n--) {
		uint64_t in[3] = { fpcases_random(&fc, 0), 0, 0 };
		uint32_t ignored = 0;

		in[1] = fpcases_random(&fc, in[0]);
		in[2] = fpcases_random(&fc, in[1]);
		for (int op = ADD; op <= FMA; op++)
			against_host((enum op)op, wide, in);
		against_host(wide ? TO_F32 : TO_F64, wide, in);
		/* Leave only what the multiplication alone would round off. */
		in[2] = fpbits_sign(wide) ^ soft(MUL, wide, in, (enum fp_rm)(n & 3), &ignored);
		against_host(FMA, wide, in);
	}
}

static void test_host_edges32(void) { against_host_edges(false); }
static void test_host_edges64(void) { against_host_edges(true); }
static void test_host_random32(void) { against_host_random(false); }
static void test_host_random64(void) { against_host_random(true); }

/* ---- round to nearest, ties to max magnitude ----------------------------------------------- */

#if LDBL_MANT_DIG == 113
typedef long double quad;
#else
__extension__ typedef __float128 quad;
#endif

/*
 * The exact result of op as a binary128 number. False when it is none, and then it cannot be a tie:
 * a tie of binary64 has 54 significant bits. volatile keeps the library calls, which work in
 * software and raise the host's flags, between the two looks at them.
 */
static bool exact_result(enum op op, bool wide, const uint64_t in[3], quad *out)
{
	volatile quad a = (quad)fpbits_value(wide, in[0]), b = (quad)fpbits_value(wide, in[1]);
	volatile quad c = (quad)fpbits_value(wide, in[2]), r = a;

	hostfp_clear();
	if (op == ADD)
		r = a + b;
	else if (op == SUB)
		r = a - b;
	else if (op == MUL || op == FMA) /* the product has 106 bits at most */
		r = a * b;
	else if (op == DIV)
		r = a / b;
	if (op == FMA)
		r = r + c;
	*out = r;
	return !hostfp_inexact();
}

/*
 * RMM differs from RNE in ties only, and there it takes the neighbour of greater magnitude. Flags
 * never differ: a tie across the border of underflow or overflow goes outwards in both modes, as
 * the number outside is the even one. Returns whether it was a tie.
 */
static bool against_rne(enum op op, bool wide, const uint64_t in[3])
{
	bool wide_result = wide && op != TO_F32, tie = false;
	uint64_t mask = fpbits_sign(wide_result) - 1;
	uint32_t flags = 0, ignored = 0;
	uint64_t want = soft(op, wide, in, FP_RNE, &flags);

	if ((flags & (FP_NX | FP_OF)) == FP_NX) {
		uint64_t down = soft(op, wide, in, FP_RDN, &ignored);
		uint64_t up = soft(op, wide, in, FP_RUP, &ignored);
		quad exact, twice_middle = (quad)fpbits_value(wide_result, down)
					   + (quad)fpbits_value(wide_result, up);

		tie = exact_result(op, wide, in, &exact) && exact * 2 == twice_middle;
		if (tie)
			want = (down & mask) > (up & mask) ? down : up;
	}
	expect(op, wide, in, FP_RMM, want, flags);
	return tie;
}

/* Operands whose result is likely a tie: an odd integer of one bit more than fits. */
static void tie_operands(struct fpcases *fc, enum op op, uint64_t in[3])
{
	int p = fc->p, bias = fc->top / 2, cut = fpcases_in(fc, 1, p), exp;
	uint64_t a = fpcases_rng(fc), b = fpcases_rng(fc), sign = fpcases_rng(fc);

	in[2] = 0;
	if (op == MUL) { /* odd, of cut + 1 bits, by odd, of p + 1 - cut bits */
		in[0] = fpcases_make(fc, sign, bias, (a | 1) << (p - cut));
		in[1] = fpcases_make(fc, sign >> 1, bias, (b | 1) << cut);
	} else if (op == DIV) { /* subnormal results only: odd by a power of two */
		in[0] = fpcases_make(fc, sign, fpcases_in(fc, 1, 8), a | 1);
		in[1] = fpcases_make(fc, sign >> 1, bias + fpcases_in(fc, 1, 9), 0);
	} else if (op == TO_F32) { /* 24 fraction bits, the last of them set */
		exp = 1023 + fpcases_in(fc, -150, 128);
		in[0] = fpcases_make(fc, sign, exp, (a | 1) << 28);
	} else { /* the second addend ends one place below the first */
		exp = fpcases_in(fc, p + 2, fc->top - p - 2);
		in[0] = fpcases_make(fc, sign, exp, a);
		in[1] = fpcases_make(fc, sign >> 1, exp - cut, (b | 1) << (cut - 1));
		if (op == FMA) {
			in[2] = in[0];
			in[0] = fpcases_make(fc, sign >> 2, bias, 0);
		}
	}
}

/* Is an inexact binary128 result reported, and none else? The reference rests on it. */
static bool quad_is_usable(void)
{
	const uint64_t no[3] = { ONE64, 1, 0 }, yes[3] = { ONE64, 0x3ca0000000000000, 0 };
	quad ignored;

	return !exact_result(ADD, true, no, &ignored) && exact_result(ADD, true, yes, &ignored);
}

static void rmm_op(enum op op, bool wide)
{
	struct fpcases fc;
	long n = scaled(20000), ties = 0;
	uint64_t in[3] = { 0, 0, 0 };

	fpcases_init(&fc, wide, 3);
	for (int i = 0; i < fc.count; i++)
		for (int j = i % 3; j < fc.count; j += 3) {
			in[0] = fc.edge[i];
			in[1] = fc.edge[j];
			in[2] = fpcases_edge(&fc);
			against_rne(op, wide, in);
		}
	for (long i = 0; i < n; i++) {
		in[0] = fpcases_random(&fc, in[1]);
		in[1] = fpcases_random(&fc, in[0]);
		in[2] = fpcases_random(&fc, in[1]);
		against_rne(op, wide, in);
		tie_operands(&fc, op, in);
		ties += against_rne(op, wide, in);
	}
	CHECK_AT("%s", op_name[op]);
	CHECK(ties > n / 10); /* else the test would not test much */
	CHECK_AT("%s", "");
}

static void test_rmm(void)
{
	static const enum op ops[] = { ADD, SUB, MUL, DIV, FMA };

	REQUIRE(quad_is_usable());
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		rmm_op(ops[i], false);
		rmm_op(ops[i], true);
	}
	rmm_op(TO_F32, true);
}

/* A square root is never a tie: the square of a number of 54 bits has more than 53. */
static void test_rmm_sqrt(void)
{
	for (int wide = 0; wide < 2; wide++) {
		struct fpcases fc;

		fpcases_init(&fc, wide, 4);
		for (long n = scaled(20000); n > 0; n--) {
			const uint64_t in[3] = { fpcases_random(&fc, 0), 0, 0 };
			uint32_t flags = 0;
			uint64_t want = soft(SQRT, wide, in, FP_RNE, &flags);

			expect(SQRT, wide, in, FP_RMM, want, flags);
		}
	}
}

/* ---- orders and classes -------------------------------------------------------------------- */

static void class_case(bool wide, uint64_t v)
{
	const uint64_t in[3] = { v, 0, 0 };
	bool minus = v & fpbits_sign(wide);
	int bit;

	if (fpbits_is_nan(wide, v)) {
		bit = fpbits_is_snan(wide, v) ? 8 : 9;
	} else {
		double d = fpbits_value(wide, v);

		switch (wide ? fpclassify(d) : fpclassify((float)d)) {
		case FP_INFINITE:
			bit = minus ? 0 : 7;
			break;
		case FP_NORMAL:
			bit = minus ? 1 : 6;
			break;
		case FP_SUBNORMAL:
			bit = minus ? 2 : 5;
			break;
		default:
			bit = minus ? 3 : 4;
			break;
		}
	}
	expect(CLASS, wide, in, FP_RNE, (uint64_t)1 << bit, 0);
}

static void order_case(bool wide, uint64_t a, uint64_t b)
{
	const uint64_t in[3] = { a, b, 0 }, canonical = wide ? QNAN64 : QNAN32;
	bool nan_a = fpbits_is_nan(wide, a), nan_b = fpbits_is_nan(wide, b);
	uint32_t quiet = fpbits_is_snan(wide, a) || fpbits_is_snan(wide, b) ? FP_NV : 0;
	double x, y;

	if (nan_a || nan_b) {
		uint64_t number = !nan_a ? a : !nan_b ? b : canonical;

		expect(EQ, wide, in, FP_RNE, 0, quiet);
		expect(LT, wide, in, FP_RNE, 0, FP_NV);
		expect(LE, wide, in, FP_RNE, 0, FP_NV);
		expect(MIN, wide, in, FP_RNE, number, quiet);
		expect(MAX, wide, in, FP_RNE, number, quiet);
		return;
	}
	x = fpbits_value(wide, a);
	y = fpbits_value(wide, b);
	expect(EQ, wide, in, FP_RNE, x == y, 0);
	expect(LT, wide, in, FP_RNE, x < y, 0);
	expect(LE, wide, in, FP_RNE, x <= y, 0);
	expect(MIN, wide, in, FP_RNE, x < y || (x == y && signbit(x)) ? a : b, 0);
	expect(MAX, wide, in, FP_RNE, x > y || (x == y && !signbit(x)) ? a : b, 0);
}

static void test_order(void)
{
	for (int wide = 0; wide < 2; wide++) {
		struct fpcases fc;
		uint64_t a = 0, b = 0;

		fpcases_init(&fc, wide, 5);
		for (int i = 0; i < fc.count; i++) {
			class_case(wide, fc.edge[i]);
			for (int j = 0; j < fc.count; j++)
				order_case(wide, fc.edge[i], fc.edge[j]);
		}
		for (long n = scaled(100000); n > 0; n--) {
			a = fpcases_random(&fc, b);
			b = fpcases_random(&fc, a);
			class_case(wide, a);
			order_case(wide, a, b);
		}
	}
}

/* ---- integers ------------------------------------------------------------------------------ */

/* v as an integer, from C's truncating cast and exact double arithmetic on the remainder. */
static uint64_t to_int_ref(double v, int bits, bool is_signed, enum fp_rm rm, uint32_t *flags)
{
	const double high = (double)((i128)1 << (bits - is_signed)), low = is_signed ? -high : 0;
	const uint64_t max = (is_signed ? INT64_MAX : UINT64_MAX) >> (64 - bits);
	double whole = v, rest = 0;
	uint64_t result = max;

	if (v > -0x1p53 && v < 0x1p53) { /* beyond, a double is an integer */
		bool odd = (int64_t)v & 1;
		double size;

		whole = (double)(int64_t)v;
		rest = v - whole;
		size = rest < 0 ? -rest : rest;
		if ((rm == FP_RNE && (size > 0.5 || (size == 0.5 && odd)))
		    || (rm == FP_RMM && size >= 0.5) || (rm == FP_RDN && rest < 0)
		    || (rm == FP_RUP && rest > 0))
			whole += rest < 0 ? -1 : 1;
	}
	if (whole >= low && whole < high) {
		*flags |= rest != 0 ? FP_NX : 0;
		result = whole < 0 ? (uint64_t)(int64_t)whole : (uint64_t)whole;
	} else { /* a NaN too */
		*flags |= FP_NV;
		if (whole < low)
			result = is_signed ? ~max : 0;
	}
	return bits == 32 ? (uint64_t)(int32_t)(uint32_t)result : result;
}

static void to_int_case(bool wide, uint64_t v)
{
	const uint64_t in[3] = { v, 0, 0 };
	double d = fpbits_is_nan(wide, v) ? (double)NAN : fpbits_value(wide, v);

	for (int rm = FP_RNE; rm <= FP_RMM; rm++)
		for (int op = TO_I32; op <= TO_U64; op++) {
			int bits = op == TO_I32 || op == TO_U32 ? 32 : 64;
			bool is_signed = op == TO_I32 || op == TO_I64;
			uint32_t flags = 0;
			uint64_t want = to_int_ref(d, bits, is_signed, (enum fp_rm)rm, &flags);

			expect((enum op)op, wide, in, (enum fp_rm)rm, want, flags);
		}
}

static void to_int_cases(bool wide)
{
	struct fpcases fc;
	int bias;

	fpcases_init(&fc, wide, 6);
	bias = fc.top / 2;
	for (int i = 0; i < fc.count; i++)
		to_int_case(wide, fc.edge[i]);
	/* The ends of the integer types, halves about them, and their neighbours. */
	for (int e = -3; e <= 66; e++)
		for (int bit = 0; bit <= fc.p; bit++)
			for (unsigned sign = 0; sign < 2; sign++) {
				uint64_t one = (uint64_t)1 << bit;
				uint64_t power = fpcases_make(&fc, sign, bias + e, 0);

				to_int_case(wide, power + one);
				to_int_case(wide, power + one + 1);
				to_int_case(wide, power - one);
				to_int_case(wide, power + one - 1);
			}
	for (long n = scaled(30000); n > 0; n--) {
		uint64_t frac = fpcases_rng(&fc) << fpcases_in(&fc, 0, fc.p);
		int exp = bias + fpcases_in(&fc, -2, 65);

		to_int_case(wide, fpcases_make(&fc, fpcases_rng(&fc), exp, frac));
		to_int_case(wide, fpcases_random(&fc, 0));
	}
}

static void test_to_int32(void) { to_int_cases(false); }
static void test_to_int64(void) { to_int_cases(true); }

/* v in a format, from C's cast (to nearest even) and the exact distances to its neighbours. */
static uint64_t from_int_ref(bool wide, i128 v, enum fp_rm rm, uint32_t *flags)
{
	bool minus = v < 0;
	uint64_t mag = (uint64_t)(minus ? -v : v), sign = minus ? fpbits_sign(wide) : 0;
	double near_wide = (double)mag;
	float near_narrow = (float)mag;
	double near = wide ? near_wide : (double)near_narrow;
	uint64_t even = 0, below, above;

	memcpy(&even, wide ? (void *)&near_wide : (void *)&near_narrow, wide ? 8 : 4);
	if ((i128)near == (i128)mag)
		return even | sign;
	*flags |= FP_NX;
	below = (i128)near < (i128)mag ? even : even - 1;
	above = below + 1;
	switch (rm) {
	case FP_RNE:
		return even | sign;
	case FP_RTZ:
		return below | sign;
	case FP_RDN:
		return (minus ? above : below) | sign;
	case FP_RUP:
		return (minus ? below : above) | sign;
	case FP_RMM:
		if ((i128)mag - (i128)fpbits_value(wide, below)
		    < (i128)fpbits_value(wide, above) - (i128)mag)
			return below | sign;
		return above | sign;
	}
	abort();
}

static void from_int_case(uint64_t v)
{
	const uint64_t in[3] = { v, 0, 0 };
	const i128 as[] = { (int32_t)(uint32_t)v, (uint32_t)v, (int64_t)v, v };

	for (int op = FROM_I32; op <= FROM_U64; op++)
		for (int rm = FP_RNE; rm <= FP_RMM; rm++)
			for (int wide = 0; wide < 2; wide++) {
				uint32_t flags = 0;
				uint64_t want =
				    from_int_ref(wide, as[op - FROM_I32], (enum fp_rm)rm, &flags);

				expect((enum op)op, wide, in, (enum fp_rm)rm, want, flags);
			}
}

static void test_from_int(void)
{
	struct fpcases fc;

	fpcases_init(&fc, true, 7);
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < 64; j++) {
			uint64_t a = (uint64_t)1 << i, b = (uint64_t)1 << j;

			from_int_case(a + b);
			from_int_case(a + b - 1);
			from_int_case(a + b + 1);
			from_int_case(a - b);
		}
	for (long n = scaled(30000); n > 0; n--) {
		uint64_t v = fpcases_rng(&fc) >> fpcases_in(&fc, 0, 63);

		from_int_case(v << fpcases_in(&fc, 0, 40));
	}
}

CHECK_MAIN(test_rows, test_host_edges32, test_host_edges64, test_host_random32, test_host_random64,
	   test_rmm, test_rmm_sqrt, test_order, test_to_int32, test_to_int64, test_from_int)

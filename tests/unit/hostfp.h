/*
 * The host's own floating-point unit as a reference for tests of kitemu's arithmetic: one operation
 * in one rounding mode, with the flags it raised, on raw bit patterns.
 *
 * Control register, operation and status register are one assembly statement, so that the compiler
 * can neither fold the operation nor move it out of its rounding mode. Both formats travel in
 * double variables, which are nothing but a vector register here. Results and flags are the host's,
 * except that NaNs are made canonical and flags come in the encoding of fflags. Other differences
 * between host and RISC-V are for the caller: HOSTFP_TINY_BEFORE tells that the host detects
 * tininess before rounding, and about FP_NV for 0 * inf + quiet NaN the hosts disagree.
 */
#ifndef TESTS_UNIT_HOSTFP_H
#define TESTS_UNIT_HOSTFP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/ir/softfp.h"

/* TO_F32 converts from binary64, TO_F64 from binary32; the others exist in both formats. */
enum hostfp_op {
	HOSTFP_ADD,
	HOSTFP_SUB,
	HOSTFP_MUL,
	HOSTFP_DIV,
	HOSTFP_SQRT,
	HOSTFP_FMA,
	HOSTFP_TO_F32,
	HOSTFP_TO_F64,
	HOSTFP_COUNT
};

#if defined(__x86_64__)

#define HOSTFP_TINY_BEFORE 0

/* insn with MXCSR set to csr, and csr as insn left it. */
#define HOSTFP_RUN(insn)                                                                           \
	__asm__ volatile("ldmxcsr %[csr]\n\t" insn "\n\tstmxcsr %[csr]\n\tldmxcsr %[old]"          \
			 : [x] "+x"(x), [csr] "+m"(csr)                                            \
			 : [y] "x"(y), [z] "x"(z), [old] "m"(old))
#define HOSTFP_BOTH(insn, args)                                                                    \
	do {                                                                                       \
		if (wide)                                                                          \
			HOSTFP_RUN(insn "d " args);                                                \
		else                                                                               \
			HOSTFP_RUN(insn "s " args);                                                \
	} while (0)

/* FMA3 came later than x86-64; the rest is in every host. */
static inline bool hostfp_has(enum hostfp_op op)
{
	return op != HOSTFP_FMA || __builtin_cpu_supports("fma");
}

static inline double hostfp_run(enum hostfp_op op, bool wide, double x, double y, double z,
				enum fp_rm rm, uint32_t *flags)
{
	static const uint32_t rc[] = { [FP_RNE] = 0, [FP_RTZ] = 3, [FP_RDN] = 1, [FP_RUP] = 2 };
	const uint32_t old = 0x1f80; /* all exceptions masked, to nearest even */
	uint32_t csr = old | rc[rm] << 13;

	switch (op) {
	case HOSTFP_ADD:
		HOSTFP_BOTH("adds", "%[y], %[x]");
		break;
	case HOSTFP_SUB:
		HOSTFP_BOTH("subs", "%[y], %[x]");
		break;
	case HOSTFP_MUL:
		HOSTFP_BOTH("muls", "%[y], %[x]");
		break;
	case HOSTFP_DIV:
		HOSTFP_BOTH("divs", "%[y], %[x]");
		break;
	case HOSTFP_SQRT:
		HOSTFP_BOTH("sqrts", "%[x], %[x]");
		break;
	case HOSTFP_FMA: /* z = x * y + z, handed back in x */
		if (wide)
			HOSTFP_RUN("vfmadd213sd %[z], %[y], %[x]");
		else
			HOSTFP_RUN("vfmadd213ss %[z], %[y], %[x]");
		break;
	case HOSTFP_TO_F32:
		HOSTFP_RUN("cvtsd2ss %[x], %[x]");
		break;
	case HOSTFP_TO_F64:
		HOSTFP_RUN("cvtss2sd %[x], %[x]");
		break;
	case HOSTFP_COUNT:
		break;
	}
	/* MXCSR from bit 0: invalid, denormal (RISC-V has none), zero, over, under, inexact. */
	*flags |= (csr & 1 ? FP_NV : 0) | (csr & 4 ? FP_DZ : 0) | (csr & 8 ? FP_OF : 0)
		  | (csr & 16 ? FP_UF : 0) | (csr & 32 ? FP_NX : 0);
	return x;
}

/* Clears the flags of the compiled code around, and tells whether it was inexact since. */
static inline void hostfp_clear(void)
{
	const uint32_t csr = 0x1f80;

	__asm__ volatile("ldmxcsr %0" : : "m"(csr) : "memory");
}

static inline bool hostfp_inexact(void)
{
	uint32_t csr;

	__asm__ volatile("stmxcsr %0" : "=m"(csr) : : "memory");
	return csr & 32;
}

#elif defined(__aarch64__)

#define HOSTFP_TINY_BEFORE 1

/* insn with FPCR set to cr; sr is FPSR as insn left it. */
#define HOSTFP_RUN(insn)                                                                           \
	__asm__ volatile("msr fpcr, %[cr]\n\tmsr fpsr, xzr\n\t" insn                               \
			 "\n\tmrs %[sr], fpsr\n\tmsr fpcr, xzr"                                    \
			 : [x] "+&w"(x), [sr] "=&r"(sr)                                            \
			 : [y] "w"(y), [z] "w"(z), [cr] "r"(cr))
#define HOSTFP_BOTH(insn, s_args, d_args)                                                          \
	do {                                                                                       \
		if (wide)                                                                          \
			HOSTFP_RUN(insn " " d_args);                                               \
		else                                                                               \
			HOSTFP_RUN(insn " " s_args);                                               \
	} while (0)

static inline bool hostfp_has(enum hostfp_op op)
{
	(void)op;
	return true;
}

static inline double hostfp_run(enum hostfp_op op, bool wide, double x, double y, double z,
				enum fp_rm rm, uint32_t *flags)
{
	static const uint64_t rmode[] = { [FP_RNE] = 0, [FP_RTZ] = 3, [FP_RDN] = 2, [FP_RUP] = 1 };
	uint64_t cr = rmode[rm] << 22, sr = 0;

	switch (op) {
	case HOSTFP_ADD:
		HOSTFP_BOTH("fadd", "%s[x], %s[x], %s[y]", "%d[x], %d[x], %d[y]");
		break;
	case HOSTFP_SUB:
		HOSTFP_BOTH("fsub", "%s[x], %s[x], %s[y]", "%d[x], %d[x], %d[y]");
		break;
	case HOSTFP_MUL:
		HOSTFP_BOTH("fmul", "%s[x], %s[x], %s[y]", "%d[x], %d[x], %d[y]");
		break;
	case HOSTFP_DIV:
		HOSTFP_BOTH("fdiv", "%s[x], %s[x], %s[y]", "%d[x], %d[x], %d[y]");
		break;
	case HOSTFP_SQRT:
		HOSTFP_BOTH("fsqrt", "%s[x], %s[x]", "%d[x], %d[x]");
		break;
	case HOSTFP_FMA:
		HOSTFP_BOTH("fmadd", "%s[x], %s[x], %s[y], %s[z]", "%d[x], %d[x], %d[y], %d[z]");
		break;
	case HOSTFP_TO_F32:
		HOSTFP_RUN("fcvt %s[x], %d[x]");
		break;
	case HOSTFP_TO_F64:
		HOSTFP_RUN("fcvt %d[x], %s[x]");
		break;
	case HOSTFP_COUNT:
		break;
	}
	/* FPSR from bit 0: invalid, divide by zero, overflow, underflow, inexact. */
	*flags |= (sr & 1 ? FP_NV : 0) | (sr & 2 ? FP_DZ : 0) | (sr & 4 ? FP_OF : 0)
		  | (sr & 8 ? FP_UF : 0) | (sr & 16 ? FP_NX : 0);
	return x;
}

static inline void hostfp_clear(void) { __asm__ volatile("msr fpsr, xzr" : : : "memory"); }

static inline bool hostfp_inexact(void)
{
	uint64_t sr;

	__asm__ volatile("mrs %0, fpsr" : "=r"(sr) : : "memory");
	return sr & 16;
}

#else
#error "hostfp.h: no access to this host's floating-point unit"
#endif

/*
 * op on the host's unit, in the binary64 format when wide is set and in binary32 otherwise. rm is
 * not FP_RMM, which hosts lack. ORs the flags raised into *flags.
 */
static inline uint64_t hostfp(enum hostfp_op op, bool wide, const uint64_t in[3], enum fp_rm rm,
			      uint32_t *flags)
{
	bool wide_result = op == HOSTFP_TO_F64 || (wide && op != HOSTFP_TO_F32);
	double v[3], x;
	uint64_t out;

	memcpy(v, in, sizeof(v));
	x = hostfp_run(op, wide, v[0], v[1], v[2], rm, flags);
	memcpy(&out, &x, sizeof(out));
	if (wide_result)
		return out << 1 > 0xffe0000000000000 ? 0x7ff8000000000000 : out;
	out = (uint32_t)out;
	return (uint32_t)(out << 1) > 0xff000000 ? 0x7fc00000 : out;
}

#endif

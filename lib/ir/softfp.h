/*
 * Software floating point: the meaning of the RISC-V F and D arithmetic on constants.
 *
 * Every function takes and returns raw IEEE 754 bit patterns, binary32 in a uint32_t (suffix 32)
 * and binary64 in a uint64_t (suffix 64), and gives exactly the value and the flags that the
 * unprivileged ISA manual, chapters "F" and "D", demands of the instruction named beside it.
 * It is the oracle: constant folding and the IR interpreter compute with it, the host emitters are
 * compared with it, and it is the helper for what a host cannot do (rounding mode RMM).
 *
 * What holds for all of them:
 *  - A NaN result is the canonical NaN, 0x7fc00000 or 0x7ff8000000000000 (F, "NaN Generation and
 *    Propagation"); payloads never survive.
 *  - rm is one of the five modes below. The caller resolves DYN and turns reserved modes into
 *    an illegal instruction; here another value rounds like FP_RTZ.
 *  - Flags are ORed into *flags, never cleared; flags is not NULL. A function without that
 *    parameter raises none.
 *  - Tininess is detected after rounding (F, "Floating-Point Control and Status Register").
 *  - NaN boxing of binary32 values in 64-bit registers is the lifter's business.
 *
 * Pure integer code: no host floating point, no globals, no allocation; safe in any thread and in
 * a signal handler.
 */
#ifndef LIB_IR_SOFTFP_H
#define LIB_IR_SOFTFP_H

#include <stdbool.h>
#include <stdint.h>

/* Rounding modes in the encoding of the rm field and of frm. */
enum fp_rm {
	FP_RNE = 0, /* to nearest, ties to even */
	FP_RTZ = 1, /* towards zero */
	FP_RDN = 2, /* towards minus infinity */
	FP_RUP = 3, /* towards plus infinity */
	FP_RMM = 4, /* to nearest, ties away from zero ("max magnitude") */
};

/* Accrued exceptions in the encoding of fflags. */
enum fp_flag {
	FP_NX = 1,  /* inexact */
	FP_UF = 2,  /* underflow: tiny and inexact */
	FP_OF = 4,  /* overflow */
	FP_DZ = 8,  /* division of a finite number by zero */
	FP_NV = 16, /* invalid operation */
};

/* ---- arithmetic: softfp.c ------------------------------------------------------------------ */

/* fadd: a + b. x + -x is +0, under FP_RDN -0. inf - inf is invalid. */
uint32_t fp_add32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags);
uint64_t fp_add64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags);

/* fsub: a - b, that is a + (-b). */
uint32_t fp_sub32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags);
uint64_t fp_sub64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags);

/* fmul: a * b. 0 * inf is invalid. */
uint32_t fp_mul32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags);
uint64_t fp_mul64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags);

/* fdiv: a / b. 0 / 0 and inf / inf are invalid; finite / 0 raises FP_DZ and is an infinity. */
uint32_t fp_div32(uint32_t a, uint32_t b, enum fp_rm rm, uint32_t *flags);
uint64_t fp_div64(uint64_t a, uint64_t b, enum fp_rm rm, uint32_t *flags);

/* fsqrt: square root of a. Invalid below zero; the root of -0 is -0. */
uint32_t fp_sqrt32(uint32_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_sqrt64(uint64_t a, enum fp_rm rm, uint32_t *flags);

/*
 * fmadd: a * b + c with one rounding. 0 * inf is invalid even when c is a quiet NaN. fmsub, fnmsub
 * and fnmadd are this with the sign bit of c, of a, or of both flipped by the caller (NaN
 * results do not show the flip).
 */
uint32_t fp_fma32(uint32_t a, uint32_t b, uint32_t c, enum fp_rm rm, uint32_t *flags);
uint64_t fp_fma64(uint64_t a, uint64_t b, uint64_t c, enum fp_rm rm, uint32_t *flags);

/*
 * fmin, fmax: minimumNumber and maximumNumber of IEEE 754-2019 (F since version 2.2). -0 is less
 * than +0; against one NaN the other operand wins; two NaNs give the canonical NaN; only a
 * signalling NaN raises FP_NV.
 */
uint32_t fp_min32(uint32_t a, uint32_t b, uint32_t *flags);
uint64_t fp_min64(uint64_t a, uint64_t b, uint32_t *flags);
uint32_t fp_max32(uint32_t a, uint32_t b, uint32_t *flags);
uint64_t fp_max64(uint64_t a, uint64_t b, uint32_t *flags);

/* feq: a == b, false with a NaN. Quiet: only a signalling NaN raises FP_NV. -0 equals +0. */
bool fp_eq32(uint32_t a, uint32_t b, uint32_t *flags);
bool fp_eq64(uint64_t a, uint64_t b, uint32_t *flags);

/* flt: a < b, false with a NaN. Signalling: every NaN raises FP_NV. */
bool fp_lt32(uint32_t a, uint32_t b, uint32_t *flags);
bool fp_lt64(uint64_t a, uint64_t b, uint32_t *flags);

/* fle: a <= b, false with a NaN. Signalling: every NaN raises FP_NV. */
bool fp_le32(uint32_t a, uint32_t b, uint32_t *flags);
bool fp_le64(uint64_t a, uint64_t b, uint32_t *flags);

/*
 * fclass: a mask with one bit set. From bit 0: -inf, negative normal, negative subnormal, -0, +0,
 * positive subnormal, positive normal, +inf, signalling NaN (bit 8), quiet NaN (bit 9).
 */
uint32_t fp_class32(uint32_t a);
uint32_t fp_class64(uint64_t a);

/* ---- conversions: softfp_cvt.c ------------------------------------------------------------- */

/* fcvt.s.d: binary64 to binary32, rounded. */
uint32_t fp_f64_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags);

/* fcvt.d.s: binary32 to binary64, always exact. */
uint64_t fp_f32_to_f64(uint32_t a, uint32_t *flags);

/*
 * fcvt.{w,wu,l,lu}.{s,d}: to an integer, as the 64-bit register receives it: 32-bit results, the
 * unsigned ones too, come sign-extended from bit 31. When the rounded value is out of range the
 * result is the nearest end of the range (for a NaN the upper end) and FP_NV is raised, without
 * FP_NX.
 */
uint64_t fp_f32_to_i32(uint32_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f32_to_u32(uint32_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f32_to_i64(uint32_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f32_to_u64(uint32_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f64_to_i32(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f64_to_u32(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f64_to_i64(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_f64_to_u64(uint64_t a, enum fp_rm rm, uint32_t *flags);

/*
 * fround, froundnx (Zfa): to an integer in the same format, of the same sign even when it is 0. Only with is_inexact set does a lost
 * fraction raise FP_NX.
 */
uint32_t fp_round_int32(uint32_t a, enum fp_rm rm, bool is_inexact, uint32_t *flags);
uint64_t fp_round_int64(uint64_t a, enum fp_rm rm, bool is_inexact, uint32_t *flags);

/*
 * fcvt.{s,d}.{w,wu,l,lu}: from an integer, rounded. The 32-bit forms look at the low 32 bits of a
 * only. 0 becomes +0 in every mode.
 */
uint32_t fp_i32_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint32_t fp_u32_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint32_t fp_i64_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint32_t fp_u64_to_f32(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_i32_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_u32_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_i64_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags);
uint64_t fp_u64_to_f64(uint64_t a, enum fp_rm rm, uint32_t *flags);

#endif

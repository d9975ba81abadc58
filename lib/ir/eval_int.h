/*
 * The integer operations on raw bits, inline so that the interpreter's loop and direct.h have them at hand.
 * An i32 operand counts in its low half alone; an i32 result is zero-extended.
 */
#ifndef KIT_IR_EVAL_INT_H
#define KIT_IR_EVAL_INT_H

#include "lib/ir/ir.h"

__extension__ typedef __int128 ir_i128;
__extension__ typedef unsigned __int128 ir_u128;

/* Without a branch on the condition: the interpreter's next one is another one. */
static inline bool ir_cc_signed(enum ir_cc cc, int64_t a, int64_t b)
{
	unsigned holds = (unsigned)(a == b) << (IR_EQ >> 1) | (unsigned)(a < b) << (IR_LT >> 1)
			 | (unsigned)((uint64_t)a < (uint64_t)b) << (IR_LTU >> 1);

	return (holds >> (cc >> 1) ^ cc) & 1;
}

/* Sign extension keeps the unsigned order as well, so one comparison serves both widths. */
static inline bool ir_cc_test(enum ir_cc cc, enum ir_type t, uint64_t a, uint64_t b)
{
	if (t == IR_I32)
		return ir_cc_signed(cc, (int32_t)a, (int32_t)b);
	return ir_cc_signed(cc, (int64_t)a, (int64_t)b);
}

static inline uint64_t ir_div64(enum ir_op op, uint64_t a, uint64_t b)
{
	bool wraps = a == (uint64_t)INT64_MIN && b == UINT64_MAX;

	switch ((int)op) {
	case IR_div:
		return b == 0 ? UINT64_MAX : wraps ? a : (uint64_t)((int64_t)a / (int64_t)b);
	case IR_divu:
		return b == 0 ? UINT64_MAX : a / b;
	case IR_rem:
		return b == 0 ? a : wraps ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
	default:
		return b == 0 ? a : a % b;
	}
}

/* 32-bit division by way of 64 bits: only the quotient by zero and the unsigned operands differ. */
static inline uint32_t ir_div32(enum ir_op op, uint32_t a, uint32_t b)
{
	if (op == IR_div || op == IR_rem)
		return (uint32_t)ir_div64(op, (uint64_t)(int32_t)a, (uint64_t)(int32_t)b);
	return (uint32_t)ir_div64(op, a, b);
}

static inline uint64_t ir_mulhi(enum ir_op op, uint64_t a, uint64_t b)
{
	switch ((int)op) {
	case IR_mulh:
		return (uint64_t)((ir_i128)(int64_t)a * (int64_t)b >> 64);
	case IR_mulhu:
		return (uint64_t)((ir_u128)a * b >> 64);
	default: /* the product of signed a and unsigned b fits 128 signed bits */
		return (uint64_t)((ir_i128)(int64_t)a * (ir_i128)b >> 64);
	}
}

/* ctz, clz, popcount of the low half of a if w, else of a; not inline, since instructions that are carried out one by one have none. */
uint64_t ir_eval_count(enum ir_op op, bool w, uint64_t a);

/* The integer P operations of type t with one or two operands, except const and set. */
static inline uint64_t ir_eval_int(enum ir_op op, enum ir_type t, uint64_t a, uint64_t b)
{
	bool w = t == IR_I32;
	uint64_t r;

	switch ((int)op) {
	case IR_add:
		r = a + b;
		break;
	case IR_sub:
		r = a - b;
		break;
	case IR_mul:
		r = a * b;
		break;
	case IR_mulh:
	case IR_mulhu:
	case IR_mulhsu:
		return ir_mulhi(op, a, b);
	case IR_div:
	case IR_divu:
	case IR_rem:
	case IR_remu:
		return w ? ir_div32(op, (uint32_t)a, (uint32_t)b) : ir_div64(op, a, b);
	case IR_and:
		r = a & b;
		break;
	case IR_or:
		r = a | b;
		break;
	case IR_xor:
		r = a ^ b;
		break;
	case IR_shl:
		r = w ? a << (b & 31) : a << (b & 63);
		break;
	case IR_shr:
		r = w ? (uint32_t)a >> (b & 31) : a >> (b & 63);
		break;
	case IR_sar:
		r = w ? (uint64_t)((int32_t)a >> (b & 31)) : (uint64_t)((int64_t)a >> (b & 63));
		break;
	case IR_bswap:
		return w ? __builtin_bswap32((uint32_t)a) : __builtin_bswap64(a);
	case IR_ctz:
	case IR_clz:
	case IR_popcount:
		return ir_eval_count(op, w, a);
	case IR_sext8:
		return (uint64_t)(int8_t)a;
	case IR_sext16:
		return (uint64_t)(int16_t)a;
	case IR_sext:
		return (uint64_t)(int32_t)a;
	default: /* trunc, zext */
		return (uint32_t)a;
	}
	return w ? (uint32_t)r : r;
}

#endif

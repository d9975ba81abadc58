/* The table that ops.def describes. Constant data. */
#include "lib/ir/ir.h"

/* The words of ops.def's columns. */
enum {
	NONE = IR_NONE,
	I32 = IR_I32,
	I64 = IR_I64,
	F32 = IR_F32,
	F64 = IR_F64,
	T = IR_T,

	P = IR_P,
	C = IR_C,
	L = IR_L,
	S = IR_S,
	E = IR_E,
	X = IR_X,
	Z = IR_Z,
	F = IR_F,
	TI = IR_TI,
	T64 = IR_T64,
	TF = IR_TF,
	NA = IR_NA,
	NP = IR_NP,
	NQ = IR_NQ,
	NC = IR_NC | IR_NQ, /* that one is quiet */

	N = IR_SUB_N,
	CC = IR_SUB_CC,
	RM = IR_SUB_RM,
	KIND = IR_SUB_KIND,
	EXIT = IR_SUB_EXIT,
	REDO = IR_SUB_REDO,
	AQRL = IR_SUB_AQRL,
	AMO = IR_SUB_AMO,

	ANY = 0,
	U1 = 1,
	U3 = 3,
	U5 = 5,
	U7 = 7,
	U8 = 8,
	U10 = 10,
	U16 = 16,
	U32 = 32,
	S8 = IR_FITS_SIGNED | 8,
	S16 = IR_FITS_SIGNED | 16,
	S32 = IR_FITS_SIGNED | 32,
};

const struct ir_op_info ir_ops[IR_OP_COUNT] = {
#define OP(name, result, a, b, c, flags, sub, fits, meaning)                                       \
	[IR_##name] = { #name, result, a, b, c, sub, fits, flags },
#include "lib/ir/ops.def"
#undef OP
};

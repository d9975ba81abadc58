/*
 * How many bits a value can have: enough to see that an extension or a mask changes nothing. Computed
 * once when the insn is emitted, from what is known of its operands.
 */
#include "lib/opt/opt_priv.h"

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }
static unsigned most(unsigned a, unsigned b) { return a > b ? a : b; }

/* Bits of constant v, an i32's sign-extended, seen as w bits wide. */
static struct opt_value const_facts(int64_t v, unsigned w)
{
	uint64_t low = w == 32 ? (uint32_t)v : (uint64_t)v;

	return (struct opt_value){ .ubits = (uint8_t)(low ? 64 - __builtin_clzll(low) : 0),
				   .sbits = (uint8_t)(64 - __builtin_clrsbll(v)) };
}

/* A shift of a value w bits wide, with bits u and s, by constant n < w. */
static struct opt_value shift_facts(enum ir_op op, unsigned u, unsigned s, unsigned n, unsigned w)
{
	switch ((int)op) {
	case IR_shl:
		u = least(w, u + n);
		s = least(w, s + n);
		break;
	case IR_shr:
		s = n ? w : s;
		u = u > n ? u - n : 0;
		break;
	default: /* sar */
		u = u == w ? w : u > n ? u - n : 0;
		s = s > n ? s - n : 1;
		break;
	}
	return (struct opt_value){ .ubits = (uint8_t)u, .sbits = (uint8_t)s };
}

/* Results that owe their size to the operation alone; ubits 0: none of them. */
static struct opt_value op_facts(enum ir_op op)
{
	switch ((int)op) {
	case IR_set:
	case IR_feq:
	case IR_flt:
	case IR_fle:
	case IR_sc:
		return (struct opt_value){ .ubits = 1, .sbits = 2 };
	case IR_fclass:
		return (struct opt_value){ .ubits = 10, .sbits = 11 };
	case IR_ld8u:
		return (struct opt_value){ .ubits = 8, .sbits = 9 };
	case IR_ld8s:
		return (struct opt_value){ .ubits = 64, .sbits = 8 };
	case IR_ld16u:
		return (struct opt_value){ .ubits = 16, .sbits = 17 };
	case IR_ld16s:
		return (struct opt_value){ .ubits = 64, .sbits = 16 };
	case IR_ld32u:
		return (struct opt_value){ .ubits = 32, .sbits = 33 };
	case IR_ld32s:
		return (struct opt_value){ .ubits = 64, .sbits = 32 };
	case IR_getfflags:
		return (struct opt_value){ .ubits = 5, .sbits = 6 };
	case IR_getfrm:
		return (struct opt_value){ .ubits = 3, .sbits = 4 };
	}
	return (struct opt_value){ 0 };
}

/* i's operands are integers; w is the width of its result. */
static struct opt_value int_facts(const struct opt_forward *f, const struct ir_insn *i, unsigned w)
{
	const struct opt_value *x = &f->val[i->a.idx];
	const struct opt_value *y = ir_ref_ok(i->b) ? &f->val[i->b.idx] : x;
	unsigned u = w, s = w;
	int64_t n;

	switch (i->op) {
	case IR_add:
		u = least(w, most(x->ubits, y->ubits) + 1u);
		s = least(w, most(x->sbits, y->sbits) + 1u);
		break;
	case IR_sub:
		s = least(w, most(x->sbits, y->sbits) + 1u);
		break;
	case IR_and:
		u = least(x->ubits, y->ubits);
		s = most(x->sbits, y->sbits);
		break;
	case IR_or:
	case IR_xor:
		u = most(x->ubits, y->ubits);
		s = most(x->sbits, y->sbits);
		break;
	case IR_shl:
	case IR_shr:
	case IR_sar:
		if (opt_konst(f, i->b, &n))
			return shift_facts((enum ir_op)i->op, x->ubits, x->sbits,
					   (unsigned)n & (w - 1), w);
		break;
	case IR_sext8:
	case IR_sext16:
		s = least(x->sbits, i->op == IR_sext8 ? 8 : 16);
		break;
	case IR_trunc:
		u = least(x->ubits, 32);
		s = least(x->sbits, 32);
		break;
	case IR_sext:
		u = x->ubits < 32 ? x->ubits : 64;
		s = x->sbits;
		break;
	case IR_zext:
		u = x->ubits;
		break;
	}
	return (struct opt_value){ .ubits = (uint8_t)u, .sbits = (uint8_t)s };
}

struct opt_value opt_facts(const struct opt_forward *f, const struct ir_insn *i)
{
	unsigned w = ir_result_type(i) == IR_I32 ? 32 : 64;
	struct opt_value v;

	if (i->op == IR_const)
		v = const_facts(i->imm, w);
	else if (i->op >= IR_add && i->op <= IR_zext && i->op != IR_set)
		v = int_facts(f, i, w);
	else
		v = op_facts((enum ir_op)i->op);
	if (v.sbits == 0)
		return (struct opt_value){ .ubits = (uint8_t)w, .sbits = (uint8_t)w };
	if (v.ubits < w && v.sbits > v.ubits + 1)
		v.sbits = (uint8_t)(v.ubits + 1);
	return v;
}

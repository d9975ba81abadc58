/*
 * What ops.def says of results and of NaNs, against ir_eval: for each operation without effects but flags, on random
 * operands, many of them NaNs. What it does not say must have a counter-example among them.
 */
#include "lib/ir/ir.h"
#include "tests/unit/check.h"
#include "tests/unit/fpcases.h"

enum { RUNS = 3000 };

struct subject {
	struct ir_insn i;
	uint8_t operand[3]; /* their types */
	enum ir_type result;
	struct fpcases fc[2]; /* narrow and wide */
	/* Seen: an integer that needs 64 bits, quiet NaNs that are told apart. */
	bool wide, told_apart;
};

static bool is_float(unsigned type) { return type == IR_F32 || type == IR_F64; }

static uint64_t canonical(bool wide) { return fpbits_inf(wide) + fpbits_frac(wide) / 2 + 1; }

static uint64_t operand(struct subject *s, unsigned type, uint64_t other)
{
	bool wide = type == IR_F64;
	struct fpcases *fc = &s->fc[wide];
	uint64_t random = fpcases_rng(fc);

	if (!is_float(type))
		return random >> (fpcases_rng(fc) & 63);
	if (random % 3)
		return fpcases_random(fc, other);
	return fpbits_inf(wide) | (random & (fpbits_frac(wide) | fpbits_sign(wide))) | 1;
}

static uint64_t eval(const struct subject *s, const uint64_t v[3], uint32_t *flags)
{
	*flags = 0;
	return ir_eval(&s->i, v[0], v[1], v[2], 0, flags);
}

static void check_integer(struct subject *s, uint64_t r)
{
	unsigned fits = ir_info(&s->i)->fits, n = fits & IR_FITS_BITS;

	s->wide |= (uint32_t)r != r && (uint64_t)(int64_t)(int32_t)r != r;
	if (fits & IR_FITS_SIGNED)
		CHECK_EQ((uint64_t)((int64_t)(r << (64 - n)) >> (64 - n)), r);
	else if (fits)
		CHECK(r >> n == 0);
	if (ir_fits_i32(&s->i))
		CHECK_EQ((uint64_t)(int64_t)(int32_t)r, r);
	if (ir_fits_u32(&s->i))
		CHECK_EQ((uint32_t)r, r);
}

static void check_float(const struct subject *s, const uint64_t v[3], uint64_t r)
{
	unsigned flags = ir_info(&s->i)->flags;
	bool wide = s->result == IR_F64, is_nan = fpbits_is_nan(wide, r);

	if (flags & IR_NQ)
		CHECK(!fpbits_is_snan(wide, r));
	if (flags & IR_NC)
		CHECK(!is_nan || r == canonical(wide));
	for (unsigned k = 0; flags & IR_NP && k < 3; k++)
		if (is_float(s->operand[k]) && fpbits_is_nan(s->operand[k] == IR_F64, v[k]))
			CHECK(is_nan);
}

/* Another quiet NaN in place of each that is one. */
static void check_alike(struct subject *s, const uint64_t v[3], uint64_t r, uint32_t raised)
{
	bool wide = s->result == IR_F64, same;
	uint64_t w[3] = { v[0], v[1], v[2] }, x;
	uint32_t flags;

	for (unsigned k = 0; k < 3; k++) {
		bool is64 = s->operand[k] == IR_F64;

		if (is_float(s->operand[k]) && fpbits_is_nan(is64, v[k])
		    && !fpbits_is_snan(is64, v[k]))
			w[k] ^= fpbits_sign(is64) | 4;
	}
	x = eval(s, w, &flags);
	same = flags == raised
	       && (x == r
		   || (is_float(s->result) && fpbits_is_nan(wide, x) && fpbits_is_nan(wide, r)
		       && ir_info(&s->i)->flags & IR_NQ));
	s->told_apart |= !same;
	if (ir_info(&s->i)->flags & IR_NA)
		CHECK(same);
}

static void check_subject(struct subject *s)
{
	const struct ir_op_info *info = ir_info(&s->i);
	const uint8_t col[] = { info->a, info->b, info->c };
	bool floats = false;

	s->result = ir_result_type(&s->i);
	s->wide = s->told_apart = false;
	for (unsigned k = 0; k < 3; k++) {
		s->operand[k] = (uint8_t)ir_operand_type(&s->i, col[k]);
		floats |= is_float(s->operand[k]);
	}
	for (unsigned n = 0; n < RUNS && !check_failed; n++) {
		uint64_t v[3] = { 0, 0, 0 }, r;
		uint32_t flags;

		for (unsigned k = 0; k < 3; k++)
			v[k] = operand(s, s->operand[k], k ? v[k - 1] : 0);
		r = eval(s, v, &flags);
		if (s->result == IR_I64)
			check_integer(s, r);
		else if (is_float(s->result))
			check_float(s, v, r);
		check_alike(s, v, r, flags);
	}
	if (s->result == IR_I64 && !info->fits)
		CHECK(s->wide);
	if (floats && !(info->flags & IR_NA))
		CHECK(s->told_apart);
}

static bool has_type(const struct ir_op_info *info, unsigned type)
{
	unsigned any = info->flags & (IR_TI | IR_T64 | IR_TF);

	switch (type) {
	case IR_NONE:
		return !any;
	case IR_I32:
		return any & IR_TI;
	case IR_I64:
		return any & (IR_TI | IR_T64);
	default:
		return any & IR_TF;
	}
}

static void test_rows(void)
{
	static struct subject s;

	fpcases_init(&s.fc[0], false, 1);
	fpcases_init(&s.fc[1], true, 2);
	for (unsigned op = IR_add; op < IR_OP_COUNT && !check_failed; op++) {
		const struct ir_op_info *info = &ir_ops[op];
		unsigned subs = info->sub == IR_SUB_CC   ? IR_GEU + 1
				: info->sub == IR_SUB_RM ? IR_RM_RMM + 1
							 : 1;

		if (!(info->flags & (IR_P | IR_F)))
			continue;
		for (unsigned t = IR_NONE; t <= IR_F64; t++)
			for (unsigned sub = 0; has_type(info, t) && sub < subs; sub++) {
				CHECK_AT("%s type %u sub %u", info->name, t, sub);
				s.i = (struct ir_insn){ .op = (uint8_t)op,
							.type = (uint8_t)t,
							.sub = (uint8_t)sub };
				check_subject(&s);
			}
	}
	check_where[0] = 0;
}

CHECK_MAIN(test_rows)

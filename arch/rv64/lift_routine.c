/*
 * libc's routines as op routine: what the C standard, and for the others the GNU manual, says of them, in
 * registers of the ABI. a0 keeps the destination where the function returns that; the registers that a callee need
 * not preserve keep what they held. libgcc's that count bits likewise as operations; GCC's internals manual ("Integer library
 * routines") leaves open what the counts of 0 are, which is what they come to here. And libm's that round to integers.
 */
#include "arch/rv64/lift_priv.h"
#include "arch/rv64/routine_runs.h"

static ir_ref run(struct trace *t, enum ir_routine routine, ir_ref a, ir_ref b, ir_ref c)
{
	return ir_emit(
	    &t->b,
	    (struct ir_insn){
		.op = IR_routine, .a = a, .b = b, .c = c, .to = IR_NOBLOCK, .imm = routine });
}

static ir_ref op2(struct trace *t, enum ir_op op, ir_ref x, ir_ref y)
{
	return ir_op2(&t->b, op, IR_I64, x, y);
}

/* All ones when x is not 0, else 0. */
static ir_ref mask_of(struct trace *t, ir_ref x)
{
	ir_ref zero = ir_const(&t->b, IR_I64, 0);

	return op2(t, IR_sub, zero, ir_set(&t->b, IR_I64, IR_NE, x, zero));
}

/* ---- classes of runs (routine_runs.h) --------------------------------------------------------------------------------- */

/* What is noted of a run, where somebody wants to know. */
struct run {
	ir_ref length, rest, all, flags; /* IR_NOREF: there is none */
};

static ir_ref imm(struct trace *t, int64_t value) { return ir_const(&t->b, IR_I64, value); }

static ir_ref is(struct trace *t, enum ir_cc cc, ir_ref x, ir_ref y)
{
	return ir_set(&t->b, IR_I64, cc, x, y);
}

static ir_ref select(struct trace *t, ir_ref which, ir_ref x, ir_ref y)
{
	return ir_op3(&t->b, IR_select, IR_I64, which, x, y);
}

/* The class gets n lower bits, x. Without a class: x is one. */
static ir_ref put_field(struct trace *t, ir_ref class, ir_ref x, unsigned n)
{
	return ir_ref_ok(class) ? op2(t, IR_add, x, op2(t, IR_shl, class, imm(t, n))) : x;
}

static ir_ref low_bits(struct trace *t, ir_ref x)
{
	return op2(t, IR_and, x, imm(t, (1 << RV64_LOW_BITS) - 1));
}

static void note_run(struct trace *t, enum rv64_libc what, ir_ref a, ir_ref b, const struct run *r)
{
	const struct rv64_run_fields *f = &rv64_run_fields[what];
	const struct ir_run where = rv64_run_of(what);
	ir_ref class = put_field(t, r->rest, r->length, f->period_log2 + 2);

	if (f->flags)
		class = put_field(t, class, r->flags, f->flags);
	if (f->has_a)
		class = put_field(t, class, low_bits(t, a), RV64_LOW_BITS);
	if (f->has_b)
		class = put_field(t, class, low_bits(t, b), RV64_LOW_BITS);
	ir_count_run(&t->b, t->runs->first + rv64_run_base(what), &where, r->length, class,
		     where.rest_log2 ? r->all : r->length);
}

/* The smaller one of x and 15. */
static ir_ref low_rest(struct trace *t, ir_ref x)
{
	const int64_t most = (1 << RV64_REST_LOW_BITS) - 1;

	return select(t, is(t, IR_LTU, x, imm(t, most)), x, imm(t, most));
}

/* Of n bytes at s one was found, or none (0). */
static void note_found(struct trace *t, ir_ref s, ir_ref n, ir_ref found, struct run *r)
{
	ir_ref none = is(t, IR_EQ, found, imm(t, 0));

	r->length = select(t, none, n, op2(t, IR_sub, found, s));
	r->rest = low_rest(t, op2(t, IR_sub, n, r->length));
}

/* The same from the end on. */
static void note_found_last(struct trace *t, ir_ref s, ir_ref n, ir_ref found, struct run *r)
{
	ir_ref none = is(t, IR_EQ, found, imm(t, 0));
	ir_ref rest = op2(t, IR_add, op2(t, IR_sub, found, s), imm(t, 1));

	rest = select(t, none, imm(t, 0), rest);
	r->length = op2(t, IR_sub, n, rest);
	r->rest = low_rest(t, rest);
}

/* Of a comparison, what routines.def's strdiff and its like give. Returns the difference. */
static ir_ref note_difference(struct trace *t, ir_ref d, struct run *r)
{
	ir_ref x = op2(t, IR_and, op2(t, IR_shr, d, imm(t, 8)), imm(t, 0xff));
	ir_ref y = op2(t, IR_and, d, imm(t, 0xff));

	r->length = op2(t, IR_shr, d, imm(t, 16));
	r->flags = is(t, IR_EQ, y, imm(t, 0));
	r->flags = put_field(t, r->flags, is(t, IR_EQ, x, imm(t, 0)), 1);
	return op2(t, IR_sub, x, y);
}

/* ---- what they do --------------------------------------------------------------------------------------------------- */

static ir_ref memcmp_of(struct trace *t, ir_ref a, ir_ref b, ir_ref n, struct run *r)
{
	ir_ref v;

	if (!r)
		return run(t, IR_ROUTINE_memcmp, a, b, n);
	v = note_difference(t, run(t, IR_ROUTINE_memdiff, a, b, n), r);
	r->rest = op2(t, IR_sub, n, r->length);
	r->all = n;
	r->flags = IR_NOREF;
	return v;
}

static ir_ref strcmp_of(struct trace *t, ir_ref a, ir_ref b, struct run *r)
{
	return r ? note_difference(t, run(t, IR_ROUTINE_strdiff, a, b, b), r)
		 : run(t, IR_ROUTINE_strcmp, a, b, b);
}

static ir_ref strncmp_of(struct trace *t, ir_ref a, ir_ref b, ir_ref n, struct run *r)
{
	ir_ref v;

	if (!r)
		return run(t, IR_ROUTINE_strncmp, a, b, n);
	v = note_difference(t, run(t, IR_ROUTINE_strndiff, a, b, n), r);
	r->rest = low_rest(t, op2(t, IR_sub, n, r->length));
	return v;
}

static ir_ref memchr_of(struct trace *t, ir_ref s, ir_ref c, ir_ref n, struct run *r)
{
	ir_ref found = run(t, IR_ROUTINE_memchr, s, c, n);

	if (r)
		note_found(t, s, n, found, r);
	return found;
}

static ir_ref memrchr_of(struct trace *t, ir_ref s, ir_ref c, ir_ref n, struct run *r)
{
	ir_ref found = run(t, IR_ROUTINE_memrchr, s, c, n);

	if (r)
		note_found_last(t, s, n, found, r);
	return found;
}

static ir_ref strlen_of(struct trace *t, ir_ref s, struct run *r)
{
	ir_ref n = run(t, IR_ROUTINE_strlen, s, s, s);

	if (r)
		r->length = n;
	return n;
}

/* strnlen: how far memchr finds a zero byte, or all the way. */
static ir_ref strnlen_of(struct trace *t, ir_ref s, ir_ref n, struct run *r)
{
	ir_ref found = memchr_of(t, s, ir_const(&t->b, IR_I64, 0), n, r);
	ir_ref less = op2(t, IR_sub, op2(t, IR_sub, found, s), n);

	return op2(t, IR_add, n, op2(t, IR_and, less, mask_of(t, found)));
}

static ir_ref strchrnul_of(struct trace *t, ir_ref s, ir_ref c, ir_ref *there, struct run *r)
{
	ir_ref found = run(t, IR_ROUTINE_strchrnul, s, c, c);

	if (there || r)
		*there = ir_load(&t->b, IR_ld8u, IR_NONE, found, 0);
	if (r) {
		r->length = op2(t, IR_sub, found, s);
		c = op2(t, IR_and, c, imm(t, 0xff));
		r->flags = is(t, IR_EQ, c, imm(t, 0));
		r->flags = put_field(t, r->flags, is(t, IR_EQ, *there, imm(t, 0)), 1);
	}
	return found;
}

/* strchr: what strchrnul finds, if it is the character. */
static ir_ref strchr_of(struct trace *t, ir_ref s, ir_ref c, struct run *r)
{
	ir_ref there, found = strchrnul_of(t, s, c, &there, r);
	ir_ref low = op2(t, IR_and, c, ir_const(&t->b, IR_I64, 0xff));
	ir_ref other = mask_of(t, op2(t, IR_sub, there, low));

	return op2(t, IR_and, found, op2(t, IR_xor, other, ir_const(&t->b, IR_I64, -1)));
}

/* stpcpy: the end of the copy. */
static ir_ref stpcpy_of(struct trace *t, ir_ref to, ir_ref s, struct run *r)
{
	ir_ref n = strlen_of(t, s, r);

	run(t, IR_ROUTINE_memcpy, to, s, op2(t, IR_add, n, ir_const(&t->b, IR_I64, 1)));
	return op2(t, IR_add, to, n);
}

/* ---- libgcc's ------------------------------------------------------------------------------------------------------- */

static ir_ref op1(struct trace *t, enum ir_op op, ir_ref x) { return ir_op1(&t->b, op, IR_I64, x); }

/* The constant for a = 0, else v. One value after the other: the order of arguments is the compiler's choice. */
static ir_ref unless_zero(struct trace *t, ir_ref a, int64_t zero, ir_ref v)
{
	ir_ref is_zero = is(t, IR_EQ, a, imm(t, 0));

	return select(t, is_zero, imm(t, zero), v);
}

static ir_ref lift_bits(struct trace *t, enum rv64_libc what, ir_ref a)
{
	ir_ref x;

	switch ((int)what) {
	case RV64_LIBC_ctzdi2:
		return unless_zero(t, a, -1, op1(t, IR_ctz, a));
	case RV64_LIBC_clzdi2:
		return op1(t, IR_clz, a);
	case RV64_LIBC_ffsdi2:
		x = op1(t, IR_ctz, a);
		return unless_zero(t, a, 0, op2(t, IR_add, x, imm(t, 1)));
	case RV64_LIBC_clrsbdi2:
		x = op2(t, IR_sar, a, imm(t, 63));
		x = op1(t, IR_clz, op2(t, IR_xor, a, x));
		return op2(t, IR_add, x, imm(t, -1));
	case RV64_LIBC_popcountdi2:
		return op1(t, IR_popcount, a);
	case RV64_LIBC_paritydi2:
		x = op1(t, IR_popcount, a);
		return op2(t, IR_and, x, imm(t, 1));
	case RV64_LIBC_bswapsi2:
		x = ir_op1(&t->b, IR_bswap, IR_I32, get_w(t, RV64_A0));
		return ir_op1(&t->b, IR_sext, IR_NONE, x);
	case RV64_LIBC_bswapdi2:
		return op1(t, IR_bswap, a);
	}
	KIT_PANIC("no routine %d", (int)what);
}

/* ---- libm's --------------------------------------------------------------------------------------------------------- */

/*
 * What the manual of Zfa has instructions for, in fa0. NaNs come out canonical, as from the sum that the code has for them; and but
 * for rint it takes back what it raises, so that only "invalid" is left, of signalling NaNs.
 */
static void lift_rounding(struct trace *t, enum rv64_libc what)
{
	static const uint8_t mode[] = { IR_RM_RUP, IR_RM_RDN, IR_RM_RTZ, IR_RM_RMM,
					IR_RM_RNE, IR_RM_DYN, IR_RM_DYN };
	const unsigned n = what - RV64_LIBC_ROUNDING;
	const enum ir_type type = n % 2 ? IR_F32 : IR_F64;
	const bool is_rint = what == RV64_LIBC_rint || what == RV64_LIBC_rintf;
	const unsigned fa0 = 10;
	ir_ref x = get_f(t, type, fa0);

	x = ir_fop(&t->b, is_rint ? IR_froundnx : IR_fround, type, (enum ir_rm)mode[n / 2], x,
		   IR_NOREF, IR_NOREF);
	put_f(t, type, fa0, ir_op1(&t->b, IR_fcanon, type, x));
}

/* ---- one or the other ------------------------------------------------------------------------------------------------ */

/* r: NULL, or what its run is of gets there. */
static ir_ref lift(struct trace *t, enum rv64_libc what, ir_ref a, ir_ref b, ir_ref c,
		   struct run *r)
{
	ir_ref there;

	if (r)
		r->length = c;
	switch (what) {
	case RV64_LIBC_memcpy:
	case RV64_LIBC_memcpy_blocks:
		run(t, IR_ROUTINE_memcpy, a, b, c);
		return a;
	case RV64_LIBC_memmove:
		run(t, IR_ROUTINE_memmove, a, b, c);
		if (r)
			r->flags = is(t, IR_LTU, op2(t, IR_sub, a, b), c);
		return a;
	case RV64_LIBC_memset:
		run(t, IR_ROUTINE_memset, a, b, c);
		return a;
	case RV64_LIBC_memchr:
		return memchr_of(t, a, b, c, r);
	case RV64_LIBC_memrchr:
		return memrchr_of(t, a, b, c, r);
	case RV64_LIBC_memcmp:
		return memcmp_of(t, a, b, c, r);
	case RV64_LIBC_strlen:
		return strlen_of(t, a, r);
	case RV64_LIBC_strnlen:
		return strnlen_of(t, a, b, r);
	case RV64_LIBC_strchr:
		return strchr_of(t, a, b, r);
	case RV64_LIBC_strchrnul:
		return strchrnul_of(t, a, b, &there, r);
	case RV64_LIBC_strcmp:
		return strcmp_of(t, a, b, r);
	case RV64_LIBC_strncmp:
		return strncmp_of(t, a, b, c, r);
	case RV64_LIBC_stpcpy:
		return stpcpy_of(t, a, b, r);
	default:
		return lift_bits(t, what, a);
	}
}

/* An integer routine, from the registers of the ABI to a0. */
static void lift_integer(struct trace *t, enum rv64_libc what, const struct rv64_form *form)
{
	const bool bits = what >= RV64_LIBC_BITS;
	ir_ref a = get_x(t, RV64_A0);
	ir_ref b = bits ? a : get_x(t, RV64_A1), c = bits ? a : get_x(t, RV64_A2);
	struct run r = { IR_NOREF, IR_NOREF, IR_NOREF, IR_NOREF };
	const bool noted = t->runs && !form->has_run;
	ir_ref v = lift(t, what, a, b, c, noted ? &r : NULL);

	if (noted)
		note_run(t, what, what == RV64_LIBC_memrchr ? op2(t, IR_add, a, c) : a, b, &r);
	if (v.idx != a.idx)
		put_x(t, RV64_A0, v);
}

static void carry_out(struct trace *t, enum rv64_libc what, const struct rv64_form *form)
{
	if (what >= RV64_LIBC_ROUNDING)
		lift_rounding(t, what);
	else
		lift_integer(t, what, form);
	for (unsigned i = 0; i < form->range_count; i++)
		ir_unit_cover(t->b.unit, form->range[i].start, form->range[i].size_bytes);
	t->b.unit->replaces = true;
}

/* Its classes are of one place in the program, the first that asks for them. */
static bool can_note(const struct trace *t, enum rv64_libc what, gaddr pc,
		     const struct rv64_form *form)
{
	gaddr none = 0;

	if (!t->runs || form->has_run)
		return true;
	if (form->varies || (pc - t->runs->start) / 2 >= t->runs->halves)
		return false;
	return __atomic_compare_exchange_n(&t->runs->at[what], &none, pc, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED)
	       || none == pc;
}

enum rv64_libc rv64_wanted_at(const struct trace *t, gaddr pc, const uint8_t bytes[8],
			      struct rv64_form *form)
{
	const struct guest_fetch *all = t->runs ? t->fetch->all : NULL;
	struct arena *a = t->b.unit->arena;
	enum rv64_libc what = rv64_libc_at(a, t->decoder, t->fetch, pc, bytes, form);
	uint8_t first[8] = { 0 };
	bool wanted;

	form->has_run = all && what != RV64_LIBC_COUNT;
	if (all && !form->has_run) {
		all->read(all->ctx, pc, first, sizeof first);
		what = rv64_libc_at(a, t->decoder, all, pc, first, form);
		form->has_run = false;
		/* Of those that count bits nothing is noted. */
		if (what >= RV64_LIBC_BITS)
			return RV64_LIBC_COUNT;
	}
	wanted =
	    what < RV64_LIBC_BITS ? t->routines && can_note(t, what, pc, form) : t->bit_routines;

	return wanted ? what : RV64_LIBC_COUNT;
}

void rv64_lift_routine(struct trace *t, enum rv64_libc what, const struct rv64_form *form)
{
	t->pc = t->b.gpc = t->start;
	carry_out(t, what, form);
	ir_exiti(&t->b, IR_JUMP_RET, get_x(t, RV64_RA), 0);
	t->b.unit->guest_insns += form->insns;
	t->done = true;
}

/* Where the routine gives up, the call is made after all: ra is written behind it. */
bool rv64_lift_routine_call(struct trace *t, gaddr target)
{
	const gaddr ret = t->next;
	struct rv64_form form;
	enum rv64_libc what;
	uint8_t bytes[8] = { 0 };

	if (!t->routines && !t->bit_routines)
		return false;
	t->fetch->read(t->fetch->ctx, target, bytes, sizeof bytes);
	what = rv64_wanted_at(t, target, bytes, &form);
	if (what == RV64_LIBC_COUNT)
		return false;
	carry_out(t, what, &form);
	put_x(t, RV64_RA, ir_const(&t->b, IR_I64, (int64_t)ret));
	if (t->routine_ends) {
		ir_exit(&t->b, IR_JUMP_PLAIN, ret, 0);
		t->done = true;
	}
	return true;
}

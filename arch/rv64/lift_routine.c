/*
 * libc's routines as op routine: what the C standard, and for the others the GNU manual, says of them, in
 * registers of the ABI. a0 keeps the destination where the function returns that; the registers that a callee need
 * not preserve keep what they held.
 */
#include "arch/rv64/lift_priv.h"

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

/* strnlen: how far memchr finds a zero byte, or all the way. */
static ir_ref strnlen_of(struct trace *t, ir_ref s, ir_ref n)
{
	ir_ref found = run(t, IR_ROUTINE_memchr, s, ir_const(&t->b, IR_I64, 0), n);
	ir_ref less = op2(t, IR_sub, op2(t, IR_sub, found, s), n);

	return op2(t, IR_add, n, op2(t, IR_and, less, mask_of(t, found)));
}

/* strchr: what strchrnul finds, if it is the character. */
static ir_ref strchr_of(struct trace *t, ir_ref s, ir_ref c)
{
	ir_ref found = run(t, IR_ROUTINE_strchrnul, s, c, c);
	ir_ref there = ir_load(&t->b, IR_ld8u, IR_NONE, found, 0);
	ir_ref low = op2(t, IR_and, c, ir_const(&t->b, IR_I64, 0xff));
	ir_ref other = mask_of(t, op2(t, IR_sub, there, low));

	return op2(t, IR_and, found, op2(t, IR_xor, other, ir_const(&t->b, IR_I64, -1)));
}

/* stpcpy: the end of the copy. */
static ir_ref stpcpy_of(struct trace *t, ir_ref to, ir_ref s)
{
	ir_ref n = run(t, IR_ROUTINE_strlen, s, s, s);

	run(t, IR_ROUTINE_memcpy, to, s, op2(t, IR_add, n, ir_const(&t->b, IR_I64, 1)));
	return op2(t, IR_add, to, n);
}

static ir_ref lift(struct trace *t, enum rv64_libc what, ir_ref a, ir_ref b, ir_ref c)
{
	switch (what) {
	case RV64_LIBC_memcpy:
		run(t, IR_ROUTINE_memcpy, a, b, c);
		return a;
	case RV64_LIBC_memmove:
		run(t, IR_ROUTINE_memmove, a, b, c);
		return a;
	case RV64_LIBC_memset:
		run(t, IR_ROUTINE_memset, a, b, c);
		return a;
	case RV64_LIBC_memchr:
		return run(t, IR_ROUTINE_memchr, a, b, c);
	case RV64_LIBC_memrchr:
		return run(t, IR_ROUTINE_memrchr, a, b, c);
	case RV64_LIBC_memcmp:
		return run(t, IR_ROUTINE_memcmp, a, b, c);
	case RV64_LIBC_strlen:
		return run(t, IR_ROUTINE_strlen, a, a, a);
	case RV64_LIBC_strnlen:
		return strnlen_of(t, a, b);
	case RV64_LIBC_strchr:
		return strchr_of(t, a, b);
	case RV64_LIBC_strchrnul:
		return run(t, IR_ROUTINE_strchrnul, a, b, b);
	case RV64_LIBC_strcmp:
		return run(t, IR_ROUTINE_strcmp, a, b, b);
	case RV64_LIBC_strncmp:
		return run(t, IR_ROUTINE_strncmp, a, b, c);
	case RV64_LIBC_stpcpy:
		return stpcpy_of(t, a, b);
	case RV64_LIBC_COUNT:
		break;
	}
	KIT_PANIC("no routine %d", (int)what);
}

/* The routine, from the registers of the ABI to a0. */
static void carry_out(struct trace *t, enum rv64_libc what, const struct rv64_form *form)
{
	ir_ref a = get_x(t, RV64_A0), b = get_x(t, RV64_A1), c = get_x(t, RV64_A2);
	ir_ref v = lift(t, what, a, b, c);

	if (v.idx != a.idx)
		put_x(t, RV64_A0, v);
	for (unsigned i = 0; i < form->range_count; i++)
		ir_unit_cover(t->b.unit, form->range[i].start, form->range[i].size_bytes);
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

	if (!t->routines)
		return false;
	t->fetch->read(t->fetch->ctx, target, bytes, sizeof bytes);
	what = rv64_libc_at(t->b.unit->arena, t->decoder, t->fetch, target, bytes, &form);
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

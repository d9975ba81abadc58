/* What the classes of runs are, and how one is run again; see routine_runs.h. Which class a run has is lift_routine.c's. */
#include "arch/rv64/routine_runs.h"

#include "arch/rv64/abi.h"
#include "lib/base/panic.h"

#include <string.h>

const struct rv64_run_fields rv64_run_fields[RV64_LIBC_BITS] = {
	[RV64_LIBC_memcpy] = { true, true, 6, RV64_NO_REST, 0 },
	[RV64_LIBC_memcpy_blocks] = { true, true, 7, RV64_NO_REST, 0 },
	[RV64_LIBC_memmove] = { true, true, 6, RV64_NO_REST, 1 },
	[RV64_LIBC_memset] = { true, false, 6, RV64_NO_REST, 0 },
	[RV64_LIBC_memchr] = { true, false, 5, RV64_REST_LOW, 0 },
	[RV64_LIBC_memrchr] = { true, false, 5, RV64_REST_LOW, 0 },
	[RV64_LIBC_memcmp] = { true, true, 5, RV64_REST_FOLDED, 0 },
	[RV64_LIBC_strlen] = { true, false, 5, RV64_NO_REST, 0 },
	[RV64_LIBC_strnlen] = { true, false, 5, RV64_REST_LOW, 0 },
	[RV64_LIBC_strchr] = { true, false, 5, RV64_NO_REST, 2 },
	[RV64_LIBC_strchrnul] = { true, false, 5, RV64_NO_REST, 2 },
	[RV64_LIBC_strcmp] = { false, false, 5, RV64_NO_REST, 2 },
	[RV64_LIBC_strncmp] = { false, false, 5, RV64_REST_LOW, 2 },
	[RV64_LIBC_stpcpy] = { true, true, 6, RV64_NO_REST, 0 },
};

static unsigned bits_of(const struct rv64_run_fields *f)
{
	static const uint8_t rest[] = { 0, RV64_REST_LOW_BITS, RV64_REST_PERIOD_LOG2 + 1 };

	return RV64_LOW_BITS * (f->has_a + f->has_b) + f->period_log2 + 2 + rest[f->rest]
	       + f->flags;
}

uint32_t rv64_run_base(unsigned what)
{
	uint32_t base = 0;

	for (unsigned i = 0; i < what; i++)
		base += UINT32_C(1) << bits_of(&rv64_run_fields[i]);
	return base;
}

struct ir_run rv64_run_of(unsigned what)
{
	const struct rv64_run_fields *f = &rv64_run_fields[what];
	const unsigned at = RV64_LOW_BITS * (f->has_a + f->has_b) + f->flags;
	const bool folds_rest = f->rest == RV64_REST_FOLDED;

	return (struct ir_run){ f->period_log2, at, folds_rest ? RV64_REST_PERIOD_LOG2 : 0,
				folds_rest ? at + f->period_log2 + 2 : 0 };
}

/* A class taken apart. */
struct run {
	unsigned a, b, length, rest, flags;
};

static unsigned take(uint32_t *class, unsigned bits)
{
	const uint32_t x = *class;

	*class = x >> bits;
	return x & ((UINT32_C(1) << bits) - 1);
}

static void take_apart(uint32_t class, const struct rv64_run_fields *f, struct run *r)
{
	*r = (struct run){ 0 };
	if (f->has_b)
		r->b = take(&class, RV64_LOW_BITS);
	if (f->has_a)
		r->a = take(&class, RV64_LOW_BITS);
	r->flags = take(&class, f->flags);
	r->length = take(&class, f->period_log2 + 2);
	r->rest = class;
}

/* Where operands lie in the room: far enough from each other, and from the stack at its end. */
enum { A_AT = 1024, B_AT = 2048, FILL = 'f', SOUGHT = 's', OTHER = 'o' };

/* The first bytes that differ, or ends; flags as note_difference has them. */
static void end_comparison(uint8_t *a, uint8_t *b, unsigned flags)
{
	*a = flags & 1 ? 0 : SOUGHT;
	*b = flags & 2 ? 0 : OTHER;
}

static void lay_out(enum rv64_libc what, const struct run *r, uint8_t *room, uint64_t arg[3])
{
	uint8_t *a = room + A_AT + r->a, *b = room + B_AT + r->b;

	memset(room, FILL, GUEST_ROOM_BYTES);
	arg[0] = GUEST_ROOM + A_AT + r->a;
	arg[1] = GUEST_ROOM + B_AT + r->b;
	arg[2] = r->length;
	switch (what) {
	case RV64_LIBC_memmove:
		if (r->flags) /* the destination lies within the source */
			arg[1] = arg[0] - ((r->a - r->b) & 7);
		break;
	case RV64_LIBC_memchr:
		arg[1] = SOUGHT;
		arg[2] += r->rest;
		if (r->rest)
			a[r->length] = SOUGHT;
		break;
	case RV64_LIBC_memrchr: /* a is the end */
		arg[0] -= r->length + r->rest;
		arg[1] = SOUGHT;
		arg[2] += r->rest;
		if (r->rest)
			a[-(int)r->length - 1] = SOUGHT;
		break;
	case RV64_LIBC_memcmp:
		arg[2] += r->rest;
		if (r->rest)
			a[r->length] = SOUGHT;
		break;
	case RV64_LIBC_strlen:
		a[r->length] = 0;
		break;
	case RV64_LIBC_strnlen:
		arg[1] = r->length + r->rest;
		if (r->rest)
			a[r->length] = 0;
		break;
	case RV64_LIBC_strchr:
	case RV64_LIBC_strchrnul:
		arg[1] = r->flags & 2 ? 0 : SOUGHT;
		a[r->length] = r->flags & 1 ? 0 : SOUGHT;
		break;
	case RV64_LIBC_strncmp:
		arg[2] += r->rest;
		if (!r->rest)
			break;
		end_comparison(a + r->length, b + r->length, r->flags);
		break;
	case RV64_LIBC_strcmp:
		end_comparison(a + r->length, b + r->length, r->flags);
		break;
	case RV64_LIBC_stpcpy:
		b[r->length] = 0;
		break;
	case RV64_LIBC_memcpy:
	case RV64_LIBC_memcpy_blocks:
	case RV64_LIBC_memset:
	default:
		break;
	}
}

unsigned rv64_run_again(const struct guest_runs *runs, uint32_t class, bool longer,
			uint8_t room[GUEST_ROOM_BYTES], struct ir_state *st, uint32_t *steady)
{
	const struct rv64_run_fields *f;
	unsigned what = 0, period;
	struct run r;

	_Static_assert((int)RV64_LIBC_BITS <= (int)GUEST_ROUTINES, "each has a place");
	while (what < RV64_LIBC_BITS && class >= rv64_run_base(what + 1))
		what++;
	if (what == RV64_LIBC_BITS || !runs->at[what])
		return 0;
	f = &rv64_run_fields[what];
	period = 1u << f->period_log2;
	take_apart(class - rv64_run_base(what), f, &r);
	*steady = class;
	if (r.length >= 2 * period)
		*steady -= (r.length - 2 * period) << rv64_run_of(what).at;
	if (longer)
		r.length += period;
	lay_out((enum rv64_libc)what, &r, room, &st->reg[RV64_A0]);
	st->pc = runs->at[what];
	st->reg[RV64_RA] = 0;
	st->reg[RV64_SP] = GUEST_ROOM + GUEST_ROOM_BYTES - 256;
	return period;
}

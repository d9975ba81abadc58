/*
 * The system call table, and the tables of calls whose arguments depend on an operation (ioctl, fcntl, prctl, keyctl):
 * each operation is a row of its own, with the call's name and first arguments.
 */
#include "runtime/sys/marshal.h"
#include "runtime/sys/sys.h"
#include "runtime/sys/sys_priv.h"

#define SIX(a, b, c, d, e, f, ...)                                                                 \
	{                                                                                          \
		SYS_KIND_##a, SYS_KIND_##b, SYS_KIND_##c, SYS_KIND_##d, SYS_KIND_##e, SYS_KIND_##f \
	}
#define COUNT8(z, a, b, c, d, e, f, n, ...) n

/* What kinds say about arguments, as constants. */
#define IS_PTR(kind) (SYS_CLASS_OF_##kind == SYS_CLASS_PTR)
#define IS_NESTED(kind)                                                                            \
	(SYS_CLASS_OF_##kind == SYS_CLASS_DEEP                                                     \
	 || (!SYS_OFLAGS_EQUAL                                                                     \
	     && (SYS_KIND_##kind == SYS_KIND_OFLAGS || SYS_KIND_##kind == SYS_KIND_PIPEFLAGS)))
#define POINTERS6(a, b, c, d, e, f, ...)                                                           \
	(IS_PTR(a) | IS_PTR(b) << 1 | IS_PTR(c) << 2 | IS_PTR(d) << 3 | IS_PTR(e) << 4             \
	 | IS_PTR(f) << 5)
#define NESTED6(a, b, c, d, e, f, ...)                                                             \
	(IS_NESTED(a) || IS_NESTED(b) || IS_NESTED(c) || IS_NESTED(d) || IS_NESTED(e)              \
	 || IS_NESTED(f))

#define LOOKS(kind) (SYS_KIND_##kind == SYS_KIND_LOOKUP)
#define LOOKUPS6(a, b, c, d, e, f, ...)                                                            \
	(LOOKS(a) | LOOKS(b) << 1 | LOOKS(c) << 2 | LOOKS(d) << 3 | LOOKS(e) << 4 | LOOKS(f) << 5)

/* Kinds of which the kernel writes some, as the operation may be. */
#define IS_HIDDEN(kind)                                                                            \
	(SYS_KIND_##kind == SYS_KIND_PTR || SYS_KIND_##kind == SYS_KIND_GIDS_OUT                   \
	 || SYS_KIND_##kind == SYS_KIND_NODEMASK_OUT || SYS_KIND_##kind == SYS_KIND_HEX)
#define HIDES6(a, b, c, d, e, f, ...)                                                              \
	(IS_HIDDEN(a) || IS_HIDDEN(b) || IS_HIDDEN(c) || IS_HIDDEN(d) || IS_HIDDEN(e)              \
	 || IS_HIDDEN(f))

/* What all rows have; the last words are the arguments' kinds. See syscalls.def. */
#define BODY(name_, how_, result_, ...)                                                            \
	.name = name_, .how = SYS_HOW_##how_, .result = SYS_KIND_##result_,                        \
	.nargs = COUNT8(0 __VA_OPT__(, ) __VA_ARGS__, 6, 5, 4, 3, 2, 1, 0),                        \
	.kind = SIX(__VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE),                \
	.pointers = POINTERS6(__VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE),      \
	.lookups = LOOKUPS6(__VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE),        \
	.nested = NESTED6(__VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE),          \
	.hides = SYS_HOW_##how_ != SYS_HOW_PASS                                                    \
		 || HIDES6(__VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE)

/* ---- operations: NAME, HOST_NR, BLOCK and FIRST say which call a table is for --------------- */

#define OP(op_, value_, ...)                                                                       \
	{ value_,                                                                                  \
	  { BODY(NAME, PASS, LONG, FIRST __VA_OPT__(, ) __VA_ARGS__), .op = #op_,                  \
	    .host_nr = HOST_NR, .block = BLOCK } },
#define OP_CONV(op_, value_, fn_, ...)                                                             \
	{ value_,                                                                                  \
	  { BODY(NAME, CONV, LONG, FIRST __VA_OPT__(, ) __VA_ARGS__), .op = #op_, .fn = sys_##fn_, \
	    .block = BLOCK } },
#define OP_DENY(op_, value_, error_, why_, ...)                                                    \
	{ value_,                                                                                  \
	  { BODY(NAME, DENY, LONG, FIRST __VA_OPT__(, ) __VA_ARGS__), .op = #op_, .error = error_, \
	    .why = why_ } },

static const struct sys_op fcntl_ops[] = {
#define NAME    "fcntl"
#define HOST_NR __NR_fcntl
#define BLOCK   SYS_BLOCK_RESTART
#define FIRST   FD, FCNTLCMD
#include "runtime/sys/fcntls.def"
#undef NAME
#undef HOST_NR
#undef FIRST
};

static const struct sys_op ioctl_ops[] = {
#define NAME    "ioctl"
#define HOST_NR __NR_ioctl
#define FIRST   FD, IOCTLCMD
#include "runtime/sys/ioctls.def"
#undef NAME
#undef HOST_NR
#undef BLOCK
#undef FIRST
};

static const struct sys_op prctl_ops[] = {
#define NAME    "prctl"
#define HOST_NR __NR_prctl
#define BLOCK   SYS_BLOCK_QUICK
#define FIRST   PRCTLOP
#include "runtime/sys/prctls.def"
#undef NAME
#undef HOST_NR
#undef FIRST
};

static const struct sys_op keyctl_ops[] = {
#define NAME    "keyctl"
#define HOST_NR __NR_keyctl
#define FIRST   KEYCTLOP
#include "runtime/sys/keyctls.def"
#undef NAME
#undef HOST_NR
#undef BLOCK
#undef FIRST
};
#undef OP
#undef OP_CONV
#undef OP_DENY

const struct sys_row *sys_row_of_op(const struct sys_row *row, const uint64_t *reg)
{
	uint32_t value = (uint32_t)reg[row->selector];
	unsigned low = 0, high = row->op_count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (row->ops[mid].value == value)
			return &row->ops[mid].row;
		if (row->ops[mid].value < value)
			low = mid + 1;
		else
			high = mid;
	}
	return row;
}

/* ---- calls --------------------------------------------------------------------------------- */

const struct sys_row sys_rows[SYS_ROWS] = {
#define PASS(nr, name, block_, result, ...)                                                        \
	[nr] = { BODY(#name, PASS, result, __VA_ARGS__), .block = SYS_BLOCK_##block_,              \
		 .host_nr = __NR_##name },
#define CONV(nr, name, block_, result, ...)                                                        \
	[nr] = { BODY(#name, CONV, result, __VA_ARGS__), .block = SYS_BLOCK_##block_,              \
		 .fn = sys_##name },
#define EMUL(nr, name, block_, result, ...)                                                        \
	[nr] = { BODY(#name, EMUL, result, __VA_ARGS__), .block = SYS_BLOCK_##block_,              \
		 .fn = sys_##name },
#define DENY(nr, name, why_, result, ...)                                                          \
	[nr] = { BODY(#name, DENY, result, __VA_ARGS__), .error = ENOSYS, .why = why_ },
#define OPS(nr, name, selector_, block_, result, ...)                                              \
	[nr] = { BODY(#name, CONV, result, __VA_ARGS__),                                           \
		 .block = SYS_BLOCK_##block_,                                                      \
		 .fn = sys_##name,                                                                 \
		 .ops = name##_ops,                                                                \
		 .op_count = ARRAY_LEN(name##_ops),                                                \
		 .selector = selector_ },
#include "runtime/sys/syscalls.def"
};
#undef PASS
#undef CONV
#undef EMUL
#undef DENY
#undef OPS

/* PASS, and no argument is nested. */
#define WORD(name, ...)                                                                            \
	(NESTED6(__VA_ARGS__)                                                                      \
	     ? 0                                                                                   \
	     : IR_CALL_HERE | (uint32_t)POINTERS6(__VA_ARGS__) << IR_CALL_POINTERS | __NR_##name)

const uint32_t sys_call_rows[IR_CALL_ROWS] = {
#define PASS(nr, name, block, result, ...)                                                         \
	[nr] = WORD(name, __VA_ARGS__ __VA_OPT__(, ) NONE, NONE, NONE, NONE, NONE, NONE),
#define CONV(...)
#define EMUL(...)
#define DENY(...)
#define OPS(...)
#include "runtime/sys/syscalls.def"
};
_Static_assert((int)SYS_ROWS == (int)IR_CALL_ROWS, "both are by the guest's number");

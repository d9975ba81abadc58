/*
 * Arguments of forwarded calls where guest and host differ: a memory base, other open(2) flags,
 * guarded pages. On the common host (no base, same flags, nothing guarded) none of it runs.
 */
#ifndef KIT_RUNTIME_SYS_MARSHAL_H
#define KIT_RUNTIME_SYS_MARSHAL_H

#include "runtime/sys/sys_priv.h"

#include <fcntl.h>

/* True where asm-generic's flags of open(2) are the host's too (libc may define O_LARGEFILE as 0). */
#define SYS_OFLAGS_EQUAL                                                                           \
	(O_DIRECTORY == RV64_O_DIRECTORY && O_NOFOLLOW == RV64_O_NOFOLLOW                          \
	 && O_DIRECT == RV64_O_DIRECT)

static inline bool marshal_needed(const struct kit_thread *t)
{
	return t->st.guest_base != 0 || !SYS_OFLAGS_EQUAL;
}

typedef int64_t marshal_forward(struct kit_thread *t, const struct sys_row *row, const uint64_t *a);

/* Converts the arguments of a PASS row to host form, calls forward with them, converts back. */
int64_t marshal_call(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg,
		     marshal_forward *forward);

/* Drops the guards of what the call is going to write. */
void marshal_unguard(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg);

#endif

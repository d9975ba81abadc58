/*
 * Arguments of forwarded calls that take more than a pointer's conversion: structures that hold pointers
 * (kinds of class DEEP), open(2) flags where the host numbers them in another way, guarded pages.
 */
#ifndef KIT_RUNTIME_SYS_MARSHAL_H
#define KIT_RUNTIME_SYS_MARSHAL_H

#include "runtime/sys/sys_priv.h"

#include <fcntl.h>

/* True where asm-generic's flags of open(2) are the host's too (libc may define O_LARGEFILE as 0). */
#define SYS_OFLAGS_EQUAL                                                                           \
	(O_DIRECTORY == RV64_O_DIRECTORY && O_NOFOLLOW == RV64_O_NOFOLLOW                          \
	 && O_DIRECT == RV64_O_DIRECT)

struct iovec;

/*
 * A guest's vector of count entries into v, with the host's addresses; false when it cannot be read or has more
 * than 1024 entries. written: the kernel will write there.
 */
bool marshal_iovec(struct kit_thread *t, gaddr at, uint64_t count, bool written, struct iovec *v);

/* host_ptr for calls that ask about mappings: with a base the host has a reservation where the guest has nothing. */
long marshal_mapped(struct kit_thread *t, gaddr a);

typedef int64_t marshal_forward(struct kit_thread *t, const struct sys_row *row, const uint64_t *a);

/* Converts the arguments of a PASS row to host form, calls forward with them, converts back. */
int64_t marshal_call(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg,
		     marshal_forward *forward);

/* Names what the call is going to write to arguments of class PTR: t->writing is begun. */
void marshal_outputs(struct kit_thread *t, const struct sys_row *row, const uint64_t *reg);

#endif

/* The host has no code of its own for libc's routines so far: they are translated as the guest has them. */
#include "arch/native.h"

#include <stddef.h>

const void *const *native_routines(uint64_t features)
{
	(void)features;
	return NULL;
}

bool native_routine_leave(void *ucontext, const struct ir_state *st)
{
	(void)ucontext, (void)st;
	return false;
}

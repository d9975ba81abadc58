/* Where the host's routines are; routines.S has them. */
#include "arch/aarch64/native/routines.h"

#include "arch/aarch64/a64.h"
#include "arch/native.h"

#include <stddef.h>

#define ROUTINE(name, operands, meaning) extern const char native_##name[];
#include "lib/ir/routines.def"
#undef ROUTINE

#define AT(member) ((int)offsetof(struct ir_state, member))
_Static_assert(ST_STOP == AT(stop) && ST_BASE == AT(guest_base)
		   && ST_SAVE == AT(save[A64_SAVE_ROUTINE]),
	       "routines.h has other offsets");
#undef AT

const void *const *native_routines(uint64_t features)
{
	static const void *const routines[IR_ROUTINE_COUNT] = {
#define ROUTINE(name, operands, meaning) native_##name,
#include "lib/ir/routines.def"
#undef ROUTINE
	};

	(void)features; /* vectors are part of every AArch64 */
	return routines;
}

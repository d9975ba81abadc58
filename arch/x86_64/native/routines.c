/* Where the host's routines are; routines.S has them. */
#include "arch/x86_64/native/routines.h"

#include "arch/native.h"
#include "arch/x86_64/x64.h"

#include <stddef.h>

#define ROUTINE(name, operands, meaning) extern const char native_##name[];
#include "lib/ir/routines.def"
#undef ROUTINE

#define AT(member) ((int)offsetof(struct ir_state, member) - X64_STATE_BIAS)
_Static_assert(ST_STOP == AT(stop) && ST_BASE == AT(guest_base)
		   && ST_SAVE_RSI == AT(save[X64_SAVE_RSI]) && ST_SAVE_RDI == AT(save[X64_SAVE_RDI])
		   && ST_SAVE_A == AT(save[X64_SAVE_A]),
	       "routines.h has other offsets");
#undef AT

const void *const *native_routines(uint64_t features)
{
	static const void *const routines[IR_ROUTINE_COUNT] = {
#define ROUTINE(name, operands, meaning) native_##name,
#include "lib/ir/routines.def"
#undef ROUTINE
	};

	return X64_HAS(features, AVX2) && X64_HAS(features, BMI2) ? routines : NULL;
}

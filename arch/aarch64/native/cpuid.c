/* The features of this machine's cpu, as the kernel told them at start. */
#include "arch/aarch64/a64.h"
#include "arch/native.h"

#include <sys/auxv.h>

uint64_t native_features(void)
{
	static const uint8_t hwcap_bit[A64_FEATURE_COUNT] = {
#define FEATURE(name, text, hwcap) hwcap,
#include "arch/aarch64/features.def"
#undef FEATURE
	};
	uint64_t hwcap = getauxval(AT_HWCAP), found = 0;

	for (unsigned i = 0; i < A64_FEATURE_COUNT; i++)
		found |= (hwcap >> hwcap_bit[i] & 1) << i;
	return found;
}

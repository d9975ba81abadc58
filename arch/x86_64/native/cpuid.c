/*
 * The features of this machine's cpu, as libc found them at start: executing cpuid again would
 * cost a trap to the hypervisor on a virtual machine, some 30 us each.
 *
 * "Active" means that the cpu has it and the system saves the registers it needs (SDM volume 1, 14.3).
 */
#include "arch/native.h"
#include "arch/x86_64/x64.h"

#include <sys/platform/x86.h>

enum { REG_A, REG_B, REG_C, REG_D };

static const struct {
	uint8_t leaf, reg, bit;
} features[X64_FEATURE_COUNT] = {
#define FEATURE(name, text, leaf, reg, bit) { leaf, REG_##reg, bit },
#include "arch/x86_64/features.def"
#undef FEATURE
};

uint64_t native_features(void)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < X64_FEATURE_COUNT; i++) {
		unsigned index = features[i].leaf == 1 ? CPUID_INDEX_1 : CPUID_INDEX_7;
		const struct cpuid_feature *leaf = __x86_get_cpuid_feature_leaf(index);

		if (leaf->active_array[features[i].reg] >> features[i].bit & 1)
			found |= UINT64_C(1) << i;
	}
	return found;
}

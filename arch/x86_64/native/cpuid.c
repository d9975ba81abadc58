/*
 * The features of this machine's cpu. libc is not asked, since it does not know (scripts/link/start.c). On a virtual
 * machine each cpuid is a trap to the hypervisor of 8 to 30 us: there are two at most.
 *
 * A feature counts when the cpu has it and the system saves the registers it needs (SDM volume 1, 14.3).
 */
#include "arch/native.h"
#include "arch/x86_64/x64.h"

#include <cpuid.h>

enum { REG_A, REG_B, REG_C, REG_D };

/* Whether a feature works with YMM registers. */
static const bool uses_ymm[X64_FEATURE_COUNT] = {
	[X64_FEATURE_AVX] = true, [X64_FEATURE_FMA] = true
};

static const struct {
	uint8_t leaf, reg, bit;
} features[X64_FEATURE_COUNT] = {
#define FEATURE(name, text, leaf, reg, bit) { leaf, REG_##reg, bit },
#include "arch/x86_64/features.def"
#undef FEATURE
};

enum { OSXSAVE = 1 << 27, YMM_STATE = 6 };

/* The register states that the system saves: XCR0. */
static uint32_t saved_states(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

/* Where it is not there, it is bsr, which counts from below. */
static bool has_lzcnt(void)
{
	uint32_t n;

	__asm__("lzcnt %1, %0" : "=r"(n) : "r"(1) : "cc");
	return n == 31;
}

uint64_t native_features(void)
{
	uint32_t leaf1[4], leaf7[4] = { 0 }, tried[4] = { [REG_A] = has_lzcnt() };
	uint64_t found = 0;
	bool ymm = false;

	__cpuid(1, leaf1[REG_A], leaf1[REG_B], leaf1[REG_C], leaf1[REG_D]);
	if (leaf1[REG_C] & OSXSAVE) {
		/* Asking whether leaf 7 is there is not necessary: leaf 0xd comes with XSAVE. */
		__cpuid_count(7, 0, leaf7[REG_A], leaf7[REG_B], leaf7[REG_C], leaf7[REG_D]);
		ymm = (saved_states() & YMM_STATE) == YMM_STATE;
	}
	for (unsigned i = 0; i < X64_FEATURE_COUNT; i++) {
		const uint32_t *leaf = features[i].leaf == 1   ? leaf1
				       : features[i].leaf == 7 ? leaf7
							       : tried;

		if ((leaf[features[i].reg] >> features[i].bit & 1) && (ymm || !uses_ymm[i]))
			found |= UINT64_C(1) << i;
	}
	return found;
}

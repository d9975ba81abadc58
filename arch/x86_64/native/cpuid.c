/* The features of this machine's cpu (SDM volume 2A, CPUID; volume 1, 14.3 for AVX). */
#include "arch/native.h"
#include "arch/x86_64/x64.h"

#include <cpuid.h>

enum { REG_A, REG_B, REG_C, REG_D };
enum { LEAF1_OSXSAVE_BIT = 27, XCR0_SSE_AVX = 6 };

static const struct {
	uint8_t leaf, reg, bit;
} features[X64_FEATURE_COUNT] = {
#define FEATURE(name, text, leaf, reg, bit) { leaf, REG_##reg, bit },
#include "arch/x86_64/features.def"
#undef FEATURE
};

static bool saves_ymm(void)
{
	uint32_t r[4], lo, hi;

	if (!__get_cpuid_count(1, 0, &r[0], &r[1], &r[2], &r[3])
	    || !(r[REG_C] >> LEAF1_OSXSAVE_BIT & 1))
		return false;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (lo & XCR0_SSE_AVX) == XCR0_SSE_AVX;
}

uint64_t native_features(void)
{
	const uint64_t vex = UINT64_C(1) << X64_FEATURE_AVX | UINT64_C(1) << X64_FEATURE_FMA;
	uint64_t found = 0;

	for (unsigned i = 0; i < X64_FEATURE_COUNT; i++) {
		uint32_t r[4];

		if (__get_cpuid_count(features[i].leaf, 0, &r[0], &r[1], &r[2], &r[3])
		    && r[features[i].reg] >> features[i].bit & 1)
			found |= UINT64_C(1) << i;
	}
	return saves_ymm() ? found : found & ~vex;
}

/* guest: levels=O2 timeout=120 args=few */
/*
 * What compilers call, or write out, to count bits and to turn bytes round, against loops that say what it is: edges, each
 * single bit, runs of bits, random values. libgcc's functions are also called where they get 0, which the
 * builtins may not. Sums of what came out are printed, and with "few" it is less of them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t u64;
typedef uint32_t u32;

#ifdef __riscv
int __ctzdi2(u64), __clzdi2(u64), __ffsdi2(u64), __clrsbdi2(int64_t), __popcountdi2(u64),
    __paritydi2(u64);
u64 __bswapdi2(u64);
u32 __bswapsi2(u32);
#define OF(name, builtin) __##name
#else
/* What libgcc has there may have other names. */
static int zero_ctz(u64 x) { return x ? __builtin_ctzll(x) : -1; }
static int zero_clz(u64 x) { return x ? __builtin_clzll(x) : 64; }
#define OF(name, builtin) builtin
#endif

/* Through these the compiler does not know what it calls. */
static int through_popcount(u64 x) { return OF(popcountdi2, __builtin_popcountll)(x); }
static u64 through_bswap(u64 x) { return OF(bswapdi2, __builtin_bswap64)(x); }
static int (*volatile f_ctz)(u64) = OF(ctzdi2, zero_ctz);
static int (*volatile f_clz)(u64) = OF(clzdi2, zero_clz);
static int (*volatile f_popcount)(u64) = through_popcount;
static u64 (*volatile f_bswap)(u64) = through_bswap;

static u64 sums[24];
static unsigned long checks;

static void check(unsigned what, u64 x, u64 got, u64 want)
{
	checks++;
	sums[what] = sums[what] * 31 + got;
	if (got != want) {
		printf("%u of %llx: %llx, not %llx\n", what, (unsigned long long)x,
		       (unsigned long long)got, (unsigned long long)want);
		exit(1);
	}
}

/* ---- as loops say it. volatile: or else the compiler sees what they do ----------------------------------- */

static u64 slow_ones(u64 x, int bits)
{
	u64 n = 0;

	for (volatile int i = 0; i < bits; i++)
		n += x >> i & 1;
	return n;
}

static int slow_lowest(u64 x)
{
	for (volatile int i = 0; i < 64; i++)
		if (x >> i & 1)
			return i;
	return -1;
}

static int slow_highest(u64 x)
{
	for (volatile int i = 63; i >= 0; i--)
		if (x >> i & 1)
			return i;
	return -1;
}

static u64 slow_turn(u64 x, int bytes)
{
	u64 y = 0;

	for (volatile int i = 0; i < bytes; i++)
		y = y << 8 | (x >> 8 * i & 0xff);
	return y;
}

/* ---- as programs write it ------------------------------------------------------------------------------- */

static u64 swar64(u64 x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return x * 0x0101010101010101 >> 56;
}

static u32 swar32(u32 x)
{
	x -= x >> 1 & 0x55555555;
	x = (x & 0x33333333) + (x >> 2 & 0x33333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f;
	return x * 0x01010101 >> 24;
}

/* With a sum of the bytes by shifts. */
static u64 swar64_added(u64 x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	x += x >> 8;
	x += x >> 16;
	x += x >> 32;
	return x & 0x7f;
}

static u64 turned64(u64 x)
{
	x = (x & 0x00ff00ff00ff00ff) << 8 | (x >> 8 & 0x00ff00ff00ff00ff);
	x = (x & 0x0000ffff0000ffff) << 16 | (x >> 16 & 0x0000ffff0000ffff);
	return x << 32 | x >> 32;
}

static u64 smeared(u64 x)
{
	x |= x >> 1;
	x |= x >> 2;
	x |= x >> 4;
	x |= x >> 8;
	x |= x >> 16;
	return x | x >> 32;
}

static void one(u64 x)
{
	const int low = slow_lowest(x), high = slow_highest(x);
	const u64 ones = slow_ones(x, 64), other = (u64)((int64_t)x >> 63) ^ x;

	check(0, x, (u64)OF(ctzdi2, zero_ctz)(x), (u64)low);
	check(1, x, (u64)OF(clzdi2, zero_clz)(x), (u64)(63 - high));
	check(2, x, (u64)OF(ffsdi2, __builtin_ffsll)(x), (u64)(low + 1));
	check(3, x, (u64)OF(clrsbdi2, __builtin_clrsbll)((int64_t)x),
	      (u64)(62 - slow_highest(other)));
	check(4, x, (u64)OF(popcountdi2, __builtin_popcountll)(x), ones);
	check(5, x, (u64)OF(paritydi2, __builtin_parityll)(x), ones & 1);
	check(6, x, OF(bswapdi2, __builtin_bswap64)(x), slow_turn(x, 8));
	check(7, x, OF(bswapsi2, __builtin_bswap32)((u32)x), slow_turn(x, 4));
	check(8, x, (u64)f_ctz(x), (u64)low);
	check(9, x, (u64)f_clz(x), (u64)(63 - high));
	check(10, x, (u64)f_popcount(x), ones);
	check(11, x, f_bswap(x), slow_turn(x, 8));
	check(12, x, swar64(x), ones);
	check(13, x, swar32((u32)x), slow_ones(x, 32));
	check(14, x, swar64_added(x), ones);
	check(15, x, turned64(x), slow_turn(x, 8));
	check(16, x, swar64(~x & (x - 1)), low < 0 ? 64 : (u64)low);
	check(17, x, swar64(~smeared(x)), (u64)(63 - high));
	if (x) {
		check(18, x, (u64)__builtin_ctzll(x), (u64)low);
		check(19, x, (u64)(63 ^ __builtin_clzll(x)), (u64)high);
	}
	if ((u32)x) {
		check(20, x, (u64)__builtin_ctz((u32)x), (u64)low);
		check(21, x, (u64)__builtin_clz((u32)x), (u64)(31 - slow_highest((u32)x)));
	}
	check(22, x, (u64)__builtin_popcount((u32)x), slow_ones(x, 32));
	check(23, x, (u64)__builtin_ffs((int)x), (u64)(slow_lowest((u32)x) + 1));
}

/* Bits one by one from below, as programs go through sets: the loop is a region. */
static u64 members(u64 set)
{
	u64 sum = 0;

	for (; set; set &= set - 1)
		sum = sum * 67 + (u64)__builtin_ctzll(set) + 1;
	return sum;
}

int main(int argc, char **argv)
{
	const int few = argc > 1 && strcmp(argv[1], "few") == 0;
	u64 x = 0x9e3779b97f4a7c15, sum = 0;

	one(0);
	for (int i = 0; i < 64; i++) {
		one(UINT64_C(1) << i);
		one(~(UINT64_C(1) << i));
		one(UINT64_MAX >> i);
		one(UINT64_MAX << i);
	}
	for (int i = 0; i < (few ? 1000 : 30000); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		one(x);
		one(x >> (x & 63));
		one(x << (x >> 6 & 63));
		sum += members(x);
	}
	for (unsigned i = 0; i < sizeof sums / sizeof *sums; i++)
		printf("%u %llx\n", i, (unsigned long long)sums[i]);
	printf("%llx after %lu checks\n", (unsigned long long)sum, checks);
	return 0;
}

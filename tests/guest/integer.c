/* Integer arithmetic at its edges: widths, signs, 128 bits, shifts, bits, overflow builtins; a hash of random operations. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/guest/guest.h"

typedef __int128 i128;
typedef unsigned __int128 u128;

static const int64_t edge[] = { 0,
				1,
				-1,
				2,
				-2,
				7,
				-7,
				127,
				128,
				-128,
				-129,
				255,
				256,
				32767,
				-32768,
				65535,
				65536,
				INT_MAX,
				INT_MIN,
				(int64_t)UINT_MAX,
				(int64_t)UINT_MAX + 1,
				0x123456789abcdef,
				LONG_MAX,
				LONG_MIN,
				LONG_MIN + 1,
				0x5555555555555555 };
enum { EDGES = sizeof edge / sizeof *edge };

#define DIV(T, a, b)                                                                               \
	((T)(b) == 0 || ((T)(a) == (T)1 << (sizeof(T) * 8 - 1) && (T)(b) == (T)-1) ? 0 : (a) / (b))
#define REM(T, a, b)                                                                               \
	((T)(b) == 0 || ((T)(a) == (T)1 << (sizeof(T) * 8 - 1) && (T)(b) == (T)-1) ? 0 : (a) % (b))

NOINLINE static uint64_t ops64(uint64_t h, int64_t a, int64_t b)
{
	uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
	unsigned s = ub & 63;

	h = hash_u64(h, ua + ub);
	h = hash_u64(h, ua - ub);
	h = hash_u64(h, ua * ub);
	h = hash_u64(h, (uint64_t)DIV(int64_t, a, b));
	h = hash_u64(h, (uint64_t)REM(int64_t, a, b));
	h = hash_u64(h, ub ? ua / ub : 1);
	h = hash_u64(h, ub ? ua % ub : 1);
	h = hash_u64(h, (uint64_t)(((i128)a * b) >> 64));
	h = hash_u64(h, (uint64_t)(((u128)ua * ub) >> 64));
	h = hash_u64(h, (uint64_t)(((i128)a * (i128)ub) >> 64));
	h = hash_u64(h, ua << s | (uint64_t)(a >> s) | ua >> s);
	h = hash_u64(h, ua << s | ua >> (-s & 63));
	h = hash_u64(h, (uint64_t)((a < b) + 2 * (ua < ub) + 4 * (a == b) + 8 * (a >= b)));
	h = hash_u64(
	    h, (uint64_t)(__builtin_popcountll(ua)
			  + (ua ? __builtin_clzll(ua) * 100 + __builtin_ctzll(ua) * 10000 : 0)));
	h = hash_u64(h, __builtin_bswap64(ua) ^ __builtin_bswap32((uint32_t)ub)
			    ^ __builtin_bswap16((uint16_t)ub));
	return h;
}

NOINLINE static uint64_t ops32(uint64_t h, int32_t a, int32_t b)
{
	uint32_t ua = (uint32_t)a, ub = (uint32_t)b;
	unsigned s = ub & 31;

	h = hash_u64(h, (uint64_t)(int64_t)(int32_t)(ua + ub));
	h = hash_u64(h, (uint64_t)(int64_t)(int32_t)(ua - ub));
	h = hash_u64(h, (uint64_t)(int64_t)(int32_t)(ua * ub));
	h = hash_u64(h, (uint64_t)(int64_t)DIV(int32_t, a, b));
	h = hash_u64(h, (uint64_t)(int64_t)REM(int32_t, a, b));
	h = hash_u64(h, ub ? ua / ub : 1);
	h = hash_u64(h, ub ? ua % ub : 1);
	h = hash_u64(h, (uint64_t)(int64_t)(a >> s) + (ua >> s) + (ua << s));
	h = hash_u64(h, ua << s | ua >> (-s & 31));
	h = hash_u64(h, (uint64_t)(int64_t)(int16_t)a + (uint64_t)(int64_t)(int8_t)b + (uint16_t)a
			    + (uint8_t)b);
	h = hash_u64(h, (uint64_t)((a < b) + 2 * (ua < ub) + 4 * (a <= b)));
	return h;
}

NOINLINE static uint64_t overflow(uint64_t h, int64_t a, int64_t b)
{
	int64_t r;
	int32_t w;
	uint64_t u;

	h = hash_u64(h, (uint64_t)__builtin_add_overflow(a, b, &r)) ^ (uint64_t)r;
	h = hash_u64(h, (uint64_t)__builtin_sub_overflow(a, b, &r)) ^ (uint64_t)r;
	h = hash_u64(h, (uint64_t)__builtin_mul_overflow(a, b, &r)) ^ (uint64_t)r;
	h = hash_u64(h, (uint64_t)__builtin_add_overflow((int32_t)a, (int32_t)b, &w)) ^ (uint32_t)w;
	h = hash_u64(h, (uint64_t)__builtin_mul_overflow((int32_t)a, (int32_t)b, &w)) ^ (uint32_t)w;
	h = hash_u64(h, (uint64_t)__builtin_mul_overflow((uint64_t)a, (uint64_t)b, &u)) ^ u;
	return h;
}

struct bits {
	int a : 3;
	unsigned b : 5;
	long c : 37;
	unsigned d : 1;
	long e : 18;
};

/*
 * Quotient and remainder, and both halves of products, by instructions that stand next to each other: hosts make them
 * at once. By the manual's rules for a divisor of 0 and for overflow, which C leaves open.
 */
#ifdef __riscv
#define BOTH(x, y, op1, op2, a, b)                                                                 \
	__asm__(op1 " %0,%2,%3\n" op2 " %1,%2,%3" : "=&r"(x), "=&r"(y) : "r"(a), "r"(b))

static uint64_t pairs(uint64_t h, int64_t a, int64_t b)
{
	uint64_t x, y;

#define PAIR(op1, op2)                                                                             \
	BOTH(x, y, op1, op2, a, b);                                                                \
	h = hash_u64(hash_u64(h, x), y)
	PAIR("div", "rem");
	PAIR("remu", "divu");
	PAIR("divw", "remw");
	PAIR("remuw", "divuw");
	PAIR("mul", "mulh");
	PAIR("mulhu", "mul");
#undef PAIR
	return h;
}
#else
static uint64_t pairs(uint64_t h, int64_t a, int64_t b)
{
	uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
	int32_t wa = (int32_t)a, wb = (int32_t)b;
	bool over = a == INT64_MIN && b == -1, wover = wa == INT32_MIN && wb == -1;
	i128 p = (i128)a * b;

	h = hash_u64(h, (uint64_t)(!b ? -1 : over ? a : a / b));
	h = hash_u64(h, (uint64_t)(!b ? a : over ? 0 : a % b));
	h = hash_u64(h, b ? ua % ub : ua);
	h = hash_u64(h, b ? ua / ub : UINT64_MAX);
	h = hash_u64(h, (uint64_t)(int64_t)(!wb ? -1 : wover ? wa : wa / wb));
	h = hash_u64(h, (uint64_t)(int64_t)(!wb ? wa : wover ? 0 : wa % wb));
	h = hash_u64(h,
		     (uint64_t)(int64_t)(int32_t)(wb ? (uint32_t)wa % (uint32_t)wb : (uint32_t)wa));
	h = hash_u64(h,
		     (uint64_t)(int64_t)(int32_t)(wb ? (uint32_t)wa / (uint32_t)wb : UINT32_MAX));
	h = hash_u64(hash_u64(h, ua * ub), (uint64_t)(p >> 64));
	return hash_u64(hash_u64(h, (uint64_t)(((u128)ua * ub) >> 64)), ua * ub);
}
#endif

int main(void)
{
	uint64_t h = HASH_START, x = 1;
	struct bits b = { 0 };

	for (int i = 0; i < EDGES; i++)
		for (int k = 0; k < EDGES; k++) {
			h = ops64(h, edge[i], edge[k]);
			h = ops32(h, (int32_t)edge[i], (int32_t)edge[k]);
			h = overflow(h, edge[i], edge[k]);
		}
	printf("edges %016lx\n", (unsigned long)h);
	for (int i = 0; i < 5000; i++) {
		int64_t a = (int64_t)(rnd() >> (rnd() & 63)), c = (int64_t)(rnd() >> (rnd() & 63));

		h = ops64(h, a, c);
		h = ops32(h, (int32_t)a, (int32_t)c);
		h = overflow(h, a, c);
	}
	printf("random %016lx\n", (unsigned long)h);
	for (int i = 0; i < EDGES; i++)
		for (int k = 0; k < EDGES; k++)
			h = pairs(h, edge[i], edge[k]);
	for (int i = 0; i < 100000; i++) {
		int64_t a = (int64_t)(rnd() >> (rnd() & 63)), c = (int64_t)(rnd() >> (rnd() & 63));

		h = pairs(h, a, c);
	}
	printf("pairs %016lx\n", (unsigned long)h);
	u128 p = 1;
	for (int i = 1; i < 34; i++)
		p *= (unsigned)i;
	printf("33! %lu %lu\n", (unsigned long)(p / 1000000000000000000u),
	       (unsigned long)(p % 1000000000000000000u));
	for (int i = 0; i < 100; i++) {
		b.a += i;
		b.b += 7;
		b.c = b.c * 3 + i;
		b.d ^= 1;
		b.e -= b.a;
	}
	printf("fields %d %u %ld %u %ld\n", b.a, b.b, (long)b.c, b.d, (long)b.e);
	for (int n = 0; n < 12; n++) { /* collatz */
		int steps = 0;

		for (x = 27 + (uint64_t)n * 1000003; x != 1; steps++)
			x = x & 1 ? 3 * x + 1 : x / 2;
		printf("%d ", steps);
	}
	puts("");
	return 0;
}

/* guest: flags=-latomic */
/* Atomic builtins of all sizes and orders, compare and swap loops, by one thread. */
#include <stdatomic.h>
#include <stdio.h>

#include "tests/guest/guest.h"

#define TEST(T, name)                                                                              \
	NOINLINE static uint64_t test_##name(uint64_t h)                                           \
	{                                                                                          \
		_Atomic T v[3] = { 5, 5, 5 };                                                      \
		T e = 1, old;                                                                      \
                                                                                                   \
		for (int i = 0; i < 200; i++) {                                                    \
			T x = (T)rnd();                                                            \
                                                                                                   \
			h = hash_u64(h, (uint64_t)(T)atomic_fetch_add(&v[1], x));                  \
			h = hash_u64(h, (uint64_t)(T)atomic_fetch_sub_explicit(                    \
					    &v[1], x / 3, memory_order_relaxed));                  \
			h = hash_u64(h, (uint64_t)(T)atomic_fetch_or_explicit(                     \
					    &v[1], x, memory_order_acquire));                      \
			h = hash_u64(h, (uint64_t)(T)atomic_fetch_and_explicit(                    \
					    &v[1], (T) ~(x >> 1), memory_order_release));          \
			h = hash_u64(h, (uint64_t)(T)atomic_fetch_xor(&v[1], x));                  \
			h = hash_u64(h, (uint64_t)(T)atomic_exchange(&v[1], (T)(x * 3)));          \
			old = (T)(i & 1 ? x * 3 : x);                                              \
			h = hash_u64(h,                                                            \
				     (uint64_t)atomic_compare_exchange_strong(&v[1], &old, (T)i)); \
			h = hash_u64(h, (uint64_t)old);                                            \
			while (!atomic_compare_exchange_weak(&v[1], &e, (T)(e * 5 + 1)))           \
				;                                                                  \
			h = hash_u64(h,                                                            \
				     (uint64_t)atomic_load_explicit(&v[1], memory_order_seq_cst)); \
		}                                                                                  \
		atomic_store(&v[1], (T)77);                                                        \
		h = hash_u64(                                                                      \
		    h, (uint64_t)(v[0] + v[1] + v[2])); /* the neighbours are as they were */      \
		printf(#name " %016lx %d\n", (unsigned long)h, (int)v[1]);                         \
		return h;                                                                          \
	}

TEST(uint8_t, u8)
TEST(int8_t, s8)
TEST(uint16_t, u16)
TEST(int16_t, s16)
TEST(uint32_t, u32)
TEST(int32_t, s32)
TEST(uint64_t, u64)
TEST(int64_t, s64)

struct pair {
	long a, b;
};

int main(void)
{
	uint64_t h = HASH_START;
	static _Atomic(struct pair) p;
	struct pair x = { 1, 2 }, y;
	static int lock;

	h = test_u8(h);
	h = test_s8(h);
	h = test_u16(h);
	h = test_s16(h);
	h = test_u32(h);
	h = test_s32(h);
	h = test_u64(h);
	h = test_s64(h);
	atomic_store(&p, x);
	y = atomic_load(&p);
	x.a = 3;
	printf("pair %ld %ld %d\n", y.a, y.b, atomic_compare_exchange_strong(&p, &y, x));
	printf("flag %d ", __sync_lock_test_and_set(&lock, 1));
	printf("%d ", __sync_lock_test_and_set(&lock, 1));
	__sync_lock_release(&lock);
	printf("%d\n", lock);
	atomic_thread_fence(memory_order_seq_cst);
#ifdef __riscv
	/* min and max come as instructions only */
	int v = -5;
	unsigned r;
	long old;
	asm volatile("amomin.w %0, %2, %1" : "=r"(old), "+A"(v) : "r"(-7));
	asm volatile("amomaxu.w %0, %2, %1" : "=r"(old), "+A"(v) : "r"(3));
	asm volatile("amominu.w %0, %2, %1" : "=r"(old), "+A"(v) : "r"(9));
	asm volatile("amomax.w %0, %2, %1" : "=r"(old), "+A"(v) : "r"(-1));
	asm volatile("1: lr.w %0, %1\naddi %0, %0, 1\nsc.w t0, %0, %1\nbnez t0, 1b"
		     : "=&r"(r), "+A"(v)
		     :
		     : "t0");
	if (v != 10)
		printf("min and max: %d\n", v);
	asm volatile("li %0, 1\nsc.w %0, zero, %1" : "=&r"(r), "+A"(v)); /* no reservation */
	if (!r || v != 10)
		printf("sc without lr: %u %d\n", r, v);
#endif
	return 0;
}

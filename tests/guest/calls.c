/* Calls through pointers: qsort, tables, switches, computed goto, tail calls, structures by value. */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/guest/guest.h"

static long compares;

static int by_value(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	compares++;
	return (x > y) - (x < y);
}

static int backwards(const void *a, const void *b) { return -by_value(a, b); }

static void test_sort(void)
{
	enum { N = 20000 };
	long *v = malloc(N * sizeof *v), key, *found;

	for (int i = 0; i < N; i++)
		v[i] = (long)(rnd() % 100000);
	qsort(v, N, sizeof *v, by_value);
	for (int i = 1; i < N; i++)
		if (v[i - 1] > v[i])
			puts("not sorted");
	key = v[777];
	found = bsearch(&key, v, N, sizeof *v, by_value);
	printf("sorted %ld %ld %ld, found %d\n", v[0], v[N / 2], v[N - 1], found && *found == key);
	qsort(v, N, sizeof *v, backwards);
	printf("backwards %ld %ld, %d compares\n", v[0], v[N - 1], compares > 100000);
	free(v);
}

#define OPS(X)                                                                                     \
	X(add, a + b)                                                                              \
	X(sub, a - b)                                                                              \
	X(mul, a *b)                                                                               \
	X(xor, a ^ b) X(shl, a << (b & 63)) X(shr, a >> (b & 63)) X(min, a < b ? a : b) X(neg, -a)
#define FN(name, e)                                                                                \
	NOINLINE static uint64_t op_##name(uint64_t a, uint64_t b) { return e; }
OPS(FN)
#define PTR(name, e) op_##name,
static uint64_t (*const table[])(uint64_t, uint64_t) = { OPS(PTR) };

static void test_table(void)
{
	uint64_t a = 1, b = 3;

	for (int i = 0; i < 50000; i++) {
		a = table[(a ^ b ^ (unsigned)i) & 7](a, b);
		b = b * 5 + 1;
	}
	printf("table %016lx\n", (unsigned long)a);
}

NOINLINE static int dense(int x)
{
	switch (x) {
	case 0:
		return 5;
	case 1:
		return 17;
	case 2:
		return -3;
	case 3:
		return 99;
	case 4:
		return 4;
	case 5:
		return 1000;
	case 6:
		return 12;
	case 7:
		return 7;
	case 8:
		return -8;
	case 9:
		return 90;
	case 10:
		return 33;
	default:
		return 0;
	}
}

NOINLINE static int sparse(long x)
{
	switch (x) {
	case -1000000:
		return 1;
	case -5:
		return 2;
	case 17:
		return 3;
	case 1000:
		return 4;
	case 1l << 33:
		return 5;
	case 70000:
		return 6;
	case 70001:
		return 7;
	default:
		return 8;
	}
}

/* A machine of bytes with computed goto. */
NOINLINE static long machine(const unsigned char *code, long arg)
{
	static void *const op[] = { &&push, &&add, &&sub, &&dup, &&jnz, &&mul, &&swap, &&halt };
	long stack[32], *sp = stack;
	const unsigned char *pc = code;

	*sp = arg;
#define NEXT goto *op[*pc++]
	NEXT;
push:
	*++sp = *pc++;
	NEXT;
add:
	sp--;
	sp[0] += sp[1];
	NEXT;
sub:
	sp--;
	sp[0] -= sp[1];
	NEXT;
dup:
	sp++;
	sp[0] = sp[-1];
	NEXT;
jnz:
	pc = *sp ? code + *pc : pc + 1;
	NEXT;
mul:
	sp--;
	sp[0] *= sp[1];
	NEXT;
swap : {
	long t = sp[0];
	sp[0] = sp[-1];
	sp[-1] = t;
}
	NEXT;
halt:
	return sp[-1];
}

static long accumulate(long n, long acc);
NOINLINE static long tail_b(long n, long acc) { return accumulate(n - 1, acc ^ n); }
NOINLINE static long accumulate(long n, long acc)
{
	if (n <= 0)
		return acc;
	return n & 1 ? tail_b(n, acc + n) : accumulate(n - 1, acc * 3 + 1);
}

struct two_d {
	double a, b;
};
struct two_f {
	float a, b;
};
struct df {
	double d;
	float f;
};
struct fi {
	float f;
	int i;
};
struct ll {
	long a, b;
};
struct big {
	long v[9];
};
struct ch {
	signed char c[3];
};
struct nested {
	struct two_f f;
};

NOINLINE static struct two_d f_two_d(struct two_d x, int i)
{
	return (struct two_d){ x.b + i, x.a };
}
NOINLINE static struct two_f f_two_f(struct two_f x, struct two_f y)
{
	return (struct two_f){ x.a + y.b, x.b - y.a };
}
NOINLINE static struct df f_df(struct df x) { return (struct df){ x.d * 2, x.f / 2 }; }
NOINLINE static struct fi f_fi(struct fi x, double d)
{
	return (struct fi){ x.f + (float)d, x.i - 1 };
}
NOINLINE static struct ll f_ll(struct ll x, long a, long b, long c, long d, struct ll y,
			       struct ll z)
{
	return (struct ll){ x.a + a + y.b + z.b, x.b + b + c + d + y.a + z.a };
}
NOINLINE static struct big f_big(struct big x)
{
	for (int i = 0; i < 9; i++)
		x.v[i] *= i;
	return x;
}
NOINLINE static struct ch f_ch(struct ch x)
{
	x.c[0]++;
	x.c[2]--;
	return x;
}
NOINLINE static struct nested f_nested(struct nested x)
{
	x.f.a *= 2;
	return x;
}
NOINLINE static double f_many(float a, double b, float c, double d, float e, double f, float g,
			      double h, float i, double j, int k)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + k;
}

static void test_structs(void)
{
	struct two_d a = f_two_d((struct two_d){ 1.5, 2.5 }, 3);
	struct two_f b = f_two_f((struct two_f){ 1, 2 }, (struct two_f){ 3, 4 });
	struct df c = f_df((struct df){ 1.25, 3 });
	struct fi d = f_fi((struct fi){ 1, 2 }, 0.5);
	struct ll e =
	    f_ll((struct ll){ 1, 2 }, 3, 4, 5, 6, (struct ll){ 7, 8 }, (struct ll){ 9, 10 });
	struct big f = f_big((struct big){ { 1, 2, 3, 4, 5, 6, 7, 8, 9 } });
	struct ch g = f_ch((struct ch){ "ab" });
	struct nested n = f_nested((struct nested){ { 3, 4 } });

	printf("%g %g %g %g %g %g %g %d %ld %ld %ld %c %d %g\n", a.a, a.b, b.a, b.b, c.d, c.f, d.f,
	       d.i, e.a, e.b, f.v[8], g.c[0], g.c[2], n.f.a);
	printf("%g\n", f_many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
}

int main(void)
{
	long s = 0;

	test_sort();
	test_table();
	for (int i = -3; i < 20; i++)
		s = s * 7 + dense(i);
	static const long keys[] = { -1000000, -5, 17, 1000, 1l << 33, 70000, 70001, 3, 0 };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		s = s * 10 + sparse(keys[i]);
	printf("switches %ld\n", s);
	printf("machine %ld\n",
	       machine((const unsigned char[]){ 0, 1, 6, /* 3: */ 0, 1, 2, 6, 0, 3, 1, 6, 4, 3, 7 },
		       100000));
	printf("tail %ld\n", accumulate(100000, 1));
	test_structs();
	return 0;
}

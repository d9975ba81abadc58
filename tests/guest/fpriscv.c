/* guest: levels=O0,O2 */
/* What riscv64 alone says about floating point: saturating conversions, canonical NaNs, min and max, NaN boxes, fclass, contraction. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/guest/guest.h"

#define CVT(insn, T, x)                                                                            \
	({                                                                                         \
		T r;                                                                               \
		asm volatile(insn " %0, %1, rtz" : "=r"(r) : "f"(x));                              \
		r;                                                                                 \
	})

static unsigned fflags(void)
{
	unsigned f;

	asm volatile("frflags %0\nfsflags zero" : "=r"(f));
	return f;
}

/* Comparisons whose flags are taken back, as isless is made, of all pairs with all flags before; often enough to be hot. */
static void quiet(void)
{
	static const uint64_t k[] = { 0xbff0000000000000, 0x8000000000000000, 0,
				      0x7ff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001,
				      0xfff4000000000000 };
	static const uint32_t kf[] = { 0xbf800000, 0x80000000, 0,         0x7f800000,
				       0x7fc00000, 0x7f800001, 0xffa00000 };
	enum { VALUES = sizeof k / sizeof *k, FLAGS = 32 };
	uint64_t h = HASH_START;

	for (int n = 0; n < VALUES * VALUES * FLAGS * 8; n++) {
		int x = n % VALUES, y = n / VALUES % VALUES;
		unsigned long flags = (unsigned long)(n / (VALUES * VALUES) % FLAGS), less, most;
		float a, b;

		asm volatile("fsflags %2\nfrflags t0\nflt.d %0,%3,%4\nfle.d %1,%3,%4\nfsflags t0"
			     : "=&r"(less), "=&r"(most)
			     : "r"(flags), "f"(of64(k[x])), "f"(of64(k[y]))
			     : "t0");
		h = hash_u64(h, less + 2 * most + 4 * fflags());
		memcpy(&a, &kf[x], 4);
		memcpy(&b, &kf[y], 4);
		asm volatile("fsflags %2\nfrflags t0\nflt.s %0,%3,%4\nfle.s %1,%3,%4\nfsflags t0"
			     : "=&r"(less), "=&r"(most)
			     : "r"(flags), "f"(a), "f"(b)
			     : "t0");
		h = hash_u64(h, less + 2 * most + 4 * fflags());
	}
	printf("quiet: %lx\n", (unsigned long)h);
}

int main(void)
{
	static const double v[] = { 1e30,         -1e30,        3e9,    -3e9,   -1.5,  -0.5,
				    4294967295.0, 4294967296.0, 9.3e18, 1.8e19, 1.9e19 };
	double nan = of64(0xfff8000000001234), snan = of64(0x7ff0000000000001), r;
	volatile double a = 0.1, b = 10, c = -1;
	float f;
	uint64_t box;

	fflags();
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		long w = CVT("fcvt.w.d", long, v[i]), wu = CVT("fcvt.wu.d", long, v[i]),
		     l = CVT("fcvt.l.d", long, v[i]), lu = CVT("fcvt.lu.d", long, v[i]);
		printf("%g: %lx %lx %lx %lx flags %x\n", v[i], w, wu, l, lu, fflags());
	}
	printf("nan: %lx %lx %x\n", CVT("fcvt.w.d", long, nan), CVT("fcvt.lu.d", long, nan),
	       fflags());
	asm volatile("fadd.d %0, %1, %1" : "=f"(r) : "f"(nan));
	printf("nan+nan %016lx %x\n", bits64(r), fflags());
	asm volatile("fadd.d %0, %1, %1" : "=f"(r) : "f"(snan));
	printf("snan+snan %016lx %x\n", bits64(r), fflags());
	asm volatile("fmin.d %0, %1, %2" : "=f"(r) : "f"(nan), "f"(1.0));
	printf("min(nan,1) %016lx %x\n", bits64(r), fflags());
	asm volatile("fmin.d %0, %1, %2" : "=f"(r) : "f"(nan), "f"(nan));
	printf("min(nan,nan) %016lx %x\n", bits64(r), fflags());
	asm volatile("fmax.d %0, %1, %2" : "=f"(r) : "f"(snan), "f"(1.0));
	printf("max(snan,1) %016lx %x\n", bits64(r), fflags());
	asm volatile("fmin.d %0, %1, %2" : "=f"(r) : "f"(0.0), "f"(-0.0));
	printf("min(0,-0) %016lx\n", bits64(r));
	asm volatile("fmax.d %0, %1, %2" : "=f"(r) : "f"(-0.0), "f"(0.0));
	printf("max(-0,0) %016lx\n", bits64(r));
	asm volatile("fcvt.s.d %0, %1" : "=f"(f) : "f"(nan));
	printf("(float)nan %08x\n", bits32(f));
	/* A float in a double register without its box of ones is a NaN. */
	asm volatile("fmv.d.x ft0, %1\nfadd.s ft0, ft0, ft0\nfmv.x.d %0, ft0"
		     : "=r"(box)
		     : "r"(0x3f800000ul)
		     : "ft0");
	printf("unboxed %016lx\n", box);
	asm volatile("fmv.d.x ft0, %1\nfadd.s ft0, ft0, ft0\nfmv.x.d %0, ft0"
		     : "=r"(box)
		     : "r"(0xffffffff3f800000ul)
		     : "ft0");
	printf("boxed %016lx\n", box);
	asm volatile("fmv.d.x ft0, %1\nfsgnj.s ft0, ft0, ft0\nfmv.x.d %0, ft0"
		     : "=r"(box)
		     : "r"(0x12345678ul)
		     : "ft0");
	printf("fsgnj unboxed %016lx\n", box);
	for (int i = 0; i < 10; i++) {
		static const uint64_t k[] = { 0xfff0000000000000,
					      0xc000000000000000,
					      0x8000000000000001,
					      0x8000000000000000,
					      0,
					      1,
					      0x3ff0000000000000,
					      0x7ff0000000000000,
					      0x7ff0000000000001,
					      0x7ff8000000000000 };
		long class;

		asm volatile("fclass.d %0, %1" : "=r"(class) : "f"(of64(k[i])));
		printf("%lx ", class);
	}
	puts("");
	for (int rm = 0; rm < 5; rm++) { /* rounding to nearest, ties to magnitude, is rm 4 */
		double x = 2.5, y = -3.5;
		long i, k;

		asm volatile("fsrm %4\nfcvt.l.d %0, %2\nfcvt.l.d %1, %3\nfsrm zero"
			     : "=&r"(i), "=&r"(k)
			     : "f"(x), "f"(y), "r"(rm));
		printf("rm %d: %ld %ld\n", rm, i, k);
	}
	r = fma(a, b, c);
	quiet();
	printf("contraction: separate %d, fma %g\n", a * b + c == 0, r);
	return 0;
}

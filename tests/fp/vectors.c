/*
 * vectors COUNT [SEED]: every floating-point instruction on COUNT sets of operands in every rounding mode, static and dynamic,
 * in loops that get hot. A line for each: its name, the mode, how the flags were read, and a hash of all results and flags.
 *
 * Each instruction runs in two loops: one reads the flags after each vector, the other one after four, so that flags come
 * together from several. Operands are those of tests/unit/fpcases.h; one float in 16 is not boxed.
 */
#include "tests/unit/fpcases.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 4096, MODES = 5 };

struct vector {
	uint64_t a, b, c;
};

struct result {
	uint64_t value, flags;
};

typedef void loop_fn(const struct vector *v, struct result *r, long n);

/* ---- the loops ------------------------------------------------------------------------------------ */

#define LOAD(at)                                                                                   \
	"fld fa0, " #at "(%[v])\n\tfld fa1, 8+" #at "(%[v])\n\tfld fa2, 16+" #at "(%[v])\n\t"      \
	"ld a0, " #at "(%[v])\n\t"
#define ASM(text)                                                                                  \
	asm volatile(text : : [v] "r"(v), [r] "r"(r) : "fa0", "fa1", "fa2", "a0", "t0", "memory")
#define ONE(at, to, code, store) LOAD(at) code "\n\t" store ", " #to "(%[r])\n\t"

/* store: of the result, out of fa0 or a0. */
#define LOOPS(id, code, store)                                                                     \
	static void id##_each(const struct vector *v, struct result *r, long n)                    \
	{                                                                                          \
		for (; n; n--, v++, r++)                                                           \
			ASM("fsflags zero\n\t" ONE(0, 0, code,                                     \
						   store) "frflags t0\n\tsd t0, 8(%[r])");         \
	}                                                                                          \
	static void id##_four(const struct vector *v, struct result *r, long n)                    \
	{                                                                                          \
		for (; n; n -= 4, v += 4, r += 4)                                                  \
			ASM("fsflags zero\n\t" ONE(0, 0, code, store) ONE(24, 16, code, store)     \
				ONE(48, 32, code, store)                                           \
				    ONE(72, 48, code, store) "frflags t0\n\tsd t0, 8(%[r])");      \
	}

#define F                         "fsd fa0"
#define X                         "sd a0"
#define MODE(id, rm, code, store) LOOPS(id##_##rm, code ", " #rm, store)
#define ROUNDED(id, name, kind, code, store)                                                       \
	MODE(id, rne, code, store)                                                                 \
	MODE(id, rtz, code, store)                                                                 \
	MODE(id, rdn, code, store)                                                                 \
	MODE(id, rup, code, store)                                                                 \
	MODE(id, rmm, code, store)                                                                 \
	MODE(id, dyn, code, store)
#define EXACT(id, name, kind, code, store) LOOPS(id, code, store)

/* Those with a rounding mode, and those without. Kinds of operands: s, d, x (integers). */
#define TWO_FORMATS(Y, id, kind, op, operands)                                                     \
	Y(id##_s, op ".s", 's', op ".s " operands, F)                                              \
	Y(id##_d, op ".d", 'd', op ".d " operands, F)
#define FROM_FLOAT(Y, to)                                                                          \
	Y(fcvt_##to##_s, "fcvt." #to ".s", 's', "fcvt." #to ".s a0, fa0", X)                       \
	Y(fcvt_##to##_d, "fcvt." #to ".d", 'd', "fcvt." #to ".d a0, fa0", X)
#define ALL_ROUNDED(Y)                                                                             \
	TWO_FORMATS(Y, fadd, , "fadd", "fa0, fa0, fa1")                                            \
	TWO_FORMATS(Y, fsub, , "fsub", "fa0, fa0, fa1")                                            \
	TWO_FORMATS(Y, fmul, , "fmul", "fa0, fa0, fa1")                                            \
	TWO_FORMATS(Y, fdiv, , "fdiv", "fa0, fa0, fa1")                                            \
	TWO_FORMATS(Y, fsqrt, , "fsqrt", "fa0, fa0")                                               \
	TWO_FORMATS(Y, fmadd, , "fmadd", "fa0, fa0, fa1, fa2")                                     \
	TWO_FORMATS(Y, fmsub, , "fmsub", "fa0, fa0, fa1, fa2")                                     \
	TWO_FORMATS(Y, fnmadd, , "fnmadd", "fa0, fa0, fa1, fa2")                                   \
	TWO_FORMATS(Y, fnmsub, , "fnmsub", "fa0, fa0, fa1, fa2")                                   \
	FROM_FLOAT(Y, w)                                                                           \
	FROM_FLOAT(Y, wu)                                                                          \
	FROM_FLOAT(Y, l)                                                                           \
	FROM_FLOAT(Y, lu)                                                                          \
	Y(fcvt_s_w, "fcvt.s.w", 'x', "fcvt.s.w fa0, a0", F)                                        \
	Y(fcvt_s_wu, "fcvt.s.wu", 'x', "fcvt.s.wu fa0, a0", F)                                     \
	Y(fcvt_s_l, "fcvt.s.l", 'x', "fcvt.s.l fa0, a0", F)                                        \
	Y(fcvt_s_lu, "fcvt.s.lu", 'x', "fcvt.s.lu fa0, a0", F)                                     \
	Y(fcvt_d_l, "fcvt.d.l", 'x', "fcvt.d.l fa0, a0", F)                                        \
	Y(fcvt_d_lu, "fcvt.d.lu", 'x', "fcvt.d.lu fa0, a0", F)                                     \
	Y(fcvt_s_d, "fcvt.s.d", 'd', "fcvt.s.d fa0, fa0", F)
#define COMPARISONS(Y, op)                                                                         \
	Y(op##_s, #op ".s", 's', #op ".s a0, fa0, fa1", X)                                         \
	Y(op##_d, #op ".d", 'd', #op ".d a0, fa0, fa1", X)
#define ALL_EXACT(Y)                                                                               \
	TWO_FORMATS(Y, fmin, , "fmin", "fa0, fa0, fa1")                                            \
	TWO_FORMATS(Y, fmax, , "fmax", "fa0, fa0, fa1")                                            \
	TWO_FORMATS(Y, fsgnj, , "fsgnj", "fa0, fa0, fa1")                                          \
	TWO_FORMATS(Y, fsgnjn, , "fsgnjn", "fa0, fa0, fa1")                                        \
	TWO_FORMATS(Y, fsgnjx, , "fsgnjx", "fa0, fa0, fa1")                                        \
	COMPARISONS(Y, feq)                                                                        \
	COMPARISONS(Y, flt)                                                                        \
	COMPARISONS(Y, fle)                                                                        \
	Y(fclass_s, "fclass.s", 's', "fclass.s a0, fa0", X)                                        \
	Y(fclass_d, "fclass.d", 'd', "fclass.d a0, fa0", X)                                        \
	Y(fcvt_d_w, "fcvt.d.w", 'x', "fcvt.d.w fa0, a0", F)                                        \
	Y(fcvt_d_wu, "fcvt.d.wu", 'x', "fcvt.d.wu fa0, a0", F)                                     \
	Y(fcvt_d_s, "fcvt.d.s", 's', "fcvt.d.s fa0, fa0", F)                                       \
	Y(fmv_x_w, "fmv.x.w", 's', "fmv.x.w a0, fa0", X)                                           \
	Y(fmv_w_x, "fmv.w.x", 'x', "fmv.w.x fa0, a0", F)

ALL_ROUNDED(ROUNDED)
ALL_EXACT(EXACT)

struct row {
	const char *name, *mode;
	char kind;
	loop_fn *loop[2];
};

#define ROW_MODE(id, name, kind, rm) { name, #rm, kind, { id##_##rm##_each, id##_##rm##_four } },
#define ROUNDED_ROW(id, name, kind, code, store)                                                   \
	ROW_MODE(id, name, kind, rne)                                                              \
	ROW_MODE(id, name, kind, rtz)                                                              \
	ROW_MODE(id, name, kind, rdn)                                                              \
	ROW_MODE(id, name, kind, rup)                                                              \
	ROW_MODE(id, name, kind, rmm)                                                              \
	ROW_MODE(id, name, kind, dyn)
#define EXACT_ROW(id, name, kind, code, store) { name, "", kind, { id##_each, id##_four } },

static const struct row rows[] = { ALL_ROUNDED(ROUNDED_ROW) ALL_EXACT(EXACT_ROW) };

/* ---- operands ------------------------------------------------------------------------------------- */

static uint64_t random_operand(struct fpcases *fc, char kind, uint64_t other)
{
	uint64_t v;

	if (kind == 'x') {
		v = fpcases_rng(fc);
		switch (v % 4) {
		case 0:
			return fpcases_rng(fc);
		case 1: /* ends at a bit: halves of the last place, and what rounds up to a power of two */
			return (UINT64_MAX >> (v >> 8) % 64) - (v >> 16) % 3;
		case 2:
			return (uint64_t)1 << (v >> 8) % 64 | (uint64_t)1 << (v >> 16) % 64;
		default:
			return (uint64_t)((int64_t)fpcases_rng(fc) >> (v >> 8) % 64);
		}
	}
	v = fpcases_random(fc, other);
	return kind == 'd'            ? v
	       : fpcases_rng(fc) % 16 ? v | UINT64_C(0xffffffff) << 32
				      : v | fpcases_rng(fc) << 32;
}

static void fill(struct fpcases *fc, char kind, struct vector *v, long count)
{
	for (long n = 0; n < count; n++) {
		v[n].a = random_operand(fc, kind, 0);
		v[n].b = random_operand(fc, kind, v[n].a);
		v[n].c = random_operand(fc, kind, v[n].b);
	}
}

/* ---- running -------------------------------------------------------------------------------------- */

static uint64_t hash(uint64_t h, const struct result *r, long n)
{
	for (; n; n--, r++) {
		h = (h ^ r->value) * 0x9e3779b97f4a7c15;
		h = (h ^ h >> 29 ^ r->flags) * 0xbf58476d1ce4e5b9;
	}
	return h ^ h >> 32;
}

static void run(const struct row *row, unsigned way, int frm, long count, uint64_t seed)
{
	static struct vector v[CHUNK];
	static struct result r[CHUNK];
	struct fpcases fc;
	uint64_t h = 0;

	fpcases_init(&fc, row->kind == 'd', seed + (uint64_t)(row - rows) * MODES + (uint64_t)frm);
	for (; count > 0; count -= CHUNK) {
		long n = count < CHUNK ? (count + 3) / 4 * 4 : CHUNK;

		fill(&fc, row->kind, v, n);
		memset(r, 0, sizeof r);
		asm volatile("fsrm %0" : : "r"(frm));
		row->loop[way](v, r, n);
		asm volatile("fsrm zero");
		h = hash(h, r, n);
	}
	printf("%s %s %d %s %016lx\n", row->name, row->mode, frm, way ? "four" : "each", h);
}

int main(int argc, char **argv)
{
	const long count = argc > 1 ? atol(argv[1]) : 1000;
	const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

	/* An instruction without a mode of its own is run in all, too: they must not matter. */
	for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++)
		for (int frm = 0;
		     frm < (!strcmp(rows[n].mode, "dyn") || !*rows[n].mode ? MODES : 1); frm++)
			for (unsigned way = 0; way < 2; way++)
				run(&rows[n], way, frm, count, seed);
	return 0;
}

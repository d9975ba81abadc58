/*
 * Parallel moves: several registers get new contents at once.
 *
 * Register sources come first. A destination that no pending move still reads
 * is ready; when none is ready, only cycles are left:
 *
 *     a <- b, b <- c, c <- a     with a free register t: t <- a; a <- b; b <- c; c <- t
 *                                without: xchg a,b; xchg b,c
 *
 * Three moves beat an exchange where there is a free register: hosts rename moves away, while an
 * exchange is several operations (x86-64) or does not exist (AArch64). Memory and
 * constants come last: nothing reads their destinations any more, and until then these are free.
 */
#include "lib/ra/ra_priv.h"

struct lir_insn *ra_emit(struct ra_out *out, enum lir_op op, unsigned a, unsigned b, int64_t imm)
{
	static const struct lir_insn blank = {
		.exit = UINT16_MAX,
		.opnd = { { .role = LIR_DEF, .fixed = LIR_PHYS_NONE },
			  { .role = LIR_USE, .fixed = LIR_PHYS_NONE } },
	};
	struct lir_insn *in = ra_append(out);

	*in = blank;
	in->op = (uint8_t)op;
	in->gpc_off = out->gpc_off;
	in->imm = imm;
	if (a == LIR_PHYS_NONE)
		return in;
	in->nopnd = b == LIR_PHYS_NONE ? 1 : 2;
	in->opnd[0].r = (lreg)a;
	in->opnd[1].r = (lreg)b;
	if (op == LIR_STORE || op == LIR_XCHG)
		in->opnd[0].role = LIR_USE;
	return in;
}

void ra_moves_add(struct ra *s, struct ra_moves *m, unsigned dst, uint16_t v)
{
	const struct ra_value *x = &s->value[v];

	if (x->reg == dst)
		return;
	if (x->reg != LIR_PHYS_NONE) {
		m->from_reg |= RA_BIT(dst);
		m->srcs |= RA_BIT(x->reg);
		m->src[dst] = x->reg;
	} else if (x->is_const) {
		m->from_const |= RA_BIT(dst);
		m->imm[dst] = s->u->vreg[v].imm;
	} else {
		KIT_DCHECK(x->mem != RA_NOMEM, "value %u is nowhere at insn %u", v, s->i);
		m->from_mem |= RA_BIT(dst);
		m->imm[dst] = x->mem;
	}
}

/* The register moves of one call of ra_moves_emit. */
struct mover {
	uint64_t pending; /* destinations not yet written */
	uint64_t ready;   /* those that nothing pending reads */
	uint64_t temps;
	uint8_t src[LIR_PHYS_COUNT];     /* of pending destinations */
	uint8_t readers[LIR_PHYS_COUNT]; /* pending moves from a register */
};

static void start(struct mover *w, const struct ra_moves *m, uint64_t temps)
{
	w->pending = m->from_reg;
	w->ready = m->from_reg & ~m->srcs;
	w->temps = (temps | m->from_mem | m->from_const) & ~(m->srcs | m->from_reg);
	for (RA_EACH(r, m->srcs))
		w->readers[r] = 0;
	for (RA_EACH(d, m->from_reg)) {
		w->src[d] = m->src[d];
		w->readers[m->src[d]]++;
	}
}

/* Only cycles are pending. Opens the one that holds the lowest register, or exchanges its first two. */
static void break_cycle(struct mover *w, struct ra_out *out)
{
	unsigned d = ra_lowest(w->pending), s = w->src[d], last = d;
	uint64_t cls = d < LIR_PHYS_FP ? UINT32_MAX : (uint64_t)UINT32_MAX << LIR_PHYS_FP;
	uint64_t temps = w->temps & cls;

	KIT_DCHECK(d < LIR_PHYS_COUNT && s < LIR_PHYS_COUNT, "a cycle of %u and %u", d, s);
	while (w->src[last] != d) /* last is the destination that wants what d holds */
		last = w->src[last];
	if (temps) {
		unsigned t = ra_lowest(temps);

		ra_emit(out, LIR_MOVE, t, d, 0);
		w->src[last] = (uint8_t)t;
		w->readers[t] = 1;
		w->ready |= RA_BIT(d);
		return;
	}
	ra_emit(out, LIR_XCHG, d, s, 0);
	w->pending &= ~RA_BIT(d);
	if (last == s)
		w->pending &= ~RA_BIT(s);
	else
		w->src[last] = (uint8_t)s;
}

void ra_moves_emit(const struct ra_moves *m, uint64_t temps, struct ra_out *out)
{
	struct mover w;

	start(&w, m, temps);
	while (w.pending) {
		unsigned d, s;

		if (!w.ready) {
			break_cycle(&w, out);
			continue;
		}
		d = ra_lowest(w.ready);
		s = w.src[d]; /* NOLINT(clang-analyzer-core*): set for what is pending */
		KIT_DCHECK(d < LIR_PHYS_COUNT && s < LIR_PHYS_COUNT, "register %u has no source",
			   d);
		ra_emit(out, LIR_MOVE, d, s, 0);
		w.pending &= ~RA_BIT(d);
		w.ready &= ~RA_BIT(d);
		if (--w.readers[s] == 0)
			w.ready |= w.pending & RA_BIT(s);
	}
	for (RA_EACH(r, m->from_mem))
		ra_emit(out, LIR_LOAD, (unsigned)r, LIR_PHYS_NONE, m->imm[r]);
	for (RA_EACH(c, m->from_const))
		ra_emit(out, LIR_CONST, (unsigned)c, LIR_PHYS_NONE, m->imm[c]);
}

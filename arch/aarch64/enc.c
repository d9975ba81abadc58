/* AArch64 encoder: immediates, addresses and branch fields (Arm ARM DDI 0487, chapters C3 and C4). */
#include "arch/aarch64/enc.h"

#include "lib/base/panic.h"

#define MASK(bits) ((UINT64_C(1) << (bits)) - 1)

/* ---- immediates ------------------------------------------------------------------------------- */

void a64_rri(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n, uint32_t imm)
{
	bool high = imm > 0xfff;

	KIT_DCHECK(a64_fits_add(imm), "%#x in add or sub", imm);
	cb_put32(cb, op | a64_f_w(w) | (uint32_t)high << 22 | (high ? imm >> 12 : imm) << 10
			 | a64_f_n(n) | a64_f_d(d));
}

/* The length of the run of ones that x, which has one, starts with at bit 0. */
static unsigned ones(uint64_t x) { return x == UINT64_MAX ? 64 : (unsigned)__builtin_ctzll(~x); }

/*
 * A bit mask is a run of ones, rotated, in an element of 2, 4, .. 64 bits that is repeated over
 * the register. imms holds the size of the element and the length of the run, immr the rotation.
 */
bool a64_bitmask(unsigned w, uint64_t imm, uint32_t *fields)
{
	unsigned size = 64, left, run;
	uint64_t e;

	if (!w)
		imm = (imm & UINT32_MAX) | imm << 32;
	if (imm == 0 || imm == UINT64_MAX)
		return false;
	while (size > 2 && ((imm ^ imm >> size / 2) & MASK(size / 2)) == 0)
		size /= 2;
	e = size == 64 ? imm : imm & MASK(size);
	/* Rotate so that the run starts at bit 0: the lowest one behind a zero. */
	if (e & 1) {
		unsigned top = 0;

		while (e >> (size - 1 - top) & 1)
			top++;
		left = top;
	} else {
		left = size - (unsigned)__builtin_ctzll(e);
	}
	left %= size;
	if (left) {
		e = e << left | e >> (size - left);
		if (size < 64)
			e &= MASK(size);
	}
	run = ones(e);
	if (run < 64 && e >> run)
		return false;
	*fields = (uint32_t)(size == 64) << 22 | left << 16
		  | ((~(2 * size - 1) & 0x3f) | (run - 1)) << 10;
	return true;
}

void a64_log(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n, uint64_t imm)
{
	uint32_t fields = 0;
	bool ok = a64_bitmask(w, imm, &fields);

	KIT_DCHECK(ok, "%#llx is no bit mask", (unsigned long long)imm);
	cb_put32(cb, op | a64_f_w(w) | fields | a64_f_n(n) | a64_f_d(d));
}

void a64_movw(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, uint16_t imm, unsigned shift)
{
	cb_put32(cb, op | a64_f_w(w) | shift / 16 << 21 | (uint32_t)imm << 5 | a64_f_d(d));
}

/* How many of the 16-bit parts of imm are not part. */
static unsigned parts_other(unsigned w, uint64_t imm, uint16_t part)
{
	unsigned n = 0;

	for (unsigned i = 0; i < (w ? 4 : 2); i++)
		n += (uint16_t)(imm >> 16 * i) != part;
	return n;
}

unsigned a64_mov_imm_count(unsigned w, uint64_t imm)
{
	unsigned zeros = parts_other(w, imm, 0), others = parts_other(w, imm, 0xffff);
	unsigned n = zeros < others ? zeros : others;
	uint32_t fields;

	return n <= 1 || a64_bitmask(w, imm, &fields) ? 1 : n;
}

void a64_mov_imm(struct codebuf *cb, unsigned w, unsigned d, uint64_t imm)
{
	bool inverted = parts_other(w, imm, 0xffff) < parts_other(w, imm, 0);
	uint16_t skip = inverted ? 0xffff : 0;
	bool first = true;
	uint32_t fields;

	if (w && imm <= UINT32_MAX && a64_mov_imm_count(0, imm) <= a64_mov_imm_count(1, imm)) {
		a64_mov_imm(cb, 0, d, imm);
		return;
	}
	if (parts_other(w, imm, skip) > 1 && a64_bitmask(w, imm, &fields)) {
		a64_log(cb, A64_ORR_I, w, d, A64_ZR, imm);
		return;
	}
	for (unsigned i = 0; i < (w ? 4u : 2u); i++) {
		uint16_t part = (uint16_t)(imm >> 16 * i);

		if (part == skip)
			continue;
		if (!first)
			a64_movw(cb, A64_MOVK, w, d, part, 16 * i);
		else if (inverted)
			a64_movw(cb, A64_MOVN, w, d, (uint16_t)~part, 16 * i);
		else
			a64_movw(cb, A64_MOVZ, w, d, part, 16 * i);
		first = false;
	}
	if (first)
		a64_movw(cb, inverted ? A64_MOVN : A64_MOVZ, w, d, 0, 0);
}

void a64_add_imm(struct codebuf *cb, unsigned w, unsigned d, unsigned n, int64_t imm, unsigned tmp)
{
	uint64_t size = imm < 0 ? -(uint64_t)imm : (uint64_t)imm;

	if (a64_fits_add(size)) {
		a64_rri(cb, imm < 0 ? A64_SUB_I : A64_ADD_I, w, d, n, (uint32_t)size);
		return;
	}
	KIT_DCHECK(tmp != n, "register %u", n);
	a64_mov_imm(cb, w, tmp, (uint64_t)imm);
	a64_rrr(cb, A64_ADD, w, d, n, tmp);
}

void a64_movi(struct codebuf *cb, unsigned d, uint8_t bytes)
{
	cb_put32(cb, A64_MOVI_D | (uint32_t)(bytes >> 5) << 16 | (uint32_t)(bytes & 31) << 5
			 | a64_f_d(d));
}

/* ---- loads and stores ------------------------------------------------------------------------- */

enum {
	LS_SCALED = 0x01000000,
	LS_INDEX = 0x00206800,
	LS_INDEX_SHIFTED = 0x00001000,
	LS_PRE = 0xc00,
	LS_POST = 0x400
};

static bool fits_scaled(unsigned log2, int64_t disp)
{
	return disp >= 0 && disp >> log2 < 0x1000 && !(disp & (int64_t)MASK(log2));
}

static bool fits_9(int64_t disp) { return disp >= -256 && disp < 256; }

bool a64_fits_disp(unsigned log2, int64_t disp) { return fits_9(disp) || fits_scaled(log2, disp); }

void a64_ls(struct codebuf *cb, uint32_t op, unsigned t, struct a64_mem m)
{
	unsigned log2 = a64_ls_log2(op);
	uint32_t word = op | a64_f_n(m.base) | a64_f_d(t);

	if (m.mode == A64_OFFSET && fits_scaled(log2, m.disp)) {
		cb_put32(cb, word | (uint32_t)m.disp >> log2 << 10);
		return;
	}
	word &= ~(uint32_t)LS_SCALED;
	if (m.mode == A64_INDEX) {
		KIT_DCHECK(m.shift == 0 || m.shift == log2, "index shifted by %u", m.shift);
		cb_put32(cb, word | LS_INDEX | (m.shift ? LS_INDEX_SHIFTED : 0) | a64_f_m(m.index));
		return;
	}
	KIT_DCHECK(fits_9(m.disp), "displacement %d", m.disp);
	word |= ((uint32_t)m.disp & 0x1ff) << 12;
	cb_put32(cb, word | (m.mode == A64_PRE ? LS_PRE : m.mode == A64_POST ? LS_POST : 0));
}

void a64_lsp(struct codebuf *cb, uint32_t op, unsigned t, unsigned t2, struct a64_mem m)
{
	enum { PAIR_MODE = 0x01800000, PAIR_PRE = 0x01800000, PAIR_POST = 0x00800000 };
	uint32_t word =
	    op | ((uint32_t)(m.disp / 8) & 0x7f) << 15 | a64_f_a(t2) | a64_f_n(m.base) | a64_f_d(t);

	KIT_DCHECK(!(m.disp & 7) && m.disp >= -512 && m.disp < 512, "displacement %d", m.disp);
	if (m.mode != A64_OFFSET)
		word = (word & ~(uint32_t)PAIR_MODE) | (m.mode == A64_PRE ? PAIR_PRE : PAIR_POST);
	cb_put32(cb, word);
}

/* ---- branches --------------------------------------------------------------------------------- */

static uint32_t put_at(struct codebuf *cb, uint32_t word)
{
	uint32_t at = cb_pos(cb);

	cb_put32(cb, word);
	return at;
}

uint32_t a64_b(struct codebuf *cb) { return put_at(cb, A64_B); }
uint32_t a64_bl(struct codebuf *cb) { return put_at(cb, A64_BL); }
uint32_t a64_bcc(struct codebuf *cb, enum a64_cc cc) { return put_at(cb, A64_BCC | (uint32_t)cc); }

uint32_t a64_cb(struct codebuf *cb, bool not_zero, unsigned w, unsigned t)
{
	return put_at(cb, (not_zero ? A64_CBNZ : A64_CBZ) | a64_f_w(w) | a64_f_d(t));
}

uint32_t a64_tb(struct codebuf *cb, bool not_zero, unsigned t, unsigned bit)
{
	return put_at(cb, (not_zero ? A64_TBNZ : A64_TBZ) | (bit >> 5) << 31 | (bit & 31) << 19
			      | a64_f_d(t));
}

uint32_t a64_adr(struct codebuf *cb, unsigned d) { return put_at(cb, A64_ADR | a64_f_d(d)); }
uint32_t a64_lit(struct codebuf *cb, uint32_t op, unsigned t)
{
	return put_at(cb, op | a64_f_d(t));
}

uint32_t a64_branch_word(uint32_t was, int64_t disp)
{
	return (was & 0xfc000000) | ((uint32_t)(disp >> 2) & MASK(26));
}

/* Bits of the field, counted in instructions, and where it starts. */
static unsigned field_of(uint32_t word, unsigned *shift)
{
	*shift = 5;
	if ((word & 0x7c000000) == A64_B) {
		*shift = 0;
		return 26;
	}
	return (word & 0x7e000000) == A64_TBZ ? 14 : 19; /* b.cc, cbz, literals */
}

void a64_fix(struct codebuf *cb, uint32_t at, uint32_t target)
{
	int64_t disp = (int64_t)target - at;
	unsigned shift, bits;
	uint32_t word;

	if (at + 4 > cb_pos(cb))
		return; /* it did not fit */
	memcpy(&word, cb->start + at, 4);
	if ((word & 0x9f000000) == A64_ADR) {
		cb->overflow |= disp < -(1 << 20) || disp >= 1 << 20;
		word = (word & 0x9f00001f) | ((uint32_t)disp & 3) << 29
		       | ((uint32_t)(disp >> 2) & (uint32_t)MASK(19)) << 5;
	} else {
		bits = field_of(word, &shift);
		KIT_DCHECK(!(disp & 3), "a branch of %lld bytes", (long long)disp);
		cb->overflow |= disp >> (bits + 1) != disp >> 63;
		word = (word & ~((uint32_t)MASK(bits) << shift))
		       | ((uint32_t)(disp >> 2) & (uint32_t)MASK(bits)) << shift;
	}
	cb_patch32(cb, at, word);
}

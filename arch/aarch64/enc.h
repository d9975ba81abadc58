/*
 * Encoder for AArch64: one function a shape of instruction, opcode words as data (enc.def).
 *
 * Each call writes one whole instruction or sets the buffer's sticky overflow flag, but for the ones that say how many
 * they need. Registers are numbers 0..31, vector registers too; 31 is the stack pointer or zero
 * as the instruction has it. w: 1 for 64-bit operands, 0 for 32-bit ones; likewise dbl for doubles and floats.
 */
#ifndef A64_ENC_H
#define A64_ENC_H

#include "lib/base/bits.h"
#include "lib/jit/codebuf.h"

enum { A64_ZR = 31, A64_SP = 31, A64_LR = 30, A64_NOREG = 0xff };

/* Condition codes. Bit 0 inverts. */
enum a64_cc {
	A64_CC_EQ,
	A64_CC_NE,
	A64_CC_HS,
	A64_CC_LO,
	A64_CC_MI,
	A64_CC_PL,
	A64_CC_VS,
	A64_CC_VC,
	A64_CC_HI,
	A64_CC_LS,
	A64_CC_GE,
	A64_CC_LT,
	A64_CC_GT,
	A64_CC_LE,
};

enum a64_shift { A64_LSL, A64_LSR, A64_ASR, A64_ROR };

/* Scopes of dmb, all inner shareable: loads before against all behind, stores against stores, everything. */
enum a64_dmb { A64_ISHLD = 9, A64_ISHST = 10, A64_ISH = 11 };

enum a64_op {
#define ENC(name, mnem, form, word) A64_##name = (int)(word),
#include "arch/aarch64/enc.def"
#undef ENC
};

/* How the address of a load or store is made. */
enum a64_mode {
	A64_OFFSET, /* base + disp: scaled and unsigned, or 9 bits signed */
	A64_PRE,    /* the same, 9 bits signed; base becomes it */
	A64_POST,   /* base; then base += disp, 9 bits signed */
	A64_INDEX,  /* base + (index << shift); shift is 0 or log2 of the size */
};

struct a64_mem {
	uint8_t base, index, shift, mode;
	int32_t disp;
};

static inline struct a64_mem a64_at(unsigned base, int32_t disp)
{
	return (struct a64_mem){ (uint8_t)base, A64_NOREG, 0, A64_OFFSET, disp };
}

static inline struct a64_mem a64_indexed(unsigned base, unsigned index, unsigned shift)
{
	return (struct a64_mem){ (uint8_t)base, (uint8_t)index, (uint8_t)shift, A64_INDEX, 0 };
}

/* ---- fields --------------------------------------------------------------------------------- */

static inline uint32_t a64_f_w(unsigned w) { return (uint32_t)w << 31; }
static inline uint32_t a64_f_d(unsigned r) { return r; }
static inline uint32_t a64_f_n(unsigned r) { return (uint32_t)r << 5; }
static inline uint32_t a64_f_a(unsigned r) { return (uint32_t)r << 10; }
static inline uint32_t a64_f_m(unsigned r) { return (uint32_t)r << 16; }
static inline uint32_t a64_f_dbl(unsigned dbl) { return (uint32_t)dbl << 22; }
static inline uint32_t a64_f_cc(unsigned cc) { return (uint32_t)cc << 12; }
/* Sizes of 4 or 8 bytes of the exclusive and atomic rows. */
static inline uint32_t a64_f_size(unsigned w) { return (uint32_t)w << 30; }

/* ---- shapes --------------------------------------------------------------------------------- */

static inline void a64_rrr(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n,
			   unsigned m)
{
	cb_put32(cb, op | a64_f_w(w) | a64_f_m(m) | a64_f_n(n) | a64_f_d(d));
}

/* d = n OP (m shifted). */
static inline void a64_rrs(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n,
			   unsigned m, enum a64_shift shift, unsigned by)
{
	a64_rrr(cb, op | (uint32_t)shift << 22 | by << 10, w, d, n, m);
}

static inline void a64_rrrr(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n,
			    unsigned m, unsigned a)
{
	a64_rrr(cb, op | a64_f_a(a), w, d, n, m);
}

static inline void a64_rr(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n)
{
	a64_rrr(cb, op, w, d, n, 0);
}

/* d = cc ? n : OP m. */
static inline void a64_csel(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n,
			    unsigned m, enum a64_cc cc)
{
	a64_rrr(cb, op | a64_f_cc(cc), w, d, n, m);
}

/* Bitfield moves (DDI 0487, C6.2, UBFM): lsb and imms as the instruction has them. */
static inline void a64_bfm(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n,
			   unsigned immr, unsigned imms)
{
	cb_put32(cb, op | a64_f_w(w) | (uint32_t)w << 22 | immr << 16 | imms << 10 | a64_f_n(n)
			 | a64_f_d(d));
}

static inline void a64_extr(struct codebuf *cb, unsigned w, unsigned d, unsigned n, unsigned m,
			    unsigned lsb)
{
	a64_rrr(cb, A64_EXTR | (uint32_t)w << 22 | lsb << 10, w, d, n, m);
}

/* ldar and its like: t, [n] of 4 or 8 bytes. */
static inline void a64_lsx(struct codebuf *cb, uint32_t op, unsigned w, unsigned t, unsigned n)
{
	cb_put32(cb, op | a64_f_size(w) | a64_f_n(n) | a64_f_d(t));
}

/* stxr: s = 0 when t was stored to [n]. */
static inline void a64_stx(struct codebuf *cb, uint32_t op, unsigned w, unsigned s, unsigned t,
			   unsigned n)
{
	a64_lsx(cb, op | a64_f_m(s), w, t, n);
}

/* ldadd and its like: t = what was at [n], which becomes that OP s. acquire needs a t that is not zero. */
static inline void a64_amo(struct codebuf *cb, uint32_t op, unsigned w, bool acquire, bool release,
			   unsigned s, unsigned t, unsigned n)
{
	a64_lsx(cb, op | (uint32_t)acquire << 23 | (uint32_t)release << 22 | a64_f_m(s), w, t, n);
}

/* cas: [n] becomes t when it was s; s = what it was. */
static inline void a64_cas(struct codebuf *cb, unsigned w, bool acquire, bool release, unsigned s,
			   unsigned t, unsigned n)
{
	a64_lsx(cb, A64_CAS | (uint32_t)acquire << 22 | (uint32_t)release << 15 | a64_f_m(s), w, t,
		n);
}

static inline void a64_fff(struct codebuf *cb, uint32_t op, unsigned dbl, unsigned d, unsigned n,
			   unsigned m)
{
	cb_put32(cb, op | a64_f_dbl(dbl) | a64_f_m(m) | a64_f_n(n) | a64_f_d(d));
}

static inline void a64_ff(struct codebuf *cb, uint32_t op, unsigned dbl, unsigned d, unsigned n)
{
	a64_fff(cb, op, dbl, d, n, 0);
}

static inline void a64_ffff(struct codebuf *cb, uint32_t op, unsigned dbl, unsigned d, unsigned n,
			    unsigned m, unsigned a)
{
	a64_fff(cb, op | a64_f_a(a), dbl, d, n, m);
}

static inline void a64_fcmp(struct codebuf *cb, uint32_t op, unsigned dbl, unsigned n, unsigned m)
{
	a64_fff(cb, op, dbl, 0, n, m);
}

/* Between an integer register of width w and a float or double; of FMOV_RX and FMOV_XR dbl is w. */
static inline void a64_fcvt(struct codebuf *cb, uint32_t op, unsigned w, unsigned dbl, unsigned d,
			    unsigned n)
{
	a64_ff(cb, op | a64_f_w(w), dbl, d, n);
}

/* 64-bit vectors. */
static inline void a64_vvv(struct codebuf *cb, uint32_t op, unsigned d, unsigned n, unsigned m)
{
	cb_put32(cb, op | a64_f_m(m) | a64_f_n(n) | a64_f_d(d));
}

/* ---- immediates ------------------------------------------------------------------------------- */

/* Can add or sub have it: 12 bits, perhaps shifted by 12? */
static inline bool a64_fits_add(uint64_t imm)
{
	return imm < 0x1000 || (imm < 0x1000000 && !(imm & 0xfff));
}
/* The fields N, immr and imms of a logical immediate; false when there is none (C3.4.2 of the manual). */
bool a64_bitmask(unsigned w, uint64_t imm, uint32_t *fields);

/* Rows of form RRI: imm must fit (a64_fits_add). */
void a64_rri(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n, uint32_t imm);
/* Rows of form LOG: imm must be a bit mask (a64_bitmask). */
void a64_log(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, unsigned n, uint64_t imm);
void a64_movw(struct codebuf *cb, uint32_t op, unsigned w, unsigned d, uint16_t imm,
	      unsigned shift);
/* d = imm, in up to 4 instructions. Of a 32-bit one only the low half counts; the upper comes out clear. */
void a64_mov_imm(struct codebuf *cb, unsigned w, unsigned d, uint64_t imm);
/* How many instructions that takes. */
unsigned a64_mov_imm_count(unsigned w, uint64_t imm);
/* d = n + imm, which need not fit: then by way of tmp, which may be d but not n. */
void a64_add_imm(struct codebuf *cb, unsigned w, unsigned d, unsigned n, int64_t imm, unsigned tmp);

static inline void a64_mov(struct codebuf *cb, unsigned w, unsigned d, unsigned m)
{
	a64_rrr(cb, A64_ORR, w, d, A64_ZR, m);
}
static inline void a64_cmp(struct codebuf *cb, unsigned w, unsigned n, unsigned m)
{
	a64_rrr(cb, A64_SUBS, w, A64_ZR, n, m);
}
static inline void a64_lsl(struct codebuf *cb, unsigned w, unsigned d, unsigned n, unsigned by)
{
	unsigned bits = w ? 64 : 32;

	a64_bfm(cb, A64_UBFM, w, d, n, (bits - by) % bits, bits - 1 - by);
}
static inline void a64_lsr(struct codebuf *cb, unsigned w, unsigned d, unsigned n, unsigned by)
{
	a64_bfm(cb, A64_UBFM, w, d, n, by, w ? 63 : 31);
}
static inline void a64_asr(struct codebuf *cb, unsigned w, unsigned d, unsigned n, unsigned by)
{
	a64_bfm(cb, A64_SBFM, w, d, n, by, w ? 63 : 31);
}
static inline void a64_ubfx(struct codebuf *cb, unsigned w, unsigned d, unsigned n, unsigned lsb,
			    unsigned bits)
{
	a64_bfm(cb, A64_UBFM, w, d, n, lsb, lsb + bits - 1);
}
static inline void a64_cset(struct codebuf *cb, unsigned d, enum a64_cc cc)
{
	a64_csel(cb, A64_CSINC, 0, d, A64_ZR, A64_ZR, (enum a64_cc)(cc ^ 1));
}

/* ---- loads and stores ------------------------------------------------------------------------- */

/* log2 of the access's size, for rows of form LS. Of vector registers bit 23 says that all 16 bytes are meant. */
static inline unsigned a64_ls_log2(uint32_t op)
{
	return op >> 30 | (op >> 26 & op >> 23 & 1) << 2;
}
/* Can a displacement stand in a load or store of that size? */
bool a64_fits_disp(unsigned log2, int64_t disp);
/* Rows of form LS. The address must fit the instruction. */
void a64_ls(struct codebuf *cb, uint32_t op, unsigned t, struct a64_mem m);
/* Rows of form LSP: m is no index, disp a multiple of 8 in 10 bits signed. */
void a64_lsp(struct codebuf *cb, uint32_t op, unsigned t, unsigned t2, struct a64_mem m);

/* ---- branches --------------------------------------------------------------------------------- */

/*
 * Each is written with a field that leads nowhere; a64_fix makes the instruction at offset at, whichever of these it is,
 * lead to target. Out of its reach, it sets the overflow flag: 1 MB, 32 KB for tbz and tbnz, 128 MB for b and bl.
 */
uint32_t a64_b(struct codebuf *cb);
uint32_t a64_bl(struct codebuf *cb);
uint32_t a64_bcc(struct codebuf *cb, enum a64_cc cc);
/* cbz or cbnz. */
uint32_t a64_cb(struct codebuf *cb, bool not_zero, unsigned w, unsigned t);
uint32_t a64_tb(struct codebuf *cb, bool not_zero, unsigned t, unsigned bit);
uint32_t a64_adr(struct codebuf *cb, unsigned d);
/* ldr_l, ldrsw_l */
uint32_t a64_lit(struct codebuf *cb, uint32_t op, unsigned t);
void a64_fix(struct codebuf *cb, uint32_t at, uint32_t target);
/* The word of a b or bl (was) that leads disp bytes from itself; disp must be in reach. */
uint32_t a64_branch_word(uint32_t was, int64_t disp);

/* br, blr, ret. */
static inline void a64_jump(struct codebuf *cb, uint32_t op, unsigned n)
{
	cb_put32(cb, op | a64_f_n(n));
}
static inline void a64_dmb(struct codebuf *cb, enum a64_dmb scope)
{
	cb_put32(cb, A64_DMB | (uint32_t)scope << 8);
}
/* mrs, msr of the rows above. */
static inline void a64_sysreg(struct codebuf *cb, uint32_t op, unsigned t) { cb_put32(cb, op | t); }
/* umov_s1: w d = upper half of n's 64 bits; addv_b: d = sum of n's bytes. */
static inline void a64_vlane(struct codebuf *cb, uint32_t op, unsigned d, unsigned n)
{
	cb_put32(cb, op | a64_f_n(n) | a64_f_d(d));
}
/* d = 8 bytes, each all ones where bytes has its bit. */
void a64_movi(struct codebuf *cb, unsigned d, uint8_t bytes);

#endif

/*
 * The AArch64 encoder against a disassembler: each row of enc.def with registers and fields that take every bit, then
 * immediates, addresses, branches.
 */
#include "arch/aarch64/enc.h"
#include "tests/unit/encbatch.h"

/* ---- operands as text ------------------------------------------------------------------------ */

static const char *const int_name[2][32] = {
#define REG(n, n64, n32, use) [1][n] = n64, [0][n] = n32,
#define VREG(n, d, s, use)
#include "arch/aarch64/regs.def"
#undef VREG
#undef REG
};
static const char *const fp_name[2][32] = {
#define REG(n, n64, n32, use)
#define VREG(n, d, s, use) [1][n] = d, [0][n] = s,
#include "arch/aarch64/regs.def"
#undef VREG
#undef REG
};
static const char *const cc_name[] = { "eq", "ne", "hs", "lo", "mi", "pl", "vs",
				       "vc", "hi", "ls", "ge", "lt", "gt", "le" };

/* Numbers as Capstone has them. */
static const char *number(int64_t v)
{
	static char buf[4][32];
	static unsigned next;
	char *b = buf[next++ % 4];
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	snprintf(b, sizeof *buf, "%s%s%" PRIx64, v < 0 ? "-" : "", u > 9 ? "0x" : "", u);
	return b;
}

static const struct row {
	const char *name, *mnem, *form;
	uint32_t op;
} rows[] = {
#define ENC(name, mnem, form, word) { #name, mnem, #form, word },
#include "arch/aarch64/enc.def"
#undef ENC
};

/* Registers whose numbers take every bit, in each place. 31 is elsewhere: it has texts of its own. */
static const uint8_t some_regs[] = { 0, 1, 2, 4, 8, 16, 30, 21 };

/* ---- rows ------------------------------------------------------------------------------------ */

static bool is(const struct row *r, const char *form) { return strcmp(r->form, form) == 0; }

static void integer_row(const struct row *r, unsigned w, unsigned d, unsigned n, unsigned m,
			unsigned k)
{
	static const char *const shift[] = { "lsl", "lsr", "asr", "ror" };
	const char *const *x = int_name[w];
	bool logic = (r->op & 0x1f000000) == 0x0a000000;
	unsigned by = (k * 7 + 1) % (w ? 64 : 32), how = k % (logic ? 4 : 3), cc = k % 14;

	if (is(r, "RRS")) {
		a64_rrr(expect("%s %s, %s, %s", r->mnem, x[d], x[n], x[m]), r->op, w, d, n, m);
		a64_rrs(expect("%s %s, %s, %s, %s #%u", r->mnem, x[d], x[n], x[m], shift[how], by),
			r->op, w, d, n, m, (enum a64_shift)how, by);
	} else if (is(r, "RRR") || is(r, "XRRR")) {
		a64_rrr(expect("%s %s, %s, %s", r->mnem, x[d], x[n], x[m]), r->op, w, d, n, m);
	} else if (is(r, "RRRR")) {
		a64_rrrr(expect("%s %s, %s, %s, %s", r->mnem, x[d], x[n], x[m], x[k]), r->op, w, d,
			 n, m, k);
	} else if (is(r, "RR") || is(r, "XRR") || is(r, "WRR")) {
		a64_rr(expect("%s %s, %s", r->mnem, x[d], x[n]), r->op, w, d, n);
	} else if (is(r, "CSEL")) {
		if (n != m)
			a64_csel(
			    expect("%s %s, %s, %s, %s", r->mnem, x[d], x[n], x[m], cc_name[cc]),
			    r->op, w, d, n, m, (enum a64_cc)cc);
	} else if (is(r, "EXT")) {
		if (n != m)
			a64_extr(expect("extr %s, %s, %s, #%s", x[d], x[n], x[m], number(by)), w, d,
				 n, m, by);
	} else if (is(r, "RRI")) {
		a64_rri(expect("%s %s, %s, #%s", r->mnem, x[d], x[n], number(by * 63)), r->op, w, d,
			n, by * 63);
		a64_rri(expect("%s %s, %s, #%s, lsl #12", r->mnem, x[d], x[n], number(0x801 + k)),
			r->op, w, d, n, (0x801 + k) << 12);
	}
}

static void atomic_row(const struct row *r, unsigned w, unsigned t, unsigned n, unsigned s)
{
	const char *const *x = int_name[w];

	if (is(r, "LSX")) {
		a64_lsx(expect("%s %s, [%s]", r->mnem, x[t], int_name[1][n]), r->op, w, t, n);
		a64_lsx(expect("%s %s, [sp]", r->mnem, x[t]), r->op, w, t, A64_SP);
	} else if (is(r, "STX")) {
		if (s != t && s != n) /* what happens else is not said */
			a64_stx(expect("%s %s, %s, [%s]", r->mnem, int_name[0][s], x[t],
				       int_name[1][n]),
				r->op, w, s, t, n);
	} else {
		for (unsigned o = 0; o < 4; o++) {
			struct codebuf *cb =
			    expect("%s%s%s %s, %s, [%s]", r->mnem, o & 1 ? "a" : "",
				   o & 2 ? "l" : "", x[s], x[t], int_name[1][n]);

			if (is(r, "AMO"))
				a64_amo(cb, r->op, w, o & 1, o & 2, s, t, n);
			else
				a64_cas(cb, w, o & 1, o & 2, s, t, n);
		}
	}
}

static void float_row(const struct row *r, unsigned w, unsigned d, unsigned n, unsigned m,
		      unsigned k)
{
	const char *const *f = fp_name[w];

	if (is(r, "FF"))
		a64_ff(expect("%s %s, %s", r->mnem, f[d], f[n]), r->op, w, d, n);
	else if (is(r, "FFF"))
		a64_fff(expect("%s %s, %s, %s", r->mnem, f[d], f[n], f[m]), r->op, w, d, n, m);
	else if (is(r, "FFFF"))
		a64_ffff(expect("%s %s, %s, %s, %s", r->mnem, f[d], f[n], f[m], f[k]), r->op, w, d,
			 n, m, k);
	else if (is(r, "FCMP"))
		a64_fcmp(expect("%s %s, %s", r->mnem, f[n], f[m]), r->op, w, n, m);
	else if (is(r, "FCSEL"))
		a64_fff(expect("%s %s, %s, %s, %s", r->mnem, f[d], f[n], f[m], cc_name[k % 14]),
			r->op | a64_f_cc(k % 14), w, d, n, m);
	else if (is(r, "FCVT") && w) {
		bool wide = strcmp(r->name, "FCVT_DS") == 0;

		a64_ff(expect("fcvt %s, %s", fp_name[wide][d], fp_name[!wide][n]), r->op, 0, d, n);
	}
}

static void convert_row(const struct row *r, unsigned w, unsigned d, unsigned n)
{
	for (unsigned dbl = 0; dbl < 2; dbl++) {
		bool same = r->form[2] == '2';

		if (same && dbl != w)
			continue;
		if (r->form[0] == 'F')
			a64_fcvt(expect("%s %s, %s", r->mnem, int_name[w][d], fp_name[dbl][n]),
				 r->op, w, dbl, d, n);
		else
			a64_fcvt(expect("%s %s, %s", r->mnem, fp_name[dbl][d], int_name[w][n]),
				 r->op, w, dbl, d, n);
	}
}

static void vector_row(const struct row *r, unsigned d, unsigned n, unsigned m)
{
	if (is(r, "VV"))
		a64_vvv(expect("%s v%u.8b, v%u.8b", r->mnem, d, n), r->op, d, n, 0);
	else if (n != m)
		a64_vvv(expect("%s v%u.8b, v%u.8b, v%u.8b", r->mnem, d, n, m), r->op, d, n, m);
}

static void one_row(const struct row *r, unsigned w, unsigned d, unsigned n, unsigned m, unsigned k)
{
	if (is(r, "LSX") || is(r, "STX") || is(r, "AMO") || is(r, "CAS"))
		atomic_row(r, w, d, n, m);
	else if (r->form[0] == 'V')
		vector_row(r, d, n, m);
	else if (is(r, "FI") || is(r, "IF") || is(r, "FI2") || is(r, "IF2"))
		convert_row(r, w, d, n);
	else if (r->form[0] == 'F' && !is(r, "FIX"))
		float_row(r, w, d, n, m, k);
	else if (r->form[0] != (w ? 'W' : 'X'))
		integer_row(r, w, d, n, m, k);
}

static void test_rows(void)
{
	enum { COUNT = ARRAY_LEN(some_regs) };

	begin("aarch64");
	for (unsigned i = 0; i < ARRAY_LEN(rows) && !check_failed; i++) {
		CHECK_AT("%s", rows[i].name);
		for (unsigned k = 0; k < COUNT * COUNT * 2; k++)
			one_row(&rows[i], k & 1, some_regs[k / 2 % COUNT], some_regs[k / 2 / COUNT],
				some_regs[(k * 5 + 3) % COUNT], some_regs[(k * 3 + 1) % COUNT]);
		flush();
	}
	check_where[0] = 0;
	end();
}

/* ---- loads and stores ------------------------------------------------------------------------- */

static const char *reg_of(const struct row *r, unsigned t)
{
	static char vector[8];
	uint32_t op = r->op;

	if (a64_ls_log2(op) == 4) {
		snprintf(vector, sizeof vector, "q%u", t);
		return vector;
	}
	if (op & 1 << 26)
		return fp_name[op >> 30 == 3][t];
	return int_name[op >> 30 == 3 || (op >> 22 & 3) == 2][t];
}

static void one_address(const struct row *r, unsigned t, struct a64_mem m)
{
	const char *base = m.base == A64_SP ? "sp" : int_name[1][m.base], *reg = reg_of(r, t);
	unsigned log2 = a64_ls_log2(r->op);
	bool scaled = m.disp >= 0 && !(m.disp & ((1 << log2) - 1));
	char mnem[16];

	snprintf(mnem, sizeof mnem, "%s", r->mnem);
	if (m.mode == A64_OFFSET && !scaled) /* ldr becomes ldur */
		snprintf(mnem, sizeof mnem, "%.2su%s", r->mnem, r->mnem + 2);
	if (m.mode == A64_INDEX && m.shift)
		a64_ls(expect("%s %s, [%s, %s, lsl #%u]", mnem, reg, base, int_name[1][m.index],
			      m.shift),
		       r->op, t, m);
	else if (m.mode == A64_INDEX)
		a64_ls(expect("%s %s, [%s, %s]", mnem, reg, base, int_name[1][m.index]), r->op, t,
		       m);
	else if (m.disp == 0 && m.mode == A64_OFFSET)
		a64_ls(expect("%s %s, [%s]", mnem, reg, base), r->op, t, m);
	else if (m.mode == A64_POST)
		a64_ls(expect("%s %s, [%s], #%s", mnem, reg, base, number(m.disp)), r->op, t, m);
	else
		a64_ls(expect("%s %s, [%s, #%s]%s", mnem, reg, base, number(m.disp),
			      m.mode == A64_PRE ? "!" : ""),
		       r->op, t, m);
}

static void test_addresses(void)
{
	begin("aarch64");
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		unsigned log2 = a64_ls_log2(r->op);

		if (!is(r, "LS"))
			continue;
		CHECK_AT("%s", r->name);
		for (unsigned k = 0; k < ARRAY_LEN(some_regs); k++) {
			unsigned t = some_regs[k], b = some_regs[(k + 3) % 8],
				 x = some_regs[(k + 5) % 8];
			const int32_t disp[] = { 0,  1 << log2, 0xfff << log2,   0x555 << log2,
						 -1, -256,      17 - (log2 == 0) };

			for (unsigned n = 0; n < ARRAY_LEN(disp); n++) {
				one_address(r, t, a64_at(b, disp[n]));
				one_address(r, t, a64_at(A64_SP, disp[n]));
			}
			one_address(r, t,
				    (struct a64_mem){ (uint8_t)b, A64_NOREG, 0, A64_PRE, -16 });
			one_address(r, t,
				    (struct a64_mem){ (uint8_t)b, A64_NOREG, 0, A64_POST, 255 });
			one_address(r, t, a64_indexed(b, x, 0));
			if (log2)
				one_address(r, t, a64_indexed(b, x, log2));
		}
		flush();
	}
	a64_lsp(expect("stp x1, x2, [sp, #-0x200]"), A64_STP64, 1, 2, a64_at(A64_SP, -512));
	a64_lsp(expect("ldp x16, x30, [x8, #0x1f8]"), A64_LDP64, 16, 30, a64_at(8, 504));
	a64_lsp(expect("stp d8, d9, [sp, #-0x10]!"), A64_STPD, 8, 9,
		(struct a64_mem){ A64_SP, A64_NOREG, 0, A64_PRE, -16 });
	a64_lsp(expect("ldp d31, d0, [x1], #0x10"), A64_LDPD, 31, 0,
		(struct a64_mem){ 1, A64_NOREG, 0, A64_POST, 16 });
	check_where[0] = 0;
	end();
	CHECK(a64_fits_disp(3, 0x7ff8) && !a64_fits_disp(3, 0x8000) && !a64_fits_disp(3, 0x7ffc));
	CHECK(a64_fits_disp(0, 0xfff) && !a64_fits_disp(0, 0x1000));
	CHECK(a64_fits_disp(2, -256) && !a64_fits_disp(2, -257) && a64_fits_disp(2, 255)
	      && !a64_fits_disp(2, 257));
}

/* ---- immediates -------------------------------------------------------------------------------- */

static uint64_t rotated(uint64_t v, unsigned by) { return by ? v >> by | v << (64 - by) : v; }

/* Every bit mask there is: runs in elements, rotated. And nothing else. */
static void test_bitmasks(void)
{
	unsigned count = 0;

	begin("aarch64");
	for (unsigned size = 2; size <= 64; size *= 2)
		for (unsigned run = 1; run < size; run++)
			for (unsigned by = 0; by < size; by++) {
				uint64_t v = (UINT64_C(1) << run) - 1;
				uint32_t fields;

				for (unsigned s = size; s < 64; s *= 2)
					v |= v << s;
				v = rotated(v, by);
				count++;
				if (!CHECK(a64_bitmask(1, v, &fields)))
					printf("  %#" PRIx64 "\n", v);
				a64_log(expect("and x1, x30, #%s", number((int64_t)v)), A64_AND_I,
					1, 1, 30, v);
				if ((int64_t)v < 0)
					snprintf(batch.text[batch.count - 1], TEXT,
						 "and x1, x30, #0x%" PRIx64, v);
				if (size < 64) {
					CHECK(a64_bitmask(0, (uint32_t)v, &fields));
					a64_log(expect("eor w2, w3, #%s", number((uint32_t)v)),
						A64_EOR_I, 0, 2, 3, (uint32_t)v);
				}
			}
	end();
	CHECK_EQ(count, 5334); /* C3.4.2 */
	for (uint64_t v = 0; v < 3000; v++) {
		/* A run of ones or nothing: what stands alone in 64 bits. */
		uint64_t low = v ? v >> __builtin_ctzll(v) : 0;
		uint32_t fields;

		CHECK_EQ(a64_bitmask(1, v, &fields), v && !(low & (low + 1)));
		CHECK_EQ(a64_bitmask(1, ~v, &fields), v && !(low & (low + 1)));
	}
	CHECK(!a64_bitmask(0, UINT32_MAX, &(uint32_t){ 0 }));
	CHECK(!a64_bitmask(1, 0x5555555555555554, &(uint32_t){ 0 }));
}

/* What the instructions of a64_mov_imm leave in the register, by their words. */
static uint64_t run_moves(const uint8_t *bytes, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t word;
		unsigned shift;
		uint64_t imm;

		memcpy(&word, bytes + 4 * i, 4);
		shift = (word >> 21 & 3) * 16;
		imm = (uint64_t)(word >> 5 & 0xffff) << shift;
		if ((word & 0x7f800000) == A64_MOVZ)
			v = imm;
		else if ((word & 0x7f800000) == A64_MOVN)
			v = ~imm;
		else
			v = (v & ~(UINT64_C(0xffff) << shift)) | imm;
		if (!(word >> 31))
			v = (uint32_t)v;
	}
	return v;
}

static void test_mov_imm(void)
{
	static const uint16_t parts[] = { 0, 0xffff, 1, 0x8000, 0x1234 };
	uint8_t bytes[64];
	struct codebuf cb;

	begin("aarch64");
	a64_mov_imm(expect("mov w9, #0"), 1, 9, 0);
	a64_mov_imm(expect("mov x9, #-1"), 1, 9, UINT64_MAX);
	a64_mov_imm(expect("mov w9, #-1"), 1, 9, UINT32_MAX);
	a64_mov_imm(expect("mov w9, #-1"), 0, 9, UINT64_MAX);
	a64_mov_imm(expect("mov w9, #0x10000"), 1, 9, 0x10000);
	a64_mov_imm(expect("mov w9, #0x12340000"), 1, 9, 0x12340000);
	a64_mov_imm(expect("mov x9, #-0x12340001"), 1, 9, ~UINT64_C(0x12340000));
	a64_mov_imm(expect("mov x9, #0x7fffffffffffffff"), 1, 9, INT64_MAX);
	a64_mov_imm(expect("mov x9, #0xff00ff00ff00ff"), 1, 9, 0xff00ff00ff00ff);
	a64_mov_imm(expect("mov w9, #0xf0f0f0f"), 1, 9, 0x0f0f0f0f);
	end();
	for (unsigned i = 0; i < 625; i++) {
		uint64_t v = 0;
		uint32_t word;

		for (unsigned k = 0, n = i; k < 4; k++, n /= 5)
			v = v << 16 | parts[n % 5];
		for (unsigned w = 0; w < 2; w++) {
			cb_init(&cb, bytes, sizeof bytes);
			a64_mov_imm(&cb, w, 5, v);
			CHECK(cb_pos(&cb) / 4 <= a64_mov_imm_count(w, v) && cb_pos(&cb) >= 4);
			memcpy(&word, bytes, 4);
			if ((word & 0x7f800000) != A64_ORR_I) /* a bit mask */
				CHECK_EQ(run_moves(bytes, cb_pos(&cb) / 4), w ? v : (uint32_t)v);
		}
	}
	begin("aarch64");
	a64_add_imm(expect("add x1, x2, #0xfff"), 1, 1, 2, 0xfff, 1);
	a64_add_imm(expect("sub w1, w2, #1, lsl #12"), 0, 1, 2, -0x1000, 1);
	a64_add_imm(expect("mov w1, #0x1001"), 1, 1, 2, 0x1001, 1);
	batch.at[batch.count++] = cb_pos(&batch.cb) - 4;
	strcpy(batch.text[batch.count - 1], "add x1, x2, x1");
	end();
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static void test_aliases(void)
{
	begin("aarch64");
	a64_mov(expect("mov x1, x2"), 1, 1, 2);
	a64_mov(expect("mov w29, w30"), 0, 29, 30);
	a64_cmp(expect("cmp x1, x2"), 1, 1, 2);
	a64_rri(expect("cmp w1, #0xfff"), A64_SUBS_I, 0, A64_ZR, 1, 0xfff);
	a64_rri(expect("cmn x1, #1"), A64_ADDS_I, 1, A64_ZR, 1, 1);
	a64_rri(expect("mov sp, x3"), A64_ADD_I, 1, A64_SP, 3, 0);
	a64_log(expect("tst x7, #7"), A64_ANDS_I, 1, A64_ZR, 7, 7);
	a64_lsl(expect("lsl x1, x2, #0x3f"), 1, 1, 2, 63);
	a64_lsl(expect("lsl w1, w2, #1"), 0, 1, 2, 1);
	a64_lsr(expect("lsr x1, x2, #1"), 1, 1, 2, 1);
	a64_lsr(expect("lsr w1, w2, #0x1f"), 0, 1, 2, 31);
	a64_asr(expect("asr x1, x2, #0x3f"), 1, 1, 2, 63);
	a64_asr(expect("asr w1, w2, #1"), 0, 1, 2, 1);
	a64_ubfx(expect("ubfx x1, x2, #0x34, #0xb"), 1, 1, 2, 52, 11);
	a64_bfm(expect("sxtw x1, w2"), A64_SBFM, 1, 1, 2, 0, 31);
	a64_bfm(expect("sxth x1, w2"), A64_SBFM, 1, 1, 2, 0, 15);
	a64_bfm(expect("sxtb w1, w2"), A64_SBFM, 0, 1, 2, 0, 7);
	a64_bfm(expect("uxth w1, w2"), A64_UBFM, 0, 1, 2, 0, 15);
	a64_bfm(expect("bfi x1, x2, #8, #4"), A64_BFM, 1, 1, 2, 56, 3);
	a64_extr(expect("ror w1, w2, #5"), 0, 1, 2, 2, 5);
	a64_cset(expect("cset w3, lt"), 3, A64_CC_LT);
	a64_movw(expect("movk x3, #0x1234, lsl #48"), A64_MOVK, 1, 3, 0x1234, 48);
	a64_rrrr(expect("mul x1, x2, x3"), A64_MADD, 1, 1, 2, 3, A64_ZR);
	a64_jump(expect("br x16"), A64_BR, 16);
	a64_jump(expect("blr x17"), A64_BLR, 17);
	a64_jump(expect("ret"), A64_RET, A64_LR);
	a64_jump(expect("ret x1"), A64_RET, 1);
	a64_dmb(expect("dmb ish"), A64_ISH);
	a64_dmb(expect("dmb ishld"), A64_ISHLD);
	a64_dmb(expect("dmb ishst"), A64_ISHST);
	cb_put32(expect("isb"), A64_ISB);
	cb_put32(expect("svc #0"), A64_SVC);
	cb_put32(expect("nop"), A64_NOP);
	a64_sysreg(expect("mrs x3, fpcr"), A64_MRS_FPCR, 3);
	a64_sysreg(expect("mrs x30, fpsr"), A64_MRS_FPSR, 30);
	a64_sysreg(expect("msr fpcr, x3"), A64_MSR_FPCR, 3);
	a64_sysreg(expect("msr fpsr, xzr"), A64_MSR_FPSR, A64_ZR);
	a64_vlane(expect("mov w3, v30.s[1]"), A64_UMOV_S1, 3, 30);
	a64_vlane(expect("addv b1, v2.8b"), A64_ADDV_B, 1, 2);
	a64_movi(expect("movi d3, #0000000000000000"), 3, 0);
	a64_movi(expect("movi d30, #0xffffffff00000000"), 30, 0xf0);
	end();
}

/* Branches lead where they should; out of reach they say so. */
static void test_branches(void)
{
	static uint8_t bytes[1024];
	struct code code = { .bytes = bytes };
	struct strbuf out = STRBUF_INIT;
	struct codebuf cb;
	uint32_t at[8];
	uint32_t word;

	cb_init(&cb, bytes, sizeof bytes);
	at[0] = a64_b(&cb);
	at[1] = a64_bl(&cb);
	at[2] = a64_bcc(&cb, A64_CC_GT);
	at[3] = a64_cb(&cb, true, 1, 30);
	at[4] = a64_tb(&cb, false, 7, 63);
	at[5] = a64_adr(&cb, 16);
	at[6] = a64_lit(&cb, A64_LDR_L, 9);
	at[7] = a64_lit(&cb, A64_LDRSW_L, 17);
	for (unsigned i = 0; i < 8; i++)
		a64_fix(&cb, at[i], i & 1 ? 0 : 0x100 + 4 * i);
	a64_fix(&cb, at[5], 0x103);
	code.size_bytes = cb_pos(&cb);
	jit_disas("aarch64", &code, false, &out);
	CHECK_STR(strbuf_str(&out),
		  "   0  b #0x100\n   4  bl #0\n   8  b.gt #0x108\n   c  cbnz x30, #0\n"
		  "  10  tbz x7, #0x3f, #0x110\n  14  adr x16, #0x103\n  18  ldr x9, #0x118\n"
		  "  1c  ldrsw x17, #0\n");
	strbuf_fini(&out);
	CHECK(!cb.overflow);
	a64_fix(&cb, at[4], at[4] + 0x7ffc);
	a64_fix(&cb, at[2], at[2] + 0xffffc);
	a64_fix(&cb, at[5], at[5] + 0xfffff);
	a64_fix(&cb, at[0], at[0] + 0x7fffffc);
	CHECK(!cb.overflow);
	memcpy(&word, bytes, 4);
	CHECK_EQ(word, 0x15ffffff);
	CHECK_EQ(a64_branch_word(A64_BL | 5, -4), 0x97ffffff);
	for (unsigned i = 0; i < 8; i++) {
		static const uint32_t reach[] = { 1 << 27, 1 << 27, 1 << 20, 1 << 20,
						  1 << 15, 1 << 20, 1 << 20, 1 << 20 };

		cb.overflow = false;
		a64_fix(&cb, at[i], at[i] + reach[i]);
		CHECK(cb.overflow);
	}
}

/* Nothing is written past the end, and the flag stays. */
static void test_overflow(void)
{
	uint8_t bytes[64];

	for (unsigned size = 0; size < 40; size++) {
		struct codebuf cb;

		memset(bytes, 0xee, sizeof bytes);
		cb_init(&cb, bytes, size);
		for (unsigned i = 0; i < 6; i++) {
			a64_mov_imm(&cb, 1, 3, 0x123456789abcdef0);
			a64_fix(&cb, a64_b(&cb), 0);
		}
		CHECK(cb.overflow);
		for (unsigned k = size; k < sizeof bytes; k++)
			CHECK_EQ(bytes[k], 0xee);
	}
}

CHECK_MAIN(test_rows, test_addresses, test_bitmasks, test_mov_imm, test_aliases, test_branches,
	   test_overflow)

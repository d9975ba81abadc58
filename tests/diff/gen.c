/*
 * insn_gen SEED COUNT [FIRST]: random pieces of code with random states, as records of
 * tests/insn/record.h. Record n depends on SEED and n, and on its slot: FIRST has slot 0.
 *
 * A piece is a list of items, mostly single instructions of insns.def with random operands. So that
 * it ends, and means the same everywhere:
 *   - x2, x8 and x9 point into the memory window and are never written; loads, stores and atomics go
 *     through them, and atomics are aligned. One access in some hundred is allowed to miss.
 *   - Branches and jumps go forward to an item, but for loops, which x5 counts, and returns from
 *     calls, for which x1 is kept. x20 is the piece's address, x21 that of one item.
 *   - No ecall, no ebreak but the last, no counters (cycle, time).
 */
#include "arch/rv64/decode.h"
#include "lib/base/bits.h"
#include "tests/insn/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ITEMS = 96, NO_TARGET = -1 };

struct item {
	uint32_t word;
	int target; /* item that it jumps to, NO_TARGET: none */
	uint8_t size;
	uint8_t part; /* 1: offset from the item before (auipc), 2: from the piece's start (x20) */
};

struct piece {
	struct item item[MAX_ITEMS];
	int count;
	unsigned bytes;
	unsigned offset[MAX_ITEMS + 1];
	int x21_item;
	uint32_t keep; /* integer registers that may not be written now */
	bool may_miss;
};

static struct guest_decoder *decoder;

/* ---- randomness --------------------------------------------------------------------------- */

static uint64_t rng_state;

static uint64_t rng64(void)
{
	uint64_t x = rng_state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint32_t rng(uint32_t below) { return (uint32_t)(rng64() >> 33) % below; }

static bool chance(uint32_t one_in) { return rng(one_in) == 0; }

static uint64_t random_int(void)
{
	static const uint64_t edge[] = {
		0,
		1,
		2,
		31,
		32,
		63,
		64,
		0x7f,
		0x80,
		0xff,
		0x7fff,
		0x8000,
		0x7fffffff,
		0x80000000,
		0xffffffff,
		0x100000000,
		INT64_MAX,
		UINT64_C(1) << 63,
		UINT64_MAX,
		UINT64_MAX - 1,
		UINT64_C(0xffffffff80000000),
		UINT64_C(0xffffffff7fffffff),
	};

	switch (rng(4)) {
	case 0:
		return edge[rng(ARRAY_LEN(edge))];
	case 1:
		return rng64() >> rng(64);
	case 2:
		return (uint64_t)((int64_t)rng64() >> rng(64));
	default:
		return rng64();
	}
}

static uint64_t random_float(void)
{
	static const uint32_t edge[] = {
		0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000,
		0x7fc00000, 0x7f800001, 0xffc00001, 1,          0x80000001, 0x007fffff,
		0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x5f000000,
		0xdf000000, 0x3f000000, 0x3fc00000, 0x33800000, 0x4b000001,
	};
	uint32_t v = chance(2) ? edge[rng(ARRAY_LEN(edge))] : (uint32_t)rng64();

	if (chance(3)) /* exponents that meet */
		v = (v & 0x807fffff) | (120 + rng(16)) << 23;
	return (chance(12) ? rng64() << 32 : UINT64_C(0xffffffff00000000)) | v;
}

static uint64_t random_double(void)
{
	static const uint64_t edge[] = {
		0,
		UINT64_C(1) << 63,
		0x3ff0000000000000,
		0xbff0000000000000,
		0x7ff0000000000000,
		0xfff0000000000000,
		0x7ff8000000000000,
		0x7ff0000000000001,
		0xfff8000000000001,
		1,
		0x8000000000000001,
		0x000fffffffffffff,
		0x0010000000000000,
		0x7fefffffffffffff,
		0x41e0000000000000,
		0xc1e0000000000000,
		0x41dfffffffc00000,
		0x43e0000000000000,
		0x43f0000000000000,
		0xc3e0000000000000,
		0x3fe0000000000000,
		0x47efffffe0000000,
		0x47effffff0000000,
		0x3810000000000000,
		0x36a0000000000000,
		0x380fffffe0000000,
	};
	uint64_t v = chance(2) ? edge[rng(ARRAY_LEN(edge))] : rng64();

	if (chance(3))
		v = (v & UINT64_C(0x800fffffffffffff)) | (uint64_t)(1016 + rng(16)) << 52;
	return v;
}

/* ---- single instructions ------------------------------------------------------------------ */

static void add_item(struct piece *p, uint32_t word, int target, unsigned part)
{
	struct item *it = &p->item[p->count++];

	it->word = word;
	it->size = (word & 3) == 3 ? 4 : 2;
	it->target = target;
	it->part = (uint8_t)part;
	p->bytes += it->size;
}

static bool writes_x(const struct rv64_insn *i, const char *name)
{
	const struct rv64_insn_info *info = &rv64_insns[i->op];

	if (info->format == RV64_FMT_S || info->format == RV64_FMT_CS_W
	    || info->format == RV64_FMT_CS_D)
		return false;
	if (info->ext != RV64_EXT_F && info->ext != RV64_EXT_D)
		return true;
	return strncmp(name, "fmv_x", 5) == 0 || strncmp(name, "fcvt_w", 6) == 0
	       || strncmp(name, "fcvt_l", 6) == 0 || strncmp(name, "feq", 3) == 0
	       || strncmp(name, "flt", 3) == 0 || strncmp(name, "fle", 3) == 0
	       || strncmp(name, "fclass", 6) == 0;
}

/* Bytes that a load or store moves, 0 for other instructions. From its name: l, s, fl, fs, then b h w d. */
static unsigned access_bytes(const char *name)
{
	static const char *const list[] = { "lb",  "lbu",  "sb",   "lh",     "lhu",
					    "sh",  "lw",   "lwu",  "sw",     "flw",
					    "fsw", "c_lw", "c_sw", "c_lwsp", "c_swsp" };
	static const char *const doubles[] = { "ld",     "sd",     "fld",     "fsd",
					       "c_ld",   "c_sd",   "c_fld",   "c_fsd",
					       "c_ldsp", "c_sdsp", "c_fldsp", "c_fsdsp" };

	for (size_t k = 0; k < ARRAY_LEN(list); k++)
		if (strcmp(name, list[k]) == 0)
			return k < 3 ? 1 : k < 6 ? 2 : 4;
	for (size_t k = 0; k < ARRAY_LEN(doubles); k++)
		if (strcmp(name, doubles[k]) == 0)
			return 8;
	return 0;
}

static uint64_t base_value(unsigned reg)
{
	return reg == 2 ? INSN_MEM + 16 : reg == 8 ? INSN_MEM : INSN_MEM + 128;
}

static const uint8_t bases[] = { 2, 8, 9 };

static bool is_base(unsigned reg) { return reg == 2 || reg == 8 || reg == 9; }

/* Whether the access stays in the window. Pieces that may miss run over its end. */
static bool access_fits(const struct piece *p, const struct rv64_insn *i, unsigned size)
{
	uint64_t at = base_value(i->rs1) + (uint64_t)(int64_t)i->imm - INSN_MEM;

	return is_base(i->rs1) && at <= INSN_WINDOW - (p->may_miss ? 1 : size);
}

/* Makes the operands of a long load or store sensible; the short ones are tried until they are. */
static uint32_t aim(uint32_t w, unsigned format)
{
	unsigned base = bases[rng(3)];
	uint32_t imm = (uint32_t)((uint64_t)INSN_MEM + rng(INSN_WINDOW) - base_value(base));

	w = (w & ~(31u << 15)) | base << 15;
	if (format == RV64_FMT_I)
		return (w & 0xfffff) | imm << 20;
	return (w & ~(0x7fu << 25 | 31u << 7)) | (imm >> 5 & 0x7f) << 25 | (imm & 31) << 7;
}

static bool is_jump(unsigned format, const char *name)
{
	return format == RV64_FMT_B || format == RV64_FMT_J || format == RV64_FMT_CB
	       || format == RV64_FMT_CJ || strstr(name, "jalr") || strcmp(name, "c_jr") == 0;
}

static bool suits(const struct piece *p, const struct rv64_insn *i)
{
	const struct rv64_insn_info *info = &rv64_insns[i->op];
	unsigned size = access_bytes(info->name);

	if (i->op == RV64_OP_illegal || i->op == RV64_OP_ecall || i->op == RV64_OP_ebreak
	    || i->op == RV64_OP_c_ebreak || is_jump(info->format, info->name))
		return false;
	if (writes_x(i, info->name) && (p->keep >> i->rd & 1))
		return false;
	if (size && !access_fits(p, i, size))
		return false;
	if (info->format == RV64_FMT_AMO && !is_base(i->rs1))
		return false;
	/* Only as pairs: what an sc does whose lr had another size is left open by the manual. */
	if (strncmp(info->name, "lr_", 3) == 0 || strncmp(info->name, "sc_", 3) == 0)
		return false;
	if (info->format == RV64_FMT_CSR) /* user CSRs; now and then one that is not there */
		return (i->imm >= 1 && i->imm <= 3) || (i->imm == 0x300 && p->may_miss);
	return true;
}

static uint32_t random_insn(const struct piece *p)
{
	for (;;) {
		unsigned op = 1 + rng(RV64_OP_COUNT - 1);
		const struct rv64_insn_info *info = &rv64_insns[op];
		struct rv64_insn i;

		for (int tries = 0; tries < 40; tries++) {
			uint32_t w = info->match | ((uint32_t)rng64() & ~info->mask);

			if (info->size_bytes == 2)
				w &= 0xffff;
			else if (access_bytes(info->name))
				w = aim(w, info->format);
			else if (info->format == RV64_FMT_CSR)
				w = (w & 0xfffff) | (chance(20) ? 0x300u : 1 + rng(3)) << 20;
			else if (info->format == RV64_FMT_AMO)
				w = (w & ~(31u << 15)) | 8 << 15;
			rv64_decode(decoder, &w, 4, &i);
			if (suits(p, &i))
				return w;
		}
	}
}

/* ---- groups of items ---------------------------------------------------------------------- */

static uint32_t enc_i(uint32_t match, unsigned rd, unsigned rs1, int imm)
{
	return match | rd << 7 | rs1 << 15 | (uint32_t)imm << 20;
}

static unsigned free_reg(const struct piece *p)
{
	unsigned r;

	do
		r = rng(32);
	while (p->keep >> r & 1);
	return r;
}

static void body(struct piece *p, unsigned n)
{
	while (n--)
		add_item(p, random_insn(p), NO_TARGET, 0);
}

/* lr, something, sc of the same size: at the same address mostly, and sometimes once more. */
static void reservation(struct piece *p)
{
	uint32_t width = chance(2) ? 0x2000 : 0x3000, aqrl = rng(4) << 25;
	unsigned base = chance(2) ? 8 : 9;

	if (!chance(8))
		add_item(p, 0x1000002f | width | aqrl | free_reg(p) << 7 | base << 15, NO_TARGET,
			 0);
	do {
		body(p, rng(2));
		base = chance(8) ? 2 : base;
		add_item(p,
			 0x1800002f | width | aqrl | free_reg(p) << 7 | base << 15 | rng(32) << 20,
			 NO_TARGET, 0);
	} while (chance(4));
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* The displacement of n bytes from base; now and then the window ends before them. */
static int bytes_at(unsigned base, unsigned n)
{
	unsigned at = chance(6) ? INSN_WINDOW - rng(n + 1) : rng(INSN_WINDOW - n + 1);

	return (int)((uint64_t)INSN_MEM + at - base_value(base));
}

static void load_byte(struct piece *p, unsigned rd, unsigned base, int at)
{
	add_item(p, enc_i(chance(8) ? 0x0003 : 0x4003, rd, base, at & 0xfff), NO_TARGET, 0);
}

static void store_byte(struct piece *p, unsigned rs2, unsigned base, int at)
{
	uint32_t imm = (uint32_t)at;

	add_item(p, 0x0023 | (imm >> 5 & 0x7f) << 25 | rs2 << 20 | base << 15 | (imm & 31) << 7,
		 NO_TARGET, 0);
}

/* Which of n bytes comes k-th. */
static unsigned byte_order(unsigned how, unsigned k, unsigned n)
{
	return how == 0 ? n - 1 - k : how == 1 ? k ^ 1 : k;
}

/* lbu of n bytes, each shifted to its place, in either order, and joined. Registers a0.. are never kept. */
static void read_bytes(struct piece *p)
{
	unsigned n = 2u << (chance(3) ? 2 : rng(2)), base = bases[rng(3)], big = rng(2);
	unsigned how = rng(4), first = rng(8);
	int at = bytes_at(base, n);

	for (unsigned k = 0; k < n; k++) {
		unsigned b = byte_order(how, k, n);

		load_byte(p, 10 + (first + b) % 8, base, at + (int)b);
		if (chance(12))
			body(p, 1);
	}
	for (unsigned b = 0; b < n; b++) {
		unsigned r = 10 + (first + b) % 8, place = big ? n - 1 - b : b;

		if (place)
			add_item(p,
				 enc_i(n == 4 && place == 3 && chance(2) ? 0x101b : 0x1013, r, r,
				       (int)place * 8),
				 NO_TARGET, 0);
		if (b)
			add_item(p, 0x6033 | r << 7 | r << 15 | (10 + (first + b - 1) % 8) << 20,
				 NO_TARGET, 0);
	}
}

/* sb of n bytes of a register, or of bytes loaded before. */
static void write_bytes(struct piece *p)
{
	unsigned n = 2u << (chance(3) ? 2 : rng(2)), base = bases[rng(3)], big = rng(2);
	unsigned how = rng(4), first = rng(8), from = bases[rng(3)];
	int at = bytes_at(base, n), source = bytes_at(from, n);
	bool copy = chance(2);

	for (unsigned b = 0; copy && b < n; b++)
		load_byte(p, 10 + (first + b) % 8, from, source + (int)b);
	for (unsigned k = 0; k < n; k++) {
		unsigned b = byte_order(how, k, n), place = big ? n - 1 - b : b, r = 10 + first;

		if (copy) {
			r = 10 + (first + b) % 8;
		} else if (place) {
			add_item(p, enc_i(0x5013, 28 + k % 4, r, (int)place * 8), NO_TARGET, 0);
			r = 28 + k % 4;
		}
		store_byte(p, r, base, at + (int)b);
		if (chance(16))
			body(p, 1);
	}
}

/* ---- jumps -------------------------------------------------------------------------------- */

/* A forward branch or jump over some items. */
static void skip(struct piece *p)
{
	unsigned n = rng(4);
	int target = p->count + 1 + (int)n;
	uint32_t w;

	switch (rng(6)) {
	case 0:
		w = 0x6f | free_reg(p) << 7;
		break; /* jal */
	case 1:
		w = 0xa001;
		break; /* c.j */
	case 2:
		w = 0xc001 | rng(2) << 13 | rng(8) << 7;
		break; /* c.beqz, c.bnez */
	case 3: /* auipc rd; jalr */ {
		unsigned t = free_reg(p) | 16; /* not x0 */

		if (p->keep >> t & 1)
			t = 31;
		add_item(p, 0x17 | t << 7, NO_TARGET, 0);
		add_item(p, enc_i(0x67, free_reg(p), t, 0), target + 1, 1);
		body(p, n);
		return;
	}
	case 4: /* through x20, or exactly x21 */
		if (p->x21_item < 0 && chance(2)) {
			p->x21_item = target;
			w = 0x8002 | 21 << 7 | (p->keep & 2 ? 0 : rng(2) << 12); /* c.jr, c.jalr */
			break;
		}
		add_item(p, enc_i(0x67, free_reg(p), 20, 0), target, 2);
		body(p, n);
		return;
	default: { /* b?? */
		static const unsigned funct3[] = { 0, 1, 4, 5, 6, 7 };

		w = 0x63 | funct3[rng(6)] << 12 | rng(32) << 15 | rng(32) << 20;
		break;
	}
	}
	add_item(p, w, p->x21_item == target && (w & 0xe07f) == 0x8002 ? NO_TARGET : target, 0);
	body(p, n);
}

/* li x5, n; body; addi x5, x5, -1; bnez x5, back */
static void loop(struct piece *p)
{
	int top;

	p->keep |= 1 << 5;
	add_item(p, enc_i(0x13, 5, 0, 1 + (int)rng(6)), NO_TARGET, 0);
	top = p->count;
	body(p, 1 + rng(5));
	add_item(p, enc_i(0x13, 5, 5, -1), NO_TARGET, 0);
	add_item(p, 0x1063 | 5 << 15, top, 0);
	p->keep &= ~(1u << 5);
}

/* jal ra, f; body; j end; f: body; ret; end: */
static void call(struct piece *p)
{
	unsigned after = rng(3), inside = rng(4);
	int start = p->count, f = start + 2 + (int)after;
	bool is_x5 = chance(4); /* the other link register */
	unsigned link = is_x5 ? 5 : 1;

	if (p->keep >> link & 1)
		return;
	add_item(p, 0x6f | link << 7, f, 0);
	body(p, after);
	add_item(p, 0xa001, f + (int)inside + 1, 0);
	p->keep |= 1u << link;
	body(p, inside);
	add_item(p, 0x8002 | link << 7, NO_TARGET, 0);
	p->keep &= ~(1u << link);
}

/* ---- layout ------------------------------------------------------------------------------- */

static uint32_t put_offset(uint32_t w, int32_t off)
{
	uint32_t o = (uint32_t)off;

	if ((w & 0x7f) == 0x63)
		return w | (o >> 12 & 1) << 31 | (o >> 5 & 0x3f) << 25 | (o >> 1 & 15) << 8
		       | (o >> 11 & 1) << 7;
	if ((w & 0x7f) == 0x6f)
		return w | (o >> 20 & 1) << 31 | (o >> 1 & 0x3ff) << 21 | (o >> 11 & 1) << 20
		       | (o & 0xff000);
	if ((w & 0x7f) == 0x67)
		return w | o << 20;
	if ((w & 0xe003) == 0xa001) /* c.j; offsets stay below 256 and forward */
		return w | (o >> 4 & 1) << 11 | (o >> 6 & 1) << 7 | (o >> 7 & 1) << 6
		       | (o >> 1 & 7) << 3 | (o >> 5 & 1) << 2;
	/* c.beqz, c.bnez */
	return w | (o >> 3 & 3) << 10 | (o >> 6 & 3) << 5 | (o >> 1 & 3) << 3 | (o >> 5 & 1) << 2;
}

static void lay_out(struct piece *p, struct insn_input *in)
{
	unsigned at = 0;

	for (int k = 0; k < p->count; k++) {
		p->offset[k] = at;
		at += p->item[k].size;
	}
	p->offset[p->count] = at;
	in->code_bytes = at;
	for (int k = 0; k < p->count; k++) {
		const struct item *it = &p->item[k];
		uint32_t w = it->word;

		if (it->target != NO_TARGET) {
			int32_t from =
			    it->part == 2 ? 0 : (int32_t)p->offset[it->part == 1 ? k - 1 : k];

			w = put_offset(w, (int32_t)p->offset[it->target] - from);
		}
		memcpy(in->code + p->offset[k], &w, it->size);
	}
}

static void make_piece(struct piece *p)
{
	unsigned want = 8 + rng(140);

	memset(p, 0, sizeof *p);
	p->x21_item = -1;
	p->keep = 1u << 2 | 1u << 8 | 1u << 9 | 1u << 20 | 1u << 21;
	p->may_miss = chance(30);
	while (p->bytes < want) {
		switch (rng(20)) {
		case 0:
			loop(p);
			break;
		case 1:
			call(p);
			break;
		case 2:
			reservation(p);
			break;
		case 3:
		case 4:
			skip(p);
			break;
		case 5:
			read_bytes(p);
			break;
		case 6:
			write_bytes(p);
			break;
		default:
			body(p, 1);
			break;
		}
	}
}

static void make_record(struct insn_input *in, unsigned slot)
{
	static struct piece p;

	do
		make_piece(&p);
	while (p.bytes > INSN_CODE_MAX);
	memset(in, 0, sizeof *in);
	lay_out(&p, in);
	for (int k = 1; k < 32; k++)
		in->x[k] = random_int();
	for (int k = 0; k < 32; k++)
		in->f[k] = chance(2) ? random_float() : random_double();
	in->fcsr = rng(32) | (chance(30) ? 5 + rng(3) : rng(5)) << 5;
	for (int k = 0; k < INSN_WINDOW; k += 8) {
		uint64_t v = chance(3)   ? random_int()
			     : chance(2) ? random_float()
					 : random_double();

		memcpy(in->mem + k, &v, 8);
	}
	in->x[2] = base_value(2);
	in->x[8] = base_value(8);
	in->x[9] = base_value(9);
	in->x[20] = (uint64_t)INSN_CODE + slot * INSN_SLOT;
	if (p.x21_item >= 0)
		in->x[21] = in->x[20] + p.offset[p.x21_item];
}

int main(int argc, char **argv)
{
	static struct insn_input in;

	if (argc < 3) {
		fprintf(stderr, "usage: insn_gen SEED COUNT [FIRST] >CASES\n");
		return 2;
	}
	uint64_t seed = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
	uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;

	decoder = rv64_decoder_new(RV64_FEATURES_GC);
	if (!decoder)
		return 2;
	for (uint64_t n = first; n < first + count; n++) {
		rng_state = seed * UINT64_C(0xd1342543de82ef95) + n * UINT64_C(0x2545f4914f6cdd1d);
		rng64();
		make_record(&in, (unsigned)((n - first) % INSN_BATCH));
		if (fwrite(&in, sizeof in, 1, stdout) != 1)
			return 2;
	}
	rv64_decoder_free(decoder);
	return fflush(stdout) == 0 ? 0 : 2;
}

/*
 * The x86-64 encoder against a disassembler: each row of enc.def with registers, addresses and immediates that
 * choose every form of ModRM, SIB, displacement and prefix; then the functions around the rows.
 */
#include "arch/x86_64/x64_priv.h"
#include "tests/unit/encbatch.h"

/* ---- operands as text ------------------------------------------------------------------------------------ */

enum size { BYTE, WORD, DWORD, QWORD, XMMWORD };

static const char *const int_name[4][16] = {
#define REG(n, n64, n32, n16, n8, use)                                                             \
	[BYTE][n] = n8, [WORD][n] = n16, [DWORD][n] = n32, [QWORD][n] = n64,
#define XMM(n, name)
#include "arch/x86_64/regs.def"
#undef XMM
#undef REG
};
static const char *const xmm_name[16] = {
#define REG(n, n64, n32, n16, n8, use)
#define XMM(n, name) [n] = name,
#include "arch/x86_64/regs.def"
#undef XMM
#undef REG
};

static const char *reg_text(enum size s, unsigned r)
{
	return s == XMMWORD ? xmm_name[r] : int_name[s][r];
}

static const char *mem_text(enum size s, bool sized, struct x64_mem m, char buf[64])
{
	static const char *const ptr[] = { "byte ptr ", "word ptr ", "dword ptr ", "qword ptr ",
					   "xmmword ptr " };
	int n = sprintf(buf, "%s[", sized ? ptr[s] : "");
	const char *plus = "";

	if (m.base != X64_NOREG) {
		n += sprintf(buf + n, "%s", reg_text(QWORD, m.base));
		plus = " + ";
	}
	if (m.index != X64_NOREG) {
		n += sprintf(buf + n, "%s%s", plus, reg_text(QWORD, m.index));
		plus = " + ";
		if (m.scale)
			n += sprintf(buf + n, "*%u", 1u << m.scale);
	}
	if (m.disp && m.disp > -10 && m.disp < 10)
		n += sprintf(buf + n, "%s%d", m.disp < 0 ? " - " : plus,
			     m.disp < 0 ? -m.disp : m.disp);
	else if (m.disp)
		n += sprintf(buf + n, "%s%#x", m.disp < 0 ? " - " : plus,
			     m.disp < 0 ? -m.disp : m.disp);
	strcpy(buf + n, "]");
	return buf;
}

static const uint8_t some_regs[] = { X64_RAX, X64_RCX, X64_RSP, X64_RBP, X64_RSI,
				     X64_RDI, X64_R8,  X64_R12, X64_R13, X64_R15 };
static const struct x64_mem some_mems[] = {
	{ X64_RAX, X64_NOREG, 0, 0 },
	{ X64_RBP, X64_NOREG, 0, 0 },
	{ X64_R13, X64_NOREG, 0, 0 },
	{ X64_RSP, X64_NOREG, 0, 0 },
	{ X64_R12, X64_NOREG, 0, 127 },
	{ X64_RDI, X64_NOREG, 0, -128 },
	{ X64_R9, X64_NOREG, 0, 128 },
	{ X64_RSP, X64_NOREG, 0, -129 },
	{ X64_RBP, X64_NOREG, 0, 0x12345678 },
	{ X64_RAX, X64_RCX, 0, 0 },
	{ X64_RBP, X64_RAX, 1, 0 },
	{ X64_R13, X64_R12, 2, 0 },
	{ X64_RSP, X64_R15, 3, 16 },
	{ X64_R12, X64_RBP, 3, -1000 },
	{ X64_R15, X64_R13, 0, 64 },
	{ X64_NOREG, X64_RDX, 3, 0x1000 },
	{ X64_NOREG, X64_R9, 1, 0x1000 },
	{ X64_NOREG, X64_NOREG, 0, 0x11111111 },
};

/* ---- rows: what each form looks like ------------------------------------------------------------------------ */

struct row {
	const char *name, *mnemonic, *form;
	uint32_t op;
};

static const struct row rows[] = {
#define ENC(name, mnem, form, pp, map, opcode, digit) { #name, mnem, #form, X64_##name },
#include "arch/x86_64/enc.def"
#undef ENC
};

/* How a form's text goes: its operands, in order. */
enum part { NONE, REG_, VVVV, RM, IMM, CL };
struct shape {
	const char *form;
	enum part part[4];
	uint8_t imm_bytes;
	bool w0, w1;    /* widths that there are */
	int8_t reg, rm; /* sizes; -1: by w */
	bool vex, legacy, no_mem, no_reg, lea;
};

/* Vector registers to and from size bytes of memory, which alone may stand there. */
#define MEMORY_MOVE(name, to, from, size)                                                          \
	{                                                                                          \
		name, { to, from }, .w0 = 1, .reg = XMMWORD, .rm = size, .vex = 1, .legacy = 1,    \
				    .no_reg = 1,                                                   \
	}

static const struct shape shapes[] = {
	{ "RM", { REG_, RM }, .w0 = 1, .w1 = 1, .reg = -1, .rm = -1, .legacy = 1 },
	{ "MR", { RM, REG_ }, .w0 = 1, .w1 = 1, .reg = -1, .rm = -1, .legacy = 1 },
	{ "M", { RM }, .w0 = 1, .w1 = 1, .rm = -1, .legacy = 1 },
	{ "M64", { RM }, .w0 = 1, .rm = QWORD, .legacy = 1 },
	{ "MI", { RM, IMM }, .imm_bytes = 4, .w0 = 1, .w1 = 1, .rm = -1, .legacy = 1 },
	{ "MIB", { RM, IMM }, .imm_bytes = 1, .w0 = 1, .w1 = 1, .rm = -1, .legacy = 1 },
	{ "RMI",
	  { REG_, RM, IMM },
	  .imm_bytes = 4,
	  .w0 = 1,
	  .w1 = 1,
	  .reg = -1,
	  .rm = -1,
	  .legacy = 1 },
	{ "RMIB",
	  { REG_, RM, IMM },
	  .imm_bytes = 1,
	  .w0 = 1,
	  .w1 = 1,
	  .reg = -1,
	  .rm = -1,
	  .legacy = 1 },
	{ "BMR", { RM, REG_ }, .w0 = 1, .reg = BYTE, .rm = BYTE, .legacy = 1 },
	{ "WM", { RM }, .w0 = 1, .rm = WORD, .legacy = 1 },
	{ "WMR", { RM, REG_ }, .w0 = 1, .reg = WORD, .rm = WORD, .legacy = 1 },
	{ "BMIB", { RM, IMM }, .imm_bytes = 1, .w0 = 1, .rm = BYTE, .legacy = 1 },
	{ "WMI", { RM, IMM }, .imm_bytes = 2, .w0 = 1, .rm = WORD, .legacy = 1 },
	{ "XB", { REG_, RM }, .w0 = 1, .w1 = 1, .reg = -1, .rm = BYTE, .legacy = 1 },
	{ "XW", { REG_, RM }, .w0 = 1, .w1 = 1, .reg = -1, .rm = WORD, .legacy = 1 },
	{ "XD", { REG_, RM }, .w1 = 1, .reg = -1, .rm = DWORD, .legacy = 1 },
	{ "BM", { RM }, .w0 = 1, .rm = BYTE, .legacy = 1 },
	{ "V", { REG_, RM, VVVV }, .w0 = 1, .w1 = 1, .reg = -1, .rm = -1, .vex = 1 },
	{ "VI",
	  { REG_, RM, IMM },
	  .imm_bytes = 1,
	  .w0 = 1,
	  .w1 = 1,
	  .reg = -1,
	  .rm = -1,
	  .vex = 1 },
	{ "VR", { REG_, VVVV, RM }, .w0 = 1, .w1 = 1, .reg = -1, .rm = -1, .vex = 1 },
	{ "S", { REG_, RM }, .w0 = 1, .reg = XMMWORD, .rm = XMMWORD, .vex = 1, .legacy = 1 },
	{ "SIB",
	  { REG_, RM, IMM },
	  .imm_bytes = 1,
	  .w0 = 1,
	  .reg = XMMWORD,
	  .rm = XMMWORD,
	  .vex = 1,
	  .legacy = 1,
	  .no_mem = 1 },
	{ "SRM2", { REG_, RM }, .w0 = 1, .reg = XMMWORD, .rm = XMMWORD, .vex = 1, .legacy = 1 },
	{ "SRM1", { RM, REG_ }, .w0 = 1, .reg = XMMWORD, .rm = XMMWORD, .vex = 1, .legacy = 1 },
	MEMORY_MOVE("PLD", REG_, RM, XMMWORD),
	MEMORY_MOVE("PST", RM, REG_, XMMWORD),
	MEMORY_MOVE("SLD", REG_, RM, QWORD),
	MEMORY_MOVE("SST", RM, REG_, QWORD),
	{ "SXR",
	  { REG_, RM },
	  .w0 = 1,
	  .w1 = 1,
	  .reg = XMMWORD,
	  .rm = -1,
	  .vex = 1,
	  .legacy = 1,
	  .no_mem = 1 },
	{ "SRX",
	  { RM, REG_ },
	  .w0 = 1,
	  .w1 = 1,
	  .reg = XMMWORD,
	  .rm = -1,
	  .vex = 1,
	  .legacy = 1,
	  .no_mem = 1 },
	{ "SI", { REG_, RM }, .w0 = 1, .w1 = 1, .reg = XMMWORD, .rm = -1, .vex = 1, .legacy = 1 },
	{ "SO",
	  { REG_, RM },
	  .w0 = 1,
	  .w1 = 1,
	  .reg = -1,
	  .rm = XMMWORD,
	  .vex = 1,
	  .legacy = 1,
	  .no_mem = 1 },
	{ "VF", { REG_, VVVV, RM }, .w1 = 1, .reg = XMMWORD, .rm = XMMWORD, .vex = 1 },
	{ "SM", { RM }, .w0 = 1, .rm = DWORD, .legacy = 1, .no_reg = 1 },
};

/* One encoding of a row. */
struct form {
	const struct row *row;
	const struct shape *shape;
	uint32_t op;
	unsigned w;
	bool vex, lock;
	char mnemonic[24];
};

static const struct shape *shape_of(const struct row *r)
{
	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++)
		if (strcmp(shapes[i].form, r->form) == 0)
			return &shapes[i];
	KIT_PANIC("no shape %s", r->form);
}

static bool is(const struct form *f, const char *name) { return strcmp(f->row->name, name) == 0; }

/* Size of a memory operand: scalars read as much as they are wide. */
static enum size mem_size(const struct form *f, enum size s)
{
	bool is_double = strcmp(f->shape->form, "VF") ? f->op & X64_SINGLE : f->w,
	     packed = !(f->op >> 10 & 3);

	if (is(f, "COMIS") && !f->vex && is_double) /* so Capstone has it */
		return XMMWORD;
	if (is(f, "MOVAPS") || is(f, "PTEST")
	    || (s == XMMWORD && packed && !is(f, "UCOMIS") && !is(f, "COMIS")))
		return XMMWORD;
	if (f->shape->rm == XMMWORD || f->shape->no_reg)
		return strcmp(f->shape->form, "SM") == 0 ? DWORD : is_double ? QWORD : DWORD;
	return s;
}

/* Operand texts in order, joined. rm is the text of the r/m operand. */
static struct codebuf *text(const struct form *f, const char *reg, const char *vvvv, const char *rm,
			    int imm)
{
	const enum part *p = f->shape->part;
	char out[TEXT] = "", number[16];

	snprintf(number, sizeof number, imm < 10 ? "%d" : "%#x", imm);
	for (unsigned i = 0; i < 4 && p[i] != NONE; i++) {
		const char *part = p[i] == REG_   ? reg
				   : p[i] == VVVV ? vvvv
				   : p[i] == RM   ? rm
						  : number;

		if (i)
			strcat(out, ", ");
		strcat(out, part);
		/* VEX forms of two-operand instructions with a source in vvvv. */
		if (i == 0 && f->vex && vvvv && p[1] != VVVV && p[2] != VVVV) {
			strcat(out, ", ");
			strcat(out, vvvv);
		}
	}
	if (strstr(f->row->name, "_CL"))
		strcat(out, ", cl");
	if (strcmp(f->row->name, "CMPS") == 0 && strrchr(out, ','))
		*strrchr(out, ',') = '\0'; /* the predicate is in the name */
	return expect("%s %s", f->mnemonic, out);
}

/* True when the VEX form has a source in vvvv. */
static bool has_vvvv(const struct form *f)
{
	static const char *const without[] = { "SRM1", "SRM2", "PLD", "PST", "SLD", "SST",
					       "SXR",  "SRX",  "SO",  "SM",  "VI" };

	for (unsigned i = 0; i < ARRAY_LEN(without); i++)
		if (strcmp(f->shape->form, without[i]) == 0)
			return false;
	return true;
}

static int some_imm(const struct form *f)
{
	if (is(f, "CMPS"))
		return 0;
	return f->shape->imm_bytes == 1 ? 5 : f->shape->imm_bytes == 2 ? 0x1234 : 0x12345678;
}

static void encode(const struct form *f, struct codebuf *cb, unsigned reg, unsigned v, unsigned rm,
		   const struct x64_mem *m)
{
	unsigned n = f->shape->imm_bytes;
	int imm = some_imm(f);

	if (f->vex && m)
		x64_vrm(cb, f->op, f->w, reg, v, *m);
	else if (f->vex)
		x64_vrr(cb, f->op, f->w, reg, v, rm);
	else if (n && m)
		x64_rmi(cb, f->op, f->w, reg, *m, imm, n);
	else if (n)
		x64_rri(cb, f->op, f->w, reg, rm, imm, n);
	else if (m)
		x64_rm(cb, f->op, f->w, reg, *m);
	else
		x64_rr(cb, f->op, f->w, reg, rm);
	if (f->vex && n)
		cb_put8(cb, (uint8_t)imm);
}

static enum size size_of(int8_t s, unsigned w) { return s >= 0 ? (enum size)s : w ? QWORD : DWORD; }

static void one(const struct form *f, unsigned reg, unsigned v, unsigned rm,
		const struct x64_mem *m)
{
	const struct shape *s = f->shape;
	enum size rs = size_of(s->reg, f->w), ms = size_of(s->rm, f->w);
	bool digit = s->part[0] != REG_ && s->part[1] != REG_;
	const char *vt = f->vex && has_vvvv(f) ? reg_text(rs, v) : NULL;
	char buf[64];

	if (digit)
		reg = x64_digit(f->op);
	if (!vt)
		v = 0;
	encode(f,
	       text(f, reg_text(rs, reg), vt,
		    m ? mem_text(mem_size(f, ms), !is(f, "LEA"), *m, buf) : reg_text(ms, rm),
		    some_imm(f)),
	       reg, v, rm, m);
}

static void all_operands(const struct form *f)
{
	for (unsigned i = 0; i < ARRAY_LEN(some_regs); i++) {
		unsigned reg = some_regs[i];

		for (unsigned k = 0; !f->shape->no_reg && !is(f, "LEA") && k < ARRAY_LEN(some_regs);
		     k++)
			one(f, reg, some_regs[(i + k) % ARRAY_LEN(some_regs)], some_regs[k], NULL);
		for (unsigned k = 0; !f->shape->no_mem && k < ARRAY_LEN(some_mems); k++)
			one(f, reg, some_regs[(i + k) % ARRAY_LEN(some_regs)], 0, &some_mems[k]);
	}
}

/* The mnemonic of a form: v in front, ss for sd, movd for movq... */
static void name_form(struct form *f, bool is_float)
{
	const char *m = f->row->mnemonic;
	size_t n;

	if (is(f, "CMPS"))
		m = "cmpeqsd";
	if ((is(f, "MOVQ_XR") || is(f, "MOVQ_RX")) && !f->w)
		m = "movd";
	if (is(f, "CVTFF") && is_float)
		m = "cvtss2sd";
	/* Rows that are VEX alone carry their whole name. */
	snprintf(f->mnemonic, sizeof f->mnemonic, "%s%s", f->vex && f->shape->legacy ? "v" : "", m);
	n = strlen(f->mnemonic);
	if (!is_float || is(f, "CVTFF"))
		return;
	for (size_t i = 0; i + 1 < n; i++)
		if (memcmp(f->mnemonic + i, "sd", 2) == 0)
			f->mnemonic[i + 1] = 's';
}

static void test_rows(void)
{
	begin("x86_64");
	for (unsigned i = 0; i < ARRAY_LEN(rows) && !check_failed; i++) {
		const struct shape *s = shape_of(&rows[i]);
		bool scalar = strstr(rows[i].mnemonic, "sd") && rows[i].op >> 10 & 1
			      && strcmp(rows[i].name, "MOVSXD") != 0;

		for (unsigned k = 0; k < 8; k++) {
			unsigned w = k & 1, vex = k >> 1 & 1, single = k >> 2;
			struct form f = {
				.row = &rows[i], .shape = s, .op = rows[i].op, .w = w, .vex = vex
			};

			if ((w ? !s->w1 : !s->w0) || (vex ? !s->vex : !s->legacy)
			    || (single && !scalar))
				continue;
			CHECK_AT("%s w %u vex %u single %u", rows[i].name, w, vex, single);
			if (single && strcmp(rows[i].form, "VF") == 0)
				f.w = 0; /* the width tells the format */
			else if (single)
				f.op = strcmp(rows[i].name, "ROUNDS") == 0 ? f.op - 1
									   : x64_fp(f.op, false);
			name_form(&f, single);
			if (single && strcmp(rows[i].name, "ROUNDS") == 0)
				strcpy(f.mnemonic, vex ? "vroundss" : "roundss");
			all_operands(&f);
			if (single && strcmp(rows[i].form, "VF") == 0)
				break;
		}
		flush();
	}
	check_where[0] = 0;
	end();
}

/* ---- the functions around the rows --------------------------------------------------------------------------- */

static void test_alu(void)
{
	static const char *const name[] = { "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp" };
	const struct x64_mem m = x64_at(X64_RBP, -64);

	begin("x86_64");
	for (unsigned a = 0; a < ARRAY_LEN(name); a++) {
		enum x64_alu alu = (enum x64_alu)a;

		x64_alu_rr(expect("%s r9, rax", name[a]), alu, 1, X64_R9, X64_RAX);
		x64_alu_rm(expect("%s esi, dword ptr [rbp - 0x40]", name[a]), alu, 0, X64_RSI, m);
		x64_alu_ri(expect("%s rdi, 0x7f", name[a]), alu, 1, X64_RDI, 127);
		x64_alu_ri(expect("%s r12d, 0x80", name[a]), alu, 0, X64_R12, 128);
		x64_alu_mi(expect("%s dword ptr [rbp - 0x40], 1", name[a]), alu, 0, m, 1);
		x64_alu_mi(expect("%s qword ptr [rbp - 0x40], 0x1234", name[a]), alu, 1, m, 0x1234);
	}
	x64_rm(expect("lock cmpxchg qword ptr [rbp - 0x40], r8"), X64_CMPXCHG | X64_LOCK, 1, X64_R8,
	       m);
	x64_rm(expect("lock xadd dword ptr [rbp - 0x40], eax"), X64_XADD | X64_LOCK, 0, X64_RAX, m);
	x64_rmi(expect("lock or dword ptr [rsp], 0"), X64_ALU_MIB | X64_LOCK, 0, X64_OR,
		x64_at(X64_RSP, 0), 0, 1);
	end();
}

static void test_mov_imm(void)
{
	begin("x86_64");
	x64_mov_imm(expect("xor r9d, r9d"), X64_R9, 0);
	x64_mov_imm(expect("mov ebx, 1"), X64_RBX, 1);
	x64_mov_imm(expect("mov r15d, 0xffffffff"), X64_R15, UINT32_MAX);
	x64_mov_imm(expect("mov rax, 0xffffffffffffffff"), X64_RAX, UINT64_MAX);
	x64_mov_imm(expect("mov r8, 0xffffffff80000000"), X64_R8, 0xffffffff80000000);
	x64_mov_imm(expect("movabs rsi, 0x100000000"), X64_RSI, UINT64_C(1) << 32);
	x64_mov_imm(expect("movabs r10, 0x123456789abcdef0"), X64_R10, 0x123456789abcdef0);
	end();
}

static void test_conditions(void)
{
	static const char *const cc[] = { "o", "no", "b", "ae", "e", "ne", "be", "a",
					  "s", "ns", "p", "np", "l", "ge", "le", "g" };
	begin("x86_64");
	for (unsigned i = 0; i < 16; i++) {
		x64_r(expect("set%s sil", cc[i]), X64_SETCC + i, 0, X64_RSI);
		x64_rr(expect("cmov%s r8, rax", cc[i]), X64_CMOVCC + i, 1, X64_R8, X64_RAX);
	}
	end();
}

static void test_stack(void)
{
	begin("x86_64");
	for (unsigned r = 0; r < 16; r++) {
		x64_push(expect("push %s", int_name[QWORD][r]), r);
		x64_pop(expect("pop %s", int_name[QWORD][r]), r);
	}
	x64_ret(expect("ret"));
	x64_syscall(expect("syscall"));
	x64_cqo(expect("cqo"), 1);
	x64_cqo(expect("cdq"), 0);
	x64_bswap(expect("bswap edx"), 0, X64_RDX);
	x64_bswap(expect("bswap r8d"), 0, X64_R8);
	x64_bswap(expect("bswap r15"), 1, X64_R15);
	end();
}

/* Branches lead where they should, in both lengths. */
static void test_branches(void)
{
	static uint8_t bytes[1024];
	struct code code = { .bytes = bytes };
	struct strbuf out = STRBUF_INIT;
	struct codebuf cb;
	uint32_t a, b, c, d;

	cb_init(&cb, bytes, sizeof bytes);
	a = x64_jcc32(&cb, X64_CC_NE); /* 0 */
	b = x64_jmp32(&cb);            /* 6 */
	c = x64_call32(&cb);           /* b */
	x64_jcc_to(&cb, X64_CC_A, 6);  /* 10 */
	x64_jmp_to(&cb, 0x200);        /* 12 */
	d = x64_jcc8(&cb, X64_CC_P);   /* 17 */
	x64_lea_rip(&cb, X64_R9, 2);   /* 19 */
	x64_here8(&cb, d);
	x64_fix32(&cb, a, 0x17);
	x64_fix32(&cb, b, 0);
	x64_fix32(&cb, c, 0x100);
	code.size_bytes = cb_pos(&cb);
	jit_disas("x86_64", &code, false, &out);
	CHECK_STR(strbuf_str(&out), "   0  jne 0x17\n   6  jmp 0\n   b  call 0x100\n  10  ja 6\n"
				    "  12  jmp 0x200\n  17  jp 0x20\n  19  lea r9, [rip - 0x1e]\n");
	strbuf_fini(&out);
}

static void test_nop(void)
{
	static uint8_t bytes[256];

	for (unsigned n = 1; n <= 31; n++) {
		struct codebuf cb;

		cb_init(&cb, bytes, sizeof bytes);
		x64_nop(&cb, n);
		CHECK_EQ(cb_pos(&cb), n);
		CHECK_EQ(jit_disas_count("x86_64", bytes, n), (n + 8) / 9);
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
			x64_rmi(&cb, X64_ALU_MI, 1, X64_ADD, x64_at(X64_RBP, 0x1000), 0x12345678,
				4);
			x64_mov_imm(&cb, X64_RAX, INT64_MAX);
			x64_fix32(&cb, x64_jmp32(&cb), 0);
			x64_here8(&cb, x64_jcc8(&cb, X64_CC_E));
			x64_nop(&cb, 3);
		}
		CHECK(cb.overflow);
		for (unsigned k = size; k < sizeof bytes; k++)
			CHECK_EQ(bytes[k], 0xee);
	}
}

CHECK_MAIN(test_rows, test_alu, test_mov_imm, test_conditions, test_stack, test_branches, test_nop,
	   test_overflow)

/*
 * The guest's vDSO: a small ELF shared object, made here at start (2 us) and mapped in one page.
 *
 * Time is read by a CSR that only this code has (arch/rv64/csrs.def), in place of the kernel's data page; times are stored
 * by plain instructions, so that a bad pointer faults here as it does natively. The other functions make
 * their system call, as the kernel's own vDSO does when it has no faster way. The
 * words of __vdso_rt_sigreturn are what debuggers and libgcc's unwinder recognise a signal frame by.
 * Symbols have version LINUX_4.15 and are found through DT_HASH, which glibc, musl and Go all read.
 *
 *     0      ELF header, program headers
 *     ...    .hash  .dynsym  .gnu.version  .gnu.version_d  .dynamic  .dynstr
 *     0x800  code, 80 bytes a function
 *     0xa30  section headers, for gdb, which takes functions from sections alone
 */
#include "runtime/load/load_priv.h"

#include <string.h>

#define VDSO_VERSION "LINUX_4.15"
#define VDSO_SONAME  "linux-vdso.so.1"

/* riscv64 instructions */
#define SYSTEM_CALL(nr) (nr) << 20 | 17 << 7 | 0x13 /* li a7, nr */, 0x00000073 /* ecall */
#define RET             0x00008067

/* clang-format off */
static const uint32_t code_rt_sigreturn[] = { SYSTEM_CALL(139), 0 };
static const uint32_t code_clock_getres[] = { SYSTEM_CALL(114), RET };
static const uint32_t code_getcpu[] = { SYSTEM_CALL(168), RET };
static const uint32_t code_flush_icache[] = { SYSTEM_CALL(259), RET };
static const uint32_t code_riscv_hwprobe[] = { SYSTEM_CALL(258), RET };
static const uint32_t code_clock_gettime[] = {
	0xcc002673,                         /*	csrr	a2, clock */
	0x02064463,                         /*	bltz	a2, 1f */
	0x3b9ad6b7, 0xa0068693,             /*	li	a3, 1000000000 */
	0x02d65733, 0x02d707b3, 0x40f60633, /*	divu	a4, a2, a3; mul a5, a4, a3; sub a2, a2, a5 */
	0x00e5b023, 0x00c5b423,             /*	sd	a4, 0(a1); sd a2, 8(a1) */
	0x00000513, RET,                    /*	li	a0, 0; ret */
	SYSTEM_CALL(113), RET,              /* 1: */
};
static const uint32_t code_gettimeofday[] = {
	0x04059063,                         /*	bnez	a1, 1f: of the time zone the kernel knows */
	0x02050a63,                         /*	beqz	a0, 2f */
	0x00050593, 0x00000513,             /*	mv	a1, a0; li a0, CLOCK_REALTIME */
	0xcc002673,                         /*	csrr	a2, clock */
	0x3b9ad6b7, 0xa0068693,             /*	li	a3, 1000000000 */
	0x02d65733, 0x02d707b3, 0x40f60633, /*	divu	a4, a2, a3; mul a5, a4, a3; sub a2, a2, a5 */
	0x3e800693, 0x02d65633,             /*	li	a3, 1000; divu a2, a2, a3 */
	0x00e5b023, 0x00c5b423,             /*	sd	a4, 0(a1); sd a2, 8(a1) */
	0x00000513, RET,                    /* 2:	li	a0, 0; ret */
	SYSTEM_CALL(169), RET,              /* 1: */
};

#define FUNCTION(name) { "__vdso_" #name, code_##name, ARRAY_LEN(code_##name) }
static const struct {
	const char *name;
	const uint32_t *code;
	unsigned words;
} functions[] = {
	FUNCTION(rt_sigreturn), FUNCTION(gettimeofday), FUNCTION(clock_gettime), FUNCTION(clock_getres),
	FUNCTION(getcpu), FUNCTION(flush_icache), FUNCTION(riscv_hwprobe),
};
/* clang-format on */

enum {
	FUNCTIONS = ARRAY_LEN(functions),
	SYMBOLS = FUNCTIONS + 1, /* with the null symbol */
	CODE_AT = 0x800,
	CODE_STEP = 80,

	EHDR_BYTES = 64,
	PHDR_BYTES = 56,
	SYM_BYTES = 24,
	PHDRS = 2,
	HASH_AT = EHDR_BYTES + PHDRS * PHDR_BYTES,
	HASH_WORDS = 2 + 1 + SYMBOLS, /* one bucket: so few symbols need no more */
	DYNSYM_AT = (HASH_AT + 4 * HASH_WORDS + 7) & ~7,
	VERSYM_AT = DYNSYM_AT + SYM_BYTES * SYMBOLS,
	VERDEF_AT = (VERSYM_AT + 2 * SYMBOLS + 7) & ~7,
	VERDEF_BYTES = 20 + 8, /* with one name each */
	DYNAMIC_AT = (VERDEF_AT + 2 * VERDEF_BYTES + 7) & ~7,
	DYNAMIC_ENTRIES = 10,
	STRTAB_AT = DYNAMIC_AT + 16 * DYNAMIC_ENTRIES,

	/* Values of the ELF specification. */
	DT_NULL = 0,
	DT_HASH = 4,
	DT_STRTAB = 5,
	DT_SYMTAB = 6,
	DT_STRSZ = 10,
	DT_SYMENT = 11,
	DT_SONAME = 14,
	DT_VERSYM = 0x6ffffff0,
	DT_VERDEF = 0x6ffffffc,
	DT_VERDEFNUM = 0x6ffffffd,
	PT_LOAD = 1,
	PT_DYNAMIC = 2,
	PF_X = 1,
	PF_R = 4,
	ET_DYN = 3,
	EM_RISCV = 243,
	STB_GLOBAL = 1,
	STT_FUNC = 2,
	VER_FLG_BASE = 1,
	SHT_PROGBITS = 1,
	SHT_STRTAB = 3,
	SHT_DYNAMIC = 6,
	SHT_DYNSYM = 11,
	SHF_ALLOC = 2,
	SHF_EXECINSTR = 4,

	SHDR_BYTES = 64,
	SHDRS_AT = CODE_AT + FUNCTIONS * CODE_STEP,
	TEXT = 1, /* sections; 0 is none */
	DYNSYM,
	DYNSTR,
	DYNAMIC,
	SHDRS,
	END = SHDRS_AT + SHDRS * SHDR_BYTES,
};

_Static_assert(SHDRS_AT + SHDRS * SHDR_BYTES <= MEM_PAGE_BYTES && SHDRS_AT % 8 == 0,
	       "the vDSO is one page");

/* The page being filled, all zeros at first: puts go to at, strings to str. */
struct vdso {
	uint8_t *page;
	unsigned at, str;
};

static void put(struct vdso *v, unsigned size_bytes, uint64_t x)
{
	for (unsigned i = 0; i < size_bytes; i++)
		v->page[v->at++] = (uint8_t)(x >> 8 * i);
}

static void put16(struct vdso *v, unsigned x) { put(v, 2, x); }
static void put32(struct vdso *v, uint32_t x) { put(v, 4, x); }
static void put64(struct vdso *v, uint64_t x) { put(v, 8, x); }

/* Adds to the string table; its offset there. */
static unsigned put_str(struct vdso *v, const char *s)
{
	unsigned at = v->str;
	size_t n = strlen(s) + 1;

	KIT_CHECK(at + n <= CODE_AT, "the vDSO's strings do not fit");
	memcpy(v->page + at, s, n);
	v->str += (unsigned)n;
	return at - STRTAB_AT;
}

static uint32_t elf_hash(const char *s)
{
	uint32_t h = 0;

	for (; *s; s++) {
		h = (h << 4) + (uint8_t)*s;
		h ^= h >> 24 & 0xf0;
		h &= 0x0fffffff;
	}
	return h;
}

static void put_headers(struct vdso *v)
{
	static const uint8_t ident[16] = {
		0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little-endian */, 1
	};

	v->at = 0;
	for (unsigned i = 0; i < sizeof ident; i++)
		put(v, 1, ident[i]);
	put16(v, ET_DYN);
	put16(v, EM_RISCV);
	put32(v, 1);       /* version */
	put64(v, CODE_AT); /* entry: none really */
	put64(v, EHDR_BYTES);
	put64(v, SHDRS_AT);
	put32(v, 4); /* float ABI double */
	put16(v, EHDR_BYTES);
	put16(v, PHDR_BYTES);
	put16(v, PHDRS);
	put16(v, SHDR_BYTES);
	put16(v, SHDRS);
	put16(v, DYNSTR); /* the names of sections, too */

	const struct {
		unsigned type, flags, at, size, align;
	} ph[PHDRS] = {
		{ PT_LOAD, PF_R | PF_X, 0, END, MEM_PAGE_BYTES },
		{ PT_DYNAMIC, PF_R, DYNAMIC_AT, 16 * DYNAMIC_ENTRIES, 8 },
	};

	for (unsigned i = 0; i < PHDRS; i++) {
		put32(v, ph[i].type);
		put32(v, ph[i].flags);
		put64(v, ph[i].at); /* offset, vaddr, paddr */
		put64(v, ph[i].at);
		put64(v, ph[i].at);
		put64(v, ph[i].size);
		put64(v, ph[i].size);
		put64(v, ph[i].align);
	}
}

static void put_symbols(struct vdso *v)
{
	v->at = HASH_AT;
	put32(v, 1);
	put32(v, SYMBOLS);
	put32(v, 1); /* the bucket: symbol 1, chained to 2, 3 ... */
	put32(v, 0);
	for (unsigned i = 1; i < SYMBOLS; i++)
		put32(v, i + 1 < SYMBOLS ? i + 1 : 0);

	v->at = DYNSYM_AT + SYM_BYTES;
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		put32(v, put_str(v, functions[i].name));
		put(v, 1, STB_GLOBAL << 4 | STT_FUNC);
		put(v, 1, 0);
		put16(v, TEXT);
		put64(v, CODE_AT + i * CODE_STEP);
		put64(v, functions[i].words * 4);
	}

	v->at = VERSYM_AT + 2;
	for (unsigned i = 0; i < FUNCTIONS; i++)
		put16(v, 2);
}

static void put_sections(struct vdso *v)
{
	const struct {
		const char *name;
		unsigned type, flags, at, size, link, info, entry;
	} rows[SHDRS] = {
		[TEXT] = { ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, CODE_AT,
			   SHDRS_AT - CODE_AT },
		/* info: the first symbol that is not local */
		[DYNSYM] = { ".dynsym", SHT_DYNSYM, SHF_ALLOC, DYNSYM_AT, VERSYM_AT - DYNSYM_AT,
			     DYNSTR, 1, SYM_BYTES },
		[DYNSTR] = { ".dynstr", SHT_STRTAB, SHF_ALLOC, STRTAB_AT, CODE_AT - STRTAB_AT },
		[DYNAMIC] = { ".dynamic", SHT_DYNAMIC, SHF_ALLOC, DYNAMIC_AT,
			      STRTAB_AT - DYNAMIC_AT, DYNSTR, 0, 16 },
	};

	v->at = SHDRS_AT + SHDR_BYTES;
	for (unsigned i = TEXT; i < SHDRS; i++) {
		put32(v, put_str(v, rows[i].name));
		put32(v, rows[i].type);
		put64(v, rows[i].flags);
		put64(v, rows[i].at); /* address, offset */
		put64(v, rows[i].at);
		put64(v, rows[i].size);
		put32(v, rows[i].link);
		put32(v, rows[i].info);
		put64(v, 8); /* alignment */
		put64(v, rows[i].entry);
	}
}

/* One version definition: 1 is the object itself, 2 the symbols' version. */
static void put_verdef(struct vdso *v, unsigned index, unsigned flags, const char *name,
		       unsigned name_at, bool last)
{
	put16(v, 1);
	put16(v, flags);
	put16(v, index);
	put16(v, 1);
	put32(v, elf_hash(name));
	put32(v, 20);
	put32(v, last ? 0 : VERDEF_BYTES);
	put32(v, name_at);
	put32(v, 0);
}

static void put_dynamic(struct vdso *v)
{
	unsigned soname = put_str(v, VDSO_SONAME), version = put_str(v, VDSO_VERSION);

	v->at = VERDEF_AT;
	put_verdef(v, 1, VER_FLG_BASE, VDSO_SONAME, soname, false);
	put_verdef(v, 2, 0, VDSO_VERSION, version, true);

	const uint64_t dynamic[DYNAMIC_ENTRIES][2] = {
		{ DT_SONAME, soname },
		{ DT_HASH, HASH_AT },
		{ DT_STRTAB, STRTAB_AT },
		{ DT_SYMTAB, DYNSYM_AT },
		{ DT_STRSZ, v->str - STRTAB_AT },
		{ DT_SYMENT, SYM_BYTES },
		{ DT_VERSYM, VERSYM_AT },
		{ DT_VERDEF, VERDEF_AT },
		{ DT_VERDEFNUM, 2 },
		{ DT_NULL, 0 },
	};

	v->at = DYNAMIC_AT;
	for (unsigned i = 0; i < DYNAMIC_ENTRIES; i++) {
		put64(v, dynamic[i][0]);
		put64(v, dynamic[i][1]);
	}
}

static void put_code(struct vdso *v)
{
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		KIT_CHECK(functions[i].words * 4 <= CODE_STEP, "%s is too long", functions[i].name);
		v->at = CODE_AT + i * CODE_STEP;
		for (unsigned w = 0; w < functions[i].words; w++)
			put32(v, functions[i].code[w]);
	}
}

int64_t vdso_map(struct kit_process *p)
{
	const int flags = MEM_MAP_PRIVATE | MEM_MAP_ANONYMOUS;
	struct vdso v;
	int64_t at =
	    mem_mmap(p->mem, 0, MEM_PAGE_BYTES, MEM_PROT_READ | MEM_PROT_WRITE, flags, -1, 0);

	if (at < 0)
		return at;
	v = (struct vdso){ .page = mem_host(p->mem, (gaddr)at), .str = STRTAB_AT + 1 };
	put_headers(&v);
	put_symbols(&v);
	put_sections(&v);
	put_dynamic(&v);
	put_code(&v);
	mem_mprotect(p->mem, (gaddr)at, MEM_PAGE_BYTES, MEM_PROT_READ | MEM_PROT_EXEC);
	mem_set_name(p->mem, (gaddr)at, MEM_VDSO);
	p->vdso_base = (gaddr)at;
	p->sigreturn_pc = (gaddr)at + CODE_AT;
	return at;
}

/*
 * The loader: what it says about files that it cannot run, where it puts those it can, the stack and the vDSO.
 */
#include "tests/unit/check.h"
#include "tests/unit/loadfile.h"

#include "arch/rv64/abi.h"
#include "arch/rv64/cpu.h"
#include "runtime/load/load.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct diag read_file(const struct file *f, size_t size, struct load_image *im)
{
	struct diag d = DIAG_INIT;
	int fd = file_fd(f, size);

	if (load_image_read(fd, "prog", im, &d))
		d.exit_status = 0;
	close(fd);
	return d;
}

/* The file must be refused with this message and status 126. */
static void refused(const struct file *f, size_t size, const char *text)
{
	struct load_image im;
	struct diag d = read_file(f, size, &im);

	CHECK_STR(d.text, text);
	CHECK_EQ(d.exit_status, 126);
}

/* refused() of the good file with one change. */
#define REFUSED(change, text)                                                                      \
	do {                                                                                       \
		struct file f = good_file();                                                       \
                                                                                                   \
		CHECK_AT("%s", #change);                                                           \
		f.change;                                                                          \
		refused(&f, FILE_BYTES, text);                                                     \
		check_where[0] = '\0';                                                             \
	} while (0)

static void test_good(void)
{
	struct file f = good_file();
	struct load_image im;
	struct diag d = read_file(&f, FILE_BYTES, &im);

	REQUIRE(d.exit_status == 0);
	CHECK_STR(d.text, "");
	CHECK_EQ(im.entry, 0x10000 + CODE_AT);
	CHECK_EQ(im.phdr, 0x10040);
	CHECK_EQ(im.phnum, 3);
	CHECK_EQ(im.low, 0x10000);
	CHECK_EQ(im.high, 0x16000);
	CHECK(!im.pie && !im.exec_stack);
	CHECK_EQ(im.seg_count, 2);
	/* Other orders, other flags that are fine. */
	f.ph[4] = f.ph[0];
	f.ph[0] = f.ph[1];
	f.ph[1] = f.ph[4];
	f.ph[2].p_flags |= PF_X;
	f.eh.e_flags = EF_RISCV_TSO;
	f.eh.e_ident[EI_OSABI] = ELFOSABI_GNU;
	d = read_file(&f, FILE_BYTES, &im);
	CHECK_EQ(d.exit_status, 0);
	CHECK_EQ(im.seg[0].vaddr, 0x10000);
	CHECK(im.exec_stack);
}

/* What is said more of a program for this machine. */
#ifdef __x86_64__
#define ON_X86_64  ": run it without kitemu"
#define ON_AARCH64 ""
#else
#define ON_X86_64  ""
#define ON_AARCH64 ": run it without kitemu"
#endif

static void test_wrong_kind(void)
{
	REFUSED(eh.e_ident[0] = 'x', "is not an ELF file; kitemu runs static riscv64 ELF programs");
	REFUSED(eh.e_machine = 9999,
		"is a 64-bit (machine 9999) program; kitemu runs riscv64 programs");
	REFUSED(eh.e_ident[EI_CLASS] = ELFCLASS32,
		"is a 32-bit riscv program; kitemu runs little-endian 64-bit ones: compile it for "
		"riscv64");
	REFUSED(eh.e_ident[EI_CLASS] = 3, "has a damaged ELF header (class 3, byte order 1)");
	REFUSED(eh.e_ident[EI_DATA] = 0, "has a damaged ELF header (class 2, byte order 0)");
	REFUSED(eh.e_ident[EI_VERSION] = 0, "has ELF version 0; only version 1 is known");
	REFUSED(eh.e_version = 2, "has ELF version 2; only version 1 is known");
	REFUSED(eh.e_ident[EI_OSABI] = ELFOSABI_FREEBSD,
		"is for another operating system than Linux (OS ABI 9)");
	REFUSED(eh.e_type = ET_REL, "is an object file, not a program: link it");
	REFUSED(eh.e_type = ET_CORE, "is a core dump, not a program");
	REFUSED(eh.e_type = 77, "is not a program (ELF type 77)");
	REFUSED(eh.e_flags |= EF_RISCV_RVE,
		"uses the RVE base with 16 registers: compile it for rv64gc");
	REFUSED(eh.e_flags |= EF_RISCV_FLOAT_ABI_QUAD,
		"uses the quad-precision float ABI: compile it with -mabi=lp64d");
	REFUSED(eh.e_flags |= 0x100, "has unknown ELF flags 0x100: compile it for rv64gc");

	struct file f = good_file();

	f.eh.e_ident[EI_DATA] = ELFDATA2MSB;
	f.eh.e_machine = EM_RISCV << 8;
	refused(&f, FILE_BYTES,
		"is a 64-bit big-endian riscv program; kitemu runs little-endian 64-bit ones: "
		"compile it for riscv64");
	f = good_file();
	f.eh.e_machine = EM_X86_64;
	refused(&f, FILE_BYTES,
		"is a 64-bit x86-64 program; kitemu runs riscv64 programs" ON_X86_64);
	f = good_file();
	f.eh.e_machine = EM_AARCH64;
	refused(&f, FILE_BYTES,
		"is a 64-bit AArch64 program; kitemu runs riscv64 programs" ON_AARCH64);
	f = good_file();
	memcpy(&f, "#! /bin/bash -e\n", 16);
	refused(&f, FILE_BYTES,
		"is a script for /bin/bash, not a program: give kitemu a riscv64 build of its "
		"interpreter, "
		"and the script as the first argument");
	refused(&f, 2,
		"is a script, not a program: give kitemu a riscv64 build of its interpreter, and "
		"the script as the first argument");
}

static void test_truncated(void)
{
	struct file f = good_file();

	refused(&f, 0, "is empty");
	refused(&f, 3, "is not an ELF file; kitemu runs static riscv64 ELF programs");
	refused(&f, 4, "is truncated: it has 4 bytes, an ELF header takes 64");
	refused(&f, 63, "is truncated: it has 63 bytes, an ELF header takes 64");
	refused(&f, 64, "is truncated: its program headers are 168 bytes at 64, the file has 64");
	refused(&f, 231, "is truncated: its program headers are 168 bytes at 64, the file has 231");
	refused(&f, 232, "is truncated: segment 0 is 5120 bytes at 0, the file has 232");
	refused(&f, 0x1400, "is truncated: segment 1 is 1024 bytes at 7680, the file has 5120");
	refused(&f, 0x21ff, "is truncated: segment 1 is 1024 bytes at 7680, the file has 8703");
	for (size_t n = 0; n < 0x2200; n += n < 300 ? 1 : 97) {
		struct load_image im;
		struct diag d = read_file(&f, n, &im);

		CHECK_EQ(d.exit_status, 126);
		CHECK(d.text[0]);
	}
}

static void test_damaged_headers(void)
{
	REFUSED(eh.e_ehsize = 52, "has a damaged ELF header (header size 52)");
	REFUSED(eh.e_phnum = 0, "has no program headers, so it is not a program");
	REFUSED(eh.e_phentsize = 32, "has program headers of 32 bytes instead of 56");
	REFUSED(eh.e_phentsize = 0, "has program headers of 0 bytes instead of 56");
	REFUSED(eh.e_phnum = PN_XNUM, "has 65535 program headers; at most 1170 are allowed");
	REFUSED(eh.e_phnum = 1000,
		"is truncated: its program headers are 56000 bytes at 64, the file has 12288");
	REFUSED(eh.e_phoff = UINT64_MAX - 8, "is truncated: its program headers are 168 bytes at "
					     "18446744073709551607, the file has 12288");
	REFUSED(eh.e_entry = 0, "is damaged: its entry point 0x0 is in no executable segment");
	REFUSED(eh.e_entry = 0x12e00,
		"is damaged: its entry point 0x12e00 is in no executable segment");
	REFUSED(eh.e_entry = 0x10201, "is damaged: its entry point 0x10201 is odd");
}

static void test_damaged_segments(void)
{
	REFUSED(ph[0].p_type = PT_NULL,
		"is damaged: its entry point 0x10200 is in no executable segment");
	REFUSED(ph[1].p_filesz = 0x2346,
		"is damaged: segment 1 has 9030 bytes in the file, but 9029 in memory");
	REFUSED(ph[1].p_memsz = UINT64_MAX, "is damaged: segment 1 (0xffffffffffffffff bytes at "
					    "0x12e00) lies outside of user addresses");
	REFUSED(ph[1].p_vaddr = UINT64_MAX - 0x1ff,
		"is damaged: segment 1 (0x2345 bytes at 0xfffffffffffffe00) lies outside of user "
		"addresses");
	REFUSED(ph[1].p_vaddr = UINT64_C(1) << 47,
		"is damaged: segment 1 (0x2345 bytes at 0x800000000000) lies outside of user "
		"addresses");
	REFUSED(ph[1].p_vaddr = 0x11200, "has segment 1 at 0x11200, file offset 0x1e00: they must "
					 "agree in the low 12 bits: link it without -n or -N");
	REFUSED(ph[1].p_vaddr = 0x10e00,
		"is damaged: segment 1 (0x2345 bytes at 0x10e00) overlaps another one");
	REFUSED(ph[1].p_vaddr = 0xfe00,
		"is damaged: segment 1 (0x2345 bytes at 0xfe00) overlaps another one");
	REFUSED(
	    ph[1].p_offset = UINT64_MAX - 0x1ff,
	    "is truncated: segment 1 is 1024 bytes at 18446744073709551104, the file has 12288");
	REFUSED(ph[1].p_align = UINT64_C(1) << 40,
		"is damaged: segment 1 asks for an alignment of 0x10000000000");

	struct file f = good_file();

	f.ph[0].p_type = f.ph[1].p_type = PT_NOTE;
	refused(&f, FILE_BYTES, "has nothing to load, so it is not a program");
}

/* Needs a table of its own: more segments than are allowed. */
static void test_many_segments(void)
{
	static struct {
		Elf64_Ehdr eh;
		Elf64_Phdr ph[40];
	} big;
	struct diag d = DIAG_INIT;
	struct load_image im;
	int fd = memfd_create("many", 0);

	big.eh = good_file().eh;
	big.eh.e_phnum = 40;
	for (unsigned i = 0; i < 40; i++)
		big.ph[i] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0,     0x10000 + i * PAGE,
					  0,       0x800,       0x800, PAGE };
	CHECK_EQ(write(fd, &big, sizeof big), sizeof big);
	CHECK(!load_image_read(fd, "many", &im, &d));
	CHECK_STR(d.text, "has more than 32 segments to load");
	close(fd);
}

static void test_dynamic(void)
{
	struct file f = good_file();
	static const char loader[] = "/lib/ld-linux-riscv64-lp64d.so.1";

	/* The path lies in the room for further headers. */
	f.ph[2] =
	    (Elf64_Phdr){ PT_INTERP,     PF_R, offsetof(struct file, ph[4]), 0, 0, sizeof loader,
			  sizeof loader, 1 };
	memcpy(&f.ph[4], loader, sizeof loader);
	refused(&f, FILE_BYTES,
		"is dynamically linked (needs /lib/ld-linux-riscv64-lp64d.so.1); kitemu runs "
		"static programs: "
		"link it with -static");
	f.ph[2].p_offset = UINT64_MAX;
	refused(&f, FILE_BYTES,
		"is dynamically linked; kitemu runs static programs: link it with -static");
	f = good_file();
	f.eh.e_type = ET_DYN;
	f.eh.e_entry = 0;
	refused(&f, FILE_BYTES, "is a shared library, not a program");
}

static void open_fails(const char *path, int status, const char *text)
{
	struct diag d = DIAG_INIT;

	CHECK_EQ(load_open(path, &d), -1);
	CHECK_EQ(d.exit_status, status);
	CHECK_STR(d.text, text);
}

static void test_open(void)
{
	char dir[] = "/tmp/test_load.XXXXXX", path[64];

	REQUIRE(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/file", dir);
	open_fails(path, 127, "no such file");
	CHECK(close(open(path, O_CREAT | O_WRONLY, 0644)) == 0);
	open_fails(path, 126, "is not executable: chmod +x");
	open_fails(dir, 126, "is a directory, not a program");
	open_fails("/dev/null", 126, "is not a regular file");
	snprintf(path, sizeof path, "%s/file/more", dir);
	open_fails(path, 127, "no such file");
	snprintf(path, sizeof path, "%s/file", dir);
	chmod(path, 0755);
	CHECK(close(load_open(path, &(struct diag)DIAG_INIT)) == 0);
	unlink(path);
	rmdir(dir);
}

/* ---- loaded programs ------------------------------------------------------------------------- */

static struct kit_process proc;
static struct kit_thread thread;

static bool load_fd(int fd, bool base, uint64_t stack_bytes, char *const *argv, char *const *envp,
		    struct diag *d)
{
	catch_faults();
	memset(&proc, 0, sizeof proc);
	memset(&thread, 0xff, sizeof thread);
	proc.features = RV64_FEATURES_GC;
	proc.opt.stack_bytes = stack_bytes;
	proc.mem = mem_new(&(struct mem_want){ .base = base }, d);
	return proc.mem && load_program(&proc, &thread, fd, "./prog", argv, envp, d);
}

static char *const some_args[] = { (char *)(uintptr_t) "./prog", (char *)(uintptr_t) "",
				   (char *)(uintptr_t) "b c", NULL };
static char *const some_env[] = { (char *)(uintptr_t) "A=1", (char *)(uintptr_t) "PATH=/bin",
				  NULL };

static uint64_t peek(gaddr a)
{
	uint64_t x = 0xdeadbeef;

	CHECK(mem_copy_in(proc.mem, &x, a, 8));
	return x;
}

static const char *peek_str(gaddr a)
{
	static char s[256];

	CHECK(mem_copy_str(proc.mem, s, a, sizeof s) >= 0);
	return s;
}

static bool count_vma(void *ctx, const struct mem_vma *v)
{
	(void)v;
	++*(unsigned *)ctx;
	return true;
}

static unsigned mappings(void)
{
	unsigned n = 0;

	mem_each(proc.mem, count_vma, &n);
	return n;
}

static void test_segments(void)
{
	struct file f = good_file();
	int fd = file_fd(&f, FILE_BYTES);
	struct mem_vma v;

	for (int base = 0; base < 2; base++) {
		struct diag d = DIAG_INIT;
		unsigned char b[2];

		REQUIRE(load_fd(fd, base, 0, some_args, some_env, &d));
		CHECK_EQ(thread.st.pc, 0x10200);
		CHECK_EQ(thread.st.reg[RV64_A0], 0);
		CHECK_EQ(thread.st.reg[RV64_SP] % 16, 0);
		CHECK_EQ(mem_brk(proc.mem, 0), 0x16000);
		CHECK(mem_find(proc.mem, 0x10000, &v));
		CHECK_EQ(v.prot, PROT_READ | PROT_EXEC);
		CHECK_EQ(v.end, 0x12000);
		CHECK(mem_find(proc.mem, 0x12e00, &v));
		CHECK_EQ(v.prot, PROT_READ | PROT_WRITE);
		CHECK_EQ(v.offset, 0x1000);
		/* The file's bytes, then zeros from the middle of the page on. */
		CHECK(mem_copy_in(proc.mem, b, 0x131ff, 2));
		CHECK_EQ(b[0], 0xff ^ 0x21);
		CHECK_EQ(b[1], 0);
		CHECK_EQ(peek(0x13f00), 0);
		CHECK_EQ(peek(0x15000), 0);
		CHECK(mem_find(proc.mem, 0x15fff, &v));
		CHECK(!mem_find(proc.mem, 0x16000, &v));
		CHECK(mem_find(proc.mem, 0x3fffffffff, &v));
		CHECK_STR(v.name, "[stack]");
		CHECK_EQ(v.prot, PROT_READ | PROT_WRITE);
		CHECK_EQ(v.start, proc.stack_low);
		CHECK_EQ(v.end, proc.stack_high);
		/* Nothing goes right below the stack by itself. */
		CHECK(mem_mmap(proc.mem, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
		      < (int64_t)(proc.stack_low - 256 * PAGE));
		mem_free(proc.mem);
	}
	close(fd);
}

/* A hole between segments is a hole; the stack may be executable. */
static void test_holes(void)
{
	struct file f = good_file();
	struct diag d = DIAG_INIT;
	struct mem_vma v;
	int fd;

	f.ph[1].p_vaddr = 0x80e00;
	f.ph[2].p_flags |= PF_X;
	fd = file_fd(&f, FILE_BYTES);
	REQUIRE(load_fd(fd, false, 1 << 20, some_args, some_env, &d));
	CHECK(!mem_find(proc.mem, 0x12000, &v));
	CHECK(!mem_find(proc.mem, 0x7ffff, &v));
	CHECK(mem_find(proc.mem, 0x80000, &v));
	CHECK(mem_find(proc.mem, proc.stack_low, &v));
	CHECK_EQ(v.prot, PROT_READ | PROT_WRITE | PROT_EXEC);
	CHECK_EQ(proc.stack_high - proc.stack_low, 1 << 20);
	mem_free(proc.mem);
	close(fd);
}

static void test_pie(void)
{
	struct file f = good_file();
	struct mem_vma v;
	gaddr bias;

	f.eh.e_type = ET_DYN;
	f.eh.e_entry = CODE_AT;
	f.ph[0].p_vaddr = 0;
	f.ph[1].p_vaddr = 0x2e00;
	for (unsigned shift = 12; shift <= 24; shift += 6) {
		struct diag d = DIAG_INIT;
		int fd;

		f.ph[0].p_align = UINT64_C(1) << shift;
		fd = file_fd(&f, FILE_BYTES);
		REQUIRE(load_fd(fd, shift == 18, 0, some_args, some_env, &d));
		bias = thread.st.pc - CODE_AT;
		CHECK(bias >= 0x2aaaaaa000 && bias < 0x2aacaaa000);
		CHECK_EQ(bias % f.ph[0].p_align, 0);
		CHECK(mem_find(proc.mem, bias + 0x2e00, &v));
		CHECK_EQ(mem_brk(proc.mem, 0), bias + 0x6000);
		CHECK_EQ(mappings(), 5);
		mem_free(proc.mem);
		close(fd);
	}
}

struct aux_row {
	uint64_t type, value;
};

static void check_auxv(gaddr p)
{
	const struct aux_row want[] = {
		{ 33, proc.vdso_base },
		{ 40, 0 },
		{ 41, 0 },
		{ 42, 0 },
		{ 43, 0 },
		{ 44, 0 },
		{ 45, 0 },
		{ 46, 0 },
		{ 47, 0 },
		{ 51, sizeof(struct rv64_rt_sigframe) },
		{ AT_HWCAP, 0x112d },
		{ AT_PAGESZ, 4096 },
		{ AT_CLKTCK, 100 },
		{ AT_PHDR, 0x10040 },
		{ AT_PHENT, 56 },
		{ AT_PHNUM, 3 },
		{ AT_BASE, 0 },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, 0x10200 },
		{ AT_UID, getuid() },
		{ AT_EUID, geteuid() },
		{ AT_GID, getgid() },
		{ AT_EGID, getegid() },
		{ AT_SECURE, 0 },
		{ AT_RANDOM, 0 }, /* looked at below */
		{ AT_EXECFN, 0 },
		{ AT_NULL, 0 },
	};

	for (unsigned i = 0; i < sizeof want / sizeof *want; i++, p += 16) {
		CHECK_AT("entry %u", i);
		CHECK_EQ(peek(p), want[i].type);
		if (want[i].type == AT_EXECFN)
			CHECK_STR(peek_str(peek(p + 8)), "./prog");
		else if (want[i].type == AT_RANDOM)
			CHECK(peek(peek(p + 8)) && peek(peek(p + 8)) != peek(peek(p + 8) + 8));
		else
			CHECK_EQ(peek(p + 8), want[i].value);
	}
	check_where[0] = '\0';
}

static void test_stack(void)
{
	struct file f = good_file();
	int fd = file_fd(&f, FILE_BYTES);
	struct diag d = DIAG_INIT;
	gaddr p;

	for (int base = 0; base < 2; base++) {
		REQUIRE(load_fd(fd, base, 0, some_args, some_env, &d));
		p = thread.st.reg[RV64_SP];
		CHECK_EQ(peek(p), 3);
		for (unsigned i = 0; i < 3; i++)
			CHECK_STR(peek_str(peek(p + 8 + 8 * i)), some_args[i]);
		CHECK_EQ(peek(p + 32), 0);
		CHECK_STR(peek_str(peek(p + 40)), "A=1");
		CHECK_STR(peek_str(peek(p + 48)), "PATH=/bin");
		CHECK_EQ(peek(p + 56), 0);
		CHECK_EQ(proc.arg_start, peek(p + 8));
		CHECK_EQ(proc.arg_end, peek(p + 40));
		CHECK_EQ(proc.env_start, proc.arg_end);
		CHECK_EQ(proc.env_end, proc.env_start + 14);
		CHECK_EQ(peek(proc.stack_high - 8), 0);
		check_auxv(p + 64);
		mem_free(proc.mem);
	}
	REQUIRE(load_fd(fd, false, 0, some_args + 3, some_env + 2, &d));
	CHECK_EQ(peek(thread.st.reg[RV64_SP]), 0);
	CHECK_EQ(thread.st.reg[RV64_SP] % 16, 0);
	mem_free(proc.mem);
	close(fd);
}

static void test_stack_sizes(void)
{
	static char big[200000];
	char *const args[] = { big, NULL };
	struct file f = good_file();
	int fd = file_fd(&f, FILE_BYTES);
	struct diag d = DIAG_INIT;
	struct rlimit old, lim;

	memset(big, 'x', sizeof big - 1);
	CHECK(!load_fd(fd, false, 128 << 10, args, some_env, &d));
	CHECK_STR(
	    d.text,
	    "its arguments and environment (200021 bytes) do not fit the stack of 131072 bytes: "
	    "give a larger one with -s");
	CHECK_EQ(d.exit_status, 126);
	CHECK_EQ(mappings(), 0);
	mem_free(proc.mem);
	d = (struct diag)DIAG_INIT;
	CHECK(load_fd(fd, false, 1 << 20, args, some_env, &d));
	mem_free(proc.mem);
	CHECK(!load_fd(fd, false, UINT64_C(1) << 60, args, some_env, &d));
	CHECK_STR(d.text, "its stack of 1125899906842624 KiB cannot be mapped (Cannot allocate "
			  "memory): give a smaller one with -s");
	CHECK_EQ(mappings(), 0);
	mem_free(proc.mem);

	getrlimit(RLIMIT_STACK, &old);
	lim = (struct rlimit){ 3 << 20, old.rlim_max };
	setrlimit(RLIMIT_STACK, &lim);
	d = (struct diag)DIAG_INIT;
	CHECK(load_fd(fd, false, 0, some_args, some_env, &d));
	CHECK_EQ(proc.stack_high - proc.stack_low, 3 << 20);
	mem_free(proc.mem);
	lim.rlim_cur = RLIM_INFINITY;
	if (!setrlimit(RLIMIT_STACK, &lim)) {
		CHECK(load_fd(fd, false, 0, some_args, some_env, &d));
		CHECK_EQ(proc.stack_high - proc.stack_low, 1 << 30);
		mem_free(proc.mem);
	}
	setrlimit(RLIMIT_STACK, &old);
	close(fd);
}

/* What cannot be placed is refused, and nothing stays. */
static void test_no_room(void)
{
	static const struct {
		gaddr low;
		uint64_t memsz;
		const char *text;
	} cases[] = {
		{ UINT64_C(0x600000000000), 0x2000,
		  "needs the addresses 0x600000000000 to 0x600000004000, which are not free "
		  "(guests have those below 0x500000000000): link it elsewhere" },
		{ 0x3fffff0000, 0x2000,
		  "lies where its stack goes, below 0x4000000000: link it elsewhere" },
		{ 0x20000, UINT64_C(1) << 46,
		  "its segment of 0x400000000000 bytes at 0x21e00 cannot be mapped: Cannot "
		  "allocate memory" },
	};

	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct file f = good_file();
		struct diag d = DIAG_INIT;
		int fd;

		f.ph[0].p_vaddr = cases[i].low;
		f.ph[1].p_vaddr = cases[i].low + 0x1e00;
		f.ph[1].p_memsz = cases[i].memsz;
		f.eh.e_entry = cases[i].low + CODE_AT;
		fd = file_fd(&f, FILE_BYTES);
		CHECK(!load_fd(fd, false, 8 << 20, some_args, some_env, &d));
		CHECK_STR(d.text, cases[i].text);
		CHECK_EQ(mappings(), 0);
		mem_free(proc.mem);
		close(fd);
	}
}

/* ---- the vDSO ---------------------------------------------------------------------------------- */

static struct {
	unsigned char bytes[PAGE];
} vdso;

static const void *vdso_at(uint64_t offset) { return vdso.bytes + (offset < PAGE ? offset : 0); }

static uint64_t vdso_dyn(const Elf64_Dyn *dyn, int64_t tag)
{
	for (; dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == tag)
			return dyn->d_un.d_val;
	CHECK_AT("dynamic tag %" PRId64, tag);
	CHECK(false);
	return 0;
}

/* Finds a symbol as musl does: hash table for the count, name, version through versym and verdef. */
static uint64_t vdso_symbol(const char *name)
{
	const Elf64_Ehdr *eh = vdso_at(0);
	const Elf64_Phdr *ph = vdso_at(eh->e_phoff);
	const Elf64_Dyn *dyn = vdso_at(ph[1].p_vaddr);
	const uint32_t *hash = vdso_at(vdso_dyn(dyn, DT_HASH));
	const Elf64_Sym *sym = vdso_at(vdso_dyn(dyn, DT_SYMTAB));
	const char *str = vdso_at(vdso_dyn(dyn, DT_STRTAB));
	const uint16_t *versym = vdso_at(vdso_dyn(dyn, DT_VERSYM));

	for (uint32_t i = hash[2]; i; i = hash[2 + hash[0] + i]) {
		const char *at = vdso_at(vdso_dyn(dyn, DT_VERDEF));

		if (strcmp(str + sym[i].st_name, name) || !sym[i].st_shndx)
			continue;
		for (;;) {
			const Elf64_Verdef *vd = (const void *)at;
			const Elf64_Verdaux *aux = (const void *)(at + vd->vd_aux);

			if (vd->vd_ndx == versym[i])
				return strcmp(str + aux->vda_name, "LINUX_4.15") ? 1
										 : sym[i].st_value;
			if (!vd->vd_next)
				return 2;
			at += vd->vd_next;
		}
	}
	return 0;
}

static void test_vdso(void)
{
	static const struct {
		const char *name;
		uint32_t code[3];
	} want[] = {
		{ "__vdso_rt_sigreturn", { 0x08b00893, 0x73, 0 } },
		{ "__vdso_gettimeofday", { 0x04059063, 0x02050a63, 0x00050593 } },
		{ "__vdso_clock_gettime", { 0xcc002673, 0x02064463, 0x3b9ad6b7 } },
		{ "__vdso_clock_getres", { 0x07200893, 0x73, 0x8067 } },
		{ "__vdso_getcpu", { 0x0a800893, 0x73, 0x8067 } },
		{ "__vdso_flush_icache", { 0x10300893, 0x73, 0x8067 } },
		{ "__vdso_riscv_hwprobe", { 0x10200893, 0x73, 0x8067 } },
	};
	struct file f = good_file();
	int fd = file_fd(&f, FILE_BYTES);
	struct diag d = DIAG_INIT;
	struct load_image im;
	struct mem_vma v;

	REQUIRE(load_fd(fd, false, 0, some_args, some_env, &d));
	close(fd);
	CHECK(mem_find(proc.mem, proc.vdso_base, &v));
	CHECK_STR(v.name, "[vdso]");
	CHECK_EQ(v.prot, PROT_READ | PROT_EXEC);
	CHECK_EQ(v.end - v.start, PAGE);
	CHECK(mem_copy_in(proc.mem, vdso.bytes, proc.vdso_base, PAGE));
	CHECK_EQ(vdso_symbol("__vdso_nothing"), 0);
	for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
		uint64_t at = vdso_symbol(want[i].name);

		CHECK_AT("%s", want[i].name);
		REQUIRE(at >= 0x800 && at < PAGE);
		CHECK_MEM(vdso_at(at), want[i].code, sizeof want[i].code);
		if (!i)
			CHECK_EQ(proc.sigreturn_pc, proc.vdso_base + at);
	}
	check_where[0] = '\0';
	/* Its headers stand up to our own checks. */
	fd = memfd_create("vdso", 0);
	CHECK_EQ(write(fd, vdso.bytes, PAGE), PAGE);
	CHECK(load_image_read(fd, "vdso", &im, &d));
	close(fd);
	mem_free(proc.mem);
}

CHECK_MAIN(test_good, test_wrong_kind, test_truncated, test_damaged_headers, test_damaged_segments,
	   test_many_segments, test_dynamic, test_open, test_segments, test_holes, test_pie,
	   test_stack, test_stack_sizes, test_no_room, test_vdso)

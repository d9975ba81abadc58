/*
 * Reads an ELF file's headers with libelf and checks everything that the loader relies on.
 *
 * libelf looks at the magic, the class and whether the header table lies in the file. Machine, byte order,
 * versions, sizes, flags and every field of a program header are checked here, before
 * anything is mapped. Messages say what is wrong and what to do; main puts the file's name in front.
 */
#include "runtime/load/load.h"
#include "runtime/mem/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifndef EF_RISCV_TSO
#define EF_RISCV_TSO 0x10
#endif

enum {
	CANNOT_RUN = 126,
	NOT_FOUND = 127,
	MOST_PHDRS = 65536 / sizeof(Elf64_Phdr), /* the kernel's limit */
};

#define ADDRESS_TOP (UINT64_C(1) << 47) /* no rv64 user address lies above (Sv48) */
#define MOST_ALIGN  (UINT64_C(1) << 30)

int load_open(const char *path, struct diag *d)
{
	struct statvfs fs;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a FIFO must not wait */

	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			diag_fail(d, NOT_FOUND, "no such file");
		else if (errno == EACCES && !access(path, X_OK))
			diag_fail(d, CANNOT_RUN,
				  "may be executed but not read; kitemu has to read it: chmod +r");
		else if (errno == EMFILE || errno == ENFILE)
			diag_fail(d, KIT_EXIT_INTERNAL, "cannot be opened: %s; see ulimit -n",
				  strerror(errno));
		else
			diag_fail(d, CANNOT_RUN, "cannot be opened: %s", strerror(errno));
		return -1;
	}
	if (fstat(fd, &st))
		diag_fail(d, CANNOT_RUN, "%s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		diag_fail(d, CANNOT_RUN, "is a directory, not a program");
	else if (!S_ISREG(st.st_mode))
		diag_fail(d, CANNOT_RUN, "is not a regular file");
	else if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		diag_fail(d, CANNOT_RUN,
			  fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOEXEC
			      ? "lies on a file system that is mounted noexec: copy it to another"
			      : "is not executable: chmod +x");
	else
		return fd;
	close(fd);
	return -1;
}

static const char *machine_name(unsigned machine)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{ EM_386, "x86" },     { EM_X86_64, "x86-64" },    { EM_AARCH64, "AArch64" },
		{ EM_ARM, "Arm" },     { EM_PPC64, "PowerPC 64" }, { EM_PPC, "PowerPC" },
		{ EM_S390, "S/390" },  { EM_MIPS, "MIPS" },        { EM_SPARCV9, "SPARC V9" },
		{ EM_SPARC, "SPARC" }, { EM_IA_64, "IA-64" },      { EM_ALPHA, "Alpha" },
		{ EM_68K, "m68k" },    { EM_SH, "SuperH" },        { EM_PARISC, "PA-RISC" },
		{ EM_BPF, "BPF" },     { 258, "LoongArch" },       { EM_RISCV, "riscv" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return NULL;
}

/* "is a 32-bit x86 program", with the number where the machine has no name here. */
static bool wrong_machine(struct diag *d, unsigned bits, unsigned machine, const char *endian)
{
	const char *name = machine_name(machine);
	char number[32];

	if (!name) {
		snprintf(number, sizeof number, "(machine %u)", machine);
		name = number;
	}
	if (machine == EM_RISCV)
		return diag_fail(
		    d, CANNOT_RUN,
		    "is a %u-bit %sriscv program; kitemu runs little-endian 64-bit ones: "
		    "compile it for riscv64",
		    bits, endian);
	return diag_fail(d, CANNOT_RUN, "is a %u-bit %s%s program; kitemu runs riscv64 programs%s",
			 bits, endian, name,
#if defined(__x86_64__)
			 machine == EM_X86_64
#else
			 machine == EM_AARCH64
#endif
			     ? ": run it without kitemu"
			     : "");
}

/* A file that starts with "#!": names the interpreter that would be needed. */
static bool is_script(struct diag *d, const char *head, size_t n)
{
	char interp[48];
	size_t i = 2, len = 0;

	while (i < n && (head[i] == ' ' || head[i] == '\t'))
		i++;
	while (i < n && len + 1 < sizeof interp && head[i] > ' ' && head[i] < 0x7f)
		interp[len++] = head[i++];
	interp[len] = '\0';
	return diag_fail(
	    d, CANNOT_RUN,
	    "is a script%s%s, not a program: give kitemu a riscv64 build of its interpreter, "
	    "and the script as the first argument",
	    len ? " for " : "", interp);
}

/* The first bytes: is it a little-endian 64-bit riscv ELF file at all? */
static bool check_ident(const unsigned char *head, size_t n, uint64_t file_bytes, struct diag *d)
{
	unsigned bits, machine;
	bool big;

	if (!n)
		return diag_fail(d, CANNOT_RUN, "is empty");
	if (n >= 2 && head[0] == '#' && head[1] == '!')
		return is_script(d, (const char *)head, n);
	if (memcmp(head, ELFMAG, n < SELFMAG ? n : SELFMAG) != 0 || n < SELFMAG)
		return diag_fail(d, CANNOT_RUN,
				 "is not an ELF file; kitemu runs static riscv64 ELF programs");
	if (n < sizeof(Elf64_Ehdr) && (n < 20 || head[EI_CLASS] != ELFCLASS32))
		return diag_fail(d, CANNOT_RUN,
				 "is truncated: it has %" PRIu64 " bytes, an ELF header takes %zu",
				 file_bytes, sizeof(Elf64_Ehdr));
	bits = head[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	big = head[EI_DATA] == ELFDATA2MSB;
	machine = big ? head[18] << 8 | head[19] : head[19] << 8 | head[18];
	if ((head[EI_CLASS] != ELFCLASS32 && head[EI_CLASS] != ELFCLASS64)
	    || (!big && head[EI_DATA] != ELFDATA2LSB))
		return diag_fail(d, CANNOT_RUN,
				 "has a damaged ELF header (class %u, byte order %u)",
				 head[EI_CLASS], head[EI_DATA]);
	if (bits != 64 || big || machine != EM_RISCV)
		return wrong_machine(d, bits, machine, big ? "big-endian " : "");
	if (head[EI_VERSION] != EV_CURRENT)
		return diag_fail(d, CANNOT_RUN, "has ELF version %u; only version 1 is known",
				 head[EI_VERSION]);
	if (head[EI_OSABI] != ELFOSABI_NONE && head[EI_OSABI] != ELFOSABI_GNU)
		return diag_fail(d, CANNOT_RUN,
				 "is for another operating system than Linux (OS ABI %u)",
				 head[EI_OSABI]);
	return true;
}

static bool check_type(const Elf64_Ehdr *eh, struct diag *d)
{
	switch (eh->e_type) {
	case ET_EXEC:
	case ET_DYN:
		return true;
	case ET_REL:
		return diag_fail(d, CANNOT_RUN, "is an object file, not a program: link it");
	case ET_CORE:
		return diag_fail(d, CANNOT_RUN, "is a core dump, not a program");
	default:
		return diag_fail(d, CANNOT_RUN, "is not a program (ELF type %u)", eh->e_type);
	}
}

static bool check_flags(const Elf64_Ehdr *eh, struct diag *d)
{
	const unsigned known = EF_RISCV_RVC | EF_RISCV_FLOAT_ABI | EF_RISCV_RVE | EF_RISCV_TSO;

	if (eh->e_flags & EF_RISCV_RVE)
		return diag_fail(d, CANNOT_RUN,
				 "uses the RVE base with 16 registers: compile it for rv64gc");
	if ((eh->e_flags & EF_RISCV_FLOAT_ABI) == EF_RISCV_FLOAT_ABI_QUAD)
		return diag_fail(d, CANNOT_RUN,
				 "uses the quad-precision float ABI: compile it with -mabi=lp64d");
	if (eh->e_flags & ~known)
		return diag_fail(d, CANNOT_RUN, "has unknown ELF flags 0x%x: compile it for rv64gc",
				 eh->e_flags & ~known);
	return true;
}

static bool check_header(const Elf64_Ehdr *eh, uint64_t file_bytes, struct diag *d)
{
	uint64_t table = (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr);

	if (!check_type(eh, d))
		return false;
	if (eh->e_version != EV_CURRENT)
		return diag_fail(d, CANNOT_RUN, "has ELF version %u; only version 1 is known",
				 eh->e_version);
	if (!check_flags(eh, d))
		return false;
	if (eh->e_ehsize != sizeof(Elf64_Ehdr))
		return diag_fail(d, CANNOT_RUN, "has a damaged ELF header (header size %u)",
				 eh->e_ehsize);
	if (!eh->e_phnum)
		return diag_fail(d, CANNOT_RUN, "has no program headers, so it is not a program");
	if (eh->e_phentsize != sizeof(Elf64_Phdr))
		return diag_fail(d, CANNOT_RUN, "has program headers of %u bytes instead of %zu",
				 eh->e_phentsize, sizeof(Elf64_Phdr));
	if (eh->e_phnum > MOST_PHDRS)
		return diag_fail(d, CANNOT_RUN, "has %u program headers; at most %d are allowed",
				 eh->e_phnum, (int)MOST_PHDRS);
	if (eh->e_phoff > file_bytes || table > file_bytes - eh->e_phoff)
		return diag_fail(d, CANNOT_RUN,
				 "is truncated: its program headers are %" PRIu64
				 " bytes at %" PRIu64 ", the file has %" PRIu64,
				 table, eh->e_phoff, file_bytes);
	return true;
}

/* A file with PT_INTERP: says which loader it asks for. */
static bool is_dynamic(int fd, const Elf64_Phdr *ph, struct diag *d)
{
	char path[64];
	size_t want = ph->p_filesz < sizeof path - 1 ? ph->p_filesz : sizeof path - 1;
	ssize_t n = ph->p_offset > INT64_MAX ? 0 : pread(fd, path, want, (off_t)ph->p_offset);
	size_t len = 0;

	while (n > 0 && len < (size_t)n && path[len] > ' ' && path[len] < 0x7f)
		len++;
	path[len] = '\0';
	return diag_fail(
	    d, CANNOT_RUN,
	    "is dynamically linked%s%s%s; kitemu runs static programs: link it with -static",
	    len ? " (needs " : "", path, len ? ")" : "");
}

/* One PT_LOAD, checked by itself. number counts program headers from 0, as readelf shows them. */
static bool check_load(const Elf64_Phdr *ph, unsigned number, uint64_t file_bytes, struct diag *d)
{
	if (ph->p_filesz > ph->p_memsz)
		return diag_fail(d, CANNOT_RUN,
				 "is damaged: segment %u has %" PRIu64
				 " bytes in the file, but %" PRIu64 " in memory",
				 number, ph->p_filesz, ph->p_memsz);
	if (ph->p_filesz && (ph->p_offset > file_bytes || ph->p_filesz > file_bytes - ph->p_offset))
		return diag_fail(d, CANNOT_RUN,
				 "is truncated: segment %u is %" PRIu64 " bytes at %" PRIu64
				 ", the file has %" PRIu64,
				 number, ph->p_filesz, ph->p_offset, file_bytes);
	if (ph->p_vaddr >= ADDRESS_TOP || ph->p_memsz > ADDRESS_TOP - ph->p_vaddr)
		return diag_fail(d, CANNOT_RUN,
				 "is damaged: segment %u (0x%" PRIx64 " bytes at 0x%" PRIx64
				 ") lies outside of user addresses",
				 number, ph->p_memsz, ph->p_vaddr);
	if (ph->p_filesz && (ph->p_vaddr ^ ph->p_offset) % MEM_PAGE_BYTES)
		return diag_fail(d, CANNOT_RUN,
				 "has segment %u at 0x%" PRIx64 ", file offset 0x%" PRIx64
				 ": they must agree in the low 12 bits: link it without -n or -N",
				 number, ph->p_vaddr, ph->p_offset);
	if (is_pow2(ph->p_align) && ph->p_align > MOST_ALIGN)
		return diag_fail(d, CANNOT_RUN,
				 "is damaged: segment %u asks for an alignment of 0x%" PRIx64,
				 number, ph->p_align);
	return true;
}

/* Takes a PT_LOAD into im, keeping the segments sorted. */
static bool add_load(struct load_image *im, const Elf64_Phdr *ph, unsigned number, struct diag *d)
{
	struct load_segment s = {
		.vaddr = ph->p_vaddr,
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.memsz = ph->p_memsz,
		.prot = (ph->p_flags & PF_R ? MEM_PROT_READ : 0)
			| (ph->p_flags & PF_W ? MEM_PROT_WRITE : 0)
			| (ph->p_flags & PF_X ? MEM_PROT_EXEC : 0),
	};
	unsigned i = im->seg_count;

	if (!s.memsz)
		return true;
	if (i == LOAD_MAX_SEGMENTS)
		return diag_fail(d, CANNOT_RUN, "has more than %d segments to load",
				 LOAD_MAX_SEGMENTS);
	for (; i && im->seg[i - 1].vaddr > s.vaddr; i--)
		im->seg[i] = im->seg[i - 1];
	im->seg[i] = s;
	im->seg_count++;
	if ((i && im->seg[i - 1].vaddr + im->seg[i - 1].memsz > s.vaddr)
	    || (i + 1 < im->seg_count && s.vaddr + s.memsz > im->seg[i + 1].vaddr))
		return diag_fail(d, CANNOT_RUN,
				 "is damaged: segment %u (0x%" PRIx64 " bytes at 0x%" PRIx64
				 ") overlaps another one",
				 number, s.memsz, s.vaddr);
	if (is_pow2(ph->p_align) && ph->p_align > im->align)
		im->align = ph->p_align;
	return true;
}

/* What follows from all segments together. */
static bool finish_image(struct load_image *im, const Elf64_Ehdr *eh, struct diag *d)
{
	const struct load_segment *last = &im->seg[im->seg_count - 1];
	bool entry_ok = false;

	if (!im->seg_count)
		return diag_fail(d, CANNOT_RUN, "has nothing to load, so it is not a program");
	im->low = align_down(im->seg[0].vaddr, MEM_PAGE_BYTES);
	im->high = align_up(last->vaddr + last->memsz, MEM_PAGE_BYTES);
	if (im->pie && !eh->e_entry)
		return diag_fail(d, CANNOT_RUN, "is a shared library, not a program");
	for (unsigned i = 0; i < im->seg_count; i++) {
		const struct load_segment *s = &im->seg[i];

		if (eh->e_entry >= s->vaddr && eh->e_entry - s->vaddr < s->memsz
		    && (s->prot & MEM_PROT_EXEC))
			entry_ok = true;
		/* As the kernel finds AT_PHDR. */
		if (eh->e_phoff >= s->offset && eh->e_phoff - s->offset < s->filesz)
			im->phdr = eh->e_phoff - s->offset + s->vaddr;
	}
	if (!entry_ok || (eh->e_entry & 1))
		return diag_fail(d, CANNOT_RUN, "is damaged: its entry point 0x%" PRIx64 " is %s",
				 eh->e_entry, entry_ok ? "odd" : "in no executable segment");
	im->entry = eh->e_entry;
	return true;
}

static bool read_phdrs(int fd, const Elf64_Ehdr *eh, const Elf64_Phdr *ph, uint64_t file_bytes,
		       struct load_image *im, struct diag *d)
{
	for (unsigned i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_INTERP)
			return is_dynamic(fd, &ph[i], d);
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_GNU_STACK)
			im->exec_stack = (ph[i].p_flags & PF_X) != 0;
		if (ph[i].p_type == PT_LOAD
		    && (!check_load(&ph[i], i, file_bytes, d) || !add_load(im, &ph[i], i, d)))
			return false;
	}
	return finish_image(im, eh, d);
}

/* The headers through libelf, from an open descriptor of it. */
static bool read_elf(Elf *elf, int fd, uint64_t file_bytes, struct load_image *im, struct diag *d)
{
	const Elf64_Ehdr *eh;
	const Elf64_Phdr *ph;
	size_t phnum;

	if (elf_kind(elf) != ELF_K_ELF)
		return diag_fail(d, CANNOT_RUN,
				 "is not an ELF file; kitemu runs static riscv64 ELF programs");
	eh = elf64_getehdr(elf);
	if (!eh)
		return diag_fail(d, CANNOT_RUN, "has a damaged ELF header: %s", elf_errmsg(-1));
	if (!check_header(eh, file_bytes, d))
		return false;
	ph = elf64_getphdr(elf);
	if (!ph || elf_getphdrnum(elf, &phnum) || phnum != eh->e_phnum)
		return diag_fail(d, CANNOT_RUN, "has damaged program headers: %s",
				 ph ? "their number" : elf_errmsg(-1));
	im->pie = eh->e_type == ET_DYN;
	im->phnum = eh->e_phnum;
	im->phent = eh->e_phentsize;
	return read_phdrs(fd, eh, ph, file_bytes, im, d);
}

bool load_image_read(int fd, const char *path, struct load_image *im, struct diag *d)
{
	unsigned char head[sizeof(Elf64_Ehdr)];
	struct stat st;
	ssize_t n;
	Elf *elf;
	bool ok;

	*im = (struct load_image){ .align = MEM_PAGE_BYTES };
	if (fstat(fd, &st))
		return diag_fail(d, CANNOT_RUN, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return diag_fail(d, CANNOT_RUN,
				 S_ISDIR(st.st_mode) ? "is a directory, not a program"
						     : "is not a regular file");
	n = pread(fd, head, sizeof head, 0);
	if (n < 0)
		return diag_fail(d, CANNOT_RUN, "cannot be read: %s", strerror(errno));
	if (!check_ident(head, (size_t)n, (uint64_t)st.st_size, d))
		return false;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return diag_fail(d, CANNOT_RUN, "cannot be read as an ELF file: %s",
				 elf_errmsg(-1));
	ok = read_elf(elf, fd, (uint64_t)st.st_size, im, d);
	elf_end(elf);
	if (ok && !(st.st_mode & 0111)) /* last: of a file that is no program it says too little */
		return diag_fail(d, CANNOT_RUN, "is not executable: chmod +x");
	return ok;
}

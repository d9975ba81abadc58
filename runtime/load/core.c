/*
 * The core file: an ELF file of notes (registers of each thread, siginfo, auxv, mapped files) and the guest's memory, as
 * fs/binfmt_elf.c writes it for riscv64.
 *
 *     ELF header | program headers: PT_NOTE, a PT_LOAD for each mapping | notes | memory, from a page boundary
 *
 * Memory that was never touched becomes a hole. Of a mapped program's code the first page is enough, since debuggers have
 * the file (coredump_filter's default).
 */
#include "runtime/load/core.h"

#include "arch/rv64/cpu.h"
#include "lib/base/log.h"
#include "runtime/mem/mem.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NOTES_FIRST_CAP = 4096, NAME_MOST = 4096, COPY_BYTES = 65536, NT_SIGINFO_NR = 0x53494749 };

/* struct elf_prstatus of riscv64: include/linux/elfcore.h with struct user_regs_struct. */
struct prstatus {
	int32_t signo, code, err;
	int16_t cursig, pad;
	uint64_t sigpend, sighold;
	int32_t pid, ppid, pgrp, sid;
	int64_t times[8];
	uint64_t pc, x[31];
	int32_t fpvalid, pad2;
};

/* struct __riscv_d_ext_state */
struct fpregs {
	uint64_t f[32];
	uint32_t fcsr, pad;
};

/* struct elf_prpsinfo */
struct prpsinfo {
	char state, sname, zomb, nice;
	int32_t pad;
	uint64_t flag;
	uint32_t uid, gid;
	int32_t pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};

_Static_assert(sizeof(struct prstatus) == 376, "riscv64 elf_prstatus");
_Static_assert(sizeof(struct prpsinfo) == 136, "riscv64 elf_prpsinfo");

struct core {
	struct kit_thread *t;
	const siginfo_t *info;
	int fd, pagemap;
	uint64_t limit; /* bytes of the file */
	char *note;
	size_t note_bytes, note_cap;
	struct mem_vma *vma;
	unsigned vma_count;
};

static void *grown(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	KIT_CHECK(p, "out of memory");
	return p;
}

/* ---- notes ------------------------------------------------------------------------------------- */

static void add_bytes(struct core *c, const void *p, size_t n)
{
	size_t room = align_up(n, 4);

	if (c->note_bytes + room > c->note_cap) {
		c->note_cap = 2 * c->note_cap + room + NOTES_FIRST_CAP;
		c->note = grown(c->note, c->note_cap);
	}
	memset(c->note + c->note_bytes, 0, room);
	memcpy(c->note + c->note_bytes, p, n);
	c->note_bytes += room;
}

static void add_note(struct core *c, uint32_t type, const void *p, size_t n)
{
	const Elf64_Nhdr h = { .n_namesz = sizeof "CORE",
			       .n_descsz = (Elf64_Word)n,
			       .n_type = type };

	add_bytes(c, &h, sizeof h);
	add_bytes(c, "CORE", sizeof "CORE");
	add_bytes(c, p, n);
}

static void add_thread(struct core *c, const struct kit_thread *t)
{
	const struct ir_state *st = &t->st;
	struct prstatus s = {
		.pid = t->tid, .ppid = getppid(), .pgrp = getpgrp(), .sid = getsid(0)
	};
	struct fpregs fp = { .fcsr = st->frm << 5 | st->fflags };

	s.signo = s.cursig = (int16_t)c->info->si_signo;
	s.code = c->info->si_code;
	s.fpvalid = 1;
	s.pc = st->pc;
	memcpy(s.x, &st->reg[1], sizeof s.x);
	memcpy(fp.f, &st->reg[RV64_F0], sizeof fp.f);
	add_note(c, NT_PRSTATUS, &s, sizeof s);
	add_note(c, NT_FPREGSET, &fp, sizeof fp);
}

static void add_psinfo(struct core *c)
{
	const struct kit_process *p = c->t->proc;
	struct prpsinfo s = { .sname = 'R',
			      .uid = getuid(),
			      .gid = getgid(),
			      .pid = getpid(),
			      .ppid = getppid(),
			      .pgrp = getpgrp(),
			      .sid = getsid(0) };
	uint64_t n = p->arg_end - p->arg_start;
	const char *base = strrchr(p->exe_path, '/');

	snprintf(s.fname, sizeof s.fname, "%s", base ? base + 1 : p->exe_path);
	if (n > sizeof s.psargs - 1)
		n = sizeof s.psargs - 1;
	if (!mem_copy_in(p->mem, s.psargs, p->arg_start, n))
		memset(s.psargs, 0, sizeof s.psargs);
	for (uint64_t i = 0; i + 1 < n; i++)
		if (!s.psargs[i])
			s.psargs[i] = ' ';
	add_note(c, NT_PRPSINFO, &s, sizeof s);
}

static void add_auxv(struct core *c)
{
	const struct kit_process *p = c->t->proc;
	size_t n = p->auxv_end - p->auxv_start;
	char *copy = grown(NULL, n + 1);

	if (mem_copy_in(p->mem, copy, p->auxv_start, n))
		add_note(c, NT_AUXV, copy, n);
	free(copy);
}

/* The path of the file that is mapped at a host address, from the kernel. */
static bool file_at(uint64_t host, char *path, size_t cap, uint64_t *end)
{
	char link[64];
	FILE *f = fopen("/proc/self/maps", "re");
	char line[NAME_MOST + 128];
	uint64_t lo = 0, hi = 0;
	bool found = false;
	ssize_t n;

	while (f && !found && fgets(line, sizeof line, f))
		found =
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &lo, &hi) == 2 && host >= lo && host < hi;
	if (f)
		fclose(f);
	if (!found)
		return false;
	snprintf(link, sizeof link, "/proc/self/map_files/%" PRIx64 "-%" PRIx64, lo, hi);
	n = readlink(link, path, cap - 1);
	if (n > 0)
		path[n] = 0;
	*end = hi;
	return n > 0;
}

/* NT_FILE: count, page size, {start, end, offset in pages} of each mapped file, then their names. */
static void add_files(struct core *c)
{
	uint64_t *v = grown(NULL, (2 + 3 * (size_t)c->vma_count) * sizeof *v), count = 0;
	char *names = grown(NULL, (size_t)c->vma_count * NAME_MOST + 1);
	size_t names_bytes = 0, head;

	for (unsigned i = 0; i < c->vma_count; i++) {
		const struct mem_vma *m = &c->vma[i];
		char *name = names + names_bytes;
		uint64_t end;

		if (m->flags & MEM_MAP_ANONYMOUS
		    || !file_at((uintptr_t)mem_host(c->t->proc->mem, m->start), name, NAME_MOST,
				&end))
			continue;
		v[2 + 3 * count] = m->start;
		v[3 + 3 * count] = m->end;
		v[4 + 3 * count] = m->offset / MEM_PAGE_BYTES;
		names_bytes += strlen(name) + 1;
		count++;
	}
	v[0] = count;
	v[1] = MEM_PAGE_BYTES;
	head = (2 + 3 * count) * sizeof *v;
	v = grown(v, head + names_bytes);
	memcpy((char *)v + head, names, names_bytes);
	if (count)
		add_note(c, NT_FILE, v, head + names_bytes);
	free(names);
	free(v);
}

/* The thread that crashed comes first: debuggers begin with it. */
static void add_notes(struct core *c)
{
	struct kit_process *p = c->t->proc;

	add_thread(c, c->t);
	add_psinfo(c);
	add_note(c, NT_SIGINFO_NR, c->info, 128);
	add_auxv(c);
	add_files(c);
	for (const struct kit_thread *t = p->first_thread; t; t = t->next)
		if (t != c->t)
			add_thread(c, t);
}

/* ---- memory ------------------------------------------------------------------------------------- */

/* How much of a mapping the file holds. */
static uint64_t dumped_bytes(const struct mem_vma *v)
{
	if (!(v->prot & MEM_PROT_READ))
		return 0;
	if (v->flags & MEM_MAP_ANONYMOUS || v->name)
		return v->end - v->start;
	if (v->flags & MEM_MAP_SHARED)
		return 0;
	return v->prot & MEM_PROT_EXEC ? MEM_PAGE_BYTES : v->end - v->start;
}

/* True when the page was never touched: reading it would only make it come to be. */
static bool is_untouched(const struct core *c, gaddr a)
{
	const uint64_t present = UINT64_C(3)
				 << 62; /* or swapped: Documentation/admin-guide/mm/pagemap.rst */
	uint64_t host = (uintptr_t)mem_host(c->t->proc->mem, a), e;

	return pread(c->pagemap, &e, sizeof e, (off_t)(host / MEM_PAGE_BYTES * sizeof e))
		   == sizeof e
	       && !(e & present);
}

/* Writes at a place in the file, as far as the limit allows. */
static bool put(struct core *c, const void *p, size_t n, uint64_t at)
{
	if (at >= c->limit)
		return false;
	if (n > c->limit - at)
		n = c->limit - at;
	return pwrite(c->fd, p, n, (off_t)at) == (ssize_t)n;
}

static bool put_memory(struct core *c, const struct mem_vma *v, uint64_t at)
{
	const bool sparse = v->flags & MEM_MAP_ANONYMOUS;
	char page[MEM_PAGE_BYTES];

	for (uint64_t off = 0; off < dumped_bytes(v); off += sizeof page) {
		if (sparse && is_untouched(c, v->start + off))
			continue;
		if (mem_copy_in(c->t->proc->mem, page, v->start + off, sizeof page)
		    && !put(c, page, sizeof page, at + off))
			return false;
	}
	return true;
}

static Elf64_Phdr load_header(const struct mem_vma *v, uint64_t offset)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = (v->prot & MEM_PROT_READ ? PF_R : 0u)
			   | (v->prot & MEM_PROT_WRITE ? PF_W : 0u)
			   | (v->prot & MEM_PROT_EXEC ? PF_X : 0u),
		.p_offset = offset,
		.p_vaddr = v->start,
		.p_filesz = dumped_bytes(v),
		.p_memsz = v->end - v->start,
		.p_align = MEM_PAGE_BYTES,
	};
}

static void put_all(struct core *c)
{
	const unsigned count = c->vma_count + 1;
	const uint64_t notes_at = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
	uint64_t memory_at = align_up(notes_at + c->note_bytes, MEM_PAGE_BYTES), at = memory_at;
	const Elf64_Phdr note = {
		.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = c->note_bytes, .p_align = 4
	};
	Elf64_Ehdr h = {
		.e_type = ET_CORE,
		.e_machine = EM_RISCV,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof h,
		.e_flags = 5, /* EF_RISCV_RVC, double float ABI */
		.e_ehsize = sizeof h,
		.e_phentsize = sizeof note,
		.e_phnum = (Elf64_Half)(count < PN_XNUM ? count : PN_XNUM - 1),
	};
	bool ok;

	memcpy(h.e_ident, ELFMAG, SELFMAG);
	h.e_ident[EI_CLASS] = ELFCLASS64;
	h.e_ident[EI_DATA] = ELFDATA2LSB;
	h.e_ident[EI_VERSION] = EV_CURRENT;
	ok = put(c, &h, sizeof h, 0) && put(c, &note, sizeof note, sizeof h)
	     && put(c, c->note, c->note_bytes, notes_at);
	for (unsigned i = 0; ok && i < c->vma_count; i++) {
		Elf64_Phdr p = load_header(&c->vma[i], at);

		ok = put(c, &p, sizeof p, sizeof h + (i + 1) * sizeof p);
		at += p.p_filesz;
	}
	/* Trailing holes count too. */
	if (ok && ftruncate(c->fd, (off_t)(at < c->limit ? at : c->limit)) < 0)
		return;
	for (unsigned i = 0; ok && i < c->vma_count; i++) {
		ok = put_memory(c, &c->vma[i], memory_at);
		memory_at += dumped_bytes(&c->vma[i]);
	}
}

/* ---- the file ----------------------------------------------------------------------------------- */

/* One % of core_pattern, core(5). */
static void add_item(char *name, size_t cap, char item, const struct core *c)
{
	size_t n = strlen(name);
	const char *exe = c->t->proc->exe_path, *base = strrchr(exe, '/');
	char host[256] = "";

	switch (item) {
	case '%':
		snprintf(name + n, cap - n, "%%");
		break;
	case 'p':
	case 'P':
		snprintf(name + n, cap - n, "%d", (int)getpid());
		break;
	case 'i':
	case 'I':
		snprintf(name + n, cap - n, "%d", c->t->tid);
		break;
	case 'u':
		snprintf(name + n, cap - n, "%u", (unsigned)getuid());
		break;
	case 'g':
		snprintf(name + n, cap - n, "%u", (unsigned)getgid());
		break;
	case 's':
		snprintf(name + n, cap - n, "%d", c->info->si_signo);
		break;
	case 't':
		snprintf(name + n, cap - n, "%lld", (long long)time(NULL));
		break;
	case 'h':
		gethostname(host, sizeof host - 1);
		snprintf(name + n, cap - n, "%s", host);
		break;
	case 'e':
	case 'f':
		snprintf(name + n, cap - n, "%s", base ? base + 1 : exe);
		break;
	case 'E':
		snprintf(name + n, cap - n, "%s", exe);
		for (char *s = name + n; *s; s++)
			*s = *s == '/' ? '!' : *s;
		break;
	default:
		break;
	}
}

static size_t read_line(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, cap - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return strlen(buf);
}

static void file_name(const struct core *c, char *name, size_t cap)
{
	char pattern[256], uses_pid[8];
	bool piped, has_pid;

	if (!read_line("/proc/sys/kernel/core_pattern", pattern, sizeof pattern))
		strcpy(pattern, "core");
	piped = pattern[0] == '|';
	if (piped)
		strcpy(pattern, "core.%p");
	has_pid = strstr(pattern, "%p") != NULL;
	name[0] = 0;
	for (const char *s = pattern; *s; s++) {
		size_t n = strlen(name);

		if (*s == '%' && s[1])
			add_item(name, cap, *++s, c);
		else if (n + 1 < cap)
			name[n] = *s, name[n + 1] = 0;
	}
	read_line("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof uses_pid);
	if (!has_pid && uses_pid[0] == '1')
		snprintf(name + strlen(name), cap - strlen(name), ".%d", (int)getpid());
}

bool core_write(struct kit_thread *t, const siginfo_t *info)
{
	struct core c = { .t = t, .info = info };
	struct rlimit lim;
	char name[NAME_MOST];
	struct stat s;
	bool writes;

	if (getrlimit(RLIMIT_CORE, &lim) < 0 || lim.rlim_cur < MEM_PAGE_BYTES)
		return false;
	c.limit = lim.rlim_cur;
	file_name(&c, name, sizeof name);
	c.fd = open(name, O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (c.fd < 0)
		return false;
	writes = fstat(c.fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_nlink == 1
		 && s.st_uid == geteuid() && ftruncate(c.fd, 0) == 0;
	if (writes) {
		c.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
		c.vma = mem_list(t->proc->mem, &c.vma_count);
		add_notes(&c);
		put_all(&c);
		KIT_LOG(load, "core file %s", name);
	}
	close(c.fd);
	return writes;
}

/* Symbols and sections of a guest's file; see debug.h. */
#include "runtime/load/debug.h"

#include "runtime/load/load_priv.h"

#include <libelf.h>
#include <stdlib.h>
#include <string.h>

/* What the file has of interest. Compressed sections are unpacked where libelf has the means. */
struct sections {
	struct debug_bytes line, str, line_str, symtab, strtab;
};

static struct debug_bytes bytes_of(Elf_Scn *s, const Elf64_Shdr *h)
{
	Elf_Data *d;

	if (h->sh_type == SHT_NOBITS || (h->sh_flags & SHF_COMPRESSED && elf_compress(s, 0, 0) < 0))
		return (struct debug_bytes){ NULL, 0 };
	d = elf_getdata(s, NULL);
	return d && d->d_buf ? (struct debug_bytes){ d->d_buf, d->d_size }
			     : (struct debug_bytes){ NULL, 0 };
}

static void find_sections(Elf *e, struct sections *out)
{
	size_t names;

	if (elf_getshdrstrndx(e, &names))
		return;
	for (Elf_Scn *s = elf_nextscn(e, NULL); s; s = elf_nextscn(e, s)) {
		const Elf64_Shdr *h = elf64_getshdr(s), *linked;
		const char *name = h ? elf_strptr(e, names, h->sh_name) : NULL;
		Elf_Scn *link;

		if (!name)
			continue;
		if (strcmp(name, ".debug_line") == 0)
			out->line = bytes_of(s, h);
		else if (strcmp(name, ".debug_str") == 0)
			out->str = bytes_of(s, h);
		else if (strcmp(name, ".debug_line_str") == 0)
			out->line_str = bytes_of(s, h);
		if (h->sh_type != SHT_SYMTAB)
			continue;
		link = elf_getscn(e, h->sh_link);
		linked = link ? elf64_getshdr(link) : NULL;
		if (!linked || linked->sh_type != SHT_STRTAB)
			continue;
		out->symtab = bytes_of(s, h);
		out->strtab = bytes_of(link, linked);
	}
}

static int by_start(const void *x, const void *y)
{
	const struct debug_symbol *a = x, *b = y;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->size_bytes != b->size_bytes ? (a->size_bytes < b->size_bytes ? 1 : -1)
					      : strcmp(a->name, b->name);
}

static const char *copy(struct arena *a, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(arena_alloc(a, n), s, n);
}

/* Of several names of one function the first by size and alphabet stays. */
static void read_symbols(const struct sections *s, gaddr bias, struct arena *a,
			 struct debug_info *out)
{
	unsigned kept = 0;

	for (size_t at = 0; at + sizeof(Elf64_Sym) <= s->symtab.n; at += sizeof(Elf64_Sym)) {
		Elf64_Sym y;
		const char *name;

		memcpy(&y, s->symtab.at + at, sizeof y);
		if (ELF64_ST_TYPE(y.st_info) != STT_FUNC || y.st_shndx == SHN_UNDEF
		    || y.st_name >= s->strtab.n)
			continue;
		name = (const char *)s->strtab.at + y.st_name;
		if (!*name || !memchr(name, 0, s->strtab.n - y.st_name))
			continue;
		arena_grow(a, out->symbol, out->symbol_count, out->symbol_cap);
		out->symbol[out->symbol_count++] =
		    (struct debug_symbol){ y.st_value + bias, y.st_size, copy(a, name) };
	}
	if (!out->symbol_count)
		return;
	qsort(out->symbol, out->symbol_count, sizeof *out->symbol, by_start);
	for (unsigned i = 1; i < out->symbol_count; i++)
		if (out->symbol[i].start != out->symbol[kept].start)
			out->symbol[++kept] = out->symbol[i];
	out->symbol_count = kept + 1;
}

static int by_row_start(const void *x, const void *y)
{
	const struct debug_row *a = x, *b = y;

	return a->start != b->start ? (a->start < b->start ? -1 : 1)
				    : (a->end > b->end) - (a->end < b->end);
}

void debug_read(int fd, gaddr bias, struct arena *a, struct debug_info *out)
{
	struct sections s = { 0 };
	Elf *e;

	memset(out, 0, sizeof *out);
	elf_version(EV_CURRENT);
	e = elf_begin(fd, ELF_C_READ, NULL);
	if (!e)
		return;
	if (elf_kind(e) == ELF_K_ELF && elf64_getehdr(e)) {
		find_sections(e, &s);
		read_symbols(&s, bias, a, out);
		debug_lines(s.line, s.str, s.line_str, bias, a, out);
		if (out->row_count)
			qsort(out->row, out->row_count, sizeof *out->row, by_row_start);
	}
	elf_end(e);
}

const struct debug_symbol *debug_function(const struct debug_info *d, gaddr pc)
{
	unsigned n = load_starts_to(d->symbol, d->symbol_count, sizeof *d->symbol, pc);
	const struct debug_symbol *s;

	if (!n)
		return NULL;
	s = &d->symbol[n - 1];
	return !s->size_bytes || pc - s->start < s->size_bytes ? s : NULL;
}

const struct debug_row *debug_row(const struct debug_info *d, gaddr pc)
{
	unsigned n = load_starts_to(d->row, d->row_count, sizeof *d->row, pc);

	return n && pc < d->row[n - 1].end ? &d->row[n - 1] : NULL;
}

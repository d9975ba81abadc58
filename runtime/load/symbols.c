/* See symbols.h. The file may have been changed or damaged since it was loaded: libelf's answers are checked. */
#include "runtime/load/symbols.h"

#include "runtime/load/load_priv.h"

#include <libelf.h>
#include <stdlib.h>
#include <string.h>

enum { UNSIZED_MOST_BYTES = 4096 };

struct load_symbols {
	Elf *elf; /* names and frames lie in it */
	struct load_frames frames;
	unsigned count;
	struct load_symbol symbol[];
};

static int by_start(const void *a, const void *b)
{
	const struct load_symbol *x = a, *y = b;

	return x->start != y->start
		   ? (x->start < y->start ? -1 : 1)
		   : (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

/* The symbol table, or where there is none the one for linking. */
static Elf_Scn *find_table(Elf *elf, Elf64_Shdr **header)
{
	Elf_Scn *found = NULL, *s = NULL;

	while ((s = elf_nextscn(elf, s))) {
		Elf64_Shdr *h = elf64_getshdr(s);

		if (h && (h->sh_type == SHT_SYMTAB || (h->sh_type == SHT_DYNSYM && !found))) {
			found = s;
			*header = h;
		}
		if (h && h->sh_type == SHT_SYMTAB)
			break;
	}
	return found;
}

static bool is_code(Elf *elf, const Elf64_Sym *s)
{
	const unsigned type = ELF64_ST_TYPE(s->st_info);
	const Elf64_Shdr *h;

	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return s->st_shndx != SHN_UNDEF && s->st_value;
	/* What assembly leaves without a type, in code. */
	if (type != STT_NOTYPE || s->st_shndx == SHN_UNDEF || s->st_shndx >= SHN_LORESERVE)
		return false;
	h = elf64_getshdr(elf_getscn(elf, s->st_shndx));
	return h && h->sh_flags & SHF_EXECINSTR;
}

static void find_frames(Elf *elf, struct load_frames *f)
{
	Elf_Scn *s = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return;
	while ((s = elf_nextscn(elf, s))) {
		const Elf64_Shdr *h = elf64_getshdr(s);
		const char *name = h ? elf_strptr(elf, names, h->sh_name) : NULL;
		struct load_section *to;
		Elf_Data *d;

		if (!name || h->sh_type == SHT_NOBITS)
			continue;
		to = !strcmp(name, ".eh_frame")      ? &f->eh
		     : !strcmp(name, ".debug_frame") ? &f->debug
						     : NULL;
		if (!to || (h->sh_flags & SHF_COMPRESSED && elf_compress(s, 0, 0) < 0))
			continue;
		d = elf_getdata(s, NULL);
		if (d && d->d_buf)
			*to = (struct load_section){ d->d_buf, d->d_size, h->sh_addr };
	}
}

struct load_symbols *load_symbols_read(int fd, gaddr bias)
{
	struct load_symbols *s = NULL;
	Elf64_Shdr *header = NULL;
	Elf_Data *data = NULL;
	Elf_Scn *table;
	bool is_elf;
	size_t n;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	is_elf = elf && elf_kind(elf) == ELF_K_ELF && elf64_getehdr(elf);
	table = is_elf ? find_table(elf, &header) : NULL;
	if (table)
		data = elf_getdata(table, NULL);
	n = data && data->d_buf ? data->d_size / sizeof(Elf64_Sym) : 0;
	/* Without names it may still tell of frames. */
	if (is_elf)
		s = malloc(sizeof *s + n * sizeof *s->symbol);
	if (!s) {
		elf_end(elf);
		return NULL;
	}
	s->elf = elf;
	s->frames = (struct load_frames){ .bias = bias };
	find_frames(elf, &s->frames);
	load_frames_index(&s->frames);
	s->count = 0;
	for (size_t i = 0; i < n; i++) {
		const Elf64_Sym *y = (const Elf64_Sym *)data->d_buf + i;
		const char *name =
		    is_code(elf, y) ? elf_strptr(elf, header->sh_link, y->st_name) : NULL;

		/* Mapping symbols ("$x") and local labels are no functions. */
		if (name && *name && *name != '$' && *name != '.')
			s->symbol[s->count++] = (struct load_symbol){ .start = y->st_value + bias,
								      .size_bytes = y->st_size,
								      .name = name };
	}
	qsort(s->symbol, s->count, sizeof *s->symbol, by_start);
	return s;
}

void load_symbols_free(struct load_symbols *s)
{
	if (s) {
		elf_end(s->elf);
		free(s->frames.entry);
	}
	free(s);
}

const struct load_symbol *load_symbols_find(const struct load_symbols *s, gaddr pc)
{
	unsigned n = s ? load_starts_to(s->symbol, s->count, sizeof *s->symbol, pc) : 0;
	const struct load_symbol *y;

	if (!n)
		return NULL;
	y = &s->symbol[n - 1];
	return pc - y->start < (y->size_bytes ? y->size_bytes : UNSIZED_MOST_BYTES) ? y : NULL;
}

bool load_symbols_frame(const struct load_symbols *s, gaddr pc, struct load_frame *out)
{
	return s && load_frames_find(&s->frames, pc, out);
}

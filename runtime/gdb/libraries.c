/*
 * The shared objects that a guest has loaded, for gdb's "info sharedlibrary": the list that its dynamic loader keeps for
 * debuggers (struct r_debug of link.h), which DT_DEBUG in the program's dynamic section leads to. kitemu's own programs
 * are static, but a static-pie has such a list, and may load plug-ins; a program at fixed addresses has none.
 *
 * All of it is the guest's memory, and may be anything.
 */
#include "runtime/gdb/gdb_priv.h"

#include <elf.h>
#include <limits.h>
#include <string.h>

enum { OBJECTS_MOST = 4096, SEGMENTS_MOST = 64, TAGS_MOST = 256 };

/* The loader's structures, all of 64-bit words. */
struct r_debug {
	int32_t version, unused;
	gaddr map;
};

struct link_map {
	gaddr addr, name, dynamic, next, previous;
};

static bool get(struct gdb *g, gaddr at, void *to, size_t n)
{
	return gdb_read_memory(g, at, to, n) == n;
}

/* The value of one entry of the auxiliary vector; 0: there is none. */
static uint64_t aux_value(const char *auxv, size_t n, uint64_t type)
{
	Elf64_auxv_t a;

	for (size_t at = 0; at + sizeof a <= n; at += sizeof a) {
		memcpy(&a, auxv + at, sizeof a);
		if (a.a_type == type)
			return a.a_un.a_val;
	}
	return 0;
}

/* The program's dynamic section, 0: it has none. PT_PHDR says how far it is from where it was linked for. */
static gaddr find_dynamic(struct gdb *g, gaddr headers, uint64_t count)
{
	gaddr dynamic = 0, bias = 0;
	Elf64_Phdr h;

	for (uint64_t i = 0; i < count && i < SEGMENTS_MOST; i++) {
		if (!get(g, headers + i * sizeof h, &h, sizeof h))
			return 0;
		if (h.p_type == PT_PHDR)
			bias = headers - h.p_vaddr;
		else if (h.p_type == PT_LOAD && h.p_offset == 0 && !bias)
			bias = headers - sizeof(Elf64_Ehdr) - h.p_vaddr;
		else if (h.p_type == PT_DYNAMIC)
			dynamic = h.p_vaddr;
	}
	return dynamic ? dynamic + bias : 0;
}

/* The address of struct r_debug; 0: there is none. */
static gaddr find_debug(struct gdb *g, gaddr dynamic)
{
	Elf64_Dyn d;

	for (unsigned i = 0; dynamic && i < TAGS_MOST; i++) {
		if (!get(g, dynamic + i * sizeof d, &d, sizeof d) || d.d_tag == DT_NULL)
			break;
		if (d.d_tag == DT_DEBUG)
			return d.d_un.d_ptr;
	}
	return 0;
}

static bool get_name(struct gdb *g, gaddr at, char name[PATH_MAX])
{
	size_t n = gdb_read_memory(g, at, name, PATH_MAX - 1);

	name[n] = 0;
	return *name;
}

static void put_library(struct gdb *g, gaddr at, const struct link_map *m, gaddr list,
			struct strbuf *out)
{
	char name[PATH_MAX];

	if (!get_name(g, m->name, name))
		return;
	strbuf_puts(out, "<library name=\"");
	gdb_put_xml(out, name);
	strbuf_printf(out, "\" lm=\"0x%llx\" l_addr=\"0x%llx\" l_ld=\"0x%llx\" lmid=\"0x%llx\"/>",
		      (unsigned long long)at, (unsigned long long)m->addr,
		      (unsigned long long)m->dynamic, (unsigned long long)list);
}

void gdb_put_libraries(struct gdb *g, const char *auxv, size_t auxv_bytes, struct strbuf *out)
{
	const gaddr headers = aux_value(auxv, auxv_bytes, AT_PHDR);
	const uint64_t count = aux_value(auxv, auxv_bytes, AT_PHNUM);
	const gaddr list = find_debug(g, find_dynamic(g, headers, count));
	struct r_debug debug = { 0 };
	struct link_map m;

	strbuf_puts(out, "<library-list-svr4 version=\"1.0\"");
	if (list && get(g, list, &debug, sizeof debug) && get(g, debug.map, &m, sizeof m)) {
		/* The first one is the program. */
		strbuf_printf(out, " main-lm=\"0x%llx\">", (unsigned long long)debug.map);
		for (unsigned i = 0; m.next && i < OBJECTS_MOST; i++) {
			const gaddr at = m.next;

			if (!get(g, at, &m, sizeof m))
				break;
			put_library(g, at, &m, list, out);
		}
	} else {
		strbuf_putc(out, '>');
	}
	strbuf_puts(out, "</library-list-svr4>");
}

/*
 * /proc/PID/maps and smaps of the guest: the host's lines within the guest's addresses, cut along the guest's own mappings.
 *
 * The host knows files, offsets and what is resident; the guest's list knows what is the guest's, which permissions it
 * asked for (nothing is executable on the host, and pages with translated code are read-only there), and
 * names. Where several mappings of the guest are one on the host, the host's amounts are shared out by size. Another guest's
 * list is read in its memory.
 */
#include "lib/base/strbuf.h"
#include "runtime/sys/names.h"
#include "runtime/sys/ptrace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINE_BYTES = SYS_PATH_MAX + 128,
	NAME_COLUMN = 73,
	AMOUNTS_MOST = 32,
	KB = 1024,
	PROC_PATH_BYTES = 32
};

/* A line "Name:   N kB" of smaps, or any other behind the head. */
struct amount {
	char text[96];
	size_t name_len; /* with its colon; 0: not an amount, shown as it is */
	uint64_t kb;
};

/* What the host says of one of its mappings. */
struct host_map {
	uint64_t start, end, offset;
	char shared;           /* 'p' or 's' */
	char rest[LINE_BYTES]; /* device, inode */
	char path[LINE_BYTES];
	struct amount amount[AMOUNTS_MOST];
	unsigned amounts;
};

/* The line of the guest that is being put together. */
struct guest_line {
	bool any;
	gaddr start, end;
	int prot;
	struct host_map of;
};

struct printer {
	uint64_t base;
	struct strbuf *out;
	struct mem_vma *vma;
	unsigned vma_count;
	struct guest_line line;
	bool smaps;
};

/* ---- reading ----------------------------------------------------------------------------------- */

static bool parse_head(const char *line, struct host_map *h)
{
	char perm[5];
	int rest = 0, path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %n%*s %*s%n", &h->start, &h->end,
		   perm, &h->offset, &rest, &path)
		< 4
	    || !path)
		return false;
	h->shared = perm[3];
	h->amounts = 0;
	snprintf(h->rest, sizeof h->rest, "%.*s", path - rest, line + rest);
	line += path + strspn(line + path, " ");
	snprintf(h->path, sizeof h->path, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

static void parse_amount(const char *line, struct host_map *h)
{
	struct amount *a = &h->amount[h->amounts];
	int len = 0;

	if (h->amounts == AMOUNTS_MOST)
		return;
	h->amounts++;
	*a = (struct amount){ .kb = 0 };
	snprintf(a->text, sizeof a->text, "%.*s", (int)strcspn(line, "\n"), line);
	if (sscanf(line, "%*[^:]:%n %" SCNu64 " kB", &len, &a->kb) == 1 && strstr(line, " kB"))
		a->name_len = (size_t)len;
}

/* ---- printing ---------------------------------------------------------------------------------- */

static void put_line(struct printer *p)
{
	const struct guest_line *l = &p->line;
	const struct host_map *h = &l->of;
	size_t begin = p->out->len;

	if (!l->any)
		return;
	strbuf_printf(p->out, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %s", l->start,
		      l->end, l->prot & MEM_PROT_READ ? 'r' : '-',
		      l->prot & MEM_PROT_WRITE ? 'w' : '-', l->prot & MEM_PROT_EXEC ? 'x' : '-',
		      h->shared, h->offset, h->rest);
	if (*h->path) {
		int pad = NAME_COLUMN - (int)(p->out->len - begin);

		strbuf_printf(p->out, "%*s%s", pad > 1 ? pad : 1, "", h->path);
	}
	strbuf_putc(p->out, '\n');
	for (unsigned i = 0; p->smaps && i < h->amounts; i++) {
		const struct amount *a = &h->amount[i];

		if (a->name_len)
			strbuf_printf(p->out, "%-16.*s%8" PRIu64 " kB\n", (int)a->name_len, a->text,
				      a->kb);
		else
			strbuf_printf(p->out, "%s\n", a->text);
	}
}

/* True when the piece goes on where the line ends, as one mapping would. */
static bool goes_on(const struct guest_line *l, gaddr start, int prot, const struct host_map *piece)
{
	const struct host_map *h = &l->of;

	return l->any && l->end == start && l->prot == prot && h->shared == piece->shared
	       && !strcmp(h->rest, piece->rest) && !strcmp(h->path, piece->path)
	       && (!*h->path || *h->path == '['
		   || h->offset + (l->end - l->start) == piece->offset);
}

/* Page sizes do not add up; everything else does. */
static bool adds_up(const struct amount *a) { return !strstr(a->text, "PageSize"); }

static void put_piece(struct printer *p, gaddr start, gaddr end, int prot, struct host_map *piece)
{
	struct guest_line *l = &p->line;

	if (goes_on(l, start, prot, piece)) {
		l->end = end;
		for (unsigned i = 0; i < l->of.amounts && i < piece->amounts; i++)
			if (adds_up(&piece->amount[i]))
				l->of.amount[i].kb += piece->amount[i].kb;
		return;
	}
	put_line(p);
	*l = (struct guest_line){ .any = true, .start = start, .end = end, .prot = prot };
	l->of = *piece;
}

/* The guest's share [start, end) of what the host has. */
static void cut_piece(const struct host_map *h, uint64_t start, uint64_t end, const char *name,
		      struct host_map *piece)
{
	*piece = *h;
	if (*h->path && *h->path != '[')
		piece->offset += start - h->start;
	if (name)
		snprintf(piece->path, sizeof piece->path, "%s", name);
	for (unsigned i = 0; i < h->amounts; i++)
		if (adds_up(&h->amount[i]))
			piece->amount[i].kb =
			    h->amount[i].kb * ((end - start) / KB) / ((h->end - h->start) / KB);
}

static void put_host_map(struct printer *p, const struct host_map *h)
{
	const uint64_t base = p->base;

	for (unsigned i = 0; i < p->vma_count; i++) {
		const struct mem_vma *v = &p->vma[i];
		uint64_t start = v->start + base, end = v->end + base;
		struct host_map piece;

		if (start < h->start)
			start = h->start;
		if (end > h->end)
			end = h->end;
		if (start >= end)
			continue;
		cut_piece(h, start, end, v->name, &piece);
		put_piece(p, start - base, end - base, v->prot, &piece);
	}
}

/* Prints the host's lines in the file, cut along p->vma, which it frees. */
static int64_t print_maps(struct printer *p, const char *path)
{
	struct host_map *h = calloc(1, sizeof *h);
	FILE *f = fopen(path, "re");
	int64_t r = f ? 0 : -errno;
	char line[LINE_BYTES];
	bool any = false;

	KIT_CHECK(h, "out of memory");
	while (f && fgets(line, sizeof line, f)) {
		if (line[strcspn(line, ": ")]
		    == ':') { /* "Name: ..." against "start-end perm ..." */
			parse_amount(line, h);
			continue;
		}
		if (any)
			put_host_map(p, h);
		any = parse_head(line, h);
	}
	if (any)
		put_host_map(p, h);
	put_line(p);
	if (f)
		fclose(f);
	free(p->vma);
	free(h);
	return r;
}

int64_t sys_proc_maps(struct kit_thread *t, bool smaps, struct strbuf *out)
{
	struct mem_space *m = t->proc->mem;
	struct printer *p = calloc(1, sizeof *p);
	int64_t r;

	KIT_CHECK(p, "out of memory");
	p->base = mem_base(m);
	p->out = out;
	p->smaps = smaps;
	p->vma = mem_list(m, &p->vma_count);
	r = print_maps(p, smaps ? "/proc/self/smaps" : "/proc/self/maps");
	free(p);
	return r;
}

/* ---- another guest's -------------------------------------------------------------------------------- */

static bool read_other(void *ctx, uint64_t at, void *to, size_t n)
{
	return peer_read(ctx, at, to, n);
}

/* A name that lies in the other's memory. */
static const char *known_name(const struct peer *other, const char *there)
{
	static const char *const names[] = { "[stack]", "[heap]", "[vdso]" };
	char name[8] = "";

	if (!there || !peer_read(other, (uintptr_t)there, name, sizeof name - 1))
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return names[i];
	return NULL;
}

/* False: it may not be looked at. */
static bool find_list(struct peer *other, struct printer *p)
{
	uint64_t proc, space;

	if (!peer_read(other, other->at + offsetof(struct kit_thread, proc), &proc, sizeof proc)
	    || !peer_read(other, proc + offsetof(struct kit_process, mem), &space, sizeof space))
		return false;
	p->vma = mem_list_of_other(space, read_other, other, &p->vma_count);
	for (unsigned i = 0; p->vma && i < p->vma_count; i++)
		p->vma[i].name = known_name(other, p->vma[i].name);
	p->base = other->base;
	return p->vma != NULL;
}

/* What of the host's lies where guests are. */
static int64_t shown_by_host(struct kit_thread *t, const char *path, struct strbuf *out)
{
	const uint64_t base = mem_base(t->proc->mem), limit = mem_limit(t->proc->mem);
	FILE *f = fopen(path, "re");
	char line[LINE_BYTES];
	bool shown = false;

	if (!f)
		return -errno;
	while (fgets(line, sizeof line, f)) {
		uint64_t start, end;
		int rest = 0;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 "%n", &start, &end, &rest) == 2) {
			shown = start - base < limit;
			if (shown)
				strbuf_printf(out, "%08" PRIx64 "-%08" PRIx64 "%s", start - base,
					      end - base, line + rest);
		} else if (shown) {
			strbuf_puts(out, line);
		}
	}
	fclose(f);
	return 0;
}

static void maps_path(char path[PROC_PATH_BYTES], int pid, bool smaps)
{
	snprintf(path, PROC_PATH_BYTES, "/proc/%d/%s", pid, smaps ? "smaps" : "maps");
}

int64_t sys_maps_of_guest(int pid, bool smaps, struct strbuf *out)
{
	struct printer *p = calloc(1, sizeof *p);
	char path[PROC_PATH_BYTES];
	struct peer other;
	int64_t r;

	KIT_CHECK(p, "out of memory");
	p->out = out;
	p->smaps = smaps;
	maps_path(path, pid, smaps);
	/* One that was forked a moment ago may need another. */
	r = peer_find_guest(&other, pid) == 0 && find_list(&other, p) ? print_maps(p, path)
								      : -EPERM;
	free(p);
	return r;
}

int64_t sys_proc_maps_of(struct kit_thread *t, int pid, bool smaps, struct strbuf *out)
{
	char path[PROC_PATH_BYTES];
	int64_t r = sys_maps_of_guest(pid, smaps, out);

	maps_path(path, pid, smaps);
	return r == -EPERM ? shown_by_host(t, path, out) : r;
}

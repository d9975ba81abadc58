/*
 * The line number program of DWARF 2 to 5 ("DWARF Debugging Information Format", section 6.2): a machine whose
 * registers are an address and a line, and which appends a row now and then.
 *
 * Every read is checked against the end of its part; past it the reader is at an end, and what it has so far counts.
 */
#include "runtime/load/debug.h"

#include "lib/base/hash.h"

#include <string.h>

enum {
	LNS_COPY = 1,
	LNS_ADVANCE_PC,
	LNS_ADVANCE_LINE,
	LNS_SET_FILE,
	LNS_SET_COLUMN,
	LNS_NEGATE_STMT,
	LNS_SET_BASIC_BLOCK,
	LNS_CONST_ADD_PC,
	LNS_FIXED_ADVANCE_PC,
	LNS_SET_PROLOGUE_END,
	LNS_SET_EPILOGUE_BEGIN,
	LNS_SET_ISA,
	LNE_END_SEQUENCE = 1,
	LNE_SET_ADDRESS,
	LNCT_PATH = 1,
	LNCT_DIRECTORY_INDEX = 2,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_BLOCK = 0x09,
	FORM_DATA1 = 0x0b,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_DATA16 = 0x1e,
	FORM_LINE_STRP = 0x1f,
	NAMES_MOST = 65536, /* directories or files of a unit */
};

struct reader {
	const uint8_t *at, *end;
	bool wide; /* 64-bit DWARF */
	struct debug_bytes str, line_str;
};

static uint64_t fixed(struct reader *r, unsigned n)
{
	uint64_t v = 0;

	if ((size_t)(r->end - r->at) < n) {
		r->at = r->end;
		return 0;
	}
	memcpy(&v, r->at, n);
	r->at += n;
	return v;
}

static uint64_t offset(struct reader *r) { return fixed(r, r->wide ? 8 : 4); }

/* A LEB128 number; with_sign: its last byte has the sign. */
static uint64_t leb(struct reader *r, bool with_sign)
{
	uint64_t v = 0, b;
	unsigned shift = 0;

	do {
		b = fixed(r, 1);
		if (shift < 64)
			v |= (b & 127) << shift;
		shift += 7;
	} while (b & 128);
	return with_sign && shift < 64 && b & 64 ? v | ~UINT64_C(0) << shift : v;
}

static uint64_t uleb(struct reader *r) { return leb(r, false); }
static int64_t sleb(struct reader *r) { return (int64_t)leb(r, true); }

static void skip(struct reader *r, uint64_t n)
{
	r->at = n < (uint64_t)(r->end - r->at) ? r->at + n : r->end;
}

static const char *string_in(struct debug_bytes b, uint64_t at)
{
	return at < b.n && memchr(b.at + at, 0, b.n - at) ? (const char *)b.at + at : "";
}

static const char *string_here(struct reader *r)
{
	const char *s = string_in((struct debug_bytes){ r->at, (size_t)(r->end - r->at) }, 0);

	skip(r, strlen(s) + 1);
	return s;
}

/* One unit's program under way. */
struct unit {
	struct reader r;
	unsigned version;
	uint8_t min_insn, opcode_base, line_range;
	int8_t line_base;
	uint8_t args[256]; /* of standard opcodes */
	const char **dir;
	uint32_t *file; /* of the unit's file numbers, in the result; version 5 counts from 0 */
	unsigned dir_count, dir_cap, file_count, file_cap;
	gaddr bias;
	struct arena *a;
	struct debug_info *out;
};

/* ---- files ----------------------------------------------------------------------------------------- */

/* Where path stands, or shall. */
static uint32_t *find_slot(const struct debug_info *d, const char *path)
{
	uint64_t h = kit_hash(path, strlen(path));

	for (;; h++) {
		uint32_t *s = &d->file_slot[h & (d->slot_count - 1)];

		if (!*s || strcmp(d->file[*s - 1], path) == 0)
			return s;
	}
}

static void grow_slots(struct unit *u)
{
	struct debug_info *d = u->out;

	d->slot_count = d->slot_count ? 4 * d->slot_count : 256;
	d->file_slot = arena_znew(u->a, uint32_t, d->slot_count);
	for (uint32_t i = 0; i < d->file_count; i++)
		*find_slot(d, d->file[i]) = i + 1;
}

static uint32_t add_file(struct unit *u, uint64_t dir, const char *name)
{
	const char *d = *name != '/' && dir < u->dir_count ? u->dir[dir] : "";
	const char *root = *d != '/' && *name != '/' && u->dir_count ? u->dir[0] : "";
	size_t n = strlen(root) + strlen(d) + strlen(name) + 3;
	char *path = arena_alloc(u->a, n);
	struct debug_info *out = u->out;
	uint32_t *slot;

	path[0] = 0;
	if (*root && root != d && *d)
		strcat(strcpy(path, root), "/");
	if (*d)
		strcat(strcat(path, d), "/");
	strcat(path, name);
	if (2 * out->file_count >= out->slot_count)
		grow_slots(u);
	slot = find_slot(out, path);
	if (*slot)
		return *slot - 1;
	arena_grow(u->a, out->file, out->file_count, out->file_cap);
	out->file[out->file_count] = path;
	*slot = ++out->file_count;
	return *slot - 1;
}

static void add_dir(struct unit *u, const char *name)
{
	arena_grow(u->a, u->dir, u->dir_count, u->dir_cap);
	u->dir[u->dir_count++] = name;
}

static void add_unit_file(struct unit *u, uint64_t dir, const char *name)
{
	arena_grow(u->a, u->file, u->file_count, u->file_cap);
	u->file[u->file_count++] = add_file(u, dir, name);
}

/* A value of version 5's tables: a string, or a number. false: a form that is not expected there. */
static bool read_form(struct reader *r, uint64_t form, const char **s, uint64_t *n)
{
	switch (form) {
	case FORM_STRING:
		*s = string_here(r);
		return true;
	case FORM_STRP:
		*s = string_in(r->str, offset(r));
		return true;
	case FORM_LINE_STRP:
		*s = string_in(r->line_str, offset(r));
		return true;
	case FORM_UDATA:
		*n = uleb(r);
		return true;
	case FORM_DATA1:
		*n = fixed(r, 1);
		return true;
	case FORM_DATA2:
		*n = fixed(r, 2);
		return true;
	case FORM_DATA4:
		*n = fixed(r, 4);
		return true;
	case FORM_DATA8:
		*n = fixed(r, 8);
		return true;
	case FORM_DATA16:
		skip(r, 16);
		return true;
	case FORM_BLOCK:
		skip(r, uleb(r));
		return true;
	default:
		return false;
	}
}

/* A table of directories or files of version 5. */
static bool read_names(struct unit *u, bool files)
{
	struct reader *r = &u->r;
	uint64_t type[8], form[8], count;
	unsigned columns = (unsigned)fixed(r, 1);

	if (columns > 8)
		return false;
	for (unsigned i = 0; i < columns; i++) {
		type[i] = uleb(r);
		form[i] = uleb(r);
	}
	count = uleb(r);
	for (uint64_t k = 0; k < count && k < NAMES_MOST && r->at < r->end; k++) {
		const char *name = "";
		uint64_t dir = 0;

		for (unsigned i = 0; i < columns; i++) {
			const char *s = "";
			uint64_t n = 0;

			if (!read_form(r, form[i], &s, &n))
				return false;
			if (type[i] == LNCT_PATH)
				name = s;
			else if (type[i] == LNCT_DIRECTORY_INDEX)
				dir = n;
		}
		if (files)
			add_unit_file(u, dir, name);
		else
			add_dir(u, name);
	}
	return count < NAMES_MOST;
}

/* The same up to version 4: numbers start at 1, and directory 0 is the compiler's, which only .debug_info knows. */
static void read_old_names(struct unit *u)
{
	struct reader *r = &u->r;

	add_dir(u, "");
	while (r->at < r->end && *r->at && u->dir_count < NAMES_MOST)
		add_dir(u, string_here(r));
	skip(r, 1);
	add_unit_file(u, 0, "");
	while (r->at < r->end && *r->at && u->file_count < NAMES_MOST) {
		const char *name = string_here(r);
		uint64_t dir = uleb(r);

		uleb(r);
		uleb(r);
		add_unit_file(u, dir, name);
	}
	skip(r, 1);
}

/* ---- the program ----------------------------------------------------------------------------------- */

struct machine {
	gaddr address;
	uint64_t file;
	uint32_t line;
	struct debug_row row; /* the last one, whose end is not known yet */
	bool has_row;
};

/* The machine's address ends the row before. */
static void end_row(struct unit *u, struct machine *m)
{
	struct debug_info *out = u->out;

	if (m->has_row && m->address > m->row.start && m->row.line) {
		m->row.end = m->address;
		arena_grow(u->a, out->row, out->row_count, out->row_cap);
		out->row[out->row_count++] = m->row;
	}
}

static void append(struct unit *u, struct machine *m)
{
	end_row(u, m);
	m->has_row = m->file < u->file_count;
	if (m->has_row)
		m->row = (struct debug_row){ .start = m->address,
					     .file = u->file[m->file],
					     .line = m->line };
}

static void reset(struct machine *m) { *m = (struct machine){ .file = 1, .line = 1 }; }

static void extended(struct unit *u, struct machine *m)
{
	struct reader *r = &u->r;
	uint64_t n = uleb(r);
	const uint8_t *end;
	unsigned op;

	if (n > (uint64_t)(r->end - r->at))
		n = (uint64_t)(r->end - r->at);
	end = r->at + n;
	op = n ? (unsigned)fixed(r, 1) : 0;
	if (op == LNE_END_SEQUENCE) {
		end_row(u, m);
		reset(m);
	} else if (op == LNE_SET_ADDRESS && n == 9) {
		m->address = fixed(r, 8) + u->bias;
	}
	r->at = end;
}

static void standard(struct unit *u, struct machine *m, unsigned op)
{
	struct reader *r = &u->r;

	switch (op) {
	case LNS_COPY:
		append(u, m);
		break;
	case LNS_ADVANCE_PC:
		m->address += uleb(r) * u->min_insn;
		break;
	case LNS_ADVANCE_LINE:
		m->line += (uint32_t)sleb(r);
		break;
	case LNS_SET_FILE:
		m->file = uleb(r);
		break;
	case LNS_CONST_ADD_PC:
		m->address += (255u - u->opcode_base) / u->line_range * u->min_insn;
		break;
	case LNS_FIXED_ADVANCE_PC:
		m->address += fixed(r, 2);
		break;
	default:
		for (unsigned i = 0; i < u->args[op]; i++)
			uleb(r);
		break;
	}
}

static void run(struct unit *u)
{
	struct reader *r = &u->r;
	struct machine m;

	reset(&m);
	while (r->at < r->end) {
		unsigned op = (unsigned)fixed(r, 1);

		if (op == 0) {
			extended(u, &m);
		} else if (op < u->opcode_base) {
			standard(u, &m, op);
		} else {
			op -= u->opcode_base;
			m.address += op / u->line_range * u->min_insn;
			m.line += (uint32_t)(u->line_base + (int)(op % u->line_range));
			append(u, &m);
		}
	}
}

/* The unit's header; false: nothing can be made of it. */
static bool read_header(struct unit *u)
{
	struct reader *r = &u->r;
	uint64_t header;
	const uint8_t *program;

	u->version = (unsigned)fixed(r, 2);
	if (u->version < 2 || u->version > 5)
		return false;
	if (u->version == 5)
		skip(r, 2); /* sizes of addresses and segment selectors */
	header = offset(r);
	if (header > (uint64_t)(r->end - r->at))
		return false;
	program = r->at + header;
	u->min_insn = (uint8_t)fixed(r, 1);
	if (u->version >= 4)
		skip(r, 1);
	skip(r, 1); /* whether rows are statements */
	u->line_base = (int8_t)fixed(r, 1);
	u->line_range = (uint8_t)fixed(r, 1);
	u->opcode_base = (uint8_t)fixed(r, 1);
	if (!u->line_range || !u->opcode_base)
		return false;
	for (unsigned i = 1; i < u->opcode_base; i++)
		u->args[i] = (uint8_t)fixed(r, 1);
	if (u->version < 5)
		read_old_names(u);
	else if (!read_names(u, false) || !read_names(u, true))
		return false;
	r->at = program;
	return true;
}

void debug_lines(struct debug_bytes line, struct debug_bytes str, struct debug_bytes line_str,
		 gaddr bias, struct arena *a, struct debug_info *out)
{
	struct reader all = {
		.at = line.at, .end = line.at + line.n, .str = str, .line_str = line_str
	};

	while (all.end - all.at > 4) {
		struct unit u = { .r = all, .bias = bias, .a = a, .out = out };
		uint64_t n = fixed(&u.r, 4);

		u.r.wide = n == UINT32_MAX;
		if (u.r.wide)
			n = fixed(&u.r, 8);
		if (n > (uint64_t)(u.r.end - u.r.at))
			return;
		u.r.end = all.at = u.r.at + n;
		if (read_header(&u))
			run(&u);
	}
}

/* See frames.h. */
#include "runtime/load/frames.h"

#include "arch/rv64/cpu.h"
#include "lib/base/panic.h"
#include "runtime/load/load_priv.h"

#include <stdlib.h>
#include <string.h>

enum {
	ENCODED_ABSOLUTE = 0x00,
	ENCODED_U4 = 0x03,
	ENCODED_U8 = 0x04,
	ENCODED_S4 = 0x0b,
	ENCODED_S8 = 0x0c,
	ENCODED_FORM = 0x0f,
	ENCODED_RELATIVE = 0x10,
	EH_CIE = 0,
	REMEMBERED_MOST = 8,
};

/* Bytes that are read one after the other; bad: there were too few, or some that mean nothing here. */
struct reader {
	const struct load_section *s;
	size_t at, end;
	bool bad;
};

static uint64_t get(struct reader *r, unsigned bytes)
{
	uint64_t v = 0;

	if (r->bad || r->end - r->at < bytes) {
		r->bad = true;
		return 0;
	}
	memcpy(&v, r->s->at + r->at, bytes);
	r->at += bytes;
	return v;
}

static void skip(struct reader *r, uint64_t n)
{
	r->bad |= n > r->end - r->at;
	r->at += r->bad ? 0 : n;
}

/* LEB128; sign: of the signed form. */
static uint64_t get_leb(struct reader *r, bool sign)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;

	do {
		b = (uint8_t)get(r, 1);
		v |= shift < 64 ? (uint64_t)(b & 0x7f) << shift : 0;
		shift += 7;
	} while (b & 0x80 && !r->bad);
	if (sign && b & 0x40 && shift < 64)
		v |= UINT64_MAX << shift;
	return v;
}

static uint64_t get_unsigned(struct reader *r) { return get_leb(r, false); }
static int64_t get_signed(struct reader *r) { return (int64_t)get_leb(r, true); }

/* An address as the file has it, or a size where relative is false. */
static uint64_t get_encoded(struct reader *r, unsigned how, bool relative)
{
	const gaddr here = r->s->start + r->at;
	uint64_t v = 0;

	switch (how & ENCODED_FORM) {
	case ENCODED_U4:
		v = get(r, 4);
		break;
	case ENCODED_S4:
		v = (uint64_t)(int32_t)get(r, 4);
		break;
	case ENCODED_ABSOLUTE:
	case ENCODED_U8:
	case ENCODED_S8:
		v = get(r, 8);
		break;
	default:
		r->bad = true;
		break;
	}
	how &= ~(unsigned)ENCODED_FORM;
	r->bad |= how && how != ENCODED_RELATIVE;
	return how == ENCODED_RELATIVE && relative ? v + here : v;
}

/* ---- entries ------------------------------------------------------------------------------------------------------- */

struct cie {
	uint64_t code_align;
	int64_t data_align;
	unsigned return_reg, encoding;
	bool augmented;
	struct reader insns;
};

/* The record at r->at: r becomes its contents, *next is what follows it. False: there is none. */
static bool open_record(struct reader *r, size_t *next, uint64_t *id, size_t *id_at, bool eh)
{
	uint64_t length = get(r, 4);
	const bool wide = length == 0xffffffff;

	if (wide)
		length = get(r, 8);
	if (r->bad || !length || length > r->end - r->at)
		return false;
	*next = r->at + length;
	r->end = *next;
	*id_at = r->at;
	*id = get(r, wide && !eh ? 8 : 4);
	return !r->bad;
}

static bool is_cie(uint64_t id, bool eh)
{
	return eh ? id == EH_CIE : id == 0xffffffff || id == UINT64_MAX;
}

static bool read_augmentation(struct reader *r, const char *text, struct cie *c)
{
	uint64_t n, how;
	size_t end;

	if (!*text)
		return true;
	if (*text != 'z')
		return false;
	c->augmented = true;
	n = get_unsigned(r);
	if (r->bad || n > r->end - r->at)
		return false;
	end = r->at + n;
	while (*++text) {
		if (*text == 'R') {
			c->encoding = (unsigned)get(r, 1);
		} else if (*text == 'L') {
			get(r, 1);
		} else if (*text == 'P') {
			how = get(r, 1);
			get_encoded(r, (unsigned)how & ENCODED_FORM, false);
		}
	}
	r->at = end;
	return true;
}

static bool read_cie(const struct load_section *s, size_t at, bool eh, struct cie *c)
{
	struct reader r = { .s = s, .at = at, .end = s->n };
	size_t next, id_at, n;
	const char *text;
	uint64_t id;
	unsigned version;

	*c = (struct cie){ .encoding = ENCODED_ABSOLUTE };
	if (at >= s->n || !open_record(&r, &next, &id, &id_at, eh) || !is_cie(id, eh))
		return false;
	version = (unsigned)get(&r, 1);
	text = (const char *)s->at + r.at;
	n = strnlen(text, r.end - r.at);
	skip(&r, n + 1);
	if (version == 4)
		skip(&r, 2); /* sizes of an address and of a segment's number */
	c->code_align = get_unsigned(&r);
	c->data_align = get_signed(&r);
	c->return_reg = (unsigned)(version == 1 ? get(&r, 1) : get_unsigned(&r));
	if (r.bad || !read_augmentation(&r, text, c))
		return false;
	c->insns = r;
	return !r.bad && c->return_reg == RV64_RA;
}

/* ---- instructions -------------------------------------------------------------------------------------------------- */

struct rules {
	struct load_frame frame;
	bool computed; /* the frame's address is an expression's, which is not read here */
};

struct machine {
	const struct cie *cie;
	struct rules now, first, remembered[REMEMBERED_MOST];
	unsigned depth;
	gaddr loc;
};

/* In units of data_align, which may be anything. */
static int64_t aligned(const struct machine *m, int64_t offset)
{
	return (int64_t)((uint64_t)offset * (uint64_t)m->cie->data_align);
}

static void set_rule(struct machine *m, uint64_t reg, enum load_rule_kind kind, int64_t offset)
{
	const struct load_rule rule = { kind, aligned(m, offset) };

	if (reg == RV64_RA)
		m->now.frame.ra = rule;
	else if (reg == RV64_S0)
		m->now.frame.s0 = rule;
}

static void restore_rule(struct machine *m, uint64_t reg)
{
	if (reg == RV64_RA)
		m->now.frame.ra = m->first.frame.ra;
	else if (reg == RV64_S0)
		m->now.frame.s0 = m->first.frame.s0;
}

static void set_frame(struct machine *m, uint64_t reg, int64_t offset)
{
	m->now.frame.reg = (unsigned)reg;
	m->now.frame.offset = offset;
	m->now.computed = false;
}

/* What the two high bits do not say. */
static void extended(struct machine *m, struct reader *r, unsigned op)
{
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		break;
	case 0x02: /* advance_loc1, 2, 4 */
	case 0x03:
	case 0x04:
		m->loc += get(r, 1u << (op - 2)) * m->cie->code_align;
		break;
	case 0x05: /* offset_extended */
		reg = get_unsigned(r);
		set_rule(m, reg, LOAD_SAVED, (int64_t)get_unsigned(r));
		break;
	case 0x06: /* restore_extended */
		restore_rule(m, get_unsigned(r));
		break;
	case 0x07: /* undefined */
		set_rule(m, get_unsigned(r), LOAD_LOST, 0);
		break;
	case 0x08: /* same_value */
		set_rule(m, get_unsigned(r), LOAD_KEPT, 0);
		break;
	case 0x09: /* register */
	case 0x14: /* val_offset, val_offset_sf: its length is the same */
	case 0x15:
		reg = get_unsigned(r);
		get_unsigned(r);
		set_rule(m, reg, LOAD_LOST, 0);
		break;
	case 0x0a: /* remember_state */
		r->bad |= m->depth == REMEMBERED_MOST;
		if (!r->bad)
			m->remembered[m->depth++] = m->now;
		break;
	case 0x0b: /* restore_state */
		r->bad |= !m->depth;
		if (!r->bad)
			m->now = m->remembered[--m->depth];
		break;
	case 0x0c: /* def_cfa */
		reg = get_unsigned(r);
		set_frame(m, reg, (int64_t)get_unsigned(r));
		break;
	case 0x0d: /* def_cfa_register */
		set_frame(m, get_unsigned(r), m->now.frame.offset);
		break;
	case 0x0e: /* def_cfa_offset */
		set_frame(m, m->now.frame.reg, (int64_t)get_unsigned(r));
		break;
	case 0x0f: /* def_cfa_expression */
		skip(r, get_unsigned(r));
		m->now.computed = true;
		break;
	case 0x10: /* expression, val_expression */
	case 0x16:
		reg = get_unsigned(r);
		skip(r, get_unsigned(r));
		set_rule(m, reg, LOAD_LOST, 0);
		break;
	case 0x11: /* offset_extended_sf */
		reg = get_unsigned(r);
		set_rule(m, reg, LOAD_SAVED, get_signed(r));
		break;
	case 0x12: /* def_cfa_sf */
		reg = get_unsigned(r);
		set_frame(m, reg, aligned(m, get_signed(r)));
		break;
	case 0x13: /* def_cfa_offset_sf */
		set_frame(m, m->now.frame.reg, aligned(m, get_signed(r)));
		break;
	case 0x2e: /* GNU_args_size */
		get_unsigned(r);
		break;
	default:
		r->bad = true;
		break;
	}
}

/* Carries out instructions up to those that are for code behind pc. */
static bool carry_out(struct machine *m, struct reader r, gaddr pc)
{
	while (r.at < r.end && !r.bad) {
		const unsigned op = (unsigned)get(&r, 1), low = op & 0x3f;

		switch (op >> 6) {
		case 1: /* advance_loc */
			m->loc += low * m->cie->code_align;
			break;
		case 2: /* offset */
			set_rule(m, low, LOAD_SAVED, (int64_t)get_unsigned(&r));
			break;
		case 3: /* restore */
			restore_rule(m, low);
			break;
		default:
			extended(m, &r, op);
			break;
		}
		if (m->loc > pc)
			break;
	}
	return !r.bad;
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

/* An entry for the code of [start, start + size_bytes). good: it is one, and whole. */
struct fde {
	struct cie cie;
	gaddr start;
	uint64_t size_bytes;
	struct reader insns;
	bool good;
};

/* The record at `at`; *next is where the one behind it lies. False: there is no more. */
static bool read_fde(const struct load_section *s, bool eh, size_t at, size_t *next, struct fde *f)
{
	struct reader r = { .s = s, .at = at, .end = s->n };
	size_t id_at;
	uint64_t id;

	*f = (struct fde){ .good = false };
	if (at >= s->n || !open_record(&r, next, &id, &id_at, eh))
		return false;
	if (is_cie(id, eh) || (eh && id > id_at) || !read_cie(s, eh ? id_at - id : id, eh, &f->cie))
		return true;
	f->start = get_encoded(&r, f->cie.encoding, true);
	f->size_bytes = get_encoded(&r, f->cie.encoding & ENCODED_FORM, false);
	if (f->cie.augmented)
		skip(&r, get_unsigned(&r));
	f->insns = r;
	f->good = !r.bad;
	return true;
}

static void add_section(struct load_frames *f, bool eh, unsigned *cap)
{
	const struct load_section *s = eh ? &f->eh : &f->debug;
	struct fde d;

	for (size_t at = 0, next; read_fde(s, eh, at, &next, &d); at = next) {
		if (!d.good)
			continue;
		if (f->count == *cap) {
			*cap = *cap ? 2 * *cap : 64;
			f->entry = realloc(f->entry, *cap * sizeof *f->entry);
			KIT_CHECK(f->entry, "out of memory");
		}
		f->entry[f->count++] = (struct load_frame_entry){ d.start, at, eh };
	}
}

static int by_start(const void *a, const void *b)
{
	const struct load_frame_entry *x = a, *y = b;

	return x->start != y->start ? (x->start < y->start ? -1 : 1) : (int)x->eh - (int)y->eh;
}

void load_frames_index(struct load_frames *f)
{
	unsigned cap = 0;

	add_section(f, true, &cap);
	add_section(f, false, &cap);
	if (f->count)
		qsort(f->entry, f->count, sizeof *f->entry, by_start);
}

bool load_frames_find(const struct load_frames *f, gaddr pc, struct load_frame *out)
{
	const unsigned n = load_starts_to(f->entry, f->count, sizeof *f->entry, pc - f->bias);
	const struct load_frame_entry *e;
	struct machine m = { .depth = 0 };
	struct fde d;
	size_t next;

	if (!n)
		return false;
	e = &f->entry[n - 1];
	pc -= f->bias;
	if (!read_fde(e->eh ? &f->eh : &f->debug, e->eh, e->at, &next, &d)
	    || pc - d.start >= d.size_bytes)
		return false;
	m.cie = &d.cie;
	m.loc = d.start;
	if (!carry_out(&m, d.cie.insns, pc))
		return false;
	m.first = m.now;
	if (!carry_out(&m, d.insns, pc) || m.now.computed)
		return false;
	*out = m.now.frame;
	return true;
}

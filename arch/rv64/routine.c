/* Recognising routines of libraries; see routine.h. Pure: guest bytes come through the fetch function alone. */
#include "arch/rv64/routine.h"

#include "arch/rv64/regs.h"
#include "lib/base/hash.h"

#include <inttypes.h>
#include <string.h>

enum { FUNCTION_BYTES = 1280, CASES_MAX = 8, NOWHERE = -1, BYTES = 256 };

/* The last column of libc.def: rv64_form.varies. */
enum { ONE_WAY, VARIES };

static const struct row {
	uint64_t first, mask, hash;
	uint16_t insns;
	uint8_t what; /* enum rv64_libc */
	bool varies;
} rows[] = {
#define LIBC(what, insns, first, mask, hash, way)                                                  \
	{ first, mask, hash, insns, RV64_LIBC_##what, way },
#include "arch/rv64/libc.def"
#undef LIBC
};

/* Of which kind an instruction is. A far one is a pair with auipc. */
enum kind {
	PLAIN,
	BRANCH, /* within the function, conditional or not */
	SWITCH, /* jumps through a table */
	RETURN,
	/* What linking may change: */
	CALL,
	TAIL, /* jumps to another function */
	FAR_LOAD,
	FAR_ADDRESS,
};

struct insn {
	struct rv64_insn i; /* of a pair the second one */
	uint16_t at;        /* offset of the first one */
	uint8_t kind;
	int32_t to; /* offset of what it goes to or loads */
};

/* What is hashed of an instruction. */
struct token {
	uint32_t what, regs;
	uint64_t where;
};

struct function {
	struct arena *arena;
	struct guest_decoder *d;
	const struct guest_fetch *f;
	gaddr pc;
	uint8_t bytes[FUNCTION_BYTES + 4];
	unsigned avail, size;
	int32_t last_target; /* the highest offset that a branch goes to */
	/* Where the only switch may jump to. */
	int32_t table; /* its table, or the last address that was made, as an offset */
	int32_t cases[CASES_MAX];
	unsigned case_count;
	unsigned count;
	struct insn insn[RV64_ROUTINE_INSNS];
	struct token token[RV64_ROUTINE_INSNS];
};

static struct function *function_new(struct arena *a, struct guest_decoder *d,
				     const struct guest_fetch *f, gaddr pc)
{
	struct function *fn = arena_new(a, struct function, 1);

	fn->arena = a;
	fn->d = d;
	fn->f = f;
	fn->pc = pc;
	return fn;
}

static bool is_op(const struct rv64_insn *i, enum rv64_op a, enum rv64_op b)
{
	return i->op == a || i->op == b;
}

static bool is_fp_load(const struct rv64_insn *i) { return is_op(i, RV64_OP_fld, RV64_OP_flw); }

static bool is_load(const struct rv64_insn *i)
{
	return (i->op >= RV64_OP_lb && i->op <= RV64_OP_lwu) || is_fp_load(i);
}

/* The instruction behind an auipc of the same register, upper its value as an offset. */
static bool classify_pair(struct insn *n, int32_t upper)
{
	const struct rv64_insn *i = &n->i;

	n->to = upper + i->imm;
	if (i->op == RV64_OP_jalr)
		n->kind = i->rd ? CALL : TAIL;
	else if (is_load(i))
		n->kind = FAR_LOAD;
	else if (i->op == RV64_OP_addi)
		n->kind = FAR_ADDRESS;
	else
		return false;
	return true;
}

static bool classify(struct insn *n)
{
	const struct rv64_insn *i = &n->i;
	unsigned format = rv64_insns[i->op].format;

	n->kind = PLAIN;
	n->to = NOWHERE;
	if (i->op == RV64_OP_illegal)
		return false;
	if (format == RV64_FMT_B || format == RV64_FMT_CB) {
		n->kind = BRANCH;
		n->to = n->at + i->imm;
		return n->to >= 0 && n->to < FUNCTION_BYTES;
	}
	if (is_op(i, RV64_OP_jal, RV64_OP_c_j)) {
		n->to = n->at + i->imm;
		if (i->rd)
			n->kind = CALL;
		else
			n->kind = n->to >= 0 && n->to < FUNCTION_BYTES ? BRANCH : TAIL;
		return true;
	}
	if (is_op(i, RV64_OP_jalr, RV64_OP_c_jr) || i->op == RV64_OP_c_jalr) {
		/* The short form has no displacement. */
		n->kind = i->rs1 == RV64_RA ? RETURN : SWITCH;
		return !i->rd && (i->size_bytes == 2 || !i->imm);
	}
	return true;
}

static bool is_end(const struct insn *n)
{
	return n->kind == RETURN || n->kind == TAIL || n->kind == SWITCH
	       || (n->kind == BRANCH && is_op(&n->i, RV64_OP_jal, RV64_OP_c_j));
}

/* Decodes the instruction, or pair, at fn->size. */
static bool decode(struct function *fn, struct insn *n)
{
	struct rv64_insn upper;
	unsigned size = rv64_decode(fn->d, fn->bytes + fn->size, fn->avail - fn->size, &n->i);

	n->at = (uint16_t)fn->size;
	fn->size += size;
	if (!size)
		return false;
	if (n->i.op != RV64_OP_auipc)
		return classify(n);
	upper = n->i;
	size = rv64_decode(fn->d, fn->bytes + fn->size, fn->avail - fn->size, &n->i);
	fn->size += size;
	return size && n->i.rs1 == upper.rd && classify_pair(n, n->at + upper.imm);
}

/* The distances in a switch's table, as long as they lead into a function. */
static bool read_cases(struct function *fn)
{
	if (fn->case_count || fn->table == NOWHERE)
		return false;
	while (fn->case_count < CASES_MAX) {
		const gaddr at = fn->pc + (gaddr)(int64_t)fn->table + 4 * fn->case_count;
		int32_t distance, to;

		if (fn->f->read(fn->f->ctx, at, &distance, 4) != 4
		    || __builtin_add_overflow(fn->table, distance, &to) || to < 0
		    || to >= FUNCTION_BYTES)
			break;
		fn->cases[fn->case_count++] = to;
		if (to > fn->last_target)
			fn->last_target = to;
	}
	return fn->case_count;
}

/*
 * Decodes the function: insns or size_bytes say how long it is, or (both 0) it ends with the first instruction that
 * does not go on and that no branch so far goes past.
 */
static bool decode_all(struct function *fn, unsigned insns, unsigned size_bytes)
{
	fn->avail = fn->f->read(fn->f->ctx, fn->pc, fn->bytes, FUNCTION_BYTES);
	memset(fn->bytes + fn->avail, 0, 4);
	fn->size = fn->count = 0;
	fn->last_target = 0;
	fn->table = NOWHERE;
	fn->case_count = 0;
	while (insns ? fn->count < insns : !size_bytes || fn->size < size_bytes) {
		struct insn *n = &fn->insn[fn->count];

		if (fn->count == RV64_ROUTINE_INSNS || !decode(fn, n))
			return false;
		fn->count++;
		if (n->kind == BRANCH && n->to > fn->last_target)
			fn->last_target = n->to;
		if (n->kind == FAR_ADDRESS)
			fn->table = n->to;
		if (n->kind == SWITCH && !read_cases(fn))
			return false;
		if (!insns && !size_bytes && is_end(n) && fn->last_target < (int32_t)fn->size)
			return true;
	}
	return fn->last_target < (int32_t)fn->size;
}

/* The number of the instruction at offset at. */
static bool number_of(const struct function *fn, int32_t at, uint64_t *number)
{
	unsigned lo = 0, hi = fn->count;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (fn->insn[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	*number = lo;
	return lo < fn->count && fn->insn[lo].at == at;
}

static bool note_range(struct rv64_form *out, gaddr start, unsigned size_bytes)
{
	if (out->range_count == RV64_ROUTINE_RANGES)
		return false;
	out->range[out->range_count++] = (struct ir_range){ start, size_bytes };
	return true;
}

/*
 * The value that is loaded, where it can be fetched: constants lie with the code as a rule, other data do not. That of a
 * floating-point register is always a constant.
 */
static bool loaded(const struct function *fn, const struct insn *n, struct token *t,
		   struct rv64_form *out)
{
	const gaddr at = fn->pc + (gaddr)(int64_t)n->to;
	const unsigned size = n->i.op == RV64_OP_flw ? 4 : 8;
	uint64_t value = 0;

	if (fn->f->read(fn->f->ctx, at, &value, size) != size) {
		if (is_fp_load(&n->i))
			return false;
		if (out->slot_count < RV64_ROUTINE_SLOTS)
			out->slot[out->slot_count++] = at;
		return true;
	}
	t->where = value;
	return note_range(out, at, size);
}

/* Where a switch jumps to. */
static bool switched(const struct function *fn, struct token *t, struct rv64_form *out)
{
	for (unsigned k = 0; k < fn->case_count; k++) {
		uint64_t number;

		if (!number_of(fn, fn->cases[k], &number))
			return false;
		t->where = kit_mix64(t->where + number + 1);
	}
	return note_range(out, fn->pc + (gaddr)(int64_t)fn->table, 4 * fn->case_count);
}

static bool hash(struct function *fn, bool looks_deeper, struct rv64_form *out);

/* Of what is called, its own form: what it calls in turn counts as a call. */
static bool called(const struct function *fn, const struct insn *n, struct token *t,
		   struct rv64_form *out)
{
	struct function *callee =
	    function_new(fn->arena, fn->d, fn->f, fn->pc + (gaddr)(int64_t)n->to);

	if (!decode_all(callee, 0, 0) || !hash(callee, false, out)
	    || !note_range(out, callee->pc, callee->size))
		return false;
	t->where = out->hash;
	return true;
}

/* Registers as operands, as far as the format has them: what it has not holds anything. */
static uint32_t registers(const struct rv64_insn *i)
{
	return (uint32_t)i->rd << 16 | (uint32_t)i->rs1 << 8;
}

static bool make_token(struct function *fn, unsigned k, bool looks_deeper, struct rv64_form *out)
{
	const struct insn *n = &fn->insn[k];
	struct token *t = &fn->token[k];
	bool last = k + 1 == fn->count; /* one that does not come back: nothing depends on it */

	*t = (struct token){ .what = n->kind };
	switch ((enum kind)n->kind) {
	case PLAIN:
	case RETURN:
		t->regs = n->i.word;
		return true;
	case BRANCH:
		t->what |= rv64_insns[n->i.op].match << 8;
		if (!is_op(&n->i, RV64_OP_jal, RV64_OP_c_j))
			t->regs = (uint32_t)n->i.rs1 << 8 | n->i.rs2;
		return number_of(fn, n->to, &t->where);
	case SWITCH:
		t->regs = n->i.word;
		return switched(fn, t, out);
	case CALL:
		t->regs = n->i.rd;
		return !looks_deeper || last || called(fn, n, t, out);
	case TAIL:
		return true;
	case FAR_LOAD:
		t->what |= rv64_insns[n->i.op].match << 8;
		t->regs = registers(&n->i);
		return !looks_deeper || loaded(fn, n, t, out);
	case FAR_ADDRESS:
		t->regs = registers(&n->i);
		return true;
	}
	return false;
}

static bool hash(struct function *fn, bool looks_deeper, struct rv64_form *out)
{
	for (unsigned k = 0; k < fn->count; k++)
		if (!make_token(fn, k, looks_deeper, out))
			return false;
	out->hash = kit_hash(fn->token, fn->count * sizeof *fn->token);
	return true;
}

/* The bits of an instruction that are the same wherever its function is linked. */
static uint32_t fixed_bits(const struct insn *n)
{
	enum { OPCODE_AND_RD = 0xfff, BRANCH_NO_IMM = 0x01fff07f };

	if (n->kind == PLAIN || n->kind == RETURN || n->kind == SWITCH)
		return n->i.size_bytes == 4 ? UINT32_MAX : UINT16_MAX;
	if (n->kind != BRANCH || n->i.op == RV64_OP_jal)
		return OPCODE_AND_RD;
	return n->i.size_bytes == 4 ? BRANCH_NO_IMM : rv64_insns[n->i.op].mask;
}

/* The same for the first 8 bytes of the function. */
static void find_first(const struct function *fn, struct rv64_form *out)
{
	enum { NO_IMM = 0xfffff };
	bool rigid = true; /* nothing in it that linking changes */

	for (unsigned k = 0; k < fn->count; k++)
		rigid &= fn->insn[k].kind <= RETURN;
	memcpy(&out->first, fn->bytes, sizeof out->first);
	out->mask = rigid ? UINT64_MAX : 0;
	for (unsigned k = 0; !rigid && k < fn->count && fn->insn[k].at < 8; k++) {
		const struct insn *n = &fn->insn[k];

		out->mask |= (uint64_t)fixed_bits(n) << 8 * n->at;
		if (n->kind == FAR_LOAD && n->at < 4) /* two instructions, whatever is loaded */
			out->mask |= (uint64_t)NO_IMM << 8 * (n->at + 4);
		else if (n->kind > RETURN) /* what is behind may lie elsewhere */
			break;
	}
	out->first &= out->mask;
}

bool rv64_form_of(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f, gaddr pc,
		  unsigned insns, unsigned size_bytes, struct rv64_form *out)
{
	struct function *fn = function_new(a, d, f, pc);

	out->range_count = out->slot_count = 0;
	if (insns > RV64_ROUTINE_INSNS || !decode_all(fn, insns, size_bytes)
	    || !note_range(out, pc, fn->size) || !hash(fn, true, out))
		return false;
	find_first(fn, out);
	out->insns = fn->count;
	out->size_bytes = fn->size;
	return true;
}

/* libgcc's __clz_tab: of each byte how many bits it takes. */
static bool is_table(const uint8_t table[BYTES])
{
	for (unsigned v = 0; v < BYTES; v++)
		if (table[v] != (v ? 32 - (unsigned)__builtin_clz(v) : 0))
			return false;
	return true;
}

/* Whether that is what the form's slots point at. Where it lies with code, it is one of the ranges from then on. */
static bool has_table(const struct guest_fetch *f, struct rv64_form *form)
{
	gaddr last = 0;

	for (unsigned n = 0; n < form->slot_count; n++) {
		uint8_t table[BYTES];
		gaddr at;

		if (!f->peek || !f->peek(f->ctx, form->slot[n], &at, sizeof at))
			return false;
		if (n && at == last)
			continue;
		if (f->read(f->ctx, at, table, BYTES) == BYTES) {
			if (!note_range(form, at, BYTES))
				return false;
		} else if (!f->peek(f->ctx, at, table, BYTES)) {
			return false;
		}
		if (!is_table(table))
			return false;
		last = at;
	}
	return true;
}

/*
 * What was recognised lately, by address. It is still so while the bytes are the same, and comparing these is much
 * less work: each place that calls a routine asks anew.
 */
struct memo {
	gaddr pc;
	uint64_t hash; /* of the bytes; 0: empty */
	enum rv64_libc what;
	struct rv64_form form; /* without a table */
};

enum { MEMOS = 32 };

/* Of the bytes that were looked at, as they are now. */
static uint64_t hash_bytes(const struct guest_fetch *f, const struct rv64_form *form)
{
	uint8_t bytes[FUNCTION_BYTES];
	uint64_t h = 0;

	for (unsigned n = 0; n < form->range_count; n++) {
		const struct ir_range *r = &form->range[n];
		unsigned size =
		    r->size_bytes < sizeof bytes ? r->size_bytes : (unsigned)sizeof bytes;

		h = kit_mix64(h ^ kit_hash(bytes, f->read(f->ctx, r->start, bytes, size)));
	}
	return h | 1;
}

/* What, if the data that it depends on is right. */
static enum rv64_libc checked(const struct guest_fetch *f, enum rv64_libc what,
			      struct rv64_form *form)
{
	return what < RV64_LIBC_BITS || what >= RV64_LIBC_ROUNDING || has_table(f, form)
		   ? what
		   : RV64_LIBC_COUNT;
}

enum rv64_libc rv64_libc_at(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f,
			    gaddr pc, const uint8_t bytes[8], struct rv64_form *out)
{
	struct memo *m = NULL;
	uint64_t first;

	memcpy(&first, bytes, sizeof first);
	for (const struct row *r = rows; r < rows + ARRAY_LEN(rows); r++) {
		if ((first & r->mask) != r->first)
			continue;
		if (!m) {
			m = (struct memo *)rv64_decoder_memo(d, MEMOS * sizeof *m)
			    + (pc >> 1) % MEMOS;
			if (m->hash && m->pc == pc && hash_bytes(f, &m->form) == m->hash) {
				*out = m->form;
				return checked(f, m->what, out);
			}
		}
		if (!rv64_form_of(a, d, f, pc, r->insns, 0, out) || out->hash != r->hash)
			continue;
		out->varies = r->varies;
		*m = (struct memo){ pc, hash_bytes(f, out), (enum rv64_libc)r->what, *out };
		return checked(f, m->what, out);
	}
	return RV64_LIBC_COUNT;
}

bool rv64_routine_row(struct arena *a, struct guest_decoder *d, const struct guest_fetch *f,
		      gaddr pc, unsigned size_bytes, struct strbuf *out)
{
	struct rv64_form form;

	if (!rv64_form_of(a, d, f, pc, 0, size_bytes, &form))
		return false;
	strbuf_printf(out, "%u, 0x%016" PRIx64 ", 0x%016" PRIx64 ", 0x%016" PRIx64, form.insns,
		      form.first, form.mask, form.hash);
	return true;
}

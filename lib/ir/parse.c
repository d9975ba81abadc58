/*
 * The IR's text form, read; print.c has the grammar. One line at a time, one function per part of a
 * line. The first fault ends it: p->failed is sticky, parts that come after it do nothing.
 *
 * Names: %N may be any number below MAX_NAME, in any order, defined once in its block; the insn it
 * stands for gets the next index. Every insn is verified when its line is read.
 */
#include "lib/base/panic.h"
#include "lib/ir/names.h"
#include "lib/ir/verify_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 1 << 20, NO_BLOCK = UINT32_MAX };

/* What %N stands for, and since which block: older ones do not count. */
struct name {
	uint32_t idx, block;
};

struct parser {
	struct ir_unit *u;
	struct diag *d;
	const char *next;      /* start of the next line */
	const char *cur, *end; /* what is left of this line */
	unsigned line;
	bool failed;
	gaddr pc; /* of the last "at" */
	bool in_block;
	struct name *name;
	unsigned name_cap;
	/* Exits that say which block they go to. */
	struct chosen {
		uint32_t idx;
		int64_t to;
	} * chosen;
	unsigned chosen_count, chosen_cap;
};

static bool KIT_PRINTF(2, 3) fail(struct parser *p, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (p->failed)
		return false;
	p->failed = true;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return diag_fail(p->d, 1, "line %u: %s", p->line, text);
}

/* ---- words of a line --------------------------------------------------------------------- */

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
	       || c == '_';
}

static void skip_space(struct parser *p)
{
	while (p->cur < p->end && is_space(*p->cur))
		p->cur++;
}

/* Takes the next line that is not empty, without its comment; false at the end of the text. */
static bool next_line(struct parser *p)
{
	while (*p->next) {
		size_t len = strcspn(p->next, "\n");
		const char *comment = memchr(p->next, ';', len);

		p->line++;
		p->cur = p->next;
		p->end = comment ? comment : p->next + len;
		p->next += len + (p->next[len] == '\n');
		skip_space(p);
		if (p->cur < p->end)
			return true;
	}
	return false;
}

/* The rest of the line, for messages. */
static int rest_len(const struct parser *p)
{
	size_t n = (size_t)(p->end - p->cur);

	return n > 40 ? 40 : (int)n;
}

static bool take_char(struct parser *p, char c)
{
	skip_space(p);
	if (p->failed || p->cur == p->end || *p->cur != c)
		return false;
	p->cur++;
	return true;
}

static void want_char(struct parser *p, char c)
{
	if (!p->failed && !take_char(p, c))
		fail(p, "expected '%c' at '%.*s'", c, rest_len(p), p->cur);
}

/* A word of letters and digits; its length, 0 when something else stands there. */
static size_t take_word(struct parser *p, const char **word)
{
	skip_space(p);
	*word = p->cur;
	while (!p->failed && p->cur < p->end && is_word(*p->cur))
		p->cur++;
	return (size_t)(p->cur - *word);
}

static bool is(const char *word, size_t len, const char *what)
{
	return strlen(what) == len && memcmp(word, what, len) == 0;
}

/* Takes the word what if it comes next. */
static bool take_keyword(struct parser *p, const char *what)
{
	const char *start = p->cur, *word;
	size_t len = take_word(p, &word);

	if (len && is(word, len, what))
		return true;
	p->cur = start;
	return false;
}

/* One of count names; what says in a message what they are. */
static unsigned want_name(struct parser *p, const char *const *names, unsigned count,
			  const char *what)
{
	const char *word;
	size_t len = take_word(p, &word);
	int n = ir_name_find(names, count, word, len);

	if (n < 0)
		fail(p, "'%.*s' is no %s", (int)len, word, what);
	return n < 0 ? 0 : (unsigned)n;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

static int64_t want_num(struct parser *p)
{
	bool negative = take_char(p, '-');
	const char *word;
	size_t len = take_word(p, &word);
	bool hex = len > 2 && word[0] == '0' && word[1] == 'x';
	unsigned base = hex ? 16 : 10;
	uint64_t v = 0;
	bool ok = len > 0;

	for (size_t k = hex ? 2 : 0; k < len && ok; k++) {
		unsigned x = (unsigned)digit(word[k]);

		ok = x < base && !__builtin_mul_overflow(v, base, &v)
		     && !__builtin_add_overflow(v, x, &v);
	}
	if (!ok || (negative && v > UINT64_C(1) << 63))
		fail(p, "'%.*s' is no 64-bit number", (int)len, word);
	return (int64_t)(negative ? -v : v);
}

/* ---- values ------------------------------------------------------------------------------ */

/* The number of %N; the sign has been seen or is asked for. */
static uint32_t want_value_number(struct parser *p)
{
	int64_t n;

	want_char(p, '%');
	n = p->failed ? 0 : want_num(p);
	if (n < 0 || n >= MAX_NAME)
		fail(p, "%%%" PRId64 " is not below %d", n, MAX_NAME);
	return (uint32_t)n;
}

static ir_ref want_value(struct parser *p)
{
	uint32_t n = want_value_number(p);

	if (p->failed)
		return IR_NOREF;
	if (n >= p->name_cap || p->name[n].block != p->u->block_count - 1) {
		fail(p, "%%%u is not defined in this block", n);
		return IR_NOREF;
	}
	return (ir_ref){ p->name[n].idx };
}

static void define_value(struct parser *p, uint32_t n, uint32_t idx)
{
	if (n >= p->name_cap) {
		unsigned cap = p->name_cap ? p->name_cap : 64;
		struct name *grown;

		while (cap <= n)
			cap *= 2;
		grown = arena_new(p->u->arena, struct name, cap);
		if (p->name_cap)
			memcpy(grown, p->name, sizeof *grown * p->name_cap);
		for (unsigned k = p->name_cap; k < cap; k++)
			grown[k].block = NO_BLOCK;
		p->name = grown;
		p->name_cap = cap;
	}
	if (p->name[n].block == p->u->block_count - 1)
		fail(p, "%%%u is defined twice", n);
	p->name[n] = (struct name){ idx, p->u->block_count - 1 };
}

/* ---- one insn ---------------------------------------------------------------------------- */

static unsigned want_reg(struct parser *p)
{
	const struct ir_regfile *rf = p->u->regs;
	const char *word;
	size_t len = take_word(p, &word);

	for (unsigned r = 0; r < rf->count; r++)
		if (is(word, len, rf->reg[r].name))
			return r;
	fail(p, "'%.*s' is no register", (int)len, word);
	return 0;
}

/* The twin of put_first in print.c. */
static void parse_first(struct parser *p, struct ir_insn *i)
{
	switch (i->op) {
	case IR_const:
		i->imm = want_num(p);
		/* The bits of an i32 may be written without a sign. */
		if (i->type == IR_I32 && fits_u32((uint64_t)i->imm))
			i->imm = (int32_t)i->imm;
		break;
	case IR_getreg:
	case IR_putreg:
		i->imm = want_reg(p);
		break;
	case IR_set:
	case IR_br:
		i->sub = (uint8_t)want_name(p, ir_cc_names, IR_CC_COUNT, "condition");
		break;
	case IR_amo:
		i->sub = (uint8_t)want_name(p, ir_amo_names, IR_AMO_COUNT, "atomic operation");
		break;
	case IR_fence:
	case IR_count:
	case IR_countby:
	case IR_countrun:
	case IR_owe:
	case IR_edge:
		i->imm = want_num(p);
		break;
	case IR_helper:
		i->imm = want_name(p, ir_helper_names, IR_HELPER_COUNT, "helper");
		break;
	case IR_routine:
		i->imm = want_name(p, ir_routine_names, IR_ROUTINE_COUNT, "routine");
		break;
	case IR_exit:
	case IR_exiti:
		i->sub = (uint8_t)want_name(p, ir_jump_names, IR_JUMP_COUNT, "jump kind");
		break;
	case IR_exitr:
		i->sub = (uint8_t)want_name(p, ir_exit_names, IR_EXIT_COUNT, "exit reason");
		break;
	}
	if (i->op == IR_putreg)
		want_char(p, ',');
}

static void parse_operands(struct parser *p, struct ir_insn *i)
{
	const struct ir_op_info *info = ir_info(i);

	if (info->a == IR_NONE)
		return;
	i->a = want_value(p);
	if (i->op >= IR_ld8u && i->op <= IR_stf) {
		const char *before = p->cur;

		skip_space(p);
		if (take_char(p, ',')) {
			skip_space(p);
			if (p->cur < p->end && *p->cur != '%' && *p->cur != 'r')
				i->imm = want_num(p);
			else
				p->cur = before; /* the comma before b, or before "redo" */
		}
	}
	if (info->b != IR_NONE) {
		want_char(p, ',');
		i->b = want_value(p);
	}
	if (info->c != IR_NONE) {
		want_char(p, ',');
		i->c = want_value(p);
	}
}

static void parse_aqrl(struct parser *p, struct ir_insn *i, unsigned aq, unsigned rl)
{
	while (take_char(p, ',')) {
		if (take_keyword(p, "aq"))
			i->sub |= (uint8_t)aq;
		else if (take_keyword(p, "rl"))
			i->sub |= (uint8_t)rl;
		else
			fail(p, "expected 'aq' or 'rl' at '%.*s'", rest_len(p), p->cur);
	}
}

/* ADDRESS behind "ret". */
static void parse_ret(struct parser *p, struct ir_insn *i)
{
	gaddr ret = (gaddr)want_num(p);

	if (ret - p->pc - 1 >= IR_RET_BYTES_MAX)
		fail(p, "a call at 0x%" PRIx64 " returns at most %d bytes behind itself", p->pc,
		     IR_RET_BYTES_MAX);
	i->ret_bytes = (ret - p->pc) & IR_RET_BYTES_MAX;
}

/* The twin of put_last in print.c. */
static void parse_last(struct parser *p, struct ir_insn *i)
{
	switch (ir_info(i)->sub) {
	case IR_SUB_RM:
		want_char(p, ',');
		i->sub = (uint8_t)want_name(p, ir_rm_names, IR_RM_COUNT, "rounding mode");
		break;
	case IR_SUB_REDO:
		if (!take_char(p, ','))
			break;
		if (!take_keyword(p, "redo"))
			fail(p, "expected 'redo' at '%.*s'", rest_len(p), p->cur);
		i->sub = IR_REDO;
		break;
	case IR_SUB_AQRL:
		parse_aqrl(p, i, IR_LRSC_AQ, IR_LRSC_RL);
		break;
	case IR_SUB_AMO:
		parse_aqrl(p, i, IR_AMO_AQ, IR_AMO_RL);
		break;
	}
	if (i->op == IR_br)
		want_char(p, ',');
	if (i->op == IR_br || i->op == IR_exit || i->op == IR_exitr)
		i->imm = want_num(p);
	if ((i->op == IR_exit || i->op == IR_exiti) && i->sub == IR_JUMP_CALL) {
		if (!take_keyword(p, "ret"))
			fail(p, "expected 'ret ADDRESS' at '%.*s'", rest_len(p), p->cur);
		parse_ret(p, i);
	}
}

/* OP[.TYPE] */
static void parse_op(struct parser *p, struct ir_insn *i)
{
	const char *word;
	size_t len = take_word(p, &word);
	unsigned op = 0;

	while (op < IR_OP_COUNT && !is(word, len, ir_ops[op].name))
		op++;
	if (op == IR_OP_COUNT) {
		fail(p, "'%.*s' is no operation", len ? (int)len : rest_len(p), word);
		return;
	}
	i->op = (uint8_t)op;
	if (p->cur < p->end && *p->cur == '.') {
		p->cur++;
		i->type = (uint8_t)want_name(p, ir_type_names, IR_TYPE_COUNT, "type");
	} else if (ir_info(i)->flags & (IR_TI | IR_T64 | IR_TF)) {
		fail(p, "%s needs a type", ir_info(i)->name);
	}
}

/* "to" NUM behind an exit: the block may yet have to come. */
static void parse_to(struct parser *p)
{
	if (!take_keyword(p, "to"))
		return;
	arena_grow(p->u->arena, p->chosen, p->chosen_count, p->chosen_cap);
	p->chosen[p->chosen_count++] = (struct chosen){ p->u->insn_count, want_num(p) };
}

static bool resolve(struct parser *p)
{
	struct ir_unit *u = p->u;

	ir_resolve_exits(u);
	for (unsigned n = 0; n < p->chosen_count; n++) {
		const struct chosen *c = &p->chosen[n];

		if (c->to < 0 || c->to >= u->block_count)
			return diag_fail(p->d, 1, "there is no block %" PRId64 " to go to", c->to);
		u->insn[c->idx].to = (uint16_t)c->to;
	}
	return ir_verify(u, p->d);
}

/* [ %N = ] insn */
static void parse_insn(struct parser *p)
{
	struct ir_insn i = { .a = IR_NOREF, .b = IR_NOREF, .c = IR_NOREF };
	bool named = p->cur < p->end && *p->cur == '%';
	struct ir_unit *u = p->u;
	struct ir_block *blk = &u->block[u->block_count - 1];
	uint32_t name = 0;
	char why[160];

	if (named) {
		name = want_value_number(p);
		want_char(p, '=');
	}
	if (!p->failed)
		parse_op(p, &i);
	if (!p->failed)
		parse_first(p, &i);
	if (!p->failed)
		parse_operands(p, &i);
	if (!p->failed)
		parse_last(p, &i);
	if (!p->failed && (i.op == IR_br || i.op == IR_exit || i.op == IR_exiti))
		parse_to(p);
	if (p->failed)
		return;
	if (named != (ir_result_type(&i) != IR_NONE)) {
		fail(p, named ? "%s defines no value" : "%s defines a value: expected '%%N ='",
		     ir_info(&i)->name);
		return;
	}
	if (u->insn_count == IR_INSNS_MAX) {
		fail(p, "more than %d insns", IR_INSNS_MAX);
		return;
	}
	/* ir_emit's own checks would be a panic, and they come before the verifier's message. */
	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	i.gpc_off = (int32_t)(p->pc - u->gpc);
	i.to = IR_NOBLOCK;
	u->insn[u->insn_count] = i;
	if (!ir_verify_insn(u, blk, u->insn_count, why, sizeof why)) {
		fail(p, "%s: %s", ir_info(&i)->name, why);
		return;
	}
	if (named)
		define_value(p, name, u->insn_count);
	u->insn_count++;
	blk->count++;
}

/* ---- lines ------------------------------------------------------------------------------- */

static void set_at(struct parser *p, gaddr pc)
{
	int64_t off = (int64_t)(pc - p->u->gpc);

	if (!fits_i32(off))
		fail(p, "0x%" PRIx64 " is too far from the unit's start", pc);
	p->pc = pc;
	p->u->guest_insns++;
}

/* The registers behind word, when that comes next. */
static uint64_t parse_regs(struct parser *p, const char *word)
{
	uint64_t set = 0;

	if (!take_keyword(p, word))
		return 0;
	do
		set |= UINT64_C(1) << want_reg(p);
	while (take_char(p, ','));
	return set;
}

static void parse_block_head(struct parser *p)
{
	uint32_t runs = 0, owes = 0;
	uint64_t boxed, canon, sext;
	gaddr pc;

	if (!take_keyword(p, "block")) {
		fail(p, "expected 'block' at '%.*s'", rest_len(p), p->cur);
		return;
	}
	pc = (gaddr)want_num(p);
	if (take_keyword(p, "runs"))
		runs = (uint32_t)want_num(p);
	if (take_keyword(p, "owes"))
		owes = (uint32_t)want_num(p);
	boxed = parse_regs(p, "boxed");
	canon = parse_regs(p, "canon");
	sext = parse_regs(p, "sext");
	want_char(p, '{');
	if (p->failed)
		return;
	if (p->u->block_count == 0)
		p->u->gpc = pc;
	if (p->u->block_count == IR_NOBLOCK) {
		fail(p, "too many blocks");
		return;
	}
	ir_block_begin(p->u, pc);
	p->u->open->exec_count = runs;
	p->u->open->owes = owes;
	p->u->open->boxed = boxed;
	p->u->open->canon = canon;
	p->u->open->sext = sext;
	set_at(p, pc);
	p->in_block = true;
}

static void parse_block_end(struct parser *p)
{
	const struct ir_unit *u = p->u;
	const struct ir_block *blk = &u->block[u->block_count - 1];

	if (blk->count == 0 || !(ir_info(&u->insn[u->insn_count - 1])->flags & IR_Z))
		fail(p, "the block has no exit at its end");
	p->in_block = false;
}

static void parse_line(struct parser *p)
{
	const struct ir_unit *u = p->u;

	if (!p->in_block) {
		parse_block_head(p);
	} else if (take_char(p, '}')) {
		parse_block_end(p);
	} else if (u->block[u->block_count - 1].count
		   && ir_info(&u->insn[u->insn_count - 1])->flags & IR_Z) {
		fail(p, "the block went on behind its exit");
	} else if (take_keyword(p, "at")) {
		set_at(p, (gaddr)want_num(p));
	} else {
		parse_insn(p);
	}
	skip_space(p);
	if (!p->failed && p->cur < p->end)
		fail(p, "unexpected '%.*s'", rest_len(p), p->cur);
}

bool ir_parse(const char *text, struct ir_unit *u, struct diag *d)
{
	struct parser p = { .u = u, .d = d, .next = text };

	KIT_CHECK(u->block_count == 0, "%u blocks are there already", u->block_count);
	while (!p.failed && next_line(&p))
		parse_line(&p);
	if (p.in_block)
		fail(&p, "the last block is not closed by '}'");
	if (u->block_count == 0)
		fail(&p, "there is no block");
	if (p.failed)
		return false;
	return resolve(&p);
}

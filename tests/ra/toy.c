/* The made-up host: target, builder, parser. */
#include "tests/ra/toy.h"

#include "lib/ir/state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const greg_name[TOY_GREGS] = { "a", "b", "c", "d", "e", "f", "g", "h" };
static const char *const home_name[TOY_GREGS] = { "ra", "rb", "rc", "rd", "re", "xf", "xg", "xh" };
static const char *const scratch_name[2][8] = {
	{ "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7" },
	{ "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7" },
};

static void init_class(struct toy *t, unsigned cls, unsigned homes, unsigned scratch)
{
	unsigned r = cls == LIR_FP ? LIR_PHYS_FP : 0, first = cls == LIR_FP ? TOY_INT : 0;

	for (unsigned i = 0; i < scratch; i++, r++) {
		t->target.scratch[cls] |= UINT64_C(1) << r;
		t->phys_name[r] = scratch_name[cls][i];
	}
	t->target.alloc[cls] = t->target.scratch[cls];
	for (unsigned i = 0; i < homes; i++, r++) {
		t->target.alloc[cls] |= UINT64_C(1) << r;
		t->target.home[first + i] = (uint8_t)r;
		t->phys_name[r] = home_name[first + i];
	}
}

void toy_init(struct toy *t, struct toy_shape shape)
{
	memset(t, 0, sizeof(*t));
	for (unsigned g = 0; g < TOY_GREGS; g++)
		t->reg[g] = (struct ir_reg){ .name = greg_name[g],
					     .offset_bytes = (uint16_t)(8 * (g + 1)),
					     .type = g < TOY_INT ? IR_I64 : IR_F64 };
	t->regs = (struct ir_regfile){ TOY_GREGS, t->reg };
	memset(t->target.home, LIR_PHYS_NONE, sizeof(t->target.home));
	t->target.regs = &t->regs;
	t->target.phys_name = t->phys_name;
	init_class(t, LIR_INT, shape.int_homes, shape.int_scratch);
	init_class(t, LIR_FP, shape.fp_homes, shape.fp_scratch);
	ra_target_done(&t->target);
}

/* ---- building ----------------------------------------------------------------------------------- */

unsigned toy_vreg(struct lir_unit *u, enum lir_class cls)
{
	arena_grow(u->arena, u->vreg, u->vreg_count, u->vreg_cap);
	u->vreg[u->vreg_count] = (struct lir_vreg){ .cls = (uint8_t)cls };
	return u->vreg_count++;
}

unsigned toy_const(struct lir_unit *u, int64_t imm)
{
	unsigned v = toy_vreg(u, LIR_INT);

	u->vreg[v].is_const = true;
	u->vreg[v].imm = imm;
	return v;
}

unsigned toy_sum(struct lir_unit *u, unsigned base, unsigned index, unsigned shift, int64_t imm)
{
	unsigned v = toy_vreg(u, LIR_INT);

	u->vreg[v].is_sum = true;
	u->vreg[v].base = (lreg)base;
	u->vreg[v].index = (lreg)index;
	u->vreg[v].shift = (uint8_t)shift;
	u->vreg[v].imm = imm;
	return v;
}

struct lir_insn *toy_insn(struct lir_unit *u, unsigned op)
{
	struct lir_insn *in;

	if (op == LIR_BLOCK) {
		arena_grow(u->arena, u->block, u->block_count, u->block_cap);
		u->block[u->block_count++] = (struct lir_block){ .first = u->insn_count };
	}
	arena_grow(u->arena, u->insn, u->insn_count, u->insn_cap);
	in = &u->insn[u->insn_count];
	*in = (struct lir_insn){ .op = (uint8_t)op,
				 .exit = UINT16_MAX,
				 .gpc_off = (int32_t)(2 * u->insn_count) };
	u->insn_count++;
	return in;
}

unsigned toy_entry(struct lir_unit *u, unsigned g)
{
	u->block[u->block_count - 1].entries |= UINT64_C(1) << g;
	return LIR_ENTRY + g;
}

struct lir_insn *toy_put(struct lir_unit *u, unsigned g, unsigned v)
{
	struct lir_insn *in = toy_insn(u, LIR_PUT);

	u->block[u->block_count - 1].puts |= UINT64_C(1) << g;
	toy_opnd(in, LIR_USE, v);
	in->imm = g;
	return in;
}

enum lir_class toy_class(const struct lir_unit *u, const struct ra_target *t, unsigned v)
{
	if (v < LIR_ENTRY)
		return (enum lir_class)u->vreg[v].cls;
	return t->regs->reg[v - LIR_ENTRY].type == IR_F64 ? LIR_FP : LIR_INT;
}

struct lir_opnd *toy_opnd(struct lir_insn *in, enum lir_role role, unsigned v)
{
	struct lir_opnd *o = &in->opnd[in->nopnd++];

	*o = (struct lir_opnd){ .r = (lreg)v, .role = (uint8_t)role, .fixed = LIR_PHYS_NONE };
	return o;
}

unsigned toy_exit(struct lir_unit *u)
{
	arena_grow(u->arena, u->exit, u->exit_count, u->exit_cap);
	u->exit[u->exit_count] = (struct lir_exit){ .to = IR_NOBLOCK };
	return u->exit_count++;
}

struct lir_unit toy_copy(const struct lir_unit *u)
{
	struct lir_unit c = *u;

	c.insn = arena_new(u->arena, struct lir_insn, u->insn_count + 1);
	c.exit = arena_new(u->arena, struct lir_exit, u->exit_count + 1);
	if (u->insn_count)
		memcpy(c.insn, u->insn, sizeof(*u->insn) * u->insn_count);
	if (u->exit_count)
		memcpy(c.exit, u->exit, sizeof(*u->exit) * u->exit_count);
	return c;
}

/* ---- parsing -------------------------------------------------------------------------------------- */

static const char *const op_names[] = { "op",   "add", "sub", "mul",  "div", "shl",
					"ld",   "st",  "ldp", "br",   "jmp", "fadd",
					"fmul", "fld", "fst", "call", "amo" };

const char *toy_op_name(unsigned op)
{
	return op - LIR_HOST < ARRAY_LEN(op_names) ? op_names[op - LIR_HOST] : "?";
}

enum { MAX_NAMES = 64, MAX_WORDS = 16, WORD = 24 };

struct parser {
	const struct toy *t;
	struct lir_unit *u;
	char name[MAX_NAMES][WORD];
	unsigned vreg[MAX_NAMES], names;
	char word[MAX_WORDS][WORD];
	unsigned words, line;
	bool ok;
};

static unsigned bad(struct parser *p, const char *what)
{
	if (p->ok)
		printf("  list, line %u: %s\n", p->line, what);
	p->ok = false;
	return 0;
}

static unsigned name_value(struct parser *p, const char *name, unsigned v)
{
	if (p->names == MAX_NAMES)
		return bad(p, "too many values");
	memcpy(p->name[p->names], name, strlen(name) + 1);
	p->vreg[p->names++] = v;
	return v;
}

static unsigned value(struct parser *p, const char *name, bool define)
{
	for (unsigned i = 0; i < p->names; i++)
		if (strcmp(p->name[i], name) == 0)
			return p->vreg[i];
	if (!define || p->names == MAX_NAMES)
		return bad(p, "unknown value");
	return name_value(p, name, toy_vreg(p->u, name[0] == 'f' ? LIR_FP : LIR_INT));
}

static unsigned greg(struct parser *p, const char *name)
{
	for (unsigned g = 0; g < TOY_GREGS; g++)
		if (strcmp(greg_name[g], name) == 0)
			return g;
	return bad(p, "unknown guest register");
}

static unsigned phys(struct parser *p, const char *name)
{
	for (unsigned r = 0; r < LIR_PHYS_COUNT; r++)
		if (p->t->phys_name[r] && strcmp(p->t->phys_name[r], name) == 0)
			return r;
	return bad(p, "unknown register");
}

static void operand(struct parser *p, struct lir_insn *in, char *word, enum lir_role role)
{
	static const char marks[] = "!*^?~"; /* in the order of enum lir_opnd_flag */
	struct lir_opnd *o = &in->opnd[in->nopnd];
	char *fixed = strchr(word, ':');

	if (in->nopnd++ == LIR_MAX_OPNDS) {
		in->nopnd--;
		bad(p, "too many operands");
		return;
	}
	*o = (struct lir_opnd){ .role = (uint8_t)role, .fixed = LIR_PHYS_NONE, .r = LREG_NONE };
	for (;;) { /* marks stand at the very end */
		size_t n = strlen(word);
		const char *m = n ? strchr(marks, word[n - 1]) : NULL;

		if (!m)
			break;
		o->flags |= (uint8_t)(1u << (m - marks));
		word[n - 1] = '\0';
	}
	if (fixed) {
		*fixed = '\0';
		o->fixed = (uint8_t)phys(p, fixed + 1);
	}
	if (strcmp(word, "clobber") == 0)
		o->role = LIR_CLOBBER;
	else
		o->r = (lreg)value(p, word, role == LIR_DEF);
}

static void host_insn(struct parser *p, unsigned results)
{
	struct lir_insn *in = toy_insn(p->u, LIR_HOST);
	char *name = p->word[results ? results + 1 : 0], *dot = strchr(name, '.');
	unsigned op = 0;

	for (; dot; dot = strchr(dot + 1, '.')) {
		*dot = '\0';
		if (strncmp(dot + 1, "fault", 5) == 0)
			in->flags |= LF_FAULT;
		else if (strncmp(dot + 1, "exit", 4) == 0)
			in->flags |= LF_EXIT;
		else if (strncmp(dot + 1, "sync", 4) == 0)
			in->flags |= LF_SYNC;
		else
			bad(p, "unknown flag");
	}
	while (op < ARRAY_LEN(op_names) && strcmp(op_names[op], name) != 0)
		op++;
	if (op == ARRAY_LEN(op_names))
		op = bad(p, "unknown op");
	in->op = (uint8_t)(LIR_HOST + op);
	if (in->flags & (LF_EXIT | LF_SYNC))
		in->exit = (uint16_t)toy_exit(p->u);
	for (unsigned i = 0; i < results; i++)
		operand(p, in, p->word[i], LIR_DEF);
	for (unsigned i = results ? results + 2 : 1; i < p->words; i++)
		operand(p, in, p->word[i], LIR_USE);
}

static unsigned part(struct parser *p, const char *name)
{
	return strcmp(name, "0") == 0 ? LREG_NONE : value(p, name, false);
}

static void parse_line(struct parser *p)
{
	unsigned eq = 0;

	while (eq < p->words && strcmp(p->word[eq], "=") != 0)
		eq++;
	if (strcmp(p->word[0], "block") == 0) {
		toy_insn(p->u, LIR_BLOCK)->imm = p->words > 1 ? atoi(p->word[1]) : 0;
	} else if (strcmp(p->word[0], "put") == 0 && p->words >= 4) {
		toy_put(p->u, greg(p, p->word[1]), value(p, p->word[3], false))->fix =
		    (uint8_t)(p->words == 6 ? atoi(p->word[5]) : 0);
	} else if (p->words == 4 && strcmp(p->word[2], "get") == 0) {
		name_value(p, p->word[0], toy_entry(p->u, greg(p, p->word[3])));
	} else if (p->words == 4 && strcmp(p->word[2], "const") == 0) {
		unsigned v = value(p, p->word[0], true);

		p->u->vreg[v].is_const = true;
		p->u->vreg[v].imm = atoll(p->word[3]);
	} else if (p->words == 7 && strcmp(p->word[2], "sum") == 0) {
		name_value(p, p->word[0],
			   toy_sum(p->u, part(p, p->word[3]), part(p, p->word[4]),
				   (unsigned)atoi(p->word[5]), atoll(p->word[6])));
	} else {
		host_insn(p, eq < p->words ? eq : 0);
	}
}

bool toy_parse(const struct toy *t, const char *text, struct lir_unit *u)
{
	struct parser *p = calloc(1, sizeof(*p));
	bool ok;

	if (!p)
		abort();
	p->t = t;
	p->u = u;
	p->ok = true;
	while (*text) {
		p->line++;
		p->words = 0;
		while (*text && *text != '\n') {
			unsigned n = 0;

			while (*text == ' ' || *text == '\t')
				text++;
			while (*text && !isspace((unsigned char)*text) && n < WORD - 1
			       && p->words < MAX_WORDS)
				p->word[p->words][n++] = *text++;
			if (n)
				p->word[p->words++][n] = '\0';
		}
		if (*text)
			text++;
		if (p->words)
			parse_line(p);
	}
	ok = p->ok;
	free(p);
	return ok;
}

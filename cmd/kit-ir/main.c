/*
 * kit-ir: the stages of a translation, one at a time, for people and golden tests.
 *
 * A command line is a chain of commands on one unit: it comes from lift or from IR text on standard input, each
 * command works on what the one before left, and the last one's result is printed. kit-ir.1 is the manual.
 * One process, one thread, no guest is run on the host's processor.
 */
#include "cmd/kit-ir/kit_ir.h"

#include "arch/guest.h"
#include "arch/host.h"
#include "lib/opt/pass.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATUS_FAULT = 1, STATUS_USAGE = 2 };

static const char usage[] =
    "usage: kit-ir [OPTION...] COMMAND...\n"
    "\n"
    "Commands form a chain. Unless the first is lift or routine, IR text is read from standard "
    "input.\n"
    "  lift [WORD...]     translate riscv64 instructions, hexadecimal, with @ADDRESS before those "
    "that "
    "lie\n"
    "                     elsewhere, =ADDRESS before data; without words from standard input\n"
    "  opt [PASS,...]     run passes, without a list all of level 1\n"
    "  print              nothing: shows the IR as it stands\n"
    "  interp [X=VALUE...]  run it in the interpreter: a register, fflags, frm, stop or an "
    "address\n"
    "  isel               select host instructions\n"
    "  ra                 select, and allocate registers\n"
    "  emit               compile to host code, as it stands, with its exits and fault records\n"
    "  routine SIZE [WORD...]  the row of arch/rv64/libc.def that tells this function, given as to "
    "lift\n"
    "Options: --pc=ADDRESS --max-insns=N --max-branches=N --host=NAME --host-features=LIST\n"
    "  --count --count-blocks --routines --bytes --passes --help\n";

bool kit_ir_number(const char *text, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = text[0] == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	return *text && !*end && !errno;
}

/* ---- input ------------------------------------------------------------------------------------ */

static void read_stdin(struct strbuf *text)
{
	char buf[4096];
	size_t n;

	while ((n = fread(buf, 1, sizeof buf, stdin)) > 0)
		strbuf_add(text, buf, n);
}

static bool read_unit(struct kit_ir *k, struct diag *d)
{
	struct strbuf text = STRBUF_INIT;
	bool ok;

	if (k->have_unit)
		return true;
	read_stdin(&text);
	ir_unit_init(&k->unit, &k->arena, rv64_guest.regs, 0);
	ok = ir_parse(strbuf_str(&text), &k->unit, d);
	strbuf_fini(&text);
	k->have_unit = ok;
	return ok;
}

enum { PLACES_MAX = 64 };

/* Guest code given as words: little-endian, 2 or 4 bytes by the number of digits; and where they lie. */
struct guest_code {
	struct strbuf bytes;
	struct place {
		gaddr start;
		size_t offset; /* in bytes; it ends where the next place starts */
		bool data;     /* no code: it cannot be fetched */
	} place[PLACES_MAX];
	unsigned place_count;
};

static unsigned read_place(const struct guest_code *c, bool data, gaddr pc, void *buf,
			   unsigned want_bytes)
{
	for (unsigned i = 0; i < c->place_count; i++) {
		const struct place *p = &c->place[i];
		size_t end = i + 1 < c->place_count ? p[1].offset : c->bytes.len;
		gaddr off = pc - p->start, size = end - p->offset;

		if (p->data == data && off < size) {
			unsigned n = size - off < want_bytes ? (unsigned)(size - off) : want_bytes;

			memcpy(buf, c->bytes.s + p->offset + off, n);
			return n;
		}
	}
	return 0;
}

static unsigned read_code(void *ctx, gaddr pc, void *buf, unsigned want_bytes)
{
	return read_place(ctx, false, pc, buf, want_bytes);
}

static bool peek(void *ctx, gaddr at, void *buf, unsigned bytes)
{
	return read_place(ctx, true, at, buf, bytes) == bytes
	       || read_place(ctx, false, at, buf, bytes) == bytes;
}

static bool add_place(struct guest_code *c, const char *address, bool data, struct diag *d)
{
	uint64_t start;

	if (!kit_ir_number(address, &start))
		return diag_fail(d, STATUS_FAULT, "'%s' is no address", address);
	if (c->place_count == PLACES_MAX)
		return diag_fail(d, STATUS_FAULT, "more than %d places", PLACES_MAX);
	c->place[c->place_count++] = (struct place){ start, c->bytes.len, data };
	return true;
}

static bool add_word(struct guest_code *c, const char *word, struct diag *d)
{
	size_t digits;
	uint64_t v;
	char *end;

	if (*word == '@' || *word == '=')
		return add_place(c, word + 1, *word == '=', d);
	if (strncmp(word, "0x", 2) == 0)
		word += 2;
	digits = strlen(word);
	v = strtoull(word, &end, 16);
	if (*end || (digits != 4 && digits != 8))
		return diag_fail(d, STATUS_FAULT, "'%s' is not 4 or 8 hexadecimal digits", word);
	strbuf_add(&c->bytes, (const char *)&v, digits / 2);
	return true;
}

/* ---- commands ----------------------------------------------------------------------------------- */

static bool add_words_of_text(struct guest_code *c, char *text, struct diag *d)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *rest;

		line[strcspn(line, ";#")] = '\0';
		for (char *w = strtok_r(line, " \t\r", &rest); w;
		     w = strtok_r(NULL, " \t\r", &rest))
			if (!add_word(c, w, d))
				return false;
	}
	return true;
}

/* Guest code from words, or without any from standard input, and a decoder for it. */
static struct guest_decoder *read_guest_code(struct guest_code *code, char **args, int count,
					     struct diag *d)
{
	struct guest_decoder *dec = NULL;
	struct strbuf text = STRBUF_INIT;
	bool ok = true;

	for (int i = 0; i < count && ok; i++)
		ok = add_word(code, args[i], d);
	if (count == 0) {
		read_stdin(&text);
		strbuf_putc(&text, '\n');
		ok = add_words_of_text(code, text.s, d);
	}
	if (ok)
		dec = rv64_guest.decoder_new(rv64_guest.default_features);
	if (ok && !dec)
		diag_fail(d, STATUS_FAULT, "Capstone cannot be used");
	strbuf_fini(&text);
	return dec;
}

static bool do_lift(struct kit_ir *k, char **args, int count, struct diag *d)
{
	struct guest_code code = { .place = { { .start = k->pc } }, .place_count = 1 };
	struct guest_fetch fetch = { .read = read_code, .ctx = &code, .peek = peek };
	const struct jit_host *host = host_find(k->host);
	struct guest_limits limits = {
		.max_insns = k->max_insns,
		.max_branches = k->max_branches,
		.routines = k->routines,
		.bit_routines = k->routines,
		.count = k->count,
		.keep_branches = host && host->keep_deps,
	};
	struct guest_decoder *dec = read_guest_code(&code, args, count, d);
	bool ok = dec;

	if (ok) {
		ir_unit_init(&k->unit, &k->arena, rv64_guest.regs, k->pc);
		rv64_guest.translate(dec, &fetch, k->pc, &limits, &k->unit);
		rv64_guest.decoder_free(dec);
		ok = ir_verify(&k->unit, d);
		k->have_unit = true;
	}
	strbuf_fini(&code.bytes);
	return ok;
}

/* Shows the columns of a routine's row; SIZE is the first word. */
static bool do_routine(struct kit_ir *k, char **args, int count, struct diag *d)
{
	struct guest_code code = { .place = { { .start = k->pc } }, .place_count = 1 };
	struct guest_fetch fetch = { read_code, &code };
	struct strbuf row = STRBUF_INIT;
	struct guest_decoder *dec;
	uint64_t size;
	bool ok;

	if (!count || !kit_ir_number(args[0], &size) || size > UINT32_MAX)
		return diag_fail(d, STATUS_USAGE, "routine takes its size in bytes first");
	dec = read_guest_code(&code, args + 1, count - 1, d);
	ok = dec;
	if (ok) {
		ok =
		    rv64_guest.routine_row(&k->arena, dec, &fetch, k->pc, (unsigned)size, &row)
		    || diag_fail(d, STATUS_FAULT, "no routine at %#llx", (unsigned long long)k->pc);
		rv64_guest.decoder_free(dec);
	}
	if (ok)
		puts(strbuf_str(&row));
	strbuf_fini(&row);
	strbuf_fini(&code.bytes);
	return ok;
}

static bool do_opt(struct kit_ir *k, char **args, int count, struct diag *d)
{
	const struct jit_host *host = host_find(k->host);

	if (count > 1)
		return diag_fail(d, STATUS_USAGE, "opt takes one list of passes");
	if (!host)
		return diag_fail(d, STATUS_FAULT, "there is no host '%s'", k->host);
	k->unit.keep_deps = host->keep_deps;
	return opt_run(&k->unit, count ? args[0] : "level1", d) && ir_verify(&k->unit, d);
}

static bool no_args(const char *name, int count, struct diag *d)
{
	return count == 0 || diag_fail(d, STATUS_USAGE, "%s takes no words", name);
}

/* What was read or made, as it stands: the printing at the end does it. */
static bool do_print(struct kit_ir *k, char **args, int count, struct diag *d)
{
	(void)k;
	(void)args;
	return no_args("print", count, d);
}

static bool do_isel(struct kit_ir *k, char **args, int count, struct diag *d)
{
	(void)args;
	return no_args("isel", count, d) && kit_ir_isel(k, d);
}

static bool do_ra(struct kit_ir *k, char **args, int count, struct diag *d)
{
	(void)args;
	return no_args("ra", count, d) && kit_ir_ra(k, d);
}

static bool do_emit(struct kit_ir *k, char **args, int count, struct diag *d)
{
	(void)args;
	return no_args("emit", count, d) && kit_ir_emit(k, d);
}

static const struct command {
	const char *name;
	bool (*run)(struct kit_ir *k, char **args, int count, struct diag *d);
	bool shows; /* prints its result itself */
} commands[] = {
	{ "lift", do_lift, false },   { "opt", do_opt, false },
	{ "print", do_print, false }, { "interp", kit_ir_interp, true },
	{ "isel", do_isel, true },    { "ra", do_ra, true },
	{ "emit", do_emit, true },    { "routine", do_routine, true },
};

static const struct command *command_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, word) == 0)
			return &commands[i];
	return NULL;
}

/* Each command with the words up to the next one. */
static bool run_chain(struct kit_ir *k, char **words, int count, struct diag *d)
{
	for (int i = 0, end; i < count; i = end) {
		const struct command *c = command_find(words[i]);

		if (!c)
			return diag_fail(d, STATUS_USAGE, "'%s' is no command", words[i]);
		for (end = i + 1; end < count && !command_find(words[end]);)
			end++;
		if (c->run != do_lift && c->run != do_routine && !read_unit(k, d))
			return false;
		if (!c->run(k, words + i + 1, end - i - 1, d))
			return false;
		k->shown = c->shows;
	}
	return true;
}

/* ---- options ---------------------------------------------------------------------------------- */

static bool take_number(const char *text, uint64_t max, uint64_t *v, struct diag *d)
{
	return (kit_ir_number(text, v) && *v <= max)
	       || diag_fail(d, STATUS_USAGE, "'%s' is no number that fits here", text);
}

/* The value of option NAME=VALUE when arg is that, else NULL. */
static const char *value_of(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(arg, name, len) == 0 && arg[len] == '=' ? arg + len + 1 : NULL;
}

static bool take_option(struct kit_ir *k, const char *arg, struct diag *d)
{
	const char *value;
	uint64_t v = 0;
	bool ok = true;

	if (strcmp(arg, "--bytes") == 0) {
		k->with_bytes = true;
	} else if ((value = value_of(arg, "--pc"))) {
		ok = take_number(value, UINT64_MAX, &v, d);
		k->pc = v;
	} else if ((value = value_of(arg, "--max-insns"))) {
		ok = take_number(value, UINT32_MAX, &v, d);
		k->max_insns = v ? (unsigned)v : 1;
	} else if ((value = value_of(arg, "--max-branches"))) {
		ok = take_number(value, UINT32_MAX, &v, d);
		k->max_branches = (unsigned)v;
	} else if ((value = value_of(arg, "--host"))) {
		k->host = value;
	} else if ((value = value_of(arg, "--host-features"))) {
		k->host_features = value;
	} else if (strcmp(arg, "--count-blocks") == 0) {
		k->count_blocks = true;
	} else if (strcmp(arg, "--routines") == 0) {
		k->routines = true;
	} else if (strcmp(arg, "--count") == 0) {
		k->count = true;
	} else {
		ok = diag_fail(d, STATUS_USAGE, "unknown option %s", arg);
	}
	return ok;
}

static void print_passes(void)
{
	for (unsigned i = 0; i < OPT_PASS_COUNT; i++)
		printf("%-8s %c  %s\n", opt_passes[i].name, opt_passes[i].letter,
		       opt_passes[i].what);
}

static void print_unit(const struct kit_ir *k)
{
	struct strbuf text = STRBUF_INIT;

	ir_print(&k->unit, &text);
	(void)fputs(strbuf_str(&text), stdout);
	strbuf_fini(&text);
}

int main(int argc, char **argv)
{
	struct kit_ir k = {
		.pc = 0x10000,
		.max_insns = 64,
		.max_branches = 64,
		.host = "x86_64",
		.host_features = "baseline",
	};
	struct diag d = DIAG_INIT;
	int words = 0;
	bool ok = true;

	arena_init(&k.arena);
	for (int i = 1; i < argc && ok; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			(void)fputs(usage, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--passes") == 0) {
			print_passes();
			return 0;
		}
		if (strncmp(argv[i], "--", 2) == 0)
			ok = take_option(&k, argv[i], &d);
		else
			argv[words++] = argv[i];
	}
	if (ok && words == 0) {
		(void)fputs(usage, stderr);
		return STATUS_USAGE;
	}
	ok = ok && run_chain(&k, argv, words, &d);
	if (ok && !k.shown)
		print_unit(&k);
	arena_fini(&k.arena);
	if (!ok)
		(void)fprintf(stderr, "kit-ir: %s\n", d.text);
	return ok ? 0 : d.exit_status == STATUS_USAGE ? STATUS_USAGE : STATUS_FAULT;
}

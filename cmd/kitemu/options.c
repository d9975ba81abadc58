/* Reading options; see options.h. */
#include "cmd/kitemu/options.h"

#include "arch/guest.h"
#include "lib/base/log.h"
#include "lib/base/strbuf.h"
#include "runtime/kit.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>

enum { EXIT_USAGE = KIT_EXIT_INTERNAL };

static const uint64_t default_cache_bytes = UINT64_C(64) << 20;
/* Of the addresses that a process may have: it is mapped twice, after a fork once more, and the guest is to have most. */
enum { CACHE_PART = 16 };

#define GROUP(title)
#define ALSO(...)
#define ABSENT(...)
const struct opt_row opt_rows[OPT_COUNT] = {
#define OPT(id, letter, name, argument, env, help) { letter, name, argument, env, help },
#include "cmd/kitemu/options.def"
#undef OPT
};
#undef ALSO
#undef ABSENT

#define OPT(...)
#define ABSENT(...)
const struct opt_also opt_also[] = {
#define ALSO(id, name, env) { OPT_##id, name, env },
#include "cmd/kitemu/options.def"
#undef ALSO
	{ OPT_COUNT, NULL, "" },
};
#undef ABSENT

#define ALSO(...)
const struct opt_absent opt_absent[] = {
#define ABSENT(name, instead) { name, instead },
#include "cmd/kitemu/options.def"
#undef ABSENT
	{ NULL, NULL },
};
#undef ALSO
#undef OPT
#undef GROUP

/* An option as it was given. */
struct given {
	enum opt_id id;
	const char *shown; /* what the user wrote: an option's spelling, or a variable */
	char *value;       /* NULL: none */
};

bool options_is_optional(const struct opt_row *r)
{
	return r->argument && *r->argument == '[' && r->argument[strlen(r->argument) - 1] == ']';
}

/* ---- values -------------------------------------------------------------------------------- */

static bool parse_number(const char *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 0);
	return end != s && !*end && !errno && !strchr(s, '-');
}

/* A size with an optional suffix K, M or G. */
static bool parse_size(const char *s, uint64_t *out)
{
	static const char suffixes[] = "KMG";
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(s, &end, 0);
	if (end == s || errno || *s == '-' || !v)
		return false;
	if (*end) {
		const char *p = strchr(suffixes, *end & ~0x20);
		unsigned shift = p ? 10 * (unsigned)(p - suffixes + 1) : 0;

		if (!p || end[1] || v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
	}
	*out = v;
	return true;
}

static void add_string(char ***list, char *s)
{
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	*list = realloc(*list, (n + 2) * sizeof **list);
	KIT_CHECK(*list, "out of memory");
	(*list)[n] = s;
	(*list)[n + 1] = NULL;
}

/* Does a variable's NAME= start here? */
static bool starts_variable(const char *s)
{
	if (!isalpha((unsigned char)*s) && *s != '_')
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return *s == '=';
}

/* NAME=VALUE,NAME=VALUE... The list keeps pieces of s, which is cut. */
static bool add_variables(char ***list, char *s)
{
	if (!starts_variable(s))
		return false;
	add_string(list, s);
	for (; *s; s++) {
		if (*s == ',' && starts_variable(s + 1)) {
			*s = 0;
			add_string(list, s + 1);
		}
	}
	return true;
}

/* True when the variable "NAME=..." has the name of entry, "NAME" or "NAME=...". */
static bool same_name(const char *variable, const char *entry)
{
	size_t n = strcspn(entry, "=");

	return !strncmp(variable, entry, n) && variable[n] == '=';
}

static bool is_listed(const char *variable, char **list)
{
	for (; list && *list; list++)
		if (same_name(variable, *list))
			return true;
	return false;
}

/* NAME,NAME... are removed, also those that were added before. */
static bool remove_variables(struct kit_options *o, char *s)
{
	char *name;

	while ((name = strsep(&s, ","))) {
		char **to = o->set_env;

		if (!*name || strchr(name, '='))
			return false;
		add_string(&o->unset_env, name);
		for (char **v = o->set_env; v && *v; v++)
			if (!same_name(*v, name))
				*to++ = *v;
		if (to)
			*to = NULL;
	}
	return true;
}

/* One of the words of "a|b|c": its number, or -1. */
static int choice(const char *words, const char *value)
{
	size_t n = strlen(value);

	for (int i = 0; *words; i++) {
		size_t len = strcspn(words, "|");

		if (len == n && !memcmp(words, value, n))
			return i;
		words += len;
		words += *words == '|';
	}
	return -1;
}

/* ---- what each option does ----------------------------------------------------------------- */

/* Options that need no more than a place to be kept. */
static bool *switch_of(struct cmd_line *c, enum opt_id id)
{
	switch (id) {
	case OPT_selfcheck:
		return &c->opt.selfcheck;
	case OPT_idioms:
		return &c->opt.no_idioms;
	case OPT_stress:
		return &c->opt.stress;
	case OPT_one_insn:
		return &c->opt.one_insn;
	case OPT_perfmap:
		return &c->opt.perfmap;
	case OPT_jitdump:
		return &c->opt.jitdump;
	case OPT_version:
		return &c->version;
	case OPT_help:
		return &c->help;
	case OPT_credentials:
		return &c->credentials;
	default:
		return NULL;
	}
}

static uint64_t *size_of(struct cmd_line *c, enum opt_id id)
{
	switch (id) {
	case OPT_cache:
		return &c->opt.cache_bytes;
	case OPT_stack:
		return &c->opt.stack_bytes;
	case OPT_insns:
		return &c->opt.max_insns;
	default:
		return NULL;
	}
}

static const char **text_of(struct cmd_line *c, enum opt_id id)
{
	switch (id) {
	case OPT_argv0:
		return &c->opt.argv0;
	case OPT_uname:
		return &c->opt.release;
	case OPT_sysroot:
		return &c->opt.sysroot;
	case OPT_gdb:
		return &c->opt.gdb;
	case OPT_binfmt_name:
		return &c->binfmt_name;
	case OPT_log_file:
		return &c->opt.log_file;
	case OPT_dfilter:
		return &c->opt.log_ranges;
	case OPT_persist:
		return &c->opt.persist;
	case OPT_coverage:
		return &c->opt.coverage;
	case OPT_profile:
		return &c->opt.profile;
	default:
		return NULL;
	}
}

static bool bad_value(const struct given *g, struct diag *d)
{
	return diag_fail(d, EXIT_USAGE, "%s: '%s' is not %s", g->shown, g->value,
			 opt_rows[g->id].argument);
}

static bool apply_cpu(struct cmd_line *c, const struct given *g, struct diag *d)
{
	struct diag why = DIAG_INIT;

	if (!strcmp(g->value, "help")) {
		c->list = rv64_guest.cpu_help;
		return true;
	}
	return rv64_guest.cpu_features(g->value, &c->opt.features, &why)
	       || diag_fail(d, EXIT_USAGE, "%s: %s", g->shown, why.text);
}

/* Takes a word out of a list, and says so. */
static void take_word(char *list, const char *word, bool *taken)
{
	const size_t n = strlen(word);
	char *to = list, *s = list;

	while (*s) {
		size_t len = strcspn(s, ","), whole = len + (s[len] == ',');

		if (len == n && !memcmp(s, word, n)) {
			*taken = true;
		} else {
			memmove(to, s, whole);
			to += whole;
		}
		s += whole;
	}
	*to = 0;
}

static bool apply_log(struct cmd_line *c, const struct given *g, struct diag *d)
{
	bool strace = false; /* qemu-user's -d strace */

	if (!strcmp(g->value, "help")) {
		c->list = kit_log_help;
		return true;
	}
	take_word(g->value, "strace", &strace);
	if (strace && !c->opt.strace) {
		c->opt.strace = "";
		kit_strace_options("", d);
	}
	return kit_log_enable(g->value)
	       || diag_fail(d, EXIT_USAGE, "%s: '%s' has an item that there is not; see --log=help",
			    g->shown, g->value);
}

static bool apply_strace(struct cmd_line *c, const struct given *g, struct diag *d)
{
	struct diag why = DIAG_INIT;

	c->opt.strace = g->value ? g->value : "";
	if (!strcmp(c->opt.strace, "help")) {
		c->list = kit_strace_help;
		return true;
	}
	return kit_strace_options(c->opt.strace, &why)
	       || diag_fail(d, EXIT_USAGE, "%s: %s", g->shown, why.text);
}

static bool apply_base(struct kit_options *o, const struct given *g)
{
	o->force_base = true;
	return !g->value || (parse_number(g->value, &o->base) && o->base % 4096 == 0);
}

static bool apply_choice(struct kit_options *o, const struct given *g)
{
	int n = choice(opt_rows[g->id].argument, g->value);

	if (g->id == OPT_engine)
		o->engine = n == 0 ? KIT_ENGINE_JIT : KIT_ENGINE_INTERP;
	else if (g->id == OPT_level)
		o->max_level = n == 0 ? 1 : 2;
	else if (g->id == OPT_backtrace)
		o->backtrace = n == 0 ? KIT_BACKTRACE_NEVER : KIT_BACKTRACE_CRASH;
	else
		o->host_isa_baseline = n == 1;
	return n >= 0;
}

static bool apply(struct cmd_line *c, const struct given *g, struct diag *d)
{
	struct kit_options *o = &c->opt;
	bool *on = switch_of(c, g->id), ok = true;
	uint64_t *size = size_of(c, g->id), mib, number;
	const char **text = text_of(c, g->id);

	if (on) {
		*on = true;
		return true;
	}
	if (text) {
		*text = g->value;
		return true;
	}
	if (size)
		return parse_size(g->value, size) || bad_value(g, d);
	switch (g->id) {
	case OPT_engine:
	case OPT_level:
	case OPT_backtrace:
	case OPT_isa:
		ok = apply_choice(o, g);
		break;
	case OPT_cpu:
		return apply_cpu(c, g, d);
	case OPT_log:
		return apply_log(c, g, d);
	case OPT_strace:
		return apply_strace(c, g, d);
	case OPT_stats:
		o->stats = true;
		o->stats_to = g->value;
		break;
	case OPT_tb_size:
		ok = parse_number(g->value, &mib) && mib && mib < UINT64_C(1) << 24;
		o->cache_bytes = ok ? mib << 20 : o->cache_bytes;
		break;
	case OPT_binfmt:
		c->binfmt = (enum binfmt)(choice(opt_rows[g->id].argument, g->value) + 1);
		ok = c->binfmt != BINFMT_NONE;
		break;
	case OPT_completion:
		ok = choice(opt_rows[g->id].argument, g->value) >= 0;
		c->completion = g->value;
		break;
	case OPT_reserved:
		ok = parse_size(g->value, &o->limit) && o->limit >= 1 << 20;
		o->limit &= ~UINT64_C(4095);
		break;
	case OPT_base:
		ok = apply_base(o, g);
		break;
	case OPT_attach:
		ok = parse_number(g->value, &number) && number && number <= INT_MAX;
		o->gdb_attach = (int)number;
		break;
	case OPT_seed:
		ok = parse_number(g->value, &o->seed);
		o->seeded = true;
		break;
	case OPT_setenv:
		ok = strchr(g->value, '=') && g->value[0] != '=';
		add_string(&o->set_env, g->value);
		break;
	case OPT_setenvs:
		ok = add_variables(&o->set_env, g->value);
		break;
	case OPT_unsetenv:
		ok = remove_variables(o, g->value);
		break;
	default:
		KIT_PANIC("option %d", (int)g->id);
	}
	return ok || bad_value(g, d);
}

/* ---- programs that the guest executes ------------------------------------------------------ */

/* What concerns the first program alone does not go on to those that it executes. */
static bool is_inherited(enum opt_id id)
{
	switch (id) {
	case OPT_argv0:
	case OPT_setenv:
	case OPT_setenvs:
	case OPT_unsetenv:
	case OPT_gdb: /* the server of the program before goes on with the next one */
	case OPT_attach:
	case OPT_version:
	case OPT_binfmt:
	case OPT_binfmt_name:
	case OPT_credentials:
	case OPT_completion:
	case OPT_help:
		return false;
	default:
		return true;
	}
}

/* Appends "LENGTH:NAME" or "LENGTH:NAME=VALUE" to what is inherited. */
static void pass_on(struct kit_options *o, const struct given *g)
{
	const char *name = opt_rows[g->id].name;
	struct strbuf b = STRBUF_INIT;
	size_t len = strlen(name) + (g->value ? 1 + strlen(g->value) : 0);

	strbuf_printf(&b, "%s%zx:%s%s%s", o->inherited ? o->inherited : "", len, name,
		      g->value ? "=" : "", g->value ? g->value : "");
	o->inherited =
	    b.s; /* the one before stays: it is short, and lives as long as the process */
}

/* Where translations are kept when nobody says where (XDG Base Directory Specification); NULL: there is no such place. */
static char *default_store(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct strbuf b = STRBUF_INIT;

	if (cache && *cache == '/')
		strbuf_printf(&b, "%s/kitemu", cache);
	else if (home && *home == '/')
		strbuf_printf(&b, "%s/.cache/kitemu", home);
	return b.s;
}

/* The value is a file that is written at the end of each process, when the guest may have changed its directory. */
static bool is_output(const struct given *g)
{
	if (g->id == OPT_stats)
		return g->value && strcmp(g->value, "json") != 0;
	return g->id == OPT_coverage || g->id == OPT_profile;
}

static bool take(struct cmd_line *c, struct given *g, struct diag *d)
{
	if (is_output(g) && !*g->value)
		return bad_value(g, d);
	if (g->id == OPT_persist && !g->value && !(g->value = default_store()))
		return diag_fail(d, EXIT_USAGE, "%s: neither XDG_CACHE_HOME nor HOME says where",
				 g->shown);
	if (g->id == OPT_persist && !*g->value)
		return bad_value(g, d);
	if (is_output(g) || g->id == OPT_sysroot || g->id == OPT_persist)
		g->value = (char *)(uintptr_t)kit_absolute_path(g->value);
	if (is_inherited(g->id))
		pass_on(&c->opt, g);
	return apply(c, g, d);
}

static void set_defaults(struct kit_options *o)
{
	struct rlimit lim;

	o->cache_bytes = default_cache_bytes;
	if (getrlimit(RLIMIT_AS, &lim) == 0 && lim.rlim_cur / CACHE_PART < o->cache_bytes)
		o->cache_bytes = lim.rlim_cur / CACHE_PART >> 20 << 20;
	o->max_level = 2;
}

static bool damaged(struct diag *d)
{
	return diag_fail(d, EXIT_USAGE,
			 "the options of the program that executed this one were damaged");
}

bool options_inherit(struct kit_options *o, struct diag *d)
{
	struct cmd_line c = { .opt = *o };
	const char *s = o->inherited;

	set_defaults(&c.opt);
	c.opt.backtrace = KIT_BACKTRACE_NEVER; /* by itself of the first program alone */
	while (*s) {
		char *text, *one, *value;
		size_t len = strtoull(s, &text, 16);
		struct given g = { 0 };

		if (*text != ':' || len > strlen(text + 1))
			return damaged(d);
		one = strndup(text + 1, len);
		KIT_CHECK(one, "out of memory");
		g.shown = one;
		value = strchr(one, '=');
		if (value) {
			*value = 0;
			g.value = value + 1;
		}
		while (g.id < OPT_COUNT && strcmp(opt_rows[g.id].name, one) != 0)
			g.id++;
		if (g.id == OPT_COUNT
		    || (!g.value && opt_rows[g.id].argument
			&& !options_is_optional(&opt_rows[g.id])))
			return damaged(d);
		if (!apply(&c, &g, d))
			return false;
		s = text + 1 + len;
	}
	*o = c.opt;
	return true;
}

/* ---- the environment ----------------------------------------------------------------------- */

/* The variable before the "=" of entry is this one. */
static bool is_variable(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return n && !strncmp(entry, name, n) && entry[n] == '=';
}

/* The value of a variable; true when it says anything. */
static bool from_variable(struct given *g, const char *shown, const char *value)
{
	const struct opt_row *r = &opt_rows[g->id];
	bool plain = !r->argument || (options_is_optional(r) && !strcmp(value, "1"));

	if (!*value || ((!r->argument || options_is_optional(r)) && !strcmp(value, "0")))
		return false;
	g->shown = shown;
	g->value = plain ? NULL : strdup(value); /* the guest gets its own as it was */
	return true;
}

/*
 * What another program's variable says is followed where it can be: it may be meant for a guest of another kind (QEMU_CPU=max
 * names no profile of ours).
 */
static void read_qemu(struct cmd_line *c, const char *entry)
{
	for (const struct opt_also *a = opt_also; a->name; a++) {
		struct given g = { .id = a->id };
		struct cmd_line before = *c;
		struct diag ignored = DIAG_INIT;

		if (!is_variable(entry, a->env) || getenv(opt_rows[a->id].env))
			continue;
		if (from_variable(&g, a->env, strchr(entry, '=') + 1) && !take(c, &g, &ignored))
			*c = before;
	}
}

/* One that is not kitemu's may be anybody's; one that is nearly so was meant to be. Programs that the guest executes are not told again. */
static void unknown_variable(const char *entry)
{
	const char *near = options_nearest_variable(entry);

	if (near)
		kit_log_write("kitemu: %.*s is none of kitemu's variables: did you mean %s?",
			      (int)strcspn(entry, "="), entry, near);
}

static bool read_own(struct cmd_line *c, const char *entry, struct diag *d)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		struct given g = { .id = (enum opt_id)i };

		if (is_variable(entry, opt_rows[i].env))
			return !from_variable(&g, opt_rows[i].env, strchr(entry, '=') + 1)
			       || take(c, &g, d);
	}
	unknown_variable(entry);
	return true;
}

static bool read_environment(struct cmd_line *c, char **envp, struct diag *d)
{
	set_defaults(&c->opt);
	for (; *envp && !getauxval(AT_SECURE); envp++) {
		if (!strncmp(*envp, "QEMU_", 5))
			read_qemu(c, *envp);
		else if (!strncmp(*envp, "KITEMU_", 7) && !read_own(c, *envp, d))
			return false;
	}
	return true;
}

bool options_from_environment(struct cmd_line *c, char **envp, struct diag *d)
{
	*c = (struct cmd_line){ 0 };
	return read_environment(c, envp, d);
}

/* ---- the command line ---------------------------------------------------------------------- */

/* The spelling name, without dashes and of len bytes. */
static enum opt_id find_name(const char *name, size_t len)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if ((strlen(opt_rows[i].name) == len && !memcmp(opt_rows[i].name, name, len))
		    || (len == 1 && opt_rows[i].letter == *name))
			return (enum opt_id)i;
	for (const struct opt_also *a = opt_also; a->name; a++)
		if (strlen(a->name) == len && !memcmp(a->name, name, len))
			return a->id;
	return OPT_COUNT;
}

static bool unknown(const char *arg, struct diag *d)
{
	const char *name = arg + strspn(arg, "-"), *near;

	for (const struct opt_absent *a = opt_absent; a->name; a++)
		if (!strcmp(a->name, name))
			return diag_fail(d, EXIT_USAGE,
					 "%s is an option of qemu-user's that kitemu "
					 "has not: %s",
					 arg, a->instead);
	near = options_nearest(name);
	return diag_fail(d, EXIT_USAGE, "unknown option '%s'%s%s%s kitemu --help lists all", arg,
			 near ? ": did you mean --" : "", near ? near : "", near ? "?" : ";");
}

/* The option at argv[*i], which goes on to its last word. */
static bool parse_one(struct cmd_line *c, int argc, char **argv, int *i, struct diag *d)
{
	char *arg = argv[*i], *name = arg + (arg[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	struct given g = { .id = find_name(name, len), .shown = arg };
	const struct opt_row *r;
	bool next;

	if (g.id == OPT_COUNT)
		return unknown(arg, d);
	r = &opt_rows[g.id];
	if (name[len]) {
		g.value = name + len + 1;
		g.shown = strndup(arg, (size_t)(name - arg) + len);
	}
	next = r->argument && (!options_is_optional(r) || len == 1);
	if (next && !g.value) {
		if (*i + 1 == argc)
			return diag_fail(d, EXIT_USAGE, "%s needs a value: %s", arg, r->argument);
		g.value = argv[++*i];
	} else if (!r->argument && g.value) {
		return diag_fail(d, EXIT_USAGE, "%s takes no value", g.shown);
	}
	return take(c, &g, d);
}

bool options_parse(struct cmd_line *c, int argc, char **argv, char **envp, struct diag *d)
{
	int i;

	*c = (struct cmd_line){ 0 };
	if (!read_environment(c, envp, d))
		return false;
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (!parse_one(c, argc, argv, &i, d))
			return false;
	}
	c->program = i;
	if (c->opt.gdb_attach && (!c->opt.gdb || i < argc))
		return diag_fail(d, EXIT_USAGE,
				 "--gdb-attach needs --gdb, which says where, and no program");
	if (i >= argc && !c->help && !c->version && !c->list && !c->completion && !c->opt.gdb
	    && !c->binfmt)
		return diag_fail(d, EXIT_USAGE,
				 "no program given: kitemu [OPTION]... PROGRAM [ARGUMENT]...; "
				 "kitemu --help lists the options");
	return true;
}

/* ---- the guest's environment ---------------------------------------------------------------- */

char **options_environment(const struct kit_options *o, char **envp)
{
	char **out = NULL;

	if (!o->set_env && !o->unset_env)
		return envp;
	for (; *envp; envp++)
		if (!is_listed(*envp, o->set_env) && !is_listed(*envp, o->unset_env))
			add_string(&out, *envp);
	for (char **s = o->set_env; s && *s; s++)
		if (!is_listed(*s, s + 1)) /* the last one counts */
			add_string(&out, *s);
	return out ? out : calloc(1, sizeof *out);
}

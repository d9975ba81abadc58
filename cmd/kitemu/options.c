/* Reading options; see options.h. */
#include "cmd/kitemu/options.h"

#include "lib/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = KIT_EXIT_INTERNAL };

static const uint64_t default_cache_bytes = UINT64_C(64) << 20;

enum opt_id {
#define OPT(id, ...) OPT_##id,
#include "cmd/kitemu/options.def"
#undef OPT
	OPT_COUNT
};

static const struct opt_row {
	char letter;
	const char *name, *argument, *env, *help;
} rows[OPT_COUNT] = {
#define OPT(id, letter, name, argument, env, help) { letter, name, argument, env, help },
#include "cmd/kitemu/options.def"
#undef OPT
};

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

static bool bad_value(const struct opt_row *r, const char *value, struct diag *d)
{
	return diag_fail(d, EXIT_USAGE, "--%s: '%s' is not %s", r->name, value, r->argument);
}

/* The option may stand without its argument: none, or one that is in brackets as a whole. */
static bool is_optional(const struct opt_row *r)
{
	return !r->argument || (*r->argument == '[' && r->argument[strlen(r->argument) - 1] == ']');
}

/* value is NULL for an option without argument. */
static bool apply(struct cmd_line *c, enum opt_id id, char *value, struct diag *d)
{
	struct kit_options *o = &c->opt;
	const struct opt_row *r = &rows[id];
	char *end;

	switch (id) {
	case OPT_engine:
		if (strcmp(value, "jit") != 0 && strcmp(value, "interp") != 0)
			return bad_value(r, value, d);
		o->engine = *value == 'j' ? KIT_ENGINE_JIT : KIT_ENGINE_INTERP;
		return true;
	case OPT_strace:
		o->strace = true;
		return true;
	case OPT_log:
		return kit_log_enable(value) || bad_value(r, value, d);
	case OPT_stats:
		o->stats = true;
		o->stats_to = value;
		return true;
	case OPT_gdb:
		o->gdb = value;
		return true;
	case OPT_attach:
		o->gdb_attach = (int)strtol(value, &end, 10);
		return (o->gdb_attach > 0 && !*end) || bad_value(r, value, d);
	case OPT_backtrace:
		if (strcmp(value, "never") != 0 && strcmp(value, "crash") != 0)
			return bad_value(r, value, d);
		o->backtrace = *value == 'n' ? KIT_BACKTRACE_NEVER : KIT_BACKTRACE_CRASH;
		return true;
	case OPT_insns:
		return parse_size(value, &o->max_insns) || bad_value(r, value, d);
	case OPT_coverage:
		o->coverage = value;
		return true;
	case OPT_profile:
		o->profile = value;
		return true;
	case OPT_selfcheck:
		o->selfcheck = true;
		return true;
	case OPT_idioms:
		o->no_idioms = true;
		return true;
	case OPT_stress:
		o->stress = true;
		return true;
	case OPT_level:
		if (strcmp(value, "1") != 0 && strcmp(value, "2") != 0)
			return bad_value(r, value, d);
		o->max_level = (unsigned)(*value - '0');
		return true;
	case OPT_cache:
		return parse_size(value, &o->cache_bytes) || bad_value(r, value, d);
	case OPT_stack:
		return parse_size(value, &o->stack_bytes) || bad_value(r, value, d);
	case OPT_base:
		o->force_base = true;
		return true;
	case OPT_isa:
		if (strcmp(value, "native") != 0 && strcmp(value, "baseline") != 0)
			return bad_value(r, value, d);
		o->host_isa_baseline = *value == 'b';
		return true;
	case OPT_argv0:
		o->argv0 = value;
		return true;
	case OPT_setenv:
		if (!strchr(value, '='))
			return bad_value(r, value, d);
		add_string(&o->set_env, value);
		return true;
	case OPT_unsetenv:
		add_string(&o->unset_env, value);
		return true;
	case OPT_version:
		c->version = true;
		return true;
	case OPT_help:
		c->help = true;
		return true;
	case OPT_COUNT:
		break;
	}
	KIT_PANIC("option %d", (int)id);
}

static bool read_environment(struct cmd_line *c, struct diag *d)
{
	c->opt.cache_bytes = default_cache_bytes;
	c->opt.max_level = 2;
	for (int i = 0; i < OPT_COUNT; i++) {
		char *v = *rows[i].env ? getenv(rows[i].env) : NULL;

		if (!v || !*v || (is_optional(&rows[i]) && !strcmp(v, "0")))
			continue;
		if (rows[i].argument && is_optional(&rows[i]) && !strcmp(v, "1"))
			v = NULL;
		if (!apply(c, (enum opt_id)i, v, d))
			return false;
	}
	return true;
}

bool options_from_environment(struct kit_options *o, struct diag *d)
{
	struct cmd_line c = { 0 };
	bool ok = read_environment(&c, d);

	*o = c.opt;
	return ok;
}

/* The row that arg names ("--name", "--name=value", "-x"); OPT_COUNT when there is none. */
static enum opt_id find_option(char *arg, char **value)
{
	*value = NULL;
	for (int i = 0; i < OPT_COUNT; i++) {
		size_t n = strlen(rows[i].name);

		if (rows[i].letter && arg[0] == '-' && arg[1] == rows[i].letter && !arg[2])
			return (enum opt_id)i;
		if (strncmp(arg, "--", 2) != 0 || strncmp(arg + 2, rows[i].name, n) != 0)
			continue;
		if (arg[2 + n] == '=')
			*value = arg + 3 + n;
		if (arg[2 + n] == '=' || !arg[2 + n])
			return (enum opt_id)i;
	}
	return OPT_COUNT;
}

bool options_parse(struct cmd_line *c, int argc, char **argv, struct diag *d)
{
	int i;

	*c = (struct cmd_line){ 0 };
	if (!read_environment(c, d))
		return false;
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		char *value;
		enum opt_id id;

		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		id = find_option(argv[i], &value);
		if (id == OPT_COUNT)
			return diag_fail(d, EXIT_USAGE, "unknown option '%s'; see kitemu --help",
					 argv[i]);
		if (!is_optional(&rows[id]) && !value) {
			if (i + 1 == argc)
				return diag_fail(d, EXIT_USAGE, "%s needs a value: %s", argv[i],
						 rows[id].argument);
			value = argv[++i];
		} else if (!rows[id].argument && value) {
			return diag_fail(d, EXIT_USAGE, "--%s takes no value", rows[id].name);
		}
		if (!apply(c, id, value, d))
			return false;
	}
	c->program = i;
	if (c->opt.gdb_attach && (!c->opt.gdb || i < argc))
		return diag_fail(d, EXIT_USAGE,
				 "--gdb-attach needs --gdb, which says where, and no program");
	if (i == argc && !c->help && !c->version && !c->opt.gdb)
		return diag_fail(d, EXIT_USAGE, "no program given; see kitemu --help");
	return true;
}

void options_print_help(void)
{
	puts("Usage: kitemu [OPTION]... PROGRAM [ARGUMENT]...\n"
	     "Run a static riscv64 Linux program on this machine.\n");
	for (int i = 0; i < OPT_COUNT; i++) {
		char left[64];

		(void)snprintf(left, sizeof left, "%c%c --%s%s%s", rows[i].letter ? '-' : ' ',
			       rows[i].letter ? rows[i].letter : ' ', rows[i].name,
			       !rows[i].argument       ? ""
			       : is_optional(&rows[i]) ? "[="
						       : "=",
			       rows[i].argument ? rows[i].argument + is_optional(&rows[i]) : "");
		printf("  %-34s %s%s%s%s\n", left, rows[i].help, *rows[i].env ? " [" : "",
		       rows[i].env, *rows[i].env ? "]" : "");
	}
	puts("\nThe exit status is the guest's. 125: kitemu itself failed; 126: the program cannot "
	     "be\n"
	     "run; 127: it does not exist. A guest killed by a signal makes kitemu die by that "
	     "signal.");
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

char **options_environment(const struct kit_options *o, char **envp)
{
	char **out = NULL;

	if (!o->set_env && !o->unset_env)
		return envp;
	for (; *envp; envp++)
		if (!is_listed(*envp, o->set_env) && !is_listed(*envp, o->unset_env))
			add_string(&out, *envp);
	for (char **s = o->set_env; s && *s; s++)
		add_string(&out, *s);
	return out ? out : calloc(1, sizeof *out);
}

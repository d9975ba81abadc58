/* The command line and environment of kitemu, from options.def. */
#ifndef KIT_CMD_KITEMU_OPTIONS_H
#define KIT_CMD_KITEMU_OPTIONS_H

#include "lib/base/diag.h"
#include "runtime/core/options.h"

enum binfmt { BINFMT_NONE, BINFMT_INSTALL, BINFMT_REMOVE, BINFMT_STATUS, BINFMT_PRINT };

struct cmd_line {
	struct kit_options opt;
	int program;            /* index in argv of the guest program; argc: none is needed */
	const char *list;       /* NULL, or what --cpu=help and its like print */
	const char *completion; /* NULL, or the shell */
	enum binfmt binfmt;
	const char *binfmt_name; /* of the entry; NULL: the usual one */
	bool credentials;        /* of set-user-ID programs count */
	bool help, version;
};

/*
 * Defaults, then the environment, then the command line. false: the message is in d, exit status too. Where the process has
 * more rights than who started it (AT_SECURE), the environment does not count.
 */
bool options_parse(struct cmd_line *c, int argc, char **argv, char **envp, struct diag *d);
/* Defaults and the environment, where the kernel started kitemu. */
bool options_from_environment(struct cmd_line *c, char **envp, struct diag *d);
/* Of a program that a guest executes: defaults and those that came along in o->inherited. */
bool options_inherit(struct kit_options *o, struct diag *d);
/* A new environment: envp without the unset and with the added variables. */
char **options_environment(const struct kit_options *o, char **envp);

/* ---- the table, for help.c ------------------------------------------------------------------- */

enum opt_id {
#define GROUP(title)
#define OPT(id, ...) OPT_##id,
#define ALSO(...)
#define ABSENT(...)
#include "cmd/kitemu/options.def"
#undef GROUP
#undef OPT
#undef ALSO
#undef ABSENT
	OPT_COUNT
};

struct opt_row {
	char letter;
	const char *name, *argument, *env, *help;
};

extern const struct opt_row opt_rows[OPT_COUNT];

struct opt_also {
	enum opt_id id;
	const char *name, *env;
};

/* The rows ALSO and ABSENT; they end with a NULL name. */
extern const struct opt_also opt_also[];
extern const struct opt_absent {
	const char *name, *instead;
} opt_absent[];

/* The row's argument may be left out. */
bool options_is_optional(const struct opt_row *r);
void options_print_help(void);
/* For bash, zsh or fish. */
void options_print_completion(const char *shell);
/* The spelling that is nearest to what was written, or NULL when none is near. */
const char *options_nearest(const char *written);
/* The same of a variable, KITEMU_ and what follows. */
const char *options_nearest_variable(const char *written);

#endif

/* The command line and environment of kitemu, from options.def. */
#ifndef KIT_CMD_KITEMU_OPTIONS_H
#define KIT_CMD_KITEMU_OPTIONS_H

#include "lib/base/diag.h"
#include "runtime/core/options.h"

struct cmd_line {
	struct kit_options opt;
	int program; /* index in argv of the guest program */
	bool help, version;
};

/* Defaults, then the environment, then the command line. false: the message is in d, exit status too. */
bool options_parse(struct cmd_line *c, int argc, char **argv, struct diag *d);
/* Defaults and environment alone. */
bool options_from_environment(struct kit_options *o, struct diag *d);
void options_print_help(void);
/* A new environment: envp without the unset and with the added variables. */
char **options_environment(const struct kit_options *o, char **envp);

#endif

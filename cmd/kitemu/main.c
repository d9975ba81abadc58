/*
 * kitemu: runs a static riscv64 Linux program. This file reads the command line, prints
 * the one line of an error, and ends with the guest's exit status.
 */
#include "cmd/kitemu/options.h"
#include "runtime/kit.h"

#include <stdio.h>
#include <unistd.h>

#ifndef KIT_VERSION
#define KIT_VERSION "unknown"
#endif

static int fail(const char *what, const struct diag *d)
{
	dprintf(STDERR_FILENO, "kitemu: %s%s%s\n", what, *what ? ": " : "", d->text);
	return d->exit_status;
}

static int run(const struct kit_options *opt, const struct kit_program *prog)
{
	struct diag d = DIAG_INIT;
	int status = kit_run(opt, prog, &d);

	return status < 0 ? fail(prog->path, &d) : status;
}

int main(int argc, char **argv, char **envp)
{
	struct diag d = DIAG_INIT;
	struct kit_program prog;
	struct cmd_line c;

	if (!options_from_environment(&c.opt, &d))
		return fail("", &d);
	if (kit_exec_handover(argc, argv, envp, &prog, &c.opt))
		return run(&c.opt, &prog);
	if (!options_parse(&c, argc, argv, &d))
		return fail("", &d);
	if (c.help) {
		options_print_help();
		return 0;
	}
	if (c.version) {
		puts("kitemu " KIT_VERSION);
		return 0;
	}
	prog = (struct kit_program){
		.path = argv[c.program],
		.fd = -1,
		.argv = argv + c.program,
		.envp = options_environment(&c.opt, envp),
	};
	if (c.opt.argv0)
		argv[c.program] = (char *)(uintptr_t)c.opt.argv0;
	return run(&c.opt, &prog);
}

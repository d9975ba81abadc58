/*
 * kitemu: runs a static riscv64 Linux program. This file reads the command line, prints
 * the one line of an error, and ends with the guest's exit status.
 */
#include "cmd/kitemu/options.h"
#include "runtime/kit.h"

#include <stdio.h>
#include <stdlib.h>
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
	int status;

	if (!kit_open_files(opt, &d))
		return fail("", &d);
	status = kit_run(opt, prog, &d);
	return status < 0 ? fail(prog->path, &d) : status;
}

/* A program that gdb wants to be run; envp: NULL for this process's. */
static int run_for_gdb(const struct kit_options *opt, char **argv, char **envp)
{
	const struct kit_program prog = {
		.path = argv[0],
		.fd = -1,
		.argv = argv,
		.envp = options_environment(opt, envp ? envp : environ),
	};

	return run(opt, &prog);
}

/* What asks for no program; false: there is one to be run. */
static bool only_say(const struct cmd_line *c)
{
	if (c->help)
		options_print_help();
	else if (c->version)
		puts("kitemu " KIT_VERSION);
	else if (c->completion)
		options_print_completion(c->completion);
	else if (c->list)
		fputs(c->list, stdout);
	else
		return false;
	return true;
}

int main(int argc, char **argv, char **envp)
{
	struct diag d = DIAG_INIT;
	struct kit_program prog;
	struct cmd_line c = { 0 };

	if (kit_exec_handover(argc, argv, envp, &prog, &c.opt))
		return options_inherit(&c.opt, &d) ? run(&c.opt, &prog) : fail("", &d);
	if (!options_parse(&c, argc, argv, envp, &d))
		return fail("", &d);
	if (only_say(&c))
		return 0;
	/* One server listens there: programs that the guest starts are its matter. */
	unsetenv("KITEMU_GDB");
	unsetenv("QEMU_GDB");
	if (c.program == argc) {
		int status = kit_debug(&c.opt, run_for_gdb, &d);

		return status ? fail("", &d) : 0;
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

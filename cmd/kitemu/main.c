/*
 * kitemu: runs a static riscv64 Linux program. This file reads the command line, prints
 * the one line of an error, and ends with the guest's exit status.
 */
#include "cmd/kitemu/binfmt.h"
#include "cmd/kitemu/options.h"
#include "runtime/kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef KIT_VERSION
#define KIT_VERSION "unknown"
#endif

static int fail(const char *what, const struct diag *d)
{
	dprintf(STDERR_FILENO, "kitemu: %s%s%s\n", what, *what ? ": " : "", d->text);
	return d->exit_status;
}

static int run(const struct kit_options *opt, const struct kit_program *prog, bool is_first)
{
	struct diag d = DIAG_INIT;
	int status;

	if (!kit_open_files(opt, is_first, &d))
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

	return run(opt, &prog, true);
}

/* One server for gdb listens there: programs that the guest starts are its matter. */
static void hide_server(void)
{
	unsetenv("KITEMU_GDB");
	unsetenv("QEMU_GDB");
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

/* What was asked for has been said; 0, or the status where it could not be written. */
static int said(void)
{
	struct diag d = DIAG_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	diag_fail(&d, KIT_EXIT_INTERNAL, "cannot write to standard output: %s", strerror(errno));
	return fail("", &d);
}

/* kitemu's own file gives rights: then its command line could not be trusted, nor what a guest's execve hands over. */
static bool is_set_id(void)
{
	struct stat s;

	return getauxval(AT_SECURE) && stat("/proc/self/exe", &s) == 0
	       && s.st_mode & (S_ISUID | S_ISGID);
}

int main(int argc, char **argv, char **envp)
{
	struct diag d = DIAG_INIT;
	struct kit_program prog;
	struct cmd_line c = { 0 };

	if (is_set_id())
		return fail(
		    "", &(struct diag){
			    "kitemu must not be set-user-ID: it would give its owner's rights to "
			    "any program; see --binfmt-credentials in kitemu(1)",
			    KIT_EXIT_INTERNAL });
	/* First: a guest's execve does not go through an entry, so nobody can pretend one to a set-user-ID program. */
	if (binfmt_handover(argc, argv, envp, &prog)) {
		if (!options_from_environment(&c, envp, &d))
			return fail("", &d);
		hide_server();
		if (c.opt.argv0)
			prog.argv[0] = (char *)(uintptr_t)c.opt.argv0;
		prog.envp = options_environment(&c.opt, envp);
		return run(&c.opt, &prog, true);
	}
	if (kit_exec_handover(argc, argv, envp, &prog, &c.opt))
		return options_inherit(&c.opt, &d) ? run(&c.opt, &prog, false) : fail("", &d);
	if (!options_parse(&c, argc, argv, envp, &d))
		return fail("", &d);
	if (only_say(&c))
		return said();
	if (c.binfmt)
		return binfmt_do(&c, &d) ? said() : fail("", &d);
	hide_server();
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
	return run(&c.opt, &prog, true);
}

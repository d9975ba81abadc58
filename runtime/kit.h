/*
 * The face of the run time to programs: load a guest program and run it to its end.
 */
#ifndef KIT_RUNTIME_KIT_H
#define KIT_RUNTIME_KIT_H

#include "lib/base/diag.h"
#include "runtime/core/options.h"

/* What to run. All strings live as long as the process. */
struct kit_program {
	const char *path; /* the file, as the user named it */
	const char *name; /* what it was executed as, when that is a script; or NULL */
	int fd;           /* open for reading, or -1: open path */
	char **argv;      /* the guest's, NULL-terminated */
	char **envp;
};

/*
 * Takes over the command line and environment when this kitemu was started by a guest's execve: fills
 * *prog and *opt, and removes what kitemu put there. false: it was started by a person.
 */
bool kit_exec_handover(int argc, char **argv, char **envp, struct kit_program *prog,
		       struct kit_options *opt);

/* strace's options that kit_options.strace may hold, a line each; and are these such? false: d says what is wrong. */
extern const char *const kit_strace_help;
bool kit_strace_options(const char *options, struct diag *d);

/* Opens what opt wants to be written; false: d says why it cannot be. is_first: no guest has executed this program. */
bool kit_open_files(const struct kit_options *opt, bool is_first, struct diag *d);

/* path from the root, for the time when the guest has changed its directory: on the heap, or path itself. */
const char *kit_absolute_path(const char *path);

/*
 * Loads and runs the program. Returns the guest's exit status; a guest that dies of a signal takes
 * kitemu with it. When it cannot be started: -1 and a message with the exit status in d.
 */
int kit_run(const struct kit_options *opt, const struct kit_program *prog, struct diag *d);

/*
 * Serves gdb as opt->gdb and opt->gdb_attach say, without a program of its own: run runs those that gdb asks for, in children. Returns
 * the exit status, with a message in d where it is not 0.
 */
int kit_debug(const struct kit_options *opt,
	      int (*run)(const struct kit_options *opt, char **argv, char **envp), struct diag *d);

#endif

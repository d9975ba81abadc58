/*
 * execve of guest programs through kitemu itself.
 *
 * The kitemu that carries out a guest's execve starts its own binary again with the guest's argv as it
 * is and the guest's environment plus one variable:
 *
 *     KITEMU_EXEC=v4:EXE:SELF:FILTERS:HOST:TRACE:LOG:STRACE:SHARED:DUMPED:LENGTH:LENGTH:OPTIONSNAMEPATH
 *
 * EXE is the descriptor of the program, SELF that of kitemu's binary (numbers in hexadecimal), FILTERS one more than the
 * descriptor of the seccomp filters, HOST what is known of the cpu (asking it takes 30 us on a virtual machine), TRACE what a
 * tracer has ordered, LOG and the three after it one more than descriptors of enum kit_own_file. The texts, of which two say their lengths: the options in force as cmd/ writes
 * them, NAME the file as the guest named it, PATH the program: that file, or the interpreter of a
 * script. The new kitemu takes the variable out of the environment and the options from it: a guest tree
 * runs with the options of its first kitemu.
 */
#ifndef KIT_RUNTIME_SYS_EXEC_H
#define KIT_RUNTIME_SYS_EXEC_H

#include "runtime/core/options.h"

#include <stdbool.h>
#include <stddef.h>

struct sys_exec_handover {
	const char *name; /* of what was executed: AT_EXECFN, and the process's name */
	const char *path; /* of the program */
	int fd;           /* the program, close-on-exec */
	char **argv;      /* the guest's */
	char **envp;      /* the guest's: KITEMU_EXEC is gone */
};

#define SYS_EXEC_VAR "KITEMU_EXEC="

/* Writes the variable into out; false when it does not fit. */
bool sys_exec_encode(char *out, size_t size_bytes, int exe_fd, int self_fd,
		     const struct kit_options *opt, const char *name, const char *path);
/*
 * Called before anything reads the command line. True when this kitemu was started by a guest's execve: fills *h
 * what travels in *opt (the options themselves are its text inherited), and takes the variable out of envp.
 */
bool sys_exec_decode(int argc, char **argv, char **envp, struct kit_options *opt,
		     struct sys_exec_handover *h);
/* A descriptor of kitemu's own binary, close-on-exec, with a high number; -1 when there is none. */
int sys_exec_self_fd(void);
/* Moves a descriptor of kitemu's own out of the guest's way, to a high number: its new number. */
int sys_fd_hide(int fd);

#endif

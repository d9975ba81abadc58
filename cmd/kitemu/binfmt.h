/*
 * binfmt_misc: the kernel starts kitemu by itself for riscv64 programs (Documentation/admin-guide/binfmt-misc.rst).
 *
 * The flags of an entry of ours:
 *   F  the kernel opens kitemu when the entry is made: it need not be found in a chroot or container
 *   O  the program comes as a descriptor (AT_EXECFD): it may be executable and not readable
 *   P  argv[0] is kept, as an argument of its own (AT_FLAGS says so; Linux 5.12)
 *   C  only where it is asked for: set-user-ID programs get their rights, and with them kitemu does
 */
#ifndef KIT_CMD_KITEMU_BINFMT_H
#define KIT_CMD_KITEMU_BINFMT_H

#include "cmd/kitemu/options.h"
#include "runtime/kit.h"

/*
 * True when the kernel started this kitemu for an entry, whoever made it: *prog is the program then, and there is no
 * command line of ours.
 */
bool binfmt_handover(int argc, char **argv, char **envp, struct kit_program *prog);

/* What --binfmt asks for. false: d says why it could not be done. */
bool binfmt_do(const struct cmd_line *c, struct diag *d);

#endif

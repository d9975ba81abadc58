/*
 * A server for gdb: kitemu -g PORT.
 *
 * It is a process of its own, beside the guest's, and a tracer like any other (runtime/tracer): what a guest's process does
 * for it is what it does for a guest that traces. So the guest may crash, fork, execute and be killed as it likes, costs
 * nothing while nobody debugs it, and can be attached to at any time.
 *
 *     the user's kitemu                           the server, a grandchild without a parent
 *     loads the program, opens the socket
 *     gdb_start ---------- fork, fork ----------> listens: one client at a time
 *     waits, or runs meanwhile                    a client has come: traces it
 *     first instruction <-------- go on --------- asks for a stop
 *     runs, is traced                             until all that it traces, and the process it began with, are gone
 *
 * gdb_serve is the server alone, in the foreground, for a process that runs already or programs that the client starts.
 */
#ifndef KIT_RUNTIME_GDB_GDB_H
#define KIT_RUNTIME_GDB_GDB_H

#include "lib/base/diag.h"
#include "runtime/core/thread.h"

/*
 * For a process that is about to run its first instruction, in its only thread t, which is listed (trace_enlist): starts a server
 * where t->proc->opt.gdb says ([HOST:]PORT or unix:PATH, with ",suspend=n" behind it perhaps), or tells the one that started this process.
 */
bool gdb_start(struct kit_thread *t, struct diag *d);

/*
 * Serves in this process until the client goes. attach: the process to begin with, or 0. run: runs a program that the client
 * asks for, in a child of this process, and returns its exit status. Returns kitemu's; 125 and a message in d on failure.
 */
int gdb_serve(const struct kit_options *opt, pid_t attach,
	      int (*run)(const struct kit_options *opt, char **argv, char **envp), struct diag *d);

#endif

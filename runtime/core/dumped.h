/*
 * Processes of this tree that left core files.
 *
 * The bit of WCOREDUMP in a wait status, and CLD_DUMPED in place of CLD_KILLED, are the kernel's to set, for cores that it wrote.
 * Guests' cores are written by kitemu, and the kernel sees a process that dies without one. So a process that has written its
 * core notes its number in memory that the tree shares, where its parent, or whoever is told of its death, looks it up.
 * runtime/sys/dumped.c makes that memory and hands it to programs that are executed.
 *
 * A slot holds the last number that fell upon it: one that two of many dying processes share costs a bit, no more. What
 * is told of descriptors (signalfd) is the kernel's.
 */
#ifndef KIT_RUNTIME_CORE_DUMPED_H
#define KIT_RUNTIME_CORE_DUMPED_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { DUMPED_SLOTS = 1024 };

struct dumped {
	int32_t pid[DUMPED_SLOTS]; /* atomic; 0: none */
};

/* From now on, table is the tree's; until then there is none, and nobody has left a core. */
void dumped_use(struct dumped *table);
bool dumped_is_used(void);
/* This process has written its core; it begins, and its number is no longer that of an older one. */
void dumped_note(void);
void dumped_begin(void);
/* What the host says of a child that is dead or not, in wait4's terms, as the guest is to see it. */
int dumped_status(pid_t pid, int status);
/* The same of what waitid tells, or SIGCHLD brings; other signals stay as they are. */
void dumped_info(siginfo_t *info);

#endif

/* What the files of ptrace share: whom a thread traces. */
#ifndef KIT_RUNTIME_SYS_PTRACE_H
#define KIT_RUNTIME_SYS_PTRACE_H

#include "runtime/sys/sys_priv.h"
#include "runtime/tracer/tracer.h"

/* A guest opens the file at path for writing: is it another guest's memory (/proc/PID/mem)? */
void peer_note_open(const struct kit_thread *t, gaddr path);

/* ptrace_wait.c: t traces tid from now on, or no longer. */
void tracees_add(struct kit_thread *t, pid_t tid);
void tracees_remove(struct kit_thread *t, pid_t tid);

#endif

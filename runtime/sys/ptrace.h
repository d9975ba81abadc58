/* What the tracer's files share: how it reaches a traced thread of another kitemu. */
#ifndef KIT_RUNTIME_SYS_PTRACE_H
#define KIT_RUNTIME_SYS_PTRACE_H

#include "runtime/sys/sys_priv.h"

#include <signal.h>

/* A thread of another process, as its kitemu tells. */
struct peer {
	pid_t tid;
	enum peer_kind {
		PEER_GONE,     /* no such thread, or its memory may not be read */
		PEER_FOREIGN,  /* not a kitemu's, or another build's */
		PEER_STARTING, /* a kitemu's, which has not yet listed it */
		PEER_GUEST
	} kind;
	bool takes_marks;
	pid_t tgid;
	uint64_t at; /* its struct kit_thread, in its own memory */
	gaddr base, limit;
	struct kit_trace trace;
};

/* Fills *p for the thread tid. */
void peer_find(struct peer *p, pid_t tid);
/* Its memory, kitemu's own included. False: it is gone. */
bool peer_read(const struct peer *p, uint64_t at, void *to, size_t n);
bool peer_write(const struct peer *p, uint64_t at, const void *from, size_t n);
/* Field of its struct kit_trace, from p->trace. */
#define peer_put(p, field)                                                                         \
	peer_write(p, (p)->at + offsetof(struct kit_thread, trace.field), &(p)->trace.field,       \
		   sizeof(p)->trace.field)

/* A guest opens the file at path for writing: is it another guest's memory (/proc/PID/mem)? */
void peer_note_open(const struct kit_thread *t, gaddr path);

/* The host's ptrace: 0 or -errno. */
int64_t host_ptrace(long request, pid_t tid, uint64_t addr, uint64_t data);

/* ptrace_wait.c: t traces tid from now on, or no longer. */
void tracees_add(struct kit_thread *t, pid_t tid);
void tracees_remove(struct kit_thread *t, pid_t tid);

/* After PTRACE_INTERRUPT and its like the kernel's stop stands in for the thread's own. */
bool peer_is_held(const struct peer *p);

#endif

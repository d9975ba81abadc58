/* Filters that guests put before their system calls; see seccomp.c. */
#ifndef KIT_RUNTIME_SYS_SECCOMP_H
#define KIT_RUNTIME_SYS_SECCOMP_H

#include "runtime/core/thread.h"

/* What t's filters say of a call (reg: a0..a5). False: it is not made, and *result is what sys_call's handlers return. */
bool sys_seccomp_admits(struct kit_thread *t, uint64_t nr, const uint64_t *reg, int64_t *result);

/*
 * notify.c: a host descriptor that hears of what sys_notify_ask asks in this thread and its children, or -errno. flags:
 * the host's, with SECCOMP_FILTER_FLAG_NEW_LISTENER.
 */
int64_t sys_notify_listener(uint64_t flags);
/* Asks whoever listens. True: the call is made; else *result is the answer. */
struct seccomp_data;
bool sys_notify_ask(struct kit_thread *t, const struct seccomp_data *d, int64_t *result);

struct sys_filter *sys_filter_ref(struct sys_filter *f);
void sys_filter_unref(struct sys_filter *f);

/* For execve: a descriptor of a file with t's filters, -1 when there are none, or another -errno. */
int sys_seccomp_save(const struct kit_thread *t);
/* Takes them over from such a file, which is closed. False: it is damaged. */
bool sys_seccomp_restore(struct kit_thread *t, int fd);

#endif

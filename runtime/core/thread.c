/* The calling host thread's guest thread. */
#include "runtime/core/thread.h"

/* initial-exec: a signal handler must not end up in a lazy TLS allocation. */
static _Thread_local struct kit_thread *self __attribute__((tls_model("initial-exec")));

struct kit_thread *kit_self(void) { return self; }

void kit_set_self(struct kit_thread *t) { self = t; }

/* The calling host thread's guest thread, and the list of a process's threads. */
#include "runtime/core/thread.h"

/* initial-exec: a signal handler must not end up in a lazy TLS allocation. */
static _Thread_local struct kit_thread *self __attribute__((tls_model("initial-exec")));

struct kit_thread *kit_self(void) { return self; }

void kit_set_self(struct kit_thread *t) { self = t; }

void kit_list_init(struct kit_process *p)
{
	p->list_lock = (struct kit_lock){ 0 };
	p->first_thread = NULL;
}

void kit_list_add(struct kit_thread *t)
{
	struct kit_process *p = t->proc;

	kit_lock(&p->list_lock);
	t->next = p->first_thread;
	p->first_thread = t;
	kit_unlock(&p->list_lock);
}

void kit_list_remove(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct kit_thread **at = &p->first_thread;

	kit_lock(&p->list_lock);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	kit_unlock(&p->list_lock);
}

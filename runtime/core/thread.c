/* The calling host thread's guest thread, and the list of a process's threads. */
#include "runtime/core/thread.h"

/* initial-exec: a signal handler must not end up in a lazy TLS allocation. */
static _Thread_local struct kit_thread *self __attribute__((tls_model("initial-exec")));

struct kit_thread *kit_self(void) { return self; }

void kit_set_self(struct kit_thread *t) { self = t; }

void kit_list_init(struct kit_process *p)
{
	pthread_mutex_init(&p->list_lock, NULL);
	p->first_thread = NULL;
}

void kit_list_add(struct kit_thread *t)
{
	struct kit_process *p = t->proc;

	pthread_mutex_lock(&p->list_lock);
	t->next = p->first_thread;
	p->first_thread = t;
	pthread_mutex_unlock(&p->list_lock);
}

void kit_list_remove(struct kit_thread *t)
{
	struct kit_process *p = t->proc;
	struct kit_thread **at = &p->first_thread;

	pthread_mutex_lock(&p->list_lock);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	pthread_mutex_unlock(&p->list_lock);
}

bool kit_left_taken(const struct kit_process *p, const pthread_mutex_t *m)
{
	pthread_mutex_t probe = PTHREAD_MUTEX_INITIALIZER;
	bool taken = __atomic_load_n(&m->__data.__lock, __ATOMIC_RELAXED) != 0, same;

	/* glibc's name for this thread is what it writes into a lock. */
	pthread_mutex_lock(&probe);
	same = __atomic_load_n(&m->__data.__owner, __ATOMIC_RELAXED) == probe.__data.__owner;
	pthread_mutex_unlock(&probe);
	return taken && (same || p->alone);
}

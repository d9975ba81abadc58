/* The directory of a process's threads for tracers; see trace.h. */
#include "runtime/core/trace.h"

#include "runtime/core/thread.h"

#include <stdlib.h>
#include <string.h>

struct trace_directory trace_directory = {
	.magic = "kitemu threads",
	.layout = sizeof(struct kit_thread),
};

/* Takes a free entry. Another thread may do so at the same time. */
static bool take(struct trace_entry *e, const struct kit_thread *t)
{
	int32_t none = 0;

	return __atomic_compare_exchange_n(&e->tid, &none, t->tid, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static struct trace_chunk *next_chunk(struct trace_chunk *c)
{
	struct trace_chunk *next = __atomic_load_n(&c->next, __ATOMIC_ACQUIRE), *none = NULL;

	if (next)
		return next;
	next = calloc(1, sizeof *next);
	if (next
	    && !__atomic_compare_exchange_n(&c->next, &none, next, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE)) {
		free(next);
		next = none;
	}
	return next;
}

void trace_enlist(struct kit_thread *t)
{
	/* Out of memory: the thread cannot be traced. */
	for (struct trace_chunk *c = &trace_directory.first; c; c = next_chunk(c))
		for (unsigned i = 0; i < TRACE_ENTRIES; i++)
			if (take(&c->entry[i], t)) {
				c->entry[i].tgid = t->tgid;
				__atomic_store_n(&c->entry[i].thread, t, __ATOMIC_RELEASE);
				return;
			}
}

void trace_delist(const struct kit_thread *t)
{
	for (struct trace_chunk *c = &trace_directory.first; c;
	     c = __atomic_load_n(&c->next, __ATOMIC_ACQUIRE))
		for (unsigned i = 0; i < TRACE_ENTRIES; i++)
			if (c->entry[i].thread == t) {
				c->entry[i].thread = NULL;
				__atomic_store_n(&c->entry[i].tid, 0, __ATOMIC_RELEASE);
				return;
			}
}

void trace_fork_child(void)
{
	for (struct trace_chunk *c = &trace_directory.first; c; c = c->next)
		memset(c->entry, 0, sizeof c->entry);
}

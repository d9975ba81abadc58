/*
 * Code memory: one stretch of memory with two views, one to write and one to execute.
 *
 * Nothing is ever writable and executable at one address. Both views are
 * shared mappings of the same pages: an anonymous one and its mremap duplicate, which needs no
 * file system that allows execution, or else a memfd. It is sparse: pages cost
 * memory once they were written.
 *
 * fork: shared pages would let a child write into its parent's code, so a
 * child gets a copy, prepared by the parent before it forks (codemem_fork_prepare), moved in the
 * child to the same addresses (codemem_fork_child): every pointer into code stays valid.
 */
#ifndef KIT_RUNTIME_JIT_CODEMEM_H
#define KIT_RUNTIME_JIT_CODEMEM_H

#include "lib/base/diag.h"

#include <stddef.h>
#include <stdint.h>

struct codemem {
	uint8_t *rw;       /* writable view */
	const uint8_t *rx; /* executable view */
	size_t size_bytes;
};

/* A copy of the code on its way to a child; rw NULL: none could be made. */
struct codemem_copy {
	uint8_t *rw;
	uint8_t *rx;
};

bool codemem_init(struct codemem *m, size_t size_bytes, struct diag *d);
void codemem_fini(struct codemem *m);
/* Copies the offsets [from, to), which hold all code. */
struct codemem_copy codemem_fork_prepare(const struct codemem *m, size_t from, size_t to);
void codemem_fork_parent(const struct codemem *m, struct codemem_copy c);
/* false: the child could not get memory of its own; it must not run translated code. */
bool codemem_fork_child(struct codemem *m, struct codemem_copy c);

/*
 * A thread's code stack with a guard page below: size_bytes above the returned address, NULL when out of
 * memory.
 */
char *codemem_stack_new(size_t size_bytes);
void codemem_stack_free(char *stack, size_t size_bytes);

static inline uint8_t *codemem_rw(const struct codemem *m, const void *rx)
{
	return m->rw + ((const uint8_t *)rx - m->rx);
}

static inline bool codemem_holds(const struct codemem *m, uint64_t host_pc)
{
	return host_pc - (uintptr_t)m->rx < m->size_bytes;
}

#endif

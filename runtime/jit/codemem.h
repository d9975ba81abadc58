/*
 * Code memory: one stretch of memory with two views, one to write and one to execute.
 *
 * Nothing is ever writable and executable at one address. Both views are
 * shared mappings of the same pages: an anonymous one and its mremap duplicate, which needs no
 * file system that allows execution, or else a memfd. It is sparse: pages cost
 * memory once they were written.
 *
 * fork: the child has the same pages. Neither process may change what the other runs, so that from then on
 * nobody writes to them: who wants to write takes a copy first, at the same addresses, so every pointer into code
 * stays valid. Most children end or execute something else before that, and their parents wait for them.
 */
#ifndef KIT_RUNTIME_JIT_CODEMEM_H
#define KIT_RUNTIME_JIT_CODEMEM_H

#include "lib/base/diag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct codemem {
	uint8_t *rw;       /* writable view */
	const uint8_t *rx; /* executable view */
	size_t size_bytes;
	size_t used_bytes; /* nothing was written from here on */
	bool shared;       /* another process may have the same pages */
};

bool codemem_init(struct codemem *m, size_t size_bytes, struct diag *d);
void codemem_fini(struct codemem *m);

/* The writable address of size_bytes at rx, in pages of this process's own. */
uint8_t *codemem_rw(struct codemem *m, const void *rx, size_t size_bytes);
/* Before a fork. */
static inline void codemem_share(struct codemem *m) { m->shared = true; }
/* In the child of a fork: pages of its own, with the first keep_bytes alone. */
void codemem_renew(struct codemem *m, size_t keep_bytes);

/*
 * A thread's code stack with a guard page below: size_bytes above the returned address, NULL when out of
 * memory.
 */
char *codemem_stack_new(size_t size_bytes);
void codemem_stack_free(char *stack, size_t size_bytes);

/* After writing: what is executed at rx is what was written there, on hosts whose instruction cache does not look. */
static inline void codemem_sync(const uint8_t *rx, size_t size_bytes)
{
	char *p = (char *)(uintptr_t)rx;

	__builtin___clear_cache(p, p + size_bytes);
}

static inline bool codemem_holds(const struct codemem *m, uint64_t host_pc)
{
	return host_pc - (uintptr_t)m->rx < m->size_bytes;
}

/* The machine of translated code, as ELF numbers them. */
#ifdef __aarch64__
enum { CODEMEM_ELF_MACHINE = 183 };
#else
enum { CODEMEM_ELF_MACHINE = 62 };
#endif

/* Maps the first page of a file executable, and leaves it: who records mappings sees its name. */
void codemem_show_file(int fd);

#endif

/* Two-view code memory; see codemem.h. */
#include "runtime/jit/codemem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A second, executable view of the shared anonymous mapping at w. An old size of 0 asks for one more
 * mapping of the same pages (mremap(2)).
 */
static void *second_view(void *w, size_t size_bytes)
{
	void *x = mremap(w, 0, size_bytes, MREMAP_MAYMOVE);

	if (x == MAP_FAILED || !mprotect(x, size_bytes, PROT_READ | PROT_EXEC))
		return x;
	munmap(x, size_bytes);
	return MAP_FAILED;
}

/* Both views of a memfd, for places that refuse the above (valgrind). */
static bool map_memfd(size_t size_bytes, void **w, void **x)
{
	int fd = memfd_create("kitemu-code", MFD_CLOEXEC);

	*w = *x = MAP_FAILED;
	if (fd < 0)
		return false;
	if (!ftruncate(fd, (off_t)size_bytes)) {
		*w = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		*x = mmap(NULL, size_bytes, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	}
	close(fd);
	if (*w != MAP_FAILED && *x != MAP_FAILED)
		return true;
	if (*w != MAP_FAILED)
		munmap(*w, size_bytes);
	if (*x != MAP_FAILED)
		munmap(*x, size_bytes);
	return false;
}

/* Maps both views; false when the host refuses one. */
static bool map_views(size_t size_bytes, uint8_t **rw, uint8_t **rx)
{
	void *w = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *x = w == MAP_FAILED ? w : second_view(w, size_bytes);

	if (x == MAP_FAILED) {
		if (w != MAP_FAILED)
			munmap(w, size_bytes);
		if (!map_memfd(size_bytes, &w, &x))
			return false;
	}
	*rw = w;
	*rx = x;
	return true;
}

bool codemem_init(struct codemem *m, size_t size_bytes, struct diag *d)
{
	uint8_t *rx;

	if (!map_views(size_bytes, &m->rw, &rx))
		return diag_fail(
		    d, KIT_EXIT_INTERNAL,
		    "cannot map %zu MiB of code memory (%s); try a smaller --cache-size "
		    "or --engine=interp",
		    size_bytes >> 20, strerror(errno));
	m->rx = rx;
	m->size_bytes = size_bytes;
	return true;
}

void codemem_fini(struct codemem *m)
{
	munmap(m->rw, m->size_bytes);
	munmap((void *)(uintptr_t)m->rx, m->size_bytes);
	*m = (struct codemem){ 0 };
}

struct codemem_copy codemem_fork_prepare(const struct codemem *m, size_t from, size_t to)
{
	struct codemem_copy c = { 0 };

	if (!map_views(m->size_bytes, &c.rw, &c.rx))
		return (struct codemem_copy){ 0 };
	memcpy(c.rw + from, m->rw + from, to - from);
	return c;
}

void codemem_fork_parent(const struct codemem *m, struct codemem_copy c)
{
	if (!c.rw)
		return;
	munmap(c.rw, m->size_bytes);
	munmap(c.rx, m->size_bytes);
}

bool codemem_fork_child(struct codemem *m, struct codemem_copy c)
{
	if (!c.rw)
		return false;
	return mremap(c.rw, m->size_bytes, m->size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, m->rw)
		   != MAP_FAILED
	       && mremap(c.rx, m->size_bytes, m->size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
			 (void *)(uintptr_t)m->rx)
		      != MAP_FAILED;
}

enum { GUARD_BYTES = 4096 };

char *codemem_stack_new(size_t size_bytes)
{
	char *p = mmap(NULL, size_bytes + GUARD_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mprotect(p, GUARD_BYTES, PROT_NONE) < 0) {
		munmap(p, size_bytes + GUARD_BYTES);
		return NULL;
	}
	return p + GUARD_BYTES;
}

void codemem_stack_free(char *stack, size_t size_bytes)
{
	munmap(stack - GUARD_BYTES, size_bytes + GUARD_BYTES);
}

/* Two-view code memory; see codemem.h. */
#include "runtime/jit/codemem.h"

#include "lib/base/panic.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PART_BYTES = 1 << 20 };

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
		return errno == ENOMEM
			   ? diag_fail(d, KIT_EXIT_INTERNAL,
				       "cannot map %zu MiB of code memory (%s); try a smaller "
				       "--cache-size or --engine=interp",
				       size_bytes >> 20, strerror(errno))
			   : diag_fail(d, KIT_EXIT_INTERNAL,
				       "memory cannot be made executable here (%s); "
				       "--engine=interp needs none",
				       strerror(errno));
	m->rx = rx;
	m->size_bytes = size_bytes;
	m->used_bytes = 0;
	m->shared = false;
	return true;
}

void codemem_fini(struct codemem *m)
{
	munmap(m->rw, m->size_bytes);
	munmap((void *)(uintptr_t)m->rx, m->size_bytes);
	*m = (struct codemem){ 0 };
}

/* The kernel replaces a view at once: other threads may be running code there. */
static bool replace(void *view, size_t size_bytes, void *at)
{
	return mremap(view, size_bytes, size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at)
	       != MAP_FAILED;
}

/* Pages of our own from at on, the first keep_bytes of the old ones' contents in them. */
static bool renew_part(struct codemem *m, size_t at, size_t size_bytes, size_t keep_bytes)
{
	uint8_t *rw, *rx;

	if (!map_views(size_bytes, &rw, &rx))
		return false;
	memcpy(rw, m->rw + at, keep_bytes < size_bytes ? keep_bytes : size_bytes);
	KIT_CHECK(replace(rw, size_bytes, m->rw + at)
		      && replace(rx, size_bytes, (void *)(uintptr_t)(m->rx + at)),
		  "code memory cannot be moved");
	return true;
}

void codemem_renew(struct codemem *m, size_t keep_bytes)
{
	/* For a moment there is twice as much. Where addresses are limited (RLIMIT_AS), of one part after the other. */
	if (!renew_part(m, 0, m->size_bytes, keep_bytes)) {
		for (size_t at = 0; at < m->size_bytes; at += PART_BYTES) {
			size_t left = m->size_bytes - at;

			KIT_CHECK(renew_part(m, at, left < PART_BYTES ? left : PART_BYTES,
					     keep_bytes > at ? keep_bytes - at : 0),
				  "no memory for code after a fork");
		}
	}
	codemem_sync(m->rx, keep_bytes);
	m->used_bytes = keep_bytes;
	m->shared = false;
}

uint8_t *codemem_rw(struct codemem *m, const void *rx, size_t size_bytes)
{
	size_t at = (size_t)((const uint8_t *)rx - m->rx);

	if (m->shared)
		codemem_renew(m, m->used_bytes);
	if (at + size_bytes > m->used_bytes)
		m->used_bytes = at + size_bytes;
	return m->rw + at;
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

void codemem_show_file(int fd)
{
	if (mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0)
	    == MAP_FAILED)
		return; /* a noexec file system: perf does without */
}

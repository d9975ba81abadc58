/* Memory of kitemu's own: what forked children share, and what is large and mostly never touched. */
#include "lib/base/bits.h"
#include "runtime/mem/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map(size_t size_bytes, int kind)
{
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		       kind | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void *mem_shared_new(size_t size_bytes) { return map(size_bytes, MAP_SHARED); }

const void *mem_file_map(int fd, size_t size_bytes)
{
	void *p = mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

void mem_file_unmap(const void *p, size_t size_bytes) { munmap((void *)(uintptr_t)p, size_bytes); }

int mem_file_new(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

void *mem_sparse_new(size_t size_bytes) { return map(size_bytes, MAP_PRIVATE); }

void mem_sparse_free(void *p, size_t size_bytes) { munmap(p, size_bytes); }

void mem_sparse_clear(void *p, size_t size_bytes) { madvise(p, size_bytes, MADV_DONTNEED); }

void mem_sparse_touched(const void *p, size_t pages, bool *touched)
{
	/* Documentation/admin-guide/mm/pagemap.rst: in memory, or in swap. mincore would not tell of the latter. */
	const uint64_t there = UINT64_C(3) << 62;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t row[512];

	memset(touched, 1, pages);
	for (size_t i = 0, n; fd >= 0 && i < pages; i += n) {
		off_t at = (off_t)(((uintptr_t)p / MEM_PAGE_BYTES + i) * sizeof *row);
		ssize_t got;

		n = pages - i < ARRAY_LEN(row) ? pages - i : ARRAY_LEN(row);
		got = pread(fd, row, n * sizeof *row, at);
		if (got != (ssize_t)(n * sizeof *row))
			break;
		for (size_t k = 0; k < n; k++)
			touched[i + k] = row[k] & there;
	}
	if (fd >= 0)
		close(fd);
}

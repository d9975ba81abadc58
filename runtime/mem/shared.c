/* Memory of kitemu's own that forked children share. */
#include "runtime/mem/mem.h"

#include <sys/mman.h>

void *mem_shared_new(size_t size_bytes)
{
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

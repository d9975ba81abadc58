/* System calls on memory: all of it is runtime/mem's work. */
#include "runtime/sys/marshal.h"
#include "runtime/sys/sys_priv.h"

#include <linux/mman.h>

/* The kernel has these flags as long, and refuses what it does not know. (mmap ignores it.) */
static bool is_int(uint64_t flags) { return flags <= INT32_MAX; }

int64_t sys_brk(struct kit_thread *t, const uint64_t *a) { return mem_brk(t->proc->mem, a[0]); }

int64_t sys_mmap(struct kit_thread *t, const uint64_t *a)
{
	enum { PLACED = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS };
	struct mem_space *m = t->proc->mem;
	int flags = (int)a[3];
	int64_t r = mem_mmap(m, a[0], a[1], (int)a[2], flags, (int)a[4], (int64_t)a[5]);

	/* io_uring refuses the address that mem asks for. */
	if (r == -EINVAL && !a[0] && (flags & MAP_SHARED) && !(flags & PLACED))
		return mem_mmap_unplaced(m, a[1], (int)a[2], (int)a[4], (int64_t)a[5]);
	return r;
}

int64_t sys_munmap(struct kit_thread *t, const uint64_t *a)
{
	return mem_munmap(t->proc->mem, a[0], a[1]);
}

int64_t sys_mremap(struct kit_thread *t, const uint64_t *a)
{
	return is_int(a[3]) ? mem_mremap(t->proc->mem, a[0], a[1], a[2], (int)a[3], a[4]) : -EINVAL;
}

int64_t sys_mprotect(struct kit_thread *t, const uint64_t *a)
{
	return is_int(a[2]) ? mem_mprotect(t->proc->mem, a[0], a[1], (int)a[2]) : -EINVAL;
}

/* Without protection keys only key -1 exists, which means mprotect. */
int64_t sys_pkey_mprotect(struct kit_thread *t, const uint64_t *a)
{
	return (int)a[3] == -1 ? sys_mprotect(t, a) : -EINVAL;
}

int64_t sys_madvise(struct kit_thread *t, const uint64_t *a)
{
	return mem_madvise(t->proc->mem, a[0], a[1], (int)a[2]);
}

int64_t sys_msync(struct kit_thread *t, const uint64_t *a)
{
	return mem_msync(t->proc->mem, a[0], a[1], (int)a[2]);
}

int64_t sys_mlock(struct kit_thread *t, const uint64_t *a)
{
	return mem_mlock(t->proc->mem, a[0], a[1], 0);
}

int64_t sys_mlock2(struct kit_thread *t, const uint64_t *a)
{
	if ((int)a[2] & ~MLOCK_ONFAULT)
		return -EINVAL;
	return mem_mlock(t->proc->mem, a[0], a[1], (int)a[2]);
}

int64_t sys_munlock(struct kit_thread *t, const uint64_t *a)
{
	return mem_munlock(t->proc->mem, a[0], a[1]);
}

int64_t sys_mincore(struct kit_thread *t, const uint64_t *a)
{
	return mem_mincore(t->proc->mem, a[0], a[1], a[2]);
}

int64_t sys_shmat(struct kit_thread *t, const uint64_t *a)
{
	return mem_shmat(t->proc->mem, (int)a[0], a[1], (int)a[2]);
}

int64_t sys_shmdt(struct kit_thread *t, const uint64_t *a) { return mem_shmdt(t->proc->mem, a[0]); }

/* The kernel maps anew what is mapped there: shared memory, which is never guarded. */
int64_t sys_remap_file_pages(struct kit_thread *t, const uint64_t *a)
{
	return host_call(__NR_remap_file_pages, marshal_mapped(t, a[0]), (long)a[1], (long)a[2],
			 (long)a[3], (long)a[4], 0);
}

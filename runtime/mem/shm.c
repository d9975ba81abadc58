/* Memory that does not come from mmap, in the guest's address space: System V segments, mappings that the kernel made. */
#include "runtime/mem/mem_priv.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/shm.h>

/* Where to attach; a result or -errno. */
static int64_t shm_address(struct mem_space *m, gaddr addr, uint64_t len, int flags)
{
	gaddr at;

	if (!addr) {
		if (flags & SHM_REMAP)
			return -EINVAL;
		at = mem_find_free(m, 0, len, MEM_PAGE_BYTES);
		return at ? (int64_t)at : -ENOMEM;
	}
	if (flags & SHM_RND)
		addr = align_down(addr, MEM_PAGE_BYTES);
	if ((addr & MEM_PAGE_MASK) || !addr || !mem_inside(m, addr, len))
		return -EINVAL;
	if (!(flags & SHM_REMAP) && !vma_is_free(&m->vmas, addr, addr + len))
		return -EINVAL;
	return (int64_t)addr;
}

int64_t mem_shmat(struct mem_space *m, int shmid, gaddr addr, int flags)
{
	struct shmid_ds ds;
	struct mem_vma v;
	uint64_t len;
	int64_t at;
	bool had_exec;
	int err;

	if (shmctl(shmid, IPC_STAT, &ds))
		return -errno;
	len = align_up(ds.shm_segsz, MEM_PAGE_BYTES);
	mem_lock(m);
	at = shm_address(m, addr, len, flags);
	if (at < 0) {
		mem_unlock(m);
		return at;
	}
	v = (struct mem_vma){
		.start = (gaddr)at,
		.end = (gaddr)at + len,
		.prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE)
			| (flags & SHM_EXEC ? PROT_EXEC : 0),
		.flags = MAP_SHARED | MEM_VMA_SHM,
		.map_id = ++m->next_id,
	};
	had_exec = mem_has_exec(m, v.start, v.end);
	err = mem_claim_holes(m, v.start, v.end);
	if (!err
	    && shmat(shmid, mem_host(m, v.start), (flags & SHM_RDONLY) | SHM_REMAP) == (void *)-1) {
		err = -errno;
		mem_release_holes(m, v.start, v.end);
	}
	if (err) {
		mem_unlock(m);
		return err;
	}
	guard_erase(m, v.start, v.end);
	vma_replace(&m->vmas, &v);
	mem_unlock_tell(m, v.start, had_exec ? v.end : 0);
	return at;
}

int64_t mem_shmdt(struct mem_space *m, gaddr addr)
{
	const struct mem_vma *v;
	gaddr end = addr;
	bool had_exec = false;
	uint32_t id;

	if (addr & MEM_PAGE_MASK)
		return -EINVAL;
	mem_lock(m);
	v = vma_find(&m->vmas, addr);
	if (!v || v->start != addr || v->offset || !(v->flags & MEM_VMA_SHM)) {
		mem_unlock(m);
		return -EINVAL;
	}
	id = v->map_id;
	if (shmdt(mem_host(m, addr))) {
		int err = -errno;

		mem_unlock(m);
		return err;
	}
	/* Every piece of the segment that still lies at its place goes. */
	for (unsigned i = vma_lower(&m->vmas, addr); i < m->vmas.count; i++)
		if (m->vmas.v[i].map_id == id && m->vmas.v[i].start - m->vmas.v[i].offset == addr)
			end = m->vmas.v[i].end;
	for (gaddr pos = addr; pos < end;) {
		struct mem_vma piece = m->vmas.v[vma_lower(&m->vmas, pos)];

		if (piece.map_id == id && piece.start - piece.offset == addr) {
			had_exec |= (piece.prot & PROT_EXEC) != 0;
			vma_remove(&m->vmas, piece.start, piece.end);
			guard_erase(m, piece.start, piece.end);
			mem_freed(m, piece.start, piece.end);
			if (m->base)
				mem_release_holes(m, piece.start, piece.end);
		}
		pos = piece.end;
	}
	mem_unlock_tell(m, addr, had_exec ? end : 0);
	return 0;
}

int64_t mem_take(struct mem_space *m, void *host, uint64_t len)
{
	struct mem_vma v = { .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED };
	int err;

	len = align_up(len, MEM_PAGE_BYTES);
	mem_lock(m);
	v.start = mem_find_free(m, 0, len, MEM_PAGE_BYTES);
	v.end = v.start + len;
	v.map_id = ++m->next_id;
	err = v.start ? mem_claim_holes(m, v.start, v.end) : -ENOMEM;
	if (!err
	    && mremap(host, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, mem_host(m, v.start))
		   == MAP_FAILED) {
		err = -errno;
		mem_release_holes(m, v.start, v.end);
	}
	if (!err)
		vma_insert(&m->vmas, &v);
	mem_unlock(m);
	return err ? err : (int64_t)v.start;
}

/* Where the host knows a flag for addresses of 32 bits, the kernel's choice is one of the guest's. */
#ifdef MAP_32BIT
enum { MAP_LOW = MAP_32BIT };
#else
enum { MAP_LOW = 0 };
#endif

int64_t mem_mmap_unplaced(struct mem_space *m, uint64_t len, int prot, int fd, int64_t offset)
{
	struct mem_vma v = { .prot = prot, .flags = MAP_SHARED, .offset = (uint64_t)offset };
	int64_t result;
	void *p;

	if (m->base)
		return -EINVAL;
	mem_lock(m);
	p = mmap(NULL, len, mem_host_prot(prot), MAP_SHARED | MAP_LOW, fd, offset);
	v.start = (uintptr_t)p;
	v.end = v.start + align_up(len, MEM_PAGE_BYTES);
	v.map_id = ++m->next_id;
	if (p == MAP_FAILED) {
		result = -errno;
	} else if (v.start < m->min || v.end > m->limit || !vma_is_free(&m->vmas, v.start, v.end)) {
		munmap(p, len);
		result = -EINVAL;
	} else {
		vma_insert(&m->vmas, &v);
		result = (int64_t)v.start;
	}
	mem_unlock(m);
	return result;
}

void *mem_map_shared(int fd, size_t size_bytes)
{
	void *p = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/*
 * mremap: grow, shrink, move, duplicate. The host does it; what is decided here is where to.
 */
#include "runtime/mem/mem_priv.h"

#include "lib/base/log.h"

#include <errno.h>
#include <sys/mman.h>

struct remap {
	gaddr old;
	uint64_t old_len, new_len; /* whole pages; old_len 0: duplicate */
	int flags;                 /* MREMAP_ */
	gaddr to;                  /* with MREMAP_FIXED */
};

/* The mapping that the old range lies in; neighbours count as one where the host may have merged them. NULL: EFAULT. */
static const struct mem_vma *source(struct mem_space *m, const struct remap *r, gaddr *end)
{
	struct vma_list *l = &m->vmas;
	unsigned i = vma_lower(l, r->old), j = i;

	if (i == l->count || l->v[i].start > r->old)
		return NULL;
	while (l->v[j].end < r->old + r->old_len) {
		if (j + 1 == l->count || l->v[j + 1].start != l->v[j].end || l->v[j + 1].prot != l->v[i].prot
		    || l->v[j + 1].flags != l->v[i].flags)
			return NULL;
		j++;
	}
	*end = l->v[j].end;
	return &l->v[i];
}

/* The host's mremap; to is used with MREMAP_FIXED. 0 or -errno. */
static int host_remap(struct mem_space *m, const struct remap *r, int flags, gaddr to)
{
	void *p = mremap(mem_host(m, r->old), r->old_len, r->new_len, flags, mem_host(m, to));

	return p == MAP_FAILED ? -errno : 0;
}

/* Grows the mapping where it is. 0, or -errno when something is in the way. */
static int grow_in_place(struct mem_space *m, const struct remap *r, gaddr vma_end)
{
	gaddr old_end = r->old + r->old_len, new_end = r->old + r->new_len;
	int err;

	if (old_end != vma_end || !mem_inside(m, r->old, r->new_len) || !vma_is_free(&m->vmas, old_end, new_end))
		return -ENOMEM;
	if (m->base)
		munmap(mem_host(m, old_end), new_end - old_end); /* out of the reservation's way */
	err = host_remap(m, r, 0, 0);
	if (err && m->base)
		mem_release_holes(m, old_end, new_end);
	return err;
}

/* What the list holds after the host moved or grew src (a copy) to at. */
static void note_moved(struct mem_space *m, const struct remap *r, struct mem_vma src, gaddr at)
{
	if (src.map_id)
		src.offset += r->old - src.start;
	src.start = at;
	src.end = at + r->new_len;
	if (at != r->old)
		src.name = NULL;
	vma_remove(&m->vmas, src.start, src.end);
	guard_erase(m, src.start, src.end);
	vma_insert(&m->vmas, &src);
}

/* Moves, or duplicates, to an address that is known to be the guest's. */
static int move_to(struct mem_space *m, const struct remap *r, const struct mem_vma *src, gaddr to)
{
	const struct mem_vma copy = *src;
	bool keeps_old = r->old_len == 0 || (r->flags & MREMAP_DONTUNMAP);
	int err = mem_claim_holes(m, to, to + r->new_len);

	if (err)
		return err;
	err = host_remap(m, r, (r->flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (err) {
		mem_release_holes(m, to, to + r->new_len);
		return err;
	}
	if (!keeps_old) {
		vma_remove(&m->vmas, r->old, r->old + r->old_len);
		if (m->base)
			mem_release_holes(m, r->old, r->old + r->old_len);
		mem_freed(m, r->old, r->old + r->old_len);
	}
	guard_erase(m, r->old, r->old + r->old_len);
	note_moved(m, r, copy, to);
	return 0;
}

/* The kernel's checks of the arguments, in its order. */
static int check_args(const struct mem_space *m, const struct remap *r, uint64_t raw_new_len)
{
	bool fixed = r->flags & MREMAP_FIXED, dont_unmap = r->flags & MREMAP_DONTUNMAP;

	if (r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (((fixed || dont_unmap || !r->old_len) && !(r->flags & MREMAP_MAYMOVE))
	    || (dont_unmap && r->old_len != r->new_len))
		return -EINVAL;
	if ((r->old & MEM_PAGE_MASK) || !r->new_len || !raw_new_len)
		return -EINVAL;
	if (!fixed)
		return 0;
	if ((r->to & MEM_PAGE_MASK) || !mem_inside(m, r->to, r->new_len))
		return -EINVAL;
	if (r->old + r->old_len > r->to && r->to + r->new_len > r->old)
		return -EINVAL;
	return 0;
}

/* The call itself, arguments checked, lock held. The new address or -errno. */
static int64_t remap(struct mem_space *m, struct remap *r)
{
	const struct mem_vma *src;
	gaddr vma_end, to;
	int err;

	if (!mem_inside(m, r->old, r->old_len))
		return -EFAULT;
	src = source(m, r, &vma_end);
	/* Host protections must be the guest's, or the host sees several mappings. */
	guard_drop(m, r->old, r->old + r->old_len);
	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && r->new_len <= r->old_len && r->old_len) {
		/* Shrinking is unmapping, whatever is mapped there. */
		if (!vma_find(&m->vmas, r->old))
			return -EFAULT;
		err = r->new_len < r->old_len ? mem_unmap_range(m, r->old + r->new_len, r->old + r->old_len) : 0;
		return err ? err : (int64_t)r->old;
	}
	if (!src)
		return -EFAULT;
	if (r->flags & MREMAP_FIXED) {
		to = r->to;
		if (m->base && to < m->min)
			return -EPERM;
	} else {
		if (r->old_len && !(r->flags & MREMAP_DONTUNMAP)) {
			struct mem_vma copy = *src;

			err = grow_in_place(m, r, vma_end);
			if (!err) {
				note_moved(m, r, copy, r->old);
				return (int64_t)r->old;
			}
			if (!(r->flags & MREMAP_MAYMOVE))
				return err;
		}
		to = mem_find_free(m, r->flags & MREMAP_DONTUNMAP ? r->to : 0, r->new_len, MEM_PAGE_BYTES);
		if (!to)
			return -ENOMEM;
	}
	err = move_to(m, r, src, to);
	return err ? err : (int64_t)to;
}

int64_t mem_mremap(struct mem_space *m, gaddr old, uint64_t old_len, uint64_t new_len, int flags, gaddr new_addr)
{
	struct remap r = {
		.old = old,
		.old_len = align_up(old_len, MEM_PAGE_BYTES),
		.new_len = align_up(new_len, MEM_PAGE_BYTES),
		.flags = flags,
		.to = new_addr,
	};
	int64_t result = check_args(m, &r, new_len);
	bool old_exec, new_exec;

	if (result)
		return result;
	mem_lock(m);
	old_exec = mem_inside(m, old, r.old_len) && mem_has_exec(m, old, old + r.old_len);
	new_exec = (flags & MREMAP_FIXED) && mem_has_exec(m, new_addr, new_addr + r.new_len);
	result = remap(m, &r);
	KIT_LOG(mem, "mremap 0x%llx + 0x%llx to 0x%llx flags %d = 0x%llx", (unsigned long long)old,
		(unsigned long long)old_len, (unsigned long long)new_len, flags, (unsigned long long)result);
	mem_unlock_tell(m, old, old_exec ? old + r.old_len : 0);
	if (new_exec && m->listener.code_changed)
		m->listener.code_changed(m->listener.ctx, new_addr, r.new_len);
	return result;
}

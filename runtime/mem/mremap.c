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

static gaddr old_end(const struct remap *r) { return r->old + r->old_len; }
static gaddr to_end(const struct remap *r) { return r->to + r->new_len; }

static bool continues(const struct mem_vma *a, const struct mem_vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags
	       && !(a->flags & MAP_ANONYMOUS) && a->offset + (a->end - a->start) == b->offset;
}

/*
 * The mapping that holds the old range, which must be one: parts of a file that continue each other count as one, since
 * the kernel may have merged them. What is cut off does not count. *end: where it ends. 0 or -errno.
 */
static int check_source(struct mem_space *m, const struct remap *r, gaddr *end)
{
	const gaddr used = r->old + (r->new_len < r->old_len ? r->new_len : r->old_len);
	const struct vma_list *l = &m->vmas;
	unsigned i = vma_lower(&m->vmas, r->old), j = i;

	if (i == l->count || l->v[i].start > r->old)
		return -EFAULT;
	if (!r->old_len && (l->v[i].flags & MAP_TYPE) != MAP_SHARED)
		return -EINVAL; /* nothing to share with a duplicate */
	*end = l->v[i].end;
	for (; l->v[j].end < used; *end = l->v[++j].end)
		if (j + 1 == l->count || !continues(&l->v[j], &l->v[j + 1]))
			return -EFAULT;
	return 0;
}

/* The host's mremap. 0 or -errno. */
static int host_remap(struct mem_space *m, const struct remap *r, int flags, gaddr to)
{
	void *p = mremap(mem_host(m, r->old), r->old_len, r->new_len, flags, mem_host(m, to));

	return p == MAP_FAILED ? -errno : 0;
}

/* Grows the mapping, which ends at vma_end, where it is. 0, or -errno when something is in the way. */
static int grow_in_place(struct mem_space *m, const struct remap *r, gaddr vma_end)
{
	gaddr new_end = r->old + r->new_len;
	struct mem_vma grown;
	int err;

	if (old_end(r) != vma_end || !mem_inside(m, r->old, r->new_len)
	    || !vma_is_free(&m->vmas, vma_end, new_end))
		return -ENOMEM;
	if (m->base)
		munmap(mem_host(m, vma_end), new_end - vma_end); /* out of the reservation's way */
	err = host_remap(m, r, 0, 0);
	if (err) {
		if (m->base)
			mem_release_holes(m, vma_end, new_end);
		return err;
	}
	grown = *vma_find(&m->vmas, vma_end - 1);
	if (grown.map_id)
		grown.offset += vma_end - grown.start;
	grown.start = vma_end;
	grown.end = new_end;
	vma_insert(&m->vmas, &grown);
	return 0;
}

/* The list after the host's move: the old range, a part of one mapping, is at its new place too, or only there. */
static void note_moved(struct mem_space *m, const struct remap *r, bool keeps_old)
{
	struct mem_vma moved = *vma_find(&m->vmas, r->old);

	if (!keeps_old)
		vma_remove(&m->vmas, r->old, old_end(r));
	if (moved.map_id)
		moved.offset += r->old - moved.start;
	moved.start = r->to;
	moved.end = to_end(r);
	moved.name = NULL;
	vma_insert(&m->vmas, &moved);
}

/* Moves or duplicates to r->to, which is free and the guest's. 0 or -errno. */
static int move(struct mem_space *m, const struct remap *r)
{
	bool keeps_old = r->old_len == 0 || (r->flags & MREMAP_DONTUNMAP);
	int err = mem_claim_holes(m, r->to, to_end(r));

	if (err)
		return err;
	err =
	    host_remap(m, r, (r->flags & MREMAP_DONTUNMAP) | MREMAP_MAYMOVE | MREMAP_FIXED, r->to);
	if (err) {
		mem_release_holes(m, r->to, to_end(r));
		return err;
	}
	note_moved(m, r, keeps_old);
	guard_erase(m, r->old, old_end(r));
	if (!keeps_old)
		mem_freed(m, r->old, old_end(r));
	if (m->base && !keeps_old)
		mem_release_holes(m, r->old, old_end(r));
	return 0;
}

/*
 * A move to a given place without another size goes, since Linux 6.17, over several mappings; what lies
 * opposite their holes stays. Each is moved by itself, so that any host can.
 */
static int64_t move_each(struct mem_space *m, const struct remap *r)
{
	gaddr pos = r->old;

	while (pos < old_end(r)) {
		unsigned i = vma_lower(&m->vmas, pos);
		struct remap part = { .flags = r->flags };
		int err;

		if (i == m->vmas.count || m->vmas.v[i].start >= old_end(r))
			break;
		part.old = m->vmas.v[i].start > pos ? m->vmas.v[i].start : pos;
		pos = m->vmas.v[i].end < old_end(r) ? m->vmas.v[i].end : old_end(r);
		part.old_len = part.new_len = pos - part.old;
		part.to = r->to + (part.old - r->old);
		err = mem_unmap_range(m, part.to, to_end(&part));
		if (!err)
			err = move(m, &part);
		if (err)
			return err;
	}
	return (int64_t)r->to;
}

/* The kernel's checks of the arguments alone. 0 or -errno. */
static int check_args(const struct mem_space *m, const struct remap *r)
{
	if ((r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
	    || (r->old & MEM_PAGE_MASK) || !r->new_len)
		return -EINVAL;
	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return 0;
	if ((r->to & MEM_PAGE_MASK) || !(r->flags & MREMAP_MAYMOVE)
	    || !mem_inside(m, r->to, r->new_len)
	    || ((r->flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
	    || (old_end(r) > r->to && to_end(r) > r->old))
		return -EINVAL;
	return 0;
}

/* MREMAP_FIXED or MREMAP_DONTUNMAP. What lies at the new place goes once the rest is found right. */
static int64_t remap_to(struct mem_space *m, struct remap *r)
{
	gaddr end;
	int err;

	if ((r->flags & MREMAP_FIXED) && m->base && r->to < m->min)
		return -EPERM;
	if ((r->flags & MREMAP_FIXED) && r->old_len == r->new_len)
		return move_each(m, r);
	err = check_source(m, r, &end);
	if (!err && (r->flags & MREMAP_FIXED))
		err = mem_unmap_range(m, r->to, to_end(r));
	if (!err && r->new_len < r->old_len) {
		err = mem_unmap_range(m, r->old + r->new_len, old_end(r));
		r->old_len = r->new_len;
	}
	if (err)
		return err;
	if (!(r->flags & MREMAP_FIXED)) {
		r->to = mem_find_free(m, r->to, r->new_len, MEM_PAGE_BYTES);
		if (!r->to)
			return -ENOMEM;
	}
	err = move(m, r);
	return err ? err : (int64_t)r->to;
}

/* Neither of them: in place if possible. */
static int64_t remap_at(struct mem_space *m, struct remap *r)
{
	gaddr end;
	int err;

	if (r->new_len <= r->old_len) {
		err = r->new_len < r->old_len ? mem_unmap_range(m, r->old + r->new_len, old_end(r))
					      : 0;
		return err ? err : (int64_t)r->old;
	}
	err = check_source(m, r, &end);
	if (err)
		return err;
	if (r->old_len) {
		err = grow_in_place(m, r, end);
		if (!err)
			return (int64_t)r->old;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	r->to = mem_find_free(m, 0, r->new_len, MEM_PAGE_BYTES);
	if (!r->to)
		return -ENOMEM;
	err = move(m, r);
	return err ? err : (int64_t)r->to;
}

int64_t mem_mremap(struct mem_space *m, gaddr old, uint64_t old_len, uint64_t new_len, int flags,
		   gaddr new_addr)
{
	struct remap r = {
		.old = old,
		.old_len = align_up(old_len, MEM_PAGE_BYTES),
		.new_len = align_up(new_len, MEM_PAGE_BYTES),
		.flags = flags,
		.to = new_addr,
	};
	int64_t result = check_args(m, &r);
	bool old_exec, new_exec = false;

	if (result)
		return result;
	mem_lock(m);
	if (!vma_find(&m->vmas, old)) {
		mem_unlock(m);
		return -EFAULT;
	}
	if (!mem_inside(m, old, r.old_len)) {
		gaddr end;

		result = r.new_len < r.old_len ? check_source(m, &r, &end) : -EFAULT;
		mem_unlock(m);
		return result && (flags & MREMAP_FIXED) ? -EFAULT : -EINVAL;
	}
	old_exec = mem_has_exec(m, old, old_end(&r));
	/* Where a page is guarded the host sees several mappings, and what moves must be translated anew. */
	if (guard_drop(m, old, old_end(&r)))
		old_exec = true;
	if ((flags & MREMAP_FIXED) && mem_inside(m, new_addr, r.new_len))
		new_exec = mem_has_exec(m, new_addr, to_end(&r));
	result = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? remap_to(m, &r) : remap_at(m, &r);
	KIT_LOG(mem, "mremap 0x%llx + 0x%llx to 0x%llx flags %d = 0x%llx", (unsigned long long)old,
		(unsigned long long)old_len, (unsigned long long)new_len, flags,
		(unsigned long long)result);
	mem_unlock_tell(m, old, old_exec ? old + align_up(old_len, MEM_PAGE_BYTES) : 0);
	if (new_exec)
		mem_tell(m, new_addr, new_addr + r.new_len);
	return result;
}

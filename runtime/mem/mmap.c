/*
 * mmap, munmap, mprotect and brk for the guest, with the kernel's rules and error numbers.
 *
 * Where the address decides, the list of mappings answers; all else (descriptors, file modes, limits,
 * accounting) the host kernel decides when the call is forwarded. A failed call leaves the list as
 * it was. The host never replaces a mapping that the list does not have: free
 * ranges are mapped with MAP_FIXED_NOREPLACE, or claimed that way before a MAP_FIXED over them.
 */
#include "runtime/mem/mem_priv.h"

#include "lib/base/log.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/vfs.h>

_Static_assert(MEM_PROT_READ == PROT_READ && MEM_PROT_WRITE == PROT_WRITE
		   && MEM_PROT_EXEC == PROT_EXEC,
	       "protections");
_Static_assert(MEM_MAP_SHARED == MAP_SHARED && MEM_MAP_PRIVATE == MAP_PRIVATE
		   && MEM_MAP_FIXED == MAP_FIXED && MEM_MAP_ANONYMOUS == MAP_ANONYMOUS
		   && MEM_MAP_GROWSDOWN == MAP_GROWSDOWN && MEM_MAP_NORESERVE == MAP_NORESERVE
		   && MEM_MAP_FIXED_NOREPLACE == MAP_FIXED_NOREPLACE,
	       "asm-generic MAP_ flags");

enum {
	/* Flags with these values are x86's (MAP_32BIT, MAP_ABOVE4G); riscv's mmap ignores them. */
	X86_FLAGS = 0x40 | 0x80,
	PROT_SEMAPHORE = 8,
	HUGE_SHIFT = 21, /* of huge pages for which no size is asked */
	KEPT_FLAGS =
	    MAP_PRIVATE | MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE | MAP_HUGETLB,
};

/* PROT_NONE over a range: claimed for the guest (direct) or reserved again (base). */
static int hold(struct mem_space *m, gaddr start, gaddr end, int fixed)
{
	void *want = mem_host(m, start);
	void *p = mmap(want, end - start, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	if (p == want)
		return 0;
	munmap(p, end - start); /* a kernel that does not know NOREPLACE */
	return -EEXIST;
}

/* Calls munmap or hold for each hole of the range; stops at the first failure, *done is where. */
static int each_hole(struct mem_space *m, gaddr start, gaddr end, bool unmap, int fixed,
		     gaddr *done)
{
	int err = 0;

	for (unsigned i = vma_lower(&m->vmas, start); start < end && !err; i++) {
		gaddr stop = end;

		if (i < m->vmas.count && m->vmas.v[i].start < end)
			stop = m->vmas.v[i].start;
		if (start < stop)
			err = unmap ? munmap(mem_host(m, start), stop - start)
				    : hold(m, start, stop, fixed);
		*done = start;
		start = stop == end ? end : m->vmas.v[i].end;
	}
	return err;
}

int mem_claim_holes(struct mem_space *m, gaddr start, gaddr end)
{
	gaddr done = start;
	int err;

	if (m->base)
		return 0;
	err = each_hole(m, start, end, false, MAP_FIXED_NOREPLACE, &done);
	if (err)
		mem_release_holes(m, start, done);
	return err == -EEXIST ? -ENOMEM : err;
}

void mem_release_holes(struct mem_space *m, gaddr start, gaddr end)
{
	gaddr done;

	each_hole(m, start, end, m->base == 0, MAP_FIXED, &done);
}

int mem_unmap_range(struct mem_space *m, gaddr start, gaddr end)
{
	gaddr pos = start;

	while (pos < end) {
		unsigned i = vma_lower(&m->vmas, pos);
		gaddr from, to;

		if (i == m->vmas.count || m->vmas.v[i].start >= end)
			break;
		from = m->vmas.v[i].start > pos ? m->vmas.v[i].start : pos;
		to = m->vmas.v[i].end;
		while (++i < m->vmas.count && m->vmas.v[i].start == to && to < end)
			to = m->vmas.v[i].end;
		if (to > end)
			to = end;
		if (m->base) {
			int err = hold(m, from, to, MAP_FIXED);

			if (err)
				return err;
		} else if (munmap(mem_host(m, from), to - from)) {
			return -errno;
		}
		vma_remove(&m->vmas, from, to);
		guard_erase(m, from, to);
		mem_freed(m, from, to);
		pos = to;
	}
	return 0;
}

/* Puts a mapping that the host now has into the list. */
static void note_mapping(struct mem_space *m, gaddr at, uint64_t len, int prot, int flags,
			 int64_t offset)
{
	bool private_anon = (flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) == MAP_PRIVATE;
	struct mem_vma v = {
		.start = at,
		.end = at + len,
		.prot = prot,
		.flags = flags & KEPT_FLAGS,
		.map_id = private_anon ? 0 : ++m->next_id,
		.offset = flags & MAP_ANONYMOUS ? 0 : (uint64_t)offset,
	};

	if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE)
		v.flags &= ~MAP_PRIVATE;
	if (flags & MAP_GROWSDOWN)
		m->growsdown++;
	if ((v.flags & MAP_TYPE) != MAP_SHARED)
		guard_note_prot(&m->guard, prot);
	vma_replace(&m->vmas, &v);
}

/* What the kernel says to a request that fails whatever the address. */
static int64_t host_error(uint64_t len, int prot, int flags, int fd, int64_t offset)
{
	void *p = mmap(NULL, len, prot, flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE), fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, len);
	return -ENOMEM;
}

/* The size of the pages that a request gets: address and length are whole ones. The kernel rounds the length up itself. */
static uint64_t page_bytes(int flags, int fd)
{
	unsigned shift = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
	uint64_t n = 0;
	struct statfs s;

	if (!(flags & MAP_ANONYMOUS)) {
		if (fstatfs(fd, &s) == 0 && s.f_type == HUGETLBFS_MAGIC)
			n = (uint64_t)s.f_bsize;
	} else if (flags & MAP_HUGETLB) {
		n = UINT64_C(1) << (shift ? shift : HUGE_SHIFT);
	}
	return n > MEM_PAGE_BYTES ? n : MEM_PAGE_BYTES;
}

/* The address for a request: a result >= 0, or -errno. */
static int64_t choose_address(struct mem_space *m, gaddr addr, uint64_t len, int flags,
			      uint64_t align)
{
	gaddr at;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (!mem_inside(m, addr, len))
			return -ENOMEM;
		if (addr & MEM_PAGE_MASK)
			return -EINVAL;
		if (m->base && addr < m->min)
			return -EPERM;
		if ((flags & MAP_FIXED_NOREPLACE) && !vma_is_free(&m->vmas, addr, addr + len))
			return -EEXIST;
		return (int64_t)addr;
	}
	at = mem_find_free(m, addr, len, align);
	return at ? (int64_t)at : -ENOMEM;
}

/* mmap at an address that is known to be the guest's; the list is not touched. 0 or -errno. */
static int host_map(struct mem_space *m, gaddr at, uint64_t len, int prot, int flags, int fd,
		    int64_t offset)
{
	bool is_free = vma_is_free(&m->vmas, at, at + len);
	int err, how = is_free && !m->base ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	void *want = mem_host(m, at), *p;

	if (!is_free) {
		err = mem_claim_holes(m, at, at + len);
		if (err)
			return err;
	}
	p = mmap(want, len, mem_host_prot(prot), (flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE)) | how,
		 fd, offset);
	if (p == want)
		return 0;
	err = p == MAP_FAILED ? errno : EEXIST;
	if (p != MAP_FAILED)
		munmap(p, len);
	if (!is_free || m->base)
		mem_release_holes(m, at, at + len);
	if (err == EEXIST && !(flags & MAP_FIXED_NOREPLACE))
		err = ENOMEM; /* something of kitemu is there, against all expectation */
	return -err;
}

int64_t mem_mmap(struct mem_space *m, gaddr addr, uint64_t len, int prot, int flags, int fd,
		 int64_t offset)
{
	uint64_t page;
	bool had_exec;
	int64_t at;
	int err;

	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	flags &= ~X86_FLAGS;
	if ((uint64_t)offset & MEM_PAGE_MASK)
		return -EINVAL;
	if (!len || len > UINT64_MAX - MEM_PAGE_MASK)
		return host_error(len, prot, flags, fd, offset);
	page = page_bytes(flags, fd);
	if (page - 1 > UINT64_MAX - MEM_PAGE_MASK - len) /* that of a size that there is not, too */
		return host_error(page, PROT_NONE, flags, fd, offset);
	len = align_up(len, page);

	mem_lock(m);
	at = choose_address(m, addr, len, flags, page);
	if (at < 0) {
		mem_unlock(m);
		/* A bad descriptor, and a size of pages that there is not, come before a bad address. */
		err = (int)host_error(page, PROT_NONE, flags | MAP_NORESERVE, fd, offset);
		return err == -EBADF || (err == -EINVAL && flags & MAP_HUGETLB) ? err : at;
	}
	err = host_map(m, (gaddr)at, len, prot, flags, fd, offset);
	if (err) {
		mem_unlock(m);
		return err;
	}
	had_exec = mem_has_exec(m, (gaddr)at, (gaddr)at + len);
	guard_erase(m, (gaddr)at, (gaddr)at + len);
	note_mapping(m, (gaddr)at, len, prot, flags, offset);
	KIT_LOG(mem, "mmap 0x%llx + 0x%llx prot %d flags 0x%x", (unsigned long long)at,
		(unsigned long long)len, prot, (unsigned)flags);
	mem_unlock_tell(m, (gaddr)at, had_exec ? (gaddr)at + len : 0);
	return at;
}

int64_t mem_munmap(struct mem_space *m, gaddr addr, uint64_t len)
{
	bool had_exec;
	gaddr end;
	int err;

	if ((addr & MEM_PAGE_MASK) || !len || !mem_inside(m, addr, len))
		return -EINVAL;
	end = align_up(addr + len, MEM_PAGE_BYTES);
	mem_lock(m);
	had_exec = mem_has_exec(m, addr, end);
	err = mem_unmap_range(m, addr, end);
	KIT_LOG(mem, "munmap 0x%llx + 0x%llx = %d", (unsigned long long)addr,
		(unsigned long long)len, err);
	mem_unlock_tell(m, addr, had_exec ? end : 0);
	return err;
}

/*
 * Sets prot from start to end, mapping by mapping, up to the first hole or error, as the kernel does.
 * *told: translated code of the range may be stale.
 */
static int protect_range(struct mem_space *m, gaddr start, gaddr end, int prot, bool *told)
{
	while (start < end) {
		struct mem_vma *v = vma_find(&m->vmas, start);
		gaddr stop;
		int old;

		if (!v)
			return -ENOMEM;
		old = v->prot;
		stop = v->end < end ? v->end : end;
		if (old != prot) {
			if (mprotect(mem_host(m, start), stop - start, mem_host_prot(prot)))
				return -errno;
			guard_forget(m, start, stop);
			/* Code goes; or it stays, but is no longer guarded. */
			if ((old & PROT_EXEC)
			    && (!(prot & PROT_EXEC) || (prot & ~old & PROT_WRITE)))
				*told = true;
			/* As if guarded: who fetched code before may have missed a write. */
			if ((old & PROT_EXEC) && (old & ~prot & PROT_WRITE))
				__atomic_fetch_add(&m->guard.pages.times, 1, __ATOMIC_SEQ_CST);
			if ((v->flags & MAP_TYPE) != MAP_SHARED)
				guard_note_prot(&m->guard, prot);
			vma_set_prot(&m->vmas, start, stop, prot);
		}
		start = stop;
	}
	return 0;
}

/* The first thread's stack is no MAP_GROWSDOWN mapping here, but it is one to the guest. */
static bool is_stack(const struct mem_vma *v)
{
	return (v->flags & MAP_GROWSDOWN) || (v->name && !strcmp(v->name, "[stack]"));
}

int64_t mem_mprotect(struct mem_space *m, gaddr addr, uint64_t len, int prot)
{
	const int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	const struct mem_vma *v;
	bool told = false;
	gaddr end;
	int err = 0;

	prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (addr & MEM_PAGE_MASK))
		return -EINVAL;
	if (!len)
		return 0;
	end = addr + align_up(len, MEM_PAGE_BYTES);
	if (end <= addr)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEMAPHORE))
		return -EINVAL;
	prot &= ~PROT_SEMAPHORE;

	mem_lock(m);
	if (grows) {
		unsigned i = vma_lower(&m->vmas, addr);

		v = i < m->vmas.count && m->vmas.v[i].start < end ? &m->vmas.v[i] : NULL;
		if (!v || (grows == PROT_GROWSUP && v->start > addr))
			err = -ENOMEM;
		else if (grows == PROT_GROWSUP || !is_stack(v))
			err = -EINVAL;
		else
			addr = v->start;
	}
	if (!err)
		err = protect_range(m, addr, end, prot, &told);
	KIT_LOG(mem, "mprotect 0x%llx + 0x%llx prot %d = %d", (unsigned long long)addr,
		(unsigned long long)len, prot, err);
	mem_unlock_tell(m, addr, told ? end : 0);
	return err;
}

void mem_set_brk(struct mem_space *m, gaddr start)
{
	mem_lock(m);
	m->brk_start = m->brk = align_up(start, MEM_PAGE_BYTES);
	mem_unlock(m);
}

/* Maps [start, end) for the heap; false when something is in the way, one page beyond included. */
static bool grow_heap(struct mem_space *m, gaddr start, gaddr end)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct rlimit data;

	if (!mem_inside(m, start, end + MEM_PAGE_BYTES - start)
	    || !vma_is_free(&m->vmas, start, end + MEM_PAGE_BYTES))
		return false;
	if (!getrlimit(RLIMIT_DATA, &data) && end - m->brk_start > data.rlim_cur)
		return false;
	if (host_map(m, start, end - start, PROT_READ | PROT_WRITE, flags, -1, 0))
		return false;
	vma_insert(&m->vmas, &(struct mem_vma){ .start = start,
						.end = end,
						.prot = PROT_READ | PROT_WRITE,
						.flags = flags,
						.name = "[heap]" });
	return true;
}

int64_t mem_brk(struct mem_space *m, gaddr addr)
{
	gaddr old_end, new_end, told = 0;
	int64_t result;

	mem_lock(m);
	old_end = align_up(m->brk, MEM_PAGE_BYTES);
	new_end = align_up(addr, MEM_PAGE_BYTES);
	if (addr >= m->brk_start && mem_inside(m, m->brk_start, addr - m->brk_start)) {
		if (new_end < old_end) {
			told = mem_has_exec(m, new_end, old_end) ? old_end : 0;
			if (!mem_unmap_range(m, new_end, old_end))
				m->brk = addr;
		} else if (new_end == old_end || grow_heap(m, old_end, new_end)) {
			m->brk = addr;
		}
	}
	result = (int64_t)m->brk;
	mem_unlock_tell(m, new_end, told);
	return result;
}

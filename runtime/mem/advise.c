/*
 * madvise, msync, mlock, mincore: the host answers; at a base it sees no holes, so the list adds ENOMEM.
 */
#include "runtime/mem/mem_priv.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than some libc's headers. */
enum {
	ADV_POPULATE_WRITE = 23,
	ADV_DONTNEED_LOCKED = 24,
	ADV_GUARD_INSTALL = 102,
};

/* The page-rounded end of a request in *end; false when it leaves the guest's addresses. */
static bool bounds(const struct mem_space *m, gaddr addr, uint64_t len, gaddr *end)
{
	if (!mem_inside(m, addr, len))
		return false;
	*end = align_up(addr + len, MEM_PAGE_BYTES);
	return true;
}

/* True when the window's reservation hid a hole from the host. */
static bool hidden_hole(struct mem_space *m, gaddr start, gaddr end)
{
	return m->base && !vma_is_covered(&m->vmas, start, end);
}

static bool changes_content(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case ADV_POPULATE_WRITE:
	case ADV_DONTNEED_LOCKED:
	case ADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

int64_t mem_madvise(struct mem_space *m, gaddr addr, uint64_t len, int advice)
{
	bool told = false;
	int64_t err;
	gaddr end;

	if (!bounds(m, addr, len, &end)) {
		/* The kernel's order: the advice, the address, then the range. */
		if (madvise(mem_host(m, 0), 0, advice) || (addr & MEM_PAGE_MASK)
		    || addr + len < addr)
			return -EINVAL;
		return -ENOMEM;
	}
	mem_lock(m);
	if (changes_content(advice) && !(addr & MEM_PAGE_MASK)) {
		told = mem_has_exec(m, addr, end);
		guard_drop(m, addr, end);
		guard_erase(m, addr, end);
	}
	err = madvise(mem_host(m, addr), len, advice) ? -errno : 0;
	if (!err && hidden_hole(m, addr, end))
		err = -ENOMEM;
	mem_unlock_tell(m, addr, told ? end : 0);
	return err;
}

int64_t mem_msync(struct mem_space *m, gaddr addr, uint64_t len, int flags)
{
	int64_t err;
	gaddr end;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (addr & MEM_PAGE_MASK)
	    || (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (!bounds(m, addr, len, &end))
		return -ENOMEM;
	/* Without the lock: it may take long. */
	err = msync(mem_host(m, addr), len, flags) ? -errno : 0;
	mem_lock(m);
	if (!err && hidden_hole(m, align_down(addr, MEM_PAGE_BYTES), end))
		err = -ENOMEM;
	mem_unlock(m);
	return err;
}

int64_t mem_mlock(struct mem_space *m, gaddr addr, uint64_t len, int flags)
{
	int64_t err;
	gaddr end;

	if (!bounds(m, addr, len, &end))
		return addr + len < addr ? -EINVAL : -ENOMEM;
	mem_lock(m);
	if (!(flags & ~MLOCK_ONFAULT) && hidden_hole(m, align_down(addr, MEM_PAGE_BYTES), end))
		err = -ENOMEM;
	else
		err = (flags ? syscall(SYS_mlock2, mem_host(m, addr), len, flags)
			     : mlock(mem_host(m, addr), len))
			  ? -errno
			  : 0;
	mem_unlock(m);
	return err;
}

int64_t mem_munlock(struct mem_space *m, gaddr addr, uint64_t len)
{
	int64_t err;
	gaddr end;

	if (!bounds(m, addr, len, &end))
		return addr + len < addr ? -EINVAL : -ENOMEM;
	mem_lock(m);
	err = munlock(mem_host(m, addr), len) ? -errno : 0;
	if (!err && hidden_hole(m, align_down(addr, MEM_PAGE_BYTES), end))
		err = -ENOMEM;
	mem_unlock(m);
	return err;
}

int64_t mem_mincore(struct mem_space *m, gaddr addr, uint64_t len, gaddr vec)
{
	unsigned char part[512];
	gaddr end;

	if (addr & MEM_PAGE_MASK)
		return -EINVAL;
	if (!bounds(m, addr, len, &end))
		return -ENOMEM;
	if (!mem_inside(m, vec, (end - addr) / MEM_PAGE_BYTES))
		return -EFAULT;
	while (addr < end) {
		uint64_t pages = (end - addr) / MEM_PAGE_BYTES;
		uint64_t n = pages < sizeof part ? pages : sizeof part;
		bool hole;
		int err;

		mem_lock(m);
		hole = !vma_is_covered(&m->vmas, addr, addr + n * MEM_PAGE_BYTES);
		err = hole                                                   ? ENOMEM
		      : mincore(mem_host(m, addr), n * MEM_PAGE_BYTES, part) ? errno
									     : 0;
		mem_unlock(m);
		if (err)
			return -err;
		if (!mem_copy_out(m, vec, part, n))
			return -EFAULT;
		addr += n * MEM_PAGE_BYTES;
		vec += n;
	}
	return 0;
}

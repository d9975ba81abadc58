/*
 * Guest memory read and written by kitemu itself: instruction fetch and system-call arguments.
 *
 * Nothing is looked up before a copy: native_copy fails where the host faults, be it a hole, a
 * protection or a file's end, which no list could tell without a race. Only addresses that
 * could be kitemu's own are refused beforehand.
 */
#include "runtime/mem/mem_priv.h"

#include "arch/native.h"
#include "runtime/core/points.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* A page is guarded anew only after more guest code ran there: a few tries are plenty. */
enum { WRITE_TRIES = 16 };

bool mem_copy_in(struct mem_space *m, void *dst, gaddr src, size_t n)
{
	return !n || (mem_inside(m, src, n) && native_copy(dst, mem_host(m, src), n));
}

bool mem_peek(void *space, gaddr addr, void *buf, unsigned n)
{
	return mem_copy_in(space, buf, addr, n);
}

/*
 * After a write to the range failed: drops guards there. True when it is worth another try: a
 * guard was dropped, here or just now by another thread.
 */
static bool open_guards(struct mem_space *m, gaddr start, size_t n)
{
	gaddr end = align_up(start + n, MEM_PAGE_BYTES);
	bool dropped, ours;

	start = align_down(start, MEM_PAGE_BYTES);
	mem_lock(m);
	dropped = guard_drop(m, start, end) != 0;
	ours = dropped || guard_was_hit(m, start, end);
	mem_unlock_tell(m, start, dropped ? end : 0);
	return ours;
}

bool mem_copy_out(struct mem_space *m, gaddr dst, const void *src, size_t n)
{
	if (!n)
		return true;
	if (!mem_inside(m, dst, n))
		return false;
	for (int tries = 0; tries < WRITE_TRIES; tries++) {
		if (native_copy(mem_host(m, dst), src, n))
			return true;
		if (!open_guards(m, dst, n))
			return false;
	}
	return false;
}

int mem_cas32(struct mem_space *m, gaddr addr, uint32_t old, uint32_t new)
{
	uint64_t expected = old;

	if (!mem_inside(m, addr, sizeof new))
		return -EFAULT;
	for (int tries = 0; tries < WRITE_TRIES; tries++) {
		if (native_cas(mem_host(m, addr), sizeof new, &expected, new))
			return expected == old;
		if (!open_guards(m, addr, sizeof new))
			break;
	}
	return -EFAULT;
}

ssize_t mem_copy_str(struct mem_space *m, char *dst, gaddr src, size_t cap)
{
	enum { STEP = 64 }; /* divides a page: a step never reaches into the next page */
	size_t done = 0;

	while (done < cap) {
		size_t n = STEP - (src + done) % STEP;
		const char *zero;

		if (n > cap - done)
			n = cap - done;
		if (!mem_copy_in(m, dst + done, src + done, n))
			return -EFAULT;
		zero = memchr(dst + done, 0, n);
		if (zero)
			return zero - dst;
		done += n;
	}
	return -ENAMETOOLONG;
}

bool mem_access_ok(struct mem_space *m, gaddr addr, uint64_t n, int prot)
{
	const gaddr end = addr + n;
	bool ok = true;

	if (!n)
		return true;
	if (!mem_inside(m, addr, n))
		return false;
	mem_lock(m);
	while (ok && addr < end) {
		const struct mem_vma *v = vma_find(&m->vmas, addr);
		int have = v ? v->prot : 0;

		if (have & PROT_WRITE) /* the kernel's rule on riscv and on both hosts */
			have |= PROT_READ;
		ok = v && (have & prot) == prot;
		if (ok)
			addr = v->end;
	}
	mem_unlock(m);
	return ok;
}

unsigned mem_fetch(void *space, gaddr addr, void *buf, unsigned n)
{
	struct mem_space *m = space;
	unsigned done = 0;

	if (!mem_inside(m, addr, 1))
		return 0;
	mem_lock(m);
	while (done < n) {
		const struct mem_vma *v = vma_find(&m->vmas, addr + done);
		uint64_t rest;
		unsigned step;

		if (!v || !(v->prot & PROT_EXEC))
			break;
		rest = v->end - (addr + done);
		step = rest < n - done ? (unsigned)rest : n - done;
		if (!native_copy((char *)buf + done, mem_host(m, addr + done), step)) {
			/* A file's end, perhaps: go on by pages. */
			rest = MEM_PAGE_BYTES - (addr + done) % MEM_PAGE_BYTES;
			if (rest >= step
			    || !native_copy((char *)buf + done, mem_host(m, addr + done),
					    (size_t)rest))
				break;
			step = (unsigned)rest;
		}
		done += step;
	}
	mem_unlock(m);
	if (KIT_UNLIKELY(m->points && m->points->break_count))
		point_overlay(m->points, addr, buf, done);
	return done;
}

bool mem_exec_range(struct mem_space *m, gaddr addr, gaddr *start, gaddr *end)
{
	const struct mem_vma *v;
	bool found;

	if (!mem_inside(m, addr, 1))
		return false;
	mem_lock(m);
	v = vma_find(&m->vmas, addr);
	found = v && v->prot & PROT_EXEC;
	if (found) {
		*start = v->start;
		*end = v->end;
	}
	mem_unlock(m);
	/* What lies before a breakpoint; at one not even a whole instruction, which has to be mem_fetch's then. */
	if (KIT_UNLIKELY(found && m->points && m->points->break_count)) {
		const gaddr next = point_next(m->points, addr);

		*start = addr;
		if (next < *end)
			*end = next == addr ? addr + 1 : next;
	}
	return found;
}

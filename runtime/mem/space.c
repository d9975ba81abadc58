/*
 * A guest address space comes and goes: which addresses it may use, and simple questions.
 *
 * With base 0 the guest owns the host's addresses below limit. kitemu is linked above that, and the
 * kernel places what kitemu maps from the top down (or, in the old layout that "ulimit -s unlimited"
 * gives, from TASK_SIZE / 3 up: then limit is lower), so the two never meet. With a base the guest owns
 * a reserved window, and a range that it unmaps is reserved again.
 */
#include "runtime/mem/mem_priv.h"

#include "lib/base/log.h"
#include "runtime/core/futex.h"
#include "runtime/core/near.h"
#include "runtime/core/points.h"
#include "runtime/core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A guest's first address where the host does not say: mmap_min_addr of most systems. */
enum { FIRST_ADDR = 0x10000 };

int mem_host_prot(int prot)
{
	int host = prot & (PROT_READ | PROT_WRITE);

	return prot & PROT_EXEC ? host | PROT_READ : host;
}

void mem_lock(struct mem_space *m)
{
	kit_lock(&m->lock);
	if (KIT_UNLIKELY(m->growsdown))
		mem_sync_growsdown(m);
}

void mem_unlock(struct mem_space *m) { kit_unlock(&m->lock); }

void mem_tell(struct mem_space *m, gaddr start, gaddr end)
{
	if (start >= end)
		return;
	atomic_fetch_add(&m->code_changes, 1);
	if (m->listener.code_changed)
		m->listener.code_changed(m->listener.ctx, start, end - start);
}

void mem_telling_add(struct mem_space *m, struct mem_telling *e)
{
	e->next = m->telling;
	__atomic_store_n(&m->telling, e, __ATOMIC_RELEASE);
}

static void telling_remove(struct mem_space *m, const struct mem_telling *e)
{
	struct mem_telling **at = &m->telling;

	while (*at != e)
		at = &(*at)->next;
	__atomic_store_n(at, e->next, __ATOMIC_RELEASE);
}

void mem_unlock_tell(struct mem_space *m, gaddr start, gaddr end)
{
	struct mem_telling e = { .start = start, .end = end };

	if (start >= end) {
		kit_unlock(&m->lock);
		return;
	}
	e.tid = kit_lock_self();
	mem_telling_add(m, &e);
	kit_unlock(&m->lock);
	mem_tell(m, start, end);
	kit_lock(&m->lock);
	telling_remove(m, &e);
	kit_unlock(&m->lock);
}

void mem_settle(struct mem_space *m)
{
	gaddr start = m->limit, end = 0;

	/* Whoever has made a page writable and not yet said so holds the lock, or is in the list. */
	kit_lock(&m->lock);
	for (const struct mem_telling *e = m->telling; e; e = e->next) {
		start = e->start < start ? e->start : start;
		end = e->end > end ? e->end : end;
	}
	kit_unlock(&m->lock);
	/* Waiting for it to be told would take as long. */
	mem_tell(m, start, end);
}

uint64_t mem_code_changes(const struct mem_space *m) { return atomic_load(&m->code_changes); }

void mem_fork_lock(struct mem_space *m) { kit_lock(&m->lock); }
void mem_fork_unlock(struct mem_space *m) { kit_unlock(&m->lock); }

void mem_fork_child(struct mem_space *m)
{
	if (m->telling)
		mem_tell(m, 0, m->limit);
	m->telling = NULL;
	m->writing = NULL;
}

/*
 * The lowest address that is in use on the host, from /proc/self/maps (sorted: the first line
 * says it). Without /proc: this program's own.
 */
static uint64_t lowest_used(void)
{
	char buf[32];
	ssize_t n;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		n = read(fd, buf, sizeof buf - 1);
		close(fd);
		if (n > 0) {
			buf[n] = '\0';
			return strtoull(buf, NULL, 16);
		}
	}
	return align_down((uintptr_t)&lowest_used, UINT64_C(1) << 32);
}

/* Where the kernel would put a mapping of kitemu now. */
static uint64_t kernel_choice(void)
{
	void *p = mmap(NULL, MEM_PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return MEM_SV39_TOP;
	munmap(p, MEM_PAGE_BYTES);
	return (uintptr_t)p;
}

/* Address space at an address (0: anywhere) that is free. MAP_FAILED when it is not. */
static void *reserve(uint64_t at, uint64_t size_bytes)
{
	void *want = (void *)(uintptr_t)at;
	void *p = mmap(want, size_bytes, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0),
		       -1, 0);

	if (p != MAP_FAILED && at && p != want) {
		munmap(p, size_bytes); /* a kernel that does not know NOREPLACE */
		return MAP_FAILED;
	}
	return p;
}

/* True when the host could map all of [start, end) and nothing is there yet. */
static bool is_mappable(uint64_t start, uint64_t end)
{
	void *p = reserve(start, end - start);

	if (p == MAP_FAILED)
		return false;
	munmap(p, end - start);
	return true;
}

/* Guest addresses are host addresses; false when the low ones are not free. */
static bool place_direct(struct mem_space *m)
{
	uint64_t own = kernel_choice(), used;

	m->limit = own < MEM_GUEST_TOP ? align_down(own, MEM_PAGE_BYTES) : MEM_GUEST_TOP;
	if (is_mappable(m->min, m->limit))
		return true;
	/* Something is in the way, or RLIMIT_AS is low. */
	used = lowest_used();
	if (m->limit > used)
		m->limit = used;
	return m->limit >= MEM_SV39_TOP && is_mappable(m->min, m->min + MEM_PAGE_BYTES);
}

/*
 * Reserves the guest's window: far below where the kernel puts kitemu's mappings if possible,
 * since a hole that opens in it for a moment must not attract one; as large as may be.
 */
static bool place_at_base(struct mem_space *m, const struct mem_want *want, struct diag *d)
{
	const uint64_t most =
	    want->limit && want->limit < MEM_SV39_TOP ? want->limit : MEM_SV39_TOP;

	if (want->at) {
		m->limit = most;
		m->base = want->at;
		return reserve(want->at, most) != MAP_FAILED
		       || diag_fail(
			   d, KIT_EXIT_INTERNAL,
			   "guest memory cannot be at base %#llx with %#llx bytes (%s): choose "
			   "another, or less by --reserved-va",
			   (unsigned long long)want->at, (unsigned long long)most, strerror(errno));
	}
	for (uint64_t size = most; size == most || size >= UINT64_C(1) << 30; size >>= 1) {
		for (int i = 1; i <= 5; i++) {
			uint64_t at = i < 5 ? (uint64_t)i << 44 : 0;
			void *p = reserve(at, size);

			if (p == MAP_FAILED)
				continue;
			m->base = (uintptr_t)p;
			m->limit = size;
			return true;
		}
	}
	return diag_fail(
	    d, KIT_EXIT_INTERNAL,
	    "no room for the guest's addresses (%s): raise the address-space limit (ulimit -v)",
	    strerror(errno));
}

struct mem_space *mem_new(const struct mem_want *want, struct diag *d)
{
	struct mem_space *m;

	if (sysconf(_SC_PAGESIZE) != MEM_PAGE_BYTES) {
		diag_fail(d, KIT_EXIT_INTERNAL,
			  "the host's page size is %ld bytes; guests need %d: use a kernel with "
			  "pages of 4 KiB",
			  sysconf(_SC_PAGESIZE), MEM_PAGE_BYTES);
		return NULL;
	}
	m = near_new(sizeof *m);
	KIT_CHECK(m, "no memory");
	m->min = FIRST_ADDR;
	m->points = &point_table;
	if ((want->base || !place_direct(m)) && !place_at_base(m, want, d)) {
		near_free(m);
		return NULL;
	}
	if (want->limit && want->limit < m->limit)
		m->limit = align_down(want->limit, MEM_PAGE_BYTES);
	mem_set_mmap_top(m, m->limit < MEM_SV39_TOP ? m->limit : MEM_SV39_TOP);
	KIT_LOG(mem, "guest addresses below 0x%llx, base 0x%llx", (unsigned long long)m->limit,
		(unsigned long long)m->base);
	return m;
}

void mem_free(struct mem_space *m)
{
	if (m->base)
		munmap(mem_host(m, 0), m->limit);
	else
		for (unsigned i = 0; i < m->vmas.count; i++)
			munmap(mem_host(m, m->vmas.v[i].start),
			       m->vmas.v[i].end - m->vmas.v[i].start);
	vma_fini(&m->vmas);
	guard_fini(&m->guard);
	near_free(m);
}

void mem_set_points(struct mem_space *m, const struct point_table *points) { m->points = points; }

void mem_code_touched(struct mem_space *m, gaddr start, uint64_t size_bytes)
{
	mem_tell(m, start, start + size_bytes);
}

void mem_set_listener(struct mem_space *m, struct mem_listener l) { m->listener = l; }
uint64_t mem_base(const struct mem_space *m) { return m->base; }
void *mem_host(const struct mem_space *m, gaddr a) { return (void *)(uintptr_t)(a + m->base); }
gaddr mem_guest(const struct mem_space *m, const void *host) { return (uintptr_t)host - m->base; }
gaddr mem_limit(const struct mem_space *m) { return m->limit; }
gaddr mem_min(const struct mem_space *m) { return m->min; }

bool mem_inside(const struct mem_space *m, gaddr a, uint64_t n)
{
	return n <= m->limit && a <= m->limit - n;
}

void mem_set_mmap_top(struct mem_space *m, gaddr addr)
{
	mem_lock(m);
	m->mmap_top = align_down(addr, MEM_PAGE_BYTES);
	m->search_from = m->mmap_top;
	m->search_len = 0;
	mem_unlock(m);
}

void mem_set_name(struct mem_space *m, gaddr addr, const char *name)
{
	mem_lock(m);
	vma_set_name(&m->vmas, addr, name);
	mem_unlock(m);
}

bool mem_is_vdso(void *space, gaddr addr)
{
	struct mem_vma v;

	return mem_find(space, addr, &v) && v.name && !strcmp(v.name, MEM_VDSO);
}

void mem_each(struct mem_space *m, bool (*fn)(void *ctx, const struct mem_vma *v), void *ctx)
{
	mem_lock(m);
	for (unsigned i = 0; i < m->vmas.count; i++)
		if (!fn(ctx, &m->vmas.v[i]))
			break;
	mem_unlock(m);
}

struct mem_vma *mem_list(struct mem_space *m, unsigned *count)
{
	struct mem_vma *copy;

	mem_lock(m);
	*count = m->vmas.count;
	copy = malloc((*count + 1) * sizeof *copy);
	KIT_CHECK(copy, "no memory for a list of %u mappings", *count);
	if (*count)
		memcpy(copy, m->vmas.v, *count * sizeof *copy);
	mem_unlock(m);
	return copy;
}

/* One look at it. NULL: it changed meanwhile, or cannot be read. */
static struct mem_vma *list_once(uint64_t vmas, mem_reader *read, void *ctx, unsigned *count)
{
	enum { MOST = 1 << 20 };
	struct vma_list before, after;
	struct mem_vma *copy;
	bool ok;

	if (!read(ctx, vmas, &before, sizeof before) || !before.count || before.count > MOST)
		return NULL;
	copy = malloc(before.count * sizeof *copy);
	KIT_CHECK(copy, "no memory for a list of %u mappings", before.count);
	ok = read(ctx, (uintptr_t)before.v, copy, before.count * sizeof *copy)
	     && read(ctx, vmas, &after, sizeof after) && after.v == before.v
	     && after.count == before.count;
	for (unsigned i = 0; ok && i < before.count; i++)
		ok = copy[i].start < copy[i].end && (i == 0 || copy[i - 1].end <= copy[i].start);
	if (!ok) {
		free(copy);
		return NULL;
	}
	*count = before.count;
	return copy;
}

struct mem_vma *mem_list_of_other(uint64_t space, mem_reader *read, void *ctx, unsigned *count)
{
	enum { TRIES = 8 };
	struct mem_vma *list = NULL;

	for (int i = 0; !list && i < TRIES; i++)
		list = list_once(space + offsetof(struct mem_space, vmas), read, ctx, count);
	return list;
}

bool mem_find(struct mem_space *m, gaddr addr, struct mem_vma *v)
{
	const struct mem_vma *found;

	mem_lock(m);
	found = vma_find(&m->vmas, addr);
	if (found)
		*v = *found;
	mem_unlock(m);
	return found != NULL;
}

bool mem_has_exec(struct mem_space *m, gaddr start, gaddr end)
{
	for (unsigned i = vma_lower(&m->vmas, start); i < m->vmas.count && m->vmas.v[i].start < end;
	     i++)
		if (m->vmas.v[i].prot & PROT_EXEC)
			return true;
	return false;
}

/*
 * The host lets a MAP_GROWSDOWN mapping grow when something below it is touched, without telling
 * us: ask with mincore, page by page, down to the neighbour. (In a window at a base the reservation
 * below it keeps it from growing.)
 */
void mem_sync_growsdown(struct mem_space *m)
{
	struct vma_list *l = &m->vmas;
	unsigned char in_core;

	for (unsigned i = 0; i < l->count; i++) {
		gaddr floor = i ? l->v[i - 1].end : m->min;

		if (!(l->v[i].flags & MAP_GROWSDOWN) || m->base)
			continue;
		while (l->v[i].start > floor
		       && !mincore(mem_host(m, l->v[i].start - MEM_PAGE_BYTES), MEM_PAGE_BYTES,
				   &in_core))
			l->v[i].start -= MEM_PAGE_BYTES;
	}
}

/* Highest free range that ends at or below from and starts at or above floor; 0: none. */
static gaddr search_down(struct mem_space *m, gaddr from, gaddr floor, uint64_t size_bytes,
			 uint64_t align)
{
	const struct vma_list *l = &m->vmas;
	unsigned i = vma_lower(&m->vmas, from); /* mappings i and up end above from */
	gaddr top = i < l->count && l->v[i].start < from ? l->v[i].start : from;

	for (;;) {
		gaddr bottom = i ? l->v[i - 1].end : 0, at;

		if (bottom < floor)
			bottom = floor;
		if (top > bottom && top - bottom >= size_bytes) {
			at = align_down(top - size_bytes, align);
			if (at >= bottom)
				return at;
		}
		if (bottom == floor || !i)
			return 0;
		top = l->v[--i].start;
	}
}

gaddr mem_find_free(struct mem_space *m, gaddr hint, uint64_t size_bytes, uint64_t align)
{
	bool plain = align == MEM_PAGE_BYTES;
	gaddr from = m->mmap_top, at;

	hint = align_down(hint, MEM_PAGE_BYTES);
	if (hint) {
		hint = align_up(hint < m->min ? m->min : hint, align);
		if (mem_inside(m, hint, size_bytes)
		    && vma_is_free(&m->vmas, hint, hint + size_bytes))
			return hint;
	}
	if (size_bytes > m->limit)
		return 0;
	if (plain && size_bytes >= m->search_len)
		from = m->search_from;
	at = search_down(m, from, m->min, size_bytes, align);
	if (at && plain) {
		m->search_from = at + size_bytes;
		m->search_len = size_bytes;
	}
	if (!at && m->limit > MEM_SV39_TOP)
		at = search_down(m, m->limit, MEM_SV39_TOP, size_bytes, align);
	return at;
}

void mem_freed(struct mem_space *m, gaddr start, gaddr end)
{
	if (end > m->search_from) {
		m->search_from = m->mmap_top;
		m->search_len = 0;
	}
}

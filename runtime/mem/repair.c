/*
 * What a process that shared the memory leaves when it is killed (SIGKILL: at any instruction), put right by its parent.
 *
 * If it had the lock it was in the midst of some change. The list of mappings then is what it was before (vma.c), the host's may be
 * that, or what it was to become, or something between. The guest cannot know which: the call never returned. So
 * either is right, as long as list and host agree again. The guards' table is given up, with all translations.
 */
#include "runtime/mem/mem_priv.h"

#include "lib/base/log.h"

#include <string.h>
#include <sys/mman.h>

/* Cuts out of the list what the host does not have, in halves: few ranges are not whole. */
static void cut_unmapped(struct mem_space *m, gaddr start, gaddr end)
{
	const uint64_t pages = (end - start) / MEM_PAGE_BYTES;
	void *at = mem_host(m, start), *p;
	gaddr middle;

	if (msync(at, end - start, MS_ASYNC) == 0) /* ENOMEM: some of it is not mapped */
		return;
	p = mmap(at, end - start, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != MAP_FAILED)
		munmap(p, end - start);
	if (p == at) {
		vma_remove(&m->vmas, start, end);
		return;
	}
	if (pages < 2)
		return;
	middle = start + pages / 2 * MEM_PAGE_BYTES;
	cut_unmapped(m, start, middle);
	cut_unmapped(m, middle, end);
}

/* The heap ends where its mapping does. */
static void set_brk_by_list(struct mem_space *m)
{
	gaddr end = m->brk_start;
	const struct mem_vma *v;

	while ((v = vma_find(&m->vmas, end)) && v->name && !strcmp(v->name, "[heap]"))
		end = v->end;
	if (align_up(m->brk, MEM_PAGE_BYTES) != end)
		m->brk = end;
}

static void repair(struct mem_space *m)
{
	vma_undo(&m->vmas);
	mem_release_holes(m, m->min, m->limit);
	for (unsigned i = 0; i < m->vmas.count;) {
		const struct mem_vma v = m->vmas.v[i];

		cut_unmapped(m, v.start, v.end);
		i = vma_lower(&m->vmas, v.end);
	}
	for (unsigned i = 0; i < m->vmas.count; i++) {
		const struct mem_vma *v = &m->vmas.v[i];

		mprotect(mem_host(m, v->start), v->end - v->start, mem_host_prot(v->prot));
	}
	guard_give_up(&m->guard);
	set_brk_by_list(m);
	m->search_from = m->mmap_top;
	m->search_len = 0;
}

bool mem_take_back(struct mem_space *m, int tid)
{
	if (!kit_lock_left(&m->lock, tid))
		return false;
	KIT_LOG(mem, "thread %d was killed while it changed mappings", tid);
	repair(m);
	/* Code whose guards are gone is dropped by mem_forget's caller, or by whoever settles before. */
	if (!m->repaired.tid) {
		m->repaired = (struct mem_telling){ .end = m->limit, .tid = (uint32_t)tid };
		mem_telling_add(m, &m->repaired);
	}
	kit_unlock(&m->lock);
	return true;
}

void mem_forget(struct mem_space *m, int tid, bool taken_back)
{
	bool tell = taken_back;

	kit_lock(&m->lock);
	for (struct mem_write **at = &m->writing; *at;) {
		if ((*at)->tid == (uint32_t)tid)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	for (const struct mem_telling *e = m->telling; e; e = e->next)
		tell |= e->tid == (uint32_t)tid;
	kit_unlock(&m->lock);
	if (!tell)
		return;
	mem_tell(m, 0, m->limit);
	kit_lock(&m->lock);
	for (struct mem_telling **at = &m->telling; *at;) {
		struct mem_telling *e = *at;

		if (e->tid == (uint32_t)tid) {
			*at = e->next;
			e->tid = 0;
		} else {
			at = &e->next;
		}
	}
	kit_unlock(&m->lock);
}

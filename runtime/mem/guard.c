/*
 * Guards: writable pages that hold translated code are read-only on the host.
 *
 * A page's state, in the table from the first guard until the page is unmapped:
 *
 *     (absent) --mem_guard--> guarded --write, mem_unguard: hits + 1--> open --mem_guard--> guarded ...
 *                                                                        \--hits = MOST_HITS--> open for good
 *
 * A page that keeps data and code together would otherwise fault on every other write; code there is compared
 * with its bytes at fence.i instead.
 */
#include "runtime/mem/mem_priv.h"

#include "arch/native.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST_HITS = 8 };

void guard_fini(struct guard_table *t) { free(t->slot); }

void guard_give_up(struct guard_table *t)
{
	t->slot = NULL;
	t->count = t->cap = 0;
	t->given_up = true;
	__atomic_store_n(&t->pages.now, t->may, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&t->pages.times, 1, __ATOMIC_SEQ_CST);
}

void guard_note_prot(struct guard_table *t, int prot)
{
	if (t->may || (prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC))
		return;
	__atomic_store_n(&t->may, true, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&t->pages.now, 1, __ATOMIC_SEQ_CST);
}

bool mem_may_guard(const struct mem_space *m)
{
	return __atomic_load_n(&m->guard.may, __ATOMIC_RELAXED);
}

static unsigned home(const struct guard_table *t, uint64_t page)
{
	return (unsigned)kit_mix64(page) & (t->cap - 1);
}

static struct guard_page *guard_find(const struct guard_table *t, uint64_t page)
{
	if (!t->count)
		return NULL;
	for (unsigned i = home(t, page);; i = (i + 1) & (t->cap - 1)) {
		if (t->slot[i].page == page)
			return &t->slot[i];
		if (!t->slot[i].page)
			return NULL;
	}
}

static struct guard_page *place(struct guard_table *t, uint64_t page)
{
	unsigned i = home(t, page);

	while (t->slot[i].page)
		i = (i + 1) & (t->cap - 1);
	t->slot[i] = (struct guard_page){ .page = page };
	t->count++;
	return &t->slot[i];
}

static struct guard_page *guard_get(struct guard_table *t, uint64_t page)
{
	struct guard_page *g = guard_find(t, page);

	if (g)
		return g;
	if (4 * (t->count + 1) > 3 * t->cap) {
		struct guard_page *old = t->slot;
		unsigned old_cap = t->cap;

		t->cap = old_cap ? 2 * old_cap : 64;
		t->count = 0;
		t->slot = calloc(t->cap, sizeof *t->slot);
		KIT_CHECK(t->slot, "no memory for %u guarded pages", t->cap);
		for (unsigned i = 0; i < old_cap; i++)
			if (old[i].page)
				*place(t, old[i].page) = old[i];
		free(old);
	}
	return place(t, page);
}

/* Frees a slot and closes the gap that it leaves in its probe sequence. */
static void guard_delete(struct guard_table *t, struct guard_page *g)
{
	unsigned mask = t->cap - 1, hole = (unsigned)(g - t->slot), i = hole;

	for (;;) {
		i = (i + 1) & mask;
		if (!t->slot[i].page)
			break;
		/* May the entry move to the hole without leaving its probe sequence? */
		if (((i - home(t, t->slot[i].page)) & mask) >= ((i - hole) & mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole].page = 0;
	t->count--;
}

enum guard_act { ACT_FORGET, ACT_ERASE, ACT_DROP, ACT_ASK };

/* Carries out act on one page; true when it counts. */
static bool act_on(struct mem_space *m, struct guard_page *g, enum guard_act act)
{
	gaddr a = g->page * MEM_PAGE_BYTES;
	bool was = g->guarded;

	if (act == ACT_ASK)
		return g->hits && !was;
	g->guarded = 0;
	if (act == ACT_DROP && was) {
		const struct mem_vma *v = vma_find(&m->vmas, a);

		KIT_DCHECK(v, "guarded page 0x%llx is not mapped", (unsigned long long)a);
		if (v && mprotect(mem_host(m, a), MEM_PAGE_BYTES, mem_host_prot(v->prot)))
			KIT_PANIC("cannot make 0x%llx writable again", (unsigned long long)a);
		g->hits++;
		KIT_LOG(mem, "write to code at 0x%llx, hit %u", (unsigned long long)a, g->hits);
	}
	if (act == ACT_ERASE)
		guard_delete(&m->guard, g);
	if (was) /* and now nothing can fail for it */
		__atomic_fetch_sub(&m->guard.pages.now, 1, __ATOMIC_RELEASE);
	return was;
}

/* act_on for the known pages of a range; returns how many counted. */
static unsigned act_on_range(struct mem_space *m, gaddr start, gaddr end, enum guard_act act)
{
	struct guard_table *t = &m->guard;
	uint64_t first = start / MEM_PAGE_BYTES, last = (end - 1) / MEM_PAGE_BYTES;
	unsigned n = 0;

	if (!t->count || start >= end)
		return 0;
	if (last - first < t->cap) {
		for (uint64_t p = first; p <= last; p++) {
			struct guard_page *g = guard_find(t, p);

			n += g && act_on(m, g, act);
		}
		return n;
	}
	for (unsigned i = 0; i < t->cap; i++) {
		uint64_t p = t->slot[i].page;

		while (p && p >= first && p <= last) {
			n += act_on(m, &t->slot[i], act);
			/* Erasing may have moved another page here. */
			if (t->slot[i].page == p)
				break;
			p = t->slot[i].page;
		}
	}
	return n;
}

void guard_forget(struct mem_space *m, gaddr start, gaddr end)
{
	act_on_range(m, start, end, ACT_FORGET);
}
void guard_erase(struct mem_space *m, gaddr start, gaddr end)
{
	act_on_range(m, start, end, ACT_ERASE);
}
unsigned guard_drop(struct mem_space *m, gaddr start, gaddr end)
{
	return act_on_range(m, start, end, ACT_DROP);
}

/* The guest may write there, and now the host lets it: what failed met a guard that has been given up since. */
static bool is_writable(struct mem_space *m, gaddr start, gaddr end)
{
	bool ok = m->guard.given_up;

	for (gaddr page = start; ok && page < end; page += MEM_PAGE_BYTES) {
		const struct mem_vma *v = vma_find(&m->vmas, page);
		uint64_t word = 0;

		ok = v && v->prot & PROT_WRITE
		     && native_cas(mem_host(m, page), sizeof word, &word, word);
	}
	return ok;
}

bool guard_was_hit(struct mem_space *m, gaddr start, gaddr end)
{
	return act_on_range(m, start, end, ACT_ASK) || is_writable(m, start, end);
}

static bool is_being_written(const struct mem_space *m, gaddr page)
{
	for (const struct mem_write *w = m->writing; w; w = w->next)
		for (unsigned i = 0; i < w->count; i++)
			if (w->range[i].start < page + MEM_PAGE_BYTES && w->range[i].end > page)
				return true;
	return false;
}

/* Guards one page; false when it cannot or shall not be. */
static bool guard_page(struct mem_space *m, gaddr page)
{
	const struct mem_vma *v = vma_find(&m->vmas, page);
	struct guard_page *g;

	if (!v || (v->flags & MAP_TYPE) == MAP_SHARED)
		return false;
	if (!(v->prot & PROT_WRITE))
		return true;
	if (m->guard.off || is_being_written(m, page))
		return false;
	g = guard_get(&m->guard, page / MEM_PAGE_BYTES);
	if (g->guarded)
		return true;
	if (g->hits >= MOST_HITS)
		return false;
	/* Counted before it can make anything fail, and as one more time before it is dropped: mem_any_guarded. */
	__atomic_fetch_add(&m->guard.pages.now, 1, __ATOMIC_SEQ_CST);
	if (mprotect(mem_host(m, page), MEM_PAGE_BYTES, mem_host_prot(v->prot) & ~PROT_WRITE)) {
		__atomic_fetch_sub(&m->guard.pages.now, 1, __ATOMIC_SEQ_CST);
		return false;
	}
	g->guarded = 1;
	__atomic_fetch_add(&m->guard.pages.times, 1, __ATOMIC_SEQ_CST);
	return true;
}

bool mem_guard(struct mem_space *m, gaddr start, uint64_t n)
{
	bool ok = true;

	if (!n || !mem_inside(m, start, n))
		return false;
	mem_lock(m);
	for (gaddr p = align_down(start, MEM_PAGE_BYTES); p < start + n; p += MEM_PAGE_BYTES)
		ok &= guard_page(m, p);
	mem_unlock(m);
	return ok;
}

uint64_t mem_guards(const struct mem_space *m)
{
	return __atomic_load_n(&m->guard.pages.times, __ATOMIC_SEQ_CST);
}

bool mem_guard_hit(struct mem_space *m, gaddr addr)
{
	const gaddr page = align_down(addr, MEM_PAGE_BYTES), end = page + MEM_PAGE_BYTES;
	const struct mem_vma *v;
	bool dropped, ours;

	mem_lock(m);
	v = vma_find(&m->vmas, page);
	dropped = guard_drop(m, page, end) != 0;
	ours = dropped || (v && (v->prot & PROT_WRITE) && guard_was_hit(m, page, end));
	mem_unlock_tell(m, page, dropped ? end : 0);
	return ours;
}

void mem_unguard(struct mem_space *m, gaddr start, uint64_t n)
{
	gaddr end;
	bool dropped;

	if (!n || !mem_any_guarded(m) || !mem_inside(m, start, n))
		return;
	end = align_up(start + n, MEM_PAGE_BYTES);
	start = align_down(start, MEM_PAGE_BYTES);
	mem_lock(m);
	dropped = guard_drop(m, start, end) != 0;
	mem_unlock_tell(m, start, dropped ? end : 0);
}

void mem_no_guards(struct mem_space *m)
{
	mem_lock(m);
	m->guard.off = true;
	mem_unlock(m);
	mem_unguard(m, 0, m->limit);
}

void mem_code_written(struct mem_space *m, gaddr start, uint64_t n)
{
	mem_lock(m);
	mem_unlock_tell(m, align_down(start, MEM_PAGE_BYTES), align_up(start + n, MEM_PAGE_BYTES));
}

/* Widens by a range; true when some guard there was dropped. */
static bool add_range(struct mem_space *m, struct mem_write *w, gaddr start, gaddr end)
{
	unsigned i = w->count < MEM_WRITE_RANGES ? w->count : MEM_WRITE_RANGES - 1;

	if (i == w->count) {
		w->range[i].start = start;
		w->range[i].end = end;
		w->count++;
	} else {
		w->range[i].start = start < w->range[i].start ? start : w->range[i].start;
		w->range[i].end = end > w->range[i].end ? end : w->range[i].end;
	}
	return guard_drop(m, align_down(start, MEM_PAGE_BYTES), align_up(end, MEM_PAGE_BYTES)) != 0;
}

void mem_write_begin(struct mem_space *m, struct mem_write *w)
{
	w->count = 0;
	w->tid = kit_lock_self();
	mem_lock(m);
	w->next = m->writing;
	__atomic_store_n(&m->writing, w, __ATOMIC_RELEASE);
	mem_unlock(m);
}

void mem_write_add(struct mem_space *m, struct mem_write *w, gaddr start, uint64_t n)
{
	bool dropped;

	if (!n || !mem_inside(m, start, n))
		return;
	mem_lock(m);
	dropped = add_range(m, w, start, start + n);
	mem_unlock_tell(m, align_down(start, MEM_PAGE_BYTES),
			dropped ? align_up(start + n, MEM_PAGE_BYTES) : 0);
}

void mem_write_end(struct mem_space *m, struct mem_write *w)
{
	struct mem_write **at = &m->writing;

	mem_lock(m);
	while (*at != w)
		at = &(*at)->next;
	__atomic_store_n(at, w->next, __ATOMIC_RELEASE);
	mem_unlock(m);
}

bool mem_any_guarded(const struct mem_space *m)
{
	return __atomic_load_n(&m->guard.pages.now, __ATOMIC_ACQUIRE) > mem_may_guard(m);
}

const struct ir_call_guards *mem_guarded(const struct mem_space *m) { return &m->guard.pages; }

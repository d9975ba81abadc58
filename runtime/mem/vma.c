/*
 * The list of the guest's mappings; see mem_priv.h. Nothing here touches the host's memory map.
 */
#include "runtime/mem/mem_priv.h"

#include "lib/base/panic.h"
#include "runtime/core/thread.h"

#include <stdlib.h>
#include <string.h>

void vma_fini(struct vma_list *l)
{
	free(l->buf);
	*l = (struct vma_list){ 0 };
}

unsigned vma_lower(struct vma_list *l, gaddr a)
{
	unsigned lo = 0, hi = l->count, i = l->memo;

	if (i < hi && a < l->v[i].end && (i == 0 || a >= l->v[i - 1].end))
		return i;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (l->v[mid].end > a)
			hi = mid;
		else
			lo = mid + 1;
	}
	l->memo = lo;
	return lo;
}

struct mem_vma *vma_find(struct vma_list *l, gaddr a)
{
	unsigned i = vma_lower(l, a);

	return i < l->count && l->v[i].start <= a ? &l->v[i] : NULL;
}

bool vma_is_free(struct vma_list *l, gaddr start, gaddr end)
{
	unsigned i = vma_lower(l, start);

	return i == l->count || l->v[i].start >= end;
}

bool vma_is_covered(struct vma_list *l, gaddr start, gaddr end)
{
	for (unsigned i = vma_lower(l, start); start < end; i++) {
		if (i == l->count || l->v[i].start > start)
			return false;
		start = l->v[i].end;
	}
	return true;
}

/* ---- changes by a process that shares memory ------------------------------------------------- */

/*
 * A vfork child may be killed while the list is half changed. It makes its changes to a copy, and vma_undo finds what was. True: a change has begun.
 */
static bool begin_change(struct vma_list *l)
{
	const struct kit_thread *t = kit_self();
	struct vma_list *before;
	struct mem_vma *buf;

	if (KIT_LIKELY(!t || !t->heap))
		return false;
	before = malloc(sizeof *before);
	buf = malloc(l->cap * sizeof *buf);
	KIT_CHECK(before && buf, "no memory for %u mappings", l->cap);
	*before = *l;
	memcpy(buf + (l->v - l->buf), l->v, l->count * sizeof *buf);
	__atomic_store_n(&l->before, before, __ATOMIC_RELEASE);
	l->v = buf + (l->v - l->buf);
	l->buf = buf;
	return true;
}

static void end_change(struct vma_list *l, bool begun)
{
	struct vma_list *before = l->before;

	if (KIT_LIKELY(!begun))
		return;
	__atomic_store_n(&l->before, NULL, __ATOMIC_RELEASE);
	free(before->buf);
	free(before);
}

void vma_undo(struct vma_list *l)
{
	if (l->before)
		*l = *l->before;
}

/* ---- room --------------------------------------------------------------------------------- */

/* New room, twice as much if half is full, with the mappings in its middle. */
static void make_room(struct vma_list *l)
{
	unsigned cap = l->cap < 64 ? 64 : l->count > l->cap / 2 ? 2 * l->cap : l->cap;
	struct mem_vma *buf = malloc(cap * sizeof *buf), *v;

	KIT_CHECK(buf, "no memory for %u mappings", cap);
	v = buf + (cap - l->count) / 2;
	if (l->count)
		memcpy(v, l->v, l->count * sizeof *v);
	free(l->buf);
	l->buf = buf;
	l->v = v;
	l->cap = cap;
}

/* Opens a slot at index i: moves what lies before or behind it, whichever is less. */
static void open_slot(struct vma_list *l, unsigned i)
{
	bool front = i < l->count - i;

	if (front ? l->v == l->buf : l->v + l->count == l->buf + l->cap)
		make_room(l);
	if (front) {
		l->v--;
		memmove(l->v, l->v + 1, i * sizeof *l->v);
	} else {
		memmove(l->v + i + 1, l->v + i, (l->count - i) * sizeof *l->v);
	}
	l->count++;
}

static void close_slots(struct vma_list *l, unsigned i, unsigned n)
{
	unsigned behind = l->count - i - n;

	if (i < behind) {
		memmove(l->v + n, l->v, i * sizeof *l->v);
		l->v += n;
	} else {
		memmove(l->v + i, l->v + i + n, behind * sizeof *l->v);
	}
	l->count -= n;
}

static void move_start(struct mem_vma *v, gaddr start)
{
	if (v->map_id)
		v->offset += start - v->start;
	v->start = start;
}

/* Splits mapping i at a, which lies inside it: it keeps the lower part, i + 1 is the upper one. */
static void split(struct vma_list *l, unsigned i, gaddr a)
{
	open_slot(l, i + 1);
	l->v[i + 1] = l->v[i];
	l->v[i].end = a;
	move_start(&l->v[i + 1], a);
}

static bool can_merge(const struct mem_vma *a, const struct mem_vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags
	       && a->name == b->name && a->map_id == b->map_id
	       && (!a->map_id || a->offset + (a->end - a->start) == b->offset);
}

/* Merges mapping i with its neighbours where they are alike. */
static void merge_around(struct vma_list *l, unsigned i)
{
	if (i + 1 < l->count && can_merge(&l->v[i], &l->v[i + 1])) {
		l->v[i].end = l->v[i + 1].end;
		close_slots(l, i + 1, 1);
	}
	if (i > 0 && can_merge(&l->v[i - 1], &l->v[i])) {
		l->v[i - 1].end = l->v[i].end;
		close_slots(l, i, 1);
	}
}

static void cut_out(struct vma_list *l, gaddr start, gaddr end)
{
	unsigned i = vma_lower(l, start), j;

	if (i == l->count || l->v[i].start >= end)
		return;
	if (l->v[i].start < start) {
		if (l->v[i].end > end) {
			split(l, i, end);
			l->v[i].end = start;
			return;
		}
		l->v[i++].end = start;
	}
	for (j = i; j < l->count && l->v[j].end <= end; j++)
		;
	if (j < l->count && l->v[j].start < end)
		move_start(&l->v[j], end);
	close_slots(l, i, j - i);
}

void vma_remove(struct vma_list *l, gaddr start, gaddr end)
{
	bool begun = begin_change(l);

	cut_out(l, start, end);
	end_change(l, begun);
}

static void put_in(struct vma_list *l, const struct mem_vma *v)
{
	unsigned i = vma_lower(l, v->start);

	KIT_DCHECK(i == l->count || l->v[i].start >= v->end, "0x%llx is taken",
		   (unsigned long long)v->start);
	open_slot(l, i);
	l->v[i] = *v;
	merge_around(l, i);
}

void vma_insert(struct vma_list *l, const struct mem_vma *v)
{
	bool begun = begin_change(l);

	put_in(l, v);
	end_change(l, begun);
}

void vma_replace(struct vma_list *l, const struct mem_vma *v)
{
	bool begun = begin_change(l);

	cut_out(l, v->start, v->end);
	put_in(l, v);
	end_change(l, begun);
}

void vma_set_prot(struct vma_list *l, gaddr start, gaddr end, int prot)
{
	bool begun = begin_change(l);
	unsigned i = vma_lower(l, start);

	KIT_DCHECK(i < l->count && l->v[i].start <= start && end <= l->v[i].end,
		   "0x%llx is no mapping", (unsigned long long)start);
	if (l->v[i].start < start)
		split(l, i++, start);
	if (l->v[i].end > end)
		split(l, i, end);
	l->v[i].prot = prot;
	merge_around(l, i);
	end_change(l, begun);
}

void vma_set_name(struct vma_list *l, gaddr a, const char *name)
{
	struct mem_vma *v = vma_find(l, a);

	if (v)
		v->name = name;
}

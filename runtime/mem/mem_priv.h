/*
 * Inside runtime/mem: the space, its list of mappings, its guards.
 *
 * Every function here expects the space's lock to be held, and addresses and sizes in whole pages.
 */
#ifndef KIT_RUNTIME_MEM_PRIV_H
#define KIT_RUNTIME_MEM_PRIV_H

#include "lib/ir/state.h"
#include "runtime/core/lock.h"
#include "runtime/mem/mem.h"

#include <stdatomic.h>

#define MEM_PAGE_MASK ((uint64_t)MEM_PAGE_BYTES - 1)

/* Ends of the windows that mappings without a hint go to. */
#define MEM_SV39_TOP  (UINT64_C(1) << 38)
#define MEM_GUEST_TOP UINT64_C(0x500000000000)

/* In mem_vma.flags: made by shmat. No MAP_ bit has this value. */
#define MEM_VMA_SHM (1 << 30)

/*
 * The guest's mappings: a sorted array without overlaps, neighbours merged where the kernel would.
 * Finding is a binary search behind a one-entry memo. There is room at both ends, since most mappings
 * come or go near one: at 10,000 mappings a call costs 3 us, and two of them are the host's: no tree.
 */
struct vma_list {
	struct mem_vma *v;   /* the mappings, somewhere in buf */
	struct mem_vma *buf; /* room for cap mappings */
	unsigned count, cap;
	unsigned memo; /* index that was found last, may be out of range */
	/* A process that may be killed in the midst of it changes a copy, and this is the list as it was; else NULL. */
	struct vma_list *before;
};

void vma_fini(struct vma_list *l);
/* Index of the first mapping that ends above a; count when there is none. */
unsigned vma_lower(struct vma_list *l, gaddr a);
/* The mapping that holds a, or NULL. Valid until the list changes. */
struct mem_vma *vma_find(struct vma_list *l, gaddr a);
bool vma_is_free(struct vma_list *l, gaddr start, gaddr end);
/* True when mappings cover the whole range. */
bool vma_is_covered(struct vma_list *l, gaddr start, gaddr end);
/* Cuts the range out of the list. */
void vma_remove(struct vma_list *l, gaddr start, gaddr end);
/* Adds a mapping where the list is free. */
void vma_insert(struct vma_list *l, const struct mem_vma *v);
/* Adds a mapping in the place of what is there: at no moment is that free. */
void vma_replace(struct vma_list *l, const struct mem_vma *v);
/* Sets prot of a range that lies in one mapping. */
void vma_set_prot(struct vma_list *l, gaddr start, gaddr end, int prot);
void vma_set_name(struct vma_list *l, gaddr a, const char *name);
/* Somebody was killed in the midst of a change: the list is as it was before. */
void vma_undo(struct vma_list *l);

/* One page that the guest may write and that holds or held translated code. */
struct guard_page {
	uint64_t page;    /* address / MEM_PAGE_BYTES; 0: free slot (page 0 never holds code) */
	uint32_t hits;    /* writes that dropped its guard so far */
	uint32_t guarded; /* read-only on the host now */
};

struct guard_table {
	struct guard_page *slot; /* open addressing, linear probing */
	unsigned count, cap;     /* cap: 0 or a power of two */
	bool off;                /* none shall be */
	bool may;      /* some mapping may be or was writable and executable; counts in pages.now */
	bool given_up; /* once: guards that it held are gone without a trace */
	struct ir_call_guards pages;
};

void guard_fini(struct guard_table *t);
/* A mapping has, or gets, this protection. */
void guard_note_prot(struct guard_table *t, int prot);
/* It may be half changed: an empty one from now on. */
void guard_give_up(struct guard_table *t);

/* A change that is being told, on the stack of the thread that tells. Whoever is killed meanwhile leaves it to mem_forget. */
struct mem_telling {
	gaddr start, end;
	uint32_t tid;
	struct mem_telling *next;
};

struct mem_space {
	struct kit_lock lock;
	uint64_t base;
	gaddr min, limit;
	gaddr mmap_top; /* end of the first window for mappings without a hint */
	/* No gap above search_from in the first window holds search_len bytes. */
	gaddr search_from;
	uint64_t search_len;
	const struct point_table *points; /* mem_set_points */
	struct vma_list vmas;
	unsigned growsdown; /* MAP_GROWSDOWN mappings were made: the host may have let some grow */
	uint32_t next_id;
	gaddr brk_start, brk;
	struct guard_table guard;
	struct mem_listener listener;
	_Atomic uint64_t code_changes;
	struct mem_write *writing;   /* by system calls that are under way */
	struct mem_telling *telling; /* changes that the listener has not dealt with yet */
	struct mem_telling repaired; /* repair.c's; tid 0: not in the list */
};

/* What the host gets for a guest protection. */
int mem_host_prot(int prot);
void mem_lock(struct mem_space *m);
void mem_unlock(struct mem_space *m);
/* Unlocks, then tells the listener of [start, end) when that is not empty: guest code there may have changed. */
void mem_unlock_tell(struct mem_space *m, gaddr start, gaddr end);
/* Into the list, which is whole at any moment. */
void mem_telling_add(struct mem_space *m, struct mem_telling *e);
/* The same without the lock. */
void mem_tell(struct mem_space *m, gaddr start, gaddr end);
/* True when some mapping of the range is executable. */
bool mem_has_exec(struct mem_space *m, gaddr start, gaddr end);
/* Takes over what the host has let grow downwards. */
void mem_sync_growsdown(struct mem_space *m);
/* A free range for size_bytes, aligned; hint honoured when free; 0 when there is none. */
gaddr mem_find_free(struct mem_space *m, gaddr hint, uint64_t size_bytes, uint64_t align);
/* Some range has become free. */
void mem_freed(struct mem_space *m, gaddr start, gaddr end);

/* Makes the holes of the range the guest's on the host, so that MAP_FIXED over it hits nothing of kitemu. 0 or -errno. */
int mem_claim_holes(struct mem_space *m, gaddr start, gaddr end);
/* After a failure: gives back the parts of the range that the list does not have. */
void mem_release_holes(struct mem_space *m, gaddr start, gaddr end);
/* Unmaps the mapped parts of the range on the host and in the list; guards go too. 0 or -errno. */
int mem_unmap_range(struct mem_space *m, gaddr start, gaddr end);

/* The pages' guards are gone because the host's protection was set anew; the hits stay. */
void guard_forget(struct mem_space *m, gaddr start, gaddr end);
/* The pages are other pages now: guards and hits go. */
void guard_erase(struct mem_space *m, gaddr start, gaddr end);
/* Makes guarded pages writable again, counting a hit each; returns how many. */
unsigned guard_drop(struct mem_space *m, gaddr start, gaddr end);
/* True when a page of the range was guarded once and is writable now. */
bool guard_was_hit(struct mem_space *m, gaddr start, gaddr end);

#endif

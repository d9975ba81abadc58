/*
 * The guest's address space.
 *
 * Host address = guest address + base; base is 0 unless the low addresses are not free on this
 * host (then st.guest_base in every thread). The space keeps its own sorted list of the guest's
 * mappings (VMAs), since only it knows which host mappings are the guest's: a guest
 * can neither see, unmap nor map over kitemu's own memory. All functions that
 * take addresses take guest addresses, and return a result or -errno as the kernel's call would.
 *
 *     base 0:    0 .. min | guest: Sv39 window .. 2^38 | guest: second window .. limit | kitemu, host
 *     base != 0: host .. | base + 0 .. base + limit: reserved PROT_NONE, the guest's | .. host
 *
 * Mappings without a usable hint go top-down from mem_set_mmap_top's address in the first window,
 * and into the second where they do not fit.
 *
 * Executable permission is a property of the VMA alone: nothing of the guest is ever
 * mapped executable on the host. A page that holds translated code and is writable
 * to the guest is kept read-only on the host ("guarded") until the code is dropped.
 * Execute-only mappings are readable on the host. Two views of one object (MAP_SHARED, or a file
 * written by write) can change code without a fault that a guard would see: mem_guard says so.
 *
 * Threads: every call takes the space's lock; mem_fetch and mem_guard_hit do too and are
 * called from the run loop, not from signal handlers. The listener is called without the lock, after
 * the change and before the call returns: a translator that holds its own lock from fetch to
 * install, and takes it in the listener, never keeps code of bytes that are gone.
 *
 * A unit that ended because nothing could be fetched must not be kept: the listener hears of
 * code that goes, not of code that comes.
 */
#ifndef KIT_RUNTIME_MEM_MEM_H
#define KIT_RUNTIME_MEM_MEM_H

#include "lib/base/bits.h"
#include "lib/base/diag.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ir_call_guards;
struct point_table;

enum { MEM_PAGE_BYTES = 4096 };

/* Guest PROT_ and MAP_ bits are those of asm-generic, equal on both kinds of host. */
enum {
	MEM_PROT_NONE = 0,
	MEM_PROT_READ = 1,
	MEM_PROT_WRITE = 2,
	MEM_PROT_EXEC = 4,
	MEM_MAP_SHARED = 0x01,
	MEM_MAP_PRIVATE = 0x02,
	MEM_MAP_FIXED = 0x10,
	MEM_MAP_ANONYMOUS = 0x20,
	MEM_MAP_GROWSDOWN = 0x100,
	MEM_MAP_NORESERVE = 0x4000,
	MEM_MAP_FIXED_NOREPLACE = 0x100000,
};

struct mem_vma {
	gaddr start, end; /* page-aligned, end exclusive */
	int prot;         /* what the guest asked for: MEM_PROT_ bits */
	int flags; /* MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, MAP_GROWSDOWN, MAP_NORESERVE */
	uint64_t offset; /* of start in the file; 0 for private anonymous memory */
	uint32_t
	    map_id; /* the mmap call that made it; 0 for private anonymous memory, which merges */
	const char *name; /* "[stack]", "[heap]", "[vdso]" or NULL */
};

struct mem_space;

/*
 * What mem calls when guest code may have changed or gone: the range lost its executable
 * permission or became writable, was unmapped, replaced, discarded by madvise, or written while
 * guarded. The range may be larger than what held code. Set once by runtime/jit.
 */
struct mem_listener {
	void (*code_changed)(void *ctx, gaddr start, uint64_t size_bytes);
	void *ctx;
};

struct mem_want {
	bool base;      /* place guest memory at a base even where guest addresses are free */
	uint64_t at;    /* the base to have; 0: any */
	uint64_t limit; /* guest addresses end there; 0: where they must */
};
/* Memory of kitemu's own that processes share, from a file; NULL: there is none. */
void *mem_map_shared(int fd, size_t size_bytes);

struct mem_space *mem_new(const struct mem_want *want, struct diag *d);
void mem_free(struct mem_space *m);
/* Which breakpoints are laid over code that is fetched, NULL: none; at first the debugger's (point_table). */
void mem_set_points(struct mem_space *m, const struct point_table *points);
/* What is fetched there is no longer what it was. */
void mem_code_touched(struct mem_space *m, gaddr start, uint64_t size_bytes);
void mem_set_listener(struct mem_space *m, struct mem_listener l);
uint64_t mem_base(const struct mem_space *m);
/* Host pointer of a guest address; no check that anything is mapped there. */
void *mem_host(const struct mem_space *m, gaddr a);
gaddr mem_guest(const struct mem_space *m, const void *host);
/* First address that can never be the guest's, and the first one that can. */
gaddr mem_limit(const struct mem_space *m);
gaddr mem_min(const struct mem_space *m);
/*
 * True when [a, a + n) lies below mem_limit: then the host kernel, given mem_host(a), can at worst
 * say EFAULT. A pointer that fails this must be answered with EFAULT, since it may be kitemu's memory.
 */
bool mem_inside(const struct mem_space *m, gaddr a, uint64_t n);
/* Around fork(2), so that the child finds the lock free: lock, fork, unlock in both. */
void mem_fork_lock(struct mem_space *m);
void mem_fork_unlock(struct mem_space *m);
/*
 * Thread tid of a process that shared the memory is gone, and may have been killed anywhere. If it has left the lock
 * taken, that is given back and true is the result: what it was about to change is as it was or as it was to be. Then, with no
 * lock held, mem_forget tells the listener what the thread no longer can; taken_back: it had the lock.
 */
bool mem_take_back(struct mem_space *m, int tid);
void mem_forget(struct mem_space *m, int tid, bool taken_back);
/* In the child, with no lock held: what other threads of the parent were about to tell the listener is told. */
void mem_fork_child(struct mem_space *m);

/* System calls on memory, guest semantics. */
int64_t mem_mmap(struct mem_space *m, gaddr addr, uint64_t len, int prot, int flags, int fd,
		 int64_t offset);
int64_t mem_munmap(struct mem_space *m, gaddr addr, uint64_t len);
int64_t mem_mprotect(struct mem_space *m, gaddr addr, uint64_t len, int prot);
int64_t mem_mremap(struct mem_space *m, gaddr old, uint64_t old_len, uint64_t new_len, int flags,
		   gaddr new_addr);
int64_t mem_madvise(struct mem_space *m, gaddr addr, uint64_t len, int advice);
int64_t mem_msync(struct mem_space *m, gaddr addr, uint64_t len, int flags);
int64_t mem_mlock(struct mem_space *m, gaddr addr, uint64_t len, int flags); /* flags of mlock2 */
int64_t mem_munlock(struct mem_space *m, gaddr addr, uint64_t len);
int64_t mem_mincore(struct mem_space *m, gaddr addr, uint64_t len, gaddr vec);
int64_t mem_shmat(struct mem_space *m, int shmid, gaddr addr, int flags);
int64_t mem_shmdt(struct mem_space *m, gaddr addr);
/* Moves a mapping of whole pages, readable and writable, that the kernel has made on the host, to a free place. */
int64_t mem_take(struct mem_space *m, void *host, uint64_t len);
/* A shared mapping of a file that lets nobody say where it goes (io_uring's rings). -EINVAL: the kernel's place is not the guest's. */
int64_t mem_mmap_unplaced(struct mem_space *m, uint64_t len, int prot, int fd, int64_t offset);
/* Mappings without a hint go below addr from now on (the loader: below the stack and its gap). */
void mem_set_mmap_top(struct mem_space *m, gaddr addr);
/* Where the heap starts (set by the loader), and the brk system call. */
void mem_set_brk(struct mem_space *m, gaddr start);
int64_t mem_brk(struct mem_space *m, gaddr addr);
/* Names a mapping for /proc/self/maps; name must be a string that lives on. */
void mem_set_name(struct mem_space *m, gaddr addr, const char *name);

/* Calls fn for each mapping in ascending order while it returns true. fn must not call mem_*. */
void mem_each(struct mem_space *m, bool (*fn)(void *ctx, const struct mem_vma *v), void *ctx);
/* A copy of the list of mappings, ascending, on the heap. */
struct mem_vma *mem_list(struct mem_space *m, unsigned *count);
/*
 * The same of a space of another process of this build, which read reads; its names are addresses there. NULL: it cannot be read,
 * or is being changed all the time.
 */
typedef bool mem_reader(void *ctx, uint64_t at, void *to, size_t n);
struct mem_vma *mem_list_of_other(uint64_t space, mem_reader *read, void *ctx, unsigned *count);
/* The mapping that holds addr into *v; false when there is none. */
bool mem_find(struct mem_space *m, gaddr addr, struct mem_vma *v);

/*
 * Copies up to n bytes of guest code at addr; returns how many are executable and
 * readable from there on (0: addr cannot be fetched). It has the form of guest_fetch.read: space is the
 * struct mem_space, its ctx.
 */
unsigned mem_fetch(void *space, gaddr addr, void *buf, unsigned n);
/*
 * The addresses around addr that may be executed: [*start, *end), as far as memory is what would be fetched (mem_fetch lays
 * breakpoints over it). False: none. They stay so while mem_code_changes is the same as before the call.
 */
bool mem_exec_range(struct mem_space *m, gaddr addr, gaddr *start, gaddr *end);

/* The form of guest_fetch.peek: what the guest could load, or false. */
bool mem_peek(void *space, gaddr addr, void *buf, unsigned n);
/* The form of guest_fetch.is_own: addr lies in the mapping that is named MEM_VDSO, wherever the guest has moved it. */
#define MEM_VDSO "[vdso]"
bool mem_is_vdso(void *space, gaddr addr);

/* Zeroed memory of kitemu's own that children made by fork share; it stays. NULL: there is none. */
void *mem_shared_new(size_t size_bytes);

/* A file of kitemu's own, to be read; NULL: it cannot be mapped. */
const void *mem_file_map(int fd, size_t size_bytes);
void mem_file_unmap(const void *p, size_t size_bytes);

/* A file in memory, close-on-exec; -1: errno says why not. */
int mem_file_new(const char *name);

/* Zeroed memory that is there once it is touched, as much as the address space has room for; NULL: it has none. */
void *mem_sparse_new(size_t size_bytes);
void mem_sparse_free(void *p, size_t size_bytes);
/* Zeroes whole pages, which are given back. */
void mem_sparse_clear(void *p, size_t size_bytes);
/* For each page from p on: whether it was written to, or might have been. */
void mem_sparse_touched(const void *p, size_t pages, bool *touched);

/*
 * Access to guest memory for system calls: never faults kitemu. false or -EFAULT when some byte
 * cannot be accessed (copy_out may have written a part, as the kernel's copy_to_user).
 */
bool mem_copy_in(struct mem_space *m, void *dst, gaddr src, size_t n);
bool mem_copy_out(struct mem_space *m, gaddr dst, const void *src, size_t n);
/* Atomically: *addr, aligned, becomes new if it is old: 1; 0 when it is not; -EFAULT when it cannot be written. */
int mem_cas32(struct mem_space *m, gaddr addr, uint32_t old, uint32_t new);
/* Length of the zero-terminated string at src copied with its zero, -EFAULT, or -ENAMETOOLONG when cap is too small. */
ssize_t mem_copy_str(struct mem_space *m, char *dst, gaddr src, size_t cap);
/* True when [addr, addr + n) lies wholly in guest mappings with all of prot. */
bool mem_access_ok(struct mem_space *m, gaddr addr, uint64_t n, int prot);

/*
 * Translated code of [start, start + n) exists from now on: writes to its pages shall be noticed
 * (host mapping made read-only where the guest may write). Call it before the bytes are fetched, or fetch
 * and compare again after it. Pages that are written too often are no longer guarded, and
 * MAP_SHARED mappings never are, since another view of the object can write; returns false
 * when any page of the range is of that kind: the code must then be checked at fence.i.
 */
bool mem_guard(struct mem_space *m, gaddr start, uint64_t n);
/*
 * How often code that could be written, unguarded, no longer could: by mem_guard or mprotect, in any thread. When it has grown since some bytes were fetched, another
 * thread may have written to them in between. No lock.
 */
uint64_t mem_guards(const struct mem_space *m);
/* How often guest code may have changed so far: what the listener is told of, and counted before. No lock. */
uint64_t mem_code_changes(const struct mem_space *m);
/*
 * A host write fault at addr: when the page was guarded, makes it writable again, tells
 * the listener and returns true; true too when another thread has just done so; else false (a
 * real fault of the guest).
 */
bool mem_guard_hit(struct mem_space *m, gaddr addr);
/*
 * Waits until the listener knows of every change so far: after a page was made writable its old code is dropped,
 * perhaps by another thread, which may not have got round to it when the write is over.
 */
void mem_settle(struct mem_space *m);
/* Drops the guard of every page in the range (a system call is about to write there); tells the listener. */
void mem_unguard(struct mem_space *m, gaddr start, uint64_t n);
/*
 * What the kernel is going to write to in a system call. From mem_write_begin to mem_write_end its pages are not guarded, however
 * long the call waits: a message that could not be stored would be lost. mem_write_add may be called more often; more ranges
 * than there is room for become one.
 */
enum { MEM_WRITE_RANGES = 8 };
struct mem_write {
	struct {
		gaddr start, end;
	} range[MEM_WRITE_RANGES];
	unsigned count;
	uint32_t tid;
	struct mem_write *next;
};
void mem_write_begin(struct mem_space *m, struct mem_write *w);
void mem_write_add(struct mem_space *m, struct mem_write *w, gaddr start, uint64_t n);
void mem_write_end(struct mem_space *m, struct mem_write *w);
/* False while no page can be guarded: none may be written and executed. */
bool mem_may_guard(const struct mem_space *m);
/*
 * No page is guarded any more: where a tracer stops the process at each fault, it might stand still until the tracer looks.
 */
void mem_no_guards(struct mem_space *m);
/* Somebody else has written to the range, a tracer: guest code there may have changed. */
void mem_code_written(struct mem_space *m, gaddr start, uint64_t n);
/*
 * True while any page is guarded: cheap, no lock. An access by the kernel that failed for a guard finds this true afterwards, or that
 * mem_guards has grown since before the access, or that this was true then. mem_guards is to be asked first: a page may be
 * guarded between the two questions.
 * mem_guarded: the numbers, for code that looks itself.
 */
bool mem_any_guarded(const struct mem_space *m);
const struct ir_call_guards *mem_guarded(const struct mem_space *m);

#endif

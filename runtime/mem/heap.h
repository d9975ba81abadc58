/*
 * malloc for a process that shares kitemu's memory with its parent (vfork, CLONE_VM).
 *
 * Such a process may be killed at any moment, and whatever it was at stays as it is in its parent's memory. libc's malloc
 * would be left locked or half changed then. So it does not touch libc's: it has a heap of its own, and what it frees of libc's
 * waits for its parent.
 *
 *     malloc, the linker's way in --> kit_self()->heap? --yes--> heap_alloc: this child's blocks, bump and lists by size
 *                                                     --no---> libc
 *     free --> by the word in front of a block: libc's, or of some heap
 *
 * A block may outlive the child, since the lists and tables of kitemu are its parent's too, and may be freed by
 * any thread then; the last one frees the heap (heap_release, and blocks, count).
 *
 * Threads: a heap is its process's. Where that has several threads, a word keeps them apart, which nobody else looks at.
 */
#ifndef KIT_RUNTIME_MEM_HEAP_H
#define KIT_RUNTIME_MEM_HEAP_H

#include <stddef.h>

struct heap;

/* NULL: out of memory. Nothing is mapped for blocks yet. */
struct heap *heap_new(void);
/* The process is gone: what it freed of libc's memory is freed, and the heap goes with its last block. */
void heap_release(struct heap *h);
/* In a copy of the process, whose only thread has this heap on. */
void heap_fork_child(struct heap *h);

#endif

/*
 * Room for what a process with one thread writes to all the time: that thread, and the small structures around it.
 *
 * After a fork each page that is written to is copied, in the parent as well as in the child: a microsecond and a half
 * a page. On the heap these few kilobytes were on nine pages, between tables that nobody changes. What is made once the
 * program runs, for further threads, comes from malloc.
 */
#ifndef KIT_RUNTIME_CORE_NEAR_H
#define KIT_RUNTIME_CORE_NEAR_H

#include <stddef.h>

struct kit_thread;

/* There is room from now on; no more. In between there is one thread alone. */
void near_open(void);
void near_close(void);

/* Zeroed: from the room while that is open, a table of a page at a page; else as calloc. NULL: out of memory. */
void *near_new(size_t size_bytes);
/* The same for one thing of whose bytes only the first 64 are written often. */
void *near_new_tail(size_t size_bytes);
void near_free(void *p);

/* The thread in the room, zeroed, once; NULL when it is taken, or the room is not open. */
struct kit_thread *near_thread(void);

#endif

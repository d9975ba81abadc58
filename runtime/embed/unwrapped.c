/*
 * kitemu is linked so that some of libc's functions lead to its own (meson.build). A program that embeds it is not. Its guests
 * make neither processes nor threads: what _Fork and __clone_internal would go on to is never asked for.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>

pid_t __real__Fork(void);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *p);
int __real___clone_internal(void *args, int (*fn)(void *), void *arg);

pid_t __real__Fork(void)
{
	errno = ENOSYS;
	return -1;
}

int __real___clone_internal(void *args, int (*fn)(void *), void *arg)
{
	(void)args, (void)fn, (void)arg;
	errno = ENOSYS;
	return -1;
}

/* The library is not linked with --wrap, so that these names are libc's functions. */
void *__real_malloc(size_t size) { return malloc(size); }
void *__real_calloc(size_t count, size_t size) { return calloc(count, size); }
void *__real_realloc(void *p, size_t size) { return realloc(p, size); }
void *__real_aligned_alloc(size_t align, size_t size) { return aligned_alloc(align, size); }
void __real_free(void *p) { free(p); }

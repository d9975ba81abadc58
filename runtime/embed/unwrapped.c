/*
 * kitemu is linked so that libc's _Fork and __clone_internal lead to its own (meson.build). A program that embeds it is not, and its
 * guests make neither processes nor threads: what these would go on to is never asked for.
 */
#include <errno.h>
#include <sys/types.h>

pid_t __real__Fork(void);
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

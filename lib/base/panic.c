/* The end of the road for a broken invariant; see panic.h. */
#include "lib/base/panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void kit_panic(const char *file, int line, const char *fmt, ...)
{
	char buf[512];
	int n = snprintf(buf, sizeof buf, "kitemu: internal error at %s:%d: ", file, line);
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(buf + n, sizeof buf - (size_t)n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof buf - 2)
		n = (int)sizeof buf - 2;
	buf[n++] = '\n';
	/* Nothing is left to be done when even stderr fails. */
	if (write(STDERR_FILENO, buf, (size_t)n) < 0)
		_exit(KIT_EXIT_INTERNAL);
	_exit(KIT_EXIT_INTERNAL);
}

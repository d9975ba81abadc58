/* Messages for users; see diag.h. */
#include "lib/base/diag.h"

#include <stdarg.h>
#include <stdio.h>

bool diag_fail(struct diag *d, int exit_status, const char *fmt, ...)
{
	va_list ap;

	if (d->text[0])
		return false;
	d->exit_status = exit_status;
	va_start(ap, fmt);
	(void)vsnprintf(d->text, sizeof d->text, fmt, ap);
	va_end(ap);
	return false;
}

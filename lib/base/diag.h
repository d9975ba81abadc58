/*
 * struct diag: one message for the person at the terminal.
 *
 * A function that can fail because of the user or the environment returns a
 * bool or a status and fills a diag: what is wrong, and what to do. The caller
 * that owns the terminal prints it as "kitemu: FILE: message". The first
 * message stays; later ones are dropped, since the first is the cause.
 */
#ifndef KIT_BASE_DIAG_H
#define KIT_BASE_DIAG_H

#include "lib/base/panic.h"

#include <stdbool.h>

struct diag {
	char text[400];  /* empty: nothing went wrong */
	int exit_status; /* what kitemu exits with: 125, 126 or 127 */
};

#define DIAG_INIT                                                                                  \
	{                                                                                          \
		.exit_status = KIT_EXIT_INTERNAL                                                   \
	}

/* Records a message and the exit status that goes with it. Always returns false. */
bool diag_fail(struct diag *d, int exit_status, const char *fmt, ...) KIT_PRINTF(3, 4);

#endif

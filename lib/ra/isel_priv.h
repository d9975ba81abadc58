/* What the files of instruction selection share. */
#ifndef KIT_RA_ISEL_PRIV_H
#define KIT_RA_ISEL_PRIV_H

#include "lib/ra/isel.h"

/* isel_entry.c: the fixes with which blocks are come to, before any is selected. */
void isel_find_entry_fixes(struct isel *s);

/* isel_exit.c */
void isel_exit(struct isel *s, uint32_t idx);
/* Does nothing but the final exit come behind br idx, and registers that become constants? */
bool isel_is_final_br(const struct isel *s, uint32_t idx);
/* Is the exit behind op edge idx the one that it is for, and notes it? */
bool isel_exit_notes(const struct isel *s, uint32_t idx);

#endif

/* Offsets in struct ir_state from rbp, for routines.S; routines.c compares them with the structure. */
#ifndef X64_ROUTINES_H
#define X64_ROUTINES_H

#define ST_STOP     (-112)
#define ST_BASE     488
#define ST_SAVE_RSI 1560
#define ST_SAVE_RDI 1568
#define ST_SAVE_A   1552

#endif

/* Offsets in struct ir_state from rbp, for routines.S; routines.c compares them with the structure. */
#ifndef X64_ROUTINES_H
#define X64_ROUTINES_H

#define ST_STOP     404
#define ST_BASE     520
#define ST_SAVE_RSI 1592
#define ST_SAVE_RDI 1600
#define ST_SAVE_A   1584

#endif

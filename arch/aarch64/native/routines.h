/* Offsets in struct ir_state, for routines.S; routines.c compares them with the structure. */
#ifndef A64_ROUTINES_H
#define A64_ROUTINES_H

#define ST_STOP 532
#define ST_BASE 648
#define ST_SAVE 1672

#endif

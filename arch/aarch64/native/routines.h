/* Offsets in struct ir_state, for routines.S; routines.c compares them with the structure. */
#ifndef A64_ROUTINES_H
#define A64_ROUTINES_H

#define ST_STOP 56
#define ST_BASE 656
#define ST_SAVE 1680

#endif

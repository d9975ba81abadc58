/* Which build of kitemu this is. */
#ifndef KIT_RUNTIME_CORE_BUILD_H
#define KIT_RUNTIME_CORE_BUILD_H

#include <stdint.h>

/*
 * Of the build identifier (ld's --build-id) of the program that this code is part of, which another program text does not have; 0: it was
 * linked without one.
 */
uint64_t kit_build_key(void);

#endif

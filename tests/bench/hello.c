/* The smallest use of the C library, for the time that starting takes. */
#include <stdio.h>

int main(void) { return puts("hello") < 0; }

// Calls that have a safer or a testable spelling in this house; using one fails the build.
// Force-included by meson into every file. Clocks and dice come from `struct env`, never from libc.

#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atof
#pragma GCC poison localtime gmtime ctime asctime srand random srandom

// Not poisoned, because OpenSSL's headers name a parameter so; calling it warns, and warnings
// fail the build.
extern int rand(void) __attribute__((deprecated("dice come from struct env or io/entropy.h")));

#endif

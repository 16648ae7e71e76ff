// The simulated outside, beyond what src/server/outside.h says.

#ifndef TESTS_SIM_OUTSIDE_H
#define TESTS_SIM_OUTSIDE_H

#include <stdint.h>

struct outside;

void outside_seed(struct outside *outside, uint64_t seed); // before its first effect

#endif

// A wall clock that only goes forward, made of two that somebody else reads: when the wall clock is
// set back, it goes on from where it was at the pace of the monotonic one, until the wall has
// caught up. For decisions that compare times: they need not mind what happens to the machine's
// clock.

#ifndef BASE_STEADY_H
#define BASE_STEADY_H

#include "base/timefmt.h"

struct steady {
    time_ms now;
    int64_t monotonic_ms; // at `now`
};

// Zeroed is ready; the first reading is the wall's. Returns the new `now`.
static inline time_ms steady_read(struct steady *steady, time_ms wall, int64_t monotonic_ms)
{
    if (wall >= steady->now)
        steady->now = wall;
    else
        steady->now += monotonic_ms - steady->monotonic_ms;
    steady->monotonic_ms = monotonic_ms;
    return steady->now;
}

#endif

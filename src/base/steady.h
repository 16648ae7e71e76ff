// A wall clock that only goes forward, made of two that somebody else reads: when the wall clock is
// set back, it goes on from where it was at the pace of the monotonic one, until the wall has
// caught up. For decisions that compare times: they need not mind what happens to the machine's
// clock.
//
// What it was set ahead by, which a machine that slept shows too, is told: it passed for nobody who
// was at work.

#ifndef BASE_STEADY_H
#define BASE_STEADY_H

#include "base/timefmt.h"

#include <stdbool.h>

enum { STEADY_SKIP_LEAST_MS = 1000 }; // less is how clocks are adjusted

struct steady {
    time_ms now;
    int64_t monotonic_ms; // at `now`
    int64_t skipped_ms;   // how much of what passed before the last reading was a jump
};

// Zeroed is ready; the first reading is the wall's. Returns the new `now`.
static inline time_ms steady_read(struct steady *steady, time_ms wall, int64_t monotonic_ms)
{
    time_ms expected = steady->now + monotonic_ms - steady->monotonic_ms;
    bool skips = steady->now != 0 && wall - expected >= STEADY_SKIP_LEAST_MS;

    steady->skipped_ms = skips ? wall - expected : 0;
    steady->now = wall >= steady->now ? wall : expected;
    steady->monotonic_ms = monotonic_ms;
    return steady->now;
}

#endif

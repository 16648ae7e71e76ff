// The arithmetic of a rolling deployment. Source: ecs-behaviour-scheduler 3.5 to 3.7 and 4.10.
//
// The lower bound is rounded up and the upper one down, so both are kept at every instant. Whole
// numbers only: products of a count and a percentage are taken in 64 bits, and the one percentage
// that arrives as a double is turned into a decimal of fixed precision before anything is
// multiplied.
//
// Nothing here knows which task is started or stopped; that is placement's and core/victims.h's.

#include "core/rollout.h"

#include "base/assert.h"

static int64_t at_least_zero(int64_t n)
{
    return n > 0 ? n : 0;
}

struct rollout_bounds rollout_bounds(int64_t desired, int64_t minimum_healthy_percent,
                                     int64_t maximum_percent)
{
    ASSERT(desired >= 0 && desired <= INT32_MAX);
    ASSERT(minimum_healthy_percent >= 0 && minimum_healthy_percent <= INT32_MAX);
    ASSERT(maximum_percent >= 0 && maximum_percent <= INT32_MAX);
    return (struct rollout_bounds){
        .lower = (desired * minimum_healthy_percent + 99) / 100,
        .upper = desired * maximum_percent / 100,
    };
}

static void check(const struct rollout_counts *counts)
{
    ASSERT(counts->pending >= 0 && counts->stopping >= 0 && counts->old >= 0);
    ASSERT(counts->healthy >= 0 && counts->healthy <= counts->running);
    ASSERT(counts->old <= counts->pending + counts->running);
}

int64_t rollout_startable(struct rollout_bounds bounds, const struct rollout_counts *counts)
{
    check(counts);
    return at_least_zero(bounds.upper - counts->pending - counts->running - counts->stopping);
}

int64_t rollout_stoppable(struct rollout_bounds bounds, const struct rollout_counts *counts)
{
    check(counts);
    return at_least_zero(counts->healthy - bounds.lower);
}

// A task on its way up or down, or not healthy, may yet move one of the bounds out of the way.
static bool is_settled(const struct rollout_counts *counts)
{
    return counts->pending == 0 && counts->stopping == 0 && counts->healthy == counts->running;
}

bool rollout_is_stuck(struct rollout_bounds bounds, const struct rollout_counts *counts)
{
    return counts->old > 0 && is_settled(counts) && rollout_startable(bounds, counts) == 0 &&
           rollout_stoppable(bounds, counts) == 0;
}

bool rollout_is_steady(int64_t desired, const struct rollout_counts *counts)
{
    check(counts);
    return counts->old == 0 && is_settled(counts) && counts->running == desired;
}

// Everything is counted in 1e-12 of a percent, in which a double is exact enough for a decimal of
// as many digits. The product does not fit 64 bits, so the count is multiplied in two halves.
int64_t rollout_scaled_count(int64_t desired, double percent)
{
    const uint64_t whole = UINT64_C(100000000000000);
    uint64_t high = (uint64_t)desired >> 16;
    uint64_t low = (uint64_t)desired & 0xffff;
    uint64_t share;
    uint64_t rest;

    ASSERT(desired >= 0 && desired <= INT32_MAX);
    ASSERT(percent >= 0 && percent <= 100);
    share = (uint64_t)(percent * 1e12 + 0.5);
    rest = ((high * share % whole) << 16) + low * share;
    return (int64_t)((high * share / whole << 16) + rest / whole + (rest % whole > 0));
}

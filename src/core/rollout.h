// The arithmetic of a rolling deployment: how many tasks may be started and stopped at this moment.
// All of it is numbers in, numbers out. Source: ecs-behaviour-scheduler 3.5 to 3.7 and 4.10.

#ifndef CORE_ROLLOUT_H
#define CORE_ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

struct rollout_bounds {
    int64_t lower; // healthy RUNNING tasks that must remain
    int64_t upper; // tasks that may exist before STOPPED
};

// `desired` is at least 0. A DAEMON service passes the number of its eligible instances.
struct rollout_bounds rollout_bounds(int64_t desired, int64_t minimum_healthy_percent,
                                     int64_t maximum_percent);

// The tasks of a service, of all its deployments together; no task stands in two of the first three
// numbers.
struct rollout_counts {
    int64_t pending;  // wanted, before RUNNING
    int64_t running;  // wanted, RUNNING
    int64_t stopping; // no longer wanted, before STOPPED
    int64_t healthy;  // of `running`: those that count as healthy (3.4)
    int64_t old;      // of `pending` and `running`: to be replaced (old deployment, draining host)
};

// How many tasks may be started, and how many healthy ones stopped; never below 0. A task that is
// not healthy may always be stopped: no bound counts it as of use.
int64_t rollout_startable(struct rollout_bounds bounds, const struct rollout_counts *counts);
int64_t rollout_stoppable(struct rollout_bounds bounds, const struct rollout_counts *counts);

// Old tasks are left, none may be stopped and none started in their place, and nothing is under way
// that could change that: only the caller can, by other percentages (event B15).
bool rollout_is_stuck(struct rollout_bounds bounds, const struct rollout_counts *counts);

// Steady state of a service, and STEADY_STATE of a task set: what is wanted runs, healthy, and
// nothing else is left.
bool rollout_is_steady(int64_t desired, const struct rollout_counts *counts);

// computedDesiredCount of a task set: `percent` of desired, rounded up, of a percentage taken as
// the decimal number that the caller wrote: 33.3 % of 3 is 1. Twelve decimals count. 0 <= percent
// <= 100, 0 <= desired <= INT32_MAX.
int64_t rollout_scaled_count(int64_t desired, double percent);

#endif

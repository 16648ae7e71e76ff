// Placement strategies: which of the instances that a task fits on it shall go to. Source:
// ecs-behaviour-scheduler 1.8 and 1.9.

#ifndef CORE_STRATEGY_H
#define CORE_STRATEGY_H

#include <stddef.h>

struct instance;
struct placement_request;
struct rng;

// Instances that passed every check. The array belongs to the caller; strategies shorten it.
struct candidates {
    struct instance **at;
    size_t n;
};

// One of at least one candidate. Without strategies any of them is as likely as another; with them,
// equals are told apart by the fewest tasks of the group, then by chance.
struct instance *strategy_pick(const struct placement_request *request, struct rng *rng,
                               struct candidates *candidates);

#endif

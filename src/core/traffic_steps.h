// The weights that production traffic takes on its way to a new revision, and how long each of them
// stays. Source: ecs-behaviour-scheduler 4.2.

#ifndef CORE_TRAFFIC_STEPS_H
#define CORE_TRAFFIC_STEPS_H

#include "api/ecs.h"
#include "base/timefmt.h"

struct arena;

// Weights are counted in tenths of a percent, the finest that the API takes.
enum { TRAFFIC_ALL = 1000 };

struct traffic_step {
    int32_t weight; // of the new revision, above the one before
    time_ms wait;   // before the next step; 0 for the last, which the bake time follows
};

struct traffic_steps {
    size_t n; // at least 1; the last weight is TRAFFIC_ALL
    const struct traffic_step *at;
    time_ms bake; // both revisions are kept for that long after the last step
};

// The plan of a deployment whose strategy is BLUE_GREEN, LINEAR or CANARY; lives in the arena.
// `config` has passed traffic_percent_is_valid; what it leaves out has its default.
struct traffic_steps traffic_steps_of(const struct ecs_deployment_configuration *config,
                                      struct arena *arena);

// stepPercent (least: 3.0) and canaryPercent (least: 0.1): up to 100.0, in multiples of 0.1.
bool traffic_percent_is_valid(double percent, double least);

#endif

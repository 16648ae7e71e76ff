// Balance over Availability Zones: whether a service's tasks lie evenly, and which zone gives a
// task to which. Source: ecs-behaviour-scheduler 3.13.

#ifndef CORE_ZONES_H
#define CORE_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

// One zone that the service could use, be there a task or not.
struct zone_count {
    struct str zone;
    int64_t tasks;
};

// With q and r from dividing the tasks by the zones: r zones have q + 1 and the others q. No zones
// are balanced.
bool zones_are_balanced(const struct zone_count *zones, size_t n);

struct zone_move {
    size_t from; // has most tasks
    size_t to;   // has fewest
};

// The next task to move, or false when there is none. Of equals the zone that comes first by name.
bool zones_next_move(const struct zone_count *zones, size_t n, struct zone_move *out);

// How many moves lead to balance.
int64_t zones_moves_n(const struct zone_count *zones, size_t n);

// From most to fewest tasks, equals by name: the order in which event texts list them.
void zones_sort(struct zone_count *zones, size_t n);

#endif

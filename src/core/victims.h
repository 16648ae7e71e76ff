// Which tasks of a service go when it has too many: the placement strategies in reverse. Source:
// ecs-behaviour-scheduler 1.8, 1.10.

#ifndef CORE_VICTIMS_H
#define CORE_VICTIMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/timefmt.h"

struct arena;
struct rng;

enum victim_state {
    VICTIM_NOT_RUNNING, // not there yet: goes first
    VICTIM_UNHEALTHY,   // then these, in their grace period too
    VICTIM_RUNNING,     // RUNNING, but does not count as healthy yet
    VICTIM_HEALTHY,
};

// One task that is wanted so far. Tasks of one instance agree in everything that is the instance's.
struct victim_task {
    enum victim_state state;
    bool is_protected;       // never chosen, but counted
    uint32_t deployment_age; // 0: of the oldest deployment; it goes before younger ones
    uint64_t instance_id;    // 0: none yet
    uint64_t zone;           // any number that stands for the zone
    const uint64_t *keys;    // at a VICTIM_SPREAD rule's index: stands for its attribute's value
    int64_t cpu, memory;     // what its end gives back
    int64_t cpu_left, memory_left; // on its instance, now
    time_ms created_at;
};

// The service's strategies, in their order.
enum victim_rule {
    VICTIM_SPREAD,          // by an attribute: from the value with most tasks
    VICTIM_SPREAD_INSTANCE, // from the instance with most tasks
    VICTIM_BINPACK_CPU,     // where most is left free afterwards
    VICTIM_BINPACK_MEMORY,
    VICTIM_RANDOM,
};
enum { VICTIM_RULES_MAX = 5 };

struct victims_wanted {
    size_t n;           // tasks to stop
    size_t healthy_max; // how many of them may be VICTIM_HEALTHY
};

struct victims {
    const size_t *at; // indices of tasks, in the order in which they were chosen; in the arena
    size_t n;
    size_t spared_n; // how many more there would be but for their protection
};

// Chosen one after the other, each as if the ones before it were gone. Without rules: from the zone
// with most tasks, there from the instance with most. Among equals a task that is not RUNNING goes
// before older ones, and chance decides between the others. Takes O(n log n) for a choice of any
// size when the values of each spread rule lie inside those of the one before, as instances lie in
// zones, and stays well below O(n^2) when they do not.
struct victims victims_choose(const struct victim_task *tasks, size_t n,
                              const enum victim_rule *rules, size_t rules_n,
                              struct victims_wanted wanted, struct rng *rng, struct arena *arena);

#endif

// Managed scaling of a capacity provider: how many machines its tasks need, and how many there
// shall be. Asked once a minute; what it remembers between two minutes goes in and comes out.
// Source: ecs-behaviour-scheduler 5.8.

#ifndef CORE_CAPACITY_H
#define CORE_CAPACITY_H

#include "api/ecs.h"
#include "base/timefmt.h"

struct arena;
struct need;

struct capacity_rule {
    int64_t target;   // percent of the machines that shall be in use, 1..100
    int64_t step_min; // machines added at once
    int64_t step_max;
    time_ms warmup;
    int64_t size_min; // of the whole group, set by the operator
    int64_t size_max;
};

// With the defaults of what it leaves out, and no bounds to the group's size.
struct capacity_rule capacity_rule_of(const struct ecs_managed_scaling *config);

// What one machine offers: of a group of different ones, the least in each part.
struct capacity_size {
    int64_t cpu_units;
    int64_t memory_mib;
    int64_t gpus;
    int64_t enis; // beside its own
};

// PROVISIONING tasks that need the same.
struct capacity_group {
    const struct need *need;
    int64_t enis;
    int64_t tasks;
};

// How many empty machines take all these tasks, packed one after the other, the greatest first.
// Tasks that do not fit an empty machine are left out.
int64_t capacity_machines(const struct capacity_group *groups, size_t n,
                          const struct capacity_size *size, struct arena *arena);

// An instance without tasks that is younger than the warm-up: counted as `warming`, like one that
// has been asked for and has not registered. Daemons are no tasks here.
bool capacity_is_warming(const struct capacity_rule *rule, time_ms registered_at, bool has_tasks,
                         time_ms now);

struct capacity_view {
    int64_t instances; // of the provider, warming ones left out
    int64_t busy;      // of these: with a task that is no daemon's
    int64_t warming;   // empty, or on their way
    int64_t wanted;    // capacity_machines of the tasks that wait
};

struct capacity_memory {
    int32_t low_n; // data points in a row below the target
};

struct capacity_answer {
    int64_t needed;     // machines (M)
    double reservation; // CapacityProviderReservation: 100 * needed / machines there are
    int64_t desired;    // machines there shall be, within the group's bounds whatever else holds
    struct capacity_memory memory; // for the next minute
};

struct capacity_answer capacity_minute(const struct capacity_rule *rule,
                                       struct capacity_memory memory,
                                       const struct capacity_view *view);

#endif

// What a REPLICA service starts and stops next: desired against actual, numbers in and numbers out.
//
// Pure and without memory of its own: it is asked again whenever something of the service has
// changed, and when a task has been running long enough to count. Every answer keeps the limits:
//   - starting, running and stopping tasks together never exceed `upper` because of a start;
//   - healthy tasks never drop below `lower` because of a stop.
// Source: ecs-behaviour-scheduler 3.3 to 3.7, 3.14, 5.2; bounds come from core/rollout.h.

#ifndef CORE_REPLICA_PLAN_H
#define CORE_REPLICA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum replica_phase {
    REPLICA_STARTING, // desired RUNNING, not RUNNING yet
    REPLICA_RUNNING,  // desired RUNNING, and it is
    REPLICA_STOPPING, // desired STOPPED, not STOPPED yet
};

// A task of the service that is not STOPPED.
struct replica_task {
    enum replica_phase phase;
    uint32_t deployment; // index in replica_service.deployments
    bool healthy;        // running, and counts as healthy by now
    bool unhealthy;      // running, found unhealthy, its grace over
    bool draining;       // its instance is to be emptied
    bool is_protected;   // from scale-in and deployments
};

struct replica_service {
    int64_t desired;
    int64_t lower;      // healthy tasks that must remain
    int64_t upper;      // tasks there may be
    int64_t start_max;  // launches of the newest deployment allowed at this moment
    int64_t repair_max; // likewise of `repaired`; 0: a back-off holds
    bool is_failed;     // the newest deployment gave up: it starts nothing and replaces nothing
    // 0 is the newest deployment (PRIMARY), then backwards in time. `repaired` is the one whose
    // tasks are replaced by their own kind while the newest is not there yet: the last one that
    // was COMPLETED; 0: none.
    uint32_t deployments_n;
    uint32_t repaired;
    const struct replica_task *tasks;
    size_t tasks_n;
};

enum replica_why {
    REPLICA_STOP_CANCELLED, // it had not even started
    REPLICA_STOP_UNHEALTHY,
    REPLICA_STOP_REPLACED, // of an older deployment
    REPLICA_STOP_DRAINED,
};

struct replica_stop {
    size_t task; // index in replica_service.tasks
    enum replica_why why;
};

struct replica_plan {
    int64_t start_n;       // of the newest deployment
    int64_t replacement_n; // how many of these stand in for unhealthy tasks
    int64_t repair_n;      // of the deployment `repaired`
    int64_t instead_n;     // more of the newest one, where a repair finds no place: one each
    struct replica_stop *stops;
    size_t stops_n;
    // Scale-in: how many tasks of the newest deployment that are in order go, and how many of
    // those may be healthy ones. Which: core/victims.h.
    int64_t excess_n;
    int64_t excess_healthy_max;
    int64_t protected_n; // tasks that would have gone but for their protection
    bool is_steady;      // exactly the desired tasks, all healthy, nothing else
    bool is_stuck;       // the limits allow neither a start nor a stop, and nothing is under way
};

// `stops` lives in the arena.
struct replica_plan replica_plan(const struct replica_service *service, struct arena *arena);

#endif

// What a DAEMON service starts and stops next: one task on every instance that may have one.
//
// Pure and without memory of its own, like core/replica_plan.h. An instance never has two tasks of
// the service: what is to be replaced is stopped first, and healthy tasks never drop below `lower`
// because of a stop that could wait. Source: ecs-behaviour-scheduler 3.12, 5.2.

#ifndef CORE_DAEMON_PLAN_H
#define CORE_DAEMON_PLAN_H

#include "core/replica_plan.h"

// A task of the service that is not STOPPED.
struct daemon_task {
    enum replica_phase phase;
    bool is_new; // of the newest deployment
    bool healthy;
    bool unhealthy;
    bool misplaced; // its instance is no host (any more): DRAINING, or the constraints say no
    bool draining;  // of a misplaced one: because the instance is to be emptied
    bool waits;     // of a misplaced one: replica tasks there go first
    uint32_t host;  // of one that is not misplaced: index of its instance
};

struct daemon_service {
    size_t hosts_n; // ACTIVE instances that satisfy the constraints: the desired count
    int64_t lower;
    int64_t start_max;
    bool is_failed; // the newest deployment gave up: it starts nothing and replaces nothing
    const struct daemon_task *tasks;
    size_t tasks_n;
};

enum daemon_why {
    DAEMON_STOP_CANCELLED, // it had not even started
    DAEMON_STOP_UNHEALTHY,
    DAEMON_STOP_REPLACED, // of an older deployment
    DAEMON_STOP_DRAINED,
    DAEMON_STOP_VIOLATES, // its instance does not satisfy the constraints any more
};

struct daemon_stop {
    size_t task;
    enum daemon_why why;
};

struct daemon_plan {
    uint32_t *starts; // hosts that get a task
    size_t starts_n;
    struct daemon_stop *stops;
    size_t stops_n;
    bool is_steady; // one healthy task of the newest deployment on each host, and no other task
    bool is_stuck;  // older tasks are left that `lower` forbids to stop, and nothing is under way
};

// Both lists live in the arena.
struct daemon_plan daemon_plan(const struct daemon_service *service, struct arena *arena);

#endif

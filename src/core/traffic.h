// The one interface to whoever moves the traffic of load balancers: targets join and leave, weights
// go from one revision to another. What is wanted leaves as an effect, what came of it returns as
// an input; each order may be given twice, and an answer may never come. Source:
// ecs-behaviour-scheduler 3.15, 4.6.
//
// Where nobody moves traffic (state_config.has_traffic) no order is given, weights count as set,
// and tasks stop without leaving first.

#ifndef CORE_TRAFFIC_H
#define CORE_TRAFFIC_H

#include "core/step.h"

struct revision;
struct service;
struct service_deployment;
struct task;

enum traffic_kind {
    TRAFFIC_JOIN,  // the task's targets take traffic
    TRAFFIC_LEAVE, // they take no more; answered when the last connection is done
    TRAFFIC_WEIGHTS,
};

struct traffic_target {
    struct str group; // target group
    struct str container;
    int32_t container_port;
};

struct traffic_shift {
    struct str production_rule;
    struct str test_rule; // empty: none
    struct str target_group;
    struct str source_group; // empty: there is no source
};

// --- what goes out: EFFECT_TRAFFIC

struct traffic_order {
    enum traffic_kind kind;
    uint64_t id;    // of the task; with TRAFFIC_WEIGHTS of the service deployment
    int64_t serial; // TRAFFIC_WEIGHTS: a later order has a greater one
    struct str service;
    struct str task;     // ARN; JOIN and LEAVE
    struct str instance; // id of the container instance; likewise
    const struct traffic_target *targets;
    size_t targets_n;
    const struct traffic_shift *shifts; // WEIGHTS
    size_t shifts_n;
    int32_t production; // of the target, in tenths of a percent; the source has the rest
    int32_t test;
};

// --- what comes in

struct traffic_answer {
    enum traffic_kind kind;
    uint64_t id;
    int64_t serial;
    bool failed;
    struct str why; // of a failure
};
void traffic_answered(struct step *step, const struct traffic_answer *answer);

// A health check of a load balancer came to another result.
void traffic_health(struct step *step, uint64_t task_id, bool is_healthy, struct str reason);

// --- for the scheduler

enum { TRAFFIC_AGAIN_MS = 10 * TIME_SECOND_MS };

// The revision's tasks take part in traffic; it takes weights; test weights too.
bool traffic_is_moved(const struct state *state, const struct revision *revision);
bool traffic_takes_weights(const struct state *state, const struct revision *revision);
bool traffic_takes_test(const struct revision *revision);

// Target groups as the new revision has them: where the older one (NULL: none) uses a group of a
// pair, the other one.
struct ecs_resolved_configuration *traffic_resolve(struct arena *arena,
                                                   const struct rec_service_revision *revision,
                                                   const struct rec_service_revision *older);

// Has a RUNNING task join, and one that leaves go when its time is up.
void traffic_look(struct step *step, struct task *task, time_ms *again_at);

// For task_stop: the task is in traffic and has to leave first; changes `next` accordingly.
bool traffic_leaves_first(struct step *step, const struct task *task, struct rec_task *next);
void traffic_leave(struct step *step, struct task *task);
// For a task that has stopped by itself.
void traffic_drop(struct step *step, const struct task *task, struct rec_task *next);

// Asks for the weights of the deployment's record.
void traffic_order_weights(struct step *step, const struct service_deployment *deployment,
                           const struct rec_service_deployment *next);

#endif

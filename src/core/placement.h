// Placement: which instance a task goes to, and why not the others. Pure: candidates in, a choice
// and one reason a rejected instance out; the caller creates the task. Source:
// ecs-behaviour-scheduler 1.1 to 1.9.

#ifndef CORE_PLACEMENT_H
#define CORE_PLACEMENT_H

#include "core/query.h"
#include "core/step.h"
#include "model/reservation.h"

struct cluster;
struct instance;
struct task_definition;

struct placement_request {
    const struct cluster *cluster;
    const struct task_definition *definition;
    const struct need *need; // with overrides applied
    enum ecs_launch_type launch_type;
    struct str group; // for spread counts and distinctInstance
    bool distinct_instance;
    struct query *const *member_of; // parsed expressions, all must hold
    size_t member_of_n;
    const struct ecs_placement_strategy_list *strategies; // empty or NULL: random
    bool needs_execute_command;
    struct str provider; // only its instances are asked; empty: all are
    struct str zone;     // only instances there are asked; empty: all are
};

// In the order in which an instance is checked, so the greater reason came further.
enum place_reason {
    PLACE_FITS = 0,
    PLACE_NO_INSTANCES, // the cluster has none that is ACTIVE
    PLACE_AGENT,
    PLACE_CPU,
    PLACE_MEMORY,
    PLACE_PORTS,
    PLACE_PORTS_UDP,
    PLACE_GPU,
    PLACE_ATTRIBUTE,
    PLACE_MEMBER_OF,
    PLACE_DISTINCT,
    PLACE_REASON_N,
};

struct placement {
    struct instance *instance; // NULL: nowhere
    // With no place: the instance that came furthest, the oldest of equals; NULL when there is none
    // that could be asked.
    struct instance *closest;
    enum place_reason reason; // why `closest` was rejected
};

// One task. Call again for the next one: reservations and counts have moved on. Requests that ask
// for the same, call after call, cost the logarithm of the number of instances; the first one looks
// at all of them.
struct placement place(struct step *step, const struct placement_request *request);

// The checks StartTask makes of one named instance (resources, agent, attributes): no strategy, no
// constraint.
enum place_reason place_check(const struct placement_request *request,
                              const struct instance *instance);

// Parts of it: what the books lack, and whether the instance has every attribute that the
// definition and the request ask for.
enum place_reason place_missing(const struct instance *instance, const struct need *need);
bool place_has_attributes(const struct placement_request *request, const struct instance *instance);

// EXTERNAL tasks go to external instances only, FARGATE tasks to hosts that serve nothing else, EC2
// tasks to the others only.
bool place_serves(const struct instance *instance, enum ecs_launch_type launch_type);
// Whether the request asks the instance at all: it serves the launch type, and is of the provider
// and in the zone where one is named.
bool place_asks(const struct placement_request *request, const struct instance *instance);

// "RESOURCE:CPU", "AGENT", ... as in failures[].reason.
struct str place_reason_text(enum place_reason reason);

#endif

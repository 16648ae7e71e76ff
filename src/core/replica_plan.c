// See replica_plan.h.
//
// The idea. A task is in order when it belongs to the newest deployment, stands on an instance that
// stays, and is not known to be unhealthy. The service wants `desired` tasks in order; every other
// task is surplus and goes as soon as the limits let it go. Rollouts, draining and the replacement
// of unhealthy tasks are then the same thing: start what is missing, stop surplus, ask again.

#include "core/replica_plan.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"

struct counts {
    int64_t all;
    int64_t healthy; // of any deployment, on any instance
    int64_t starting;
    int64_t stopping;
    int64_t warming;        // running, neither healthy nor unhealthy yet
    int64_t good;           // in order: starting or running
    int64_t good_healthy;   // in order and healthy
    int64_t good_stoppable; // in order and not protected
    int64_t unhealthy;      // of the newest deployment, on an instance that stays
    int64_t repairing;      // of the repaired deployment: starting or warming, on one that stays
};

static bool is_old(const struct replica_task *task)
{
    return task->deployment != 0 || task->draining;
}

static bool is_good(const struct replica_task *task)
{
    return task->phase != REPLICA_STOPPING && !is_old(task) && !task->unhealthy;
}

static bool is_warming(const struct replica_task *task)
{
    return task->phase == REPLICA_RUNNING && !task->healthy && !task->unhealthy;
}

static bool is_repair(const struct replica_service *service, const struct replica_task *task)
{
    return service->repaired != 0 && task->deployment == service->repaired && !task->draining;
}

static void count(struct counts *n, const struct replica_service *service,
                  const struct replica_task *task)
{
    ASSERT(task->deployment < service->deployments_n);
    ASSERT(task->phase == REPLICA_RUNNING || (!task->healthy && !task->unhealthy));
    ASSERT(!(task->healthy && task->unhealthy));
    n->all++;
    n->healthy += task->healthy;
    n->starting += task->phase == REPLICA_STARTING;
    n->stopping += task->phase == REPLICA_STOPPING;
    n->warming += is_warming(task);
    n->unhealthy += task->unhealthy && !is_old(task);
    if (is_good(task)) {
        n->good++;
        n->good_healthy += task->healthy;
        n->good_stoppable += !task->is_protected;
    }
    if (is_repair(service, task) && (task->phase == REPLICA_STARTING || is_warming(task)))
        n->repairing++;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t not_negative(int64_t n)
{
    return n > 0 ? n : 0;
}

static void stop(struct replica_plan *plan, size_t task, enum replica_why why)
{
    plan->stops[plan->stops_n++] = (struct replica_stop){.task = task, .why = why};
}

// What has not started yet costs nothing to give up. Kept are those on good instances that the
// older deployment needs until the newest one carries the service.
static void cancel(const struct replica_service *service, const struct counts *n,
                   struct replica_plan *plan)
{
    int64_t keep = not_negative(service->lower - n->healthy);

    for (size_t i = 0; i < service->tasks_n; i++) {
        const struct replica_task *task = &service->tasks[i];

        if (task->phase != REPLICA_STARTING || !is_old(task))
            continue;
        if (is_repair(service, task) && keep > 0) {
            MARK("an old task that is starting is kept because it is needed");
            keep--;
        } else if (service->is_failed && !task->draining) {
            continue;
        } else if (task->is_protected) {
            plan->protected_n++;
        } else {
            MARK("an old task that is starting is given up");
            stop(plan, i, REPLICA_STOP_CANCELLED);
        }
    }
}

// Each healthy replacement lets one unhealthy task go. Where there is no room for a replacement,
// one at a time goes first. Protection is no shelter here.
static void stop_unhealthy(const struct replica_service *service, const struct counts *n,
                           struct replica_plan *plan)
{
    int64_t may_go = not_negative(n->good_healthy + n->unhealthy - service->desired);
    bool has_room = service->upper > n->all;

    if (service->is_failed)
        return;
    MARK_IF(may_go > 0 && n->unhealthy > 0,
            "an unhealthy task goes once its replacement is healthy");
    if (may_go == 0 && !has_room && n->good < service->desired && n->stopping == 0) {
        MARK_IF(n->unhealthy > 0, "without room for a replacement one unhealthy task goes first");
        may_go = 1;
    }
    for (size_t i = 0; i < service->tasks_n && may_go > 0; i++) {
        const struct replica_task *task = &service->tasks[i];

        if (task->unhealthy && !is_old(task)) {
            stop(plan, i, REPLICA_STOP_UNHEALTHY);
            may_go--;
        }
    }
}

// The surplus, in the order in which it is missed least: unhealthy tasks, those that do not count
// yet, healthy ones; the oldest deployment first.
enum rank { RANK_UNHEALTHY, RANK_WARMING, RANK_HEALTHY, RANK_N };

static enum rank rank_of(const struct replica_task *task)
{
    if (task->unhealthy)
        return RANK_UNHEALTHY;
    return task->healthy ? RANK_HEALTHY : RANK_WARMING;
}

// A task that does not count yet is stopped only while enough others do: it may well be serving.
static bool may_stop(enum rank rank, int64_t spare)
{
    switch (rank) {
    case RANK_UNHEALTHY: return true;
    case RANK_WARMING: return spare >= 0;
    case RANK_HEALTHY: return spare > 0 || (PLANTED(PLANT_SPARE_MISCOUNTED) && spare == 0);
    case RANK_N: break;
    }
    UNREACHABLE();
}

static void stop_old_of(const struct replica_service *service, uint32_t deployment, enum rank rank,
                        int64_t *spare, struct replica_plan *plan)
{
    for (size_t i = 0; i < service->tasks_n; i++) {
        const struct replica_task *task = &service->tasks[i];

        if (task->phase != REPLICA_RUNNING || task->deployment != deployment || !is_old(task) ||
            rank_of(task) != rank || !may_stop(rank, *spare))
            continue;
        if (task->is_protected && rank != RANK_UNHEALTHY) {
            MARK("an old task is kept because it is protected");
            plan->protected_n++;
            continue;
        }
        MARK_IF(rank == RANK_UNHEALTHY, "an old task that is unhealthy is stopped");
        MARK_IF(rank == RANK_WARMING, "an old task that does not count yet is stopped");
        MARK_IF(rank == RANK_HEALTHY && task->draining,
                "a healthy task leaves a draining instance");
        MARK_IF(rank == RANK_HEALTHY && !task->draining,
                "a healthy task of an older deployment goes");
        *spare -= rank == RANK_HEALTHY;
        stop(plan, i, task->draining ? REPLICA_STOP_DRAINED : REPLICA_STOP_REPLACED);
    }
}

// `spare` is how many healthy tasks may go; what is used of it is taken off.
static void stop_old(const struct replica_service *service, int64_t *spare,
                     struct replica_plan *plan)
{
    for (int rank = 0; rank < RANK_N; rank++) {
        for (uint32_t d = service->deployments_n; d-- > 0;)
            stop_old_of(service, d, (enum rank)rank, spare, plan);
    }
}

static void plan_starts(const struct replica_service *service, const struct counts *n,
                        struct replica_plan *plan)
{
    int64_t there = PLANTED(PLANT_STOPPING_UNCOUNTED) ? n->all - n->stopping : n->all;
    int64_t room = not_negative(service->upper - there);
    int64_t missing = not_negative(service->desired - n->good);

    if (service->repaired != 0) {
        plan->repair_n = least(least(room, service->repair_max),
                               not_negative(service->lower - n->healthy - n->repairing));
        room -= plan->repair_n;
    }
    MARK_IF(plan->repair_n > 0, "an older deployment replaces a task that it lost");
    MARK_IF(!service->is_failed && missing > room,
            "the upper limit leaves no room for what is missing");
    if (!service->is_failed) {
        plan->start_n = least(least(room, service->start_max), missing);
        plan->instead_n = least(plan->repair_n, least(service->start_max, missing) - plan->start_n);
    }
    plan->replacement_n = least(plan->start_n, n->unhealthy);
}

static void plan_scale_in(const struct replica_service *service, const struct counts *n,
                          int64_t spare, struct replica_plan *plan)
{
    int64_t excess = not_negative(n->good - service->desired);

    plan->excess_n = least(excess, n->good_stoppable);
    plan->excess_healthy_max = least(plan->excess_n, not_negative(spare));
    MARK_IF(excess > plan->excess_n, "scale-in leaves protected tasks");
    MARK_IF(plan->excess_healthy_max < plan->excess_n, "scale-in is held by the lower limit");
    plan->protected_n += excess - plan->excess_n;
}

// Whatever is starting, stopping or not counted yet may still change what the limits allow.
static bool is_stuck(const struct replica_service *service, const struct counts *n,
                     const struct replica_plan *plan)
{
    bool is_moving = n->starting > 0 || n->stopping > 0 || n->warming > 0;
    bool does_something = plan->start_n > 0 || plan->repair_n > 0 || plan->stops_n > 0 ||
                          plan->excess_n > 0 || plan->protected_n > 0;

    return !is_moving && !does_something && !service->is_failed && n->good < service->desired &&
           n->all >= service->upper;
}

struct replica_plan replica_plan(const struct replica_service *service, struct arena *arena)
{
    struct replica_plan plan = {0};
    struct counts n = {0};
    int64_t spare;

    ASSERT(service->deployments_n > 0 && service->repaired < service->deployments_n);
    for (size_t i = 0; i < service->tasks_n; i++)
        count(&n, service, &service->tasks[i]);
    spare = n.healthy - service->lower;
    plan.stops = arena_array(arena, struct replica_stop, service->tasks_n);
    cancel(service, &n, &plan);
    stop_unhealthy(service, &n, &plan);
    if (!service->is_failed)
        stop_old(service, &spare, &plan);
    plan_starts(service, &n, &plan);
    plan_scale_in(service, &n, spare, &plan);
    plan.is_steady = n.all == service->desired && n.good_healthy == service->desired;
    plan.is_stuck = is_stuck(service, &n, &plan);
    return plan;
}

// See daemon_plan.h.
//
// Two passes: over the tasks, to stop what must go and to learn which hosts are taken (by any task
// that is still there), then over the hosts, to start where nothing is.

#include "core/daemon_plan.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"

struct work {
    const struct daemon_service *service;
    struct daemon_plan plan;
    bool *taken;      // by host
    int64_t spare;    // healthy tasks that may go
    int64_t settled;  // healthy tasks of the newest deployment on their hosts
    int64_t left_old; // older ones that `lower` kept
    bool is_moving;
};

static bool is_warming(const struct daemon_task *task)
{
    return task->phase == REPLICA_RUNNING && !task->healthy && !task->unhealthy;
}

static void stop(struct work *w, size_t i, enum daemon_why why)
{
    const struct daemon_task *task = &w->service->tasks[i];

    w->spare -= task->healthy && !task->misplaced;
    w->plan.stops[w->plan.stops_n++] = (struct daemon_stop){.task = i, .why = why};
}

// An instance that is no host any more loses its task whatever the limits say: nothing replaces it.
static void plan_misplaced(struct work *w, size_t i)
{
    const struct daemon_task *task = &w->service->tasks[i];

    MARK_IF(task->waits, "a daemon stays on a draining instance until replicas have left");
    MARK_IF(!task->waits && task->draining, "a daemon leaves a draining instance");
    MARK_IF(!task->draining, "a daemon leaves an instance that the constraints exclude");
    if (!task->waits)
        stop(w, i, task->draining ? DAEMON_STOP_DRAINED : DAEMON_STOP_VIOLATES);
}

// One that does not count yet may well be serving: it goes only while enough others do.
static bool may_replace(const struct work *w, const struct daemon_task *task)
{
    if (w->service->is_failed)
        return false;
    return task->healthy ? w->spare > 0 : w->spare >= 0 || task->unhealthy;
}

static void plan_old(struct work *w, size_t i)
{
    const struct daemon_task *task = &w->service->tasks[i];

    if (task->phase == REPLICA_STARTING && !w->service->is_failed) {
        MARK("an old daemon that is starting is given up");
        stop(w, i, DAEMON_STOP_CANCELLED);
    } else if (task->phase == REPLICA_RUNNING && may_replace(w, task)) {
        MARK("an old daemon is replaced");
        stop(w, i, DAEMON_STOP_REPLACED);
    } else {
        MARK("an old daemon stays because of the limit or of a failed deployment");
        w->left_old++;
    }
}

static void plan_task(struct work *w, size_t i)
{
    const struct daemon_task *task = &w->service->tasks[i];

    ASSERT(task->misplaced || task->host < w->service->hosts_n);
    ASSERT(task->phase == REPLICA_RUNNING || (!task->healthy && !task->unhealthy));
    if (task->phase != REPLICA_RUNNING || is_warming(task))
        w->is_moving = true;
    if (task->misplaced) {
        if (task->phase != REPLICA_STOPPING)
            plan_misplaced(w, i);
        return;
    }
    w->taken[task->host] = true;
    if (task->phase == REPLICA_STOPPING)
        return;
    if (!task->is_new)
        plan_old(w, i);
    else if (task->unhealthy && !w->service->is_failed)
        stop(w, i, DAEMON_STOP_UNHEALTHY);
    else
        w->settled += task->healthy;
}

static void plan_starts(struct work *w)
{
    const struct daemon_service *service = w->service;

    if (service->is_failed)
        return;
    for (uint32_t host = 0; host < service->hosts_n; host++) {
        if (!w->taken[host] && (int64_t)w->plan.starts_n < service->start_max)
            w->plan.starts[w->plan.starts_n++] = host;
    }
}

static int64_t healthy_of(const struct daemon_service *service)
{
    int64_t n = 0;

    for (size_t i = 0; i < service->tasks_n; i++)
        n += service->tasks[i].healthy && !service->tasks[i].misplaced;
    return n;
}

struct daemon_plan daemon_plan(const struct daemon_service *service, struct arena *arena)
{
    struct work w = {
        .service = service,
        .plan = {.starts = arena_array(arena, uint32_t, service->hosts_n),
                 .stops = arena_array(arena, struct daemon_stop, service->tasks_n)},
        .taken = arena_array(arena, bool, service->hosts_n),
        .spare = healthy_of(service) - service->lower,
    };

    for (size_t i = 0; i < service->tasks_n; i++)
        plan_task(&w, i);
    plan_starts(&w);
    w.plan.is_steady =
        service->tasks_n == service->hosts_n && w.settled == (int64_t)service->hosts_n;
    w.plan.is_stuck = w.left_old > 0 && !w.is_moving && w.plan.stops_n == 0 &&
                      w.plan.starts_n == 0 && !service->is_failed;
    return w.plan;
}

// See reconcile.h. A service is taken off the list before it is looked at; what is done to it marks
// it again, so it is looked at until nothing is left to do.

#include "core/reconcile.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/alarms.h"
#include "core/deploy.h"
#include "core/deployment_status.h"
#include "core/lifecycle.h"
#include "core/outcome.h"
#include "core/reconcile_kinds.h"
#include "core/service_health.h"
#include "core/service_texts.h"
#include "core/task_set.h"
#include "core/traffic.h"
#include "core/waiting.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/service.h"
#include "model/task.h"

enum {
    SERVICES_MAX = 8, // looked at in one call, so that other inputs need not wait for many
    STARTS_MAX = 100, // tasks of one service in one look
};

// ---- what both strategies do alike

time_ms earlier(time_ms a, time_ms b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

struct rollouts rollouts_of(struct step *step, const struct service *service)
{
    struct rollouts rollouts = {0};
    struct deployment *primary = service_primary(service);
    size_t n = 0;

    LIST_EACH (&service->deployments, it)
        n++;
    rollouts.at = arena_array(step->arena, struct deployment *, n);
    if (primary != NULL)
        rollouts.at[rollouts.n++] = primary;
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        if (PART(it, struct deployment) != primary)
            rollouts.at[rollouts.n++] = PART(it, struct deployment);
    }
    return rollouts;
}

uint32_t rollouts_index(const struct rollouts *rollouts, const struct task *task)
{
    for (uint32_t i = 0; i < rollouts->n; i++) {
        if (rollouts->at[i]->part.entity.id == (uint64_t)task->rec->deployment_id)
            return i;
    }
    UNREACHABLE();
}

struct task_health reconcile_health(struct step *step, const struct service *service,
                                    struct task *task, time_ms *again_at)
{
    struct task_health health = service_health(step->state, service, task, step->now);

    *again_at = earlier(*again_at, health.changes_at);
    MARK_IF(!health.is_healthy && task->seen_healthy, "a task does not count as healthy any more");
    if (health.is_healthy && !task->seen_healthy)
        outcome_healthy(step, deployment_get(step->state, (uint64_t)task->rec->deployment_id));
    task->seen_healthy = health.is_healthy;
    return health;
}

enum replica_phase reconcile_phase(const struct task *task)
{
    if (!task_is_wanted(task))
        return REPLICA_STOPPING;
    return task->rec->last_status == REC_TASK_STATUS_RUNNING ? REPLICA_RUNNING : REPLICA_STARTING;
}

bool reconcile_is_draining(const struct state *state, const struct task *task)
{
    const struct instance *instance = instance_get(state, (uint64_t)task->rec->instance_id);

    return instance != NULL && instance->st->status == REC_INSTANCE_STATUS_DRAINING;
}

// Whether tasks of the deployment are missing that starts which fail could be the reason of. One
// that has what it wants, if only because it wants nothing any more, would say so by turns with
// being steady.
static bool lacks_tasks(const struct state *state, const struct service *service,
                        const struct deployment *deployment, int64_t wanted)
{
    int64_t healthy = 0;

    LIST_EACH (&service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        healthy += (uint64_t)task->rec->deployment_id == deployment->part.entity.id &&
                   reconcile_phase(task) == REPLICA_RUNNING && task->seen_healthy &&
                   !reconcile_is_draining(state, task);
    }
    return healthy < wanted;
}

int64_t reconcile_start_max(struct step *step, struct service *service,
                            const struct deployment *deployment, int64_t wanted, time_ms *again_at)
{
    static const struct service_action impaired = {
        .name = REC_SERVICE_ACTION_SERVICE_TASK_START_IMPAIRED};
    struct backoff backoff = outcome_backoff(deployment);
    struct speaker speaker = service_speaker(step, service);
    time_ms until = backoff_until(&backoff);

    if (deployment->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED)
        return 0;
    MARK_IF(until > step->now, "starts that keep failing are put off");
    if (backoff_is_impaired(&backoff) && lacks_tasks(step->state, service, deployment, wanted))
        service_act(step, service, event_trouble(&speaker, TROUBLE_START_IMPAIRED), &impaired);
    if (until <= step->now)
        return STARTS_MAX;
    *again_at = earlier(*again_at, until);
    return 0;
}

void reconcile_wait_for_room(struct step *step, struct service *service)
{
    struct cluster *cluster = cluster_get(step->state, service->cluster_id);

    if (!list_is_linked(&service->waiting))
        list_push_back(&cluster->services_waiting, &service->waiting);
}

void reconcile_no_place(struct step *step, struct service *service, const struct placement *failed)
{
    struct speaker speaker = service_speaker(step, service);
    struct str closest = failed->closest != NULL ? failed->closest->uid : STR_NONE;
    struct service_action action = {
        .name = REC_SERVICE_ACTION_SERVICE_TASK_PLACEMENT_FAILURE,
        .reason = place_reason_text(failed->reason),
    };

    MARK("a service waits for room");
    if (failed->closest != NULL)
        action.instance_arn = instance_arn(step->state, failed->closest, step->arena);
    service_act(step, service, event_unplaced(&speaker, failed->reason, closest), &action);
    reconcile_wait_for_room(step, service);
}

void reconcile_not_started(struct step *step, struct service *service,
                           const struct service_started *started)
{
    static const enum trouble troubles[] = {
        [START_PROVIDER_EMPTY] = TROUBLE_PROVIDER_EMPTY,
        [START_NO_CAPACITY] = TROUBLE_NO_CAPACITY,
        [START_TOO_MANY_WAIT] = TROUBLE_TOO_MANY_WAIT,
    };
    struct speaker speaker = service_speaker(step, service);
    struct service_action action = {.name = REC_SERVICE_ACTION_SERVICE_TASK_PLACEMENT_FAILURE};
    const struct cluster *cluster = cluster_get(step->state, service->cluster_id);
    const struct provider *provider =
        provider_find(step->state, cluster->rec->region, started->provider);
    struct str arn;

    if (started->why == START_NO_PLACE) {
        reconcile_no_place(step, service, &started->failed);
        return;
    }
    if (started->why == START_NO_CAPACITY)
        action.reason = STR("RESOURCE:FARGATE");
    else
        action.reason = waiting_reason(cluster, started->provider, &started->failed);
    if (provider != NULL) {
        arn = provider_arn(step->state, provider, step->arena);
        action.providers = (struct str_list){.n = 1, .at = &arn};
    }
    service_act(step, service, event_trouble(&speaker, troubles[started->why]), &action);
    reconcile_wait_for_room(step, service);
}

// ---- stopping

struct task_batch task_batch_new(struct step *step, size_t max)
{
    return (struct task_batch){.at = arena_array(step->arena, struct task *, max)};
}

void task_batch_add(struct task_batch *list, struct task *task)
{
    list->at[list->n++] = task;
}

static struct str_list ids_of(struct step *step, const struct task_batch *tasks)
{
    struct str_list ids = {.at = arena_array(step->arena, struct str, tasks->n)};

    for (; ids.n < tasks->n; ids.n++)
        ids.at[ids.n] = tasks->at[ids.n]->uid;
    return ids;
}

static const struct service_action tasks_started = {.name = REC_SERVICE_ACTION_TASKS_STARTED};
static const struct service_action tasks_stopped = {.name = REC_SERVICE_ACTION_TASKS_STOPPED};
static const struct service_action steady = {.name = REC_SERVICE_ACTION_SERVICE_STEADY_STATE};

void reconcile_say_started(struct step *step, struct service *service, const struct str_list *ids,
                           int64_t replaced_n)
{
    struct speaker speaker = service_speaker(step, service);

    if (ids->n > 0)
        service_act(step, service, event_started(&speaker, ids, replaced_n), &tasks_started);
}

static void stop_one(struct step *step, struct task *task)
{
    const struct deployment *deployment =
        deployment_get(step->state, (uint64_t)task->rec->deployment_id);

    task_stop(step, task, ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED,
              stop_reason_scaling(step->arena, deployment_name(deployment, step->arena)));
}

void reconcile_stop(struct step *step, struct service *service, const struct task_batch *tasks)
{
    struct task_batch running = task_batch_new(step, tasks->n);
    struct speaker speaker = service_speaker(step, service);
    int64_t pending = 0;
    struct str_list ids;

    for (size_t i = 0; i < tasks->n; i++) {
        if (task_is_pending(tasks->at[i]))
            pending++;
        else
            task_batch_add(&running, tasks->at[i]);
        stop_one(step, tasks->at[i]);
    }
    ids = ids_of(step, &running);
    if (running.n > 0)
        service_act(step, service, event_stopped(&speaker, &ids), &tasks_stopped);
    if (pending > 0)
        service_act(step, service, event_stopped_pending(&speaker, pending), &tasks_stopped);
}

void reconcile_stop_unhealthy(struct step *step, struct service *service,
                              const struct task_batch *tasks)
{
    struct str_list ids = ids_of(step, tasks);
    struct speaker speaker = service_speaker(step, service);

    for (size_t i = 0; i < tasks->n; i++) {
        struct task *task = tasks->at[i];

        MARK("a task that failed its health checks is stopped");
        outcome_replaced(step, deployment_get(step->state, (uint64_t)task->rec->deployment_id));
        task_stop(step, task, ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED,
                  stop_reason_health_checks());
        service_say(step, service, event_failed_health_checks(&speaker, task->uid));
    }
    if (tasks->n > 0)
        service_act(step, service, event_stopped(&speaker, &ids), &tasks_stopped);
}

// ---- one service

// When time alone changes something; 0: never.
static void wake_at(struct step *step, struct service *service, time_ms at)
{
    if (at == 0 || PLANTED(PLANT_WAKE_FORGOTTEN))
        expiry_clear(&step->state->wakes, &service->wake);
    else
        expiry_set(&step->state->wakes, &service->wake, REC_KIND_SERVICE, service->entity.id, at);
}

// Every task goes; when the last one has, so has the service.
static void drain(struct step *step, struct service *service)
{
    struct task_batch tasks = task_batch_new(step, service->running_n + service->pending_n);
    struct rec_service *next;
    time_ms again_at = 0;

    deploy_end(step, service);
    LIST_EACH (&service->tasks, it) {
        struct task *task = LIST_ENTRY(it, struct task, in_service);
        traffic_look(step, task, &again_at);
        if (task_is_wanted(task))
            task_batch_add(&tasks, task);
    }
    reconcile_stop(step, service, &tasks);
    wake_at(step, service, again_at);
    if (!list_is_empty(&service->tasks)) {
        MARK("a deleted service waits for its last task");
        return;
    }
    next = arena_copy(step->arena, service->rec, sizeof *next);
    SET(next, status, REC_SERVICE_STATUS_INACTIVE);
    SET(next, inactive_at, step->now);
    state_put(step->state, REC_KIND_SERVICE, service->entity.id, next);
}

static void keep_task_sets(struct step *step, struct service *service)
{
    struct speaker speaker = service_speaker(step, service);
    time_ms again_at = 0;
    bool is_steady = task_sets_reconcile(step, service, &again_at);

    if (is_steady && !list_is_empty(&service->deployments))
        service_act(step, service, event_steady(&speaker), &steady);
    wake_at(step, service, again_at);
}

// What watches the deployment that is under way. On the way back of a traffic shift nothing does:
// there is nowhere else to go.
static void watch(struct step *step, struct service *service, time_ms *again_at)
{
    struct service_deployment *newest = service_newest_deployment(service);

    if (newest != NULL && alarms_went_off(newest))
        deploy_fail_by_alarm(step, service);
    else if (outcome_is_tripped(step->state, service_primary(service)) &&
             !(newest != NULL && newest->rec->is_going_back &&
               !service_deployment_is_final(newest->rec->status)))
        deploy_fail_by_breaker(step, service);
    if (newest != NULL)
        alarms_run(step, newest, again_at);
}

static struct reconciled look_at(struct step *step, struct service *service)
{
    if (service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON)
        return reconcile_daemon(step, service);
    if (reconcile_is_shifting(service))
        return reconcile_shift(step, service);
    return reconcile_replica(step, service);
}

// A rolling deployment with alarms is watched for a while after its last task.
static bool is_baking(struct step *step, struct service *service, time_ms *again_at)
{
    struct service_deployment *newest = service_newest_deployment(service);
    struct rec_service_deployment *next;
    time_ms until;

    if (newest == NULL || service_deployment_shifts(newest) || alarms_bake_ms(newest) == 0)
        return false;
    if (!newest->rec->has.bake_at) {
        next = service_deployment_edit(step, newest);
        SET(next, bake_at, step->now);
        service_deployment_change(step, newest, next);
    }
    until = newest->rec->bake_at + alarms_bake_ms(newest);
    if (until <= step->now)
        return false;
    *again_at = earlier(*again_at, until);
    return true;
}

static void be_steady(struct step *step, struct service *service, time_ms *again_at)
{
    struct speaker speaker = service_speaker(step, service);

    if (service_primary(service)->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS) {
        if (is_baking(step, service, again_at))
            return;
        deploy_complete(step, service);
    }
    service_act(step, service, event_steady(&speaker), &steady);
}

static void keep_going(struct step *step, struct service *service)
{
    struct reconciled result;
    time_ms again_at = 0;

    deploy_settle(step, service);
    if (service_primary(service) == NULL)
        return;
    watch(step, service, &again_at);
    result = look_at(step, service);
    result.again_at = earlier(result.again_at, again_at);
    if (result.is_steady)
        be_steady(step, service, &result.again_at);
    wake_at(step, service, result.again_at);
}

static void reconcile(struct step *step, struct service *service)
{
    list_remove(&service->dirty);
    list_remove(&service->waiting);
    switch (service->rec->status) {
    case REC_SERVICE_STATUS_ACTIVE:
        if (service->rec->controller == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL)
            keep_task_sets(step, service);
        else
            keep_going(step, service);
        return;
    case REC_SERVICE_STATUS_DRAINING: drain(step, service); return;
    case REC_SERVICE_STATUS_INACTIVE: return;
    case REC_SERVICE_STATUS_UNSET: break;
    }
    UNREACHABLE();
}

// ---- all of them

static void wake(struct step *step)
{
    for (;;) {
        const struct expiry *next = expiry_first(&step->state->wakes);
        struct service *service;

        if (next == NULL || next->at > step->now)
            return;
        service = service_get(step->state, next->id);
        MARK("a service is looked at because time has passed");
        expiry_clear(&step->state->wakes, &service->wake);
        service_mark(step->state, service);
    }
}

void reconcile_run(struct step *step)
{
    struct state *state = step->state;

    wake(step);
    for (int n = 0; n < SERVICES_MAX && !list_is_empty(&state->services_dirty); n++)
        reconcile(step, LIST_ENTRY(state->services_dirty.next, struct service, dirty));
}

time_ms reconcile_next(const struct state *state)
{
    const struct expiry *next = expiry_first(&state->wakes);

    if (!list_is_empty(&state->services_dirty))
        return 1;
    return next != NULL ? next->at : 0;
}

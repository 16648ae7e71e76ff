// See rebalance.h. Zones that a service could use are those with an ACTIVE instance that may have a
// task of it; that is looked at only when the tasks lie unevenly over the zones of the cluster.

#include "core/rebalance.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "core/deploy.h"
#include "core/lifecycle.h"
#include "core/victims.h"
#include "core/zones.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"

// ---- the record

bool rebalance_is_extra(const struct service *service, const struct task *task)
{
    const struct long_list *ids = &service->rec->rebalancing_task_ids;

    for (size_t i = 0; i < ids->n; i++) {
        if ((uint64_t)ids->at[i] == task->entity.id)
            return true;
    }
    return false;
}

static void put(struct step *step, struct service *service, bool is_rebalancing,
                struct long_list ids)
{
    struct rec_service *next = arena_copy(step->arena, service->rec, sizeof *next);

    SET(next, is_rebalancing, is_rebalancing);
    SET(next, rebalancing_task_ids, ids);
    state_put(step->state, REC_KIND_SERVICE, service->entity.id, next);
}

void rebalance_adopt(struct step *step, struct service *service)
{
    if (service->rec->rebalancing_task_ids.n > 0)
        put(step, service, service->rec->is_rebalancing, (struct long_list){0});
}

void rebalance_check(struct step *step, struct service *service)
{
    static const struct service_action stopped = {
        .name = REC_SERVICE_ACTION_SERVICE_REBALANCING_STOPPED};
    struct speaker speaker = service_speaker(step, service);
    const struct deployment *primary = service_primary(service);

    if (!service->rec->is_rebalancing ||
        (service->rec->availability_zone_rebalancing == ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED &&
         primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED))
        return;
    service_act(step, service, event_rebalance_stopped(&speaker), &stopped);
    put(step, service, false, (struct long_list){0});
}

// ---- zones

static struct str zone_of(const struct step *step, const struct task *task)
{
    const struct instance *instance = instance_get(step->state, (uint64_t)task->rec->instance_id);

    return instance != NULL ? instance->zone : STR_NONE;
}

struct zones {
    struct zone_count *at;
    size_t n;
};

static struct zone_count *zone_named(struct zones *zones, struct str name)
{
    for (size_t i = 0; i < zones->n; i++) {
        if (str_eq(zones->at[i].zone, name))
            return &zones->at[i];
    }
    zones->at[zones->n] = (struct zone_count){.zone = name};
    return &zones->at[zones->n++];
}

static const struct cluster *cluster_of(const struct rebalance_view *view)
{
    return cluster_get(view->step->state, view->service->cluster_id);
}

// The zones where tasks are, with how many.
static struct zones count_tasks(const struct rebalance_view *view)
{
    size_t max = view->n + cluster_of(view)->zones_n;
    struct zones zones = {.at = arena_array(view->step->arena, struct zone_count, max)};

    for (size_t i = 0; i < view->n; i++)
        zone_named(&zones, zone_of(view->step, view->tasks[i].task))->tasks++;
    return zones;
}

static bool is_usable(const struct cluster *cluster, const struct service_mould *mould,
                      struct str zone)
{
    LIST_EACH (&cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);

        if (instance->st->status == REC_INSTANCE_STATUS_ACTIVE && str_eq(instance->zone, zone) &&
            service_may_use(mould, instance))
            return true;
    }
    return false;
}

// All zones of the cluster; with a mould only those that take a task of it.
static struct zones zones_of(const struct rebalance_view *view, const struct service_mould *mould)
{
    const struct cluster *cluster = cluster_of(view);
    struct zones zones = count_tasks(view);

    for (size_t i = 0; i < cluster->zones_n; i++) {
        if (mould == NULL || is_usable(cluster, mould, cluster->zones[i].zone))
            zone_named(&zones, cluster->zones[i].zone);
    }
    return zones;
}

// ---- more tasks where there are fewest

static bool finish(const struct rebalance_view *view, struct zones *zones)
{
    static const struct service_action completed = {
        .name = REC_SERVICE_ACTION_SERVICE_REBALANCING_COMPLETED};
    struct speaker speaker = service_speaker(view->step, view->service);

    if (view->service->rec->is_rebalancing) {
        service_act(view->step, view->service, event_balanced(&speaker, zones->at, zones->n),
                    &completed);
        put(view->step, view->service, false, (struct long_list){0});
    }
    return true;
}

static size_t unprotected_in(const struct rebalance_view *view, struct str zone)
{
    size_t n = 0;

    for (size_t i = 0; i < view->n; i++)
        n += !view->tasks[i].state.is_protected &&
             str_eq(zone_of(view->step, view->tasks[i].task), zone);
    return n;
}

static void say_blocked(const struct rebalance_view *view, int64_t n)
{
    struct arena *arena = view->step->arena;
    struct speaker speaker = service_speaker(view->step, view->service);
    struct str reason = str_fmt(arena, "%lld tasks under protection", (long long)n);

    service_say(view->step, view->service,
                event_rebalance_blocked(
                    &speaker, deployment_name(service_primary(view->service), arena), reason));
}

// Starts tasks in the zone with fewest, as long as it is that one's turn and there is room.
static struct long_list start_tasks(const struct rebalance_view *view, struct service_mould *mould,
                                    const struct zones *zones, struct str_list *out_uids)
{
    struct step *step = view->step;
    int64_t max = view->room < view->start_max ? view->room : view->start_max;
    struct long_list ids = {.at = arena_array(step->arena, int64_t, max)};
    struct zone_count *counts = arena_copy(step->arena, zones->at, zones->n * sizeof *zones->at);
    struct zone_move first;
    struct zone_move move;

    *out_uids = (struct str_list){.at = arena_array(step->arena, struct str, max)};
    if (!zones_next_move(counts, zones->n, &first))
        return ids;
    for (move = first; (int64_t)ids.n < max && move.to == first.to;) {
        struct service_started started;

        if (unprotected_in(view, counts[move.from].zone) == 0)
            break;
        started = service_start_in(step, mould, counts[move.to].zone);
        if (started.tasks_n == 0)
            break;
        ids.at[ids.n++] = (int64_t)started.tasks[0]->entity.id;
        out_uids->at[out_uids->n++] = started.tasks[0]->uid;
        counts[move.from].tasks--;
        counts[move.to].tasks++;
        if (!zones_next_move(counts, zones->n, &move))
            break;
    }
    return ids;
}

static void begin(const struct rebalance_view *view, struct service_mould *mould,
                  struct zones *zones)
{
    static const struct service_action started = {
        .name = REC_SERVICE_ACTION_SERVICE_REBALANCING_STARTED};
    static const struct service_action tasks_started = {.name = REC_SERVICE_ACTION_TASKS_STARTED};
    struct step *step = view->step;
    struct speaker speaker = service_speaker(step, view->service);
    struct str_list uids;
    struct zone_move move;
    struct long_list ids;

    zones_next_move(zones->at, zones->n, &move);
    if (!view->service->rec->is_rebalancing) {
        service_act(step, view->service, event_unbalanced(&speaker, zones->at, zones->n), &started);
    }
    ids = start_tasks(view, mould, zones, &uids);
    if (ids.n > 0) {
        service_act(step, view->service,
                    event_zone_started(&speaker, zones->at[move.to].zone, &uids), &tasks_started);
    } else if (unprotected_in(view, zones->at[move.from].zone) == 0) {
        say_blocked(view, zones->at[move.from].tasks);
    } else if (view->start_max > 0) {
        service_say(step, view->service, event_zone_full(&speaker, zones->at[move.to].zone));
        reconcile_wait_for_room(step, view->service);
    }
    if (ids.n > 0 || !view->service->rec->is_rebalancing)
        put(step, view->service, true, ids);
}

// ---- fewer where there are most

static uint64_t zone_key(struct str zone)
{
    return zone.len > 0 ? hash_bytes(zone.ptr, zone.len) : 0;
}

static struct victim_task victim_of(const struct rebalance_view *view,
                                    const struct rebalance_task *of, bool is_extra)
{
    return (struct victim_task){
        .state = VICTIM_HEALTHY,
        .is_protected = is_extra || of->state.is_protected,
        .instance_id = (uint64_t)of->task->rec->instance_id,
        .zone = zone_key(zone_of(view->step, of->task)),
        .created_at = of->task->rec->created_at,
    };
}

// Extra tasks count for their zones and are not chosen.
static struct task_batch choose(const struct rebalance_view *view)
{
    struct step *step = view->step;
    size_t n = view->n + view->extras_n;
    struct victim_task *victims = arena_array(step->arena, struct victim_task, n);
    struct task_batch batch = task_batch_new(step, view->extras_n);
    struct victims_wanted wanted = {.n = view->extras_n, .healthy_max = view->extras_n};
    struct victims chosen;

    for (size_t i = 0; i < view->n; i++)
        victims[i] = victim_of(view, &view->tasks[i], false);
    for (size_t i = 0; i < view->extras_n; i++)
        victims[view->n + i] = victim_of(view, &view->extras[i], true);
    chosen = victims_choose(victims, n, NULL, 0, wanted, step->rng, step->arena);
    for (size_t i = 0; i < chosen.n; i++)
        task_batch_add(&batch, view->tasks[chosen.at[i]].task);
    return batch;
}

static void say_stopped(const struct rebalance_view *view, const struct task_batch *batch,
                        struct str zone)
{
    static const struct service_action tasks_stopped = {.name = REC_SERVICE_ACTION_TASKS_STOPPED};
    struct step *step = view->step;
    struct str_list uids = {.at = arena_array(step->arena, struct str, batch->n)};
    struct speaker speaker = service_speaker(step, view->service);

    for (size_t i = 0; i < batch->n; i++) {
        if (str_eq(zone_of(step, batch->at[i]), zone))
            uids.at[uids.n++] = batch->at[i]->uid;
    }
    if (uids.n > 0)
        service_act(step, view->service, event_zone_stopped(&speaker, zone, &uids), &tasks_stopped);
}

static void complete(const struct rebalance_view *view)
{
    struct step *step = view->step;
    struct task_batch batch = choose(view);
    struct zones zones = count_tasks(view);

    for (size_t i = 0; i < batch.n; i++) {
        const struct deployment *deployment =
            deployment_get(step->state, (uint64_t)batch.at[i]->rec->deployment_id);

        task_stop(step, batch.at[i], ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED,
                  stop_reason_rebalancing(step->arena, deployment_name(deployment, step->arena)));
    }
    for (size_t i = 0; i < zones.n; i++)
        say_stopped(view, &batch, zones.at[i].zone);
    if (batch.n < view->extras_n)
        say_blocked(view, (int64_t)(view->extras_n - batch.n));
    put(step, view->service, true, (struct long_list){0});
}

static bool are_healthy(const struct rebalance_view *view)
{
    for (size_t i = 0; i < view->extras_n; i++) {
        if (!view->extras[i].state.healthy)
            return false;
    }
    return true;
}

bool rebalance_run(const struct rebalance_view *view)
{
    struct zones zones;

    if (view->extras_n > 0) {
        if (are_healthy(view))
            complete(view);
        return false;
    }
    zones = zones_of(view, NULL);
    if (zones_are_balanced(zones.at, zones.n))
        return finish(view, &zones);
    if (view->room > 0) {
        SERVICE_MOULD_AUTO struct service_mould *mould =
            service_mould_open(view->step, view->service, service_primary(view->service));

        zones = zones_of(view, mould);
        if (!zones_are_balanced(zones.at, zones.n)) {
            begin(view, mould, &zones);
            return false;
        }
    }
    reconcile_wait_for_room(view->step, view->service); // an instance may come that takes a task
    return finish(view, &zones);
}
